//! [`Gate`]: whether outputs may open. What comes behind a demuxer begins with the tracks that are there, so none opens
//! before it is known what else comes, or it took too long. It looks at times and sizes only.

use weir_flv::Header;

use crate::hints::Hints;
use crate::pid::Pid;

/// Media held back for a track that does not come, milliseconds.
const MAX_SPAN: i64 = 1000;
/// Bytes held back: a second of pictures at 128 Mbit/s.
const MAX_BYTES: usize = 16 << 20;

/// Holds back what comes until all tracks are known.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    is_open: bool,
    /// Decoding times held back, milliseconds.
    span: Option<(i64, i64)>,
    bytes: usize,
    /// Tracks of pictures and sound that metadata told of.
    told: Option<(usize, usize)>,
}

impl Gate {
    pub(crate) const fn is_open(&self) -> bool {
        self.is_open
    }

    /// Opens for good.
    pub(crate) const fn open(&mut self) {
        self.is_open = true;
    }

    /// Metadata came.
    pub(crate) fn told(&mut self, hints: &Hints) {
        // Metadata that tells of no track says nothing about tracks.
        self.told = Some(hints.tracks()).filter(|told| *told != (0, 0)).or(self.told);
    }

    /// A packet came, and is held back unless this opens: all that was told of is there, or it took too long.
    pub(crate) fn packet(&mut self, dts: i64, len: usize, header: Option<Header>, tracks: &[Pid]) {
        if self.is_open {
            return;
        }
        let (first, last) = self.span.map_or((dts, dts), |(first, last)| (first.min(dts), last.max(dts)));
        self.span = Some((first, last));
        self.bytes = self.bytes.saturating_add(len);
        let is_long = last.saturating_sub(first) >= MAX_SPAN || self.bytes > MAX_BYTES;
        self.is_open = is_long || self.is_complete(header, tracks);
    }

    /// Whether every track is known, as far as can be told: those of the metadata, or else those of the file's header.
    fn is_complete(&self, header: Option<Header>, tracks: &[Pid]) -> bool {
        let (video, audio) = self.told.unwrap_or(match header {
            Some(Header { video: true, audio: false }) => (1, 0),
            Some(Header { video: false, audio: true }) => (0, 1),
            _ => (1, 1),
        });
        let known = |is_video| {
            tracks.iter().filter(|pid| !pid.is_over && pid.id.is_video == is_video && pid.is_set_up()).count()
        };
        known(true) >= video && known(false) >= audio && tracks.iter().all(|pid| pid.is_over || pid.is_set_up())
    }
}
