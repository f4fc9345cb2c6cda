//! [`ServerSession`]: the server's side of one connection.

mod commands;
mod play;
mod streams;

use std::collections::VecDeque;

use weir_amf::{Object, Value};
use weir_media::{Bytes, Time};

use self::streams::Streams;
use super::config::ServerConfig;
use super::enhanced;
use super::event::{Event, Refusal};
use super::link::{Incoming, Link};
use super::status::StatusCode;
use super::timers::{Timer, Timers};
use crate::error::{Error, ErrorKind, Phase};
use crate::handshake::{self, Seed};
use crate::message::{BandwidthLimit, Command, Control, Message, UserControl};

#[derive(Debug)]
enum State {
    Handshake(handshake::Server),
    /// Waiting for `connect`.
    Fresh,
    /// Waiting for the owner's answer to `connect`.
    Asked {
        txn: f64,
    },
    Connected,
    Closed,
}

/// One accepted connection of a server that lets clients play and publish.
///
/// ```
/// use weir_media::Time;
/// use weir_rtmp::{Event, Refusal, ServerConfig, ServerSession};
///
/// # fn read_socket() -> &'static [u8] { &[] }
/// # fn now() -> Time { Time::ZERO }
/// let mut session = ServerSession::new(ServerConfig::default(), [7; 32], now());
/// session.handle_input(read_socket(), now())?;
/// while let Some(event) = session.poll_event() {
///     match event {
///         Event::Connect(_) => session.accept_connect(now())?,
///         Event::Play(play) if play.path.expose() == "live" => session.accept_play(play.msid),
///         Event::Play(play) => session.reject_play(play.msid, Refusal::StreamNotFound, "no such stream", now()),
///         Event::Publish(publish) => session.reject_publish(publish.msid, Refusal::PublishDenied, "play only", now()),
///         _ => {}
///     }
/// }
/// while let Some(bytes) = session.poll_transmit() {
///     // Write `bytes`, before any media and never inside a media message.
/// # let _ = bytes;
/// }
/// # Ok::<(), weir_rtmp::Error>(())
/// ```
///
/// An error from any method is final: close the connection after sending what [`ServerSession::poll_transmit`] still
/// gives. A closed session ignores further input.
pub struct ServerSession {
    config: ServerConfig,
    state: State,
    link: Link,
    streams: Streams,
    app: String,
    tc_url: String,
    /// The client announced Enhanced RTMP.
    enhanced: bool,
    /// It connects again when it is asked to.
    reconnects: bool,
    /// Commands that came while `connect` is unanswered.
    held: VecDeque<(u32, Command)>,
    /// Media that came while `publish` is unanswered.
    early: Vec<Message>,
    events: VecDeque<Event>,
    timers: Timers,
    pinged: bool,
}

impl ServerSession {
    /// A session for a connection accepted at `now`. `seed` fills the handshake; draw it at random.
    #[must_use]
    pub fn new(config: ServerConfig, seed: Seed, now: Time) -> Self {
        let mut timers = Timers::default();
        timers.set(Timer::Phase, now + config.handshake_deadline);
        let messages = (ServerConfig::MESSAGES_PER_SECOND, ServerConfig::MESSAGES_BURST);
        Self {
            state: State::Handshake(handshake::Server::new(seed)),
            link: Link::new(config.limits, config.window, messages),
            config,
            streams: Streams::default(),
            app: String::new(),
            tc_url: String::new(),
            enhanced: false,
            reconnects: false,
            held: VecDeque::new(),
            early: Vec::new(),
            events: VecDeque::new(),
            timers,
            pinged: false,
        }
    }

    /// How far the connection has come.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match self.state {
            State::Handshake(_) => Phase::Handshake,
            State::Fresh | State::Asked { .. } => Phase::Connect,
            State::Connected if self.streams.is_busy() => Phase::Live,
            State::Connected => Phase::Setup,
            State::Closed => Phase::Closed,
        }
    }

    /// Bytes received from the client so far.
    #[must_use]
    pub const fn received(&self) -> u64 {
        self.link.position()
    }

    /// Memory held for the client, in bytes: its unfinished messages and our answers not sent yet.
    #[must_use]
    pub fn held(&self) -> usize {
        self.link.held() + self.early.iter().map(|m| m.body.len()).sum::<usize>()
    }

    /// Takes bytes received. Any split gives the same result.
    ///
    /// # Errors
    /// The client broke the protocol or a limit, or speaks another protocol.
    pub fn handle_input(&mut self, bytes: &[u8], now: Time) -> Result<(), Error> {
        if matches!(self.state, State::Closed) || bytes.is_empty() {
            return Ok(());
        }
        self.pinged = false;
        if !matches!(self.state, State::Handshake(_)) {
            self.timers.set(Timer::Silence, now + self.config.ping_after);
        }
        let result = self.read(bytes, now);
        self.conclude(result, now)
    }

    /// Acts on deadlines that have come by `now`. Harmless when none has.
    ///
    /// # Errors
    /// The client let a deadline pass.
    pub fn handle_timeout(&mut self, now: Time) -> Result<(), Error> {
        let result = if self.timers.expired(Timer::Phase, now) {
            Err(ErrorKind::Deadline)
        } else if self.timers.expired(Timer::Silence, now) {
            self.silence(now)
        } else {
            Ok(())
        };
        self.conclude(result, now)
    }

    /// Bytes to send next, if any: everything that waits, in one piece. Send them between media messages, before the
    /// next one.
    pub fn poll_transmit(&mut self) -> Option<Bytes> {
        self.link.out.take()
    }

    /// What happened since the last call.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When to call [`ServerSession::handle_timeout`], unless something happens before.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Time> {
        self.timers.next()
    }

    /// Lets the client in; answers [`Event::Connect`]. Nothing happens when there is no open question.
    ///
    /// # Errors
    /// The client broke the protocol in what it sent meanwhile.
    pub fn accept_connect(&mut self, now: Time) -> Result<(), Error> {
        let State::Asked { txn } = self.state else { return Ok(()) };
        self.state = State::Connected;
        self.timers.set(Timer::Silence, now + self.config.ping_after);
        let out = &mut self.link.out;
        out.control(Control::WindowAckSize(self.config.window));
        out.control(Control::SetPeerBandwidth(self.config.window, BandwidthLimit::Dynamic));
        // Before the result: publishers of FFmpeg adopt the size when they see the result.
        out.control(Control::SetChunkSize(self.config.chunk_size));
        let mut server = Object::new().with("fmsVer", "FMS/3,0,1,123").with("capabilities", 31.0);
        if self.enhanced {
            enhanced::announce(&mut server, enhanced::CAN_FORWARD, true);
        }
        let mut info = StatusCode::ConnectSuccess.info("Connection succeeded.");
        info.set("objectEncoding", 0.0);
        out.command(&Command::result(txn, server, info));
        let held = std::mem::take(&mut self.held);
        let result = held.into_iter().try_for_each(|(msid, command)| self.command(msid, command));
        self.conclude(result, now)
    }

    /// Turns the client away and ends the session; answers [`Event::Connect`]. Nothing happens when there is no open
    /// question.
    pub fn reject_connect(&mut self, refusal: Refusal, description: &str) {
        if let State::Asked { txn } = self.state {
            self.link.out.command(&refusal.code().error(txn, description));
            self.close();
        }
    }

    /// Ends the session in good order: streams that play get their end, and [`Event::Closed`] follows. A client that
    /// can is asked to connect again (Enhanced RTMP v2, "Reconnect Request"), as others do anyway.
    pub fn close(&mut self) {
        if matches!(self.state, State::Closed) {
            return;
        }
        if self.reconnects && self.streams.is_busy() {
            self.link.out.command(&StatusCode::ReconnectRequest.on_status("The stream ends here.", None));
        }
        for msid in self.streams.playing() {
            self.end(msid);
        }
        self.finish();
        self.events.push_back(Event::Closed);
    }

    fn finish(&mut self) {
        self.state = State::Closed;
        self.timers = Timers::default();
        self.held.clear();
        self.early.clear();
    }

    /// Ends every entry point: sets deadlines, turns a failure into the final error.
    fn conclude(&mut self, result: Result<(), ErrorKind>, now: Time) -> Result<(), Error> {
        match result {
            Ok(()) => {
                self.rearm(now);
                Ok(())
            }
            Err(kind) => {
                let error = Error { kind, phase: self.phase(), at: self.link.position() };
                self.finish();
                Err(error)
            }
        }
    }

    /// A connected client may idle for a while only; one that waits for our answer is not idle.
    fn rearm(&mut self, now: Time) {
        match self.phase() {
            Phase::Live => self.timers.clear(Timer::Phase),
            Phase::Setup if !self.timers.is_set(Timer::Phase) => {
                self.timers.set(Timer::Phase, now + self.config.setup_deadline);
            }
            _ => {}
        }
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
            self.state = State::Fresh;
            self.timers.set(Timer::Phase, now + self.config.connect_deadline);
        }
        while let Some(incoming) = self.link.read(&mut input, now)? {
            self.incoming(incoming)?;
        }
        self.link.end_input()
    }

    fn incoming(&mut self, incoming: Incoming) -> Result<(), ErrorKind> {
        match incoming {
            Incoming::Command(msid, command) => self.command(msid, command),
            Incoming::Media(message) => self.media(message),
            // Buffer lengths mean nothing live.
            Incoming::User(_) => Ok(()),
        }
    }

    /// Some publishers begin before they may: what comes first is kept for the answer. Other media is nobody's.
    fn media(&mut self, message: Message) -> Result<(), ErrorKind> {
        if let Some(msid) = self.streams.publishing(message.msid) {
            let items = message.into_media()?;
            self.events.extend(items.into_iter().map(|item| Event::Media(Message { msid, ..item })));
        } else if self.streams.is_asked() && self.early.len() < ServerConfig::HELD_MAX {
            self.early.push(message);
        }
        Ok(())
    }

    /// Nothing heard for long: asks once, then gives up.
    fn silence(&mut self, now: Time) -> Result<(), ErrorKind> {
        if self.pinged {
            return Err(ErrorKind::Silent);
        }
        self.pinged = true;
        if let Some(patience) = self.config.give_up_after {
            self.timers.set(Timer::Silence, now + patience);
        }
        #[expect(clippy::cast_possible_truncation, reason = "the field wraps")]
        let time = now.as_millis() as u32;
        self.link.out.control(Control::User(UserControl::PingRequest(time)));
        self.link.out.check()
    }

    /// Answers a call with null.
    fn reply_null(&mut self, txn: f64) {
        if txn != 0.0 {
            self.link.out.command(&Command::result(txn, Value::Null, Value::Null));
        }
    }
}

impl std::fmt::Debug for ServerSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let received = self.link.position();
        f.debug_struct("ServerSession")
            .field("phase", &self.phase())
            .field("received", &received)
            .finish_non_exhaustive()
    }
}
