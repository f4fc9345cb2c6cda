//! [`Headers`]: the metadata and decoder configurations in force at some point of a stream.

use std::sync::Arc;

use weir_media::{Bytes, BytesMut};

use super::cursor::Cursor;
use super::entry::{Header, Kind};

/// Headers kept at most. A stream has a handful per track; what is over this is sent once, but not sent again.
const HEADERS_MAX: usize = 64;
/// Bytes of the bodies of all headers kept. They come on top of the ring's own cap.
const HEADER_BYTES_MAX: usize = 1 << 20;

/// Headers in the order to send them: metadata, video, audio.
#[derive(Clone, Debug, Default)]
pub(super) struct Headers(Vec<Arc<Header>>);

const fn order(kind: Kind) -> u8 {
    match kind {
        Kind::Data => 0,
        Kind::Video => 1,
        Kind::Audio => 2,
    }
}

impl Headers {
    /// Puts `header` in force, in the place of the one it replaces.
    pub(super) fn set(&mut self, header: &Arc<Header>) {
        let old = self.0.iter().position(|h| (h.kind, h.number) == (header.kind, header.number));
        if let Some(old) = old {
            self.0.remove(old);
        }
        let bytes: usize = self.0.iter().map(|h| h.len()).sum();
        if self.0.len() < HEADERS_MAX && bytes + header.len() <= HEADER_BYTES_MAX {
            let at = self.0.partition_point(|h| order(h.kind) <= order(header.kind));
            self.0.insert(old.unwrap_or(at), Arc::clone(header));
        }
    }

    /// All headers as chunks for a cursor, with a timestamp per kind; `None` when there are none for it.
    pub(super) fn render(&self, timestamp: impl Fn(Kind) -> u32, cursor: &Cursor, chunk_size: u32) -> Option<Bytes> {
        let mut out = BytesMut::new();
        for header in &self.0 {
            let message = header.render(timestamp(header.kind), cursor.msid, chunk_size, cursor.legacy);
            message.iter().for_each(|bytes| out.extend_from_slice(bytes));
        }
        (!out.is_empty()).then(|| out.freeze())
    }
}
