//! [`PushService`]: the stream of one push, and its sessions one after the other.

use std::sync::Arc;
use std::time::Duration;

use weir_media::Time;
use weir_plugin::{
    Change, ConnId, Dial, DialError, Dialed, FilterId, Io, Lease, Lookup, Memory, Message, OutputRecord, Phase, Ready,
    Service, Timer,
};
use weir_rtmp::Redacted;
use weir_rtmp::ring::{Batch, Media, Renderer, Ring};

use super::session::{Ending, Session, With};
use super::settings::{Drop, Settings};
use crate::remote::{Class, Failure, LogIn, Retry};

/// Time between looks at progress, and between records.
const TICK: Duration = Duration::from_millis(500);
/// At the end of the stream, a late server has this long to take the rest.
const DRAIN: Duration = Duration::from_secs(2);
/// A server that asks to be left sooner than this after media began is not followed at once: it could go on for ever.
const ASKED_AGAIN: Duration = Duration::from_secs(5);
/// After so many sessions that never came to anything, the target is taken for a wrong one.
const NEVER_LIVE: u32 = 3;
/// The part of the process's memory that rings leave to others: one in so many.
const SPARE: usize = 8;

/// From the filter.
pub(super) enum ToPush {
    /// Begin.
    Start,
    /// Messages, in order.
    Media(Vec<Media>),
    /// The stream is over.
    End,
    /// Somebody wants something else.
    Change(Change),
}

/// To the filter.
#[derive(Debug)]
pub(super) enum FromPush {
    /// How it goes.
    Record(Box<OutputRecord>),
    /// A session begins: a key frame is wanted.
    Begun,
    /// So many messages were taken or left out, ever.
    Taken(u64),
    /// Nothing is tried again.
    GaveUp(String),
    /// After the end: everything is said. Whether a session was there to say it to.
    Drained(bool),
}

enum State {
    Waiting(Time),
    /// Somebody paused it.
    Paused,
    Dialing(Box<Dial>),
    Up(Box<Session>),
    Over,
}

/// See the module documentation.
pub(super) struct PushService {
    settings: Arc<Settings>,
    owner: Option<FilterId>,
    ring: Ring,
    renderer: Renderer,
    lease: Lease,
    batch: Batch,
    state: State,
    retry: Retry,
    /// The attempt that is under way has to be live by then.
    attempt_ends: Time,
    login: LogIn,
    /// Sessions in a row that never came to anything.
    never_live: u32,
    was_live: bool,
    /// Where the last session stopped.
    resume: Option<u64>,
    /// The stream is over; a late server has until then.
    ending: Option<Time>,
    record: OutputRecord,
    /// Bytes and drops of sessions that are over.
    before: Totals,
    /// Bytes at the last tick.
    ticked: (Time, u64),
    told_taken: u64,
    next_tick: Time,
    armed: Option<Time>,
}

#[derive(Clone, Copy, Default)]
struct Totals {
    bytes: u64,
    acked: u64,
    retransmits: u32,
    disposable: u64,
    video: u64,
    audio: u64,
    data: u64,
}

impl PushService {
    pub(super) fn new(settings: Arc<Settings>, memory: &Memory) -> Self {
        let chunk_size = settings.remote.client.chunk_size;
        Self {
            owner: None,
            ring: Ring::new(settings.ring, chunk_size),
            renderer: Renderer::new(chunk_size),
            lease: memory.lease(0).expect("nothing is never too much"),
            batch: Batch::default(),
            state: State::Over,
            retry: Retry::new(settings.retries),
            attempt_ends: Time::ZERO,
            login: LogIn::default(),
            never_live: 0,
            was_live: false,
            resume: None,
            ending: None,
            record: OutputRecord { target: settings.remote.shown.clone(), ..OutputRecord::default() },
            before: Totals::default(),
            ticked: (Time::ZERO, 0),
            told_taken: 0,
            next_tick: Time::ZERO,
            armed: None,
            settings,
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
        let was_published = session.is_published();
        let with = With { settings: &self.settings, ring: &self.ring, resume: self.resume, batch: &mut self.batch };
        let served = session.serve(io, with);
        let (is, is_published) = (session.phase(), session.is_published());
        let begins = is_published && !was_published;
        if begins && self.ending.is_some() {
            session.leave();
        }
        if begins {
            self.post(io, FromPush::Begun);
        }
        match served {
            Err(ending) => {
                self.end_session(io, ending);
                false
            }
            Ok(more) => {
                if is != was {
                    self.tell(io);
                }
                self.tell_taken(io);
                more || begins
            }
        }
    }

    fn end_session(&mut self, io: &mut dyn Io, ending: Ending) {
        let State::Up(session) = std::mem::replace(&mut self.state, State::Over) else { return };
        io.close(session.conn);
        let live = session.live.map_or(Duration::ZERO, |at| io.now().since(at));
        self.was_live |= session.live.is_some();
        self.resume = session.cursor.as_ref().map(|cursor| cursor.position()).or(self.resume);
        self.before = self.totals_with(Some(&session));
        match ending {
            _ if self.ending.is_some() && session.is_published() => {
                let clean = matches!(ending, Ending::Done);
                if let Ending::Failed(failure) = ending {
                    self.note(io, failure.text);
                }
                self.drained(io, clean);
            }
            // It was left because the server asked for that, and wants to be connected to again.
            Ending::Done if live >= ASKED_AGAIN => self.begin(io),
            Ending::Done => self.failed(io, Failure::network("the server sent us away at once"), live),
            Ending::Refused(description) => self.log_in(io, &description),
            Ending::Failed(failure) => self.failed(io, failure, live),
        }
    }

    /// The server asks who is there.
    fn log_in(&mut self, io: &mut dyn Io, description: &Redacted) {
        match self.login.answer(io, &self.settings.remote, description) {
            Ok(()) => self.dial(io),
            Err(failure) => self.failed(io, failure, Duration::ZERO),
        }
    }

    /// An attempt or a session failed, after media had gone out for `live`.
    fn failed(&mut self, io: &mut dyn Io, failure: Failure, live: Duration) {
        let Failure { mut class, text, suspicious } = failure;
        self.login = LogIn::default();
        self.never_live = if suspicious && !self.was_live { self.never_live + 1 } else { 0 };
        if self.never_live >= NEVER_LIVE {
            class = Class::Refused;
        } else if self.was_live && text.contains("Publish.BadName") {
            // Our own last session still holds the name.
            class = Class::Network;
        }
        self.note(io, text.clone());
        let mut random = [0; 4];
        io.random(&mut random);
        let wait = self.retry.next(class, live, u32::from_le_bytes(random));
        match wait {
            Some(wait) if self.ending.is_none() => {
                let at = io.now() + wait;
                self.record.next_retry = Some(at);
                self.state = State::Waiting(at);
                self.tell(io);
            }
            Some(_) => self.drained(io, false),
            None => {
                self.state = State::Over;
                self.set_phase(io.now(), Phase::Failed);
                self.post_record(io);
                self.post(io, FromPush::GaveUp(text));
            }
        }
    }

    fn note(&mut self, io: &mut dyn Io, text: String) {
        self.record.last_error = Some((text, io.now()));
    }

    fn drained(&mut self, io: &mut dyn Io, clean: bool) {
        self.state = State::Over;
        self.post_record(io);
        self.post(io, FromPush::Drained(clean));
    }

    fn end(&mut self, io: &mut dyn Io) {
        self.ending = Some(io.now() + DRAIN);
        match &mut self.state {
            State::Up(session) if session.is_published() => session.leave(),
            // It may still be in time for the end.
            State::Dialing(_) | State::Up(_) => {}
            State::Waiting(_) | State::Paused => self.drained(io, false),
            State::Over => {}
        }
    }

    /// What is asked for where it makes no sense is done already.
    fn change(&mut self, io: &mut dyn Io, change: &Change) {
        match (change, &self.state) {
            (Change::Retry, State::Waiting(_)) | (Change::Resume, State::Paused) if self.ending.is_none() => {
                self.begin(io);
            }
            (Change::Pause, State::Waiting(_) | State::Dialing(_) | State::Up(_)) if self.ending.is_none() => {
                self.pause(io);
            }
            _ => {}
        }
    }

    /// Leaves the server. The ring goes on; what the next session leaves out counts as dropped, for viewers miss it.
    fn pause(&mut self, io: &mut dyn Io) {
        match std::mem::replace(&mut self.state, State::Paused) {
            State::Dialing(mut dial) => dial.abandon(io),
            State::Up(session) => {
                self.before = self.totals_with(Some(&session));
                self.resume = session.cursor.as_ref().map(|cursor| cursor.position()).or(self.resume);
                self.was_live |= session.live.is_some();
                io.close(session.conn);
            }
            State::Waiting(_) | State::Paused | State::Over => {}
        }
        self.login = LogIn::default();
        self.record.next_retry = None;
        self.tell(io);
    }

    fn timeout(&mut self, io: &mut dyn Io) {
        let now = io.now();
        let attempt_is_over = self.attempt_ends <= now;
        let drain_is_over = self.ending.is_some_and(|at| at <= now);
        match &mut self.state {
            State::Waiting(at) if *at <= now => self.begin(io),
            State::Dialing(dial) if attempt_is_over || drain_is_over => {
                dial.abandon(io);
                let text = format!("no connection in {} s", self.settings.remote.attempt.as_secs());
                self.failed(io, Failure::network(text), Duration::ZERO);
            }
            State::Dialing(dial) => {
                let dialed = dial.timeout(io);
                self.dialed(io, dialed);
            }
            State::Up(session) => {
                let late = (attempt_is_over || drain_is_over) && !session.is_published();
                let ending = if late {
                    Err(Failure::network(format!("not published in {} s", self.settings.remote.attempt.as_secs()))
                        .into())
                } else {
                    session.check(io, &self.settings, &self.ring)
                };
                if drain_is_over && session.is_published() {
                    session.leave_now(now);
                }
                if let Err(ending) = ending {
                    self.end_session(io, ending);
                }
            }
            State::Waiting(_) | State::Paused | State::Over => {}
        }
    }

    /// Sets the timer of the service for what is due next.
    fn arm(&mut self, io: &mut dyn Io) {
        let next = match &self.state {
            State::Waiting(at) => Some(*at),
            State::Paused => None,
            State::Dialing(dial) => dial.poll_timeout().into_iter().chain([self.attempt_ends]).min(),
            State::Up(session) => {
                let attempt = (!session.is_published()).then_some(self.attempt_ends);
                session.poll_timeout(&self.settings).into_iter().chain(attempt).min()
            }
            State::Over => return,
        };
        let next = next.into_iter().chain(self.ending.filter(|at| *at > io.now())).chain([self.next_tick]).min();
        if next != self.armed {
            self.armed = next;
            io.set_service_timer(next);
        }
    }

    fn push(&mut self, io: &mut dyn Io, batch: Vec<Media>) {
        for media in batch {
            if let Some(entry) = self.renderer.render(media, io.now()) {
                self.ring.push(entry);
            }
        }
    }

    /// Leases what is kept. When memory runs short, the ring keeps less.
    fn settle(&mut self, memory: &Memory) {
        let held = self.lease.bytes();
        self.ring.trim(held + (memory.cap() - memory.cap() / SPARE).saturating_sub(memory.used()));
        if !self.lease.resize(self.ring.bytes()) {
            self.ring.trim(held);
            let _ = self.lease.resize(self.ring.bytes());
        }
    }

    /// For a push that the graph waits for: how far it is.
    fn tell_taken(&mut self, io: &mut dyn Io) {
        if self.settings.drop != Drop::Block {
            return;
        }
        let State::Up(session) = &self.state else { return };
        let taken = session.cursor.as_ref().map_or(0, |cursor| cursor.position());
        if taken > self.told_taken {
            self.told_taken = taken;
            self.ring.trim_before(taken);
            self.post(io, FromPush::Taken(taken));
        }
    }

    fn post(&self, io: &mut dyn Io, message: FromPush) {
        if let Some(owner) = self.owner {
            io.post(owner, Box::new(message));
        }
    }

    fn set_phase(&mut self, now: Time, phase: Phase) {
        if self.record.phase != phase {
            self.record.phase = phase;
            self.record.since = now;
        }
    }

    fn phase(&self) -> Phase {
        match &self.state {
            State::Waiting(_) => Phase::Waiting,
            State::Paused => Phase::Paused,
            State::Dialing(dial) => dial.step().into(),
            State::Up(_) if self.ending.is_some() => Phase::Draining,
            State::Up(session) => session.phase(),
            State::Over => self.record.phase,
        }
    }

    fn totals_with(&self, session: Option<&Session>) -> Totals {
        let Totals { bytes, acked, retransmits, disposable, video, audio, data } = self.before;
        let Some(session) = session else { return self.before };
        let drops = session.drops();
        Totals {
            bytes: bytes + session.sent,
            acked: acked + session.path.acked,
            retransmits: retransmits + session.path.retransmits,
            disposable: disposable + u64::from(drops.disposable),
            video: video + u64::from(drops.video) + u64::from(drops.evicted),
            audio: audio + u64::from(drops.audio),
            data: data + u64::from(drops.data),
        }
    }

    /// Brings the record up to date and posts it.
    fn tell(&mut self, io: &mut dyn Io) {
        let (now, phase) = (io.now(), self.phase());
        self.set_phase(now, phase);
        self.post_record(io);
    }

    fn post_record(&mut self, io: &mut dyn Io) {
        let now = io.now();
        let session = if let State::Up(session) = &self.state { Some(&**session) } else { None };
        let totals = self.totals_with(session);
        let record = &mut self.record;
        record.players = u32::from(record.phase == Phase::Live);
        record.bytes = totals.bytes;
        record.acked = totals.acked;
        record.retransmits = totals.retransmits;
        record.drops = weir_plugin::Drops {
            disposable: totals.disposable,
            video: totals.video,
            audio: totals.audio,
            data: totals.data,
        };
        record.dropped = totals.disposable + totals.video + totals.audio + totals.data;
        record.kept = self.lease.bytes() as u64;
        record.peer = session.map(|session| session.peer);
        record.rtt = session.map(|session| session.path.rtt).filter(|rtt| !rtt.is_zero());
        record.lag = session.map_or(Duration::ZERO, |session| session.lag(&self.ring, now));
        let cursor = session.and_then(|session| session.cursor.as_ref());
        record.queued = cursor.map_or(0, |cursor| self.ring.bytes_from(cursor.position()));
        let (at, bytes) = self.ticked;
        let passed = now.since(at);
        if passed >= TICK {
            let bits = u128::from(totals.bytes.saturating_sub(bytes)) * 8_000_000 / passed.as_micros();
            record.goodput = u64::try_from(bits).unwrap_or(u64::MAX);
            self.ticked = (now, totals.bytes);
        }
        let record = Box::new(record.clone());
        self.post(io, FromPush::Record(record));
    }

    fn tick(&mut self, io: &mut dyn Io) {
        let now = io.now();
        if now >= self.next_tick {
            self.next_tick = now + TICK;
            self.settle(io.memory());
            if !matches!(self.state, State::Over) {
                self.tell(io);
            }
        }
    }
}

impl Service for PushService {
    fn message(&mut self, io: &mut dyn Io, from: FilterId, message: Message) {
        match message.downcast::<ToPush>().map(|m| *m) {
            Ok(ToPush::Start) => {
                self.owner = Some(from);
                self.next_tick = io.now() + TICK;
                self.ticked = (io.now(), 0);
                self.begin(io);
            }
            Ok(ToPush::Media(batch)) => self.push(io, batch),
            Ok(ToPush::End) => self.end(io),
            Ok(ToPush::Change(change)) => self.change(io, &change),
            Err(_) => {} // not one of ours
        }
        self.arm(io);
    }

    fn left(&mut self, io: &mut dyn Io, _: FilterId) {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Dialing(mut dial) => dial.abandon(io),
            State::Up(session) => io.close(session.conn),
            State::Waiting(_) | State::Paused | State::Over => {}
        }
        io.set_service_timer(None);
        self.owner = None;
        self.ring.trim(0);
        self.settle(io.memory());
    }

    fn connected(&mut self, io: &mut dyn Io, conn: ConnId, result: std::io::Result<()>) {
        if let State::Dialing(dial) = &mut self.state {
            let dialed = dial.connected(io, conn, result);
            self.dialed(io, dialed);
        }
        self.arm(io);
    }

    fn resolved(&mut self, io: &mut dyn Io, lookup: Lookup, result: std::io::Result<Vec<std::net::SocketAddr>>) {
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
            session.ready(ready.readable, ready.writable);
        }
    }

    fn timer(&mut self, io: &mut dyn Io, _: Timer) {
        self.armed = None;
        self.timeout(io);
        self.tick(io);
        self.arm(io);
    }

    fn flush(&mut self, io: &mut dyn Io) -> bool {
        let more = self.serve(io);
        self.settle(io.memory());
        self.arm(io);
        more
    }
}
