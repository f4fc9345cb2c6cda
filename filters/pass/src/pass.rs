//! The filter itself: moves items from inputs to outputs. It never opens a packet.

use weir_plugin::{Ctx, Filter, InId, Item, OutId, Result, Status, repeat};

/// Items moved from one input in one call, so that no input makes the others wait.
const BATCH: usize = 32;

/// Which output each input goes to, and how many inputs have ended.
#[derive(Default)]
pub(crate) struct Pass {
    /// By input; `None` until its properties came.
    outs: Vec<Option<OutId>>,
    ended: usize,
}

impl Filter for Pass {
    fn process(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        let mut more = false;
        for input in ctx.inputs() {
            more |= repeat(BATCH, || self.step(ctx, input))? == Status::Again;
        }
        let all_ended = self.ended > 0 && self.ended == ctx.inputs().count() && ctx.settled();
        Ok(match (all_ended, more) {
            (true, _) => Status::Done,
            (false, true) => Status::Again,
            (false, false) => Status::Idle,
        })
    }
}

impl Pass {
    fn out(&self, input: InId) -> Option<OutId> {
        self.outs.get(input.0 as usize).copied().flatten()
    }

    /// Moves one item of an input, if there is one, and room for it.
    fn step(&mut self, ctx: &mut Ctx<'_>, input: InId) -> Result<Status> {
        let out = self.out(input);
        if out.is_some_and(|out| !ctx.room(out)) {
            return Ok(Status::Idle);
        }
        match (ctx.next(input), out) {
            (None, _) => return Ok(Status::Idle),
            (Some(Item::Props(props)), None) => {
                let out = ctx.open(props);
                self.connect(input, out);
            }
            (Some(Item::Props(props)), Some(out)) => ctx.set_props(out, props),
            (Some(Item::Packet(packet)), Some(out)) => ctx.send(out, packet),
            (Some(Item::Packet(_)), None) => {} // never: properties come first
            (Some(Item::End), _) => {
                out.into_iter().for_each(|out| ctx.end(out));
                self.ended += 1;
            }
        }
        Ok(Status::Again)
    }

    fn connect(&mut self, input: InId, out: OutId) {
        let index = input.0 as usize;
        if self.outs.len() <= index {
            self.outs.resize(index + 1, None);
        }
        self.outs[index] = Some(out);
    }
}
