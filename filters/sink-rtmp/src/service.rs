//! [`RtmpService`]: all connections of one address, and the streams that outputs serve there.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use weir_media::{Bytes, Time};
use weir_plugin::{ConnId, FilterId, Io, Level, Message, Ready, Service, Timer};
use weir_rtmp::chunk::Limits;
use weir_rtmp::ring::Media;
use weir_rtmp::{ConnectRequest, Event, PlayRequest, Refusal, ServerConfig, ServerSession, StreamPath};

use crate::player::{Player, Turn, Watching, Why};
use crate::settings::{AddressLimits, StreamSettings};
use crate::stream::{Stats, Stream};

/// Players have little to say: what they may make us hold.
const PLAYER_LIMITS: Limits =
    Limits { video: 16 << 10, other: 16 << 10, command: 16 << 10, partial: 16 << 10, chunk_streams: 16 };
/// Memory leased for each connection: the limit above and what a session needs besides.
const CONNECTION_BYTES: usize = 24 << 10;
/// Bytes read at once.
const SCRATCH: usize = 16 << 10;
/// Connections with more to do that are served in one flush, behind those who are caught up.
const QUEUED_PER_FLUSH: usize = 64;
/// Time between reports to outputs, while anything changes.
const STATS_EVERY: Duration = Duration::from_millis(500);
/// At the end of a stream, players that are late have this long to get the rest.
const DRAIN: Duration = Duration::from_secs(2);
/// Deadline of a blocked connection that watches nothing.
const STALL: Duration = Duration::from_secs(10);

/// From an output to its service.
pub(crate) enum ToService {
    /// Serve this, shown to people as that.
    Open(Box<StreamSettings>, String),
    /// Messages, in order.
    Media(Vec<Media>),
    /// The stream is over.
    End,
}

/// From the service to an output.
#[derive(Debug)]
pub(crate) enum FromService {
    /// It cannot be served, in a sentence.
    Refused(String),
    /// Counts that changed.
    Stats(Stats),
    /// After the end: nobody is left.
    Drained,
}

/// The service of one address.
pub(crate) struct RtmpService {
    limits: AddressLimits,
    config: ServerConfig,
    streams: HashMap<FilterId, Stream>,
    players: HashMap<ConnId, Player>,
    per_ip: HashMap<IpAddr, usize>,
    /// Connections that do not play yet, oldest first; some have gone.
    new: VecDeque<ConnId>,
    new_count: usize,
    /// Connections with more to do than one turn allows.
    queue: VecDeque<ConnId>,
    /// Streams with media not yet offered to players.
    fresh: Vec<FilterId>,
    scratch: Vec<u8>,
    out: Vec<Bytes>,
    stats_armed: bool,
}

impl RtmpService {
    pub(crate) fn new(limits: AddressLimits) -> Self {
        let config = ServerConfig {
            handshake_deadline: limits.timeout,
            connect_deadline: limits.timeout,
            limits: PLAYER_LIMITS,
            ..ServerConfig::default()
        };
        Self {
            limits,
            config,
            streams: HashMap::new(),
            players: HashMap::new(),
            per_ip: HashMap::new(),
            new: VecDeque::new(),
            new_count: 0,
            queue: VecDeque::new(),
            fresh: Vec::new(),
            scratch: vec![0; SCRATCH],
            out: Vec::new(),
            stats_armed: false,
        }
    }

    fn open(&mut self, io: &mut dyn Io, from: FilterId, settings: StreamSettings, shown: &str) {
        let path = settings.path.expose();
        if self.streams.values().any(|s| s.settings.path.expose() == path) {
            let why = format!("{shown} is served by another output already; give it a name of its own");
            return io.post(from, Box::new(FromService::Refused(why)));
        }
        self.streams.insert(from, Stream::new(from, settings, self.config.chunk_size));
    }

    fn changed(&mut self, io: &mut dyn Io) {
        if !std::mem::replace(&mut self.stats_armed, true) {
            io.set_service_timer(Some(io.now() + STATS_EVERY));
        }
    }

    /// Serves one connection: events of its session, then what is to be written.
    fn serve(&mut self, io: &mut dyn Io, conn: ConnId, read: bool) {
        let Some(mut player) = self.players.remove(&conn) else { return };
        player.queued = false;
        let mut turn = if read { player.read(io, &mut self.scratch) } else { Turn::Rest };
        while let Some(event) = player.next_event() {
            self.event(io, &mut player, event);
        }
        // What the session says about an error goes out before the end.
        let written = self.write(io, &mut player);
        turn = match (turn, written) {
            (over @ Turn::Over(_), _) | (_, over @ Turn::Over(_)) => over,
            (Turn::More, _) | (_, Turn::More) => Turn::More,
            _ => Turn::Rest,
        };
        self.conclude(io, player, turn);
    }

    fn write(&mut self, io: &mut dyn Io, player: &mut Player) -> Turn {
        let watched = player.watching.as_ref().map(|w| w.stream);
        let mut stream = watched.and_then(|id| self.streams.get_mut(&id));
        let turn = player.write(io, stream.as_deref_mut(), &mut self.out);
        let over = stream.is_some_and(|s| s.ending.is_some());
        let caught_up = turn == Turn::Rest && !player.blocked;
        if over && caught_up && player.watching.is_some() {
            self.end_watching(io, player);
            return player.write(io, None, &mut self.out);
        }
        turn
    }

    /// Tells a player that its stream is over, and ends its connection behind that.
    fn end_watching(&mut self, io: &mut dyn Io, player: &mut Player) {
        self.unwatch(player);
        player.session.close();
        player.closing = true;
        self.changed(io);
    }

    fn conclude(&mut self, io: &mut dyn Io, mut player: Player, turn: Turn) {
        match turn {
            Turn::Over(why) => return self.drop_player(io, player, why),
            Turn::More if !player.queued => {
                player.queued = true;
                self.queue.push_back(player.conn);
            }
            Turn::More | Turn::Rest => {}
        }
        let stall = self.stall(&player);
        io.set_timer(player.conn, player.deadline(stall));
        self.players.insert(player.conn, player);
    }

    fn stall(&self, player: &Player) -> Duration {
        let stream = player.watching.as_ref().and_then(|w| self.streams.get(&w.stream));
        stream.map_or(STALL, |s| s.settings.stall)
    }

    fn drop_player(&mut self, io: &mut dyn Io, mut player: Player, why: Why) {
        let watched = player.watching.as_ref().map(|w| w.stream);
        self.unwatch(&mut player);
        io.close(player.conn);
        if player.is_new {
            self.new_count -= 1;
        }
        if let Some(count) = self.per_ip.get_mut(&player.peer.ip()) {
            *count -= 1;
            if *count == 0 {
                self.per_ip.remove(&player.peer.ip());
            }
        }
        let (level, text) = match why {
            Why::Closed => (Level::Debug, "closed".to_owned()),
            Why::Broken => (Level::Debug, "connection broken".to_owned()),
            Why::Error(e) => (Level::Info, e.to_string()),
            Why::Stalled => (Level::Info, "takes nothing any more".to_owned()),
            Why::Memory => (Level::Warning, "closed: the memory cap is reached".to_owned()),
        };
        if matches!(why, Why::Error(_) | Why::Stalled | Why::Memory) {
            let stream = match watched {
                Some(id) => self.streams.get_mut(&id),
                None => self.streams.values_mut().next(),
            };
            stream.into_iter().for_each(|s| s.stats.refused += 1);
        }
        io.log(level, format!("player {}: {text}", player.peer));
        self.changed(io);
    }

    fn unwatch(&mut self, player: &mut Player) {
        let dropped = player.dropped();
        if let Some(stream) = player.watching.take().and_then(|w| self.streams.get_mut(&w.stream)) {
            stream.stats.players -= 1;
            stream.dropped_before += dropped;
        }
    }

    fn event(&mut self, io: &mut dyn Io, player: &mut Player, event: Event) {
        let now = io.now();
        match event {
            Event::Connect(request) => self.connect(io, player, &request),
            Event::Play(request) => self.play(io, player, &request),
            Event::Publish(request) => {
                let session = &mut player.session;
                session.reject_publish(request.msid, Refusal::PublishDenied, "This server only plays.", now);
            }
            Event::Pause { on, .. } => self.pause(player, on, now),
            Event::ReceiveAudio { on, .. } => player.watching.iter_mut().for_each(|w| w.cursor.set_audio(on)),
            Event::ReceiveVideo { on, .. } => player.watching.iter_mut().for_each(|w| w.cursor.set_video(on)),
            Event::Stopped { msid } => {
                if player.watching.as_ref().is_some_and(|w| w.cursor.msid() == msid) {
                    self.unwatch(player);
                    self.changed(io);
                }
            }
            Event::Closed => player.closing = true,
        }
    }

    fn connect(&self, io: &mut dyn Io, player: &mut Player, request: &ConnectRequest) {
        let path = StreamPath::resolve(request.app.expose(), request.tc_url.expose(), "");
        let known = path.is_ok_and(|path| self.streams.values().any(|s| s.could_be_below(&path.expose())));
        if known {
            // Its error, if what came meanwhile is bad, comes again with the next input.
            let _ = player.session.accept_connect(io.now());
        } else {
            player.session.reject_connect(Refusal::InvalidApp, "There is no such app here.");
        }
    }

    fn play(&mut self, io: &mut dyn Io, player: &mut Player, request: &PlayRequest) {
        let now = io.now();
        let refuse = |player: &mut Player, refusal, why| player.session.reject_play(request.msid, refusal, why, now);
        let fits = self.streams.iter().filter(|(_, s)| s.ending.is_none());
        let best = fits.filter_map(|(id, s)| Some((s.fit(&request.path)?, *id))).min_by_key(|(fit, _)| *fit);
        let Some(stream) = best.and_then(|(_, id)| self.streams.get_mut(&id)) else {
            return refuse(player, Refusal::StreamNotFound, "There is no such stream here.");
        };
        if !stream.admits(player.peer.ip(), &request.path) {
            stream.stats.refused += 1;
            io.log(Level::Info, format!("player {}: not allowed to play", player.peer));
            return refuse(player, Refusal::PlayFailed, "Not allowed.");
        }
        if player.watching.is_some() {
            return refuse(player, Refusal::PlayFailed, "One stream per connection.");
        }
        player.session.accept_play(request.msid);
        let cursor = stream.ring.start(stream.settings.start, request.msid, now);
        stream.stats.players += 1;
        stream.stats.players_total += 1;
        player.watching = Some(Watching { stream: stream.owner, cursor, paused: false });
        if std::mem::take(&mut player.is_new) {
            self.new_count -= 1;
        }
        io.log(Level::Info, format!("player {}: plays {}", player.peer, request.path));
        self.changed(io);
    }

    /// A live stream does not wait: who comes back from a pause starts anew.
    fn pause(&self, player: &mut Player, on: bool, now: Time) {
        let Some(watching) = &mut player.watching else { return };
        if let Some(stream) = self.streams.get(&watching.stream).filter(|_| watching.paused && !on) {
            watching.cursor = stream.ring.start(stream.settings.start, watching.cursor.msid(), now);
        }
        watching.paused = on;
    }

    /// Offers fresh media to everybody who is ready for it.
    fn offer(&mut self, io: &mut dyn Io) {
        if self.fresh.is_empty() {
            return;
        }
        let fresh = std::mem::take(&mut self.fresh);
        let ready = |p: &&Player| {
            !p.blocked && !p.queued && p.watching.as_ref().is_some_and(|w| !w.paused && fresh.contains(&w.stream))
        };
        let due: Vec<ConnId> = self.players.values().filter(ready).map(|p| p.conn).collect();
        for conn in due {
            self.offer_to(io, conn);
        }
        self.changed(io);
    }

    /// The hot path: media to one player. Its deadline moves only when it blocks.
    fn offer_to(&mut self, io: &mut dyn Io, conn: ConnId) {
        let Some(player) = self.players.get_mut(&conn) else { return };
        let stream = player.watching.as_ref().and_then(|w| self.streams.get_mut(&w.stream));
        let ending = stream.as_ref().is_some_and(|s| s.ending.is_some());
        let turn = player.write(io, stream, &mut self.out);
        if turn != Turn::Rest || player.blocked || ending {
            self.serve(io, conn, false);
        }
    }

    fn end_stream(&mut self, io: &mut dyn Io, from: FilterId) {
        if let Some(stream) = self.streams.get_mut(&from) {
            stream.ending = Some(io.now() + DRAIN);
            self.fresh.push(from);
            self.stats_armed = true;
            io.set_service_timer(Some(io.now() + STATS_EVERY));
        }
    }

    /// Reports to outputs, and gives up late players of streams that are over.
    fn tick(&mut self, io: &mut dyn Io) {
        self.stats_armed = false;
        let now = io.now();
        let mut late: Vec<ConnId> = Vec::new();
        let mut live: HashMap<FilterId, (Duration, u64)> = HashMap::new();
        for player in self.players.values() {
            let Some(watching) = &player.watching else { continue };
            let Some(stream) = self.streams.get(&watching.stream) else { continue };
            let entry = live.entry(watching.stream).or_default();
            entry.0 = entry.0.max(stream.ring.lag(&watching.cursor, now));
            entry.1 += player.dropped();
            if stream.ending.is_some_and(|at| at <= now) {
                late.push(player.conn);
            }
        }
        for (id, stream) in &mut self.streams {
            let (lag, dropped) = live.get(id).copied().unwrap_or_default();
            stream.stats.lag = lag;
            stream.stats.dropped = stream.dropped_before + dropped;
            io.post(*id, Box::new(FromService::Stats(stream.stats)));
        }
        for conn in late {
            if let Some(player) = self.players.remove(&conn) {
                self.drop_player(io, player, Why::Stalled);
            }
        }
        if self.streams.values().any(|s| s.ending.is_some()) {
            self.changed(io);
        }
    }

    /// Tells outputs whose stream is over and whose players are all gone.
    fn finish_drained(&mut self, io: &mut dyn Io) {
        let drained = |s: &Stream| s.ending.is_some() && s.stats.players == 0;
        if !self.streams.values().any(drained) || self.players.values().any(|p| p.closing) {
            return;
        }
        for (id, _) in self.streams.extract_if(|_, s| drained(s)) {
            io.post(id, Box::new(FromService::Drained));
        }
    }
}

impl Service for RtmpService {
    fn message(&mut self, io: &mut dyn Io, from: FilterId, message: Message) {
        match message.downcast::<ToService>().map(|m| *m) {
            Ok(ToService::Open(settings, shown)) => self.open(io, from, *settings, &shown),
            Ok(ToService::Media(batch)) => {
                if let Some(stream) = self.streams.get_mut(&from) {
                    stream.push(io, batch);
                    if !self.fresh.contains(&from) {
                        self.fresh.push(from);
                    }
                }
            }
            Ok(ToService::End) => self.end_stream(io, from),
            Err(_) => {} // not one of ours
        }
    }

    fn left(&mut self, io: &mut dyn Io, filter: FilterId) {
        if self.streams.remove(&filter).is_some() {
            let watchers = |p: &&Player| p.watching.as_ref().is_some_and(|w| w.stream == filter);
            let conns: Vec<ConnId> = self.players.values().filter(watchers).map(|p| p.conn).collect();
            for conn in conns {
                if let Some(mut player) = self.players.remove(&conn) {
                    self.end_watching(io, &mut player);
                    let turn = player.write(io, None, &mut self.out);
                    self.conclude(io, player, turn);
                }
            }
        }
    }

    fn admits(&self) -> bool {
        self.players.len() < self.limits.connections
    }

    fn accepted(&mut self, io: &mut dyn Io, conn: ConnId, peer: SocketAddr) {
        let from_there = self.per_ip.entry(peer.ip()).or_default();
        let Some(lease) = io.memory().lease(CONNECTION_BYTES).filter(|_| *from_there < self.limits.per_ip) else {
            if *from_there == 0 {
                self.per_ip.remove(&peer.ip());
            }
            io.log(Level::Info, format!("player {peer}: turned away, a limit is reached"));
            return io.close(conn);
        };
        *from_there += 1;
        if self.new_count >= self.limits.new {
            self.close_oldest_new(io);
        }
        let mut seed = [0; 32];
        io.random(&mut seed);
        let session = ServerSession::new(self.config.clone(), seed, io.now());
        self.players.insert(conn, Player::new(conn, peer, session, lease, io.now()));
        self.new.push_back(conn);
        self.new_count += 1;
        self.serve(io, conn, true);
    }

    fn ready(&mut self, io: &mut dyn Io, conn: ConnId, ready: Ready) {
        let Some(player) = self.players.get_mut(&conn) else { return };
        if ready.writable {
            player.blocked = false;
        }
        if ready.readable {
            player.set_readable();
        }
        self.serve(io, conn, ready.readable);
    }

    fn timer(&mut self, io: &mut dyn Io, timer: Timer) {
        let Timer::Conn(conn) = timer else { return self.tick(io) };
        let Some(mut player) = self.players.remove(&conn) else { return };
        let stall = self.stall(&player);
        match player.timeout(io.now(), stall) {
            Turn::Over(why) => self.drop_player(io, player, why),
            turn => {
                self.conclude(io, player, turn);
                self.serve(io, conn, false);
            }
        }
    }

    fn flush(&mut self, io: &mut dyn Io) -> bool {
        self.offer(io);
        for _ in 0..QUEUED_PER_FLUSH.min(self.queue.len()) {
            let Some(conn) = self.queue.pop_front() else { break };
            self.serve(io, conn, true);
        }
        self.finish_drained(io);
        !self.queue.is_empty()
    }
}

impl RtmpService {
    /// Makes room for a newcomer: the connection that has been there longest without playing goes.
    fn close_oldest_new(&mut self, io: &mut dyn Io) {
        while let Some(conn) = self.new.pop_front() {
            if self.players.get(&conn).is_some_and(|p| p.is_new)
                && let Some(player) = self.players.remove(&conn)
            {
                return self.drop_player(io, player, Why::Closed);
            }
        }
    }
}
