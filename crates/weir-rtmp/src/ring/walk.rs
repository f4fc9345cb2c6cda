//! How a [`Cursor`] walks a [`Ring`]: what to send next, and what to leave out. Each entry is looked at once per player.

use std::time::Duration;

use weir_media::{Bytes, Time};

use super::batch::Batch;
use super::cursor::{Cursor, LagPolicy, Start, Video};
use super::entry::{Class, Entry, Kind};
use super::{Ring, Slot};

/// Entries looked at to find the timestamp a header should have.
const LOOK_AHEAD: u64 = 64;

/// What to send next.
#[derive(Clone, Debug)]
pub enum Step<'a> {
    /// Metadata and decoder configurations, rendered for this player in one piece.
    Headers(Bytes),
    /// A message.
    Entry(&'a Entry),
    /// Nothing until the next push.
    Idle,
}

/// What [`Ring::gather`] found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Gathered {
    /// Messages (headers sent together count as one).
    pub items: usize,
    /// Bytes of them all.
    pub bytes: usize,
    /// Whether it stopped at a limit, not at the end of the ring.
    pub more: bool,
}

impl Ring {
    /// A place for a player that joins at `now` and gets media on `msid`.
    #[must_use]
    pub fn start(&self, start: Start, msid: u32, now: Time) -> Cursor {
        let key = self.newest_key().filter(|_| start == Start::Key);
        Cursor {
            next: key.unwrap_or(self.end()),
            joined: now,
            catch_up: self.end(),
            msid,
            drops: Default::default(),
            video: Video::Joining,
            audio: true,
            legacy: false,
            greet: true,
            hold: start == Start::Next,
        }
    }

    /// A place for a connection that takes the place of one that had come up to `from`: with the newest key frame kept if
    /// that is ahead, else with what comes next, video from the next key frame on. What lies between is dropped, and
    /// counted. Headers come first, as for a new player.
    #[must_use]
    pub fn resume(&self, from: u64, msid: u32, now: Time) -> Cursor {
        let mut cursor = Cursor { next: from, ..self.start(Start::Live, msid, now) };
        self.jump(&mut cursor, now);
        cursor.drops.jumps = 0;
        cursor
    }

    /// What the player at `cursor` should be sent next, moving it past that. Drops what is too late by `policy`.
    ///
    /// Holds for what comes out of a cursor: headers come before media; no frame comes without all it needs; timestamps
    /// never go back on a track.
    pub fn next(&self, cursor: &mut Cursor, now: Time, policy: &LagPolicy) -> Step<'_> {
        loop {
            if cursor.next < self.first {
                self.catch_evicted(cursor, now);
            }
            let Some(slot) = self.slot(cursor.next) else { return self.greet_at_end(cursor) };
            if cursor.hold && !self.ends_hold(&slot.entry) {
                cursor.next += 1;
                continue;
            }
            cursor.hold = false;
            let lag = now.since(slot.entry.arrived().max(cursor.joined));
            if lag > policy.hard {
                self.jump(cursor, now);
                continue;
            }
            if cursor.greet {
                if let Some(headers) = self.greet(cursor, slot) {
                    return Step::Headers(headers);
                }
                continue;
            }
            let send = match slot.entry.class_for(cursor) {
                Some(class) => self.decide(cursor, &slot.entry, class, lag, policy),
                None => false,
            };
            cursor.next += 1;
            if send {
                return Step::Entry(&slot.entry);
            }
        }
    }

    /// Gathers into `batch` what the player at `cursor` should be sent next, ready to write: at most `max_items` messages,
    /// and no further one once there are `max_bytes` bytes. A player that stands where the batch was gathered for another
    /// gets the same under the same limits, for the price of a comparison. Lag policy applies to what is not gathered yet, so gather little: the
    /// socket's appetite. The owner keeps what the socket does not take, and sends it before anything else.
    pub fn gather(
        &self,
        cursor: &mut Cursor,
        now: Time,
        policy: &LagPolicy,
        batch: &mut Batch,
        max_items: usize,
        max_bytes: usize,
    ) -> Gathered {
        if batch.moves(cursor) {
            return batch.got;
        }
        batch.clear();
        let from = cursor.clone();
        // By age, for others may have been there for longer.
        let is_late = self.get(from.next).is_some_and(|e| now.since(e.arrived()) > policy.drop_disposable);
        batch.got = self.gather_anew(cursor, now, policy, &mut batch.parts, max_items, max_bytes);
        if !is_late {
            batch.remember(from, cursor);
        }
        batch.got
    }

    fn gather_anew(
        &self,
        cursor: &mut Cursor,
        now: Time,
        policy: &LagPolicy,
        out: &mut Vec<Bytes>,
        max_items: usize,
        max_bytes: usize,
    ) -> Gathered {
        let mut got = Gathered::default();
        while got.items < max_items && got.bytes < max_bytes {
            let (head, body) = match self.next(cursor, now, policy) {
                Step::Headers(bytes) => (None, bytes),
                Step::Entry(entry) => entry.wire_for(cursor),
                Step::Idle => return got,
            };
            got.items += 1;
            for bytes in head.into_iter().chain([body]) {
                got.bytes += bytes.len();
                out.push(bytes);
            }
        }
        got.more = cursor.next < self.end();
        got
    }

    /// How late the player at `cursor` is: the time since its next message became due to it.
    #[must_use]
    pub fn lag(&self, cursor: &Cursor, now: Time) -> Duration {
        self.get(cursor.next.max(self.first)).map_or(Duration::ZERO, |e| now.since(e.arrived().max(cursor.joined)))
    }

    fn ends_hold(&self, entry: &Entry) -> bool {
        entry.is_key() || (!self.has_video && entry.kind() == Kind::Audio && !entry.is_header())
    }

    /// What `cursor` was to get next is gone.
    fn catch_evicted(&self, cursor: &mut Cursor, now: Time) {
        if cursor.hold {
            cursor.next = self.first;
        } else {
            self.jump(cursor, now);
        }
    }

    /// Drops everything up to the newest key frame ahead, or up to the end: the next one will do, then.
    fn jump(&self, cursor: &mut Cursor, now: Time) {
        let target = self.newest_key().filter(|&key| key >= cursor.next).unwrap_or(self.end());
        cursor.drops.jumps = cursor.drops.jumps.saturating_add(1);
        let evicted = self.first.saturating_sub(cursor.next);
        count(&mut cursor.drops.evicted, u32::try_from(evicted).unwrap_or(u32::MAX));
        for seq in cursor.next.max(self.first)..target {
            if let Some(entry) = self.get(seq) {
                count_drop(cursor, entry);
            }
        }
        cursor.next = target;
        cursor.joined = now;
        cursor.catch_up = self.end();
        cursor.greet = true;
        if cursor.video != Video::Off {
            cursor.video = Video::Dropping;
        }
    }

    /// The headers in force at `slot`, if there are any. They include `slot` itself when it is one.
    fn greet(&self, cursor: &mut Cursor, slot: &Slot) -> Option<Bytes> {
        let from = cursor.next;
        cursor.greet = false;
        let first = cursor.is_new();
        let timestamp = |kind| match kind {
            Kind::Data if first => 0,
            _ => self.upcoming(kind, from).unwrap_or(slot.entry.base()[kind as usize]),
        };
        let headers = slot.headers.render(timestamp, cursor, self.chunk_size);
        if slot.entry.is_header() {
            cursor.next += 1;
        }
        headers
    }

    /// The timestamp of the first media of `kind` from `from` on, if it is near.
    fn upcoming(&self, kind: Kind, from: u64) -> Option<u32> {
        let mut near = (from..from + LOOK_AHEAD).map_while(|seq| self.get(seq));
        near.find(|e| e.kind() == kind).map(Entry::timestamp)
    }

    /// A player that waits at the end gets the headers in force now; later ones come in their order.
    fn greet_at_end(&self, cursor: &mut Cursor) -> Step<'_> {
        if cursor.hold || !std::mem::take(&mut cursor.greet) {
            return Step::Idle;
        }
        let first = cursor.is_new();
        let timestamp = |kind| if kind == Kind::Data && first { 0 } else { self.base[kind as usize] };
        self.headers.render(timestamp, cursor, self.chunk_size).map_or(Step::Idle, Step::Headers)
    }

    /// Whether to send `entry`, the next one of `cursor`.
    fn decide(&self, cursor: &mut Cursor, entry: &Entry, class: Class, lag: Duration, policy: &LagPolicy) -> bool {
        if entry.is_header() {
            return true;
        }
        let send = match entry.kind() {
            Kind::Data => return true,
            Kind::Audio => return cursor.audio,
            Kind::Video => self.decide_video(cursor, class, lag, policy),
        };
        if !send && !matches!(cursor.video, Video::Joining | Video::Off) {
            count_drop(cursor, entry);
        }
        send
    }

    fn decide_video(&self, cursor: &mut Cursor, class: Class, lag: Duration, policy: &LagPolicy) -> bool {
        if cursor.video == Video::Off {
            return false;
        }
        let is_late = lag > policy.drop_to_key && cursor.next >= cursor.catch_up;
        let is_flowing = cursor.video == Video::Flowing;
        match class {
            Class::Key if is_late && self.newest_key() > Some(cursor.next) => {
                cursor.video = Video::Dropping;
                false
            }
            Class::Key => {
                if is_late {
                    // The newest there is: from here on, being late is forgiven up to what is there now.
                    cursor.catch_up = self.end();
                }
                cursor.video = Video::Flowing;
                true
            }
            Class::Disposable => is_flowing && lag <= policy.drop_disposable,
            _ if is_flowing && is_late => {
                cursor.video = Video::Dropping;
                false
            }
            _ => is_flowing,
        }
    }
}

fn count(counter: &mut u32, n: u32) {
    *counter = counter.saturating_add(n);
}

fn count_drop(cursor: &mut Cursor, entry: &Entry) {
    let drops = &mut cursor.drops;
    let counter = match (entry.kind(), entry.class()) {
        (Kind::Audio, _) => &mut drops.audio,
        (Kind::Data, _) => &mut drops.data,
        (Kind::Video, Class::Disposable) => &mut drops.disposable,
        (Kind::Video, _) => &mut drops.video,
    };
    count(counter, 1);
}
