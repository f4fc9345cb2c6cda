//! Rounds, wraps, changes, foreign codecs and damage, with files made tag by tag.

use crate::common::{Run, collect, data, harness, push_rounds, run, run_rounds};
use weir_flv::{AacPacket, AudioBody, AvcPacket, Header, VideoBody};
use weir_media::{Bytes, BytesMut, Flags, Packet, Prop, StreamType};
use weir_plugin::{Credit, Event, InId, Item, OutId, Status};

/// AAC LC, 48 kHz, stereo.
const ASC: [u8; 2] = [0x11, 0x90];

/// A file being written.
struct File(BytesMut);

impl File {
    fn new() -> Self {
        Self(BytesMut::from(&Header::default().to_bytes()[..]))
    }

    fn video_body(mut self, ts: u32, key: bool, packet: AvcPacket, cts: i32, data: &[u8]) -> Self {
        let body = VideoBody::Avc { key, packet, cts, data: Bytes::copy_from_slice(data) };
        body.write_tag(ts, &mut self.0).expect("small");
        self
    }

    fn avc_header(self, ts: u32, record: &[u8]) -> Self {
        self.video_body(ts, true, AvcPacket::SequenceHeader, 0, record)
    }

    /// A sample of one slice: an IDR picture, or one that nobody refers to.
    fn video(self, ts: u32, key: bool, cts: i32) -> Self {
        let nal: &[u8] = if key { &[0, 0, 0, 3, 0x65, 0x88, 1] } else { &[0, 0, 0, 3, 0x01, 0x9a, 2] };
        self.video_body(ts, key, AvcPacket::Nalus, cts, nal)
    }

    fn aac(mut self, ts: u32, packet: AacPacket, data: &[u8]) -> Self {
        let body = AudioBody::Aac { packet, data: Bytes::copy_from_slice(data) };
        body.write_tag(ts, &mut self.0).expect("small");
        self
    }

    fn audio(self, ts: u32) -> Self {
        self.aac(ts, AacPacket::Raw, &[0x21, 0x10])
    }

    fn headers(self, ts: u32) -> Self {
        self.avc_header(ts, &avcc()).aac(ts, AacPacket::SequenceHeader, &ASC)
    }

    fn raw(mut self, kind: u8, ts: u32, body: &[u8]) -> Self {
        let size = u32::try_from(body.len()).expect("small");
        self.0.extend_from_slice(&[kind]);
        self.0.extend_from_slice(&size.to_be_bytes()[1..]);
        self.0.extend_from_slice(&ts.to_be_bytes()[1..]);
        self.0.extend_from_slice(&[ts.to_be_bytes()[0], 0, 0, 0]);
        self.0.extend_from_slice(body);
        self.0.extend_from_slice(&(size + 11).to_be_bytes());
        self
    }
}

/// The avcC of the committed file.
fn avcc() -> Bytes {
    record_of(&run(&data("av.flv")).expect("a good file"), StreamType::Visual, 0)
}

fn record_of(run: &Run, ty: StreamType, change: usize) -> Bytes {
    let all = run.props.iter().find(|p| p[0].stream_type() == Some(ty)).expect("such an output");
    all[change].bytes(Prop::DecoderConfig).expect("a configuration").clone()
}

fn times(packets: &[Packet]) -> Vec<(i64, i64)> {
    packets.iter().map(|p| (p.dts, p.cts)).collect()
}

fn marks(packets: &[Packet]) -> Vec<bool> {
    packets.iter().map(|p| p.flags.contains(Flags::DISCONTINUITY)).collect()
}

#[test]
fn flags_and_times_come_from_the_tags() {
    let file = File::new().headers(0).video(0, true, 80).audio(5).video(40, false, -40).audio(26);
    let got = run(&file.0).expect("a good file");
    let [video, audio] = got.video_audio();
    assert_eq!(times(video), [(0, 80), (40, 0)]);
    assert_eq!(times(audio), [(5, 5), (26, 26)]);
    assert_eq!((video[0].flags, video[1].flags), (Flags::KEY, Flags::DISPOSABLE));
    assert!(audio.iter().all(|p| p.flags == Flags::KEY && p.duration == 22));
    assert_eq!(got.warnings, [""; 0]);
}

#[test]
fn rounds_follow_each_other_with_one_offset_for_all_tracks() {
    let file = data("av.flv");
    let once = run(&file).expect("a good file");
    let thrice = run_rounds(&[&file, &file, &file], 777, &[]).expect("good files");
    let [video, audio] = once.video_audio();
    let end = (video.last().expect("video").dts + 40).max(audio.last().expect("audio").dts + 24);
    let begin = video[0].dts.min(audio[0].dts);
    for (one, three) in once.video_audio().into_iter().zip(thrice.video_audio()) {
        let period = end - begin;
        for (i, p) in three.iter().enumerate() {
            let (round, of) = (i / one.len(), &one[i % one.len()]);
            let moved = i64::try_from(round).expect("few") * period;
            assert_eq!((p.dts, p.cts, p.bytes()), (of.dts + moved, of.cts + moved, of.bytes()), "packet {i}");
            let begins = round > 0 && i % one.len() == 0;
            assert_eq!(p.flags.contains(Flags::DISCONTINUITY), begins, "packet {i}");
        }
        assert_eq!(three.len(), 3 * one.len());
    }
    assert!(thrice.props.iter().all(|p| p.len() == 1), "the same headers change nothing");
}

#[test]
fn a_round_that_was_cut_off_is_read_to_its_end() {
    let file = data("av.flv");
    let got = run_rounds(&[&file[..file.len() - 30], &file], 4096, &[]).expect("good enough");
    assert_eq!(got.warnings.len(), 1, "{:?}", got.warnings);
    assert!(got.warnings[0].contains("the file ends inside a header or tag"), "{:?}", got.warnings);
    for packets in got.video_audio() {
        assert!(packets.windows(2).all(|w| w[0].dts <= w[1].dts));
        assert_eq!(marks(packets).iter().filter(|m| **m).count(), 1);
    }
}

#[test]
fn times_go_on_over_the_wrap_and_start_moves_them() {
    let t = u32::MAX - 9;
    let file = File::new().headers(0).video(t, true, 0).audio(t + 5).video(30, false, 0).audio(16);
    let got = run_rounds(&[&file.0], 100, &[("start", "-1000")]).expect("a good file");
    let [video, audio] = got.video_audio();
    let t = i64::from(t) - 1000;
    assert_eq!(times(video), [(t, t), (t + 40, t + 40)]);
    assert_eq!(times(audio), [(t + 5, t + 5), (t + 26, t + 26)]);
}

#[test]
fn times_that_go_back_are_held() {
    let file = File::new().headers(0).audio(100).audio(40).audio(130);
    let got = run(&file.0).expect("a good file");
    let audio = got.video_audio()[1];
    assert_eq!(audio.iter().map(|p| p.dts).collect::<Vec<_>>(), [100, 100, 130]);
}

#[test]
fn a_changed_header_changes_the_properties_before_the_packets() {
    let mut other = avcc().to_vec();
    let len = other.len();
    other[len - 1] ^= 1; // the last byte of the PPS or of what follows it
    let file = File::new().headers(0).video(0, true, 0).avc_header(0, &avcc()).avc_header(40, &other);
    let file = file.aac(40, AacPacket::SequenceHeader, &[0x12, 0x10]).video(40, true, 0).audio(40);
    let got = run(&file.0).expect("a good file");
    let changes = |ty| got.props.iter().find(|p| p[0].stream_type() == Some(ty)).expect("an output").len();
    assert_eq!((changes(StreamType::Visual), changes(StreamType::Audio)), (2, 2));
    assert_eq!(record_of(&got, StreamType::Visual, 1), other);
    assert_eq!(record_of(&got, StreamType::Audio, 1), [0x12, 0x10].as_slice());
}

#[test]
fn short_length_fields_become_four_bytes_and_sets_in_band_go_to_the_record() {
    let whole = avcc();
    let mut two = whole.to_vec();
    two[4] = 0xfd;
    let sample = [0, 2, 0x09, 0xf0, 0, 3, 0x65, 0x88, 1];
    let file = File::new().avc_header(0, &two).video_body(0, true, AvcPacket::Nalus, 0, &sample);
    let got = run(&file.0).expect("a good file");
    assert_eq!(record_of(&got, StreamType::Visual, 0)[4], 0xff);
    assert_eq!(got.packets[0][0].bytes().expect("bytes"), [0, 0, 0, 3, 0x65, 0x88, 1].as_slice());
}

#[test]
fn foreign_codecs_are_named_once_and_the_rest_goes_on() {
    let vvc = b"\x90vvc1\x01\x02";
    let file = File::new().headers(0).raw(9, 0, vvc).raw(9, 40, vvc).raw(9, 40, &[0x22, 1, 2]).raw(8, 0, &[0xb2, 1]);
    let got = run(&file.raw(8, 20, &[0xb2, 1]).audio(40).0).expect("a good file");
    assert_eq!(
        got.warnings,
        [
            "video is left out: vvc1 is not supported",
            "video is left out: Sorenson H.263 (FLV video codec 2) is not supported",
            "audio is left out: Speex (FLV audio codec 11) is not supported",
        ]
    );
    assert_eq!(got.video_audio()[1].len(), 1);
}

#[test]
fn nothing_usable_is_an_error() {
    let file = File::new().raw(8, 0, &[0xb2, 1]);
    assert!(run(&file.0).expect_err("Speex").message.contains("without a track of a codec that is read here"));
    assert!(run(b"").is_err());
    assert!(run(b"this is no FLV at all, and it is long enough to see that").is_err());
}

#[test]
fn media_before_its_header_is_left_out_with_a_warning() {
    let file = File::new().audio(0).audio(21).aac(42, AacPacket::SequenceHeader, &ASC).audio(42);
    let got = run(&file.0).expect("a good file");
    assert_eq!(got.warnings, ["audio before its sequence header is left out"]);
    assert_eq!(times(&got.packets[0]), [(42, 42)]);
}

#[test]
fn empty_and_damaged_tags_are_left_out() {
    let file = File::new().headers(0).raw(8, 0, &[]).raw(9, 0, &[]).raw(8, 0, &[0xaf]).raw(9, 0, &[0x17, 1, 0]);
    let file = file.video_body(0, true, AvcPacket::Nalus, 0, &[0, 0, 0, 9, 0x65]).video(40, true, 0);
    let file = file.video_body(80, true, AvcPacket::EndOfSequence, 0, &[]).raw(9, 80, &[0x57, 0]).audio(80);
    let got = run(&file.0).expect("good enough");
    assert_eq!(got.warnings.len(), 3, "{:?}", got.warnings);
    assert!(got.warnings.iter().all(|w| w.contains("at byte")), "{:?}", got.warnings);
    let [video, audio] = got.video_audio();
    assert_eq!((times(video), times(audio)), (vec![(40, 40)], vec![(80, 80)]));
    assert_eq!(marks(video), [true]);
}

#[test]
fn damage_is_skipped_with_its_place_and_marked() {
    let good = File::new().headers(0).audio(0);
    let at = good.0.len();
    let mut bytes = good.0;
    bytes.extend_from_slice(&[0x77; 100]);
    let rest = File(BytesMut::new()).audio(21).video(21, true, 0);
    bytes.extend_from_slice(&rest.0);
    let got = run(&bytes).expect("good enough");
    assert_eq!(got.warnings, [format!("FLV, byte {at}: no tag where one should start")]);
    let [video, audio] = got.video_audio();
    assert_eq!((marks(video), marks(audio)), (vec![true], vec![false, true]));
}

#[test]
fn origin_is_that_of_the_bytes() {
    let mut harness = harness(&[]);
    let mut packet = Packet::new(File::new().headers(0).audio(0).0.freeze(), 0);
    packet.origin = weir_media::Time::from_millis(7);
    harness.packet(InId(0), packet);
    harness.end(InId(0));
    harness.finish().expect("a good file");
    assert_eq!(collect(&mut harness).video_audio()[1][0].origin, weir_media::Time::from_millis(7));
}

#[test]
fn rests_while_an_output_is_full_and_stops_when_told() {
    let file = data("av.flv");
    let mut harness = harness(&[]);
    push_rounds(&mut harness, &[&file], 65_536);
    harness.credit = Credit::Packets(0);
    assert_eq!(harness.run(), Ok(Status::Idle));
    let sent = |h: &weir_plugin::harness::Harness| h.outputs().iter().map(|o| o.packets.len()).sum::<usize>();
    assert!(sent(&harness) <= 1, "only what a fresh output takes");
    harness.credit = Credit::Packets(1);
    harness.step().expect("a good file");
    assert!(sent(&harness) <= 3);
    harness.event(Event::Stop).expect("stops");
    assert_eq!(harness.run(), Ok(Status::Done));
    assert!(harness.outputs().iter().all(|out| out.ended));
}

#[test]
fn new_properties_of_the_input_do_no_harm() {
    let mut harness = harness(&[]);
    let file = data("av.flv");
    harness.packet(InId(0), Packet::new(Bytes::copy_from_slice(&file[..1000]), 0));
    harness.push(InId(0), Item::Props(weir_media::Props::new()));
    harness.packet(InId(0), Packet::new(Bytes::copy_from_slice(&file[1000..]), 0));
    harness.end(InId(0));
    harness.finish().expect("a good file");
    assert!(harness.take(OutId(0)).len() > 20);
}
