//! Which time each sample has: counted on from where the input began, and taken up anew where it jumps.

use std::collections::VecDeque;

use weir_media::Time;

use crate::codec::FRAME;

/// Where samples of one input packet begin.
#[derive(Clone, Copy, Debug)]
struct Mark {
    /// Number of the first sample.
    from: i64,
    /// Its time.
    time: i64,
    origin: Time,
    /// Something is missing before it, or time jumps here.
    jump: bool,
}

/// What a frame says about itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Stamp {
    /// Time of its first sample.
    pub(crate) time: i64,
    pub(crate) origin: Time,
    pub(crate) discontinuity: bool,
}

/// The times of samples numbered from 0, in units of the sample rate.
#[derive(Debug)]
pub(crate) struct Timeline {
    marks: VecDeque<Mark>,
    /// Samples so far, filled-in silence included.
    end: i64,
    /// Added to the times of the input since it last jumped back.
    shift: i64,
    /// Deviations up to this are rounding and jitter.
    slack: i64,
}

impl Timeline {
    /// A timeline for input timestamps in units of `1/timescale` s.
    pub(crate) fn new(sample_rate: u32, timescale: u32) -> Self {
        let slack = i64::from((sample_rate / 100).max(2 * sample_rate.div_ceil(timescale.max(1))));
        Self { marks: VecDeque::new(), end: 0, shift: 0, slack }
    }

    /// Takes up `samples` samples that begin at `time`. `lost` says that something is missing before them.
    ///
    /// Returns how many samples of silence to put in before them: enough to close a small gap, or to end the frame
    /// before a large one, so that no frame spans it.
    pub(crate) fn add(&mut self, time: i64, samples: usize, origin: Time, lost: bool) -> usize {
        let (fill, time, jump) = match self.now() {
            None => (0, time, false),
            Some(now) => self.place(time, now),
        };
        self.end = self.end.saturating_add(fill);
        self.marks.push_back(Mark { from: self.end, time, origin, jump: jump || lost });
        self.end = self.end.saturating_add(count(samples));
        usize::try_from(fill).unwrap_or(0)
    }

    /// The time after the last sample; `None` before the first.
    fn now(&self) -> Option<i64> {
        self.marks.back().map(|m| m.time.saturating_add(self.end - m.from))
    }

    /// Silence to fill in, the time of what follows, and whether it jumps, for samples at `time` when `now` is due.
    fn place(&mut self, time: i64, now: i64) -> (i64, i64, bool) {
        let gap = time.saturating_add(self.shift).saturating_sub(now);
        if gap.unsigned_abs() <= self.slack.unsigned_abs() {
            return (0, now, false);
        }
        // Back to the true time where that is possible, and never back in time.
        self.shift = now.saturating_sub(time).max(0);
        let time = time.max(now);
        let fill = time.saturating_sub(now).min(self.to_frame_end());
        (fill, time, true)
    }

    fn to_frame_end(&self) -> i64 {
        let frame = count(FRAME);
        (frame - self.end % frame) % frame
    }

    /// What the frame with this first sample is stamped with. Frames are asked for in order; a number below 0 is one of
    /// the priming.
    pub(crate) fn stamp(&mut self, first: i64) -> Option<Stamp> {
        while self.marks.get(1).is_some_and(|m| m.from <= first) {
            let gone = self.marks.pop_front()?;
            self.marks.front_mut()?.jump |= gone.jump;
        }
        let inside = |m: &&mut Mark| m.from < first.saturating_add(count(FRAME));
        let discontinuity =
            self.marks.iter_mut().take_while(inside).fold(false, |any, m| std::mem::take(&mut m.jump) | any);
        let mark = self.marks.front()?;
        let time = mark.time.saturating_add(first - mark.from);
        Some(Stamp { time, origin: mark.origin, discontinuity })
    }

    /// Samples so far.
    pub(crate) const fn len(&self) -> i64 {
        self.end
    }
}

/// Lengths in memory are far below `i64::MAX`.
fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NO_TIME: Time = Time::ZERO;

    fn stamp(time: i64, discontinuity: bool) -> Option<Stamp> {
        Some(Stamp { time, origin: NO_TIME, discontinuity })
    }

    #[test]
    fn counts_on_over_jitter() {
        let mut t = Timeline::new(48_000, 1000);
        assert_eq!(t.add(100, 1000, NO_TIME, false), 0);
        assert_eq!(t.add(1110, 1000, NO_TIME, false), 0);
        assert_eq!(t.add(2060, 1000, NO_TIME, false), 0);
        let times: Vec<_> = [-1024, 0, 1024].map(|n| t.stamp(n)).into();
        assert_eq!(times, [stamp(-924, false), stamp(100, false), stamp(1124, false)]);
    }

    #[test]
    fn a_small_gap_is_filled_and_a_large_one_begins_a_frame() {
        let mut t = Timeline::new(48_000, 48_000);
        t.add(0, 100, NO_TIME, false);
        assert_eq!(t.add(700, 300, NO_TIME, false), 600, "within the frame");
        assert_eq!(t.add(51_000, 2000, NO_TIME, false), 24, "up to its end");
        assert_eq!([0, 1024, 2048].map(|n| t.stamp(n)), [stamp(0, true), stamp(51_000, true), stamp(52_024, false)]);
    }

    #[test]
    fn a_jump_back_is_closed_up_until_the_true_time_is_possible_again() {
        let mut t = Timeline::new(48_000, 48_000);
        t.add(50_000, 2048, NO_TIME, false);
        assert_eq!(t.add(0, 1024, NO_TIME, false), 0);
        assert_eq!(t.add(1024, 1024, NO_TIME, false), 0, "the shift holds");
        assert_eq!(t.add(90_000, 1024, NO_TIME, false), 0);
        let got = [0, 1024, 2048, 3072, 4096].map(|n| t.stamp(n));
        let want = [(50_000, false), (51_024, false), (52_048, true), (53_072, false), (90_000, true)];
        assert_eq!(got, want.map(|(time, jump)| stamp(time, jump)));
    }

    #[test]
    fn origin_and_loss_come_from_the_packet_a_frame_begins_in() {
        let mut t = Timeline::new(48_000, 48_000);
        let at = Time::from_millis;
        t.add(0, 1500, at(1), false);
        t.add(1500, 1500, at(2), true);
        let got: Vec<_> = [0, 1024, 2048].iter().filter_map(|n| t.stamp(*n)).collect();
        assert_eq!(got.iter().map(|s| s.origin).collect::<Vec<_>>(), [at(1), at(1), at(2)]);
        assert_eq!(got.iter().map(|s| s.discontinuity).collect::<Vec<_>>(), [false, true, false]);
    }

    proptest! {
        #[test]
        fn time_never_stands_or_runs_back(
            adds in prop::collection::vec((prop_oneof![any::<i64>(), -5000_i64..5000], 1_usize..5000), 1..60),
        ) {
            let mut t = Timeline::new(48_000, 48_000);
            let mut frames = Vec::new();
            for (time, samples) in adds {
                t.add(time, samples, NO_TIME, false);
                while frames.len() as i64 * 1024 + 1024 <= t.len() {
                    frames.push(t.stamp(frames.len() as i64 * 1024).expect("began"));
                }
            }
            let saturated = |s: &Stamp| s.time > i64::MAX - (1 << 40) || s.time < i64::MIN + (1 << 40);
            prop_assert!(frames.windows(2).all(|w| w[1].time >= w[0].time + 1024 || saturated(&w[1])));
        }
    }
}
