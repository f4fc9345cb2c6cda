//! The filter `reframer`: a part of each stream, by the clock if wanted.

use std::collections::VecDeque;

use weir_media::{Flags, Frac, Packet, Props, StreamType, Time, rescale};
use weir_plugin::{Ctx, Error, Filter, InId, Item, Options, OutId, Result, Status};

/// Items moved from one input in one call, so that no input makes the others wait.
const BATCH: usize = 32;
/// Packets held before the start of a part, at most: a longer group of pictures is waited out.
const HELD_MAX: usize = 4096;
/// A packet may leave this much before its time: a timer is no more exact.
const EARLY: u64 = 2_000;
/// Units per second of the clock.
const MICROS: u32 = 1_000_000;

/// By which clock packets leave.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Clock {
    /// At once.
    Off,
    /// Each stream by its own.
    Own,
    /// All by one.
    Common,
}

struct Settings {
    clock: Clock,
    speed: Frac,
    /// Packets that need others are kept, and key packets are.
    keeps: (bool, bool),
    start: Frac,
    end: Option<Frac>,
    keep_times: bool,
}

/// One stream.
#[derive(Default)]
struct Stream {
    out: Option<OutId>,
    timescale: u32,
    is_sound: bool,
    /// Decoding time of its first packet.
    first: Option<i64>,
    /// Moment and decoding time that tie it to the clock.
    tie: Option<(Time, i64)>,
    /// The part has begun.
    begun: bool,
    /// Something has left.
    sent: bool,
    /// Before the start: everything since the last key packet, from which the part can be decoded.
    held: VecDeque<Packet>,
    /// Taken off all timestamps.
    shift: i64,
    /// Something was left out.
    lost: bool,
    ended: bool,
}

/// The filter.
pub(crate) struct Reframer {
    settings: Settings,
    streams: Vec<Stream>,
    /// The tie of all streams, in microseconds of media.
    common: Option<(Time, i64)>,
}

/// What became of the next item of a stream.
enum Step {
    Moved,
    Nothing,
    Wait(Time),
}

impl Reframer {
    pub(crate) fn new(options: &Options) -> Result<Self> {
        let clock = match options.word("rt") {
            Some("on") => Clock::Own,
            Some("sync") => Clock::Common,
            _ => Clock::Off,
        };
        let speed =
            options.frac("speed").filter(|s| s.num > 0).ok_or_else(|| Error::bad_option("speed is more than 0"))?;
        let kinds = options.ints("saps").unwrap_or_default();
        if let Some(other) = kinds.iter().find(|k| !(0..=4).contains(*k)) {
            return Err(Error::bad_option(format!("saps: there is no kind {other}; they are 0 to 4")));
        }
        let keeps = (kinds.is_empty() || kinds.contains(&0), kinds.is_empty() || kinds.iter().any(|k| *k > 0));
        let start = options.frac("xs").unwrap_or(Frac { num: 0, den: 1 });
        let end = options.frac("xe").filter(|e| e.num > 0);
        if end.is_some_and(|end| {
            i128::from(end.num) * i128::from(start.den) <= i128::from(start.num) * i128::from(end.den)
        }) {
            return Err(Error::bad_option("xe is not behind xs"));
        }
        let settings =
            Settings { clock, speed, keeps, start, end, keep_times: options.bool("xots").unwrap_or_default() };
        Ok(Self { settings, streams: Vec::new(), common: None })
    }

    fn step(&mut self, ctx: &mut Ctx<'_>, input: InId) -> Step {
        let index = input.0 as usize;
        if self.streams.len() <= index {
            self.streams.resize_with(index + 1, Stream::default);
        }
        if self.streams[index].out.is_some_and(|out| !ctx.room(out)) {
            return Step::Nothing;
        }
        if let (Some(packet), Some(out)) = (self.streams[index].pull(&self.settings), self.streams[index].out) {
            ctx.send(out, packet);
            return Step::Moved;
        }
        if let Some(Item::Packet(packet)) = ctx.peek(input) {
            let (dts, now) = (packet.dts, ctx.now());
            if let Some(at) = self.due(index, dts, now).filter(|at| *at > now) {
                return Step::Wait(at);
            }
        }
        let Some(item) = ctx.next(input) else { return Step::Nothing };
        let stream = &mut self.streams[index];
        match item {
            Item::Props(props) => stream.props(ctx, props),
            Item::Packet(packet) => {
                stream.take(packet, &self.settings);
                if let (Some(packet), Some(out)) = (stream.pull(&self.settings), stream.out) {
                    ctx.send(out, packet);
                }
            }
            Item::End => {
                stream.ended = true;
                stream.out.into_iter().for_each(|out| ctx.end(out));
            }
        }
        Step::Moved
    }

    /// When a packet may leave; `None` for at once.
    fn due(&mut self, index: usize, dts: i64, now: Time) -> Option<Time> {
        let stream = &mut self.streams[index];
        let micros = rescale(dts, stream.timescale.max(1), MICROS);
        let tie = match self.settings.clock {
            Clock::Off => return None,
            Clock::Own => &mut stream.tie,
            Clock::Common => &mut self.common,
        };
        let (since, from) = *tie.get_or_insert((now, micros));
        let passed = i128::from(micros.saturating_sub(from)) * i128::from(self.settings.speed.den)
            / i128::from(self.settings.speed.num);
        let passed = u64::try_from(passed).unwrap_or(0).saturating_sub(EARLY);
        Some(since + std::time::Duration::from_micros(passed))
    }
}

impl Stream {
    fn props(&mut self, ctx: &mut Ctx<'_>, props: Props) {
        self.timescale = props.timescale();
        self.is_sound = props.stream_type() == Some(StreamType::Audio);
        match self.out {
            Some(out) => ctx.set_props(out, props),
            None => self.out = Some(ctx.open(props)),
        }
    }

    /// Takes a packet: what leaves is put behind what is held.
    fn take(&mut self, packet: Packet, settings: &Settings) {
        let first = *self.first.get_or_insert(packet.dts);
        let passed = i128::from(packet.cts.saturating_sub(first));
        let reaches = |t: Frac| passed * i128::from(t.den) >= i128::from(t.num) * i128::from(self.timescale);
        if settings.end.is_some_and(reaches) {
            return;
        }
        if !self.begun {
            let is_key = packet.is_key() || self.is_sound;
            if is_key || self.held.len() >= HELD_MAX {
                self.held.clear();
            }
            self.begun = reaches(settings.start);
            if !is_key && self.held.is_empty() {
                return; // nothing it could be decoded from
            }
        }
        self.held.push_back(packet);
    }

    /// The next packet as it leaves, if it does.
    fn pull(&mut self, settings: &Settings) -> Option<Packet> {
        while self.begun {
            let packet = self.held.pop_front()?;
            if let Some(packet) = self.stamp(packet, settings) {
                return Some(packet);
            }
        }
        None
    }

    fn stamp(&mut self, mut packet: Packet, settings: &Settings) -> Option<Packet> {
        let is_wanted = self.is_sound || if packet.is_key() { settings.keeps.1 } else { settings.keeps.0 };
        if !is_wanted {
            self.lost = true;
            return None;
        }
        if !std::mem::replace(&mut self.sent, true) && settings.start.num > 0 && !settings.keep_times {
            self.shift = packet.dts;
        }
        packet.dts -= self.shift;
        packet.cts -= self.shift;
        if std::mem::take(&mut self.lost) && !packet.is_key() {
            packet.flags |= Flags::DISCONTINUITY;
        }
        Some(packet)
    }
}

impl Filter for Reframer {
    fn process(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        let (mut more, mut wait) = (false, None::<Time>);
        for input in ctx.inputs() {
            for n in 1..=BATCH {
                match self.step(ctx, input) {
                    Step::Moved => more |= n == BATCH,
                    Step::Nothing => break,
                    Step::Wait(at) => {
                        wait = Some(wait.map_or(at, |w| w.min(at)));
                        break;
                    }
                }
            }
        }
        let inputs = ctx.inputs().count();
        let all_ended = inputs > 0 && self.streams.len() == inputs && self.streams.iter().all(|s| s.ended);
        Ok(match (all_ended && ctx.settled(), more, wait) {
            (true, ..) => Status::Done,
            (_, true, _) => Status::Again,
            (_, _, Some(at)) => Status::Until(at),
            _ => Status::Idle,
        })
    }
}
