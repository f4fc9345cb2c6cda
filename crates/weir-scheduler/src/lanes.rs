//! Worker lanes: a pool for compute filters, and a thread of its own for every blocking filter.
//!
//! A filter travels to its lane inside a job and comes back with it, so it has one owner at any time and needs no lock.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use weir_plugin::{Error, ErrorKind, Lane, Result, Status};

use crate::platform::{Done, Job};

/// A job keeps its worker at most this long, and one call more, before the results go back.
const JOB_BUDGET: Duration = Duration::from_millis(5);
/// Niceness of pool threads: when codecs want more than the machine has, the reactor still gets its turn at once.
const POOL_NICE: i32 = 5;
/// Calls in one job, however short they are.
pub(crate) const JOB_CALLS: u64 = 32;

/// Starts and feeds the worker threads.
pub(crate) struct Lanes {
    pool: Sender<Job>,
    own: HashMap<usize, Sender<Job>>,
    done: Sender<Done>,
    wake: Arc<dyn Fn() + Send + Sync>,
}

impl Lanes {
    /// A pool of `threads`; `wake` is called whenever a job is done.
    pub(crate) fn new(threads: usize, wake: Arc<dyn Fn() + Send + Sync>) -> (Self, Receiver<Done>) {
        // A filter is in at most one job, so both queues hold at most one entry per filter.
        let (pool, jobs) = unbounded::<Job>();
        let (done, results) = unbounded();
        for n in 0..threads.max(1) {
            spawn(format!("weir-compute-{n}"), POOL_NICE, jobs.clone(), done.clone(), Arc::clone(&wake));
        }
        (Self { pool, own: HashMap::new(), done, wake }, results)
    }

    /// Hands a job to its lane.
    pub(crate) fn submit(&mut self, lane: Lane, job: Job) {
        // Sending fails only when the worker is gone, which is when the session is over.
        let _ = match lane {
            Lane::Reactor | Lane::Compute => self.pool.send(job),
            Lane::Blocking => self.own_thread(job.node).send(job),
        };
    }

    /// Lets the thread of a filter end, once it is back from what it does.
    pub(crate) fn release(&mut self, node: usize) {
        self.own.remove(&node);
    }

    fn own_thread(&mut self, node: usize) -> &Sender<Job> {
        self.own.entry(node).or_insert_with(|| {
            let (send, jobs) = bounded(1);
            spawn(format!("weir-blocking-{node}"), 0, jobs, self.done.clone(), Arc::clone(&self.wake));
            send
        })
    }
}

/// Makes the calling thread give way to the event loop as codecs do: for those that look at a session from beside it.
pub fn give_way() {
    // Without it everything still works.
    let _ = rustix::process::setpriority_process(None, POOL_NICE);
}

fn spawn(name: String, nice: i32, jobs: Receiver<Job>, done: Sender<Done>, wake: Arc<dyn Fn() + Send + Sync>) {
    let work = move || {
        if nice != 0 {
            // On Linux this is the niceness of the calling thread alone. Without it everything still works.
            let _ = rustix::process::setpriority_process(None, nice);
        }
        for job in jobs {
            if done.send(run(job)).is_err() {
                return;
            }
            wake();
        }
    };
    // Without a thread there is nothing to run on: the one case in which starting cannot go on.
    thread::Builder::new().name(name).spawn(work).expect("the system gives a thread");
}

/// Runs a job to the end of its budget.
pub(crate) fn run(mut job: Job) -> Done {
    let start = Instant::now();
    let mut calls = 0;
    let most_calls = job.most_calls;
    let mut spent = || {
        calls += 1;
        calls >= most_calls || start.elapsed() >= JOB_BUDGET
    };
    let result = call(&mut job, &mut spent);
    Done { node: job.node, filter: job.filter, mail: job.mail, result, busy: start.elapsed(), calls }
}

/// Starts the filter if asked to, delivers events, and calls `process` until it rests or `spent` says stop. A panic
/// becomes an error of this filter.
pub(crate) fn call(job: &mut Job, spent: &mut dyn FnMut() -> bool) -> Result<Status> {
    catch_unwind(AssertUnwindSafe(|| {
        let mut ctx = job.mail.ctx();
        if job.start {
            job.filter.start(&mut ctx)?;
        }
        for event in job.events.drain(..) {
            job.filter.event(&mut ctx, event)?;
        }
        loop {
            let status = job.filter.process(&mut ctx)?;
            if spent() || status != Status::Again {
                return Ok(status);
            }
        }
    }))
    .unwrap_or_else(|panic| Err(panicked(&*panic)))
}

/// What a caught panic said.
pub(crate) fn panicked(panic: &(dyn std::any::Any + Send)) -> Error {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    Error::new(ErrorKind::Internal, format!("panicked: {}", text.unwrap_or("no message")))
}
