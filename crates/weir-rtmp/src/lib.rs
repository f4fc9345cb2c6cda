//! RTMP as a sans-IO protocol engine: handshake, chunk stream, sessions, fan-out ring.
//!
//! Bytes and `now` go in; bytes to send, events and the next deadline come out. This crate never opens a socket, reads a
//! clock, starts a thread or draws random numbers: callers pass time and a [`Seed`] in.
//!
//! The layers, from the wire up: [`handshake`], [`chunk`], [`message`].

pub mod chunk;
mod error;
pub mod handshake;
pub mod message;

pub use error::{Error, ErrorKind, Foreign, Phase};
pub use handshake::Seed;
