//! The filters `scale`, which changes the size of raw pictures, and `crop`, which cuts a part out of them.
//!
//! What is shown keeps its shape: where the size changes it, the sample aspect ratio makes up for it, or borders do.
//! They never touch time, and never drop or repeat a picture.

mod crop;
mod picture;
mod scale;
mod settings;
mod shape;

use weir_media::{Bundle, Cap, CodecId, PixelFormat, Prop, StreamType};
use weir_plugin::{Create, Filter, Kind, Lane, OptionDef, Options, Plugin, Registry, Result, Role};

/// Adds `scale` and `crop` to a registry.
pub fn register(registry: &mut Registry) {
    registry.register(Scaler);
    registry.register(Cropper);
}

/// Raw pictures that these filters read.
fn pictures() -> [Cap; 3] {
    let [ty, raw] = Cap::codec(StreamType::Visual, CodecId::Raw);
    [ty, raw, Cap::is(Prop::PixelFormat, PixelFormat::Yuv420)]
}

/// The filter type `scale`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scaler;

impl Plugin for Scaler {
    fn name(&self) -> &'static str {
        "scale"
    }

    fn summary(&self) -> &'static str {
        "Size of raw pictures"
    }

    fn help(&self) -> &'static str {
        "Gives pictures of the size `osize`, whatever size comes in, and whenever it changes. It can be named, or `osize` \
         given to an encoder: `c=avc:osize=640x360` inserts it. Encoders of several sizes share one decoder that way.\n\
         The shape of what is shown stays: without `keepar` the picture fills the size, and the sample aspect ratio (SAR) \
         of the output makes up for it; with `keepar=full` the picture is as large as fits, within borders of the colour \
         `padclr`, and samples are square; `keepar=nosrc` does the same and takes the samples of the input for square ones. \
         `osar` says another SAR for the output."
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
        vec![Bundle::new(pictures(), pictures()).adapting([Prop::Width, Prop::Height, Prop::Sar])]
    }

    fn create(&self, with: Create) -> Result<Box<dyn Filter>> {
        Ok(Box::new(scale::Scale::new(settings::Settings::new(&with.options)?)))
    }
}

const CROP_OPTIONS: &[OptionDef] = &[OptionDef::new(
    "wnd",
    Kind::Str,
    "",
    "What is kept, as TOPxLEFTxWIDTHxHEIGHT: pixels, or percent of the picture such as 10%",
)];

/// The filter type `crop`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cropper;

impl Plugin for Cropper {
    fn name(&self) -> &'static str {
        "crop"
    }

    fn summary(&self) -> &'static str {
        "Cuts a part out of raw pictures"
    }

    fn help(&self) -> &'static str {
        "Keeps the window `wnd` of every picture; what of it lies outside is left out. Its place is rounded down to even \
         numbers, as chroma has half the size."
    }

    fn role(&self) -> Role {
        Role::Transform
    }

    fn lane(&self) -> Lane {
        Lane::Compute
    }

    fn options(&self) -> &'static [OptionDef] {
        CROP_OPTIONS
    }

    fn caps(&self, _options: &Options) -> Vec<Bundle> {
        vec![Bundle::new(pictures(), pictures())]
    }

    fn explicit_only(&self) -> bool {
        true
    }

    fn create(&self, with: Create) -> Result<Box<dyn Filter>> {
        let window = crop::Window::parse(with.options.text("wnd").unwrap_or_default())?;
        Ok(Box::new(crop::Crop::new(window)))
    }
}
