//! The filter: bytes to tags, tags to outputs.

use std::collections::BTreeSet;

use weir_flv::{AacPacket, AudioBody, AvcPacket, Tag, TagKind, TagReader, VideoBody};
use weir_media::{Bytes, Delivery, Flags, Packet, Prop, Time, Value};
use weir_plugin::{Ctx, Error, Event, Filter, InId, Item, Level, Result, Status, repeat};

use crate::hints::Hints;
use crate::pid::{Pid, Setup, Unit};
use crate::timeline::Timeline;

/// Tags or pieces of input handled in one call.
const STEPS_PER_CALL: usize = 32;
/// Different warnings given; a damaged file could bring endless ones.
const MAX_WARNINGS: usize = 32;

/// The filter.
pub(crate) struct Demux {
    reader: TagReader,
    timeline: Timeline,
    hints: Hints,
    video: Option<Pid>,
    audio: Option<Pid>,
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
            video: None,
            audio: None,
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
        if !self.pids().all(|pid| ctx.room(pid.out)) {
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

    fn pids(&self) -> impl Iterator<Item = &Pid> {
        self.video.iter().chain(&self.audio)
    }

    fn interrupt(&mut self) {
        self.video.iter_mut().chain(&mut self.audio).for_each(Pid::interrupt);
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
                let delivery = props.get(Prop::Delivery);
                if !flowing && matches!(delivery, Some(Value::Delivery(Delivery::Live))) {
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
            Input::Ended if self.pids().next().is_none() => {
                Err(Error::bad_input("the input ended without an AVC or AAC sequence header"))
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
        let result = match tag.kind {
            TagKind::Video => self.video_tag(ctx, tag),
            TagKind::Audio => self.audio_tag(ctx, tag),
            TagKind::Script => {
                self.hints = Hints::read(&tag.body).unwrap_or(std::mem::take(&mut self.hints));
                Ok(())
            }
        };
        if let Err(line) = result {
            self.warnings.give(ctx, line);
        }
    }

    fn video_tag(&mut self, ctx: &mut Ctx<'_>, tag: &Tag) -> std::result::Result<(), String> {
        match VideoBody::parse(&tag.body).map_err(|e| self.damaged("video", &e))? {
            VideoBody::Avc { packet: AvcPacket::SequenceHeader, data, .. } => {
                set_up(&mut self.video, ctx, Setup::avc(own(&data))?, &self.hints);
            }
            VideoBody::Avc { packet: AvcPacket::Nalus, key, cts, data } => {
                let pid = self.video.as_mut().ok_or("video before its sequence header is left out")?;
                let dts = self.timeline.place(tag.timestamp);
                let unit = Unit { data, dts, cts: dts.saturating_add(cts.into()), key, origin: self.origin };
                let sent = pid.send(ctx, unit, &self.hints);
                self.timeline.count(sent.map_err(|e| self.damaged("video", &e))?);
            }
            VideoBody::Avc { packet: AvcPacket::EndOfSequence, .. } | VideoBody::Command(_) | VideoBody::Empty => {}
            other => return Err(format!("video is left out: {} is not supported", named(other.codec_name()))),
        }
        Ok(())
    }

    fn audio_tag(&mut self, ctx: &mut Ctx<'_>, tag: &Tag) -> std::result::Result<(), String> {
        match AudioBody::parse(&tag.body).map_err(|e| self.damaged("audio", &e))? {
            AudioBody::Aac { packet: AacPacket::SequenceHeader, data } => {
                set_up(&mut self.audio, ctx, Setup::aac(own(&data))?, &self.hints);
            }
            AudioBody::Aac { packet: AacPacket::Raw, data } => {
                let pid = self.audio.as_mut().ok_or("audio before its sequence header is left out")?;
                let dts = self.timeline.place(tag.timestamp);
                let unit = Unit { data, dts, cts: dts, key: true, origin: self.origin };
                let sent = pid.send(ctx, unit, &self.hints);
                self.timeline.count(sent.map_err(|e| self.damaged("audio", &e))?);
            }
            AudioBody::Empty => {}
            other => return Err(format!("audio is left out: {} is not supported", named(other.codec_name()))),
        }
        Ok(())
    }

    fn damaged(&self, kind: &str, e: &dyn std::fmt::Display) -> String {
        format!("the {kind} tag at byte {} is damaged and left out: {e}", self.reader.tag_position())
    }
}

/// A sequence header was met: opens the output, or changes its properties.
fn set_up(pid: &mut Option<Pid>, ctx: &mut Ctx<'_>, setup: Setup, hints: &Hints) {
    match pid {
        Some(pid) => pid.change(ctx, setup, hints),
        None => *pid = Some(Pid::open(ctx, setup, hints)),
    }
}

/// A copy of its own: configurations are kept, and must not keep a whole block of input with them.
fn own(data: &Bytes) -> Bytes {
    Bytes::copy_from_slice(data)
}

fn named(codec: Option<String>) -> String {
    codec.unwrap_or_else(|| "its multitrack form".to_owned())
}
