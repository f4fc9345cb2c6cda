//! The reactors besides home: each a thread with an event loop of its own, which serves connections that were moved to it.
//! They run services and nothing else; no filter, no listener and no look-up is ever there.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use mio::{Events, Poll, Waker};
use weir_media::Time;
use weir_plugin::{Memory, ReactorId};

use crate::mail::{Inbox, Load, Outbox, from_home};
use crate::net::{Room, SysNet, WAKER, Ways};
use crate::platform::{Net, Readiness};
use crate::services::{Services, World};
use crate::timers::Timers;

/// Readiness events taken at once.
const EVENTS: usize = 1024;

/// The other reactors, as home sees them. Each is started when it is first needed.
pub(crate) struct Others {
    ways: Vec<Option<Outbox>>,
    home: Outbox,
    memory: Memory,
}

impl Others {
    /// `count` of them, none running yet.
    pub(crate) fn new(count: u32, home: Outbox, memory: Memory) -> Self {
        Self { ways: (0..count).map(|_| None).collect(), home, memory }
    }

    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.ways.len()).unwrap_or(u32::MAX)
    }

    /// The way to one, if it runs.
    pub(crate) fn way(&self, to: ReactorId) -> Option<&Outbox> {
        self.ways.get(place(to)?)?.as_ref()
    }

    /// Those that run.
    pub(crate) fn placed(&self) -> Vec<ReactorId> {
        (1..=self.count()).map(ReactorId).filter(|id| self.way(*id).is_some()).collect()
    }

    /// Starts one, unless it runs.
    pub(crate) fn start(&mut self, id: ReactorId, start: Instant, room: &Room) -> io::Result<()> {
        let way = place(id).and_then(|at| self.ways.get_mut(at)).ok_or(io::ErrorKind::NotFound)?;
        if way.is_none() {
            let reactor_way = Reactor::start(id, start, room.clone(), self.home.clone(), self.memory.clone())?;
            *way = Some(reactor_way);
        }
        Ok(())
    }
}

/// Place in the list of others.
fn place(id: ReactorId) -> Option<usize> {
    usize::try_from(id.0).ok()?.checked_sub(1)
}

/// One of them, on its thread.
struct Reactor {
    poll: Poll,
    net: SysNet,
    services: Services,
    timers: Timers,
    memory: Memory,
}

impl Reactor {
    /// Starts a thread, and says how to reach it.
    fn start(id: ReactorId, start: Instant, room: Room, home: Outbox, memory: Memory) -> io::Result<Outbox> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        let (way, inbox): (Outbox, Inbox) = from_home(waker);
        let registry = poll.registry().try_clone()?;
        // Nothing is looked up here.
        let net = SysNet::new(id, start, registry, Arc::new(|| {}), room, (inbox, Ways::Home(home)));
        let mut reactor = Self { poll, net, services: Services::default(), timers: Timers::default(), memory };
        thread::Builder::new().name(format!("weir-reactor-{}", id.0)).spawn(move || reactor.run())?;
        Ok(way)
    }

    /// Runs until home is gone.
    fn run(&mut self) {
        let mut events = Events::with_capacity(EVENTS);
        let mut ready: Vec<Readiness> = Vec::new();
        loop {
            let more = self.turn(&mut ready);
            if self.net.is_cut_off() {
                return;
            }
            let wait = if more { Some(Duration::ZERO) } else { self.timers.next().map(|at| at.since(self.net.now())) };
            match self.poll.poll(&mut events, wait) {
                Err(e) if e.kind() != io::ErrorKind::Interrupted => return,
                _ => ready.extend(events.iter().filter_map(|e| self.net.readiness(e))),
            }
        }
    }

    /// One turn: what came from home, deadlines, what is due to be written, then readiness.
    fn turn(&mut self, ready: &mut Vec<Readiness>) -> bool {
        let Self { net, services, timers, memory, .. } = self;
        let now: Time = net.now();
        let mut due = Vec::new();
        while let Some(deadline) = timers.pop(now) {
            due.push(deadline);
        }
        let world = &mut World { net, timers, memory };
        let mut more = services.arrive(world);
        for (at, deadline) in due {
            services.due(world, at, deadline);
        }
        more |= services.flush(world);
        if !ready.is_empty() {
            ready.drain(..).for_each(|event| services.ready(world, event));
            more |= services.flush(world);
        }
        self.report();
        more
    }

    /// Sends home what services had to say.
    fn report(&mut self) {
        let out = &mut self.services.out;
        let posts = out.posts.drain(..).map(|(to, message)| (0, Load::Post(to, message)));
        let logs = out.logs.drain(..).map(|(level, line)| (0, Load::Log(level, line)));
        let broken = out.broken.drain(..).map(|(service, e)| (service, Load::Broken(e)));
        for (service, load) in posts.chain(logs).chain(broken) {
            // Home is gone, then, and nobody is left to tell.
            let _ = self.net.send(ReactorId::HOME, service, load);
        }
    }
}
