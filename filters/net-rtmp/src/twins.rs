//! Players on other reactors: a client is taken in at home, and once it plays it moves to the reactor with the fewest players,
//! where a twin of the service writes to it from a copy of the ring. It comes home when it stops playing. Home alone knows
//! everybody: it counts who is where, feeds those reactors that have players of a stream, and no others.
//!
//! Nobody waits: a twin that has no room for more is left out, and gets the ring anew when it has room again.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

use weir_plugin::{ConnId, FilterId, Io, Level, Message, ReactorId};
use weir_rtmp::ring::{Entry, Ring};

use crate::client::{Client, Turn};
use crate::clients::Slot;
use crate::service::{FromService, RtmpService};
use crate::settings::StreamSettings;
use crate::stream::Stream;

/// Players that home keeps before others get any: waking another thread for each message costs more than they do.
const TOGETHER: usize = 32;

/// From home to a twin. Messages and players come in the order they were sent.
pub(crate) enum ToTwin {
    /// Players of this stream come. The ring takes the place of what is known of it.
    Fill(Box<Fill>),
    /// What came since; nothing before `first` is kept any more.
    Entries { stream: FilterId, entries: Vec<Entry>, first: u64 },
    /// Nobody watches it there any more.
    Rest(FilterId),
    /// The stream is over.
    End(FilterId),
    /// Its filter is gone.
    Left(FilterId),
}

/// A stream, as it is at home.
pub(crate) struct Fill {
    stream: FilterId,
    settings: StreamSettings,
    ring: Ring,
}

/// From a twin to home.
enum ToHome {
    /// A player is gone.
    Gone { stream: Option<FilterId>, peer: IpAddr },
    /// What a twin has of a stream to report.
    Share(FilterId, Share),
}

/// What one twin adds to the counts of a stream.
#[derive(Clone, Copy, Default)]
pub(crate) struct Share {
    pub(crate) bytes: u64,
    pub(crate) refused: u64,
    pub(crate) dropped: u64,
    pub(crate) lag: Duration,
}

/// A client on its way, with its connection: from home to play `stream` on `msid`, or back from it.
struct Mover {
    client: Box<Client>,
    stream: FilterId,
    msid: u32,
}

/// Where a client goes, as soon as its turn is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Going {
    /// To play there.
    Away { to: ReactorId, stream: FilterId, msid: u32 },
    /// It plays no more.
    Home,
}

/// What a stream knows of one other reactor.
#[derive(Default)]
pub(crate) struct Away {
    pub(crate) players: u32,
    /// It has everything before this; `None` when it has to get the ring.
    fed: Option<u64>,
    pub(crate) share: Share,
}

/// What home knows of one twin.
#[derive(Default)]
struct Twin {
    placed: bool,
    /// Its reactor cannot be had.
    refused: bool,
    players: usize,
    /// What there was no room for.
    unsaid: VecDeque<ToTwin>,
}

impl Twin {
    /// Tells it, now or as soon as there is room.
    fn say(&mut self, io: &mut dyn Io, to: ReactorId, message: ToTwin) {
        self.unsaid.push_back(message);
        self.say_rest(io, to);
    }

    /// Tells it what there was no room for.
    fn say_rest(&mut self, io: &mut dyn Io, to: ReactorId) {
        while let Some(message) = self.unsaid.pop_front() {
            let Err(back) = io.tell(to, Box::new(message)) else { continue };
            if let Ok(message) = back.downcast::<ToTwin>() {
                self.unsaid.push_front(*message);
            }
            return;
        }
    }
}

/// Where a service stands.
pub(crate) enum Place {
    /// With the filters. It knows its twins, by reactor, without itself.
    Home(Twins),
    /// On another reactor.
    Twin,
}

impl Place {
    pub(crate) fn home() -> Self {
        Self::Home(Twins { list: Vec::new(), together: TOGETHER })
    }
}

/// The twins of a service.
pub(crate) struct Twins {
    list: Vec<Twin>,
    /// See [`TOGETHER`].
    together: usize,
}

impl Twins {
    /// The reactor for one more player, when `here` play at home.
    fn choose(&mut self, io: &dyn Io, here: usize) -> ReactorId {
        let others = usize::try_from(io.reactors()).map_or(0, |count| count.saturating_sub(1));
        self.list.resize_with(others.max(self.list.len()), Twin::default);
        let ready = (1..).zip(&self.list).filter(|(_, twin)| twin.unsaid.is_empty() && !twin.refused);
        let fewest = ready.min_by_key(|(_, twin)| twin.players);
        match fewest {
            Some((at, twin)) if here >= self.together && twin.players <= here => ReactorId(at),
            _ => ReactorId::HOME,
        }
    }

    fn get(&mut self, at: ReactorId) -> Option<&mut Twin> {
        self.list.get_mut(index(at)?)
    }
}

/// Place of a reactor among those that are not home.
fn index(at: ReactorId) -> Option<usize> {
    usize::try_from(at.0).ok()?.checked_sub(1)
}

impl Stream {
    /// What it knows of a reactor.
    fn away(&mut self, at: ReactorId) -> Option<&mut Away> {
        let at = index(at)?;
        if self.away.len() <= at {
            self.away.resize_with(at + 1, Away::default);
        }
        self.away.get_mut(at)
    }

    /// Gives reactors that have players what came since they were last given anything.
    pub(crate) fn feed(&mut self, io: &mut dyn Io) {
        let Self { ring, away, settings, owner, .. } = self;
        for (at, away) in (1..).map(ReactorId).zip(away).filter(|(_, away)| away.players > 0) {
            if away.fed == Some(ring.end()) {
                continue;
            }
            let message = match away.fed.filter(|fed| *fed >= ring.first()) {
                Some(fed) => ToTwin::Entries { stream: *owner, entries: ring.since(fed), first: ring.first() },
                None => ToTwin::Fill(Box::new(Fill { stream: *owner, settings: settings.clone(), ring: ring.clone() })),
            };
            away.fed = io.tell(at, Box::new(message)).is_ok().then(|| ring.end());
        }
    }

    /// Players on other reactors.
    pub(crate) fn players_away(&self) -> u32 {
        self.away.iter().map(|away| away.players).sum()
    }

    /// What it reports as a twin.
    fn share(&self) -> Share {
        let stats = self.stats;
        Share { bytes: stats.bytes, refused: stats.refused, dropped: stats.dropped, lag: stats.lag }
    }
}

impl RtmpService {
    /// A twin of this service.
    fn twin(&self) -> Self {
        let mut twin = Self::new(self.clients.limits(), None);
        twin.place = Place::Twin;
        twin
    }

    /// The reactor that a new player goes to.
    pub(crate) fn choose_reactor(&mut self, io: &dyn Io) -> ReactorId {
        let here = self.streams.values().map(|s| s.watchers.len()).sum();
        match &mut self.place {
            Place::Home(twins) => twins.choose(io, here),
            Place::Twin => ReactorId::HOME,
        }
    }

    /// Sends a client to play elsewhere. It comes back when it cannot, to play here.
    pub(crate) fn send_off(
        &mut self,
        io: &mut dyn Io,
        slot: Slot,
        mut client: Box<Client>,
        (to, id, msid): (ReactorId, FilterId, u32),
    ) -> Result<(), Box<Client>> {
        if !self.make_way(io, to, id) {
            return Err(client);
        }
        let conn = client.conn;
        client.counted = Some(id);
        match io.move_to(conn, to, Box::new(Mover { client, stream: id, msid })) {
            Ok(()) => {
                self.clients.sent_away(slot, conn);
                Ok(())
            }
            Err(message) => {
                self.count_off(io, to, Some(id));
                let mover = message.downcast::<Mover>().expect("a message that is refused comes back as it was");
                let mut client = mover.client;
                client.counted = None;
                Err(client)
            }
        }
    }

    /// Has a twin on a reactor that knows of a stream, and counts one more player there. False when that cannot be.
    fn make_way(&mut self, io: &mut dyn Io, to: ReactorId, id: FilterId) -> bool {
        let new = self.twin();
        let Place::Home(twins) = &mut self.place else { return false };
        let Some((twin, stream)) = twins.get(to).zip(self.streams.get_mut(&id)) else { return false };
        if !twin.placed {
            if let Err(e) = io.place(to, Box::new(new)) {
                twin.refused = true;
                io.log(Level::Warning, format!("players stay on one thread: {e}"));
                return false;
            }
            twin.placed = true;
        }
        twin.players += 1;
        if let Some(away) = stream.away(to) {
            away.players += 1;
        }
        stream.feed(io);
        let is_fed = stream.away(to).is_some_and(|away| away.fed.is_some());
        if !is_fed {
            self.count_off(io, to, Some(id));
        }
        is_fed
    }

    /// A player is on a reactor no more.
    fn count_off(&mut self, io: &mut dyn Io, at: ReactorId, id: Option<FilterId>) {
        let Place::Home(twins) = &mut self.place else { return };
        let Some(twin) = twins.get(at) else { return };
        twin.players = twin.players.saturating_sub(1);
        let stream = id.and_then(|id| self.streams.get_mut(&id));
        let Some((owner, away)) = stream.and_then(|s| Some((s.owner, s.away(at)?))) else { return };
        away.players = away.players.saturating_sub(1);
        if away.players == 0 && away.fed.take().is_some() {
            twin.say(io, at, ToTwin::Rest(owner));
        }
        self.changed(io);
    }

    /// Sends a client back home: it plays no more.
    pub(crate) fn send_home(&mut self, io: &mut dyn Io, slot: Slot, client: Box<Client>) {
        let (conn, stream) = (client.conn, client.counted.unwrap_or(FilterId(u32::MAX)));
        self.clients.release(slot, conn);
        // Without a home it ends here.
        let _ = io.move_to(conn, ReactorId::HOME, Box::new(Mover { client, stream, msid: 0 }));
    }

    /// A client has come, to play here or back home.
    pub(crate) fn arrived(&mut self, io: &mut dyn Io, conn: ConnId, from: ReactorId, message: Message) {
        let Ok(mover) = message.downcast::<Mover>() else { return io.close(conn) };
        let Mover { mut client, stream, msid } = *mover;
        client.is_now(conn);
        let slot = match self.place {
            Place::Home(_) => {
                client.counted = None;
                self.count_off(io, from, Some(stream));
                self.clients.come_home(conn)
            }
            Place::Twin => {
                let slot = self.clients.adopt(conn);
                self.watch_here(io.now(), slot, &mut client, stream, msid);
                slot
            }
        };
        self.progress(io, slot, client, Ok(Turn::More));
    }

    /// Says that a client is gone which is counted at home.
    pub(crate) fn tell_gone(&mut self, io: &mut dyn Io, client: &Client) {
        let Place::Twin = self.place else { return };
        let last = |s: &&mut Stream| s.ending.is_some() && s.watchers.is_empty();
        if let Some(stream) = client.counted.and_then(|id| self.streams.get_mut(&id)).filter(last) {
            // What counts for the end has to be there before it.
            stream.survey(&self.clients, io.now());
            tell_share(io, stream);
        }
        tell_home(io, ToHome::Gone { stream: client.counted, peer: client.peer.ip() });
    }

    /// Tells home, or the output, what there is to report of a stream.
    pub(crate) fn report(io: &mut dyn Io, place: &Place, stream: &Stream) {
        match place {
            Place::Home(_) => io.post(stream.owner, Box::new(FromService::Stats(stream.told()))),
            Place::Twin => tell_share(io, stream),
        }
    }

    /// Tells twins what they had no room for. True when there is still something.
    pub(crate) fn say_rest(&mut self, io: &mut dyn Io) -> bool {
        let Place::Home(twins) = &mut self.place else { return false };
        for (at, twin) in (1..).map(ReactorId).zip(&mut twins.list) {
            twin.say_rest(io, at);
        }
        for stream in self.streams.values_mut() {
            stream.feed(io);
        }
        twins.list.iter().any(|twin| !twin.unsaid.is_empty())
    }

    /// Tells all twins that may know a stream.
    pub(crate) fn say_all(&mut self, io: &mut dyn Io, message: impl Fn() -> ToTwin) {
        let Place::Home(twins) = &mut self.place else { return };
        for (at, twin) in (1..).map(ReactorId).zip(&mut twins.list).filter(|(_, twin)| twin.placed) {
            twin.say(io, at, message());
        }
    }

    /// A message of home, or of a twin.
    pub(crate) fn told_by(&mut self, io: &mut dyn Io, from: ReactorId, message: Message) {
        let message = match message.downcast::<ToTwin>().map(|m| *m) {
            Ok(ToTwin::Fill(fill)) => return self.fill(io, *fill),
            Ok(ToTwin::Entries { stream, entries, first }) => return self.take_entries(stream, entries, first),
            Ok(ToTwin::Rest(stream)) => return self.streams.get_mut(&stream).map_or((), Stream::rest),
            Ok(ToTwin::End(stream)) => return self.end_stream(io, stream),
            Ok(ToTwin::Left(stream)) => return self.close_stream(io, stream),
            Err(message) => message,
        };
        match message.downcast::<ToHome>().map(|m| *m) {
            Ok(ToHome::Gone { stream, peer }) => {
                self.clients.gone(peer);
                self.count_off(io, from, stream);
            }
            Ok(ToHome::Share(stream, share)) => {
                if let Some(away) = self.streams.get_mut(&stream).and_then(|s| s.away(from)) {
                    away.share = share;
                    self.changed(io);
                }
            }
            Err(_) => {} // not one of ours
        }
    }

    /// A stream is to be served here.
    fn fill(&mut self, io: &mut dyn Io, fill: Fill) {
        let Fill { stream: id, settings, ring } = fill;
        let stream =
            self.streams.entry(id).or_insert_with(|| Stream::copy(id, settings, ring.chunk_size(), io.memory()));
        stream.ring = ring;
        self.freshen(id);
    }

    fn take_entries(&mut self, id: FilterId, entries: Vec<Entry>, first: u64) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        entries.into_iter().for_each(|entry| stream.enter(entry));
        stream.ring.trim_before(first);
        self.freshen(id);
    }
}

fn tell_share(io: &mut dyn Io, stream: &Stream) {
    tell_home(io, ToHome::Share(stream.owner, stream.share()));
}

/// Home is told everything. Only one that is no more does not take it, and then this is the end here, too.
fn tell_home(io: &mut dyn Io, message: ToHome) {
    let _ = io.tell(ReactorId::HOME, Box::new(message));
}

#[cfg(test)]
impl RtmpService {
    /// Keeps no player at home for the company.
    pub(crate) fn spread_out(&mut self) {
        if let Place::Home(twins) = &mut self.place {
            twins.together = 0;
        }
    }
}
