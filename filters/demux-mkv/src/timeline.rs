//! [`Timeline`]: times of a file, over restarts of the input, on one endless line. It looks at times only.

/// Where times stand on the line.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    offset: i64,
    /// The next time is where the line goes on.
    restarted: bool,
    /// Where the last packet of any track ends.
    end: Option<i64>,
}

impl Timeline {
    /// The input starts over: the next time, whatever it is, follows the end so far.
    pub(crate) const fn restart(&mut self) {
        self.restarted = self.end.is_some();
    }

    /// The place of a time.
    pub(crate) fn place(&mut self, time: i64) -> i64 {
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
    fn a_round_follows_the_one_before() {
        let mut line = Timeline::default();
        line.restart();
        assert_eq!(line.place(40), 40);
        line.count(80);
        line.restart();
        assert_eq!((line.place(7), line.place(0)), (80, 73));
    }
}
