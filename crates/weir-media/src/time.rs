//! Units of time: [`Time`] on the session clock, and media timestamps as integers in a PID's timescale.
//!
//! Nothing here reads a clock.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};
use std::time::Duration;

/// A point on the session clock: microseconds since the session was made. Monotonic.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(u64);

impl Time {
    /// The start of the session.
    pub const ZERO: Self = Self(0);
    /// Later than every other time.
    pub const MAX: Self = Self(u64::MAX);

    /// A time `us` microseconds after the start of the session.
    #[must_use]
    pub const fn from_micros(us: u64) -> Self {
        Self(us)
    }

    /// A time `ms` milliseconds after the start of the session.
    #[must_use]
    pub const fn from_millis(ms: u64) -> Self {
        Self(ms * 1_000)
    }

    /// Microseconds since the start of the session.
    #[must_use]
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Whole milliseconds since the start of the session.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000
    }

    /// Time passed since `earlier`; zero when `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Time {
    type Output = Self;

    fn add(self, d: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(d.as_micros()).unwrap_or(u64::MAX)))
    }
}

impl AddAssign<Duration> for Time {
    fn add_assign(&mut self, d: Duration) {
        *self = *self + d;
    }
}

impl Sub<Duration> for Time {
    type Output = Self;

    fn sub(self, d: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(d.as_micros()).unwrap_or(u64::MAX)))
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}s", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}

/// A fraction, such as a frame rate. `den` is never 0 when made by [`Frac::new`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Frac {
    /// Numerator.
    pub num: i64,
    /// Denominator, positive.
    pub den: u32,
}

impl Frac {
    /// `num/den`; `None` when `den` is 0.
    #[must_use]
    pub const fn new(num: i64, den: u32) -> Option<Self> {
        if den == 0 { None } else { Some(Self { num, den }) }
    }

    /// The nearest floating-point number.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "rates and durations are far below 2^53")]
    pub fn as_f64(self) -> f64 {
        self.num as f64 / f64::from(self.den)
    }
}

impl fmt::Display for Frac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.den == 1 { write!(f, "{}", self.num) } else { write!(f, "{}/{}", self.num, self.den) }
    }
}

/// Converts `ts` from units of `1/from` s to units of `1/to` s, rounding down.
///
/// Rounding each timestamp down from one origin never drifts, which summing rounded durations would.
/// Saturates at the ends of `i64`. Returns `ts` unchanged when `from` is 0.
#[must_use]
pub fn rescale(ts: i64, from: u32, to: u32) -> i64 {
    if from == to || from == 0 {
        return ts;
    }
    let scaled = (i128::from(ts) * i128::from(to)).div_euclid(i128::from(from));
    i64::try_from(scaled).unwrap_or(if scaled < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rescale_floors_from_one_origin() {
        let ms: Vec<i64> = (0..5).map(|n| rescale(n * 1024, 44_100, 1000)).collect();
        assert_eq!(ms, [0, 23, 46, 69, 92]);
        assert_eq!(rescale(-1, 44_100, 1000), -1);
        assert_eq!(rescale(i64::MAX, 1, u32::MAX), i64::MAX);
    }

    #[test]
    fn time_saturates() {
        assert_eq!(Time::ZERO - Duration::from_secs(1), Time::ZERO);
        assert_eq!(Time::MAX + Duration::from_secs(1), Time::MAX);
        assert_eq!(Time::ZERO.since(Time::from_millis(5)), Duration::ZERO);
    }
}
