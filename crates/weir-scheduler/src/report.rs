//! What a session tells the outside: log lines and snapshots, over a bounded channel that never blocks the reactor.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Receiver;
use weir_media::Time;
use weir_plugin::{Level, OutputRecord, Role};

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
    /// Number in the graph, from 1; stable for the life of the session.
    pub id: usize,
    /// Name in the graph.
    pub name: String,
    /// It has ended, or failed.
    pub is_over: bool,
    /// Calls.
    pub calls: u64,
    /// Time spent in calls.
    pub busy: Duration,
    /// Longest single stay in a call (or a job of several).
    pub longest: Duration,
    /// Calls that held up the event loop for longer than 2 ms.
    pub overruns: u64,
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
    /// The queues in front of it.
    pub inputs: Vec<EdgeReport>,
    /// Why it failed, if it did.
    pub error: Option<String>,
}

/// A call on the event loop that takes longer is counted: others waited for it.
pub(crate) const REACTOR_BUDGET: Duration = Duration::from_millis(2);

/// One queue: a PID of one filter on its way to another.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct EdgeReport {
    /// Number of the filter it comes from.
    pub from: usize,
    /// Which output of that, from 0.
    pub out: u32,
    /// Packets queued now.
    pub packets: usize,
    /// Bytes queued now.
    pub bytes: usize,
    /// Packets dropped because they were late.
    pub dropped: u64,
}

/// State of one output, or of a source that takes from the network.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OutputReport {
    /// Number in the graph.
    pub id: usize,
    /// Whether it is an output or a source.
    pub role: Role,
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
    /// The most that account gives.
    pub memory_cap: usize,
    /// Wall clock, microseconds since 1970.
    pub utc: u64,
    /// Processor time of the whole process.
    pub cpu: Duration,
    /// How often, and by how much in all, the clock was moved because a source was hopelessly behind.
    pub slips: u64,
    /// See `slips`.
    pub slipped: Duration,
    /// Nothing more is being linked.
    pub settled: bool,
    /// Filters that failed.
    pub failures: usize,
    /// The graph; the same allocation as long as it does not change.
    pub graph: Arc<weir_graph::Snapshot>,
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
