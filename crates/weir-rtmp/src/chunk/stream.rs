//! What is remembered of one chunk stream: the last header, and the message being put together.

use weir_media::Bytes;

use super::header::{Form, Header};
use crate::error::ErrorKind;
use crate::message::Message;

/// Room made at least when a body grows.
const GROW_MIN: usize = 4096;

/// State of one chunk stream id.
#[derive(Debug, Default)]
pub(super) struct Stream {
    pub(super) csid: u32,
    pub(super) timestamp: u32,
    /// Added to `timestamp` by a type-3 header that begins a message. After a full header the protocol defines it as
    /// that header's timestamp.
    delta: u32,
    /// The extended timestamp of the header that governs, if it had one.
    pub(super) extended: Option<u32>,
    pub(super) length: u32,
    pub(super) kind: u8,
    msid: u32,
    pub(super) body: Vec<u8>,
}

impl Stream {
    /// A chunk stream seen for the first time.
    pub(super) fn new(csid: u32) -> Self {
        Self { csid, ..Self::default() }
    }

    /// Whether `header` may open this chunk stream. A type-1 header leans on a full one only for the message stream id,
    /// and librtmp and FFmpeg do begin so.
    pub(super) const fn may_open(header: &Header) -> Result<(), ErrorKind> {
        match header.form {
            Form::Full { .. } | Form::SameStream { .. } => Ok(()),
            form => Err(ErrorKind::FreshChunkStream { csid: header.csid, fmt: form.fmt() }),
        }
    }

    /// Whether part of a message has arrived and part is missing.
    pub(super) const fn in_message(&self) -> bool {
        !self.body.is_empty()
    }

    /// Begins a message with `header`.
    pub(super) fn begin(&mut self, header: &Header) {
        match header.form {
            Form::Full { time, length, kind, msid } => {
                (self.timestamp, self.delta) = (time, time);
                (self.length, self.kind, self.msid) = (length, kind, msid);
            }
            Form::SameStream { delta, length, kind } => {
                self.advance(delta);
                (self.length, self.kind) = (length, kind);
            }
            Form::SameFormat { delta } => self.advance(delta),
            Form::Same => return self.advance(self.delta),
        }
        self.extended = match header.form {
            Form::Full { time: value, .. }
            | Form::SameStream { delta: value, .. }
            | Form::SameFormat { delta: value }
                if header.extended =>
            {
                Some(value)
            }
            _ => None,
        };
    }

    const fn advance(&mut self, delta: u32) {
        self.delta = delta;
        self.timestamp = self.timestamp.wrapping_add(delta);
    }

    /// Bytes of the body still to come.
    pub(super) fn missing(&self) -> usize {
        (self.length as usize).saturating_sub(self.body.len())
    }

    /// Appends to the body; answers by how much its memory grew. Memory follows the bytes received, never the length
    /// declared: at most half as much again, or [`GROW_MIN`].
    pub(super) fn append(&mut self, bytes: &[u8]) -> usize {
        let before = self.body.capacity();
        if before - self.body.len() < bytes.len() {
            let ahead = (self.body.len() / 2).max(GROW_MIN).min(self.missing());
            self.body.reserve_exact(bytes.len().max(ahead));
        }
        self.body.extend_from_slice(bytes);
        self.body.capacity() - before
    }

    /// Takes the complete message out; answers also how much memory its body held.
    pub(super) fn finish(&mut self) -> (Message, usize) {
        let body = std::mem::take(&mut self.body);
        let held = body.capacity();
        let message = Message { kind: self.kind, timestamp: self.timestamp, msid: self.msid, body: Bytes::from(body) };
        (message, held)
    }
}
