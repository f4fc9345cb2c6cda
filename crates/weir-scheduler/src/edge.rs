//! [`Edge`]: the bounded queue in front of one input, and what happens when it is full.

use std::collections::VecDeque;

use weir_media::{Flags, Packet, Prop, Props, StreamType};
use weir_plugin::{InQueue, Item};

/// Bounds of one edge. Whatever is reached first counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Packets.
    pub packets: usize,
    /// Payload bytes.
    pub bytes: usize,
    /// Media time, milliseconds.
    pub millis: u64,
}

impl Limits {
    /// For edges that push back: enough to keep both sides busy.
    pub const WAIT: Self = Self { packets: 64, bytes: 16 << 20, millis: 2_000 };
    /// For live edges of coded media and muxed streams.
    pub const LIVE: Self = Self { packets: 1_024, bytes: 32 << 20, millis: 3_000 };
    /// For live edges of raw media, which is large: a stall of a second or two costs latency, a longer one pictures.
    pub const LIVE_RAW: Self = Self { packets: 256, bytes: 64 << 20, millis: 2_000 };
}

/// What an edge does when it is full.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Policy {
    /// The producer waits.
    Wait,
    /// Late packets are dropped, to a point where decoding can go on.
    Drop,
    /// The consumer fails: what it gets cannot be cut (bytes of a file).
    Fail,
}

/// The consumer of a [`Policy::Fail`] edge did not keep up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Overflow;

/// The queue in front of one input.
pub(crate) struct Edge {
    items: VecDeque<Item>,
    /// Packets and bytes queued, those a running job took along included.
    packets: usize,
    bytes: usize,
    policy: Policy,
    limits: Limits,
    timescale: u32,
    /// After a drop: nothing passes until a packet where decoding can start.
    wait_key: bool,
    /// The next packet follows a loss.
    lost: bool,
    /// The consumer has taken something: it knows what comes here.
    heard: bool,
    pub(crate) dropped: u64,
}

impl Edge {
    /// The same with bounds of the user's, where there are any.
    pub(crate) fn bounded(mut self, packets: Option<usize>, micros: Option<u64>) -> Self {
        self.limits.packets = packets.map_or(self.limits.packets, |n| n.max(1));
        self.limits.millis = micros.map_or(self.limits.millis, |us| (us / 1000).max(1));
        self
    }

    pub(crate) fn new(props: &Props, live: bool) -> Self {
        let raw = props.codec() == Some(weir_media::CodecId::Raw);
        let (policy, limits) = match (live, props.stream_type()) {
            (false, _) => (Policy::Wait, Limits::WAIT),
            (true, Some(StreamType::File)) if !props.is_delivered_live() => (Policy::Fail, Limits::LIVE),
            (true, _) if raw => (Policy::Drop, Limits::LIVE_RAW),
            (true, _) => (Policy::Drop, Limits::LIVE),
        };
        Self {
            items: VecDeque::new(),
            packets: 0,
            bytes: 0,
            policy,
            limits,
            timescale: props.timescale(),
            wait_key: false,
            lost: false,
            heard: false,
            dropped: 0,
        }
    }

    pub(crate) fn is_live(&self) -> bool {
        self.policy != Policy::Wait
    }

    /// Whether the consumer has taken anything yet.
    pub(crate) fn is_heard(&self) -> bool {
        self.heard
    }

    pub(crate) fn packets(&self) -> usize {
        self.packets
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Packets the producer may still send without overfilling; never 0 for a live edge.
    pub(crate) fn room(&self) -> u32 {
        if self.is_live() {
            return u32::MAX;
        }
        if self.bytes >= self.limits.bytes || self.packets >= self.limits.packets {
            return 0;
        }
        u32::try_from(self.limits.packets - self.packets).unwrap_or(u32::MAX)
    }

    /// Queues an item, dropping by policy. When the memory of the process `is_tight`, a live edge counts as full.
    pub(crate) fn push(&mut self, item: Item, is_tight: bool) -> Result<(), Overflow> {
        match item {
            Item::Packet(packet) => self.push_packet(packet, is_tight),
            Item::Props(props) => {
                self.timescale = props.timescale();
                self.items.push_back(Item::Props(props));
                Ok(())
            }
            Item::End => {
                self.items.push_back(Item::End);
                Ok(())
            }
        }
    }

    fn push_packet(&mut self, mut packet: Packet, is_tight: bool) -> Result<(), Overflow> {
        if self.wait_key && !packet.is_key() && !packet.flags.contains(Flags::HEADER) {
            self.dropped += 1;
            return Ok(());
        }
        if self.is_live() && (self.full_with(&packet) || (is_tight && self.packets > 0)) {
            match self.policy {
                Policy::Fail => return Err(Overflow),
                Policy::Drop | Policy::Wait => self.drop_late(&packet),
            }
            if self.wait_key && !packet.is_key() {
                self.dropped += 1;
                return Ok(());
            }
        }
        self.wait_key = false;
        if std::mem::take(&mut self.lost) {
            packet.flags |= Flags::DISCONTINUITY;
        }
        self.packets += 1;
        self.bytes += packet.len();
        self.items.push_back(Item::Packet(packet));
        Ok(())
    }

    fn full_with(&self, packet: &Packet) -> bool {
        let first = self.items.iter().find_map(|i| match i {
            Item::Packet(p) => Some(p.dts),
            _ => None,
        });
        let span = first.map_or(0, |first| packet.dts.saturating_sub(first));
        let limit = i128::from(self.limits.millis) * i128::from(self.timescale) / 1000;
        self.packets >= self.limits.packets || self.bytes + packet.len() > self.limits.bytes || i128::from(span) > limit
    }

    /// Drops everything before the last point where decoding can start, or everything, if there is none.
    fn drop_late(&mut self, incoming: &Packet) {
        let is_key = |i: &Item| matches!(i, Item::Packet(p) if p.is_key());
        let keep_from = if incoming.is_key() { None } else { self.items.iter().rposition(is_key).filter(|i| *i > 0) };
        let tail = keep_from.map(|i| self.items.split_off(i)).unwrap_or_default();
        for item in std::mem::take(&mut self.items) {
            match item {
                Item::Packet(p) if !p.flags.contains(Flags::HEADER) => {
                    self.packets -= 1;
                    self.bytes -= p.len();
                    self.dropped += 1;
                }
                keep => self.items.push_back(keep),
            }
        }
        self.lost = tail.is_empty();
        self.wait_key = tail.is_empty() && !incoming.is_key();
        self.items.extend(tail.into_iter().enumerate().map(|(i, item)| match item {
            Item::Packet(mut p) if i == 0 => {
                p.flags |= Flags::DISCONTINUITY;
                Item::Packet(p)
            }
            other => other,
        }));
    }

    /// Lends the queue to a call of the filter.
    pub(crate) fn lend(&mut self, to: &mut InQueue) {
        std::mem::swap(&mut self.items, &mut to.items);
    }

    /// Takes the queue back after a call; what came meanwhile goes behind what is left.
    pub(crate) fn give_back(&mut self, from: &mut InQueue) {
        self.heard |= !matches!(from.items.front(), Some(Item::Props(_)));
        self.packets -= usize::try_from(from.taken_packets).unwrap_or(usize::MAX).min(self.packets);
        self.bytes -= usize::try_from(from.taken_bytes).unwrap_or(usize::MAX).min(self.bytes);
        from.taken_packets = 0;
        from.taken_bytes = 0;
        std::mem::swap(&mut self.items, &mut from.items);
        if !from.items.is_empty() {
            self.items.append(&mut from.items);
        }
    }

    /// Forgets everything queued.
    pub(crate) fn clear(&mut self) {
        self.items = VecDeque::new(); // with its memory: nothing comes any more
        self.packets = 0;
        self.bytes = 0;
    }
}

/// The name of a PID for messages.
pub(crate) fn pid_name(props: &Props, out: u32) -> String {
    props.str(Prop::Name).map_or_else(|| format!("PID {out}"), str::to_owned)
}

#[cfg(test)]
mod tests {
    use weir_media::{Bytes, CodecId};

    use super::*;

    fn video() -> Props {
        Props::new()
            .with(Prop::StreamType, StreamType::Visual)
            .with(Prop::CodecId, CodecId::Avc)
            .with(Prop::Timescale, 25u32)
    }

    fn packet(n: i64, key: bool) -> Item {
        let flags = if key { Flags::KEY } else { Flags::NONE };
        Item::Packet(Packet { flags, ..Packet::new(Bytes::from_static(b"x"), n) })
    }

    fn queued(edge: &Edge) -> Vec<(i64, bool, bool)> {
        let facts = |i: &Item| match i {
            Item::Packet(p) => Some((p.dts, p.is_key(), p.flags.contains(Flags::DISCONTINUITY))),
            _ => None,
        };
        edge.items.iter().filter_map(facts).collect()
    }

    #[test]
    fn a_full_live_edge_keeps_from_the_last_key_on() {
        let mut edge = Edge::new(&video(), true);
        for n in 0..76 {
            edge.push(packet(n, n % 50 == 0), false).expect("drops, never fails");
        }
        // 3 s at 25 fps is 75 frames: frame 76 is one too many, so frames before key 50 go.
        edge.push(packet(76, false), false).expect("drops");
        assert_eq!(edge.dropped, 50);
        let left = queued(&edge);
        assert_eq!(left[0], (50, true, true));
        assert_eq!((left.len(), edge.packets()), (27, 27));
    }

    #[test]
    fn without_a_key_nothing_passes_until_the_next() {
        let mut edge = Edge::new(&video(), true);
        for n in 0..80 {
            edge.push(packet(n, n == 0), false).expect("drops");
        }
        assert_eq!(queued(&edge), []);
        edge.push(packet(80, true), false).expect("drops");
        edge.push(packet(81, false), false).expect("drops");
        assert_eq!(queued(&edge), [(80, true, true), (81, false, false)]);
        assert_eq!(edge.dropped, 80);
    }

    #[test]
    fn a_file_that_cannot_keep_up_fails() {
        let props = Props::new().with(Prop::StreamType, StreamType::File).with(Prop::Timescale, 1000u32);
        let mut edge = Edge::new(&props, true);
        assert!((0..3000).all(|n| edge.push(packet(n, true), false).is_err() == (n >= 1024)));
    }

    #[test]
    fn when_memory_is_tight_a_live_edge_keeps_one_packet() {
        let mut edge = Edge::new(&video(), true);
        for n in 0..10 {
            edge.push(packet(n, true), true).expect("drops");
        }
        assert_eq!(queued(&edge), [(9, true, true)]);
        let mut waiting = Edge::new(&video(), false);
        (0..10).for_each(|n| waiting.push(packet(n, true), true).expect("waits"));
        assert_eq!(waiting.packets(), 10, "what waits is never dropped");
    }

    #[test]
    fn a_waiting_edge_counts_what_a_job_took_along() {
        let mut edge = Edge::new(&video(), false);
        for n in 0..64 {
            edge.push(packet(n, true), false).expect("waits");
        }
        assert_eq!(edge.room(), 0);
        let mut lent = InQueue::default();
        edge.lend(&mut lent);
        assert_eq!(edge.room(), 0, "still counted while away");
        lent.items.pop_front();
        lent.taken_packets = 1;
        lent.taken_bytes = 1;
        edge.push(packet(64, true), false).expect("waits");
        edge.give_back(&mut lent);
        assert_eq!((edge.packets(), queued(&edge)[0].0, queued(&edge).len()), (64, 1, 64));
    }
}
