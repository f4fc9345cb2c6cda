//! The filter `restamp`: other timestamps.

use weir_media::{Frac, Packet, Prop, Props, StreamType};
use weir_plugin::{Ctx, Filter, InId, Item, Options, OutId, Result, Status, repeat};

/// Items moved from one input in one call.
const BATCH: usize = 32;

struct Settings {
    delay: Frac,
    delay_video: Frac,
    delay_audio: Frac,
    fps: Option<Frac>,
    first: Option<i64>,
}

/// One stream.
#[derive(Default)]
struct Stream {
    out: Option<OutId>,
    /// Added to all timestamps.
    shift: i64,
    /// Units of a picture, when pictures follow each other at a rate.
    step: Option<i64>,
    /// Pictures so far.
    count: i64,
    /// The first timestamp is still to be set.
    fresh: bool,
    ended: bool,
}

/// The filter.
pub(crate) struct Restamp {
    settings: Settings,
    streams: Vec<Stream>,
}

impl Restamp {
    pub(crate) fn new(options: &Options) -> Result<Self> {
        let time = |name| options.frac(name).unwrap_or(Frac { num: 0, den: 1 });
        let settings = Settings {
            delay: time("delay"),
            delay_video: time("delay_v"),
            delay_audio: time("delay_a"),
            fps: options.frac("fps").filter(|f| f.num > 0),
            first: options.int("tsinit").filter(|t| *t >= 0),
        };
        Ok(Self { settings, streams: Vec::new() })
    }

    fn step(&mut self, ctx: &mut Ctx<'_>, input: InId) -> Result<Status> {
        let index = input.0 as usize;
        if self.streams.len() <= index {
            self.streams.resize_with(index + 1, || Stream { fresh: true, ..Stream::default() });
        }
        let stream = &mut self.streams[index];
        if stream.out.is_some_and(|out| !ctx.room(out)) {
            return Ok(Status::Idle);
        }
        match ctx.next(input) {
            None => return Ok(Status::Idle),
            Some(Item::Props(props)) => stream.props(ctx, props, &self.settings),
            Some(Item::Packet(packet)) => {
                let packet = stream.stamp(packet, &self.settings);
                stream.out.into_iter().for_each(|out| ctx.send(out, packet.clone()));
            }
            Some(Item::End) => {
                stream.ended = true;
                stream.out.into_iter().for_each(|out| ctx.end(out));
            }
        }
        Ok(Status::Again)
    }
}

impl Stream {
    fn props(&mut self, ctx: &mut Ctx<'_>, mut props: Props, settings: &Settings) {
        let units = |t: Frac| {
            let units = i128::from(t.num) * i128::from(props.timescale()) / i128::from(t.den.max(1));
            i64::try_from(units).unwrap_or(0)
        };
        let is_video = props.stream_type() == Some(StreamType::Visual);
        let own = match props.stream_type() {
            Some(StreamType::Visual) => settings.delay_video,
            Some(StreamType::Audio) => settings.delay_audio,
            _ => Frac { num: 0, den: 1 },
        };
        self.shift = units(settings.delay).saturating_add(units(own));
        if let Some(fps) = settings.fps.filter(|_| is_video) {
            // A timescale of its own, so that no picture is off by a rounding.
            props.set(Prop::Timescale, u32::try_from(fps.num).unwrap_or(u32::MAX));
            props.set(Prop::Fps, fps);
            self.step = Some(fps.den.into());
            self.shift = i64::try_from(
                i128::from(settings.delay.num) * i128::from(fps.num) / i128::from(settings.delay.den.max(1)),
            )
            .unwrap_or(0);
        }
        match self.out {
            Some(out) => ctx.set_props(out, props),
            None => self.out = Some(ctx.open(props)),
        }
    }

    fn stamp(&mut self, mut packet: Packet, settings: &Settings) -> Packet {
        if let Some(step) = self.step {
            // Pictures leave in the order of decoding; one that is shown later keeps its distance in pictures.
            let ahead = if packet.duration > 0 { (packet.cts - packet.dts) / i64::from(packet.duration) } else { 0 };
            packet.dts = self.count * step;
            packet.cts = packet.dts + ahead * step;
            packet.duration = u32::try_from(step).unwrap_or(u32::MAX);
            self.count += 1;
        }
        if let Some(first) = settings.first.filter(|_| std::mem::take(&mut self.fresh)) {
            self.shift += first - packet.dts;
        }
        packet.dts = packet.dts.saturating_add(self.shift);
        packet.cts = packet.cts.saturating_add(self.shift);
        packet
    }
}

impl Filter for Restamp {
    fn process(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        let mut more = false;
        for input in ctx.inputs() {
            more |= repeat(BATCH, || self.step(ctx, input))? == Status::Again;
        }
        let inputs = ctx.inputs().count();
        let all_ended = inputs > 0 && self.streams.len() == inputs && self.streams.iter().all(|s| s.ended);
        Ok(match (all_ended && ctx.settled(), more) {
            (true, _) => Status::Done,
            (false, true) => Status::Again,
            (false, false) => Status::Idle,
        })
    }
}
