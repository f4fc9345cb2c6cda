//! What bodies hold for each track: facts sheet 9, and bytes that FFmpeg 9 wrote.

use proptest::prelude::*;
use weir_flv::{AudioBody, AvcPacket, Content, Error, FourCc, FrameType, Part, Tag, TagKind, VideoBody};
use weir_media::{Bytes, BytesMut, CodecId};

use crate::hex;

fn video(bytes: &str) -> Vec<Part> {
    VideoBody::parse(&hex(bytes)).expect("a good head").parts().expect("good parts")
}

fn audio(bytes: &str) -> Vec<Part> {
    AudioBody::parse(&hex(bytes)).expect("a good head").parts().expect("good parts")
}

fn part(track: u8, codec: FourCc, content: Content, cts: i32, data: &str) -> Part {
    Part { track, codec, content, cts, data: hex(data) }
}

/// The body of a part as it is written.
fn written(part: &Part, kind: TagKind, frame: FrameType) -> Bytes {
    let mut out = BytesMut::new();
    part.write_tag(kind, frame, 40, &mut out).expect("small");
    let tag = Tag::from_written(&out.freeze()).expect("a whole tag");
    assert_eq!((tag.kind, tag.timestamp), (kind, 40));
    tag.body
}

#[test]
fn single_tracks_both_ways() {
    use Content::{Channels, Config, End, Frames, Metadata};
    let videos = [
        ("90 68766331 0101", FrameType::KEY, part(0, FourCc::HEVC, Config, 0, "0101")),
        ("91 68766331 000050 0000", FrameType::KEY, part(0, FourCc::HEVC, Frames, 80, "0000")),
        ("a1 68766331 ffffd8 0000", FrameType::INTER, part(0, FourCc::HEVC, Frames, -40, "0000")),
        ("a3 68766331 0000", FrameType::INTER, part(0, FourCc::HEVC, Frames, 0, "0000")),
        ("a1 61763031 1200", FrameType::INTER, part(0, FourCc::AV1, Frames, 0, "1200")),
        ("91 76703039 8249", FrameType::KEY, part(0, FourCc::VP9, Frames, 0, "8249")),
        ("d4 68766331 020009", FrameType::COMMAND, part(0, FourCc::HEVC, Metadata, 0, "020009")),
        ("92 68766331", FrameType::KEY, part(0, FourCc::HEVC, End, 0, "")),
        ("96 00 61766331 01 0164", FrameType::KEY, part(1, FourCc::AVC, Config, 0, "0164")),
        ("96 01 61766331 01 000050 0000", FrameType::KEY, part(1, FourCc::AVC, Frames, 80, "0000")),
    ];
    for (bytes, frame, part) in videos {
        assert_eq!(video(bytes), std::slice::from_ref(&part), "{bytes}");
        assert_eq!(written(&part, TagKind::Video, frame), hex(bytes), "{bytes}");
    }
    let audios = [
        ("90 4f707573 4f70", part(0, FourCc::OPUS, Config, 0, "4f70")),
        ("94 4f707573 010100000004", part(0, FourCc::OPUS, Channels, 0, "010100000004")),
        ("91 61632d33 0b77", part(0, FourCc::AC3, Frames, 0, "0b77")),
        ("95 00 6d703461 01 1188", part(1, FourCc::AAC, Config, 0, "1188")),
        ("95 01 65632d33 07 0b77", part(7, FourCc::EAC3, Frames, 0, "0b77")),
    ];
    for (bytes, part) in audios {
        assert_eq!(audio(bytes), std::slice::from_ref(&part), "{bytes}");
        assert_eq!(written(&part, TagKind::Audio, FrameType::KEY), hex(bytes), "{bytes}");
    }
}

/// Written as something else it would be read as something else; found by fuzzing.
#[test]
fn what_is_not_known_is_not_written() {
    for (kind, content) in [
        (TagKind::Video, Content::Unknown),
        (TagKind::Audio, Content::Unknown),
        (TagKind::Audio, Content::Metadata),
        (TagKind::Video, Content::Channels),
    ] {
        let mut out = BytesMut::new();
        let result = part(1, FourCc::AVC, content, 0, "02 01").write_tag(kind, FrameType::KEY, 0, &mut out);
        assert_eq!((result, out.len()), (Err(Error::Content), 0), "{kind:?} {content:?}");
    }
    let sound = part(0, FourCc::AVC, Content::Frames, 0, "01");
    assert_eq!(
        written(&sound, TagKind::Audio, FrameType::KEY)[..],
        *b"\x91avc1\x01",
        "sound has no offsets to leave out"
    );
}

#[test]
fn several_tracks_in_one_body() {
    assert_eq!(
        video("96 11 61766331 00 000007 00002841414141 01 000005 0000004242"),
        [part(0, FourCc::AVC, Content::Frames, 40, "41414141"), part(1, FourCc::AVC, Content::Frames, 0, "4242")]
    );
    assert_eq!(
        audio("95 21 6d703461 00 000002 2110 4f707573 01 000003 f8fffe"),
        [part(0, FourCc::AAC, Content::Frames, 0, "2110"), part(1, FourCc::OPUS, Content::Frames, 0, "f8fffe")]
    );
    assert_eq!(video("96 30 00"), [], "a layout that is not known");
    assert_eq!(video("a7 02 03d090 03 68766331 00"), [part(0, FourCc::HEVC, Content::Frames, 0, "00")]);
}

#[test]
fn original_forms_have_parts_too() {
    assert_eq!(video("17 01 000050 0165"), [part(0, FourCc::AVC, Content::Frames, 80, "0165")]);
    assert_eq!(video("17 00 000000 0142"), [part(0, FourCc::AVC, Content::Config, 0, "0142")]);
    assert_eq!(video("1c 01 ffffd8 0165"), [part(0, FourCc::HEVC, Content::Frames, -40, "0165")]);
    assert_eq!(video("1c 00 000000 0101"), [part(0, FourCc::HEVC, Content::Config, 0, "0101")]);
    assert_eq!(audio("af 00 1210"), [part(0, FourCc::AAC, Content::Config, 0, "1210")]);
    assert_eq!(audio("2f fffb"), [part(0, FourCc::MP3, Content::Frames, 0, "fffb")]);
    assert_eq!((video("24 00"), video("57 00"), audio("b2 00")), (vec![], vec![], vec![]));
    for (rate, stereo, flags) in
        [(44_100, true, "2f"), (48_000, false, "2e"), (22_050, true, "2b"), (8_000, false, "e2")]
    {
        let body = AudioBody::mp3(hex("fffb"), rate, stereo);
        let mut out = BytesMut::new();
        body.write(&mut out);
        assert_eq!(out, hex(&format!("{flags} fffb")), "{rate}");
        assert_eq!(body.codec(), Some(CodecId::Mp3));
    }
}

#[test]
fn damaged_tracks_are_errors() {
    let cases =
        ["96 01 61766331", "96 11 61766331 00 0000", "96 11 61766331 00 000007 0000", "91 68766331 0000", "1c 01"];
    for bytes in cases {
        let body = VideoBody::parse(&hex(bytes)).expect("a good head");
        assert!(matches!(body.parts(), Err(Error::Truncated { .. })), "{bytes}");
    }
    let far = part(0, FourCc::HEVC, Content::Frames, 1 << 23, "00");
    let mut out = BytesMut::new();
    assert_eq!(far.write_tag(TagKind::Video, FrameType::KEY, 0, &mut out), Err(Error::Cts(1 << 23)));
    assert!(out.is_empty());
}

fn any_part() -> impl Strategy<Value = (Part, bool)> {
    let codec = prop_oneof![Just(FourCc::AVC), Just(FourCc::HEVC), Just(FourCc::AV1), Just(FourCc::OPUS)];
    let content = prop_oneof![Just(Content::Config), Just(Content::Frames), Just(Content::End)];
    let data = prop::collection::vec(any::<u8>(), 0..40);
    (any::<u8>(), codec, content, -0x80_0000..=0x7f_ffff, data, any::<bool>()).prop_map(
        |(track, codec, content, cts, data, key)| {
            let has_cts = content == Content::Frames && matches!(codec, FourCc::AVC | FourCc::HEVC);
            (Part { track, codec, content, cts: if has_cts { cts } else { 0 }, data: data.into() }, key)
        },
    )
}

proptest! {
    #[test]
    fn written_parts_are_read_back((part, key) in any_part()) {
        let frame = if key { FrameType::KEY } else { FrameType::INTER };
        let body = VideoBody::parse(&written(&part, TagKind::Video, frame)).expect("just written");
        prop_assert_eq!(body.frame_type(), frame);
        prop_assert_eq!(body.parts().expect("just written"), vec![part.clone()]);
        let sound = Part { cts: 0, ..part };
        if sound.codec == FourCc::OPUS {
            let body = AudioBody::parse(&written(&sound, TagKind::Audio, frame)).expect("just written");
            prop_assert_eq!(body.parts().expect("just written"), vec![sound]);
        }
    }

    #[test]
    fn any_bytes_have_parts_or_not(body in prop::collection::vec(any::<u8>(), 1..60)) {
        let body = Bytes::from(body);
        if let Ok(video) = VideoBody::parse(&body) {
            let _no_panic = video.parts();
        }
        if let Ok(audio) = AudioBody::parse(&body) {
            let _no_panic = audio.parts();
        }
    }
}

#[test]
fn avc_keeps_its_original_form() {
    let body = VideoBody::Avc { key: true, packet: AvcPacket::Nalus, cts: 80, data: hex("00") };
    assert_eq!(body.frame_type(), FrameType::KEY);
}
