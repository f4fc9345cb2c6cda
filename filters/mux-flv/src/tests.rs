//! The muxer alone: order of tags, timestamps, index, hostile input.

use weir_flv::{
    AacPacket, AudioBody, AvcPacket, CodecTag, Content, FourCc, HEADER_LEN, MetaData, Tag, TagKind, TagReader,
    VideoBody,
};
use weir_media::{Bytes, CodecId, Flags, Frac, Packet, Prop, Props, StreamType};
use weir_plugin::harness::Harness;
use weir_plugin::{Options, OutId, Status};

use crate::OPTIONS;
use crate::mux::{Mux, Settings};

const OUT: OutId = OutId(0);

fn harness(live: bool) -> Harness {
    Harness::new(Box::new(Mux::new(Settings::new(&Options::defaults(OPTIONS), live).expect("defaults"))))
}

fn video() -> Props {
    Props::new()
        .with(Prop::StreamType, StreamType::Visual)
        .with(Prop::CodecId, CodecId::Avc)
        .with(Prop::Timescale, 25u32)
        .with(Prop::Width, 240u32)
        .with(Prop::Height, 160u32)
        .with(Prop::Fps, Frac::new(25, 1).expect("not 0"))
        .with(Prop::DecoderConfig, Bytes::from_static(b"avcC"))
}

fn audio() -> Props {
    Props::new()
        .with(Prop::StreamType, StreamType::Audio)
        .with(Prop::CodecId, CodecId::Aac)
        .with(Prop::Timescale, 44_100u32)
        .with(Prop::SampleRate, 44_100u32)
        .with(Prop::NumChannels, 1u32)
        .with(Prop::DecoderConfig, Bytes::from_static(&[0x12, 0x08]))
}

fn picture(n: i64) -> Packet {
    let flags = if n % 50 == 0 { Flags::KEY } else { Flags::NONE };
    Packet { duration: 1, flags, cts: n + 2, ..Packet::new(Bytes::from(format!("picture {n}")), n) }
}

fn sound(n: i64) -> Packet {
    Packet { duration: 1024, flags: Flags::KEY, ..Packet::new(Bytes::from_static(b"sound"), n * 1024 - 2048) }
}

fn tags(packets: &[Packet]) -> Vec<Tag> {
    packets.iter().filter_map(|p| Tag::from_written(p.bytes()?)).collect()
}

#[test]
fn live_headers_first_then_decoding_order_from_zero() {
    let mut h = harness(true);
    let (v, a) = (h.input(video()), h.input(audio()));
    (0..3).for_each(|n| h.packet(v, picture(n)));
    (0..6).for_each(|n| h.packet(a, sound(n)));
    h.run().expect("runs");
    let packets = h.take(OUT);
    let shown: Vec<(TagKind, u32, Flags)> =
        tags(&packets).iter().zip(&packets).map(|(t, p)| (t.kind, t.timestamp, p.flags)).collect();
    use TagKind::{Audio, Script, Video};
    assert_eq!(
        shown[..6],
        [
            (Script, 0, Flags::HEADER),
            (Video, 0, Flags::HEADER),
            (Audio, 0, Flags::HEADER),
            (Audio, 0, Flags::NONE),
            (Audio, 23, Flags::NONE),
            (Video, 46, Flags::KEY),
        ]
    );
    let times: Vec<u32> = shown.iter().map(|s| s.1).collect();
    assert!(times.is_sorted(), "{times:?}");
    let first = VideoBody::parse(&tags(&packets)[5].body).expect("a body");
    assert_eq!(first, VideoBody::Avc { key: true, packet: AvcPacket::Nalus, cts: 80, data: "picture 0".into() });
}

#[test]
fn a_live_stream_keeps_the_time_of_the_session_and_crosses_the_extension() {
    let mut h = harness(true);
    let v = h.input(video().with(Prop::Timescale, 1000u32));
    for n in 0..3 {
        h.packet(v, Packet { cts: 0xff_fff0 + n * 40, ..Packet { dts: 0xff_fff0 + n * 40, ..picture(n) } });
    }
    h.end(v);
    h.finish().expect("ends");
    let times: Vec<u32> = tags(&h.take(OUT)).iter().map(|t| t.timestamp).collect();
    assert_eq!(times, [0xff_fff0, 0xff_fff0, 0xff_fff0, 0x100_0018, 0x100_0040, 0x100_0040]);
}

#[test]
fn a_file_is_whole_and_its_start_is_patched_with_index_and_duration() {
    let mut h = harness(false);
    let (v, a) = (h.input(video()), h.input(audio()));
    for n in 0..100 {
        h.packet(v, picture(n));
        h.packet(a, sound(n));
    }
    h.end(v);
    h.end(a);
    h.finish().expect("ends");
    let mut file = Vec::new();
    for p in h.take(OUT) {
        let bytes = p.bytes().expect("bytes");
        match p.patch_at {
            Some(at) => {
                let at = usize::try_from(at).expect("small");
                file[at..at + bytes.len()].copy_from_slice(bytes);
            }
            None => file.extend_from_slice(bytes),
        }
    }
    let mut reader = TagReader::new();
    reader.push(&file);
    let read: Vec<Tag> = std::iter::from_fn(|| reader.pull()).collect::<Result<_, _>>().expect("a sound file");
    assert_eq!(read.len(), 1 + 2 + 200 + 1);
    let data = MetaData::parse(&read[0].body, weir_amf::Limits::SCRIPT).expect("sound").expect("onMetaData");
    assert_eq!((data.width, data.frame_rate, data.file_size), (Some(240), Some(25.0), Some(file.len() as u64)));
    assert!((data.duration.expect("patched") - 4.046).abs() < 0.001, "{:?}", data.duration);
    let keys: Vec<f64> = data.key_frames.iter().map(|k| k.time).collect();
    assert_eq!(keys, [0.046, 2.046]);
    for k in &data.key_frames {
        let at = usize::try_from(k.position).expect("small");
        let mut one = TagReader::new();
        one.push(&file[..HEADER_LEN]);
        one.push(&file[at..]);
        let tag = one.pull().expect("a tag").expect("sound");
        assert!(VideoBody::parse(&tag.body).expect("sound").is_key_frame());
    }
}

#[test]
fn a_configuration_that_changes_is_written_before_what_needs_it() {
    let mut h = harness(true);
    let v = h.input(video());
    h.packet(v, picture(0));
    h.push(
        v,
        weir_plugin::Item::Props(
            video().with(Prop::DecoderConfig, Bytes::from_static(b"new")).with(Prop::Width, 480u32),
        ),
    );
    h.packet(v, picture(50));
    h.run().expect("runs");
    let packets = tags(&h.take(OUT));
    let kinds: Vec<_> = packets.iter().map(|t| (t.kind, t.timestamp)).collect();
    assert_eq!(kinds[3..], [(TagKind::Script, 2000), (TagKind::Video, 2000), (TagKind::Video, 2000)]);
    assert!(VideoBody::parse(&packets[4].body).expect("sound").is_sequence_header());
}

#[test]
fn a_track_without_packets_holds_the_other_back_only_so_long() {
    let mut h = harness(true);
    let (v, a) = (h.input(video()), h.input(audio()));
    (0..40).for_each(|n| h.packet(v, picture(n)));
    assert_eq!(h.run(), Ok(Status::Idle));
    assert!(h.outputs().is_empty(), "1.6 s are no reason to begin without sound");
    (40..60).for_each(|n| h.packet(v, picture(n)));
    h.run().expect("runs");
    let begun = tags(&h.take(OUT));
    assert!(begun.iter().filter(|t| t.kind == TagKind::Video).count() > 40, "{} tags", begun.len());
    let config = begun.iter().find(|t| t.kind == TagKind::Audio).expect("players learn of the sound at the start");
    assert_eq!(
        AudioBody::parse(&config.body).expect("sound"),
        AudioBody::Aac { packet: AacPacket::SequenceHeader, data: Bytes::from_static(&[0x12, 0x08]) }
    );
    (0..200).for_each(|n| h.packet(a, sound(n)));
    h.run().expect("runs");
    assert!(tags(&h.take(OUT)).iter().any(|t| t.kind == TagKind::Audio), "it comes when it is there");
}

#[test]
fn timestamps_never_go_back_within_a_track() {
    let mut h = harness(true);
    let v = h.input(video());
    for n in [0, 5, 3, 6] {
        h.packet(v, picture(n));
    }
    h.end(v);
    h.finish().expect("ends");
    let times: Vec<u32> = tags(&h.take(OUT)).iter().filter(|t| t.kind == TagKind::Video).map(|t| t.timestamp).collect();
    assert_eq!(times, [0, 0, 200, 200, 240, 240]);
    assert_eq!(h.logs.len(), 1, "{:?}", h.logs);
}

/// Properties of a codec with a configuration that nobody reads here.
fn other(ty: StreamType, codec: CodecId, config: Option<&'static [u8]>) -> Props {
    let props = Props::new().with(Prop::StreamType, ty).with(Prop::CodecId, codec).with(Prop::Timescale, 1000u32);
    match config {
        Some(config) => props.with(Prop::DecoderConfig, Bytes::from_static(config)),
        None => props,
    }
}

fn at(ms: i64, key: bool) -> Packet {
    let flags = if key { Flags::KEY } else { Flags::NONE };
    Packet { flags, ..Packet::new(Bytes::from_static(b"frame"), ms) }
}

/// Kind, number, codec and content of each media tag, with the flags of its packet.
fn parts(packets: &[Packet]) -> Vec<(TagKind, u8, FourCc, Content, Flags)> {
    let of = |tag: &Tag| match tag.kind {
        TagKind::Video => VideoBody::parse(&tag.body).and_then(|body| body.parts()).expect("sound"),
        TagKind::Audio => AudioBody::parse(&tag.body).and_then(|body| body.parts()).expect("sound"),
        TagKind::Script => Vec::new(),
    };
    let all = tags(packets);
    let each = all.iter().zip(packets).filter_map(|(tag, packet)| {
        let part = of(tag).pop()?;
        Some((tag.kind, part.track, part.codec, part.content, packet.flags))
    });
    each.collect()
}

#[test]
fn codecs_without_an_original_form_are_enhanced() {
    let mut h = harness(true);
    let v = h.input(other(StreamType::Visual, CodecId::Hevc, Some(b"hvcC")));
    let a = h.input(other(StreamType::Audio, CodecId::Ac3, None));
    h.packet(v, Packet { cts: 80, ..at(0, true) });
    h.packet(a, at(0, true));
    h.end(v);
    h.end(a);
    h.finish().expect("ends");
    let packets = h.take(OUT);
    use Content::{Config, End, Frames};
    use TagKind::{Audio, Video};
    assert_eq!(
        parts(&packets),
        [
            (Video, 0, FourCc::HEVC, Config, Flags::HEADER),
            (Audio, 0, FourCc::AC3, Config, Flags::HEADER),
            (Video, 0, FourCc::HEVC, Frames, Flags::KEY),
            (Audio, 0, FourCc::AC3, Frames, Flags::NONE),
            (Video, 0, FourCc::HEVC, End, Flags::NONE),
        ]
    );
    let bodies: Vec<Bytes> = tags(&packets).into_iter().map(|tag| tag.body).collect();
    assert_eq!(bodies[2], b"\x90ac-3".as_slice(), "announced with nothing to set up");
    assert_eq!(bodies[3], b"\x91hvc1\x00\x00\x50frame".as_slice());
    let data = MetaData::parse(&bodies[0], weir_amf::Limits::SCRIPT).expect("sound").expect("onMetaData");
    assert_eq!(data.video_codec, Some(CodecTag::FourCc(FourCc::HEVC)));
    assert_eq!(data.audio_codec, Some(CodecTag::FourCc(FourCc::AC3)));
}

#[test]
fn the_first_tracks_keep_their_original_form_unless_told() {
    let form = |enhanced: &str| {
        let mut options = Options::defaults(OPTIONS);
        options.apply("enhanced", Some(enhanced)).expect("a good option");
        let mut h = Harness::new(Box::new(Mux::new(Settings::new(&options, true).expect("good options"))));
        let (v, a) = (h.input(video()), h.input(other(StreamType::Audio, CodecId::Mp3, None)));
        h.packet(v, picture(0));
        h.packet(a, at(0, true));
        h.end(v);
        h.end(a);
        h.finish().expect("ends");
        tags(&h.take(OUT)).iter().map(|tag| tag.body[0]).collect::<Vec<u8>>()
    };
    assert_eq!(form("no"), [2, 0x17, 0x17, 0x2f, 0x17]);
    assert_eq!(form("yes"), [2, 0x90, 0x90, 0x91, 0x91, 0x92]);
}

#[test]
fn further_tracks_have_numbers_and_metadata_of_their_own() {
    let mut h = harness(true);
    let ids = [h.input(video()), h.input(video().with(Prop::Width, 120u32)), h.input(audio()), h.input(audio())];
    for (i, id) in ids.into_iter().enumerate() {
        h.packet(id, if i < 2 { picture(0) } else { sound(2) });
        h.end(id);
    }
    h.finish().expect("ends");
    let packets = h.take(OUT);
    let shown: Vec<_> =
        parts(&packets).into_iter().map(|(kind, track, _, content, flags)| (kind, track, content, flags)).collect();
    use Content::{Config, Frames};
    use TagKind::{Audio, Video};
    assert_eq!(
        shown,
        [
            (Video, 0, Config, Flags::HEADER),
            (Video, 1, Config, Flags::HEADER),
            (Audio, 0, Config, Flags::HEADER),
            (Audio, 1, Config, Flags::HEADER),
            (Video, 0, Frames, Flags::KEY),
            (Video, 1, Frames, Flags::NONE), // players start with the first track
            (Audio, 0, Frames, Flags::NONE),
            (Audio, 1, Frames, Flags::NONE),
            (Video, 0, Content::End, Flags::NONE),
            (Video, 1, Content::End, Flags::NONE),
        ]
    );
    let data = MetaData::parse(&tags(&packets)[0].body, weir_amf::Limits::SCRIPT).expect("sound").expect("onMetaData");
    assert_eq!(data.width, Some(240));
    let second = data.extra.get("videoTrackIdInfoMap").and_then(|map| map.get("1")).expect("the second");
    assert_eq!(second.get("width").and_then(|v| v.as_u32()), Some(120));
    assert_eq!(second.get("videocodecid").and_then(|v| v.as_u32()), Some(FourCc::AVC.number()));
    let second = data.extra.get("audioTrackIdInfoMap").and_then(|map| map.get("1")).expect("the second");
    assert_eq!(second.get("samplerate").and_then(|v| v.as_u32()), Some(44_100));
}

#[test]
fn a_track_that_comes_late_is_added_with_its_headers() {
    for live in [true, false] {
        let mut h = harness(live);
        let a = h.input(audio());
        (0..10).for_each(|n| h.packet(a, sound(n)));
        h.run().expect("runs");
        let mut packets = h.take(OUT);
        let v = h.input(video());
        h.packet(v, Packet { flags: Flags::KEY, ..picture(10) });
        (10..30).for_each(|n| h.packet(a, sound(n)));
        h.end(a);
        h.end(v);
        h.finish().expect("ends");
        let late = h.take(OUT);
        let kinds: Vec<_> = tags(&late).iter().map(|tag| tag.kind).collect();
        let config = kinds.iter().position(|kind| *kind == TagKind::Video).expect("pictures");
        let told = parts(&late).into_iter().filter(|p| p.0 == TagKind::Video).map(|p| (p.3, p.4)).collect::<Vec<_>>();
        assert_eq!(told[..2], [(Content::Config, Flags::HEADER), (Content::Frames, Flags::KEY)], "live: {live}");
        if live {
            assert_eq!(kinds[config - 1], TagKind::Script, "metadata tells of it");
            continue;
        }
        packets.extend(late);
        let patched = packets.iter().rev().find(|p| p.patch_at == Some(0)).expect("the header is written again");
        assert_eq!(patched.bytes().expect("bytes")[4], 5, "sound and pictures");
        let script = packets.iter().find(|p| p.patch_at == Some(HEADER_LEN as u64)).expect("metadata");
        let tag = Tag::from_written(script.bytes().expect("bytes")).expect("a tag");
        let data = MetaData::parse(&tag.body, weir_amf::Limits::SCRIPT).expect("sound").expect("onMetaData");
        assert_eq!(data.width, Some(240));
    }
}

#[test]
fn a_track_that_follows_one_that_ended_takes_its_number() {
    let mut h = harness(true);
    let first = h.input(video());
    h.packet(first, picture(0));
    h.run().expect("runs");
    // The one that follows is being connected.
    h.set_settled(false);
    h.end(first);
    h.run().expect("runs");
    h.take(OUT);
    let second = h.input(other(StreamType::Visual, CodecId::Av1, Some(b"av1C")));
    h.packet(second, at(1000, true));
    h.run().expect("runs");
    let shown: Vec<_> = parts(&h.take(OUT)).into_iter().map(|p| (p.1, p.2, p.4)).collect();
    assert_eq!(shown, [(0, FourCc::AV1, Flags::HEADER), (0, FourCc::AV1, Flags::KEY)]);
}

#[test]
fn colour_goes_with_the_configuration() {
    let mut h = harness(true);
    let props = other(StreamType::Visual, CodecId::Hevc, Some(b"hvcC"));
    let props = props.with(Prop::ColorPrimaries, 9u32).with(Prop::ColorTransfer, 16u32).with(Prop::ColorMatrix, 9u32);
    let v = h.input(props);
    h.packet(v, at(0, true));
    h.run().expect("runs");
    let packets = h.take(OUT);
    let shown: Vec<_> = parts(&packets).into_iter().map(|p| (p.3, p.4)).collect();
    use Content::{Config, Frames, Metadata};
    assert_eq!(shown, [(Config, Flags::HEADER), (Metadata, Flags::HEADER), (Frames, Flags::KEY)]);
    let body = &tags(&packets)[2].body;
    assert!(body.starts_with(b"\xd4hvc1\x02\x00\x09colorInfo\x03\x00\x0bcolorConfig"), "{body:?}");
}

#[test]
fn sound_alone_can_be_started_anywhere() {
    let mut h = harness(true);
    let a = h.input(audio());
    (0..4).for_each(|n| h.packet(a, sound(n)));
    h.run().expect("runs");
    let packets = h.take(OUT);
    assert_eq!(packets.len(), 2 + 4);
    assert!(packets[2..].iter().all(Packet::is_key));
}

#[test]
fn a_split_recording_is_files_that_are_each_whole() {
    let mut options = Options::defaults(OPTIONS);
    options.apply("split", Some("2")).expect("an option");
    let mut h = Harness::new(Box::new(Mux::new(Settings::new(&options, false).expect("good options"))));
    let (v, a) = (h.input(video()), h.input(audio()));
    for n in 0..250 {
        h.packet(v, picture(n));
        h.packet(a, sound(n));
    }
    h.end(v);
    h.end(a);
    h.finish().expect("ends");
    let mut files: Vec<Vec<u8>> = vec![Vec::new()];
    for p in h.take(OUT) {
        let bytes = p.bytes().expect("bytes");
        if p.piece.is_some() {
            assert_eq!(p.piece, Some(weir_media::Piece::Next));
            files.push(Vec::new());
        }
        let file = files.last_mut().expect("one");
        match p.patch_at {
            Some(at) => {
                let at = usize::try_from(at).expect("small");
                file[at..at + bytes.len()].copy_from_slice(bytes);
            }
            None => file.extend_from_slice(bytes),
        }
    }
    assert_eq!(files.len(), 5, "ten seconds by two");
    let mut frames = 0;
    for file in files {
        let mut reader = TagReader::new();
        reader.push(&file);
        let read: Vec<Tag> = std::iter::from_fn(|| reader.pull()).collect::<Result<_, _>>().expect("a sound file");
        let data = MetaData::parse(&read[0].body, weir_amf::Limits::SCRIPT).expect("sound").expect("onMetaData");
        assert_eq!((data.file_size, data.key_frames.len()), (Some(file.len() as u64), 1));
        assert!(data.duration.is_some_and(|d| (2.0..3.4).contains(&d)), "{:?}", data.duration);
        let kinds: Vec<_> = read[..3].iter().map(|t| t.kind).collect();
        assert_eq!(kinds, [TagKind::Script, TagKind::Video, TagKind::Audio], "what a player needs comes first");
        let key = read[3..].iter().find(|t| t.kind == TagKind::Video).expect("pictures");
        assert!(VideoBody::parse(&key.body).expect("sound").is_key_frame() && key.timestamp < 50);
        frames += read.len() - 4;
    }
    assert_eq!(frames, 500, "nothing is lost between them");
}
