//! Messages: what chunks carry, and the typed forms of those that have one: [`Control`], [`UserControl`], [`Command`] and
//! the items of an aggregate ([`split_aggregate`]).

mod aggregate;
mod command;
mod control;
mod user_control;

use std::fmt;

use weir_amf::skip_format_byte;
use weir_media::Bytes;

use crate::error::ErrorKind;

pub use aggregate::split_aggregate;
pub use command::Command;
pub use control::{BandwidthLimit, Control};
pub use user_control::UserControl;

/// Message type ids. See RTMP 1.0 sections 5.4 and 7.1.
pub mod kind {
    /// Protocol control: chunk size of the sender.
    pub const SET_CHUNK_SIZE: u8 = 1;
    /// Protocol control: forget an unfinished message.
    pub const ABORT: u8 = 2;
    /// Protocol control: bytes received so far.
    pub const ACK: u8 = 3;
    /// User control.
    pub const USER_CONTROL: u8 = 4;
    /// Protocol control: acknowledge each time this many bytes have come.
    pub const WINDOW_ACK_SIZE: u8 = 5;
    /// Protocol control: limit what is sent without acknowledgement.
    pub const SET_PEER_BANDWIDTH: u8 = 6;
    /// Audio.
    pub const AUDIO: u8 = 8;
    /// Video.
    pub const VIDEO: u8 = 9;
    /// Data behind an AMF3 format byte.
    pub const DATA_AMF3: u8 = 15;
    /// Command behind an AMF3 format byte.
    pub const COMMAND_AMF3: u8 = 17;
    /// Data in AMF0.
    pub const DATA_AMF0: u8 = 18;
    /// Command in AMF0.
    pub const COMMAND_AMF0: u8 = 20;
    /// Several messages in one.
    pub const AGGREGATE: u8 = 22;
}

/// One message, free of how it was chunked. `Debug` shows the length of the body only: commands hold credentials.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// Message type id, one of [`kind`].
    pub kind: u8,
    /// Milliseconds, modulo 2³².
    pub timestamp: u32,
    /// Message stream id; 0 is the connection itself.
    pub msid: u32,
    /// The body, at most [`MAX_MESSAGE`](crate::chunk::MAX_MESSAGE) bytes.
    pub body: Bytes,
}

impl Message {
    /// Audio, video and AMF0 data in it, one by one: an aggregate is split, data behind an AMF3 format byte loses that.
    /// Anything else is nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Aggregate`](crate::ErrorKind::Aggregate) when an aggregate is damaged.
    pub(crate) fn into_media(self) -> Result<Vec<Self>, ErrorKind> {
        let items = if self.kind == kind::AGGREGATE { split_aggregate(&self)? } else { vec![self] };
        Ok(items.into_iter().filter_map(Self::media).collect())
    }

    fn media(mut self) -> Option<Self> {
        if self.kind == kind::DATA_AMF3 {
            self.kind = kind::DATA_AMF0;
            self.body = self.body.slice_ref(skip_format_byte(&self.body));
        }
        matches!(self.kind, kind::AUDIO | kind::VIDEO | kind::DATA_AMF0).then_some(self)
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, timestamp, msid, body } = self;
        write!(f, "Message type {kind} @{timestamp}ms on {msid}, {} bytes", body.len())
    }
}
