//! Open bitstream units in the low-overhead format (AV1 5.3, annex B is not meant).

use std::ops::Range;

use weir_media::{Bytes, BytesMut};

use crate::{Error, ErrorKind};

/// obu_type, AV1 6.2.2.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ObuType(pub u8);

impl ObuType {
    /// OBU_SEQUENCE_HEADER.
    pub const SEQUENCE_HEADER: Self = Self(1);
    /// OBU_TEMPORAL_DELIMITER.
    pub const TEMPORAL_DELIMITER: Self = Self(2);
}

/// One unit, as places in what it was found in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Obu {
    /// What it is.
    pub kind: ObuType,
    /// Header and payload.
    pub whole: Range<usize>,
    /// Payload.
    pub payload: Range<usize>,
}

/// The units of a temporal unit or of a configuration record. After the first error the iterator ends.
#[derive(Clone, Debug)]
pub struct Obus<'a> {
    data: &'a [u8],
    at: usize,
}

impl<'a> Obus<'a> {
    /// The units of `data`.
    #[must_use]
    pub const fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0 }
    }

    fn read(&mut self) -> Result<Obu, Error> {
        let start = self.at;
        let cut = |element| Error::at_byte(ErrorKind::Truncated, element, start as u64);
        let head = *self.data.get(start).ok_or_else(|| cut("obu_header"))?;
        if head & 0x80 != 0 {
            return Err(Error::at_byte(ErrorKind::Invalid(1), "obu_forbidden_bit", start as u64));
        }
        let has_extension = head & 4 != 0;
        let mut at = start + 1 + usize::from(has_extension);
        let end = if head & 2 != 0 {
            let (len, bytes) = leb128(self.data.get(at..).unwrap_or_default()).ok_or_else(|| cut("obu_size"))?;
            at += bytes;
            at.checked_add(len).filter(|end| *end <= self.data.len())
        } else {
            Some(self.data.len()).filter(|end| at <= *end)
        };
        self.at = end.ok_or_else(|| cut("obu"))?;
        Ok(Obu { kind: ObuType(head >> 3 & 15), whole: start..self.at, payload: at..self.at })
    }
}

impl Iterator for Obus<'_> {
    type Item = Result<Obu, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.data.len() {
            return None;
        }
        let unit = self.read();
        if unit.is_err() {
            self.at = self.data.len();
        }
        Some(unit)
    }
}

/// A number of at most 32 bits and the bytes it takes (4.10.5).
fn leb128(data: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0_u64;
    for (i, byte) in data.iter().take(8).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            return Some((u32::try_from(value).ok()? as usize, i + 1));
        }
    }
    None
}

/// A temporal unit as MP4 keeps it: without temporal delimiters. Not copied when there is none but at the start.
///
/// # Errors
/// When a unit reaches past the end.
pub fn without_delimiters(unit: &Bytes) -> Result<Bytes, Error> {
    let all = Obus::new(unit).collect::<Result<Vec<_>, _>>()?;
    let is_delimiter = |obu: &&Obu| obu.kind == ObuType::TEMPORAL_DELIMITER;
    let leading = all.iter().take_while(is_delimiter).last().map_or(0, |obu| obu.whole.end);
    if !all.iter().skip_while(is_delimiter).any(|obu| is_delimiter(&obu)) {
        return Ok(unit.slice(leading..));
    }
    let mut out = BytesMut::with_capacity(unit.len());
    all.iter().filter(|obu| !is_delimiter(obu)).for_each(|obu| out.extend_from_slice(&unit[obu.whole.clone()]));
    Ok(out.freeze())
}
