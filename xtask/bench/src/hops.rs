//! What a hop costs: packets through pass-through filters, beside a bare queue.

use std::collections::VecDeque;
use std::hint::black_box;
use std::time::Instant;

use weir::plugin::{Create, Ctx, Filter, InId, Item, Kind, Lane, OptionDef, Options, OutId, Plugin, Role, Status};
use weir_media::{Bundle, Bytes, Cap, CodecId, Flags, Packet, Prop, Props, StreamType};

use crate::Result;

/// Packets sent through.
const PACKETS: i64 = 1_000_000;
/// Filters in a row.
const CHAINS: [usize; 3] = [1, 5, 20];
/// Packets sent or taken in one call.
const PER_CALL: usize = 64;

/// Prints the table.
pub(crate) fn bench() -> Result<()> {
    let yardstick = bare();
    println!(
        "\n### Hops: {PACKETS} packets through `pass` filters; the yardstick is a bare queue, {yardstick:.1} ns\n"
    );
    println!("| filters | packets per second | ns per packet and hop | times the bare queue |");
    println!("|---|---|---|---|");
    for filters in CHAINS {
        let seconds = through(filters)?;
        #[expect(clippy::cast_precision_loss, reason = "small counts")]
        let (packets, hops) = (PACKETS as f64, (filters + 1) as f64);
        let ns = seconds * 1e9 / packets / hops;
        println!("| {filters} | {:.0} | {ns:.0} | {:.1} |", packets / seconds, ns / yardstick);
    }
    Ok(())
}

/// Nanoseconds to put a packet into a queue and take it out again.
fn bare() -> f64 {
    let mut queue: VecDeque<Item> = VecDeque::new();
    let begin = Instant::now();
    for n in (0..PACKETS).step_by(PER_CALL) {
        (0..PER_CALL).for_each(|i| queue.push_back(Item::Packet(packet(n + i64::try_from(i).unwrap_or(0)))));
        (0..PER_CALL).for_each(|_| drop(black_box(queue.pop_front())));
    }
    #[expect(clippy::cast_precision_loss, reason = "a small count")]
    let packets = PACKETS as f64;
    begin.elapsed().as_secs_f64() * 1e9 / packets
}

/// Seconds for all packets through so many filters.
fn through(filters: usize) -> Result<f64> {
    let mut registry = weir::registry();
    registry.register(End::Source);
    registry.register(End::Sink);
    let mut words = vec!["tick".to_owned()];
    words.extend(std::iter::repeat_n("pass".to_owned(), filters));
    words.push("count".to_owned());
    let built = weir::build(&weir::args::parse(&words), &registry).map_err(|e| format!("{e:?}"))?;
    let session = weir::Session::start(built.graph, weir::Config::default()).map_err(|e| e.to_string())?;
    let begin = Instant::now();
    let outcome = session.run().map_err(|e| e.to_string())?;
    let seconds = begin.elapsed().as_secs_f64();
    let arrived = outcome.last.filters.iter().find(|f| f.name == "count").map_or(0, |f| f.packets_in);
    if arrived != PACKETS.unsigned_abs() {
        return Err(format!("{arrived} of {PACKETS} packets arrived"));
    }
    Ok(seconds)
}

fn packet(n: i64) -> Packet {
    Packet { duration: 1, flags: Flags::KEY, ..Packet::new(Bytes::from_static(b"x"), n) }
}

/// The two ends of the chain.
#[derive(Clone, Copy, PartialEq)]
enum End {
    Source,
    Sink,
}

const OPTIONS: &[OptionDef] = &[OptionDef::new("unused", Kind::Bool, "no", "Nothing")];

impl Plugin for End {
    fn name(&self) -> &'static str {
        if *self == Self::Source { "tick" } else { "count" }
    }

    fn summary(&self) -> &'static str {
        "an end of a benchmark"
    }

    fn role(&self) -> Role {
        if *self == Self::Source { Role::Source } else { Role::Sink }
    }

    fn lane(&self) -> Lane {
        Lane::Reactor
    }

    fn options(&self) -> &'static [OptionDef] {
        OPTIONS
    }

    fn caps(&self, _: &Options) -> Vec<Bundle> {
        let data = [Cap::is(Prop::StreamType, StreamType::Audio), Cap::is(Prop::CodecId, CodecId::Opus)];
        vec![if *self == Self::Source { Bundle::new([], data) } else { Bundle::new(data, []) }]
    }

    fn create(&self, _: Create) -> weir::plugin::Result<Box<dyn Filter>> {
        Ok(if *self == Self::Source { Box::new(Tick { out: None, sent: 0 }) } else { Box::new(Count) })
    }
}

struct Tick {
    out: Option<OutId>,
    sent: i64,
}

impl Filter for Tick {
    fn process(&mut self, ctx: &mut Ctx<'_>) -> weir::plugin::Result<Status> {
        let props = || {
            Props::new()
                .with(Prop::StreamType, StreamType::Audio)
                .with(Prop::CodecId, CodecId::Opus)
                .with(Prop::Timescale, 1_000_000u32)
        };
        let out = *self.out.get_or_insert_with(|| ctx.open(props()));
        for _ in 0..PER_CALL {
            if self.sent == PACKETS {
                ctx.end(out);
                return Ok(Status::Done);
            }
            if !ctx.room(out) {
                return Ok(Status::Idle);
            }
            ctx.send(out, packet(self.sent));
            self.sent += 1;
        }
        Ok(Status::Again)
    }
}

struct Count;

impl Filter for Count {
    fn process(&mut self, ctx: &mut Ctx<'_>) -> weir::plugin::Result<Status> {
        for _ in 0..PER_CALL {
            match ctx.next(InId(0)) {
                None => return Ok(Status::Idle),
                Some(Item::End) => return Ok(Status::Done),
                Some(Item::Props(_) | Item::Packet(_)) => {}
            }
        }
        Ok(Status::Again)
    }
}
