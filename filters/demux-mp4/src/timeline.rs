//! [`Timeline`]: where each round of a looped file stands, without drift between tracks.
//!
//! Rounds are placed in whole units of the finest timescale in the file; each track's offset is that one number
//! rescaled, so rounding never adds up and all tracks move by the same time.

use weir_media::rescale;

/// From when to when the samples of one track last, in its timescale.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Extent {
    dts: (i64, i64),
    cts: (i64, i64),
}

/// The placement of rounds.
#[derive(Debug)]
pub(crate) struct Timeline {
    timescales: Vec<u32>,
    /// What the samples of this round cover so far, by track.
    extents: Vec<Option<Extent>>,
    /// Units per second of `base`.
    unit: u32,
    /// Start of this round.
    base: i64,
    /// Added to everything, milliseconds.
    start_ms: i64,
}

impl Timeline {
    /// A timeline for tracks of these timescales whose first round is moved by `start_ms`.
    pub(crate) fn new(timescales: Vec<u32>, start_ms: i64) -> Self {
        let unit = timescales.iter().copied().max().unwrap_or(1);
        Self { extents: vec![None; timescales.len()], timescales, unit, base: 0, start_ms }
    }

    /// What this round adds to the timestamps of a track.
    pub(crate) fn offset(&self, track: usize) -> i64 {
        let timescale = self.timescales[track];
        rescale(self.base, self.unit, timescale).saturating_add(rescale(self.start_ms, 1000, timescale))
    }

    /// Counts a sample of this round, before its offset.
    pub(crate) fn count(&mut self, track: usize, dts: i64, cts: i64, duration: u32) {
        let new = Extent { dts: span(dts, duration), cts: span(cts, duration) };
        let join = |a: (i64, i64), b: (i64, i64)| (a.0.min(b.0), a.1.max(b.1));
        let extent = &mut self.extents[track];
        *extent = Some(extent.map_or(new, |old| Extent { dts: join(old.dts, new.dts), cts: join(old.cts, new.cts) }));
    }

    /// Starts the next round where this one ends, on the latest track, so that nothing overlaps. False when this
    /// round took no time: then rounds would follow each other for ever at the same time.
    pub(crate) fn next_round(&mut self) -> bool {
        let period = self.period();
        self.base = self.base.saturating_add(period);
        self.extents.fill(None);
        period > 0
    }

    /// Time from the first thing shown to the end of the last, and at least what each track takes to decode.
    fn period(&self) -> i64 {
        let spans = || self.extents.iter().zip(&self.timescales).filter_map(|(e, ts)| e.map(|e| (e, *ts)));
        let down = |t: i64, ts: u32| rescale(t, ts, self.unit);
        let up = |t: i64, ts: u32| rescale(t.saturating_neg(), ts, self.unit).saturating_neg();
        let first = spans().map(|(e, ts)| down(e.cts.0, ts)).min().unwrap_or(0);
        let last = spans().map(|(e, ts)| up(e.cts.1, ts)).max().unwrap_or(0);
        let decoding = spans().map(|(e, ts)| up(e.dts.1.saturating_sub(e.dts.0), ts)).max().unwrap_or(0);
        last.saturating_sub(first).max(decoding)
    }
}

fn span(from: i64, duration: u32) -> (i64, i64) {
    (from, from.saturating_add(duration.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tracks_keep_their_distance_over_days() {
        // 25 pictures of 12800 with two reordered, and 47 frames of AAC at 44.1 kHz after 1024 of priming.
        let mut timeline = Timeline::new(vec![12_800, 44_100], 0);
        for round in 0..100_000 {
            let (video, audio) = (timeline.offset(0), timeline.offset(1));
            assert_eq!(audio, round * 47 * 1024);
            assert_eq!(video, rescale(audio, 44_100, 12_800));
            for n in 0..25 {
                timeline.count(0, (n - 2) * 512, n * 512, 512);
            }
            for n in -1..46 {
                timeline.count(1, n * 1024, n * 1024, 1024);
            }
            assert!(timeline.next_round());
        }
    }

    #[test]
    fn a_round_lasts_at_least_as_long_as_its_decoding() {
        let mut timeline = Timeline::new(vec![1000], 0);
        timeline.count(0, 0, 50, 10);
        timeline.count(0, 40, 50, 10);
        assert!(timeline.next_round());
        assert_eq!(timeline.offset(0), 50);
    }

    #[test]
    fn a_round_without_time_cannot_be_repeated() {
        let mut timeline = Timeline::new(vec![1000, 48_000], 5);
        assert!(!timeline.next_round());
        timeline.count(1, 7, 7, 0);
        assert!(!timeline.next_round());
        assert_eq!((timeline.offset(0), timeline.offset(1)), (5, 240));
        timeline.count(0, i64::MIN, i64::MAX, u32::MAX);
        assert!(timeline.next_round());
    }
}
