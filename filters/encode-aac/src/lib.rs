//! The filter `aacenc`: raw sound to AAC-LC, on Fraunhofer's FDK (cargo feature `fdk`) or on syom (feature `syom`).
//!
//! It cuts packets of any size into frames of 1024 samples, and times them by counting samples. It never resamples and
//! never mixes channels.

#[cfg(not(any(feature = "fdk", feature = "syom")))]
compile_error!("weir-encode-aac needs an AAC library: turn on the feature `fdk` or the feature `syom`");

mod codec;
mod encoder;
#[cfg(feature = "fdk")]
mod fdk;
mod samples;
mod settings;
#[cfg(feature = "syom")]
mod syom;
mod timeline;

use weir_media::{Bundle, Cap, CodecId, Prop, SampleFormat, StreamType};
use weir_plugin::{Create, Filter, Lane, OptionDef, Options, Plugin, Registry, Result, Role};

/// Adds `aacenc` to a registry.
pub fn register(registry: &mut Registry) {
    registry.register(AacEncoder);
}

/// The filter type `aacenc`.
#[derive(Clone, Copy, Debug, Default)]
pub struct AacEncoder;

impl Plugin for AacEncoder {
    fn name(&self) -> &'static str {
        "aacenc"
    }

    fn summary(&self) -> &'static str {
        "AAC-LC encoder"
    }

    fn help(&self) -> &'static str {
        "Encodes raw sound, flt or s16, of 1 or 2 channels, at the sample rates of AAC: 8000, 11025, 12000, 16000, \
         22050, 24000, 32000, 44100, 48000, 64000, 88200 and 96000 Hz; resample is inserted for other sound.\n\
         The bit rate is b (or bitrate, or rate), else the TargetRate of the input, else 64 kb/s for each channel, or \
         4 bits for each sample where that is less. FDK exceeds rates below about 12 kb/s for each channel.\n\
         An encoder begins with priming that is not part of the sound. The first packet is timed that much before the \
         input, so that what is decoded lies where it was. Time is counted in samples; where the timestamps of the \
         input leave that count by more than 10 ms, a packet marked as a discontinuity takes it up again. A jump back \
         is closed up, as time never runs back in the output."
    }

    fn role(&self) -> Role {
        Role::Encoder
    }

    fn lane(&self) -> Lane {
        Lane::Compute
    }

    fn options(&self) -> &'static [OptionDef] {
        settings::OPTIONS
    }

    fn caps(&self, _options: &Options) -> Vec<Bundle> {
        let formats = [SampleFormat::Flt, SampleFormat::S16].map(|f| Cap::is(Prop::AudioFormat, f));
        let rates = settings::SAMPLE_RATES.iter().map(|r| Cap::is(Prop::SampleRate, *r));
        let channels = settings::CHANNELS.map(|n| Cap::is(Prop::NumChannels, n));
        let sound = formats.into_iter().chain(rates).chain(channels).map(Cap::or_absent);
        let inputs: Vec<Cap> = Cap::codec(StreamType::Audio, CodecId::Raw).into_iter().chain(sound).collect();
        vec![Bundle::new(inputs, Cap::framed(StreamType::Audio, CodecId::Aac))]
    }

    fn create(&self, with: Create) -> Result<Box<dyn Filter>> {
        Ok(Box::new(encoder::Encode::new(settings::Settings::new(&with.options)?)))
    }
}
