//! The filter itself: cuts sound into frames, has them encoded, and stamps what comes out.

use weir_media::{Bytes, CodecId, Flags, Packet, Prop, Props, rescale};
use weir_plugin::{Ctx, Error, ErrorKind, Filter, InId, Item, Outlet, Result, Status, repeat};

use crate::codec::{self, Codec, Config, FRAME};
use crate::samples::Layout;
use crate::settings::Settings;
use crate::timeline::Timeline;

/// Frames encoded, or items taken, in one call of `process`. A frame takes some tenths of a millisecond.
const STEPS_PER_CALL: usize = 8;

/// Frames of silence that bring the last samples out of an encoder: its delay and its look-ahead, with room to spare.
const MAX_FLUSH: usize = 16;

const INPUT: InId = InId(0);

/// Encoding of one kind of sound, from when it begins until it changes or ends.
struct Run {
    codec: Box<dyn Codec>,
    config: Config,
    layout: Layout,
    /// Units of the input's timestamps per second.
    timescale: u32,
    timeline: Timeline,
    /// Samples, interleaved; those from `next` on are not yet encoded.
    waiting: Vec<f32>,
    next: usize,
    /// Frames that came out.
    frames: i64,
}

/// The running filter.
pub(crate) struct Encode {
    settings: Settings,
    input: Props,
    run: Option<Run>,
    out: Outlet,
    /// Time of the last frame, in units of this many per second.
    last: Option<(i64, u32)>,
    ended: bool,
}

impl Encode {
    pub(crate) fn new(settings: Settings) -> Self {
        Self { settings, input: Props::new(), run: None, out: Outlet::default(), last: None, ended: false }
    }

    /// New properties. Sound of another kind ends the run; the codec and the output are made at once.
    fn set_input(&mut self, props: Props) -> Result<()> {
        let found = self.settings.for_input(&props)?;
        let timescale = props.timescale();
        let goes_on = |r: &Run| found.is_some_and(|(c, _)| c == r.config) && timescale == r.timescale;
        if !self.run.as_ref().is_some_and(goes_on) {
            self.flush()?;
            self.run = None;
        }
        self.input = props;
        let Some((config, layout)) = found else { return Ok(()) };
        match &mut self.run {
            Some(run) => run.layout = layout,
            none => *none = Some(Run::open(self.settings.library, config, layout, timescale)?),
        }
        self.publish();
        Ok(())
    }

    fn publish(&mut self) {
        let Some(run) = &self.run else { return };
        let props = output_props(&self.input, run);
        self.out.publish(props);
    }

    fn packet(&mut self, packet: &Packet) -> Result<()> {
        let Some(bytes) = packet.bytes() else { return Err(Error::bad_input("a picture came where sound should be")) };
        let Some(run) = &mut self.run else { return Err(Error::bad_input(missing(&self.input))) };
        run.add(packet, bytes)
    }

    /// Sends what is due, or else encodes one block, or else takes one item.
    fn step(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        if !self.out.send(ctx) {
            return Ok(Status::Idle);
        }
        if self.ended {
            ctx.end_all();
            return Ok(Status::Done);
        }
        if self.encode()? {
            return Ok(Status::Again);
        }
        match ctx.next(INPUT) {
            None => return Ok(Status::Idle),
            Some(Item::Props(props)) => self.set_input(props)?,
            Some(Item::Packet(packet)) => self.packet(&packet)?,
            Some(Item::End) => {
                self.flush()?;
                self.ended = true;
            }
        }
        Ok(Status::Again)
    }

    /// Encodes one block. False when there is none.
    fn encode(&mut self) -> Result<bool> {
        let Some(frames) = self.run.as_mut().map(Run::encode).transpose()?.flatten() else { return Ok(false) };
        self.stamp(frames);
        Ok(true)
    }

    /// Brings out everything that was put in.
    fn flush(&mut self) -> Result<()> {
        while self.encode()? {}
        for _ in 0..MAX_FLUSH {
            let Some(run) = self.run.as_mut().filter(|r| r.holds_samples()) else { return Ok(()) };
            run.pad();
            self.encode()?;
        }
        Err(Error::new(ErrorKind::Internal, "the AAC encoder keeps the end of the sound to itself"))
    }

    fn stamp(&mut self, frames: Vec<Vec<u8>>) {
        let Some(run) = &mut self.run else { return };
        let rate = run.config.sample_rate;
        for frame in frames {
            // Frames of padding after the end are of no use.
            if !run.holds_samples() {
                return;
            }
            let first = run.next_sample();
            run.frames += 1;
            let Some(stamp) = run.timeline.stamp(first) else { return };
            // After a change of sound the new priming lies over the old end.
            let after = self.last.map(|(ts, units)| rescale(ts, units, rate).saturating_add(1));
            let mut packet = Packet::new(frame.into(), stamp.time.max(after.unwrap_or(i64::MIN)));
            packet.duration = FRAME as u32;
            packet.origin = stamp.origin;
            packet.flags = if stamp.discontinuity { Flags::KEY | Flags::DISCONTINUITY } else { Flags::KEY };
            self.last = Some((packet.dts, rate));
            self.out.push(packet);
        }
    }
}

impl Filter for Encode {
    fn process(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        repeat(STEPS_PER_CALL, || self.step(ctx))
    }
}

impl Run {
    fn open(library: &str, config: Config, layout: Layout, timescale: u32) -> Result<Self> {
        let codec = codec::open(library, config).map_err(|why| {
            let Config { sample_rate, channels, rate } = config;
            Error::unsupported(format!(
                "{library} cannot encode {channels} channels at {sample_rate} Hz to {rate} b/s: {why}"
            ))
        })?;
        let timeline = Timeline::new(config.sample_rate, timescale);
        Ok(Self { codec, config, layout, timescale, timeline, waiting: Vec::new(), next: 0, frames: 0 })
    }

    fn add(&mut self, packet: &Packet, bytes: &Bytes) -> Result<()> {
        let Some(samples) = self.layout.count(bytes.len()) else {
            let Layout { format, channels } = self.layout;
            let (len, name) = (bytes.len(), format.name());
            return Err(Error::bad_input(format!("{len} bytes are not whole {name} samples of {channels} channels")));
        };
        if samples == 0 {
            return Ok(());
        }
        let time = rescale(packet.cts, self.timescale, self.config.sample_rate);
        let lost = packet.flags.contains(Flags::DISCONTINUITY);
        let fill = self.timeline.add(time, samples, packet.origin, lost);
        self.waiting.drain(..self.next);
        self.next = 0;
        self.waiting.resize(self.waiting.len() + fill * self.config.channels, 0.0);
        self.layout.read(bytes, &mut self.waiting);
        Ok(())
    }

    /// Encodes the next block; `None` when there is no whole one.
    fn encode(&mut self) -> Result<Option<Vec<Vec<u8>>>> {
        let end = self.next + self.block();
        let Some(block) = self.waiting.get(self.next..end) else { return Ok(None) };
        let mut frames = Vec::new();
        let failed = |why| Error::new(ErrorKind::Internal, format!("encoding AAC failed: {why}"));
        self.codec.encode(block, &mut frames).map_err(failed)?;
        self.next = end;
        Ok(Some(frames))
    }

    /// Floats in a block.
    fn block(&self) -> usize {
        FRAME * self.config.channels
    }

    /// The number of the first sample of the next frame to come out; below 0 for priming.
    fn next_sample(&self) -> i64 {
        self.frames * FRAME as i64 - i64::from(self.codec.priming())
    }

    /// Whether samples that were put in have not come out.
    fn holds_samples(&self) -> bool {
        self.timeline.len() > 0 && self.next_sample() < self.timeline.len()
    }

    /// Completes the block with silence, or adds a silent one.
    fn pad(&mut self) {
        self.waiting.resize(self.next + self.block(), 0.0);
    }
}

/// What keeps an input from being understood.
fn missing(input: &Props) -> String {
    let absent: Vec<&str> = [Prop::SampleRate, Prop::NumChannels, Prop::AudioFormat]
        .into_iter()
        .filter(|p| input.get(*p).is_none())
        .map(Prop::name)
        .collect();
    format!("raw sound came without {}", absent.join(", "))
}

fn output_props(input: &Props, run: &Run) -> Props {
    let mut props = input.clone();
    for gone in [Prop::AudioFormat, Prop::TargetRate, Prop::Unframed] {
        props.remove(gone);
    }
    props
        .with(Prop::CodecId, CodecId::Aac)
        .with(Prop::DecoderConfig, Bytes::copy_from_slice(run.codec.config()))
        .with(Prop::SamplesPerFrame, FRAME as u32)
        .with(Prop::Timescale, run.config.sample_rate)
        .with(Prop::Bitrate, run.config.rate)
        .with(Prop::Delay, -i64::from(run.codec.priming()))
}
