//! What a server session tells its owner, and what its owner may answer.

use super::status::StatusCode;
use crate::message::Message;
use crate::{Redacted, StreamPath};

/// What happened on a connection. Prints without secrets.
#[derive(Clone, PartialEq, Debug)]
pub enum Event {
    /// A client wants in. Answer with `accept_connect` or `reject_connect`.
    Connect(ConnectRequest),
    /// A client wants to watch. Answer with `accept_play` or `reject_play`, now or later.
    Play(PlayRequest),
    /// A client wants to send. Answer with `accept_publish` or `reject_publish`, now or later.
    Publish(PublishRequest),
    /// Audio, video or data (AMF0) of a stream that is published, one by one even if they came as an aggregate.
    Media(Message),
    /// A player pauses or goes on; it has been answered.
    Pause {
        /// Message stream id.
        msid: u32,
        /// Paused, rather than resumed.
        on: bool,
    },
    /// A player turns audio on or off.
    ReceiveAudio {
        /// Message stream id.
        msid: u32,
        /// Wanted, rather than not.
        on: bool,
    },
    /// A player turns video on or off.
    ReceiveVideo {
        /// Message stream id.
        msid: u32,
        /// Wanted, rather than not.
        on: bool,
    },
    /// The client ended what it played, published or asked for on a stream: send no more media there, and none will
    /// come. The connection can be used again.
    Stopped {
        /// Message stream id.
        msid: u32,
    },
    /// The session is over in good order: send what `poll_transmit` still gives, then close the connection.
    Closed,
}

/// A `connect` command.
#[derive(Clone, PartialEq, Debug)]
pub struct ConnectRequest {
    /// The app as sent; may be empty and may carry a query.
    pub app: Redacted,
    /// The URL the client was given, without the stream name; empty when not sent.
    pub tc_url: Redacted,
    /// The client's name and version; empty when not sent.
    pub flash_version: String,
    /// Whether the client says it speaks Enhanced RTMP.
    pub enhanced: bool,
}

/// A `play` command.
#[derive(Clone, PartialEq, Debug)]
pub struct PlayRequest {
    /// Message stream id to answer and to send media on.
    pub msid: u32,
    /// Which stream.
    pub path: StreamPath,
    /// Where to start: below 0 live, else seconds into a recording.
    pub start: f64,
    /// Whether to end what was played before, rather than to append.
    pub reset: bool,
}

/// A `publish` command.
#[derive(Clone, PartialEq, Debug)]
pub struct PublishRequest {
    /// Message stream id to answer.
    pub msid: u32,
    /// Which stream.
    pub path: StreamPath,
    /// `live`, `record` or `append`.
    pub mode: String,
}

/// How to refuse a client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// No such app.
    InvalidApp,
    /// The client may not connect.
    Rejected,
    /// No such stream.
    StreamNotFound,
    /// The stream cannot be played.
    PlayFailed,
    /// The client may not publish.
    PublishDenied,
    /// The name is taken or illegal.
    BadName,
}

impl Refusal {
    /// The code sent for it.
    #[must_use]
    pub const fn code(self) -> StatusCode {
        match self {
            Self::InvalidApp => StatusCode::ConnectInvalidApp,
            Self::Rejected => StatusCode::ConnectRejected,
            Self::StreamNotFound => StatusCode::PlayStreamNotFound,
            Self::PlayFailed => StatusCode::PlayFailed,
            Self::PublishDenied => StatusCode::PublishDenied,
            Self::BadName => StatusCode::PublishBadName,
        }
    }
}
