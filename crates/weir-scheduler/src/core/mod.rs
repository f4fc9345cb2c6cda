//! [`Core`]: nodes, edges and the run queue. It takes finished jobs, readiness and the clock as input and does one
//! bounded turn at a time.

mod end;
mod flow;
mod observe;
mod orders;
mod wire;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Sender;
use weir_graph::{Graph, Node, NodeId};
use weir_media::{Props, StreamType, Time};
use weir_plugin::{
    Credit, Error, Event, Filter, FilterId, Lane, Level, Mailbox, Memory, OnFail, OutId, OutQueue, OutputRecord,
    Result, Role, Status,
};

use crate::edge::Edge;
use crate::lanes;
use crate::pace::Pace;
use crate::platform::{Done, Job, Net, Platform, Readiness};
use crate::report::{FilterReport, Report};
use crate::services::{Services, World};
use crate::timers::{Due, Timers};

/// Why a live session waits for nobody.
const NOT_ALL_WAIT: &str = "the session cannot wait for this output: another one, or a source, follows the clock; ask for \
     the same of every output (drop=block), or leave it out";
/// Filter calls in one turn, so that sockets are looked at often enough.
const CALLS_PER_TURN: usize = 256;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Its filter is here.
    Here,
    /// Its filter is with a worker.
    Away(Time),
    /// Its filter is done; held packets still leave when due.
    Releasing,
    /// Over and done.
    Over,
}

struct OutPort {
    props: Props,
    /// Consumers: node and input.
    to: Vec<(usize, usize)>,
    ended: bool,
}

struct Slot {
    id: NodeId,
    role: Role,
    lane: Lane,
    filter: Option<Box<dyn Filter>>,
    mail: Option<Box<Mailbox>>,
    state: State,
    started: bool,
    queued: bool,
    /// It has a clock of its own, or is in touch with what has.
    is_live: bool,
    /// It opens and ends outputs for as long as it runs.
    comes_and_goes: bool,
    on_fail: OnFail,
    /// It plays a list.
    begins_time: bool,
    /// Something happened while its filter was away: call it again.
    missed: bool,
    /// It is to end as soon as its filter is here.
    stop: bool,
    inputs: Vec<Edge>,
    producers: Vec<(usize, OutId)>,
    /// Inputs that wait for the end of a chain, with their kind: what they had has changed.
    vacant: Vec<(usize, Option<StreamType>)>,
    outs: Vec<OutPort>,
    pace: Option<Pace>,
    events: Vec<Event>,
    services: Vec<usize>,
    wake: Option<Time>,
    /// Packets in front of it were dropped since the last snapshot.
    late: bool,
    /// It has been said that it is not used.
    noted: bool,
    report: FilterReport,
    record: Option<OutputRecord>,
}

impl Slot {
    /// Whether an input waits that the filter knows nothing of.
    fn has_unheard(&self) -> bool {
        self.inputs.iter().any(|edge| !edge.is_heard())
    }

    fn new(id: NodeId, node: &Node, mail: Mailbox) -> Self {
        Self {
            id,
            role: node.plugin.role(),
            lane: node.plugin.lane(),
            is_live: node.plugin.is_live(&node.options),
            comes_and_goes: node.plugin.comes_and_goes(&node.options),
            on_fail: node.plugin.on_fail(&node.options),
            begins_time: node.plugin.begins_time(),
            filter: None,
            mail: Some(Box::new(mail)),
            state: State::Here,
            started: false,
            queued: false,
            missed: false,
            stop: false,
            inputs: Vec::new(),
            producers: Vec::new(),
            vacant: Vec::new(),
            outs: Vec::new(),
            pace: None,
            events: Vec::new(),
            services: Vec::new(),
            wake: None,
            late: false,
            noted: false,
            report: FilterReport { id: id.index() + 1, name: node.name.clone(), ..FilterReport::default() },
            record: None,
        }
    }
}

impl Slot {
    /// The filter with its mailbox, for a call; `None` while it is away or not made yet.
    fn take(&mut self) -> Option<(Box<dyn Filter>, Box<Mailbox>)> {
        let filter = self.filter.take()?;
        let mail = self.mail.take();
        debug_assert!(mail.is_some(), "a filter that is here has its mailbox here");
        Some((filter, mail?))
    }
}

/// The scheduler without a world.
pub(crate) struct Core<P> {
    pub(crate) platform: P,
    graph: Graph,
    nodes: Vec<Slot>,
    queue: VecDeque<usize>,
    services: Services,
    timers: Timers,
    memory: Memory,
    /// A live sink or source: one clock paces the sources and no edge behind it pushes back.
    live: bool,
    settled: bool,
    /// The same, of the sources of lists.
    lists_settled: bool,
    /// Payload bytes on all edges.
    queued: usize,
    failures: usize,
    /// Only the graph is wanted: no output and no live source is made, and no clock paces anything.
    dry: bool,
    /// In a dry run: what live sources would bring is not known to its end.
    pub(crate) promised: bool,
    /// A filter asked for the end of the session.
    pub(crate) stop_asked: bool,
    /// A node ended since the last look at whether all is over.
    ended: bool,
    reports: Sender<Report>,
    log_level: Level,
    /// The graph as it was last shown in the log.
    told: String,
    /// The graph as data, and the number of filters and links it was made of.
    drawn: ((usize, usize), Arc<weir_graph::Snapshot>),
    /// How often and by how much the clock slipped.
    slips: (u64, Duration),
}

/// Whether and when to turn again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Next {
    /// At once.
    Now,
    /// At this time, or when something happens.
    At(Time),
    /// When something happens.
    Wait,
}

impl<P: Platform> Core<P> {
    pub(crate) fn new(platform: P, graph: Graph, memory: Memory, reports: Sender<Report>, log_level: Level) -> Self {
        let live = graph.nodes().any(|(_, n)| n.plugin.is_live(&n.options));
        Self {
            platform,
            graph,
            nodes: Vec::new(),
            queue: VecDeque::new(),
            services: Services::default(),
            timers: Timers::default(),
            memory,
            live,
            dry: false,
            promised: false,
            settled: false,
            lists_settled: false,
            queued: 0,
            failures: 0,
            stop_asked: false,
            ended: true,
            reports,
            log_level,
            told: String::new(),
            drawn: ((0, 0), Arc::default()),
            slips: (0, Duration::ZERO),
        }
    }

    /// From now on only the graph is wanted; to be said before the start.
    pub(crate) fn run_dry(&mut self) {
        (self.dry, self.live) = (true, false);
    }

    /// Whether the graph is as complete as it gets without outputs: every filter that has something to work on has said
    /// what it makes of it.
    pub(crate) fn is_formed(&self) -> bool {
        let is_silent =
            |s: &Slot| s.state != State::Over && s.role == Role::Mux && !s.inputs.is_empty() && s.outs.is_empty();
        self.settled && self.queue.is_empty() && !self.nodes.iter().any(is_silent)
    }

    /// The graph, when nothing more is to happen.
    pub(crate) fn into_graph(self) -> Graph {
        self.graph
    }

    /// Creates and starts every declared filter: first those that listen, then sources and the rest, last those that
    /// make files. The first failure is returned and nothing runs.
    pub(crate) fn start(&mut self) -> std::result::Result<(), (NodeId, Error)> {
        // Also in a dry run, where nothing is live.
        let is_live = self.graph.nodes().any(|(_, n)| n.plugin.is_live(&n.options));
        if let Some((id, _)) = self.graph.nodes().find(|(_, n)| is_live && n.plugin.is_waited_for(&n.options)) {
            return Err((id, Error::bad_option(NOT_ALL_WAIT)));
        }
        for group in self.graph.merge_sinks() {
            let names: Vec<&str> = group.iter().map(|id| self.graph.node(*id).name.as_str()).collect();
            self.log(Level::Info, "graph", format!("{} share one muxer", names.join(", ")));
        }
        let ids: Vec<NodeId> = self.graph.nodes().map(|(id, _)| id).collect();
        for id in &ids {
            self.add(*id).map_err(|e| (*id, e))?;
        }
        let rank = |id: &NodeId| {
            let slot = &self.nodes[id.index()];
            (slot.role == Role::Sink && slot.lane != Lane::Reactor, slot.role != Role::Sink)
        };
        let mut order = ids;
        order.sort_by_key(rank);
        for id in order {
            self.start_now(id.index()).map_err(|e| (id, e))?;
        }
        // What services say to their outputs at once, such as that a name is taken, counts as part of starting.
        self.with_services(|services, world| services.flush(world));
        for i in 0..self.nodes.len() {
            self.deliver_events(i).map_err(|e| (self.nodes[i].id, e))?;
        }
        for i in 0..self.nodes.len() {
            self.enqueue(i);
        }
        if self.dry {
            self.promise_live();
        }
        Ok(())
    }

    fn start_now(&mut self, i: usize) -> Result<()> {
        let slot = &mut self.nodes[i];
        let Some((mut filter, mut mail)) = slot.take() else { return Ok(()) };
        slot.started = true;
        mail.now = self.platform.now();
        mail.utc = self.platform.utc_micros();
        let result = filter.start(&mut mail.ctx());
        self.nodes[i].filter = Some(filter);
        let applied = self.apply_all(i, &mut mail);
        self.nodes[i].mail = Some(mail);
        result.and(applied)
    }

    fn deliver_events(&mut self, i: usize) -> Result<()> {
        let events = std::mem::take(&mut self.nodes[i].events);
        let slot = &mut self.nodes[i];
        let Some((mut filter, mut mail)) = slot.take() else { return Ok(()) };
        let result = events.into_iter().try_for_each(|event| filter.event(&mut mail.ctx(), event));
        self.nodes[i].filter = Some(filter);
        let applied = self.apply_all(i, &mut mail);
        self.nodes[i].mail = Some(mail);
        result.and(applied)
    }

    /// One turn: finished jobs and timers, filters, what services have to write, readiness, and new connections last.
    pub(crate) fn turn(
        &mut self,
        done: impl Iterator<Item = Done>,
        ready: impl IntoIterator<Item = Readiness>,
    ) -> Next {
        for job in done {
            self.job_done(job);
        }
        while let Some(found) = self.platform.net().looked_up() {
            self.with_services(|services, world| services.resolved(world, found));
        }
        let mut more = self.with_services(|services, world| services.arrive(world));
        self.fire_timers();
        let mut calls = 0;
        while calls < CALLS_PER_TURN {
            let Some(i) = self.queue.pop_front() else { break };
            self.nodes[i].queued = false;
            self.run(i);
            calls += 1;
        }
        more |= self.with_services(|services, world| services.flush(world));
        let mut any = false;
        for event in ready {
            any = true;
            self.with_services(|services, world| services.ready(world, event));
        }
        if any {
            more |= self.with_services(|services, world| services.flush(world));
        }
        more |= self.with_services(|services, world| services.accept(world));
        if more || !self.queue.is_empty() {
            return Next::Now;
        }
        self.timers.next().map_or(Next::Wait, Next::At)
    }

    fn with_services<T>(&mut self, f: impl FnOnce(&mut Services, &mut World<'_, P::Net>) -> T) -> T {
        let mut world = World { net: self.platform.net(), timers: &mut self.timers, memory: &self.memory };
        let value = f(&mut self.services, &mut world);
        for (to, message) in std::mem::take(&mut self.services.out.posts) {
            let i = to.0 as usize;
            if self.nodes.get(i).is_some_and(|slot| slot.state != State::Over) {
                self.nodes[i].events.push(Event::Message(message));
                self.enqueue(i);
            }
        }
        for (level, line) in std::mem::take(&mut self.services.out.logs) {
            self.log(level, "net", line);
        }
        for (service, e) in std::mem::take(&mut self.services.out.broken) {
            for i in (0..self.nodes.len()).filter(|i| self.nodes[*i].services.contains(&service)).collect::<Vec<_>>() {
                self.fail(i, &e);
            }
        }
        value
    }

    fn fire_timers(&mut self) {
        let now = self.platform.now();
        while let Some((at, due)) = self.timers.pop(now) {
            match due {
                Due::Node(i) if self.nodes[i].wake == Some(at) => {
                    self.nodes[i].wake = None;
                    self.enqueue(i);
                }
                Due::Node(_) => {}
                due => self.with_services(|services, world| services.due(world, at, due)),
            }
        }
    }

    fn enqueue(&mut self, i: usize) {
        let slot = &mut self.nodes[i];
        match slot.state {
            State::Here | State::Releasing if !slot.queued => {
                slot.queued = true;
                self.queue.push_back(i);
            }
            State::Away(_) => slot.missed = true,
            _ => {}
        }
    }

    fn wake_at(&mut self, i: usize, at: Time) {
        if self.nodes[i].wake.is_none_or(|old| at < old || old <= self.platform.now()) {
            self.nodes[i].wake = Some(at);
            self.timers.set(at, Due::Node(i));
        }
    }

    /// Runs a node: releases what is due, then calls its filter or sends it to its lane.
    fn run(&mut self, i: usize) {
        self.release(i);
        let now = self.platform.now();
        let slot = &mut self.nodes[i];
        if slot.state != State::Here {
            return;
        }
        if let (Some(pace), true) = (&mut slot.pace, slot.events.is_empty() && !slot.stop) {
            if let Some(behind) = pace.slip(now) {
                self.slips = (self.slips.0 + 1, self.slips.1 + behind);
                let line = format!("{} s behind the clock: the clock slips", behind.as_secs());
                self.log_node(i, Level::Warning, line);
            }
            let next = self.nodes[i].pace.as_ref().map_or(Time::ZERO, Pace::next_call);
            if next > now {
                return self.wake_at(i, next);
            }
        } else if !slot.stop && slot.events.is_empty() && !slot.has_unheard() && self.is_full(i) {
            return; // a consumer wakes it when there is room
        }
        let slot = &mut self.nodes[i];
        let Some((filter, mut mail)) = slot.take() else { return };
        self.fill(i, &mut mail, now);
        let slot = &mut self.nodes[i];
        let mut job = Job {
            node: i,
            filter,
            mail,
            start: !std::mem::replace(&mut slot.started, true),
            events: std::mem::take(&mut slot.events),
            most_calls: if slot.pace.is_some() { 1 } else { lanes::JOB_CALLS },
        };
        if slot.lane != Lane::Reactor {
            slot.state = State::Away(now);
            let lane = slot.lane;
            return self.platform.submit(lane, job);
        }
        let result = lanes::call(&mut job, &mut || true);
        let busy = self.platform.now().since(now);
        self.job_done(Done { node: i, filter: job.filter, mail: job.mail, result, busy, calls: 1 });
    }

    fn job_done(&mut self, mut done: Done) {
        let i = done.node;
        if self.nodes[i].state == State::Over {
            return; // given up while it was away
        }
        self.nodes[i].state = State::Here;
        let had_unheard = self.nodes[i].has_unheard();
        self.collect(i, &mut done);
        self.nodes[i].filter = Some(done.filter);
        let applied = self.apply_all(i, &mut done.mail);
        if had_unheard && !self.nodes[i].has_unheard() {
            self.settle();
        }
        // The filter may rest only because of room that has opened meanwhile.
        let has_room = |out: usize| self.credit(i, out) != Credit::Packets(0);
        let was_full = |(out, queue): (usize, &OutQueue)| queue.credit == Credit::Packets(0) && has_room(out);
        let outs = self.nodes[i].outs.len();
        let room_opened = done.mail.outs.iter().take(outs).enumerate().any(was_full);
        self.nodes[i].mail = Some(done.mail);
        let now = self.platform.now();
        match applied.and(done.result) {
            Err(e) => return self.fail(i, &e),
            Ok(Status::Done) => return self.finish(i),
            Ok(_) if self.nodes[i].stop => return self.finish(i),
            Ok(Status::Again) => self.enqueue(i),
            Ok(Status::Until(at)) if at <= now => self.enqueue(i),
            Ok(Status::Until(at)) => self.wake_at(i, at),
            Ok(Status::Idle) => {}
        }
        let slot = &mut self.nodes[i];
        if std::mem::take(&mut slot.missed) || room_opened || slot.pace.as_ref().is_some_and(|pace| !pace.follows()) {
            self.enqueue(i);
        }
    }
}

fn filter_id(i: usize) -> FilterId {
    FilterId(u32::try_from(i).expect("far fewer than 2^32 filters"))
}
