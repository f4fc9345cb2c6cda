//! Reads FLV: the filter `flvdmx`.
//!
//! Tags are cut by `weir-flv`, configurations are read by `weir-codec`; here they become PIDs and packets on one endless
//! timeline. It takes bytes as they come and never needs the whole file. It never decodes and never paces.

mod demux;
mod hints;
mod pid;
mod timeline;

use weir_media::{Bundle, Cap, CodecId, Prop, StreamType};
use weir_plugin::{Create, Filter, Kind, Lane, OptionDef, Options, Plugin, Registry, Result, Role};

use demux::Demux;

/// Adds `flvdmx`.
pub fn register(registry: &mut Registry) {
    registry.register(FlvDemux);
}

const OPTIONS: &[OptionDef] = &[OptionDef::new(
    "start",
    Kind::Int { min: -MAX_START_MS, max: MAX_START_MS },
    "0",
    "Milliseconds added to all timestamps",
)];

/// Largest `start` either way: a thousand years.
const MAX_START_MS: i64 = 1000 * 366 * 24 * 3600 * 1000;

/// The filter type `flvdmx`.
struct FlvDemux;

impl Plugin for FlvDemux {
    fn name(&self) -> &'static str {
        "flvdmx"
    }

    fn summary(&self) -> &'static str {
        "Reads AVC and AAC out of FLV"
    }

    fn help(&self) -> &'static str {
        "Reads FLV from any byte stream. A PID opens when the first sequence header of its codec is met; a later one that \
         differs changes its properties. Other codecs, and those of enhanced RTMP, are named once and left out.\n\n\
         Damaged stretches are skipped with a warning that says where. Timestamps that wrap after 2^32 ms go on. When the \
         input starts over, as a looped file does, the timeline goes on where it ended, with the same offset for all \
         tracks, and the first packets are marked as a discontinuity."
    }

    fn role(&self) -> Role {
        Role::Transform
    }

    fn lane(&self) -> Lane {
        Lane::Reactor
    }

    fn options(&self) -> &'static [OptionDef] {
        OPTIONS
    }

    fn caps(&self, _: &Options) -> Vec<Bundle> {
        let input = [Cap::is(Prop::StreamType, StreamType::File), Cap::is(Prop::FileExt, "flv")];
        [(StreamType::Visual, CodecId::Avc), (StreamType::Audio, CodecId::Aac)]
            .map(|(ty, codec)| Bundle::new(input.clone(), Cap::framed(ty, codec)))
            .to_vec()
    }

    fn create(&self, with: Create) -> Result<Box<dyn Filter>> {
        Ok(Box::new(Demux::new(with.options.int("start").unwrap_or(0))))
    }
}
