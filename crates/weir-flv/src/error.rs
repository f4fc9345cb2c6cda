//! What can be wrong with a body, and with a file.

use std::fmt;

/// Why a body cannot be parsed or a tag cannot be written. Concerns that one tag only.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Error {
    /// The body ends before the element does.
    Truncated {
        /// What was being read.
        element: &'static str,
        /// Where it starts, in bytes from the start of the body.
        offset: usize,
    },
    /// A packet type the codec does not have, in byte 1 of the body.
    PacketType {
        /// The codec.
        codec: &'static str,
        /// The byte.
        value: u8,
    },
    /// The script data does not start with a name.
    Unnamed,
    /// The script data is not valid AMF.
    Amf(weir_amf::Error),
    /// The body to write is longer than [`MAX_BODY`](crate::MAX_BODY).
    TooLarge {
        /// Its length in bytes.
        len: usize,
    },
    /// The composition time offset to write does not fit in 24 bits.
    Cts(i32),
    /// What the part holds has no name in a tag of this kind.
    Content,
    /// More key frames asked for than [`MAX_INDEX_SLOTS`](crate::MAX_INDEX_SLOTS).
    Slots(usize),
    /// The metadata grew beyond the room reserved for it.
    Reserve {
        /// Bytes the script body would need.
        needed: usize,
        /// Bytes reserved for it.
        reserved: usize,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { element, offset } => write!(f, "the body ends inside the {element} at byte {offset}"),
            Self::PacketType { codec, value } => write!(f, "byte 1: {codec} has no packet type {value}"),
            Self::Unnamed => f.write_str("byte 0: script data without a name"),
            Self::Amf(error) => error.fmt(f),
            Self::TooLarge { len } => write!(f, "a body of {len} bytes is too long for an FLV tag"),
            Self::Cts(cts) => write!(f, "a composition time offset of {cts} ms does not fit in 24 bits"),
            Self::Content => f.write_str("this kind of tag has no packet type for such content"),
            Self::Slots(slots) => write!(f, "an index of {slots} key frames is too large"),
            Self::Reserve { needed, reserved } => {
                write!(f, "metadata of {needed} bytes in a reserve of {reserved} bytes")
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Amf(error) => Some(error),
            _ => None,
        }
    }
}

impl From<weir_amf::Error> for Error {
    fn from(error: weir_amf::Error) -> Self {
        Self::Amf(error)
    }
}

/// Something wrong with a file, and where. The reader goes on after it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReadError {
    /// Byte offset from the start of the file.
    pub position: u64,
    /// What is wrong there.
    pub kind: ReadErrorKind,
}

/// The kinds of [`ReadError`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ReadErrorKind {
    /// The file does not start with `FLV`: it is probably something else.
    Signature,
    /// The header gives itself a length below 9 or above [`MAX_HEADER`](crate::MAX_HEADER).
    HeaderLength(u32),
    /// The bytes where a tag should start cannot be one; searching for the next.
    NotATag,
    /// The tag is larger than the reader's limit; searching for the next.
    TooLarge {
        /// Body bytes the tag announces.
        len: usize,
        /// Body bytes allowed.
        max: usize,
    },
    /// Neither the size after the tag nor what follows it fits; searching for the next tag from inside this one.
    Trailer {
        /// The size expected after the tag.
        expected: u32,
        /// The size found.
        found: u32,
    },
    /// An encrypted tag. This one and all later ones are skipped; only the first is reported.
    Encrypted,
    /// The file ends inside a header or tag.
    Truncated,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FLV, byte {}: {}", self.position, self.kind)
    }
}

impl fmt::Display for ReadErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signature => f.write_str("no FLV signature"),
            Self::HeaderLength(len) => write!(f, "impossible header length {len}"),
            Self::NotATag => f.write_str("no tag where one should start"),
            Self::TooLarge { len, max } => write!(f, "tag body of {len} bytes, above the limit of {max}"),
            Self::Trailer { expected, found } => write!(f, "tag followed by size {found} instead of {expected}"),
            Self::Encrypted => f.write_str("encrypted tags are skipped"),
            Self::Truncated => f.write_str("the file ends inside a header or tag"),
        }
    }
}

impl std::error::Error for ReadError {}
