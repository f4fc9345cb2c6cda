//! [`Board`]: the newest state of a session, its last minutes and the end of its log, for readers on other threads.
//!
//! One thread feeds it from the reports of a session. A lock here is held for as long as it takes to copy a pointer or push
//! a line; the event loop never meets it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use weir_graph::Snapshot as GraphSnapshot;
use weir_plugin::Level;
use weir_scheduler::{Log, Report};

use crate::make::Maker;
use crate::model::{Graph, LogLine, OutputStatus, Point, Status};

/// Points of history kept for each output: five minutes.
pub const HISTORY: usize = 300;
/// Seconds between them.
const HISTORY_EVERY: f64 = 1.0;
/// Outputs that history is kept of; more have none.
const HISTORIES: usize = 256;
/// Lines of the log that are kept.
pub const LOG_LINES: usize = 500;
/// Longest line kept, in characters; the rest is cut off.
const LINE_CHARS: usize = 2_000;

/// The newest of everything, shared between threads.
#[derive(Default)]
pub struct Board {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    status: Arc<Status>,
    graph: Arc<Graph>,
    log: VecDeque<LogLine>,
    lines: u64,
    history: BTreeMap<u64, History>,
    /// When the last snapshot came.
    heard: Option<Instant>,
    /// The session is over.
    over: bool,
    told: Vec<Box<dyn Fn() + Send>>,
}

#[derive(Default)]
struct History {
    points: VecDeque<Point>,
    drops: u64,
}

/// What feeds a board: it belongs to one thread.
pub struct Feeder {
    board: Arc<Board>,
    maker: Maker,
    drawn: Option<Arc<GraphSnapshot>>,
}

impl Board {
    /// An empty board, and what feeds it.
    #[must_use]
    pub fn new(maker: Maker) -> (Arc<Self>, Feeder) {
        let board = Arc::new(Self::default());
        (Arc::clone(&board), Feeder { board, maker, drawn: None })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing in here panics half-way through a change.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest state.
    #[must_use]
    pub fn status(&self) -> Arc<Status> {
        Arc::clone(&self.lock().status)
    }

    /// The graph.
    #[must_use]
    pub fn graph(&self) -> Arc<Graph> {
        Arc::clone(&self.lock().graph)
    }

    /// The session is over: nothing more comes.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.lock().over
    }

    /// Seconds since the session was last heard of; none before it was heard of at all.
    #[must_use]
    pub fn age_seconds(&self) -> f64 {
        self.lock().heard.map_or(0.0, |at| at.elapsed().as_secs_f64())
    }

    /// Lines of the log with a number above `after`, the newest `most` of them.
    #[must_use]
    pub fn log(&self, after: u64, most: usize) -> Vec<LogLine> {
        let inner = self.lock();
        let newer = inner.log.iter().rev().take(most).take_while(|l| l.number > after);
        let mut lines: Vec<LogLine> = newer.cloned().collect();
        lines.reverse();
        lines
    }

    /// The last minutes of an output.
    #[must_use]
    pub fn history(&self, id: u64) -> Vec<Point> {
        self.lock().history.get(&id).map(|h| h.points.iter().copied().collect()).unwrap_or_default()
    }

    /// Calls `f` after every change, on the thread that feeds the board: it must be quick.
    pub fn on_change(&self, f: impl Fn() + Send + 'static) {
        self.lock().told.push(Box::new(f));
    }
}

impl Feeder {
    /// Takes in what a session reports.
    pub fn take(&mut self, report: &Report) {
        match report {
            Report::Log(log) => self.line(log),
            Report::Snapshot(snapshot) => {
                let status = Arc::new(self.maker.status(snapshot));
                let is_new = self.drawn.as_ref().is_none_or(|drawn| !Arc::ptr_eq(drawn, &snapshot.graph));
                let graph = is_new.then(|| Arc::new(Graph::of(&snapshot.graph, |text| self.maker.clean(text))));
                self.drawn = Some(Arc::clone(&snapshot.graph));
                let mut inner = self.board.lock();
                inner.note(&status);
                inner.status = status;
                inner.heard = Some(Instant::now());
                inner.graph = graph.unwrap_or_else(|| Arc::clone(&inner.graph));
            }
        }
        self.board.lock().tell();
    }

    fn line(&mut self, log: &Log) {
        // The graph as a tree is for terminals; here it is data.
        if log.topic == "graph" && log.line.contains('\n') {
            return;
        }
        let text: String = self.maker.clean(&log.line).chars().take(LINE_CHARS).collect();
        let mut inner = self.board.lock();
        inner.lines += 1;
        let number = inner.lines;
        inner.log.push_back(LogLine {
            number,
            at_seconds: log.at.as_micros() as f64 / 1e6,
            level: level(log.level).to_owned(),
            topic: log.topic.clone(),
            line: text,
        });
        if inner.log.len() > LOG_LINES {
            inner.log.pop_front();
        }
    }
}

impl Drop for Feeder {
    /// The session is over.
    fn drop(&mut self) {
        let mut inner = self.board.lock();
        inner.over = true;
        inner.tell();
    }
}

impl Inner {
    fn tell(&self) {
        self.told.iter().for_each(|f| f());
    }

    fn note(&mut self, status: &Status) {
        let at = status.session.uptime_seconds;
        for output in status.outputs.iter().chain(&status.inputs) {
            if self.history.len() < HISTORIES || self.history.contains_key(&output.id) {
                self.history.entry(output.id).or_default().note(at, output);
            }
        }
    }
}

impl History {
    fn note(&mut self, at: f64, o: &OutputStatus) {
        // Snapshots do not come to the millisecond.
        if self.points.back().is_some_and(|last| at - last.at_seconds < HISTORY_EVERY * 0.9) {
            return;
        }
        let drops = o.drops.total.saturating_sub(self.drops);
        self.drops = o.drops.total;
        let (bitrate, lag_seconds, rtt_seconds) = (o.bitrate, o.lag_seconds, o.rtt_seconds);
        self.points.push_back(Point { at_seconds: at, bitrate, lag_seconds, rtt_seconds, drops });
        if self.points.len() > HISTORY {
            self.points.pop_front();
        }
    }
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Info => "info",
        Level::Debug => "debug",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use weir_media::Time;
    use weir_plugin::{OutputRecord, Role};
    use weir_scheduler::{OutputReport, Snapshot};

    use super::*;

    fn log(n: u64) -> Report {
        let line = format!("line {n} hush");
        Report::Log(Log { level: Level::Info, topic: "net".into(), line, at: Time::from_millis(n) })
    }

    fn snapshot(millis: u64, dropped: u64) -> Report {
        let record = OutputRecord { dropped, ..OutputRecord::default() };
        let outputs = vec![OutputReport { id: 1, role: Role::Sink, name: "o".into(), record }];
        Report::Snapshot(Box::new(Snapshot { at: Time::from_millis(millis), outputs, ..Snapshot::default() }))
    }

    fn board() -> (Arc<Board>, Feeder) {
        Board::new(Maker::new("1", |text| text.replace("hush", "***")))
    }

    #[test]
    fn the_end_of_the_log_is_kept_and_clean() {
        let (board, mut feeder) = board();
        let most = LOG_LINES as u64;
        (1..=most + 7).for_each(|n| feeder.take(&log(n)));
        let lines = board.log(0, usize::MAX);
        assert_eq!((lines.len(), lines[0].number), (LOG_LINES, 8));
        assert_eq!(lines[0].line, "line 8 ***");
        let numbers: Vec<u64> = board.log(most + 4, 2).iter().map(|l| l.number).collect();
        assert_eq!(numbers, [most + 6, most + 7]);
        assert!(board.log(most + 7, 10).is_empty());
    }

    #[test]
    fn history_has_a_point_a_second_and_an_end() {
        let (board, mut feeder) = board();
        (0..1_000).for_each(|n| feeder.take(&snapshot(n * 500, n)));
        let points = board.history(1);
        assert_eq!(points.len(), HISTORY);
        assert!(points.iter().all(|p| p.drops == 2), "{points:?}");
        assert_eq!(points[HISTORY - 1].at_seconds, 499.0);
        assert!(board.history(2).is_empty());
    }

    #[test]
    fn changes_are_told_to_the_end() {
        let (board, mut feeder) = board();
        let told = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&told);
        board.on_change(move || {
            count.fetch_add(1, Ordering::Relaxed);
        });
        feeder.take(&snapshot(1, 0));
        feeder.take(&log(1));
        assert!(!board.is_over());
        drop(feeder);
        assert!(board.is_over());
        assert_eq!(told.load(Ordering::Relaxed), 3);
    }
}
