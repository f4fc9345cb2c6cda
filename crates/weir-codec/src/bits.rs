//! Reading and writing bytes and bits, most significant first, with the names of elements for errors.

use crate::error::{Error, ErrorKind};

/// Reads bits of a slice. Built with [`BitReader::rbsp`], it steps over emulation prevention bytes
/// (H.264 7.4.1), so nothing has to be copied to read a header.
#[derive(Clone)]
pub(crate) struct BitReader<'a> {
    data: &'a [u8],
    /// Index of the next byte to load.
    next: usize,
    /// The loaded byte; its low `left` bits are unread.
    byte: u8,
    left: u32,
    /// Zero bytes loaded in a row, when emulation prevention applies.
    zeros: Option<u8>,
}

impl<'a> BitReader<'a> {
    /// Reads `data` as it is.
    pub(crate) const fn plain(data: &'a [u8]) -> Self {
        Self { data, next: 0, byte: 0, left: 0, zeros: None }
    }

    /// Reads the payload of a NAL unit: skips its one-byte header and emulation prevention bytes.
    pub(crate) const fn rbsp(nal: &'a [u8]) -> Self {
        Self { data: nal, next: 1, byte: 0, left: 0, zeros: Some(0) }
    }

    /// As [`BitReader::rbsp`], for the two-byte header of a HEVC NAL unit.
    pub(crate) const fn hevc_rbsp(nal: &'a [u8]) -> Self {
        Self { data: nal, next: 2, byte: 0, left: 0, zeros: Some(0) }
    }

    /// Offset of the next unread bit, from the start of the slice.
    pub(crate) const fn position(&self) -> u64 {
        (self.next as u64 * 8).saturating_sub(self.left as u64)
    }

    /// Bits between here and the end; not meaningful for an RBSP, which has bytes that do not count.
    pub(crate) const fn remaining(&self) -> u64 {
        (self.data.len() as u64 * 8).saturating_sub(self.position())
    }

    pub(crate) const fn error(&self, kind: ErrorKind, element: &'static str) -> Error {
        Error { kind, element, bit: self.position() }
    }

    fn load(&mut self, element: &'static str) -> Result<(), Error> {
        let truncated = self.error(ErrorKind::Truncated, element);
        let mut byte = *self.data.get(self.next).ok_or(truncated)?;
        if let Some(zeros) = &mut self.zeros {
            if *zeros >= 2 && byte == 3 {
                self.next += 1;
                *zeros = 0;
                byte = *self.data.get(self.next).ok_or(truncated)?;
            }
            *zeros = if byte == 0 { zeros.saturating_add(1) } else { 0 };
        }
        self.next += 1;
        self.byte = byte;
        self.left = 8;
        Ok(())
    }

    pub(crate) fn flag(&mut self, element: &'static str) -> Result<bool, Error> {
        if self.left == 0 {
            self.load(element)?;
        }
        self.left -= 1;
        Ok(self.byte >> self.left & 1 == 1)
    }

    /// u(n), n <= 32. On error nothing is said about how much was consumed.
    pub(crate) fn bits(&mut self, n: u32, element: &'static str) -> Result<u32, Error> {
        debug_assert!(n <= 32);
        let mut value = 0;
        let mut want = n;
        while want > 0 {
            if self.left == 0 {
                self.load(element)?;
            }
            let take = want.min(self.left);
            self.left -= take;
            let part = u32::from(self.byte) >> self.left & ((1 << take) - 1);
            value = value << take | part;
            want -= take;
        }
        Ok(value)
    }

    /// u(n), n <= 8.
    pub(crate) fn small(&mut self, n: u32, element: &'static str) -> Result<u8, Error> {
        debug_assert!(n <= 8);
        Ok(self.bits(n, element)? as u8)
    }

    /// Drops the rest of a byte that was begun.
    pub(crate) const fn align(&mut self) {
        self.left = 0;
    }

    pub(crate) fn skip(&mut self, n: u32, element: &'static str) -> Result<(), Error> {
        let (words, rest) = (n / 32, n % 32);
        for _ in 0..words {
            self.bits(32, element)?;
        }
        self.bits(rest, element).map(drop)
    }

    /// ue(v), H.264 9.1.
    pub(crate) fn ue(&mut self, element: &'static str) -> Result<u32, Error> {
        let start = self.error(ErrorKind::Invalid(u64::from(u32::MAX)), element);
        let mut zeros = 0;
        while !self.flag(element)? {
            zeros += 1;
            if zeros > 31 {
                return Err(start);
            }
        }
        Ok((1 << zeros) - 1 + self.bits(zeros, element)?)
    }

    /// se(v), H.264 9.1.1.
    pub(crate) fn se(&mut self, element: &'static str) -> Result<i32, Error> {
        let code = self.ue(element)?;
        let magnitude = code.div_ceil(2) as i32;
        Ok(if code % 2 == 1 { magnitude } else { -magnitude })
    }

    /// ue(v) that must not be over `limit`.
    pub(crate) fn ue_max(&mut self, limit: u32, element: &'static str) -> Result<u32, Error> {
        let mut error = self.error(ErrorKind::Truncated, element);
        let value = self.ue(element)?;
        error.kind = ErrorKind::Invalid(u64::from(value));
        if value > limit { Err(error) } else { Ok(value) }
    }
}

/// Reads whole bytes of a slice.
pub(crate) struct ByteReader<'a> {
    data: &'a [u8],
    at: usize,
}

impl<'a> ByteReader<'a> {
    pub(crate) const fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0 }
    }

    pub(crate) fn take(&mut self, n: usize, element: &'static str) -> Result<&'a [u8], Error> {
        let end = self.at.checked_add(n);
        let taken = end.and_then(|end| self.data.get(self.at..end));
        let taken = taken.ok_or(Error::at_byte(ErrorKind::Truncated, element, self.at as u64))?;
        self.at += n;
        Ok(taken)
    }

    pub(crate) fn u8(&mut self, element: &'static str) -> Result<u8, Error> {
        Ok(self.take(1, element)?[0])
    }

    pub(crate) fn u16(&mut self, element: &'static str) -> Result<u16, Error> {
        self.array(element).map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self, element: &'static str) -> Result<u32, Error> {
        self.array(element).map(u32::from_be_bytes)
    }

    pub(crate) fn array<const N: usize>(&mut self, element: &'static str) -> Result<[u8; N], Error> {
        Ok(self.take(N, element)?.try_into().expect("take gives exactly N bytes"))
    }

    /// Everything that is left.
    pub(crate) fn rest(&mut self) -> &'a [u8] {
        let rest = self.data.get(self.at..).unwrap_or_default();
        self.at = self.data.len();
        rest
    }

    /// A fault of what was read last, at the byte before here.
    pub(crate) fn invalid(&self, value: impl Into<u64>, element: &'static str) -> Error {
        Error::at_byte(ErrorKind::Invalid(value.into()), element, self.at.saturating_sub(1) as u64)
    }
}

/// Writes bits into a growing vector.
#[derive(Default)]
pub(crate) struct BitWriter {
    bytes: Vec<u8>,
    /// Free low bits of the last byte.
    free: u32,
}

impl BitWriter {
    /// u(n), n <= 32; bits of `value` above n are ignored.
    pub(crate) fn bits(&mut self, n: u32, value: u32) {
        for i in (0..n).rev() {
            self.flag(value >> i & 1 == 1);
        }
    }

    pub(crate) fn flag(&mut self, value: bool) {
        if self.free == 0 {
            self.bytes.push(0);
            self.free = 8;
        }
        self.free -= 1;
        if let Some(last) = self.bytes.last_mut() {
            *last |= u8::from(value) << self.free;
        }
    }

    /// Zero bits up to the next whole byte.
    pub(crate) const fn align(&mut self) {
        self.free = 0;
    }

    /// The bytes written, the last one filled with zero bits.
    pub(crate) fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_golomb_codes_of_the_specification() {
        // 1 010 011 00100 00101 00110 00111 0001000 -> 0..7 (H.264 table 9-2)
        let data = [0b1010_0110, 0b0100_0010, 0b1001_1000, 0b1110_0010, 0b0000_0000];
        let mut r = BitReader::plain(&data);
        for want in 0..8 {
            assert_eq!(r.ue("ue"), Ok(want));
        }
        let mut r = BitReader::plain(&data);
        for want in [0, 1, -1, 2, -2, 3, -3, 4] {
            assert_eq!(r.se("se"), Ok(want));
        }
    }

    #[test]
    fn largest_exp_golomb_code_and_one_too_long() {
        let mut largest = vec![0, 0, 0, 1, 0xff, 0xff, 0xff, 0xfe];
        assert_eq!(BitReader::plain(&largest).ue("x"), Ok(u32::MAX - 1));
        assert_eq!(BitReader::plain(&largest).se("x"), Ok(-i32::MAX));
        largest.insert(0, 0);
        let e = BitReader::plain(&largest).ue("x").unwrap_err();
        assert_eq!((e.kind, e.bit), (ErrorKind::Invalid(u64::from(u32::MAX)), 0));
    }

    #[test]
    fn emulation_prevention_is_stepped_over() {
        let mut r = BitReader::rbsp(&[0x67, 0, 0, 3, 1, 0, 0, 3, 0, 0, 3]);
        assert_eq!(r.bits(24, "a"), Ok(1));
        assert_eq!(r.bits(32, "b"), Ok(0));
        assert_eq!(r.flag("c").unwrap_err().kind, ErrorKind::Truncated);
    }

    #[test]
    fn written_bits_read_back() {
        let mut w = BitWriter::default();
        w.bits(5, 2);
        w.bits(4, 4);
        w.bits(4, 2);
        w.bits(3, 0);
        assert_eq!(w.finish(), [0x12, 0x10]);
    }

    #[test]
    fn positions_are_exact() {
        let mut r = BitReader::plain(&[0xff, 0xff]);
        r.bits(11, "a").unwrap();
        assert_eq!((r.position(), r.remaining()), (11, 5));
        let e = r.bits(6, "b").unwrap_err();
        assert_eq!((e.kind, e.element, e.bit), (ErrorKind::Truncated, "b", 16));
    }
}
