//! The filter `aacdec`: AAC-LC to raw sound, on symphonia.
//!
//! One frame in, one block of samples out. It never resamples and never mixes channels, and makes nothing up for what is
//! damaged.

mod codec;
mod decoder;

use weir_media::{Bundle, Cap, CodecId, Prop, SampleFormat, StreamType};
use weir_plugin::{Create, Filter, Lane, OptionDef, Options, Plugin, Registry, Result, Role};

/// Adds `aacdec` to a registry.
pub fn register(registry: &mut Registry) {
    registry.register(AacDecoder);
}

/// The filter type `aacdec`.
#[derive(Clone, Copy, Debug, Default)]
pub struct AacDecoder;

impl Plugin for AacDecoder {
    fn name(&self) -> &'static str {
        "aacdec"
    }

    fn summary(&self) -> &'static str {
        "AAC-LC decoder, symphonia"
    }

    fn help(&self) -> &'static str {
        "Decodes AAC-LC of 1 or 2 channels to flt samples, interleaved. Of HE-AAC it decodes the LC part, without what \
         SBR and PS add: the lower half of the spectrum, and mono where PS makes stereo.\n\
         The priming of the encoder (Delay) is cut off. A damaged frame is left out with a warning; what follows is \
         marked as a discontinuity.\n\
         It is inserted where raw sound is asked for. What an encoder of the same graph made is decoded only where this \
         filter is named."
    }

    fn role(&self) -> Role {
        Role::Decoder
    }

    fn lane(&self) -> Lane {
        Lane::Compute
    }

    fn options(&self) -> &'static [OptionDef] {
        &[]
    }

    fn caps(&self, _options: &Options) -> Vec<Bundle> {
        let [ty, raw] = Cap::codec(StreamType::Audio, CodecId::Raw);
        vec![Bundle::new(
            Cap::framed(StreamType::Audio, CodecId::Aac),
            [ty, raw, Cap::is(Prop::AudioFormat, SampleFormat::Flt)],
        )]
    }

    fn create(&self, _with: Create) -> Result<Box<dyn Filter>> {
        Ok(Box::new(decoder::Decode::default()))
    }
}
