//! symphonia's decoder: frames of AAC-LC in, interleaved floats out.

use symphonia_codec_aac::AacDecoder;
use symphonia_core::codecs::audio::well_known::CODEC_ID_AAC;
use symphonia_core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia_core::packet::PacketRef;
use symphonia_core::units::{Duration, Timestamp};
use weir_codec::aac::{AudioSpecificConfig, ObjectType, Sbr, SpecificConfig};

/// What is decoded: the core coder of the stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Sound {
    /// Hz.
    pub(crate) rate: u32,
    /// 1 or 2.
    pub(crate) channels: u8,
    /// The stream says that there is more to it: SBR, and perhaps PS.
    pub(crate) extended: bool,
}

impl Sound {
    /// What a stream with this configuration is decoded to.
    ///
    /// # Errors
    /// What about it cannot be decoded.
    pub(crate) fn of(config: &AudioSpecificConfig) -> Result<Self, String> {
        let channels = config.channels().unwrap_or(0);
        let short = matches!(&config.specific, SpecificConfig::GeneralAudio(ga) if ga.short_frames);
        let kind = if config.object_type != ObjectType::LC {
            format!("object type {}", config.object_type.0)
        } else if !(1..=2).contains(&channels) {
            format!("{channels} channels")
        } else if short {
            "frames of 960 samples".to_owned()
        } else {
            let extended = matches!(config.sbr, Sbr::Backward { .. } | Sbr::Hierarchical { .. });
            return Ok(Self { rate: config.sample_rate, channels, extended });
        };
        Err(format!("aacdec cannot decode AAC with {kind}: it takes AAC-LC of 1 or 2 channels"))
    }
}

/// An open decoder.
pub(crate) struct Codec(AacDecoder);

impl Codec {
    /// Opens a decoder.
    ///
    /// # Errors
    /// What the library, or the configuration, says against it.
    pub(crate) fn new(sound: Sound) -> Result<Self, String> {
        let config = AudioSpecificConfig::lc(sound.rate, sound.channels).and_then(|c| c.build());
        let config = config.map_err(|e| e.to_string())?;
        let mut params = AudioCodecParameters::new();
        params.for_codec(CODEC_ID_AAC).with_extra_data(config.to_vec().into());
        AacDecoder::try_new(&params, &AudioDecoderOptions::default()).map(Self).map_err(|e| e.to_string())
    }

    /// Decodes one frame: samples of all channels in turn.
    ///
    /// # Errors
    /// What is wrong with the frame. The decoder goes on with the next one.
    pub(crate) fn decode(&mut self, frame: &[u8]) -> Result<Vec<f32>, String> {
        let packet = PacketRef::new(0, Timestamp::from(0), Duration::from(0_u64), frame);
        let mut samples = Vec::new();
        match self.0.decode_ref(&packet) {
            Ok(decoded) => decoded.copy_to_vec_interleaved(&mut samples),
            Err(e) => {
                self.0.reset();
                return Err(e.to_string());
            }
        }
        Ok(samples)
    }
}
