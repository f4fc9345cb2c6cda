//! The muxer: tracks in decoding order to FLV tags, one packet each.

use weir_codec::StreamConfig;
use weir_flv::{HEADER_LEN, Header, KeyFrame, SeekableScript};
use weir_media::{Bytes, BytesMut, Delivery, Flags, Packet, Piece, Prop, Props, StreamType, Time, rescale};
use weir_plugin::{Ctx, Error, Filter, InId, Level, Options, OutId, Result, Split, Status};

use weir_plugin::interleave::{self, MICROS, Muxer, Track, Waiting};

use crate::format::Format;
use crate::meta::metadata;

/// When no packet comes from some track, the others are not held back longer than this before the start, microseconds.
const START_WAIT: i64 = 2_000_000;

/// What the user asked for.
pub(crate) struct Settings {
    live: bool,
    ileave: i64,
    slots: usize,
    /// Every track in the enhanced form.
    enhanced: bool,
    split: Split,
}

impl Settings {
    pub(crate) fn new(options: &Options, live: bool) -> Result<Self> {
        let default = if live { 300 } else { 1000 };
        let millis = options.millis("ileave").unwrap_or(default);
        let enhanced = options.bool("enhanced").unwrap_or(false);
        let slots = options.int("keyframes").and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
        // What is delivered live is one stream.
        let split = if live { Split::default() } else { Split::new(options)? };
        Ok(Self {
            live,
            ileave: i64::try_from(millis.saturating_mul(1000)).unwrap_or(i64::MAX),
            slots,
            enhanced,
            split,
        })
    }
}

/// Where the muxer is.
enum State {
    /// Waiting for the tracks.
    Gathering,
    Writing(Box<Writing>),
}

/// A stream begun.
struct Writing {
    out: OutId,
    /// Media time that becomes timestamp 0, microseconds.
    base: i64,
    /// The script at the start of a file, to be patched.
    script: Option<SeekableScript>,
    /// What the header of a file says.
    header: [u8; HEADER_LEN],
    /// Bytes written.
    size: u64,
    /// End of the last packet, milliseconds.
    end: i64,
    /// What is written next begins a file that is not the first.
    is_next: bool,
}

/// The filter.
pub(crate) struct Mux {
    settings: Settings,
    tracks: Vec<Track>,
    /// Of each track how it is written.
    formats: Vec<Format>,
    state: State,
    warned_backwards: bool,
}

impl Mux {
    pub(crate) fn new(settings: Settings) -> Self {
        let state = State::Gathering;
        Self { settings, tracks: Vec::new(), formats: Vec::new(), state, warned_backwards: false }
    }

    fn begin_file(&mut self, out: OutId, base: i64, is_next: bool) {
        let header = self.header();
        self.state = State::Writing(Box::new(Writing { out, base, script: None, header, size: 0, end: 0, is_next }));
    }

    /// Completes the file and begins another, when it is time for one, before what can begin a file.
    fn split_at(&mut self, ctx: &mut Ctx<'_>, dts: i64) -> Result<()> {
        let size = self.writing().size;
        if !self.settings.split.is_due(dts, size) {
            return Ok(());
        }
        self.complete(ctx)?;
        for (track, format) in self.tracks.iter_mut().zip(&mut self.formats) {
            track.last = None;
            if let Some(config) = format.forget() {
                track.queue.push_front(Waiting::Config(config));
            }
        }
        let out = self.writing().out;
        self.begin_file(out, dts, true);
        self.write_start(ctx, 0)
    }

    fn waited(&self, first: Option<i64>) -> bool {
        let last = self.tracks.iter().flat_map(|t| t.queue.iter()).filter_map(|w| match w {
            Waiting::Packet(_, dts) => Some(*dts),
            Waiting::Config(_) => None,
        });
        last.max().zip(first).is_some_and(|(last, first)| last - first >= START_WAIT)
    }

    fn write_start(&mut self, ctx: &mut Ctx<'_>, at: i64) -> Result<()> {
        let metadata = metadata(&self.tracks, &self.formats);
        let (live, slots) = (self.settings.live, self.settings.slots);
        let mut tag = BytesMut::new();
        if !live {
            let header = Bytes::copy_from_slice(&self.writing().header);
            self.put(ctx, header, 0, Flags::HEADER, None);
        }
        if live || slots == 0 {
            metadata.write_tag(wire(at), &mut tag).map_err(internal)?;
        } else {
            let script = SeekableScript::new(metadata, slots).map_err(internal)?;
            script.write_tag(&mut tag).map_err(internal)?;
            self.writing().script = Some(script);
        }
        self.put(ctx, tag.freeze(), at, Flags::HEADER, None);
        // All configurations come before all media.
        for i in 0..self.tracks.len() {
            while let Some(Waiting::Config(_)) = self.tracks[i].queue.front() {
                if let Some(Waiting::Config(config)) = self.tracks[i].queue.pop_front() {
                    self.write_config(ctx, i, config, at)?;
                }
            }
        }
        Ok(())
    }

    fn header(&self) -> [u8; HEADER_LEN] {
        let has_video = self.tracks.iter().any(Track::is_video);
        let has_audio = self.tracks.iter().any(|t| !t.is_video());
        Header { video: has_video, audio: has_audio }.to_bytes()
    }

    fn writing(&mut self) -> &mut Writing {
        match &mut self.state {
            State::Writing(writing) => writing,
            State::Gathering => unreachable!("called only after begin"),
        }
    }

    fn put(&mut self, ctx: &mut Ctx<'_>, data: Bytes, at: i64, flags: Flags, from: Option<&Packet>) {
        let writing = self.writing();
        writing.size += data.len() as u64;
        let origin = from.map_or(Time::ZERO, |p| p.origin);
        let piece = std::mem::take(&mut writing.is_next).then_some(Piece::Next);
        ctx.send(writing.out, Packet { flags, origin, piece, ..Packet::new(data, at) });
    }

    /// Writes a decoder configuration, and what is known of colour.
    fn write_config(&mut self, ctx: &mut Ctx<'_>, track: usize, data: Bytes, at: i64) -> Result<()> {
        let (format, props) = (self.formats[track].clone(), self.tracks[track].props.clone());
        let colour = format.colour(&props);
        let told = self.formats[track].tell(&data, colour.as_ref());
        let mut tag = BytesMut::new();
        if format.is_announced() && told.config {
            format.config(data, wire(at), &mut tag).map_err(internal)?;
            self.put(ctx, tag.split().freeze(), at, Flags::HEADER, None);
        }
        if let Some(colour) = colour.filter(|_| told.colour) {
            format.metadata(colour, wire(at), &mut tag).map_err(internal)?;
            self.put(ctx, tag.freeze(), at, Flags::HEADER, None);
        }
        Ok(())
    }

    /// Milliseconds of a media time, never before what the track has already written.
    fn timestamp(&mut self, track: usize, dts: i64) -> i64 {
        let base = self.writing().base;
        rescale(dts - base, MICROS, 1000).max(self.tracks[track].last.unwrap_or(0))
    }

    fn write_packet(&mut self, ctx: &mut Ctx<'_>, i: usize, packet: &Packet, dts: i64) -> Result<()> {
        let Some(data) = packet.bytes().filter(|b| !b.is_empty()).cloned() else { return Ok(()) };
        if packet.is_key() && self.leads(i) {
            self.split_at(ctx, dts)?;
        }
        let at = self.timestamp(i, dts);
        let base = self.writing().base;
        let exact = rescale(dts - base, MICROS, 1000);
        if exact < at && !std::mem::replace(&mut self.warned_backwards, true) {
            ctx.log(Level::Warning, format!("timestamps go back by {} ms; they are held", at - exact));
        }
        let scale = self.tracks[i].props.timescale();
        let mut tag = BytesMut::new();
        let format = &self.formats[i];
        let cts = rescale(rescale(packet.cts, scale, MICROS) - base, MICROS, 1000) - at;
        let cts = i32::try_from(cts).map_err(|_| Error::bad_input("a composition offset is out of range"))?;
        let written = format.frame(data, packet.is_key(), cts, wire(at), &mut tag);
        written.map_err(|e| Error::bad_input(e.to_string()))?;
        self.tracks[i].last = Some(at);
        let start_here = packet.is_key() && self.leads(i);
        self.index(start_here, at, at + rescale(packet.duration.into(), scale, 1000));
        self.put(ctx, tag.freeze(), at, self.flags(packet, start_here), Some(packet));
        Ok(())
    }

    /// Whether players begin with key packets of this track.
    fn leads(&self, i: usize) -> bool {
        self.formats[i].number == 0 && (self.tracks[i].is_video() || !self.tracks.iter().any(Track::is_video))
    }

    fn flags(&self, packet: &Packet, key: bool) -> Flags {
        let kept = [Flags::DISPOSABLE, Flags::DISCONTINUITY].into_iter().filter(|f| packet.flags.contains(*f));
        kept.fold(if key { Flags::KEY } else { Flags::NONE }, |all, f| all | f)
    }

    fn index(&mut self, key: bool, at: i64, end: i64) {
        let writing = self.writing();
        writing.end = writing.end.max(end);
        let position = writing.size;
        if let Some(script) = writing.script.as_mut().filter(|_| key) {
            script.index.push(KeyFrame { time: seconds(at), position });
        }
    }
}

impl Muxer for Mux {
    fn tracks(&mut self) -> &mut Vec<Track> {
        &mut self.tracks
    }

    fn out(&self) -> Option<OutId> {
        match &self.state {
            State::Writing(writing) => Some(writing.out),
            State::Gathering => None,
        }
    }

    /// Adds a track; one that comes late is announced when its turn comes.
    fn new_track(&mut self, ctx: &mut Ctx<'_>, input: InId, props: Props) {
        let kind = props.stream_type();
        // The number of a track that was written and ended goes to one that follows it.
        let numbers = self.tracks.iter().zip(&self.formats).filter(|(t, _)| t.props.stream_type() == kind);
        let taken: Vec<u8> =
            numbers.filter(|(t, _)| !t.ended || t.last.is_none()).map(|(_, format)| format.number).collect();
        let number = (0..=u8::MAX).find(|number| !taken.contains(number));
        let Some(format) = number.and_then(|number| Format::new(&props, number, self.settings.enhanced)) else {
            let what = kind.map_or("stream", StreamType::name);
            ctx.log(
                Level::Warning,
                format!("FLV holds 256 {what} tracks of codecs it knows; a further one is left out"),
            );
            return;
        };
        let has_record = props.codec().is_none_or(StreamConfig::has_record);
        let mut track = Track::new(input, props);
        if !has_record {
            // Nothing to set up, but players learn of the track.
            track.queue.push_front(Waiting::Config(Bytes::new()));
        }
        self.tracks.push(track);
        self.formats.push(format);
    }

    /// Begins once all tracks are known and have a packet, or have kept the others waiting too long.
    fn begin(&mut self, ctx: &mut Ctx<'_>) -> Result<()> {
        let ready = ctx.settled() && self.tracks.iter().all(|t| t.ended || t.front().is_some());
        let first = self.tracks.iter().filter_map(Track::front).min();
        let late = interleave::next(&self.tracks, START_WAIT).is_some() && !ready && self.waited(first);
        let Some(first) = first.filter(|_| ready || late) else {
            let over = ctx.settled() && !self.tracks.is_empty() && self.tracks.iter().all(|t| t.ended);
            return if over { Err(Error::bad_input("every track ended before its first packet")) } else { Ok(()) };
        };
        // A file begins at 0. Live timestamps stay those of the session, but never below 0.
        let base = if self.settings.live { first.min(0) } else { first };
        let delivery = if self.settings.live { Delivery::Live } else { Delivery::File };
        let out = ctx.open(
            Props::new()
                .with(Prop::StreamType, StreamType::File)
                .with(Prop::FileExt, "flv")
                .with(Prop::Mime, "video/x-flv")
                .with(Prop::Name, "flv")
                .with(Prop::Timescale, 1000u32)
                .with(Prop::Delivery, delivery),
        );
        self.begin_file(out, base, false);
        self.write_start(ctx, rescale(first - base, MICROS, 1000))
    }

    /// Writes what waits first in the track whose turn it is. False when nothing can be written now.
    fn write_next(&mut self, ctx: &mut Ctx<'_>) -> Result<bool> {
        let Some(i) = interleave::next(&self.tracks, self.settings.ileave) else { return Ok(false) };
        match self.tracks[i].queue.pop_front() {
            Some(Waiting::Config(config)) => {
                let at = self.timestamp(i, self.tracks[i].front().unwrap_or(0));
                if self.settings.live {
                    let mut tag = BytesMut::new();
                    metadata(&self.tracks, &self.formats).write_tag(wire(at), &mut tag).map_err(internal)?;
                    self.put(ctx, tag.freeze(), at, Flags::HEADER, None);
                }
                self.write_config(ctx, i, config, at)?;
            }
            Some(Waiting::Packet(packet, dts)) => self.write_packet(ctx, i, &packet, dts)?,
            None => return Ok(false),
        }
        Ok(true)
    }

    /// The end of the picture tracks, and the start of a file once more with what is known now.
    fn complete(&mut self, ctx: &mut Ctx<'_>) -> Result<()> {
        for i in 0..self.tracks.len() {
            if self.tracks[i].is_video() {
                let at = self.tracks[i].last.unwrap_or(0);
                let mut tag = BytesMut::new();
                self.formats[i].end(wire(at), &mut tag).map_err(internal)?;
                self.put(ctx, tag.freeze(), at, Flags::NONE, None);
            }
        }
        let (header, metadata) = (self.header(), metadata(&self.tracks, &self.formats));
        let writing = self.writing();
        let (out, end, size) = (writing.out, writing.end, writing.size);
        let patch = |at: usize, data: Bytes| Packet { patch_at: Some(at as u64), ..Packet::new(data, end) };
        if let Some(mut script) = writing.script.take() {
            let mut tag = BytesMut::new();
            let first = std::mem::replace(&mut script.metadata, metadata);
            script.set_end(seconds(end), size);
            if script.write_tag(&mut tag).is_err() {
                // Tracks that came late do not fit in.
                script.metadata = first;
                script.set_end(seconds(end), size);
                script.write_tag(&mut tag).map_err(internal)?;
            }
            ctx.send(out, patch(HEADER_LEN, tag.freeze()));
        }
        if !self.settings.live && header != self.writing().header {
            ctx.send(out, patch(0, Bytes::copy_from_slice(&header)));
        }
        Ok(())
    }
}

impl Filter for Mux {
    fn process(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        self.work(ctx)
    }
}

/// The 32 bits of a timestamp on the wire; they wrap after 49.7 days.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "wrapping is what the format asks for")]
fn wire(millis: i64) -> u32 {
    millis as u32
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 milliseconds")]
fn seconds(millis: i64) -> f64 {
    millis as f64 / 1000.0
}

fn internal(e: impl std::fmt::Display) -> Error {
    Error::new(weir_plugin::ErrorKind::Internal, e.to_string())
}
