//! What a session tells the outside: log lines and snapshots, over a bounded channel that never blocks the reactor.

use std::time::Duration;

use crossbeam_channel::Receiver;
use weir_media::Time;
use weir_plugin::{Level, OutputRecord};

/// A log line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Log {
    /// How loud.
    pub level: Level,
    /// Filter or part of weir it comes from.
    pub topic: String,
    /// The text.
    pub line: String,
    /// When.
    pub at: Time,
}

/// Counters of one filter.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FilterReport {
    /// Name in the graph.
    pub name: String,
    /// Calls.
    pub calls: u64,
    /// Time spent in calls.
    pub busy: Duration,
    /// Longest single stay in a call (or a job of several).
    pub longest: Duration,
    /// Packets taken from inputs.
    pub packets_in: u64,
    /// Bytes taken from inputs.
    pub bytes_in: u64,
    /// Packets sent.
    pub packets_out: u64,
    /// Bytes sent.
    pub bytes_out: u64,
    /// Packets dropped in front of it because it was late.
    pub dropped: u64,
    /// Packets queued in front of it now.
    pub queued: usize,
    /// Why it failed, if it did.
    pub error: Option<String>,
}

/// State of one output.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OutputReport {
    /// Name in the graph.
    pub name: String,
    /// Its record.
    pub record: OutputRecord,
}

/// The whole session at one moment.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Snapshot {
    /// When.
    pub at: Time,
    /// One entry per filter.
    pub filters: Vec<FilterReport>,
    /// One entry per output that keeps a record.
    pub outputs: Vec<OutputReport>,
    /// Connections open.
    pub connections: usize,
    /// Bytes leased from the process-wide account.
    pub memory: usize,
    /// The graph as a tree, for people; only in the last snapshot.
    pub tree: String,
}

/// Something a session reports.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Report {
    /// A log line.
    Log(Log),
    /// A snapshot, at the interval asked for and once at the end.
    Snapshot(Box<Snapshot>),
}

/// Where a session's reports are taken from: a bounded queue. It can be iterated over, to the end of the session.
pub type Reports = Receiver<Report>;
