//! [`StreamConfig`] and [`StreamReader`]: all codecs alike, for demuxers. What a configuration record or a packet says
//! becomes properties; packets come out framed. Never decodes.

use weir_media::{Bytes, CodecId, Prop, Props, StreamType};

use crate::aac::{AudioSpecificConfig, SpecificConfig};
use crate::av1::Av1Config;
use crate::avc::{self, AvcConfig};
use crate::flac::StreamInfo;
use crate::hevc::{self, HevcConfig};
use crate::opus::OpusHead;
use crate::vp9::Vp9Config;
use crate::{Colour, Error, ErrorKind, ac3, flac, mp3, opus, vp9};

/// What a decoder of a stream is set up with.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "each variant is named after its codec")]
pub enum StreamConfig {
    /// With the record for 4-byte lengths.
    Avc(Box<AvcConfig>, Bytes),
    /// As [`StreamConfig::Avc`].
    Hevc(Box<HevcConfig>, Bytes),
    Av1(Box<Av1Config>),
    /// With width and height, once a key frame told.
    Vp9(Vp9Config, Option<(u32, u32)>),
    /// With the record as it came.
    Aac(Box<AudioSpecificConfig>, Bytes),
    Opus(OpusHead),
    Flac(StreamInfo),
    /// AC-3 and E-AC-3, which have no record.
    Ac3(ac3::FrameHeader),
    /// Has no record.
    Mp3(mp3::FrameHeader),
}

/// One packet of a container, framed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unit {
    /// What to pass on; empty when the packet held nothing but what belongs elsewhere.
    pub data: Bytes,
    /// No other picture refers to it: it may be dropped.
    pub disposable: bool,
    /// The configuration from this packet on, when something in it changed that.
    pub config: Option<StreamConfig>,
    /// Samples of each channel at the rate of the decoder, where the packet or the configuration tells.
    pub samples: Option<u32>,
}

impl StreamConfig {
    /// Reads a configuration record: avcC, hvcC, av1C, vpcC, AudioSpecificConfig, OpusHead or STREAMINFO.
    ///
    /// # Errors
    /// When it cannot be read, and [`ErrorKind::Unsupported`] for a kind of AAC that is not read here, and for codecs
    /// without a record.
    pub fn parse(codec: CodecId, record: &Bytes) -> Result<Self, Error> {
        Ok(match codec {
            CodecId::Avc => {
                let config = AvcConfig::parse(record)?;
                let record = config.record_for_four(record)?;
                Self::Avc(Box::new(config), record)
            }
            CodecId::Hevc => {
                let config = HevcConfig::parse(record)?;
                let record = config.record_for_four(record)?;
                Self::Hevc(Box::new(config), record)
            }
            CodecId::Av1 => Self::Av1(Box::new(Av1Config::parse(record)?)),
            CodecId::Vp9 => Self::Vp9(Vp9Config::parse(record)?, None),
            CodecId::Aac => {
                let config = AudioSpecificConfig::parse(record)?;
                if let SpecificConfig::Other { .. } = config.specific {
                    let kind = ErrorKind::Unsupported(config.object_type.0.into());
                    return Err(Error::at_byte(kind, "MPEG-4 audio object type", 0));
                }
                Self::Aac(Box::new(config), record.clone())
            }
            CodecId::Opus => Self::Opus(OpusHead::parse(record)?),
            CodecId::Flac => Self::Flac(StreamInfo::parse(record)?),
            _ => return Err(Error::at_byte(ErrorKind::Missing, "configuration record", 0)),
        })
    }

    /// What a packet says of a stream without a record: AC-3, E-AC-3, MP3, and Opus where its record was left out.
    ///
    /// # Errors
    /// When it does not begin with a frame, and [`ErrorKind::Missing`] for codecs with a record.
    pub fn of_packet(codec: CodecId, packet: &[u8]) -> Result<Self, Error> {
        match codec {
            CodecId::Ac3 | CodecId::Eac3 => ac3::FrameHeader::parse(packet).map(Self::Ac3),
            CodecId::Mp3 => mp3::FrameHeader::parse(packet).map(Self::Mp3),
            CodecId::Opus => OpusHead::of_packet(packet).map(Self::Opus),
            _ => Err(Error::at_byte(ErrorKind::Missing, "configuration record", 0)),
        }
    }

    /// Whether streams of a codec are set up by a record, and not by their packets.
    #[must_use]
    pub const fn has_record(codec: CodecId) -> bool {
        !matches!(codec, CodecId::Ac3 | CodecId::Eac3 | CodecId::Mp3)
    }

    /// The codec.
    #[must_use]
    pub const fn codec(&self) -> CodecId {
        match self {
            Self::Avc(..) => CodecId::Avc,
            Self::Hevc(..) => CodecId::Hevc,
            Self::Av1(_) => CodecId::Av1,
            Self::Vp9(..) => CodecId::Vp9,
            Self::Aac(..) => CodecId::Aac,
            Self::Opus(_) => CodecId::Opus,
            Self::Flac(_) => CodecId::Flac,
            Self::Ac3(header) => header.codec,
            Self::Mp3(_) => CodecId::Mp3,
        }
    }

    /// The record that goes with framed packets; `None` for codecs without one, and while parameter sets are still to
    /// come.
    #[must_use]
    pub fn record(&self) -> Option<Bytes> {
        match self {
            Self::Avc(config, record) => Some(record.clone()).filter(|_| !config.sps.is_empty()),
            Self::Hevc(config, record) => Some(record.clone()).filter(|_| config.units().next().is_some()),
            Self::Av1(config) => Some(config.record.clone()),
            Self::Vp9(config, _) => Some(config.record.clone()),
            Self::Aac(_, record) => Some(record.clone()),
            Self::Opus(head) => Some(head.build()),
            Self::Flac(info) => Some(info.record.clone()),
            Self::Ac3(_) | Self::Mp3(_) => None,
        }
    }

    /// What it says, as properties.
    #[must_use]
    pub fn props(&self) -> Props {
        let codec = self.codec();
        let ty = codec.stream_type().unwrap_or(StreamType::Visual);
        let mut props = Props::new().with(Prop::StreamType, ty).with(Prop::CodecId, codec);
        if let Some(record) = self.record() {
            props.set(Prop::DecoderConfig, record);
        }
        if let Some((rate, channels)) = self.sound() {
            props.set(Prop::SampleRate, rate);
            if let Some(channels) = channels {
                props.set(Prop::NumChannels, u32::from(channels));
            }
            if let Some(samples) = self.samples() {
                props.set(Prop::SamplesPerFrame, samples);
            }
        } else {
            self.describe_pictures(&mut props);
        }
        props
    }

    fn describe_pictures(&self, props: &mut Props) {
        let (size, rate, sar, colour) = match self {
            Self::Avc(config, _) => config
                .sps_info()
                .map_or_else(|_| Default::default(), |s| (Some((s.width, s.height)), s.frame_rate, s.sar, None)),
            Self::Hevc(config, _) => config
                .sps_info()
                .map_or_else(|_| Default::default(), |s| (Some((s.width, s.height)), s.frame_rate, s.sar, s.colour)),
            Self::Av1(config) => config
                .sequence
                .as_ref()
                .map_or_else(Default::default, |s| (Some((s.width, s.height)), s.frame_rate, None, s.colour)),
            Self::Vp9(config, size) => (*size, None, None, Some(config.colour)),
            _ => Default::default(),
        };
        if let Some((width, height)) = size {
            props.set(Prop::Width, width);
            props.set(Prop::Height, height);
        }
        if let Some(rate) = rate {
            props.set(Prop::Fps, rate);
        }
        if let Some(sar) = sar {
            props.set(Prop::Sar, sar);
        }
        if let Some(colour) = colour {
            colour.set(props);
        }
    }

    /// Rate in Hz of what a decoder of sound puts out, and its channels; `None` for pictures.
    #[must_use]
    pub fn sound(&self) -> Option<(u32, Option<u8>)> {
        Some(match self {
            Self::Avc(..) | Self::Hevc(..) | Self::Av1(_) | Self::Vp9(..) => return None,
            Self::Aac(config, _) => (config.output_sample_rate(), config.channels()),
            Self::Opus(head) => (opus::RATE, Some(head.channels)),
            Self::Flac(info) => (info.sample_rate, Some(info.channels)),
            Self::Ac3(header) => (header.sample_rate, Some(header.channels)),
            Self::Mp3(header) => (header.sample_rate, Some(header.channels)),
        })
    }

    /// Pictures that may be decoded before one that is shown earlier; 0 for what has no such order.
    #[must_use]
    pub fn reorder_depth(&self) -> usize {
        match self {
            Self::Avc(config, _) => config.sps_info().map_or(0, |sps| sps.reorder_depth()),
            Self::Hevc(config, _) => config.sps_info().map_or(0, |sps| sps.reorder_depth as usize),
            _ => 0,
        }
    }

    /// Samples of each channel in every packet, where all have as many.
    fn samples(&self) -> Option<u64> {
        match self {
            Self::Aac(config, _) => config.output_samples_per_frame(),
            Self::Flac(info) => info.block_size.map(u64::from),
            Self::Ac3(header) => Some(header.samples().into()),
            Self::Mp3(header) => Some(header.samples.into()),
            _ => None,
        }
    }
}

/// Reads the packets that go with one [`StreamConfig`].
#[derive(Debug)]
pub struct StreamReader(Kind);

#[derive(Debug)]
enum Kind {
    Avc(avc::SampleReader),
    Hevc(hevc::SampleReader),
    Vp9(Vp9Config, Option<(u32, u32)>),
    Opus,
    Other(StreamConfig),
}

impl StreamReader {
    /// For packets that go with `config`.
    #[must_use]
    pub fn new(config: &StreamConfig) -> Self {
        Self(match config {
            StreamConfig::Avc(config, _) => Kind::Avc(avc::SampleReader::new(config)),
            StreamConfig::Hevc(config, _) => Kind::Hevc(hevc::SampleReader::new(config)),
            StreamConfig::Vp9(config, size) => Kind::Vp9(config.clone(), *size),
            StreamConfig::Opus(_) => Kind::Opus,
            other => Kind::Other(other.clone()),
        })
    }

    /// Whether no other picture refers to this one, as far as it is known for the codec. Looks at the heads of slices only.
    #[must_use]
    pub fn is_disposable(&self, data: &[u8]) -> bool {
        match &self.0 {
            Kind::Avc(reader) => reader.is_disposable(data),
            Kind::Hevc(reader) => reader.is_disposable(data),
            Kind::Vp9(..) | Kind::Opus | Kind::Other(_) => false,
        }
    }

    /// Reads one packet. Where nothing has to change, its data is not copied.
    ///
    /// # Errors
    /// When it is damaged; then nothing of it is read.
    pub fn read(&mut self, data: Bytes) -> Result<Unit, Error> {
        let plain = |data, samples| Unit { data, disposable: false, config: None, samples };
        match &mut self.0 {
            Kind::Avc(reader) => {
                let sample = reader.read(data)?;
                let config = sample.config.and_then(|c| c.build().ok().map(|r| StreamConfig::Avc(Box::new(c), r)));
                Ok(Unit { data: sample.data, disposable: sample.disposable, config, samples: None })
            }
            Kind::Hevc(reader) => {
                let sample = reader.read(data)?;
                let config = sample.config.and_then(|c| c.build().ok().map(|r| StreamConfig::Hevc(Box::new(c), r)));
                Ok(Unit { data: sample.data, disposable: sample.disposable, config, samples: None })
            }
            Kind::Vp9(config, size) => {
                let new = vp9::key_frame_size(&data)?.filter(|new| Some(*new) != *size);
                *size = new.or(*size);
                let config = new.map(|_| StreamConfig::Vp9(config.clone(), *size));
                Ok(Unit { config, ..plain(data, None) })
            }
            Kind::Opus => {
                let samples = opus::packet_samples(&data);
                Ok(plain(data, samples))
            }
            Kind::Other(config) => {
                let changed = changed_by(config, &data)?;
                *config = changed.clone().unwrap_or_else(|| config.clone());
                let fixed = config.samples().and_then(|samples| u32::try_from(samples).ok());
                let samples = samples(config, &data).or(fixed);
                Ok(Unit { config: changed, ..plain(data, samples) })
            }
        }
    }
}

/// What a packet of a stream without a record says of it, when that is something else than before.
fn changed_by(config: &StreamConfig, data: &[u8]) -> Result<Option<StreamConfig>, Error> {
    if StreamConfig::has_record(config.codec()) {
        return Ok(None);
    }
    let new = StreamConfig::of_packet(config.codec(), data)?;
    Ok(Some(new).filter(|new| new.sound() != config.sound() || new.codec() != config.codec()))
}

/// Samples in a packet, where packets differ.
fn samples(config: &StreamConfig, data: &[u8]) -> Option<u32> {
    match config {
        StreamConfig::Flac(_) => flac::frame_samples(data),
        StreamConfig::Ac3(_) => {
            Some(ac3::frames(data).filter(|frame| !frame.dependent).map(|frame| frame.samples()).sum())
        }
        _ => None,
    }
}

impl Colour {
    /// The colour of a PID, when its properties tell.
    #[must_use]
    pub fn of(props: &Props) -> Option<Self> {
        let index = |prop| props.u32(prop).and_then(|index| u8::try_from(index).ok());
        Some(Self {
            primaries: index(Prop::ColorPrimaries)?,
            transfer: index(Prop::ColorTransfer)?,
            matrix: index(Prop::ColorMatrix)?,
            full_range: props.flag(Prop::ColorFullRange),
        })
    }

    /// Sets the properties that tell it.
    pub fn set(&self, props: &mut Props) {
        props.set(Prop::ColorPrimaries, u32::from(self.primaries));
        props.set(Prop::ColorTransfer, u32::from(self.transfer));
        props.set(Prop::ColorMatrix, u32::from(self.matrix));
        props.set(Prop::ColorFullRange, self.full_range);
    }
}
