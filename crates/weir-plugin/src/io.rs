//! [`Service`]: code that owns connections on the reactor, and [`Io`]: the verbs it has for them.
//!
//! A filter keeps its stream and policy; a service keeps the connections of one listening address, for all filters that
//! share the address. They talk by messages only.

use std::any::Any;
use std::io::{IoSlice, Result};
use std::net::SocketAddr;

use weir_media::Time;

use crate::{Level, Memory};

/// A message between a filter and a service.
pub type Message = Box<dyn Any + Send>;

/// A connection, for as long as it is open. Ids are not reused while a service may still hold one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ConnId(pub u64);

/// A filter, as services know it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FilterId(pub u32);

/// Readiness of a connection. Spurious readiness is possible.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Ready {
    /// Reading may give bytes, the end, or an error.
    pub readable: bool,
    /// Writing may take bytes.
    pub writable: bool,
}

/// Which timer ran out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Timer {
    /// The timer of a connection.
    Conn(ConnId),
    /// The timer of the service itself.
    Service,
}

/// Owner of the connections of one listening address, on one reactor.
///
/// No call may block or take longer than its share: work for many connections is split over several
/// [`flush`](Service::flush) calls.
///
/// # For hosts
/// In one turn of the loop: messages first, then `flush`, then readiness and timers, and accepted connections last, so
/// that those who are live are served before those who come. Readiness is edge-triggered: it is reported once, and again
/// only after a read or write said it would block.
pub trait Service: Send {
    /// A message of a filter that serves through this address.
    fn message(&mut self, io: &mut dyn Io, from: FilterId, message: Message);

    /// A filter is gone; its streams are too.
    fn left(&mut self, io: &mut dyn Io, filter: FilterId);

    /// Whether another connection is wanted at all. Asked before each accept.
    fn admits(&self) -> bool {
        true
    }

    /// A new connection. It is readable as far as is known.
    fn accepted(&mut self, io: &mut dyn Io, conn: ConnId, peer: SocketAddr);

    /// A connection is ready.
    fn ready(&mut self, io: &mut dyn Io, conn: ConnId, ready: Ready);

    /// A timer set through [`Io`] ran out.
    fn timer(&mut self, io: &mut dyn Io, timer: Timer);

    /// Writes what is due. Returns true when the budget ended before the work did; it is then called again soon.
    fn flush(&mut self, io: &mut dyn Io) -> bool;
}

/// What a service may do. Nothing here blocks.
pub trait Io {
    /// The session clock.
    fn now(&self) -> Time;

    /// Reads into `buf`. `Ok(0)` is the end of the peer's data.
    ///
    /// # Errors
    /// `WouldBlock` when there is nothing now; anything else ends the connection: close it.
    fn read(&mut self, conn: ConnId, buf: &mut [u8]) -> Result<usize>;

    /// Writes the buffers in order and says how many bytes were taken.
    ///
    /// # Errors
    /// As for [`read`](Io::read).
    fn write(&mut self, conn: ConnId, bufs: &[IoSlice<'_>]) -> Result<usize>;

    /// Ends the writing side; the peer sees the end after what was written.
    fn shutdown(&mut self, conn: ConnId);

    /// Closes and forgets a connection. Unknown ids are ignored.
    fn close(&mut self, conn: ConnId);

    /// Sets the one timer of a connection, or clears it.
    fn set_timer(&mut self, conn: ConnId, at: Option<Time>);

    /// Sets the one timer of the service, or clears it.
    fn set_service_timer(&mut self, at: Option<Time>);

    /// Sends a message to a filter.
    fn post(&mut self, to: FilterId, message: Message);

    /// Fills `buf` with random bytes, fit for handshakes.
    fn random(&mut self, buf: &mut [u8]);

    /// Writes a line to the log. Never put a secret in it.
    fn log(&mut self, level: Level, line: String);

    /// The process-wide memory account.
    fn memory(&self) -> &Memory;
}
