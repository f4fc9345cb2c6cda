//! [`PullService`]: fetches one stream from a server, one session after the other.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use weir_media::Time;
use weir_plugin::{
    ConnId, Dial, DialError, Dialed, FilterId, Io, Lease, Lookup, Memory, Message, OutputRecord, Phase, Ready, Service,
    Timer,
};
use weir_rtmp::message::{Message as RtmpMessage, kind};
use weir_rtmp::{ClientConfig, ClientEvent, ClientSession, Redacted};

use super::settings::{PullSettings, Reconnect};
use super::{FromFeeder, ToFeeder, WINDOW};
use crate::remote::{Class, Failure, LogIn, Refusal, Retry, refusal};
use crate::writer::{Writer, Wrote};

/// Bytes read at once, and in one turn.
const SCRATCH: usize = 16 << 10;
const READ_PER_TURN: usize = 64 << 10;
/// A server that took the request may have nothing to send for this long: the publisher may be yet to come.
const FIRST_MEDIA: Duration = Duration::from_secs(60);
/// Memory leased besides what comes.
const CONNECTION_BYTES: usize = 8 << 10;
/// The one stream there is.
const FEED: usize = 0;

enum State {
    Waiting(Time),
    Dialing(Box<Dial>),
    Up(Box<Session>),
    Over,
}

/// Why a session ended.
enum Ending {
    /// The server says that the stream is over.
    Over,
    /// The server asks to be connected to again.
    Again,
    LogIn(Redacted),
    Failed(Failure),
}

impl From<Refusal> for Ending {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Failed(failure) => Self::Failed(failure),
            Refusal::LogIn(description) => Self::LogIn(description),
        }
    }
}

/// One connection that plays.
struct Session {
    conn: ConnId,
    peer: SocketAddr,
    rtmp: ClientSession,
    writer: Writer,
    readable: bool,
    /// The server took the request.
    is_playing: bool,
    /// Something of the stream came.
    has_begun: bool,
    /// When the first sound or picture came.
    live: Option<Time>,
    /// When something last came, or could not.
    heard: Time,
    batch: Vec<RtmpMessage>,
}

impl Session {
    fn new(io: &mut dyn Io, conn: ConnId, peer: SocketAddr, config: ClientConfig) -> Self {
        let mut seed = [0; 32];
        io.random(&mut seed);
        let now = io.now();
        Self {
            conn,
            peer,
            rtmp: ClientSession::new(config, &seed, now),
            writer: Writer::new(conn),
            readable: true,
            is_playing: false,
            has_begun: false,
            live: None,
            heard: now,
            batch: Vec::new(),
        }
    }

    fn phase(&self) -> Phase {
        match (self.rtmp.phase(), self.live) {
            (weir_rtmp::Phase::Handshake, _) => Phase::Handshaking,
            (_, Some(_)) => Phase::Live,
            _ => Phase::Requesting,
        }
    }

    /// Reads what came, unless too much waits already. True when there is more.
    fn read(&mut self, io: &mut dyn Io, settings: &PullSettings, unread: usize) -> Result<bool, Ending> {
        let mut buf = [0; SCRATCH];
        let mut left = READ_PER_TURN;
        while self.readable && unread < WINDOW {
            if left == 0 {
                return Ok(true);
            }
            let room = buf.len().min(left);
            match io.read(self.conn, &mut buf[..room]) {
                Ok(0) => return Err(self.closed("the server closed the connection").into()),
                Ok(n) => {
                    left -= n;
                    self.heard = io.now();
                    let result = self.rtmp.handle_input(&buf[..n], io.now());
                    result.map_err(|e| Ending::from(refusal(&self.rtmp, e, &settings.remote)))?;
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => self.readable = false,
                Err(_) => return Err(self.closed("the connection broke").into()),
            }
        }
        Ok(false)
    }

    fn closed(&self, why: &str) -> Failure {
        match self.rtmp.phase() {
            weir_rtmp::Phase::Handshake => Failure::network(format!("{why} in the handshake")),
            _ if !self.is_playing => Failure::network(format!("{why} before the stream began")),
            _ => Failure::network(why),
        }
    }

    /// When it will have stalled.
    fn stalls(&self, settings: &PullSettings, unread: usize) -> Option<Time> {
        let patience = if self.live.is_some() { settings.remote.stall } else { FIRST_MEDIA };
        (self.is_playing && unread < WINDOW).then(|| self.heard + patience)
    }
}

impl From<Failure> for Ending {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// See the module documentation.
pub(crate) struct PullService {
    settings: Arc<PullSettings>,
    owner: Option<FilterId>,
    state: State,
    retry: Retry,
    login: LogIn,
    /// The attempt that is under way has to play by then.
    attempt_ends: Time,
    record: OutputRecord,
    /// Bytes handed over that the input has not passed on.
    unread: usize,
    lease: Option<Lease>,
    armed: Option<Time>,
}

impl PullService {
    pub(crate) fn new(settings: Arc<PullSettings>, memory: &Memory) -> Self {
        Self {
            owner: None,
            state: State::Over,
            retry: Retry::new(settings.retries),
            login: LogIn::default(),
            attempt_ends: Time::ZERO,
            record: OutputRecord { target: settings.remote.shown.clone(), ..OutputRecord::default() },
            unread: 0,
            lease: memory.lease(0),
            armed: None,
            settings,
        }
    }

    fn post(&self, io: &mut dyn Io, message: FromFeeder) {
        if let Some(owner) = self.owner {
            io.post(owner, Box::new(message));
        }
    }

    /// A new attempt.
    fn begin(&mut self, io: &mut dyn Io) {
        self.attempt_ends = io.now() + self.settings.remote.attempt;
        self.record.attempts += 1;
        self.record.next_retry = None;
        self.dial(io);
    }

    fn dial(&mut self, io: &mut dyn Io) {
        let (dial, dialed) = Dial::begin(io, self.settings.remote.target.clone(), self.settings.remote.dial);
        self.state = State::Dialing(Box::new(dial));
        self.dialed(io, dialed);
    }

    fn dialed(&mut self, io: &mut dyn Io, dialed: Dialed) {
        match dialed {
            Dialed::Pending => self.tell(io),
            Dialed::Open(conn, peer) => {
                let session = Session::new(io, conn, peer, self.login.client(&self.settings.remote));
                self.state = State::Up(Box::new(session));
                self.tell(io);
                self.serve(io);
            }
            Dialed::Failed(DialError { untrusted, message, .. }) => {
                let class = if untrusted { Class::Refused } else { Class::Network };
                self.failed(io, Failure { class, text: message, suspicious: false }, Duration::ZERO);
            }
        }
    }

    /// Serves the session, if there is one. True when there is more to do at once.
    fn serve(&mut self, io: &mut dyn Io) -> bool {
        let State::Up(session) = &mut self.state else { return false };
        let was = session.phase();
        let read = session.read(io, &self.settings, self.unread);
        // What came before the end counts.
        let told = self.events(io);
        let State::Up(session) = &mut self.state else { return false };
        let (rtmp, now) = (&mut session.rtmp, io.now());
        let (_, wrote) = session.writer.write(io, now, &mut || rtmp.poll_transmit(), None);
        let is = session.phase();
        let broken = || Ending::from(session.closed("the connection broke"));
        let result = told.and(read).and_then(|more| match wrote {
            Ok(wrote) => Ok(more || wrote == Wrote::Budget),
            Err(_) => Err(broken()),
        });
        let result = result.and_then(|more| if self.account() { Ok(more) } else { Err(out_of_memory()) });
        match result {
            Ok(more) => {
                if is != was {
                    self.tell(io);
                }
                more
            }
            Err(ending) => {
                self.end_session(io, ending);
                false
            }
        }
    }

    /// Hands over what the session has to tell.
    fn events(&mut self, io: &mut dyn Io) -> Result<(), Ending> {
        let State::Up(session) = &mut self.state else { return Ok(()) };
        let mut result = Ok(());
        while let Some(event) = session.rtmp.poll_event() {
            match event {
                ClientEvent::Playing => {
                    session.is_playing = true;
                    session.heard = io.now();
                }
                ClientEvent::Media(message) if is_for_us(&message) => {}
                ClientEvent::Media(message) => session.batch.push(message),
                ClientEvent::Ended => result = Err(Ending::Over),
                ClientEvent::Reconnect => result = Err(Ending::Again),
                ClientEvent::Connected | ClientEvent::Publishing { .. } | ClientEvent::Status { .. } => {}
            }
        }
        if session.batch.is_empty() {
            return result;
        }
        let (peer, messages) = (session.peer, std::mem::take(&mut session.batch));
        let begins = !std::mem::replace(&mut session.has_begun, true);
        if messages.iter().any(|m| m.kind != kind::DATA_AMF0) {
            session.live.get_or_insert(io.now());
        }
        self.unread += messages.iter().map(|m| m.body.len()).sum::<usize>();
        if begins {
            let name = self.settings.remote.client.name.expose();
            let name = name.split('?').next().unwrap_or_default().to_owned();
            self.post(io, FromFeeder::Begins { feed: FEED, name, peer });
        }
        self.post(io, FromFeeder::Media { feed: FEED, messages });
        result
    }

    /// Leases the memory of what is held. False when there is not enough.
    fn account(&mut self) -> bool {
        let held = match &self.state {
            State::Up(session) => CONNECTION_BYTES + session.rtmp.held() + session.writer.held(),
            _ => 0,
        };
        self.lease.as_mut().is_some_and(|lease| lease.resize(held + self.unread))
    }

    fn end_session(&mut self, io: &mut dyn Io, ending: Ending) {
        let State::Up(session) = std::mem::replace(&mut self.state, State::Over) else { return };
        io.close(session.conn);
        self.account();
        let live = session.live.map_or(Duration::ZERO, |at| io.now().since(at));
        if session.has_begun {
            let why = if matches!(ending, Ending::Over) { "the server ended it" } else { "the server is gone" };
            self.post(io, FromFeeder::Ends { feed: FEED, why });
        }
        match ending {
            Ending::Over if self.settings.reconnect != Reconnect::Always => {
                self.set_phase(io.now(), Phase::Ended);
                self.post_record(io);
                self.post(io, FromFeeder::Over);
            }
            Ending::Over => self.failed(io, Failure::network("the server ended the stream"), live),
            Ending::Again => self.failed(io, Failure::network("the server asked to be connected to again"), live),
            Ending::LogIn(description) => match self.login.answer(io, &self.settings.remote, &description) {
                Ok(()) => self.dial(io),
                Err(failure) => self.failed(io, failure, Duration::ZERO),
            },
            Ending::Failed(failure) => self.failed(io, failure, live),
        }
    }

    /// An attempt or a session failed, after media had come for `live`.
    fn failed(&mut self, io: &mut dyn Io, failure: Failure, live: Duration) {
        self.login = LogIn::default();
        self.record.last_error = Some((failure.text.clone(), io.now()));
        let mut random = [0; 4];
        io.random(&mut random);
        match self.retry.next(failure.class, live, u32::from_le_bytes(random)) {
            Some(wait) => {
                let at = io.now() + wait;
                self.record.next_retry = Some(at);
                self.state = State::Waiting(at);
                self.tell(io);
            }
            None => {
                self.state = State::Over;
                self.set_phase(io.now(), Phase::Failed);
                self.post_record(io);
                self.post(io, FromFeeder::GaveUp(failure.text));
            }
        }
    }

    fn timeout(&mut self, io: &mut dyn Io) {
        let now = io.now();
        let attempt_is_over = self.attempt_ends <= now;
        let seconds = self.settings.remote.attempt.as_secs();
        match &mut self.state {
            State::Waiting(at) if *at <= now => self.begin(io),
            State::Dialing(dial) if attempt_is_over => {
                dial.abandon(io);
                self.failed(io, Failure::network(format!("no connection in {seconds} s")), Duration::ZERO);
            }
            State::Dialing(dial) => {
                let dialed = dial.timeout(io);
                self.dialed(io, dialed);
            }
            State::Up(session) => {
                let stalled = session.stalls(&self.settings, self.unread).is_some_and(|at| at <= now);
                let late = attempt_is_over && !session.is_playing;
                let why = if stalled {
                    let silent = now.since(session.heard).as_secs();
                    Some(format!("stalled: nothing came for {silent} s"))
                } else if late {
                    Some(format!("the stream did not begin in {seconds} s"))
                } else {
                    session.rtmp.handle_timeout(now).err().map(|e| e.to_string())
                };
                if let Some(why) = why {
                    self.end_session(io, Failure::network(why).into());
                }
            }
            State::Waiting(_) | State::Over => {}
        }
    }

    /// Sets the timer of the service for what is due next.
    fn arm(&mut self, io: &mut dyn Io) {
        let next = match &self.state {
            State::Waiting(at) => Some(*at),
            State::Dialing(dial) => dial.poll_timeout().into_iter().chain([self.attempt_ends]).min(),
            State::Up(session) => {
                let attempt = (!session.is_playing).then_some(self.attempt_ends);
                let stalls = session.stalls(&self.settings, self.unread);
                [session.rtmp.poll_timeout(), stalls, attempt].into_iter().flatten().min()
            }
            State::Over => None,
        };
        if next != self.armed {
            self.armed = next;
            io.set_service_timer(next);
        }
    }

    fn set_phase(&mut self, now: Time, phase: Phase) {
        if self.record.phase != phase {
            (self.record.phase, self.record.since) = (phase, now);
        }
    }

    /// Brings the record up to date and posts it.
    fn tell(&mut self, io: &mut dyn Io) {
        let phase = match &self.state {
            State::Waiting(_) => Phase::Waiting,
            State::Dialing(dial) => dial.step().into(),
            State::Up(session) => session.phase(),
            State::Over => self.record.phase,
        };
        self.set_phase(io.now(), phase);
        self.post_record(io);
    }

    fn post_record(&mut self, io: &mut dyn Io) {
        self.record.peer = if let State::Up(session) = &self.state { Some(session.peer) } else { None };
        let record = Box::new(self.record.clone());
        self.post(io, FromFeeder::Record(record));
    }

    fn taken(&mut self, io: &mut dyn Io, bytes: usize) {
        let was_full = self.unread >= WINDOW;
        self.unread = self.unread.saturating_sub(bytes);
        self.account();
        if let State::Up(session) = &mut self.state
            && was_full
        {
            session.heard = io.now();
        }
    }
}

/// Data by which servers speak to players, and which is no part of the stream.
fn is_for_us(message: &RtmpMessage) -> bool {
    const NAMES: [&[u8]; 2] = [b"\x02\x00\x11|RtmpSampleAccess", b"\x02\x00\x08onStatus"];
    message.kind == kind::DATA_AMF0 && NAMES.iter().any(|name| message.body.starts_with(name))
}

fn out_of_memory() -> Ending {
    Failure::network("the memory cap is reached").into()
}

impl Service for PullService {
    fn message(&mut self, io: &mut dyn Io, from: FilterId, message: Message) {
        match message.downcast::<ToFeeder>().map(|m| *m) {
            Ok(ToFeeder::Connect) => {
                self.owner = Some(from);
                self.begin(io);
            }
            Ok(ToFeeder::Taken { bytes, .. }) => self.taken(io, bytes),
            Ok(ToFeeder::Listen(_) | ToFeeder::GiveUp { .. }) | Err(_) => {} // not for this one
        }
        self.arm(io);
    }

    fn left(&mut self, io: &mut dyn Io, _: FilterId) {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Dialing(mut dial) => dial.abandon(io),
            State::Up(mut session) => {
                session.rtmp.close();
                let (rtmp, now) = (&mut session.rtmp, io.now());
                // As far as the system takes it: nobody waits for the answer.
                let _ = session.writer.write(io, now, &mut || rtmp.poll_transmit(), None);
                io.close(session.conn);
            }
            State::Waiting(_) | State::Over => {}
        }
        io.set_service_timer(None);
        self.owner = None;
        self.unread = 0;
        self.account();
    }

    fn connected(&mut self, io: &mut dyn Io, conn: ConnId, result: std::io::Result<()>) {
        if let State::Dialing(dial) = &mut self.state {
            let dialed = dial.connected(io, conn, result);
            self.dialed(io, dialed);
        }
        self.arm(io);
    }

    fn resolved(&mut self, io: &mut dyn Io, lookup: Lookup, result: std::io::Result<Vec<SocketAddr>>) {
        if let State::Dialing(dial) = &mut self.state {
            let dialed = dial.resolved(io, lookup, result);
            self.dialed(io, dialed);
        }
        self.arm(io);
    }

    fn ready(&mut self, _: &mut dyn Io, conn: ConnId, ready: Ready) {
        if let State::Up(session) = &mut self.state
            && session.conn == conn
        {
            session.readable |= ready.readable;
            session.writer.blocked &= !ready.writable;
        }
    }

    fn timer(&mut self, io: &mut dyn Io, _: Timer) {
        self.armed = None;
        self.timeout(io);
        self.arm(io);
    }

    fn flush(&mut self, io: &mut dyn Io) -> bool {
        let more = self.serve(io);
        self.arm(io);
        more
    }
}
