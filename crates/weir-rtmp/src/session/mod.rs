//! Sessions: one connection each, from the first byte to the last.
//!
//! The verbs are the same everywhere: `handle_input` and `handle_timeout` change a session; after either, and after any
//! answer to an event, drain `poll_event` and `poll_transmit` and ask `poll_timeout` anew.

mod bucket;
mod client;
mod config;
mod enhanced;
mod event;
mod link;
mod login;
mod outbox;
mod server;
mod status;
mod timers;

pub use client::{ClientConfig, ClientEvent, ClientSession, PublishMode, Purpose, Refused};
pub use config::ServerConfig;
pub use event::{ConnectRequest, Event, PlayRequest, PublishRequest, Refusal};
pub use login::{Login, NextStep};
pub use server::ServerSession;
pub use status::StatusCode;
