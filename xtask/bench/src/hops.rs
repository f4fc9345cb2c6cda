//! Packet hops: how many packets a second pass through filters that do nothing with them.

use std::time::{Duration, Instant};

use weir::plugin::media::{Bundle, Bytes, Cap, CodecId, Flags, Packet, Prop, Props, StreamType};
use weir::plugin::{
    Create, Ctx, Event, Filter, InId, Item, Lane, OptionDef, Options, OutId, Plugin, Result as FilterResult, Role,
    Status,
};

use crate::{Result, process};

/// Numbers of `pass` filters between source and sink.
const FILTERS: &[usize] = &[1, 5, 20];
/// Packets times filters of a run.
const HOPS: u64 = 4_000_000;
/// Packets the source sends in one call.
const BATCH: usize = 64;

/// Measures and prints.
pub(crate) fn measure() -> Result<()> {
    println!("## Packet hops\n\nEmpty packets from a source through `pass` filters to a sink, as fast as they go.\n");
    println!("| Filters | packets | hops per second | hops per processor-second |\n|---:|---:|---:|---:|");
    for &filters in FILTERS {
        let packets = HOPS / filters as u64;
        let (wall, cpu) = run(filters, packets)?;
        let hops = (packets * filters as u64) as f64;
        println!("| {filters} | {packets} | {:.0} | {:.0} |", hops / wall.as_secs_f64(), hops / cpu.as_secs_f64());
    }
    println!();
    Ok(())
}

/// Time by the clock and by the processor for `packets` to pass.
fn run(filters: usize, packets: u64) -> Result<(Duration, Duration)> {
    let mut registry = weir::registry();
    registry.register(Source { packets });
    registry.register(Sink { packets });
    let mut words = vec!["benchin".to_owned()];
    words.extend(std::iter::repeat_n("pass".to_owned(), filters));
    words.extend(["-o".to_owned(), "benchout".to_owned()]);
    let built = weir::build(&weir::args::parse(&words), &registry).map_err(|e| format!("{e:?}"))?;
    let session = weir::Session::start(built.graph, weir::Config::default())?;
    // All of it runs on this thread.
    let (cpu, at) = (process::own_cpu()?, Instant::now());
    let outcome = session.run()?;
    if outcome.failures > 0 {
        return Err(format!("the graph failed: {:?}", outcome.last.filters).into());
    }
    Ok((at.elapsed(), process::own_cpu()? - cpu))
}

fn stream() -> Vec<Cap> {
    vec![Cap::is(Prop::StreamType, StreamType::Audio), Cap::is(Prop::CodecId, CodecId::Aac)]
}

macro_rules! plugin {
    ($ty:ident, $name:literal, $role:expr, $caps:expr, $make:expr) => {
        impl Plugin for $ty {
            fn name(&self) -> &'static str {
                $name
            }
            fn summary(&self) -> &'static str {
                "An end of a measured chain"
            }
            fn role(&self) -> Role {
                $role
            }
            fn lane(&self) -> Lane {
                Lane::Reactor
            }
            fn options(&self) -> &'static [OptionDef] {
                &[]
            }
            fn caps(&self, _: &Options) -> Vec<Bundle> {
                vec![$caps]
            }
            fn create(&self, _: Create) -> FilterResult<Box<dyn Filter>> {
                Ok(Box::new($make(self.packets)))
            }
        }
    };
}

/// `benchin`: sends empty packets.
struct Source {
    packets: u64,
}

/// `benchout`: counts them.
struct Sink {
    packets: u64,
}

plugin!(Source, "benchin", Role::Source, Bundle::new([], stream()), |left| Sending { left, out: None, next: 0 });
plugin!(Sink, "benchout", Role::Sink, Bundle::new(stream(), []), |left| Counting { left });

struct Sending {
    left: u64,
    out: Option<OutId>,
    next: i64,
}

impl Filter for Sending {
    fn start(&mut self, ctx: &mut Ctx<'_>) -> FilterResult<()> {
        let props = Props::new()
            .with(Prop::StreamType, StreamType::Audio)
            .with(Prop::CodecId, CodecId::Aac)
            .with(Prop::Timescale, 44_100u32)
            .with(Prop::SampleRate, 44_100u32);
        self.out = Some(ctx.open(props));
        Ok(())
    }

    fn process(&mut self, ctx: &mut Ctx<'_>) -> FilterResult<Status> {
        let out = self.out.expect("opened at the start");
        for _ in 0..BATCH {
            if self.left == 0 {
                ctx.end(out);
                return Ok(Status::Done);
            }
            if !ctx.room(out) {
                return Ok(Status::Idle);
            }
            let packet = Packet { flags: Flags::KEY, duration: 1024, ..Packet::new(Bytes::new(), self.next) };
            ctx.send(out, packet);
            self.next += 1024;
            self.left -= 1;
        }
        Ok(Status::Again)
    }

    fn event(&mut self, _: &mut Ctx<'_>, _: Event) -> FilterResult<()> {
        Ok(())
    }
}

struct Counting {
    left: u64,
}

impl Filter for Counting {
    fn process(&mut self, ctx: &mut Ctx<'_>) -> FilterResult<Status> {
        while let Some(item) = ctx.next(InId(0)) {
            match item {
                Item::Packet(_) => self.left = self.left.saturating_sub(1),
                Item::Props(_) => {}
                Item::End if self.left > 0 => {
                    return Err(weir::plugin::Error::bad_input(format!("{} packets were lost", self.left)));
                }
                Item::End => return Ok(Status::Done),
            }
        }
        Ok(Status::Idle)
    }
}
