//! `rfadts` and `ufadts`: AAC from its file framing (ADTS) to raw frames with an AudioSpecificConfig, and back.
//!
//! They never decode a sample and never change a raw frame.

mod packetize;
mod reader;
mod unframe;

use weir_media::{Bundle, Cap, CodecId, Prop, StreamType};
use weir_plugin::{Create, Filter, Lane, OptionDef, Options, Plugin, Registry, Result, Role};

/// Extensions of ADTS files.
const EXTENSIONS: &str = "aac|adts";

/// Adds `rfadts` and `ufadts` to a registry.
pub fn register(registry: &mut Registry) {
    registry.register(Packetizer);
    registry.register(Unframer);
}

fn framed() -> [Cap; 3] {
    Cap::framed(StreamType::Audio, CodecId::Aac)
}

fn unframed() -> [Cap; 3] {
    Cap::unframed(StreamType::Audio, CodecId::Aac)
}

/// The type `rfadts`.
struct Packetizer;

impl Plugin for Packetizer {
    fn name(&self) -> &'static str {
        "rfadts"
    }

    fn summary(&self) -> &'static str {
        "Packetizes AAC: ADTS to raw frames"
    }

    fn help(&self) -> &'static str {
        "Reads .aac files and ADTS streams. The times of a file are counted in samples. Bytes that are no frame, such as \
         tags, are stepped over."
    }

    fn role(&self) -> Role {
        Role::Transform
    }

    fn lane(&self) -> Lane {
        Lane::Compute
    }

    fn options(&self) -> &'static [OptionDef] {
        &[]
    }

    fn caps(&self, _: &Options) -> Vec<Bundle> {
        let file = [Cap::is(Prop::StreamType, StreamType::File), Cap::is(Prop::FileExt, EXTENSIONS)];
        vec![Bundle::new(file, framed()), Bundle::new(unframed(), framed())]
    }

    fn create(&self, _: Create) -> Result<Box<dyn Filter>> {
        Ok(Box::new(packetize::Packetizer::default()))
    }
}

/// The type `ufadts`.
struct Unframer;

impl Plugin for Unframer {
    fn name(&self) -> &'static str {
        "ufadts"
    }

    fn summary(&self) -> &'static str {
        "Unframes AAC: raw frames to ADTS"
    }

    fn help(&self) -> &'static str {
        "Puts an ADTS header before each frame."
    }

    fn role(&self) -> Role {
        Role::Transform
    }

    fn lane(&self) -> Lane {
        Lane::Reactor
    }

    fn options(&self) -> &'static [OptionDef] {
        &[]
    }

    fn caps(&self, _: &Options) -> Vec<Bundle> {
        vec![Bundle::new(framed(), unframed())]
    }

    fn create(&self, _: Create) -> Result<Box<dyn Filter>> {
        Ok(Box::new(unframe::Unframer::default()))
    }
}
