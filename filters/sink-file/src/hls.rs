//! `hlsout`: the folder that HTTP Live Streaming is served from. It writes what the muxer names, and nothing of its own.

use weir_media::{Bundle, Cap, Delivery, Prop, StreamType, file_ext, local_path};
use weir_plugin::{Create, Filter, Kind, Lane, OptionDef, Options, Plugin, Result, Role, Score};

use crate::target::Settings;
use crate::write::FileWriter;

const OPTIONS: &[OptionDef] = &[
    OptionDef::new("dst", Kind::Str, "", "Path of the playlist, NAME.m3u8; all other files stand beside it"),
    OptionDef::new(
        "muxtype",
        Kind::Enum(&["mp4", "ts"]),
        "mp4",
        "Segments: fragments of MP4 (CMAF), or MPEG-2 transport streams",
    ),
    OptionDef::new(
        "dmode",
        Kind::Enum(&["auto", "static", "dynamic"]),
        "auto",
        "dynamic: a live stream, of which the last tsb seconds are kept, and which makes the session live; static: \
         everything is kept, and plays from the start; auto: dynamic in a session that is live anyway",
    ),
    OptionDef::new("ow", Kind::Bool, "yes", "Overwrite a playlist that exists"),
];

/// The filter type.
pub(crate) struct HlsSink;

impl Plugin for HlsSink {
    fn name(&self) -> &'static str {
        "hlsout"
    }

    fn summary(&self) -> &'static str {
        "Writes a folder of HTTP Live Streaming: playlists and segments"
    }

    fn help(&self) -> &'static str {
        "Any web server can serve the folder: playlists are replaced as a whole, and name only what is complete. How the \
         stream is cut is up to hlsmx, whose options can be given here: -o live/tv.m3u8:segdur=6:tsb=60. For Low-Latency HLS, \
         give llhls."
    }

    fn role(&self) -> Role {
        Role::Sink
    }

    fn lane(&self) -> Lane {
        Lane::Blocking
    }

    fn options(&self) -> &'static [OptionDef] {
        OPTIONS
    }

    fn caps(&self, options: &Options) -> Vec<Bundle> {
        let segments = if options.word("muxtype") == Some("ts") { "video/mp2t" } else { "video/mp4" };
        let inputs = [
            Cap::is(Prop::StreamType, StreamType::File),
            Cap::is(Prop::FileExt, "m3u8"),
            Cap::is(Prop::Mime, segments),
            Cap::is(Prop::Delivery, Delivery::File),
        ];
        vec![Bundle::new(inputs, [])]
    }

    fn claims(&self, url: &str) -> Score {
        let ext = local_path(url).and_then(file_ext);
        if ext.as_deref() == Some("m3u8") { Score::Yes } else { Score::No }
    }

    fn is_live(&self, options: &Options) -> bool {
        options.word("dmode") == Some("dynamic")
    }

    fn create(&self, with: Create) -> Result<Box<dyn Filter>> {
        Ok(Box::new(FileWriter::new(Settings::of_pieces(&with.options)?)))
    }
}
