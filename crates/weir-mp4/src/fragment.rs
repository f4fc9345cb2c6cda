//! `moof`: what is in one fragment (ISO/IEC 14496-12 8.8).

use crate::boxes::{boxed, full, i32, u32, u64};
use crate::track::{Sample, Tables};

/// Data is addressed from the start of the `moof`.
const DEFAULT_BASE_IS_MOOF: u32 = 0x2_0000;
const HAS_ENTRY: u32 = 0x2;
/// Fields of a run: offset of its data; of each sample duration, size, flags and composition offset.
const RUN_FLAGS: u32 = 0x1 | 0x100 | 0x200 | 0x400 | 0x800;
/// Flags of a sample that needs no other, and of one that does (8.8.3.1).
const KEY: u32 = 0x0200_0000;
const NO_KEY: u32 = 0x0101_0000;

/// One track's part of a fragment.
#[derive(Debug)]
pub struct Part<'a> {
    /// Number of the track, from 1.
    pub track: u32,
    /// Number of its sample entry, from 1.
    pub entry: u32,
    /// What it holds; their data stands together.
    pub samples: &'a [Sample],
    /// How long its last sample lasts, when the sample behind it is known.
    pub last: Option<u32>,
    /// Where its data begins behind the header of the `mdat`.
    pub offset: u32,
}

/// The `moof` of these parts, number `sequence` from 1.
#[must_use]
pub fn moof(sequence: u32, parts: &[Part<'_>]) -> Vec<u8> {
    // The offsets need the size, which does not depend on them.
    let size = u32::try_from(written(sequence, parts, 0).len()).unwrap_or(u32::MAX);
    written(sequence, parts, size + 8)
}

fn written(sequence: u32, parts: &[Part<'_>], data: u32) -> Vec<u8> {
    let mut out = Vec::new();
    boxed(&mut out, b"moof", |out| {
        full(out, b"mfhd", 0, 0, |out| u32(out, sequence));
        for part in parts {
            boxed(out, b"traf", |out| traf(out, part, data));
        }
    });
    out
}

fn traf(out: &mut Vec<u8>, part: &Part<'_>, data: u32) {
    full(out, b"tfhd", 0, DEFAULT_BASE_IS_MOOF | HAS_ENTRY, |out| {
        u32(out, part.track);
        u32(out, part.entry);
    });
    full(out, b"tfdt", 1, 0, |out| u64(out, part.samples.first().and_then(|s| u64::try_from(s.dts).ok()).unwrap_or(0)));
    full(out, b"trun", 1, RUN_FLAGS, |out| {
        u32(out, u32::try_from(part.samples.len()).unwrap_or(u32::MAX));
        i32(out, i32::try_from(data + part.offset).unwrap_or(i32::MAX));
        let last = part.samples.len().saturating_sub(1);
        for (i, (sample, duration)) in part.samples.iter().zip(Tables::durations(part.samples)).enumerate() {
            u32(out, part.last.filter(|_| i == last).unwrap_or(duration));
            u32(out, sample.size);
            u32(out, if sample.is_key { KEY } else { NO_KEY });
            i32(out, sample.offset);
        }
    });
}
