//! Audio and video bodies: facts sheet 8.2, 8.3 and 9, checks 41 and 43 to 50.

use proptest::prelude::*;
use weir_flv::{
    AacPacket, AudioBody, AudioCodec, AvcPacket, Error, ExPacket, FourCc, FrameType, Multitrack, VideoBody, VideoCodec,
    strip_set_data_frame,
};
use weir_media::{Bytes, BytesMut, CodecId};

use crate::hex;

fn video(bytes: &str) -> VideoBody {
    VideoBody::parse(&hex(bytes)).unwrap()
}

fn audio(bytes: &str) -> AudioBody {
    AudioBody::parse(&hex(bytes)).unwrap()
}

fn avc(key: bool, packet: AvcPacket, cts: i32, data: &str) -> VideoBody {
    VideoBody::Avc { key, packet, cts, data: hex(data) }
}

fn video_bytes(body: &VideoBody) -> Bytes {
    let mut out = BytesMut::new();
    body.write(&mut out).unwrap();
    assert_eq!(out.len(), body.len());
    out.freeze()
}

fn audio_bytes(body: &AudioBody) -> Bytes {
    let mut out = BytesMut::new();
    body.write(&mut out);
    assert_eq!(out.len(), body.len());
    out.freeze()
}

#[test]
fn avc_both_ways() {
    let cases = [
        ("17 00 000000 0142c00d", avc(true, AvcPacket::SequenceHeader, 0, "0142c00d")),
        ("17 01 000050 0000000165", avc(true, AvcPacket::Nalus, 80, "0000000165")),
        ("27 01 ffffd8 0000000141", avc(false, AvcPacket::Nalus, -40, "0000000141")),
        ("27 01 7fffff 41", avc(false, AvcPacket::Nalus, 8_388_607, "41")),
        ("27 01 800000 41", avc(false, AvcPacket::Nalus, -8_388_608, "41")),
        ("17 02 000000", avc(true, AvcPacket::EndOfSequence, 0, "")),
    ];
    for (bytes, body) in cases {
        assert_eq!(video(bytes), body);
        assert_eq!(video_bytes(&body), hex(bytes));
    }
}

#[test]
fn cts_out_of_24_bits_is_refused() {
    for cts in [8_388_608, -8_388_609, i32::MIN] {
        let mut out = BytesMut::new();
        assert_eq!(avc(true, AvcPacket::Nalus, cts, "00").write(&mut out), Err(Error::Cts(cts)));
        assert_eq!(avc(true, AvcPacket::Nalus, cts, "00").write_tag(0, &mut out), Err(Error::Cts(cts)));
        assert!(out.is_empty());
    }
}

#[test]
fn sequence_headers_are_known_by_packet_type_not_by_frame_type() {
    for bytes in ["17 00 000000 01", "27 00 000000 01", "07 00 000050 01"] {
        assert!(video(bytes).is_sequence_header(), "{bytes}");
        assert!(!video(bytes).is_key_frame(), "{bytes}");
        assert!(matches!(video(bytes), VideoBody::Avc { cts: 0, .. }));
    }
    assert!(video("17 01 000000 65").is_key_frame());
    assert!(!video("27 01 000000 41").is_key_frame());
}

#[test]
fn bodies_without_media_are_no_error() {
    assert_eq!(video(""), VideoBody::Empty);
    assert_eq!(video("27 01 000000"), VideoBody::Empty);
    assert_eq!(audio(""), AudioBody::Empty);
    assert_eq!(audio("af 01"), AudioBody::Empty);
    assert!(matches!(audio("af 00"), AudioBody::Aac { packet: AacPacket::SequenceHeader, .. }));
}

#[test]
fn short_or_strange_bodies_are_errors_with_their_place() {
    let short = |bytes: &str| VideoBody::parse(&hex(bytes)).unwrap_err();
    for bytes in ["17", "17 01", "17 01 0000"] {
        assert_eq!(short(bytes), Error::Truncated { element: "AVC header", offset: 1 });
    }
    assert_eq!(short("17 03 000000"), Error::PacketType { codec: "H.264", value: 3 });
    assert_eq!(short("91 687663"), Error::Truncated { element: "codec name", offset: 1 });
    assert_eq!(AudioBody::parse(&hex("af")), Err(Error::Truncated { element: "AAC packet type", offset: 1 }));
    assert_eq!(AudioBody::parse(&hex("af 02 00")), Err(Error::PacketType { codec: "AAC", value: 2 }));
    assert_eq!(short("17").to_string(), "the body ends inside the AVC header at byte 1");
}

#[test]
fn aac_both_ways() {
    let config = AudioBody::Aac { packet: AacPacket::SequenceHeader, data: hex("1210") };
    let frame = AudioBody::Aac { packet: AacPacket::Raw, data: hex("21") };
    assert_eq!(audio("af 00 1210"), config);
    assert_eq!(audio_bytes(&config), hex("af 00 1210"));
    assert_eq!(audio("af 01 21"), frame);
    assert_eq!(audio_bytes(&frame), hex("af 01 21"));
    assert_eq!(audio("a2 01 21"), frame, "rate, size and channels of AAC say nothing");
    assert!(config.is_sequence_header() && !frame.is_sequence_header());
}

#[test]
fn other_codecs_are_named() {
    assert_eq!(video("24 00").codec_name().unwrap(), "VP6 (FLV video codec 4)");
    assert_eq!(video("1c 00 000000").codec_name().unwrap(), "H.265, unofficial form (FLV video codec 12)");
    assert_eq!(video("1f").codec_name().unwrap(), "unknown (FLV video codec 15)");
    assert_eq!(audio("2f ff").codec_name().unwrap(), "MP3 (FLV audio codec 2)");
    assert_eq!(audio("b2").codec_name().unwrap(), "Speex (FLV audio codec 11)");
    assert_eq!(audio("2f ff").codec(), Some(CodecId::Mp3));
    assert_eq!(video("24 00").codec(), None);
    let vp6 = VideoBody::Other { frame: FrameType::INTER, codec: VideoCodec(4), data: hex("00") };
    assert_eq!(video("24 00"), vp6);
    assert_eq!(AudioCodec(7).to_string(), "G.711 A-law (FLV audio codec 7)");
}

#[test]
fn command_frames_are_no_pictures() {
    for bytes in ["57 00", "52 01", "d1 00", "d0"] {
        assert_eq!(video(bytes), VideoBody::Command(hex(bytes)));
    }
}

#[test]
fn enhanced_video_heads() {
    let head = |bytes: &str| match video(bytes) {
        VideoBody::Enhanced { frame, body } => {
            assert_eq!(body.raw, hex(bytes));
            (frame, body.packet, body.fourcc, body.multitrack, body.offset_nanos)
        }
        other => panic!("{other:?}"),
    };
    let (key, inter, hevc, avc) = (FrameType::KEY, FrameType::INTER, Some(FourCc::HEVC), Some(FourCc::AVC));
    assert_eq!(head("90 68766331 0101"), (key, ExPacket::SEQUENCE_START, hevc, None, 0));
    assert_eq!(head("91 68766331 000050 00"), (key, ExPacket::CODED_FRAMES, hevc, None, 0));
    assert_eq!(head("a7 02 03d090 03 68766331 00"), (inter, ExPacket::CODED_FRAMES_X, hevc, None, 250_000));
    assert_eq!(
        head("96 11 61766331 00 000007 00002841414141 01 000005 0000004242"),
        (key, ExPacket::CODED_FRAMES, avc, Some(Multitrack::ManyTracks), 0)
    );
    assert_eq!(head("96 00 61766331 01 01"), (key, ExPacket::SEQUENCE_START, avc, Some(Multitrack::OneTrack), 0));
    assert_eq!(head("96 30 00"), (key, ExPacket::SEQUENCE_START, None, None, 0));
    assert_eq!(head("d4 68766331 02 0009"), (FrameType::COMMAND, ExPacket::VIDEO_METADATA, hevc, None, 0));
    let unknown = head("90 78787878 01");
    assert_eq!(unknown.2.unwrap().to_string(), "xxxx");
    assert_eq!(unknown.2.unwrap().codec(), None);
}

#[test]
fn modifiers_are_skipped_and_bounded() {
    let long = format!("a7 ff 012b {} 03 68766331", "00".repeat(300));
    let VideoBody::Enhanced { body, .. } = video(&long) else { panic!() };
    assert_eq!((body.packet, body.fourcc), (ExPacket::CODED_FRAMES_X, Some(FourCc::HEVC)));
    let VideoBody::Enhanced { body, .. } = video("a7 00 ff 17 02 ffffff 03 68766331") else { panic!() };
    assert_eq!(body.offset_nanos, 999_999, "the first is of an unknown kind, the second out of range");
    assert!(VideoBody::parse(&hex(&format!("a7 {}", "00 00 07".repeat(1000)))).is_err());
}

#[test]
fn enhanced_audio_heads() {
    let head = |bytes: &str| match audio(bytes) {
        AudioBody::Enhanced(body) => (body.packet, body.fourcc, body.multitrack, body.offset_nanos),
        other => panic!("{other:?}"),
    };
    assert_eq!(head("94 4f707573 01 01 00000004"), (ExPacket::AUDIO_MULTICHANNEL, Some(FourCc::OPUS), None, 0));
    assert_eq!(head("97 02 0f423f 01 4f707573 f8"), (ExPacket::CODED_FRAMES, Some(FourCc::OPUS), None, 999_999));
    let many = "95 21 6d703461 00 000002 2110 4f707573 01 000003 f8fffe";
    assert_eq!(head(many), (ExPacket::CODED_FRAMES, Some(FourCc::AAC), Some(Multitrack::ManyCodecs), 0));
    assert_eq!(audio("90 4f707573").codec(), Some(CodecId::Opus));
    assert!(audio("90 4f707573").is_sequence_header());
    assert_eq!(audio_bytes(&audio(many)), hex(many));
}

#[track_caller]
fn cut_at_every_byte(bytes: &str, error: impl Fn(&Bytes) -> Option<Error>) {
    let whole = hex(bytes);
    assert_eq!(error(&whole), None, "{bytes}");
    for len in 0..whole.len() {
        if let Some(error) = error(&whole.slice(..len)) {
            assert!(matches!(error, Error::Truncated { offset, .. } if offset <= len), "{bytes} cut to {len}");
        }
    }
}

#[test]
fn truncation_at_every_byte() {
    let videos = [
        "17 01 ffffd8 0000000165",
        "a7 02 03d090 03 68766331 00",
        "96 11 61766331 00 000007 00002841414141 01 000005 0000004242",
        "d4 68766331 02 0009 636f6c6f72496e666f 03",
        "90 78787878 01",
    ];
    for bytes in videos {
        cut_at_every_byte(bytes, |body| VideoBody::parse(body).err());
    }
    let audios =
        ["94 4f707573 01 01 00000004", "95 21 6d703461 00 000002 2110 4f707573 01 000003 f8fffe", "af 00 1210"];
    for bytes in audios {
        cut_at_every_byte(bytes, |body| AudioBody::parse(body).err());
    }
}

#[test]
fn set_data_frame_is_stripped() {
    let wrapped = hex("02 000d 40736574446174614672616d65 02 000a 6f6e4d65746144617461 08 00000000 000009");
    let plain = hex("02 000a 6f6e4d65746144617461 08 00000000 000009");
    assert_eq!(strip_set_data_frame(&wrapped), plain);
    assert_eq!(strip_set_data_frame(&plain), plain);
    assert_eq!(strip_set_data_frame(&[&[0][..], &wrapped].concat().into()), plain);
    assert_eq!(strip_set_data_frame(&Bytes::new()), Bytes::new());
    assert_eq!(strip_set_data_frame(&wrapped.slice(..16)), Bytes::new());
}

fn data() -> impl Strategy<Value = Bytes> {
    prop::collection::vec(any::<u8>(), 1..60).prop_map(Bytes::from)
}

proptest! {
    #[test]
    fn written_bodies_are_read_back(key: bool, cts in -0x80_0000..=0x7F_FFFF, data in data()) {
        let picture = VideoBody::Avc { key, packet: AvcPacket::Nalus, cts, data: data.clone() };
        prop_assert_eq!(VideoBody::parse(&video_bytes(&picture)).unwrap(), picture);
        let frame = AudioBody::Aac { packet: AacPacket::Raw, data };
        prop_assert_eq!(AudioBody::parse(&audio_bytes(&frame)).unwrap(), frame);
    }

    #[test]
    fn any_bytes_parse_or_fail_and_the_parsed_are_stable(body in data()) {
        if let Ok(parsed) = VideoBody::parse(&body) {
            prop_assert_eq!(VideoBody::parse(&video_bytes(&parsed)).unwrap(), parsed);
        }
        if let Ok(parsed) = AudioBody::parse(&body) {
            prop_assert_eq!(AudioBody::parse(&audio_bytes(&parsed)).unwrap(), parsed);
        }
    }
}
