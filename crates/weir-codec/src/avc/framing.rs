//! Samples as containers keep them: every NAL unit after its length (ISO/IEC 14496-15 5.3.2), and the way
//! to and from Annex B.

use std::ops::Range;

use weir_media::{BufMut, Bytes, BytesMut};

use super::annexb::nal_ranges;
use super::config::AvcConfig;
use super::nal::{NalType, nal_type};
use crate::{Error, ErrorKind};

/// Bytes of a length field: lengthSizeMinusOne of avcC, plus one. 3 is not legal.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum LengthSize {
    /// 1 byte, units up to 255 bytes.
    One,
    /// 2 bytes, units up to 65 535 bytes.
    Two,
    /// 4 bytes: what everybody writes.
    #[default]
    Four,
}

impl LengthSize {
    /// The size of `bytes` bytes; `None` unless it is 1, 2 or 4.
    #[must_use]
    pub const fn from_bytes(bytes: u8) -> Option<Self> {
        match bytes {
            1 => Some(Self::One),
            2 => Some(Self::Two),
            4 => Some(Self::Four),
            _ => None,
        }
    }

    /// Bytes of the field.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::One => 1,
            Self::Two => 2,
            Self::Four => 4,
        }
    }

    /// The longest unit whose length fits.
    #[must_use]
    pub const fn max_nal_len(self) -> usize {
        match self {
            Self::One => u8::MAX as usize,
            Self::Two => u16::MAX as usize,
            Self::Four => u32::MAX as usize,
        }
    }
}

/// The NAL units of one length-prefixed sample, as ranges of it. Units of length 0 are left out.
///
/// After the first error the iterator ends.
#[derive(Clone, Debug)]
pub struct LengthPrefixed<'a> {
    data: &'a [u8],
    size: LengthSize,
    at: usize,
}

impl<'a> LengthPrefixed<'a> {
    /// The units of `data`, whose length fields have `size`.
    #[must_use]
    pub const fn new(data: &'a [u8], size: LengthSize) -> Self {
        Self { data, size, at: 0 }
    }

    fn read(&mut self) -> Result<Range<usize>, Error> {
        let at = self.at;
        let truncated = |element| Error::at_byte(ErrorKind::Truncated, element, at as u64);
        let start = at + self.size.bytes();
        let field = self.data.get(at..start).ok_or_else(|| truncated("NALUnitLength"))?;
        let len = field.iter().fold(0, |len, byte| len << 8 | usize::from(*byte));
        let end = start.checked_add(len).filter(|end| *end <= self.data.len());
        self.at = end.ok_or_else(|| truncated("NALUnit"))?;
        Ok(start..self.at)
    }
}

impl Iterator for LengthPrefixed<'_> {
    type Item = Result<Range<usize>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.at < self.data.len() {
            let unit = self.read();
            match &unit {
                Ok(range) if range.is_empty() => continue,
                Ok(_) => {}
                Err(_) => self.at = self.data.len(),
            }
            return Some(unit);
        }
        None
    }
}

/// Writes `nals` one after the other, each after its length: one sample. Allocates once.
///
/// # Errors
/// [`ErrorKind::TooLarge`] when a unit's length does not fit the field; its place is the offset in the output.
pub fn join_length_prefixed<'a, I>(nals: I, size: LengthSize) -> Result<Bytes, Error>
where
    I: IntoIterator<Item = &'a [u8]>,
    I::IntoIter: Clone,
{
    let nals = nals.into_iter();
    let mut out = BytesMut::with_capacity(nals.clone().map(|nal| size.bytes() + nal.len()).sum());
    for nal in nals {
        if nal.len() > size.max_nal_len() {
            let kind = ErrorKind::TooLarge { size: nal.len() as u64, limit: size.max_nal_len() as u64 };
            return Err(Error::at_byte(kind, "NALUnitLength", out.len() as u64));
        }
        out.put_uint(nal.len() as u64, size.bytes());
        out.extend_from_slice(nal);
    }
    Ok(out.freeze())
}

/// Writes `nals` one after the other, each after a 4-byte start code. Allocates once.
#[must_use]
pub fn join_annexb<'a, I>(nals: I) -> Bytes
where
    I: IntoIterator<Item = &'a [u8]>,
    I::IntoIter: Clone,
{
    let nals = nals.into_iter();
    let mut out = BytesMut::with_capacity(nals.clone().map(|nal| 4 + nal.len()).sum());
    for nal in nals {
        out.put_u32(1);
        out.extend_from_slice(nal);
    }
    out.freeze()
}

/// Turns a whole Annex B access unit into a length-prefixed sample. Allocates once for the sample.
///
/// # Errors
/// As [`join_length_prefixed`].
pub fn annexb_to_length_prefixed(data: &[u8], size: LengthSize) -> Result<Bytes, Error> {
    join_length_prefixed(nal_ranges(data).map(|range| &data[range]), size)
}

/// Turns a length-prefixed sample into an Annex B access unit.
///
/// When the sample has an IDR slice but no SPS or no PPS of its own, all parameter sets of `config` go before
/// it, after an access unit delimiter if there is one. `config` also says the size of the length fields.
///
/// # Errors
/// [`ErrorKind::Truncated`] when a length reaches past the end of the sample.
pub fn length_prefixed_to_annexb(data: &[u8], config: &AvcConfig) -> Result<Bytes, Error> {
    let nals: Vec<&[u8]> =
        LengthPrefixed::new(data, config.length_size).map(|range| range.map(|r| &data[r])).collect::<Result<_, _>>()?;
    let has = |wanted| nals.iter().any(|nal| nal_type(nal) == wanted);
    let missing = has(NalType::Idr) && !(has(NalType::Sps) && has(NalType::Pps));
    let sets = config.parameter_sets().filter(|_| missing);
    let delimiters = nals.iter().take_while(|nal| nal_type(nal) == NalType::Aud).count();
    let (before, after) = nals.split_at(delimiters);
    Ok(join_annexb(before.iter().copied().chain(sets).chain(after.iter().copied())))
}
