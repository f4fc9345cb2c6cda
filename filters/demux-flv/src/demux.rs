//! The filter: bytes to tags, tags to outputs.

use std::collections::{BTreeSet, VecDeque};

use weir_codec::ErrorKind;
use weir_flv::{AudioBody, Content, Enhanced, FrameType, Part, Tag, TagKind, TagReader, VideoBody};
use weir_media::{CodecId, Flags, Packet, Time};
use weir_plugin::{Ctx, Error, Event, Filter, InId, Item, Level, Result, Status, repeat};

use crate::gate::Gate;
use crate::hints::Hints;
use crate::pid::{Pid, TrackId, Unit};
use crate::timeline::Timeline;

/// Tags or pieces of input handled in one call.
const STEPS_PER_CALL: usize = 32;
/// Different warnings given; a damaged file could bring endless ones.
const MAX_WARNINGS: usize = 32;
/// Tracks read; a damaged file could bring 512.
const MAX_TRACKS: usize = 64;

/// The filter.
pub(crate) struct Demux {
    reader: TagReader,
    timeline: Timeline,
    hints: Hints,
    tracks: Vec<Pid>,
    gate: Gate,
    /// What is to be sent, with the place of its track in `tracks`.
    queue: VecDeque<(usize, Item)>,
    /// When the bytes read last were born.
    origin: Time,
    input: Input,
    warnings: Warnings,
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

/// Every warning once.
#[derive(Default)]
struct Warnings(BTreeSet<String>);

impl Warnings {
    fn give(&mut self, ctx: &mut Ctx<'_>, line: String) {
        if self.0.len() >= MAX_WARNINGS || self.0.contains(&line) {
            return;
        }
        ctx.log(Level::Warning, line.clone());
        self.0.insert(line);
        if self.0.len() == MAX_WARNINGS {
            ctx.log(Level::Warning, format!("{MAX_WARNINGS} warnings were given, further ones are not"));
        }
    }
}

impl Demux {
    pub(crate) fn new(start_ms: i64) -> Self {
        Self {
            reader: TagReader::new(),
            timeline: Timeline::new(start_ms),
            hints: Hints::default(),
            tracks: Vec::new(),
            gate: Gate::default(),
            queue: VecDeque::new(),
            origin: Time::ZERO,
            input: Input::Fresh,
            warnings: Warnings::default(),
        }
    }
}

impl Filter for Demux {
    fn process(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        repeat(STEPS_PER_CALL, || self.step(ctx))
    }

    fn event(&mut self, ctx: &mut Ctx<'_>, event: Event) -> Result<()> {
        if let Event::Stop = event {
            self.reader = TagReader::new();
            self.input = Input::Done;
            ctx.end_all();
        }
        Ok(())
    }
}

impl Demux {
    fn step(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        if let Input::Done = self.input {
            return Ok(Status::Done);
        }
        if let Some(status) = self.send(ctx) {
            return Ok(status);
        }
        if !self.tracks.iter().filter_map(|pid| pid.out).all(|out| ctx.room(out)) {
            return Ok(Status::Idle);
        }
        match self.reader.pull() {
            Some(Ok(tag)) => self.tag(ctx, &tag),
            Some(Err(e)) => {
                self.warnings.give(ctx, e.to_string());
                self.interrupt();
            }
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
            let pid = &mut self.tracks[track];
            let is_end = matches!(item, Item::End);
            match (item, pid.out) {
                (Item::Props(props), None) => pid.out = Some(ctx.open(props)),
                (Item::Props(props), Some(out)) => ctx.set_props(out, props),
                (Item::Packet(packet), Some(out)) => ctx.send(out, packet),
                (Item::End, Some(out)) => {
                    ctx.end(out);
                    pid.out = None;
                }
                (Item::Packet(_) | Item::End, None) => {} // properties come first
            }
            // A track takes the place of the one before in one go, so that nobody takes it for the end of all.
            if !(is_end && matches!(self.queue.front(), Some((_, Item::Props(_))))) {
                return Some(Status::Again);
            }
        }
    }

    /// Opens what is known. All outputs open before anything is sent.
    fn open(&mut self) {
        self.gate.open();
        let first_props = |queue: &VecDeque<(usize, Item)>, track: usize| {
            queue.iter().position(|(of, item)| *of == track && matches!(item, Item::Props(_)))
        };
        for track in (0..self.tracks.len()).rev() {
            if let Some(item) = first_props(&self.queue, track).and_then(|at| self.queue.remove(at)) {
                self.queue.push_front(item);
            }
        }
    }

    /// Adds what is to be sent, of a track that follows another after the end of that. Properties replace those that
    /// nothing was sent with.
    fn enqueue(&mut self, track: usize, item: Item) {
        if let Some(old) = self.tracks[track].replaces.take() {
            self.queue.push_back((old, Item::End));
        }
        let last = self.queue.iter_mut().rev().find(|(of, _)| *of == track);
        match (item, last) {
            (Item::Props(new), Some((_, Item::Props(old)))) => *old = new,
            (item, _) => self.queue.push_back((track, item)),
        }
    }

    fn interrupt(&mut self) {
        self.tracks.iter_mut().for_each(Pid::interrupt);
    }

    /// Gives the reader more, as it has nothing left. False when there is no more now, or ever.
    fn feed(&mut self, ctx: &mut Ctx<'_>) -> bool {
        match std::mem::replace(&mut self.input, Input::Fresh) {
            Input::Restarting(piece) => {
                self.reader = TagReader::new();
                self.timeline.restart();
                self.interrupt();
                self.push(piece);
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
            Some(Item::Props(props)) => {
                if !flowing && props.is_delivered_live() {
                    self.reader = TagReader::of_tags();
                }
            }
            Some(Item::Packet(piece)) if flowing && piece.flags.contains(Flags::DISCONTINUITY) => {
                self.reader.finish();
                self.input = Input::Restarting(piece);
            }
            Some(Item::Packet(piece)) => self.push(piece),
            Some(Item::End) => {
                self.reader.finish();
                self.input = Input::Ended;
            }
        }
        true
    }

    fn push(&mut self, piece: Packet) {
        self.input = Input::Flowing;
        self.origin = piece.origin;
        if let weir_media::Payload::Bytes(bytes) = piece.data {
            self.reader.push_bytes(bytes);
        }
    }

    /// Nothing can be done now: rests, or ends after the input.
    fn rest(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        match self.input {
            Input::Ended if !self.tracks.iter().any(Pid::is_set_up) => {
                Err(Error::bad_input("the input ended without a track of a codec that is read here"))
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

    fn tag(&mut self, ctx: &mut Ctx<'_>, tag: &Tag) {
        let was_open = self.gate.is_open();
        match tag.kind {
            TagKind::Video | TagKind::Audio => self.media(ctx, tag),
            TagKind::Script => {
                if let Some(hints) = Hints::read(&tag.body) {
                    self.gate.told(&hints);
                    self.hints = hints;
                }
            }
        }
        if self.gate.is_open() && !was_open {
            self.open();
        }
    }

    fn media(&mut self, ctx: &mut Ctx<'_>, tag: &Tag) {
        let is_video = tag.kind == TagKind::Video;
        let read = if is_video { Media::of_video(tag) } else { Media::of_audio(tag) };
        let kind = if is_video { "video" } else { "audio" };
        match read {
            Ok(media) => {
                if let Some(name) = &media.unknown {
                    self.warnings.give(ctx, format!("{kind} is left out: {name} is not supported"));
                }
                for part in &media.parts {
                    if let Err(line) = self.part(tag, &media, part) {
                        self.warnings.give(ctx, line);
                    }
                }
            }
            Err(e) => {
                let line = self.damaged(kind, &e);
                self.warnings.give(ctx, line);
            }
        }
    }

    fn part(&mut self, tag: &Tag, media: &Media, part: &Part) -> std::result::Result<(), String> {
        let id = TrackId { is_video: tag.kind == TagKind::Video, number: part.track };
        let kind = id.kind();
        let known = part.codec.codec().filter(|codec| codec.stream_type().is_some_and(|ty| ty == id.stream_type()));
        let Some(codec) = known else {
            return Err(format!("{kind} is left out: {} is not supported", part.codec));
        };
        let track = self.track(id, codec).ok_or_else(|| format!("tracks after the first {MAX_TRACKS} are left out"))?;
        match part.content {
            Content::Config => {
                if self.tracks[track].header(&part.data)? {
                    self.new_props(track);
                }
            }
            Content::Metadata => {
                if self.tracks[track].metadata(&part.data) {
                    self.new_props(track);
                }
            }
            Content::Frames if part.data.is_empty() => {}
            Content::Frames => self.frames(tag, media, part, track)?,
            Content::End | Content::Channels | Content::Unknown => {}
            Content::TsConfig => {
                return Err(format!("{kind} is left out: {} set up as in MPEG-2 TS is not supported", part.codec));
            }
        }
        Ok(())
    }

    /// The place of a track; another codec in its place is another track.
    fn track(&mut self, id: TrackId, codec: CodecId) -> Option<usize> {
        let place = self.tracks.iter().position(|pid| pid.id == id && !pid.is_over);
        if let Some(place) = place {
            if self.tracks[place].codec == codec {
                return Some(place);
            }
            self.tracks[place].is_over = true;
        }
        if self.tracks.len() >= MAX_TRACKS {
            return None;
        }
        self.tracks.push(Pid::new(id, codec, place));
        Some(self.tracks.len() - 1)
    }

    fn new_props(&mut self, track: usize) {
        if let Some(props) = self.tracks[track].new_props(&self.hints) {
            self.enqueue(track, Item::Props(props));
        }
    }

    fn frames(&mut self, tag: &Tag, media: &Media, part: &Part, track: usize) -> std::result::Result<(), String> {
        let dts = self.timeline.place(tag.timestamp);
        let unit = Unit {
            data: part.data.clone(),
            dts,
            nanos: media.offset_nanos,
            cts: part.cts,
            key: media.key,
            origin: self.origin,
        };
        let pid = &mut self.tracks[track];
        let kind = pid.id.kind();
        let made = pid.packet(unit, &self.hints).map_err(|e| match e.kind {
            ErrorKind::Missing => format!("{kind} before its sequence header is left out"),
            _ => self.damaged(kind, &e),
        })?;
        let items = [made.props.map(Item::Props), made.packet.map(Item::Packet)];
        items.into_iter().flatten().for_each(|item| self.enqueue(track, item));
        self.timeline.count(made.end);
        self.gate.packet(dts, part.data.len(), self.reader.header(), &self.tracks);
        Ok(())
    }

    fn damaged(&self, kind: &str, e: &dyn std::fmt::Display) -> String {
        format!("the {kind} tag at byte {} is damaged and left out: {e}", self.reader.tag_position())
    }
}

/// What a tag holds.
struct Media {
    parts: Vec<Part>,
    key: bool,
    offset_nanos: u32,
    /// The name of its codec, when that has no parts.
    unknown: Option<String>,
}

impl Media {
    fn of_video(tag: &Tag) -> std::result::Result<Self, weir_flv::Error> {
        let body = VideoBody::parse(&tag.body)?;
        let key = matches!(body.frame_type(), FrameType::KEY | FrameType::GENERATED_KEY);
        let (offset_nanos, unknown) = match &body {
            VideoBody::Enhanced { body, .. } => (body.offset_nanos, layout(body)),
            VideoBody::Other { .. } => (0, body.codec_name()),
            _ => (0, None),
        };
        let parts = body.parts()?;
        Ok(Self { unknown: unknown.filter(|_| parts.is_empty()), parts, key, offset_nanos })
    }

    fn of_audio(tag: &Tag) -> std::result::Result<Self, weir_flv::Error> {
        let body = AudioBody::parse(&tag.body)?;
        let (offset_nanos, unknown) = match &body {
            AudioBody::Enhanced(body) => (body.offset_nanos, layout(body)),
            AudioBody::Other { .. } => (0, body.codec_name()),
            _ => (0, None),
        };
        let parts = body.parts()?;
        Ok(Self { unknown: unknown.filter(|_| parts.is_empty()), parts, key: true, offset_nanos })
    }
}

/// What to call a body whose layout is not known.
fn layout(body: &Enhanced) -> Option<String> {
    if body.fourcc.is_none() { Some("its multitrack form".to_owned()) } else { None }
}
