//! [`Order`]: decoding times of pictures whose presentation times come in decoding order, as Matroska has them. It looks at
//! times only.

/// The last presentation times, from which decoding times are taken in rising order.
#[derive(Debug, Default)]
pub(crate) struct Order {
    /// Pictures that may be decoded before one that is shown earlier.
    depth: usize,
    /// Presentation times, rising.
    window: Vec<i64>,
    last: Option<i64>,
}

impl Order {
    /// The stream puts pictures off by up to so many from here on.
    pub(crate) const fn set_depth(&mut self, depth: usize) {
        self.depth = depth;
    }

    /// The decoding time of the picture shown at `cts`. Before the first one, pictures are taken to be `step` apart.
    pub(crate) fn place(&mut self, cts: i64, step: i64) -> i64 {
        if self.last.is_none() {
            let before = (1..=self.depth).rev().filter_map(|n| i64::try_from(n).ok());
            self.window.extend(before.map(|n| cts.saturating_sub(n.saturating_mul(step))));
        }
        let at = self.window.partition_point(|time| *time <= cts);
        self.window.insert(at, cts);
        let over = self.window.len().saturating_sub(self.depth + 1);
        self.window.drain(..over);
        let first = if self.window.len() > self.depth { self.window.remove(0) } else { i64::MIN };
        let dts = self.last.map_or(first, |last| last.max(first));
        self.last = Some(dts);
        dts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(depth: usize, shown: &[i64]) -> Vec<i64> {
        let mut order = Order::default();
        order.set_depth(depth);
        shown.iter().map(|cts| order.place(*cts, 40)).collect()
    }

    #[test]
    fn decoding_times_rise_and_are_not_after_presentation() {
        assert_eq!(times(0, &[0, 40, 80]), [0, 40, 80]);
        let shown = [0, 160, 80, 40, 120, 320, 240, 200, 280];
        assert_eq!(times(2, &shown), [-80, -40, 0, 40, 80, 120, 160, 200, 240]);
    }

    #[test]
    fn a_depth_that_is_wrong_or_changes_never_lets_times_go_back() {
        assert_eq!(times(0, &[0, 160, 80, 200]), [0, 160, 160, 200]);
        let mut order = Order::default();
        let before = order.place(0, 40);
        order.set_depth(2);
        let after: Vec<i64> = [40, 160, 80, 120].iter().map(|cts| order.place(*cts, 40)).collect();
        assert_eq!((before, after), (0, vec![0, 0, 40, 80]));
    }
}
