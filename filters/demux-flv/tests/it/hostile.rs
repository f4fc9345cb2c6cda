//! Files that are cut, changed or made up: errors and warnings, never a panic, and timestamps that never go back.

use crate::common::{Run, data, run, run_rounds};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

fn check(run: &Run) {
    for packets in &run.packets {
        assert!(packets.windows(2).all(|w| w[0].dts <= w[1].dts), "decoding times never go back");
        assert!(packets.iter().all(|p| !p.is_empty()));
    }
    assert!(run.warnings.len() <= 33, "{} warnings", run.warnings.len());
}

#[test]
fn a_cut_at_every_byte() {
    let file = data("av.flv");
    let whole = run(&file).expect("a good file");
    for len in 0..file.len() {
        let Ok(got) = run(&file[..len]) else { continue };
        check(&got);
        for (cut, all) in got.packets.iter().zip(&whole.packets) {
            assert!(cut.len() <= all.len());
            assert!(cut.iter().zip(all).all(|(a, b)| a.dts == b.dts && a.bytes() == b.bytes()), "cut at {len}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changed_bytes(changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20)) {
        let mut file = data("av.flv");
        for (at, value) in changes {
            let at = at.index(file.len());
            file[at] = value;
        }
        if let Ok(got) = run_rounds(&[&file, &file], 1000, &[]) {
            check(&got);
        }
    }

    #[test]
    fn noise(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let mut file = data("av.flv")[..100].to_vec();
        file.extend(bytes);
        if let Ok(got) = run(&file) {
            check(&got);
        }
    }
}
