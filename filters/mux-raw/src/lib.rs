//! `writegen`: makes a raw file of one stream: AVC in Annex B, AAC in ADTS, packed pictures, interleaved samples.
//!
//! It never changes coded bytes; it only unpacks pictures from their planes, and says before raw media what they are
//! where the file has a place for that (Y4M, WAV).

mod wav;
mod write;
mod y4m;

use weir_media::{Bundle, Cap, CodecId, Delivery, Prop, Props, StreamType, Value};
use weir_plugin::{Create, Filter, Kind, Lane, OptionDef, Options, Plugin, Registry, Result, Role};

/// What a stream is written as.
struct Format {
    ty: StreamType,
    codec: CodecId,
    /// Extensions of its files, the usual one first.
    extensions: &'static [&'static str],
}

const FORMATS: [Format; 4] = [
    Format { ty: StreamType::Visual, codec: CodecId::Avc, extensions: &["264", "h264", "avc"] },
    Format { ty: StreamType::Audio, codec: CodecId::Aac, extensions: &["aac", "adts"] },
    Format { ty: StreamType::Visual, codec: CodecId::Raw, extensions: &["yuv", "y4m"] },
    Format { ty: StreamType::Audio, codec: CodecId::Raw, extensions: &["pcm", "wav"] },
];

const EXTENSIONS: &[&str] = &["264", "h264", "avc", "aac", "adts", "yuv", "y4m", "pcm", "wav"];

const OPTIONS: &[OptionDef] = &[OptionDef::new(
    "ext",
    Kind::Enum(EXTENSIONS),
    "",
    "Extension of the file made; by default the usual one of the stream",
)];

impl Format {
    /// The format of a PID; `None` when it cannot be written.
    fn of(pid: &Props) -> Option<&'static Self> {
        FORMATS.iter().find(|f| f.bundle(f.extensions[0]).accepts(pid).is_ok())
    }

    fn bundle(&self, ext: &str) -> Bundle {
        // Coded media must be in its file framing; raw media has none.
        let inputs = match self.codec {
            CodecId::Raw => Cap::framed(self.ty, self.codec),
            _ => Cap::unframed(self.ty, self.codec),
        };
        let mut file = vec![Cap::is(Prop::StreamType, StreamType::File), Cap::is(Prop::FileExt, ext)];
        // The sizes in the head of a WAV file are known at its end.
        file.extend((ext == "wav").then(|| Cap::is(Prop::Delivery, Delivery::File)));
        Bundle::new(inputs, file)
    }
}

/// Adds `writegen` to a registry.
pub fn register(registry: &mut Registry) {
    registry.register(RawWriter);
}

/// The filter type.
struct RawWriter;

impl Plugin for RawWriter {
    fn name(&self) -> &'static str {
        "writegen"
    }

    fn summary(&self) -> &'static str {
        "Makes a raw file of one stream"
    }

    fn help(&self) -> &'static str {
        "AVC becomes a .264 file, AAC an .aac file, pictures a .yuv file (planes packed, no header) or .y4m, samples a .pcm \
         file (interleaved, little endian, as they are) or .wav. Where standard output cannot be written again, or a file \
         grows over 4 GiB, a .wav says that its samples go on to the end."
    }

    fn role(&self) -> Role {
        Role::Mux
    }

    fn lane(&self) -> Lane {
        Lane::Compute
    }

    fn options(&self) -> &'static [OptionDef] {
        OPTIONS
    }

    /// A bundle for each stream and extension, so that the one chosen tells the extension.
    fn caps(&self, options: &Options) -> Vec<Bundle> {
        let wanted = options.word("ext");
        let bundles = FORMATS.iter().flat_map(|f| f.extensions.iter().map(|ext| (*ext, f.bundle(ext))));
        bundles.filter(|(ext, _)| wanted.is_none_or(|w| w == *ext)).map(|(_, bundle)| bundle).collect()
    }

    fn max_inputs(&self) -> usize {
        1
    }

    fn create(&self, with: Create) -> Result<Box<dyn Filter>> {
        let chosen = with.bundle.as_ref().and_then(extension).map(str::to_owned);
        let ext = with.options.word("ext").map(str::to_owned).or(chosen);
        Ok(Box::new(write::Writer::new(ext)))
    }
}

/// The extension a bundle promises.
fn extension(bundle: &Bundle) -> Option<&str> {
    bundle.outputs.iter().find_map(|cap| match (&cap.value, cap.prop) {
        (Value::Str(ext), Prop::FileExt) => Some(&**ext),
        _ => None,
    })
}
