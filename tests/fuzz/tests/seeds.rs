//! Every fuzz target over its seeds and some thousand mutations of them, without a fuzzer and in seconds. The numbers begin
//! with `PROPTEST_RNG_SEED`, or else anew each time; a failure says how to have the same again.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use weir_fuzz::TARGETS;

/// Mutations tried for each target.
const ROUNDS: u32 = 3_000;
/// Longest input: a handshake with something behind it.
const LENGTH: usize = 16 << 10;
/// Bytes that mean something somewhere: markers, lengths, signs.
const TELLING: [u8; 12] = [0, 1, 2, 3, 8, 9, 0x12, 0x17, 0x7f, 0x80, 0xc0, 0xff];

/// splitmix64.
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n.max(1) as u64).unwrap_or(0)
    }
}

fn seeds(name: &str) -> Vec<Vec<u8>> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(name);
    let entries = fs::read_dir(&dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    let seeds: Vec<_> = paths.iter().map(|path| fs::read(path).expect("a file")).collect();
    assert!(!seeds.is_empty(), "{} is empty", dir.display());
    seeds
}

/// Changes `input` in one to six places, at times with pieces of another seed.
fn mutate(rng: &mut Rng, input: &mut Vec<u8>, other: &[u8]) {
    for _ in 0..=rng.below(6) {
        let at = rng.below(input.len() + 1);
        let n = (1 + rng.below(16)).min(input.len() - at);
        let from = rng.below(other.len());
        let piece = &other[from..(from + 1 + rng.below(64)).min(other.len())];
        match rng.below(8) {
            0 => input.truncate(at),
            1 => drop(input.drain(at..at + n)),
            2 => drop(input.splice(at..at, piece.iter().copied())),
            3 => drop(input.splice(at..at + n, piece.iter().copied())),
            4 => input[at..at + n].fill(TELLING[rng.below(TELLING.len())]),
            5 => drop(input.splice(at..at, rng.next().to_be_bytes())),
            _ if at < input.len() => input[at] ^= 1 << rng.below(8),
            _ => input.push(TELLING[rng.below(TELLING.len())]),
        }
    }
    input.truncate(LENGTH);
}

/// Calls the target; when it fails, says with what.
fn call(target: fn(&[u8]), input: &[u8], what: &str) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| target(input))) {
        let hex: String = input.iter().map(|b| format!("{b:02x}")).collect();
        eprintln!("{what} fails with these bytes:\n{hex}");
        resume_unwind(panic);
    }
}

fn run(name: &str) {
    let (_, target) = TARGETS.iter().find(|(n, _)| *n == name).expect("a target");
    let given = std::env::var("PROPTEST_RNG_SEED").ok().and_then(|seed| seed.parse().ok());
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    let seed: u64 = given.unwrap_or_else(now);
    println!("PROPTEST_RNG_SEED={seed}");
    let seeds = seeds(name);
    for (n, input) in seeds.iter().enumerate() {
        call(*target, input, &format!("{name}: seed {n}"));
    }
    let mut rng = Rng(seed);
    let mut input = Vec::new();
    for round in 0..ROUNDS {
        // A few mutations of mutations, then anew.
        if round % 4 == 0 {
            input.clone_from(&seeds[rng.below(seeds.len())]);
        }
        let other = &seeds[rng.below(seeds.len())];
        mutate(&mut rng, &mut input, other);
        call(*target, &input, &format!("{name}: PROPTEST_RNG_SEED={seed}, round {round}"));
    }
}

/// Each target has a test here, and a file for the fuzzer.
#[test]
fn all_targets_are_run() {
    let source = include_str!("seeds.rs");
    for (name, _) in TARGETS {
        assert!(source.contains(&format!("run(\"{name}\")")), "{name} has no test here");
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../fuzz/fuzz_targets/{name}.rs"));
        assert!(file.exists(), "{} is missing", file.display());
    }
}

#[test]
fn amf() {
    run("amf");
}

#[test]
fn arguments() {
    run("arguments");
}

#[test]
fn bodies() {
    run("bodies");
}

#[test]
fn chunks() {
    run("chunks");
}

#[test]
fn client() {
    run("client");
}

#[test]
fn flv() {
    run("flv");
}

#[test]
fn handshake() {
    run("handshake");
}

#[test]
fn messages() {
    run("messages");
}

#[test]
fn server() {
    run("server");
}
