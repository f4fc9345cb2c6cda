//! What the filter needs of a library, and which library decodes what.

use weir_codec::StreamConfig;
use weir_codec::aac::{AudioSpecificConfig, ObjectType, Sbr, SpecificConfig};
use weir_codec::flac::StreamInfo;
use weir_codec::opus::{OpusHead, RATE};
use weir_media::Bytes;

use crate::{opus, symphonia, syom};

/// An open decoder of one library.
pub(crate) trait Codec: Send {
    /// Decodes one packet: samples of all channels in turn.
    ///
    /// # Errors
    /// What is wrong with the packet. The decoder goes on with the next one.
    fn decode(&mut self, packet: &[u8]) -> Result<Vec<f32>, String>;

    /// Rate and channels of what was decoded last, where only that tells.
    fn shape(&self) -> Option<(u32, u8)> {
        None
    }
}

/// What is decoded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Sound {
    /// Hz.
    pub(crate) rate: u32,
    pub(crate) channels: u8,
    pub(crate) kind: Kind,
}

/// What a decoder is opened with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// AAC-LC of 1 or 2 channels.
    Aac,
    /// AAC with more to it: SBR, PS, or more channels; by its record.
    WideAac(Bytes),
    Mp3,
    Flac(StreamInfo),
    Opus(OpusHead),
}

impl Sound {
    /// What a stream with this configuration is decoded to.
    ///
    /// # Errors
    /// What about it cannot be decoded.
    pub(crate) fn of(config: &StreamConfig) -> Result<Self, String> {
        match config {
            StreamConfig::Aac(config, record) => aac(config, record),
            StreamConfig::Mp3(header) if header.layer == 3 => {
                Ok(Self { rate: header.sample_rate, channels: header.channels, kind: Kind::Mp3 })
            }
            StreamConfig::Mp3(header) => Err(format!("mp3dec cannot decode layer {}", header.layer)),
            StreamConfig::Flac(info) => {
                Ok(Self { rate: info.sample_rate, channels: info.channels, kind: Kind::Flac(info.clone()) })
            }
            StreamConfig::Opus(head) => {
                Ok(Self { rate: RATE, channels: head.channels, kind: Kind::Opus(head.clone()) })
            }
            other => Err(format!("{} is no sound that is decoded here", other.codec())),
        }
    }

    /// Opens a decoder.
    ///
    /// # Errors
    /// What the library, or the configuration, says against it.
    pub(crate) fn open(&self) -> Result<Box<dyn Codec>, String> {
        match &self.kind {
            Kind::Aac => symphonia::aac(self.rate, self.channels),
            Kind::WideAac(record) => syom::open(record),
            Kind::Mp3 => symphonia::mp3(),
            Kind::Flac(info) => symphonia::flac(info),
            Kind::Opus(head) => opus::open(head),
        }
    }

    /// Samples that come before the sound, where the stream itself tells.
    pub(crate) fn pre_skip(&self) -> usize {
        if let Kind::Opus(head) = &self.kind { head.pre_skip.into() } else { 0 }
    }

    /// Whether rate and channels are certain before anything is decoded.
    pub(crate) fn is_certain(&self) -> bool {
        !matches!(self.kind, Kind::WideAac(_))
    }
}

fn aac(config: &AudioSpecificConfig, record: &Bytes) -> Result<Sound, String> {
    let short = matches!(&config.specific, SpecificConfig::GeneralAudio(ga) if ga.short_frames);
    let extended = matches!(config.sbr, Sbr::Backward { .. } | Sbr::Hierarchical { .. });
    let kind = if config.object_type != ObjectType::LC {
        format!("object type {}", config.object_type.0)
    } else if short {
        "frames of 960 samples".to_owned()
    } else {
        let channels = config.channels().unwrap_or(0);
        let plain = (1..=2).contains(&channels) && !extended;
        let kind = if plain { Kind::Aac } else { Kind::WideAac(record.clone()) };
        return Ok(Sound { rate: config.output_sample_rate(), channels, kind });
    };
    Err(format!("aacdec cannot decode AAC with {kind}: it takes AAC-LC and HE-AAC"))
}
