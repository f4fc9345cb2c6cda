//! The demuxer alone: streams of FFmpeg and made ones, in any pieces, damaged, cut, over wraps and jumps of the clock.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use weir_codec::aac::AudioSpecificConfig;
use weir_media::{Bytes, CodecId, Flags, Packet, Prop, Props, StreamType};
use weir_plugin::harness::Harness;
use weir_plugin::{Create, InId, Level, Memory, Options, OutId, Registry, Result};
use weir_ts::{Medium, Multiplex, Settings};

const SIZE: usize = 188;
/// AAC-LC, 48 kHz, stereo.
const ASC: [u8; 2] = [0x11, 0x90];

/// Everything that came out of a run.
struct Run {
    props: Vec<Vec<Props>>,
    packets: Vec<Vec<Packet>>,
    warnings: Vec<String>,
}

impl Run {
    fn of(&self, codec: CodecId) -> &[Packet] {
        let place = self.props.iter().position(|p| p[0].codec() == Some(codec)).expect("such an output");
        &self.packets[place]
    }
}

fn data(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// A harness around the filter, with rounds of bytes to come; each but the first starts with a discontinuity.
fn harness(rounds: &[&[u8]], piece: usize) -> Harness {
    let mut registry = Registry::new();
    weir_demux_ts::register(&mut registry);
    let plugin = registry.get("m2tsdmx").expect("registered");
    let options = Options::defaults(plugin.options());
    let filter = plugin.create(Create { options, bundle: None, memory: Memory::new(1 << 30) });
    let mut harness = Harness::new(filter.expect("no options"));
    harness.input(Props::new().with(Prop::StreamType, StreamType::File).with(Prop::FileExt, "ts"));
    for (round, bytes) in rounds.iter().enumerate() {
        for (i, chunk) in bytes.chunks(piece).enumerate() {
            let flags = if round > 0 && i == 0 { Flags::DISCONTINUITY } else { Flags::NONE };
            harness.packet(InId(0), Packet { flags, ..Packet::new(Bytes::copy_from_slice(chunk), 0) });
        }
    }
    harness
}

/// Runs the filter over rounds of bytes to its end.
fn run_rounds(rounds: &[&[u8]], piece: usize) -> Result<Run> {
    let mut harness = harness(rounds, piece);
    harness.end(InId(0));
    harness.finish()?;
    assert!(harness.outputs().iter().all(|out| out.ended), "every output ends");
    let props: Vec<_> = harness.outputs().iter().map(|out| out.props.clone()).collect();
    let packets = (0..props.len()).map(|i| harness.take(OutId(i as u32))).collect();
    let warnings = harness.logs.iter().filter(|(level, _)| *level == Level::Warning).map(|(_, l)| l.clone()).collect();
    Ok(Run { props, packets, warnings })
}

fn run(bytes: &[u8]) -> Run {
    run_rounds(&[bytes], 65_536).expect("a good stream")
}

fn times(packets: &[Packet]) -> Vec<(i64, i64)> {
    packets.iter().map(|p| (p.dts, p.cts)).collect()
}

fn steps(packets: &[Packet]) -> Vec<i64> {
    packets.windows(2).map(|w| w[1].dts - w[0].dts).collect()
}

fn jumps(packets: &[Packet]) -> usize {
    packets.iter().filter(|p| p.flags.contains(Flags::DISCONTINUITY)).count()
}

/// Media of both kinds from decoding time `from` on, in units of 90 kHz: pictures of 40 ms with `size` bytes and more, and
/// frames of sound.
fn made(from: i64, pictures: i64, size: usize, has_sound: bool) -> Vec<u8> {
    let settings =
        Settings { tables_every: 18_000, clock_every: 9_000, lead: 45_000, frames: 1, program: 7, map_pid: 100 };
    let mut multiplex = Multiplex::new(settings);
    let video = multiplex.add(Medium::Avc);
    let audio = has_sound.then(|| multiplex.add(Medium::Aac));
    if let Some(audio) = audio {
        AudioSpecificConfig::parse(&ASC).expect("a good one");
        multiplex.configure(audio, &Bytes::from_static(&ASC)).expect("it is sound");
    }
    for n in 0..pictures {
        let (at, is_key) = (from + n * 3600, n % 10 == 0);
        let nal = [&[0, 0, 0, 1, if is_key { 0x65 } else { 0x41 }][..], &vec![n as u8; size]].concat();
        multiplex.write(video, &nal, at, at, is_key).expect("it is written");
        if let Some(audio) = audio {
            multiplex.write(audio, &[n as u8; 100], at, at, true).expect("it is written");
        }
    }
    multiplex.flush_all().expect("it is written");
    multiplex.take().to_vec()
}

#[test]
fn avc_and_aac_pass_with_the_times_of_the_stream() {
    let run = run(&data("avc_aac.ts"));
    let [video, audio] = [CodecId::Avc, CodecId::Aac].map(|codec| run.of(codec));
    assert_eq!(run.warnings, [""; 0]);
    // What is shown first is sound here, 2090 units before the picture that FFprobe has at 133200.
    assert_eq!(times(&video[..4]), [(-5110, 2090), (-1510, 12890), (2090, 5690), (5690, 9290)]);
    assert_eq!(video.len(), 25);
    let keys: Vec<usize> = (0..25).filter(|i| video[*i].is_key()).collect();
    assert_eq!(keys, [0, 10, 20]);
    assert_eq!(audio[0].cts, 0);
    assert!(audio.iter().all(Packet::is_key));
    let props = &run.props[0][0];
    assert_eq!((props.u32(Prop::ServiceId), props.u32(Prop::Timescale)), (Some(1), Some(90_000)));
    assert_eq!(props.get(Prop::Unframed), Some(&true.into()));
}

#[test]
fn hevc_and_ac3_are_framed() {
    let run = run(&data("hevc_ac3.ts"));
    let [video, audio] = [CodecId::Hevc, CodecId::Ac3].map(|codec| run.of(codec));
    let props = run.props.iter().map(|p| &p[0]).find(|p| p.codec() == Some(CodecId::Hevc)).expect("HEVC");
    assert_eq!((props.u32(Prop::Width), props.u32(Prop::Height)), (Some(64), Some(48)));
    assert!(props.get(Prop::DecoderConfig).is_some());
    assert_eq!(times(&video[..4]), [(-6678, 522), (-3078, 14922), (522, 7722), (4122, 4122)]);
    assert_eq!((video.len(), video.iter().filter(|p| p.is_key()).count()), (25, 3));
    // At 44.1 kHz, 1536 samples are 3134.7 units: counted from the last time that was told.
    assert!(audio.iter().all(|p| (3134..=3135).contains(&p.duration)));
    assert!(steps(audio).iter().all(|step| (3133..=3136).contains(step)), "{:?}", steps(audio));
    assert_eq!((audio[0].len(), audio[1].len()), (278, 280));
}

#[test]
fn programmes_are_told_apart_and_each_begins_at_0() {
    let run = run(&data("mp3_eac3.ts"));
    let service = |codec| {
        let props = run.props.iter().map(|p| &p[0]).find(|p| p.codec() == Some(codec));
        props.and_then(|p| p.u32(Prop::ServiceId))
    };
    assert_eq!((service(CodecId::Mp3), service(CodecId::Eac3)), (Some(1), Some(2)));
    let [mp3, eac3] = [CodecId::Mp3, CodecId::Eac3].map(|codec| run.of(codec));
    assert_eq!((mp3[0].cts, eac3[0].cts), (0, 0));
    assert!(mp3.len() > 38 && mp3.iter().all(|p| (104..=105).contains(&p.len())), "{}", mp3.len());
    assert!(steps(mp3).iter().all(|step| (2350..=2352).contains(step)), "{:?}", steps(mp3));
}

/// MPEG audio of layer 2, as it is on air, is no MP3: it is named once, and nothing waits for it.
#[test]
fn what_cannot_be_read_is_left_out_at_once() {
    let bytes = data("avc_mp2.ts");
    let whole = run(&bytes);
    assert_eq!((whole.props.len(), whole.of(CodecId::Avc).len()), (1, 25));
    assert_eq!(whole.warnings, ["PID 257: sound is left out: MPEG audio of layer 2 is not supported"]);
    let mut harness = harness(&[&bytes[..bytes.len() / 2]], 188);
    harness.run().expect("it rests");
    assert!(harness.outputs().len() == 1 && harness.take(OutId(0)).len() > 5);
}

#[test]
fn key_pictures_need_no_mark() {
    let mut bytes = made(0, 30, 100, false);
    let keys = |run: &Run| run.of(CodecId::Avc).iter().map(Packet::is_key).collect::<Vec<_>>();
    let marked = keys(&run(&bytes));
    for packet in bytes.chunks_mut(SIZE).filter(|packet| packet[3] & 0x20 != 0 && packet[4] > 0) {
        packet[5] &= !0x40;
    }
    assert_eq!(keys(&run(&bytes)), marked);
    assert_eq!(marked.iter().filter(|key| **key).count(), 3);
}

#[test]
fn pieces_of_any_size_make_no_difference() {
    for name in ["avc_aac.ts", "hevc_ac3.ts", "mp3_eac3.ts"] {
        let bytes = data(name);
        let whole = run(&bytes);
        for piece in [1, 188, 1000] {
            let other = run_rounds(&[&bytes], piece).expect("a good stream");
            for (a, b) in whole.packets.iter().zip(&other.packets) {
                assert_eq!(times(a), times(b), "{name} {piece}");
                assert!(a.iter().zip(b).all(|(a, b)| a.bytes() == b.bytes() && a.flags == b.flags));
            }
        }
    }
}

#[test]
fn a_stream_may_begin_anywhere() {
    let bytes = data("hevc_ac3.ts");
    let run = run(&bytes[5000..]);
    let video = run.of(CodecId::Hevc);
    assert!(video[0].is_key() && video.len() > 10, "{} pictures", video.len());
    assert!(run.of(CodecId::Ac3).len() > 10);
}

#[test]
fn times_that_wrap_go_on() {
    let before = made(0, 100, 10, true);
    let wrapping = made((1 << 33) - 45_000 - 50 * 3600, 100, 10, true);
    let [before, wrapping] = [run(&before), run(&wrapping)];
    assert_eq!(times(before.of(CodecId::Avc)), times(wrapping.of(CodecId::Avc)));
    assert_eq!(times(before.of(CodecId::Aac)), times(wrapping.of(CodecId::Aac)));
    assert_eq!(before.of(CodecId::Avc).len(), 100);
}

#[test]
fn a_clock_that_jumps_goes_on_with_sound_and_picture_in_step() {
    for to in [0, 3 * 90_000, 5000 * 90_000] {
        let bytes = [made(90_000 * 1000, 50, 10, true), made(to, 50, 10, true)].concat();
        let run = run(&bytes);
        let [video, audio] = [CodecId::Avc, CodecId::Aac].map(|codec| run.of(codec));
        assert_eq!((video.len(), audio.len()), (100, 100), "{:?}", run.warnings);
        assert_eq!(steps(video), [3600; 99], "{to}");
        assert!(video.iter().zip(audio).all(|(v, a)| v.dts == a.dts), "{to}");
    }
}

#[test]
fn an_input_that_starts_over_goes_on() {
    let bytes = made(90_000, 25, 500, true);
    let run = run_rounds(&[&bytes, &bytes, &bytes], 1000).expect("a good stream");
    assert_eq!(steps(run.of(CodecId::Avc)), [3600; 74]);
    assert_eq!((jumps(run.of(CodecId::Avc)), jumps(run.of(CodecId::Aac))), (2, 2));
}

#[test]
fn what_a_lost_packet_belongs_to_is_left_out_and_the_next_is_marked() {
    let mut bytes = made(0, 30, 1000, true);
    let whole = run(&bytes);
    // The second packet of a picture in the middle.
    let of_video = |n: &usize| bytes[n * SIZE..][1..3] == [0, 101];
    let lost = (0..bytes.len() / SIZE).filter(of_video).nth(60).expect("so many");
    bytes.drain(lost * SIZE..(lost + 1) * SIZE);
    let run = run(&bytes);
    let (before, after) = (whole.of(CodecId::Avc), run.of(CodecId::Avc));
    assert_eq!(after.len(), before.len() - 1);
    let gap = steps(after).iter().position(|step| *step == 7200).expect("a picture is missing");
    assert!(after[gap + 1].flags.contains(Flags::DISCONTINUITY));
    assert_eq!((jumps(after), jumps(run.of(CodecId::Aac))), (1, 0));
    assert_eq!(run.warnings, ["packets are missing on PID 101"]);
}

#[test]
fn a_packet_that_comes_twice_counts_once() {
    let bytes = made(0, 10, 1000, true);
    let twice: Vec<u8> = bytes.chunks(SIZE).flat_map(|packet| [packet, packet].concat()).collect();
    let [once, twice] = [run(&bytes), run(&twice)];
    let sizes = |run: &Run| run.of(CodecId::Avc).iter().map(Packet::len).collect::<Vec<_>>();
    assert_eq!((sizes(&once), twice.warnings.len()), (sizes(&twice), 0));
}

#[test]
fn a_stream_that_comes_later_is_another_output() {
    let run = run(&[made(0, 50, 100, false), made(50 * 3600, 50, 100, true)].concat());
    assert_eq!((run.of(CodecId::Avc).len(), run.of(CodecId::Aac).len()), (100, 50));
    assert_eq!(steps(run.of(CodecId::Avc)), [3600; 99]);
}

#[test]
fn noise_is_no_stream() {
    let noise: Vec<u8> = (0..100_000_u32).map(|n| (n.wrapping_mul(n) >> 7) as u8).collect();
    let why = run_rounds(&[&noise], 1000).err().expect("it cannot be read").to_string();
    assert!(why.contains("without a stream of a codec that is read here"), "{why}");
}

fn check(run: &Run) {
    for packets in &run.packets {
        assert!(packets.windows(2).all(|w| w[0].dts <= w[1].dts), "decoding times never go back");
        assert!(packets.iter().all(|p| !p.is_empty() && p.cts >= p.dts));
    }
    assert!(run.warnings.len() <= 33, "{} warnings", run.warnings.len());
}

#[test]
fn a_cut_at_every_packet_and_in_it() {
    for name in ["avc_aac.ts", "mp3_eac3.ts"] {
        let bytes = data(name);
        for len in (0..bytes.len()).step_by(97) {
            if let Ok(got) = run_rounds(&[&bytes[..len]], 4096) {
                check(&got);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changed_bytes(changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..40)) {
        for name in ["avc_aac.ts", "hevc_ac3.ts", "mp3_eac3.ts"] {
            let mut bytes = data(name);
            for (at, value) in &changes {
                let at = at.index(bytes.len());
                bytes[at] = *value;
            }
            if let Ok(got) = run_rounds(&[&bytes, &bytes], 1000) {
                check(&got);
            }
        }
    }

    #[test]
    fn packets_in_any_order(order in proptest::collection::vec(any::<prop::sample::Index>(), 0..200)) {
        let bytes = data("avc_aac.ts");
        let packets: Vec<&[u8]> = bytes.chunks(SIZE).collect();
        let mixed: Vec<u8> = order.iter().flat_map(|at| packets[at.index(packets.len())]).copied().collect();
        if let Ok(got) = run_rounds(&[&mixed, &bytes], 1000) {
            check(&got);
        }
    }
}
