//! [`Service`]: code that owns connections on the reactor, and [`Io`]: the verbs it has for them.
//!
//! A filter keeps its stream and policy; a service keeps the connections: those of one listening address, for all filters
//! that share the address, or those that one filter makes. They talk by messages only.

use std::any::Any;
use std::io::{IoSlice, Result};
use std::net::SocketAddr;
use std::time::Duration;

use weir_media::Time;
use weir_tls::Tls;

use crate::{Level, Memory};

/// A message between a filter and a service.
pub type Message = Box<dyn Any + Send>;

/// A connection, for as long as it is open. Ids are not reused while a service may still hold one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ConnId(pub u64);

/// One of the event loops that share the connections of services. Each has its own; what it knows of the others it was told.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ReactorId(pub u32);

impl ReactorId {
    /// Where filters and listeners are, and services begin.
    pub const HOME: Self = Self(0);
}

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

/// A name being looked up. Ids are not reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Lookup(pub u64);

/// How a connection that is made here is to be set up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TcpOptions {
    /// Sends at once what is written, and does not wait to fill a segment (`TCP_NODELAY`).
    pub nodelay: bool,
    /// The system breaks the connection when sent bytes stay unacknowledged for this long (`TCP_USER_TIMEOUT`).
    pub user_timeout: Option<Duration>,
}

impl Default for TcpOptions {
    fn default() -> Self {
        Self { nodelay: true, user_timeout: None }
    }
}

/// What the system knows of the way to a peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PathInfo {
    /// Smoothed round-trip time.
    pub rtt: Duration,
    /// Segments sent again, ever.
    pub retransmits: u32,
    /// Bytes the peer has acknowledged, ever.
    pub acked: u64,
    /// Bytes the system has taken and not yet sent.
    pub unsent: u32,
    /// Segments that are sent and not acknowledged.
    pub unacked: u32,
}

/// Which timer ran out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Timer {
    /// The timer of a connection.
    Conn(ConnId),
    /// The timer of the service itself.
    Service,
}

/// Owner of the connections of one listening address, or of those it makes itself, on one reactor. It may have twins on
/// other reactors ([`Io::place`]) and move connections to them; they share nothing but messages.
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
    fn accepted(&mut self, io: &mut dyn Io, conn: ConnId, peer: SocketAddr) {
        let _ = peer;
        io.close(conn);
    }

    /// A connection begun with [`Io::connect`] is there, readable and writable as far as is known; or it could not be
    /// made, and is forgotten already. The same again after [`Io::secure`].
    fn connected(&mut self, io: &mut dyn Io, conn: ConnId, result: Result<()>) {
        let _ = (io, conn, result);
    }

    /// A name asked for with [`Io::resolve`] was found, or was not. Addresses are in the order the system prefers.
    fn resolved(&mut self, io: &mut dyn Io, lookup: Lookup, result: Result<Vec<SocketAddr>>) {
        let _ = (io, lookup, result);
    }

    /// A message of its twin on another reactor, sent with [`Io::tell`]. Those of one twin come in order, moved connections
    /// among them.
    fn told(&mut self, io: &mut dyn Io, from: ReactorId, message: Message) {
        let _ = (io, from, message);
    }

    /// A connection that its twin on another reactor sent here with [`Io::move_to`]: under a new id, without a timer, readable
    /// and writable as far as is known.
    fn moved_in(&mut self, io: &mut dyn Io, conn: ConnId, from: ReactorId, with: Message) {
        let _ = (from, with);
        io.close(conn);
    }

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

    /// Looks `host` up on a thread of its own; [`Service::resolved`] tells what it found. That may take very long: keep a
    /// deadline, and forget the look-up when it comes.
    ///
    /// # Errors
    /// When earlier look-ups of this service hang.
    fn resolve(&mut self, host: &str, port: u16) -> Result<Lookup>;

    /// Begins a connection to `addr`; [`Service::connected`] tells what became of it. Until then it can be closed, which is
    /// all. Keep a deadline.
    ///
    /// # Errors
    /// What the system says at once.
    fn connect(&mut self, addr: SocketAddr, tcp: TcpOptions) -> Result<ConnId>;

    /// Encrypts a connection that nothing was read from or written to; [`Service::connected`] tells what became of it. Until
    /// then, reading and writing would block. Keep a deadline.
    ///
    /// # Errors
    /// The name of the server is neither a host name nor an address.
    fn secure(&mut self, conn: ConnId, tls: &Tls) -> Result<()>;

    /// What the system knows of the way to the peer; `None` when it does not say.
    fn path(&mut self, conn: ConnId) -> Option<PathInfo>;

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

    /// How many reactors there are.
    fn reactors(&self) -> u32 {
        1
    }

    /// Puts a twin of this service on another reactor. It owns the connections that are moved to it, and ends with this one.
    /// On [`ReactorId::HOME`] only, and once for each other reactor.
    ///
    /// # Errors
    /// When there is no such reactor, or it cannot be started.
    fn place(&mut self, on: ReactorId, twin: Box<dyn Service>) -> Result<()> {
        let _ = (on, twin);
        Err(std::io::ErrorKind::Unsupported.into())
    }

    /// Sends a message to the twin on another reactor; from there, to [`ReactorId::HOME`] only.
    ///
    /// # Errors
    /// The message, when too many wait there already, or there is no twin.
    fn tell(&mut self, to: ReactorId, message: Message) -> std::result::Result<(), Message> {
        let _ = to;
        Err(message)
    }

    /// Moves an open connection to the twin on another reactor, as [`tell`](Io::tell) does a message. It is forgotten here.
    ///
    /// # Errors
    /// The message, and the connection stays: as for [`tell`](Io::tell), and for an unknown connection.
    fn move_to(&mut self, conn: ConnId, to: ReactorId, with: Message) -> std::result::Result<(), Message> {
        let _ = (conn, to);
        Err(with)
    }

    /// Sends a message to a filter.
    fn post(&mut self, to: FilterId, message: Message);

    /// Fills `buf` with random bytes, fit for handshakes.
    fn random(&mut self, buf: &mut [u8]);

    /// Writes a line to the log. Never put a secret in it.
    fn log(&mut self, level: Level, line: String);

    /// The process-wide memory account.
    fn memory(&self) -> &Memory;
}
