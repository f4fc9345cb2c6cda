//! `fout`: writes a byte stream to a local file, to standard output, or to nowhere. `hlsout`: writes the playlists and
//! segments of a stream for HTTP Live Streaming to a folder.
//!
//! It never buffers: when a call returns, every packet it took is with the operating system. It never looks into the
//! bytes and never waits for the disk to make them durable.

mod folder;
mod hls;
mod names;
mod target;
mod write;

use weir_media::{Bundle, Cap, Delivery, Prop, StreamType, local_path};
use weir_plugin::{Create, Filter, Kind, Lane, OnFail, OptionDef, Options, Plugin, Registry, Result, Role, Score};

use target::Settings;

const OPTIONS: &[OptionDef] = &[
    OptionDef::new(
        "dst",
        Kind::Str,
        "",
        "Path or file:// URL to write; `-` or `stdout` for standard output, `null` for nowhere. `$Date$` and `$Time$` in it are when a file begins, in UTC; `$Number$` or `$Number%03d$` is its number",
    ),
    OptionDef::new("ext", Kind::Str, "", "Extension to write for instead of that of the name"),
    OptionDef::new("mime", Kind::Str, "", "What to write as a MIME type, such as video/mp2t, instead of by extension"),
    OptionDef::new("append", Kind::Bool, "no", "Write after what is already in the file"),
    OptionDef::new("ow", Kind::Bool, "yes", "Overwrite a file that exists"),
    OptionDef::new(
        "on_fail",
        Kind::Enum(&["fail", "ignore", "stop"]),
        "fail",
        "When it cannot be written any more, or cannot keep up with a live stream. fail: all else goes on, and the exit code is 1 in the end; ignore: all else goes on, and it does not count; stop: end the session",
    ),
];

/// Adds `fout` and `hlsout` to a registry.
pub fn register(registry: &mut Registry) {
    registry.register(hls::HlsSink);
    registry.register(FileSink);
}

/// The filter type.
struct FileSink;

impl Plugin for FileSink {
    fn name(&self) -> &'static str {
        "fout"
    }

    fn summary(&self) -> &'static str {
        "Writes a local file or standard output"
    }

    fn help(&self) -> &'static str {
        "The extension of the name, or `ext`, says what to write. Missing directories are made. The file is made, and an \
         old one emptied, when the first stream arrives. `null` takes anything and drops it.\n\nWhere a muxer splits what it \
         writes, each part has a file of its own; names that do not tell them apart get a number."
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
        if options.text("dst").is_none() {
            return vec![file_of("*")]; // describes the type
        }
        match Settings::of(options) {
            Ok(Settings { ext: Some(ext), .. }) => vec![file_of(&ext)],
            Ok(_) => vec![anything()],
            Err(_) => Vec::new(), // `create` says why
        }
    }

    fn claims(&self, url: &str) -> Score {
        match url {
            "null" | "-" | "stdout" => Score::Yes,
            _ if local_path(url).is_some() => Score::Maybe,
            _ => Score::No,
        }
    }

    fn on_fail(&self, options: &Options) -> OnFail {
        match options.word("on_fail") {
            Some("ignore") => OnFail::Ignore,
            Some("stop") => OnFail::Stop,
            _ => OnFail::Count,
        }
    }

    fn create(&self, with: Create) -> Result<Box<dyn Filter>> {
        Ok(Box::new(write::FileWriter::new(Settings::of(&with.options)?)))
    }
}

/// A byte stream of this extension, written to be kept in a file.
fn file_of(ext: &str) -> Bundle {
    Bundle::new(
        [
            Cap::is(Prop::StreamType, StreamType::File),
            Cap::is(Prop::FileExt, ext),
            Cap::is(Prop::Delivery, Delivery::File).or_absent(),
        ],
        [],
    )
}

/// Any PID.
fn anything() -> Bundle {
    use StreamType::{Audio, File, Metadata, Text, Visual};
    Bundle::new([Visual, Audio, Text, Metadata, File].map(|ty| Cap::is(Prop::StreamType, ty)), [])
}
