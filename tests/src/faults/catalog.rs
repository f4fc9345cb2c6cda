//! The faults: what is done, to which outputs, and when.

use std::time::Duration;

use super::link::Condition;
use super::player::Manner;
use super::server::{Behaviour, Stage};

/// An output that may be struck. All others are never.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Slot {
    /// A push to a server on this machine, by its name.
    Near,
    /// A push over the link.
    Far,
    /// An encrypted push.
    Tls,
    /// An MP4 file.
    Disk,
    /// The second player of a listener; its first player is never struck.
    Viewer,
}

impl Slot {
    /// As reports call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Near => "near",
            Self::Far => "far",
            Self::Tls => "tls",
            Self::Disk => "disk",
            Self::Viewer => "viewer",
        }
    }
}

/// What is done to an output.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trouble {
    /// Its server misbehaves.
    Server(Behaviour),
    /// The link does.
    Link(Condition),
    /// The name of its server does not resolve.
    NoName,
    /// The file is on a disk that has room for 6 MB.
    FullDisk,
    /// The file is a pipe that nobody reads.
    HungDisk,
    /// The player does.
    Viewer(Manner),
}

/// One fault, or several at once.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// As reports call it.
    pub name: &'static str,
    /// From the start of the program, rather than once all outputs are live.
    pub is_early: bool,
    /// What is struck, and how.
    pub hits: &'static [(Slot, Trouble)],
    /// Servers that refuse are tried again after half a minute.
    pub is_refusal: bool,
}

/// When faults begin that are not early.
const LIVE: Duration = Duration::from_secs(5);
/// When all is well again.
const HEALED: Duration = Duration::from_secs(10);
/// When a run ends.
const END: Duration = Duration::from_secs(24);
/// The same where a refusal is waited for.
const LATE_END: Duration = Duration::from_secs(42);

impl Fault {
    /// When it begins.
    #[must_use]
    pub const fn begin(&self) -> Duration {
        if self.is_early { Duration::ZERO } else { LIVE }
    }

    /// When it is over.
    #[must_use]
    pub const fn healed(&self) -> Duration {
        HEALED
    }

    /// When the run is over.
    #[must_use]
    pub const fn end(&self) -> Duration {
        if self.is_refusal { LATE_END } else { END }
    }

    /// Whether it strikes an output.
    #[must_use]
    pub fn strikes(&self, slot: Slot) -> bool {
        self.trouble(slot).is_some()
    }

    /// What it does to an output.
    #[must_use]
    pub fn trouble(&self, slot: Slot) -> Option<Trouble> {
        self.hits.iter().find(|(s, _)| *s == slot).map(|(_, trouble)| *trouble)
    }
}

const fn early(name: &'static str, hits: &'static [(Slot, Trouble)]) -> Fault {
    Fault { name, is_early: true, hits, is_refusal: false }
}

const fn live(name: &'static str, hits: &'static [(Slot, Trouble)]) -> Fault {
    Fault { is_early: false, ..early(name, hits) }
}

const fn refusal(name: &'static str, hits: &'static [(Slot, Trouble)]) -> Fault {
    Fault { is_refusal: true, ..early(name, hits) }
}

const fn does(behaviour: Behaviour) -> Trouble {
    Trouble::Server(behaviour)
}

const fn stalls(stage: Stage) -> Trouble {
    does(Behaviour::Stalls(stage))
}

/// A poor network.
const LOSSY: Condition = Condition::Lossy { percent: 2, delay: Duration::from_millis(200) };

use Slot::{Disk, Far, Near, Tls, Viewer};

/// Each fault alone.
pub const FAULTS: &[Fault] = &[
    early("absent", &[(Near, does(Behaviour::Absent)), (Tls, does(Behaviour::Absent))]),
    early("black-holed", &[(Far, Trouble::Link(Condition::Cut))]),
    early("name does not resolve", &[(Near, Trouble::NoName)]),
    early("accepts and says nothing", &[(Near, does(Behaviour::Silent)), (Far, does(Behaviour::Silent))]),
    early("TLS never finishes", &[(Tls, does(Behaviour::HalfTls))]),
    early("stalls in the handshake", &[(Near, stalls(Stage::Handshake)), (Tls, stalls(Stage::Handshake))]),
    early("stalls in connect", &[(Near, stalls(Stage::Connect)), (Tls, stalls(Stage::Connect))]),
    early("stalls in createStream", &[(Near, stalls(Stage::CreateStream)), (Far, stalls(Stage::CreateStream))]),
    early("stalls in publish", &[(Near, stalls(Stage::Publish)), (Tls, stalls(Stage::Publish))]),
    refusal("refuses the connection", &[(Near, does(Behaviour::Rejects)), (Tls, does(Behaviour::Rejects))]),
    refusal("wrong key", &[(Near, does(Behaviour::WrongKey)), (Far, does(Behaviour::WrongKey))]),
    live(
        "stalls when live",
        &[
            (Near, does(Behaviour::Freezes)),
            (Tls, does(Behaviour::Freezes)),
            (Viewer, Trouble::Viewer(Manner::Freezes)),
        ],
    ),
    live(
        "reads slowly",
        &[(Near, does(Behaviour::Sips)), (Tls, does(Behaviour::Sips)), (Viewer, Trouble::Viewer(Manner::Sips))],
    ),
    live("resets when live", &[(Near, does(Behaviour::Resets)), (Tls, does(Behaviour::Resets))]),
    live("half-open: the network is cut", &[(Far, Trouble::Link(Condition::Cut))]),
    live("2 % loss, 200 ms delay each way", &[(Far, Trouble::Link(LOSSY))]),
    early("disk full", &[(Disk, Trouble::FullDisk)]),
    early("disk hangs", &[(Disk, Trouble::HungDisk)]),
    EVERYTHING[0],
    EVERYTHING[1],
];

/// A fault of every kind at once, at the start and under way: the short test.
pub const EVERYTHING: [Fault; 2] = [
    early(
        "four at once, from the start",
        &[
            (Near, stalls(Stage::Publish)),
            (Far, Trouble::Link(Condition::Cut)),
            (Tls, does(Behaviour::HalfTls)),
            (Disk, Trouble::FullDisk),
        ],
    ),
    live(
        "five at once, when live",
        &[
            (Near, does(Behaviour::Freezes)),
            (Far, Trouble::Link(LOSSY)),
            (Tls, does(Behaviour::Resets)),
            (Disk, Trouble::HungDisk),
            (Viewer, Trouble::Viewer(Manner::Freezes)),
        ],
    ),
];
