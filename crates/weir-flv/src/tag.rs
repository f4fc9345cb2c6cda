//! Tags: writing them whole, and reading the frame of one. Never looks into a body.

use weir_media::{BufMut, Bytes, BytesMut};

use crate::Error;

/// Bytes of a tag before its body.
pub const TAG_HEADER: usize = 11;

/// Bytes of a tag after its body: the size of header and body, for reading backwards.
pub const TAG_TRAILER: usize = 4;

/// Longest body a tag can have, in bytes: its length field has 24 bits.
pub const MAX_BODY: usize = 0xFF_FFFF;

const FILTERED: u8 = 0x20;
const TYPE_MASK: u8 = 0x1F;
const AUDIO: u8 = 8;
const VIDEO: u8 = 9;
const SCRIPT: u8 = 18;
/// Script data with a leading format byte, the E-RTMP v2 form.
const SCRIPT_AMF3: u8 = 15;

/// What a tag carries.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TagKind {
    /// An [`AudioBody`](crate::AudioBody).
    Audio,
    /// A [`VideoBody`](crate::VideoBody).
    Video,
    /// [`ScriptData`](crate::ScriptData).
    Script,
}

impl TagKind {
    /// The tag type of FLV, which is also the RTMP message type.
    #[must_use]
    pub const fn id(self) -> u8 {
        match self {
            Self::Audio => AUDIO,
            Self::Video => VIDEO,
            Self::Script => SCRIPT,
        }
    }
}

/// One tag. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tag {
    /// What the body is.
    pub kind: TagKind,
    /// Decoding time in milliseconds, all 32 bits; wraps after 49.7 days, see [`Unwrapper`](crate::Unwrapper).
    pub timestamp: u32,
    /// The body.
    pub body: Bytes,
}

impl Tag {
    /// The first tag of bytes written by this crate, sharing their memory; `None` when they do not hold a whole tag.
    #[must_use]
    pub fn from_written(written: &Bytes) -> Option<Self> {
        let head = peek_tag(written)?;
        let body = written.slice(TAG_HEADER..TAG_HEADER + head.body_len);
        Some(Self { kind: head.kind, timestamp: head.timestamp, body })
    }
}

/// What the header of a tag says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TagHead {
    /// What the body is.
    pub kind: TagKind,
    /// Decoding time in milliseconds.
    pub timestamp: u32,
    /// Bytes of the body.
    pub body_len: usize,
}

impl TagHead {
    /// Bytes of the whole tag with header and trailer.
    #[must_use]
    pub const fn total_len(&self) -> usize {
        TAG_HEADER + self.body_len + TAG_TRAILER
    }
}

/// The header of the tag at the start of `data`; `None` when that is not a whole, well-formed, plain tag.
#[must_use]
pub fn peek_tag(data: &[u8]) -> Option<TagHead> {
    let raw = RawHead::parse(data.first_chunk()?)?;
    if raw.encrypted || raw.amf3 || raw.trailer(data)? != raw.size() {
        return None;
    }
    Some(raw.head)
}

/// Appends `tag` with its header and trailer.
///
/// # Errors
/// [`Error::TooLarge`]; nothing is written then.
pub fn write_tag(tag: &Tag, out: &mut BytesMut) -> Result<(), Error> {
    write_framed(tag.kind, tag.timestamp, tag.body.len(), out, |out| out.put_slice(&tag.body))
}

/// Appends a tag whose body of exactly `len` bytes is written by `body`.
pub(crate) fn write_framed(
    kind: TagKind,
    timestamp: u32,
    len: usize,
    out: &mut BytesMut,
    body: impl FnOnce(&mut BytesMut),
) -> Result<(), Error> {
    if len > MAX_BODY {
        return Err(Error::TooLarge { len });
    }
    out.reserve(TAG_HEADER + len + TAG_TRAILER);
    out.put_u8(kind.id());
    out.put_uint(len as u64, 3);
    out.put_uint(u64::from(timestamp & 0xFF_FFFF), 3);
    out.put_u8((timestamp >> 24) as u8);
    out.put_uint(0, 3);
    body(out);
    out.put_u32((TAG_HEADER + len) as u32);
    Ok(())
}

/// A tag header as read, with what this crate never writes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawHead {
    pub(crate) head: TagHead,
    pub(crate) encrypted: bool,
    pub(crate) amf3: bool,
}

impl RawHead {
    /// `None` when no tag starts with these bytes: unknown type, reserved bits set or a stream id.
    pub(crate) fn parse(bytes: &[u8; TAG_HEADER]) -> Option<Self> {
        let &[first, l0, l1, l2, t0, t1, t2, t3, s0, s1, s2] = bytes;
        let kind = match first & TYPE_MASK {
            AUDIO => TagKind::Audio,
            VIDEO => TagKind::Video,
            SCRIPT | SCRIPT_AMF3 => TagKind::Script,
            _ => return None,
        };
        if first & !(TYPE_MASK | FILTERED) != 0 || [s0, s1, s2] != [0; 3] {
            return None;
        }
        let body_len = u32::from_be_bytes([0, l0, l1, l2]) as usize;
        let head = TagHead { kind, timestamp: u32::from_be_bytes([t3, t0, t1, t2]), body_len };
        Some(Self { head, encrypted: first & FILTERED != 0, amf3: first & TYPE_MASK == SCRIPT_AMF3 })
    }

    /// The size that should follow the tag.
    pub(crate) const fn size(&self) -> u32 {
        (TAG_HEADER + self.head.body_len) as u32
    }

    /// The size that does follow the tag at the start of `data`, once it is there.
    pub(crate) fn trailer(&self, data: &[u8]) -> Option<u32> {
        data.get(TAG_HEADER + self.head.body_len..)?.first_chunk().copied().map(u32::from_be_bytes)
    }
}
