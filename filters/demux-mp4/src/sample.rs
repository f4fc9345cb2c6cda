//! [`Sample`]: where one unit of media lies in the file, and when it is due.

/// One sample as the container lists it. Times are in the track's timescale, before its edit list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Sample {
    /// Offset in the file.
    pub(crate) offset: u64,
    /// Bytes.
    pub(crate) size: u32,
    pub(crate) dts: i64,
    pub(crate) cts: i64,
    pub(crate) duration: u32,
    /// Decoding may start here.
    pub(crate) sync: bool,
    /// Index of its sample entry in the track.
    pub(crate) entry: usize,
}
