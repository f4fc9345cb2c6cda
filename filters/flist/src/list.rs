//! [`List`]: the filter.

use weir_media::{Flags, Packet, Prop, Props, StreamType, rescale};
use weir_plugin::{Ctx, Filter, InId, Item, Level, Options, OutId, Result, Status};

/// Timescale in which places on the line of time are kept: microseconds.
const SCALE: u32 = 1_000_000;
/// Packets taken from one input in one call.
const BATCH: usize = 64;

/// An entry of the list, by the place of its source.
type Rank = u64;

/// How far an input is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    /// Somewhere in a round.
    Here,
    /// Its next packet begins another round.
    Turn,
    /// Nothing comes any more.
    End,
}

/// A stream of an entry.
struct Input {
    rank: Rank,
    props: Props,
    /// The output it goes to; `None` when it is left out.
    out: Option<usize>,
    at: At,
    /// Packets of this round.
    taken: u64,
}

/// A stream of the list.
struct Out {
    id: OutId,
    kind: Option<StreamType>,
    props: Props,
    /// Decoding time of the last packet, and its length.
    last: Option<(i64, i64)>,
    /// The next packet follows another entry.
    jumps: bool,
}

/// The entry that is played.
#[derive(Clone, Copy)]
struct Playing {
    rank: Rank,
    /// Added to its times, microseconds; `None` before its first packet.
    offset: Option<i64>,
}

/// See the module documentation.
pub(crate) struct List {
    loops: bool,
    /// By number of the input; `None` for what has not said what it is.
    inputs: Vec<Option<Input>>,
    outs: Vec<Out>,
    playing: Option<Playing>,
    /// The entry played last.
    before: Option<Rank>,
}

impl List {
    pub(crate) fn new(options: &Options) -> Self {
        let loops = options.int("floop").is_some_and(|n| n != 0);
        Self { loops, inputs: Vec::new(), outs: Vec::new(), playing: None, before: None }
    }

    /// Hears what inputs say before their next packet, whoever plays.
    fn hear(&mut self, ctx: &mut Ctx<'_>) {
        for input in ctx.inputs() {
            self.inputs.resize_with(self.inputs.len().max(input.0 as usize + 1), || None);
            while !matches!(ctx.peek(input), None | Some(Item::Packet(_))) {
                match (ctx.next(input), &mut self.inputs[input.0 as usize]) {
                    (Some(Item::Props(props)), None) => self.meet(ctx, input, props),
                    (Some(Item::Props(props)), Some(known)) => {
                        known.props = props;
                        let rank = known.rank;
                        if self.playing.is_some_and(|p| p.rank == rank && p.offset.is_some()) {
                            self.tell(ctx, input);
                        }
                    }
                    (Some(Item::End), Some(known)) => known.at = At::End,
                    _ => {}
                }
            }
        }
    }

    /// A new input. It goes on from the stream that has its place among those of its kind.
    fn meet(&mut self, ctx: &mut Ctx<'_>, input: InId, props: Props) {
        let rank = props.u32(Prop::Source).map_or(input.0.into(), u64::from);
        let kind = props.stream_type();
        let is_alike = |i: &&Input| i.rank == rank && i.props.stream_type() == kind;
        let nth = self.inputs.iter().flatten().filter(is_alike).count();
        let known = (0..self.outs.len()).filter(|at| self.outs[*at].kind == kind).nth(nth);
        let out = known.or_else(|| {
            let may_open = self.playing.is_none() && self.before.is_none();
            may_open.then(|| self.open(ctx, kind, &props))
        });
        if out.is_none() {
            ctx.log(Level::Warning, "a file has a stream that the ones before do not have; it is left out");
        }
        self.inputs[input.0 as usize] = Some(Input { rank, props, out, at: At::Here, taken: 0 });
    }

    fn open(&mut self, ctx: &mut Ctx<'_>, kind: Option<StreamType>, props: &Props) -> usize {
        let mut props = props.clone();
        [Prop::Source, Prop::Duration].into_iter().for_each(|p| props.remove(p));
        let id = ctx.open(props.clone());
        self.outs.push(Out { id, kind, props, last: None, jumps: false });
        self.outs.len() - 1
    }

    /// Tells an output the properties of an input of the entry that plays.
    fn tell(&mut self, ctx: &mut Ctx<'_>, input: InId) {
        let Some(Some(known)) = self.inputs.get_mut(input.0 as usize) else { return };
        let Some(out) = known.out.map(|at| &mut self.outs[at]) else { return };
        if out.props.codec() != known.props.codec() {
            let names = [&out.props, &known.props].map(|p| p.codec().map_or("unknown", weir_media::CodecId::name));
            ctx.log(Level::Warning, format!("a stream is left out: it is {} and not {}", names[1], names[0]));
            known.out = None;
            return;
        }
        let mut props = known.props.clone();
        [Prop::Source, Prop::Duration].into_iter().for_each(|p| props.remove(p));
        // What a stream is known by stays.
        for prop in [Prop::Id, Prop::Name, Prop::Timescale] {
            match out.props.get(prop) {
                Some(value) => props.set(prop, value.clone()),
                None => props.remove(prop),
            }
        }
        if props != out.props {
            out.props = props.clone();
            ctx.set_props(out.id, props);
        }
    }

    /// Inputs of an entry.
    fn of(&self, rank: Rank) -> Vec<InId> {
        let is_of = |i: &Option<Input>| i.as_ref().is_some_and(|i| i.rank == rank);
        (0..).map(InId).zip(&self.inputs).filter(|(_, i)| is_of(i)).map(|(id, _)| id).collect()
    }

    /// The entry behind the one played last that has something left; the list goes round.
    fn next(&self) -> Option<Rank> {
        let left = || self.inputs.iter().flatten().filter(|i| i.at != At::End).map(|i| i.rank);
        let behind = left().filter(|rank| self.before.is_none_or(|before| *rank > before)).min();
        behind.or_else(|| left().min())
    }

    /// Where everything so far ends.
    fn end(&self) -> i64 {
        let end = |out: &Out| Some(rescale(out.last.map(|(dts, len)| dts.saturating_add(len))?, out.scale(), SCALE));
        self.outs.iter().filter_map(end).max().unwrap_or(0)
    }

    /// Sets where the entry begins, once it has a packet. The first entry keeps its times.
    fn begin(&mut self, ctx: &mut Ctx<'_>, rank: Rank) -> bool {
        let inputs = self.of(rank);
        let first = |input: &InId| match (ctx.peek(*input), &self.inputs[input.0 as usize]) {
            (Some(Item::Packet(packet)), Some(known)) => Some(rescale(packet.dts, known.props.timescale(), SCALE)),
            _ => None,
        };
        let Some(origin) = inputs.iter().filter_map(first).min() else { return false };
        let is_first = self.before.is_none();
        let offset = if is_first { 0 } else { self.end().saturating_sub(origin) };
        for input in inputs {
            self.tell(ctx, input);
            if let Some(known) = &mut self.inputs[input.0 as usize] {
                known.taken = 0;
                known.at = if known.at == At::Turn { At::Here } else { known.at };
            }
        }
        self.outs.iter_mut().for_each(|out| out.jumps = !is_first);
        self.playing = Some(Playing { rank, offset: Some(offset) });
        true
    }

    /// Passes on what an input of the entry has in this round. True when there may be more.
    fn pass(&mut self, ctx: &mut Ctx<'_>, input: InId, offset: i64) -> bool {
        for _ in 0..BATCH {
            let Some(Some(known)) = self.inputs.get_mut(input.0 as usize) else { return false };
            let Some(Item::Packet(packet)) = ctx.peek(input) else { return false };
            let is_turn = self.loops && known.taken > 0 && packet.flags.contains(Flags::DISCONTINUITY);
            if is_turn {
                known.at = At::Turn;
            }
            let out = known.out.map(|at| &mut self.outs[at]);
            if known.at != At::Here || out.as_ref().is_some_and(|out| !ctx.room(out.id)) {
                return false;
            }
            known.taken += 1;
            let scale = known.props.timescale();
            if let (Some(Item::Packet(packet)), Some(out)) = (ctx.next(input), out) {
                let packet = out.placed(packet, scale, offset);
                ctx.send(out.id, packet);
            }
        }
        true
    }

    /// Plays on. Returns what to do next.
    fn step(&mut self, ctx: &mut Ctx<'_>) -> Status {
        self.hear(ctx);
        if self.playing.is_none() {
            if !ctx.settled() {
                return Status::Idle; // an earlier entry may be on its way
            }
            let Some(rank) = self.next() else {
                ctx.end_all();
                return Status::Done;
            };
            self.playing = Some(Playing { rank, offset: None });
        }
        let Some(Playing { rank, offset }) = self.playing else { return Status::Idle };
        let Some(offset) = offset else {
            return if self.begin(ctx, rank) || self.is_over(rank) { Status::Again } else { Status::Idle };
        };
        let mut more = false;
        for input in self.of(rank) {
            more |= self.pass(ctx, input, offset);
        }
        self.hear(ctx); // what ends now
        if self.is_over(rank) || more { Status::Again } else { Status::Idle }
    }

    /// Whether an entry has no more for this round. Another one is played then.
    fn is_over(&mut self, rank: Rank) -> bool {
        let is_over = self.inputs.iter().flatten().filter(|i| i.rank == rank).all(|i| i.at != At::Here);
        if is_over {
            self.playing = None;
            self.before = Some(rank);
        }
        is_over
    }
}

impl Out {
    fn scale(&self) -> u32 {
        self.props.timescale()
    }

    /// A packet of an entry on the line of time of the list.
    fn placed(&mut self, mut packet: Packet, scale: u32, offset: i64) -> Packet {
        let own = |time: i64| rescale(time, scale, self.props.timescale());
        let lead = own(packet.cts.saturating_sub(packet.dts));
        let length = own(packet.duration.into());
        let dts = own(packet.dts).saturating_add(rescale(offset, SCALE, self.scale()));
        // Entries may overlap by a rounding; time never goes back.
        let dts = self.last.map_or(dts, |(last, _)| dts.max(last));
        let step = if length == 0 { self.last.map_or(0, |(last, _)| dts - last) } else { length };
        self.last = Some((dts, step));
        packet.dts = dts;
        packet.cts = dts.saturating_add(lead);
        packet.duration = u32::try_from(length).unwrap_or(u32::MAX);
        if std::mem::take(&mut self.jumps) {
            packet.flags |= Flags::DISCONTINUITY;
        }
        packet
    }
}

impl Filter for List {
    fn process(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        Ok(self.step(ctx))
    }
}
