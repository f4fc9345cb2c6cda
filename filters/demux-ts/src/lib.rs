//! Reads MPEG-2 transport streams (ISO/IEC 13818-1): the filter `m2tsdmx`.
//!
//! The stream is taken apart by `weir-ts`; here its streams become PIDs and packets, each programme on an endless timeline
//! of its own. It takes bytes as they come, from any place of a stream on. It never decodes and never paces.

mod demux;
mod gate;
mod media;
mod timeline;
mod track;

use weir_media::{Bundle, Cap, CodecId, Prop, StreamType};
use weir_plugin::{Create, Filter, Lane, OptionDef, Options, Plugin, Registry, Result, Role};

use demux::Demux;

/// Adds `m2tsdmx`.
pub fn register(registry: &mut Registry) {
    registry.register(TsDemux);
}

/// File name extensions that are read.
const EXTENSIONS: &str = "ts|m2t|mts|m2ts|trp";

/// The filter type `m2tsdmx`.
struct TsDemux;

impl Plugin for TsDemux {
    fn name(&self) -> &'static str {
        "m2tsdmx"
    }

    fn summary(&self) -> &'static str {
        "Reads MPEG-2 transport streams"
    }

    fn help(&self) -> &'static str {
        "Reads packets of 188, 192 or 204 bytes from any byte stream and from any place on: AVC, HEVC, AAC in ADTS, MP3, AC-3 \
         and E-AC-3. Each stream is a PID, with the number of its programme as ServiceID; a stream of several programmes \
         is in each. Others are named once and left out, AAC in LATM among them.\n\n\
         Every programme begins at 0 with what it shows first. Timestamps that wrap after 26.5 hours go on, and so does the \
         timeline where the clock of the stream jumps or the input starts over.\n\n\
         No PID opens before it is known which others there are: until every programme that is listed was met with something \
         of each of its streams, or a second of media came without the rest, or five when a stream came that cannot be \
         decoded yet. Where packets are missing or damaged, what they belong to is left out with a warning, and the next \
         packet of that PID is marked as a discontinuity."
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
        let file = [Cap::is(Prop::StreamType, StreamType::File), Cap::is(Prop::FileExt, EXTENSIONS)];
        let bundle = |out: [Cap; 3]| Bundle::new(file.clone(), out);
        vec![
            bundle(Cap::unframed(StreamType::Visual, CodecId::Avc)),
            bundle(Cap::unframed(StreamType::Audio, CodecId::Aac)),
            bundle(Cap::framed(StreamType::Visual, CodecId::Hevc)),
            bundle(Cap::framed(StreamType::Audio, CodecId::Mp3)),
            bundle(Cap::framed(StreamType::Audio, CodecId::Ac3)),
            bundle(Cap::framed(StreamType::Audio, CodecId::Eac3)),
        ]
    }

    fn create(&self, _: Create) -> Result<Box<dyn Filter>> {
        Ok(Box::new(Demux::new()))
    }
}
