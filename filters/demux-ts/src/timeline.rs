//! [`Timeline`]: times of 33 bits, over wraps, jumps of the clock and restarts of the input, on one endless line in units of
//! 90 kHz. It looks at times only.

/// Units per second.
pub(crate) const CLOCK: u32 = 90_000;
const SECOND: i64 = CLOCK as i64;
/// A clock that goes ahead more than this has jumped, and a time this far from the last is on another clock.
const MAX_AHEAD: i64 = 10 * SECOND;
/// A clock that goes back more than this has jumped, and one that says that it may have, goes ahead more than this.
const MAX_STEP: i64 = SECOND / 2;
/// For so long after a jump, times of the clock before may come.
const MAX_MIXED: i64 = SECOND;

/// From one time of 33 bits to another, the shorter way round.
pub(crate) const fn distance(from: u64, to: u64) -> i64 {
    (to.wrapping_sub(from) << 31).cast_signed() >> 31
}

/// A clock, which times stand for.
#[derive(Clone, Copy, Debug)]
struct Base {
    /// The last time, and its place on the line once one was placed.
    last: u64,
    at: Option<i64>,
    /// Place of its first time.
    since: i64,
}

/// The line of one programme.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    /// The clock in force, behind the one before it when that may still be met.
    bases: Vec<Base>,
    clock: Option<u64>,
    /// Where the last packet of any stream ends.
    end: Option<i64>,
}

impl Timeline {
    /// The input starts over: the next time, whatever it is, follows the end so far.
    pub(crate) fn restart(&mut self) {
        self.bases.clear();
        self.clock = None;
    }

    /// Moves the whole line.
    pub(crate) fn shift(&mut self, by: i64) {
        for base in &mut self.bases {
            base.at = base.at.map(|at| at.saturating_add(by));
            base.since = base.since.saturating_add(by);
        }
        self.end = self.end.map(|end| end.saturating_add(by));
    }

    /// A clock reference came; `is_new` when it says that it may have jumped.
    pub(crate) fn clock(&mut self, time: u64, is_new: bool) {
        let Some(before) = self.clock.replace(time) else { return };
        let step = distance(before, time);
        let most = if is_new { MAX_STEP } else { MAX_AHEAD };
        let is_jump = !(-MAX_STEP..=most).contains(&step);
        if is_jump && !self.bases.is_empty() {
            self.begin(Base { last: time, at: None, since: 0 });
        }
    }

    fn begin(&mut self, base: Base) {
        if self.bases.len() > 1 {
            self.bases.remove(0);
        }
        self.bases.push(base);
    }

    /// The place of a time.
    pub(crate) fn place(&mut self, time: u64) -> i64 {
        let far = |base: &Base| distance(base.last, time).abs();
        if self.bases.iter().map(far).min().is_none_or(|far| far > MAX_AHEAD) {
            self.begin(Base { last: time, at: None, since: 0 });
        }
        let end = self.end.unwrap_or(0);
        let nearest = (0..self.bases.len()).min_by_key(|i| far(&self.bases[*i])).unwrap_or(0);
        let base = &mut self.bases[nearest];
        let at = match base.at {
            Some(at) => at.saturating_add(distance(base.last, time)),
            None => {
                base.since = end;
                end
            }
        };
        (base.last, base.at) = (time, Some(at));
        let is_settled = at.saturating_sub(base.since) > MAX_MIXED;
        if nearest > 0 && is_settled {
            self.bases.remove(0);
        }
        at
    }

    /// Counts a packet that lasts to `end`.
    pub(crate) fn count(&mut self, end: i64) {
        self.end = self.end.max(Some(end));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRAP: u64 = 1 << 33;

    #[test]
    fn a_wrap_is_no_jump() {
        let mut line = Timeline::default();
        assert_eq!(line.place(WRAP - 100), 0);
        line.clock(WRAP - 200, false);
        line.clock(5, true);
        assert_eq!(line.place(50), 150);
        assert_eq!(line.place(WRAP - 10), 90);
        assert_eq!((distance(0, WRAP - 1), distance(WRAP - 1, 1)), (-1, 2));
    }

    #[test]
    fn a_jump_of_the_clock_goes_on_where_the_line_ends() {
        for jump in [-3_i64, 3, -4000, 4000] {
            let mut line = Timeline::default();
            let start = 1_000_000_000_u64;
            line.clock(start, false);
            assert_eq!(line.place(start + 9_000), 0);
            line.count(3_600);
            let new = start.wrapping_add_signed(jump * SECOND);
            line.clock(new, true);
            assert_eq!(line.place(new + 9_000), 3_600, "{jump}");
            // A straggler of the clock before.
            assert_eq!(line.place(start + 12_000), 3_000, "{jump}");
            for step in 1..20 {
                let ahead = step * 9_000;
                assert_eq!(line.place(new + 9_000 + ahead), 3_600 + ahead.cast_signed(), "{jump}");
            }
            assert_eq!(line.bases.len(), 1);
        }
    }

    #[test]
    fn without_a_clock_a_far_time_and_a_restart_go_on_too() {
        let mut line = Timeline::default();
        assert_eq!(line.place(500), 0);
        line.count(100);
        assert_eq!(line.place(20 * CLOCK as u64), 100);
        line.count(150);
        line.restart();
        assert_eq!(line.place(3), 150);
        line.shift(-50);
        assert_eq!(line.place(13), 110);
    }
}
