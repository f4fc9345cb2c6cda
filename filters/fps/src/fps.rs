//! The filter `fps` itself: pictures to points of the grid, the last one kept for repeating.

use weir_media::{Flags, Frac, Packet, Prop, Props};
use weir_plugin::{Ctx, Error, Filter, InId, Item, OutId, Result, Status, repeat};

use crate::grid::{Grid, Place, Rate};

/// Pictures sent, or items taken, in one call of `process`.
const STEPS_PER_CALL: usize = 32;

const INPUT: InId = InId(0);

/// A picture that is to go out so many times, from a time on.
struct Due {
    picture: Packet,
    time: i64,
    times: i64,
}

/// The running filter.
pub(crate) struct Fps {
    rate: Rate,
    fps: Frac,
    grid: Grid,
    timescale: u32,
    output: Option<(OutId, Props)>,
    /// The last picture that has a place.
    held: Option<Packet>,
    /// What goes out first, and then.
    due: [Option<Due>; 2],
    /// Something was lost: the next picture says so.
    discontinuity: bool,
    ended: bool,
}

impl Fps {
    pub(crate) fn new(terms: (u32, u32)) -> Self {
        let rate = Rate::new(terms);
        Self {
            rate,
            fps: Frac { num: terms.0.into(), den: terms.1 },
            grid: Grid::new(rate),
            timescale: 1000,
            output: None,
            held: None,
            due: [None, None],
            discontinuity: false,
            ended: false,
        }
    }

    fn props(&mut self, ctx: &mut Ctx<'_>, props: Props) {
        self.timescale = props.timescale();
        self.grid.set_timescale(self.timescale);
        ctx.publish(&mut self.output, props.with(Prop::Fps, self.fps).with(Prop::Timescale, self.rate.timescale));
    }

    fn picture(&mut self, mut picture: Packet) -> Result<()> {
        if picture.frame().is_none() {
            return Err(Error::bad_input("a raw picture comes as bytes, not as a frame"));
        }
        self.discontinuity |= picture.flags.contains(Flags::DISCONTINUITY);
        let (time, repeats) = match self.grid.place(picture.cts) {
            Place::Taken => return Ok(()),
            Place::At { first, repeats } => (first, repeats),
            Place::Anew(time) => {
                self.discontinuity |= self.held.is_some();
                (time, 0)
            }
        };
        picture.flags = Flags::KEY;
        if std::mem::take(&mut self.discontinuity) {
            picture.flags |= Flags::DISCONTINUITY;
        }
        let before = self.repeated(time, repeats);
        let time = time.saturating_add(repeats.saturating_mul(self.rate.step.into()));
        self.held = Some(picture.clone());
        self.due = [before, Some(Due { picture, time, times: 1 })];
        Ok(())
    }

    /// The last picture lasts as long as it says.
    fn finish(&mut self) {
        if let Some(held) = &self.held {
            let end = held.cts.saturating_add(held.duration.into());
            let (time, repeats) = self.grid.rest(end);
            self.due = [self.repeated(time, repeats), None];
        }
        self.ended = true;
    }

    /// The last picture again, from `time` on.
    fn repeated(&self, time: i64, times: i64) -> Option<Due> {
        let picture = self.held.clone().filter(|_| times > 0)?;
        Some(Due { picture: Packet { flags: Flags::KEY, ..picture }, time, times })
    }

    /// Sends a picture, or else takes an item.
    fn step(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        if let Some(due) = self.due.iter_mut().find_map(Option::as_mut) {
            let Some((out, _)) = self.output.as_ref().filter(|(out, _)| ctx.room(*out)) else {
                return Ok(Status::Idle);
            };
            let packet = Packet { dts: due.time, cts: due.time, duration: self.rate.step, ..due.picture.clone() };
            ctx.send(*out, packet);
            due.time = due.time.saturating_add(self.rate.step.into());
            due.times -= 1;
            self.due.iter_mut().for_each(|due| drop(due.take_if(|due| due.times == 0)));
            return Ok(Status::Again);
        }
        if self.ended {
            ctx.end_all();
            return Ok(Status::Done);
        }
        match ctx.next(INPUT) {
            None => return Ok(Status::Idle),
            Some(Item::Props(props)) => self.props(ctx, props),
            Some(Item::Packet(picture)) => self.picture(picture)?,
            Some(Item::End) => self.finish(),
        }
        Ok(Status::Again)
    }
}

impl Filter for Fps {
    fn process(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        repeat(STEPS_PER_CALL, || self.step(ctx))
    }
}
