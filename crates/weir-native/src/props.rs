//! Properties by name and type, as native code and capability tables name them. No unsafe code.

use weir_args::value::{self, Kind, Typed};
use weir_media::{CodecId, Delivery, Frac, PixelFormat, Prop, SampleFormat, StreamType, Value};

/// How native code reads and sets a property.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Shape {
    /// Yes or no: 1 or 0.
    Bool,
    Uint,
    Int,
    Frac,
    Bytes,
    Str,
    /// A word of a closed list.
    Word,
}

/// The property called `name`, and its shape.
///
/// # Errors
/// A sentence that names the property.
pub(crate) fn find(name: &str) -> Result<(Prop, Shape), String> {
    let prop = Prop::ALL.iter().find(|p| p.name() == name).ok_or_else(|| format!("there is no property {name}"))?;
    let shape = shape(*prop).ok_or_else(|| format!("property {name} is not for native filters"))?;
    Ok((*prop, shape))
}

fn shape(prop: Prop) -> Option<Shape> {
    Some(match prop {
        Prop::Unframed | Prop::ColorFullRange | Prop::SenderNtp => Shape::Bool,
        Prop::Id
        | Prop::Source
        | Prop::ServiceId
        | Prop::Timescale
        | Prop::Bitrate
        | Prop::TargetRate
        | Prop::Width
        | Prop::Height
        | Prop::ColorPrimaries
        | Prop::ColorTransfer
        | Prop::ColorMatrix
        | Prop::SampleRate
        | Prop::NumChannels
        | Prop::SamplesPerFrame => Shape::Uint,
        Prop::Delay => Shape::Int,
        Prop::Duration | Prop::Fps | Prop::Sar => Shape::Frac,
        Prop::DecoderConfig => Shape::Bytes,
        Prop::Name | Prop::Language | Prop::StreamName | Prop::Url | Prop::FilePath | Prop::FileExt | Prop::Mime => {
            Shape::Str
        }
        Prop::StreamType | Prop::CodecId | Prop::PixelFormat | Prop::AudioFormat | Prop::Delivery => Shape::Word,
        _ => return None,
    })
}

/// The value of a property of [`Shape::Word`] that `word` names.
pub(crate) fn word(prop: Prop, word: &str) -> Option<Value> {
    use StreamType::{Audio, File, Metadata, Text, Visual};
    let all = match prop {
        Prop::CodecId => return CodecId::from_name(word).map(Value::Codec),
        Prop::StreamType => [Visual, Audio, Text, Metadata, File].map(Value::Type).to_vec(),
        Prop::PixelFormat => vec![PixelFormat::Yuv420.into()],
        Prop::AudioFormat => vec![SampleFormat::Flt.into(), SampleFormat::S16.into()],
        Prop::Delivery => vec![Delivery::File.into(), Delivery::Live.into()],
        _ => vec![],
    };
    all.into_iter().find(|v| v.to_string() == word)
}

/// The value of a property from its text.
///
/// # Errors
/// A sentence that names the property.
pub(crate) fn from_text(name: &str, text: &str) -> Result<(Prop, Value), String> {
    let (prop, shape) = find(name)?;
    let typed = |kind| value::parse(kind, Some(text)).ok();
    let value = match shape {
        Shape::Str => Some(text.into()),
        Shape::Word => word(prop, text),
        Shape::Bytes => None,
        Shape::Bool => typed(Kind::Bool).and_then(|t| if let Typed::Bool(v) = t { Some(v.into()) } else { None }),
        Shape::Uint | Shape::Int => typed(Kind::Int { min: i64::MIN, max: i64::MAX }).and_then(|t| number(shape, &t)),
        Shape::Frac => typed(Kind::Frac).and_then(|t| match t {
            Typed::Frac { num, den } => Frac::new(num, den).map(Value::Frac),
            _ => None,
        }),
    };
    value.map(|v| (prop, v)).ok_or_else(|| format!("property {name} cannot be {text:?}"))
}

fn number(shape: Shape, typed: &Typed) -> Option<Value> {
    match (shape, typed) {
        (Shape::Uint, Typed::Int(v)) => u64::try_from(*v).ok().map(Value::Uint),
        (_, Typed::Int(v)) => Some(Value::Int(*v)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_property_has_a_shape() {
        for prop in Prop::ALL {
            assert!(find(prop.name()).is_ok(), "{}: say in `shape` how native filters see it", prop.name());
        }
        assert!(find("Nope").is_err());
    }

    #[test]
    fn values_of_all_shapes() {
        let ok = |name, text| from_text(name, text).expect("a value").1.to_string();
        assert_eq!(ok("StreamType", "Visual"), "Visual");
        assert_eq!(ok("CodecID", "h264"), "avc");
        assert_eq!(ok("PixelFormat", "yuv420"), "yuv420");
        assert_eq!(ok("AudioFormat", "s16"), "s16");
        assert_eq!(ok("Delivery", "live"), "live");
        assert_eq!(ok("FileExt", "a|b"), "a|b");
        assert_eq!(ok("Unframed", "yes"), "true");
        assert_eq!(ok("Bitrate", "1.5M"), "1500000");
        assert_eq!(ok("Delay", "-1024"), "-1024");
        assert_eq!(ok("FPS", "30000/1001"), "30000/1001");
        for (name, text) in [("Width", "-1"), ("Width", "x"), ("CodecID", "x"), ("FPS", "1/0"), ("DecoderConfig", "x")]
        {
            assert!(from_text(name, text).is_err(), "{name} {text}");
        }
    }
}
