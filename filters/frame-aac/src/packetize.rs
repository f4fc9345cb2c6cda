//! `rfadts`: takes ADTS, sends raw frames. One step at a time, so that a call stays within its budget.

use std::collections::VecDeque;

use weir_codec::ErrorKind;
use weir_codec::aac::{AdtsFrame, AudioSpecificConfig};
use weir_media::{CodecId, Flags, Packet, Prop, Props, StreamType, Time, rescale};
use weir_plugin::{Ctx, Error, Filter, InId, Item, Level, OutId, Result, Status, repeat};

use crate::reader::{MAX_HELD, Reader, is_whole_frames};

/// Steps in one call: a packet taken or a frame sent.
const STEPS_PER_CALL: usize = 64;

const INPUT: InId = InId(0);

/// What an input packet says of the frames that start in it.
struct Mark {
    /// Place of its first byte.
    at: u64,
    /// Time of the first frame that starts in it, in units of the input; `None` in a file.
    dts: Option<i64>,
    /// [`Flags::DISCONTINUITY`] or nothing.
    flags: Flags,
    origin: Time,
}

/// The filter.
#[derive(Default)]
pub(crate) struct Packetizer {
    /// What the input says of the stream; `None` before it said anything.
    base: Option<Props>,
    is_file: bool,
    reader: Reader,
    /// Of packets whose first frame has not come.
    marks: VecDeque<Mark>,
    config: Option<AudioSpecificConfig>,
    /// A frame that waits for room, with its place.
    ready: Option<(u64, AdtsFrame)>,
    output: Option<(OutId, Props)>,
    /// When the next frame starts, in samples at `rate`.
    dts: i64,
    rate: u32,
    /// What the next frame is marked with.
    flags: Flags,
    origin: Time,
    warned: bool,
}

impl Filter for Packetizer {
    fn process(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        repeat(STEPS_PER_CALL, || self.step(ctx))
    }
}

impl Packetizer {
    fn step(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        match self.ready.take().or_else(|| self.reader.pull()) {
            Some(next) if self.output.as_ref().is_some_and(|(out, _)| !ctx.room(*out)) => {
                self.ready = Some(next);
                Ok(Status::Idle)
            }
            Some((at, frame)) => {
                self.send(ctx, at, frame);
                Ok(Status::Again)
            }
            None => self.refill(ctx),
        }
    }

    /// Takes the next item, once all that came before it and is not continued by it was cut into frames.
    fn refill(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        let continues = match ctx.peek(INPUT) {
            None => return Ok(Status::Idle),
            Some(Item::Packet(p)) => !p.flags.contains(Flags::DISCONTINUITY),
            Some(Item::Props(_) | Item::End) => false,
        };
        if !continues && self.reader.flush() {
            return Ok(Status::Again);
        }
        match ctx.next(INPUT) {
            None => return Ok(Status::Idle),
            Some(Item::Props(props)) => self.configure(ctx, props)?,
            Some(Item::Packet(packet)) => self.take(&packet)?,
            Some(Item::End) if self.is_file && self.output.is_none() => {
                return Err(Error::bad_input("the file has no ADTS frame"));
            }
            Some(Item::End) => {
                ctx.end_all();
                return Ok(Status::Done);
            }
        }
        Ok(Status::Again)
    }

    fn configure(&mut self, ctx: &mut Ctx<'_>, props: Props) -> Result<()> {
        self.is_file = props.stream_type() == Some(StreamType::File);
        if !self.is_file {
            self.base = Some(props);
        } else if self.base.is_none() {
            let url = props.get(Prop::Url).cloned();
            self.base = Some(url.into_iter().fold(Props::new(), |base, url| base.with(Prop::Url, url)));
        }
        match self.config.take() {
            Some(config) => self.describe(ctx, config).map_err(|e| Error::bad_input(e.to_string())),
            None => Ok(()),
        }
    }

    fn take(&mut self, packet: &Packet) -> Result<()> {
        let data = packet.bytes().ok_or_else(|| Error::unsupported("a raw picture is not an AAC stream"))?;
        let jump = packet.flags.contains(Flags::DISCONTINUITY);
        self.forget_marks();
        self.marks.push_back(Mark {
            at: self.reader.position(),
            dts: (!self.is_file).then_some(packet.dts),
            flags: if jump { Flags::DISCONTINUITY } else { Flags::NONE },
            origin: packet.origin,
        });
        // What is whole need not wait for the header of the next frame.
        let alone = !self.is_file && self.reader.is_empty() && is_whole_frames(data);
        self.reader.push(data.clone());
        if alone {
            self.reader.flush();
        }
        Ok(())
    }

    /// Forgets packets that no frame can start in any more: they held none.
    fn forget_marks(&mut self) {
        let reachable = self.reader.position().saturating_sub(MAX_HELD);
        while self.marks.get(1).is_some_and(|next| next.at <= reachable) {
            let old = self.marks.pop_front();
            self.flags |= old.map_or(Flags::NONE, |old| old.flags);
        }
    }

    /// Sends a frame, unless nothing is known of the stream yet and it does not tell.
    fn send(&mut self, ctx: &mut Ctx<'_>, at: u64, frame: AdtsFrame) {
        if frame.skipped > 0 {
            self.warn(ctx, || format!("{} bytes before byte {at} are no ADTS frame and are skipped", frame.skipped));
            if self.output.is_some() {
                self.flags = Flags::DISCONTINUITY;
            }
        }
        if (frame.config_changed || self.config.is_none()) && !self.reconfigure(ctx, &frame) {
            return;
        }
        self.pass_marks(at);
        let Some((out, _)) = self.output else { return };
        let flags = Flags::KEY | std::mem::replace(&mut self.flags, Flags::NONE);
        let origin = self.origin;
        ctx.send(out, Packet { duration: frame.samples, flags, origin, ..Packet::new(frame.payload, self.dts) });
        self.dts = self.dts.saturating_add(frame.samples.into());
    }

    /// Takes over the configuration of a frame. False when it has none that can be used.
    fn reconfigure(&mut self, ctx: &mut Ctx<'_>, frame: &AdtsFrame) -> bool {
        let done = frame.config().and_then(|config| self.describe(ctx, config));
        if let Err(e) = &done {
            self.config = None;
            if self.output.is_some() {
                self.flags = Flags::DISCONTINUITY;
            }
            self.warn(ctx, || format!("AAC frames of unknown configuration are dropped: {e}"));
        }
        done.is_ok()
    }

    /// Opens the output, or changes its properties when they are not what they were.
    fn describe(
        &mut self,
        ctx: &mut Ctx<'_>,
        config: AudioSpecificConfig,
    ) -> std::result::Result<(), weir_codec::Error> {
        let Some(base) = &self.base else { return Ok(()) };
        let props = framed_props(base, &config)?;
        self.dts = rescale(self.dts, self.rate, config.sample_rate);
        self.rate = config.sample_rate;
        self.config = Some(config);
        ctx.publish(&mut self.output, props);
        Ok(())
    }

    /// Takes over what the packets up to `at` say.
    fn pass_marks(&mut self, at: u64) {
        let from = self.base.as_ref().map_or(0, Props::timescale);
        while let Some(mark) = self.marks.pop_front_if(|mark| mark.at <= at) {
            self.dts = mark.dts.map_or(self.dts, |dts| rescale(dts, from, self.rate));
            self.flags |= mark.flags;
            self.origin = mark.origin;
        }
    }

    fn warn(&mut self, ctx: &mut Ctx<'_>, line: impl FnOnce() -> String) {
        if !std::mem::replace(&mut self.warned, true) {
            ctx.log(Level::Warning, line() + " (said once)");
        }
    }
}

/// Properties of raw frames.
fn framed_props(base: &Props, config: &AudioSpecificConfig) -> std::result::Result<Props, weir_codec::Error> {
    let missing = |element| weir_codec::Error { kind: ErrorKind::Missing, element, bit: 0 };
    let channels = config.channels().filter(|n| *n > 0).ok_or_else(|| missing("channels"))?;
    let mut props = base
        .clone()
        .with(Prop::StreamType, StreamType::Audio)
        .with(Prop::CodecId, CodecId::Aac)
        .with(Prop::DecoderConfig, config.build()?)
        .with(Prop::SampleRate, config.sample_rate)
        .with(Prop::NumChannels, u32::from(channels))
        .with(Prop::SamplesPerFrame, config.samples_per_frame().ok_or_else(|| missing("samples of a frame"))?)
        .with(Prop::Timescale, config.sample_rate);
    props.remove(Prop::Unframed);
    if let Some(delay) = base.i64(Prop::Delay) {
        props.set(Prop::Delay, rescale(delay, base.timescale(), config.sample_rate));
    }
    Ok(props)
}
