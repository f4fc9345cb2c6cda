//! How nodes end: done, failed, stopped, given up, or with nobody left to listen.

use std::time::Duration;

use weir_graph::NodeId;
use weir_plugin::{Error, ErrorKind, Event, Item, Lane, Level, OnFail, Phase, Role};

use super::{Core, Slot, State, filter_id};
use crate::edge::Edge;
use crate::platform::Platform;

/// A job on a blocking lane that takes longer is given up, with its thread.
const BLOCKING_DEADLINE: Duration = Duration::from_secs(15);

impl<P: Platform> Core<P> {
    /// The filter of a node is done: its outputs end, at their time.
    pub(super) fn finish(&mut self, i: usize) {
        self.nodes[i].filter = None;
        let stopped = self.nodes[i].stop;
        if let Some(pace) = self.nodes[i].pace.as_mut().filter(|_| stopped) {
            pace.drop_held();
        }
        self.nodes[i].state = State::Releasing;
        for out in 0..self.nodes[i].outs.len() {
            if !self.nodes[i].outs[out].ended {
                self.emit_all(i, out, &mut vec![Item::End]);
            }
        }
        if self.nodes[i].state == State::Releasing {
            self.release(i);
        }
    }

    /// A node failed: it ends alone.
    pub(super) fn fail(&mut self, i: usize, e: &Error) {
        if self.nodes[i].report.error.is_some() {
            return;
        }
        match self.nodes[i].on_fail {
            OnFail::Ignore => self.log_node(i, Level::Warning, format!("{e}; given up")),
            on_fail => {
                self.failures += 1;
                self.stop_asked |= on_fail == OnFail::Stop;
                self.log_node(i, Level::Error, e.to_string());
            }
        }
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
    pub(super) fn over(&mut self, i: usize) {
        if self.nodes[i].state == State::Over {
            return;
        }
        self.nodes[i].state = State::Over;
        self.graph.retire(self.nodes[i].id);
        self.nodes[i].mail = None;
        self.platform.release(i);
        self.ended = true;
        self.queued -= self.nodes[i].inputs.iter().map(Edge::bytes).sum::<usize>();
        self.nodes[i].inputs.iter_mut().for_each(Edge::clear);
        for service in self.nodes[i].services.clone() {
            self.services.left(service, filter_id(i));
        }
        self.end_vacant(i);
        for (producer, _) in self.nodes[i].producers.clone() {
            let slot = &self.nodes[producer];
            let mut consumers = slot.outs.iter().flat_map(|o| &o.to);
            if slot.state == State::Over {
                continue;
            }
            let is_unheard = consumers.all(|(n, _)| self.nodes[*n].state == State::Over);
            if is_unheard && !self.may_be_heard_again(producer) {
                self.stop_node(producer);
            } else {
                self.enqueue(producer);
            }
        }
        self.settle();
    }

    /// Whether outputs may yet be made for what a source comes to send.
    fn may_be_heard_again(&self, i: usize) -> bool {
        let slot = &self.nodes[i];
        slot.comes_and_goes && !slot.stop && slot.state != State::Over && self.graph.makes_outputs()
    }

    /// A filter of a chain that ends before it gave anything to anybody: what waits for that chain ends too.
    fn end_vacant(&mut self, i: usize) {
        if self.nodes[i].outs.iter().any(|out| !out.to.is_empty()) {
            return;
        }
        let targets = self.graph.inserted_for(self.nodes[i].id).unwrap_or_default().to_vec();
        for target in targets.into_iter().map(NodeId::index) {
            for (input, _) in std::mem::take(&mut self.nodes[target].vacant) {
                self.deliver(target, input, [Item::End]);
            }
        }
    }

    pub(super) fn stop_node(&mut self, i: usize) {
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
        let mut away = false;
        // Nobody fed a live source before the session was ended: there is nothing wrong with that.
        let unfed = self.nodes.iter().any(|s| s.is_live && s.role == Role::Source && s.outs.is_empty());
        if !self.nodes.iter().any(|s| alive(s) && s.role != Role::Sink) {
            for i in (0..self.nodes.len()).filter(|i| self.nodes[*i].inputs.is_empty()).collect::<Vec<_>>() {
                away |= matches!(self.nodes[i].state, State::Away(_));
                match self.nodes[i].state {
                    State::Here if unfed => self.end_unconnected(i),
                    State::Here => self.fail_unconnected(i),
                    _ => {}
                }
            }
        }
        let is_open = (0..self.nodes.len()).any(|i| self.may_be_heard_again(i));
        let over = !is_open && !self.nodes.iter().any(|s| alive(s) && s.role == Role::Sink);
        // Otherwise nothing changes until another node ends.
        self.ended = over || away;
        over
    }

    /// Outputs that nothing goes to, in a graph that has formed, end here: they would wait for ever.
    pub(super) fn fail_empty_outputs(&mut self) {
        let waits = |s: &Slot| s.role == Role::Sink && s.inputs.is_empty() && s.state == State::Here;
        for i in (0..self.nodes.len()).filter(|i| waits(&self.nodes[*i])).collect::<Vec<_>>() {
            self.fail_unconnected(i);
        }
    }

    fn end_unconnected(&mut self, i: usize) {
        self.log_node(i, Level::Info, "nothing came to this output".to_owned());
        if let Some(record) = &mut self.nodes[i].record {
            record.phase = Phase::Ended;
        }
        self.finish(i);
    }

    fn fail_unconnected(&mut self, i: usize) {
        self.nodes[i].noted = true;
        let why = self.graph.refused(self.nodes[i].id).map(|why| format!(": {why}"));
        let line = format!("nothing was connected to this output{}", why.unwrap_or_default());
        self.fail(i, &Error::unsupported(line));
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
}
