//! The network as services of one reactor see it: sockets on mio, the clock, and ways to the other reactors.

use std::collections::HashMap;
use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use mio::event::Event;
use mio::net::{TcpListener, TcpStream};
use mio::{Interest, Registry, Token};
use socket2::{Domain, SockRef, Socket, Type};
use weir_media::Time;
use weir_plugin::{ConnId, Lookup, Message, PathInfo, ReactorId, Service, TcpOptions};
use weir_tls::{Engine, Tls};

use crate::lookup::Lookups;
use crate::mail::{Inbox, Load, Outbox, Parcel};
use crate::platform::{Arrival, Arrived, LookedUp, Net, Readiness, TimerState};
use crate::reactor::Others;
use crate::tcp_info;

/// Token of the waker.
pub(crate) const WAKER: Token = Token(usize::MAX);
/// Tokens of listeners start here; connections stay below.
const LISTENERS: usize = 1 << 62;
/// Connections that may wait to be accepted, per listener.
const BACKLOG: i32 = 4096;
/// Bytes the kernel may hold unsent for one connection, so that lag stays where it can be measured and dropped.
const UNSENT_BYTES: u32 = 128 * 1024;

/// How far a connection has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// It is being made: nothing is known of it but that.
    Opening,
    /// Keys are being agreed on.
    Securing,
    Open,
}

/// A connection. It can move to another reactor while it is not registered.
pub(crate) struct Conn {
    stream: TcpStream,
    service: usize,
    stage: Stage,
    /// Encryption, when the connection has it.
    tls: Option<Box<Engine>>,
    /// The writing side ends when what is encrypted is taken.
    shutting: bool,
    timer: Option<Time>,
    /// The earliest deadline the heap knows of this connection.
    heaped: Option<Time>,
}

impl Conn {
    /// Writes what is encrypted and was not taken yet. What goes wrong shows when it is read or written.
    fn flush(&mut self) {
        let taken = self.tls.as_mut().is_some_and(|tls| tls.flush(&mut self.stream).is_ok());
        if taken && std::mem::take(&mut self.shutting) {
            let _ = self.stream.shutdown(Shutdown::Write);
        }
    }
}

/// Connections by slot, with a generation so that ids are never reused.
#[derive(Default)]
struct Conns {
    slots: Vec<(u32, Option<Conn>)>,
    free: Vec<u32>,
    open: usize,
}

impl Conns {
    fn insert(&mut self, conn: Conn) -> ConnId {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push((0, None));
            u32::try_from(self.slots.len() - 1).expect("far fewer than 2^32 descriptors")
        });
        let entry = &mut self.slots[slot as usize];
        entry.1 = Some(conn);
        self.open += 1;
        // 30 bits of generation keep the id below the tokens of listeners.
        ConnId(u64::from(entry.0) << 32 | u64::from(slot))
    }

    fn get(&mut self, id: ConnId) -> Option<&mut Conn> {
        let (generation, conn) = self.slots.get_mut((id.0 & 0xffff_ffff) as usize)?;
        (u64::from(*generation) == id.0 >> 32).then_some(conn.as_mut()).flatten()
    }

    /// One that is made.
    fn open(&mut self, id: ConnId) -> io::Result<&mut Conn> {
        let conn = self.get(id).ok_or_else(gone)?;
        if conn.stage == Stage::Open { Ok(conn) } else { Err(io::ErrorKind::WouldBlock.into()) }
    }

    /// All of a service.
    fn of(&self, service: usize) -> Vec<ConnId> {
        let of_service = |c: &Option<Conn>| c.as_ref().is_some_and(|c| c.service == service);
        let slots = (0..).zip(&self.slots).filter(|(_, (_, conn))| of_service(conn));
        slots.map(|(slot, (generation, _))| ConnId(u64::from(*generation) << 32 | slot)).collect()
    }

    fn remove(&mut self, id: ConnId) -> Option<Conn> {
        self.get(id)?;
        let slot = (id.0 & 0xffff_ffff) as usize;
        let entry = &mut self.slots[slot];
        entry.0 = (entry.0 + 1) & 0x3fff_ffff;
        self.free.push(u32::try_from(slot).expect("slots are numbered by u32"));
        self.open -= 1;
        entry.1.take()
    }
}

/// Connections of all reactors, and the most there may be.
#[derive(Clone)]
pub(crate) struct Room {
    open: Arc<AtomicUsize>,
    most: usize,
}

impl Room {
    pub(crate) fn new(most: usize) -> Self {
        Self { open: Arc::default(), most }
    }

    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }
}

/// The real [`Net`].
pub(crate) struct SysNet {
    here: ReactorId,
    start: Instant,
    registry: Registry,
    lookups: Lookups,
    listeners: HashMap<usize, TcpListener>,
    conns: Conns,
    room: Room,
    inbox: Inbox,
    ways: Ways,
}

/// Where messages to other reactors go.
pub(crate) enum Ways {
    /// At home: to all others.
    Others(Others),
    /// Elsewhere: to home.
    Home(Outbox),
}

impl SysNet {
    pub(crate) fn new(
        here: ReactorId,
        start: Instant,
        registry: Registry,
        wake: Arc<dyn Fn() + Send + Sync>,
        room: Room,
        (inbox, ways): (Inbox, Ways),
    ) -> Self {
        Self {
            here,
            start,
            registry,
            lookups: Lookups::new(wake),
            listeners: HashMap::new(),
            conns: Conns::default(),
            room,
            inbox,
            ways,
        }
    }

    /// Whether home is no more.
    pub(crate) fn is_cut_off(&self) -> bool {
        self.inbox.is_cut_off()
    }

    /// Sends to another reactor; what could not be sent comes back.
    pub(crate) fn send(&mut self, to: ReactorId, service: usize, load: Load) -> Result<(), Load> {
        let parcel = Parcel { from: self.here, service, load };
        match self.way(to) {
            Some(way) => way.send(parcel).map_err(|parcel| parcel.load),
            None => Err(parcel.load),
        }
    }

    fn way(&self, to: ReactorId) -> Option<&Outbox> {
        match &self.ways {
            Ways::Others(others) => others.way(to),
            Ways::Home(home) => (to == ReactorId::HOME).then_some(home),
        }
    }

    /// What an event of the poll means.
    pub(crate) fn readiness(&mut self, event: &Event) -> Option<Readiness> {
        let token = event.token().0;
        if event.token() == WAKER {
            return None;
        }
        if token >= LISTENERS {
            return Some(Readiness::Listener(token - LISTENERS));
        }
        let conn = ConnId(token as u64);
        let Conn { service, stage, .. } = *self.conns.get(conn)?;
        match stage {
            Stage::Opening => return self.opened(service, conn),
            Stage::Securing => return self.secured(service, conn),
            Stage::Open => {}
        }
        if event.is_writable() {
            self.conns.get(conn)?.flush();
        }
        let readable = event.is_readable() || event.is_read_closed() || event.is_error();
        let writable = event.is_writable() || event.is_write_closed() || event.is_error();
        Some(Readiness::Conn { service, conn, readable, writable })
    }

    /// What became of a connection that was begun; `None` while that is open.
    fn opened(&mut self, service: usize, id: ConnId) -> Option<Readiness> {
        let conn = self.conns.get(id)?;
        let result = match conn.stream.take_error() {
            Ok(None) => conn.stream.peer_addr().map(drop),
            Ok(Some(e)) | Err(e) => Err(e),
        };
        match result {
            Err(e) if e.kind() == io::ErrorKind::NotConnected => return None,
            Err(_) => self.close(id),
            Ok(()) => conn.stage = Stage::Open,
        }
        Some(Readiness::Connected { service, conn: id, result })
    }

    /// What became of a handshake; `None` while it goes on.
    fn secured(&mut self, service: usize, id: ConnId) -> Option<Readiness> {
        let conn = self.conns.get(id)?;
        let result = match conn.tls.as_mut()?.handshake(&mut conn.stream) {
            Ok(false) => return None,
            Ok(true) => {
                conn.stage = Stage::Open;
                Ok(())
            }
            Err(e) => {
                self.close(id);
                Err(e)
            }
        };
        Some(Readiness::Connected { service, conn: id, result })
    }

    /// Takes a connection in.
    fn add(&mut self, stream: TcpStream, service: usize, stage: Stage) -> io::Result<ConnId> {
        // It only tunes; a connection without it still works.
        let _ = SockRef::from(&stream).set_tcp_notsent_lowat(UNSENT_BYTES);
        self.room.open.fetch_add(1, Ordering::Relaxed);
        self.register(Conn { stream, service, stage, tls: None, shutting: false, timer: None, heaped: None })
            .map_err(|(_, e)| e)
    }

    /// Has events of a connection reported here. When that fails it is closed, and its id means nothing.
    fn register(&mut self, conn: Conn) -> Result<ConnId, (ConnId, io::Error)> {
        let id = self.conns.insert(conn);
        let token = usize::try_from(id.0).map_err(io::Error::other);
        let registered = token.and_then(|token| {
            let conn = self.conns.get(id).ok_or_else(gone)?;
            self.registry.register(&mut conn.stream, Token(token), Interest::READABLE | Interest::WRITABLE)
        });
        match registered {
            Ok(()) => Ok(id),
            Err(e) => {
                self.forget(id);
                Err((id, e))
            }
        }
    }

    /// Forgets a connection, which closes it.
    fn forget(&mut self, id: ConnId) {
        if self.conns.remove(id).is_some() {
            self.room.open.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Takes a connection out, to be registered elsewhere.
    fn take_out(&mut self, id: ConnId) -> Option<Box<Conn>> {
        let conn = self.conns.get(id).filter(|conn| conn.stage == Stage::Open)?;
        self.registry.deregister(&mut conn.stream).ok()?;
        let conn = self.conns.remove(id)?;
        Some(Box::new(Conn { timer: None, heaped: None, ..conn }))
    }
}

/// What closes all connections takes them off the count.
impl Drop for SysNet {
    fn drop(&mut self) {
        self.room.open.fetch_sub(self.conns.open, Ordering::Relaxed);
    }
}

fn gone() -> io::Error {
    io::ErrorKind::NotConnected.into()
}

/// A call again while a signal interrupts it.
fn uninterrupted<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

impl Net for SysNet {
    fn now(&self) -> Time {
        Time::from_micros(u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    fn listen(&mut self, service: usize, addr: SocketAddr) -> io::Result<()> {
        let socket = Socket::new(Domain::for_address(addr), Type::STREAM.nonblocking().cloexec(), None)?;
        socket.set_reuse_address(true)?;
        socket.bind(&addr.into())?;
        socket.listen(BACKLOG)?;
        let mut listener = TcpListener::from_std(socket.into());
        self.registry.register(&mut listener, Token(LISTENERS + service), Interest::READABLE)?;
        self.listeners.insert(service, listener);
        Ok(())
    }

    fn abandon(&mut self, service: usize) {
        if let Some(mut listener) = self.listeners.remove(&service) {
            let _ = self.registry.deregister(&mut listener);
        }
        self.conns.of(service).into_iter().for_each(|conn| self.close(conn));
        let others = if let Ways::Others(others) = &self.ways { others.placed() } else { Vec::new() };
        for reactor in others {
            // One that cannot be told is gone itself.
            let _ = self.send(reactor, service, Load::Abandoned);
        }
    }

    fn resolve(&mut self, service: usize, host: &str, port: u16) -> io::Result<Lookup> {
        self.lookups.begin(service, host, port)
    }

    fn looked_up(&mut self) -> Option<LookedUp> {
        self.lookups.next_done()
    }

    fn connect(&mut self, service: usize, addr: SocketAddr, tcp: TcpOptions) -> io::Result<ConnId> {
        let stream = TcpStream::connect(addr)?;
        // Both only tune; a connection without them still works.
        let _ = stream.set_nodelay(tcp.nodelay);
        let _ = SockRef::from(&stream).set_tcp_user_timeout(tcp.user_timeout);
        self.add(stream, service, Stage::Opening)
    }

    fn secure(&mut self, conn: ConnId, tls: &Tls) -> io::Result<()> {
        let conn = self.conns.get(conn).ok_or_else(gone)?;
        let mut engine = Box::new(Engine::new(tls)?);
        // Only what a client says first: reading is for readiness to begin, whose answer is told. What goes wrong with
        // the writing shows there, too.
        let _ = engine.flush(&mut conn.stream);
        conn.tls = Some(engine);
        conn.stage = Stage::Securing;
        Ok(())
    }

    fn path(&mut self, conn: ConnId) -> Option<PathInfo> {
        tcp_info::read(&self.conns.get(conn)?.stream)
    }

    fn accept(&mut self, service: usize) -> io::Result<Option<(ConnId, SocketAddr)>> {
        let Some(listener) = self.listeners.get(&service) else { return Ok(None) };
        let (stream, peer) = match uninterrupted(|| listener.accept()) {
            Ok(accepted) => accepted,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(e) => return Err(e),
        };
        // It only tunes.
        let _ = stream.set_nodelay(true);
        Ok(Some((self.add(stream, service, Stage::Open)?, peer)))
    }

    fn has_room(&self) -> bool {
        self.room.open() < self.room.most
    }

    fn read(&mut self, conn: ConnId, buf: &mut [u8]) -> io::Result<usize> {
        let conn = self.conns.open(conn)?;
        match &mut conn.tls {
            Some(tls) => tls.read(&mut conn.stream, buf),
            None => uninterrupted(|| conn.stream.read(buf)),
        }
    }

    fn write(&mut self, conn: ConnId, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        let conn = self.conns.open(conn)?;
        match &mut conn.tls {
            Some(tls) => tls.write(&mut conn.stream, bufs),
            None => uninterrupted(|| conn.stream.write_vectored(bufs)),
        }
    }

    fn shutdown(&mut self, conn: ConnId) {
        let Some(conn) = self.conns.get(conn) else { return };
        conn.shutting = conn.tls.as_mut().is_some_and(|tls| !tls.close(&mut conn.stream));
        if !conn.shutting {
            let _ = conn.stream.shutdown(Shutdown::Write);
        }
    }

    fn close(&mut self, conn: ConnId) {
        if let Some(conn) = self.conns.get(conn) {
            let _ = self.registry.deregister(&mut conn.stream);
        }
        self.forget(conn);
    }

    fn set_timer(&mut self, conn: ConnId, at: Option<Time>) -> Option<Time> {
        let conn = self.conns.get(conn)?;
        conn.timer = at;
        let at = at?;
        // One entry of the heap serves a deadline that is moved later again and again.
        if conn.heaped.is_some_and(|heaped| heaped <= at) {
            return None;
        }
        conn.heaped = Some(at);
        Some(at)
    }

    fn take_timer(&mut self, conn: ConnId, at: Time) -> TimerState {
        let Some(conn) = self.conns.get(conn) else { return TimerState::Void };
        if conn.heaped != Some(at) {
            return TimerState::Void;
        }
        conn.heaped = None;
        match conn.timer {
            Some(due) if due > at => {
                conn.heaped = Some(due);
                TimerState::Later(due)
            }
            Some(_) => {
                conn.timer = None;
                TimerState::Due
            }
            None => TimerState::Void,
        }
    }

    fn random(&mut self, buf: &mut [u8]) {
        let mut filled = 0;
        while filled < buf.len() {
            match rustix::rand::getrandom(&mut buf[filled..], rustix::rand::GetRandomFlags::empty()) {
                Ok(n) => filled += n,
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return, // handshakes work with zeros as well
            }
        }
    }

    fn reactors(&self) -> u32 {
        if let Ways::Others(others) = &self.ways { others.count() + 1 } else { 1 }
    }

    fn place(&mut self, service: usize, on: ReactorId, twin: Box<dyn Service>) -> io::Result<()> {
        let Ways::Others(others) = &mut self.ways else { return Err(io::ErrorKind::Unsupported.into()) };
        others.start(on, self.start, &self.room)?;
        self.send(on, service, Load::Twin(twin)).map_err(|_| io::ErrorKind::WouldBlock.into())
    }

    fn tell(&mut self, service: usize, to: ReactorId, message: Message) -> Result<(), Message> {
        self.send(to, service, Load::Told(message)).map_err(Load::into_message)
    }

    fn move_to(&mut self, conn: ConnId, to: ReactorId, with: Message) -> Result<(), Message> {
        if !self.way(to).is_some_and(Outbox::has_room) {
            return Err(with);
        }
        let Some(conn) = self.take_out(conn) else { return Err(with) };
        let service = conn.service;
        // Nobody else sends that way, so there is room still. Without a receiver the connection is lost.
        self.send(to, service, Load::Moved(conn, with)).map_err(Load::into_message)
    }

    fn arrival(&mut self) -> Option<Arrival> {
        let Parcel { from, service, load } = self.inbox.next()?;
        let what = match load {
            Load::Moved(conn, with) => {
                // One that cannot be registered is told of all the same: reading it says that it is gone.
                let id = self.register(*conn).unwrap_or_else(|(id, _)| id);
                Arrived::Moved(id, with)
            }
            Load::Twin(twin) => Arrived::Twin(twin),
            Load::Told(message) => Arrived::Told(message),
            Load::Abandoned => Arrived::Abandoned,
            Load::Post(filter, message) => Arrived::Post(filter, message),
            Load::Log(level, line) => Arrived::Log(level, line),
            Load::Broken(e) => Arrived::Broken(e),
        };
        Some(Arrival { from, service, what })
    }
}
