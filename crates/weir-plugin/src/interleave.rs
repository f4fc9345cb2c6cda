//! For muxers: the packets of all inputs in decoding order. A track that has nothing holds the others back only so long.
//!
//! A muxer keeps a [`Track`] for each input, [pushes](Track::push) what comes, and takes from the track that [`next`]
//! names. Nothing here looks into a packet or drops one.

use std::collections::VecDeque;

use crate::{Ctx, InId, Item, Result};
use weir_media::{Bytes, Packet, Prop, Props, StreamType, rescale};

/// What waits in a [`Track`].
#[derive(Debug)]
pub enum Waiting {
    /// A decoder configuration for what follows.
    Config(Bytes),
    /// A packet and its decoding time in microseconds.
    Packet(Packet, i64),
}

/// One input of a muxer.
#[derive(Debug)]
pub struct Track {
    /// The input.
    pub input: InId,
    /// The properties in force for what came last.
    pub props: Props,
    /// What has come and is not written yet, in order.
    pub queue: VecDeque<Waiting>,
    /// Nothing will follow.
    pub ended: bool,
    /// The last timestamp written, in units of the muxer's own.
    pub last: Option<i64>,
}

/// Microseconds per second, as a timescale.
pub const MICROS: u32 = 1_000_000;

impl Track {
    /// A track of an input; its decoder configuration, if it has one, comes first.
    #[must_use]
    pub fn new(input: InId, props: Props) -> Self {
        let config = props.bytes(Prop::DecoderConfig).cloned().map(Waiting::Config);
        Self { input, props, queue: config.into_iter().collect(), ended: false, last: None }
    }

    /// Takes new properties; a decoder configuration among them comes before what follows.
    pub fn set_props(&mut self, props: Props) {
        self.props = props;
        self.queue.extend(self.props.bytes(Prop::DecoderConfig).cloned().map(Waiting::Config));
    }

    /// Whether it carries pictures.
    #[must_use]
    pub fn is_video(&self) -> bool {
        self.props.stream_type() == Some(StreamType::Visual)
    }

    /// Decoding time of the first packet waiting, microseconds.
    #[must_use]
    pub fn front(&self) -> Option<i64> {
        self.queue.iter().find_map(Waiting::dts)
    }

    /// Media time waiting, microseconds.
    fn span(&self) -> i64 {
        let back = self.queue.iter().rev().find_map(Waiting::dts);
        back.zip(self.front()).map_or(0, |(back, front)| back - front)
    }

    /// Adds a packet that came.
    pub fn push(&mut self, packet: Packet) {
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

/// Gives what inputs have to `take`, up to `most` items of each, so that none makes the others wait. True when there may be
/// more.
///
/// # Errors
/// The first of `take`.
pub fn take_inputs(
    ctx: &mut Ctx<'_>,
    most: usize,
    mut take: impl FnMut(&mut Ctx<'_>, InId, Item) -> Result<()>,
) -> Result<bool> {
    let mut more = false;
    for input in ctx.inputs() {
        for n in 1..=most {
            let Some(item) = ctx.next(input) else { break };
            take(ctx, input, item)?;
            more |= n == most;
        }
    }
    Ok(more)
}

/// The track whose turn it is: the one with the earliest packet, once every other has one too, has ended, or has been
/// waited for long enough. `wait` is in microseconds.
#[must_use]
pub fn next(tracks: &[Track], wait: i64) -> Option<usize> {
    let complete = tracks.iter().all(|t| t.ended || t.front().is_some());
    if !complete && !tracks.iter().any(|t| t.span() >= wait) {
        return None;
    }
    tracks.iter().enumerate().filter_map(|(i, t)| Some((t.front()?, i))).min().map(|(_, i)| i)
}
