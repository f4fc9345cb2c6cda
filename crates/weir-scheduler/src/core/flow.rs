//! How packets move: queues lent to a filter and taken back, the pace, and the edges behind an output.

use weir_media::Time;
use weir_plugin::{Credit, Error, ErrorKind, InQueue, Item, Lane, Level, Mailbox, OutId};

use super::{Core, State};
use crate::pace::Pace;
use crate::platform::{Done, Platform};
use crate::report::REACTOR_BUDGET;

impl<P: Platform> Core<P> {
    pub(super) fn credit(&self, i: usize, out: usize) -> Credit {
        if let Some(pace) = &self.nodes[i].pace {
            return pace.credit(out);
        }
        let consumers = self.nodes[i].outs[out].to.iter().filter(|(n, _)| self.nodes[*n].state != State::Over);
        let room = consumers.map(|(n, input)| self.nodes[*n].inputs[*input].room()).min().unwrap_or(u32::MAX);
        if room == u32::MAX { Credit::Endless } else { Credit::Packets(room) }
    }

    /// Whether every output is without room, so that running makes no sense.
    pub(super) fn is_full(&self, i: usize) -> bool {
        let outs = &self.nodes[i].outs;
        let mut open = (0..outs.len()).filter(|out| !outs[*out].ended).peekable();
        open.peek().is_some() && open.all(|out| self.credit(i, out) == Credit::Packets(0))
    }

    pub(super) fn fill(&mut self, i: usize, mail: &mut Mailbox, now: Time) {
        mail.now = now;
        mail.utc = self.platform.utc_micros();
        mail.settled = if self.nodes[i].begins_time { self.lists_settled } else { self.settled };
        mail.live = self.live;
        for (out, state) in mail.outs.iter_mut().enumerate() {
            state.credit = self.credit(i, out);
        }
        let inputs = &mut self.nodes[i].inputs;
        mail.inputs.resize_with(inputs.len(), InQueue::default);
        for (edge, queue) in inputs.iter_mut().zip(&mut mail.inputs) {
            edge.lend(queue);
        }
    }

    /// Takes queues back, counts, and wakes producers that waited for room.
    pub(super) fn collect(&mut self, i: usize, done: &mut Done) {
        let slot = &mut self.nodes[i];
        slot.report.calls += done.calls;
        slot.report.busy += done.busy;
        slot.report.longest = slot.report.longest.max(done.busy);
        slot.report.overruns += u64::from(slot.lane == Lane::Reactor && done.busy > REACTOR_BUDGET);
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

    /// Sends what a filter has put on an output on its way: through the pace of the node if it makes timestamps, else to
    /// the consumers.
    pub(super) fn emit_all(&mut self, i: usize, out: usize, items: &mut Vec<Item>) {
        let slot = &mut self.nodes[i];
        let mut changes = false;
        for item in items.iter_mut() {
            match item {
                Item::Packet(packet) => {
                    slot.report.packets_out += 1;
                    slot.report.bytes_out += packet.len() as u64;
                }
                Item::Props(props) => {
                    self.graph.dress(slot.id, props);
                    slot.outs[out].props = props.clone();
                    changes = true;
                }
                Item::End => {
                    slot.outs[out].ended = true;
                    self.graph.end(slot.id, OutId(u32::try_from(out).expect("outputs are numbered by u32")));
                }
            }
        }
        let Some(pace) = &mut slot.pace else {
            return if changes { self.route_changes(i, out, items) } else { self.route(i, out, items) };
        };
        let now = self.platform.now();
        items.drain(..).for_each(|item| pace.hold(out, item, now));
        self.release(i);
    }

    /// Releases held items that are due and sets the timer for the next.
    pub(super) fn release(&mut self, i: usize) {
        let now = self.platform.now();
        while let Some((out, item)) = self.nodes[i].pace.as_mut().and_then(|p| p.release(now)) {
            if let Item::Props(props) = &item {
                self.refit(i, out, props);
            }
            self.route(i, out, &mut vec![item]);
        }
        match self.nodes[i].pace.as_ref().and_then(Pace::next_release) {
            Some(at) => self.wake_at(i, at),
            None if self.nodes[i].state == State::Releasing => self.over(i),
            None => {}
        }
    }

    /// As [`Self::route`], item by item, where properties may be among them: consumers may be others behind them.
    fn route_changes(&mut self, i: usize, out: usize, items: &mut Vec<Item>) {
        for item in items.drain(..) {
            if let Item::Props(props) = &item {
                self.refit(i, out, props);
            }
            self.route(i, out, &mut vec![item]);
        }
    }

    /// To every consumer of an output; the last gets the items themselves.
    pub(super) fn route(&mut self, i: usize, out: usize, items: &mut Vec<Item>) {
        let consumers = self.nodes[i].outs[out].to.len();
        for n in 1..consumers {
            let (node, input) = self.nodes[i].outs[out].to[n];
            self.deliver(node, input, items.iter().cloned());
        }
        match self.nodes[i].outs[out].to.first().copied() {
            Some((node, input)) => self.deliver(node, input, items.drain(..)),
            None => items.clear(),
        }
    }

    pub(super) fn deliver(&mut self, node: usize, input: usize, items: impl IntoIterator<Item = Item>) {
        let slot = &mut self.nodes[node];
        if matches!(slot.state, State::Over | State::Releasing) {
            return;
        }
        let edge = &mut slot.inputs[input];
        let (dropped, bytes) = (edge.dropped, edge.bytes());
        let is_tight = self.queued + self.memory.used() > self.memory.cap();
        let pushed = items.into_iter().try_for_each(|item| edge.push(item, is_tight));
        let dropped = edge.dropped - dropped;
        self.queued = self.queued + edge.bytes() - bytes;
        if dropped > 0 && !std::mem::replace(&mut slot.late, true) {
            let line = format!("too slow: {dropped} packets in front of it were dropped");
            self.log_node(node, Level::Warning, line);
        }
        if pushed.is_err() {
            let e = Error::new(ErrorKind::Limit, "cannot keep up with the live stream: its queue is full");
            return self.fail(node, &e);
        }
        self.enqueue(node);
    }
}
