//! The loops that filters are made of: [`repeat`] spends a budget of steps, [`OneToOne`] turns one input into one output, and
//! [`Outlet`] keeps for one output what it has no room for.

use std::collections::VecDeque;

use weir_media::{Packet, Props};

use crate::{Ctx, InId, Item, OutId, Result, Status};

/// Calls `step` up to `budget` times, as long as it says [`Status::Again`], and returns what it said last.
///
/// A step does one small thing, such as taking an item or sending a packet. It says
/// - [`Status::Again`] when it got on,
/// - [`Status::Idle`] when it could not, as an input is empty or an output full: the host calls when that changes,
/// - [`Status::Done`] when it ended the outputs.
///
/// So `Again` reaches the host only when the budget, of at least 1, is used up.
///
/// # Errors
/// The first error of a step.
///
/// # Example
/// ```
/// use weir_plugin::{Ctx, InId, Item, OutId, Result, Status, media::Packet, repeat};
///
/// /// Sends every packet twice.
/// struct Twice {
///     out: Option<OutId>,
///     ready: Vec<Packet>,
/// }
///
/// impl Twice {
///     fn step(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
///         if self.out.is_some_and(|out| !ctx.room(out)) {
///             return Ok(Status::Idle);
///         }
///         if let (Some(packet), Some(out)) = (self.ready.pop(), self.out) {
///             ctx.send(out, packet);
///             return Ok(Status::Again);
///         }
///         match ctx.next(InId(0)) {
///             None => return Ok(Status::Idle),
///             Some(Item::Props(props)) => self.out = Some(ctx.open(props)),
///             Some(Item::Packet(packet)) => self.ready = vec![packet.clone(), packet],
///             Some(Item::End) => {
///                 ctx.end_all();
///                 return Ok(Status::Done);
///             }
///         }
///         Ok(Status::Again)
///     }
/// }
///
/// /// Steps in one call.
/// const STEPS_PER_CALL: usize = 32;
///
/// impl weir_plugin::Filter for Twice {
///     fn process(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
///         repeat(STEPS_PER_CALL, || self.step(ctx))
///     }
/// }
///
/// # use weir_plugin::{harness::Harness, media::{Bytes, Props}};
/// let mut harness = Harness::new(Box::new(Twice { out: None, ready: Vec::new() }));
/// let input = harness.input(Props::new());
/// harness.packet(input, Packet::new(Bytes::from_static(b"one"), 0));
/// harness.end(input);
/// harness.finish()?;
/// assert_eq!(harness.take(OutId(0)).len(), 2);
/// # Ok::<(), weir_plugin::Error>(())
/// ```
pub fn repeat(budget: usize, mut step: impl FnMut() -> Result<Status>) -> Result<Status> {
    for _ in 0..budget {
        match step()? {
            Status::Again => {}
            rest => return Ok(rest),
        }
    }
    Ok(Status::Again)
}

/// A filter with one input and one output that holds nothing back: what an item leads to is sent before the next is
/// taken. [`work`](OneToOne::work) is then all there is to [`Filter::process`](crate::Filter::process).
///
/// A filter that keeps packets, or makes many of one, needs steps of its own: see [`repeat`].
///
/// # Example
/// ```
/// use weir_plugin::media::{Flags, Packet, Prop, Props};
/// use weir_plugin::{Ctx, Filter, OneToOne, OutId, Result, Status};
///
/// /// Passes key packets on and leaves the others out.
/// #[derive(Default)]
/// struct KeysOnly {
///     out: Option<OutId>,
///     lost: bool,
/// }
///
/// impl OneToOne for KeysOnly {
///     fn out(&self) -> Option<OutId> {
///         self.out
///     }
///
///     fn props(&mut self, ctx: &mut Ctx<'_>, props: Props) -> Result<()> {
///         match self.out {
///             Some(out) => ctx.set_props(out, props),
///             None => self.out = Some(ctx.open(props)),
///         }
///         Ok(())
///     }
///
///     fn packet(&mut self, ctx: &mut Ctx<'_>, mut packet: Packet) -> Result<()> {
///         self.lost |= !packet.is_key();
///         if let (Some(out), true) = (self.out, packet.is_key()) {
///             if std::mem::take(&mut self.lost) {
///                 packet.flags |= Flags::DISCONTINUITY;
///             }
///             ctx.send(out, packet);
///         }
///         Ok(())
///     }
/// }
///
/// /// Items taken in one call.
/// const ITEMS_PER_CALL: usize = 32;
///
/// impl Filter for KeysOnly {
///     fn process(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
///         self.work(ctx, ITEMS_PER_CALL)
///     }
/// }
///
/// # use weir_plugin::{harness::Harness, media::Bytes};
/// let mut harness = Harness::new(Box::new(KeysOnly::default()));
/// let input = harness.input(Props::new().with(Prop::Timescale, 25u32));
/// for dts in 0..100 {
///     let flags = if dts % 50 == 0 { Flags::KEY } else { Flags::NONE };
///     harness.packet(input, Packet { flags, ..Packet::new(Bytes::from_static(b"picture"), dts) });
/// }
/// harness.end(input);
/// harness.finish()?;
/// let kept: Vec<i64> = harness.take(OutId(0)).iter().map(|packet| packet.dts).collect();
/// assert_eq!(kept, [0, 50]);
/// # Ok::<(), weir_plugin::Error>(())
/// ```
pub trait OneToOne {
    /// The output, once it is open. While it has no room, nothing is taken from the input.
    fn out(&self) -> Option<OutId>;

    /// The properties for what follows: opens the output, or changes its properties.
    ///
    /// # Errors
    /// As for [`Filter::process`](crate::Filter::process), as with all methods here.
    fn props(&mut self, ctx: &mut Ctx<'_>, props: Props) -> Result<()>;

    /// One packet. The output, if it is open, has room for one.
    ///
    /// # Errors
    /// When the filter cannot go on.
    fn packet(&mut self, ctx: &mut Ctx<'_>, packet: Packet) -> Result<()>;

    /// The input has ended, and the output is about to: the last chance to send what completes it.
    fn finish(&mut self, ctx: &mut Ctx<'_>) {
        let _ = ctx;
    }

    /// Takes up to `budget` items, at least 1, as long as there is room. Ends the output after the input.
    ///
    /// # Errors
    /// The first error of the other methods.
    fn work(&mut self, ctx: &mut Ctx<'_>, budget: usize) -> Result<Status> {
        repeat(budget, || {
            if self.out().is_some_and(|out| !ctx.room(out)) {
                return Ok(Status::Idle);
            }
            match ctx.next(InId(0)) {
                None => return Ok(Status::Idle),
                Some(Item::Props(props)) => self.props(ctx, props)?,
                Some(Item::Packet(packet)) => self.packet(ctx, packet)?,
                Some(Item::End) => {
                    self.finish(ctx);
                    ctx.end_all();
                    return Ok(Status::Done);
                }
            }
            Ok(Status::Again)
        })
    }
}

/// One output, opened with the first properties, and what is to be sent there when it has room. For filters that make several
/// packets of one, or keep some: fill it, and [`send`](Outlet::send) before anything else is done.
#[derive(Debug, Default)]
pub struct Outlet {
    out: Option<OutId>,
    /// Properties put in last.
    published: Option<Props>,
    due: VecDeque<Due>,
}

#[derive(Debug)]
enum Due {
    Props(Props),
    Packet(Packet),
}

impl Outlet {
    /// Properties of what follows; nothing when they are those that hold already.
    pub fn publish(&mut self, props: Props) {
        if self.published.as_ref() != Some(&props) {
            self.published = Some(props.clone());
            self.due.push_back(Due::Props(props));
        }
    }

    /// The next packet.
    pub fn push(&mut self, packet: Packet) {
        self.due.push_back(Due::Packet(packet));
    }

    /// Sends what is due as far as there is room. True when all is sent.
    pub fn send(&mut self, ctx: &mut Ctx<'_>) -> bool {
        loop {
            match (self.due.front(), self.out) {
                (None, _) => return true,
                (Some(Due::Packet(_)), Some(out)) if !ctx.room(out) => return false,
                _ => {}
            }
            match (self.due.pop_front(), self.out) {
                (Some(Due::Packet(packet)), Some(out)) => ctx.send(out, packet),
                (Some(Due::Props(props)), Some(out)) => ctx.set_props(out, props),
                (Some(Due::Props(props)), None) => self.out = Some(ctx.open(props)),
                _ => {} // properties come first
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use weir_media::Bytes;

    use super::*;
    use crate::harness::Harness;
    use crate::{Credit, Error, Filter};

    const BUDGET: usize = 4;

    /// Passes everything on, but fails at a packet before time 0.
    struct Plain(Option<OutId>);

    impl OneToOne for Plain {
        fn out(&self) -> Option<OutId> {
            self.0
        }

        fn props(&mut self, ctx: &mut Ctx<'_>, props: Props) -> Result<()> {
            self.0 = Some(ctx.open(props));
            Ok(())
        }

        fn packet(&mut self, ctx: &mut Ctx<'_>, packet: Packet) -> Result<()> {
            if packet.dts < 0 {
                return Err(Error::bad_input("before the start"));
            }
            self.0.into_iter().for_each(|out| ctx.send(out, packet.clone()));
            Ok(())
        }
    }

    impl Filter for Plain {
        fn process(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
            self.work(ctx, BUDGET)
        }
    }

    /// A started filter whose output is open.
    fn harness() -> (Harness, InId) {
        let mut h = Harness::new(Box::new(Plain(None)));
        assert_eq!(h.step(), Ok(Status::Idle), "no input yet");
        let input = h.input(Props::new());
        assert_eq!(h.step(), Ok(Status::Idle));
        (h, input)
    }

    fn packet(dts: i64) -> Packet {
        Packet::new(Bytes::from_static(b"x"), dts)
    }

    #[test]
    fn the_budget_bounds_a_call_and_an_empty_input_ends_it() {
        let (mut h, input) = harness();
        (0..6).for_each(|dts| h.packet(input, packet(dts)));
        assert_eq!((h.step(), h.take(OutId(0)).len()), (Ok(Status::Again), BUDGET));
        assert_eq!((h.step(), h.take(OutId(0)).len()), (Ok(Status::Idle), 2));
    }

    #[test]
    fn a_full_output_leaves_the_rest_in_the_input_the_end_too() {
        let (mut h, input) = harness();
        h.credit = Credit::Packets(2);
        (0..3).for_each(|dts| h.packet(input, packet(dts)));
        h.end(input);
        assert_eq!((h.step(), h.take(OutId(0)).len()), (Ok(Status::Idle), 2));
        assert_eq!((h.step(), h.take(OutId(0)).len()), (Ok(Status::Done), 1));
        assert!(h.outputs()[0].ended);
    }

    #[test]
    fn an_error_ends_the_call() {
        let (mut h, input) = harness();
        h.packet(input, packet(-1));
        assert_eq!(h.step(), Err(Error::bad_input("before the start")));
    }

    #[test]
    fn repeat_stops_at_whatever_is_not_again() {
        let mut said = [Status::Again, Status::Again, Status::Done].into_iter();
        let mut step = || said.next().ok_or_else(|| Error::bad_input("asked too often"));
        assert_eq!(repeat(2, &mut step), Ok(Status::Again));
        assert_eq!(repeat(2, &mut step), Ok(Status::Done));
        assert_eq!(repeat(2, &mut step), Err(Error::bad_input("asked too often")));
    }
}
