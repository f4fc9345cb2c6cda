//! The filter: bytes to blocks, blocks to outputs. No output opens before all tracks are set up, or it took too long.

use weir_media::Frac;
use weir_plugin::{ByteInput, Ctx, Error, Event, Fed, Filter, Item, Result, Status, TrackQueue, Warnings, repeat};

use crate::block::Block;
use crate::entry::Entry;
use crate::reader::{Event as Read, Info, Reader};
use crate::scale::Scale;
use crate::timeline::Timeline;
use crate::track::{Frame, Track};

/// Blocks or pieces of input handled in one call.
const STEPS_PER_CALL: usize = 32;
/// Tracks read; a hostile file could bring thousands.
const MAX_TRACKS: usize = 64;
/// Bytes held back for a track that is not set up: a second of pictures at 256 Mbit/s.
const MAX_HELD: usize = 32 << 20;

/// The filter.
pub(crate) struct Demux {
    reader: Reader,
    info: Info,
    scale: Option<Scale>,
    line: Timeline,
    tracks: Vec<Track>,
    gate: Gate,
    /// What is to be sent, with the place of its track in `tracks`.
    queue: TrackQueue,
    input: ByteInput,
    warnings: Warnings,
}

/// Whether outputs are open, and what is held back until then.
#[derive(Default)]
struct Gate {
    is_open: bool,
    /// First and last time held back.
    span: Option<(i64, i64)>,
    bytes: usize,
}

impl Filter for Demux {
    fn process(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        repeat(STEPS_PER_CALL, || self.step(ctx))
    }

    fn event(&mut self, ctx: &mut Ctx<'_>, event: Event) -> Result<()> {
        if let Event::Stop = event {
            self.reader = Reader::default();
            self.input.finish();
            ctx.end_all();
        }
        Ok(())
    }
}

impl Demux {
    pub(crate) fn new() -> Self {
        Self {
            reader: Reader::default(),
            info: Info::default(),
            scale: None,
            line: Timeline::default(),
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
        if self.gate.is_open
            && let Some(status) = self.queue.send(ctx)
        {
            return Ok(status);
        }
        if !self.queue.has_room(ctx) {
            return Ok(Status::Idle);
        }
        match self.reader.pull() {
            Some(Read::Begin) => self.begin(),
            Some(Read::Info(info)) => self.info = info,
            Some(Read::Tracks(entries)) => self.entries(ctx, entries),
            Some(Read::Block(cluster, block)) => self.block(ctx, cluster, block),
            Some(Read::Damage(what)) => {
                self.warnings.give(ctx, what);
                self.tracks.iter_mut().for_each(Track::interrupt);
            }
            None if self.feed(ctx) => {}
            None => return self.rest(ctx),
        }
        Ok(Status::Again)
    }

    /// Opens what is known. All outputs open before anything is sent.
    fn open(&mut self) {
        self.gate = Gate { is_open: true, ..Gate::default() };
        self.queue.lead_with_props();
    }

    /// Opens when all tracks are set up, or too much is held back.
    fn open_if_ready(&mut self) {
        let second = self.scale.map_or(1000, |scale| i64::from(scale.per_second));
        let is_long = self.gate.span.is_some_and(|(first, last)| last.saturating_sub(first) >= second);
        let is_ready = self.tracks.iter().all(|track| track.is_over || track.is_set_up());
        if !self.gate.is_open && (is_long || self.gate.bytes > MAX_HELD || is_ready) {
            self.open();
        }
    }

    /// A file begins, the first one or one that follows.
    fn begin(&mut self) {
        self.info = Info::default();
        if !self.tracks.is_empty() {
            self.line.restart();
            self.tracks.iter_mut().for_each(Track::interrupt);
        }
    }

    /// Takes over the tracks of a file.
    fn entries(&mut self, ctx: &mut Ctx<'_>, entries: Vec<Entry>) {
        let scale = Scale::of(self.info.scale);
        // Outputs count as they began.
        let scale = Scale { per_second: self.scale.map_or(scale.per_second, |first| first.per_second), ..scale };
        self.scale = Some(scale);
        let goes_on = |track: &Track| entries.iter().any(|entry| track.takes(entry));
        let mut ended: Vec<usize> =
            (0..self.tracks.len()).filter(|i| !self.tracks[*i].is_over && !goes_on(&self.tracks[*i])).collect();
        ended.iter().for_each(|place| self.tracks[*place].is_over = true);
        for entry in entries {
            let number = entry.number;
            if let Err(why) = self.entry(entry, scale, &mut ended) {
                self.warnings.give(ctx, format!("track {number} is left out: {why}"));
            }
        }
        ended.into_iter().for_each(|place| self.queue.push(place, Item::End));
        if self.tracks.iter().any(|track| !track.is_over) {
            self.open_if_ready();
        }
    }

    /// Takes over a track, in place of one of its kind that ended when it is another.
    fn entry(&mut self, entry: Entry, scale: Scale, ended: &mut Vec<usize>) -> std::result::Result<(), String> {
        let place = match self.tracks.iter().position(|track| track.takes(&entry)) {
            Some(place) => {
                self.tracks[place].go_on(entry, scale)?;
                place
            }
            None if self.tracks.len() >= MAX_TRACKS => return Err(format!("{MAX_TRACKS} came before it")),
            None => {
                let codec = entry.codec.clone()?;
                let track = Track::new(entry, codec, scale, self.length(scale))?;
                let alike = ended.iter().position(|old| self.tracks[*old].stream_type() == track.stream_type());
                if let Some(at) = alike {
                    self.queue.replace(ended.remove(at), self.tracks.len());
                }
                self.tracks.push(track);
                self.tracks.len() - 1
            }
        };
        if let Some(props) = self.tracks[place].new_props() {
            self.queue.push(place, Item::Props(props));
        }
        Ok(())
    }

    /// Length of the file in seconds.
    fn length(&self, scale: Scale) -> Option<Frac> {
        #[expect(clippy::cast_possible_truncation, reason = "a conversion that saturates")]
        let units = self.info.duration.map(|units| units.round() as i64)?;
        Some(Frac { num: scale.of_time(units), den: scale.per_second }).filter(|length| length.num > 0)
    }

    fn block(&mut self, ctx: &mut Ctx<'_>, cluster: i64, block: Block) {
        let is_its = |track: &Track| track.number == block.track && !track.is_over;
        let Some(place) = self.tracks.iter().position(is_its) else { return };
        let track = &mut self.tracks[place];
        let scale = track.scale;
        let mut at = self.line.place(scale.of_time(cluster + i64::from(block.time))).saturating_sub(track.delay());
        let whole = block.duration.map(|units| scale.of_time(i64::try_from(units).unwrap_or(i64::MAX)));
        let duration = track.step_in_block(whole, block.frames.len());
        let (mut items, mut faults, mut bytes) = (Vec::new(), Vec::new(), 0);
        let first = at;
        for data in block.frames {
            bytes += data.len();
            let (is_key, is_disposable, origin) = (block.is_key, block.is_disposable, self.input.origin());
            match track.frame(Frame { data, at, duration, is_key, is_disposable, origin }, &mut items) {
                Ok(end) => at = end,
                Err(why) => faults.push(why),
            }
        }
        self.line.count(at);
        for why in faults {
            self.warnings.give(ctx, format!("track {}: {why}", block.track));
        }
        items.into_iter().for_each(|item| self.queue.push(place, item));
        self.gate.span = self.gate.span.map(|(from, to)| (from.min(first), to.max(first))).or(Some((first, first)));
        self.gate.bytes = self.gate.bytes.saturating_add(bytes);
        self.open_if_ready();
    }

    /// Gives the reader more, as it has nothing left. False when there is no more now, or ever.
    fn feed(&mut self, ctx: &mut Ctx<'_>) -> bool {
        match self.input.next(ctx) {
            Fed::Nothing => return false,
            Fed::Props(_) => {}
            Fed::Bytes(bytes) => self.reader.push(&bytes),
            Fed::Break => self.reader.finish(),
            Fed::Anew(bytes) => {
                self.reader = Reader::default();
                self.begin();
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
            return Err(Error::bad_input("the input ended without a track of a codec that is read here"));
        }
        if !self.gate.is_open {
            self.open();
            return Ok(Status::Again);
        }
        self.input.finish();
        ctx.end_all();
        Ok(Status::Done)
    }
}
