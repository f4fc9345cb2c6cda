//! The demuxer alone: files of FFmpeg, whole, in any pieces, one behind the other, damaged and cut.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use weir_media::{Bytes, CodecId, Flags, Packet, Prop, Props, StreamType};
use weir_plugin::harness::Harness;
use weir_plugin::{Create, InId, Level, Memory, Options, OutId, Registry, Result};

const FILES: [&str; 3] = ["avc_aac.mkv", "hevc_ac3.mkv", "vp9_opus.webm"];
/// The ID of a cluster.
const CLUSTER: [u8; 4] = [0x1f, 0x43, 0xb6, 0x75];

/// Everything that came out of a run.
struct Run {
    props: Vec<Vec<Props>>,
    packets: Vec<Vec<Packet>>,
    warnings: Vec<String>,
}

impl Run {
    fn place(&self, codec: CodecId) -> usize {
        self.props.iter().position(|p| p[0].codec() == Some(codec)).expect("such an output")
    }

    fn of(&self, codec: CodecId) -> &[Packet] {
        &self.packets[self.place(codec)]
    }
}

fn data(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Runs the filter over rounds of bytes; each but the first starts with a discontinuity.
fn run_rounds(rounds: &[&[u8]], piece: usize) -> Result<Run> {
    let mut registry = Registry::new();
    weir_demux_mkv::register(&mut registry);
    let plugin = registry.get("mkvdmx").expect("registered");
    let options = Options::defaults(plugin.options());
    let filter = plugin.create(Create { options, bundle: None, memory: Memory::new(1 << 30) });
    let mut harness = Harness::new(filter.expect("no options"));
    harness.input(Props::new().with(Prop::StreamType, StreamType::File).with(Prop::FileExt, "mkv"));
    for (round, bytes) in rounds.iter().enumerate() {
        for (i, chunk) in bytes.chunks(piece).enumerate() {
            let flags = if round > 0 && i == 0 { Flags::DISCONTINUITY } else { Flags::NONE };
            harness.packet(InId(0), Packet { flags, ..Packet::new(Bytes::copy_from_slice(chunk), 0) });
        }
    }
    harness.end(InId(0));
    harness.finish()?;
    assert!(harness.outputs().iter().all(|out| out.ended), "every output ends");
    let props: Vec<_> = harness.outputs().iter().map(|out| out.props.clone()).collect();
    let packets = (0..props.len()).map(|i| harness.take(OutId(i as u32))).collect();
    let warnings = harness.logs.iter().filter(|(level, _)| *level == Level::Warning).map(|(_, l)| l.clone()).collect();
    Ok(Run { props, packets, warnings })
}

fn run(bytes: &[u8]) -> Run {
    run_rounds(&[bytes], 65_536).expect("a good file")
}

fn times(packets: &[Packet]) -> Vec<(i64, i64)> {
    packets.iter().map(|p| (p.dts, p.cts)).collect()
}

fn keys(packets: &[Packet]) -> Vec<usize> {
    packets.iter().enumerate().filter(|(_, p)| p.is_key()).map(|(n, _)| n).collect()
}

#[test]
fn avc_gets_decoding_times_and_aac_its_delay() {
    let run = run(&data("avc_aac.mkv"));
    let [video, audio] = [CodecId::Avc, CodecId::Aac].map(|codec| run.of(codec));
    assert_eq!(run.warnings, [""; 0]);
    assert_eq!(times(&video[..5]), [(-57, 23), (-17, 143), (23, 63), (63, 103), (103, 263)]);
    assert_eq!((video.len(), keys(video)), (25, vec![0, 10, 20]));
    assert_eq!(times(&audio[..3]), [(0, 0), (23, 23), (46, 46)]);
    assert_eq!(audio[0].duration, 23);
    let props = &run.props[run.place(CodecId::Avc)][0];
    assert_eq!(
        (props.u32(Prop::Width), props.u32(Prop::Height), props.u32(Prop::Timescale)),
        (Some(64), Some(48), Some(1000))
    );
    assert!(props.get(Prop::DecoderConfig).is_some());
}

#[test]
fn hevc_and_ac3() {
    let run = run(&data("hevc_ac3.mkv"));
    let [video, audio] = [CodecId::Hevc, CodecId::Ac3].map(|codec| run.of(codec));
    assert_eq!((video.len(), keys(video)), (25, vec![0, 7, 16]));
    assert!(video.windows(2).all(|w| w[0].dts < w[1].dts) && video.iter().all(|p| p.cts >= p.dts));
    let durations: Vec<u32> = audio.iter().map(|p| p.duration).collect();
    assert!(durations.iter().all(|duration| *duration == 34), "{durations:?}");
}

/// Of a pipe: neither the segment nor its clusters have a size. VP9 has no record but its first key picture.
#[test]
fn sizes_need_not_be_known_and_vp9_tells_itself() {
    let run = run(&data("vp9_opus.webm"));
    let [video, audio] = [CodecId::Vp9, CodecId::Opus].map(|codec| run.of(codec));
    assert_eq!((video.len(), keys(video)), (25, vec![0, 10, 20]));
    assert!(video.iter().all(|p| p.dts == p.cts));
    let props = &run.props[run.place(CodecId::Vp9)][0];
    let Some(weir_media::Value::Bytes(record)) = props.get(Prop::DecoderConfig) else { panic!("no record") };
    // Profile 0, no level, 8 bits in 4:2:0 of limited range, BT.601 as FFmpeg marks what nobody told it of.
    assert_eq!(record[..7], [1, 0, 0, 0, 0, 0, 0x82]);
    assert_eq!((props.u32(Prop::Width), props.u32(Prop::Height)), (Some(64), Some(48)));
    // 312 samples that are not to be heard.
    assert_eq!(run.props[run.place(CodecId::Opus)][0].i64(Prop::Delay), Some(-7));
    assert_eq!(audio[0].cts, -7);
}

#[test]
fn pieces_of_any_size_make_no_difference() {
    for name in FILES {
        let bytes = data(name);
        let whole = run(&bytes);
        for piece in [1, 100, 1000] {
            let other = run_rounds(&[&bytes], piece).expect("a good file");
            for (a, b) in whole.packets.iter().zip(&other.packets) {
                assert_eq!(times(a), times(b), "{name} {piece}");
                assert!(a.iter().zip(b).all(|(a, b)| a.bytes() == b.bytes() && a.flags == b.flags));
            }
        }
    }
}

#[test]
fn rounds_and_files_behind_each_other_go_on() {
    let bytes = data("vp9_opus.webm");
    let rounds = run_rounds(&[&bytes, &bytes], 1000).expect("a good file");
    let joined = run(&[&bytes[..], &bytes].concat());
    for run in [rounds, joined] {
        let video = run.of(CodecId::Vp9);
        assert_eq!((run.props.len(), video.len()), (2, 50));
        assert!(video.windows(2).all(|w| w[0].dts < w[1].dts));
        assert!(video[25].flags.contains(Flags::DISCONTINUITY));
        let seam = video[25].dts - video[24].dts;
        assert!((40..100).contains(&seam), "{seam}");
    }
}

#[test]
fn another_file_behind_one_has_other_outputs() {
    let run = run(&[data("avc_aac.mkv"), data("vp9_opus.webm")].concat());
    assert_eq!(run.props.len(), 4);
    assert_eq!((run.of(CodecId::Avc).len(), run.of(CodecId::Vp9).len()), (25, 25));
    assert!(run.of(CodecId::Vp9)[0].dts > run.of(CodecId::Avc)[24].dts);
}

#[test]
fn a_damaged_stretch_is_skipped_up_to_the_next_cluster() {
    let mut bytes = data("hevc_ac3.mkv");
    let whole = run(&bytes);
    let clusters: Vec<usize> = (0..bytes.len() - 4).filter(|at| bytes[*at..*at + 4] == CLUSTER).collect();
    assert!(clusters.len() >= 4, "{clusters:?}");
    bytes[clusters[1]..clusters[1] + 40].fill(0);
    let run = run(&bytes);
    let (before, after) = (whole.of(CodecId::Hevc), run.of(CodecId::Hevc));
    assert!(after.len() < before.len() && after.len() > 10, "{} pictures", after.len());
    assert_eq!(after.iter().filter(|p| p.flags.contains(Flags::DISCONTINUITY)).count(), 1);
    let expected =
        format!("{} bytes from byte {} on are damaged and are skipped", clusters[2] - clusters[1], clusters[1]);
    assert_eq!(run.warnings, [expected]);
}

#[test]
fn hostile_sizes_take_no_memory() {
    let head = [0x1a, 0x45, 0xdf, 0xa3, 0x80, 0x18, 0x53, 0x80, 0x67, 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    // A list of tracks, a block, and something unknown, of 2^55 bytes each.
    for id in [&[0x16, 0x54, 0xae, 0x6b][..], &[0xa3], &[0x42, 0x42]] {
        let bytes = [&head[..], id, &[0x01, 0x80, 0, 0, 0, 0, 0, 0], &[0; 5000]].concat();
        let why = run_rounds(&[&bytes], 100).err().expect("there is no track").to_string();
        assert!(why.contains("without a track of a codec that is read here"), "{why}");
    }
}

fn check(run: &Run) {
    for packets in &run.packets {
        assert!(packets.windows(2).all(|w| w[0].dts <= w[1].dts), "decoding times never go back");
        assert!(packets.iter().all(|p| !p.is_empty() && p.cts >= p.dts));
    }
    assert!(run.warnings.len() <= 33, "{} warnings", run.warnings.len());
}

#[test]
fn a_cut_at_every_few_bytes() {
    for name in FILES {
        let bytes = data(name);
        let whole = run(&bytes);
        for len in (0..bytes.len()).step_by(31) {
            let Ok(got) = run_rounds(&[&bytes[..len]], 4096) else { continue };
            check(&got);
            for (props, cut) in got.props.iter().zip(&got.packets) {
                let all = whole.of(props[0].codec().expect("a codec"));
                assert!(cut.iter().zip(all).all(|(a, b)| a.dts == b.dts && a.bytes() == b.bytes()), "{name} {len}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changed_bytes(changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..40)) {
        for name in FILES {
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
    fn noise(bytes in proptest::collection::vec(any::<u8>(), 0..2000), at in any::<prop::sample::Index>()) {
        let mut file = data("avc_aac.mkv");
        let at = at.index(file.len());
        file.splice(at..at, bytes);
        if let Ok(got) = run_rounds(&[&file], 777) {
            check(&got);
        }
    }
}
