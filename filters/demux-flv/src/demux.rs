//! The filter: bytes to tags, tags to outputs.

use weir_codec::ErrorKind;
use weir_flv::{AudioBody, Content, Enhanced, FrameType, Part, Tag, TagKind, TagReader, VideoBody};
use weir_media::CodecId;
use weir_plugin::{ByteInput, Ctx, Error, Event, Fed, Filter, Item, Result, Status, TrackQueue, Warnings, repeat};

use crate::gate::Gate;
use crate::hints::Hints;
use crate::pid::{Pid, TrackId, Unit};
use crate::timeline::Timeline;

/// Tags or pieces of input handled in one call.
const STEPS_PER_CALL: usize = 32;
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
    queue: TrackQueue,
    input: ByteInput,
    warnings: Warnings,
}

impl Demux {
    pub(crate) fn new(start_ms: i64) -> Self {
        Self {
            reader: TagReader::new(),
            timeline: Timeline::new(start_ms),
            hints: Hints::default(),
            tracks: Vec::new(),
            gate: Gate::default(),
            queue: TrackQueue::default(),
            input: ByteInput::default(),
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
            self.input.finish();
            ctx.end_all();
        }
        Ok(())
    }
}

impl Demux {
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

    /// Opens what is known. All outputs open before anything is sent.
    fn open(&mut self) {
        self.gate.open();
        self.queue.lead_with_props();
    }

    fn interrupt(&mut self) {
        self.tracks.iter_mut().for_each(Pid::interrupt);
    }

    /// Gives the reader more, as it has nothing left. False when there is no more now, or ever.
    fn feed(&mut self, ctx: &mut Ctx<'_>) -> bool {
        match self.input.next(ctx) {
            Fed::Nothing => return false,
            Fed::Props(props) => {
                if !self.input.is_flowing() && props.is_delivered_live() {
                    self.reader = TagReader::of_tags();
                }
            }
            Fed::Bytes(bytes) => self.reader.push_bytes(bytes),
            Fed::Break => self.reader.finish(),
            Fed::Anew(bytes) => {
                self.reader = TagReader::new();
                self.timeline.restart();
                self.interrupt();
                self.reader.push_bytes(bytes);
            }
        }
        true
    }

    /// Nothing can be done now: rests, or ends after the input.
    fn rest(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        if !self.input.has_ended() {
            return Ok(Status::Idle);
        }
        if !self.tracks.iter().any(Pid::is_set_up) {
            return Err(Error::bad_input("the input ended without a track of a codec that is read here"));
        }
        if !self.gate.is_open() {
            self.open();
            return Ok(Status::Again);
        }
        self.input.finish();
        ctx.end_all();
        Ok(Status::Done)
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
        let new = self.tracks.len();
        if let Some(old) = place {
            self.queue.replace(old, new);
        }
        self.tracks.push(Pid::new(id, codec));
        Some(new)
    }

    fn new_props(&mut self, track: usize) {
        if let Some(props) = self.tracks[track].new_props(&self.hints) {
            self.queue.push(track, Item::Props(props));
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
            origin: self.input.origin(),
        };
        let pid = &mut self.tracks[track];
        let kind = pid.id.kind();
        let made = pid.packet(unit, &self.hints).map_err(|e| match e.kind {
            ErrorKind::Missing => format!("{kind} before its sequence header is left out"),
            _ => self.damaged(kind, &e),
        })?;
        let items = [made.props.map(Item::Props), made.packet.map(Item::Packet)];
        items.into_iter().flatten().for_each(|item| self.queue.push(track, item));
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
