//! What is shown while a session runs: log lines, and a status line when a terminal is there to show it.
//!
//! Runs on the main thread over a bounded channel: a terminal that does not take text stalls nobody else.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _, stderr};

use weir::plugin::{Level, OutputRecord, Phase};
use weir::{Log, OutputReport, Report, Reports, Snapshot};

use crate::options::Options;

/// Columns the status line uses at most.
const COLUMNS: usize = 110;

/// Shows reports until the session is over.
pub(crate) fn follow(reports: &Reports, options: &Options) {
    let mut line = StatusLine { on: stderr().is_terminal() && !options.quiet, bytes: HashMap::new(), at: 0 };
    for report in reports {
        match report {
            Report::Log(log) if options.logs.shows(&log.topic, log.level) => {
                line.clear();
                print_log(&log);
            }
            Report::Log(_) => {}
            Report::Snapshot(snapshot) => line.show(&snapshot),
        }
    }
    line.clear();
}

fn print_log(log: &Log) {
    let level = match log.level {
        Level::Error => "error: ",
        Level::Warning => "warning: ",
        Level::Info => "",
        Level::Debug => "debug: ",
    };
    eprintln!("{level}{}: {}", log.topic, log.line);
}

struct StatusLine {
    on: bool,
    /// Bytes sent by each output at the last snapshot.
    bytes: HashMap<String, u64>,
    at: u64,
}

impl StatusLine {
    fn show(&mut self, snapshot: &Snapshot) {
        let passed = snapshot.at.as_micros().saturating_sub(self.at).max(1);
        self.at = snapshot.at.as_micros();
        let mut text = clock(snapshot.at.as_micros() / 1_000_000);
        for output in &snapshot.outputs {
            let before = self.bytes.insert(output.name.clone(), output.record.bytes).unwrap_or(0);
            let kbps = output.record.bytes.saturating_sub(before) * 8_000 / passed;
            let _ = write!(text, "  {}", output_text(output, kbps));
        }
        if self.on {
            let short: String = text.chars().take(COLUMNS).collect();
            eprint!("\r\x1b[K{short}");
            let _ = stderr().flush();
        }
    }

    fn clear(&self) {
        if self.on {
            eprint!("\r\x1b[K");
        }
    }
}

fn output_text(output: &OutputReport, kbps: u64) -> String {
    let OutputRecord { target, phase, players, dropped, .. } = &output.record;
    let lost = if *dropped > 0 { format!(" {dropped} dropped") } else { String::new() };
    match phase {
        Phase::Live if target.contains("://") => {
            let s = if *players == 1 { "" } else { "s" };
            format!("{target} {players} player{s} {kbps} kb/s{lost}")
        }
        Phase::Live => format!("{target} {kbps} kb/s{lost}"),
        other => format!("{target} {other}{lost}"),
    }
}

fn clock(seconds: u64) -> String {
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// Prints what every filter did.
pub(crate) fn stats(last: &Snapshot) {
    eprintln!(
        "{:<16} {:>9} {:>10} {:>10} {:>12} {:>12} {:>8}",
        "filter", "calls", "busy ms", "pkts in", "pkts out", "bytes out", "dropped"
    );
    for f in &last.filters {
        eprintln!(
            "{:<16} {:>9} {:>10.1} {:>10} {:>12} {:>12} {:>8}{}",
            f.name,
            f.calls,
            f.busy.as_secs_f64() * 1e3,
            f.packets_in,
            f.packets_out,
            f.bytes_out,
            f.dropped,
            f.error.as_ref().map(|e| format!("  failed: {e}")).unwrap_or_default(),
        );
    }
    for o in &last.outputs {
        let r = &o.record;
        eprintln!(
            "{:<16} {} {}: {} players now, {} ever, {} refused, {} bytes, {} dropped, {} kept",
            o.name, r.target, r.phase, r.players, r.players_total, r.refused, r.bytes, r.dropped, r.kept
        );
    }
}
