//! [`Packet`]: one unit of media with its timing. Cheap to clone: the payload is reference counted.

use std::fmt;
use std::ops::{BitOr, BitOrAssign};
use std::sync::Arc;

use bytes::Bytes;

use crate::{Frame, Time};

/// Facts about a packet, as a small set.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Flags(u8);

impl Flags {
    /// Nothing special.
    pub const NONE: Self = Self(0);
    /// Decoding can start here (IDR picture, any audio frame, key-frame tag of a muxed stream).
    pub const KEY: Self = Self(1);
    /// No other packet refers to this one, so it may be dropped alone.
    pub const DISPOSABLE: Self = Self(1 << 1);
    /// Something before this packet was lost, or its timeline jumps.
    pub const DISCONTINUITY: Self = Self(1 << 2);
    /// Decoder configuration or container header: must reach every consumer before media.
    pub const HEADER: Self = Self(1 << 3);

    /// Whether every flag of `other` is set here.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The raw bits, as the C ABI carries them.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Flags of raw bits; unknown bits are cleared.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits & 0x0f)
    }
}

impl BitOr for Flags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Flags {
    fn bitor_assign(&mut self, other: Self) {
        *self = *self | other;
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [(Self::KEY, 'K'), (Self::DISPOSABLE, 'd'), (Self::DISCONTINUITY, '!'), (Self::HEADER, 'H')];
        names.iter().filter(|(flag, _)| self.contains(*flag)).try_for_each(|(_, c)| write!(f, "{c}"))
    }
}

/// What a packet carries.
#[derive(Clone, Debug)]
pub enum Payload {
    /// Coded media, raw samples, or bytes of a file.
    Bytes(Bytes),
    /// A raw picture.
    Frame(Arc<Frame>),
}

/// Which file the bytes of a packet belong to, on a PID that is written as several files.
///
/// Names are those of files beside the one that the output names: no folders.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Piece {
    /// A new file begins with this packet, and whoever writes it names it; the one before is complete. Packets without a
    /// piece follow in the same file.
    Next,
    /// Of the file of this name, which begins with the first such packet and is complete with the `last`.
    Of {
        /// Its name.
        name: Arc<str>,
        /// Nothing follows in it.
        last: bool,
    },
    /// All of the file of this name, in place of one that may be there: nobody ever sees a part of it.
    Whole(Arc<str>),
    /// The file of this name is to be removed. The packet is empty.
    Removed(Arc<str>),
}

/// One unit of media: an access unit, a raw frame, a block of samples, or a piece of a file.
///
/// `dts`, `cts` and `duration` are in units of the PID's `Timescale`.
#[derive(Clone, Debug)]
pub struct Packet {
    /// The content, shared and immutable.
    pub data: Payload,
    /// Decoding time. Never decreases on one PID.
    pub dts: i64,
    /// Composition (presentation) time.
    pub cts: i64,
    /// Duration; 0 when not known.
    pub duration: u32,
    /// Facts about the packet.
    pub flags: Flags,
    /// When its content was born on the session clock, for measuring latency.
    pub origin: Time,
    /// Set when this packet overwrites earlier bytes of a [`Delivery::File`](crate::Delivery::File) stream at that
    /// offset, instead of being appended.
    pub patch_at: Option<u64>,
    /// Set where the bytes of a [`Delivery::File`](crate::Delivery::File) stream go to more than one file.
    pub piece: Option<Piece>,
}

impl Packet {
    /// A packet of `data` whose decoding and composition time is `ts`.
    #[must_use]
    pub fn new(data: Bytes, ts: i64) -> Self {
        Self::with_payload(Payload::Bytes(data), ts)
    }

    /// A packet of a raw picture at `ts`; every raw picture is a key.
    #[must_use]
    pub fn picture(frame: Arc<Frame>, ts: i64) -> Self {
        Self { flags: Flags::KEY, ..Self::with_payload(Payload::Frame(frame), ts) }
    }

    fn with_payload(data: Payload, ts: i64) -> Self {
        Self {
            data,
            dts: ts,
            cts: ts,
            duration: 0,
            flags: Flags::NONE,
            origin: Time::ZERO,
            patch_at: None,
            piece: None,
        }
    }

    /// The payload as bytes; `None` for a raw picture.
    #[must_use]
    pub const fn bytes(&self) -> Option<&Bytes> {
        match &self.data {
            Payload::Bytes(b) => Some(b),
            Payload::Frame(_) => None,
        }
    }

    /// The payload as a raw picture; `None` for bytes.
    #[must_use]
    pub const fn frame(&self) -> Option<&Arc<Frame>> {
        match &self.data {
            Payload::Frame(f) => Some(f),
            Payload::Bytes(_) => None,
        }
    }

    /// Bytes of memory the payload holds.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.data {
            Payload::Bytes(b) => b.len(),
            Payload::Frame(f) => f.len(),
        }
    }

    /// Whether the payload is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether decoding can start here.
    #[must_use]
    pub const fn is_key(&self) -> bool {
        self.flags.contains(Flags::KEY)
    }
}
