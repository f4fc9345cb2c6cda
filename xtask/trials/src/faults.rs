//! Each fault in turn, in pairs of runs without and with it, and the same on FFmpeg; the table of docs/faults.md.

use std::fmt::Write as _;
use std::time::Duration;

use weir_tests::faults::{Bench, FAULTS, Fault, Program, Run, Slot, Space, Struck, percentile};

use crate::{Result, page};

/// Kilobits per second of the source.
const RATE: u32 = 20_000;
/// A picture of the source.
const FRAME: Duration = Duration::from_millis(40);
/// Bytes that may be resident, with ten outputs and four players at this rate.
const RESIDENT_MAX: u64 = 320 << 20;
/// What is more than a hiccup of the machine between two pictures.
const PAUSE: Duration = Duration::from_secs(1);
/// Pairs of runs unless said otherwise.
const PAIRS: usize = 2;

/// What came of a fault.
struct Row {
    fault: &'static Fault,
    without: Vec<Run>,
    with: Vec<Run>,
    others: Vec<Run>,
}

/// Programs beside weir.
const OTHERS: [Program; 2] = [Program::Ffmpeg, Program::FfmpegTee];

/// Runs all faults, or those whose name holds a word; writes the page when it was all.
pub(crate) fn run(words: &[&str]) -> Result<()> {
    if !Space::is_inside() {
        let words = [&["faults"], words].concat();
        let status = Space::run(&words);
        return if status.success() { Ok(()) } else { Err("the faults were not borne, see above".into()) };
    }
    let (pairs, filter) = options(words)?;
    let machine = page::machine();
    let bench = Bench::new(RATE);
    let chosen = FAULTS.iter().filter(|f| filter.is_none_or(|word| f.name.contains(word)));
    let rows: Vec<Row> = chosen.map(|fault| row(&bench, fault, pairs)).collect();
    let wrong: Vec<String> = rows.iter().flat_map(Row::wrong).collect();
    let text = text(&rows, pairs, &machine, &wrong);
    if filter.is_none() {
        page::write("faults.md", &text)?;
    } else {
        println!("{text}");
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}

fn options<'a>(words: &[&'a str]) -> Result<(usize, Option<&'a str>)> {
    match *words {
        [] => Ok((PAIRS, None)),
        ["--pairs", n] => Ok((n.parse()?, None)),
        ["--pairs", n, fault] => Ok((n.parse()?, Some(fault))),
        [fault] => Ok((PAIRS, Some(fault))),
        _ => Err("usage: weir-trials faults [--pairs N] [FAULT]".into()),
    }
}

fn row(bench: &Bench, fault: &'static Fault, pairs: usize) -> Row {
    let mut row = Row { fault, without: Vec::new(), with: Vec::new(), others: Vec::new() };
    for _ in 0..pairs {
        row.without.push(bench.run(Program::Weir, fault, false));
        row.with.push(bench.run(Program::Weir, fault, true));
    }
    if row.is_uneven() {
        // Perhaps the machine was, and not weir: the middle of three counts.
        for _ in 0..2 {
            row.without.push(bench.run(Program::Weir, fault, false));
            row.with.push(bench.run(Program::Weir, fault, true));
        }
    }
    row.others = OTHERS.iter().map(|program| bench.run(*program, fault, true)).collect();
    eprintln!("{}", row.text());
    row.wrong().iter().for_each(|wrong| eprintln!("  {wrong}"));
    row
}

impl Row {
    /// Pictures came less evenly with the fault than without.
    fn is_uneven(&self) -> bool {
        gap(&self.with, 999) > gap(&self.without, 999) + FRAME
    }

    /// Where weir did not keep its promise.
    fn wrong(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut say = |text: String| wrong.push(format!("{}: {text}", self.fault.name));
        for run in self.with.iter().chain(&self.without) {
            for healthy in run.healthy.iter().filter(|h| !h.is_whole()) {
                let s = &healthy.seen;
                say(format!(
                    "{} got {} packets, {} lost, {} wrong, {} undecodable, in {} sessions{}",
                    healthy.name,
                    s.packets,
                    s.lost,
                    s.wrong,
                    s.undecodable,
                    s.sessions,
                    if healthy.is_stopped { ", and stopped" } else { "" }
                ));
            }
            if run.memory > RESIDENT_MAX {
                say(format!("{} MB of memory", run.memory >> 20));
            }
        }
        for struck in self.with.iter().flat_map(|run| &run.struck).filter(|s| s.slot != Slot::Disk) {
            if struck.back.is_none() {
                say(format!("{} does not come back", struck.slot.name()));
            }
            if struck.seen.undecodable + struck.seen.wrong > 0 {
                say(format!("{} gets what cannot be decoded", struck.slot.name()));
            }
        }
        if self.is_uneven() {
            let (without, with) = (gap(&self.without, 999), gap(&self.with, 999));
            say(format!("gaps of {} ms, {} ms without the fault", with.as_millis(), without.as_millis()));
        }
        wrong
    }

    fn text(&self) -> String {
        let struck = self.fault.hits.iter().map(|(slot, _)| slot.name()).collect::<Vec<_>>().join(", ");
        let packets: u64 = self.with.iter().flat_map(|r| &r.healthy).map(|h| h.seen.packets).sum();
        let lost: u64 = self.with.iter().map(Run::lost).sum();
        let mut text = format!("| {} | {struck} | {lost} of {packets} |", self.fault.name);
        let gaps = [(&self.without, 999), (&self.with, 999)].map(|(runs, n)| gap(runs, n).as_millis());
        let memory = [&self.without, &self.with].map(|runs| runs.iter().map(|r| r.memory >> 20).max().unwrap_or(0));
        let _ = write!(text, " {} → {} | {} → {} |", gaps[0], gaps[1], memory[0], memory[1]);
        let _ = write!(text, " {} |", back(self.with.iter().flat_map(|r| &r.struck)));
        for run in &self.others {
            let _ = write!(text, " {} |", summary(run));
        }
        text
    }
}

/// Time between pictures that so many of a thousand do not exceed: the middle one of several runs, for a machine that is
/// busy with something else for a moment says nothing about weir.
fn gap(runs: &[Run], per_mille: usize) -> Duration {
    let mut all: Vec<Duration> = runs.iter().map(|r| percentile(&r.gaps, per_mille)).collect();
    all.sort();
    percentile(&all, 500)
}

/// When struck outputs are back, each at its slowest.
fn back<'a>(struck: impl Iterator<Item = &'a Struck>) -> String {
    let mut slots: Vec<(Slot, Option<Duration>)> = Vec::new();
    for s in struck {
        match slots.iter_mut().find(|(slot, _)| *slot == s.slot) {
            Some((_, slowest)) => *slowest = slowest.and_then(|slowest| Some(slowest.max(s.back?))),
            None => slots.push((s.slot, s.back)),
        }
    }
    let say = |(slot, back): &(Slot, Option<Duration>)| match (slot, back) {
        (Slot::Disk, _) => "disk: failed for good".to_owned(),
        (_, Some(back)) => format!("{}: {:.1} s", slot.name(), back.as_secs_f64()),
        (_, None) => format!("{}: not back", slot.name()),
    };
    slots.iter().map(say).collect::<Vec<_>>().join(", ")
}

/// What another program made of a fault.
fn summary(run: &Run) -> String {
    if let Some(after) = run.died {
        return format!("**ends after {:.0} s**, all outputs with it", after.as_secs_f64());
    }
    let count = run.healthy.len();
    let stopped: Vec<&str> = run.healthy.iter().filter(|h| h.is_stopped).map(|h| h.name.as_str()).collect();
    let holes = run.healthy.iter().filter(|h| !h.is_stopped && !h.is_whole()).count();
    let lost: u64 = run.healthy.iter().filter(|h| !h.is_stopped).map(|h| h.seen.lost).sum();
    let mut parts = Vec::new();
    match stopped[..] {
        [] => {}
        [one] => parts.push(format!("**of {count} others {one} stops**")),
        _ => parts.push(format!("**{} of {count} others stop**", stopped.len())),
    }
    if holes > 0 {
        parts.push(format!("**{holes} of {count} others lose {lost} packets or their connection**"));
    }
    let pause = run.gaps.last().copied().unwrap_or_default();
    if stopped.is_empty() && pause > PAUSE {
        parts.push(format!("**others pause for {:.1} s**", pause.as_secs_f64()));
    }
    if parts.is_empty() {
        parts.push(format!("{count} others unharmed"));
    }
    parts.push(back(run.struck.iter()));
    parts.retain(|part| !part.is_empty());
    parts.join("; ")
}

fn text(rows: &[Row], pairs: usize, machine: &str, wrong: &[String]) -> String {
    let mut text = INTRODUCTION.to_owned();
    let all = |runs: fn(&Row) -> &Vec<Run>| rows.iter().flat_map(runs).collect::<Vec<_>>();
    let (with, without) = (all(|r| &r.with), all(|r| &r.without));
    let packets: u64 = with.iter().flat_map(|r| &r.healthy).map(|h| h.seen.packets).sum();
    let lost: u64 = with.iter().map(|r| r.lost()).sum();
    let pooled = |runs: &[&Run], n| {
        let mut all: Vec<Duration> = runs.iter().flat_map(|r| r.gaps.iter().copied()).collect();
        all.sort();
        percentile(&all, n).as_millis()
    };
    let _ = writeln!(
        text,
        "## Result\n\nRun on {}: {machine}. Pairs of runs for each fault: {pairs}, and two more where the gaps \
         differed.\n",
        page::date()
    );
    let _ = writeln!(text, "- Healthy outputs lost **{lost} of {packets}** packets.");
    let _ = writeln!(
        text,
        "- Over all runs, time between pictures: 99.9 % within {} ms without faults, within {} ms with them; half within \
         {} ms and {} ms.",
        pooled(&without, 999),
        pooled(&with, 999),
        pooled(&without, 500),
        pooled(&with, 500)
    );
    let memory = |runs: &[&Run]| runs.iter().map(|r| r.memory >> 20).max().unwrap_or(0);
    let _ = writeln!(text, "- Most memory: {} MB without, {} MB with.", memory(&without), memory(&with));
    match wrong {
        [] => text.push_str("- Every promise was kept.\n"),
        _ => wrong.iter().for_each(|w| text.push_str(&format!("- **Not kept:** {w}\n"))),
    }
    let _ = writeln!(
        text,
        "\n| Fault | Struck | weir: packets lost by others | 99.9 % gap, ms | Memory, MB | Struck ones back after | {} | {} |",
        OTHERS[0].name(),
        OTHERS[1].name()
    );
    text.push_str("|---|---|---:|---:|---:|---|---|---|\n");
    rows.iter().for_each(|row| text.push_str(&format!("{}\n", row.text())));
    text.push_str(NOTES);
    text
}

const INTRODUCTION: &str = "\
# Faults

No output can block, slow or starve another. This page is written by `cargo xtask faults`, which tries.

A clip of 20 Mb/s (H.264 and AAC, 1280x720, 25 pictures a second) is played over and over to ten outputs: six pushes (two
of them encrypted, one by a name, one over a lossy link), two listeners with two players each, an FLV file and an MP4 file.
Some of them are **struck**; all others are **healthy**, and everything they get is compared with the source, packet by
packet. Faults last from the start, or from second 5, to second 10; then all is well, and it is seen whether the struck
outputs come back. Runs with and without the fault alternate.

| Struck output | |
|---|---|
| near | A push, `stall=3s:timeout=4s`, to a name that is in the hosts file |
| far | The same over a link that can lose and delay packets (a TUN device; no netem) |
| tls | The same with `rtmps` |
| disk | An MP4 file |
| viewer | A player of a listener with `stall=3s`; another player of it is healthy |

The same is done to FFmpeg (Debian's) with its defaults: with several outputs, and with its tee muxer and what that offers
(`onfail=ignore`, a fifo for each output that drops when it is full, failed outputs tried again each second). FFmpeg serves
no players, so it has the eight other outputs. It is asked to end after each run, and killed when it has not after 10 s,
which its MP4 file does not survive.

";

const NOTES: &str = "
*Packets lost by others* counts audio and video packets that healthy outputs should have got and did not, of all they got.
*Gap* is the time between two pictures at a healthy receiver, over the network (files have none), *without → with* the fault;
where the clip starts over there is a pause, which is left out.
*Back after* is the time from the end of the fault to media that then goes on to the end of the run; waits between tries grow
from 1 s, and after a refusal they begin with 30 s. A player that was thrown out comes back when it reads again.
";
