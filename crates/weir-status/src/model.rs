//! The model: plain values with their units in their names. Their JSON is the form of the API, their doc comments its text.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The whole session at one moment.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    /// The session.
    pub session: SessionStatus,
    /// Every filter.
    pub filters: Vec<FilterStatus>,
    /// Every queue between two filters.
    pub edges: Vec<EdgeStatus>,
    /// Sources that take from the network.
    pub inputs: Vec<OutputStatus>,
    /// Every output that has said anything.
    pub outputs: Vec<OutputStatus>,
}

/// The session as a whole.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct SessionStatus {
    /// Version of weir.
    pub version: String,
    /// When the session began, in seconds since 1970 (UTC).
    pub started_seconds: f64,
    /// For how long it has run.
    pub uptime_seconds: f64,
    /// Every filter knows its inputs and has said what it makes.
    pub settled: bool,
    /// Filters that failed.
    pub failures: u64,
    /// Processor time of the process since it began.
    pub cpu_seconds: f64,
    /// Processors in use lately: 1.5 is one and a half.
    pub cpu_cores: f64,
    /// Resident memory of the process; absent where the system does not tell.
    pub memory_bytes: Option<u64>,
    /// Media and connections kept in memory.
    pub media_bytes: u64,
    /// The most of that there may be (`-memory=`).
    pub media_limit_bytes: u64,
    /// Connections of players, publishers and pushes that are open.
    pub connections: u64,
    /// How far the clock of the session and the wall clock have come apart; positive when the wall clock is ahead.
    pub clock_drift_seconds: f64,
    /// How often the clock was moved because a source was hopelessly behind.
    pub clock_slips: u64,
    /// By how much in all.
    pub clock_slipped_seconds: f64,
}

/// One filter.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct FilterStatus {
    /// Number in the graph; stable for the life of the session.
    pub id: u64,
    /// Name in the graph.
    pub name: String,
    /// It has ended or failed.
    pub ended: bool,
    /// Calls.
    pub calls: u64,
    /// Time spent in calls.
    pub process_seconds: f64,
    /// Longest single stay in a call, or in a job of several.
    pub longest_seconds: f64,
    /// Calls that held up the event loop for longer than their budget.
    pub overruns: u64,
    /// Packets taken.
    pub packets_in: u64,
    /// Bytes taken.
    pub bytes_in: u64,
    /// Packets sent.
    pub packets_out: u64,
    /// Bytes sent.
    pub bytes_out: u64,
    /// Bits sent per second, lately.
    pub bitrate_out: u64,
    /// Packets dropped in front of it because it was late.
    pub dropped: u64,
    /// Packets that wait in front of it.
    pub queue_packets: u64,
    /// Why it failed.
    pub error: Option<String>,
}

/// One queue.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct EdgeStatus {
    /// The filter before it.
    pub from: u64,
    /// Which output of that filter, from 0.
    pub out: u32,
    /// The filter behind it.
    pub to: u64,
    /// Packets queued.
    pub packets: u64,
    /// Bytes queued.
    pub bytes: u64,
    /// Packets dropped because they were late.
    pub dropped: u64,
}

/// Where an output is in its life.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the words say it; those that do not are explained")]
pub enum Phase {
    #[default]
    Starting,
    /// Waiting for somebody to come.
    Listening,
    Resolving,
    Connecting,
    Securing,
    Handshaking,
    Publishing,
    Requesting,
    /// It failed, and waits to try again.
    Waiting,
    /// It was told to pause.
    Paused,
    /// Bytes are moving.
    Live,
    /// Connected, but no byte has moved for some seconds.
    Stalled,
    /// The rest is being delivered.
    Draining,
    Ended,
    Failed,
}

impl Phase {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::Starting,
        Self::Listening,
        Self::Resolving,
        Self::Connecting,
        Self::Securing,
        Self::Handshaking,
        Self::Publishing,
        Self::Requesting,
        Self::Waiting,
        Self::Paused,
        Self::Live,
        Self::Stalled,
        Self::Draining,
        Self::Ended,
        Self::Failed,
    ];

    /// As it is written in JSON and in labels.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Listening => "listening",
            Self::Resolving => "resolving",
            Self::Connecting => "connecting",
            Self::Securing => "securing",
            Self::Handshaking => "handshaking",
            Self::Publishing => "publishing",
            Self::Requesting => "requesting",
            Self::Waiting => "waiting",
            Self::Paused => "paused",
            Self::Live => "live",
            Self::Stalled => "stalled",
            Self::Draining => "draining",
            Self::Ended => "ended",
            Self::Failed => "failed",
        }
    }
}

/// Messages left out because they came too late, by what losing them means.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Drops {
    /// All together.
    pub total: u64,
    /// Pictures that no other needs. Counted for pushes, as all that follows.
    pub disposable: u64,
    /// Other pictures.
    pub video: u64,
    /// Sound.
    pub audio: u64,
    /// Data.
    pub data: u64,
}

/// What went wrong.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// One sentence without secrets.
    pub text: String,
    /// When, in seconds since the session began.
    pub at_seconds: f64,
}

/// What an output costs. Work that several outputs share is divided evenly among them.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Cost {
    /// Time spent in the filters that work for it. Writing to sockets is not in it.
    pub cpu_seconds: f64,
    /// The same lately, in processors.
    pub cpu_cores: f64,
    /// Bytes it has sent or written.
    pub bytes: u64,
    /// What it keeps in memory, and what waits in the queues in front of it.
    pub memory_bytes: u64,
}

/// One output, or one source that takes from the network.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct OutputStatus {
    /// Number in the graph; stable for the life of the session.
    pub id: u64,
    /// Name in the graph.
    pub name: String,
    /// Register name of its filter.
    pub filter: String,
    /// Where it goes, without key, password and query.
    pub url: String,
    /// Where it is in its life.
    pub phase: Phase,
    /// For how long.
    pub phase_seconds: f64,
    /// All that in a few plain words.
    pub words: String,
    /// Players connected and playing; 1 for a file or a push that is live.
    pub players: u64,
    /// Players that ever played.
    pub players_total: u64,
    /// Connections refused, or ended by a limit or a deadline.
    pub refused: u64,
    /// Bytes handed to the kernel, over all players.
    pub bytes: u64,
    /// Bytes that the peer's system has acknowledged; for pushes.
    pub acked_bytes: u64,
    /// Bits per second, lately.
    pub bitrate: u64,
    /// Largest lag of any player.
    pub lag_seconds: f64,
    /// Bytes that are due and not taken by the kernel, and bytes in the queues in front of it.
    pub queue_bytes: u64,
    /// Bytes kept for players who are yet to come or lag.
    pub kept_bytes: u64,
    /// What was left out.
    pub drops: Drops,
    /// Whom a push is connected to.
    pub peer: Option<String>,
    /// Round-trip time, as the kernel sees it; for pushes.
    pub rtt_seconds: Option<f64>,
    /// TCP segments sent again; for pushes.
    pub retransmits: u64,
    /// Attempts to connect; 0 for what does not connect.
    pub attempts: u64,
    /// What went wrong last.
    pub last_error: Option<Failure>,
    /// It is tried again in so many seconds.
    pub next_retry_seconds: Option<f64>,
    /// What it costs.
    pub cost: Cost,
}

/// One moment in the history of an output.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Point {
    /// When, in seconds since the session began.
    pub at_seconds: f64,
    /// Bits per second.
    pub bitrate: u64,
    /// Lag.
    pub lag_seconds: f64,
    /// Round-trip time.
    pub rtt_seconds: Option<f64>,
    /// Messages left out since the point before.
    pub drops: u64,
}

/// One output, and its last minutes.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct OutputPage {
    /// The output now.
    pub output: OutputStatus,
    /// About one point a second, the oldest first.
    pub history: Vec<Point>,
}

/// It is done, or as good as done.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Done {
    /// Always true; a refusal has another form: `error`.
    pub done: bool,
}

/// A line of the log.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct LogLine {
    /// Number, from 1.
    pub number: u64,
    /// When, in seconds since the session began.
    pub at_seconds: f64,
    /// error, warning, info or debug.
    pub level: String,
    /// The filter or part of weir it comes from.
    pub topic: String,
    /// The text.
    pub line: String,
}

/// The graph, as `weir plan --json` prints it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Graph {
    /// The filters, in the order they came.
    pub nodes: Vec<GraphNode>,
    /// The links, by filter and in the order they were made.
    pub edges: Vec<GraphLink>,
}

/// One filter.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct GraphNode {
    /// Number, from 1.
    pub id: u64,
    /// Register name.
    pub filter: String,
    /// Name in the graph.
    pub name: String,
    /// It was not declared but inserted.
    pub inserted: bool,
    /// The declared filter it is a copy of.
    pub clone_of: Option<u64>,
    /// Its arguments, without secrets.
    pub args: Vec<String>,
}

/// One PID connected to one filter.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct GraphLink {
    /// The producer.
    pub from: u64,
    /// The consumer.
    pub to: u64,
    /// Name of the PID, or its number from 1.
    pub pid: String,
    /// Stream type.
    pub r#type: String,
    /// Codec.
    pub codec: String,
    /// Coded media in its file framing.
    pub unframed: bool,
}
