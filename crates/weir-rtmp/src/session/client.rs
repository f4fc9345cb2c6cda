//! [`ClientSession`]: the client's side of one connection, to play one stream.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use weir_amf::{Object, Value, skip_format_byte};
use weir_media::{Bytes, Time};

use super::config::ServerConfig;
use super::link::{Incoming, Link};
use super::timers::{Timer, Timers};
use crate::chunk::Limits;
use crate::error::{Error, ErrorKind, Phase};
use crate::handshake::{self, Seed};
use crate::message::{Command, Control, Message, UserControl, kind, split_aggregate};
use crate::{Redacted, RtmpUrl};

const CONNECT_TXN: f64 = 1.0;
const CREATE_STREAM_TXN: f64 = 2.0;
/// Start of a live stream, or else of a recording, as FFmpeg writes it.
const START_LIVE: f64 = -2000.0;
/// Messages per second a server may send, and at once: a whole cached group of pictures comes in one burst.
const MESSAGES: (u32, u32) = (50_000, 200_000);

/// What to play, and how long to wait for it.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// App for `connect`.
    pub app: Redacted,
    /// URL for `connect`.
    pub tc_url: Redacted,
    /// Stream name for `play`, with its query; may be empty.
    pub name: Redacted,
    /// From the connection's start to the end of the handshake.
    pub handshake_deadline: Duration,
    /// From there to the server's answer to `connect`.
    pub connect_deadline: Duration,
    /// From there to the start of the stream.
    pub play_deadline: Duration,
    /// What the server is told to buffer, in milliseconds.
    pub buffer: u32,
    /// What the server may make us hold.
    pub limits: Limits,
}

impl ClientConfig {
    /// Settings to play `url`.
    #[must_use]
    pub fn play(url: &RtmpUrl) -> Self {
        Self {
            app: url.app.clone(),
            tc_url: url.tc_url(),
            name: url.name.clone(),
            handshake_deadline: ServerConfig::HANDSHAKE_DEADLINE,
            connect_deadline: ServerConfig::CONNECT_DEADLINE,
            play_deadline: ServerConfig::SETUP_DEADLINE,
            buffer: 3000,
            limits: Limits::DEFAULT,
        }
    }
}

/// What happened on a client's connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ClientEvent {
    /// The server let us in.
    Connected,
    /// The stream starts.
    Playing,
    /// Audio, video or data (AMF0) of the stream, one by one even if they came as an aggregate.
    Media(Message),
    /// The server reported something, by its code.
    Status {
        /// Such as `NetStream.Play.StreamNotFound`.
        code: String,
        /// Whether it is the end of the attempt.
        is_error: bool,
    },
    /// The stream is over: close the connection.
    Ended,
}

#[derive(Debug)]
enum State {
    Handshake(handshake::Client),
    Connecting,
    Creating,
    Asked { msid: u32 },
    Playing { msid: u32 },
    Ended,
    Closed,
}

/// A connection that plays one stream. Used as [`ServerSession`](crate::ServerSession) is: feed it, then drain events
/// and bytes to send. An error is final.
pub struct ClientSession {
    config: ClientConfig,
    state: State,
    link: Link,
    events: VecDeque<ClientEvent>,
    timers: Timers,
}

impl ClientSession {
    /// A session on a connection made at `now`; it has bytes to send at once. `seed` fills the handshake; draw it at
    /// random.
    #[must_use]
    pub fn new(config: ClientConfig, seed: &Seed, now: Time) -> Self {
        let (handshake, first) = handshake::Client::start(seed, now);
        let mut link = Link::new(config.limits, 0, MESSAGES);
        link.out.raw(&first);
        let mut timers = Timers::default();
        timers.set(Timer::Phase, now + config.handshake_deadline);
        Self { config, state: State::Handshake(handshake), link, events: VecDeque::new(), timers }
    }

    /// How far the connection has come.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        match self.state {
            State::Handshake(_) => Phase::Handshake,
            State::Connecting => Phase::Connect,
            State::Creating | State::Asked { .. } => Phase::Setup,
            State::Playing { .. } => Phase::Live,
            State::Ended | State::Closed => Phase::Closed,
        }
    }

    /// Bytes received from the server so far.
    #[must_use]
    pub const fn received(&self) -> u64 {
        self.link.position()
    }

    /// Memory held for the server, in bytes: its unfinished messages and our answers not sent yet.
    #[must_use]
    pub fn held(&self) -> usize {
        self.link.held()
    }

    /// Takes bytes received. Any split gives the same result.
    ///
    /// # Errors
    /// The server broke the protocol or a limit, or refused us.
    pub fn handle_input(&mut self, bytes: &[u8], now: Time) -> Result<(), Error> {
        if matches!(self.state, State::Closed) {
            return Ok(());
        }
        let result = self.read(bytes, now);
        self.conclude(result)
    }

    /// Acts on deadlines that have come by `now`. Harmless when none has.
    ///
    /// # Errors
    /// The server let a deadline pass.
    pub fn handle_timeout(&mut self, now: Time) -> Result<(), Error> {
        let is_late = self.timers.expired(Timer::Phase, now);
        self.conclude(if is_late { Err(ErrorKind::Deadline) } else { Ok(()) })
    }

    /// Bytes to send next, if any.
    pub fn poll_transmit(&mut self) -> Option<Bytes> {
        self.link.out.take()
    }

    /// What happened since the last call.
    pub fn poll_event(&mut self) -> Option<ClientEvent> {
        self.events.pop_front()
    }

    /// When to call [`ClientSession::handle_timeout`], unless something happens before.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Time> {
        self.timers.next()
    }

    /// Takes leave of the server. Close the connection after sending what [`ClientSession::poll_transmit`] gives.
    pub fn close(&mut self) {
        if let State::Asked { msid } | State::Playing { msid } = self.state {
            let leave = Command::new("deleteStream", 0.0, vec![Value::Null, msid.into()]);
            self.link.out.command(&leave);
        }
        self.state = State::Closed;
        self.timers.clear(Timer::Phase);
    }

    fn conclude(&mut self, result: Result<(), ErrorKind>) -> Result<(), Error> {
        result.map_err(|kind| {
            let error = Error { kind, phase: self.phase(), at: self.link.position() };
            self.state = State::Closed;
            self.timers.clear(Timer::Phase);
            error
        })
    }

    fn read(&mut self, mut input: &[u8], now: Time) -> Result<(), ErrorKind> {
        if let State::Handshake(handshake) = &mut self.state {
            let before = input.len();
            let answer = handshake.handle_input(&mut input, now);
            self.link.skip(before - input.len());
            answer?.iter().for_each(|bytes| self.link.out.raw(bytes));
            if !handshake.is_done() {
                return Ok(());
            }
            self.connect(now);
        }
        while let Some(incoming) = self.link.read(&mut input, now)? {
            match incoming {
                Incoming::Command(_, command) => self.command(&command, now)?,
                Incoming::Media(message) => self.media(message)?,
                Incoming::User(UserControl::StreamEof(msid)) => self.end_of(msid),
                Incoming::User(_) => {}
            }
        }
        self.link.end_input()
    }

    fn connect(&mut self, now: Time) {
        let object = Object::new()
            .with("app", self.config.app.expose())
            .with("flashVer", "LNX 9,0,124,2")
            .with("tcUrl", self.config.tc_url.expose())
            .with("fpad", false)
            .with("capabilities", 15.0)
            .with("audioCodecs", 4071.0)
            .with("videoCodecs", 252.0)
            .with("videoFunction", 1.0);
        self.link.out.command(&Command::new("connect", CONNECT_TXN, vec![object.into()]));
        self.state = State::Connecting;
        self.timers.set(Timer::Phase, now + self.config.connect_deadline);
    }

    /// Answers count only while they are waited for; all else a server may say is left unanswered.
    fn command(&mut self, command: &Command, now: Time) -> Result<(), ErrorKind> {
        match (command.name.as_str(), &self.state) {
            ("_result", State::Connecting) if command.txn == CONNECT_TXN => {
                self.events.push_back(ClientEvent::Connected);
                self.link.out.command(&Command::new("createStream", CREATE_STREAM_TXN, vec![Value::Null]));
                self.state = State::Creating;
                self.timers.set(Timer::Phase, now + self.config.play_deadline);
            }
            ("_result", State::Creating) if command.txn == CREATE_STREAM_TXN => {
                self.play(command.arg(0).as_u32().ok_or(ErrorKind::Refused)?);
            }
            ("_error", State::Connecting | State::Creating) => {
                self.report(command);
                return Err(ErrorKind::Refused);
            }
            ("onStatus", _) => return self.status(command),
            ("close", _) => self.end(),
            _ => {}
        }
        Ok(())
    }

    fn play(&mut self, msid: u32) {
        let values = vec![Value::Null, self.config.name.expose().into(), START_LIVE.into()];
        self.link.out.stream_command(msid, &Command::new("play", 0.0, values));
        self.link.out.control(Control::User(UserControl::SetBufferLength { msid, millis: self.config.buffer }));
        self.state = State::Asked { msid };
    }

    /// Passes a status on; answers its code and whether it is an error.
    fn report(&mut self, command: &Command) -> (String, bool) {
        let text = |key| command.arg(0).get(key).and_then(Value::as_str).unwrap_or_default().into_owned();
        let (code, is_error) = (text("code"), text("level") == "error" || command.name == "_error");
        self.events.push_back(ClientEvent::Status { code: code.clone(), is_error });
        (code, is_error)
    }

    fn status(&mut self, command: &Command) -> Result<(), ErrorKind> {
        let (code, is_error) = self.report(command);
        if is_error {
            return Err(ErrorKind::Refused);
        }
        match code.as_str() {
            "NetStream.Play.Start" => self.started(),
            "NetStream.Play.Stop" | "NetStream.Play.Complete" | "NetStream.Play.UnpublishNotify" => self.end(),
            _ => {}
        }
        Ok(())
    }

    fn started(&mut self) {
        if let State::Asked { msid } = self.state {
            self.state = State::Playing { msid };
            self.timers.clear(Timer::Phase);
            self.events.push_back(ClientEvent::Playing);
        }
    }

    fn end_of(&mut self, stream: u32) {
        if matches!(self.state, State::Playing { msid } if msid == stream) {
            self.end();
        }
    }

    fn end(&mut self) {
        if !matches!(self.state, State::Ended) {
            self.state = State::Ended;
            self.timers.clear(Timer::Phase);
            self.events.push_back(ClientEvent::Ended);
        }
    }

    /// Some servers send media before the status that announces it, some on message stream 0.
    fn media(&mut self, message: Message) -> Result<(), ErrorKind> {
        let (State::Asked { msid } | State::Playing { msid }) = self.state else { return Ok(()) };
        if message.msid != msid && message.msid != 0 {
            return Ok(());
        }
        self.started();
        if message.kind != kind::AGGREGATE {
            self.pass(message);
            return Ok(());
        }
        split_aggregate(&message)?.into_iter().for_each(|item| self.pass(item));
        Ok(())
    }

    fn pass(&mut self, mut message: Message) {
        if message.kind == kind::DATA_AMF3 {
            message.kind = kind::DATA_AMF0;
            message.body = message.body.slice_ref(skip_format_byte(&message.body));
        }
        if matches!(message.kind, kind::AUDIO | kind::VIDEO | kind::DATA_AMF0) {
            self.events.push_back(ClientEvent::Media(message));
        }
    }
}

impl fmt::Debug for ClientSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let received = self.link.position();
        f.debug_struct("ClientSession")
            .field("phase", &self.phase())
            .field("received", &received)
            .finish_non_exhaustive()
    }
}
