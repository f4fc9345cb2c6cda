//! The filter: bytes to PES packets, PES packets to outputs.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use weir_media::{Flags, Packet, Payload, Time};
use weir_plugin::{Ctx, Error, Event, Filter, InId, Item, Level, Result, Status, repeat};
use weir_ts::read::{Content, Event as Read, Program, Reader, Unit};

use crate::gate::Gate;
use crate::timeline::Timeline;
use crate::track::Track;

/// PES packets or pieces of input handled in one call.
const STEPS_PER_CALL: usize = 32;
/// Different warnings given; a damaged stream could bring endless ones.
const MAX_WARNINGS: usize = 32;
/// Streams read; a hostile stream could bring thousands.
const MAX_TRACKS: usize = 256;

/// The filter.
pub(crate) struct Demux {
    reader: Reader,
    /// Of each programme.
    lines: BTreeMap<u16, Timeline>,
    /// Programmes by the PID that carries their clock.
    clocks: BTreeSet<(u16, u16)>,
    tracks: Vec<Track>,
    gate: Gate,
    /// What is to be sent, with the place of its track in `tracks`.
    queue: VecDeque<(usize, Item)>,
    /// When the bytes read last were born.
    origin: Time,
    input: Input,
    warnings: BTreeSet<String>,
}

/// Where the input is.
enum Input {
    /// Nothing came since it started, or started over.
    Fresh,
    Flowing,
    /// It starts over with this packet, once what is left of the old round was read.
    Restarting(Packet),
    /// It ended; what is left is being read.
    Ended,
    /// All was read.
    Done,
}

impl Filter for Demux {
    fn process(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        repeat(STEPS_PER_CALL, || self.step(ctx))
    }

    fn event(&mut self, ctx: &mut Ctx<'_>, event: Event) -> Result<()> {
        if let Event::Stop = event {
            self.reader = Reader::new();
            self.input = Input::Done;
            ctx.end_all();
        }
        Ok(())
    }
}

impl Demux {
    pub(crate) fn new() -> Self {
        Self {
            reader: Reader::new(),
            lines: BTreeMap::new(),
            clocks: BTreeSet::new(),
            tracks: Vec::new(),
            gate: Gate::default(),
            queue: VecDeque::new(),
            origin: Time::ZERO,
            input: Input::Fresh,
            warnings: BTreeSet::new(),
        }
    }

    fn warn(&mut self, ctx: &mut Ctx<'_>, line: String) {
        if self.warnings.len() >= MAX_WARNINGS || self.warnings.contains(&line) {
            return;
        }
        ctx.log(Level::Warning, line.clone());
        self.warnings.insert(line);
        if self.warnings.len() == MAX_WARNINGS {
            ctx.log(Level::Warning, format!("{MAX_WARNINGS} warnings were given, further ones are not"));
        }
    }

    fn step(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        if let Input::Done = self.input {
            return Ok(Status::Done);
        }
        if let Some(status) = self.send(ctx) {
            return Ok(status);
        }
        if !self.tracks.iter().filter_map(|track| track.out).all(|out| ctx.room(out)) {
            return Ok(Status::Idle);
        }
        match self.reader.pull() {
            Some(Read::Program(program)) => self.program(ctx, program),
            Some(Read::Gone(number)) => self.gone(number),
            Some(Read::Clock { pid, time, is_new }) => self.clock(pid, time, is_new),
            Some(Read::Unit(unit)) => self.unit(ctx, &unit),
            Some(Read::Damage(what)) => self.warn(ctx, what),
            None if self.feed(ctx) => {}
            None => return self.rest(ctx),
        }
        Ok(Status::Again)
    }

    /// Sends what comes next, if it may be sent. `None` when there is nothing.
    fn send(&mut self, ctx: &mut Ctx<'_>) -> Option<Status> {
        let (track, _) = self.queue.front().filter(|_| self.gate.is_open())?;
        if self.tracks[*track].out.is_some_and(|out| !ctx.room(out)) {
            return Some(Status::Idle);
        }
        loop {
            let (track, item) = self.queue.pop_front()?;
            let out = &mut self.tracks[track].out;
            let is_end = matches!(item, Item::End);
            match (item, *out) {
                (Item::Props(props), None) => *out = Some(ctx.open(props)),
                (Item::Props(props), Some(out)) => ctx.set_props(out, props),
                (Item::Packet(packet), Some(out)) => ctx.send(out, packet),
                (Item::End, Some(id)) => {
                    ctx.end(id);
                    *out = None;
                }
                (Item::Packet(_) | Item::End, None) => {} // properties come first
            }
            // A track takes the place of the one before in one go, so that nobody takes it for the end of all.
            if !(is_end && matches!(self.queue.front(), Some((_, Item::Props(_))))) {
                return Some(Status::Again);
            }
        }
    }

    /// Opens what is known. All outputs open before anything is sent, and every programme begins at 0.
    fn open(&mut self) {
        self.gate.open();
        self.rebase();
        let first_props = |queue: &VecDeque<(usize, Item)>, track: usize| {
            queue.iter().position(|(of, item)| *of == track && matches!(item, Item::Props(_)))
        };
        for track in (0..self.tracks.len()).rev() {
            if let Some(item) = first_props(&self.queue, track).and_then(|at| self.queue.remove(at)) {
                self.queue.push_front(item);
            }
        }
    }

    /// Moves what is held back so that what each programme shows first is shown at 0.
    fn rebase(&mut self) {
        let mut starts: BTreeMap<u16, i64> = BTreeMap::new();
        for (track, item) in &self.queue {
            if let Item::Packet(packet) = item {
                let start = starts.entry(self.tracks[*track].program).or_insert(packet.cts);
                *start = packet.cts.min(*start);
            }
        }
        for (number, start) in &starts {
            if let Some(line) = self.lines.get_mut(number) {
                line.shift(start.saturating_neg());
            }
            self.tracks.iter_mut().filter(|t| t.program == *number).for_each(|t| t.rebase(*start));
        }
        for (track, item) in &mut self.queue {
            if let (Item::Packet(packet), Some(start)) = (item, starts.get(&self.tracks[*track].program)) {
                packet.dts = packet.dts.saturating_sub(*start);
                packet.cts = packet.cts.saturating_sub(*start);
            }
        }
    }

    /// Adds what is to be sent, of a track that follows another after the end of that.
    fn enqueue(&mut self, track: usize, item: Item) {
        if let Some(old) = self.tracks[track].replaces.take() {
            self.queue.push_back((old, Item::End));
        }
        self.queue.push_back((track, item));
    }

    fn unit(&mut self, ctx: &mut Ctx<'_>, unit: &Unit) {
        for place in 0..self.tracks.len() {
            if self.tracks[place].pid != unit.pid || self.tracks[place].is_over {
                continue;
            }
            let track = &mut self.tracks[place];
            let program = track.program;
            let mut items = Vec::new();
            let read = track.unit(unit, self.lines.entry(program).or_default(), self.origin, &mut items);
            if let Err(why) = read {
                self.warn(ctx, why);
            }
            let last = items.iter().rev().find_map(|item| if let Item::Packet(p) = item { Some(p.dts) } else { None });
            items.into_iter().for_each(|item| self.enqueue(place, item));
            if !self.gate.is_open() {
                let at =
                    last.or_else(|| unit.dts.or(unit.pts).map(|t| self.lines.entry(program).or_default().place(t)));
                let is_listed = self.reader.is_complete();
                if at.is_some_and(|at| self.gate.unit(program, at, unit.data.len(), is_listed, &self.tracks)) {
                    self.open();
                }
            }
        }
    }

    fn clock(&mut self, pid: u16, time: u64, is_new: bool) {
        for (_, program) in self.clocks.range((pid, 0)..=(pid, u16::MAX)) {
            self.lines.entry(*program).or_default().clock(time, is_new);
        }
    }

    /// Takes over the streams that a programme has from here on.
    fn program(&mut self, ctx: &mut Ctx<'_>, program: Program) {
        let number = program.number;
        self.clocks.retain(|(_, of)| *of != number);
        self.clocks.extend(program.clock_pid.map(|pid| (pid, number)));
        let codec_of = |content: Content| if let Content::Media(codec) = content { Some(codec) } else { None };
        let has = |track: &Track| {
            program.streams.iter().any(|s| codec_of(s.content).is_some_and(|codec| track.is(number, s.pid, codec)))
        };
        let mut ended: Vec<usize> = (0..self.tracks.len())
            .filter(|i| self.tracks[*i].program == number && !self.tracks[*i].is_over && !has(&self.tracks[*i]))
            .collect();
        ended.iter().for_each(|place| self.tracks[*place].is_over = true);
        for stream in program.streams {
            let Some(codec) = codec_of(stream.content) else {
                self.warn(ctx, format!("PID {} is left out: {} is not supported", stream.pid, stream.content));
                continue;
            };
            if self.tracks.iter().any(|track| track.is(number, stream.pid, codec)) {
                continue;
            }
            if self.tracks.len() >= MAX_TRACKS {
                self.warn(ctx, format!("streams after the first {MAX_TRACKS} are left out"));
                break;
            }
            let mut track = Track::new(number, stream.pid, codec, stream.language);
            let alike = ended.iter().position(|old| self.tracks[*old].stream_type() == track.stream_type());
            track.replaces = alike.map(|at| ended.remove(at));
            self.tracks.push(track);
        }
        ended.into_iter().for_each(|place| self.enqueue(place, Item::End));
    }

    /// A programme is in the stream no more.
    fn gone(&mut self, number: u16) {
        self.clocks.retain(|(_, of)| *of != number);
        for place in 0..self.tracks.len() {
            if self.tracks[place].program == number && !std::mem::replace(&mut self.tracks[place].is_over, true) {
                self.enqueue(place, Item::End);
            }
        }
    }

    /// Gives the reader more, as it has nothing left. False when there is no more now, or ever.
    fn feed(&mut self, ctx: &mut Ctx<'_>) -> bool {
        match std::mem::replace(&mut self.input, Input::Fresh) {
            Input::Restarting(piece) => {
                self.reader = Reader::new();
                self.lines.values_mut().for_each(Timeline::restart);
                self.tracks.iter_mut().for_each(Track::interrupt);
                self.push(&piece);
            }
            end @ (Input::Ended | Input::Done) => {
                self.input = end;
                return false;
            }
            state @ (Input::Fresh | Input::Flowing) => {
                self.input = state;
                return self.take(ctx);
            }
        }
        true
    }

    /// Takes the next item of the input; false when there is none.
    fn take(&mut self, ctx: &mut Ctx<'_>) -> bool {
        let flowing = matches!(self.input, Input::Flowing);
        match ctx.next(InId(0)) {
            None => return false,
            Some(Item::Props(_)) => {}
            Some(Item::Packet(piece)) if flowing && piece.flags.contains(Flags::DISCONTINUITY) => {
                self.reader.finish();
                self.input = Input::Restarting(piece);
            }
            Some(Item::Packet(piece)) => self.push(&piece),
            Some(Item::End) => {
                self.reader.finish();
                self.input = Input::Ended;
            }
        }
        true
    }

    fn push(&mut self, piece: &Packet) {
        self.input = Input::Flowing;
        self.origin = piece.origin;
        if let Payload::Bytes(bytes) = &piece.data {
            self.reader.push(bytes);
        }
    }

    /// Nothing can be done now: rests, or ends after the input.
    fn rest(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        match self.input {
            Input::Ended if !self.tracks.iter().any(Track::is_set_up) => {
                Err(Error::bad_input("the input ended without a stream of a codec that is read here"))
            }
            Input::Ended if !self.gate.is_open() => {
                self.open();
                Ok(Status::Again)
            }
            Input::Ended => {
                self.input = Input::Done;
                ctx.end_all();
                Ok(Status::Done)
            }
            _ => Ok(Status::Idle),
        }
    }
}
