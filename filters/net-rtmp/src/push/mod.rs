//! Pushing: an output that publishes its stream to a server.
//!
//! The filter ([`Push`]) hands messages to a service of its own, which keeps the last seconds of the stream in a ring, and
//! makes one session after the other: [`Retry`](crate::remote::Retry) says when. A session ([`Session`](session::Session)) is a
//! cursor into the ring, so memory does not grow with lag, and a server that is slow or gone holds up nobody.

mod filter;
mod service;
mod session;
mod settings;
#[cfg(test)]
mod tests;

pub(crate) use filter::Push;
pub(crate) use settings::{Settings, blocks, push_only};
