//! Annex B byte streams: finding NAL units between start codes.
//!
//! A NAL unit ends at the next `00 00 01` or at the end; zero bytes before that are not part of it. So the
//! 4-byte start code is a 3-byte one after a zero byte. What comes before the first start code is dropped.

use std::collections::VecDeque;
use std::mem;
use std::ops::Range;

use memchr::memmem;
use weir_media::{Bytes, BytesMut};

use crate::{Error, ErrorKind};

/// Largest NAL unit an [`AnnexBSplitter`] gathers unless told otherwise: 16 MiB. A level 6.2 picture in one
/// slice stays well below.
pub const MAX_NAL_SIZE: usize = 16 << 20;

const START_CODE: &[u8] = &[0, 0, 1];

/// Length of `data` without the zero bytes at its end.
fn trimmed_len(data: &[u8]) -> usize {
    data.iter().rposition(|b| *b != 0).map_or(0, |last| last + 1)
}

/// The NAL units of a whole Annex B stream, as ranges of `data` without start codes and trailing zeros.
/// Empty units are left out.
#[must_use]
pub fn nal_ranges(data: &[u8]) -> NalRanges<'_> {
    let next = memmem::find(data, START_CODE).map_or(data.len(), |at| at + START_CODE.len());
    NalRanges { data, next }
}

/// Iterator made by [`nal_ranges`].
#[derive(Clone, Debug)]
pub struct NalRanges<'a> {
    data: &'a [u8],
    /// Where the next NAL unit starts, after its start code.
    next: usize,
}

impl Iterator for NalRanges<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        while self.next < self.data.len() {
            let start = self.next;
            let rest = &self.data[start..];
            let (end, next) = match memmem::find(rest, START_CODE) {
                Some(at) => (at, at + START_CODE.len()),
                None => (rest.len(), rest.len()),
            };
            self.next = start + next;
            let len = trimmed_len(&rest[..end]);
            if len > 0 {
                return Some(start..start + len);
            }
        }
        None
    }
}

/// The part of a NAL unit seen so far. One piece is kept as it is; only a second one makes a copy.
#[derive(Debug, Default)]
enum Gathered {
    #[default]
    Nothing,
    One(Bytes),
    Many(BytesMut),
}

impl Gathered {
    fn len(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::One(b) => b.len(),
            Self::Many(b) => b.len(),
        }
    }

    /// Appends `zeros` zero bytes, then `piece`.
    fn push(&mut self, zeros: usize, piece: Bytes) {
        if zeros == 0 && piece.is_empty() {
            return;
        }
        let mut all = match mem::take(self) {
            Self::Nothing if zeros == 0 => {
                *self = Self::One(piece);
                return;
            }
            Self::Nothing => BytesMut::new(),
            Self::One(first) => BytesMut::from(first.as_ref()),
            Self::Many(all) => all,
        };
        all.resize(all.len() + zeros, 0);
        all.extend_from_slice(&piece);
        *self = Self::Many(all);
    }

    fn take(&mut self) -> Bytes {
        match mem::take(self) {
            Self::Nothing => Bytes::new(),
            Self::One(b) => b,
            Self::Many(b) => b.freeze(),
        }
    }
}

/// Cuts an Annex B stream that arrives in pieces of any size into NAL units.
///
/// Push a piece, then pull until `Ok(None)`; after the last piece call [`finish`](Self::finish) and pull again.
/// A unit that lies in one piece shares its memory. A unit over the limit is dropped and reported once, and
/// cutting goes on at the next start code.
///
/// ```
/// use weir_codec::avc::AnnexBSplitter;
/// let mut splitter = AnnexBSplitter::new();
/// splitter.push(vec![0, 0, 0, 1, 0x67, 0x42, 0].into());
/// assert_eq!(splitter.pull(), Ok(None));
/// splitter.push(vec![0, 1, 0x68, 0xce].into());
/// assert_eq!(splitter.pull().unwrap().unwrap(), [0x67, 0x42].as_slice());
/// splitter.finish();
/// assert_eq!(splitter.pull().unwrap().unwrap(), [0x68, 0xce].as_slice());
/// ```
#[derive(Debug)]
pub struct AnnexBSplitter {
    limit: usize,
    pieces: VecDeque<Bytes>,
    nal: Gathered,
    /// Whether bytes belong to a unit: false before the first start code and after a unit over the limit.
    inside: bool,
    /// Zero bytes seen that are part of a start code, of trailing zeros, or of the unit: not yet known.
    zeros: usize,
    /// Bytes taken from pieces so far.
    consumed: u64,
    /// Where the present unit starts.
    start: u64,
    finished: bool,
}

impl Default for AnnexBSplitter {
    fn default() -> Self {
        Self::new()
    }
}

impl AnnexBSplitter {
    /// A splitter with the limit [`MAX_NAL_SIZE`].
    #[must_use]
    pub const fn new() -> Self {
        Self::with_limit(MAX_NAL_SIZE)
    }

    /// A splitter that refuses NAL units of more than `limit` bytes.
    #[must_use]
    pub const fn with_limit(limit: usize) -> Self {
        Self {
            limit,
            pieces: VecDeque::new(),
            nal: Gathered::Nothing,
            inside: false,
            zeros: 0,
            consumed: 0,
            start: 0,
            finished: false,
        }
    }

    /// Adds the next piece of the stream.
    pub fn push(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            self.pieces.push_back(piece);
        }
    }

    /// Says that no more pieces come, so the last unit is whole.
    pub const fn finish(&mut self) {
        self.finished = true;
    }

    /// The next NAL unit, or `None` when more input is needed or, after [`finish`](Self::finish), all was given.
    ///
    /// # Errors
    /// [`ErrorKind::TooLarge`] for a unit over the limit, at its first byte; `size` is what had arrived of it.
    /// Pull on: the rest follows.
    pub fn pull(&mut self) -> Result<Option<Bytes>, Error> {
        while let Some(mut piece) = self.pieces.pop_front() {
            let step = self.step(&mut piece);
            if !piece.is_empty() {
                self.pieces.push_front(piece);
            }
            if let Some(nal) = step? {
                return Ok(Some(nal));
            }
        }
        let last = if self.finished { self.nal.take() } else { Bytes::new() };
        Ok((!last.is_empty()).then_some(last))
    }

    /// Takes bytes from the front of `piece`, up to the end of a unit or of the piece.
    fn step(&mut self, piece: &mut Bytes) -> Result<Option<Bytes>, Error> {
        if self.zeros > 0 {
            let run = piece.iter().take_while(|b| **b == 0).count();
            self.take(piece, run);
            self.zeros += run;
            match piece.first() {
                None => return Ok(None),
                Some(1) if self.zeros >= 2 => {
                    self.take(piece, 1);
                    return Ok(self.end_nal());
                }
                Some(_) => {}
            }
        }
        let start_code = memmem::find(piece, START_CODE);
        let span = self.take(piece, start_code.unwrap_or(piece.len()));
        let data = span.slice(..trimmed_len(&span));
        let trailing = span.len() - data.len();
        if data.is_empty() {
            self.zeros += trailing;
        } else {
            let zeros = mem::replace(&mut self.zeros, trailing);
            self.gather(zeros, data)?;
        }
        if start_code.is_none() {
            return Ok(None);
        }
        self.take(piece, START_CODE.len());
        Ok(self.end_nal())
    }

    fn take(&mut self, piece: &mut Bytes, n: usize) -> Bytes {
        self.consumed += n as u64;
        piece.split_to(n)
    }

    fn gather(&mut self, zeros: usize, data: Bytes) -> Result<(), Error> {
        if !self.inside {
            return Ok(());
        }
        let size = self.nal.len().saturating_add(zeros).saturating_add(data.len());
        if size > self.limit {
            self.nal = Gathered::Nothing;
            self.inside = false;
            let kind = ErrorKind::TooLarge { size: size as u64, limit: self.limit as u64 };
            return Err(Error::at_byte(kind, "NAL unit", self.start));
        }
        self.nal.push(zeros, data);
        Ok(())
    }

    /// A start code was read: what was gathered is whole, unless it is nothing.
    fn end_nal(&mut self) -> Option<Bytes> {
        self.zeros = 0;
        self.inside = true;
        self.start = self.consumed;
        let nal = self.nal.take();
        (!nal.is_empty()).then_some(nal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_codes_of_both_lengths_and_zeros_around_them() {
        let data = [9, 9, 0, 0, 1, 0x67, 1, 0, 0, 0, 0, 0, 1, 0x68, 0, 0, 3, 0, 0, 1, 0, 0, 1, 0x65, 7, 0, 0];
        let nals: Vec<_> = nal_ranges(&data).collect();
        assert_eq!(nals, [5..7, 13..17, 23..25]);
        assert_eq!(nal_ranges(&[0x67, 1, 0, 0]).next(), None);
        assert_eq!(nal_ranges(&[]).next(), None);
        assert_eq!(nal_ranges(&[0, 0, 1]).next(), None);
    }

    #[test]
    fn a_unit_over_the_limit_is_told_with_its_first_byte() {
        let mut splitter = AnnexBSplitter::with_limit(3);
        splitter.push(Bytes::from_static(&[0, 0, 1, 0x67, 0, 0, 1, 0x65, 1, 2]));
        assert_eq!(splitter.pull().unwrap().unwrap(), [0x67].as_slice());
        assert_eq!(splitter.pull(), Ok(None));
        splitter.push(Bytes::from_static(&[3, 4, 0, 0]));
        let error = splitter.pull().unwrap_err();
        assert_eq!((error.kind, error.byte()), (ErrorKind::TooLarge { size: 5, limit: 3 }, 7));
        splitter.push(Bytes::from_static(&[1, 0x41, 5]));
        splitter.finish();
        assert_eq!(splitter.pull().unwrap().unwrap(), [0x41, 5].as_slice());
        assert_eq!(splitter.pull(), Ok(None));
    }
}
