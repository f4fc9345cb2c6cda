//! Puts the packets of all tracks in decoding order. A track that has nothing holds the others back only so long.

use std::collections::VecDeque;

use weir_media::{Bytes, Packet, Props, StreamType, rescale};
use weir_plugin::InId;

/// What waits in a track.
pub(crate) enum Waiting {
    /// A decoder configuration for what follows.
    Config(Bytes),
    /// A packet and its decoding time in microseconds.
    Packet(Packet, i64),
}

/// One input.
pub(crate) struct Track {
    pub(crate) input: InId,
    pub(crate) props: Props,
    pub(crate) queue: VecDeque<Waiting>,
    pub(crate) ended: bool,
    /// Last timestamp written, milliseconds.
    pub(crate) last: Option<i64>,
}

/// Microseconds per second, as a timescale.
pub(crate) const MICROS: u32 = 1_000_000;

impl Track {
    pub(crate) fn is_video(&self) -> bool {
        self.props.stream_type() == Some(StreamType::Visual)
    }

    /// Decoding time of the first packet waiting, microseconds.
    pub(crate) fn front(&self) -> Option<i64> {
        self.queue.iter().find_map(Waiting::dts)
    }

    /// Media time waiting, microseconds.
    fn span(&self) -> i64 {
        let back = self.queue.iter().rev().find_map(Waiting::dts);
        back.zip(self.front()).map_or(0, |(back, front)| back - front)
    }

    pub(crate) fn push(&mut self, packet: Packet) {
        let dts = rescale(packet.dts, self.props.timescale(), MICROS);
        self.queue.push_back(Waiting::Packet(packet, dts));
    }
}

impl Waiting {
    fn dts(&self) -> Option<i64> {
        match self {
            Self::Packet(_, dts) => Some(*dts),
            Self::Config(_) => None,
        }
    }
}

/// The track whose turn it is: the one with the earliest packet, once every other has one too, has ended, or has been
/// waited for long enough. `wait` is in microseconds.
pub(crate) fn next(tracks: &[Track], wait: i64) -> Option<usize> {
    let complete = tracks.iter().all(|t| t.ended || t.front().is_some());
    if !complete && !tracks.iter().any(|t| t.span() >= wait) {
        return None;
    }
    tracks.iter().enumerate().filter_map(|(i, t)| Some((t.front()?, i))).min().map(|(_, i)| i)
}
