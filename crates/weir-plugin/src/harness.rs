//! Runs one filter or one service alone, in simulated time, for tests.
//!
//! [`Harness`] drives a [`Filter`]: push properties and packets, run, look at what came out. [`SimNet`] drives a
//! [`Service`]: make connections whose far end stalls, trickles, resets or closes as a test says. Neither sleeps.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::time::Duration;

use weir_media::{Packet, Props, Time};
use weir_tls::Tls;

use crate::{
    ConnId, Credit, Ctx, Effect, Error, Event, Filter, FilterId, InId, InQueue, Io, Item, Level, Lookup, Mailbox,
    Memory, Message, OutId, OutputRecord, PathInfo, ReactorId, Ready, Result, Service, Status, TcpOptions, Timer,
};

/// Calls of `process` in one [`Harness::run`] before the filter counts as one that never rests.
const MAX_CALLS: usize = 100_000;

/// What one output of a filter under test produced.
#[derive(Debug, Default)]
pub struct Output {
    /// Properties, as opened and as changed.
    pub props: Vec<Props>,
    /// Packets not yet taken by the test.
    pub packets: Vec<Packet>,
    /// The filter ended it.
    pub ended: bool,
}

/// One filter under test.
pub struct Harness {
    filter: Box<dyn Filter>,
    mail: Mailbox,
    outputs: Vec<Output>,
    /// Lines the filter logged.
    pub logs: Vec<(Level, String)>,
    /// Records the filter published.
    pub records: Vec<OutputRecord>,
    /// Inputs for which a key frame was asked.
    pub key_requests: Vec<InId>,
    /// What it wished its inputs to be like.
    pub wishes: Vec<(InId, Props)>,
    /// Addresses it listens on, with the messages it posted to each.
    pub posts: Vec<Message>,
    /// Room each output has before every call.
    pub credit: Credit,
    started: bool,
}

impl Harness {
    /// A harness around `filter`, at time zero, with settled inputs and endless room.
    #[must_use]
    pub fn new(filter: Box<dyn Filter>) -> Self {
        let mut mail = Mailbox::new(Memory::new(1 << 30));
        mail.settled = true;
        mail.utc = 1_700_000_000_000_000;
        Self {
            filter,
            mail,
            outputs: Vec::new(),
            logs: Vec::new(),
            records: Vec::new(),
            key_requests: Vec::new(),
            wishes: Vec::new(),
            posts: Vec::new(),
            credit: Credit::Endless,
            started: false,
        }
    }

    /// Connects an input with these properties.
    pub fn input(&mut self, props: Props) -> InId {
        let id = InId(u32::try_from(self.mail.inputs.len()).expect("few inputs in a test"));
        self.mail.inputs.push(InQueue { items: [Item::Props(props)].into(), ..InQueue::default() });
        id
    }

    /// Queues an item on an input.
    pub fn push(&mut self, input: InId, item: Item) {
        self.mail.inputs[input.0 as usize].items.push_back(item);
    }

    /// Queues a packet on an input.
    pub fn packet(&mut self, input: InId, packet: Packet) {
        self.push(input, Item::Packet(packet));
    }

    /// Queues the end of an input.
    pub fn end(&mut self, input: InId) {
        self.push(input, Item::End);
    }

    /// Says whether all inputs are known.
    pub fn set_settled(&mut self, settled: bool) {
        self.mail.settled = settled;
    }

    /// Says whether the session is live.
    pub fn set_live(&mut self, live: bool) {
        self.mail.live = live;
    }

    /// Moves both clocks forward.
    pub fn advance(&mut self, by: Duration) {
        self.mail.now += by;
        self.mail.utc += u64::try_from(by.as_micros()).expect("a short time");
    }

    /// Sets the wall clock, microseconds since 1970.
    pub fn set_utc(&mut self, micros: u64) {
        self.mail.utc = micros;
    }

    /// The session clock.
    #[must_use]
    pub fn now(&self) -> Time {
        self.mail.now
    }

    /// Starts the filter if need be and calls `process` until it rests or is done.
    ///
    /// # Errors
    /// What the filter returned.
    ///
    /// # Panics
    /// When the filter never rests.
    pub fn run(&mut self) -> Result<Status> {
        for _ in 0..MAX_CALLS {
            match self.step()? {
                Status::Again => {}
                Status::Until(at) if at <= self.mail.now => {}
                Status::Idle if self.rests_for_room() => {}
                rest => return Ok(rest),
            }
        }
        panic!("the filter never rests: {MAX_CALLS} calls");
    }

    /// Whether an output was full and is not any more, as its consumer has taken everything.
    fn rests_for_room(&self) -> bool {
        let full = |o: &crate::OutQueue| !o.ended && o.credit == Credit::Packets(0);
        self.credit != Credit::Packets(0) && self.mail.outs.iter().any(full)
    }

    /// Starts the filter if need be and calls `process` once.
    ///
    /// # Errors
    /// What the filter returned.
    pub fn step(&mut self) -> Result<Status> {
        if !self.started {
            self.started = true;
            self.call(|f, ctx| f.start(ctx))?;
        }
        for out in &mut self.mail.outs {
            out.credit = self.credit;
        }
        self.call(|f, ctx| f.process(ctx))
    }

    /// Delivers an event.
    ///
    /// # Errors
    /// What the filter returned.
    pub fn event(&mut self, event: Event) -> Result<()> {
        self.call(|f, ctx| f.event(ctx, event))
    }

    fn call<T>(&mut self, f: impl FnOnce(&mut dyn Filter, &mut Ctx<'_>) -> Result<T>) -> Result<T> {
        let result = f(&mut *self.filter, &mut self.mail.ctx());
        for effect in std::mem::take(&mut self.mail.effects) {
            self.apply(effect);
        }
        for (queue, output) in self.mail.outs.iter_mut().zip(&mut self.outputs) {
            for item in queue.items.drain(..) {
                match item {
                    Item::Props(props) => output.props.push(props),
                    Item::Packet(packet) => output.packets.push(packet),
                    Item::End => output.ended = true,
                }
            }
        }
        result
    }

    fn apply(&mut self, effect: Effect) {
        match effect {
            Effect::Open(_, props) => self.outputs.push(Output { props: vec![props], ..Output::default() }),
            Effect::Wish(input, props) => self.wishes.push((input, *props)),
            Effect::RequestKey(input) => self.key_requests.push(input),
            Effect::Log(level, line) => self.logs.push((level, line)),
            Effect::Record(record) => self.records.push(*record),
            Effect::Serve { .. } | Effect::Stop => {}
            Effect::Post(_, message) => self.posts.push(message),
        }
    }

    /// All outputs opened so far.
    #[must_use]
    pub fn outputs(&self) -> &[Output] {
        &self.outputs
    }

    /// Takes the packets of an output.
    pub fn take(&mut self, out: OutId) -> Vec<Packet> {
        std::mem::take(&mut self.outputs[out.0 as usize].packets)
    }

    /// Runs the filter to its end.
    ///
    /// # Errors
    /// What the filter returned, or an internal error when it rests without being done.
    pub fn finish(&mut self) -> Result<()> {
        match self.run()? {
            Status::Done => Ok(()),
            other => Err(Error::new(crate::ErrorKind::Internal, format!("the filter rests with {other:?}, not done"))),
        }
    }
}

/// The far end of a simulated connection.
#[derive(Debug)]
struct Far {
    /// The reactor it is on.
    on: ReactorId,
    to_service: VecDeque<u8>,
    from_service: Vec<u8>,
    /// Bytes the near end may still write before it would block.
    window: usize,
    ended: bool,
    reset: bool,
    told_readable: bool,
    told_writable: bool,
    shut: bool,
    timer: Option<Time>,
}

impl Far {
    /// An open connection whose near end may write `window` bytes.
    fn open(window: usize) -> Self {
        Self {
            on: ReactorId::HOME,
            to_service: VecDeque::new(),
            from_service: Vec::new(),
            window,
            ended: false,
            reset: false,
            told_readable: false,
            told_writable: true,
            shut: false,
            timer: None,
        }
    }
}

/// Something that is told to the service in the next turn.
#[derive(Debug)]
enum Answer {
    Connected(ConnId, io::Result<()>),
    Resolved(Lookup, io::Result<Vec<SocketAddr>>),
}

/// What is left of a connection that the service closed.
#[derive(Debug)]
struct Closed {
    from_service: Vec<u8>,
    by_reset: bool,
}

/// What waits to be taken by another reactor.
struct Mail {
    from: ReactorId,
    to: ReactorId,
    conn: Option<ConnId>,
    message: Message,
}

/// A simulated network and clock for one [`Service`], and for its twins on as many reactors as a test says.
pub struct SimNet {
    reactors: u32,
    /// The reactor whose turn it is.
    here: ReactorId,
    twins: BTreeMap<ReactorId, Box<dyn Service>>,
    mail: VecDeque<Mail>,
    /// Messages and connections that may wait for other reactors.
    pub mail_room: usize,
    now: Time,
    conns: BTreeMap<u64, Far>,
    closed: BTreeMap<u64, Closed>,
    next: u64,
    service_timers: BTreeMap<ReactorId, Time>,
    seed: u64,
    memory: Memory,
    answers: VecDeque<Answer>,
    /// Connections the service has begun that the test has not answered: see [`SimNet::answer`].
    pub dials: Vec<(ConnId, SocketAddr)>,
    /// Connections the service has begun to encrypt that the test has not answered: see [`SimNet::answer`]. The bytes of
    /// the simulation stay plain.
    pub secures: Vec<ConnId>,
    /// Names the service has asked for that the test has not answered: see [`SimNet::answer_name`].
    pub lookups: Vec<(Lookup, String)>,
    /// What the service is told of every way.
    pub path: Option<PathInfo>,
    /// Messages the service posted.
    pub posts: Vec<(FilterId, Message)>,
    /// Lines the service logged.
    pub logs: Vec<(Level, String)>,
    /// Calls of [`Io::write`] so far.
    pub writes: u64,
    /// Bytes the service wrote so far.
    pub written: u64,
}

impl SimNet {
    /// A network at time zero whose randomness comes from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            reactors: 1,
            here: ReactorId::HOME,
            twins: BTreeMap::new(),
            mail: VecDeque::new(),
            mail_room: usize::MAX,
            now: Time::ZERO,
            conns: BTreeMap::new(),
            closed: BTreeMap::new(),
            next: 1,
            service_timers: BTreeMap::new(),
            seed: seed | 1,
            memory: Memory::new(256 << 20),
            answers: VecDeque::new(),
            dials: Vec::new(),
            secures: Vec::new(),
            lookups: Vec::new(),
            path: None,
            posts: Vec::new(),
            logs: Vec::new(),
            writes: 0,
            written: 0,
        }
    }

    /// The same network with a memory account of `cap` bytes.
    #[must_use]
    pub fn with_memory(mut self, cap: usize) -> Self {
        self.memory = Memory::new(cap);
        self
    }

    /// The same network with `reactors` in all.
    #[must_use]
    pub fn with_reactors(mut self, reactors: u32) -> Self {
        self.reactors = reactors;
        self
    }

    /// The reactor a connection is on.
    #[must_use]
    pub fn reactor_of(&self, conn: ConnId) -> Option<ReactorId> {
        Some(self.conns.get(&conn.0)?.on)
    }

    /// Connections open on a reactor.
    #[must_use]
    pub fn open_on(&self, reactor: ReactorId) -> usize {
        self.conns.values().filter(|far| far.on == reactor).count()
    }

    /// Calls the service of a reactor, in its place.
    fn call<T>(
        &mut self,
        on: ReactorId,
        home: &mut dyn Service,
        f: impl FnOnce(&mut dyn Service, &mut Self) -> T,
    ) -> Option<T> {
        if on == ReactorId::HOME {
            return Some(f(home, self));
        }
        let mut twin = self.twins.remove(&on)?;
        self.here = on;
        let value = f(&mut *twin, self);
        self.here = ReactorId::HOME;
        self.twins.insert(on, twin);
        Some(value)
    }

    /// Connects a peer that takes up to `window` bytes before it stalls. `None` when the service admits nobody.
    pub fn connect(&mut self, service: &mut dyn Service, peer: SocketAddr, window: usize) -> Option<ConnId> {
        if !service.admits() {
            return None;
        }
        let conn = self.insert(window);
        service.accepted(self, conn, peer);
        Some(conn)
    }

    fn insert(&mut self, window: usize) -> ConnId {
        let id = self.next;
        self.next += 1;
        self.conns.insert(id, Far::open(window));
        ConnId(id)
    }

    /// Answers a connection the service has begun, or begun to encrypt: it is there and takes up to `window` bytes before it stalls, or it
    /// cannot be made.
    pub fn answer(&mut self, conn: ConnId, window: io::Result<usize>) {
        self.dials.retain(|(dial, _)| *dial != conn);
        self.secures.retain(|secure| *secure != conn);
        let Some(far) = self.conns.get_mut(&conn.0) else { return };
        match window {
            Ok(window) => {
                far.window = window;
                far.told_writable = true;
                self.answers.push_back(Answer::Connected(conn, Ok(())));
            }
            Err(e) => {
                self.conns.remove(&conn.0);
                self.answers.push_back(Answer::Connected(conn, Err(e)));
            }
        }
    }

    /// Answers a name the service has asked for.
    pub fn answer_name(&mut self, lookup: Lookup, found: io::Result<Vec<SocketAddr>>) {
        self.lookups.retain(|(asked, _)| *asked != lookup);
        self.answers.push_back(Answer::Resolved(lookup, found));
    }

    /// The peer sends bytes.
    pub fn send(&mut self, conn: ConnId, bytes: &[u8]) {
        if let Some(far) = self.conns.get_mut(&conn.0) {
            far.to_service.extend(bytes);
            far.told_readable = false;
        }
    }

    /// The peer reads what came, and can take `more` bytes from now on. What was sent before the service closed the
    /// connection can be read after it.
    pub fn receive(&mut self, conn: ConnId, more: usize) -> Vec<u8> {
        let Some(far) = self.conns.get_mut(&conn.0) else {
            return self.closed.get_mut(&conn.0).map(|c| std::mem::take(&mut c.from_service)).unwrap_or_default();
        };
        far.window = far.window.saturating_add(more);
        if more > 0 {
            far.told_writable = false;
        }
        std::mem::take(&mut far.from_service)
    }

    /// The peer takes no more bytes until it receives again. Answers how many it would have taken.
    pub fn take_window(&mut self, conn: ConnId) -> usize {
        self.conns.get_mut(&conn.0).map_or(0, |far| std::mem::take(&mut far.window))
    }

    /// The peer ends its sending side.
    pub fn end(&mut self, conn: ConnId) {
        if let Some(far) = self.conns.get_mut(&conn.0) {
            far.ended = true;
            far.told_readable = false;
        }
    }

    /// The peer resets the connection.
    pub fn reset(&mut self, conn: ConnId) {
        if let Some(far) = self.conns.get_mut(&conn.0) {
            far.reset = true;
            far.told_readable = false;
        }
    }

    /// Whether the service still has the connection open.
    #[must_use]
    pub fn is_open(&self, conn: ConnId) -> bool {
        self.conns.contains_key(&conn.0)
    }

    /// Whether the service ended its sending side.
    #[must_use]
    pub fn is_shut(&self, conn: ConnId) -> bool {
        self.conns.get(&conn.0).is_some_and(|far| far.shut)
    }

    /// Whether the service closed the connection before it had read all that came. A real peer may then lose the last
    /// bytes sent to it.
    #[must_use]
    pub fn is_closed_by_reset(&self, conn: ConnId) -> bool {
        self.closed.get(&conn.0).is_some_and(|c| c.by_reset)
    }

    /// Connections the service has open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.conns.len()
    }

    /// When the timer of a connection runs out, if it is set.
    #[must_use]
    pub fn timer_of(&self, conn: ConnId) -> Option<Time> {
        self.conns.get(&conn.0)?.timer
    }

    /// Moves the clock.
    pub fn advance(&mut self, by: Duration) {
        self.now += by;
    }

    /// Delivers flushes, readiness and timers due now until nothing is left to do.
    ///
    /// # Panics
    /// When the service never rests.
    pub fn run(&mut self, service: &mut dyn Service) {
        for _ in 0..MAX_CALLS {
            if !self.turn(service) {
                return;
            }
        }
        panic!("the service never rests: {MAX_CALLS} turns");
    }

    /// One turn of a host: a flush, then readiness and timers due now. True when there may be more to do.
    pub fn turn(&mut self, service: &mut dyn Service) -> bool {
        let mut more = false;
        for on in (0..self.reactors).map(ReactorId) {
            more |= self.call(on, service, |service, net| service.flush(net)).unwrap_or(false);
        }
        self.deliver_mail(service)
            | self.deliver_answers(service)
            | self.deliver_ready(service)
            | self.deliver_timers(service)
            | more
    }

    fn mail(&mut self, to: ReactorId, conn: Option<ConnId>, message: Message) -> std::result::Result<(), Message> {
        let is_way = if self.here == ReactorId::HOME { self.twins.contains_key(&to) } else { to == ReactorId::HOME };
        let is_full = to != ReactorId::HOME && self.mail.len() >= self.mail_room;
        if !is_way || is_full || conn.is_some_and(|conn| !self.conns.contains_key(&conn.0)) {
            return Err(message);
        }
        if let Some(far) = conn.and_then(|conn| self.conns.get_mut(&conn.0)) {
            far.on = to;
            far.timer = None;
            (far.told_readable, far.told_writable) = (false, false);
        }
        self.mail.push_back(Mail { from: self.here, to, conn, message });
        Ok(())
    }

    fn deliver_mail(&mut self, service: &mut dyn Service) -> bool {
        let mail = std::mem::take(&mut self.mail);
        let any = !mail.is_empty();
        for Mail { from, to, conn, message } in mail {
            self.call(to, service, |service, net| match conn {
                None => service.told(net, from, message),
                Some(conn) => service.moved_in(net, conn, from, message),
            });
        }
        any
    }

    fn deliver_answers(&mut self, service: &mut dyn Service) -> bool {
        let answers = std::mem::take(&mut self.answers);
        let any = !answers.is_empty();
        for answer in answers {
            match answer {
                Answer::Connected(conn, result) => {
                    let on = self.reactor_of(conn).unwrap_or(ReactorId::HOME);
                    self.call(on, service, |service, net| service.connected(net, conn, result));
                }
                Answer::Resolved(lookup, result) => service.resolved(self, lookup, result),
            }
        }
        any
    }

    fn deliver_ready(&mut self, service: &mut dyn Service) -> bool {
        let mut events = Vec::new();
        for (id, far) in &mut self.conns {
            let readable = !far.told_readable && (!far.to_service.is_empty() || far.ended || far.reset);
            let writable = !far.told_writable && far.window > 0;
            far.told_readable |= readable;
            far.told_writable |= writable;
            if readable || writable {
                events.push((far.on, ConnId(*id), Ready { readable, writable }));
            }
        }
        for (on, conn, ready) in &events {
            self.call(*on, service, |service, net| service.ready(net, *conn, *ready));
        }
        !events.is_empty()
    }

    fn deliver_timers(&mut self, service: &mut dyn Service) -> bool {
        let now = self.now;
        let is_due = |far: &Far| far.timer.is_some_and(|at| at <= now);
        let mut fired: Vec<(ReactorId, Timer)> = self
            .conns
            .iter()
            .filter(|(_, far)| is_due(far))
            .map(|(id, far)| (far.on, Timer::Conn(ConnId(*id))))
            .collect();
        let over = self.service_timers.extract_if(.., |_, at| *at <= now);
        fired.extend(over.map(|(on, _)| (on, Timer::Service)));
        for (on, timer) in &fired {
            if let Timer::Conn(conn) = timer {
                self.set_timer(*conn, None);
            }
            self.call(*on, service, |service, net| service.timer(net, *timer));
        }
        !fired.is_empty()
    }
}

fn gone() -> io::Error {
    io::Error::from(io::ErrorKind::NotConnected)
}

impl Io for SimNet {
    fn now(&self) -> Time {
        self.now
    }

    fn resolve(&mut self, host: &str, _: u16) -> io::Result<Lookup> {
        let lookup = Lookup(self.next);
        self.next += 1;
        self.lookups.push((lookup, host.to_owned()));
        Ok(lookup)
    }

    fn connect(&mut self, addr: SocketAddr, _: TcpOptions) -> io::Result<ConnId> {
        let conn = self.insert(0);
        self.dials.push((conn, addr));
        Ok(conn)
    }

    fn secure(&mut self, conn: ConnId, _: &Tls) -> io::Result<()> {
        self.conns.get_mut(&conn.0).ok_or_else(gone)?.window = 0;
        self.secures.push(conn);
        Ok(())
    }

    fn path(&mut self, _: ConnId) -> Option<PathInfo> {
        self.path
    }

    fn read(&mut self, conn: ConnId, buf: &mut [u8]) -> io::Result<usize> {
        let far = self.conns.get_mut(&conn.0).ok_or_else(gone)?;
        if far.reset {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        let n = buf.len().min(far.to_service.len());
        if n == 0 && !far.ended {
            far.told_readable = false;
            return Err(io::ErrorKind::WouldBlock.into());
        }
        for (to, from) in buf.iter_mut().zip(far.to_service.drain(..n)) {
            *to = from;
        }
        Ok(n)
    }

    fn write(&mut self, conn: ConnId, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.writes += 1;
        let far = self.conns.get_mut(&conn.0).ok_or_else(gone)?;
        if far.reset || far.shut {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        if far.window == 0 {
            far.told_writable = false;
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let mut taken = 0;
        for buf in bufs {
            let n = buf.len().min(far.window);
            far.from_service.extend_from_slice(&buf[..n]);
            far.window -= n;
            taken += n;
            if far.window == 0 {
                break;
            }
        }
        self.written += taken as u64;
        Ok(taken)
    }

    fn shutdown(&mut self, conn: ConnId) {
        if let Some(far) = self.conns.get_mut(&conn.0) {
            far.shut = true;
        }
    }

    fn close(&mut self, conn: ConnId) {
        self.dials.retain(|(dial, _)| *dial != conn);
        self.secures.retain(|secure| *secure != conn);
        if let Some(far) = self.conns.remove(&conn.0) {
            let by_reset = !far.to_service.is_empty();
            self.closed.insert(conn.0, Closed { from_service: far.from_service, by_reset });
        }
    }

    fn set_timer(&mut self, conn: ConnId, at: Option<Time>) {
        if let Some(far) = self.conns.get_mut(&conn.0) {
            far.timer = at;
        }
    }

    fn set_service_timer(&mut self, at: Option<Time>) {
        match at {
            Some(at) => drop(self.service_timers.insert(self.here, at)),
            None => drop(self.service_timers.remove(&self.here)),
        }
    }

    fn reactors(&self) -> u32 {
        if self.here == ReactorId::HOME { self.reactors } else { 1 }
    }

    fn place(&mut self, on: ReactorId, twin: Box<dyn Service>) -> io::Result<()> {
        if self.here != ReactorId::HOME || on == ReactorId::HOME || on.0 >= self.reactors {
            return Err(io::ErrorKind::NotFound.into());
        }
        assert!(self.twins.insert(on, twin).is_none(), "a twin is placed once");
        Ok(())
    }

    fn tell(&mut self, to: ReactorId, message: Message) -> std::result::Result<(), Message> {
        self.mail(to, None, message)
    }

    fn move_to(&mut self, conn: ConnId, to: ReactorId, with: Message) -> std::result::Result<(), Message> {
        self.mail(to, Some(conn), with)
    }

    fn post(&mut self, to: FilterId, message: Message) {
        self.posts.push((to, message));
    }

    fn random(&mut self, buf: &mut [u8]) {
        for byte in buf {
            // xorshift64: repeatable, and all a handshake needs in a test.
            self.seed ^= self.seed << 13;
            self.seed ^= self.seed >> 7;
            self.seed ^= self.seed << 17;
            *byte = self.seed.to_le_bytes()[0];
        }
    }

    fn log(&mut self, level: Level, line: String) {
        self.logs.push((level, line));
    }

    fn memory(&self) -> &Memory {
        &self.memory
    }
}
