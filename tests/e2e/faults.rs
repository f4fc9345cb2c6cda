//! Faults of every kind at once, beside outputs that must not notice: the short form of `cargo xtask faults`.

use weir_tests::faults::{Bench, EVERYTHING, Fault, Program, Slot, Space};

/// Kilobits per second of the source: a debug build carries ten times this.
const RATE: u32 = 6_000;
/// Bytes that may be resident: rings of outputs and of players at this rate, the program, and room.
const RESIDENT_MAX: u64 = 200 << 20;

/// Runs a test of this module again in a network and mounts of its own. True inside.
fn is_alone(test: &str) -> bool {
    if !Space::is_inside() {
        let status = Space::run(&["--exact", test, "--nocapture"]);
        assert!(status.success(), "{test}: {status}");
    }
    Space::is_inside()
}

fn nobody_else_notices(fault: &Fault) {
    let bench = Bench::new(RATE);
    let run = bench.run(Program::Weir, fault, true);
    let log = &run.log;
    for healthy in &run.healthy {
        assert!(healthy.is_whole(), "{}: {}: {:?}\n{log}", fault.name, healthy.name, Brief(&healthy.seen));
    }
    for struck in run.struck.iter().filter(|s| s.slot != Slot::Disk) {
        assert!(
            struck.back.is_some(),
            "{}: {:?} comes back: {:?}\n{log}",
            fault.name,
            struck.slot,
            Brief(&struck.seen)
        );
        assert_eq!(struck.seen.undecodable + struck.seen.wrong, 0, "{}: {:?}\n{log}", fault.name, struck.slot);
    }
    assert!(run.memory <= RESIDENT_MAX, "{}: {} bytes\n{log}", fault.name, run.memory);
    assert_eq!(run.code, Some(1), "the file failed\n{log}");
}

/// What was seen, without all arrivals.
struct Brief<'a>(&'a weir_tests::faults::Seen);

impl std::fmt::Debug for Brief<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let seen = weir_tests::faults::Seen { arrivals: Vec::new(), ..self.0.clone() };
        seen.fmt(f)
    }
}

#[test]
fn outputs_that_never_come_up_hurt_no_other() {
    if is_alone("faults::outputs_that_never_come_up_hurt_no_other") {
        nobody_else_notices(&EVERYTHING[0]);
    }
}

#[test]
fn outputs_that_fail_under_way_hurt_no_other() {
    if is_alone("faults::outputs_that_fail_under_way_hurt_no_other") {
        nobody_else_notices(&EVERYTHING[1]);
    }
}
