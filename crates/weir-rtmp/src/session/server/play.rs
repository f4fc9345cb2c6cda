//! The owner's answers about streams, and how a stream ends.

use weir_amf::{Value, Writer};
use weir_media::Time;

use super::ServerSession;
use super::streams::Use;
use crate::chunk::Csid;
use crate::error::Error;
use crate::message::{Command, Control, Message, UserControl, kind};
use crate::session::config::ServerConfig;
use crate::session::event::Refusal;
use crate::session::status::StatusCode;

impl ServerSession {
    /// Lets the client play on `msid`; answers [`Event::Play`](crate::Event::Play). Media may follow what
    /// [`ServerSession::poll_transmit`] then gives. Nothing happens when the client no longer asks.
    pub fn accept_play(&mut self, msid: u32) {
        let Some(stream) = self.streams.get(msid) else { return };
        let Use::PlayAsked { reset } = stream.usage else { return };
        stream.usage = Use::Playing;
        let name = Some(stream.name.as_str());
        let out = &mut self.link.out;
        out.control(Control::User(UserControl::StreamBegin(msid)));
        if reset {
            out.stream_command(msid, &StatusCode::PlayReset.on_status("Playing and resetting.", name));
        }
        out.stream_command(msid, &StatusCode::PlayStart.on_status("Started playing.", name));
        let body = Writer::new().string("|RtmpSampleAccess").boolean(true).boolean(true).finish();
        out.message(Csid::STREAM, &Message { kind: kind::DATA_AMF0, timestamp: 0, msid, body });
    }

    /// Refuses to let the client play on `msid`; answers [`Event::Play`](crate::Event::Play). Nothing happens when the
    /// client no longer asks.
    pub fn reject_play(&mut self, msid: u32, refusal: Refusal, description: &str, now: Time) {
        self.reject(msid, |usage| matches!(usage, Use::PlayAsked { .. }), refusal, description, now);
    }

    /// Lets the client publish on `msid`; answers [`Event::Publish`](crate::Event::Publish). [`Event::Media`] follows.
    /// Nothing happens when the client no longer asks.
    ///
    /// # Errors
    /// The client broke the protocol in what it sent meanwhile.
    ///
    /// [`Event::Media`]: crate::Event::Media
    pub fn accept_publish(&mut self, msid: u32, now: Time) -> Result<(), Error> {
        let Some(stream) = self.streams.get(msid).filter(|s| s.usage == Use::PublishAsked) else { return Ok(()) };
        stream.usage = Use::Publishing;
        self.link.widen(self.config.publish_limits, ServerConfig::PUBLISHER_MESSAGES);
        let out = &mut self.link.out;
        out.control(Control::User(UserControl::StreamBegin(msid)));
        // Encoders made for FMLE wait for the first, all others for the second.
        let info = StatusCode::PublishStart.info(&stream.name);
        out.command(&Command::new("onFCPublish", 0.0, vec![Value::Null, info.into()]));
        out.stream_command(msid, &StatusCode::PublishStart.on_status("Started publishing.", Some(&stream.name)));
        let early = std::mem::take(&mut self.early);
        let result = early.into_iter().try_for_each(|message| self.media(message));
        self.conclude(result, now)
    }

    /// Ends what the client publishes on `msid`, with the reason it is told. It may ask again. Nothing happens when it
    /// does not publish there.
    pub fn end_publish(&mut self, msid: u32, refusal: Refusal, description: &str, now: Time) {
        self.reject(msid, |usage| usage == Use::Publishing, refusal, description, now);
    }

    /// Refuses to let the client publish on `msid`; answers [`Event::Publish`](crate::Event::Publish). Nothing happens
    /// when the client no longer asks.
    pub fn reject_publish(&mut self, msid: u32, refusal: Refusal, description: &str, now: Time) {
        self.reject(msid, |usage| usage == Use::PublishAsked, refusal, description, now);
    }

    fn reject(&mut self, msid: u32, asked: fn(Use) -> bool, refusal: Refusal, description: &str, now: Time) {
        let Some(stream) = self.streams.get(msid) else { return };
        if asked(stream.usage) {
            stream.usage = Use::Idle;
            self.early.clear();
            let status = refusal.code().on_status(description, Some(&stream.name));
            self.link.out.stream_command(msid, &status);
            self.rearm(now);
        }
    }

    /// Tells the player on `msid` that its stream is over for good: players of every kind end on it. Send no media on
    /// `msid` after that. Nothing happens when `msid` does not play.
    pub fn end_stream(&mut self, msid: u32, now: Time) {
        self.end(msid);
        self.rearm(now);
    }

    pub(super) fn end(&mut self, msid: u32) {
        let Some(stream) = self.streams.get(msid) else { return };
        if stream.usage != Use::Playing {
            return;
        }
        stream.usage = Use::Idle;
        let name = Some(stream.name.as_str());
        let out = &mut self.link.out;
        // FFmpeg and librtmp end on either status, GStreamer on the event.
        out.stream_command(msid, &StatusCode::PlayUnpublishNotify.on_status("Stream is over.", name));
        out.stream_command(msid, &StatusCode::PlayStop.on_status("Stopped playing.", name));
        out.control(Control::User(UserControl::StreamEof(msid)));
    }
}
