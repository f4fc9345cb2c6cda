//! A server session and its owner, by script: what the client sends, what the owner answers, whether it was asked or not,
//! and when.

use std::time::Duration;

use weir_amf::{Object, Value};
use weir_media::{Bytes, Time};
use weir_rtmp::chunk::{Csid, render};
use weir_rtmp::message::{Command, Control, Message, UserControl, kind};
use weir_rtmp::{Event, Refusal, ServerConfig, ServerSession};

use crate::bytes::{EARLY, Script};

/// What one session may hold: unfinished messages, media that came early, and answers that wait with one more batch.
const HELD_MAX: usize = (16 << 20) + (4 << 20);
/// Steps of a script, so that one that says little with many bytes ends.
const STEPS: usize = 2_000;
const REFUSALS: [Refusal; 6] = [
    Refusal::InvalidApp,
    Refusal::Rejected,
    Refusal::StreamNotFound,
    Refusal::PlayFailed,
    Refusal::PublishDenied,
    Refusal::BadName,
];
const NAMES: [&str; 12] = [
    "createStream",
    "play",
    "publish",
    "deleteStream",
    "closeStream",
    "pause",
    "receiveAudio",
    "receiveVideo",
    "releaseStream",
    "FCPublish",
    "FCUnpublish",
    "seek",
];

struct Owner<'a> {
    session: ServerSession,
    script: Script<'a>,
    now: Time,
    chunk: u32,
    /// An error is final.
    is_over: bool,
}

/// Runs a script.
pub fn server(data: &[u8]) {
    let session = ServerSession::new(ServerConfig::default(), [9; 32], EARLY);
    let mut owner = Owner { session, script: Script::new(data), now: EARLY, chunk: 128, is_over: false };
    if owner.script.bit() {
        owner.send(&[&[3][..], &[0; 3072]].concat());
    }
    for _ in 0..STEPS {
        if owner.script.is_over() {
            break;
        }
        owner.step();
        owner.check();
    }
    owner.session.close();
    owner.check();
}

impl Owner<'_> {
    fn step(&mut self) {
        match self.script.byte() % 16 {
            0 => {
                let piece = self.script.piece(255);
                self.send(piece);
            }
            1 => self.connect(),
            2..=4 => self.command(),
            5 => self.media(),
            6 => self.control(),
            7 => self.wait(),
            8 => {
                let result = self.session.accept_connect(self.now);
                self.take(result.is_err());
            }
            9 => self.session.reject_connect(self.script.pick(&REFUSALS), "no"),
            10 => self.session.accept_play(u32::from(self.script.byte() % 4)),
            11 => {
                let result = self.session.accept_publish(u32::from(self.script.byte() % 4), self.now);
                self.take(result.is_err());
            }
            12 => self.refuse(),
            13 => self.answer_all(),
            14 if self.script.byte() == 255 => self.session.close(),
            _ => drop(self.session.poll_transmit()),
        }
    }

    fn send(&mut self, bytes: &[u8]) {
        let result = self.session.handle_input(bytes, self.now);
        self.take(result.is_err());
    }

    fn take(&mut self, failed: bool) {
        self.is_over |= failed;
    }

    fn say(&mut self, message: &Message) {
        let chunks = render(message, Csid::COMMAND, self.chunk);
        // At times all but the last byte, so that the next comes in the middle.
        let cut = if self.script.byte() == 255 { chunks.len() - 1 } else { chunks.len() };
        self.send(&chunks[..cut]);
    }

    fn connect(&mut self) {
        let app = self.script.pick(&["live", "", "a/b", "live?x=1"]);
        let mut object = Object::new().with("app", app).with("tcUrl", "rtmp://h/live");
        if self.script.bit() {
            object.set("capsEx", 15.0);
        }
        self.say(&Command::new("connect", 1.0, vec![object.into()]).message(0));
    }

    fn command(&mut self) {
        let name = self.script.pick(&NAMES);
        let msid = u32::from(self.script.byte() % 4);
        let name_of = self.script.pick(&["key", "key?t=1", "", "other"]);
        let number = f64::from(self.script.byte()) - 3.0;
        let args = match name {
            "play" | "publish" | "releaseStream" | "FCPublish" | "FCUnpublish" => vec![name_of.into(), "live".into()],
            "pause" | "receiveAudio" | "receiveVideo" => vec![self.script.bit().into(), number.into()],
            _ => vec![number.into()],
        };
        self.say(&Command::new(name, number, [&[Value::Null][..], &args].concat()).message(msid));
    }

    fn media(&mut self) {
        let kind = self.script.pick(&[kind::VIDEO, kind::AUDIO, kind::DATA_AMF0, kind::AGGREGATE, kind::DATA_AMF3]);
        let (msid, timestamp) = (u32::from(self.script.byte() % 4), self.script.u32());
        let body = Bytes::copy_from_slice(self.script.piece(255));
        self.say(&Message { kind, timestamp, msid, body });
    }

    fn control(&mut self) {
        let number = self.script.u32();
        let control = match self.script.byte() % 6 {
            0 => Control::SetChunkSize((number & 0xffff).max(1)),
            1 => Control::Abort(number & 0xff),
            2 => Control::Ack(number),
            3 => Control::WindowAckSize(number),
            4 => Control::User(UserControl::PingRequest(number)),
            _ => Control::User(UserControl::SetBufferLength { msid: 1, millis: number }),
        };
        self.say(&control.message());
        if let Control::SetChunkSize(size) = control {
            self.chunk = size;
        }
    }

    /// Time passes, and deadlines that came are acted on.
    fn wait(&mut self) {
        self.now += Duration::from_millis(u64::from(self.script.byte()) * 40);
        let result = self.session.handle_timeout(self.now);
        self.take(result.is_err());
        if result.is_ok() {
            assert!(self.session.poll_timeout().is_none_or(|at| at > self.now), "a deadline that came is acted on");
        }
    }

    fn refuse(&mut self) {
        let (msid, refusal) = (u32::from(self.script.byte() % 4), self.script.pick(&REFUSALS));
        match self.script.byte() % 4 {
            0 => self.session.reject_play(msid, refusal, "no", self.now),
            1 => self.session.reject_publish(msid, refusal, "no", self.now),
            2 => self.session.end_publish(msid, refusal, "over", self.now),
            _ => self.session.end_stream(msid, self.now),
        }
    }

    /// What an owner does that lets everybody in.
    fn answer_all(&mut self) {
        while let Some(event) = self.session.poll_event() {
            let result = match event {
                Event::Connect(_) => self.session.accept_connect(self.now),
                Event::Publish(publish) => self.session.accept_publish(publish.msid, self.now),
                Event::Play(play) => {
                    self.session.accept_play(play.msid);
                    Ok(())
                }
                _ => Ok(()),
            };
            self.take(result.is_err());
        }
    }

    fn check(&mut self) {
        assert!(self.session.held() <= HELD_MAX, "{} bytes are held", self.session.held());
        if self.is_over {
            assert_eq!(self.session.phase(), weir_rtmp::Phase::Closed, "an error is final");
            assert_eq!(self.session.poll_timeout(), None);
        }
    }
}
