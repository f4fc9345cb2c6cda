//! Enhanced RTMP bodies: enough is read to know codec, packet type and track layout; the rest stays opaque, so that
//! they can be named and forwarded. What is in them for each track is told by `part`.

use std::fmt;

use weir_media::{Bytes, CodecId};

use crate::Error;

/// The four bytes that name a codec in enhanced bodies.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct FourCc(pub [u8; 4]);

impl FourCc {
    /// H.264.
    pub const AVC: Self = Self(*b"avc1");
    /// H.265.
    pub const HEVC: Self = Self(*b"hvc1");
    /// AV1.
    pub const AV1: Self = Self(*b"av01");
    /// VP9.
    pub const VP9: Self = Self(*b"vp09");
    /// AAC.
    pub const AAC: Self = Self(*b"mp4a");
    /// MP3.
    pub const MP3: Self = Self(*b".mp3");
    /// Opus.
    pub const OPUS: Self = Self(*b"Opus");
    /// FLAC.
    pub const FLAC: Self = Self(*b"fLaC");
    /// AC-3.
    pub const AC3: Self = Self(*b"ac-3");
    /// E-AC-3.
    pub const EAC3: Self = Self(*b"ec-3");
    /// H.266.
    const VVC: Self = Self(*b"vvc1");

    /// The number that stands for it in metadata.
    #[must_use]
    pub const fn number(self) -> u32 {
        u32::from_be_bytes(self.0)
    }

    /// The name of a codec; `None` when it has none here.
    #[must_use]
    pub const fn of(codec: CodecId) -> Option<Self> {
        Some(match codec {
            CodecId::Avc => Self::AVC,
            CodecId::Hevc => Self::HEVC,
            CodecId::Av1 => Self::AV1,
            CodecId::Vp9 => Self::VP9,
            CodecId::Aac => Self::AAC,
            CodecId::Mp3 => Self::MP3,
            CodecId::Opus => Self::OPUS,
            CodecId::Flac => Self::FLAC,
            CodecId::Ac3 => Self::AC3,
            CodecId::Eac3 => Self::EAC3,
            _ => return None,
        })
    }

    /// Whether coded frames have a composition time offset.
    pub(crate) const fn has_cts(self) -> bool {
        matches!(self, Self::AVC | Self::HEVC | Self::VVC)
    }

    /// The codec, where weir knows it.
    #[must_use]
    pub const fn codec(self) -> Option<CodecId> {
        Some(match self {
            Self::AVC => CodecId::Avc,
            Self::HEVC => CodecId::Hevc,
            Self::AV1 => CodecId::Av1,
            Self::VP9 => CodecId::Vp9,
            Self::AAC => CodecId::Aac,
            Self::MP3 => CodecId::Mp3,
            Self::OPUS => CodecId::Opus,
            Self::FLAC => CodecId::Flac,
            Self::AC3 => CodecId::Ac3,
            Self::EAC3 => CodecId::Eac3,
            _ => return None,
        })
    }
}

impl fmt::Display for FourCc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.escape_ascii().fmt(f)
    }
}

/// What an enhanced body holds. Numbers 4 to 6 differ between audio and video.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ExPacket(pub u8);

impl ExPacket {
    /// Decoder configuration.
    pub const SEQUENCE_START: Self = Self(0);
    /// Coded data; with a composition time offset for avc1, hvc1 and vvc1.
    pub const CODED_FRAMES: Self = Self(1);
    /// The end of the sequence.
    pub const SEQUENCE_END: Self = Self(2);
    /// Video: coded data whose composition time offset is 0.
    pub const CODED_FRAMES_X: Self = Self(3);
    /// Video: AMF metadata such as colour information.
    pub const VIDEO_METADATA: Self = Self(4);
    /// Video: decoder configuration in its MPEG-2 TS form.
    pub const VIDEO_TS_SEQUENCE_START: Self = Self(5);
    /// Audio: the channel layout.
    pub const AUDIO_MULTICHANNEL: Self = Self(4);

    pub(crate) const AUDIO_MULTITRACK: Self = Self(5);
    pub(crate) const VIDEO_MULTITRACK: Self = Self(6);
    const MOD_EX: Self = Self(7);
}

/// How many tracks and codecs one body holds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Multitrack {
    /// One track, as a rule not track 0.
    OneTrack,
    /// Several tracks of one codec.
    ManyTracks,
    /// Several tracks, each with its codec.
    ManyCodecs,
}

/// An enhanced audio or video body, known by its head only.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Enhanced {
    /// What it holds, for all of its tracks.
    pub packet: ExPacket,
    /// The codec; that of the first track of several. `None` for a track layout this crate does not know: ignore it.
    pub fourcc: Option<FourCc>,
    /// The track layout; `None` for plain bodies, which belong to track 0.
    pub multitrack: Option<Multitrack>,
    /// Nanoseconds to add to the timestamp of this message, below 1,000,000.
    pub offset_nanos: u32,
    /// The whole body, head included.
    pub raw: Bytes,
    /// Where tracks begin in it, with what each of them has of its own.
    pub(crate) head: usize,
}

/// Bytes before what a single track has: packet type and codec.
const SINGLE_HEAD: usize = 5;

/// Which of the two numberings of [`ExPacket`] holds.
#[derive(Clone, Copy)]
pub(crate) enum Medium {
    Audio,
    Video,
}

impl Medium {
    fn is_multitrack(self, packet: ExPacket) -> bool {
        packet
            == match self {
                Self::Audio => ExPacket::AUDIO_MULTITRACK,
                Self::Video => ExPacket::VIDEO_MULTITRACK,
            }
    }
}

impl Enhanced {
    /// Whether it is of a single track, and nothing modifies it.
    #[must_use]
    pub fn is_single(&self) -> bool {
        self.multitrack.is_none() && self.fourcc.is_some() && self.head == SINGLE_HEAD
    }

    /// Reads the head of a body whose first byte says that it is enhanced. `codec_follows` is false for the kinds of
    /// packets that name no codec, decided once the packet type is known.
    pub(crate) fn parse(
        raw: &Bytes,
        medium: Medium,
        codec_follows: impl FnOnce(ExPacket) -> bool,
    ) -> Result<Self, Error> {
        let mut head = Head { body: raw, pos: 0 };
        let mut packet = ExPacket(head.u8("packet type")? & 0x0F);
        let offset_nanos = head.modifiers(&mut packet)?;
        let mut this = Self { packet, fourcc: None, multitrack: None, offset_nanos, raw: raw.clone(), head: head.pos };
        if !codec_follows(packet) {
            return Ok(this);
        }
        if medium.is_multitrack(packet) {
            let byte = head.u8("multitrack type")?;
            this.packet = ExPacket(byte & 0x0F);
            this.multitrack = match byte >> 4 {
                0 => Some(Multitrack::OneTrack),
                1 => Some(Multitrack::ManyTracks),
                2 => Some(Multitrack::ManyCodecs),
                _ => return Ok(this),
            };
        }
        this.head = head.pos;
        this.fourcc = Some(FourCc(head.array("codec name")?));
        if this.multitrack != Some(Multitrack::ManyCodecs) {
            this.head = head.pos;
        }
        Ok(this)
    }
}

/// A position in the head of an enhanced body.
struct Head<'a> {
    body: &'a [u8],
    pos: usize,
}

impl<'a> Head<'a> {
    fn take(&mut self, element: &'static str, len: usize) -> Result<&'a [u8], Error> {
        let bytes = self.body[self.pos..].get(..len).ok_or(Error::Truncated { element, offset: self.pos })?;
        self.pos += len;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self, element: &'static str) -> Result<[u8; N], Error> {
        Ok(self.take(element, N)?.try_into().expect("take gives exactly N bytes"))
    }

    fn u8(&mut self, element: &'static str) -> Result<u8, Error> {
        Ok(self.array::<1>(element)?[0])
    }

    /// Reads the modifiers before the packet, which change `packet`; gives the nanosecond offset. Unknown modifiers
    /// are skipped. The loop ends because every turn takes bytes.
    fn modifiers(&mut self, packet: &mut ExPacket) -> Result<u32, Error> {
        let mut nanos = 0;
        while *packet == ExPacket::MOD_EX {
            let mut len = usize::from(self.u8("modifier length")?) + 1;
            if len == 256 {
                len = usize::from(u16::from_be_bytes(self.array("modifier length")?)) + 1;
            }
            let data = self.take("modifier", len)?;
            let byte = self.u8("modifier type")?;
            *packet = ExPacket(byte & 0x0F);
            if let (0, &[a, b, c, ..]) = (byte >> 4, data) {
                nanos = u32::from_be_bytes([0, a, b, c]).min(999_999);
            }
        }
        Ok(nanos)
    }
}
