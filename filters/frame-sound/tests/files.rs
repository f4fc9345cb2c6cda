//! The framers alone: files of FFmpeg, in any pieces, in rounds, damaged and cut.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use weir_media::{Bytes, Flags, Packet, Prop, Props, StreamType};
use weir_plugin::harness::Harness;
use weir_plugin::{Create, InId, Memory, Options, OutId, Registry, Result};

/// File, filter, frames in it.
const FILES: [(&str, &str, usize); 3] = [("mp3", "rfmpgaudio", 43), ("ac3", "rfac3", 32), ("eac3", "rfac3", 32)];

fn data(ext: &str) -> Vec<u8> {
    let path = format!("{}/tests/data/a.{ext}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Properties and packets.
type Made = (Vec<Props>, Vec<Packet>);

/// Runs a filter over rounds of bytes to its end; each but the first starts with a discontinuity.
fn run(name: &str, ext: &str, rounds: &[&[u8]], piece: usize) -> Result<Made> {
    let mut registry = Registry::new();
    weir_frame_sound::register(&mut registry);
    let plugin = registry.get(name).expect("registered");
    let options = Options::defaults(plugin.options());
    let filter = plugin.create(Create { options, bundle: None, memory: Memory::new(1 << 30) });
    let mut harness = Harness::new(filter.expect("no options"));
    harness.input(Props::new().with(Prop::StreamType, StreamType::File).with(Prop::FileExt, ext));
    for (round, bytes) in rounds.iter().enumerate() {
        for (i, chunk) in bytes.chunks(piece).enumerate() {
            let flags = if round > 0 && i == 0 { Flags::DISCONTINUITY } else { Flags::NONE };
            harness.packet(InId(0), Packet { flags, ..Packet::new(Bytes::copy_from_slice(chunk), 0) });
        }
    }
    harness.end(InId(0));
    harness.finish()?;
    Ok((harness.outputs()[0].props.clone(), harness.take(OutId(0))))
}

/// FFprobe counts as many. The tag in front of the MP3, and its frame without sound, are no packets.
#[test]
fn every_frame_is_a_packet_in_any_pieces() {
    for (ext, name, frames) in FILES {
        let bytes = data(ext);
        let (props, whole) = run(name, ext, &[&bytes], 65_536).expect("a good file");
        let [props] = &props[..] else { panic!("{ext}: {props:?}") };
        assert_eq!(whole.len(), frames, "{ext}");
        assert_eq!((props.u32(Prop::SampleRate), props.u32(Prop::Timescale)), (Some(48_000), Some(48_000)));
        assert_eq!(props.codec().map(weir_media::CodecId::name), Some(ext));
        let samples = i64::from(whole[0].duration);
        assert!(whole.iter().zip(0..).all(|(packet, n)| packet.dts == n * samples && packet.is_key()));
        for piece in [1, 7, 1000] {
            let (_, other) = run(name, ext, &[&bytes], piece).expect("a good file");
            assert!(whole.iter().zip(&other).all(|(a, b)| a.bytes() == b.bytes() && a.dts == b.dts));
            assert_eq!(other.len(), frames, "{ext} {piece}");
        }
    }
}

#[test]
fn rounds_go_on_in_time() {
    let bytes = data("mp3");
    let (_, packets) = run("rfmpgaudio", "mp3", &[&bytes, &bytes], 100).expect("a good file");
    assert_eq!(packets.len(), 2 * 43);
    assert!(packets.windows(2).all(|w| w[1].dts - w[0].dts == 1152));
    let marked: Vec<usize> = (0..86).filter(|n| packets[*n].flags.contains(Flags::DISCONTINUITY)).collect();
    assert_eq!(marked, [43]);
}

#[test]
fn what_has_no_frame_is_an_error() {
    for bytes in [&[0; 5000][..], b"ID3\x04\0\0\x7f\x7f\x7f\x7f", b""] {
        let why = run("rfmpgaudio", "mp3", &[bytes], 100).expect_err("it cannot be read").to_string();
        assert!(why.contains("the file has no frame of mp3"), "{why}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changed_bytes(changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..40)) {
        for (ext, name, _) in FILES {
            let mut bytes = data(ext);
            for (at, value) in &changes {
                let at = at.index(bytes.len());
                bytes[at] = *value;
            }
            if let Ok((props, packets)) = run(name, ext, &[&bytes, &bytes], 500) {
                // Times of another rate count in other units.
                prop_assert!(props.len() > 1 || packets.windows(2).all(|w| w[0].dts <= w[1].dts));
                prop_assert!(packets.iter().all(|p| !p.is_empty()));
            }
        }
    }
}
