//! The real world: the network of [`SysNet`], worker lanes on threads, clocks of the system.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crossbeam_channel::Receiver;
use mio::{Registry, Waker};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use weir_media::Time;
use weir_plugin::{Lane, Memory, ReactorId};

use crate::lanes::Lanes;
use crate::mail::to_home;
use crate::net::{Room, SysNet, Ways};
use crate::platform::{Done, Job, Net, Platform};
use crate::reactor::Others;

/// Descriptors kept back from connections: for files, pushes, libraries and the system's own.
const RESERVED_FDS: u64 = 128;

/// The operating system as the core sees it.
pub(crate) struct Os {
    pub(crate) net: SysNet,
    room: Room,
    lanes: Lanes,
}

impl Os {
    /// Over the registry of a poll, with a pool of `workers` and as many reactors as said. `most` bounds connections further
    /// than the descriptor limit does.
    pub(crate) fn new(
        registry: Registry,
        waker: Arc<Waker>,
        threads: Threads,
        most: Option<usize>,
        memory: Memory,
    ) -> (Self, Receiver<Done>) {
        let (home, inbox) = to_home(Arc::clone(&waker));
        let wake = move || {
            // Waking fails only when the poll is gone, and the session with it.
            let _ = waker.wake();
        };
        let wake: Arc<dyn Fn() + Send + Sync> = Arc::new(wake);
        let (lanes, done) = Lanes::new(threads.workers, Arc::clone(&wake));
        let by_fds = connections_within(descriptor_limit());
        let room = Room::new(by_fds.min(most.unwrap_or(usize::MAX)));
        let ways = Ways::Others(Others::new(threads.reactors.saturating_sub(1), home, memory));
        let net = SysNet::new(ReactorId::HOME, Instant::now(), registry, wake, room.clone(), (inbox, ways));
        (Self { net, room, lanes }, done)
    }
}

/// How many threads there may be of each kind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Threads {
    /// Workers of the pool.
    pub(crate) workers: usize,
    /// Reactors, home among them.
    pub(crate) reactors: u32,
}

impl Platform for Os {
    type Net = SysNet;

    fn net(&mut self) -> &mut SysNet {
        &mut self.net
    }

    fn now(&self) -> Time {
        self.net.now()
    }

    fn utc_micros(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
    }

    fn cpu_time(&self) -> Duration {
        let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        Duration::try_from(used).unwrap_or_default()
    }

    fn connections(&self) -> usize {
        self.room.open()
    }

    fn submit(&mut self, lane: Lane, job: Job) {
        self.lanes.submit(lane, job);
    }

    fn release(&mut self, node: usize) {
        self.lanes.release(node);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_descriptor_limit_leaves_connections() {
        assert_eq!([0, 2, 64, 200, 1024].map(connections_within), [0, 1, 32, 100, 896]);
    }
}
