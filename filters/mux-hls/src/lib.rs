//! `hlsmx`: HTTP Live Streaming (RFC 8216bis) of any number of tracks: segments, parts and playlists, each as a named piece.
//!
//! It never touches a file: `hlsout` puts the pieces where they belong. It never makes a player see what is not complete:
//! a playlist that names something comes behind it.

mod container;
mod master;
mod mux;
mod playlist;
mod rendition;
mod settings;

use weir_media::{Bundle, Cap, CodecId, Delivery, Prop, StreamType};
use weir_plugin::{Create, Filter, Kind, Lane, OptionDef, Options, Plugin, Registry, Result, Role};

/// Adds `hlsmx` to a registry.
pub fn register(registry: &mut Registry) {
    registry.register(HlsMux);
}

/// MIME types of segments; they tell which kind an output wants.
const MP4: &str = "video/mp4";
const TS: &str = "video/mp2t";

const OPTIONS: &[OptionDef] = &[
    OptionDef::new(
        "dst",
        Kind::Str,
        "out.m3u8",
        "The playlist, as the output names it; other names are made of this one",
    ),
    OptionDef::new(
        "segdur",
        Kind::Frac,
        "4",
        "Seconds of a segment, at least: it ends with the first key picture behind that. An encoder is asked for one",
    ),
    OptionDef::new("cdur", Kind::Frac, "1", "Seconds of a fragment within a segment, and with llhls of a part"),
    OptionDef::new(
        "tsb",
        Kind::Frac,
        "30",
        "Seconds that a live playlist goes back, and never less than three segments; -1: to the start",
    ),
    OptionDef::new("keep_segs", Kind::Bool, "no", "Keep segments that have left the playlist"),
    OptionDef::new(
        "dmode",
        Kind::Enum(&["auto", "static", "dynamic"]),
        "auto",
        "dynamic: a live playlist; static: everything from the start; auto: dynamic in a live session",
    ),
    OptionDef::new(
        "llhls",
        Kind::Enum(&["off", "sf", "br"]),
        "off",
        "Low latency: parts of segments in the playlist, each a file of its own (sf), or a range of its segment (br)",
    ),
    OptionDef::new(
        "ll_block",
        Kind::Bool,
        "no",
        "With llhls, for servers that hold requests for what is not there yet: say so (CAN-BLOCK-RELOAD), name the part that comes next, and let players come as close as three parts. Without it they stay a segment and two parts away, for they ask once a segment",
    ),
    OptionDef::new(
        "ileave",
        Kind::Millis,
        "",
        "How long one track waits for the others before it is written without them (default 1s live, 10s otherwise)",
    ),
];

/// Codecs that can be written in MP4, each with its kind.
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

struct HlsMux;

impl Plugin for HlsMux {
    fn name(&self) -> &'static str {
        "hlsmx"
    }

    fn summary(&self) -> &'static str {
        "HTTP Live Streaming muxer: segments and playlists"
    }

    fn help(&self) -> &'static str {
        "One track of pictures and one of sound go into the same segments. Of more, each is a rendition with a playlist of its \
         own, and a master playlist names them with their rates, codecs and sizes.\n\nLive playlists are numbered by the wall \
         clock, so that a restart goes on with higher numbers. Where parameter sets change, or something was lost, a \
         segment begins that is marked as discontinuous."
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
        let pieces = |segments: &str| {
            [
                Cap::is(Prop::StreamType, StreamType::File),
                Cap::is(Prop::FileExt, "m3u8"),
                Cap::is(Prop::Mime, segments),
                Cap::is(Prop::Delivery, Delivery::File),
            ]
        };
        let mp4 = CODECS.iter().map(|(ty, codec)| Bundle::new(Cap::framed(*ty, *codec), pieces(MP4)));
        let ts = [
            Bundle::new(Cap::unframed(StreamType::Visual, CodecId::Avc), pieces(TS)),
            Bundle::new(Cap::framed(StreamType::Audio, CodecId::Aac), pieces(TS)),
        ];
        mp4.chain(ts).collect()
    }

    fn create(&self, with: Create) -> Result<Box<dyn Filter>> {
        let settings = settings::Settings::new(&with.options, with.bundle.as_ref())?;
        Ok(Box::new(mux::Mux::new(settings, &with.memory)))
    }
}
