//! [`ClientSession`]: the client's side of one connection, to play or to publish one stream. Never sees the media it
//! publishes: that goes out beside it.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use weir_amf::{Object, Value};
use weir_media::{Bytes, Time};

use super::config::ServerConfig;
use super::enhanced;
use super::link::{Incoming, Link};
use super::timers::{Timer, Timers};
use crate::chunk::Limits;
use crate::error::{Error, ErrorKind, Phase};
use crate::handshake::{self, Seed};
use crate::message::{Command, Control, Message, UserControl};
use crate::{Redacted, RtmpUrl};

const CONNECT_TXN: f64 = 1.0;
/// Of `createStream`, for players.
const PLAY_CREATE_TXN: f64 = 2.0;
/// Of what a publisher calls, as librtmp and FFmpeg number it.
const RELEASE_TXN: f64 = 2.0;
const FC_PUBLISH_TXN: f64 = 3.0;
const PUBLISH_CREATE_TXN: f64 = 4.0;
const PUBLISH_TXN: f64 = 5.0;
const FC_UNPUBLISH_TXN: f64 = 6.0;
const DELETE_TXN: f64 = 7.0;
const CHECK_BANDWIDTH_TXN: f64 = 8.0;
/// Start of a live stream, or else of a recording, as FFmpeg writes it.
const START_LIVE: f64 = -2000.0;
/// Messages per second a server may send, and at once: a whole cached group of pictures comes in one burst.
const MESSAGES: (u32, u32) = (50_000, 200_000);
/// Who is published to has little to say: what it may make us hold.
const PUBLISH_LIMITS: Limits =
    Limits { video: 64 << 10, other: 64 << 10, command: 64 << 10, partial: 64 << 10, chunk_streams: 16 };

/// What a client is there for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// To get a stream.
    Play,
    /// To give one, of this `publish` mode.
    Publish(PublishMode),
}

/// What a server is to do with a published stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names are the modes (RTMP 1.0 section 7.2.2.6)")]
pub enum PublishMode {
    Live,
    Record,
    Append,
}

impl PublishMode {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Record => "record",
            Self::Append => "append",
        }
    }
}

/// What to play or publish, and how long to wait for it.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// What for.
    pub purpose: Purpose,
    /// Name and version told to the server.
    pub flash_version: String,
    /// Further properties of `connect`, such as `pageUrl`, in order.
    pub properties: Vec<(String, String)>,
    /// Values behind the object of `connect`, for servers with checks of their own.
    pub arguments: Vec<Value>,
    /// Chunk size a publisher sends with, in bytes. Media rendered elsewhere must use the same.
    pub chunk_size: u32,
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
    /// Whether the server is told that Enhanced RTMP is known here, all of it. Some servers for publishers do not bear that.
    pub enhanced: bool,
    /// What the server is told to buffer, in milliseconds.
    pub buffer: u32,
    /// What the server may make us hold.
    pub limits: Limits,
}

impl ClientConfig {
    /// Publishers' chunk size: what OBS and nginx-rtmp use, so every server has seen it.
    pub const CHUNK_SIZE: u32 = 4096;

    /// Settings to play `url`.
    #[must_use]
    pub fn play(url: &RtmpUrl) -> Self {
        Self {
            purpose: Purpose::Play,
            flash_version: "LNX 9,0,124,2".to_owned(),
            properties: Vec::new(),
            arguments: Vec::new(),
            chunk_size: Self::CHUNK_SIZE,
            app: url.app.clone(),
            tc_url: url.tc_url(),
            name: url.name.clone(),
            handshake_deadline: ServerConfig::HANDSHAKE_DEADLINE,
            connect_deadline: ServerConfig::CONNECT_DEADLINE,
            play_deadline: ServerConfig::SETUP_DEADLINE,
            enhanced: true,
            buffer: 3000,
            limits: Limits::DEFAULT,
        }
    }

    /// Settings to publish to `url` live.
    #[must_use]
    pub fn publish(url: &RtmpUrl) -> Self {
        Self {
            purpose: Purpose::Publish(PublishMode::Live),
            flash_version: "FMLE/3.0 (compatible; weir)".to_owned(),
            enhanced: false,
            limits: PUBLISH_LIMITS,
            ..Self::play(url)
        }
    }
}

/// What the server said when it refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refused {
    /// Such as `NetStream.Publish.BadName`; may be empty.
    pub code: String,
    /// For people; may repeat the stream name, and holds the challenge where a login is asked for.
    pub description: Redacted,
}

/// What happened on a client's connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ClientEvent {
    /// The server let us in.
    Connected,
    /// The stream starts.
    Playing,
    /// The server takes the stream: media may follow, on this message stream.
    Publishing {
        /// Message stream id.
        msid: u32,
    },
    /// The server asks to be left, and connected to again.
    Reconnect,
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

/// A connection that plays or publishes one stream. Used as [`ServerSession`](crate::ServerSession) is: feed it, then drain events
/// and bytes to send. An error is final.
pub struct ClientSession {
    config: ClientConfig,
    state: State,
    link: Link,
    events: VecDeque<ClientEvent>,
    timers: Timers,
    refused: Option<Refused>,
    checked_bandwidth: bool,
    /// The server said that it knows Enhanced RTMP.
    is_enhanced: bool,
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
        let state = State::Handshake(handshake);
        Self {
            config,
            state,
            link,
            events: VecDeque::new(),
            timers,
            refused: None,
            checked_bandwidth: false,
            is_enhanced: false,
        }
    }

    /// What the server said when it refused, after [`ErrorKind::Refused`].
    #[must_use]
    pub const fn refused(&self) -> Option<&Refused> {
        self.refused.as_ref()
    }

    /// Whether the server said that it knows Enhanced RTMP; told once it has let us in.
    #[must_use]
    pub const fn is_enhanced(&self) -> bool {
        self.is_enhanced
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
            let txn = if self.publishes() {
                self.call("FCUnpublish", FC_UNPUBLISH_TXN);
                DELETE_TXN
            } else {
                0.0
            };
            let leave = Command::new("deleteStream", txn, vec![Value::Null, msid.into()]);
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

    const fn publishes(&self) -> bool {
        matches!(self.config.purpose, Purpose::Publish(_))
    }

    fn connect(&mut self, now: Time) {
        let config = &self.config;
        let mut object = Object::new().with("app", config.app.expose());
        if self.publishes() {
            object.set("type", "nonprivate");
        }
        object.set("flashVer", config.flash_version.as_str());
        object.set("tcUrl", config.tc_url.expose());
        for (name, value) in &config.properties {
            object.set(name.as_str(), value.as_str());
        }
        if !self.publishes() {
            object = object
                .with("fpad", false)
                .with("capabilities", 15.0)
                .with("audioCodecs", 4071.0)
                .with("videoCodecs", 252.0)
                .with("videoFunction", 1.0);
        }
        if config.enhanced {
            // A player that is asked to connect again could not tell that from the end of its stream.
            enhanced::announce(&mut object, enhanced::CAN_DECODE, self.publishes());
        }
        let values = [object.into()].into_iter().chain(config.arguments.iter().cloned()).collect();
        self.link.out.command(&Command::new("connect", CONNECT_TXN, values));
        self.state = State::Connecting;
        self.timers.set(Timer::Phase, now + self.config.connect_deadline);
    }

    /// Answers count only while they are waited for; all else a server may say is left unanswered.
    fn command(&mut self, command: &Command, now: Time) -> Result<(), ErrorKind> {
        match (command.name.as_str(), &self.state) {
            ("_result", State::Connecting) if command.txn == CONNECT_TXN => {
                self.is_enhanced = enhanced::is_announced(&command.object());
                self.events.push_back(ClientEvent::Connected);
                self.create();
                self.timers.set(Timer::Phase, now + self.config.play_deadline);
            }
            ("_result", State::Creating) if command.txn == self.create_txn() => {
                self.ask(command.arg(0).as_u32().ok_or(ErrorKind::Refused)?);
            }
            // Servers that do not know releaseStream or FCPublish may say so: nobody minds.
            ("_error", State::Creating) if command.txn != self.create_txn() => {}
            ("_error", State::Connecting | State::Creating) => {
                self.report(command);
                return Err(ErrorKind::Refused);
            }
            ("onStatus", _) => return self.status(command),
            ("onBWDone", _) if self.publishes() && !std::mem::replace(&mut self.checked_bandwidth, true) => {
                self.link.out.command(&Command::new("_checkbw", CHECK_BANDWIDTH_TXN, vec![Value::Null]));
            }
            ("close", _) => self.end(),
            _ => {}
        }
        Ok(())
    }

    const fn create_txn(&self) -> f64 {
        if self.publishes() { PUBLISH_CREATE_TXN } else { PLAY_CREATE_TXN }
    }

    /// A command about the stream by its name.
    fn call(&mut self, name: &str, txn: f64) {
        let values = vec![Value::Null, self.config.name.expose().into()];
        self.link.out.command(&Command::new(name, txn, values));
    }

    /// Asks for a message stream. A publisher first frees the name, as servers made for FMLE want it.
    fn create(&mut self) {
        if self.publishes() {
            self.link.out.control(Control::SetChunkSize(self.config.chunk_size));
            self.call("releaseStream", RELEASE_TXN);
            self.call("FCPublish", FC_PUBLISH_TXN);
        }
        let txn = self.create_txn();
        self.link.out.command(&Command::new("createStream", txn, vec![Value::Null]));
        self.state = State::Creating;
    }

    fn ask(&mut self, msid: u32) {
        let name = self.config.name.expose();
        if let Purpose::Publish(mode) = self.config.purpose {
            let values = vec![Value::Null, name.into(), mode.as_str().into()];
            self.link.out.stream_command(msid, &Command::new("publish", PUBLISH_TXN, values));
        } else {
            let values = vec![Value::Null, name.into(), START_LIVE.into()];
            self.link.out.stream_command(msid, &Command::new("play", 0.0, values));
            self.link.out.control(Control::User(UserControl::SetBufferLength { msid, millis: self.config.buffer }));
        }
        self.state = State::Asked { msid };
    }

    /// Passes a status on; answers its code and whether it is an error.
    fn report(&mut self, command: &Command) -> (String, bool) {
        let text = |key| command.arg(0).get(key).and_then(Value::as_str).unwrap_or_default().into_owned();
        let (code, is_error) = (text("code"), text("level") == "error" || command.name == "_error");
        self.events.push_back(ClientEvent::Status { code: code.clone(), is_error });
        if is_error {
            let description = Redacted::secret(text("description"));
            self.refused = Some(Refused { code: code.clone(), description });
        }
        (code, is_error)
    }

    fn status(&mut self, command: &Command) -> Result<(), ErrorKind> {
        let (code, is_error) = self.report(command);
        if is_error {
            return Err(ErrorKind::Refused);
        }
        match code.as_str() {
            "NetStream.Play.Start" if !self.publishes() => self.started(),
            "NetStream.Publish.Start" if self.publishes() => self.started(),
            "NetConnection.Connect.ReconnectRequest" => self.events.push_back(ClientEvent::Reconnect),
            "NetStream.Play.Stop" | "NetStream.Play.Complete" | "NetStream.Play.UnpublishNotify" => self.end(),
            _ => {}
        }
        Ok(())
    }

    fn started(&mut self) {
        if let State::Asked { msid } = self.state {
            self.state = State::Playing { msid };
            self.timers.clear(Timer::Phase);
            let event = if self.publishes() { ClientEvent::Publishing { msid } } else { ClientEvent::Playing };
            self.events.push_back(event);
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
        if self.publishes() {
            return Ok(());
        }
        if message.msid != msid && message.msid != 0 {
            return Ok(());
        }
        self.started();
        let items = message.into_media()?;
        self.events.extend(items.into_iter().map(ClientEvent::Media));
        Ok(())
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
