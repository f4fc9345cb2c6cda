//! Counts to times: what is shown on a frame, and where a run begins. Integers only, computed from the count alone, so
//! nothing drifts however long a run is.

/// The regular grid of pictures: frame `i` of it is due at `i * den / num` seconds.
///
/// Frame 0 of the grid is at 00:00:00; a run may begin at a later frame of it (see [`Phase`]).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Grid {
    /// Frames per `den` seconds, positive.
    pub(crate) num: u32,
    /// Positive.
    pub(crate) den: u32,
}

/// What a frame of the grid shows of time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Shown {
    /// Full seconds.
    pub(crate) seconds: u64,
    /// Frames since the first one of this second.
    pub(crate) frame: u64,
    /// Part of the second that has passed, in microseconds, rounded down.
    pub(crate) micros: u32,
    /// The first frame of this second.
    pub(crate) second_mark: bool,
}

impl Grid {
    /// Due time of frame `i` in units of `1/den'` s, rounded down.
    pub(crate) fn at(self, i: u64, units_per_second: u32) -> u64 {
        let scaled = u128::from(i) * u128::from(self.den) * u128::from(units_per_second) / u128::from(self.num);
        u64::try_from(scaled).unwrap_or(u64::MAX)
    }

    /// What frame `i` shows.
    pub(crate) fn shown(self, i: u64) -> Shown {
        let seconds = self.at(i, 1);
        let past = u128::from(i) * u128::from(self.den) % u128::from(self.num);
        let micros = past * 1_000_000 / u128::from(self.num);
        Shown {
            seconds,
            frame: i.saturating_sub(self.first_of_second(seconds)),
            micros: u32::try_from(micros).expect("less than a second"),
            second_mark: i.checked_sub(1).is_none_or(|before| self.at(before, 1) != seconds),
        }
    }

    /// The first frame that is not before second `s`.
    fn first_of_second(self, s: u64) -> u64 {
        let frames = (u128::from(s) * u128::from(self.num)).div_ceil(u128::from(self.den));
        u64::try_from(frames).unwrap_or(u64::MAX)
    }
}

impl Shown {
    /// Part of the second that has passed, in whole hundredths.
    pub(crate) fn centis(self) -> u8 {
        u8::try_from(self.micros / 10_000).expect("below 100")
    }

    /// Part of the second that has passed, in 1/65536: where the dial stands.
    pub(crate) fn turn(self) -> u16 {
        u16::try_from(u64::from(self.micros) * 65_536 / 1_000_000).expect("below 65536")
    }

    /// Whether a beep of `ms` milliseconds at the start of the second sounds on this frame. The first frame of a second
    /// stands for its start, also where the grid is too coarse to meet it.
    pub(crate) fn beeps(self, ms: u32) -> bool {
        ms > 0 && (self.second_mark || self.micros < ms * 1_000)
    }
}

/// Where a run begins on the grid and in the sound.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Phase {
    /// Grid frame of the first picture.
    pub(crate) frame: u64,
    /// Sample, counted from time shown 0, of the first sound.
    pub(crate) sample: u64,
    /// Wall clock at the beginning, microseconds since 1970.
    pub(crate) utc: u64,
}

impl Phase {
    /// The same beginning in other pictures and samples.
    pub(crate) fn moved(self, fps: (Grid, Grid), rates: (u32, u32)) -> Self {
        let (was, is) = fps;
        let frame = u128::from(self.frame) * u128::from(was.den) * u128::from(is.num)
            / (u128::from(was.num) * u128::from(is.den));
        let sample = u128::from(self.sample) * u128::from(rates.1) / u128::from(rates.0);
        let narrow = |n: u128| u64::try_from(n).unwrap_or(u64::MAX);
        Self { frame: narrow(frame), sample: narrow(sample), ..self }
    }

    /// A run that begins at time shown 0.
    pub(crate) fn zero(utc: u64) -> Self {
        Self { frame: 0, sample: 0, utc }
    }

    /// A run whose full seconds fall on those of the wall clock.
    ///
    /// With pictures (`grid`), the millisecond is rounded down to a frame and the sound begins at the sample of that
    /// frame: sound and picture agree to the sample, and both are late on the wall clock by less than a frame. Without
    /// pictures the sound begins at the sample of the millisecond.
    pub(crate) fn adjusted(utc: u64, grid: Option<Grid>, sample_rate: u32) -> Self {
        let ms = utc / 1_000 % 1_000;
        let Some(grid) = grid else {
            return Self { frame: 0, sample: ms * u64::from(sample_rate) / 1_000, utc };
        };
        let frame = ms * u64::from(grid.num) / (1_000 * u64::from(grid.den));
        Self { frame, sample: grid.at(frame, sample_rate), utc }
    }
}

/// A PID's time line: packet `n` begins at `first + n * step`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Line {
    /// Units per second.
    pub(crate) timescale: u32,
    /// Units from a packet to the next.
    pub(crate) step: u32,
    /// Timestamp of packet 0.
    pub(crate) first: i64,
    /// Packets in all; `None` when endless.
    pub(crate) total: Option<u64>,
}

impl Line {
    /// Timestamp of packet `n`.
    pub(crate) fn timestamp(&self, n: u64) -> i64 {
        let span = i64::try_from(u128::from(n) * u128::from(self.step)).unwrap_or(i64::MAX);
        self.first.saturating_add(span)
    }

    /// The first packet of this line that does not begin before packet `n` of another, both counted from packet 0.
    pub(crate) fn packet_at(&self, other: &Self, n: u64) -> u64 {
        let Instant { num, den } = other.elapsed(n);
        let packets = (num * u128::from(self.timescale)).div_ceil(u128::from(den) * u128::from(self.step));
        u64::try_from(packets).unwrap_or(u64::MAX)
    }

    /// Time of packet `n` since packet 0 as a fraction of a second.
    pub(crate) fn elapsed(&self, n: u64) -> Instant {
        Instant { num: u128::from(n) * u128::from(self.step), den: self.timescale }
    }
}

/// A time since the start of a run as an exact fraction, in seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Instant {
    num: u128,
    den: u32,
}

impl Instant {
    /// Whether this is not after `other`.
    pub(crate) fn not_after(self, other: Self) -> bool {
        self.num * u128::from(other.den) <= other.num * u128::from(self.den)
    }

    /// A time `seconds` later.
    pub(crate) fn plus(self, seconds: u32) -> Self {
        Self { num: self.num + u128::from(seconds) * u128::from(self.den), ..self }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PAL: Grid = Grid { num: 25, den: 1 };
    const NTSC: Grid = Grid { num: 30_000, den: 1_001 };

    #[test]
    fn seconds_marks_and_frames_of_a_whole_rate() {
        let marks: Vec<u64> = (0..100).filter(|i| PAL.shown(*i).second_mark).collect();
        assert_eq!(marks, [0, 25, 50, 75]);
        let last = PAL.shown(49);
        assert_eq!((last.seconds, last.frame, last.centis()), (1, 24, 96));
        let beeping: Vec<u64> = (25..50).filter(|i| PAL.shown(*i).beeps(80)).collect();
        assert_eq!(beeping, [25, 26]);
        assert!(!PAL.shown(25).beeps(0));
        assert_eq!(PAL.shown(50), Shown { seconds: 2, frame: 0, micros: 0, second_mark: true });
    }

    #[test]
    fn ten_million_frames_do_not_drift() {
        // 10^7 * 1001 / 30000 = 333666.66 s: two thirds into that second.
        let s = NTSC.shown(10_000_000);
        assert_eq!((s.seconds, s.micros, s.turn(), s.second_mark), (333_666, 666_666, 43_690, false));
        assert_eq!(NTSC.at(30_000_000, 48_000), 1_001_000 * 48_000);
        let line = Line { timescale: 30_000, step: 1_001, first: 7, total: None };
        assert_eq!(line.timestamp(10_000_000), 10_010_000_007);
    }

    #[test]
    fn slow_rates_mark_every_frame() {
        let slow = Grid { num: 1, den: 10 };
        for i in 0..4 {
            assert_eq!(slow.shown(i), Shown { seconds: i * 10, frame: 0, micros: 0, second_mark: true });
        }
    }

    #[test]
    fn adjusting_keeps_sound_and_picture_together() {
        // 0.999 s into a second at 25 fps: frame 24 (0.96 s), and the sample at exactly that time.
        let p = Phase::adjusted(1_700_000_000_999_999, Some(PAL), 44_100);
        assert_eq!((p.frame, p.sample), (24, 42_336));
        let p = Phase::adjusted(1_700_000_000_999_999, None, 44_100);
        assert_eq!((p.frame, p.sample), (0, 44_055));
    }

    proptest! {
        #[test]
        fn a_second_has_one_mark_and_it_is_the_first_frame_not_before_it(
            num in 1_u32..200_000, den in 1_u32..2_000, second in 0_u64..1_000_000_000,
        ) {
            let grid = Grid { num, den };
            let first = grid.first_of_second(second);
            let due = u128::from(first) * u128::from(den);
            prop_assert!(due >= u128::from(second) * u128::from(num));
            prop_assert!(grid.shown(first).second_mark);
            if grid.shown(first).seconds == second {
                prop_assert_eq!(grid.shown(first).frame, 0);
                prop_assert!(grid.shown(first + 1).seconds != second || !grid.shown(first + 1).second_mark);
            }
        }
    }
}
