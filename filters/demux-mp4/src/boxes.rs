//! Walking the boxes of a piece of a file (ISO/IEC 14496-12 4.2). Looks at headers only; what a box means is not
//! known here.

use std::fmt::Display;

use shiguredo_mp4::Decode;
use weir_plugin::{Error, Result};

/// Name of a box type.
pub(crate) type FourCc = [u8; 4];

/// Shortest header: 32-bit size and type.
const MIN_HEADER: usize = 8;

/// One box inside bytes that are in memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Child<'a> {
    /// Type.
    pub(crate) kind: FourCc,
    /// Offset of its header in the file, for messages.
    pub(crate) at: u64,
    /// Header and content.
    pub(crate) whole: &'a [u8],
    /// Content.
    pub(crate) body: &'a [u8],
}

/// A box header: its type, the length of the header, and that of the whole box (0 for "up to the end").
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Header {
    pub(crate) kind: FourCc,
    pub(crate) header: usize,
    pub(crate) size: u64,
}

impl Header {
    /// Longest header: the one with a 64-bit size.
    pub(crate) const MAX: usize = 16;

    /// Reads the header at the front of `data`; `None` when it is cut short or says less than its own length.
    pub(crate) fn read(data: &[u8]) -> Option<Self> {
        let (size, rest) = data.split_first_chunk::<4>()?;
        let (kind, rest) = rest.split_first_chunk::<4>()?;
        let (size, header) = match u32::from_be_bytes(*size) {
            1 => (u64::from_be_bytes(*rest.first_chunk()?), 16),
            small => (u64::from(small), MIN_HEADER),
        };
        (size == 0 || size >= header as u64).then_some(Self { kind: *kind, header, size })
    }
}

impl<'a> Child<'a> {
    /// The boxes in its content after the first `skip` bytes.
    pub(crate) fn children(&self, skip: usize) -> Children<'a> {
        let header = self.whole.len() - self.body.len();
        Children { data: self.body.get(skip..).unwrap_or(&[]), at: self.at + (header + skip) as u64 }
    }

    /// The first box of a type in its content.
    pub(crate) fn find(&self, kind: &FourCc) -> Result<Option<Self>> {
        self.children(0).find_kind(kind)
    }

    /// As [`Child::find`], for a box that must be there.
    pub(crate) fn need(&self, kind: &FourCc) -> Result<Self> {
        self.find(kind)?.ok_or_else(|| self.fault(format!("no {} in it", name(kind))))
    }

    /// Decodes the whole box.
    pub(crate) fn decode<T: Decode>(&self) -> Result<T> {
        T::decode(self.whole).map(|(value, _)| value).map_err(|e| self.fault(e.reason))
    }

    /// An error about this box.
    pub(crate) fn fault(&self, what: impl Display) -> Error {
        Error::bad_input(format!("box {} at byte {}: {what}", name(&self.kind), self.at))
    }
}

/// Iterator over boxes. Fewer bytes than a header at the end are ignored: QuickTime ends lists with a zero word.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Children<'a> {
    data: &'a [u8],
    at: u64,
}

impl<'a> Children<'a> {
    /// The boxes of `data`, which begins at offset `at` of the file.
    pub(crate) fn new(data: &'a [u8], at: u64) -> Self {
        Self { data, at }
    }

    /// The first box of a type.
    pub(crate) fn find_kind(self, kind: &FourCc) -> Result<Option<Child<'a>>> {
        for child in self {
            let child = child?;
            if &child.kind == kind {
                return Ok(Some(child));
            }
        }
        Ok(None)
    }

    fn read(&mut self) -> Result<Child<'a>> {
        let cut = |what: &str| Error::bad_input(format!("box at byte {}: {what}", self.at));
        let Header { kind, header, size } = Header::read(self.data).ok_or_else(|| cut("impossible header"))?;
        let len = if size == 0 { self.data.len() } else { usize::try_from(size).unwrap_or(usize::MAX) };
        let whole = self.data.get(..len).ok_or_else(|| cut("larger than the box around it"))?;
        let body = whole.get(header..).ok_or_else(|| cut("smaller than its header"))?;
        let child = Child { kind, at: self.at, whole, body };
        self.data = &self.data[len..];
        self.at += len as u64;
        Ok(child)
    }
}

impl<'a> Iterator for Children<'a> {
    type Item = Result<Child<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.data.len() < MIN_HEADER {
            return None;
        }
        let child = self.read();
        if child.is_err() {
            self.data = &[];
        }
        Some(child)
    }
}

/// A box or codec name fit to be shown.
pub(crate) fn name(kind: &FourCc) -> String {
    kind.escape_ascii().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn walks_all_size_forms_and_ignores_a_zero_word_at_the_end() {
        let mut data = b"\0\0\0\x0aabcdxy\0\0\0\x01wide\0\0\0\0\0\0\0\x11z".to_vec();
        data.extend(b"\0\0\0\0rest!!");
        let kinds: Vec<_> = Children::new(&data, 100).map(|c| c.map(|c| (c.kind, c.at, c.body.to_vec()))).collect();
        assert_eq!(
            kinds,
            [
                Ok((*b"abcd", 100, b"xy".to_vec())),
                Ok((*b"wide", 110, b"z".to_vec())),
                Ok((*b"rest", 127, b"!!".to_vec())),
            ]
        );
        assert_eq!(Children::new(b"\0\0\0\0", 0).count(), 0);
    }

    #[test]
    fn impossible_sizes_are_errors_that_name_the_place() {
        let too_large = Children::new(b"\0\0\0\x09abcd", 7).next().expect("an item");
        assert_eq!(too_large.expect_err("cut").message, "box at byte 7: larger than the box around it");
        let too_small = Children::new(b"\0\0\0\x07abcd", 0).next().expect("an item");
        assert!(too_small.is_err());
        let huge = Children::new(b"\0\0\0\x01abcd\xff\xff\xff\xff\xff\xff\xff\xff", 0).next().expect("an item");
        assert!(huge.is_err());
    }
}
