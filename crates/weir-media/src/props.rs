//! PID properties: what a stream is, as a small sorted map that clones for free.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::{CodecId, Delivery, Frac, PixelFormat, SampleFormat, StreamType};

macro_rules! props {
    ($($variant:ident $name:literal $doc:literal),+ $(,)?) => {
        /// A well-known property of a PID. Names follow GPAC where it has the property.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[non_exhaustive]
        pub enum Prop {
            $(#[doc = $doc] $variant),+
        }

        impl Prop {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name shown to people and used in files.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// The property of a name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|p| p.name() == name)
            }
        }
    };
}

props! {
    Id "ID" "Number of the PID in its source, from 1. Uint.",
    ServiceId "ServiceID" "Number of the programme it belongs to, in a multiplex of several. Uint.",
    Source "Source" "Which declared source it comes from: its place among what was declared, from 0; for filters that tell sources apart. Uint.",
    StreamName "StreamName" "Name it was published under. Str.",
    Name "Name" "Name of the PID, unique in its filter. Str.",
    StreamType "StreamType" "Kind of stream. Type.",
    CodecId "CodecID" "Codec. Codec.",
    Unframed "Unframed" "Coded media in its file framing (Annex B, ADTS), with packet borders that mean nothing. Bool.",
    Timescale "Timescale" "Timestamp units per second. Uint.",
    Duration "Duration" "Length of the whole stream when known, seconds. Frac.",
    Bitrate "Bitrate" "Average rate, bits per second. Uint.",
    TargetRate "TargetRate" "Rate an encoder should aim at, bits per second. Uint.",
    DecoderConfig "DecoderConfig" "avcC, hvcC, av1C, vpcC with version and flags, AudioSpecificConfig, OpusHead or STREAMINFO. Bytes.",
    Delay "Delay" "Decoder priming at the start, timescale units, negative. Int.",
    Language "Language" "BCP 47 or ISO 639 tag. Str.",
    Width "Width" "Pixels. Uint.",
    Height "Height" "Pixels. Uint.",
    PixelFormat "PixelFormat" "Raw picture layout. Pixel.",
    Fps "FPS" "Pictures per second. Frac.",
    Sar "SAR" "Sample aspect ratio. Frac.",
    ColorPrimaries "ColorPrimaries" "colour_primaries of H.273. Uint.",
    ColorTransfer "ColorTransfer" "transfer_characteristics of H.273. Uint.",
    ColorMatrix "ColorMatrix" "matrix_coefficients of H.273. Uint.",
    ColorFullRange "FullRange" "Samples use the whole range of their bits. Bool.",
    SampleRate "SampleRate" "Hz. Uint.",
    NumChannels "NumChannels" "Channels. Uint.",
    SamplesPerFrame "SamplesPerFrame" "Samples per channel in each packet. Uint.",
    AudioFormat "AudioFormat" "Raw sample layout. Sample.",
    Url "URL" "Where the stream came from; never contains a secret. Str.",
    FilePath "FilePath" "Path of a local file. Str.",
    FileExt "FileExt" "File name extension without the dot, lower case. Str.",
    Mime "MIME" "MIME type. Str.",
    Delivery "Delivery" "What a muxed stream is written for. Delivery.",
    SenderNtp "SenderNTP" "The stream carries the sender's wall clock in Packet::origin. Bool.",
}

/// The value of a property.
#[derive(Clone, PartialEq, Debug)]
#[expect(missing_docs, reason = "each variant is named after what it holds")]
pub enum Value {
    Bool(bool),
    Uint(u64),
    Int(i64),
    Frac(Frac),
    Str(Arc<str>),
    Bytes(Bytes),
    Type(StreamType),
    Codec(CodecId),
    Pixel(PixelFormat),
    Sample(SampleFormat),
    Delivery(Delivery),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(v) => write!(f, "{v}"),
            Self::Uint(v) => write!(f, "{v}"),
            Self::Int(v) => write!(f, "{v}"),
            Self::Frac(v) => write!(f, "{v}"),
            Self::Str(v) => f.write_str(v),
            Self::Bytes(v) => write!(f, "{} bytes", v.len()),
            Self::Type(v) => f.write_str(v.name()),
            Self::Codec(v) => f.write_str(v.name()),
            Self::Pixel(v) => f.write_str(v.name()),
            Self::Sample(v) => f.write_str(v.name()),
            Self::Delivery(v) => f.write_str(match v {
                Delivery::File => "file",
                Delivery::Live => "live",
            }),
        }
    }
}

macro_rules! into_value {
    ($($from:ty => |$v:ident| $to:expr),+ $(,)?) => {
        $(impl From<$from> for Value { fn from($v: $from) -> Self { $to } })+
    };
}

into_value! {
    bool => |v| Self::Bool(v),
    u32 => |v| Self::Uint(v.into()),
    u64 => |v| Self::Uint(v),
    i64 => |v| Self::Int(v),
    Frac => |v| Self::Frac(v),
    &str => |v| Self::Str(v.into()),
    String => |v| Self::Str(v.into()),
    Bytes => |v| Self::Bytes(v),
    StreamType => |v| Self::Type(v),
    CodecId => |v| Self::Codec(v),
    PixelFormat => |v| Self::Pixel(v),
    SampleFormat => |v| Self::Sample(v),
    Delivery => |v| Self::Delivery(v),
}

/// The properties of a PID: well-known ones, and others by names of the user's own. Cloning shares the map; setting copies
/// it when shared.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Props(Arc<Map>);

/// Both sorted.
#[derive(Clone, PartialEq, Debug, Default)]
struct Map {
    known: Vec<(Prop, Value)>,
    free: Vec<(Arc<str>, Value)>,
}

impl Props {
    /// No properties.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same properties with one more, for building: `Props::new().with(Prop::Width, 640u32)`.
    #[must_use]
    pub fn with(mut self, prop: Prop, value: impl Into<Value>) -> Self {
        self.set(prop, value);
        self
    }

    /// Sets a property, replacing its earlier value.
    pub fn set(&mut self, prop: Prop, value: impl Into<Value>) {
        let map = &mut Arc::make_mut(&mut self.0).known;
        match map.binary_search_by_key(&prop, |(p, _)| *p) {
            Ok(i) => map[i].1 = value.into(),
            Err(i) => map.insert(i, (prop, value.into())),
        }
    }

    /// Removes a property.
    pub fn remove(&mut self, prop: Prop) {
        if let Ok(i) = self.0.known.binary_search_by_key(&prop, |(p, _)| *p) {
            Arc::make_mut(&mut self.0).known.remove(i);
        }
    }

    /// The value of a property.
    #[must_use]
    pub fn get(&self, prop: Prop) -> Option<&Value> {
        self.0.known.binary_search_by_key(&prop, |(p, _)| *p).ok().map(|i| &self.0.known[i].1)
    }

    /// All well-known properties in order.
    pub fn iter(&self) -> impl Iterator<Item = (Prop, &Value)> {
        self.0.known.iter().map(|(p, v)| (*p, v))
    }

    /// The value of a property by name, well known or not.
    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<&Value> {
        match Prop::from_name(name) {
            Some(prop) => self.get(prop),
            None => self.free_at(name).ok().map(|i| &self.0.free[i].1),
        }
    }

    /// Sets a property that is not well known, or removes it.
    pub fn set_free(&mut self, name: &str, value: Option<Value>) {
        let at = self.free_at(name);
        let map = &mut Arc::make_mut(&mut self.0).free;
        match (at, value) {
            (Ok(i), Some(value)) => map[i].1 = value,
            (Err(i), Some(value)) => map.insert(i, (name.into(), value)),
            (Ok(i), None) => drop(map.remove(i)),
            (Err(_), None) => {}
        }
    }

    /// All properties that are not well known, by name.
    pub fn free(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.free.iter().map(|(name, v)| (&**name, v))
    }

    fn free_at(&self, name: &str) -> Result<usize, usize> {
        self.0.free.binary_search_by(|(n, _)| (**n).cmp(name))
    }

    /// Whether it is a muxed stream for live delivery: each packet is whole, and any may be missing.
    #[must_use]
    pub fn is_delivered_live(&self) -> bool {
        matches!(self.get(Prop::Delivery), Some(Value::Delivery(Delivery::Live)))
    }

    /// A `Uint` property that fits 32 bits.
    #[must_use]
    pub fn u32(&self, prop: Prop) -> Option<u32> {
        match self.get(prop)? {
            Value::Uint(v) => u32::try_from(*v).ok(),
            _ => None,
        }
    }

    /// An `Int` property.
    #[must_use]
    pub fn i64(&self, prop: Prop) -> Option<i64> {
        match self.get(prop)? {
            Value::Int(v) => Some(*v),
            _ => None,
        }
    }

    /// A `Frac` property.
    #[must_use]
    pub fn frac(&self, prop: Prop) -> Option<Frac> {
        match self.get(prop)? {
            Value::Frac(v) => Some(*v),
            _ => None,
        }
    }

    /// A `Str` property.
    #[must_use]
    pub fn str(&self, prop: Prop) -> Option<&str> {
        match self.get(prop)? {
            Value::Str(v) => Some(v),
            _ => None,
        }
    }

    /// A `Bytes` property.
    #[must_use]
    pub fn bytes(&self, prop: Prop) -> Option<&Bytes> {
        match self.get(prop)? {
            Value::Bytes(v) => Some(v),
            _ => None,
        }
    }

    /// A `Bool` property; false when absent.
    #[must_use]
    pub fn flag(&self, prop: Prop) -> bool {
        self.get(prop) == Some(&Value::Bool(true))
    }

    /// The stream type.
    #[must_use]
    pub fn stream_type(&self) -> Option<StreamType> {
        match self.get(Prop::StreamType)? {
            Value::Type(v) => Some(*v),
            _ => None,
        }
    }

    /// The codec.
    #[must_use]
    pub fn codec(&self) -> Option<CodecId> {
        match self.get(Prop::CodecId)? {
            Value::Codec(v) => Some(*v),
            _ => None,
        }
    }

    /// How a muxed stream is delivered.
    #[must_use]
    pub fn delivery(&self) -> Option<Delivery> {
        match self.get(Prop::Delivery)? {
            Value::Delivery(v) => Some(*v),
            _ => None,
        }
    }

    /// Timestamp units per second; 1000 when absent or 0.
    #[must_use]
    pub fn timescale(&self) -> u32 {
        self.u32(Prop::Timescale).filter(|t| *t > 0).unwrap_or(1000)
    }
}

impl fmt::Display for Props {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = self.iter().map(|(prop, value)| (prop.name(), value));
        for (i, (name, value)) in known.chain(self.free()).enumerate() {
            write!(f, "{}{name}={value}", if i > 0 { " " } else { "" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn setting_copies_only_when_shared() {
        let a = Props::new().with(Prop::Width, 640u32).with(Prop::StreamType, StreamType::Visual);
        let mut b = a.clone();
        b.set(Prop::Width, 320u32);
        assert_eq!((a.u32(Prop::Width), b.u32(Prop::Width)), (Some(640), Some(320)));
        assert_eq!(a.to_string(), "StreamType=Visual Width=640");
        b.remove(Prop::Width);
        b.set_free("Seat", Some("7b".into()));
        assert_eq!((b.u32(Prop::Width), b.by_name("Seat"), a.by_name("Seat")), (None, Some(&"7b".into()), None));
        assert_eq!((b.to_string().as_str(), a.by_name("Width")), ("StreamType=Visual Seat=7b", Some(&640u32.into())));
        b.set_free("Seat", None);
        assert_eq!(b.free().count(), 0);
        assert_eq!(a.timescale(), 1000);
    }
}
