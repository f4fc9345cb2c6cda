//! [`OutputRecord`]: the one truthful record about an output that every report is made from.

use std::fmt;
use std::time::Duration;

/// Where an output is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Phase {
    /// Not begun.
    #[default]
    Starting,
    /// Listening, nobody there.
    Listening,
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
            Self::Live => "live",
            Self::Draining => "draining",
            Self::Ended => "ended",
            Self::Failed => "failed",
        })
    }
}

/// The state of one output.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OutputRecord {
    /// Where it goes, fit to be shown: no key, no password, no query.
    pub target: String,
    /// Where it is in its life.
    pub phase: Phase,
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
}
