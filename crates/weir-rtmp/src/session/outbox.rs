//! [`Outbox`]: rendered control and command messages waiting to be sent. Bounded, for peers that ask but do not read.

use weir_media::{Bytes, BytesMut};

use crate::chunk::{Csid, DEFAULT_CHUNK_SIZE, render_into};
use crate::error::ErrorKind;
use crate::message::{Command, Control, Message};

/// Bytes of replies that may wait. All replies of a normal session take less than 2 KiB.
pub(crate) const OUTBOX_MAX: usize = 64 << 10;

#[derive(Debug)]
pub(crate) struct Outbox {
    bytes: BytesMut,
    chunk_size: u32,
}

impl Outbox {
    pub(crate) fn new() -> Self {
        Self { bytes: BytesMut::new(), chunk_size: DEFAULT_CHUNK_SIZE }
    }

    /// Bytes that wait.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Everything that waits.
    pub(crate) fn take(&mut self) -> Option<Bytes> {
        (!self.bytes.is_empty()).then(|| self.bytes.split().freeze())
    }

    /// Whether more waits than a peer that reads would let gather.
    pub(crate) fn check(&self) -> Result<(), ErrorKind> {
        if self.bytes.len() > OUTBOX_MAX { Err(ErrorKind::ReplyOverflow) } else { Ok(()) }
    }

    /// Bytes outside the chunk stream.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(crate) fn message(&mut self, csid: Csid, message: &Message) {
        render_into(&mut self.bytes, message, csid, self.chunk_size);
    }

    /// A control message; a SetChunkSize holds for what follows it.
    pub(crate) fn control(&mut self, control: Control) {
        self.message(Csid::CONTROL, &control.message());
        if let Control::SetChunkSize(size) = control {
            self.chunk_size = size;
        }
    }

    /// A command of the connection, on message stream 0.
    pub(crate) fn command(&mut self, command: &Command) {
        self.message(Csid::COMMAND, &command.message(0));
    }

    /// A command of message stream `msid`.
    pub(crate) fn stream_command(&mut self, msid: u32, command: &Command) {
        self.message(Csid::STREAM, &command.message(msid));
    }
}
