//! [`Pace`]: holds what a source or demuxer sends until the session clock reaches it, and says when it should run again.
//!
//! Time enters a live session where timestamps are made. Upstream of that point (bytes of a file) edges wait; downstream
//! nothing pushes back.
//!
//! Who reads a file is given the time. Who is fed by somebody with a clock of their own, such as a publisher, is
//! *followed*: what comes goes on at once, and only a burst far ahead of the clock is held.

use std::collections::VecDeque;
use std::time::Duration;

use weir_media::{Time, rescale};
use weir_plugin::{Credit, Item};

/// Packets one output may hold ahead of the clock.
const HOLD_PACKETS: usize = 2_048;
/// Payload bytes one output may hold ahead of the clock.
const HOLD_BYTES: usize = 32 << 20;
/// A source further behind than this lets the clock slip instead of catching up in a burst.
const MAX_CATCH_UP: Duration = Duration::from_secs(2);

/// Who is followed may be this far ahead of the clock before it is held.
const LEAD: Duration = Duration::from_secs(2);
/// Clocks differ: who is followed may run faster by one part in so many.
const DRIFT: u32 = 200;

/// Microseconds per second, as a timescale.
const MICROS: u32 = 1_000_000;

/// The clock of one node that makes timestamps.
#[derive(Default)]
pub(crate) struct Pace {
    /// When the first packet left, and its media time in microseconds.
    origin: Option<(Time, i64)>,
    follows: bool,
    outs: Vec<Track>,
}

struct Track {
    timescale: u32,
    held: VecDeque<Item>,
    bytes: usize,
    packets: usize,
    /// Media time in microseconds up to which packets were sent.
    covered: Option<i64>,
    ended: bool,
    /// As the origin of all, for one that is followed: each output is fed by somebody else.
    tie: Option<Tie>,
}

/// Media time tied to the clock.
#[derive(Clone, Copy)]
struct Tie {
    at: Time,
    media: i64,
    /// When drift was last allowed for.
    looked: Time,
}

impl Tie {
    /// The tie after a packet of `media` came: anew when it is late, and earlier by what clocks may differ.
    fn after(tie: Option<Self>, media: i64, now: Time) -> Self {
        let Some(mut tie) = tie else { return Self { at: now, media, looked: now } };
        let drift = now.since(tie.looked) / DRIFT;
        tie.media = tie.media.saturating_add(i64::try_from(drift.as_micros()).unwrap_or(0));
        tie.looked = now;
        if tie.time(media) < now {
            (tie.at, tie.media) = (now, media);
        }
        tie
    }

    fn time(&self, media: i64) -> Time {
        shifted(self.at, media.saturating_sub(self.media))
    }
}

/// `at`, and so many microseconds later.
fn shifted(at: Time, micros: i64) -> Time {
    let span = Duration::from_micros(micros.unsigned_abs());
    if micros >= 0 { at + span } else { at - span }
}

impl Pace {
    /// For who is fed by somebody with a clock of their own.
    pub(crate) fn following() -> Self {
        Self { follows: true, ..Self::default() }
    }

    /// Whether it follows, so that the filter is called when something comes, and not when time has passed.
    pub(crate) fn follows(&self) -> bool {
        self.follows
    }

    pub(crate) fn open(&mut self, timescale: u32) {
        self.outs.push(Track {
            timescale,
            held: VecDeque::new(),
            bytes: 0,
            packets: 0,
            covered: None,
            ended: false,
            tie: None,
        });
    }

    /// Takes an item of output `out`; [`Pace::release`] gives it back when it is due.
    pub(crate) fn hold(&mut self, out: usize, item: Item, now: Time) {
        let track = &mut self.outs[out];
        match &item {
            Item::Packet(p) => {
                let dts = rescale(p.dts, track.timescale, MICROS);
                track.covered = Some(rescale(p.dts.saturating_add(p.duration.into()), track.timescale, MICROS));
                track.bytes += p.len();
                track.packets += 1;
                self.origin.get_or_insert((now, dts));
                track.tie = Some(Tie::after(track.tie, dts, now));
            }
            Item::Props(props) => track.timescale = props.timescale(),
            Item::End => track.ended = true,
        }
        track.held.push_back(item);
    }

    /// Takes the next item that is due, in media order over the outputs.
    pub(crate) fn release(&mut self, now: Time) -> Option<(usize, Item)> {
        let due = |i: usize, t: &Track| self.due(i, t.held.front()?).filter(|at| *at <= now);
        let next = self.outs.iter().enumerate().filter_map(|(i, t)| Some((due(i, t)?, i))).min()?.1;
        let track = &mut self.outs[next];
        let mut item = track.held.pop_front()?;
        if let Item::Packet(p) = &mut item {
            track.bytes -= p.len();
            track.packets -= 1;
            p.origin = now;
        }
        Some((next, item))
    }

    fn due(&self, out: usize, item: &Item) -> Option<Time> {
        match item {
            Item::Packet(p) => {
                let (track, media) = (&self.outs[out], rescale(p.dts, self.outs[out].timescale, MICROS));
                let followed = || track.tie.map_or(Time::ZERO, |tie| tie.time(media) - LEAD);
                Some(if self.follows { followed() } else { self.at(media) })
            }
            Item::Props(_) | Item::End => Some(Time::ZERO),
        }
    }

    /// The session time of a media time.
    fn at(&self, media: i64) -> Time {
        self.origin.map_or(Time::ZERO, |(start, first)| shifted(start, media.saturating_sub(first)))
    }

    /// When the node should be called again for more media: as soon as one output is used up.
    pub(crate) fn next_call(&self) -> Time {
        if self.follows {
            return Time::ZERO;
        }
        let live = self.outs.iter().filter(|t| !t.ended).filter_map(|t| t.covered).min();
        live.map_or(Time::ZERO, |media| self.at(media))
    }

    /// When the next held item is due.
    pub(crate) fn next_release(&self) -> Option<Time> {
        self.outs.iter().enumerate().filter_map(|(i, t)| self.due(i, t.held.front()?)).min()
    }

    /// Room of an output, so that reading ahead is bounded.
    pub(crate) fn credit(&self, out: usize) -> Credit {
        let track = &self.outs[out];
        let left = if track.bytes >= HOLD_BYTES { 0 } else { HOLD_PACKETS.saturating_sub(track.packets) };
        Credit::Packets(u32::try_from(left).unwrap_or(u32::MAX))
    }

    /// Lets the clock slip when the node is hopelessly behind; returns by how much.
    pub(crate) fn slip(&mut self, now: Time) -> Option<Duration> {
        let behind = now.since(self.next_call());
        let (start, _) = self.origin.as_mut().filter(|_| behind > MAX_CATCH_UP && !self.follows)?;
        *start += behind;
        Some(behind)
    }

    /// Drops the packets that are held: the node is told to stop, and their time will not come.
    pub(crate) fn drop_held(&mut self) {
        for track in &mut self.outs {
            track.held.retain(|item| !matches!(item, Item::Packet(_)));
            track.bytes = 0;
            track.packets = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use weir_media::{Bytes, Packet};

    use super::*;

    fn packet(dts: i64, duration: u32) -> Item {
        Item::Packet(Packet { duration, ..Packet::new(Bytes::from_static(b"x"), dts) })
    }

    #[test]
    fn items_leave_when_due_in_media_order() {
        let mut pace = Pace::default();
        pace.open(25);
        pace.open(44_100);
        let start = Time::from_millis(500);
        pace.hold(0, packet(0, 1), start);
        pace.hold(1, packet(0, 1024), start);
        pace.hold(0, packet(1, 1), start);
        pace.hold(1, packet(1024, 1024), start);
        let order: Vec<usize> = std::iter::from_fn(|| pace.release(start)).map(|(out, _)| out).collect();
        assert_eq!(order, [0, 1], "only what is due");
        assert_eq!(pace.next_release(), Some(Time::from_micros(523_219)));
        assert_eq!(pace.next_call(), Time::from_micros(546_439), "when sound is used up");
        let (out, _) = pace.release(Time::from_millis(540)).expect("due");
        assert_eq!(out, 1);
    }

    /// When packets of 40 ms that come at these times leave.
    fn followed(comes: &[u64]) -> Vec<u64> {
        let mut pace = Pace::following();
        pace.open(1000);
        let mut left = Vec::new();
        let mut take = |pace: &mut Pace, now: u64| {
            while pace.release(Time::from_millis(now)).is_some() {
                left.push(now);
            }
        };
        for (n, at) in (0..).zip(comes) {
            while let Some(next) = pace.next_release().map(|next| next.as_micros().div_ceil(1000)).filter(|t| t <= at) {
                take(&mut pace, next);
            }
            pace.hold(0, packet(n * 40, 40), Time::from_millis(*at));
            take(&mut pace, *at);
        }
        while let Some(next) = pace.next_release() {
            take(&mut pace, next.as_micros().div_ceil(1000));
        }
        left
    }

    #[test]
    fn who_keeps_to_real_time_is_never_held() {
        let jitter = |n: u64| n * 40 + (n * 7919) % 1500;
        let mut comes: Vec<u64> = (0..500).map(jitter).collect();
        comes.sort_unstable();
        assert!(followed(&comes) == comes);
        let fast: Vec<u64> = (0..50_000).map(|n| n * 3985 / 100).collect();
        let left = followed(&fast);
        assert_eq!((0..fast.len()).find(|i| left.get(*i) != fast.get(*i)), None, "a little fast");
        let away: Vec<u64> = (0..200).map(|n| if n < 100 { n * 40 } else { 60_000 + n * 40 }).collect();
        assert!(followed(&away) == away, "late from some time on");
    }

    #[test]
    fn a_burst_is_held_two_seconds_ahead() {
        let left = followed(&vec![1_000; 200]);
        assert_eq!(left[50], 1_000);
        assert_eq!(left[75], 1_000 + 25 * 40);
        assert_eq!(left[199], 1_000 + 149 * 40);
    }

    #[test]
    fn a_source_far_behind_lets_the_clock_slip() {
        let mut pace = Pace::default();
        pace.open(1000);
        pace.hold(0, packet(0, 40), Time::ZERO);
        assert_eq!(pace.slip(Time::from_millis(1_000)), None);
        assert_eq!(pace.slip(Time::from_millis(10_040)), Some(Duration::from_secs(10)));
        assert_eq!(pace.next_call(), Time::from_millis(10_040));
    }
}
