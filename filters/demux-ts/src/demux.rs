//! The filter: bytes to PES packets, PES packets to outputs.

use std::collections::{BTreeMap, BTreeSet};

use weir_plugin::{ByteInput, Ctx, Error, Event, Fed, Filter, Item, Result, Status, TrackQueue, Warnings, repeat};
use weir_ts::read::{Content, Event as Read, Program, Reader, Unit};

use crate::gate::Gate;
use crate::timeline::Timeline;
use crate::track::Track;

/// PES packets or pieces of input handled in one call.
const STEPS_PER_CALL: usize = 32;
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
    queue: TrackQueue,
    input: ByteInput,
    warnings: Warnings,
}

impl Filter for Demux {
    fn process(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        repeat(STEPS_PER_CALL, || self.step(ctx))
    }

    fn event(&mut self, ctx: &mut Ctx<'_>, event: Event) -> Result<()> {
        if let Event::Stop = event {
            self.reader = Reader::new();
            self.input.finish();
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
            queue: TrackQueue::default(),
            input: ByteInput::default(),
            warnings: Warnings::default(),
        }
    }

    fn step(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        if self.input.is_done() {
            return Ok(Status::Done);
        }
        if self.gate.is_open()
            && let Some(status) = self.queue.send(ctx)
        {
            return Ok(status);
        }
        if !self.queue.has_room(ctx) {
            return Ok(Status::Idle);
        }
        match self.reader.pull() {
            Some(Read::Program(program)) => self.program(ctx, program),
            Some(Read::Gone(number)) => self.gone(number),
            Some(Read::Clock { pid, time, is_new }) => self.clock(pid, time, is_new),
            Some(Read::Unit(unit)) => self.unit(ctx, &unit),
            Some(Read::Damage(what)) => self.warnings.give(ctx, what),
            None if self.feed(ctx) => {}
            None => return self.rest(ctx),
        }
        Ok(Status::Again)
    }

    /// Opens what is known. All outputs open before anything is sent, and every programme begins at 0.
    fn open(&mut self) {
        self.gate.open();
        self.rebase();
        self.queue.lead_with_props();
    }

    /// Moves what is held back so that what each programme shows first is shown at 0.
    fn rebase(&mut self) {
        let mut starts: BTreeMap<u16, i64> = BTreeMap::new();
        for (track, item) in self.queue.iter_mut() {
            if let Item::Packet(packet) = item {
                let start = starts.entry(self.tracks[track].program).or_insert(packet.cts);
                *start = packet.cts.min(*start);
            }
        }
        for (number, start) in &starts {
            if let Some(line) = self.lines.get_mut(number) {
                line.shift(start.saturating_neg());
            }
            self.tracks.iter_mut().filter(|t| t.program == *number).for_each(|t| t.rebase(*start));
        }
        for (track, item) in self.queue.iter_mut() {
            if let (Item::Packet(packet), Some(start)) = (item, starts.get(&self.tracks[track].program)) {
                packet.dts = packet.dts.saturating_sub(*start);
                packet.cts = packet.cts.saturating_sub(*start);
            }
        }
    }

    fn unit(&mut self, ctx: &mut Ctx<'_>, unit: &Unit) {
        for place in 0..self.tracks.len() {
            if self.tracks[place].pid != unit.pid || self.tracks[place].is_over {
                continue;
            }
            let track = &mut self.tracks[place];
            let program = track.program;
            let mut items = Vec::new();
            let read = track.unit(unit, self.lines.entry(program).or_default(), self.input.origin(), &mut items);
            if let Err(why) = read {
                self.warnings.give(ctx, why);
            }
            let last = items.iter().rev().find_map(|item| if let Item::Packet(p) = item { Some(p.dts) } else { None });
            items.into_iter().for_each(|item| self.queue.push(place, item));
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
                self.warnings.give(ctx, format!("PID {} is left out: {} is not supported", stream.pid, stream.content));
                continue;
            };
            if self.tracks.iter().any(|track| track.is(number, stream.pid, codec)) {
                continue;
            }
            if self.tracks.len() >= MAX_TRACKS {
                self.warnings.give(ctx, format!("streams after the first {MAX_TRACKS} are left out"));
                break;
            }
            let track = Track::new(number, stream.pid, codec, stream.language);
            let alike = ended.iter().position(|old| self.tracks[*old].stream_type() == track.stream_type());
            if let Some(at) = alike {
                self.queue.replace(ended.remove(at), self.tracks.len());
            }
            self.tracks.push(track);
        }
        ended.into_iter().for_each(|place| self.queue.push(place, Item::End));
    }

    /// A programme is in the stream no more.
    fn gone(&mut self, number: u16) {
        self.clocks.retain(|(_, of)| *of != number);
        for place in 0..self.tracks.len() {
            if self.tracks[place].program == number && !std::mem::replace(&mut self.tracks[place].is_over, true) {
                self.queue.push(place, Item::End);
            }
        }
    }

    /// Gives the reader more, as it has nothing left. False when there is no more now, or ever.
    fn feed(&mut self, ctx: &mut Ctx<'_>) -> bool {
        match self.input.next(ctx) {
            Fed::Nothing => return false,
            Fed::Props(_) => {}
            Fed::Bytes(bytes) => self.reader.push(&bytes),
            Fed::Break => self.reader.finish(),
            Fed::Anew(bytes) => {
                self.reader = Reader::new();
                self.lines.values_mut().for_each(Timeline::restart);
                self.tracks.iter_mut().for_each(Track::interrupt);
                self.reader.push(&bytes);
            }
        }
        true
    }

    /// Nothing can be done now: rests, or ends after the input.
    fn rest(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        if !self.input.has_ended() {
            return Ok(Status::Idle);
        }
        if !self.tracks.iter().any(Track::is_set_up) {
            return Err(Error::bad_input("the input ended without a stream of a codec that is read here"));
        }
        if !self.gate.is_open() {
            self.open();
            return Ok(Status::Again);
        }
        self.input.finish();
        ctx.end_all();
        Ok(Status::Done)
    }
}
