//! What can be wrong with AMF data, and at which byte.

use std::fmt;

use crate::Limit;

/// Why a value could not be decoded, and where.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Error {
    /// Byte offset from the start of the data, of the element that is wrong.
    pub offset: usize,
    /// What is wrong.
    pub kind: ErrorKind,
}

/// The kinds of [`Error`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The data ends inside a value, or a count promises more items than bytes are left.
    Truncated,
    /// No AMF0 value starts with this byte.
    Marker(u8),
    /// No AMF3 value starts with this byte.
    Amf3Marker(u8),
    /// An empty key that is not followed by the object end marker.
    EmptyKey,
    /// An AMF3 reference to a string or to traits that were not sent before.
    Reference(u32),
    /// An AMF3 object that writes itself in a form only its class knows.
    Externalizable,
    /// More than a limit allows.
    Limit {
        /// Which limit.
        limit: Limit,
        /// Its value.
        max: usize,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AMF data, byte {}: {}", self.offset, self.kind)
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("the data ends inside a value"),
            Self::Marker(byte) => write!(f, "0x{byte:02X} starts no AMF0 value"),
            Self::Amf3Marker(byte) => write!(f, "0x{byte:02X} starts no AMF3 value"),
            Self::EmptyKey => f.write_str("empty key without an object end marker"),
            Self::Reference(index) => write!(f, "reference {index} to something not sent before"),
            Self::Externalizable => f.write_str("externalizable objects cannot be read"),
            Self::Limit { limit, max } => write!(f, "more than {max} {limit}"),
        }
    }
}

impl std::error::Error for Error {}
