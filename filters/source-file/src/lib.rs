//! `fin`: reads a local file or standard input as a byte stream.
//!
//! It never looks into the bytes, never paces itself, and never holds more than one block.

mod read;

use weir_media::{Bundle, Cap, Prop, StreamType, file_ext, local_path};
use weir_plugin::{Create, Filter, Kind, Lane, OptionDef, Options, Plugin, Registry, Result, Role, Score};

/// Largest block that can be asked for, bytes.
const MAX_BLOCK: i64 = 64 << 20;

const OPTIONS: &[OptionDef] = &[
    OptionDef::new("src", Kind::Str, "", "Path or file:// URL to read; `-` or `stdin` for standard input"),
    OptionDef::new("block_size", Kind::Int { min: 0, max: MAX_BLOCK }, "0", "Bytes of one block; 0 for 64 KiB"),
    OptionDef::new("loop", Kind::Int { min: -1, max: i64::MAX }, "0", "Times to play the file again; -1 for ever"),
    OptionDef::new("ext", Kind::Str, "", "Extension to assume instead of that of the name"),
];

/// Adds `fin` to a registry.
pub fn register(registry: &mut Registry) {
    registry.register(FileSource);
}

/// The filter type.
struct FileSource;

impl Plugin for FileSource {
    fn name(&self) -> &'static str {
        "fin"
    }

    fn summary(&self) -> &'static str {
        "Reads a local file or standard input"
    }

    fn help(&self) -> &'static str {
        "The extension of the name, or `ext`, says what is in the file. With `loop`, the first block of each further \
         round is marked as a discontinuity. Standard input needs `ext` and cannot loop."
    }

    fn role(&self) -> Role {
        Role::Source
    }

    fn lane(&self) -> Lane {
        Lane::Blocking
    }

    fn options(&self) -> &'static [OptionDef] {
        OPTIONS
    }

    fn caps(&self, options: &Options) -> Vec<Bundle> {
        let file = Cap::is(Prop::StreamType, StreamType::File);
        // Without a source this describes the type: any extension.
        let ext = if options.text("src").is_some() { extension(options) } else { Some("*".to_owned()) };
        vec![Bundle::new([], ext.map(|ext| Cap::is(Prop::FileExt, ext)).into_iter().chain([file]).collect::<Vec<_>>())]
    }

    fn claims(&self, url: &str) -> Score {
        if local_path(url).is_some() { Score::Yes } else { Score::No }
    }

    fn create(&self, with: Create) -> Result<Box<dyn Filter>> {
        Ok(Box::new(read::FileReader::new(read::Settings::of(&with.options)?)))
    }
}

/// Whether a source stands for standard input.
fn is_stdin(src: &str) -> bool {
    matches!(src, "-" | "stdin")
}

/// The extension that says what is in the source: `ext`, or that of its name.
fn extension(options: &Options) -> Option<String> {
    let of_name = || options.text("src").filter(|src| !is_stdin(src)).and_then(file_ext);
    options.text("ext").filter(|ext| !ext.is_empty()).map(str::to_ascii_lowercase).or_else(of_name)
}
