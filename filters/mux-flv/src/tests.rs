//! The muxer alone: order of tags, timestamps, index, hostile input.

use weir_flv::{AacPacket, AudioBody, AvcPacket, HEADER_LEN, MetaData, Tag, TagKind, TagReader, VideoBody};
use weir_media::{Bytes, CodecId, Flags, Frac, Packet, Prop, Props, StreamType};
use weir_plugin::harness::Harness;
use weir_plugin::{Options, OutId, Status};

use crate::OPTIONS;
use crate::mux::{Mux, Settings};

const OUT: OutId = OutId(0);

fn harness(live: bool) -> Harness {
    Harness::new(Box::new(Mux::new(Settings::new(&Options::defaults(OPTIONS), live))))
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

#[test]
fn sound_alone_can_be_started_anywhere_and_a_second_track_is_left_out() {
    let mut h = harness(true);
    let (a, b) = (h.input(audio()), h.input(audio()));
    (0..4).for_each(|n| h.packet(a, sound(n)));
    (0..4).for_each(|n| h.packet(b, sound(n)));
    h.run().expect("runs");
    let packets = h.take(OUT);
    assert_eq!(packets.len(), 2 + 4);
    assert!(packets[2..].iter().all(Packet::is_key));
}
