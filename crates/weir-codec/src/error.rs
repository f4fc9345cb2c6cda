//! The one error of this crate: what was being read, what was wrong, and at which bit.

use std::fmt;

/// Why an element could not be read or written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The data ends inside the element.
    Truncated,
    /// The element has a value that the specification forbids.
    Invalid(u64),
    /// The element is larger than the named limit or the field that must hold it.
    TooLarge {
        /// The size met, in the element's own unit.
        size: u64,
        /// The largest size allowed.
        limit: u64,
    },
    /// Something this element refers to was not seen.
    Missing,
    /// The element is legal, but this crate does not read it.
    Unsupported(u64),
}

/// A fault in coded data, with its place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Error {
    /// What is wrong.
    pub kind: ErrorKind,
    /// Name of the syntax element, as the specification spells it where it has one.
    pub element: &'static str,
    /// Offset in bits of the element, or of the end of the data where that falls inside it: from the start of the data given to a function, or from the first
    /// byte ever pushed for a splitter.
    pub bit: u64,
}

impl Error {
    /// Offset of the byte that holds the first bit of the element.
    #[must_use]
    pub const fn byte(&self) -> u64 {
        self.bit / 8
    }

    pub(crate) const fn at_byte(kind: ErrorKind, element: &'static str, byte: u64) -> Self {
        Self { kind, element, bit: byte.saturating_mul(8) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, element, bit } = self;
        match kind {
            ErrorKind::Truncated => write!(f, "{element}: data ends inside it")?,
            ErrorKind::Invalid(v) => write!(f, "{element}: {v} is not allowed")?,
            ErrorKind::TooLarge { size, limit } => write!(f, "{element}: {size} is over the limit of {limit}")?,
            ErrorKind::Missing => write!(f, "{element}: missing")?,
            ErrorKind::Unsupported(v) => write!(f, "{element}: {v} is not supported")?,
        }
        write!(f, " (byte {}, bit {})", bit / 8, bit % 8)
    }
}

impl std::error::Error for Error {}
