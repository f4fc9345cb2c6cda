//! [`Timeline`]: 32-bit tag times, over wraps and restarts of the input, on one endless line of milliseconds.

use weir_flv::Unwrapper;

/// Where tag times stand on the line.
#[derive(Debug)]
pub(crate) struct Timeline {
    unwrapper: Unwrapper,
    /// Added to unwrapped times.
    offset: i64,
    /// The next time is where the line goes on.
    restarted: bool,
    /// Where the last packet of any track ends.
    end: Option<i64>,
}

impl Timeline {
    /// A line on which the times of the first round are moved by `start_ms`.
    pub(crate) fn new(start_ms: i64) -> Self {
        Self { unwrapper: Unwrapper::new(), offset: start_ms, restarted: false, end: None }
    }

    /// The input starts over: the next time, whatever it is, follows the end so far.
    pub(crate) fn restart(&mut self) {
        self.unwrapper = Unwrapper::new();
        self.restarted = self.end.is_some();
    }

    /// The place of a tag time.
    pub(crate) fn place(&mut self, timestamp: u32) -> i64 {
        let time = self.unwrapper.unwrap(timestamp);
        if let (true, Some(end)) = (std::mem::take(&mut self.restarted), self.end) {
            self.offset = end.saturating_sub(time);
        }
        time.saturating_add(self.offset)
    }

    /// Counts a packet that lasts to `end`.
    pub(crate) fn count(&mut self, end: i64) {
        self.end = self.end.max(Some(end));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wraps_and_goes_on_after_a_restart() {
        let mut line = Timeline::new(5);
        assert_eq!(line.place(u32::MAX - 9), i64::from(u32::MAX) - 4);
        assert_eq!(line.place(30), (1 << 32) + 35);
        line.count((1 << 32) + 75);
        line.restart();
        assert_eq!(line.place(7), (1 << 32) + 75);
        assert_eq!(line.place(0), (1 << 32) + 68);
    }

    #[test]
    fn a_restart_before_any_packet_changes_nothing() {
        let mut line = Timeline::new(-100);
        line.restart();
        assert_eq!(line.place(40), -60);
    }
}
