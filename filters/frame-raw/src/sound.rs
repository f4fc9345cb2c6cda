//! `rfpcm`: takes a file, sends packets of samples. One step at a time, so that a call stays within its budget.

use weir_media::{CodecId, Flags, Frac, Packet, Prop, Props, StreamType, Time};
use weir_plugin::{Ctx, Error, Filter, InId, Item, Options, OutId, Result, Status, repeat};

use crate::layout::Layout;
use crate::pcm::{Cutter, Piece};
use crate::wav::{Found, Shape};

/// Steps in one call: a packet taken or sent.
const STEPS_PER_CALL: usize = 32;

const INPUT: InId = InId(0);

/// What the options say.
struct Settings {
    /// Of a file that does not say.
    layout: Option<Layout>,
    channels: u32,
    rate: u32,
    per_packet: usize,
}

/// The filter.
pub(crate) struct SoundReader {
    settings: Settings,
    cutter: Option<Cutter>,
    url: Option<String>,
    output: Option<(OutId, Props)>,
    /// Samples sent.
    sent: i64,
    flags: Flags,
    origin: Time,
}

impl Filter for SoundReader {
    fn process(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        repeat(STEPS_PER_CALL, || self.step(ctx))
    }
}

impl SoundReader {
    pub(crate) fn new(options: &Options) -> Self {
        let int = |name: &str| options.int(name).and_then(|n| u32::try_from(n).ok()).expect("a default within limits");
        let settings = Settings {
            layout: options.word("safmt").and_then(Layout::from_name),
            channels: int("ch"),
            rate: int("sr"),
            per_packet: int("framelen") as usize,
        };
        Self { settings, cutter: None, url: None, output: None, sent: 0, flags: Flags::NONE, origin: Time::ZERO }
    }

    fn step(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        if self.output.as_ref().is_some_and(|(out, _)| !ctx.room(*out)) {
            return Ok(Status::Idle);
        }
        match self.cutter.as_mut().map(Cutter::pull).transpose()?.flatten() {
            Some(piece) => {
                self.give(ctx, piece);
                Ok(Status::Again)
            }
            None => self.refill(ctx),
        }
    }

    fn refill(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        let restarts = matches!(ctx.peek(INPUT), Some(Item::Packet(p)) if p.flags.contains(Flags::DISCONTINUITY));
        let ends = matches!(ctx.peek(INPUT), Some(Item::End));
        if (restarts || ends)
            && let Some(last) = self.cutter.as_mut().and_then(Cutter::flush)
        {
            self.give(ctx, last);
            return Ok(Status::Again);
        }
        match ctx.next(INPUT) {
            None => return Ok(Status::Idle),
            Some(Item::Props(props)) => self.configure(ctx, &props)?,
            Some(Item::Packet(packet)) => self.take(&packet, restarts)?,
            Some(Item::End) => {
                if self.cutter.as_ref().is_none_or(|c| !c.has_begun()) {
                    return Err(Error::bad_input("the file ends before its samples begin"));
                }
                ctx.end_all();
                return Ok(Status::Done);
            }
        }
        Ok(Status::Again)
    }

    fn configure(&mut self, ctx: &mut Ctx<'_>, props: &Props) -> Result<()> {
        if self.cutter.is_some() {
            return Ok(()); // another name of the same file
        }
        self.url = props.str(Prop::Url).map(str::to_owned);
        let is_wav = props.str(Prop::FileExt) != Some("pcm");
        let shape = if is_wav { None } else { Some(self.settings.shape()?) };
        self.cutter = Some(Cutter::new(shape, self.settings.per_packet));
        if let Some(shape) = shape {
            self.describe(ctx, Found { shape, len: None });
        }
        Ok(())
    }

    fn take(&mut self, packet: &Packet, restarts: bool) -> Result<()> {
        let data = packet.bytes().ok_or_else(|| Error::unsupported("a raw picture is not a file of samples"))?;
        let Some(cutter) = &mut self.cutter else { return Ok(()) };
        if restarts {
            cutter.restart();
            self.flags = Flags::DISCONTINUITY;
        }
        cutter.push(data.clone());
        self.origin = packet.origin;
        Ok(())
    }

    fn give(&mut self, ctx: &mut Ctx<'_>, piece: Piece) {
        match (piece, &self.output) {
            (Piece::Found(found), _) => self.describe(ctx, found),
            (Piece::Samples(data, count), Some((out, _))) => {
                let flags = Flags::KEY | std::mem::replace(&mut self.flags, Flags::NONE);
                ctx.send(*out, Packet { duration: count, flags, origin: self.origin, ..Packet::new(data, self.sent) });
                self.sent = self.sent.saturating_add(count.into());
            }
            (Piece::Samples(..), None) => {}
        }
    }

    /// Opens the output, or changes its properties. Times go on in the samples of the new rate.
    fn describe(&mut self, ctx: &mut Ctx<'_>, found: Found) {
        let Shape { layout, channels, rate } = found.shape;
        let mut props = Props::new()
            .with(Prop::StreamType, StreamType::Audio)
            .with(Prop::CodecId, CodecId::Raw)
            .with(Prop::AudioFormat, layout.format())
            .with(Prop::SampleRate, rate)
            .with(Prop::NumChannels, channels)
            .with(Prop::SamplesPerFrame, self.settings.per_packet as u64)
            .with(Prop::Timescale, rate);
        if let Some(url) = &self.url {
            props.set(Prop::Url, url.as_str());
        }
        let samples = found.len.map(|len| len / found.shape.frame() as u64);
        if let Some(length) = samples.and_then(|n| Frac::new(i64::try_from(n).ok()?, rate)) {
            props.set(Prop::Duration, length);
        }
        let before = self.output.as_ref().map_or(rate, |(_, old)| old.timescale());
        self.sent = weir_media::rescale(self.sent, before, rate);
        ctx.publish(&mut self.output, props);
    }
}

impl Settings {
    fn shape(&self) -> Result<Shape> {
        let layout = self.layout.ok_or_else(|| {
            Error::bad_option("a .pcm file says not what is in it: give safmt=, and sr= and ch= as they are")
        })?;
        Ok(Shape { layout, channels: self.channels, rate: self.rate })
    }
}
