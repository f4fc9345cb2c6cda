//! [`RtmpService`]: all connections of one address, the streams that outputs serve there, and what inputs take.
//!
//! All writing is done in `flush`: fresh media goes to those who wait for it first; then the others get a share each, in
//! order, within a budget. Readiness and deadlines only put a connection into that order.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use weir_media::Time;
use weir_plugin::tls::Tls;
use weir_plugin::{ConnId, FilterId, Io, Level, Message, ReactorId, Ready, Service, Timer};
use weir_rtmp::chunk::Limits;
use weir_rtmp::ring::{Batch, Media};
use weir_rtmp::{ErrorKind, ServerConfig, ServerSession};

use crate::client::{CONNECTION_BYTES, Client, Turn, Why};
use crate::clients::{Clients, Slot};
use crate::ingest::ToFeeder;
use crate::publish::Intake;
use crate::settings::{Address, AddressLimits, StreamSettings};
use crate::stream::{Stats, Stream};
use crate::twins::{Going, Place, ToTwin};

/// What clients may make us hold until they publish: they have little to say.
const CLIENT_LIMITS: Limits =
    Limits { video: 16 << 10, other: 16 << 10, command: 16 << 10, partial: 16 << 10, chunk_streams: 16 };
/// Bytes read at once.
const SCRATCH: usize = 16 << 10;
/// Bytes written in one flush to those who are not caught up, and what serving a connection costs besides.
const FLUSH_BUDGET: usize = 2 << 20;
const SERVE_COST: usize = 32 << 10;
/// Time between reports to outputs, while anything changes.
const STATS_EVERY: Duration = Duration::from_millis(500);
/// At the end of a stream, players that are late have this long to get the rest.
const DRAIN: Duration = Duration::from_secs(2);

/// From an output to its service.
pub(crate) enum ToService {
    /// Serve this.
    Open(Box<Open>),
    /// Messages, in order.
    Media(Vec<Media>),
    /// The stream is over.
    End,
}

/// What an output asks to serve.
pub(crate) struct Open {
    pub(crate) stream: StreamSettings,
    pub(crate) at: Address,
}

/// From the service to an output.
#[derive(Debug)]
pub(crate) enum FromService {
    /// It cannot be served, in a sentence.
    Refused(String),
    /// Counts that changed.
    Stats(Stats),
    /// After the end: nobody is left. The last counts.
    Drained(Stats),
}

/// The service of one address.
pub(crate) struct RtmpService {
    config: ServerConfig,
    tls: Option<Tls>,
    /// Where it stands among its twins on other reactors.
    pub(crate) place: Place,
    pub(crate) streams: BTreeMap<FilterId, Stream>,
    pub(crate) intakes: BTreeMap<FilterId, Intake>,
    pub(crate) clients: Clients,
    /// Connections with something to do, in the order they get their share.
    queue: VecDeque<ConnId>,
    /// Streams with media not yet offered to players.
    fresh: Vec<FilterId>,
    /// Connections turned away since the last report.
    turned_away: u32,
    scratch: Vec<u8>,
    batch: Batch,
    /// When outputs get their next report.
    report_at: Option<Time>,
    /// What the timer of the service is set to.
    armed: Option<Time>,
}

impl RtmpService {
    pub(crate) fn new(limits: AddressLimits, tls: Option<Tls>) -> Self {
        let config = ServerConfig {
            handshake_deadline: limits.timeout,
            connect_deadline: limits.timeout,
            limits: CLIENT_LIMITS,
            ..ServerConfig::default()
        };
        Self {
            config,
            tls,
            place: Place::home(),
            streams: BTreeMap::new(),
            intakes: BTreeMap::new(),
            clients: Clients::new(limits),
            queue: VecDeque::new(),
            fresh: Vec::new(),
            turned_away: 0,
            scratch: vec![0; SCRATCH],
            batch: Batch::default(),
            report_at: None,
            armed: None,
        }
    }

    fn open(&mut self, io: &mut dyn Io, from: FilterId, open: Open) {
        let Open { stream, at } = open;
        let path = stream.path.expose();
        let is_taken = self.streams.values().any(|s| s.ending.is_none() && s.settings.path.expose() == path);
        let taken =
            is_taken.then(|| format!("{} is served by another output already; give it a name of its own", at.shown));
        if let Some(why) = taken.or_else(|| self.unfit(&at)) {
            return io.post(from, Box::new(FromService::Refused(why)));
        }
        self.streams.insert(from, Stream::new(from, stream, self.config.chunk_size, io.memory()));
    }

    /// Why what is asked of this address does not go with what holds here already.
    pub(crate) fn unfit(&self, at: &Address) -> Option<String> {
        let shown = &at.shown;
        if at.tls.is_some() != self.tls.is_some() {
            return Some(format!("{shown}: rtmp:// and rtmps:// cannot share a port"));
        }
        (at.limits_given && at.limits != self.clients.limits()).then(|| {
            format!(
                "{shown}: maxconn, maxnew, maxip and timeout hold for all that is on an address; give them to the first"
            )
        })
    }

    /// Something is to be reported.
    pub(crate) fn changed(&mut self, io: &mut dyn Io) {
        if self.report_at.is_none() {
            let at = io.now() + STATS_EVERY;
            self.report_at = Some(at);
            self.wake_by(io, at);
        }
    }

    /// Has the timer run out by `at`. One that runs out earlier stays: it is set again then, if need be.
    fn wake_by(&mut self, io: &mut dyn Io, at: Time) {
        if self.armed.is_none_or(|armed| at < armed) {
            self.armed = Some(at);
            io.set_service_timer(Some(at));
        }
    }

    /// The timer ran out.
    fn wake(&mut self, io: &mut dyn Io) {
        self.armed = None;
        if self.report_at.is_some_and(|at| at <= io.now()) {
            self.report_at = None;
            self.tick(io);
        }
        let next = self.streams.values().filter_map(|s| s.due).chain(self.report_at).min();
        if let Some(at) = next.filter(|at| *at > io.now()) {
            self.wake_by(io, at);
        }
    }

    pub(crate) fn enqueue(&mut self, slot: Slot) {
        if let Some(client) = self.clients.get_mut(slot).filter(|p| !p.queued) {
            client.queued = true;
            self.queue.push_back(client.conn);
        }
    }

    /// The hot path: fresh media to everybody who waits for it, as soon as it is due.
    fn offer(&mut self, io: &mut dyn Io) {
        let now = io.now();
        let mut troubled: Vec<(Slot, Result<Turn, Why>)> = Vec::new();
        for id in std::mem::take(&mut self.fresh) {
            let Some(stream) = self.streams.get_mut(&id) else { continue };
            if let Some(due) = stream.due.filter(|due| *due > now)
                && stream.may_wait(io.memory())
            {
                self.fresh.push(id);
                self.wake_by(io, due);
                continue;
            }
            stream.due = None;
            stream.feed(io);
            let mut bytes = 0;
            self.batch.clear();
            for &slot in &stream.watchers {
                let Some(client) = self.clients.get_mut(slot).filter(|p| p.is_caught_up()) else { continue };
                let (sent, turn) = client.write(io, now, Some(stream), &mut self.batch);
                bytes += sent as u64;
                if turn != Ok(Turn::Rest) || client.writer.blocked {
                    troubled.push((slot, turn));
                }
            }
            stream.stats.bytes += bytes;
            // Only now: those who were there have it, however little can be kept for others.
            stream.settle(io.memory());
            self.changed(io);
        }
        for (slot, turn) in troubled {
            if let Some(client) = self.clients.take(slot) {
                self.put(io, slot, client, turn);
            }
        }
    }

    /// Serves one connection: what came, what its session makes of it, and what is to be written. Says how many bytes
    /// went out.
    fn serve(&mut self, io: &mut dyn Io, slot: Slot) -> usize {
        let Some(mut client) = self.clients.take(slot) else { return 0 };
        client.queued = false;
        let read = client.read(io, &mut self.scratch);
        self.progress(io, slot, client, read)
    }

    /// Goes on with a client that is taken out and was read from.
    pub(crate) fn progress(
        &mut self,
        io: &mut dyn Io,
        slot: Slot,
        mut client: Box<Client>,
        read: Result<Turn, Why>,
    ) -> usize {
        // What came before the end counts.
        let handled = self.handle_events(io, slot, &mut client);
        let read = read.and_then(|turn| handled.map(|()| turn));
        match client.goes.take().filter(|_| read.is_ok()) {
            Some(Going::Home) => {
                self.send_home(io, slot, client);
                return 0;
            }
            Some(Going::Away { to, stream, msid }) => {
                let Err(mut client) = self.send_off(io, slot, client, (to, stream, msid)) else { return 0 };
                self.watch_here(io.now(), slot, &mut client, stream, msid);
                return self.progress(io, slot, client, read);
            }
            None => {}
        }
        let (sent, turn) = match read {
            Ok(read) => {
                let (sent, wrote) = self.write(io, &mut client);
                (sent, wrote.map(|wrote| if read == Turn::More { read } else { wrote }))
            }
            over => (0, over),
        };
        self.put(io, slot, client, turn);
        sent
    }

    fn write(&mut self, io: &mut dyn Io, client: &mut Client) -> (usize, Result<Turn, Why>) {
        let now = io.now();
        let watched = client.watching.as_ref().map(|w| w.stream);
        let stream = watched.and_then(|id| self.streams.get_mut(&id));
        self.batch.clear();
        let (sent, turn) = client.write(io, now, stream.as_deref(), &mut self.batch);
        let Some(stream) = stream else { return (sent, turn) };
        stream.stats.bytes += sent as u64;
        if stream.ending.is_none() || turn != Ok(Turn::Rest) || !client.is_caught_up() {
            return (sent, turn);
        }
        self.end_watching(io, client);
        let (rest, turn) = client.write(io, now, None, &mut self.batch);
        (sent + rest, turn)
    }

    /// Tells a player that its stream is over, and ends its connection behind that.
    fn end_watching(&mut self, io: &mut dyn Io, client: &mut Client) {
        client.leaves = client.watching.as_ref().map(|w| w.stream);
        self.unwatch(client);
        client.session.close();
        client.close_soon(io.now());
        self.changed(io);
    }

    /// A player watches no more.
    pub(crate) fn unwatch(&mut self, client: &mut Client) {
        let Some(watching) = client.leave() else { return };
        let Some(stream) = self.streams.get_mut(&watching.stream) else { return };
        stream.dropped_before += watching.dropped();
        stream.watchers.swap_remove(watching.place);
        let moved = stream.watchers.get(watching.place).and_then(|slot| self.clients.get_mut(*slot));
        if let Some(moved) = moved.and_then(|p| p.watching.as_mut()) {
            moved.place = watching.place;
        }
    }

    /// Puts a client back after its turn, or drops it.
    pub(crate) fn put(&mut self, io: &mut dyn Io, slot: Slot, mut client: Box<Client>, turn: Result<Turn, Why>) {
        let turn = match turn {
            Ok(_) if !client.account() => Err(Why::Memory),
            turn => turn,
        };
        match turn {
            Err(why) => self.drop_client(io, slot, client, why),
            Ok(turn) => {
                io.set_timer(client.conn, client.deadline());
                self.clients.put(slot, client);
                if turn == Turn::More {
                    self.enqueue(slot);
                }
            }
        }
    }

    fn drop_client(&mut self, io: &mut dyn Io, slot: Slot, mut client: Box<Client>, why: Why) {
        let watched = client.watching.as_ref().map(|w| w.stream);
        let role = if client.publishing.is_some() { "publisher" } else { "player" };
        self.unpublish(io, &mut client, why.in_words());
        self.unwatch(&mut client);
        io.close(client.conn);
        let (level, text) = match why {
            Why::Closed => (Level::Debug, "closed".to_owned()),
            Why::Broken => (Level::Debug, "connection broken".to_owned()),
            // Scanners and browsers come by all the time.
            Why::Error(e) if matches!(e.kind, ErrorKind::NotRtmp(_)) => (Level::Debug, e.to_string()),
            Why::Error(e) => (Level::Info, e.to_string()),
            Why::Stalled => (Level::Info, "takes nothing any more".to_owned()),
            Why::Silent => (Level::Info, "sends nothing any more".to_owned()),
            Why::Late => (Level::Info, "too late for the end of the stream".to_owned()),
            Why::Evicted => (Level::Debug, "made room for newer connections".to_owned()),
            Why::Memory => (Level::Warning, "closed: the memory cap is reached".to_owned()),
        };
        io.log(level, format!("{role} {}: {text}", client.peer));
        if !matches!(why, Why::Closed | Why::Broken) {
            self.count_refused(watched);
        }
        self.tell_gone(io, &client);
        self.clients.forget(slot, client);
        self.changed(io);
    }

    /// Counts a connection that was refused or ended by a limit; on the first stream of the address when it watches none.
    fn count_refused(&mut self, watched: Option<FilterId>) {
        let first = || self.streams.keys().next().copied();
        if let Some(stream) = watched.or_else(first).and_then(|id| self.streams.get_mut(&id)) {
            stream.stats.refused += 1;
        }
    }

    pub(crate) fn end_stream(&mut self, io: &mut dyn Io, from: FilterId) {
        let Some(stream) = self.streams.get_mut(&from) else { return };
        stream.feed(io);
        stream.ending = Some(io.now() + DRAIN);
        stream.due = None;
        for slot in stream.watchers.clone() {
            self.enqueue(slot);
        }
        self.say_all(io, || ToTwin::End(from));
        self.changed(io);
    }

    /// The filter of a stream is gone.
    pub(crate) fn close_stream(&mut self, io: &mut dyn Io, filter: FilterId) {
        let Some(stream) = self.streams.remove(&filter) else { return };
        for slot in stream.watchers {
            if let Some(mut client) = self.clients.take(slot) {
                self.end_watching(io, &mut client);
                self.put(io, slot, client, Ok(Turn::More));
            }
        }
        self.say_all(io, || ToTwin::Left(filter));
    }

    /// A stream has something to offer.
    pub(crate) fn freshen(&mut self, id: FilterId) {
        if !self.fresh.contains(&id) {
            self.fresh.push(id);
        }
    }

    /// Reports to outputs, and gives up late players of streams that are over.
    fn tick(&mut self, io: &mut dyn Io) {
        let now = io.now();
        let mut over: Vec<(Slot, Why)> = Vec::new();
        for stream in self.streams.values_mut() {
            stream.survey(&self.clients, now);
            if !stream.settle(io.memory()) {
                over.extend(stream.stuck(&self.clients).map(|slot| (slot, Why::Memory)));
            }
            if stream.ending.is_some_and(|at| at <= now) {
                over.extend(stream.watchers.iter().map(|slot| (*slot, Why::Late)));
            }
            Self::report(io, &self.place, stream);
        }
        for (slot, why) in over {
            if let Some(client) = self.clients.take(slot) {
                self.drop_client(io, slot, client, why);
            }
        }
        if std::mem::take(&mut self.turned_away) > 0 {
            io.log(Level::Warning, "connections were turned away: a limit is reached".to_owned());
        }
        if self.say_rest(io) || self.streams.values().any(|s| s.ending.is_some()) {
            self.changed(io);
        }
    }

    /// Tells outputs whose stream is over and whose players are all gone.
    fn finish_drained(&mut self, io: &mut dyn Io) {
        let is_over = |s: &Stream| s.ending.is_some() && s.watchers.is_empty() && s.players_away() == 0;
        if !self.streams.values().any(is_over) {
            return;
        }
        let (clients, now) = (&self.clients, io.now());
        let drained = |id: &FilterId, s: &mut Stream| is_over(s) && !clients.iter().any(|p| p.leaves == Some(*id));
        for (id, mut stream) in self.streams.extract_if(.., drained) {
            stream.survey(clients, now);
            if let Place::Home(_) = self.place {
                io.post(id, Box::new(FromService::Drained(stream.told())));
            }
        }
    }
}

impl Service for RtmpService {
    fn message(&mut self, io: &mut dyn Io, from: FilterId, message: Message) {
        let message = match message.downcast::<ToFeeder>().map(|m| *m) {
            Ok(ToFeeder::Listen(open)) => return self.open_intake(io, from, *open),
            Ok(ToFeeder::Taken { feed, bytes }) => return self.media_taken(io.now(), from, feed, bytes),
            Ok(ToFeeder::GiveUp { feed }) => return self.give_up(io, from, feed),
            Ok(ToFeeder::Connect) => return, // for those that connect
            Err(message) => message,
        };
        match message.downcast::<ToService>().map(|m| *m) {
            Ok(ToService::Open(open)) => self.open(io, from, *open),
            Ok(ToService::Media(batch)) => {
                if let Some(stream) = self.streams.get_mut(&from) {
                    stream.push(io.now(), batch);
                    self.freshen(from);
                }
            }
            Ok(ToService::End) => self.end_stream(io, from),
            Err(_) => {} // not one of ours
        }
    }

    fn left(&mut self, io: &mut dyn Io, filter: FilterId) {
        self.close_intake(io, filter);
        self.close_stream(io, filter);
    }

    fn told(&mut self, io: &mut dyn Io, from: ReactorId, message: Message) {
        self.told_by(io, from, message);
    }

    fn moved_in(&mut self, io: &mut dyn Io, conn: ConnId, from: ReactorId, with: Message) {
        self.arrived(io, conn, from, with);
    }

    fn admits(&self) -> bool {
        self.clients.has_room()
    }

    fn accepted(&mut self, io: &mut dyn Io, conn: ConnId, peer: SocketAddr) {
        let lease = if self.clients.admits(peer.ip()) { io.memory().lease(CONNECTION_BYTES) } else { None };
        let Some(lease) = lease else {
            self.turned_away += 1;
            self.count_refused(None);
            self.changed(io);
            return io.close(conn);
        };
        if let Some(slot) = self.clients.in_the_way()
            && let Some(client) = self.clients.take(slot)
        {
            self.drop_client(io, slot, client, Why::Evicted);
        }
        let mut seed = [0; 32];
        io.random(&mut seed);
        let session = ServerSession::new(self.config.clone(), seed, io.now());
        let slot = self.clients.insert(Client::new(conn, peer, session, lease));
        if let Some(tls) = &self.tls
            && io.secure(conn, tls).is_err()
            && let Some(client) = self.clients.take(slot)
        {
            return self.drop_client(io, slot, client, Why::Broken);
        }
        self.serve(io, slot);
    }

    /// A connection is encrypted now, or will never be.
    fn connected(&mut self, io: &mut dyn Io, conn: ConnId, result: std::io::Result<()>) {
        if result.is_ok() {
            return self.ready(io, conn, Ready { readable: true, writable: true });
        }
        let Some(slot) = self.clients.find(conn) else { return };
        if let Some(client) = self.clients.take(slot) {
            self.drop_client(io, slot, client, Why::Broken);
        }
    }

    fn ready(&mut self, _: &mut dyn Io, conn: ConnId, ready: Ready) {
        let Some(slot) = self.clients.find(conn) else { return };
        if let Some(client) = self.clients.get_mut(slot) {
            client.readable |= ready.readable;
            client.writer.blocked &= !ready.writable;
        }
        self.enqueue(slot);
    }

    fn timer(&mut self, io: &mut dyn Io, timer: Timer) {
        let Timer::Conn(conn) = timer else { return self.wake(io) };
        let Some(slot) = self.clients.find(conn) else { return };
        if let Some(mut client) = self.clients.take(slot) {
            let turn = client.timeout(io.now()).map(|()| Turn::More);
            self.put(io, slot, client, turn);
        }
    }

    fn flush(&mut self, io: &mut dyn Io) -> bool {
        self.offer(io);
        let mut left = FLUSH_BUDGET;
        while left > 0
            && let Some(conn) = self.queue.pop_front()
        {
            let sent = self.clients.find(conn).map_or(0, |slot| self.serve(io, slot));
            left = left.saturating_sub(SERVE_COST + sent);
        }
        self.finish_drained(io);
        !self.queue.is_empty()
    }
}

#[cfg(test)]
impl RtmpService {
    /// Fails when what connections and streams say of each other does not agree.
    pub(crate) fn check(&self, net: &weir_plugin::harness::SimNet) {
        self.clients.check();
        assert_eq!(net.open(), self.clients.iter().count() + self.clients.away());
        let mut watching = 0;
        for client in self.clients.iter() {
            let queued = self.queue.iter().filter(|conn| **conn == client.conn).count();
            assert_eq!(queued, usize::from(client.queued));
            if let Some(w) = &client.watching {
                watching += 1;
                let slot = self.streams[&w.stream].watchers[w.place];
                assert_eq!(self.clients.find(client.conn), Some(slot));
                assert!(client.is_caught_up() || client.writer.blocked || client.queued, "nobody will call it");
            }
            assert!(client.queued || net.timer_of(client.conn) == client.deadline());
        }
        assert_eq!(watching, self.streams.values().map(|s| s.watchers.len()).sum::<usize>());
        assert!(self.streams.values().all(|s| s.leased() >= s.ring.bytes()));
        let leased: usize = self.clients.iter().map(Client::leased).sum();
        assert!(
            self.clients.away() > 0
                || net.memory().used() == leased + self.streams.values().map(Stream::leased).sum::<usize>()
        );
    }
}
