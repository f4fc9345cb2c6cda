//! [`OutputRecord`]: the one truthful record about an output that every report is made from.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use weir_media::Time;

/// Where an output is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Phase {
    /// Not begun.
    #[default]
    Starting,
    /// Listening, nobody there.
    Listening,
    /// A name is being looked up.
    Resolving,
    /// A connection is being made.
    Connecting,
    /// Keys are being agreed on.
    Securing,
    /// The protocol begins.
    Handshaking,
    /// The server is being asked to take the stream.
    Publishing,
    /// The server is being asked for the stream.
    Requesting,
    /// It failed, and waits to try again.
    Waiting,
    /// It was told to pause.
    Paused,
    /// Bytes are moving.
    Live,
    /// Ending: what is left is being delivered.
    Draining,
    /// Ended as it should.
    Ended,
    /// Ended by an error.
    Failed,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Starting => "starting",
            Self::Listening => "listening",
            Self::Resolving => "resolving",
            Self::Connecting => "connecting",
            Self::Securing => "securing",
            Self::Handshaking => "shaking hands",
            Self::Publishing => "publishing",
            Self::Requesting => "asking for the stream",
            Self::Waiting => "waiting to try again",
            Self::Paused => "paused",
            Self::Live => "live",
            Self::Draining => "draining",
            Self::Ended => "ended",
            Self::Failed => "failed",
        })
    }
}

/// Messages left out because they came too late, by what losing them means.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Drops {
    /// Pictures that no other needs.
    pub disposable: u64,
    /// Other pictures.
    pub video: u64,
    /// Sound.
    pub audio: u64,
    /// Data.
    pub data: u64,
}

/// The state of one output.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OutputRecord {
    /// Where it goes, fit to be shown: no key, no password, no query.
    pub target: String,
    /// Where it is in its life.
    pub phase: Phase,
    /// Since when, by the session clock; kept by outputs that push.
    pub since: Time,
    /// Players connected and playing, or 1 for a file or a push.
    pub players: u32,
    /// Players that ever played.
    pub players_total: u64,
    /// Connections refused or ended by a limit or deadline.
    pub refused: u64,
    /// Bytes handed to the kernel since the start, over all players.
    pub bytes: u64,
    /// Largest lag of any player now.
    pub lag: Duration,
    /// Messages dropped for players that lagged.
    pub dropped: u64,
    /// Bytes kept for players who are yet to come or lag.
    pub kept: u64,
    /// `dropped` by class, for outputs that push, as all that follows.
    pub drops: Drops,
    /// Whom it is connected to.
    pub peer: Option<SocketAddr>,
    /// Bytes that are due and not taken by the kernel.
    pub queued: u64,
    /// What the kernel took lately, in bits per second.
    pub goodput: u64,
    /// Round-trip time, as the kernel sees it.
    pub rtt: Option<Duration>,
    /// TCP segments that were sent again.
    pub retransmits: u32,
    /// Bytes the peer's system has acknowledged.
    pub acked: u64,
    /// Attempts to connect so far.
    pub attempts: u32,
    /// What went wrong last, in a sentence without secrets, and when.
    pub last_error: Option<(String, Time)>,
    /// When it is tried again.
    pub next_retry: Option<Time>,
}
