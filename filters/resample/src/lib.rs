//! The filters `resample`, which changes rate, channels and format of raw sound, and `volume`, which changes its level.
//!
//! Time is counted in samples: nothing drifts, and the delay of the resampler is taken out. They never clip what was
//! within full scale before the gain.

mod mix;
mod rate;
mod resample;
mod samples;
mod settings;
mod volume;

use weir_media::{Bundle, Cap, CodecId, Prop, SampleFormat, StreamType};
use weir_plugin::{Create, Filter, Kind, Lane, OptionDef, Options, Plugin, Registry, Result, Role};

/// Adds `resample` and `volume` to a registry.
pub fn register(registry: &mut Registry) {
    registry.register(Resampler);
    registry.register(Volume);
}

/// Raw sound in a format that these filters read.
fn raw_sound() -> Vec<Cap> {
    let formats = [SampleFormat::Flt, SampleFormat::S16].map(|f| Cap::is(Prop::AudioFormat, f));
    Cap::codec(StreamType::Audio, CodecId::Raw).into_iter().chain(formats).collect()
}

/// The filter type `resample`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Resampler;

impl Plugin for Resampler {
    fn name(&self) -> &'static str {
        "resample"
    }

    fn summary(&self) -> &'static str {
        "Sample rate, channels and format of raw sound"
    }

    fn help(&self) -> &'static str {
        "Inserted where a filter does not take the sound it would get: the rate is then the next higher one that the \
         filter takes, or else its highest; of its numbers of channels, the largest that the sound has too. What is not \
         asked for stays as it is.\n\
         Channels are in the order of FLAC and WAV: left, right, centre, LFE, back or surround pair, side pair; with 3 \
         there is a centre, with 4 a back pair. A channel that is not there any more goes to its neighbours at -3 dB, LFE \
         is left out; then all are turned down so far that nothing can clip. More than 8 channels count as left and right \
         in turn.\n\
         Time is counted in samples from the first timestamp. Where those of the input leave the count by more than 10 ms, \
         or something was lost, the count begins anew, with a packet marked as a discontinuity; never back in time."
    }

    fn role(&self) -> Role {
        Role::Transform
    }

    fn lane(&self) -> Lane {
        Lane::Compute
    }

    fn options(&self) -> &'static [OptionDef] {
        settings::OPTIONS
    }

    fn caps(&self, _options: &Options) -> Vec<Bundle> {
        let changed = [Prop::SampleRate, Prop::NumChannels, Prop::AudioFormat];
        vec![Bundle::new(raw_sound(), raw_sound()).adapting(changed)]
    }

    fn create(&self, with: Create) -> Result<Box<dyn Filter>> {
        let wanted = settings::Wanted::new(&with.options, with.bundle.as_ref());
        Ok(Box::new(resample::Resample::new(wanted)))
    }
}

const VOLUME_OPTIONS: &[OptionDef] =
    &[OptionDef::new("gain", Kind::Str, "1", "A factor such as 0.5, or decibels such as -6dB; at most 1000 or 60dB")];

/// The filter type `volume`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Volume;

impl Plugin for Volume {
    fn name(&self) -> &'static str {
        "volume"
    }

    fn summary(&self) -> &'static str {
        "Makes sound louder or quieter"
    }

    fn help(&self) -> &'static str {
        "Multiplies every sample by `gain`. What goes over full scale becomes full scale; a gain of 0 is silence."
    }

    fn role(&self) -> Role {
        Role::Transform
    }

    fn lane(&self) -> Lane {
        Lane::Compute
    }

    fn options(&self) -> &'static [OptionDef] {
        VOLUME_OPTIONS
    }

    fn caps(&self, _options: &Options) -> Vec<Bundle> {
        let of = |format| {
            let [ty, raw] = Cap::codec(StreamType::Audio, CodecId::Raw);
            [ty, raw, Cap::is(Prop::AudioFormat, format)]
        };
        [SampleFormat::Flt, SampleFormat::S16].map(|f| Bundle::new(of(f), of(f))).into()
    }

    fn explicit_only(&self) -> bool {
        true
    }

    fn create(&self, with: Create) -> Result<Box<dyn Filter>> {
        let gain = volume::gain(with.options.text("gain").unwrap_or("1"))?;
        Ok(Box::new(volume::Gain::new(gain)))
    }
}
