//! `flvmx`: one FLV stream from a picture and a sound PID, for a file or for live delivery.

mod mux;
#[cfg(test)]
mod tests;

use weir_media::{Bundle, Cap, CodecId, Delivery, Prop, StreamType};
use weir_plugin::{Create, Filter, Kind, Lane, OptionDef, Options, Plugin, Registry, Result, Role};

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
        "Joins one H.264 and one AAC stream. For a file it reserves room for duration, size and a key-frame index and \
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
        let tracks = [(StreamType::Visual, CodecId::Avc), (StreamType::Audio, CodecId::Aac)];
        let both = [Delivery::Live, Delivery::File];
        both.iter().flat_map(|d| tracks.map(|(ty, codec)| Bundle::new(Cap::framed(ty, codec), flv(*d)))).collect()
    }

    fn create(&self, with: Create) -> Result<Box<dyn Filter>> {
        let chosen = with.bundle.as_ref().map(|b| &b.outputs);
        let is_live = |c: &Cap| c.prop == Prop::Delivery && c.value == Delivery::Live.into();
        let live = chosen.is_some_and(|caps| caps.iter().any(is_live));
        Ok(Box::new(mux::Mux::new(mux::Settings::new(&with.options, live))))
    }
}
