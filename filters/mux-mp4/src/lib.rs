//! `mp4mx`: an MP4 file of any number of tracks, whole or in fragments.
//!
//! Media goes out as it comes; what is kept of it is a few words a sample. It never looks into a picture or a sound.

mod mux;

use weir_media::{Bundle, Cap, CodecId, Delivery, Prop, StreamType};
use weir_plugin::{Create, Filter, Kind, Lane, OptionDef, Options, Plugin, Registry, Result, Role, Split};

/// Adds `mp4mx` to a registry.
pub fn register(registry: &mut Registry) {
    registry.register(Mp4Mux);
}

const OPTIONS: &[OptionDef] = &[
    OptionDef::new(
        "store",
        Kind::Enum(&["inter", "flat", "tight", "frag", "sfrag"]),
        "inter",
        "Layout: media in chunks of cdur with the index at the end (inter); the same with media as it comes (flat), with \
         a chunk for each sample (tight); in fragments of cdur (frag); in fragments that begin with key frames (sfrag)",
    ),
    OptionDef::new("cdur", Kind::Frac, "1", "Seconds of a chunk or fragment"),
    OptionDef::new("moovts", Kind::Int { min: 1, max: 1_000_000 }, "600", "Timescale of the movie"),
    OptionDef::new(
        "ileave",
        Kind::Millis,
        "1s",
        "How long one track waits for the others before it is written without them",
    ),
    Split::LENGTH,
    Split::SIZE,
];

/// Codecs that can be written, each with its kind.
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
/// Extensions of the files.
const EXTENSIONS: &str = "mp4|m4a|m4v|mov|3gp";

struct Mp4Mux;

impl Plugin for Mp4Mux {
    fn name(&self) -> &'static str {
        "mp4mx"
    }

    fn summary(&self) -> &'static str {
        "MP4 muxer"
    }

    fn help(&self) -> &'static str {
        "Without fragments the index stands at the end, so a file that is cut short cannot be played: for recordings use \
         frag, of which everything up to the last whole fragment can; where parameter sets change, fragments go on in a new file. Timestamps, priming and pictures out of order are \
         kept by edit lists and composition offsets."
    }

    fn role(&self) -> Role {
        Role::Mux
    }

    fn lane(&self) -> Lane {
        Lane::Reactor
    }

    fn options(&self) -> &'static [OptionDef] {
        OPTIONS
    }

    fn caps(&self, _: &Options) -> Vec<Bundle> {
        let file = [
            Cap::is(Prop::StreamType, StreamType::File),
            Cap::is(Prop::FileExt, EXTENSIONS),
            Cap::is(Prop::Delivery, Delivery::File),
        ];
        CODECS.iter().map(|(ty, codec)| Bundle::new(Cap::framed(*ty, *codec), file.clone())).collect()
    }

    fn create(&self, with: Create) -> Result<Box<dyn Filter>> {
        Ok(Box::new(mux::Mux::new(mux::Settings::new(&with.options)?, with.memory)))
    }
}
