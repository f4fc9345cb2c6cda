//! [`Format`]: how the tags of one track are written: in the original form where there is one, else in the enhanced form.

use weir_codec::Colour;
use weir_flv::amf::{Object, Writer};
use weir_flv::{
    AacPacket, AudioBody, AvcPacket, CodecTag, Content, Error, FourCc, FrameType, Part, TagKind, VideoBody,
};
use weir_media::{Bytes, BytesMut, CodecId, Prop, Props, Value};

/// The property, of a name of its own, in which a demuxer of the same format keeps the whole of colour metadata.
const COLOR_INFO: &str = "FlvColorInfo";
/// Codec numbers of the original form.
const AVC: u8 = 7;
const AAC: u8 = 10;
const MP3: u8 = 2;

/// The form of a track.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Format {
    /// Number among the tracks of its kind; 0 is the main one.
    pub(crate) number: u8,
    codec: CodecId,
    name: FourCc,
    enhanced: bool,
    /// For MP3, whose original form repeats them.
    rate: u32,
    stereo: bool,
    /// Configuration and colour that were written last.
    told: (Option<Bytes>, Option<Bytes>),
}

/// What is news to a player.
pub(crate) struct News {
    pub(crate) config: bool,
    pub(crate) colour: bool,
}

impl Format {
    /// The form of a track with these properties. `None` when its codec has none.
    pub(crate) fn new(props: &Props, number: u8, enhanced: bool) -> Option<Self> {
        let codec = props.codec()?;
        let original = matches!(codec, CodecId::Avc | CodecId::Aac | CodecId::Mp3) && number == 0;
        Some(Self {
            number,
            codec,
            name: FourCc::of(codec)?,
            enhanced: enhanced || !original,
            rate: props.u32(Prop::SampleRate).unwrap_or(44_100),
            stereo: props.u32(Prop::NumChannels) != Some(1),
            told: (None, None),
        })
    }

    fn is_video(&self) -> bool {
        self.codec.stream_type() == Some(weir_media::StreamType::Visual)
    }

    /// Whether it has a configuration tag: MP3 in its original form has none.
    pub(crate) fn is_announced(&self) -> bool {
        self.enhanced || self.codec != CodecId::Mp3
    }

    /// What metadata calls the codec.
    pub(crate) fn tag(&self) -> CodecTag {
        match self.codec {
            CodecId::Avc if !self.enhanced => CodecTag::Id(AVC),
            CodecId::Aac if !self.enhanced => CodecTag::Id(AAC),
            CodecId::Mp3 if !self.enhanced => CodecTag::Id(MP3),
            _ => CodecTag::FourCc(self.name),
        }
    }

    fn part(&self, content: Content, cts: i32, data: Bytes) -> Part {
        Part { track: self.number, codec: self.name, content, cts, data }
    }

    fn write(&self, part: &Part, frame: FrameType, at: u32, out: &mut BytesMut) -> Result<(), Error> {
        let kind = if self.is_video() { TagKind::Video } else { TagKind::Audio };
        part.write_tag(kind, frame, at, out)
    }

    /// Writes a decoder configuration as the properties of a PID have it. FLAC's is bare, as FFmpeg has it: it reads the
    /// form of the specification too, but cannot pass it on.
    pub(crate) fn config(&self, data: Bytes, at: u32, out: &mut BytesMut) -> Result<(), Error> {
        match self.codec {
            CodecId::Avc if !self.enhanced => {
                VideoBody::Avc { key: true, packet: AvcPacket::SequenceHeader, cts: 0, data }.write_tag(at, out)
            }
            CodecId::Aac if !self.enhanced => {
                AudioBody::Aac { packet: AacPacket::SequenceHeader, data }.write_tag(at, out)
            }
            _ => self.write(&self.part(Content::Config, 0, data), FrameType::KEY, at, out),
        }
    }

    /// Notes what is being written, and says what of it was not written just before.
    pub(crate) fn tell(&mut self, config: &Bytes, colour: Option<&Bytes>) -> News {
        let news = News { config: self.told.0.as_ref() != Some(config), colour: self.told.1.as_ref() != colour };
        self.told = (Some(config.clone()), colour.cloned());
        news
    }

    /// Forgets what was written, as nobody who reads from here on knows it. Returns the configuration in force.
    pub(crate) fn forget(&mut self) -> Option<Bytes> {
        std::mem::take(&mut self.told).0
    }

    /// Colour metadata of what the properties say; `None` when they say nothing, or the form has no place for it.
    pub(crate) fn colour(&self, props: &Props) -> Option<Bytes> {
        let whole = match props.by_name(COLOR_INFO) {
            Some(Value::Bytes(whole)) => Some(whole.clone()),
            _ => Colour::of(props).map(|colour| color_info(&colour)),
        };
        whole.filter(|_| self.enhanced && self.is_video())
    }

    /// Writes colour metadata.
    pub(crate) fn metadata(&self, data: Bytes, at: u32, out: &mut BytesMut) -> Result<(), Error> {
        self.write(&self.part(Content::Metadata, 0, data), FrameType::COMMAND, at, out)
    }

    /// Writes one picture or frame of sound; `cts` is presentation minus decoding time, milliseconds.
    pub(crate) fn frame(&self, data: Bytes, key: bool, cts: i32, at: u32, out: &mut BytesMut) -> Result<(), Error> {
        match self.codec {
            CodecId::Avc if !self.enhanced => {
                VideoBody::Avc { key, packet: AvcPacket::Nalus, cts, data }.write_tag(at, out)
            }
            CodecId::Aac if !self.enhanced => AudioBody::Aac { packet: AacPacket::Raw, data }.write_tag(at, out),
            CodecId::Mp3 if !self.enhanced => AudioBody::mp3(data, self.rate, self.stereo).write_tag(at, out),
            _ => {
                let cts = if matches!(self.codec, CodecId::Avc | CodecId::Hevc) { cts } else { 0 };
                let frame = if key { FrameType::KEY } else { FrameType::INTER };
                self.write(&self.part(Content::Frames, cts, data), frame, at, out)
            }
        }
    }

    /// Writes the end of a picture track.
    pub(crate) fn end(&self, at: u32, out: &mut BytesMut) -> Result<(), Error> {
        if self.enhanced {
            return self.write(&self.part(Content::End, 0, Bytes::new()), FrameType::KEY, at, out);
        }
        VideoBody::Avc { key: true, packet: AvcPacket::EndOfSequence, cts: 0, data: Bytes::new() }.write_tag(at, out)
    }
}

/// Colour metadata (E-RTMP v2, metadata frame).
fn color_info(colour: &Colour) -> Bytes {
    let config = Object::new()
        .with("colorPrimaries", u32::from(colour.primaries))
        .with("transferCharacteristics", u32::from(colour.transfer))
        .with("matrixCoefficients", u32::from(colour.matrix));
    Writer::new().string("colorInfo").object(&Object::new().with("colorConfig", config)).finish()
}
