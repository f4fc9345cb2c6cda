//! What a client can ask for, and the answers that need no owner.

use weir_amf::Value;

use super::streams::Use;
use super::{ServerSession, State};
use crate::error::ErrorKind;
use crate::message::Command;
use crate::session::config::ServerConfig;
use crate::session::enhanced;
use crate::session::event::{ConnectRequest, Event, PlayRequest, PublishRequest};
use crate::session::status::StatusCode;
use crate::session::timers::Timer;
use crate::{Redacted, StreamPath};

/// Where live players start when they do not say: live, or else recorded.
const START_LIVE: f64 = -2.0;

impl ServerSession {
    pub(super) fn command(&mut self, msid: u32, command: Command) -> Result<(), ErrorKind> {
        match self.state {
            State::Fresh if command.name == "connect" => self.connect(&command),
            State::Asked { .. } => return self.hold(msid, command),
            State::Connected => self.dispatch(msid, &command),
            // No client that works sends anything before connect; the deadline ends the others.
            _ => {}
        }
        Ok(())
    }

    fn hold(&mut self, msid: u32, command: Command) -> Result<(), ErrorKind> {
        if self.held.len() >= ServerConfig::HELD_MAX {
            return Err(ErrorKind::Flood);
        }
        self.held.push_back((msid, command));
        Ok(())
    }

    fn connect(&mut self, command: &Command) {
        let object = command.object();
        let text = |key| object.get(key).and_then(Value::as_str).unwrap_or_default().into_owned();
        (self.app, self.tc_url) = (text("app"), text("tcUrl"));
        self.enhanced = enhanced::is_announced(&object);
        self.reconnects = enhanced::reconnects(&object);
        self.state = State::Asked { txn: command.txn };
        self.timers.clear(Timer::Phase);
        self.events.push_back(Event::Connect(ConnectRequest {
            app: Redacted::address(&self.app),
            tc_url: Redacted::address(&self.tc_url),
            flash_version: text("flashVer"),
            enhanced: self.enhanced,
        }));
    }

    fn dispatch(&mut self, msid: u32, command: &Command) {
        match command.name.as_str() {
            "createStream" => self.create_stream(command),
            "play" => self.play(msid, command),
            "publish" => self.publish(msid, command),
            "closeStream" => self.stop(msid, false),
            "deleteStream" => self.delete_stream(msid, command),
            "pause" | "pauseRaw" => self.pause(msid, command),
            "seek" => self.seek(msid),
            "receiveAudio" => self.receive(msid, command, |msid, on| Event::ReceiveAudio { msid, on }),
            "receiveVideo" => self.receive(msid, command, |msid, on| Event::ReceiveVideo { msid, on }),
            "getStreamLength" => self.link.out.command(&Command::result(command.txn, Value::Null, 0.0)),
            "FCSubscribe" => self.fc_subscribe(command),
            "FCUnpublish" => self.fc_unpublish(command),
            "connect" => self.link.out.command(&StatusCode::CallFailed.error(command.txn, "Already connected.")),
            // Answers to calls we did not make.
            "_result" | "_error" | "onStatus" => {}
            // releaseStream, FCPublish, _checkbw, and whatever else: any answer will do, none makes some clients wait.
            _ => self.reply_null(command.txn),
        }
    }

    fn create_stream(&mut self, command: &Command) {
        let answer = match self.streams.create() {
            Some(msid) => Command::result(command.txn, Value::Null, msid),
            None => StatusCode::CallFailed.error(command.txn, "Too many streams."),
        };
        self.link.out.command(&answer);
    }

    /// Finds the stream a request is about and ends what it did before.
    fn claim(&mut self, msid: u32, name: &str) -> Result<(u32, StreamPath), u32> {
        let msid = self.streams.meant(msid).map(|stream| stream.msid).ok_or(msid)?;
        self.stop(msid, false);
        let path = StreamPath::resolve(&self.app, &self.tc_url, name).map_err(|_| msid)?;
        if let Some(stream) = self.streams.get(msid) {
            name.clone_into(&mut stream.name);
        }
        Ok((msid, path))
    }

    fn play(&mut self, msid: u32, command: &Command) {
        let (msid, path) = match self.claim(msid, &command.text(0)) {
            Ok(found) => found,
            Err(msid) => return self.refuse(msid, StatusCode::PlayStreamNotFound),
        };
        let reset = match command.arg(3) {
            Value::Bool(on) => *on,
            Value::Number(n) => *n != 0.0,
            _ => true,
        };
        let start = command.arg(1).as_f64().unwrap_or(START_LIVE);
        self.set_use(msid, Use::PlayAsked { reset });
        self.events.push_back(Event::Play(PlayRequest { msid, path, start, reset }));
    }

    fn publish(&mut self, msid: u32, command: &Command) {
        let (msid, path) = match self.claim(msid, &command.text(0)) {
            Ok(found) => found,
            Err(msid) => return self.refuse(msid, StatusCode::PublishBadName),
        };
        let mode = match command.text(1) {
            mode if mode.is_empty() => "live".to_owned(),
            mode => mode,
        };
        self.set_use(msid, Use::PublishAsked);
        self.events.push_back(Event::Publish(PublishRequest { msid, path, mode }));
    }

    fn set_use(&mut self, msid: u32, usage: Use) {
        if let Some(stream) = self.streams.get(msid) {
            stream.usage = usage;
        }
    }

    fn refuse(&mut self, msid: u32, code: StatusCode) {
        self.link.out.stream_command(msid, &code.on_status("No such stream.", None));
    }

    /// Ends what `msid` does, if anything, and forgets the stream when `delete`.
    fn stop(&mut self, msid: u32, delete: bool) {
        let Some(stream) = self.streams.meant(msid) else { return };
        let msid = stream.msid;
        let was = std::mem::replace(&mut stream.usage, Use::Idle);
        if was == Use::Publishing {
            let status = StatusCode::UnpublishSuccess.on_status("Stopped publishing.", Some(&stream.name));
            self.link.out.stream_command(msid, &status);
        }
        if was != Use::Idle {
            self.events.push_back(Event::Stopped { msid });
        }
        if delete {
            self.streams.delete(msid);
        }
    }

    /// GStreamer sends the stream's name where its number belongs.
    fn delete_stream(&mut self, msid: u32, command: &Command) {
        match command.arg(0).as_u32() {
            Some(msid) if self.streams.get(msid).is_none() => {}
            Some(msid) => self.stop(msid, true),
            None => self.stop(msid, true),
        }
        self.reply_null(command.txn);
    }

    fn playing(&mut self, msid: u32) -> Option<u32> {
        self.streams.meant(msid).filter(|stream| stream.usage == Use::Playing).map(|stream| stream.msid)
    }

    fn pause(&mut self, msid: u32, command: &Command) {
        let Some(msid) = self.playing(msid) else { return };
        let on = command.arg(0).as_bool().unwrap_or(true);
        let (code, text) =
            if on { (StatusCode::PauseNotify, "Paused.") } else { (StatusCode::UnpauseNotify, "Resumed.") };
        self.link.out.stream_command(msid, &code.on_status(text, None));
        self.events.push_back(Event::Pause { msid, on });
    }

    fn seek(&mut self, msid: u32) {
        let Some(msid) = self.playing(msid) else { return };
        self.link.out.stream_command(msid, &StatusCode::SeekFailed.on_status("The stream is live.", None));
    }

    fn receive(&mut self, msid: u32, command: &Command, event: fn(u32, bool) -> Event) {
        let Some(msid) = self.playing(msid) else { return };
        let on = command.arg(0).as_bool().unwrap_or(true);
        self.events.push_back(event(msid, on));
    }

    /// librtmp waits for this answer in its subscribe mode.
    fn fc_subscribe(&mut self, command: &Command) {
        let mut info = StatusCode::PlayStart.info(&command.text(0));
        info.set("details", command.text(0));
        self.link.out.command(&Command::new("onFCSubscribe", 0.0, vec![Value::Null, info.into()]));
    }

    /// Ends the stream of that name. Some send it with nothing else.
    fn fc_unpublish(&mut self, command: &Command) {
        let name = command.text(0);
        for msid in self.streams.published_as(&name) {
            self.stop(msid, false);
        }
        self.reply_null(command.txn);
    }
}
