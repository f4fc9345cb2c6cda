//! Enhanced RTMP and MP3: files of FFmpeg 9 against what it lists, tags made by hand, and the wait for all tracks.

use std::fmt::Write;

use weir_flv::{
    AacPacket, AudioBody, AvcPacket, Content, FourCc, FrameType, Header, MetaData, Part, TagKind, VideoBody,
};
use weir_media::{Bytes, BytesMut, Flags, Packet, Prop, Props, StreamType, Value};
use weir_plugin::harness::Harness;
use weir_plugin::{InId, Status};

use crate::common::{Run, data, harness, run, run_rounds};

/// AAC LC, 48 kHz, stereo.
const ASC: &[u8] = &[0x11, 0x90];
/// VP9, profile 0.
const VPCC: &[u8] = &[1, 0, 0, 0, 0, 10, 0x82, 2, 2, 2, 0, 0];
/// The start of a key frame of 96x64, and of another frame.
const VP9_KEY: &[u8] = &[0x82, 0x49, 0x83, 0x42, 0x00, 0x05, 0xf0, 0x03, 0xf6, 0x06];
const VP9_INTER: &[u8] = &[0x86, 0x00, 0x40, 0x92];

/// The packets as `data/make9.sh` writes them: stream, pts, dts, size; pictures first, as FFmpeg numbers them.
fn listing(run: &Run) -> String {
    let mut order: Vec<usize> = (0..run.props.len()).collect();
    order.sort_by_key(|i| run.props[*i][0].stream_type() != Some(StreamType::Visual));
    let mut text = String::new();
    for (stream, output) in order.into_iter().enumerate() {
        for p in &run.packets[output] {
            writeln!(text, "{stream},{},{},{}", p.cts, p.dts, p.len()).expect("to a string");
        }
    }
    text
}

const FILES: [&str; 6] = ["hevc_opus", "av1_flac", "vp9_ac3", "avc_eac3", "avc_mp3", "multi"];

#[test]
fn packets_are_those_that_ffmpeg_lists() {
    for name in FILES {
        let got = run(&data(&format!("{name}.flv"))).expect("a good file");
        assert_eq!(listing(&got), String::from_utf8(data(&format!("{name}.flv.txt"))).expect("text"), "{name}");
        assert_eq!(got.warnings, [""; 0], "{name}");
    }
}

#[test]
fn pieces_of_any_size_give_the_same() {
    for name in FILES {
        let file = data(&format!("{name}.flv"));
        let whole = run(&file).expect("a good file");
        for piece in [1, 13, 777] {
            let pieces = run_rounds(&[&file], piece, &[]).expect("a good file");
            assert_eq!((listing(&pieces), pieces.props), (listing(&whole), whole.props.clone()), "{name}, {piece}");
        }
    }
}

#[test]
fn properties_come_from_the_headers() {
    let shown = |name: &str| -> Vec<String> {
        let got = run(&data(&format!("{name}.flv"))).expect("a good file");
        assert!(got.props.iter().all(|props| props.len() == 1), "{name}: known before they open: {:?}", got.props);
        let line = |props: &Vec<Props>| {
            let wanted = [Prop::Name, Prop::CodecId, Prop::Width, Prop::Fps, Prop::SampleRate, Prop::NumChannels];
            wanted.iter().filter_map(|p| props[0].get(*p)).map(ToString::to_string).collect::<Vec<_>>().join(" ")
        };
        got.props.iter().map(line).collect()
    };
    assert_eq!(shown("hevc_opus"), ["V1 hevc 64 25", "A2 opus 48000 1"]);
    assert_eq!(shown("av1_flac"), ["V1 av1 64 25", "A2 flac 48000 1"]);
    assert_eq!(shown("vp9_ac3"), ["V1 vp9 64 25", "A2 ac3 48000 1"]);
    assert_eq!(shown("avc_eac3"), ["V1 avc 64 25", "A2 eac3 48000 1"]);
    assert_eq!(shown("avc_mp3"), ["V1 avc 64 25", "A2 mp3 48000 1"]);
    assert_eq!(shown("multi"), ["V1 avc 64 25", "V3 avc 64 25", "A2 aac 48000 1", "A4 aac 48000 1"]);
}

/// A file being written.
struct File(BytesMut);

impl File {
    fn new(header: Header) -> Self {
        Self(BytesMut::from(&header.to_bytes()[..]))
    }

    fn part(mut self, ts: u32, track: u8, codec: FourCc, content: Content, key: bool, data: &[u8]) -> Self {
        let kind = if codec.codec().and_then(|c| c.stream_type()) == Some(StreamType::Visual) {
            TagKind::Video
        } else {
            TagKind::Audio
        };
        let frame = if key { FrameType::KEY } else { FrameType::INTER };
        let part = Part { track, codec, content, cts: 0, data: Bytes::copy_from_slice(data) };
        part.write_tag(kind, frame, ts, &mut self.0).expect("small");
        self
    }

    fn vp9_header(self, track: u8) -> Self {
        self.part(0, track, FourCc::VP9, Content::Config, true, VPCC)
    }

    fn vp9(self, ts: u32, track: u8, key: bool) -> Self {
        self.part(ts, track, FourCc::VP9, Content::Frames, key, if key { VP9_KEY } else { VP9_INTER })
    }

    fn aac_header(mut self) -> Self {
        let body = AudioBody::Aac { packet: AacPacket::SequenceHeader, data: Bytes::from_static(ASC) };
        body.write_tag(0, &mut self.0).expect("small");
        self
    }

    fn aac(mut self, ts: u32) -> Self {
        let body = AudioBody::Aac { packet: AacPacket::Raw, data: Bytes::from_static(&[0x21, 0x10]) };
        body.write_tag(ts, &mut self.0).expect("small");
        self
    }

    fn meta(mut self, data: &MetaData) -> Self {
        data.write_tag(0, &mut self.0).expect("small");
        self
    }

    fn body(mut self, kind: u8, ts: u32, body: &[u8]) -> Self {
        let size = u32::try_from(body.len()).expect("small");
        self.0.extend_from_slice(&[kind]);
        self.0.extend_from_slice(&size.to_be_bytes()[1..]);
        self.0.extend_from_slice(&ts.to_be_bytes()[1..]);
        self.0.extend_from_slice(&[ts.to_be_bytes()[0], 0, 0, 0]);
        self.0.extend_from_slice(body);
        self.0.extend_from_slice(&(size + 11).to_be_bytes());
        self
    }

    /// What opened after these bytes and no others: names of outputs, and packets sent on each.
    fn opened(&self) -> Vec<(String, usize)> {
        let mut harness = harness(&[]);
        feed(&mut harness, &self.0);
        assert_eq!(harness.run(), Ok(Status::Idle));
        let name = |props: &Props| props.str(Prop::Name).expect("a name").to_owned();
        harness.outputs().iter().map(|out| (name(&out.props[0]), out.packets.len())).collect()
    }
}

fn feed(harness: &mut Harness, bytes: &[u8]) {
    harness.packet(InId(0), Packet::new(Bytes::copy_from_slice(bytes), 0));
}

fn names(opened: &[(&str, usize)]) -> Vec<(String, usize)> {
    opened.iter().map(|(name, packets)| ((*name).to_owned(), *packets)).collect()
}

#[test]
fn no_output_opens_before_both_kinds_are_known() {
    let pictures = File::new(Header::default()).vp9_header(0).vp9(0, 0, true).vp9(40, 0, false);
    assert_eq!(pictures.opened(), []);
    let both = pictures.aac_header().aac(20);
    assert_eq!(both.opened(), names(&[("V1", 2), ("A2", 1)]));
    // In whatever pieces of a network they come.
    let bytes = both.0.freeze();
    for piece in [1, 10, 100] {
        let mut harness = harness(&[]);
        for chunk in bytes.chunks(piece) {
            feed(&mut harness, chunk);
            harness.run().expect("good tags");
            let count = harness.outputs().len();
            assert!(count != 1, "one opened before the other");
        }
        assert_eq!(harness.outputs().len(), 2);
    }
}

#[test]
fn a_track_that_does_not_come_is_waited_for_one_second() {
    let file = |last: u32| File::new(Header::default()).aac_header().aac(500).aac(1000).aac(last);
    assert_eq!(file(1499).opened(), []);
    assert_eq!(file(1500).opened(), names(&[("A2", 3)]));
    let late = file(1500).vp9_header(0).vp9(1510, 0, true);
    assert_eq!(late.opened(), names(&[("A2", 3), ("V1", 1)]), "it opens when it comes");
}

#[test]
fn so_many_bytes_are_not_held_back() {
    let mut file = File::new(Header::default()).vp9_header(0);
    let large = [VP9_KEY, &vec![0; 6 << 20]].concat();
    for _ in 0..2 {
        file = file.part(0, 0, FourCc::VP9, Content::Frames, true, &large);
    }
    assert_eq!(file.opened(), []);
    file = file.part(0, 0, FourCc::VP9, Content::Frames, true, &large);
    assert_eq!(file.opened(), names(&[("V1", 3)]));
}

#[test]
fn the_header_or_metadata_tell_that_there_is_one_kind() {
    let sound = Header { audio: true, video: false };
    assert_eq!(File::new(sound).aac_header().aac(0).opened(), names(&[("A2", 1)]));
    let told = MetaData { audio_sample_rate: Some(48_000), ..MetaData::default() };
    assert_eq!(File::new(Header::default()).meta(&told).aac_header().aac(0).opened(), names(&[("A2", 1)]));
    let silent = MetaData { encoder: Some("x".into()), ..MetaData::default() };
    assert_eq!(File::new(Header::default()).meta(&silent).aac_header().aac(0).opened(), [], "says nothing");
    // Metadata counts more than the header.
    let both = MetaData { width: Some(96), height: Some(64), ..told };
    let file = File::new(sound).meta(&both).aac_header().aac(0);
    assert_eq!(file.opened(), []);
    assert_eq!(file.vp9_header(0).vp9(0, 0, true).opened(), names(&[("A2", 1), ("V1", 1)]));
}

#[test]
fn metadata_tells_of_further_tracks() {
    use weir_flv::amf::Object;
    let size = Object::new().with("width", 48.0).with("height", 32.0).with("videodatarate", 100.0);
    let mut meta = MetaData { width: Some(96), height: Some(64), ..MetaData::default() };
    meta.extra.push("videoTrackIdInfoMap", Object::new().with("1", size));
    let file = File::new(Header::default()).meta(&meta).vp9_header(0).vp9(0, 0, true);
    assert_eq!(file.opened(), [], "a second track of pictures is to come");
    let file = file.vp9_header(1).vp9(0, 1, true);
    assert_eq!(file.opened(), names(&[("V1", 1), ("V3", 1)]));
    let got = run(&file.0).expect("a good file");
    assert_eq!((got.props[1][0].u32(Prop::Id), got.props[1][0].u32(Prop::Bitrate)), (Some(3), Some(100_000)));
    assert_eq!(got.props[1][0].u32(Prop::Width), Some(96), "its first key frame knows better");
}

#[test]
fn several_tracks_in_one_tag() {
    let file = File::new(Header::default()).vp9_header(0).vp9_header(1).aac_header().aac(0);
    let mut body = b"\x96\x11vp09".to_vec();
    for track in 0..2 {
        body.extend_from_slice(&[track, 0, 0, u8::try_from(VP9_KEY.len()).expect("short")]);
        body.extend_from_slice(VP9_KEY);
    }
    let got = run(&file.body(9, 0, &body).0).expect("a good file");
    assert_eq!(got.packets.iter().map(Vec::len).collect::<Vec<_>>(), [1, 1, 1]);
    assert!(got.packets.iter().all(|packets| packets[0].flags == Flags::KEY));
}

#[test]
fn modifiers_move_a_packet_by_less_than_a_millisecond() {
    let nano = |nanos: u32, data: &[u8]| {
        let mut body = vec![0xa7, 2];
        body.extend_from_slice(&nanos.to_be_bytes()[1..]);
        body.extend_from_slice(b"\x01vp09");
        body.extend_from_slice(data);
        body
    };
    let header = Header { audio: false, video: true };
    let file =
        File::new(header).vp9_header(0).body(9, 40, &nano(250_000, VP9_KEY)).body(9, 80, &nano(999_999, VP9_INTER));
    let got = run(&file.0).expect("a good file");
    assert_eq!(got.props[0][0].u32(Prop::Timescale), Some(1_000_000));
    assert_eq!(got.packets[0].iter().map(|p| (p.dts, p.cts)).collect::<Vec<_>>(), [(40_250, 40_250), (81_000, 81_000)]);
    // A track that began in milliseconds stays with them.
    let file = File::new(header).vp9_header(0).vp9(40, 0, true).body(9, 80, &nano(600_000, VP9_INTER));
    let got = run(&file.0).expect("a good file");
    assert_eq!(got.packets[0].iter().map(|p| p.dts).collect::<Vec<_>>(), [40, 81]);
}

#[test]
fn colour_metadata_becomes_properties() {
    use weir_flv::amf::{Object, Writer};
    let config =
        Object::new().with("colorPrimaries", 9.0).with("transferCharacteristics", 16.0).with("matrixCoefficients", 9.0);
    let light = Object::new().with("maxCLL", 1000.0);
    let info = Object::new().with("colorConfig", config).with("hdrCll", light);
    let data = Writer::new().string("colorInfo").object(&info).finish();
    let header = Header { audio: false, video: true };
    let file = File::new(header).vp9_header(0).part(0, 0, FourCc::VP9, Content::Metadata, false, &data).vp9(0, 0, true);
    let got = run(&file.0).expect("a good file");
    let props = &got.props[0][0];
    assert_eq!(props.u32(Prop::ColorTransfer), Some(16));
    assert_eq!(props.by_name("FlvColorInfo"), Some(&Value::Bytes(data)));
}

#[test]
fn another_codec_in_the_place_of_a_track_is_another_output() {
    let file = File::new(Header { audio: false, video: true }).vp9_header(0).vp9(0, 0, true);
    let av1: &[u8] = &[0x81, 0, 0x0c, 0, 0x0a, 0x0b, 2, 0, 0, 5, 0x19, 0x6f, 0xfe, 1, 0x7c, 0, 0x20];
    let file = file.part(40, 0, FourCc::AV1, Content::Config, true, av1);
    let file = file.part(40, 0, FourCc::AV1, Content::Frames, true, &[0x12, 0]);
    let got = run(&file.0).expect("a good file");
    let codecs: Vec<String> = got.props.iter().map(|props| props[0].codec().expect("a codec").to_string()).collect();
    assert_eq!(codecs, ["vp9", "av1"]);
    assert_eq!(got.packets.iter().map(Vec::len).collect::<Vec<_>>(), [1, 1]);
}

#[test]
fn opus_without_a_header_is_set_up_by_its_first_packet() {
    let file = File::new(Header { audio: true, video: false });
    let file = file.part(0, 0, FourCc::OPUS, Content::Config, true, &[]);
    let got = run(&file.part(0, 0, FourCc::OPUS, Content::Frames, true, &[0xfc, 1]).0).expect("a good file");
    let props = &got.props[0][0];
    assert_eq!((props.u32(Prop::SampleRate), props.u32(Prop::NumChannels)), (Some(48_000), Some(2)));
    assert_eq!((got.packets[0][0].duration, got.packets[0][0].flags), (20, Flags::KEY));
}

#[test]
fn what_is_not_read_is_named_once() {
    let header = Header { audio: true, video: false };
    let file =
        File::new(header).aac_header().aac(0).body(9, 0, b"\x90vvc1\x01").body(9, 40, b"\x91vvc1\x00\x00\x00\x01");
    let file = file.body(9, 40, b"\x95hvc1\x01").body(9, 40, b"\x96\x30\x00").body(8, 40, b"\xb2\x00").body(
        8,
        40,
        b"\x90xxxx",
    );
    let got = run(&file.0).expect("a good file");
    assert_eq!(
        got.warnings,
        [
            "video is left out: vvc1 is not supported",
            "video is left out: hvc1 set up as in MPEG-2 TS is not supported",
            "video is left out: its multitrack form is not supported",
            "audio is left out: Speex (FLV audio codec 11) is not supported",
            "audio is left out: xxxx is not supported",
        ]
    );
    assert_eq!(got.packets.iter().map(Vec::len).collect::<Vec<_>>(), [1]);
}

#[test]
fn the_unofficial_form_of_hevc_is_read() {
    let clip = run(&data("hevc_opus.flv")).expect("a good file");
    let record = clip.props[0][0].bytes(Prop::DecoderConfig).expect("an hvcC").clone();
    let header = [&[0x1c, 0, 0, 0, 0][..], &record].concat();
    let picture = [&[0x1c, 1, 0, 0, 80][..], clip.packets[0][0].bytes().expect("bytes")].concat();
    let file = File::new(Header { audio: false, video: true }).body(9, 0, &header).body(9, 0, &picture);
    let got = run(&file.0).expect("a good file");
    assert_eq!((got.props[0][0].u32(Prop::Width), got.packets[0][0].cts), (Some(64), 80));
}

#[test]
fn damage_and_cuts_of_enhanced_files() {
    for name in FILES {
        let file = data(&format!("{name}.flv"));
        for len in (0..file.len()).step_by(7) {
            let _no_panic = run(&file[..len]);
        }
        let mut seed = 1_u32;
        for _ in 0..200 {
            let mut damaged = file.clone();
            for _ in 0..6 {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let at = seed as usize % damaged.len();
                damaged[at] = (seed >> 24) as u8;
            }
            if let Ok(got) = run_rounds(&[&damaged, &damaged], 500, &[]) {
                for packets in &got.packets {
                    assert!(packets.windows(2).all(|w| w[0].dts <= w[1].dts), "{name}: times go back");
                }
            }
        }
    }
}

#[test]
fn avc_in_the_enhanced_form_is_the_same_as_in_the_original() {
    let clip = run(&data("avc_mp3.flv")).expect("a good file");
    let record = clip.props[0][0].bytes(Prop::DecoderConfig).expect("an avcC").clone();
    let picture = clip.packets[0][0].bytes().expect("bytes").clone();
    let header = Header { audio: false, video: true };
    let file = File::new(header).part(0, 0, FourCc::AVC, Content::Config, true, &record);
    let enhanced = run(&file.part(0, 0, FourCc::AVC, Content::Frames, true, &picture).0).expect("a good file");
    let mut file = File::new(header);
    for (packet, data) in [(AvcPacket::SequenceHeader, record), (AvcPacket::Nalus, picture)] {
        VideoBody::Avc { key: true, packet, cts: 0, data }.write_tag(0, &mut file.0).expect("small");
    }
    let original = run(&file.0).expect("a good file");
    assert_eq!(enhanced.props, original.props);
    assert_eq!(enhanced.packets[0][0].bytes(), original.packets[0][0].bytes());
}
