//! Times for a stream that has none: frames are counted at a frame rate and put in the order they are shown.

use std::collections::VecDeque;

use weir_codec::avc::{DisplayOrder, SpsInfo};
use weir_media::{Frac, rescale};

use crate::packetize::{Stamp, Timed, Unit};

/// Rate when neither the user nor the stream says one.
pub(crate) const DEFAULT_RATE: Rate = Rate { num: 25, den: 1 };

/// A frame rate that makes sense.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Rate {
    num: u32,
    den: u32,
}

impl Rate {
    /// Rates over this are mistakes: VUI timing is often wrong.
    const MAX: u32 = 1000;
    /// Frames longer than this many seconds are, too.
    const LONGEST: u32 = 3600;

    /// The rate of a fraction; `None` when it makes no sense.
    pub(crate) fn of(fps: Frac) -> Option<Self> {
        let (num, den) = (u32::try_from(fps.num).ok()?, fps.den);
        let sane = num > 0
            && u64::from(num) <= u64::from(Self::MAX) * u64::from(den)
            && u64::from(den) <= u64::from(Self::LONGEST) * u64::from(num);
        sane.then_some(Self { num, den })
    }

    pub(crate) fn frac(self) -> Frac {
        Frac { num: self.num.into(), den: self.den }
    }

    /// Units per second that a frame lasts a whole number of, at least 1000.
    const fn timescale(self) -> u32 {
        if self.num < 1000 { self.num * 1000 } else { self.num }
    }
}

/// Stamps access units of a file. A stream may change its rate and its reorder depth at an SPS; a *run* is what lies
/// between two such changes. Neither decoding nor composition times ever go back or leave a gap between runs.
pub(crate) struct FrameClock {
    /// The rate the user insists on.
    given: Option<Rate>,
    /// Rate of this run.
    rate: Rate,
    /// 0 before the first frame.
    timescale: u32,
    /// When this run starts, but for `delay`.
    start: i64,
    /// How much earlier than `start` decoding starts. The same for all runs.
    lead: i64,
    /// What composition times are put off by because a run reorders more than `lead` has room for.
    delay: i64,
    order: DisplayOrder,
    /// Frames whose place is not known yet.
    waiting: VecDeque<Unit>,
    /// Frames stamped in this run.
    stamped: i64,
}

impl FrameClock {
    pub(crate) fn new(given: Option<Rate>) -> Self {
        Self {
            given,
            rate: given.unwrap_or(DEFAULT_RATE),
            timescale: 0,
            start: 0,
            lead: 0,
            delay: 0,
            order: DisplayOrder::new(0),
            waiting: VecDeque::new(),
            stamped: 0,
        }
    }

    /// Units per second of the stamps; 0 before the first frame.
    pub(crate) const fn timescale(&self) -> u32 {
        self.timescale
    }

    /// Adds the next frame in decoding order; `ready` gets the frames whose times are known by it.
    pub(crate) fn push(&mut self, unit: Unit, ready: &mut VecDeque<Timed>) {
        if let Some(sps) = unit.sps() {
            let rate = self.rate_of(sps);
            let depth = DisplayOrder::new(sps.reorder_depth()).depth();
            if self.timescale == 0 || rate != self.rate || depth != self.order.depth() {
                self.finish(ready);
                self.begin(rate, depth);
            }
        }
        self.order.push(unit.au.poc);
        self.waiting.push_back(unit);
        self.stamp(ready);
    }

    /// Says that all frames pushed so far are shown before those that follow.
    pub(crate) fn finish(&mut self, ready: &mut VecDeque<Timed>) {
        self.order.finish();
        self.stamp(ready);
    }

    fn rate_of(&self, sps: &SpsInfo) -> Rate {
        self.given.or_else(|| Rate::of(sps.frame_rate?)).unwrap_or(DEFAULT_RATE)
    }

    /// Begins a run where the last one ended.
    fn begin(&mut self, rate: Rate, depth: usize) {
        self.start = self.start.saturating_add(self.ticks(self.stamped));
        self.stamped = 0;
        self.rate = rate;
        self.order = DisplayOrder::new(depth);
        let first = self.timescale == 0;
        if first {
            self.timescale = rate.timescale();
        }
        let need = self.ticks(i64::try_from(depth).expect("at most MAX_REORDER_DEPTH"));
        if first {
            self.lead = need;
        }
        self.delay = self.delay.max(need - self.lead);
    }

    /// The length of so many frames of this run.
    fn ticks(&self, frames: i64) -> i64 {
        rescale(frames.saturating_mul(self.rate.den.into()), self.rate.num, self.timescale)
    }

    fn stamp(&mut self, ready: &mut VecDeque<Timed>) {
        while let Some(offset) = self.order.pull() {
            let Some(unit) = self.waiting.pop_front() else { return };
            let shown = self.stamped.saturating_add(offset);
            let dts = self.start.saturating_add(self.ticks(self.stamped)).saturating_sub(self.lead);
            let cts = self.start.saturating_add(self.ticks(shown)).saturating_add(self.delay);
            let duration = self.ticks(shown.saturating_add(1)) - self.ticks(shown);
            self.stamped += 1;
            let stamp = Stamp { dts, cts: cts.max(dts), duration: u32::try_from(duration).unwrap_or(0) };
            ready.push_back(Timed { unit, stamp, rate: Some(self.rate.frac()) });
        }
    }
}
