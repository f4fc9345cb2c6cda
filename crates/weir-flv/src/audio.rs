//! Audio bodies of tags and RTMP messages. Never looks into an audio frame or a configuration record.

use std::fmt;

use weir_media::{BufMut, Bytes, BytesMut, CodecId};

use crate::ex::Medium;
use crate::tag::write_framed;
use crate::{Enhanced, Error, ExPacket, TagKind};

/// Byte 0 of AAC: 44 kHz, 16 bits, stereo, whatever the stream really is. Readers must not believe it.
const AAC_FLAGS: u8 = 0xAF;
const SIXTEEN_BITS: u8 = 2;
/// Bytes of an AAC body before its data: flags, packet type.
const AAC_HEADER: usize = 2;

/// A codec number of the original format: the upper half of byte 0.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct AudioCodec(pub u8);

impl AudioCodec {
    /// MP3.
    pub const MP3: Self = Self(2);
    /// AAC.
    pub const AAC: Self = Self(10);
    const ENHANCED: Self = Self(9);
    const MP3_8K: Self = Self(14);

    pub(crate) const fn is_mp3(self) -> bool {
        matches!(self, Self::MP3 | Self::MP3_8K)
    }

    const fn name(self) -> &'static str {
        match self.0 {
            0 => "PCM, platform endian",
            1 => "ADPCM",
            2 => "MP3",
            3 => "PCM, little endian",
            4 => "Nellymoser 16 kHz",
            5 => "Nellymoser 8 kHz",
            6 => "Nellymoser",
            7 => "G.711 A-law",
            8 => "G.711 mu-law",
            10 => "AAC",
            11 => "Speex",
            14 => "MP3 8 kHz",
            15 => "device specific",
            _ => "unknown",
        }
    }
}

impl fmt::Display for AudioCodec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (FLV audio codec {})", self.name(), self.0)
    }
}

/// What an AAC body holds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum AacPacket {
    /// An `AudioSpecificConfig`.
    SequenceHeader,
    /// One frame without ADTS header.
    Raw,
}

/// The body of an audio tag or message.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum AudioBody {
    /// AAC in its original form.
    Aac {
        /// What `data` is.
        packet: AacPacket,
        /// The configuration or the frame.
        data: Bytes,
    },
    /// Any codec in the enhanced form.
    Enhanced(Enhanced),
    /// Another codec in its original form.
    Other {
        /// Byte 0: codec, rate, sample size and channels.
        flags: u8,
        /// What follows it.
        data: Bytes,
    },
    /// No frame and no error: a body without bytes, or AAC without a frame.
    Empty,
}

impl AudioBody {
    /// Reads a body; `data` and `raw` share its memory.
    ///
    /// # Errors
    /// [`Error::Truncated`] or [`Error::PacketType`]: skip the tag. Codecs this crate does not know are no error.
    pub fn parse(body: &Bytes) -> Result<Self, Error> {
        let Some(&flags) = body.first() else { return Ok(Self::Empty) };
        match AudioCodec(flags >> 4) {
            AudioCodec::AAC => Self::parse_aac(body),
            AudioCodec::ENHANCED => Enhanced::parse(body, Medium::Audio, |_| true).map(Self::Enhanced),
            _ => Ok(Self::Other { flags, data: body.slice(1..) }),
        }
    }

    fn parse_aac(body: &Bytes) -> Result<Self, Error> {
        let Some(&packet) = body.get(1) else {
            return Err(Error::Truncated { element: "AAC packet type", offset: 1 });
        };
        let data = body.slice(AAC_HEADER..);
        match packet {
            0 => Ok(Self::Aac { packet: AacPacket::SequenceHeader, data }),
            1 if data.is_empty() => Ok(Self::Empty),
            1 => Ok(Self::Aac { packet: AacPacket::Raw, data }),
            value => Err(Error::PacketType { codec: "AAC", value }),
        }
    }

    /// A frame of MP3 in its original form, for sound of `rate` Hz. Readers take rate and channels from the frame.
    #[must_use]
    pub fn mp3(data: Bytes, rate: u32, stereo: bool) -> Self {
        let (codec, index) = match rate {
            8_000 => (AudioCodec::MP3_8K, 0),
            ..12_000 => (AudioCodec::MP3, 1),
            12_000..=24_000 => (AudioCodec::MP3, 2),
            _ => (AudioCodec::MP3, 3),
        };
        Self::Other { flags: codec.0 << 4 | index << 2 | SIXTEEN_BITS | u8::from(stereo), data }
    }

    /// Whether this is decoder configuration, which every listener needs before the first frame.
    #[must_use]
    pub fn is_sequence_header(&self) -> bool {
        match self {
            Self::Aac { packet, .. } => *packet == AacPacket::SequenceHeader,
            Self::Enhanced(body) => matches!(body.packet, ExPacket::SEQUENCE_START | ExPacket::AUDIO_MULTICHANNEL),
            Self::Other { .. } | Self::Empty => false,
        }
    }

    /// The codec, where weir knows it.
    #[must_use]
    pub fn codec(&self) -> Option<CodecId> {
        match self {
            Self::Aac { .. } => Some(CodecId::Aac),
            Self::Enhanced(body) => body.fourcc?.codec(),
            Self::Other { flags, .. } => AudioCodec(flags >> 4).is_mp3().then_some(CodecId::Mp3),
            Self::Empty => None,
        }
    }

    /// The codec in words, for messages; `None` when the body names none.
    #[must_use]
    pub fn codec_name(&self) -> Option<String> {
        match self {
            Self::Aac { .. } => Some(AudioCodec::AAC.to_string()),
            Self::Enhanced(body) => body.fourcc.map(|fourcc| fourcc.to_string()),
            Self::Other { flags, .. } => Some(AudioCodec(flags >> 4).to_string()),
            Self::Empty => None,
        }
    }

    /// Bytes of the body when written.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Aac { data, .. } => AAC_HEADER + data.len(),
            Self::Enhanced(body) => body.raw.len(),
            Self::Other { data, .. } => 1 + data.len(),
            Self::Empty => 0,
        }
    }

    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends the body, as RTMP messages carry it.
    pub fn write(&self, out: &mut BytesMut) {
        match self {
            Self::Aac { packet, data } => {
                out.put_slice(&[AAC_FLAGS, packet.id()]);
                out.put_slice(data);
            }
            Self::Enhanced(body) => out.put_slice(&body.raw),
            Self::Other { flags, data } => {
                out.put_u8(*flags);
                out.put_slice(data);
            }
            Self::Empty => {}
        }
    }

    /// Appends a whole tag; `timestamp` is in milliseconds.
    ///
    /// # Errors
    /// [`Error::TooLarge`]; nothing is written then.
    pub fn write_tag(&self, timestamp: u32, out: &mut BytesMut) -> Result<(), Error> {
        write_framed(TagKind::Audio, timestamp, self.len(), out, |out| self.write(out))
    }
}

impl AacPacket {
    const fn id(self) -> u8 {
        match self {
            Self::SequenceHeader => 0,
            Self::Raw => 1,
        }
    }
}
