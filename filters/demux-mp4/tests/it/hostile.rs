//! Files that are cut or changed: errors and warnings, never a panic, and decoding times that never go back.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::common::{Run, data, run, run_bytes};

const FILES: [&str; 5] = ["end.mp4", "late.mp4", "quicktime.mov", "hybrid.mp4", "apart.mp4"];

fn check(run: &Run) {
    for packets in &run.packets {
        assert!(packets.windows(2).all(|w| w[0].dts <= w[1].dts), "decoding times never go back");
        assert!(packets.iter().all(|p| !p.is_empty()));
    }
}

#[test]
fn a_cut_at_every_byte() {
    for name in ["end.mp4", "hybrid.mp4", "apart.mp4"] {
        let file = std::fs::read(data(name)).expect("a committed file");
        let whole = run(name, &[]).expect("a good file");
        for len in 0..file.len() {
            let Ok(got) = run_bytes("cut", &file[..len], &[]) else { continue };
            check(&got);
            for (cut, all) in got.packets.iter().zip(&whole.packets) {
                assert!(cut.len() <= all.len());
                let same = cut.iter().zip(all).all(|(a, b)| (a.dts, a.bytes()) == (b.dts, b.bytes()));
                assert!(same, "{name} cut at {len}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1000, rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default()
    })]

    /// Most changes go where the boxes are, not where the media is.
    #[test]
    fn changed_bytes(
        which in 0..FILES.len(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
    ) {
        let mut file = std::fs::read(data(FILES[which])).expect("a committed file");
        let boxes: Vec<usize> = index_bytes(&file);
        for (at, value) in changes {
            file[boxes[at.index(boxes.len())]] = value;
        }
        if let Ok(got) = run_bytes("changed", &file, &[("loop", "1")]) {
            check(&got);
        }
    }

    /// Whole 32-bit fields become numbers that overflow easily.
    #[test]
    fn extreme_fields(
        which in 0..FILES.len(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), 0..6usize), 1..4),
    ) {
        let mut file = std::fs::read(data(FILES[which])).expect("a committed file");
        let boxes: Vec<usize> = index_bytes(&file);
        for (at, value) in changes {
            let value = [0u32, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff][value].to_be_bytes();
            let at = boxes[at.index(boxes.len() - 4)];
            file[at..at + 4].copy_from_slice(&value);
        }
        if let Ok(got) = run_bytes("extreme", &file, &[("loop", "1")]) {
            check(&got);
        }
    }
}

/// Places in `moov` and `moof` boxes.
fn index_bytes(file: &[u8]) -> Vec<usize> {
    let mut places = Vec::new();
    let mut at = 0;
    while at + 8 <= file.len() {
        let size = u32::from_be_bytes(file[at..at + 4].try_into().expect("four bytes")) as usize;
        if [b"moov", b"moof"].iter().any(|kind| file[at + 4..].starts_with(&kind[..])) {
            places.extend(at..at + size);
        }
        at += size.max(8);
    }
    places
}
