//! `rfnalu`: takes Annex B, sends access units. One step at a time, so that a call stays within its budget.

use std::collections::VecDeque;

use weir_codec::avc::{AccessUnit, LengthSize, NalType, SpsInfo, join_length_prefixed, nal_type};
use weir_media::{Bytes, Flags, Frac, Packet, Prop, Props, StreamType, Time};
use weir_plugin::{Ctx, Error, Filter, InId, Item, Level, Options, OutId, Result, Status, repeat};

use crate::clock::{FrameClock, Rate};
use crate::props::Described;
use crate::reader::Reader;

/// Steps in one call: a packet taken, an access unit looked at, or one sent.
const STEPS_PER_CALL: usize = 64;

const INPUT: InId = InId(0);

/// What the options say.
pub(crate) struct Settings {
    /// Frame rate of files that the user insists on.
    rate: Option<Rate>,
}

impl Settings {
    pub(crate) fn of(options: &Options) -> Result<Self> {
        if !options.is_given("fps") {
            return Ok(Self { rate: None });
        }
        let rate = options.frac("fps").and_then(Rate::of);
        let bad = || Error::bad_option("fps is not a frame rate between 1/3600 and 1000");
        Ok(Self { rate: Some(rate.ok_or_else(bad)?) })
    }
}

/// An access unit with what the input said of it.
pub(crate) struct Unit {
    pub(crate) au: AccessUnit,
    /// [`Flags::DISCONTINUITY`] or nothing.
    flags: Flags,
    origin: Time,
}

impl Unit {
    /// The SPS its slices refer to.
    pub(crate) fn sps(&self) -> Option<&SpsInfo> {
        self.au.sets.sps_of(self.au.slice.as_ref()?)
    }
}

/// Times of an access unit.
#[derive(Clone, Copy)]
pub(crate) struct Stamp {
    pub(crate) dts: i64,
    pub(crate) cts: i64,
    pub(crate) duration: u32,
}

/// An access unit ready to be sent.
pub(crate) struct Timed {
    pub(crate) unit: Unit,
    pub(crate) stamp: Stamp,
    /// Frame rate, where times are counted by one.
    pub(crate) rate: Option<Frac>,
}

/// Where times come from.
enum Timing {
    /// From the packet in hand, for its next access unit: packets hold whole ones.
    Given { next: Stamp, timescale: u32 },
    /// From counting: packets are blocks of a file.
    Counted(FrameClock),
}

/// The filter.
pub(crate) struct Packetizer {
    settings: Settings,
    timing: Option<Timing>,
    reader: Reader,
    ready: VecDeque<Timed>,
    described: Described,
    output: Option<(OutId, Props)>,
    /// An access unit that decoding can start with has come.
    started: bool,
    /// What the next access unit is marked with.
    mark: Flags,
    /// Origin of the packet in hand.
    origin: Time,
    warned_of_start: bool,
    warned_of_damage: bool,
}

impl Filter for Packetizer {
    fn process(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        repeat(STEPS_PER_CALL, || self.step(ctx))
    }
}

impl Packetizer {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings,
            timing: None,
            reader: Reader::default(),
            ready: VecDeque::new(),
            described: Described::default(),
            output: None,
            started: false,
            mark: Flags::NONE,
            origin: Time::ZERO,
            warned_of_start: false,
            warned_of_damage: false,
        }
    }

    fn step(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        if !self.ready.is_empty() {
            return self.send(ctx);
        }
        match self.reader.pull() {
            Ok(Some(au)) => self.sort(ctx, au),
            Ok(None) => return self.refill(ctx),
            Err(e) => {
                self.mark = Flags::DISCONTINUITY;
                self.warn_of_damage(ctx, e);
            }
        }
        Ok(Status::Again)
    }

    /// Takes the next item, once all that came before it and is not continued by it was cut into access units.
    fn refill(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        let continues = match ctx.peek(INPUT) {
            None => return Ok(Status::Idle),
            Some(Item::Packet(p)) => !p.flags.contains(Flags::DISCONTINUITY),
            Some(Item::Props(_) | Item::End) => false,
        };
        if !continues && (self.reader.flush() || self.flush_clock()) {
            return Ok(Status::Again);
        }
        match ctx.next(INPUT) {
            None => return Ok(Status::Idle),
            Some(Item::Props(props)) => self.configure(props),
            Some(Item::Packet(packet)) => self.take(packet)?,
            Some(Item::End) => return self.end(ctx),
        }
        Ok(Status::Again)
    }

    /// Stamps the frames that wait for others. False when none does.
    fn flush_clock(&mut self) -> bool {
        if let Some(Timing::Counted(clock)) = &mut self.timing {
            clock.finish(&mut self.ready);
        }
        !self.ready.is_empty()
    }

    fn configure(&mut self, props: Props) {
        if props.stream_type() != Some(StreamType::File) {
            let next = Stamp { dts: 0, cts: 0, duration: 0 };
            self.timing = Some(Timing::Given { next, timescale: props.timescale() });
            self.described.rebase(props);
        } else if self.timing.is_none() {
            self.timing = Some(Timing::Counted(FrameClock::new(self.settings.rate)));
            let url = props.get(Prop::Url).cloned();
            self.described.rebase(url.into_iter().fold(Props::new(), |base, url| base.with(Prop::Url, url)));
        }
    }

    fn take(&mut self, packet: Packet) -> Result<()> {
        let no_bytes = || Error::unsupported("a raw picture is not an AVC stream");
        let data: Bytes = packet.bytes().ok_or_else(no_bytes)?.clone();
        self.origin = packet.origin;
        if packet.flags.contains(Flags::DISCONTINUITY) {
            self.mark = Flags::DISCONTINUITY;
        }
        self.reader.push(data);
        if let Some(Timing::Given { next, .. }) = &mut self.timing {
            *next = Stamp { dts: packet.dts, cts: packet.cts, duration: packet.duration };
            self.reader.flush();
        }
        Ok(())
    }

    /// Decides what becomes of an access unit.
    fn sort(&mut self, ctx: &mut Ctx<'_>, au: AccessUnit) {
        if au.info.slices == 0 {
            return; // parameter sets or messages without a picture
        }
        let fault = au.fault;
        let mut unit = Unit { au, flags: Flags::NONE, origin: self.origin };
        self.started |= unit.au.info.idr && unit.sps().is_some();
        if !self.started {
            self.warn_of_start(ctx, fault);
            return;
        }
        if let Some(fault) = fault {
            self.warn_of_damage(ctx, fault);
        }
        unit.flags = std::mem::replace(&mut self.mark, Flags::NONE);
        match &mut self.timing {
            Some(Timing::Counted(clock)) => clock.push(unit, &mut self.ready),
            Some(Timing::Given { next, .. }) => {
                self.ready.push_back(Timed { unit, stamp: *next, rate: None });
                let step = i64::from(next.duration);
                (next.dts, next.cts) = (next.dts.saturating_add(step), next.cts.saturating_add(step));
            }
            None => {}
        }
    }

    /// Sends the first access unit that is ready, if there is room.
    fn send(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        if self.output.as_ref().is_some_and(|(out, _)| !ctx.room(*out)) {
            return Ok(Status::Idle);
        }
        let Some(timed) = self.ready.pop_front() else { return Ok(Status::Idle) };
        let timescale = match &self.timing {
            Some(Timing::Counted(clock)) => clock.timescale(),
            Some(Timing::Given { timescale, .. }) => *timescale,
            None => return Ok(Status::Idle),
        };
        if let Some(props) = self.described.update(&timed, timescale)? {
            ctx.publish(&mut self.output, props);
        }
        if let Some((out, _)) = self.output {
            ctx.send(out, packet(&timed)?);
        }
        Ok(Status::Again)
    }

    fn end(&self, ctx: &mut Ctx<'_>) -> Result<Status> {
        match (&self.timing, &self.output) {
            (Some(Timing::Counted(_)), None) => {
                Err(Error::bad_input("the file has no AVC picture that decoding can start with"))
            }
            _ => {
                ctx.end_all();
                Ok(Status::Done)
            }
        }
    }

    fn warn_of_start(&mut self, ctx: &mut Ctx<'_>, fault: Option<weir_codec::Error>) {
        if !std::mem::replace(&mut self.warned_of_start, true) {
            let why = fault.map_or_else(String::new, |fault| format!(" ({fault})"));
            ctx.log(
                Level::Warning,
                format!("what comes before the first IDR picture and its parameter sets is dropped{why}"),
            );
        }
    }

    fn warn_of_damage(&mut self, ctx: &mut Ctx<'_>, what: weir_codec::Error) {
        if !std::mem::replace(&mut self.warned_of_damage, true) {
            ctx.log(Level::Warning, format!("the AVC stream is damaged (said once): {what}"));
        }
    }
}

/// The packet of an access unit: what belongs into the decoder configuration or to Annex B alone is left out.
fn packet(timed: &Timed) -> Result<Packet> {
    let Timed { unit, stamp, .. } = timed;
    let belongs = |nal: &&[u8]| !matches!(nal_type(nal), NalType::Sps | NalType::Pps | NalType::Aud);
    let data = join_length_prefixed(unit.au.slices().filter(belongs), LengthSize::Four)
        .map_err(|e| Error::bad_input(format!("access unit at {}: {e}", stamp.dts)))?;
    let mut flags = unit.flags;
    if unit.au.info.idr {
        flags |= Flags::KEY;
    }
    if unit.au.info.disposable {
        flags |= Flags::DISPOSABLE;
    }
    Ok(Packet { cts: stamp.cts, duration: stamp.duration, flags, origin: unit.origin, ..Packet::new(data, stamp.dts) })
}
