//! Metadata and the key-frame index: facts sheet 8.1 and 8.4.

use proptest::prelude::*;
use weir_amf::{Limits, Object, Value, Writer};
use weir_flv::{
    CodecTag, Error, FourCc, KeyFrame, KeyFrameIndex, MAX_INDEX_SLOTS, MetaData, ScriptData, SeekableScript, Tag,
    TagKind,
};
use weir_media::{Bytes, BytesMut};

use crate::hex;

fn parse(body: &Bytes) -> MetaData {
    MetaData::parse(body, Limits::SCRIPT).unwrap().unwrap()
}

fn script(properties: Value) -> Bytes {
    Writer::new().string("onMetaData").value(&properties).finish()
}

fn full() -> MetaData {
    MetaData {
        duration: Some(12.5),
        width: Some(320),
        height: Some(180),
        video_data_rate: Some(195.3125),
        frame_rate: Some(25.0),
        video_codec: Some(CodecTag::Id(7)),
        audio_data_rate: Some(128.0),
        audio_sample_rate: Some(44_100),
        audio_sample_size: Some(16),
        stereo: Some(true),
        audio_codec: Some(CodecTag::Id(10)),
        encoder: Some("weir".into()),
        file_size: Some(1 << 40),
        key_frames: vec![KeyFrame { time: 0.0, position: 500 }, KeyFrame { time: 2.0, position: 1 << 33 }],
        extra: Object::new().with("title", "a b"),
    }
}

#[test]
fn known_bytes() {
    let metadata = MetaData { width: Some(320), height: Some(180), ..MetaData::default() };
    let mut out = BytesMut::new();
    metadata.write_tag(0, &mut out).unwrap();
    let golden = "12 000036 000000 00 000000 | 02 000a 6f6e4d65746144617461 08 00000002
        0005 7769647468 00 4074000000000000 0006 686569676874 00 4066800000000000 000009 | 00000041";
    assert_eq!(out, hex(golden));
}

#[test]
fn every_field_both_ways() {
    assert_eq!(parse(&full().to_body()), full());
    assert_eq!(parse(&MetaData::default().to_body()), MetaData::default());
    let keys: Vec<String> = full().to_object().iter().map(|(key, _)| key.to_string()).collect();
    assert_eq!(
        keys.join(" "),
        "duration width height videodatarate framerate videocodecid audiodatarate audiosamplerate audiosamplesize \
         stereo audiocodecid encoder filesize title keyframes"
    );
}

#[test]
fn an_object_or_a_wrapped_script_is_as_good() {
    let properties = Object::new().with("width", 320.0);
    let expected = MetaData { width: Some(320), ..MetaData::default() };
    assert_eq!(parse(&script(properties.clone().into())), expected);
    let wrapped = Writer::new().string("@setDataFrame").string("onMetaData").ecma_array(&properties).finish();
    assert_eq!(parse(&wrapped), expected);
}

#[test]
fn codecs_by_number_and_by_name() {
    let codec = |value: Value| parse(&script(Object::new().with("videocodecid", value).into())).video_codec;
    assert_eq!(codec(7.0.into()), Some(CodecTag::Id(7)));
    assert_eq!(codec(1_752_589_105.0.into()), Some(CodecTag::FourCc(FourCc::HEVC)));
    assert_eq!(codec("avc1".into()), Some(CodecTag::FourCc(FourCc::AVC)));
    let hevc = MetaData { video_codec: Some(CodecTag::FourCc(FourCc::HEVC)), ..MetaData::default() };
    assert_eq!(hevc.to_object().get("videocodecid"), Some(&1_752_589_105.0.into()));
}

#[test]
fn values_that_do_not_fit_are_kept_as_they_are() {
    let odd = Object::new()
        .with("width", 320.5)
        .with("height", -1.0)
        .with("duration", f64::INFINITY)
        .with("stereo", "yes")
        .with("encoder", 3.0)
        .with("videocodecid", "H264 High")
        .with("keyframes", Object::new().with("times", vec![Value::Null]))
        .with("profile", "\0".repeat(32));
    let metadata = parse(&script(Value::EcmaArray(odd.clone())));
    assert_eq!(metadata, MetaData { extra: odd, ..MetaData::default() });
}

#[test]
fn a_repeated_key_counts_last() {
    let mut twice = Object::new();
    twice.push("width", 1.0);
    twice.push("width", 2.0);
    assert_eq!(parse(&script(twice.into())).width, Some(2));
}

#[test]
fn other_scripts_are_not_metadata() {
    let cue = Writer::new().string("onCuePoint").object(&Object::new()).finish();
    assert_eq!(MetaData::parse(&cue, Limits::SCRIPT), Ok(None));
    assert_eq!(ScriptData::parse(&cue, Limits::SCRIPT).unwrap().name, "onCuePoint");
    assert_eq!(MetaData::parse(&Writer::new().string("onMetaData").finish(), Limits::SCRIPT), Ok(None));
    assert_eq!(MetaData::parse(&hex("05"), Limits::SCRIPT), Err(Error::Unnamed));
    assert_eq!(MetaData::parse(&Bytes::new(), Limits::SCRIPT), Err(Error::Unnamed));
    assert!(matches!(MetaData::parse(&hex("02 0005 61"), Limits::SCRIPT), Err(Error::Amf(_))));
}

#[test]
fn truncation_at_every_byte() {
    let body = full().to_body();
    for len in 0..body.len() {
        // An error, or the properties before the cut: never a panic, never a wrong value.
        if let Ok(Some(metadata)) = MetaData::parse(&body.slice(..len), Limits::SCRIPT) {
            assert!(metadata.duration.is_none_or(|duration| duration == 12.5), "cut to {len}");
        }
    }
}

fn frame(number: u64) -> KeyFrame {
    KeyFrame { time: number as f64 * 2.0, position: 1000 + number * 5000 }
}

fn index(slots: usize, frames: u64) -> KeyFrameIndex {
    let mut index = KeyFrameIndex::new(slots);
    (0..frames).for_each(|number| index.push(frame(number)));
    index
}

#[test]
fn the_index_thins_evenly() {
    let kept = |slots, frames| {
        let index = index(slots, frames);
        index.entries().iter().map(|frame| (frame.position - 1000) / 5000).collect::<Vec<_>>()
    };
    assert_eq!(kept(4, 4), [0, 1, 2, 3]);
    assert_eq!(kept(4, 5), [0, 2, 4]);
    assert_eq!(kept(4, 9), [0, 4, 8]);
    assert_eq!(kept(5, 11), [0, 4, 8]);
    assert_eq!(kept(1, 100), [0]);
    assert_eq!(kept(0, 100), [0; 0]);
}

fn tag_of(script: &SeekableScript) -> Bytes {
    let mut out = BytesMut::new();
    script.write_tag(&mut out).unwrap();
    assert_eq!(out.len(), script.tag_len());
    out.freeze()
}

fn metadata_of(tag: &Bytes) -> MetaData {
    let tag = Tag::from_written(tag).unwrap();
    assert_eq!((tag.kind, tag.timestamp), (TagKind::Script, 0));
    parse(&tag.body)
}

#[test]
fn a_seekable_script_keeps_its_size() {
    let mut script = SeekableScript::new(full(), 100).unwrap();
    let placeholder = metadata_of(&tag_of(&script));
    assert_eq!((placeholder.duration, placeholder.file_size), (Some(0.0), Some(0)));
    assert!(placeholder.key_frames.is_empty());
    (0..1000).for_each(|number| script.index.push(frame(number)));
    script.set_end(2000.0, 5_001_000);
    let key_frames: Vec<KeyFrame> = (0..63).map(|number| frame(number * 16)).collect();
    let expected = MetaData { duration: Some(2000.0), file_size: Some(5_001_000), key_frames, ..full() };
    assert_eq!(metadata_of(&tag_of(&script)), expected);
}

#[test]
fn fillers_are_short_enough_for_ffmpeg() {
    let script = SeekableScript::new(full(), MAX_INDEX_SLOTS).unwrap();
    let tag = Tag::from_written(&tag_of(&script)).unwrap();
    let data = ScriptData::parse(&tag.body, Limits::SCRIPT).unwrap();
    let fillers = data.values[0].as_object().unwrap().iter().filter(|(key, _)| **key == "filler");
    let lens: Vec<usize> = fillers.map(|(_, value)| value.as_bytes().unwrap().len()).collect();
    assert!(lens.len() > 1000);
    assert!(lens.iter().all(|len| *len < 1024));
}

#[test]
fn a_full_index_of_the_largest_size_is_read_back() {
    let mut script = SeekableScript::new(MetaData::default(), MAX_INDEX_SLOTS).unwrap();
    script.index = index(MAX_INDEX_SLOTS, MAX_INDEX_SLOTS as u64);
    assert_eq!(metadata_of(&tag_of(&script)).key_frames.len(), MAX_INDEX_SLOTS);
}

#[test]
fn what_does_not_fit_is_refused() {
    let slots = MAX_INDEX_SLOTS + 1;
    assert_eq!(SeekableScript::new(full(), slots).unwrap_err(), Error::Slots(slots));
    let huge = MetaData { extra: Object::new().with("xmp", " ".repeat(weir_flv::MAX_BODY)), ..full() };
    assert!(matches!(SeekableScript::new(huge, 10), Err(Error::TooLarge { .. })));

    let mut script = SeekableScript::new(full(), 1).unwrap();
    script.metadata.extra.set("more", "0123456789");
    let mut out = BytesMut::new();
    assert!(matches!(script.write_tag(&mut out), Err(Error::Reserve { .. })));
    assert!(out.is_empty());
}

proptest! {
    #[test]
    fn any_index_fits_and_stays_sorted(slots in 0_usize..300, frames in 0_u64..2000, duration: f64, size: u32) {
        let mut script = SeekableScript::new(full(), slots).unwrap();
        let start = tag_of(&script);
        script.index = index(slots, frames);
        script.set_end(duration, size.into());
        let end = tag_of(&script);
        prop_assert_eq!(start.len(), end.len());
        let read = metadata_of(&end).key_frames;
        prop_assert_eq!(&read[..], script.index.entries());
        prop_assert!(read.is_sorted_by(|a, b| a.position < b.position));
        prop_assert!(read.len() <= slots);
        prop_assert!(frames < slots as u64 || read.len() >= slots / 2);
        prop_assert_eq!(read.first().copied(), (frames > 0 && slots > 0).then(|| frame(0)));
    }
}
