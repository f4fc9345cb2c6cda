//! [`Bucket`]: a rate with room for a burst.

use std::time::Duration;

use weir_media::Time;

/// Lets through `burst` items at once, and one per `interval` in the long run.
#[derive(Debug)]
pub(crate) struct Bucket {
    interval: Duration,
    room: Duration,
    /// When the bucket will be empty again.
    full_until: Time,
}

impl Bucket {
    pub(crate) const fn new(per_second: u32, burst: u32) -> Self {
        let interval = Duration::from_micros(1_000_000 / per_second as u64);
        Self { interval, room: interval.saturating_mul(burst), full_until: Time::ZERO }
    }

    /// Counts one item; `false` when it is one too many.
    pub(crate) fn take(&mut self, now: Time) -> bool {
        let until = self.full_until.max(now) + self.interval;
        let fits = until.since(now) <= self.room;
        if fits {
            self.full_until = until;
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn burst_then_rate() {
        let mut bucket = Bucket::new(10, 3);
        let at = |ms| Time::from_millis(ms);
        assert_eq!([0, 0, 0, 0].map(|ms| bucket.take(at(ms))), [true, true, true, false]);
        assert_eq!([50, 100, 150, 200].map(|ms| bucket.take(at(ms))), [false, true, false, true]);
        assert_eq!([9000; 4].map(|ms| bucket.take(at(ms))), [true, true, true, false]);
    }
}
