//! Where key pictures go: on time grids, and where somebody asked for one.

use weir_media::Frac;

/// Requests are met at most once in this part of a second, so that viewers who come and go cannot turn the whole
/// stream into key pictures.
const REQUESTS_PER_SECOND: i64 = 2;

/// Equidistant points in time, the first at the first picture.
#[derive(Clone, Debug)]
struct Grid {
    /// Distance in timescale units, as a fraction.
    num: i128,
    den: i128,
    origin: i64,
    /// The next point has this number; the origin is 0.
    next: i128,
}

impl Grid {
    fn new(period: Frac, timescale: u32, origin: i64) -> Self {
        let num = i128::from(period.num.max(1)) * i128::from(timescale);
        Self { num, den: i128::from(period.den), origin, next: 1 }
    }

    /// Whether a picture at `ts` is the first one to reach the next point, which then is passed.
    ///
    /// Points are rounded down to whole timestamps, as the timestamps of the pictures are.
    fn reached(&mut self, ts: i64) -> bool {
        let elapsed = i128::from(ts) - i128::from(self.origin);
        // The last n with floor(n * num / den) <= elapsed.
        let passed = ((elapsed + 1) * self.den - 1).div_euclid(self.num);
        let reached = passed >= self.next;
        self.next = self.next.max(passed + 1);
        reached
    }
}

/// Decides which pictures are key pictures.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    periods: Vec<Frac>,
    timescale: u32,
    grids: Vec<Grid>,
    last: Option<i64>,
    wanted: bool,
    /// When a request was last met.
    met: Option<i64>,
}

impl Keys {
    /// Grids of these periods, seconds. They begin at the first picture.
    pub(crate) fn new(periods: Vec<Frac>, timescale: u32) -> Self {
        Self { periods, timescale, grids: Vec::new(), last: None, wanted: false, met: None }
    }

    /// A key picture is wanted soon.
    pub(crate) fn request(&mut self) {
        self.wanted = true;
    }

    /// Whether the picture at `ts` must be a key picture. To be asked once for each picture, in order.
    ///
    /// The first picture is one, and the first after a jump back in time; there the grids begin.
    pub(crate) fn due(&mut self, ts: i64) -> bool {
        let back = self.last.is_none_or(|last| ts < last);
        self.last = Some(ts);
        if back {
            self.grids = self.periods.iter().map(|p| Grid::new(*p, self.timescale, ts)).collect();
            self.met = None;
        }
        let on_grid = self.grids.iter_mut().fold(false, |any, grid| grid.reached(ts) | any);
        let asked = self.wanted && self.met.is_none_or(|met| self.spaced(met, ts));
        if asked && !back && !on_grid {
            self.met = Some(ts);
        }
        let due = back || on_grid || asked;
        self.wanted &= !due;
        due
    }

    fn spaced(&self, met: i64, ts: i64) -> bool {
        ts.saturating_sub(met).saturating_mul(REQUESTS_PER_SECOND) >= i64::from(self.timescale)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frac(num: i64, den: u32) -> Frac {
        Frac::new(num, den).expect("not 0")
    }

    fn due(keys: &mut Keys, times: impl IntoIterator<Item = i64>) -> Vec<i64> {
        times.into_iter().filter(|ts| keys.due(*ts)).collect()
    }

    #[test]
    fn every_g_pictures_however_timestamps_were_rounded() {
        let mut keys = Keys::new(vec![frac(10 * 1001, 30_000)], 1000);
        let times: Vec<i64> = (0..1000).map(|n| 777 + n * 1001 / 30).collect();
        let at: Vec<usize> = (0..1000).filter(|n| keys.due(times[*n])).collect();
        assert_eq!(at, (0..1000).step_by(10).collect::<Vec<_>>());
    }

    #[test]
    fn a_request_and_a_gap_do_not_move_the_grid() {
        let mut keys = Keys::new(vec![frac(1, 1)], 25);
        assert_eq!(due(&mut keys, 0..7), [0]);
        keys.request();
        assert_eq!(due(&mut keys, 7..60), [7, 25, 50]);
        assert_eq!(due(&mut keys, 130..160), [130, 150], "130 is the first after 75, 100 and 125");
    }

    #[test]
    fn requests_are_met_at_once_but_no_oftener_than_twice_a_second() {
        let mut keys = Keys::new(vec![frac(100, 1)], 100);
        let mut at = Vec::new();
        for ts in 0..200 {
            if ts > 10 {
                keys.request();
            }
            if keys.due(ts) {
                at.push(ts);
            }
        }
        assert_eq!(at, [0, 11, 61, 111, 161]);
    }

    #[test]
    fn a_request_is_met_by_the_grid_too() {
        let mut keys = Keys::new(vec![frac(1, 1)], 10);
        assert_eq!(due(&mut keys, 0..10), [0]);
        keys.request();
        assert_eq!(due(&mut keys, 10..20), [10]);
    }

    #[test]
    fn a_jump_back_restarts() {
        let mut keys = Keys::new(vec![frac(1, 1)], 10);
        assert_eq!(due(&mut keys, 3..18), [3, 13]);
        assert_eq!(due(&mut keys, 0..22), [0, 10, 20]);
    }

    #[test]
    fn two_grids() {
        let mut keys = Keys::new(vec![frac(1, 1), frac(3, 10)], 10);
        assert_eq!(due(&mut keys, 0..13), [0, 3, 6, 9, 10, 12]);
    }

    proptest! {
        #[test]
        fn any_timestamps_are_survived_and_points_are_never_counted_twice(
            times in prop::collection::vec(any::<i64>(), 1..50), num in 1_i64.., den in 1_u32.., scale in 1_u32..,
        ) {
            let mut keys = Keys::new(vec![frac(num, den)], scale);
            for ts in times {
                keys.due(ts);
                prop_assert!(!keys.due(ts), "{ts} twice");
            }
        }
    }
}
