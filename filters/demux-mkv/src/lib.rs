//! Reads Matroska and WebM (RFC 9559): the filter `mkvdmx`.
//!
//! It takes bytes as they come and never needs the whole file, an index or a size: a live stream of a pipe will do. It never
//! decodes and never paces.

mod block;
mod demux;
mod ebml;
mod entry;
mod order;
mod reader;
mod scale;
mod timeline;
mod track;

use weir_media::{Bundle, Cap, CodecId, Prop, StreamType};
use weir_plugin::{Create, Filter, Lane, OptionDef, Options, Plugin, Registry, Result, Role};

use demux::Demux;

/// Adds `mkvdmx`.
pub fn register(registry: &mut Registry) {
    registry.register(MkvDemux);
}

/// File name extensions that are read.
const EXTENSIONS: &str = "mkv|mka|webm|mk3d";

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

/// The filter type `mkvdmx`.
struct MkvDemux;

impl Plugin for MkvDemux {
    fn name(&self) -> &'static str {
        "mkvdmx"
    }

    fn summary(&self) -> &'static str {
        "Reads Matroska and WebM"
    }

    fn help(&self) -> &'static str {
        "Reads Matroska from any byte stream, from its start on: AVC, HEVC, AV1, VP9, AAC, Opus, FLAC, AC-3, E-AC-3 and MP3, in \
         blocks with any lacing, with sizes that are known or not. Each track is a PID. Others, and tracks that are \
         compressed or encrypted, are named once and left out.\n\n\
         Matroska has presentation times only. Decoding times of AVC and HEVC are made from them, with the depth that the \
         stream says it puts pictures off by. What a decoder of sound needs before the start is told as Delay, and \
         timestamps may begin below 0.\n\n\
         A damaged stretch is skipped up to the next cluster, with a warning that says where. When the input starts over, or \
         another file follows in it, the timeline goes on where it ended, and the first packets are marked as a \
         discontinuity."
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
        let input = [Cap::is(Prop::StreamType, StreamType::File), Cap::is(Prop::FileExt, EXTENSIONS)];
        CODECS.iter().map(|(ty, codec)| Bundle::new(input.clone(), Cap::framed(*ty, *codec))).collect()
    }

    fn create(&self, _: Create) -> Result<Box<dyn Filter>> {
        Ok(Box::new(Demux::new()))
    }
}
