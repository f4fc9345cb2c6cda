//! For muxers: the packets of all inputs in decoding order. A track that has nothing holds the others back only so long.
//!
//! A muxer keeps a [`Track`] for each input and writes from the track that [`next`] names; [`Muxer::work`] does the rest. Nothing here looks into a packet or drops one.

use std::collections::VecDeque;

use crate::{Ctx, InId, Item, Level, OutId, Result, Status};
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

/// Items taken from each input in one call, so that none makes the others wait, and packets written.
const PER_CALL: usize = 64;

/// A muxer: what is its own, for [`work`](Muxer::work) to drive.
pub trait Muxer {
    /// Its tracks, one for each input that is not left out.
    fn tracks(&mut self) -> &mut Vec<Track>;

    /// Its output, once it has begun.
    fn out(&self) -> Option<OutId>;

    /// An input comes: adds a track, or [leaves it out](leave_out).
    fn new_track(&mut self, ctx: &mut Ctx<'_>, input: InId, props: Props);

    /// Begins, if all is there that it takes.
    ///
    /// # Errors
    /// What came cannot be muxed. So for the other methods.
    fn begin(&mut self, ctx: &mut Ctx<'_>) -> Result<()>;

    /// Writes what is next. False when nothing is to be written now. The output has room.
    ///
    /// # Errors
    /// As for [`begin`](Self::begin).
    fn write_next(&mut self, ctx: &mut Ctx<'_>) -> Result<bool>;

    /// Everything is written, and the output is about to end: the last chance to send what completes it.
    ///
    /// # Errors
    /// As for [`begin`](Self::begin).
    fn complete(&mut self, ctx: &mut Ctx<'_>) -> Result<()>;

    /// All there is to [`Filter::process`](crate::Filter::process): takes what came, begins, and writes as long as there is
    /// room.
    ///
    /// # Errors
    /// The first error of the other methods.
    fn work(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        if self.out().is_some_and(|out| !ctx.room(out)) {
            return Ok(Status::Idle);
        }
        let mut more = take_inputs(self, ctx);
        if self.out().is_none() {
            self.begin(ctx)?;
        }
        if let Some(out) = self.out() {
            let mut written = 0;
            while written < PER_CALL && ctx.room(out) && self.write_next(ctx)? {
                written += 1;
            }
            more |= written == PER_CALL;
            if self.tracks().iter().all(|t| t.ended && t.front().is_none()) && ctx.settled() {
                self.complete(ctx)?;
                ctx.end_all();
                return Ok(Status::Done);
            }
        }
        Ok(if more { Status::Again } else { Status::Idle })
    }
}

/// Says that an input is left out, as it came too late.
pub fn leave_out(ctx: &mut Ctx<'_>, props: &Props) {
    let what = props.stream_type().map_or("stream", StreamType::name);
    ctx.log(Level::Warning, format!("a {what} track that comes after the start is left out"));
}

/// Takes what inputs have, within the budget. True when there may be more.
fn take_inputs<M: Muxer + ?Sized>(muxer: &mut M, ctx: &mut Ctx<'_>) -> bool {
    let mut more = false;
    for input in ctx.inputs() {
        for n in 1..=PER_CALL {
            let Some(item) = ctx.next(input) else { break };
            let track = muxer.tracks().iter_mut().find(|t| t.input == input);
            match (item, track) {
                (Item::Props(props), Some(track)) => track.set_props(props),
                (Item::Props(props), None) => muxer.new_track(ctx, input, props),
                (Item::Packet(packet), Some(track)) => track.push(packet),
                (Item::End, Some(track)) => track.ended = true,
                (Item::Packet(_) | Item::End, None) => {} // of a track that is left out
            }
            more |= n == PER_CALL;
        }
    }
    more
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
