//! Packets and properties of real files, against what ffprobe lists (`data/make.sh`).

use std::fmt::Write;

use crate::common::{Run, data, run};
use weir_media::{Flags, Frac, Prop, Value};

/// The packets as `data/make.sh` writes them: stream, pts, dts, size, key.
fn listing(run: &Run) -> String {
    let mut text = String::new();
    for (stream, packets) in run.packets.iter().enumerate() {
        for p in packets {
            let key = if p.is_key() { 'K' } else { '_' };
            writeln!(text, "{stream},{},{},{},{key}", p.cts, p.dts, p.len()).expect("to a string");
        }
    }
    text
}

fn check(name: &str) {
    let got = run(name, &[]).expect(name);
    let want = std::fs::read_to_string(data(&format!("{name}.txt"))).expect("a golden list");
    pretty(&listing(&got), &want, name);
    assert_eq!(got.warnings, [""; 0], "{name}");
}

fn pretty(got: &str, want: &str, name: &str) {
    for (n, (g, w)) in got.lines().zip(want.lines()).enumerate() {
        assert_eq!(g, w, "{name} line {}", n + 1);
    }
    assert_eq!(got.lines().count(), want.lines().count(), "{name}");
}

#[test]
fn end() {
    check("end.mp4");
}
#[test]
fn late() {
    check("late.mp4");
}
#[test]
fn quicktime() {
    check("quicktime.mov");
}
#[test]
fn frag() {
    check("frag.mp4");
}
#[test]
fn hybrid() {
    check("hybrid.mp4");
}
#[test]
fn apart() {
    check("apart.mp4");
}
