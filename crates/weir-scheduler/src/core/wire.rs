//! What filters ask for, and how the graph grows: new nodes, outputs, links, key-frame requests.

use weir_graph::{NodeId, Step};
use weir_media::{Prop, Props, StreamType};
use weir_plugin::{Create, Effect, Error, ErrorKind, Event, Item, Lane, Level, Mailbox, OutId, Result, Role};

use super::{Core, OutPort, Slot, State, filter_id};
use crate::edge::{Edge, pid_name};
use crate::pace::Pace;
use crate::platform::Platform;

impl<P: Platform> Core<P> {
    /// Creates the filter of a node. One whose output name has still to be filled gets it when that is known.
    pub(super) fn add(&mut self, id: NodeId) -> Result<()> {
        let node = self.graph.node(id);
        if id.index() == self.nodes.len() {
            self.nodes.push(Slot::new(id, node, Mailbox::new(self.memory.clone())));
        }
        if self.graph.is_deferred(id) || self.nodes[id.index()].filter.is_some() {
            return Ok(());
        }
        if self.dry && (node.is_sink() || (node.plugin.role() == Role::Source && node.plugin.is_live(&node.options))) {
            let is_sink = node.is_sink();
            let slot = &mut self.nodes[id.index()];
            slot.state = if is_sink { State::Here } else { State::Over };
            return Ok(());
        }
        let with = Create { options: node.options.clone(), bundle: node.bundle.clone(), memory: self.memory.clone() };
        let slot = &mut self.nodes[id.index()];
        match node.plugin.create(with) {
            Ok(filter) => slot.filter = Some(filter),
            Err(e) => {
                slot.state = State::Over;
                return Err(e);
            }
        }
        Ok(())
    }

    /// Does what a filter asks for, up to what cannot be done; the node fails then.
    pub(super) fn apply_all(&mut self, i: usize, mail: &mut Mailbox) -> Result<()> {
        let mut effects = std::mem::take(&mut mail.effects);
        let result = effects.drain(..).try_for_each(|effect| self.apply(i, effect));
        mail.effects = effects;
        if result.is_err() {
            mail.outs.iter_mut().for_each(|queue| queue.items.clear());
            return result;
        }
        for (out, queue) in mail.outs.iter_mut().enumerate().filter(|(_, queue)| !queue.items.is_empty()) {
            self.emit_all(i, out, &mut queue.items);
        }
        result
    }

    pub(super) fn apply(&mut self, i: usize, effect: Effect) -> Result<()> {
        match effect {
            Effect::Open(out, props) => self.open(i, out, props)?,
            Effect::RequestKey(input) => self.request_key(i, input.0 as usize),
            Effect::Wish(input, props) => self.wish(i, input.0 as usize, &props),
            Effect::Log(level, line) => self.log_node(i, level, line),
            Effect::Record(record) => self.record(i, *record),
            Effect::Serve { id, addr, make } => {
                let joined = self.with_services(|services, world| match addr {
                    Some(addr) => services
                        .join(world, addr, make)
                        .map_err(|e| Error::new(ErrorKind::Io, format!("cannot listen on {addr}: {e}"))),
                    None => Ok(services.add_alone(make)),
                });
                let service = joined?;
                debug_assert_eq!(self.nodes[i].services.len(), id.0 as usize, "services are numbered in order");
                self.nodes[i].services.push(service);
            }
            Effect::Stop => self.stop_asked = true,
            Effect::Post(id, message) => {
                if let Some(service) = self.nodes[i].services.get(id.0 as usize) {
                    self.services.post(*service, filter_id(i), message);
                }
            }
        }
        Ok(())
    }

    /// A filter opened an output: find where it goes.
    pub(super) fn open(&mut self, i: usize, out: OutId, mut props: Props) -> Result<()> {
        self.graph.dress(self.nodes[i].id, &mut props);
        let has_time = carries_time(&props) && !self.graph.is_listed(self.nodes[i].id);
        let before_clock = self.is_before_clock(i);
        let slot = &mut self.nodes[i];
        slot.outs.push(OutPort { props: props.clone(), to: Vec::new(), ended: false });
        if self.live && before_clock && (has_time || slot.pace.is_some()) {
            // Only a live source has a clock of its own.
            let follows = slot.is_live && slot.role == Role::Source;
            slot.pace
                .get_or_insert_with(|| if follows { Pace::following() } else { Pace::default() })
                .open(props.timescale());
        }
        let id = slot.id;
        let found = self.graph.resolve(id, out, &props);
        if let Some(why) = found.unlinked {
            let line = format!("{} is not used: {why}", pid_name(&props, out.0));
            if self.graph.rules().full_link {
                return Err(Error::unsupported(line));
            }
            self.log_node(i, if found.by_choice { Level::Info } else { Level::Warning }, line);
        }
        self.follow(i, out, &props, found.steps);
        self.settle();
        Ok(())
    }

    /// Makes what the graph has decided about an output.
    fn follow(&mut self, i: usize, out: OutId, props: &Props, steps: Vec<Step>) {
        let has_time = carries_time(props) && !self.graph.is_listed(self.nodes[i].id);
        let live_edge = self.live && (has_time || !self.is_before_clock(i));
        for step in steps {
            match step {
                Step::Add(id) => {
                    if let Err(e) = self.add(id) {
                        self.fail(id.index(), &e);
                    }
                }
                Step::Connect(id) => self.connect(i, out, props, id.index(), live_edge),
            }
        }
    }

    /// The properties of an output change. A consumer that does not take it any more goes on behind a chain, if there is
    /// one; any other sees for itself.
    pub(super) fn refit(&mut self, i: usize, out: usize, props: &Props) {
        let Ok(id) = u32::try_from(out).map(OutId) else { return };
        for (node, input) in self.nodes[i].outs[out].to.clone() {
            let Some(steps) = self.graph.refit(self.nodes[i].id, id, props, self.nodes[node].id) else { continue };
            self.nodes[i].outs[out].to.retain(|to| *to != (node, input));
            self.nodes[node].vacant.push((input, props.stream_type()));
            let line =
                format!("gets {} of {} through another filter now", pid_name(props, id.0), self.nodes[i].report.name);
            self.log_node(node, Level::Info, line);
            self.follow(i, id, props, steps);
        }
    }

    /// In a dry run, live sources open what they always have: nobody feeds them, but where it goes can be told.
    pub(super) fn promise_live(&mut self) {
        for i in 0..self.nodes.len() {
            let slot = &self.nodes[i];
            if !(slot.is_live && slot.role == Role::Source) {
                continue;
            }
            let bundles = self.graph.node(slot.id).caps().to_vec();
            for (n, bundle) in (0..).zip(bundles) {
                let known = bundle.outputs.iter().filter(|cap| !cap.excluded);
                let props = known.fold(Props::new(), |props, cap| props.with(cap.prop, cap.value.clone()));
                self.promised = true;
                if let Err(e) = self.open(i, OutId(n), props) {
                    self.fail(i, &e);
                }
            }
        }
    }

    /// Whether a node stands before the point where timestamps are made: it has only byte streams as input, or what waits
    /// in a list, or none.
    pub(super) fn is_before_clock(&self, i: usize) -> bool {
        let is_file = |(n, out): &(usize, OutId)| {
            !carries_time(&self.nodes[*n].outs[out.0 as usize].props) || self.graph.is_listed(self.nodes[*n].id)
        };
        self.nodes[i].producers.iter().all(is_file)
    }

    pub(super) fn connect(&mut self, from: usize, out: OutId, props: &Props, to: usize, live: bool) {
        let steering = &self.graph.node(self.nodes[to].id).steering;
        let edge = Edge::new(props, live).bounded(steering.buffer_packets, steering.buffer_micros);
        let is_for_it = self.graph.inserted_for(self.nodes[from].id).is_some_and(|t| t.contains(&self.nodes[to].id));
        let slot = &mut self.nodes[to];
        let is_its = |(_, ty): &(usize, Option<StreamType>)| is_for_it && *ty == props.stream_type();
        let input = if let Some(at) = slot.vacant.iter().position(is_its) {
            let (input, _) = slot.vacant.remove(at);
            slot.producers[input] = (from, out);
            input
        } else {
            slot.inputs.push(edge);
            slot.producers.push((from, out));
            slot.inputs.len() - 1
        };
        self.nodes[from].outs[out.0 as usize].to.push((to, input));
        let mut given = props.clone();
        if self.graph.node(self.nodes[to].id).plugin.tells_sources_apart() {
            given.set(Prop::Source, self.graph.source_of(self.nodes[from].id).index() as u64);
        }
        self.deliver(to, input, [Item::Props(given)]);
        self.log_node(to, Level::Debug, format!("gets {} of {}", pid_name(props, out.0), self.nodes[from].report.name));
    }

    /// Inputs are settled when every filter that has something to work on has opened an output, and knows each input. For
    /// a filter that plays a list, those of the list matter alone: what is behind it waits for it.
    pub(super) fn settle(&mut self) {
        let is_fed_live = |s: &Slot| !s.producers.is_empty() && s.producers.iter().all(|(n, _)| self.nodes[*n].is_live);
        let is_waited_for = |s: &Slot| match s.role {
            Role::Sink | Role::Mux => false,
            // Whether and when somebody begins to feed a live source, nobody knows; in a dry run nobody does.
            Role::Source => !s.is_live,
            _ => !(self.dry && is_fed_live(s)),
        };
        let knows_all =
            |s: &Slot| !s.has_unheard() && (!s.outs.is_empty() || s.role != Role::Source && s.inputs.is_empty());
        let undecided = |s: &Slot| s.state != State::Over && is_waited_for(s) && !knows_all(s);
        let settled = !self.nodes.iter().any(undecided);
        let lists_settled = settled || !self.nodes.iter().any(|s| undecided(s) && self.graph.is_listed(s.id));
        let wakes = |s: &Slot| match s.begins_time {
            true => lists_settled && !self.lists_settled,
            false => s.role == Role::Mux && settled && !self.settled,
        };
        for i in (0..self.nodes.len()).filter(|i| wakes(&self.nodes[*i])).collect::<Vec<_>>() {
            self.enqueue(i);
        }
        (self.settled, self.lists_settled) = (settled, lists_settled);
    }

    /// Whether a filter is out to compute.
    pub(crate) fn is_computing(&self) -> bool {
        self.nodes.iter().any(|s| s.lane == Lane::Compute && matches!(s.state, State::Away(_)))
    }

    /// Whether somebody may yet begin to feed a live source, and so make the graph grow.
    pub(super) fn waits_for_sources(&self) -> bool {
        let waits = |s: &Slot| s.is_live && s.role == Role::Source && s.state != State::Over && s.outs.is_empty();
        self.nodes.iter().any(waits)
    }

    /// Tells the filters above an input what it had best be like; not those whose output others take too.
    fn wish(&mut self, i: usize, input: usize, props: &Props) {
        let mut above: Vec<(usize, OutId)> = self.nodes[i].producers.get(input).copied().into_iter().collect();
        while let Some((node, out)) = above.pop() {
            if self.nodes[node].outs[out.0 as usize].to.len() > 1 {
                continue;
            }
            above.extend(&self.nodes[node].producers);
            self.nodes[node].events.push(Event::Wish(out, Box::new(props.clone())));
            self.enqueue(node);
        }
    }

    /// Carries the wish for a key frame up to the encoder that can fulfil it.
    pub(super) fn request_key(&mut self, i: usize, input: usize) {
        let mut at = self.nodes[i].producers.get(input).copied();
        while let Some((node, out)) = at {
            if self.nodes[node].role == Role::Encoder {
                self.nodes[node].events.push(Event::KeyRequest(out));
                return self.enqueue(node);
            }
            at = self.nodes[node].producers.first().copied();
        }
    }
}

/// Whether timestamps of a stream mean something: it is no byte stream, or one whose packets are delivered live.
fn carries_time(props: &Props) -> bool {
    props.is_delivered_live() || props.stream_type() != Some(StreamType::File)
}
