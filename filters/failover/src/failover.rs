//! [`Failover`]: the filter.

use std::collections::BTreeMap;
use std::time::Duration;

use weir_media::{Flags, Packet, Prop, Props, StreamType, Time, rescale};
use weir_plugin::{Ctx, Filter, InId, Item, Level, Options, OutId, Result, Status};

/// Timescale of what comes out: microseconds, as sources may differ.
const SCALE: u32 = 1_000_000;
/// Items taken from one input in one call.
const BATCH: usize = 64;

/// A source, by its place in the command line.
type Rank = u64;

/// What is known of a source.
struct Source {
    /// When it last sent something.
    heard: Option<Time>,
    /// Since when it has sent without falling silent.
    steady: Time,
    /// It has pictures, so that it is entered at a key picture.
    has_video: bool,
}

/// A stream that is used.
struct Input {
    rank: Rank,
    kind: StreamType,
    props: Props,
    ended: bool,
    /// What it was last wished to be like.
    wished: Option<Props>,
}

/// What comes out of one kind.
struct Out {
    id: OutId,
    props: Props,
    /// Time of the last packet, and its end, microseconds.
    last: i64,
    end: i64,
    /// The next packet follows a change.
    jumps: bool,
}

/// The source that is passed on.
#[derive(Clone, Copy)]
struct Active {
    rank: Rank,
    /// Added to its times.
    offset: i64,
    /// It passes from this time of its own on.
    from: i64,
}

/// See the module documentation.
pub(crate) struct Failover {
    timeout: Duration,
    stable: Duration,
    ends_with_first: bool,
    sources: BTreeMap<Rank, Source>,
    /// By number of the input; `None` for what is not used, and not known yet.
    inputs: Vec<Option<Input>>,
    outs: BTreeMap<&'static str, Out>,
    active: Option<Active>,
    /// When the first packet went out, and its time.
    start: Option<(Time, i64)>,
}

impl Failover {
    pub(crate) fn new(options: &Options) -> Self {
        let time = |name| Duration::from_millis(options.millis(name).unwrap_or_default());
        Self {
            timeout: time("timeout"),
            stable: time("stable"),
            ends_with_first: options.word("ends") != Some("all"),
            sources: BTreeMap::new(),
            inputs: Vec::new(),
            outs: BTreeMap::new(),
            active: None,
            start: None,
        }
    }

    /// Takes what an input has. True when there is more.
    fn take(&mut self, ctx: &mut Ctx<'_>, input: InId) -> bool {
        for _ in 0..BATCH {
            let Some(item) = ctx.next(input) else { return false };
            match item {
                Item::Props(props) => self.props(ctx, input, props),
                Item::Packet(packet) => self.packet(ctx, input, packet),
                Item::End => {
                    if let Some(input) = self.input(input) {
                        input.ended = true;
                    }
                }
            }
        }
        true
    }

    fn input(&mut self, input: InId) -> Option<&mut Input> {
        self.inputs.get_mut(input.0 as usize)?.as_mut()
    }

    fn props(&mut self, ctx: &mut Ctx<'_>, input: InId, props: Props) {
        if let Some(known) = self.input(input) {
            let rank = known.rank;
            known.props = props;
            self.wish(ctx);
            if self.active.is_some_and(|active| active.rank == rank) {
                self.open(ctx, input);
            }
            return;
        }
        let at = input.0 as usize;
        self.inputs.resize_with(self.inputs.len().max(at + 1), || None);
        let rank = props.u32(Prop::Source).map_or(at as u64, u64::from);
        let Some(kind) = props.stream_type() else { return };
        if self.inputs.iter().flatten().any(|i| (i.rank, i.kind) == (rank, kind)) {
            ctx.log(Level::Warning, format!("a further {} stream of a source is left out", kind.name()));
            return;
        }
        let source = self.sources.entry(rank).or_insert(Source { heard: None, steady: ctx.now(), has_video: false });
        source.has_video |= kind == StreamType::Visual;
        self.inputs[at] = Some(Input { rank, kind, props, ended: false, wished: None });
        self.wish(ctx);
    }

    /// The others had best be like the best source, so that nobody is disturbed by a change-over.
    fn wish(&mut self, ctx: &mut Ctx<'_>) {
        for kind in [StreamType::Visual, StreamType::Audio] {
            let of_kind = || self.inputs.iter().flatten().filter(|input| input.kind == kind);
            let Some(best) = of_kind().min_by_key(|input| input.rank) else { continue };
            let (rank, mut like) = (best.rank, best.props.clone());
            like.remove(Prop::Source);
            for (at, input) in (0_u32..).zip(&mut self.inputs) {
                let Some(input) = input.as_mut().filter(|i| i.kind == kind && i.rank != rank) else { continue };
                if input.wished.as_ref() != Some(&like) {
                    input.wished = Some(like.clone());
                    ctx.wish(InId(at), like.clone());
                }
            }
        }
    }

    fn packet(&mut self, ctx: &mut Ctx<'_>, input: InId, packet: Packet) {
        let Some(from) = self.input(input) else { return };
        let (rank, kind) = (from.rank, from.kind);
        let time = rescale(packet.dts, from.props.timescale(), SCALE);
        self.hear(rank, ctx.now());
        if self.active.is_none_or(|active| active.rank != rank) {
            let is_entry = if self.sources.get(&rank).is_some_and(|s| s.has_video) {
                kind == StreamType::Visual && packet.is_key()
            } else {
                true
            };
            if !is_entry || !self.is_wanted(rank, ctx.now()) {
                return;
            }
            self.change_over(ctx, rank, time);
        }
        self.pass(ctx, input, packet, time);
    }

    fn hear(&mut self, rank: Rank, now: Time) {
        let timeout = self.timeout;
        let Some(source) = self.sources.get_mut(&rank) else { return };
        if source.heard.is_none_or(|heard| now.since(heard) > timeout) {
            source.steady = now;
        }
        source.heard = Some(now);
    }

    /// Whether a source is to take the place of the one that is passed on, which is another.
    fn is_wanted(&self, rank: Rank, now: Time) -> bool {
        let Some(active) = self.active else { return true };
        let is_lost = self.is_over(active.rank)
            || self.sources.get(&active.rank).and_then(|s| s.heard).is_none_or(|at| now.since(at) > self.timeout);
        let is_steady = self.sources.get(&rank).is_some_and(|s| now.since(s.steady) >= self.stable);
        is_lost || (rank < active.rank && is_steady)
    }

    /// From `time` of its own on, a source takes the place of the one before. The line of time goes on as the clock does.
    fn change_over(&mut self, ctx: &mut Ctx<'_>, rank: Rank, time: i64) {
        let now = ctx.now();
        let (start, first) = *self.start.get_or_insert((now, time));
        let by_clock = first.saturating_add(i64::try_from(now.since(start).as_micros()).unwrap_or(i64::MAX));
        let end = self.outs.values().map(|out| out.end).max().unwrap_or(i64::MIN);
        let place = by_clock.max(end);
        if let Some(before) = self.active {
            let name = |rank: Rank| format!("source {}", rank + 1);
            let why = if rank < before.rank { "is back" } else { "takes over" };
            ctx.log(Level::Warning, format!("{} {why}, after {}", name(rank), name(before.rank)));
        }
        self.active = Some(Active { rank, offset: place.saturating_sub(time), from: time });
        for input in (0_u32..).map(InId).take(self.inputs.len()) {
            if self.input(input).is_some_and(|i| i.rank == rank) {
                self.open(ctx, input);
            }
        }
        self.outs.values_mut().for_each(|out| out.jumps = true);
    }

    /// Opens the output of an input, or tells it the properties.
    fn open(&mut self, ctx: &mut Ctx<'_>, input: InId) {
        let Some(Input { kind, props, .. }) = self.input(input) else { return };
        let kind = kind.name();
        let mut props = props.clone().with(Prop::Timescale, SCALE);
        props.remove(Prop::Source);
        match self.outs.get_mut(kind) {
            None => {
                let id = ctx.open(props.clone());
                self.outs.insert(kind, Out { id, props, last: i64::MIN, end: i64::MIN, jumps: false });
            }
            Some(out) if out.props.codec() != props.codec() => {
                let names = [&out.props, &props].map(|p| p.codec().map_or("unknown", weir_media::CodecId::name));
                let line = format!("{kind} is left out: it is {} and not {}", names[1], names[0]);
                ctx.log(Level::Warning, line);
                self.inputs[input.0 as usize] = None;
            }
            Some(out) if out.props != props => {
                out.props = props.clone();
                ctx.set_props(out.id, props);
            }
            Some(_) => {}
        }
    }

    /// Sends a packet of the source that is passed on.
    fn pass(&mut self, ctx: &mut Ctx<'_>, input: InId, mut packet: Packet, time: i64) {
        let Some(active) = self.active.filter(|active| time >= active.from) else { return };
        let Some(from) = self.input(input) else { return };
        let (kind, scale) = (from.kind.name(), from.props.timescale());
        if !self.outs.contains_key(kind) {
            self.open(ctx, input);
        }
        let Some(out) = self.outs.get_mut(kind) else { return };
        let lead = rescale(packet.cts, scale, SCALE).saturating_sub(time);
        packet.dts = time.saturating_add(active.offset).max(out.last);
        packet.cts = packet.dts.saturating_add(lead);
        let duration = rescale(packet.duration.into(), scale, SCALE);
        packet.duration = u32::try_from(duration).unwrap_or(u32::MAX);
        if std::mem::take(&mut out.jumps) {
            packet.flags |= Flags::DISCONTINUITY;
        }
        // The length of a picture is often not known: it is taken to be that of the one before.
        let step = if duration > 0 || out.last == i64::MIN { duration } else { packet.dts - out.last };
        (out.last, out.end) = (packet.dts, packet.dts.saturating_add(step));
        ctx.send(out.id, packet);
    }

    /// Whether nothing will come from a source any more.
    fn is_over(&self, rank: Rank) -> bool {
        self.inputs.iter().flatten().filter(|i| i.rank == rank).all(|i| i.ended)
    }
}

impl Filter for Failover {
    fn process(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        // Pictures first: a change-over is decided by them, and sound follows.
        let (pictures, others): (Vec<InId>, Vec<InId>) =
            ctx.inputs().partition(|input| self.input(*input).is_none_or(|i| i.kind == StreamType::Visual));
        let mut more = false;
        for input in pictures.into_iter().chain(others) {
            more |= self.take(ctx, input);
        }
        let first = self.sources.keys().next().copied();
        let is_done = match first {
            Some(first) if self.ends_with_first => self.is_over(first),
            _ => !self.sources.is_empty() && self.sources.keys().all(|rank| self.is_over(*rank)),
        };
        if is_done && ctx.settled() {
            ctx.end_all();
            return Ok(Status::Done);
        }
        Ok(if more { Status::Again } else { Status::Idle })
    }
}
