//! [`Stream`]: what one output has on its address: the ring its players read, who they are, and counts.

use std::collections::BTreeMap;
use std::time::Duration;

use weir_media::Time;
use weir_plugin::{FilterId, Lease, Memory};
use weir_rtmp::ring::{Entry, Kind, Media, Renderer, Ring};

use crate::clients::{Clients, Slot};
use crate::settings::StreamSettings;
use crate::twins::Away;

/// The part of the process's memory that rings leave to connections: one in so many.
const SPARE: usize = 8;

/// From this latency on, pictures wait too. Below it they go out at once, and sound rides with them: waiting for the next
/// picture would be heard of, and not be worth it.
const PICTURES_WAIT: Duration = Duration::from_millis(100);

/// What a stream tells its output now and then.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Stats {
    pub(crate) players: u32,
    pub(crate) players_total: u64,
    pub(crate) refused: u64,
    pub(crate) bytes: u64,
    pub(crate) lag: Duration,
    pub(crate) dropped: u64,
    pub(crate) kept: u64,
}

/// One output's stream.
pub(crate) struct Stream {
    pub(crate) owner: FilterId,
    pub(crate) settings: StreamSettings,
    pub(crate) ring: Ring,
    /// Makes the entries of the ring; `None` for a copy, which is given them.
    renderer: Option<Renderer>,
    /// What other reactors have of it.
    pub(crate) away: Vec<Away>,
    /// Memory of the ring, unless it is a copy, and of what left it while players are in the middle of it.
    lease: Lease,
    /// Bytes of such messages.
    outside: usize,
    /// Players that watch.
    pub(crate) watchers: Vec<Slot>,
    /// Counts, but for those that are found when they are asked for.
    pub(crate) stats: Stats,
    /// Drops of players that have left.
    pub(crate) dropped_before: u64,
    /// What came since it was last offered to players is to be written then.
    pub(crate) due: Option<Time>,
    /// The stream is over; players still late have until then.
    pub(crate) ending: Option<Time>,
}

impl Stream {
    pub(crate) fn new(owner: FilterId, settings: StreamSettings, chunk_size: u32, memory: &Memory) -> Self {
        Self { renderer: Some(Renderer::new(chunk_size)), ..Self::copy(owner, settings, chunk_size, memory) }
    }

    /// A copy on another reactor: the memory of its ring is accounted for where it is made.
    pub(crate) fn copy(owner: FilterId, settings: StreamSettings, chunk_size: u32, memory: &Memory) -> Self {
        Self {
            owner,
            ring: Ring::new(settings.ring, chunk_size),
            renderer: None,
            away: Vec::new(),
            settings,
            lease: memory.lease(0).expect("nothing is never too much"),
            outside: 0,
            watchers: Vec::new(),
            stats: Stats::default(),
            dropped_before: 0,
            due: None,
            ending: None,
        }
    }

    /// Renders messages into the ring.
    pub(crate) fn push(&mut self, now: Time, batch: Vec<Media>) {
        for media in batch {
            if let Some(entry) = self.renderer.as_mut().and_then(|renderer| renderer.render(media, now)) {
                self.enter(entry);
            }
        }
    }

    /// Puts a message into the ring.
    pub(crate) fn enter(&mut self, entry: Entry) {
        let due = entry.arrived() + self.wait(entry.kind());
        self.due = Some(self.due.map_or(due, |at| at.min(due)));
        self.ring.push(entry);
    }

    /// Keeps nothing: nobody watches this copy.
    pub(crate) fn rest(&mut self) {
        self.ring = Ring::new(self.settings.ring, self.ring.chunk_size());
        self.due = None;
    }

    /// How long a message may wait for others to be written with.
    fn wait(&self, kind: Kind) -> Duration {
        let latency = self.settings.latency;
        if kind == Kind::Video && latency < PICTURES_WAIT { Duration::ZERO } else { latency }
    }

    /// Leases what is kept from the account of the process. When that runs short, the ring keeps less. False when it is
    /// short even so.
    pub(crate) fn settle(&mut self, memory: &Memory) -> bool {
        if self.renderer.is_none() {
            return self.lease.resize(self.outside);
        }
        let held = self.lease.bytes();
        self.ring.trim(self.most(memory).saturating_sub(self.outside));
        if self.lease.resize(self.ring.bytes() + self.outside) {
            return true;
        }
        // Others were faster: keep to what is held already.
        self.ring.trim(held.saturating_sub(self.outside));
        self.lease.resize(self.ring.bytes() + self.outside)
    }

    /// Leases what is kept while nothing is offered. False when it is more than there is: it cannot wait, then.
    pub(crate) fn may_wait(&mut self, memory: &Memory) -> bool {
        let bytes = self.ring.bytes() + self.outside;
        self.renderer.is_none() || (bytes <= self.most(memory) && self.lease.resize(bytes))
    }

    /// Memory a stream may hold now, in bytes.
    fn most(&self, memory: &Memory) -> usize {
        self.lease.bytes() + (memory.cap() - memory.cap() / SPARE).saturating_sub(memory.used())
    }

    /// Looks at all players: how late they are, what they lost, what memory they keep outside the ring.
    pub(crate) fn survey(&mut self, clients: &Clients, now: Time) {
        let mut outside = BTreeMap::new();
        let (mut lag, mut dropped) = (Duration::ZERO, self.dropped_before);
        for client in self.watchers.iter().filter_map(|slot| clients.get(*slot)) {
            let Some(watching) = &client.watching else { continue };
            dropped += watching.dropped();
            if !watching.paused {
                lag = lag.max(self.ring.lag(&watching.cursor, now));
            }
            if let Some(half) = client.half().filter(|half| half.seq < self.ring.first()) {
                outside.insert(half.seq, half.bytes);
            }
        }
        let lag = lag.saturating_sub(self.settings.latency);
        self.outside = outside.into_values().sum();
        let players = u32::try_from(self.watchers.len()).unwrap_or(u32::MAX);
        self.stats = Stats { players, lag, dropped, kept: self.lease.bytes() as u64, ..self.stats };
    }

    /// Counts of all reactors.
    pub(crate) fn told(&self) -> Stats {
        self.away.iter().fold(self.stats, |sum, away| Stats {
            players: sum.players + away.players,
            bytes: sum.bytes + away.share.bytes,
            refused: sum.refused + away.share.refused,
            dropped: sum.dropped + away.share.dropped,
            lag: sum.lag.max(away.share.lag),
            ..sum
        })
    }

    /// Players in the middle of a message that has left the ring.
    pub(crate) fn stuck<'a>(&'a self, clients: &'a Clients) -> impl Iterator<Item = Slot> + 'a {
        let half = |slot: &Slot| clients.get(*slot).and_then(|p| p.half());
        self.watchers.iter().copied().filter(move |slot| half(slot).is_some_and(|half| half.seq < self.ring.first()))
    }
}

#[cfg(test)]
impl Stream {
    pub(crate) fn leased(&self) -> usize {
        self.lease.bytes()
    }
}
