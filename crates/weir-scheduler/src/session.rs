//! [`Session`]: a graph, started and run to its end on the calling thread.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use mio::{Events, Poll, Waker};
use weir_graph::{Graph, NodeId, Unused};
use weir_media::Time;
use weir_plugin::{Error, ErrorKind, Level, Memory};

use crate::core::{Core, Next};
use crate::net::WAKER;
use crate::order::Order;
use crate::os::{Os, Threads};
use crate::platform::{Done, Platform, Readiness};
use crate::report::{Log, Report, Reports, Snapshot};

/// After a stop, outputs have this long to deliver what they hold.
const STOP_GRACE: Duration = Duration::from_secs(5);
/// Reports that wait for a slow reader, at most; more are lost.
const REPORT_QUEUE: usize = 4_096;
/// When only a plan is wanted: longest wait in which nothing computes and no filter says anything.
const PLAN_PATIENCE: Duration = Duration::from_secs(3);
/// Longest wait for a plan, whatever filters do.
const PLAN_MOST: Duration = Duration::from_secs(30);
/// Readiness events taken at once.
const EVENTS: usize = 1_024;

/// Settings of a session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Config {
    /// Bytes of media kept beyond a call, over the whole process.
    pub memory: usize,
    /// Reactors that share the connections, and worker threads for codecs; by default one of each per core.
    pub threads: Option<usize>,
    /// Connections at once; by default as many as the descriptor limit leaves.
    pub max_connections: Option<usize>,
    /// Log lines louder than this are reported.
    pub log_level: Level,
    /// Time between snapshots.
    pub snapshot_every: Duration,
    /// Sources end after this time, as if [`Control::stop`] were called.
    pub run_for: Option<Duration>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            memory: 512 << 20,
            threads: None,
            max_connections: None,
            log_level: Level::Warning,
            snapshot_every: Duration::from_secs(1),
            run_for: None,
        }
    }
}

/// Why a session did not start. Nothing runs and nothing listens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StartError {
    /// The filter that failed, by its place among the declared ones; `None` when it was the system.
    pub declared: Option<usize>,
    /// Its name.
    pub filter: String,
    /// What happened.
    pub error: Error,
}

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.filter, self.error)
    }
}

impl std::error::Error for StartError {}

/// How a session ended.
#[derive(Clone, PartialEq, Debug)]
pub struct Outcome {
    /// Filters that failed.
    pub failures: usize,
    /// It was aborted, or outputs did not finish in time after a stop.
    pub aborted: bool,
    /// Everything counted.
    pub last: Snapshot,
    /// Arguments that no filter used.
    pub unused: Vec<Unused>,
    /// The graph as it was in the end.
    pub graph: weir_graph::Snapshot,
}

enum Command {
    Stop,
    Abort,
    Order(Order, Reply),
}

/// Who is told what came of an order.
type Reply = Box<dyn FnOnce(Result<(), String>) + Send>;

/// A handle to a running session, for other threads.
#[derive(Clone)]
pub struct Control {
    commands: Sender<Command>,
    waker: Arc<Waker>,
}

impl Control {
    /// Ends the sources; outputs deliver what they hold and end.
    pub fn stop(&self) {
        self.send(Command::Stop);
    }

    /// Ends at once.
    pub fn abort(&self) {
        self.send(Command::Abort);
    }

    /// Asks something of one filter. `reply` is called on the thread of the session with what came of it, or why nothing
    /// did, and must be quick; it is dropped uncalled when the session is over.
    pub fn order(&self, order: Order, reply: impl FnOnce(Result<(), String>) + Send + 'static) {
        self.send(Command::Order(order, Box::new(reply)));
    }

    fn send(&self, command: Command) {
        // Both fail only when the session is over, which is what was asked for.
        let _ = self.commands.send(command);
        let _ = self.waker.wake();
    }
}

/// A graph as far as it can be known without running it.
pub struct Planned {
    /// The graph, linked.
    pub graph: Graph,
    /// Warnings and errors on the way.
    pub notes: Vec<Log>,
    /// Something had still not said what it makes when patience ended.
    pub is_partial: bool,
}

/// A graph that has been started.
pub struct Session {
    core: Core<Os>,
    poll: Poll,
    done: Receiver<Done>,
    commands: Receiver<Command>,
    control: Control,
    reports: Reports,
    config: Config,
}

impl Session {
    /// Creates and starts every declared filter. Listeners listen when this returns, and no media has moved.
    ///
    /// # Errors
    /// The first filter that cannot start; everything is taken back.
    pub fn start(graph: Graph, config: Config) -> Result<Self, StartError> {
        let mut session = Self::prepare(graph, config)?;
        session.core.start().map_err(|(id, error)| session.not_started(id, error))?;
        Ok(session)
    }

    fn not_started(&self, id: NodeId, error: Error) -> StartError {
        StartError { declared: Some(id.index()), filter: self.core.graph().node(id).name.clone(), error }
    }

    /// A session in which nothing has been created yet.
    fn prepare(graph: Graph, config: Config) -> Result<Self, StartError> {
        let system = |e: io::Error| StartError {
            declared: None,
            filter: "system".to_owned(),
            error: Error::new(ErrorKind::Io, e.to_string()),
        };
        let poll = Poll::new().map_err(system)?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER).map_err(system)?);
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        let workers = config.threads.unwrap_or_else(cores);
        let threads = Threads { workers, reactors: u32::try_from(workers).unwrap_or(u32::MAX) };
        let registry = poll.registry().try_clone().map_err(system)?;
        let memory = Memory::new(config.memory);
        let (os, done) = Os::new(registry, Arc::clone(&waker), threads, config.max_connections, memory.clone());
        let (send, reports) = bounded(REPORT_QUEUE);
        let core = Core::new(os, graph, memory, send, config.log_level);
        let (commands_in, commands) = unbounded();
        let control = Control { commands: commands_in, waker };
        Ok(Self { core, poll, done, commands, control, reports, config })
    }

    /// Links a graph as far as that is possible without running it: files are read as far as their headers, codecs are
    /// asked what they make, and no output is made, nothing listened on, connected to or written.
    ///
    /// # Errors
    /// The first filter that cannot start.
    pub fn plan(graph: Graph) -> Result<Planned, StartError> {
        let mut session = Self::prepare(graph, Config::default())?;
        session.core.run_dry();
        session.core.start().map_err(|(id, error)| session.not_started(id, error))?;
        let mut events = Events::with_capacity(EVENTS);
        let start = session.core.platform.now();
        let mut heard = start;
        let mut is_partial = true;
        while heard.since(start) < PLAN_MOST && session.core.platform.now().since(heard) < PLAN_PATIENCE {
            let mut is_news = false;
            let next = session.core.turn(session.done.try_iter().inspect(|_| is_news = true), []);
            if is_news {
                heard = session.core.platform.now();
            }
            if session.core.is_formed() {
                is_partial = session.core.promised;
                break;
            }
            let now = session.core.platform.now();
            // A poll that fails ends the wait, and what is known is told.
            if session.poll.poll(&mut events, Some(timeout(next, heard + PLAN_PATIENCE, now))).is_err() {
                break;
            }
            // What computes gets on, however slow the machine is.
            if session.core.is_computing() {
                heard = session.core.platform.now();
            }
        }
        let is_note = |report| if let Report::Log(log) = report { Some(log) } else { None };
        let notes = session.reports.try_iter().filter_map(is_note).collect();
        Ok(Planned { graph: session.core.into_graph(), notes, is_partial })
    }

    /// A handle to stop it from another thread.
    #[must_use]
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// Log lines and snapshots. A reader that does not keep up loses some.
    #[must_use]
    pub fn reports(&self) -> Reports {
        self.reports.clone()
    }

    /// Runs until every output has ended, or it is stopped.
    ///
    /// # Errors
    /// When the system's event queue fails.
    pub fn run(mut self) -> io::Result<Outcome> {
        let mut events = Events::with_capacity(EVENTS);
        let mut ready: Vec<Readiness> = Vec::new();
        let mut chores = self.core.platform.now() + self.config.snapshot_every;
        let mut deadline: Option<Time> = None;
        let ends = self.config.run_for.map(|time| self.core.platform.now() + time);
        let aborted = loop {
            let next = self.core.turn(self.done.try_iter(), ready.drain(..));
            let now = self.core.platform.now();
            if now >= chores {
                chores = now + self.config.snapshot_every;
                self.core.check_hung();
                self.core.tell_graph();
                let snapshot = self.core.snapshot(false);
                self.core.report(Report::Snapshot(Box::new(snapshot)));
            }
            let command = match self.commands.try_recv() {
                Err(_) if std::mem::take(&mut self.core.stop_asked) || ends.is_some_and(|at| now >= at) => {
                    Ok(Command::Stop)
                }
                command => command,
            };
            match command {
                Ok(Command::Abort) => break true,
                Ok(Command::Order(order, reply)) => {
                    reply(self.core.obey(&order));
                    continue;
                }
                Ok(Command::Stop) if deadline.is_none() => {
                    deadline = Some(now + STOP_GRACE);
                    self.core.stop();
                    continue;
                }
                _ => {}
            }
            if self.core.is_over() {
                break false;
            }
            if deadline.is_some_and(|at| now >= at) {
                for name in self.core.unfinished() {
                    let line = format!("{name} did not finish in {} s", STOP_GRACE.as_secs());
                    self.core.log(Level::Error, "session", line);
                }
                break true;
            }
            let end = ends.filter(|_| deadline.is_none());
            let until = [Some(chores), deadline, end].into_iter().flatten().min().unwrap_or(chores);
            self.poll.poll(&mut events, Some(timeout(next, until, now))).or_else(interrupted)?;
            ready.extend(events.iter().filter_map(|e| self.core.platform.net.readiness(e)));
        };
        self.core.tell_graph();
        let last = self.core.snapshot(true);
        let graph = self.core.graph();
        let (unused, graph) = (graph.unused(), graph.snapshot());
        Ok(Outcome { failures: self.core.failures(), aborted, last, unused, graph })
    }
}

fn timeout(next: Next, until: Time, now: Time) -> Duration {
    match next {
        Next::Now => Duration::ZERO,
        Next::At(at) => at.min(until).since(now),
        Next::Wait => until.since(now),
    }
}

fn interrupted(e: io::Error) -> io::Result<()> {
    if e.kind() == io::ErrorKind::Interrupted { Ok(()) } else { Err(e) }
}
