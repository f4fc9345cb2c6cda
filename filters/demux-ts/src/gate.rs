//! [`Gate`]: whether outputs may open. What comes behind a demuxer begins with the tracks that are there, so none opens
//! before it is known what else comes, or it took too long. It looks at times and sizes only.

use std::collections::BTreeMap;

use crate::timeline::CLOCK;
use crate::track::Track;

/// Media held back for a stream that does not come, in units of 90 kHz.
const MAX_SPAN: i64 = CLOCK as i64;
/// The same for one that comes, but cannot be decoded yet: until its next key picture, in most streams.
const MAX_SPAN_UNDECODABLE: i64 = 5 * MAX_SPAN;
/// Bytes held back: a second of pictures at 256 Mbit/s.
const MAX_BYTES: usize = 32 << 20;

/// Holds back what comes until all tracks are known.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    is_open: bool,
    /// First and last time of each programme.
    spans: BTreeMap<u16, (i64, i64)>,
    bytes: usize,
}

impl Gate {
    pub(crate) const fn is_open(&self) -> bool {
        self.is_open
    }

    /// Opens for good.
    pub(crate) fn open(&mut self) {
        *self = Self { is_open: true, ..Self::default() };
    }

    /// Something of a programme came. True when outputs may open now; `is_listed` when every programme is known.
    pub(crate) fn unit(&mut self, program: u16, at: i64, len: usize, is_listed: bool, tracks: &[Track]) -> bool {
        let (first, last) = self.spans.entry(program).or_insert((at, at));
        (*first, *last) = ((*first).min(at), (*last).max(at));
        self.bytes = self.bytes.saturating_add(len);
        let is_undecodable = tracks.iter().any(|track| track.has_come && !track.is_decided());
        let most = if is_undecodable { MAX_SPAN_UNDECODABLE } else { MAX_SPAN };
        let is_long = self.spans.values().any(|(first, last)| last - first >= most) || self.bytes > MAX_BYTES;
        is_long || (is_listed && tracks.iter().all(Track::is_decided))
    }
}
