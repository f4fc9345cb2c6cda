//! A client session, by script: what the server sends, what it answers to whom, and when.

use std::time::Duration;

use weir_amf::{Object, Value};
use weir_media::{Bytes, Time};
use weir_rtmp::chunk::{Csid, render};
use weir_rtmp::message::{Command, Control, Message, UserControl, kind};
use weir_rtmp::{ClientConfig, ClientEvent, ClientSession, Login, Phase, Redacted, RtmpUrl};

use crate::bytes::{EARLY, Script};

/// What one session may hold: unfinished messages, and answers that wait with one more batch.
const HELD_MAX: usize = (16 << 20) + (1 << 20);
/// Steps of a script.
const STEPS: usize = 2_000;
/// S0, S1 and S2.
const HELLO: usize = 3073;
const CODES: [&str; 10] = [
    "NetConnection.Connect.Success",
    "NetConnection.Connect.Rejected",
    "NetConnection.Connect.ReconnectRequest",
    "NetStream.Publish.Start",
    "NetStream.Publish.BadName",
    "NetStream.Play.Start",
    "NetStream.Play.Reset",
    "NetStream.Play.StreamNotFound",
    "NetStream.Play.UnpublishNotify",
    "",
];

struct Server<'a> {
    session: ClientSession,
    script: Script<'a>,
    now: Time,
    chunk: u32,
    is_over: bool,
}

/// Runs a script.
pub fn client(data: &[u8]) {
    let mut script = Script::new(data);
    let url = RtmpUrl::parse("rtmp://user:pass@h/live/key?t=1").expect("a URL");
    let config = if script.bit() { ClientConfig::publish(&url) } else { ClientConfig::play(&url) };
    let session = ClientSession::new(config, &[9; 32], EARLY);
    let mut server = Server { session, script, now: EARLY, chunk: 128, is_over: false };
    if server.script.bit() {
        let mut hello = vec![0; HELLO];
        hello[0] = 3;
        server.send(&hello);
    }
    for _ in 0..STEPS {
        if server.script.is_over() {
            break;
        }
        server.step();
        server.check();
    }
    server.session.close();
    server.check();
}

impl Server<'_> {
    fn step(&mut self) {
        match self.script.byte() % 12 {
            0 => {
                let piece = self.script.piece(255);
                self.send(piece);
            }
            1..=3 => self.result(),
            4 | 5 => self.status(),
            6 => self.media(),
            7 => self.control(),
            8 => self.wait(),
            9 => self.log_in(),
            10 if self.script.byte() == 255 => self.session.close(),
            _ => self.drain(),
        }
    }

    fn send(&mut self, bytes: &[u8]) {
        self.is_over |= self.session.handle_input(bytes, self.now).is_err();
    }

    fn say(&mut self, message: &Message) {
        let chunks = render(message, Csid::COMMAND, self.chunk);
        let cut = if self.script.byte() == 255 { chunks.len() - 1 } else { chunks.len() };
        self.send(&chunks[..cut]);
    }

    fn info(&mut self) -> Value {
        let level = self.script.pick(&["status", "error", ""]);
        let description = self.script.pick(&[
            "",
            "[ AccessManager.Reject ] : [ code=403 need auth; authmod=adobe ] :",
            "[ AccessManager.Reject ] : [ authmod=llnw ] : ?reason=needauth&user=user&nonce=x",
            "no",
        ]);
        Object::new()
            .with("level", level)
            .with("code", self.script.pick(&CODES))
            .with("description", description)
            .into()
    }

    fn result(&mut self) {
        let name = self.script.pick(&["_result", "_error", "_result"]);
        let txn = f64::from(self.script.byte() % 8);
        let msid = f64::from(self.script.byte()) - 2.0;
        let value = if self.script.bit() { msid.into() } else { self.info() };
        self.say(&Command::new(name, txn, vec![Value::Null, value]).message(0));
    }

    fn status(&mut self) {
        let name = self.script.pick(&["onStatus", "onFCPublish", "onBWDone", "close", "_checkbw"]);
        let msid = u32::from(self.script.byte() % 4);
        let info = self.info();
        self.say(&Command::new(name, 0.0, vec![Value::Null, info]).message(msid));
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
            2 => Control::WindowAckSize(number),
            3 => Control::User(UserControl::StreamEof(number & 3)),
            4 => Control::User(UserControl::PingRequest(number)),
            _ => Control::User(UserControl::StreamBegin(number & 3)),
        };
        self.say(&control.message());
        if let Control::SetChunkSize(size) = control {
            self.chunk = size;
        }
    }

    fn wait(&mut self) {
        self.now += Duration::from_millis(u64::from(self.script.byte()) * 40);
        let result = self.session.handle_timeout(self.now);
        self.is_over |= result.is_err();
        if result.is_ok() {
            assert!(self.session.poll_timeout().is_none_or(|at| at > self.now), "a deadline that came is acted on");
        }
    }

    /// What a server says about logins is answered, whatever it is.
    fn log_in(&mut self) {
        let login = Login { user: Redacted::secret("user"), password: Redacted::secret("pass") };
        let text = String::from_utf8_lossy(self.script.piece(255)).into_owned();
        if Login::is_wanted(&text) {
            let _ = login.next_step(&text, "live", [1; 4]);
        }
    }

    fn drain(&mut self) {
        let transmitted = self.session.poll_transmit().map_or(0, |bytes| bytes.len());
        assert!(transmitted <= HELD_MAX);
        while let Some(event) = self.session.poll_event() {
            if let ClientEvent::Media(message) = event {
                assert!(matches!(message.kind, kind::AUDIO | kind::VIDEO | kind::DATA_AMF0));
            }
        }
    }

    fn check(&mut self) {
        assert!(self.session.held() <= HELD_MAX, "{} bytes are held", self.session.held());
        if self.is_over {
            assert_eq!(self.session.phase(), Phase::Closed, "an error is final");
            assert_eq!(self.session.poll_timeout(), None);
        }
    }
}
