//! Video bodies of tags and RTMP messages. Never looks into a NAL unit or a configuration record.

use std::fmt;

use weir_media::{BufMut, Bytes, BytesMut, CodecId};

use crate::ex::Medium;
use crate::tag::write_framed;
use crate::{Enhanced, Error, ExPacket, TagKind};

/// Bytes of an AVC body before its data: frame type and codec, packet type, composition time offset.
const AVC_HEADER: usize = 5;
const ENHANCED: u8 = 0x80;
pub(crate) const CTS_RANGE: std::ops::RangeInclusive<i32> = -0x80_0000..=0x7F_FFFF;

/// How a picture depends on others: the upper half of byte 0.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct FrameType(pub u8);

impl FrameType {
    /// Decoding can start here.
    pub const KEY: Self = Self(1);
    /// Depends on earlier pictures.
    pub const INTER: Self = Self(2);
    /// Depends on earlier pictures, and none depends on it (H.263 only).
    pub const DISPOSABLE: Self = Self(3);
    /// A key frame made by a server.
    pub const GENERATED_KEY: Self = Self(4);
    /// No picture but a message to the player.
    pub const COMMAND: Self = Self(5);
}

/// A codec number of the original format: the lower half of byte 0.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct VideoCodec(pub u8);

impl VideoCodec {
    /// H.264.
    pub const AVC: Self = Self(7);
    /// H.265 in a form that some servers and programs agreed on before there was an enhanced one.
    pub const OLD_HEVC: Self = Self(12);

    const fn name(self) -> &'static str {
        match self.0 {
            2 => "Sorenson H.263",
            3 => "Screen video",
            4 => "VP6",
            5 => "VP6 with alpha",
            6 => "Screen video 2",
            7 => "H.264",
            8 => "H.263",
            9 => "MPEG-4 part 2",
            12 => "H.265, unofficial form",
            13 => "AV1, unofficial form",
            _ => "unknown",
        }
    }
}

impl fmt::Display for VideoCodec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (FLV video codec {})", self.name(), self.0)
    }
}

/// What an AVC body holds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum AvcPacket {
    /// An `AVCDecoderConfigurationRecord`.
    SequenceHeader,
    /// NAL units of one picture, each with its length before it.
    Nalus,
    /// No data: the sequence ends.
    EndOfSequence,
}

/// The body of a video tag or message.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum VideoBody {
    /// H.264 in its original form.
    Avc {
        /// Decoding can start here. Not to be trusted on a sequence header.
        key: bool,
        /// What `data` is.
        packet: AvcPacket,
        /// Presentation minus decoding time in milliseconds, a signed 24-bit number; 0 unless `packet` is `Nalus`.
        cts: i32,
        /// The record or the NAL units.
        data: Bytes,
    },
    /// Any codec in the enhanced form.
    Enhanced {
        /// How the picture depends on others; for all tracks.
        frame: FrameType,
        /// The body, known by its head.
        body: Enhanced,
    },
    /// Another codec in its original form.
    Other {
        /// How the picture depends on others.
        frame: FrameType,
        /// Which codec.
        codec: VideoCodec,
        /// What follows byte 0.
        data: Bytes,
    },
    /// A message to the player without a picture (start or end of a seek), byte 0 included. Ignore or forward it.
    Command(Bytes),
    /// No picture and no error: a body without bytes, or NAL units without bytes.
    Empty,
}

impl VideoBody {
    /// Reads a body; `data` and `raw` share its memory.
    ///
    /// # Errors
    /// [`Error::Truncated`] or [`Error::PacketType`]: skip the tag. Codecs this crate does not know are no error.
    pub fn parse(body: &Bytes) -> Result<Self, Error> {
        let Some(&first) = body.first() else { return Ok(Self::Empty) };
        if first & ENHANCED != 0 {
            return Self::parse_enhanced(body, FrameType(first >> 4 & 7));
        }
        let (frame, codec) = (FrameType(first >> 4), VideoCodec(first & 0x0F));
        match (frame, codec) {
            (FrameType::COMMAND, _) => Ok(Self::Command(body.clone())),
            (_, VideoCodec::AVC) => Self::parse_avc(body, frame),
            _ => Ok(Self::Other { frame, codec, data: body.slice(1..) }),
        }
    }

    fn parse_avc(body: &Bytes, frame: FrameType) -> Result<Self, Error> {
        let &[_, packet, a, b, c, ..] = &body[..] else {
            return Err(Error::Truncated { element: "AVC header", offset: 1 });
        };
        let (data, key) = (body.slice(AVC_HEADER..), frame == FrameType::KEY);
        match packet {
            0 => Ok(Self::Avc { key, packet: AvcPacket::SequenceHeader, cts: 0, data }),
            1 if data.is_empty() => Ok(Self::Empty),
            1 => Ok(Self::Avc { key, packet: AvcPacket::Nalus, cts: cts_of([a, b, c]), data }),
            2 => Ok(Self::Avc { key, packet: AvcPacket::EndOfSequence, cts: 0, data }),
            value => Err(Error::PacketType { codec: "H.264", value }),
        }
    }

    fn parse_enhanced(body: &Bytes, frame: FrameType) -> Result<Self, Error> {
        // Metadata packets carry frame type 5 too, but they name a codec and are no command.
        let command = |packet| frame == FrameType::COMMAND && packet != ExPacket::VIDEO_METADATA;
        let enhanced = Enhanced::parse(body, Medium::Video, |packet| !command(packet))?;
        if command(enhanced.packet) {
            return Ok(Self::Command(body.clone()));
        }
        Ok(Self::Enhanced { frame, body: enhanced })
    }

    /// Whether decoding can start with this picture. False for sequence headers and other bodies without a picture.
    #[must_use]
    pub fn is_key_frame(&self) -> bool {
        match self {
            Self::Avc { key, packet, .. } => *key && *packet == AvcPacket::Nalus,
            Self::Enhanced { frame, body } => {
                *frame == FrameType::KEY && matches!(body.packet, ExPacket::CODED_FRAMES | ExPacket::CODED_FRAMES_X)
            }
            Self::Other { frame, .. } => *frame == FrameType::KEY,
            Self::Command(_) | Self::Empty => false,
        }
    }

    /// Whether this is decoder configuration, which every viewer needs before the first picture.
    #[must_use]
    pub fn is_sequence_header(&self) -> bool {
        match self {
            Self::Avc { packet, .. } => *packet == AvcPacket::SequenceHeader,
            Self::Enhanced { body, .. } => {
                matches!(body.packet, ExPacket::SEQUENCE_START | ExPacket::VIDEO_TS_SEQUENCE_START)
            }
            _ => false,
        }
    }

    /// The codec, where weir knows it.
    #[must_use]
    pub fn codec(&self) -> Option<CodecId> {
        match self {
            Self::Avc { .. } => Some(CodecId::Avc),
            Self::Enhanced { body, .. } => body.fourcc?.codec(),
            Self::Other { codec: VideoCodec::OLD_HEVC, .. } => Some(CodecId::Hevc),
            _ => None,
        }
    }

    /// The codec in words, for messages; `None` when the body names none.
    #[must_use]
    pub fn codec_name(&self) -> Option<String> {
        match self {
            Self::Avc { .. } => Some(VideoCodec::AVC.to_string()),
            Self::Enhanced { body, .. } => body.fourcc.map(|fourcc| fourcc.to_string()),
            Self::Other { codec, .. } => Some(codec.to_string()),
            Self::Command(_) | Self::Empty => None,
        }
    }

    /// Bytes of the body when written.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Avc { data, .. } => AVC_HEADER + data.len(),
            Self::Enhanced { body, .. } => body.raw.len(),
            Self::Other { data, .. } => 1 + data.len(),
            Self::Command(raw) => raw.len(),
            Self::Empty => 0,
        }
    }

    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends the body, as RTMP messages carry it.
    ///
    /// # Errors
    /// [`Error::Cts`]; nothing is written then.
    pub fn write(&self, out: &mut BytesMut) -> Result<(), Error> {
        self.check()?;
        self.put(out);
        Ok(())
    }

    /// Appends a whole tag; `timestamp` is the decoding time in milliseconds.
    ///
    /// # Errors
    /// [`Error::Cts`] or [`Error::TooLarge`]; nothing is written then.
    pub fn write_tag(&self, timestamp: u32, out: &mut BytesMut) -> Result<(), Error> {
        self.check()?;
        write_framed(TagKind::Video, timestamp, self.len(), out, |out| self.put(out))
    }

    fn check(&self) -> Result<(), Error> {
        match self {
            Self::Avc { cts, .. } if !CTS_RANGE.contains(cts) => Err(Error::Cts(*cts)),
            _ => Ok(()),
        }
    }

    fn put(&self, out: &mut BytesMut) {
        match self {
            Self::Avc { key, packet, cts, data } => {
                let frame = if *key { FrameType::KEY } else { FrameType::INTER };
                out.put_slice(&[frame.0 << 4 | VideoCodec::AVC.0, packet.id()]);
                out.put_int((*cts).into(), 3);
                out.put_slice(data);
            }
            Self::Enhanced { body, .. } => out.put_slice(&body.raw),
            Self::Other { frame, codec, data } => {
                out.put_u8((frame.0 & 7) << 4 | codec.0 & 0x0F);
                out.put_slice(data);
            }
            Self::Command(raw) => out.put_slice(raw),
            Self::Empty => {}
        }
    }
}

/// A signed number of 24 bits: shifted up and down again to extend the sign.
pub(crate) const fn cts_of([a, b, c]: [u8; 3]) -> i32 {
    i32::from_be_bytes([a, b, c, 0]) >> 8
}

impl AvcPacket {
    const fn id(self) -> u8 {
        match self {
            Self::SequenceHeader => 0,
            Self::Nalus => 1,
            Self::EndOfSequence => 2,
        }
    }
}
