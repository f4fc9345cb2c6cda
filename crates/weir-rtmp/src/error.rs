//! What can go wrong on a connection: every error says what, in which phase, and at which byte. Never holds a secret.

use std::fmt;

/// Why a connection must end: final for the session that returned it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Error {
    /// What went wrong.
    pub kind: ErrorKind,
    /// How far the connection had come.
    pub phase: Phase,
    /// Bytes received from the peer before the error.
    pub at: u64,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (while {}, at byte {})", self.kind, self.phase, self.at)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.kind)
    }
}

/// How far a connection has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// Exchanging C0–C2 and S0–S2.
    Handshake,
    /// Waiting for `connect` or its answer.
    Connect,
    /// Connected, but neither playing nor publishing.
    Setup,
    /// At least one stream plays or publishes.
    Live,
    /// Over: nothing more is read.
    Closed,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Handshake => "shaking hands",
            Self::Connect => "connecting",
            Self::Setup => "setting up a stream",
            Self::Live => "streaming",
            Self::Closed => "closed",
        })
    }
}

/// Another protocol on the RTMP port, told by its first byte.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Foreign {
    /// An HTTP request line.
    Http,
    /// A TLS record: RTMPS sent to a plain port.
    Tls,
    /// RTMPE (encrypted RTMP), which weir does not speak.
    Rtmpe,
    /// Any other version byte.
    Version(u8),
}

/// What went wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The peer speaks another protocol: close quietly.
    NotRtmp(Foreign),
    /// A chunk header in the middle of a message of its chunk stream.
    HeaderInMessage {
        /// The chunk stream id.
        csid: u32,
    },
    /// A chunk stream began with a header that leans on an earlier one.
    FreshChunkStream {
        /// The chunk stream id.
        csid: u32,
        /// The header form: 2 or 3.
        fmt: u8,
    },
    /// A chunk size of 0, or with its top bit set.
    ChunkSize(u32),
    /// A message longer than its type may be.
    MessageLength {
        /// Message type id.
        kind: u8,
        /// Length the header declares.
        length: u32,
        /// The limit it broke (or the exact length it must have, for protocol control).
        limit: u32,
    },
    /// More chunk streams than the limit.
    TooManyChunkStreams,
    /// Unfinished messages hold more memory than the limit.
    TooMuchPartial,
    /// Chunks so small that reading them costs too much work.
    TinyChunks,
    /// A control message whose body is malformed.
    Control {
        /// Message type id.
        kind: u8,
    },
    /// A command whose values cannot be read.
    Amf(weir_amf::Error),
    /// A command that does not begin with its name.
    NamelessCommand,
    /// An aggregate message whose items do not fit its body.
    Aggregate {
        /// Bytes into the message body.
        at: usize,
    },
    /// More messages or commands per second than allowed.
    Flood,
    /// The peer does not read the replies it asks for.
    ReplyOverflow,
    /// The phase's deadline passed.
    Deadline,
    /// Nothing was heard for long, not even an answer to a ping.
    Silent,
    /// The peer refused us (client side).
    Refused,
    /// The session is already over.
    Closed,
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRtmp(Foreign::Http) => f.write_str("peer speaks HTTP, not RTMP"),
            Self::NotRtmp(Foreign::Tls) => f.write_str("peer speaks TLS (RTMPS) on a plain RTMP port"),
            Self::NotRtmp(Foreign::Rtmpe) => f.write_str("peer speaks encrypted RTMP (RTMPE), which is not supported"),
            Self::NotRtmp(Foreign::Version(v)) => write!(f, "peer speaks an unknown protocol (first byte {v:#04x})"),
            Self::HeaderInMessage { csid } => write!(f, "new message header inside a message on chunk stream {csid}"),
            Self::FreshChunkStream { csid, fmt } => write!(f, "chunk stream {csid} begins with a type {fmt} header"),
            Self::ChunkSize(n) => write!(f, "invalid chunk size {n}"),
            Self::MessageLength { kind, length, limit } => {
                write!(f, "message of type {kind} is {length} bytes long, limit is {limit}")
            }
            Self::TooManyChunkStreams => f.write_str("too many chunk streams"),
            Self::TooMuchPartial => f.write_str("too many bytes in unfinished messages"),
            Self::TinyChunks => f.write_str("chunks too small"),
            Self::Control { kind } => write!(f, "malformed control message of type {kind}"),
            Self::Amf(error) => write!(f, "malformed command: {error}"),
            Self::NamelessCommand => f.write_str("command without a name"),
            Self::Aggregate { at } => write!(f, "malformed aggregate message (byte {at} of its body)"),
            Self::Flood => f.write_str("too many messages per second"),
            Self::ReplyOverflow => f.write_str("peer does not read replies"),
            Self::Deadline => f.write_str("took too long"),
            Self::Silent => f.write_str("peer is silent"),
            Self::Refused => f.write_str("refused by peer"),
            Self::Closed => f.write_str("session is over"),
        }
    }
}

impl std::error::Error for ErrorKind {}

impl From<weir_amf::Error> for ErrorKind {
    fn from(error: weir_amf::Error) -> Self {
        Self::Amf(error)
    }
}
