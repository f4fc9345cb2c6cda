//! [`MetaData`]: the `onMetaData` script, typed. Never loses a property it does not know.

use weir_amf::{Limits, Object, Str, Value, Writer};
use weir_media::{Bytes, BytesMut};

use crate::tag::write_framed;
use crate::{Error, FourCc, KeyFrame, ScriptData, TagKind, strip_set_data_frame};

pub(crate) const NAME: &str = "onMetaData";
/// The property that fills unused room in files with an index; of no meaning.
pub(crate) const FILLER: &str = "filler";

/// A codec as metadata names it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CodecTag {
    /// The number of the original format: 7 is H.264, 10 is AAC.
    Id(u8),
    /// The name of the enhanced form. Written as a number, read as number or text.
    FourCc(FourCc),
}

/// What `onMetaData` says about a stream. Every field may be absent; live streams have no duration and no file size.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct MetaData {
    /// Seconds.
    pub duration: Option<f64>,
    /// Pixels.
    pub width: Option<u32>,
    /// Pixels.
    pub height: Option<u32>,
    /// Kilobits per second.
    pub video_data_rate: Option<f64>,
    /// Frames per second.
    pub frame_rate: Option<f64>,
    /// Video codec.
    pub video_codec: Option<CodecTag>,
    /// Kilobits per second.
    pub audio_data_rate: Option<f64>,
    /// Hertz.
    pub audio_sample_rate: Option<u32>,
    /// Bits.
    pub audio_sample_size: Option<u32>,
    /// Two channels or more.
    pub stereo: Option<bool>,
    /// Audio codec.
    pub audio_codec: Option<CodecTag>,
    /// The program that made the stream.
    pub encoder: Option<Str>,
    /// Bytes.
    pub file_size: Option<u64>,
    /// Where the key frames are; empty for none.
    pub key_frames: Vec<KeyFrame>,
    /// Properties without a field, and those whose value does not fit their field, in their order.
    pub extra: Object,
}

impl MetaData {
    /// Reads the body of a script tag or data message; `None` when it is some other script. A wrapping
    /// `@setDataFrame` is skipped.
    ///
    /// # Errors
    /// [`Error::Amf`] or [`Error::Unnamed`]: skip the tag.
    pub fn parse(body: &Bytes, limits: Limits) -> Result<Option<Self>, Error> {
        let script = ScriptData::parse(&strip_set_data_frame(body), limits)?;
        Ok(Self::from_script(&script))
    }

    /// The metadata in a script; `None` when it is some other script. The properties may come as an ECMA array or as
    /// an object.
    #[must_use]
    pub fn from_script(script: &ScriptData) -> Option<Self> {
        let properties = script.values.first()?.as_object().filter(|_| script.name == NAME)?;
        let mut this = Self::default();
        for (key, value) in properties.iter() {
            if !this.accept(key.as_bytes(), value) {
                this.extra.push(key.clone(), value.clone());
            }
        }
        Some(this)
    }

    /// Puts a property into its field, if it has one and fits.
    fn accept(&mut self, key: &[u8], value: &Value) -> bool {
        match key {
            b"duration" => store(&mut self.duration, amount(value)),
            b"width" => store(&mut self.width, whole(value)),
            b"height" => store(&mut self.height, whole(value)),
            b"videodatarate" => store(&mut self.video_data_rate, amount(value)),
            b"framerate" => store(&mut self.frame_rate, amount(value)),
            b"videocodecid" => store(&mut self.video_codec, codec(value)),
            b"audiodatarate" => store(&mut self.audio_data_rate, amount(value)),
            b"audiosamplerate" => store(&mut self.audio_sample_rate, whole(value)),
            b"audiosamplesize" => store(&mut self.audio_sample_size, whole(value)),
            b"stereo" => store(&mut self.stereo, value.as_bool()),
            b"audiocodecid" => store(&mut self.audio_codec, codec(value)),
            b"encoder" => store(&mut self.encoder, text(value)),
            b"filesize" => store(&mut self.file_size, amount(value).map(|size| size as u64)),
            b"keyframes" => key_frames(value).map(|frames| self.key_frames = frames).is_some(),
            _ => key == FILLER.as_bytes(),
        }
    }

    /// The properties as they are written: those with a field first, the key frames last.
    #[must_use]
    pub fn to_object(&self) -> Object {
        let mut object = Object::new();
        let fields: [(&str, Option<Value>); 13] = [
            ("duration", self.duration.map(Value::from)),
            ("width", self.width.map(Value::from)),
            ("height", self.height.map(Value::from)),
            ("videodatarate", self.video_data_rate.map(Value::from)),
            ("framerate", self.frame_rate.map(Value::from)),
            ("videocodecid", self.video_codec.map(CodecTag::value)),
            ("audiodatarate", self.audio_data_rate.map(Value::from)),
            ("audiosamplerate", self.audio_sample_rate.map(Value::from)),
            ("audiosamplesize", self.audio_sample_size.map(Value::from)),
            ("stereo", self.stereo.map(Value::from)),
            ("audiocodecid", self.audio_codec.map(CodecTag::value)),
            ("encoder", self.encoder.clone().map(Value::from)),
            ("filesize", self.file_size.map(|size| Value::Number(size as f64))),
        ];
        for (key, value) in fields {
            if let Some(value) = value {
                object.push(key, value);
            }
        }
        self.extra.iter().for_each(|(key, value)| object.push(key.clone(), value.clone()));
        if !self.key_frames.is_empty() {
            object.push("keyframes", key_frames_value(&self.key_frames));
        }
        object
    }

    /// The script body: `onMetaData` and an ECMA array.
    #[must_use]
    pub fn to_body(&self) -> Bytes {
        body_of(&self.to_object())
    }

    /// Appends a whole script tag; `timestamp` is in milliseconds, 0 at the start of a file.
    ///
    /// # Errors
    /// [`Error::TooLarge`]; nothing is written then.
    pub fn write_tag(&self, timestamp: u32, out: &mut BytesMut) -> Result<(), Error> {
        write_body(&self.to_body(), timestamp, out)
    }
}

impl CodecTag {
    fn value(self) -> Value {
        match self {
            Self::Id(id) => u32::from(id).into(),
            Self::FourCc(fourcc) => fourcc.number().into(),
        }
    }
}

pub(crate) fn body_of(properties: &Object) -> Bytes {
    Writer::new().string(NAME).ecma_array(properties).finish()
}

pub(crate) fn write_body(body: &Bytes, timestamp: u32, out: &mut BytesMut) -> Result<(), Error> {
    write_framed(TagKind::Script, timestamp, body.len(), out, |out| out.extend_from_slice(body))
}

pub(crate) fn key_frames_value(frames: &[KeyFrame]) -> Value {
    let positions: Vec<Value> = frames.iter().map(|frame| Value::Number(frame.position as f64)).collect();
    let times: Vec<Value> = frames.iter().map(|frame| Value::Number(frame.time)).collect();
    Object::new().with("filepositions", positions).with("times", times).into()
}

fn store<T>(slot: &mut Option<T>, value: Option<T>) -> bool {
    let fits = value.is_some();
    if fits {
        *slot = value;
    }
    fits
}

/// A number that can measure something.
fn amount(value: &Value) -> Option<f64> {
    value.as_f64().filter(|number| number.is_finite() && *number >= 0.0)
}

fn whole(value: &Value) -> Option<u32> {
    value.as_u32().filter(|whole| value.as_f64() == Some(f64::from(*whole)))
}

fn text(value: &Value) -> Option<Str> {
    match value {
        Value::String(text) => Some(text.clone()),
        _ => None,
    }
}

fn codec(value: &Value) -> Option<CodecTag> {
    if let Some(name) = value.as_bytes() {
        return name.try_into().ok().map(|name| CodecTag::FourCc(FourCc(name)));
    }
    let number = whole(value)?;
    Some(u8::try_from(number).map_or(CodecTag::FourCc(FourCc(number.to_be_bytes())), CodecTag::Id))
}

fn key_frames(value: &Value) -> Option<Vec<KeyFrame>> {
    let positions = value.get("filepositions")?.as_array()?.iter();
    let times = value.get("times")?.as_array()?.iter();
    positions
        .zip(times)
        .map(|(position, time)| Some(KeyFrame { time: amount(time)?, position: amount(position)? as u64 }))
        .collect()
}
