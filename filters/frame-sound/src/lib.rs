//! `rfmpgaudio` and `rfac3`: files of MP3, and of AC-3 or E-AC-3, to frames.
//!
//! They never decode a sample and never change a frame.

mod packetize;

use weir_media::{Bundle, Cap, CodecId, Prop, StreamType};
use weir_plugin::{Create, Filter, Lane, OptionDef, Options, Plugin, Registry, Result, Role};

/// Adds `rfmpgaudio` and `rfac3` to a registry.
pub fn register(registry: &mut Registry) {
    registry.register(Packetizer {
        name: "rfmpgaudio",
        summary: "Packetizes MP3: a file to frames",
        help: "Times are counted in samples. Tags before and behind the frames are stepped over, and so is the frame in front \
               that only tells how long the file is.",
        files: &[("mp3", CodecId::Mp3)],
    });
    registry.register(Packetizer {
        name: "rfac3",
        summary: "Packetizes AC-3 and E-AC-3: a file to frames",
        help: "Times are counted in samples. Frames that add channels to the one before stay with it.",
        files: &[("ac3", CodecId::Ac3), ("eac3|ec3", CodecId::Eac3)],
    });
}

/// A filter type for files of some codecs.
struct Packetizer {
    name: &'static str,
    summary: &'static str,
    help: &'static str,
    /// Extensions of the files of each codec.
    files: &'static [(&'static str, CodecId)],
}

impl Plugin for Packetizer {
    fn name(&self) -> &'static str {
        self.name
    }

    fn summary(&self) -> &'static str {
        self.summary
    }

    fn help(&self) -> &'static str {
        self.help
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
        let file = |ext: &'static str| [Cap::is(Prop::StreamType, StreamType::File), Cap::is(Prop::FileExt, ext)];
        let bundle =
            |(ext, codec): &(&'static str, CodecId)| Bundle::new(file(ext), Cap::framed(StreamType::Audio, *codec));
        self.files.iter().map(bundle).collect()
    }

    fn create(&self, _: Create) -> Result<Box<dyn Filter>> {
        Ok(Box::new(packetize::Packetizer::new(self.files)))
    }
}
