//! What the core needs of the world, as traits: [`Net`] is a clock, sockets and the other reactors, which is all that services
//! need; [`Platform`] adds worker lanes. [`crate::os`] is the real one, the simulation in the tests the other.

use std::io;
use std::io::IoSlice;
use std::net::SocketAddr;
use std::time::Duration;

use weir_media::Time;
use weir_plugin::{
    ConnId, Error, Event, Filter, FilterId, Lane, Level, Lookup, Mailbox, Message, PathInfo, ReactorId, Result,
    Service, Status, TcpOptions,
};
use weir_tls::Tls;

/// A call of a filter that travels to a worker lane, filter and all.
pub(crate) struct Job {
    pub(crate) node: usize,
    pub(crate) filter: Box<dyn Filter>,
    pub(crate) mail: Box<Mailbox>,
    pub(crate) start: bool,
    pub(crate) events: Vec<Event>,
    /// Calls of `process` at most: one for a filter that the clock paces.
    pub(crate) most_calls: u64,
}

/// A job that came back.
pub(crate) struct Done {
    pub(crate) node: usize,
    pub(crate) filter: Box<dyn Filter>,
    pub(crate) mail: Box<Mailbox>,
    pub(crate) result: Result<Status>,
    pub(crate) busy: Duration,
    pub(crate) calls: u64,
}

/// Readiness, as the platform reports it.
#[derive(Debug)]
pub(crate) enum Readiness {
    /// A listener, by service, has connections to accept.
    Listener(usize),
    /// A connection of a service.
    Conn { service: usize, conn: ConnId, readable: bool, writable: bool },
    /// A connection begun by a service is there, or encrypted as it asked, or is not to be and forgotten.
    Connected { service: usize, conn: ConnId, result: io::Result<()> },
}

/// A name that was looked up for a service.
pub(crate) struct LookedUp {
    pub(crate) service: usize,
    pub(crate) lookup: Lookup,
    pub(crate) result: io::Result<Vec<SocketAddr>>,
}

/// What came from another reactor.
pub(crate) struct Arrival {
    pub(crate) from: ReactorId,
    pub(crate) service: usize,
    pub(crate) what: Arrived,
}

/// What can come from another reactor.
pub(crate) enum Arrived {
    /// A twin, from home.
    Twin(Box<dyn Service>),
    /// A message of a twin.
    Told(Message),
    /// A connection of a twin, and what it sent along.
    Moved(ConnId, Message),
    /// The service is no more, says home.
    Abandoned,
    /// A message of a twin for a filter.
    Post(FilterId, Message),
    /// A line of a twin for the log.
    Log(Level, String),
    /// A twin panicked, and is no more.
    Broken(Error),
}

/// What became of a deadline of a connection when its time came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TimerState {
    /// It is due, and now cleared.
    Due,
    /// It was moved: look again then.
    Later(Time),
    /// It was cleared, or the connection is gone.
    Void,
}

/// The world around the core.
pub(crate) trait Platform {
    /// The world around services.
    type Net: Net;

    fn net(&mut self) -> &mut Self::Net;
    /// The clock of its net.
    fn now(&self) -> Time;
    fn utc_micros(&self) -> u64;
    /// Connections open now on all reactors.
    fn connections(&self) -> usize;
    /// Processor time the process has used.
    fn cpu_time(&self) -> Duration;

    /// Sends a job to a lane. Never blocks.
    fn submit(&mut self, lane: Lane, job: Job);
    /// A node is over: what its lane keeps for it goes.
    fn release(&mut self, node: usize);
}

/// The world around the services of one reactor.
pub(crate) trait Net {
    fn now(&self) -> Time;

    /// Listens for a service.
    fn listen(&mut self, service: usize, addr: SocketAddr) -> io::Result<()>;
    /// The service is no more: ends its listener and its connections, and its twins elsewhere.
    fn abandon(&mut self, service: usize);
    /// Looks a name up on a thread of its own.
    fn resolve(&mut self, service: usize, host: &str, port: u16) -> io::Result<Lookup>;
    /// The next look-up that is done.
    fn looked_up(&mut self) -> Option<LookedUp>;
    /// Begins a connection.
    fn connect(&mut self, service: usize, addr: SocketAddr, tcp: TcpOptions) -> io::Result<ConnId>;
    /// Encrypts a connection.
    fn secure(&mut self, conn: ConnId, tls: &Tls) -> io::Result<()>;
    /// What the system knows of the way to a peer.
    fn path(&mut self, conn: ConnId) -> Option<PathInfo>;
    /// Accepts one connection, `None` when there is none now.
    fn accept(&mut self, service: usize) -> io::Result<Option<(ConnId, SocketAddr)>>;
    /// Whether there may be one more connection.
    fn has_room(&self) -> bool;

    fn read(&mut self, conn: ConnId, buf: &mut [u8]) -> io::Result<usize>;
    fn write(&mut self, conn: ConnId, bufs: &[IoSlice<'_>]) -> io::Result<usize>;
    fn shutdown(&mut self, conn: ConnId);
    fn close(&mut self, conn: ConnId);
    /// Remembers the deadline of a connection. Returns it when the heap has to know it too.
    fn set_timer(&mut self, conn: ConnId, at: Option<Time>) -> Option<Time>;
    /// What the entry of the heap for `at` means now.
    fn take_timer(&mut self, conn: ConnId, at: Time) -> TimerState;
    fn random(&mut self, buf: &mut [u8]);

    /// Reactors of the session.
    fn reactors(&self) -> u32;
    /// Puts a twin of a service on another reactor.
    fn place(&mut self, service: usize, on: ReactorId, twin: Box<dyn Service>) -> io::Result<()>;
    /// Sends a message to the twin of a service; an error when it cannot be, with the message.
    fn tell(&mut self, service: usize, to: ReactorId, message: Message) -> std::result::Result<(), Message>;
    /// Moves a connection to the twin of a service; an error when it cannot be, with the message.
    fn move_to(&mut self, conn: ConnId, to: ReactorId, with: Message) -> std::result::Result<(), Message>;
    /// The next that came from another reactor.
    fn arrival(&mut self) -> Option<Arrival>;
}
