//! The real world: sockets on mio, worker lanes on threads, clocks of the system.

use std::collections::HashMap;
use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crossbeam_channel::Receiver;
use mio::event::Event;
use mio::net::{TcpListener, TcpStream};
use mio::{Interest, Registry, Token, Waker};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::{Domain, SockRef, Socket, Type};
use weir_media::Time;
use weir_plugin::{ConnId, Lane, Lookup, PathInfo, TcpOptions};
use weir_tls::{Engine, Tls};

use crate::lanes::Lanes;
use crate::lookup::Lookups;
use crate::platform::{Done, Job, LookedUp, Platform, Readiness, TimerState};
use crate::tcp_info;

/// Token of the waker.
pub(crate) const WAKER: Token = Token(usize::MAX);
/// Tokens of listeners start here; connections stay below.
const LISTENERS: usize = 1 << 62;
/// Connections that may wait to be accepted, per listener.
const BACKLOG: i32 = 4096;
/// Descriptors kept back from connections: for files, pushes, libraries and the system's own.
const RESERVED_FDS: u64 = 128;
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

struct Conn {
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

/// The operating system as the core sees it.
pub(crate) struct Os {
    start: Instant,
    registry: Registry,
    lanes: Lanes,
    lookups: Lookups,
    listeners: HashMap<usize, TcpListener>,
    conns: Conns,
    most: usize,
}

impl Os {
    /// Over the registry of a poll, with a pool of `threads` workers. `most` bounds connections further than the
    /// descriptor limit does.
    pub(crate) fn new(
        registry: Registry,
        waker: Arc<Waker>,
        threads: usize,
        most: Option<usize>,
    ) -> io::Result<(Self, Receiver<Done>)> {
        let wake = move || {
            // Waking fails only when the poll is gone, and the session with it.
            let _ = waker.wake();
        };
        let wake: Arc<dyn Fn() + Send + Sync> = Arc::new(wake);
        let (lanes, done) = Lanes::new(threads, Arc::clone(&wake));
        let by_fds = connections_within(descriptor_limit());
        let os = Self {
            start: Instant::now(),
            registry,
            lanes,
            lookups: Lookups::new(wake),
            listeners: HashMap::new(),
            conns: Conns::default(),
            most: by_fds.min(most.unwrap_or(usize::MAX)),
        };
        Ok((os, done))
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
        let id =
            self.conns.insert(Conn { stream, service, stage, tls: None, shutting: false, timer: None, heaped: None });
        let conn = self.conns.get(id).ok_or_else(gone)?;
        let token = Token(usize::try_from(id.0).map_err(io::Error::other)?);
        if let Err(e) = self.registry.register(&mut conn.stream, token, Interest::READABLE | Interest::WRITABLE) {
            self.conns.remove(id);
            return Err(e);
        }
        Ok(id)
    }
}

/// Connections that a descriptor limit leaves; under a tight one connections and the rest share alike.
fn connections_within(limit: u64) -> usize {
    usize::try_from(limit - RESERVED_FDS.min(limit / 2)).unwrap_or(usize::MAX)
}

/// The descriptor limit, raised as far as it may be.
fn descriptor_limit() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if limit.current != limit.maximum && setrlimit(Resource::Nofile, raised).is_ok() {
        return limit.maximum.unwrap_or(u64::MAX);
    }
    limit.current.unwrap_or(u64::MAX)
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

impl Platform for Os {
    fn now(&self) -> Time {
        Time::from_micros(u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    fn utc_micros(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
    }

    fn submit(&mut self, lane: Lane, job: Job) {
        self.lanes.submit(lane, job);
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

    fn connections(&self) -> (usize, usize) {
        (self.conns.open, self.most)
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
        if let Some(mut conn) = self.conns.remove(conn) {
            let _ = self.registry.deregister(&mut conn.stream);
        }
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_descriptor_limit_leaves_connections() {
        assert_eq!([0, 2, 64, 200, 1024].map(connections_within), [0, 1, 32, 100, 896]);
    }
}
