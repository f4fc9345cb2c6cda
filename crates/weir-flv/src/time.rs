//! [`Unwrapper`]: 32-bit timestamps that wrap, made endless. Never reads a clock.

/// Follows a sequence of 32-bit millisecond timestamps across the wrap at 2^32 ms (49.7 days).
///
/// A step is taken as the shorter way round, so steps back of less than 24.8 days stay steps back.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwrapper {
    last: Option<i64>,
}

impl Unwrapper {
    /// An unwrapper without history: the first timestamp is taken as it is.
    #[must_use]
    pub const fn new() -> Self {
        Self { last: None }
    }

    /// `timestamp` on the endless timeline, in milliseconds. Below 0 only by a step back from near 0.
    pub fn unwrap(&mut self, timestamp: u32) -> i64 {
        let time = match self.last {
            None => timestamp.into(),
            Some(last) => last.saturating_add(timestamp.wrapping_sub(last as u32).cast_signed().into()),
        };
        self.last = Some(time);
        time
    }
}
