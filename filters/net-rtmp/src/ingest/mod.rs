//! `rtmpin`: what publishers send here, and what is fetched from servers, as one live FLV stream for each name.
//!
//! The filter ([`Source`]) keeps its streams whatever becomes of who feeds them: publishers come and go (`publish.rs` of the
//! service), and servers are connected to again ([`PullService`](pull::PullService)). [`Line`](line::Line) puts what they
//! send one behind the other. Payloads pass as they are; only the heads of slices are looked at (`pictures.rs`).

mod line;
mod pictures;
mod pull;
mod settings;
mod source;

use std::net::SocketAddr;

use weir_plugin::OutputRecord;
use weir_rtmp::message::Message;

use crate::settings::Address;

#[cfg(test)]
pub(crate) use pull::PullService;
pub(crate) use settings::{IngestSettings, Settings, Takeover};
pub(crate) use source::Source;

/// Bytes of media handed to the filter that it has not passed on; beyond it the sender is not read. Room for a few whole
/// pictures of any size in use.
pub(crate) const WINDOW: usize = 4 << 20;

/// From an input to the service that feeds it.
pub(crate) enum ToFeeder {
    /// Take what is published there.
    Listen(Box<OpenIntake>),
    /// Connect, and go on connecting.
    Connect,
    /// So many bytes of what was handed over for a feed are passed on.
    Taken { feed: usize, bytes: usize },
    /// Nobody has fed this for long: give it up, unless somebody does now.
    GiveUp { feed: usize },
}

/// What an input asks to take.
#[derive(Clone)]
pub(crate) struct OpenIntake {
    pub(crate) ingest: IngestSettings,
    pub(crate) at: Address,
}

/// From the service to its input.
#[derive(Debug)]
pub(crate) enum FromFeeder {
    /// It cannot be, in a sentence.
    Refused(String),
    /// Somebody begins to send.
    Begins { feed: usize, name: String, peer: SocketAddr },
    /// What it sends.
    Media { feed: usize, messages: Vec<Message> },
    /// It is gone: why, in a sentence.
    Ends { feed: usize, why: &'static str },
    /// It is given up. Who comes with its name gets another.
    GivenUp { feed: usize },
    /// Somebody was refused.
    TurnedAway,
    /// How connecting goes.
    Record(Box<OutputRecord>),
    /// The server says that the stream is over.
    Over,
    /// Nothing is tried again.
    GaveUp(String),
}
