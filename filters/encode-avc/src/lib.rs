//! The filter `avcenc`: raw pictures to H.264, on openh264.
//!
//! One picture in, one access unit out, in the same call: no B pictures, no look-ahead, no frames held back. Key
//! pictures are placed by the clock of the stream and by request, never by the content.
//!
//! It never scales, converts or reorders pictures, and never writes to stderr.

mod encoder;
mod keys;
mod openh264;
mod settings;

use weir_media::{Bundle, Cap, CodecId, PixelFormat, Prop, StreamType};
use weir_plugin::{Change, Create, Error, Filter, Lane, OptionDef, Options, Plugin, Registry, Result, Role};

/// Adds `avcenc` to a registry.
pub fn register(registry: &mut Registry) {
    registry.register(AvcEncoder);
}

/// The filter type `avcenc`.
#[derive(Clone, Copy, Debug, Default)]
pub struct AvcEncoder;

impl Plugin for AvcEncoder {
    fn name(&self) -> &'static str {
        "avcenc"
    }

    fn summary(&self) -> &'static str {
        "H.264 (AVC) encoder, openh264"
    }

    fn help(&self) -> &'static str {
        "Encodes raw yuv420 pictures, of 16x16 to 9437184 pixels, as one Annex B access unit each. Sizes are rounded \
         down to even ones.\n\
         The bit rate is b (or bitrate, or rate), else the TargetRate of the input, else a tenth of a bit per pixel. \
         It is held by the quantiser alone, so that every picture is coded; very hard content goes over by some \
         percent, which skip=yes prevents by leaving pictures out. Very easy content stays far under it.\n\
         Key pictures lie on a time grid: every g pictures of the nominal frame rate, and every fintra seconds. The \
         first picture that reaches a grid point is a key picture, so a gap in the input does not move the ones after \
         it. A key picture that a viewer asked for does not move the grid either; such requests are met at most \
         twice a second. A jump back in time starts the grid anew."
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
        let [ty, raw] = Cap::codec(StreamType::Visual, CodecId::Raw);
        vec![Bundle::new(
            [ty, raw, Cap::is(Prop::PixelFormat, PixelFormat::Yuv420).or_absent()],
            Cap::unframed(StreamType::Visual, CodecId::Avc),
        )]
    }

    fn check_change(&self, _: &Options, change: &Change, names: &[&str]) -> Result<()> {
        let Change::Options(options) = change else { return Err(Error::unsupported("avcenc cannot do that")) };
        if let Some(other) = names.iter().find(|name| !settings::CHANGEABLE.contains(name)) {
            let can = settings::CHANGEABLE.join(", ");
            return Err(Error::unsupported(format!("{other} cannot be changed while it runs, only {can}")));
        }
        settings::Settings::new(options).map(drop)
    }

    fn create(&self, with: Create) -> Result<Box<dyn Filter>> {
        Ok(Box::new(encoder::Encode::new(settings::Settings::new(&with.options)?)))
    }
}
