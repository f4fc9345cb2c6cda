//! The filter `avcdec`: H.264 to raw pictures in the order they are shown, on openh264.
//!
//! It never makes a picture up: what cannot be decoded is left out, and decoding goes on at the next key picture.

mod decoder;
mod order;
mod picture;

use weir_media::{Bundle, Cap, CodecId, PixelFormat, Prop, StreamType};
use weir_plugin::{Create, Filter, Lane, OptionDef, Options, Plugin, Registry, Result, Role};

/// Adds `avcdec` to a registry.
pub fn register(registry: &mut Registry) {
    registry.register(AvcDecoder);
}

/// The filter type `avcdec`.
#[derive(Clone, Copy, Debug, Default)]
pub struct AvcDecoder;

impl Plugin for AvcDecoder {
    fn name(&self) -> &'static str {
        "avcdec"
    }

    fn summary(&self) -> &'static str {
        "H.264 (AVC) decoder, openh264"
    }

    fn help(&self) -> &'static str {
        "Decodes progressive 4:2:0 video of 8 bits, up to 9437184 pixels, to yuv420 pictures in presentation order. \
         Interlaced, 4:2:2, 4:4:4 and 10-bit video is refused.\n\
         A damaged picture is left out with a warning, and so is what follows it, up to the next key picture; the \
         pictures after it are marked as a discontinuity.\n\
         It is inserted where raw pictures are asked for. What an encoder of the same graph made is decoded only where \
         this filter is named."
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
        let [ty, raw] = Cap::codec(StreamType::Visual, CodecId::Raw);
        vec![Bundle::new(
            Cap::framed(StreamType::Visual, CodecId::Avc),
            [ty, raw, Cap::is(Prop::PixelFormat, PixelFormat::Yuv420)],
        )]
    }

    fn create(&self, _with: Create) -> Result<Box<dyn Filter>> {
        Ok(Box::new(decoder::Decode::default()))
    }
}
