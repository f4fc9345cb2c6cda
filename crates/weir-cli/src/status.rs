//! What is shown while a session runs and of what it did: log lines, a status line when a terminal is there to show it,
//! and the tables of `-stats`.
//!
//! Runs on the main thread over a bounded channel: a terminal that does not take text stalls nobody else.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::Duration;

use weir::plugin::media::Time;
use weir::plugin::{OutputRecord, Phase};
use weir::status::units::{self, counted, size};
use weir::{FilterReport, OutputReport, Report, Snapshot};

use crate::logs;
use crate::options::Options;
use crate::screen::{Screen, is_terminal, terminal_columns};

/// Widest name in the tables.
const NAME_COLUMNS: usize = 20;

/// Shows reports until the session is over.
pub(crate) fn follow(reports: impl IntoIterator<Item = Report>, options: &Options, screen: &Screen) {
    let mut rates = Rates::default();
    let mut line = StatusLine { on: is_terminal() && !options.quiet, shown: String::new() };
    for report in reports {
        match report {
            Report::Log(log) if options.logs.shows(&log.topic, log.level) => {
                line.clear();
                screen.print(&logs::text(&log));
                line.redraw();
            }
            Report::Log(_) => {}
            Report::Snapshot(snapshot) => {
                let views = rates.views(&snapshot);
                line.show(&screen.clean(&status(snapshot.at, &views, terminal_columns().saturating_sub(1))));
            }
        }
    }
    line.clear();
}

/// One line at the bottom of the terminal.
struct StatusLine {
    on: bool,
    shown: String,
}

impl StatusLine {
    fn show(&mut self, text: &str) {
        text.clone_into(&mut self.shown);
        self.redraw();
    }

    fn redraw(&self) {
        if self.on && !self.shown.is_empty() {
            Screen::raw(&format!("\r{}\x1b[K", self.shown));
        }
    }

    fn clear(&self) {
        if self.on && !self.shown.is_empty() {
            Screen::raw("\r\x1b[K");
        }
    }
}

/// One output at a glance.
struct View<'a> {
    record: &'a OutputRecord,
    /// Bytes per second since the last snapshot.
    rate: u64,
}

/// What was counted at the last snapshot.
#[derive(Default)]
struct Rates {
    bytes: HashMap<String, u64>,
    at: Time,
}

impl Rates {
    fn views<'a>(&mut self, snapshot: &'a Snapshot) -> Vec<View<'a>> {
        let passed = micros(snapshot.at.since(std::mem::replace(&mut self.at, snapshot.at))).max(1);
        let mut view = |output: &'a OutputReport| {
            let bytes = output.record.bytes;
            let before = self.bytes.insert(output.name.clone(), bytes).unwrap_or(0);
            View { record: &output.record, rate: bytes.saturating_sub(before).saturating_mul(1_000_000) / passed }
        };
        snapshot.outputs.iter().map(&mut view).collect()
    }
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

/// The status in at most `columns`: every output with its whole name, else with a short one, else all summed up.
fn status(at: Time, outputs: &[View<'_>], columns: usize) -> String {
    let listed = |name: fn(&str) -> &str| {
        let each = outputs.iter().map(|o| format!("  {} {}", name(&o.record.target), state(o)));
        clock(at) + &each.collect::<String>()
    };
    let forms = [listed(without_scheme), listed(last_part), format!("{}  {}", clock(at), sum(outputs))];
    let fits = |text: &&String| text.chars().count() <= columns;
    forms.iter().find(fits).cloned().unwrap_or_else(|| forms[2].chars().take(columns).collect())
}

fn without_scheme(target: &str) -> &str {
    target.split_once("://").map_or(target, |(_, rest)| rest)
}

fn last_part(target: &str) -> &str {
    // What is hidden tells nothing: the host does.
    if target.contains('…') {
        return without_scheme(target).split('/').next().unwrap_or(target);
    }
    target.trim_end_matches('/').rsplit('/').next().unwrap_or(target)
}

fn state(output: &View<'_>) -> String {
    let OutputRecord { target, phase, players, dropped, bytes, .. } = output.record;
    let lost = if *dropped > 0 { format!(" {dropped} dropped") } else { String::new() };
    match phase {
        Phase::Live if output.record.attempts > 0 => {
            format!("live {}{}{lost}", rate(output.rate), behind(output.record))
        }
        Phase::Live if target.contains("://") => {
            format!("{} {}{lost}", counted((*players).into(), "player"), rate(output.rate))
        }
        Phase::Live => format!("{} {}{lost}", size(*bytes), rate(output.rate)),
        other => format!("{other}{lost}"),
    }
}

/// How late a push is, when that is worth a word.
fn behind(record: &OutputRecord) -> String {
    let late = record.lag.as_millis();
    if late >= 100 { format!(" {late} ms late") } else { String::new() }
}

/// All outputs in a few words.
fn sum(outputs: &[View<'_>]) -> String {
    let phases = [
        Phase::Live,
        Phase::Listening,
        Phase::Starting,
        Phase::Resolving,
        Phase::Connecting,
        Phase::Securing,
        Phase::Handshaking,
        Phase::Publishing,
        Phase::Waiting,
        Phase::Paused,
        Phase::Draining,
        Phase::Ended,
        Phase::Failed,
    ];
    let of = |phase: Phase| outputs.iter().filter(|o| o.record.phase == phase).count();
    let mut parts: Vec<String> = phases.into_iter().filter(|p| of(*p) > 0).map(|p| format!("{} {p}", of(p))).collect();
    let total = |count: fn(&OutputRecord) -> u64| outputs.iter().map(|o| count(o.record)).sum::<u64>();
    parts.push(rate(outputs.iter().map(|o| o.rate).sum()));
    parts.push(counted(total(|r| r.players.into()), "player"));
    let dropped = total(|r| r.dropped);
    if dropped > 0 {
        parts.push(format!("{dropped} dropped"));
    }
    parts.join(", ")
}

fn clock(at: Time) -> String {
    units::clock(at.as_micros() / 1_000_000)
}

/// Bits per second of a rate in bytes.
fn rate(bytes: u64) -> String {
    units::bitrate(bytes.saturating_mul(8))
}

/// What every filter and output did.
pub(crate) fn stats(last: &Snapshot) -> String {
    let mut text = format!(
        "{:<NAME_COLUMNS$} {:>9} {:>9} {:>9} {:>10} {:>10} {:>9} {:>8}\n",
        "filter", "calls", "busy ms", "longest", "packets in", "out", "bytes out", "dropped"
    );
    last.filters.iter().for_each(|f| filter_line(&mut text, f));
    for OutputReport { name, record: r, .. } in &last.outputs {
        let _ = writeln!(text, "\n{name}  {}  {}", r.target, r.phase);
        if r.attempts > 0 {
            push_lines(&mut text, r, last.at);
            continue;
        }
        let _ = writeln!(
            text,
            "  {}, {} ever, {} refused; {} sent, {} kept; {} messages dropped, {} ms late",
            counted(r.players.into(), "player"),
            r.players_total,
            r.refused,
            size(r.bytes),
            size(r.kept),
            r.dropped,
            r.lag.as_millis(),
        );
    }
    text
}

/// What a push did.
fn push_lines(text: &mut String, r: &OutputRecord, now: Time) {
    let rtt = r.rtt.map_or_else(String::new, |rtt| format!(", round trip {:.1} ms", rtt.as_secs_f64() * 1e3));
    let _ = writeln!(
        text,
        "  {} for {} s, attempt {}; {} sent, {} queued, {} ms late{rtt}, {} segments sent again",
        r.phase,
        now.since(r.since).as_secs(),
        r.attempts,
        size(r.bytes),
        size(r.queued),
        r.lag.as_millis(),
        r.retransmits,
    );
    let d = r.drops;
    let _ = writeln!(
        text,
        "  dropped: {} disposable pictures, {} others, {} of sound, {} of data",
        d.disposable, d.video, d.audio, d.data
    );
    if let Some((why, at)) = &r.last_error {
        let _ = writeln!(text, "  last error, at {}: {why}", clock(*at));
    }
    if let Some(at) = r.next_retry {
        let _ = writeln!(text, "  next try at {}", clock(at));
    }
}

fn filter_line(text: &mut String, f: &FilterReport) {
    let ms = |span: Duration| span.as_secs_f64() * 1e3;
    let _ = writeln!(
        text,
        "{:<NAME_COLUMNS$} {:>9} {:>9.1} {:>9.1} {:>10} {:>10} {:>9} {:>8}",
        f.name,
        f.calls,
        ms(f.busy),
        ms(f.longest),
        f.packets_in,
        f.packets_out,
        size(f.bytes_out),
        f.dropped,
    );
    if let Some(e) = &f.error {
        let _ = writeln!(text, "  failed: {e}");
    }
}

#[cfg(test)]
mod tests {
    use weir::plugin::Role;

    use super::*;

    fn record(target: &str, phase: Phase, players: u32, bytes: u64) -> OutputRecord {
        OutputRecord { target: target.to_owned(), phase, players, bytes, ..OutputRecord::default() }
    }

    fn output(name: &str, record: OutputRecord) -> OutputReport {
        OutputReport { id: 1, role: Role::Sink, name: name.to_owned(), record }
    }

    #[test]
    fn the_line_gets_shorter_until_it_fits() {
        let mut slow = record("rtmp://127.0.0.1:1935/live/b", Phase::Live, 1, 0);
        slow.dropped = 7;
        let records = [
            record("rtmp://127.0.0.1:1935/live/a", Phase::Listening, 0, 0),
            slow,
            record("copies/film.flv", Phase::Live, 1, 2_500_000),
        ];
        let views: Vec<View<'_>> = records.iter().map(|record| View { record, rate: 250_000 }).collect();
        let at = Time::from_millis(3_723_000);
        let is = |columns: usize| status(at, &views, columns);
        assert_eq!(
            is(200),
            "01:02:03  127.0.0.1:1935/live/a listening  127.0.0.1:1935/live/b 1 player 2.0 Mb/s 7 dropped  \
             copies/film.flv 2.5 MB 2.0 Mb/s"
        );
        assert_eq!(is(100), "01:02:03  a listening  b 1 player 2.0 Mb/s 7 dropped  film.flv 2.5 MB 2.0 Mb/s");
        assert_eq!(is(70), "01:02:03  2 live, 1 listening, 6.0 Mb/s, 2 players, 7 dropped");
        assert_eq!(is(20), "01:02:03  2 live, 1 ");
    }

    #[test]
    fn pushes_are_shown_by_host_and_tell_what_went_wrong() {
        let mut live = record("rtmp://a.example:1935/live/…", Phase::Live, 1, 2_500_000);
        (live.attempts, live.lag, live.dropped) = (1, Duration::from_millis(850), 3);
        let mut away = record("rtmps://b.example:443/app/…", Phase::Waiting, 0, 0);
        away.attempts = 4;
        away.last_error = Some(("connection refused".to_owned(), Time::from_millis(61_000)));
        away.next_retry = Some(Time::from_millis(66_000));
        let views: Vec<View<'_>> = [&live, &away].map(|record| View { record, rate: 250_000 }).into();
        assert_eq!(
            status(Time::from_millis(62_000), &views, 100),
            "00:01:02  a.example:1935 live 2.0 Mb/s 850 ms late 3 dropped  b.example:443 waiting to try again"
        );
        let outputs = vec![output("rtmpout#2", away)];
        let text = stats(&Snapshot { at: Time::from_millis(62_000), outputs, ..Snapshot::default() });
        assert!(text.contains("attempt 4; 0 B sent"), "{text}");
        assert!(text.ends_with("last error, at 00:01:01: connection refused\n  next try at 00:01:06\n"), "{text}");
    }

    #[test]
    fn rates_are_since_the_last_snapshot() {
        let mut rates = Rates::default();
        let mut rate = |millis: u64, bytes: u64| {
            let output = output("x", record("x", Phase::Live, 1, bytes));
            let snapshot = Snapshot { at: Time::from_millis(millis), outputs: vec![output], ..Snapshot::default() };
            rates.views(&snapshot)[0].rate
        };
        assert_eq!((rate(1_000, 500), rate(3_000, 1_500), rate(3_000, 1_500), rate(4_000, 0)), (500, 500, 0, 0));
    }

    #[test]
    fn tables_fit_a_terminal_of_100_columns() {
        let filter = FilterReport {
            name: "avcenc#2".to_owned(),
            calls: 999_999_999,
            busy: Duration::from_secs(99_999),
            packets_in: 9_999_999_999,
            packets_out: 9_999_999_999,
            bytes_out: 12_345_678,
            error: Some("it broke".to_owned()),
            ..FilterReport::default()
        };
        let output = output("rtmpout", record("rtmp://h/live", Phase::Ended, 2, 4_200));
        let text = stats(&Snapshot { filters: vec![filter], outputs: vec![output], ..Snapshot::default() });
        assert!(text.lines().all(|l| l.chars().count() <= 100), "{text}");
        assert_eq!(text.lines().nth(2), Some("  failed: it broke"));
        assert_eq!(
            text.lines().last(),
            Some("  2 players, 0 ever, 0 refused; 4.2 kB sent, 0 B kept; 0 messages dropped, 0 ms late")
        );
    }
}
