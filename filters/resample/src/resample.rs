//! The filter `resample` itself: follows one input, and times what comes out by counting samples.

use std::collections::VecDeque;

use weir_media::{Flags, Packet, Payload, Prop, Props, Time, rescale};
use weir_plugin::{Ctx, Error, ErrorKind, Filter, InId, Item, Outlet, Result, Status, repeat};

use crate::mix::Mixer;
use crate::rate::Rate;
use crate::samples::{self, Sound};
use crate::settings::Wanted;

/// Blocks resampled, or items taken, in one call of `process`. A block takes some hundredths of a millisecond.
const STEPS_PER_CALL: usize = 16;

const INPUT: InId = InId(0);

/// The running filter.
pub(crate) struct Resample {
    wanted: Wanted,
    input: Props,
    convert: Option<Convert>,
    run: Option<Run>,
    out: Outlet,
    /// The end of what went out, in units of this many per second.
    end: Option<(i64, u32)>,
    ended: bool,
}

/// From what to what, and the way there.
struct Convert {
    from: Sound,
    to: Sound,
    mixer: Option<Mixer>,
    rate: Option<Rate>,
}

/// Resampling from where time begins to be counted until it jumps.
struct Run {
    /// Time of the first sample put in, in the input's units.
    start: i64,
    /// Time of the first sample that comes out, in samples.
    base: i64,
    /// The first packet follows a loss or a jump.
    jump: bool,
    /// Numbers of samples put in and when they were born, one for each packet.
    origins: VecDeque<(u64, Time)>,
}

impl Resample {
    pub(crate) fn new(wanted: Wanted) -> Self {
        Self { wanted, input: Props::new(), convert: None, run: None, out: Outlet::default(), end: None, ended: false }
    }

    fn set_input(&mut self, props: Props) -> Result<()> {
        let from = Sound::of(&props)?;
        let is_same = self.convert.as_ref().is_some_and(|c| c.from == from);
        if !is_same || props.timescale() != self.input.timescale() {
            self.flush()?;
        }
        let convert = match self.convert.take().filter(|_| is_same) {
            Some(convert) => convert,
            None => Convert::new(from, self.wanted.from(from))?,
        };
        let output = convert.output(&props);
        self.out.publish(output);
        self.convert = Some(convert);
        self.input = props;
        Ok(())
    }

    fn packet(&mut self, mut packet: Packet) -> Result<()> {
        let Some(convert) = &self.convert else { return Ok(()) };
        let Some(bytes) = packet.bytes() else { return Err(Error::bad_input("a picture came where sound should be")) };
        let count = convert.from.count(bytes)?;
        if convert.from == convert.to {
            self.out.push(packet);
            return Ok(());
        }
        let samples = convert.before(samples::read(convert.from.format, bytes));
        if convert.rate.is_none() {
            packet.data = Payload::Bytes(convert.after(samples).into());
            self.out.push(packet);
            return Ok(());
        }
        if count > 0 { self.resample(&packet, &samples) } else { Ok(()) }
    }

    /// Puts samples into the run they belong to: the one under way, or a new one where time jumps.
    fn resample(&mut self, packet: &Packet, samples: &[f32]) -> Result<()> {
        let lost = packet.flags.contains(Flags::DISCONTINUITY);
        let timescale = self.input.timescale();
        let jumps = match (&self.run, &self.convert) {
            (Some(run), Some(convert)) => lost || !run.goes_on(packet.cts, timescale, convert),
            _ => false,
        };
        if jumps {
            self.flush()?;
        }
        let Some(Convert { rate: Some(rate), to, .. }) = &mut self.convert else { return Ok(()) };
        let ended = self.end.map_or(i64::MIN, |(end, units)| rescale(end, units, to.rate));
        let run = self.run.get_or_insert_with(|| Run {
            start: packet.cts,
            base: rescale(packet.cts, timescale, to.rate).max(ended),
            jump: lost || jumps,
            origins: VecDeque::new(),
        });
        run.origins.push_back((rate.taken(), packet.origin));
        rate.push(samples);
        Ok(())
    }

    /// Resamples one block. False when there is none.
    fn pull(&mut self) -> Result<bool> {
        let Some(Convert { rate: Some(rate), .. }) = &mut self.convert else { return Ok(false) };
        let before = rate.given();
        let Some(samples) = rate.pull().map_err(failed)? else { return Ok(false) };
        self.stamp(before, samples);
        Ok(true)
    }

    /// Brings out what was put in, and ends the run.
    fn flush(&mut self) -> Result<()> {
        while self.pull()? {}
        while let Some(Convert { rate: Some(rate), .. }) = &mut self.convert {
            let before = rate.given();
            match rate.finish().map_err(failed)? {
                Some(samples) => self.stamp(before, samples),
                None => {
                    rate.reset();
                    break;
                }
            }
        }
        self.run = None;
        Ok(())
    }

    /// Makes a packet of samples that came out after `before` others of the run.
    fn stamp(&mut self, before: u64, samples: Vec<f32>) {
        let (Some(run), Some(convert)) = (&mut self.run, &self.convert) else { return };
        let count = samples.len() / convert.inner_channels();
        if count == 0 {
            return;
        }
        let time = run.base.saturating_add(i64::try_from(before).unwrap_or(i64::MAX));
        let mut packet = Packet::new(convert.after(samples).into(), time);
        packet.duration = u32::try_from(count).unwrap_or(u32::MAX);
        packet.origin = run.origin(before * u64::from(convert.from.rate) / u64::from(convert.to.rate));
        packet.flags = Flags::KEY;
        if std::mem::take(&mut run.jump) {
            packet.flags |= Flags::DISCONTINUITY;
        }
        self.end = Some((time.saturating_add(i64::from(packet.duration)), convert.to.rate));
        self.out.push(packet);
    }

    /// Sends what is due, or else resamples one block, or else takes one item.
    fn step(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        if !self.out.send(ctx) {
            return Ok(Status::Idle);
        }
        if self.ended {
            ctx.end_all();
            return Ok(Status::Done);
        }
        if self.pull()? {
            return Ok(Status::Again);
        }
        match ctx.next(INPUT) {
            None => return Ok(Status::Idle),
            Some(Item::Props(props)) => self.set_input(props)?,
            Some(Item::Packet(packet)) => self.packet(packet)?,
            Some(Item::End) => {
                self.flush()?;
                self.ended = true;
            }
        }
        Ok(Status::Again)
    }
}

impl Filter for Resample {
    fn process(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        repeat(STEPS_PER_CALL, || self.step(ctx))
    }
}

impl Convert {
    fn new(from: Sound, to: Sound) -> Result<Self> {
        let mixer = (from.channels != to.channels).then(|| Mixer::new(from.channels, to.channels));
        let mut convert = Self { from, to, mixer, rate: None };
        if from.rate != to.rate {
            let refused = |why| Error::unsupported(format!("cannot turn {} Hz into {} Hz: {why}", from.rate, to.rate));
            convert.rate = Some(Rate::new(from.rate, to.rate, convert.inner_channels()).map_err(refused)?);
        }
        Ok(convert)
    }

    /// Channels on the way, where there are the fewest.
    fn inner_channels(&self) -> usize {
        self.from.channels.min(self.to.channels)
    }

    /// Fewer channels are made before the rate is changed,
    fn before(&self, samples: Vec<f32>) -> Vec<f32> {
        match &self.mixer {
            Some(mixer) if self.to.channels < self.from.channels => mixer.mix(&samples),
            _ => samples,
        }
    }

    /// more of them after it.
    fn after(&self, samples: Vec<f32>) -> Vec<u8> {
        match &self.mixer {
            Some(mixer) if self.to.channels > self.from.channels => {
                samples::write(self.to.format, &mixer.mix(&samples))
            }
            _ => samples::write(self.to.format, &samples),
        }
    }

    fn output(&self, input: &Props) -> Props {
        let props = input
            .clone()
            .with(Prop::AudioFormat, self.to.format)
            .with(Prop::NumChannels, self.to.channels as u64)
            .with(Prop::SampleRate, self.to.rate);
        if self.from.rate == self.to.rate {
            return props;
        }
        let mut props = props.with(Prop::Timescale, self.to.rate);
        [Prop::SamplesPerFrame, Prop::Delay].into_iter().for_each(|gone| props.remove(gone));
        props
    }
}

impl Run {
    /// Whether sound at `time` follows what was put in: deviations up to 10 ms, or two units of time, are rounding and
    /// jitter.
    fn goes_on(&self, time: i64, timescale: u32, convert: &Convert) -> bool {
        let taken = convert.rate.as_ref().map_or(0, Rate::taken);
        let length = u128::from(taken) * u128::from(timescale) / u128::from(convert.from.rate);
        let expected = self.start.saturating_add(i64::try_from(length).unwrap_or(i64::MAX));
        time.abs_diff(expected) <= u64::from((timescale / 100).max(2))
    }

    /// When the sample of this number was born.
    fn origin(&mut self, number: u64) -> Time {
        while self.origins.get(1).is_some_and(|(from, _)| *from <= number) {
            self.origins.pop_front();
        }
        self.origins.front().map_or(Time::ZERO, |(_, origin)| *origin)
    }
}

fn failed(why: String) -> Error {
    Error::new(ErrorKind::Internal, format!("resampling failed: {why}"))
}
