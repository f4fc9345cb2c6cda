//! `flvmx`: one FLV stream from pictures and sound, of any number of tracks, for a file or for live delivery.

mod format;
mod meta;
mod mux;
#[cfg(test)]
mod tests;

use weir_media::{Bundle, Cap, CodecId, Delivery, Prop, StreamType};
use weir_plugin::{Create, Filter, Kind, Lane, OptionDef, Options, Plugin, Registry, Result, Role, Split};

/// Adds `flvmx` to a registry.
pub fn register(registry: &mut Registry) {
    registry.register(FlvMux);
}

const OPTIONS: &[OptionDef] = &[
    OptionDef::new(
        "ileave",
        Kind::Millis,
        "",
        "How long one track waits for the others before it is written without them (default 1s for files, 300ms live)",
    ),
    OptionDef::new(
        "keyframes",
        Kind::Int { min: 0, max: 65_536 },
        "1800",
        "Key frames that the index of a file has room for; 0 writes no index",
    ),
    OptionDef::new(
        "enhanced",
        Kind::Bool,
        "no",
        "Write every track in the form of enhanced RTMP, also those that have an original one",
    ),
    Split::LENGTH,
    Split::SIZE,
];

/// Codecs that can be written, each with its kind. What has an original form comes first.
const CODECS: &[(StreamType, CodecId)] = &[
    (StreamType::Visual, CodecId::Avc),
    (StreamType::Audio, CodecId::Aac),
    (StreamType::Audio, CodecId::Mp3),
    (StreamType::Visual, CodecId::Hevc),
    (StreamType::Visual, CodecId::Av1),
    (StreamType::Visual, CodecId::Vp9),
    (StreamType::Audio, CodecId::Opus),
    (StreamType::Audio, CodecId::Flac),
    (StreamType::Audio, CodecId::Ac3),
    (StreamType::Audio, CodecId::Eac3),
];

struct FlvMux;

impl Plugin for FlvMux {
    fn name(&self) -> &'static str {
        "flvmx"
    }

    fn summary(&self) -> &'static str {
        "FLV muxer"
    }

    fn help(&self) -> &'static str {
        "Joins streams of pictures and sound. The first track of each kind is written in the original form when it is \
         H.264, AAC or MP3; all other codecs and tracks in that of enhanced RTMP v2, which FFmpeg reads from version 8 on \
         (from 6.1 a single track of HEVC, AV1 or VP9). A track that comes after the start is added.\n\nFor a file it reserves room for duration, size and a key-frame index and \
         fills it at the end; a file cut short is playable up to its last tag. For live delivery it writes neither, and \
         timestamps follow the session."
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
        let flv = |delivery: Delivery| {
            [
                Cap::is(Prop::StreamType, StreamType::File),
                Cap::is(Prop::FileExt, "flv"),
                Cap::is(Prop::Delivery, delivery),
            ]
        };
        let both = [Delivery::Live, Delivery::File];
        let bundle = |(ty, codec): &(StreamType, CodecId), d: Delivery| Bundle::new(Cap::framed(*ty, *codec), flv(d));
        both.iter().flat_map(|d| CODECS.iter().map(|codec| bundle(codec, *d))).collect()
    }

    fn create(&self, with: Create) -> Result<Box<dyn Filter>> {
        let chosen = with.bundle.as_ref().map(|b| &b.outputs);
        let is_live = |c: &Cap| c.prop == Prop::Delivery && c.value == Delivery::Live.into();
        let live = chosen.is_some_and(|caps| caps.iter().any(is_live));
        Ok(Box::new(mux::Mux::new(mux::Settings::new(&with.options, live)?)))
    }
}
