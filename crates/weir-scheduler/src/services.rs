//! Services and their connections: messages, readiness, timers and accepting, each within a budget per turn.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use weir_media::Time;
use weir_plugin::{
    ConnId, FilterId, Io, Level, Lookup, Memory, Message, PathInfo, ReactorId, Ready, Service, TcpOptions, Timer,
};

use weir_tls::Tls;

use crate::platform::{Arrival, Arrived, LookedUp, Net, Readiness, TimerState};
use crate::timers::{Due, Timers};

/// Connections accepted in one turn; those who are live go first.
const ACCEPTS_PER_TURN: usize = 32;
/// Messages and connections taken from other reactors in one turn.
const ARRIVALS_PER_TURN: usize = 256;
/// A listener that ran out of descriptors tries again after this.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// One service.
#[derive(Default)]
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
pub(crate) struct World<'a, N> {
    pub(crate) net: &'a mut N,
    pub(crate) timers: &'a mut Timers,
    pub(crate) memory: &'a Memory,
}

impl Services {
    /// The service on `addr`, made and listening if need be.
    pub(crate) fn join<N: Net>(
        &mut self,
        world: &mut World<'_, N>,
        addr: SocketAddr,
        make: impl FnOnce() -> Box<dyn Service>,
    ) -> io::Result<usize> {
        // Port 0 asks for any free port, so it is never the same address twice.
        if let Some(at) = self.slots.iter().position(|s| s.addr == Some(addr) && addr.port() != 0) {
            return Ok(at);
        }
        world.net.listen(self.slots.len(), addr)?;
        Ok(self.add(Some(addr), make()))
    }

    /// A service that listens nowhere.
    pub(crate) fn add_alone(&mut self, make: impl FnOnce() -> Box<dyn Service>) -> usize {
        self.add(None, make())
    }

    fn add(&mut self, addr: Option<SocketAddr>, service: Box<dyn Service>) -> usize {
        self.slots.push(Slot { service: Some(service), addr, acceptable: addr.is_some(), ..Slot::default() });
        self.slots.len() - 1
    }

    /// Takes a twin in, under the number its service has at home.
    fn take_in(&mut self, at: usize, twin: Box<dyn Service>) {
        if self.slots.len() <= at {
            self.slots.resize_with(at + 1, Slot::default);
        }
        self.slots[at].service = Some(twin);
    }

    /// Takes what came from other reactors, within the budget. True when there may be more.
    pub(crate) fn arrive<N: Net>(&mut self, world: &mut World<'_, N>) -> bool {
        for _ in 0..ARRIVALS_PER_TURN {
            let Some(Arrival { from, service: at, what }) = world.net.arrival() else { return false };
            match what {
                Arrived::Twin(twin) => self.take_in(at, twin),
                Arrived::Told(message) => self.told(world, at, |service, io| service.told(io, from, message)),
                Arrived::Moved(conn, with) => {
                    self.told(world, at, |service, io| service.moved_in(io, conn, from, with))
                }
                Arrived::Abandoned => {
                    if let Some(slot) = self.slots.get_mut(at) {
                        slot.service = None;
                    }
                    world.net.abandon(at);
                }
                Arrived::Post(filter, message) => self.out.posts.push((filter, message)),
                Arrived::Log(level, line) => self.out.logs.push((level, line)),
                Arrived::Broken(e) => self.out.broken.push((at, e)),
            }
        }
        true
    }

    fn told<N: Net>(&mut self, world: &mut World<'_, N>, at: usize, f: impl FnOnce(&mut dyn Service, &mut dyn Io)) {
        // A twin that could not be taken in was never told to be there, so there is a slot.
        if let Some(slot) = self.slots.get_mut(at) {
            slot.dirty = true;
            self.call(world, at, f);
        }
    }

    pub(crate) fn post(&mut self, service: usize, from: FilterId, message: Message) {
        self.slots[service].inbox.push_back((from, Inbound::Message(message)));
    }

    pub(crate) fn left(&mut self, service: usize, from: FilterId) {
        self.slots[service].inbox.push_back((from, Inbound::Left));
    }

    /// Delivers messages, then lets every service that has something to write do so. True when there is more.
    pub(crate) fn flush<N: Net>(&mut self, world: &mut World<'_, N>) -> bool {
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

    /// Something is ready.
    pub(crate) fn ready<N: Net>(&mut self, world: &mut World<'_, N>, event: Readiness) {
        match event {
            Readiness::Listener(at) => self.slots[at].acceptable = true,
            Readiness::Conn { service: at, conn, readable, writable } => {
                self.slots[at].dirty = true;
                self.call(world, at, |service, io| service.ready(io, conn, Ready { readable, writable }));
            }
            Readiness::Connected { service: at, conn, result } => {
                self.slots[at].dirty = true;
                self.call(world, at, |service, io| service.connected(io, conn, result));
            }
        }
    }

    /// A name was looked up.
    pub(crate) fn resolved<N: Net>(&mut self, world: &mut World<'_, N>, done: LookedUp) {
        let LookedUp { service: at, lookup, result } = done;
        self.slots[at].dirty = true;
        self.call(world, at, |service, io| service.resolved(io, lookup, result));
    }

    /// A deadline that is not a node's has come.
    pub(crate) fn due<N: Net>(&mut self, world: &mut World<'_, N>, at: Time, due: Due) {
        match due {
            Due::Node(_) => {}
            Due::Service(service) => self.service_timer(world, service, at),
            Due::Conn(service, conn) => match world.net.take_timer(conn, at) {
                TimerState::Due => {
                    self.slots[service].dirty = true;
                    self.call(world, service, |s, io| s.timer(io, Timer::Conn(conn)));
                }
                TimerState::Later(at) => world.timers.set(at, due),
                TimerState::Void => {}
            },
            Due::Accept(service) => self.slots[service].acceptable = true,
        }
    }

    /// A timer of the service ran out, unless it was moved meanwhile.
    fn service_timer<N: Net>(&mut self, world: &mut World<'_, N>, at: usize, due: Time) {
        if self.slots[at].timer == Some(due) {
            self.slots[at].timer = None;
            self.slots[at].dirty = true;
            self.call(world, at, |service, io| service.timer(io, Timer::Service));
        }
    }

    /// Accepts waiting connections within the budget. True when there may be more.
    pub(crate) fn accept<N: Net>(&mut self, world: &mut World<'_, N>) -> bool {
        let mut left = ACCEPTS_PER_TURN;
        for at in 0..self.slots.len() {
            while self.slots[at].acceptable && left > 0 {
                left -= 1;
                self.accept_one(world, at);
            }
        }
        self.slots.iter().any(|s| s.acceptable)
    }

    fn accept_one<N: Net>(&mut self, world: &mut World<'_, N>, at: usize) {
        let slot = &mut self.slots[at];
        if !world.net.has_room() || !slot.service.as_ref().is_some_and(|s| s.admits()) {
            // Waiting connections stay in the kernel's backlog until somebody leaves.
            slot.acceptable = false;
            let at_time = world.net.now() + ACCEPT_RETRY;
            world.timers.set(at_time, Due::Accept(at));
            return;
        }
        match world.net.accept(at) {
            Ok(Some((conn, peer))) => {
                slot.dirty = true;
                self.call(world, at, |service, io| service.accepted(io, conn, peer));
            }
            Ok(None) => slot.acceptable = false,
            Err(e) => {
                slot.acceptable = false;
                let retry = world.net.now() + ACCEPT_RETRY;
                world.timers.set(retry, Due::Accept(at));
                let addr = self.slots[at].addr.map_or_else(String::new, |addr| format!(" on {addr}"));
                self.out.logs.push((Level::Warning, format!("cannot accept{addr}: {e}")));
            }
        }
    }

    /// Calls a service. A panic ends that service alone.
    fn call<N: Net, T>(
        &mut self,
        world: &mut World<'_, N>,
        at: usize,
        f: impl FnOnce(&mut dyn Service, &mut dyn Io) -> T,
    ) -> Option<T> {
        let mut service = self.slots[at].service.take()?;
        let timer = &mut self.slots[at].timer;
        let mut io = NetIo {
            net: &mut *world.net,
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
                world.net.abandon(at);
                None
            }
        }
    }
}

struct NetIo<'a, N> {
    net: &'a mut N,
    timers: &'a mut Timers,
    memory: &'a Memory,
    out: &'a mut Outbound,
    timer: &'a mut Option<Time>,
    at: usize,
}

impl<N: Net> Io for NetIo<'_, N> {
    fn now(&self) -> Time {
        self.net.now()
    }

    fn resolve(&mut self, host: &str, port: u16) -> io::Result<Lookup> {
        self.net.resolve(self.at, host, port)
    }

    fn connect(&mut self, addr: SocketAddr, tcp: TcpOptions) -> io::Result<ConnId> {
        self.net.connect(self.at, addr, tcp)
    }

    fn secure(&mut self, conn: ConnId, tls: &Tls) -> io::Result<()> {
        self.net.secure(conn, tls)
    }

    fn path(&mut self, conn: ConnId) -> Option<PathInfo> {
        self.net.path(conn)
    }

    fn read(&mut self, conn: ConnId, buf: &mut [u8]) -> io::Result<usize> {
        self.net.read(conn, buf)
    }

    fn write(&mut self, conn: ConnId, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.net.write(conn, bufs)
    }

    fn shutdown(&mut self, conn: ConnId) {
        self.net.shutdown(conn);
    }

    fn close(&mut self, conn: ConnId) {
        self.net.close(conn);
    }

    fn set_timer(&mut self, conn: ConnId, at: Option<Time>) {
        if let Some(at) = self.net.set_timer(conn, at) {
            self.timers.set(at, Due::Conn(self.at, conn));
        }
    }

    fn set_service_timer(&mut self, at: Option<Time>) {
        *self.timer = at;
        if let Some(at) = at {
            self.timers.set(at, Due::Service(self.at));
        }
    }

    fn reactors(&self) -> u32 {
        self.net.reactors()
    }

    fn place(&mut self, on: ReactorId, twin: Box<dyn Service>) -> io::Result<()> {
        self.net.place(self.at, on, twin)
    }

    fn tell(&mut self, to: ReactorId, message: Message) -> Result<(), Message> {
        self.net.tell(self.at, to, message)
    }

    fn move_to(&mut self, conn: ConnId, to: ReactorId, with: Message) -> Result<(), Message> {
        self.net.move_to(conn, to, with)
    }

    fn post(&mut self, to: FilterId, message: Message) {
        self.out.posts.push((to, message));
    }

    fn random(&mut self, buf: &mut [u8]) {
        self.net.random(buf);
    }

    fn log(&mut self, level: Level, line: String) {
        self.out.logs.push((level, line));
    }

    fn memory(&self) -> &Memory {
        self.memory
    }
}
