//! Services and their connections: messages, readiness, timers and accepting, each within a budget per turn.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use weir_media::Time;
use weir_plugin::{ConnId, FilterId, Io, Level, Lookup, Memory, Message, PathInfo, Ready, Service, TcpOptions, Timer};

use weir_tls::Tls;

use crate::platform::{LookedUp, Platform};
use crate::timers::{Due, Timers};

/// Connections accepted in one turn; those who are live go first.
const ACCEPTS_PER_TURN: usize = 32;
/// A listener that ran out of descriptors tries again after this.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// One service.
struct Slot {
    /// `None` while it is being called, and for ever after it panicked.
    service: Option<Box<dyn Service>>,
    /// Where it listens, if it does.
    addr: Option<SocketAddr>,
    inbox: VecDeque<(FilterId, Inbound)>,
    timer: Option<Time>,
    /// `flush` has something to do.
    dirty: bool,
    /// The listener may have connections waiting.
    acceptable: bool,
}

enum Inbound {
    Message(Message),
    Left,
}

/// What calls of services asked of filters and the log.
#[derive(Default)]
pub(crate) struct Outbound {
    pub(crate) posts: Vec<(FilterId, Message)>,
    pub(crate) logs: Vec<(Level, String)>,
    /// Services that are no more, with what the panic said.
    pub(crate) broken: Vec<(usize, weir_plugin::Error)>,
}

/// All services of a session.
#[derive(Default)]
pub(crate) struct Services {
    slots: Vec<Slot>,
    pub(crate) out: Outbound,
}

/// Everything a service call may touch.
pub(crate) struct World<'a, P> {
    pub(crate) platform: &'a mut P,
    pub(crate) timers: &'a mut Timers,
    pub(crate) memory: &'a Memory,
}

impl Services {
    /// The service on `addr`, made and listening if need be.
    pub(crate) fn join<P: Platform>(
        &mut self,
        world: &mut World<'_, P>,
        addr: SocketAddr,
        make: impl FnOnce() -> Box<dyn Service>,
    ) -> io::Result<usize> {
        // Port 0 asks for any free port, so it is never the same address twice.
        if let Some(at) = self.slots.iter().position(|s| s.addr == Some(addr) && addr.port() != 0) {
            return Ok(at);
        }
        world.platform.listen(self.slots.len(), addr)?;
        Ok(self.add(Some(addr), make()))
    }

    /// A service that listens nowhere.
    pub(crate) fn add_alone(&mut self, make: impl FnOnce() -> Box<dyn Service>) -> usize {
        self.add(None, make())
    }

    fn add(&mut self, addr: Option<SocketAddr>, service: Box<dyn Service>) -> usize {
        self.slots.push(Slot {
            service: Some(service),
            addr,
            inbox: VecDeque::new(),
            timer: None,
            dirty: false,
            acceptable: addr.is_some(),
        });
        self.slots.len() - 1
    }

    pub(crate) fn post(&mut self, service: usize, from: FilterId, message: Message) {
        self.slots[service].inbox.push_back((from, Inbound::Message(message)));
    }

    pub(crate) fn left(&mut self, service: usize, from: FilterId) {
        self.slots[service].inbox.push_back((from, Inbound::Left));
    }

    /// Delivers messages, then lets every service that has something to write do so. True when there is more.
    pub(crate) fn flush<P: Platform>(&mut self, world: &mut World<'_, P>) -> bool {
        let mut more = false;
        for at in 0..self.slots.len() {
            while let Some((from, inbound)) = self.slots[at].inbox.pop_front() {
                self.slots[at].dirty = true;
                self.call(world, at, |service, io| match inbound {
                    Inbound::Message(message) => service.message(io, from, message),
                    Inbound::Left => service.left(io, from),
                });
            }
            if std::mem::take(&mut self.slots[at].dirty) {
                let again = self.call(world, at, |service, io| service.flush(io)).unwrap_or(false);
                self.slots[at].dirty = again;
                more |= again;
            }
        }
        more
    }

    pub(crate) fn ready<P: Platform>(&mut self, world: &mut World<'_, P>, at: usize, conn: ConnId, ready: Ready) {
        self.slots[at].dirty = true;
        self.call(world, at, |service, io| service.ready(io, conn, ready));
    }

    /// A connection begun by a service is there, or is not to be.
    pub(crate) fn connected<P: Platform>(
        &mut self,
        world: &mut World<'_, P>,
        at: usize,
        conn: ConnId,
        result: io::Result<()>,
    ) {
        self.slots[at].dirty = true;
        self.call(world, at, |service, io| service.connected(io, conn, result));
    }

    /// A name was looked up.
    pub(crate) fn resolved<P: Platform>(&mut self, world: &mut World<'_, P>, done: LookedUp) {
        let LookedUp { service: at, lookup, result } = done;
        self.slots[at].dirty = true;
        self.call(world, at, |service, io| service.resolved(io, lookup, result));
    }

    /// A timer of the service ran out, unless it was moved meanwhile.
    pub(crate) fn service_timer<P: Platform>(&mut self, world: &mut World<'_, P>, at: usize, due: Time) {
        if self.slots[at].timer == Some(due) {
            self.slots[at].timer = None;
            self.slots[at].dirty = true;
            self.call(world, at, |service, io| service.timer(io, Timer::Service));
        }
    }

    /// The timer of a connection ran out.
    pub(crate) fn conn_timer<P: Platform>(&mut self, world: &mut World<'_, P>, at: usize, conn: ConnId) {
        self.slots[at].dirty = true;
        self.call(world, at, |service, io| service.timer(io, Timer::Conn(conn)));
    }

    /// The listener of a service may have connections waiting.
    pub(crate) fn acceptable(&mut self, at: usize) {
        self.slots[at].acceptable = true;
    }

    /// Accepts waiting connections within the budget. True when there may be more.
    pub(crate) fn accept<P: Platform>(&mut self, world: &mut World<'_, P>) -> bool {
        let mut left = ACCEPTS_PER_TURN;
        for at in 0..self.slots.len() {
            while self.slots[at].acceptable && left > 0 {
                left -= 1;
                self.accept_one(world, at);
            }
        }
        self.slots.iter().any(|s| s.acceptable)
    }

    fn accept_one<P: Platform>(&mut self, world: &mut World<'_, P>, at: usize) {
        let slot = &mut self.slots[at];
        let (open, most) = world.platform.connections();
        if open >= most || !slot.service.as_ref().is_some_and(|s| s.admits()) {
            // Waiting connections stay in the kernel's backlog until somebody leaves.
            slot.acceptable = false;
            let at_time = world.platform.now() + ACCEPT_RETRY;
            world.timers.set(at_time, Due::Accept(at));
            return;
        }
        match world.platform.accept(at) {
            Ok(Some((conn, peer))) => {
                slot.dirty = true;
                self.call(world, at, |service, io| service.accepted(io, conn, peer));
            }
            Ok(None) => slot.acceptable = false,
            Err(e) => {
                slot.acceptable = false;
                let retry = world.platform.now() + ACCEPT_RETRY;
                world.timers.set(retry, Due::Accept(at));
                let addr = self.slots[at].addr.map_or_else(String::new, |addr| format!(" on {addr}"));
                self.out.logs.push((Level::Warning, format!("cannot accept{addr}: {e}")));
            }
        }
    }

    /// Calls a service. A panic ends that service alone.
    fn call<P: Platform, T>(
        &mut self,
        world: &mut World<'_, P>,
        at: usize,
        f: impl FnOnce(&mut dyn Service, &mut dyn Io) -> T,
    ) -> Option<T> {
        let mut service = self.slots[at].service.take()?;
        let timer = &mut self.slots[at].timer;
        let mut io = NetIo {
            platform: &mut *world.platform,
            timers: &mut *world.timers,
            memory: world.memory,
            out: &mut self.out,
            timer,
            at,
        };
        match catch_unwind(AssertUnwindSafe(|| f(&mut *service, &mut io))) {
            Ok(value) => {
                self.slots[at].service = Some(service);
                Some(value)
            }
            Err(panic) => {
                let e = crate::lanes::panicked(&*panic);
                self.out.broken.push((at, e));
                world.platform.abandon(at);
                None
            }
        }
    }
}

struct NetIo<'a, P> {
    platform: &'a mut P,
    timers: &'a mut Timers,
    memory: &'a Memory,
    out: &'a mut Outbound,
    timer: &'a mut Option<Time>,
    at: usize,
}

impl<P: Platform> Io for NetIo<'_, P> {
    fn now(&self) -> Time {
        self.platform.now()
    }

    fn resolve(&mut self, host: &str, port: u16) -> io::Result<Lookup> {
        self.platform.resolve(self.at, host, port)
    }

    fn connect(&mut self, addr: SocketAddr, tcp: TcpOptions) -> io::Result<ConnId> {
        self.platform.connect(self.at, addr, tcp)
    }

    fn secure(&mut self, conn: ConnId, tls: &Tls) -> io::Result<()> {
        self.platform.secure(conn, tls)
    }

    fn path(&mut self, conn: ConnId) -> Option<PathInfo> {
        self.platform.path(conn)
    }

    fn read(&mut self, conn: ConnId, buf: &mut [u8]) -> io::Result<usize> {
        self.platform.read(conn, buf)
    }

    fn write(&mut self, conn: ConnId, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.platform.write(conn, bufs)
    }

    fn shutdown(&mut self, conn: ConnId) {
        self.platform.shutdown(conn);
    }

    fn close(&mut self, conn: ConnId) {
        self.platform.close(conn);
    }

    fn set_timer(&mut self, conn: ConnId, at: Option<Time>) {
        if let Some(at) = self.platform.set_timer(conn, at) {
            self.timers.set(at, Due::Conn(self.at, conn));
        }
    }

    fn set_service_timer(&mut self, at: Option<Time>) {
        *self.timer = at;
        if let Some(at) = at {
            self.timers.set(at, Due::Service(self.at));
        }
    }

    fn post(&mut self, to: FilterId, message: Message) {
        self.out.posts.push((to, message));
    }

    fn random(&mut self, buf: &mut [u8]) {
        self.platform.random(buf);
    }

    fn log(&mut self, level: Level, line: String) {
        self.out.logs.push((level, line));
    }

    fn memory(&self) -> &Memory {
        self.memory
    }
}
