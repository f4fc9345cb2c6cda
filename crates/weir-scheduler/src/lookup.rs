//! Name look-ups, each on a thread of its own: the system's resolver may hang, and nobody waits for it.

use std::collections::HashMap;
use std::io;
use std::net::ToSocketAddrs;
use std::sync::Arc;
use std::thread;

use crossbeam_channel::{Receiver, Sender, unbounded};
use weir_plugin::Lookup;

use crate::platform::LookedUp;

/// Look-ups of one service that may be under way. A resolver that hangs holds a thread each, and lets go of it sometime.
const PER_SERVICE: usize = 2;

pub(crate) struct Lookups {
    next: u64,
    under_way: HashMap<usize, usize>,
    // As many entries as there are threads at most.
    send: Sender<LookedUp>,
    done: Receiver<LookedUp>,
    wake: Arc<dyn Fn() + Send + Sync>,
}

impl Lookups {
    /// `wake` is called whenever a look-up is done.
    pub(crate) fn new(wake: Arc<dyn Fn() + Send + Sync>) -> Self {
        let (send, done) = unbounded();
        Self { next: 0, under_way: HashMap::new(), send, done, wake }
    }

    pub(crate) fn begin(&mut self, service: usize, host: &str, port: u16) -> io::Result<Lookup> {
        let under_way = self.under_way.entry(service).or_default();
        if *under_way >= PER_SERVICE {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the name server does not answer"));
        }
        let lookup = Lookup(self.next);
        let (send, wake, host) = (self.send.clone(), Arc::clone(&self.wake), host.to_owned());
        let work = move || {
            let result = (host.as_str(), port).to_socket_addrs().map(Iterator::collect);
            // Fails when the session is over.
            if send.send(LookedUp { service, lookup, result }).is_ok() {
                wake();
            }
        };
        thread::Builder::new().name("weir-lookup".to_owned()).spawn(work)?;
        *under_way += 1;
        self.next += 1;
        Ok(lookup)
    }

    pub(crate) fn next_done(&mut self) -> Option<LookedUp> {
        let done = self.done.try_recv().ok()?;
        if let Some(under_way) = self.under_way.get_mut(&done.service) {
            *under_way -= 1;
        }
        Some(done)
    }
}
