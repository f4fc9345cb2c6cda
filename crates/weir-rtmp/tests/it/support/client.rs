//! A client made of bytes: for what the crate's own client would never send.

use weir_amf::Value;
use weir_media::Time;
use weir_rtmp::chunk::{ChunkReader, Csid, Limits, render};
use weir_rtmp::message::{Command, Control, Message, kind};
use weir_rtmp::{Error, Event, ServerConfig, ServerSession};

use super::hex;

pub(crate) fn connect_body() -> Vec<u8> {
    hex("02 0007 636f6e6e656374 00 3ff0000000000000 03 0003 617070 02 0004 6c697665 0005 746355726c \
         02 000d 72746d703a2f2f682f6c697665 0000 09")
}

/// The minimal `connect` of check 11.
pub(crate) fn connect_chunks() -> Vec<u8> {
    [hex("03 000000 00003a 14 00000000"), connect_body()].concat()
}

/// A server session, and what it said in chunks.
pub(crate) struct Peer {
    pub(crate) session: ServerSession,
    pub(crate) now: Time,
    reader: ChunkReader,
}

impl Peer {
    /// A session that has done its handshake.
    pub(crate) fn shaken() -> Self {
        Self::shaken_with(ServerConfig::default())
    }

    fn shaken_with(config: ServerConfig) -> Self {
        let mut peer = Self {
            session: ServerSession::new(config, [3; 32], Time::ZERO),
            now: Time::ZERO,
            reader: ChunkReader::new(Limits::DEFAULT),
        };
        peer.send(&[&[3][..], &[0; 3072]].concat()).expect("a handshake");
        assert_eq!(peer.session.poll_transmit().expect("an answer").len(), 3073);
        peer
    }

    /// A session whose client is let in, and whose answers to `connect` are read.
    pub(crate) fn connected() -> Self {
        Self::with(ServerConfig::default())
    }

    /// As [`Peer::connected`], with settings.
    pub(crate) fn with(config: ServerConfig) -> Self {
        let mut peer = Self::shaken_with(config);
        peer.send(&connect_chunks()).expect("a connect");
        assert!(matches!(peer.session.poll_event(), Some(Event::Connect(_))));
        peer.session.accept_connect(peer.now).expect("no input");
        assert_eq!(peer.heard().len(), 4);
        peer
    }

    /// A session that plays on message stream 1.
    pub(crate) fn playing() -> Self {
        let mut peer = Self::connected();
        peer.command(0, "createStream", 2.0, &[]).expect("a command");
        peer.command(1, "play", 0.0, &["key1".into()]).expect("a command");
        assert!(matches!(peer.session.poll_event(), Some(Event::Play(_))));
        peer.session.accept_play(1);
        peer.heard();
        peer
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.session.handle_input(bytes, self.now)
    }

    pub(crate) fn command(&mut self, msid: u32, name: &str, txn: f64, args: &[Value]) -> Result<(), Error> {
        let values = [&[Value::Null], args].concat();
        let message = Command::new(name, txn, values).message(msid);
        self.send(&render(&message, Csid::COMMAND, 128))
    }

    /// Messages the server sent since the last call.
    pub(crate) fn heard(&mut self) -> Vec<Message> {
        let mut out = Vec::new();
        while let Some(bytes) = self.session.poll_transmit() {
            let mut input = &bytes[..];
            while let Some(message) = self.reader.read(&mut input).expect("the server writes sound chunks") {
                out.push(message);
            }
        }
        out
    }

    /// What the server said since the last call, in words: a command with its code or first values, a control message,
    /// with the message stream in front.
    pub(crate) fn said(&mut self) -> Vec<String> {
        self.heard().iter().map(say).collect()
    }
}

fn say(message: &Message) -> String {
    let msid = message.msid;
    match message.kind {
        kind::COMMAND_AMF0 => {
            let command = Command::parse(&message.body).expect("the server writes sound commands");
            let info = command.arg(0);
            let value = info.get("code").unwrap_or(info);
            let value = value.as_str().map_or_else(|| format!("{value:?}"), |text| text.into_owned());
            format!("{msid} {} {} {value}", command.name, command.txn)
        }
        kind::DATA_AMF0 => format!("{msid} data {}", String::from_utf8_lossy(&message.body[3..]).trim_end()),
        _ => match Control::parse(message).expect("the server writes sound control messages") {
            Some(control) => format!("{msid} {control:?}"),
            None => format!("{msid} {message:?}"),
        },
    }
}
