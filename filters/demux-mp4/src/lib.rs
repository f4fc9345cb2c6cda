//! Reads MP4, progressive and fragmented: the filter `mp4dmx`.
//!
//! It opens the file its input stands for and reads it by its index, so it takes no bytes from its input and never
//! waits for them. Box layouts and sample tables are read by `shiguredo_mp4`; what they mean for weir is here. It never
//! decodes, and never paces: that is the scheduler's work.

mod boxes;
mod demux;
mod entry;
mod fragment;
mod movie;
mod pid;
mod sample;
mod source;
mod timeline;
mod walk;

use weir_media::{Bundle, Cap, CodecId, Prop, StreamType};
use weir_plugin::{Create, Filter, Kind, Lane, OptionDef, Options, Plugin, Registry, Result, Role};

use demux::{Demux, Settings};

/// Adds `mp4dmx`.
pub fn register(registry: &mut Registry) {
    registry.register(Mp4Demux);
}

/// File name extensions that are read.
const EXTENSIONS: &str = "mp4|m4v|m4a|mov|3gp";

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

const OPTIONS: &[OptionDef] = &[
    OptionDef::new("loop", Kind::Int { min: -1, max: i64::MAX }, "0", "Rounds after the first, -1 for ever"),
    OptionDef::new(
        "start",
        Kind::Int { min: -MAX_START_MS, max: MAX_START_MS },
        "0",
        "Milliseconds added to all timestamps",
    ),
    OptionDef::new("tkid", Kind::Str, "", "Read this track only: its number, or audio or video"),
    OptionDef::new("alltk", Kind::Bool, "no", "Read disabled tracks too"),
];

/// Largest `start` either way: a thousand years.
const MAX_START_MS: i64 = 1000 * 366 * 24 * 3600 * 1000;

/// The filter type `mp4dmx`.
struct Mp4Demux;

impl Plugin for Mp4Demux {
    fn name(&self) -> &'static str {
        "mp4dmx"
    }

    fn summary(&self) -> &'static str {
        "Reads the tracks of an MP4 file"
    }

    fn help(&self) -> &'static str {
        "Reads local MP4, M4A, MOV and 3GP files, progressive or fragmented, with the index at either end. The file must \
         be seekable, so a pipe does not do. Each track of AVC, HEVC, AV1, VP9, AAC, Opus, FLAC, AC-3, E-AC-3 or MP3 \
         becomes a PID; tracks of other codecs are named and left out.\n\n\
         The start of an edit list is honoured, so sound and picture are in step: timestamps may begin below 0, and what \
         an edit list cuts from the start of sound is told as Delay. A file that is cut off is read as far as it goes.\n\n\
         With loop, each round starts where the last one ended on its longest track; its first packets are marked as a \
         discontinuity."
    }

    fn role(&self) -> Role {
        Role::Transform
    }

    fn lane(&self) -> Lane {
        Lane::Blocking
    }

    fn options(&self) -> &'static [OptionDef] {
        OPTIONS
    }

    fn caps(&self, _: &Options) -> Vec<Bundle> {
        let input = [Cap::is(Prop::StreamType, StreamType::File), Cap::is(Prop::FileExt, EXTENSIONS)];
        CODECS.iter().map(|(ty, codec)| Bundle::new(input.clone(), Cap::framed(*ty, *codec))).collect()
    }

    fn create(&self, with: Create) -> Result<Box<dyn Filter>> {
        Ok(Box::new(Demux::new(Settings::new(&with.options)?)))
    }
}
