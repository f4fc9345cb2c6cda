//! [`Server`]: an RTMP server that takes what is published, judges it, and misbehaves as it is told.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use weir_flv::TagKind;
use weir_media::Time;
use weir_rtmp::message::{Message, kind};
use weir_rtmp::{Event, Refusal, ServerConfig, ServerSession};
use weir_tls::{Engine, ServerTls, Tls};

use super::clip::{Clip, Judge, Seen};

/// How often a thread looks whether anything has changed.
const LOOK: Duration = Duration::from_millis(50);
/// What a slow reader takes at once, and how seldom: 160 kB/s.
const SIP: (usize, Duration) = (16 * 1024, Duration::from_millis(100));
/// A server that resets reads nothing for this long before: closing with unread bytes is what resets.
const UNREAD: Duration = Duration::from_millis(200);
/// The header of a TLS record of 122 bytes, which never come.
const HALF_HELLO: &[u8] = &[0x16, 3, 3, 0, 0x7a];

/// Steps of a publisher's way, each an answer it waits for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Stage {
    /// The second half of the handshake.
    Handshake,
    /// The answer to `connect`.
    Connect,
    /// The answer to `createStream`.
    CreateStream,
    /// The answer to `publish`.
    Publish,
}

/// What a server does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Behaviour {
    /// Takes everything.
    Good,
    /// Does not listen.
    Absent,
    /// Accepts connections, reads nothing and says nothing.
    Silent,
    /// Begins a TLS handshake and does not go on with it.
    HalfTls,
    /// Goes on up to here, then reads and never answers.
    Stalls(Stage),
    /// Refuses `connect`.
    Rejects,
    /// Refuses `publish`.
    WrongKey,
    /// Stops reading once media comes.
    Freezes,
    /// Reads slowly once media comes.
    Sips,
    /// Resets the connection once media comes.
    Resets,
}

impl Behaviour {
    /// It concerns connections that carry media.
    fn is_live(self) -> bool {
        matches!(self, Self::Freezes | Self::Sips | Self::Resets)
    }
}

/// What the threads of a server share.
#[derive(Debug)]
struct Shared {
    behaviour: Mutex<Behaviour>,
    judge: Mutex<Judge>,
    /// Publishers so far. What an earlier one sent before its network broke may still come when there is a later one.
    publishers: AtomicU64,
    stops: AtomicBool,
}

impl Shared {
    fn behaviour(&self) -> Behaviour {
        *lock(&self.behaviour)
    }

    fn stops(&self) -> bool {
        self.stops.load(Ordering::Relaxed)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("nothing panics while it holds the lock")
}

/// A running server. It ends when dropped.
#[derive(Debug)]
pub struct Server {
    shared: Arc<Shared>,
    /// Where it listens, on all addresses.
    pub port: u16,
}

impl Server {
    /// Listens on `port`, unless it is to be absent.
    #[must_use]
    pub fn start(port: u16, tls: Option<ServerTls>, clip: &Arc<Clip>, behaviour: Behaviour) -> Self {
        let judge = Mutex::new(Judge::new(clip));
        let shared = Arc::new(Shared {
            behaviour: Mutex::new(behaviour),
            judge,
            publishers: AtomicU64::new(0),
            stops: AtomicBool::new(false),
        });
        let listening = Arc::clone(&shared);
        thread::spawn(move || listen(port, tls.map(Tls::Server).as_ref(), &listening));
        Self { shared, port }
    }

    /// What it does from now on. A connection that is stuck stays so.
    pub fn set(&self, behaviour: Behaviour) {
        *lock(&self.shared.behaviour) = behaviour;
    }

    /// What it got so far.
    #[must_use]
    pub fn seen(&self) -> Seen {
        lock(&self.shared.judge).seen().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stops.store(true, Ordering::Relaxed);
    }
}

fn listen(port: u16, tls: Option<&Tls>, shared: &Arc<Shared>) {
    let mut listener: Option<TcpListener> = None;
    while !shared.stops() {
        if shared.behaviour() == Behaviour::Absent {
            listener = None;
        } else if listener.is_none() {
            listener =
                TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).ok().filter(|l| l.set_nonblocking(true).is_ok());
        }
        match listener.as_ref().map(TcpListener::accept) {
            Some(Ok((socket, _))) => {
                let (tls, shared) = (tls.cloned(), Arc::clone(shared));
                thread::spawn(move || serve(socket, tls.as_ref(), &shared));
            }
            _ => thread::sleep(LOOK / 10),
        }
    }
}

/// One connection, to its end.
fn serve(socket: TcpStream, tls: Option<&Tls>, shared: &Shared) {
    let mut socket = socket;
    let ready = socket.set_nonblocking(false).and_then(|()| socket.set_read_timeout(Some(LOOK)));
    if ready.and_then(|()| socket.set_nodelay(true)).is_err() {
        return;
    }
    match shared.behaviour() {
        Behaviour::Silent => return hold(&socket, shared),
        Behaviour::HalfTls => {
            let _ = socket.write_all(HALF_HELLO); // it may have left
            return hold(&socket, shared);
        }
        Behaviour::Stalls(Stage::Handshake) if tls.is_none() => {
            let _ = socket.write_all(&[&[3][..], &[0; 800]].concat()); // it may have left
            return discard(&mut Wire::Plain(socket), shared);
        }
        _ => {}
    }
    let wire = match tls {
        None => Wire::Plain(socket),
        Some(tls) => match Engine::new(tls) {
            Ok(engine) => Wire::Tls(socket, Box::new(engine)),
            Err(_) => return,
        },
    };
    let mut connection = Connection::new(wire, shared);
    while !shared.stops() && connection.turn().is_ok() {}
}

/// Keeps a connection open and untouched.
fn hold(_socket: &TcpStream, shared: &Shared) {
    while !shared.stops() {
        thread::sleep(LOOK);
    }
}

/// Reads, and says nothing.
fn discard(wire: &mut Wire, shared: &Shared) {
    let mut buffer = [0; 64 * 1024];
    while !shared.stops() {
        match wire.read(&mut buffer) {
            Ok(0) => return,
            Err(e) if !is_pause(&e) => return,
            _ => {}
        }
    }
}

fn is_pause(e: &io::Error) -> bool {
    matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

/// Bytes, encrypted or not.
enum Wire {
    Plain(TcpStream),
    Tls(TcpStream, Box<Engine>),
}

impl Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(buffer),
            Self::Tls(socket, engine) => {
                let mut timely = Timely(socket);
                if !engine.handshake(&mut timely)? {
                    return Err(ErrorKind::WouldBlock.into());
                }
                engine.read(&mut timely, buffer)
            }
        }
    }

    fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.write_all(bytes),
            Self::Tls(socket, engine) => {
                while !bytes.is_empty() {
                    let taken = engine.write(&mut Timely(socket), &[io::IoSlice::new(bytes)])?;
                    bytes = &bytes[taken..];
                }
                Ok(())
            }
        }
    }
}

/// A socket with a time limit, which says in one way that it is over.
struct Timely<'a>(&'a TcpStream);

impl Read for Timely<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|e| if is_pause(&e) { ErrorKind::WouldBlock.into() } else { e })
    }
}

impl Write for Timely<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// One connection.
struct Connection<'a> {
    wire: Wire,
    session: ServerSession,
    shared: &'a Shared,
    start: Instant,
    buffer: Vec<u8>,
    is_live: bool,
    /// Which publisher this is.
    number: u64,
}

impl<'a> Connection<'a> {
    fn new(wire: Wire, shared: &'a Shared) -> Self {
        let session = ServerSession::new(ServerConfig::default(), [5; 32], Time::ZERO);
        Self { wire, session, shared, start: Instant::now(), buffer: vec![0; 256 * 1024], is_live: false, number: 0 }
    }

    fn now(&self) -> Time {
        Time::from_micros(self.start.elapsed().as_micros().try_into().unwrap_or(u64::MAX))
    }

    /// Misbehaves, or reads once and answers. An error ends the connection.
    fn turn(&mut self) -> io::Result<()> {
        let behaviour = self.shared.behaviour();
        let mut room = self.buffer.len();
        if self.is_live && behaviour.is_live() {
            match behaviour {
                Behaviour::Freezes => return Err(self.stuck()),
                Behaviour::Resets => {
                    thread::sleep(UNREAD);
                    return Err(ErrorKind::ConnectionReset.into());
                }
                _ => {
                    thread::sleep(SIP.1);
                    room = SIP.0;
                }
            }
        }
        if behaviour == Behaviour::Stalls(Stage::Handshake) {
            discard(&mut self.wire, self.shared);
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let count = match self.wire.read(&mut self.buffer[..room]) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => count,
            Err(e) if is_pause(&e) => return Ok(()),
            Err(e) => return Err(e),
        };
        let (now, at) = (self.now(), Instant::now());
        let result = self.session.handle_input(&self.buffer[..count], now);
        self.events(behaviour, at)?;
        self.answer()?;
        result.map_err(|e| io::Error::new(ErrorKind::InvalidData, e))
    }

    fn answer(&mut self) -> io::Result<()> {
        while let Some(bytes) = self.session.poll_transmit() {
            self.wire.write_all(&bytes)?;
        }
        Ok(())
    }

    /// Neither reads nor closes any more.
    fn stuck(&self) -> io::Error {
        let (Wire::Plain(socket) | Wire::Tls(socket, _)) = &self.wire;
        hold(socket, self.shared);
        ErrorKind::UnexpectedEof.into()
    }

    fn events(&mut self, behaviour: Behaviour, at: Instant) -> io::Result<()> {
        while let Some(event) = self.session.poll_event() {
            match event {
                Event::Connect(_) => self.connect(behaviour)?,
                Event::Publish(request) => self.publish(behaviour, request.msid)?,
                Event::Media(message) => self.media(&message, at),
                Event::Closed => return Err(ErrorKind::UnexpectedEof.into()),
                _ => {}
            }
        }
        Ok(())
    }

    fn connect(&mut self, behaviour: Behaviour) -> io::Result<()> {
        match behaviour {
            Behaviour::Stalls(Stage::Connect) => return self.stall(),
            Behaviour::Rejects => self.session.reject_connect(Refusal::Rejected, "Not today."),
            _ => {
                let _ = self.session.accept_connect(self.now()); // what is wrong comes up with the next input
            }
        }
        if behaviour == Behaviour::Stalls(Stage::CreateStream) {
            self.answer()?;
            return self.stall();
        }
        Ok(())
    }

    fn publish(&mut self, behaviour: Behaviour, msid: u32) -> io::Result<()> {
        let now = self.now();
        match behaviour {
            Behaviour::Stalls(Stage::Publish) => {
                self.answer()?; // to what came before
                return self.stall();
            }
            Behaviour::WrongKey => self.session.reject_publish(msid, Refusal::BadName, "No such key.", now),
            _ => {
                self.number = self.shared.publishers.fetch_add(1, Ordering::Relaxed) + 1;
                lock(&self.shared.judge).begin();
                let _ = self.session.accept_publish(msid, now); // what is wrong comes up with the next input
            }
        }
        Ok(())
    }

    fn stall(&mut self) -> io::Result<()> {
        discard(&mut self.wire, self.shared);
        Err(ErrorKind::UnexpectedEof.into())
    }

    fn media(&mut self, message: &Message, at: Instant) {
        let kind = match message.kind {
            kind::VIDEO => TagKind::Video,
            kind::AUDIO => TagKind::Audio,
            _ => return,
        };
        self.is_live = true;
        if self.number == self.shared.publishers.load(Ordering::Relaxed) {
            lock(&self.shared.judge).take(kind, &message.body, at);
        }
    }
}
