//! The chunk stream: [`ChunkReader`] turns bytes into [`Message`](crate::message::Message)s, [`render`] turns a message
//! into bytes. See RTMP 1.0 section 5.3.
//!
//! What is rendered here holds no per-connection state: every message begins with a full header, so one buffer serves
//! every connection that was told the same chunk size. What is read may use every form the protocol has.

mod extended;
mod header;
mod reader;
mod render;
mod stream;

pub use reader::{ChunkReader, Limits};
pub use render::{MSID_AT, SHARED_HEAD, render, render_into, rendered_len, with_msid};

/// Chunk size of both directions until a SetChunkSize.
pub const DEFAULT_CHUNK_SIZE: u32 = 128;
/// Largest chunk size with a meaning: that of the longest message.
pub const MAX_CHUNK_SIZE: u32 = MAX_MESSAGE;
/// Longest message body the 24-bit length can declare.
pub const MAX_MESSAGE: u32 = 0x00ff_ffff;
/// A 24-bit timestamp field of this value announces an extended timestamp.
const EXTENDED: u32 = 0x00ff_ffff;

/// A chunk stream id to write on: 2…63, which take one byte. Readers attach no meaning to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Csid(u8);

impl Csid {
    /// Protocol and user control.
    pub const CONTROL: Self = Self(2);
    /// Commands of the connection.
    pub const COMMAND: Self = Self(3);
    /// Audio.
    pub const AUDIO: Self = Self(4);
    /// Commands and data of a stream.
    pub const STREAM: Self = Self(5);
    /// Video.
    pub const VIDEO: Self = Self(6);

    /// The chunk stream `id`; `None` outside 2…63.
    #[must_use]
    pub const fn new(id: u8) -> Option<Self> {
        if id >= 2 && id < 64 { Some(Self(id)) } else { None }
    }
}
