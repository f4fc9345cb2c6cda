//! [`Core`]: nodes, edges and the run queue. It takes finished jobs, readiness and the clock as input and does one
//! bounded turn at a time.

use std::collections::VecDeque;
use std::time::Duration;

use crossbeam_channel::Sender;
use weir_graph::{Graph, NodeId, Step};
use weir_media::{Props, StreamType, Time};
use weir_plugin::{
    Create, Credit, Effect, Error, ErrorKind, Event, Filter, FilterId, InQueue, Item, Lane, Level, Mailbox, Memory,
    OutId, OutState, OutputRecord, Phase, Ready, Result, Role, Status,
};

use crate::edge::{Edge, pid_name};
use crate::lanes;
use crate::pace::Pace;
use crate::platform::{Done, Job, Platform, Readiness, TimerState};
use crate::report::{FilterReport, Log, OutputReport, Report, Snapshot};
use crate::services::{Services, World};
use crate::timers::{Due, Timers};

/// Filter calls in one turn, so that sockets are looked at often enough.
const CALLS_PER_TURN: usize = 256;
/// A job on a blocking lane that takes longer is given up, with its thread.
const BLOCKING_DEADLINE: Duration = Duration::from_secs(15);

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
    /// Something happened while its filter was away: call it again.
    missed: bool,
    /// It is to end as soon as its filter is here.
    stop: bool,
    inputs: Vec<Edge>,
    producers: Vec<(usize, OutId)>,
    outs: Vec<OutPort>,
    pace: Option<Pace>,
    events: Vec<Event>,
    services: Vec<usize>,
    wake: Option<Time>,
    /// Packets in front of it were dropped since the last snapshot.
    late: bool,
    report: FilterReport,
    record: Option<OutputRecord>,
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
    /// Payload bytes on all edges.
    queued: usize,
    failures: usize,
    /// A node ended since the last look at whether all is over.
    ended: bool,
    reports: Sender<Report>,
    log_level: Level,
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
            settled: false,
            queued: 0,
            failures: 0,
            ended: true,
            reports,
            log_level,
        }
    }

    /// Creates and starts every declared filter: first those that listen, then sources and the rest, last those that
    /// make files. The first failure is returned and nothing runs.
    pub(crate) fn start(&mut self) -> std::result::Result<(), (NodeId, Error)> {
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
        Ok(())
    }

    fn add(&mut self, id: NodeId) -> Result<()> {
        let node = self.graph.node(id);
        let with = Create { options: node.options.clone(), bundle: node.bundle.clone(), memory: self.memory.clone() };
        let made = node.plugin.create(with);
        let report = FilterReport { name: node.name.clone(), ..FilterReport::default() };
        assert_eq!(self.nodes.len(), id.index(), "nodes are added in order and never removed");
        let (filter, failed) = match made {
            Ok(filter) => (Some(filter), None),
            Err(e) => (None, Some(e)),
        };
        self.nodes.push(Slot {
            id,
            role: node.plugin.role(),
            lane: node.plugin.lane(),
            filter,
            mail: Some(Box::new(Mailbox::new(self.memory.clone()))),
            state: if failed.is_some() { State::Over } else { State::Here },
            started: false,
            queued: false,
            missed: false,
            stop: false,
            inputs: Vec::new(),
            producers: Vec::new(),
            outs: Vec::new(),
            pace: None,
            events: Vec::new(),
            services: Vec::new(),
            wake: None,
            late: false,
            report,
            record: None,
        });
        failed.map_or(Ok(()), Err)
    }

    fn start_now(&mut self, i: usize) -> Result<()> {
        let slot = &mut self.nodes[i];
        let (Some(mut filter), Some(mut mail)) = (slot.filter.take(), slot.mail.take()) else { return Ok(()) };
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
        let (Some(mut filter), Some(mut mail)) = (slot.filter.take(), slot.mail.take()) else { return Ok(()) };
        let result = events.into_iter().try_for_each(|event| filter.event(&mut mail.ctx(), event));
        self.nodes[i].filter = Some(filter);
        let applied = self.apply_all(i, &mut mail);
        self.nodes[i].mail = Some(mail);
        result.and(applied)
    }

    /// One turn: finished jobs and timers, filters, what services have to write, readiness, and new connections last.
    pub(crate) fn turn(&mut self, done: impl Iterator<Item = Done>, ready: &[Readiness]) -> Next {
        for job in done {
            self.job_done(job);
        }
        self.fire_timers();
        let mut calls = 0;
        while calls < CALLS_PER_TURN {
            let Some(i) = self.queue.pop_front() else { break };
            self.nodes[i].queued = false;
            self.run(i);
            calls += 1;
        }
        let mut more = self.with_services(|services, world| services.flush(world));
        for event in ready {
            self.with_services(|services, world| match *event {
                Readiness::Listener(at) => services.acceptable(at),
                Readiness::Conn { service, conn, readable, writable } => {
                    services.ready(world, service, conn, Ready { readable, writable });
                }
            });
        }
        if !ready.is_empty() {
            more |= self.with_services(|services, world| services.flush(world));
        }
        more |= self.with_services(|services, world| services.accept(world));
        if more || !self.queue.is_empty() {
            return Next::Now;
        }
        self.timers.next().map_or(Next::Wait, Next::At)
    }

    fn with_services<T>(&mut self, f: impl FnOnce(&mut Services, &mut World<'_, P>) -> T) -> T {
        let mut world = World { platform: &mut self.platform, timers: &mut self.timers, memory: &self.memory };
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
                Due::Service(service) => self.with_services(|s, world| s.service_timer(world, service, at)),
                Due::Conn(service, conn) => match self.platform.take_timer(conn, at) {
                    TimerState::Due => self.with_services(|s, world| s.conn_timer(world, service, conn)),
                    TimerState::Later(at) => self.timers.set(at, due),
                    TimerState::Void => {}
                },
                Due::Accept(service) => self.services.acceptable(service),
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
                let line = format!("{} s behind the clock: the clock slips", behind.as_secs());
                self.log_node(i, Level::Warning, line);
            }
            let next = self.nodes[i].pace.as_ref().map_or(Time::ZERO, Pace::next_call);
            if next > now {
                return self.wake_at(i, next);
            }
        } else if !slot.stop && slot.events.is_empty() && self.is_full(i) {
            return; // a consumer wakes it when there is room
        }
        let slot = &mut self.nodes[i];
        let (Some(filter), Some(mut mail)) = (slot.filter.take(), slot.mail.take()) else { return };
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

    /// Whether every output is without room, so that running makes no sense.
    fn is_full(&self, i: usize) -> bool {
        let outs = &self.nodes[i].outs;
        !outs.is_empty() && (0..outs.len()).all(|out| outs[out].ended || self.credit(i, out) == Credit::Packets(0))
    }

    fn credit(&self, i: usize, out: usize) -> Credit {
        if let Some(pace) = &self.nodes[i].pace {
            return pace.credit(out);
        }
        let consumers = self.nodes[i].outs[out].to.iter().filter(|(n, _)| self.nodes[*n].state != State::Over);
        let room = consumers.map(|(n, input)| self.nodes[*n].inputs[*input].room()).min().unwrap_or(u32::MAX);
        if room == u32::MAX { Credit::Endless } else { Credit::Packets(room) }
    }

    fn fill(&mut self, i: usize, mail: &mut Mailbox, now: Time) {
        mail.now = now;
        mail.utc = self.platform.utc_micros();
        mail.settled = self.settled;
        for (out, state) in mail.outs.iter_mut().enumerate() {
            state.credit = self.credit(i, out);
        }
        let inputs = &mut self.nodes[i].inputs;
        mail.inputs.resize_with(inputs.len(), InQueue::default);
        for (edge, queue) in inputs.iter_mut().zip(&mut mail.inputs) {
            edge.lend(queue);
        }
    }

    fn job_done(&mut self, mut done: Done) {
        let i = done.node;
        if self.nodes[i].state == State::Over {
            return; // given up while it was away
        }
        self.nodes[i].state = State::Here;
        self.collect(i, &mut done);
        self.nodes[i].filter = Some(done.filter);
        let applied = self.apply_all(i, &mut done.mail);
        // The filter may rest only because of room that has opened meanwhile.
        let has_room = |out: usize| self.credit(i, out) != Credit::Packets(0);
        let was_full = |(out, state): (usize, &OutState)| state.credit == Credit::Packets(0) && has_room(out);
        let room_opened = done.mail.outs.iter().enumerate().any(was_full);
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
        if std::mem::take(&mut slot.missed) || room_opened || slot.pace.is_some() {
            self.enqueue(i);
        }
    }

    /// Takes queues back, counts, and wakes producers that waited for room.
    fn collect(&mut self, i: usize, done: &mut Done) {
        let slot = &mut self.nodes[i];
        slot.report.calls += done.calls;
        slot.report.busy += done.busy;
        slot.report.longest = slot.report.longest.max(done.busy);
        let mut wake = Vec::new();
        for (n, (edge, queue)) in slot.inputs.iter_mut().zip(&mut done.mail.inputs).enumerate() {
            slot.report.packets_in += queue.taken_packets;
            slot.report.bytes_in += queue.taken_bytes;
            let waited = !edge.is_live() && edge.room() == 0;
            self.queued -= edge.bytes();
            edge.give_back(queue);
            self.queued += edge.bytes();
            if waited && edge.room() > 0 {
                wake.push(slot.producers[n].0);
            }
        }
        wake.into_iter().for_each(|producer| self.enqueue(producer));
    }

    fn apply_all(&mut self, i: usize, mail: &mut Mailbox) -> Result<()> {
        let mut effects = std::mem::take(&mut mail.effects);
        let mut result = Ok(());
        for effect in effects.drain(..) {
            result = result.and(self.apply(i, effect));
        }
        mail.effects = effects;
        result
    }

    fn apply(&mut self, i: usize, effect: Effect) -> Result<()> {
        match effect {
            Effect::Open(out, props) => self.open(i, out, props),
            Effect::Props(out, props) => {
                self.nodes[i].outs[out.0 as usize].props = props.clone();
                self.emit(i, out.0 as usize, Item::Props(props));
            }
            Effect::Send(out, packet) => {
                let report = &mut self.nodes[i].report;
                report.packets_out += 1;
                report.bytes_out += packet.len() as u64;
                self.emit(i, out.0 as usize, Item::Packet(packet));
            }
            Effect::End(out) => {
                self.nodes[i].outs[out.0 as usize].ended = true;
                self.emit(i, out.0 as usize, Item::End);
            }
            Effect::RequestKey(input) => self.request_key(i, input.0 as usize),
            Effect::Log(level, line) => self.log_node(i, level, line),
            Effect::Record(record) => self.nodes[i].record = Some(*record),
            Effect::Serve { id, addr, make } => {
                let joined = self.with_services(|services, world| services.join(world, addr, make));
                let service = joined.map_err(|e| Error::new(ErrorKind::Io, format!("cannot listen on {addr}: {e}")))?;
                debug_assert_eq!(self.nodes[i].services.len(), id.0 as usize, "services are numbered in order");
                self.nodes[i].services.push(service);
            }
            Effect::Post(id, message) => {
                if let Some(service) = self.nodes[i].services.get(id.0 as usize) {
                    self.services.post(*service, filter_id(i), message);
                }
            }
        }
        Ok(())
    }

    /// A filter opened an output: find where it goes.
    fn open(&mut self, i: usize, out: OutId, props: Props) {
        let has_time = props.stream_type() != Some(StreamType::File);
        let before_clock = self.is_before_clock(i);
        let slot = &mut self.nodes[i];
        slot.outs.push(OutPort { props: props.clone(), to: Vec::new(), ended: false });
        if self.live && before_clock && (has_time || slot.pace.is_some()) {
            slot.pace.get_or_insert_default().open(props.timescale());
        }
        let id = slot.id;
        let found = self.graph.resolve(id, out, &props);
        if let Some(why) = found.unlinked {
            self.log_node(i, Level::Warning, format!("{} is not used: {why}", pid_name(&props, out.0)));
        }
        let live_edge = self.live && (has_time || !before_clock);
        for step in found.steps {
            match step {
                Step::Add(id) => {
                    if let Err(e) = self.add(id) {
                        self.fail(id.index(), &e);
                    }
                }
                Step::Connect(id) => self.connect(i, out, &props, id.index(), live_edge),
            }
        }
        self.settle();
    }

    /// Whether a node stands before the point where timestamps are made: it has only byte streams as input, or none.
    fn is_before_clock(&self, i: usize) -> bool {
        let is_file = |(n, out): &(usize, OutId)| {
            self.nodes[*n].outs[out.0 as usize].props.stream_type() == Some(StreamType::File)
        };
        self.nodes[i].producers.iter().all(is_file)
    }

    fn connect(&mut self, from: usize, out: OutId, props: &Props, to: usize, live: bool) {
        let slot = &mut self.nodes[to];
        let input = slot.inputs.len();
        slot.inputs.push(Edge::new(props, live));
        slot.producers.push((from, out));
        self.nodes[from].outs[out.0 as usize].to.push((to, input));
        self.deliver(to, input, Item::Props(props.clone()));
        self.log_node(to, Level::Debug, format!("gets {} of {}", pid_name(props, out.0), self.nodes[from].report.name));
    }

    /// Inputs are settled when every filter that has something to work on has opened an output.
    fn settle(&mut self) {
        let undecided = |s: &Slot| {
            s.state != State::Over
                && !matches!(s.role, Role::Sink | Role::Mux)
                && s.outs.is_empty()
                && (s.role == Role::Source || !s.inputs.is_empty())
        };
        let settled = !self.nodes.iter().any(undecided);
        if settled && !self.settled {
            for i in (0..self.nodes.len()).filter(|i| self.nodes[*i].role == Role::Mux).collect::<Vec<_>>() {
                self.enqueue(i);
            }
        }
        self.settled = settled;
    }

    /// Sends an item on its way: through the pace of the node if it makes timestamps, else to the consumers.
    fn emit(&mut self, i: usize, out: usize, item: Item) {
        let now = self.platform.now();
        match &mut self.nodes[i].pace {
            Some(pace) => pace.hold(out, item, now),
            None => return self.route(i, out, item),
        }
        self.release(i);
    }

    /// Releases held items that are due and sets the timer for the next.
    fn release(&mut self, i: usize) {
        let now = self.platform.now();
        while let Some((out, item)) = self.nodes[i].pace.as_mut().and_then(|p| p.release(now)) {
            self.route(i, out, item);
        }
        match self.nodes[i].pace.as_ref().and_then(Pace::next_release) {
            Some(at) => self.wake_at(i, at),
            None if self.nodes[i].state == State::Releasing => self.over(i),
            None => {}
        }
    }

    fn route(&mut self, i: usize, out: usize, item: Item) {
        let count = self.nodes[i].outs[out].to.len();
        for n in 1..count {
            let (node, input) = self.nodes[i].outs[out].to[n];
            self.deliver(node, input, item.clone());
        }
        if let Some((node, input)) = self.nodes[i].outs[out].to.first().copied() {
            self.deliver(node, input, item);
        }
    }

    fn deliver(&mut self, node: usize, input: usize, item: Item) {
        let slot = &mut self.nodes[node];
        if matches!(slot.state, State::Over | State::Releasing) {
            return;
        }
        let edge = &mut slot.inputs[input];
        let (before, bytes) = (edge.dropped, edge.bytes());
        let is_tight = self.queued + self.memory.used() > self.memory.cap();
        let pushed = edge.push(item, is_tight);
        let dropped = edge.dropped;
        self.queued = self.queued + edge.bytes() - bytes;
        if dropped > before && !std::mem::replace(&mut slot.late, true) {
            let line = format!("too slow: {} packets in front of it were dropped", dropped - before);
            self.log_node(node, Level::Warning, line);
        }
        if pushed.is_err() {
            let e = Error::new(ErrorKind::Limit, "cannot keep up with the live stream: its queue is full");
            return self.fail(node, &e);
        }
        self.enqueue(node);
    }

    /// Carries the wish for a key frame up to the encoder that can fulfil it.
    fn request_key(&mut self, i: usize, input: usize) {
        let mut at = self.nodes[i].producers.get(input).copied();
        while let Some((node, out)) = at {
            if self.nodes[node].role == Role::Encoder {
                self.nodes[node].events.push(Event::KeyRequest(out));
                return self.enqueue(node);
            }
            at = self.nodes[node].producers.first().copied();
        }
    }

    /// The filter of a node is done: its outputs end, at their time.
    fn finish(&mut self, i: usize) {
        self.nodes[i].filter = None;
        let stopped = self.nodes[i].stop;
        if let Some(pace) = self.nodes[i].pace.as_mut().filter(|_| stopped) {
            pace.drop_held();
        }
        self.nodes[i].state = State::Releasing;
        for out in 0..self.nodes[i].outs.len() {
            if !std::mem::replace(&mut self.nodes[i].outs[out].ended, true) {
                self.emit(i, out, Item::End);
            }
        }
        if self.nodes[i].state == State::Releasing {
            self.release(i);
        }
    }

    /// A node failed: it ends alone.
    fn fail(&mut self, i: usize, e: &Error) {
        if self.nodes[i].report.error.is_some() {
            return;
        }
        self.failures += 1;
        self.log_node(i, Level::Error, e.to_string());
        let slot = &mut self.nodes[i];
        slot.report.error = Some(e.to_string());
        if let Some(record) = &mut slot.record {
            record.phase = Phase::Failed;
        }
        slot.filter = None;
        slot.stop = true;
        self.finish(i);
    }

    /// Nothing more comes from a node. Producers that nobody listens to any more end too.
    fn over(&mut self, i: usize) {
        if self.nodes[i].state == State::Over {
            return;
        }
        self.nodes[i].state = State::Over;
        self.ended = true;
        self.queued -= self.nodes[i].inputs.iter().map(Edge::bytes).sum::<usize>();
        self.nodes[i].inputs.iter_mut().for_each(Edge::clear);
        for service in self.nodes[i].services.clone() {
            self.services.left(service, filter_id(i));
        }
        for (producer, _) in self.nodes[i].producers.clone() {
            let slot = &self.nodes[producer];
            let mut consumers = slot.outs.iter().flat_map(|o| &o.to);
            if slot.state == State::Over {
                continue;
            }
            if consumers.all(|(n, _)| self.nodes[*n].state == State::Over) {
                self.stop_node(producer);
            } else {
                self.enqueue(producer);
            }
        }
        self.settle();
    }

    fn stop_node(&mut self, i: usize) {
        let slot = &mut self.nodes[i];
        slot.stop = true;
        slot.events.push(Event::Stop);
        match slot.state {
            State::Here => self.enqueue(i),
            State::Releasing => self.over(i),
            State::Away(_) | State::Over => {}
        }
    }

    /// Ends the sources and demuxers, so that the session drains.
    pub(crate) fn stop(&mut self) {
        let makes_time = |i: usize| self.nodes[i].role != Role::Sink && self.is_before_clock(i);
        for i in (0..self.nodes.len()).filter(|i| makes_time(*i)).collect::<Vec<_>>() {
            self.stop_node(i);
        }
    }

    /// Whether every output has ended. Outputs that can get nothing any more fail here.
    pub(crate) fn is_over(&mut self) -> bool {
        if !self.ended {
            return false;
        }
        let alive = |s: &Slot| s.state != State::Over;
        if !self.nodes.iter().any(|s| alive(s) && s.role != Role::Sink) {
            for i in 0..self.nodes.len() {
                if self.nodes[i].inputs.is_empty() && self.nodes[i].state == State::Here {
                    self.fail(i, &Error::unsupported("nothing was connected to this output"));
                }
            }
        }
        // Nothing changes until another node ends.
        self.ended = !self.nodes.iter().any(|s| alive(s) && s.role == Role::Sink);
        self.ended
    }

    /// Gives up filters that hang in a blocking lane, and lets those that were late say so again.
    pub(crate) fn check_hung(&mut self) {
        let now = self.platform.now();
        for i in 0..self.nodes.len() {
            self.nodes[i].late = false;
            if let (State::Away(since), Lane::Blocking) = (self.nodes[i].state, self.nodes[i].lane)
                && now.since(since) > BLOCKING_DEADLINE
            {
                let line = format!("did not return for {} s and is given up", BLOCKING_DEADLINE.as_secs());
                self.fail(i, &Error::new(ErrorKind::Io, line));
            }
        }
    }

    /// Filters that failed so far.
    pub(crate) fn failures(&self) -> usize {
        self.failures
    }

    /// Names of outputs that have not ended.
    pub(crate) fn unfinished(&self) -> Vec<String> {
        let open = self.nodes.iter().filter(|s| s.role == Role::Sink && s.state != State::Over);
        open.map(|s| s.report.name.clone()).collect()
    }

    /// The node of a failure at start.
    pub(crate) fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Counters and records of everything. The tree is costly and asked for only at the end.
    pub(crate) fn snapshot(&self, with_tree: bool) -> Snapshot {
        let tree = if with_tree { self.graph.tree() } else { String::new() };
        let filter = |s: &Slot| FilterReport {
            dropped: s.inputs.iter().map(|e| e.dropped).sum(),
            queued: s.inputs.iter().map(Edge::packets).sum(),
            ..s.report.clone()
        };
        let output = |s: &Slot| Some(OutputReport { name: s.report.name.clone(), record: s.record.clone()? });
        Snapshot {
            at: self.platform.now(),
            filters: self.nodes.iter().map(filter).collect(),
            outputs: self.nodes.iter().filter_map(output).collect(),
            connections: self.platform.connections().0,
            memory: self.memory.used() + self.queued,
            tree,
        }
    }

    pub(crate) fn report(&self, report: Report) {
        // A slow reader loses reports; the reactor never waits for one.
        let _ = self.reports.try_send(report);
    }

    pub(crate) fn log(&self, level: Level, topic: &str, line: String) {
        if level <= self.log_level {
            let at = self.platform.now();
            self.report(Report::Log(Log { level, topic: topic.to_owned(), line, at }));
        }
    }

    fn log_node(&self, i: usize, level: Level, line: String) {
        self.log(level, &self.nodes[i].report.name, line);
    }
}

fn filter_id(i: usize) -> FilterId {
    FilterId(u32::try_from(i).expect("far fewer than 2^32 filters"))
}
