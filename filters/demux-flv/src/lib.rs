//! Reads FLV: the filter `flvdmx`.
//!
//! Tags are cut by `weir-flv`, configurations are read by `weir-codec`; here they become PIDs and packets on one endless
//! timeline. It takes bytes as they come and never needs the whole file. It never decodes and never paces.

mod colour;
mod demux;
mod gate;
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

/// Codecs that are read, each with its kind.
const CODECS: &[(StreamType, CodecId)] = &[
    (StreamType::Visual, CodecId::Avc),
    (StreamType::Audio, CodecId::Aac),
    (StreamType::Visual, CodecId::Hevc),
    (StreamType::Visual, CodecId::Av1),
    (StreamType::Visual, CodecId::Vp9),
    (StreamType::Audio, CodecId::Opus),
    (StreamType::Audio, CodecId::Flac),
    (StreamType::Audio, CodecId::Ac3),
    (StreamType::Audio, CodecId::Eac3),
    (StreamType::Audio, CodecId::Mp3),
];

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
        "Reads FLV, that of enhanced RTMP too"
    }

    fn help(&self) -> &'static str {
        "Reads FLV from any byte stream: AVC, AAC and MP3 in their original form, and AVC, HEVC, AV1, VP9, AAC, Opus, FLAC, \
         AC-3, E-AC-3 and MP3 in that of enhanced RTMP, with any number of tracks. Each track is a PID. A later sequence \
         header that differs changes its properties. Other codecs are named once and left out.\n\n\
         No PID opens before it is known which others there are: until every track that onMetaData tells of was met, or \
         one of pictures and one of sound when it tells of none and the file's header does not say otherwise. Up to a \
         second of media is held back for that.\n\n\
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
        CODECS.iter().map(|(ty, codec)| Bundle::new(input.clone(), Cap::framed(*ty, *codec))).collect()
    }

    fn create(&self, with: Create) -> Result<Box<dyn Filter>> {
        Ok(Box::new(Demux::new(with.options.int("start").unwrap_or(0))))
    }
}
