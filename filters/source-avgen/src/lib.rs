//! `avgen`: a test source with a readable picture and a beep in step.
//!
//! Every time in it is a count: packet `n` of a PID begins at `n` times its step, so a run of any length is exact. The
//! beep, the dial and the clock face on the picture all follow from the same counts. Each picture also carries its
//! number in a form that a program reads back from a decoded picture: see [`marker`].
//!
//! This crate never paces, never reads a clock of its own (the host gives the time) and never draws in RGB.

mod canvas;
mod card;
mod dial;
mod font;
mod layout;
pub mod marker;
mod picture;
mod settings;
mod sound;
mod source;
mod timing;

use weir_media::{Bundle, Cap, CodecId, PixelFormat, Prop, SampleFormat, StreamType};
use weir_plugin::{Create, Filter, Lane, OptionDef, Options, Plugin, Registry, Result, Role};

use source::Source;

/// Adds `avgen` to a registry.
pub fn register(registry: &mut Registry) {
    registry.register(Avgen);
}

/// The `avgen` filter type.
pub struct Avgen;

impl Plugin for Avgen {
    fn name(&self) -> &'static str {
        "avgen"
    }

    fn summary(&self) -> &'static str {
        "Test source: a readable picture and a beep in step"
    }

    fn help(&self) -> &'static str {
        "Makes raw sound (PID 1) and raw pictures (PID 2, and one more for each further size) that are easy to check by \
         eye, by ear and by program.\n\nA beep sounds at each full second of the time shown: `freq` on even seconds, \
         `freq2` on odd ones, an octave above `freq` on each tenth, when the picture also flashes blue. A dial turns \
         once a second and its hub lights while the beep sounds. With `adjust`, full seconds of the time shown fall on \
         full seconds of the wall clock, to within a frame.\n\nThe two rows of black and white blocks at the bottom \
         hold the frame number; `weir_source_avgen::marker` reads them back from a decoded picture.\n\nWith `blank`, all \
         pictures are black and the sound is silence."
    }

    fn role(&self) -> Role {
        Role::Source
    }

    fn lane(&self) -> Lane {
        Lane::Compute
    }

    fn options(&self) -> &'static [OptionDef] {
        settings::OPTIONS
    }

    fn caps(&self, options: &Options) -> Vec<Bundle> {
        let kind = settings::kinds(options);
        let mut bundles = Vec::new();
        if kind.audio {
            let format = Cap::is(Prop::AudioFormat, SampleFormat::Flt);
            bundles.push(raw(StreamType::Audio, format));
        }
        if kind.video {
            let format = Cap::is(Prop::PixelFormat, PixelFormat::Yuv420);
            bundles.push(raw(StreamType::Visual, format));
        }
        bundles
    }

    fn create(&self, with: Create) -> Result<Box<dyn Filter>> {
        Ok(Box::new(Source::new(with.options, &with.memory)?))
    }
}

fn raw(ty: StreamType, format: Cap) -> Bundle {
    let mut outputs = Cap::codec(ty, CodecId::Raw).to_vec();
    outputs.push(format);
    Bundle::new([], outputs)
}
