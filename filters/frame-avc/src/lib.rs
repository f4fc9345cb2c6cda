//! `rfnalu` and `ufnalu`: AVC from its file framing (Annex B) to access units with an avcC, and back.
//!
//! They never decode a picture, never change a coded slice, and hold no access unit back whose time is known.

mod clock;
mod packetize;
mod props;
mod reader;
mod unframe;

use weir_media::{Bundle, Cap, CodecId, Prop, StreamType};
use weir_plugin::{Create, Filter, Kind, Lane, OptionDef, Options, Plugin, Registry, Result, Role};

/// Extensions of Annex B files.
const EXTENSIONS: &str = "264|h264|26l|avc|annexb";

const PACKETIZER_OPTIONS: &[OptionDef] = &[OptionDef::new(
    "fps",
    Kind::Frac,
    "25",
    "Frame rate of a file; when not given, the stream's own rate goes before this default",
)];

const UNFRAMER_OPTIONS: &[OptionDef] = &[
    OptionDef::new(
        "rcfg",
        Kind::Bool,
        "yes",
        "Repeat the parameter sets before each IDR picture, not only when they are new",
    ),
    OptionDef::new("delim", Kind::Bool, "yes", "Start each access unit with a delimiter"),
];

/// Adds `rfnalu` and `ufnalu` to a registry.
pub fn register(registry: &mut Registry) {
    registry.register(Packetizer);
    registry.register(Unframer);
}

fn framed() -> [Cap; 3] {
    Cap::framed(StreamType::Visual, CodecId::Avc)
}

fn unframed() -> [Cap; 3] {
    Cap::unframed(StreamType::Visual, CodecId::Avc)
}

/// The type `rfnalu`.
struct Packetizer;

impl Plugin for Packetizer {
    fn name(&self) -> &'static str {
        "rfnalu"
    }

    fn summary(&self) -> &'static str {
        "Packetizes AVC: Annex B to access units"
    }

    fn help(&self) -> &'static str {
        "Reads .264 files, and what encoders give. From an encoder, a packet holds whole access units and leaves at once, \
         with the times it came with. From a file, times are counted in frames: decoding times start before 0 when there \
         are B-frames, so that the first picture is shown at 0. Parameter sets are taken out of the stream and put into \
         the decoder configuration; what comes before the first IDR picture is dropped."
    }

    fn role(&self) -> Role {
        Role::Transform
    }

    fn lane(&self) -> Lane {
        Lane::Compute
    }

    fn options(&self) -> &'static [OptionDef] {
        PACKETIZER_OPTIONS
    }

    fn caps(&self, _: &Options) -> Vec<Bundle> {
        let file = [Cap::is(Prop::StreamType, StreamType::File), Cap::is(Prop::FileExt, EXTENSIONS)];
        vec![Bundle::new(file, framed()), Bundle::new(unframed(), framed())]
    }

    fn create(&self, with: Create) -> Result<Box<dyn Filter>> {
        Ok(Box::new(packetize::Packetizer::new(packetize::Settings::of(&with.options)?)))
    }
}

/// The type `ufnalu`.
struct Unframer;

impl Plugin for Unframer {
    fn name(&self) -> &'static str {
        "ufnalu"
    }

    fn summary(&self) -> &'static str {
        "Unframes AVC: access units to Annex B"
    }

    fn help(&self) -> &'static str {
        "Puts a start code before each NAL unit, and the parameter sets before IDR pictures."
    }

    fn role(&self) -> Role {
        Role::Transform
    }

    fn lane(&self) -> Lane {
        Lane::Compute
    }

    fn options(&self) -> &'static [OptionDef] {
        UNFRAMER_OPTIONS
    }

    fn caps(&self, _: &Options) -> Vec<Bundle> {
        vec![Bundle::new(framed(), unframed())]
    }

    fn create(&self, with: Create) -> Result<Box<dyn Filter>> {
        Ok(Box::new(unframe::Unframer::new(unframe::Settings::of(&with.options))))
    }
}
