//! Which decoded picture has which time. The decoder gives pictures in the order they are shown and keeps no times: the
//! earliest that waits belongs to the next picture.

use weir_codec::avc::MAX_REORDER_DEPTH;
use weir_media::{Packet, Time};

/// Times kept at most: a decoder holds back no more pictures, so an older one belongs to a picture that is lost.
const MOST: usize = MAX_REORDER_DEPTH + 2;

/// What a picture has of the access unit it was coded in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Stamp {
    pub(crate) cts: i64,
    pub(crate) duration: u32,
    pub(crate) origin: Time,
}

impl Stamp {
    pub(crate) const fn of(packet: &Packet) -> Self {
        Self { cts: packet.cts, duration: packet.duration, origin: packet.origin }
    }
}

/// Times of access units whose pictures have not come out.
#[derive(Debug, Default)]
pub(crate) struct Order {
    waiting: Vec<Stamp>,
    /// Time of the last picture that came out.
    last: Option<i64>,
}

impl Order {
    /// An access unit went into the decoder.
    pub(crate) fn push(&mut self, stamp: Stamp) {
        let at = self.waiting.partition_point(|s| s.cts <= stamp.cts);
        self.waiting.insert(at, stamp);
        if self.waiting.len() > MOST {
            self.waiting.remove(0);
        }
    }

    /// A picture came out. `None` when nothing that waits can be it: times never run back between two key pictures.
    pub(crate) fn pop(&mut self) -> Option<Stamp> {
        let at = self.waiting.iter().position(|s| self.last.is_none_or(|last| s.cts > last))?;
        let stamp = self.waiting.drain(..=at).next_back()?;
        self.last = Some(stamp.cts);
        Some(stamp)
    }

    /// The access unit at `cts` has no picture after all.
    pub(crate) fn forget(&mut self, cts: i64) {
        if let Some(at) = self.waiting.iter().rposition(|s| s.cts == cts) {
            self.waiting.remove(at);
        }
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Everything that went in has come out or never will.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(cts: i64) -> Stamp {
        Stamp { cts, duration: 1, origin: Time::ZERO }
    }

    #[test]
    fn the_earliest_is_next_and_lost_ones_are_given_up() {
        let mut order = Order::default();
        [0, 3, 1, 2].into_iter().for_each(|t| order.push(stamp(t)));
        order.forget(3);
        let out: Vec<i64> = std::iter::from_fn(|| order.pop()).map(|s| s.cts).collect();
        assert_eq!(out, [0, 1, 2]);
        order.push(stamp(1));
        assert_eq!(order.pop(), None, "that time is over");
        order.clear();
        (0..100).for_each(|t| order.push(stamp(t)));
        assert_eq!(order.pop(), Some(stamp(100 - MOST as i64)));
    }
}
