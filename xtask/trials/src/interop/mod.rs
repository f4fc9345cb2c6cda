//! Every peer in every role it has, each cell a real run that is judged; the table of docs/interop.md.
//!
//! Pictures carry their number, so that a run shows whether any is lost, repeated or late. A peer that cannot be had has its
//! reason in the table.

mod enhanced;
mod peer;
mod roles;
mod tools;

use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

use self::peer::Peer;
use self::tools::Tools;
use crate::{Result, page};

/// What came of a run: what was checked, or what went wrong.
type Outcome = std::result::Result<String, String>;

/// Runs all peers, or those whose name holds a word; writes the page when it was all.
pub(crate) fn run(words: &[&str]) -> Result<()> {
    let filter = match *words {
        [] => None,
        [word] => Some(word),
        _ => return Err("usage: weir-trials interop [PEER]".into()),
    };
    let tools = Tools::provide();
    let mut wrong = Vec::new();
    let mut text = INTRODUCTION.replace("DATE", &page::date());
    header(&mut text, "Peer", "Version");
    for peer in Peer::ALL.into_iter().filter(|p| filter.is_none_or(|word| p.name().contains(word))) {
        let cells = roles::COLUMNS.iter().map(|(role, run)| cell(peer.name(), role, || run(peer, &tools), &mut wrong));
        let cells = cells.collect::<Vec<_>>().join(" | ");
        let line = format!("| {} | {} | {cells} |", peer.name(), peer.version(&tools));
        let _ = writeln!(text, "{line}");
    }
    text.push_str(ENHANCED);
    for (name, run) in enhanced::RUNS.iter().filter(|(name, _)| filter.is_none_or(|word| name.contains(word))) {
        let cell = cell("FFmpeg 9", name, || Some(run(&tools)), &mut wrong);
        let _ = writeln!(text, "| {name} | {cell} |");
    }
    text.push_str(NOTES);
    if filter.is_none() {
        page::write("interop.md", &text)?;
    } else {
        println!("{text}");
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}

fn header(text: &mut String, first: &str, second: &str) {
    let names = roles::COLUMNS.iter().map(|(name, _)| *name).collect::<Vec<_>>();
    let _ = writeln!(text, "| {first} | {second} | {} |\n|---|---|{}", names.join(" | "), "---|".repeat(names.len()));
}

/// Runs one cell. A panic is how tests say that something is wrong.
fn cell(peer: &str, role: &str, run: impl FnOnce() -> Option<Outcome>, wrong: &mut Vec<String>) -> String {
    eprintln!("weir-trials: {peer}: {role}");
    let outcome = catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        Some(Err(text.or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned())).unwrap_or_default()))
    });
    match outcome {
        None => "–".to_owned(),
        Some(Ok(what)) => format!("yes: {what}"),
        Some(Err(why)) => {
            let why = why.lines().next().unwrap_or_default().replace('|', "/");
            let why: String = why.chars().take(160).collect();
            if !why.starts_with("not here") {
                wrong.push(format!("{peer}: {role}: {why}"));
            }
            format!("**no**: {why}")
        }
    }
}

const INTRODUCTION: &str = "\
# Interoperation

This page is written by `cargo xtask interop`. Each cell is a run of the real programs on loopback (DATE). *Gapless* means
that the pictures, which carry their numbers, came without a hole and evenly spaced, and that all times rise; *whole* means
that beside it not one picture of the film was missing. \"–\" is a role that a peer does not have.

";

const ENHANCED: &str = "
## Enhanced RTMP

FFmpeg 9 publishes to weir, which passes it on to FFmpeg 9, which plays it. Packets are compared by their MD5, all tracks.

| What | |
|---|---|
";

const NOTES: &str = "
## Not in the table

- **OBS Studio**: needs a display; its RTMP library is librtmp, which publishes through GStreamer's `rtmpsink` above.
- **SRS, MediaMTX**: not in Debian, PyPI, npm or crates.io.
- **xiu**: builds for half an hour; left out.
- **rtmplite3**: gives players that come late no sequence headers, whoever publishes.
";
