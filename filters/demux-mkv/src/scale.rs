//! [`Scale`]: times of a file to times of an output.

/// Nanoseconds in a second.
const NANOS: u64 = 1_000_000_000;
/// Units per second of an output when those of the file do not make a second.
const MICROS: u32 = 1_000_000;

/// How a file and an output count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Scale {
    /// Nanoseconds that a unit of the file takes.
    pub(crate) nanos: u64,
    /// Units of the output in a second.
    pub(crate) per_second: u32,
}

impl Scale {
    /// For a file whose unit takes so many nanoseconds: the output has the same unit, where that is possible.
    pub(crate) fn of(nanos: u64) -> Self {
        let nanos = nanos.clamp(1, NANOS);
        let same = u32::try_from(NANOS / nanos).ok().filter(|_| NANOS.is_multiple_of(nanos));
        Self { nanos, per_second: same.unwrap_or(MICROS) }
    }

    /// A time of the file.
    pub(crate) fn of_time(self, time: i64) -> i64 {
        let nanos = i128::from(time) * i128::from(self.nanos);
        self.of_wide(nanos)
    }

    /// A time in nanoseconds.
    pub(crate) fn of_nanos(self, nanos: u64) -> i64 {
        self.of_wide(nanos.into())
    }

    /// To the nearest.
    fn of_wide(self, nanos: i128) -> i64 {
        let wide = nanos * i128::from(self.per_second);
        let rounded = (wide + i128::from(NANOS / 2)).div_euclid(NANOS.into());
        i64::try_from(rounded).unwrap_or(if rounded < 0 { i64::MIN } else { i64::MAX })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_that_make_a_second_stay_and_others_become_microseconds() {
        assert_eq!(Scale::of(1_000_000).per_second, 1000);
        assert_eq!(Scale::of(1_000_000).of_time(-7), -7);
        assert_eq!(Scale::of(1_000_000).of_nanos(6_500_000), 7);
        let odd = Scale::of(22_675);
        assert_eq!((odd.per_second, odd.of_time(44_100)), (1_000_000, 999_968));
        assert_eq!(Scale::of(u64::MAX).of_time(i64::MIN), i64::MIN);
    }
}
