//! [`Part`]: what a body holds for one track, whatever form it has, and writing it in the enhanced form. Never looks into
//! a configuration record or a frame.

use weir_media::{BufMut, Bytes, BytesMut};

use crate::ex::{Enhanced, ExPacket, FourCc, Medium, Multitrack};
use crate::tag::write_framed;
use crate::video::{CTS_RANGE, cts_of};
use crate::{AacPacket, AudioBody, AudioCodec, AvcPacket, Error, FrameType, TagKind, VideoBody, VideoCodec};

/// Most tracks taken out of one body; their numbers have 8 bits.
const MAX_TRACKS: usize = 256;
/// Byte 0 of enhanced audio: sound format 9.
const AUDIO: u8 = 0x90;
/// Byte 0 of enhanced video: its highest bit.
const VIDEO: u8 = 0x80;
/// Bytes of a composition time offset.
const CTS: usize = 3;
/// Bytes before the data of unofficial H.265: packet type and composition time offset, as for AVC.
const OLD_HEVC_HEAD: usize = 4;

/// What a [`Part`] holds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Content {
    /// Decoder configuration. May be empty for codecs that need none.
    Config,
    /// One picture or sound frame.
    Frames,
    /// No data: the sequence ends.
    End,
    /// Script data about colour.
    Metadata,
    /// The channel layout.
    Channels,
    /// Decoder configuration in its MPEG-2 TS form.
    TsConfig,
    /// What this crate does not know: ignore it.
    Unknown,
}

/// What a body holds for one track.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Part {
    /// The track: 0 for bodies of a single one.
    pub track: u8,
    /// The codec, named as in enhanced bodies.
    pub codec: FourCc,
    /// What `data` is.
    pub content: Content,
    /// Presentation minus decoding time in milliseconds, a signed 24-bit number; 0 for what is no picture.
    pub cts: i32,
    /// Shares the memory of the body.
    pub data: Bytes,
}

impl Part {
    fn new(codec: FourCc, content: Content, data: Bytes) -> Self {
        Self { track: 0, codec, content, cts: 0, data }
    }

    /// Appends a whole tag in the enhanced form; `kind` is audio or video. `frame` is how a picture depends on others.
    ///
    /// # Errors
    /// [`Error::Content`], [`Error::Cts`] or [`Error::TooLarge`]; nothing is written then.
    pub fn write_tag(&self, kind: TagKind, frame: FrameType, timestamp: u32, out: &mut BytesMut) -> Result<(), Error> {
        if !CTS_RANGE.contains(&self.cts) {
            return Err(Error::Cts(self.cts));
        }
        let packet = self.packet(kind).ok_or(Error::Content)?;
        let mut head = [0; 7];
        let len = self.head(kind, packet, frame, &mut &mut head[..]);
        let head = &head[..len];
        let has_cts = self.has_cts(kind);
        let size = head.len() + if has_cts { CTS } else { 0 } + self.data.len();
        write_framed(kind, timestamp, size, out, |out| {
            out.put_slice(head);
            if has_cts {
                out.put_int(self.cts.into(), CTS);
            }
            out.put_slice(&self.data);
        })
    }

    /// Writes what stands before offset and data; says how long it is.
    fn head(&self, kind: TagKind, packet: ExPacket, frame: FrameType, out: &mut &mut [u8]) -> usize {
        let room = out.len();
        let (flags, multitrack) = match kind {
            TagKind::Audio => (AUDIO, ExPacket::AUDIO_MULTITRACK),
            TagKind::Video | TagKind::Script => (VIDEO | (frame.0 & 7) << 4, ExPacket::VIDEO_MULTITRACK),
        };
        let packet = packet.0;
        if self.track == 0 {
            out.put_u8(flags | packet);
            out.put_slice(&self.codec.0);
        } else {
            out.put_u8(flags | multitrack.0);
            out.put_u8(packet); // of one track: 0 in the upper half
            out.put_slice(&self.codec.0);
            out.put_u8(self.track);
        }
        room - out.len()
    }

    /// How its content is called for this kind of tag; `None` where it has no name.
    fn packet(&self, kind: TagKind) -> Option<ExPacket> {
        let is_video = kind == TagKind::Video;
        match self.content {
            Content::Config => Some(ExPacket::SEQUENCE_START),
            Content::Frames if is_video && self.codec.has_cts() && self.cts == 0 => Some(ExPacket::CODED_FRAMES_X),
            Content::Frames => Some(ExPacket::CODED_FRAMES),
            Content::End => Some(ExPacket::SEQUENCE_END),
            Content::Metadata => is_video.then_some(ExPacket::VIDEO_METADATA),
            Content::Channels => (!is_video).then_some(ExPacket::AUDIO_MULTICHANNEL),
            Content::TsConfig => is_video.then_some(ExPacket::VIDEO_TS_SEQUENCE_START),
            Content::Unknown => None,
        }
    }

    /// Whether a composition time offset is written.
    fn has_cts(&self, kind: TagKind) -> bool {
        kind == TagKind::Video && self.content == Content::Frames && self.codec.has_cts() && self.cts != 0
    }
}

impl VideoBody {
    /// The tracks in it, for codecs that have a name in enhanced bodies; none in commands and empty bodies.
    ///
    /// # Errors
    /// [`Error::Truncated`]: skip the tag.
    pub fn parts(&self) -> Result<Vec<Part>, Error> {
        match self {
            Self::Avc { packet, cts, data, .. } => {
                let content = match packet {
                    AvcPacket::SequenceHeader => Content::Config,
                    AvcPacket::Nalus => Content::Frames,
                    AvcPacket::EndOfSequence => Content::End,
                };
                Ok(vec![Part { cts: *cts, ..Part::new(FourCc::AVC, content, data.clone()) }])
            }
            Self::Enhanced { body, .. } => body.parts(Medium::Video),
            Self::Other { codec: VideoCodec::OLD_HEVC, data, .. } => old_hevc(data).map(|part| vec![part]),
            Self::Other { .. } | Self::Command(_) | Self::Empty => Ok(Vec::new()),
        }
    }

    /// How its picture depends on others.
    #[must_use]
    pub fn frame_type(&self) -> FrameType {
        match self {
            Self::Avc { key: true, .. } => FrameType::KEY,
            Self::Enhanced { frame, .. } | Self::Other { frame, .. } => *frame,
            Self::Avc { .. } | Self::Command(_) | Self::Empty => FrameType::INTER,
        }
    }
}

impl AudioBody {
    /// As [`VideoBody::parts`].
    ///
    /// # Errors
    /// [`Error::Truncated`]: skip the tag.
    pub fn parts(&self) -> Result<Vec<Part>, Error> {
        match self {
            Self::Aac { packet, data } => {
                let content = match packet {
                    AacPacket::SequenceHeader => Content::Config,
                    AacPacket::Raw => Content::Frames,
                };
                Ok(vec![Part::new(FourCc::AAC, content, data.clone())])
            }
            Self::Enhanced(body) => body.parts(Medium::Audio),
            Self::Other { flags, data } if AudioCodec(flags >> 4).is_mp3() => {
                Ok(vec![Part::new(FourCc::MP3, Content::Frames, data.clone())])
            }
            Self::Other { .. } | Self::Empty => Ok(Vec::new()),
        }
    }
}

/// H.265 as codec 12, which has the form of AVC.
fn old_hevc(data: &Bytes) -> Result<Part, Error> {
    let &[packet, a, b, c, ..] = &data[..] else {
        return Err(Error::Truncated { element: "H.265 header", offset: 1 });
    };
    let content = match packet {
        0 => Content::Config,
        1 => Content::Frames,
        2 => Content::End,
        value => return Err(Error::PacketType { codec: "H.265", value }),
    };
    let cts = if content == Content::Frames { cts_of([a, b, c]) } else { 0 };
    Ok(Part { cts, ..Part::new(FourCc::HEVC, content, data.slice(OLD_HEVC_HEAD..)) })
}

impl Enhanced {
    fn parts(&self, medium: Medium) -> Result<Vec<Part>, Error> {
        let mut rest = self.rest();
        let mut parts = Vec::new();
        let Some(mut codec) = self.fourcc else { return Ok(parts) };
        match self.multitrack {
            None => parts.push(self.part(medium, 0, codec, rest)?),
            Some(Multitrack::OneTrack) => {
                let track = rest.u8("track number")?;
                parts.push(self.part(medium, track, codec, rest)?);
            }
            Some(several) => {
                while !rest.0.is_empty() && parts.len() < MAX_TRACKS {
                    if several == Multitrack::ManyCodecs {
                        codec = FourCc(rest.take(4, "codec name")?[..].try_into().expect("four bytes"));
                    }
                    let track = rest.u8("track number")?;
                    let size = rest.take(3, "track size")?;
                    let size = u32::from_be_bytes([0, size[0], size[1], size[2]]) as usize;
                    let data = Rest(rest.take(size, "track")?, 0);
                    parts.push(self.part(medium, track, codec, data)?);
                }
            }
        }
        Ok(parts)
    }

    fn part(&self, medium: Medium, track: u8, codec: FourCc, mut rest: Rest) -> Result<Part, Error> {
        let content = medium.content(self.packet);
        let has_cts = matches!(medium, Medium::Video) && codec.has_cts() && self.packet == ExPacket::CODED_FRAMES;
        let cts = if has_cts {
            let bytes = rest.take(CTS, "composition time offset")?;
            cts_of([bytes[0], bytes[1], bytes[2]])
        } else {
            0
        };
        Ok(Part { track, codec, content, cts, data: rest.0 })
    }

    fn rest(&self) -> Rest {
        let head = self.head.min(self.raw.len());
        Rest(self.raw.slice(head..), head)
    }
}

impl Medium {
    fn content(self, packet: ExPacket) -> Content {
        match (self, packet) {
            (_, ExPacket::SEQUENCE_START) => Content::Config,
            (_, ExPacket::CODED_FRAMES) | (Self::Video, ExPacket::CODED_FRAMES_X) => Content::Frames,
            (_, ExPacket::SEQUENCE_END) => Content::End,
            (Self::Video, ExPacket::VIDEO_METADATA) => Content::Metadata,
            (Self::Audio, ExPacket::AUDIO_MULTICHANNEL) => Content::Channels,
            (Self::Video, ExPacket::VIDEO_TS_SEQUENCE_START) => Content::TsConfig,
            _ => Content::Unknown,
        }
    }
}

/// What is left of a body, and where that begins in it.
struct Rest(Bytes, usize);

impl Rest {
    fn take(&mut self, len: usize, element: &'static str) -> Result<Bytes, Error> {
        if len > self.0.len() {
            return Err(Error::Truncated { element, offset: self.1 });
        }
        self.1 += len;
        Ok(self.0.split_to(len))
    }

    fn u8(&mut self, element: &'static str) -> Result<u8, Error> {
        Ok(self.take(1, element)?[0])
    }
}
