//! What is asked of single filters while the session runs. An order is checked in full before anything is changed, and
//! touches nothing but the filter it names.

use weir_plugin::{Applied, Change, Event, Item, OutId, Role};

use super::{Core, State};
use crate::order::{Order, What};
use crate::platform::Platform;

impl<P: Platform> Core<P> {
    /// Does what is asked, or says why not.
    pub(crate) fn obey(&mut self, order: &Order) -> Result<(), String> {
        let i = order.filter.wrapping_sub(1);
        let slot = self.nodes.get(i).ok_or_else(|| format!("there is no filter {}", order.filter))?;
        let name = slot.report.name.clone();
        if matches!(slot.state, State::Over | State::Releasing) {
            return Err(format!("{name} has ended"));
        }
        match &order.what {
            What::Retry => self.change(i, Change::Retry, &[]),
            What::Pause => self.change(i, Change::Pause, &[]),
            What::Resume => self.change(i, Change::Resume, &[]),
            What::Set(options) => self.set(i, options),
            What::Key if slot.role == Role::Encoder => {
                self.tell(i, Event::KeyRequest(OutId(0)));
                Ok(())
            }
            What::Key => Err(format!("{name} is no encoder")),
            What::End if slot.role == Role::Sink => {
                self.end_alone(i);
                Ok(())
            }
            What::End => Err(format!("{name} is no output")),
        }
    }

    fn tell(&mut self, i: usize, event: Event) {
        self.nodes[i].events.push(event);
        self.enqueue(i);
    }

    fn change(&mut self, i: usize, change: Change, names: &[&str]) -> Result<(), String> {
        let node = self.graph.node(self.nodes[i].id);
        node.plugin.check_change(&node.options, &change, names).map_err(|e| e.to_string())?;
        self.tell(i, Event::Change(change));
        Ok(())
    }

    fn set(&mut self, i: usize, given: &[(String, String)]) -> Result<(), String> {
        let id = self.nodes[i].id;
        let mut options = self.graph.node(id).options.clone();
        for (name, value) in given {
            match options.apply(name, Some(value)) {
                Ok(Applied::Option(_)) => {}
                Ok(Applied::Unknown) => return Err(format!("there is no option {name}")),
                Err(mismatch) => return Err(format!("{name}: {mismatch}")),
            }
        }
        let names: Vec<&str> = given.iter().map(|(name, _)| name.as_str()).collect();
        self.change(i, Change::Options(options.clone()), &names)?;
        self.graph.change_options(id, options, given);
        // The graph is drawn anew when it is asked for.
        self.drawn.0 = (0, 0);
        Ok(())
    }

    /// Parts an output from what feeds it: it gets an end of its own, delivers what it has, and is done. Producers go on
    /// for their other consumers.
    fn end_alone(&mut self, i: usize) {
        for (input, (producer, out)) in self.nodes[i].producers.clone().into_iter().enumerate() {
            let to = &mut self.nodes[producer].outs[out.0 as usize].to;
            let before = to.len();
            to.retain(|consumer| *consumer != (i, input));
            // One that had its end already gets no second.
            if to.len() < before && !self.nodes[producer].outs[out.0 as usize].ended {
                self.deliver(i, input, [Item::End]);
            }
            // What waited for this output alone goes on.
            self.enqueue(producer);
        }
        if self.nodes[i].inputs.is_empty() {
            self.stop_node(i);
        }
    }
}
