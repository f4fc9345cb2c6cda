//! RTMP as a sans-IO protocol engine: handshake, chunk stream, sessions, fan-out ring.
//!
//! Bytes and `now` go in; bytes to send, events and the next deadline come out. This crate never opens a socket, reads a
//! clock, starts a thread or draws random numbers: callers pass time and a [`Seed`] in.
//!
//! From the wire up: [`handshake`], [`chunk`], [`message`], then [`ServerSession`] for one accepted connection and
//! [`ClientSession`] for one that is made, to play or to publish. Beside them, [`ring`]: how one stream reaches many connections.

pub mod chunk;
mod error;
pub mod handshake;
pub mod message;
mod redacted;
pub mod ring;
mod session;
mod url;

pub use error::{Error, ErrorKind, Foreign, Phase};
pub use handshake::Seed;
pub use redacted::Redacted;
pub use session::{
    ClientConfig, ClientEvent, ClientSession, ConnectRequest, Event, Login, NextStep, PlayRequest, PublishMode,
    PublishRequest, Purpose, Refusal, Refused, ServerConfig, ServerSession, StatusCode,
};
pub use url::{PathError, RtmpUrl, Scheme, StreamPath, UrlError};
