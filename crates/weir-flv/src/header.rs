//! The file header. Its flags are only a hint: which tracks exist is known from the tags.

use crate::ReadErrorKind;

/// Bytes before the first tag as [`Header::to_bytes`] writes them: the header and the zero size that precedes tag 1.
pub const HEADER_LEN: usize = 13;

/// Longest header a reader skips, in bytes; real ones have 9.
pub const MAX_HEADER: u32 = 65_536;

const SIGNATURE: &[u8] = b"FLV";
const MIN_HEADER: u32 = 9;
const AUDIO: u8 = 4;
const VIDEO: u8 = 1;

/// Which tracks the file announces.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// Audio tags may follow.
    pub audio: bool,
    /// Video tags may follow.
    pub video: bool,
}

impl Default for Header {
    /// Both, which is what live writers announce always.
    fn default() -> Self {
        Self { audio: true, video: true }
    }
}

impl Header {
    /// The start of a file, up to the first tag.
    #[must_use]
    pub fn to_bytes(self) -> [u8; HEADER_LEN] {
        let flags = if self.audio { AUDIO } else { 0 } | if self.video { VIDEO } else { 0 };
        [b'F', b'L', b'V', 1, flags, 0, 0, 0, 9, 0, 0, 0, 0]
    }

    /// Reads the start of a file. Gives the header and the offset of the first tag, or `None` while more bytes are
    /// needed. A header longer than 9 bytes is skipped over; the version is not checked.
    ///
    /// # Errors
    /// [`ReadErrorKind::Signature`] or [`ReadErrorKind::HeaderLength`].
    pub fn parse(data: &[u8]) -> Result<Option<(Self, usize)>, ReadErrorKind> {
        let seen = data.len().min(SIGNATURE.len());
        if data[..seen] != SIGNATURE[..seen] {
            return Err(ReadErrorKind::Signature);
        }
        let &[_, _, _, _version, flags, a, b, c, d, ..] = data else { return Ok(None) };
        let len = u32::from_be_bytes([a, b, c, d]);
        if !(MIN_HEADER..=MAX_HEADER).contains(&len) {
            return Err(ReadErrorKind::HeaderLength(len));
        }
        let first_tag = len as usize + 4;
        let header = Self { audio: flags & AUDIO != 0, video: flags & VIDEO != 0 };
        Ok((data.len() >= first_tag).then_some((header, first_tag)))
    }
}
