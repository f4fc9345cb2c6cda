//! The broadcast ring: the last seconds of a muxed stream, rendered once, and read by any number of players.
//!
//! A [`Renderer`] turns [`Media`] into [`Entry`]s, whose chunk bytes every player shares. A [`Ring`] keeps them within
//! byte and time caps; it is the GOP cache. A player is a [`Cursor`], a few words: it has no queue, and what it holds up
//! is nobody's memory. [`Ring::next`] applies the [`LagPolicy`] as the cursor walks, so a slow player costs nothing while
//! it is not writable. The ring does no I/O and locks nothing; reactors that share a stream keep a ring each, and clone
//! entries into it.

mod batch;
mod cursor;
mod entry;
mod headers;
mod walk;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use weir_media::Time;

pub use batch::Batch;
pub use cursor::{Cursor, Drops, LagPolicy, Start};
pub use entry::{Class, Entry, Kind, Legacy, Media, Renderer, SHARED_MSID};
use headers::Headers;
pub use walk::{Gathered, Step};

/// How much a ring keeps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RingLimits {
    /// Memory of all entries, in bytes. Always kept, even if not a single entry fits.
    pub bytes: usize,
    /// Age beyond which entries go, unless they belong to the last group of pictures.
    pub span: Duration,
    /// Age beyond which these go, too.
    pub group_span: Duration,
}

impl Default for RingLimits {
    /// 32 MiB (10 s at 25 Mbit/s); somewhat more than the hard lag limit; longer than any sane key-frame distance.
    fn default() -> Self {
        Self { bytes: 32 << 20, span: Duration::from_secs(4), group_span: Duration::from_secs(30) }
    }
}

/// An entry in its place: with the headers in force after it.
#[derive(Clone, Debug)]
struct Slot {
    entry: Entry,
    headers: Arc<Headers>,
}

impl Slot {
    fn cost(&self) -> usize {
        size_of::<Self>() + self.entry.memory()
    }
}

/// Entries in order, each with a sequence number. See the module documentation. A clone shares the bytes of the entries.
#[derive(Clone, Debug)]
pub struct Ring {
    limits: RingLimits,
    chunk_size: u32,
    slots: VecDeque<Slot>,
    /// Sequence number of the first slot.
    first: u64,
    /// Sequence numbers of the key frames kept.
    keys: VecDeque<u64>,
    headers: Arc<Headers>,
    bytes: usize,
    has_video: bool,
    /// Timestamps to give headers when there is no entry to ask.
    base: [u32; 3],
}

impl Ring {
    /// An empty ring for entries of a [`Renderer`] with the same `chunk_size`.
    #[must_use]
    pub fn new(limits: RingLimits, chunk_size: u32) -> Self {
        Self {
            limits,
            chunk_size,
            slots: VecDeque::new(),
            first: 0,
            keys: VecDeque::new(),
            headers: Arc::default(),
            bytes: 0,
            has_video: false,
            base: [0; 3],
        }
    }

    /// Appends `entry`, and evicts what is over the limits.
    pub fn push(&mut self, entry: Entry) {
        if let Some(header) = entry.header() {
            Arc::make_mut(&mut self.headers).set(header);
        }
        self.has_video |= entry.kind() == Kind::Video;
        self.base = entry.base();
        if entry.is_key() {
            self.keys.push_back(self.end());
        }
        let now = entry.arrived();
        let slot = Slot { entry, headers: Arc::clone(&self.headers) };
        self.bytes += slot.cost();
        self.slots.push_back(slot);
        self.evict(now);
    }

    /// Sequence number of the first entry kept.
    #[must_use]
    pub const fn first(&self) -> u64 {
        self.first
    }

    /// Sequence number the next entry will get.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.first + self.slots.len() as u64
    }

    /// Memory of all entries kept, in bytes. The headers in force come on top: at most 1 MiB.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Chunk size of the entries.
    #[must_use]
    pub const fn chunk_size(&self) -> u32 {
        self.chunk_size
    }

    /// The entry with sequence number `seq`, if it is kept.
    #[must_use]
    pub fn get(&self, seq: u64) -> Option<&Entry> {
        self.slot(seq).map(|slot| &slot.entry)
    }

    /// The entries kept from `seq` on.
    #[must_use]
    pub fn since(&self, seq: u64) -> Vec<Entry> {
        let skip = usize::try_from(seq.saturating_sub(self.first)).unwrap_or(usize::MAX);
        self.slots.iter().skip(skip).map(|slot| slot.entry.clone()).collect()
    }

    /// Evicts from the front until at most `bytes` are kept, whatever the limits allow.
    pub fn trim(&mut self, bytes: usize) {
        while self.bytes > bytes && !self.slots.is_empty() {
            self.evict_front();
        }
    }

    /// Evicts what comes before `seq`.
    pub fn trim_before(&mut self, seq: u64) {
        while self.first < seq && !self.slots.is_empty() {
            self.evict_front();
        }
    }

    /// Memory of the entries from `seq` on, in bytes. Looks at each of them.
    #[must_use]
    pub fn bytes_from(&self, seq: u64) -> u64 {
        let skip = usize::try_from(seq.saturating_sub(self.first)).unwrap_or(usize::MAX);
        self.slots.iter().skip(skip).map(|slot| slot.entry.wire().len() as u64).sum()
    }

    fn slot(&self, seq: u64) -> Option<&Slot> {
        self.slots.get(usize::try_from(seq.checked_sub(self.first)?).ok()?)
    }

    fn newest_key(&self) -> Option<u64> {
        self.keys.back().copied()
    }

    fn evict(&mut self, now: Time) {
        while let Some(front) = self.slots.front() {
            let age = now.since(front.entry.arrived());
            let in_last_group = self.newest_key().is_some_and(|key| key <= self.first);
            let span = if in_last_group { self.limits.group_span } else { self.limits.span };
            if self.bytes <= self.limits.bytes && age <= span {
                break;
            }
            self.evict_front();
        }
    }

    fn evict_front(&mut self) {
        let Some(slot) = self.slots.pop_front() else { return };
        self.bytes -= slot.cost();
        if self.keys.front() == Some(&self.first) {
            self.keys.pop_front();
        }
        self.first += 1;
    }
}
