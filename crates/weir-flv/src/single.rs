//! Bodies for readers that know one track of each kind: [`Part::single`], and [`single_metadata`]. Never looks into a
//! configuration record or a frame.

use weir_amf::{Limits, Object, Value, Writer};
use weir_media::{Bytes, BytesMut};

use crate::{
    AacPacket, AudioBody, AudioCodec, AvcPacket, Content, FourCc, FrameType, Part, ScriptData, Tag, TagKind, VideoBody,
    VideoCodec,
};

/// Rate of MP3 as its byte 0 says it; readers take the true one from the frames.
const MP3_RATE: u32 = 44_100;

impl Part {
    /// The body of this part as that of the only track: in the original form for AVC, AAC and MP3, else in the enhanced one.
    /// `None` for what the original form has no place for. `frame` is how a picture depends on others.
    #[must_use]
    pub fn single(&self, kind: TagKind, frame: FrameType) -> Option<Bytes> {
        let mut out = BytesMut::with_capacity(self.data.len() + 16);
        match (kind, self.codec) {
            (TagKind::Video, FourCc::AVC) => self.avc(frame)?.write(&mut out).ok()?,
            (TagKind::Audio, FourCc::AAC) => self.aac()?.write(&mut out),
            (TagKind::Audio, FourCc::MP3) => self.mp3()?.write(&mut out),
            (TagKind::Script, _) => return None,
            _ => {
                Self { track: 0, ..self.clone() }.write_tag(kind, frame, 0, &mut out).ok()?;
                return Some(Tag::from_written(&out.freeze())?.body);
            }
        }
        Some(out.freeze())
    }

    fn avc(&self, frame: FrameType) -> Option<VideoBody> {
        let packet = match self.content {
            Content::Config => AvcPacket::SequenceHeader,
            Content::Frames => AvcPacket::Nalus,
            Content::End => AvcPacket::EndOfSequence,
            _ => return None,
        };
        let key = frame == FrameType::KEY || packet != AvcPacket::Nalus;
        Some(VideoBody::Avc { key, packet, cts: self.cts, data: self.data.clone() })
    }

    fn aac(&self) -> Option<AudioBody> {
        let packet = match self.content {
            Content::Config => AacPacket::SequenceHeader,
            Content::Frames => AacPacket::Raw,
            _ => return None,
        };
        Some(AudioBody::Aac { packet, data: self.data.clone() })
    }

    fn mp3(&self) -> Option<AudioBody> {
        (self.content == Content::Frames).then(|| AudioBody::mp3(self.data.clone(), MP3_RATE, true))
    }
}

/// Metadata for such readers: codecs that have a number of the original form have that. `None` when nothing changes.
#[must_use]
pub fn single_metadata(body: &Bytes) -> Option<Bytes> {
    let script = ScriptData::parse(body, Limits::SCRIPT).ok()?;
    let mut object = script.values.first()?.as_object()?.clone();
    let avc = (FourCc::AVC, VideoCodec::AVC.0);
    let sound = [(FourCc::AAC, AudioCodec::AAC.0), (FourCc::MP3, AudioCodec::MP3.0)];
    if !(rename(&mut object, "videocodecid", &[avc]) | rename(&mut object, "audiocodecid", &sound)) {
        return None;
    }
    let writer = Writer::new().string(script.name.as_bytes()).ecma_array(&object);
    Some(script.values[1..].iter().fold(writer, Writer::value).finish())
}

/// Whether there was anything to change.
fn rename(object: &mut Object, key: &str, names: &[(FourCc, u8)]) -> bool {
    let number = object.get(key).and_then(Value::as_u32);
    let original = names.iter().find(|(codec, _)| Some(codec.number()) == number);
    if let Some((_, original)) = original {
        object.set(key, f64::from(*original));
    }
    original.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn video(body: &'static [u8]) -> Vec<Option<Bytes>> {
        let body = VideoBody::parse(&Bytes::from_static(body)).expect("a body");
        body.parts().expect("parts").iter().map(|part| part.single(TagKind::Video, body.frame_type())).collect()
    }

    fn audio(body: &'static [u8]) -> Vec<Option<Bytes>> {
        let body = AudioBody::parse(&Bytes::from_static(body)).expect("a body");
        body.parts().expect("parts").iter().map(|part| part.single(TagKind::Audio, FrameType::KEY)).collect()
    }

    fn is(bytes: &'static [u8]) -> Vec<Option<Bytes>> {
        vec![Some(Bytes::from_static(bytes))]
    }

    #[test]
    fn avc_and_aac_have_their_original_form() {
        assert_eq!(video(b"\x96\x00avc1\x01\x01\x64"), is(b"\x17\0\0\0\0\x01\x64"));
        assert_eq!(video(b"\x96\x01avc1\x01\0\0\x50data"), is(b"\x17\x01\0\0\x50data"));
        assert_eq!(video(b"\xa3avc1data"), is(b"\x27\x01\0\0\0data"));
        assert_eq!(video(b"\x92avc1"), is(b"\x17\x02\0\0\0"));
        assert_eq!(video(b"\xd4avc1\x02\0\x09colorInfo"), [None]);
        assert_eq!(audio(b"\x95\x00mp4a\x01\x11\x88"), is(b"\xaf\x00\x11\x88"));
        assert_eq!(audio(b"\x91mp4adata"), is(b"\xaf\x01data"));
        assert_eq!(audio(b"\x94mp4a\x01\x02"), [None]);
        assert_eq!(audio(b"\x91.mp3data"), is(b"\x2fdata"));
    }

    #[test]
    fn what_has_no_original_form_is_a_single_track() {
        assert_eq!(video(b"\x96\x01hvc1\x02\0\0\x50data"), is(b"\x91hvc1\0\0\x50data"));
        assert_eq!(audio(b"\x95\x01Opus\x01data"), is(b"\x91Opusdata"));
        let several = video(b"\x96\x11avc1\x00\0\0\x04\0\0\0A\x01\0\0\x04\0\0\0B");
        assert_eq!(several, [is(b"\x17\x01\0\0\0A"), is(b"\x17\x01\0\0\0B")].concat());
    }

    #[test]
    fn metadata_names_codecs_by_their_first_numbers() {
        let write = |video: f64, audio: f64| {
            let object = Object::new().with("width", 160.0).with("videocodecid", video).with("audiocodecid", audio);
            Writer::new().string("onMetaData").ecma_array(&object).finish()
        };
        let number = |codec: FourCc| f64::from(codec.number());
        assert_eq!(single_metadata(&write(number(FourCc::AVC), number(FourCc::AAC))), Some(write(7.0, 10.0)));
        assert_eq!(
            single_metadata(&write(number(FourCc::HEVC), number(FourCc::MP3))),
            Some(write(number(FourCc::HEVC), 2.0))
        );
        assert_eq!(single_metadata(&write(7.0, 10.0)), None);
        assert_eq!(single_metadata(&write(7.0, f64::NAN)), None, "no number equals itself there; found by fuzzing");
        assert_eq!(single_metadata(&Bytes::from_static(b"\x02\0\x0aonMetaData")), None);
    }
}
