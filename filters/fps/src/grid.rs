//! Where pictures lie on a grid of time: pure numbers.

use weir_media::rescale;

/// Longest gap that is filled by repeating a picture, seconds: a stall of a network, and no pause of a programme.
const MAX_GAP: i64 = 5;

/// Units of time in a second, at least: so the first point is where the first picture was, to a hundredth of a
/// millisecond.
const MIN_TIMESCALE: u32 = 90_000;

/// A rate, and the units its points are counted in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Rate {
    /// Pictures in `den` seconds.
    num: u32,
    den: u32,
    /// Units per second.
    pub(crate) timescale: u32,
    /// Units from one point to the next.
    pub(crate) step: u32,
}

impl Rate {
    /// Of terms of at most a million each.
    pub(crate) fn new((num, den): (u32, u32)) -> Self {
        let finer = MIN_TIMESCALE.div_ceil(num);
        Self { num, den, timescale: num * finer, step: den.saturating_mul(finer) }
    }
}

/// What to do with a picture.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// Its point has a picture already.
    Taken,
    /// It goes to this time, and before it the last picture to so many points.
    At {
        /// Time of the first of these points, repeated pictures included.
        first: i64,
        /// Points to repeat the last picture at.
        repeats: i64,
    },
    /// It begins a grid of its own at this time.
    Anew(i64),
}

/// Points from the first picture on.
#[derive(Debug)]
pub(crate) struct Grid {
    rate: Rate,
    /// Units per second of the input.
    timescale: u32,
    /// Time of the first picture, in units of the input and of the output.
    start: Option<(i64, i64)>,
    /// The last point that has a picture.
    last: i64,
    /// The first time that is free.
    free: i64,
}

impl Grid {
    pub(crate) const fn new(rate: Rate) -> Self {
        Self { rate, timescale: 1000, start: None, last: 0, free: i64::MIN }
    }

    /// Timestamps come in these units from now on.
    pub(crate) fn set_timescale(&mut self, timescale: u32) {
        if self.timescale != timescale {
            self.timescale = timescale;
            self.start = None;
        }
    }

    /// Finds the place of a picture.
    pub(crate) fn place(&mut self, time: i64) -> Place {
        let Some((start, base)) = self.start else { return Place::Anew(self.begin(time)) };
        let point = self.point(time, start);
        let ahead = point.saturating_sub(self.last);
        let most = MAX_GAP * i64::from(self.rate.num) / i64::from(self.rate.den);
        if ahead.unsigned_abs() > most.max(1).unsigned_abs() {
            return Place::Anew(self.begin(time));
        }
        if ahead <= 0 {
            return Place::Taken;
        }
        let first = self.time(base, self.last + 1);
        self.last = point;
        self.free = self.time(base, point + 1);
        Place::At { first, repeats: ahead - 1 }
    }

    /// Points that the last picture lasts for beyond its own, when it ends at `time`, and the time of the first.
    pub(crate) fn rest(&mut self, time: i64) -> (i64, i64) {
        let Some((start, base)) = self.start else { return (0, 0) };
        let most = MAX_GAP * i64::from(self.rate.num) / i64::from(self.rate.den);
        let repeats = self.point(time, start).saturating_sub(self.last + 1).clamp(0, most);
        (self.time(base, self.last + 1), repeats)
    }

    fn begin(&mut self, time: i64) -> i64 {
        let base = rescale(time, self.timescale, self.rate.timescale).max(self.free);
        self.start = Some((time, base));
        self.last = 0;
        self.free = base.saturating_add(self.rate.step.into());
        base
    }

    /// The nearest point; in the middle of two the earlier one, so that half the rate is every other picture.
    fn point(&self, time: i64, start: i64) -> i64 {
        let since = (i128::from(time) - i128::from(start)) * i128::from(self.rate.num);
        let unit = i128::from(self.timescale) * i128::from(self.rate.den);
        let nearest = (2 * since + unit - 1).div_euclid(2 * unit);
        i64::try_from(nearest).unwrap_or(if nearest < 0 { i64::MIN } else { i64::MAX })
    }

    fn time(&self, base: i64, point: i64) -> i64 {
        base.saturating_add(point.saturating_mul(self.rate.step.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(rate: (u32, u32), timescale: u32, times: &[i64]) -> Vec<Place> {
        let mut grid = Grid::new(Rate::new(rate));
        grid.set_timescale(timescale);
        times.iter().map(|t| grid.place(*t)).collect()
    }

    const fn at(first: i64, repeats: i64) -> Place {
        Place::At { first, repeats }
    }

    #[test]
    fn pictures_go_to_the_nearest_point() {
        // 25 per second in units of 1/90000 s: 3600 a point. Milliseconds with jitter.
        let found = places((25, 1), 1000, &[1000, 1041, 1079, 1090, 1121, 1240]);
        let step = 3600;
        let want = [
            Place::Anew(90_000),
            at(90_000 + step, 0),
            at(90_000 + 2 * step, 0),
            Place::Taken,
            at(90_000 + 3 * step, 0),
            at(90_000 + 4 * step, 2),
        ];
        assert_eq!(found, want);
    }

    #[test]
    fn fractions_do_not_drift() {
        let mut grid = Grid::new(Rate::new((30_000, 1001)));
        grid.set_timescale(30_000);
        let times = (0..1_000_000_i64).map(|n| grid.place(n * 1001));
        let wrong = times.skip(1).zip(1_i64..).find(|(place, n)| *place != at(n * 3003, 0));
        assert_eq!(wrong, None);
    }

    #[test]
    fn long_gaps_and_jumps_back_begin_anew_and_never_turn_time_back() {
        let found = places((25, 1), 1000, &[0, 5_000, 10_040, 0, 40]);
        let anew = 90 * 10_040;
        assert_eq!(
            found,
            [Place::Anew(0), at(3600, 124), Place::Anew(anew), Place::Anew(anew + 3600), at(anew + 7200, 0)]
        );
    }

    #[test]
    fn the_ends_of_time_are_survived() {
        for times in [[i64::MIN, i64::MAX, 0], [i64::MAX, i64::MIN, i64::MAX], [0, i64::MIN, i64::MIN]] {
            assert!(matches!(places((1000, 1), 1, &times)[..], [Place::Anew(_), Place::Anew(_), _]));
        }
    }
}
