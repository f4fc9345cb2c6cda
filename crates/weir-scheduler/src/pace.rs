//! [`Pace`]: holds what a source or demuxer sends until the session clock reaches it, and says when it should run again.
//!
//! Time enters a live session where timestamps are made. Upstream of that point (bytes of a file) edges wait; downstream
//! nothing pushes back.

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

/// Microseconds per second, as a timescale.
const MICROS: u32 = 1_000_000;

/// The clock of one node that makes timestamps.
#[derive(Default)]
pub(crate) struct Pace {
    /// When the first packet left, and its media time in microseconds.
    origin: Option<(Time, i64)>,
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
}

impl Pace {
    pub(crate) fn open(&mut self, timescale: u32) {
        self.outs.push(Track { timescale, held: VecDeque::new(), bytes: 0, packets: 0, covered: None, ended: false });
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
            Item::Packet(p) => Some(self.at(rescale(p.dts, self.outs[out].timescale, MICROS))),
            Item::Props(_) | Item::End => Some(Time::ZERO),
        }
    }

    /// The session time of a media time.
    fn at(&self, media: i64) -> Time {
        let Some((start, first)) = self.origin else { return Time::ZERO };
        let ahead = media.saturating_sub(first);
        let span = Duration::from_micros(ahead.unsigned_abs());
        if ahead >= 0 { start + span } else { start - span }
    }

    /// When the node should be called again for more media: as soon as one output is used up.
    pub(crate) fn next_call(&self) -> Time {
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
        let (start, _) = self.origin.as_mut().filter(|_| behind > MAX_CATCH_UP)?;
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
