//! The filter itself: moves items from inputs to outputs. It never opens a packet.

use weir_plugin::{Ctx, Event, Filter, InId, Item, OutId, Result, Status};

/// Items moved from one input in one call, so that no input makes the others wait.
pub(crate) const BATCH: usize = 32;

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
            more |= self.pump(ctx, input);
        }
        let all_ended = self.ended > 0 && self.ended == ctx.inputs().count() && ctx.settled();
        Ok(match (all_ended, more) {
            (true, _) => Status::Done,
            (false, true) => Status::Again,
            (false, false) => Status::Idle,
        })
    }

    fn event(&mut self, ctx: &mut Ctx<'_>, event: Event) -> Result<()> {
        if let Event::KeyRequest(out) = event
            && let Some(input) = ctx.inputs().find(|input| self.out(*input) == Some(out))
        {
            ctx.request_key(input);
        }
        Ok(())
    }
}

impl Pass {
    fn out(&self, input: InId) -> Option<OutId> {
        self.outs.get(input.0 as usize).copied().flatten()
    }

    /// Moves up to [`BATCH`] items of an input. True when another call could move more at once.
    fn pump(&mut self, ctx: &mut Ctx<'_>, input: InId) -> bool {
        let mut out = self.out(input);
        for _ in 0..BATCH {
            if matches!(ctx.peek(input), Some(Item::Packet(_))) && !out.is_some_and(|out| ctx.room(out)) {
                return false;
            }
            match (ctx.next(input), out) {
                (Some(Item::Packet(packet)), Some(out)) => ctx.send(out, packet),
                (Some(Item::Props(props)), Some(out)) => ctx.set_props(out, props),
                (Some(Item::Props(props)), None) => {
                    out = Some(ctx.open(props));
                    self.connect(input, out);
                    // How much room a new output has is known from the next call on.
                    return true;
                }
                (Some(Item::End), _) => {
                    out.into_iter().for_each(|out| ctx.end(out));
                    self.ended += 1;
                }
                // A packet needs an output to have room, so it is not taken before the properties came.
                (None | Some(Item::Packet(_)), _) => return false,
            }
        }
        ctx.peek(input).is_some()
    }

    fn connect(&mut self, input: InId, out: Option<OutId>) {
        let index = input.0 as usize;
        if self.outs.len() <= index {
            self.outs.resize(index + 1, None);
        }
        self.outs[index] = out;
    }
}
