//! The filter: packets in decoding order to PES packets, with tables and clock references between them.

use weir_codec::aac::{AdtsHeader, AudioSpecificConfig};
use weir_codec::avc::{NalType, nal_type};
use weir_media::{Delivery, Flags, Packet, Prop, Props, StreamType, rescale};
use weir_plugin::interleave::{self, MICROS, Track, Waiting};
use weir_plugin::{Ctx, Error, ErrorKind, Filter, InId, Item, Level, Options, OutId, Result, Status};

use crate::packets::{Medium, Packets, Unit};

/// Packets written in one call, and items taken from one input.
const PACKETS_PER_CALL: usize = 64;
const ITEMS_PER_CALL: usize = 64;
/// When no packet comes from some track, the others are not held back longer than this before the start, microseconds.
const START_WAIT: i64 = 2_000_000;
/// Units of time in the stream, per second.
const CLOCK: u32 = 90_000;
/// Streams at most.
const STREAMS_MAX: usize = 32;
/// An access unit delimiter for any kind of picture (ITU-T H.264 7.3.2.4).
const DELIMITER: [u8; 6] = [0, 0, 0, 1, 9, 0xf0];

/// What the user asked for. Times are in units of 90 kHz.
pub(crate) struct Settings {
    tables_every: i64,
    clock_every: i64,
    lead: i64,
    frames: usize,
    program: u16,
    map_pid: u16,
    ileave: i64,
}

impl Settings {
    pub(crate) fn new(options: &Options) -> Self {
        let ticks = |name| i64::try_from(options.millis(name).unwrap_or_default()).unwrap_or(0).saturating_mul(90);
        let number = |name, default| options.int(name).and_then(|n| u16::try_from(n).ok()).unwrap_or(default);
        Self {
            tables_every: ticks("pat_rate"),
            clock_every: ticks("max_pcr"),
            lead: ticks("pcr_lead"),
            frames: usize::from(number("nb_pack", 4)),
            program: number("sid", 1),
            map_pid: number("pmt_id", 100),
            ileave: i64::try_from(options.millis("ileave").unwrap_or(1000).saturating_mul(1000)).unwrap_or(i64::MAX),
        }
    }
}

/// What a track is in the stream.
struct Stream {
    pid: u16,
    medium: Medium,
    /// Of sound, what its frames are wrapped with.
    config: Option<AudioSpecificConfig>,
    /// Frames of sound that wait for company, how many, and the time of the first.
    waiting: (Vec<u8>, usize, i64),
}

/// A stream begun.
struct Writing {
    out: OutId,
    /// Decoding time that becomes 0, in units of 90 kHz.
    base: i64,
    /// The stream whose packets carry the clock.
    clock: usize,
    tables_at: Option<i64>,
    clock_at: Option<i64>,
}

/// The filter.
pub(crate) struct Mux {
    settings: Settings,
    tracks: Vec<Track>,
    streams: Vec<Stream>,
    packets: Packets,
    writing: Option<Writing>,
}

fn internal(e: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Internal, e.to_string())
}

impl Mux {
    pub(crate) fn new(settings: Settings) -> Self {
        Self { settings, tracks: Vec::new(), streams: Vec::new(), packets: Packets::new(), writing: None }
    }

    fn take(&mut self, ctx: &mut Ctx<'_>, input: InId, item: Item) {
        let takes_more = self.writing.is_none() && self.tracks.len() < STREAMS_MAX;
        let known = self.tracks.iter_mut().find(|t| t.input == input);
        match (item, known) {
            (Item::Props(props), Some(track)) => track.set_props(props),
            (Item::Props(props), None) if takes_more => {
                let number = u16::try_from(self.tracks.len() + 1).unwrap_or(1);
                let is_video = props.stream_type() == Some(StreamType::Visual);
                let medium = if is_video { Medium::Avc } else { Medium::Aac };
                let pid = self.settings.map_pid + number;
                self.streams.push(Stream { pid, medium, config: None, waiting: (Vec::new(), 0, 0) });
                self.tracks.push(Track::new(input, props));
            }
            (Item::Props(props), None) => {
                let what = props.stream_type().map_or("stream", StreamType::name);
                ctx.log(Level::Warning, format!("a {what} track that comes after the start is left out"));
            }
            (Item::Packet(packet), Some(track)) => track.push(packet),
            (Item::End, Some(track)) => track.ended = true,
            (Item::Packet(_) | Item::End, None) => {} // of a track that is left out
        }
    }

    /// Begins once all tracks are known and have a packet, or have kept the others waiting too long.
    fn begin(&mut self, ctx: &mut Ctx<'_>) -> Result<()> {
        let is_ready = |t: &Track| t.ended || t.front().is_some();
        let ready = !self.tracks.is_empty() && self.tracks.iter().all(is_ready);
        if !ctx.settled() || !(ready || interleave::next(&self.tracks, START_WAIT).is_some()) {
            return Ok(());
        }
        let Some(first) = self.tracks.iter().filter_map(Track::front).min() else {
            return Err(Error::bad_input("every track ended before its first packet"));
        };
        let out = ctx.open(
            Props::new()
                .with(Prop::StreamType, StreamType::File)
                .with(Prop::FileExt, "ts")
                .with(Prop::Mime, "video/mp2t")
                .with(Prop::Name, "ts")
                .with(Prop::Delivery, Delivery::File),
        );
        let clock = self.tracks.iter().position(Track::is_video).unwrap_or(0);
        let base = rescale(first, MICROS, CLOCK);
        self.writing = Some(Writing { out, base, clock, tables_at: None, clock_at: None });
        Ok(())
    }

    /// Writes what waits first in the track whose turn it is. False when nothing can be written now.
    fn write_next(&mut self, ctx: &mut Ctx<'_>) -> Result<bool> {
        let Some(i) = interleave::next(&self.tracks, self.settings.ileave) else { return Ok(false) };
        match self.tracks[i].queue.pop_front() {
            Some(Waiting::Config(config)) if self.streams[i].medium == Medium::Aac => {
                self.flush(ctx, i)?;
                let config = AudioSpecificConfig::parse(&config);
                let config = config.map_err(|e| Error::bad_input(format!("AudioSpecificConfig: {e}")))?;
                self.streams[i].config = Some(config);
            }
            Some(Waiting::Config(_)) => {} // pictures carry theirs
            Some(Waiting::Packet(packet, _)) => self.write_packet(ctx, i, &packet)?,
            None => return Ok(false),
        }
        Ok(true)
    }

    /// A time of a track in the stream, decoding times from 0.
    fn ticks(&self, i: usize, time: i64) -> i64 {
        let base = self.writing.as_ref().map_or(0, |w| w.base);
        rescale(time, self.tracks[i].props.timescale(), CLOCK).saturating_sub(base)
    }

    fn write_packet(&mut self, ctx: &mut Ctx<'_>, i: usize, packet: &Packet) -> Result<()> {
        let Some(data) = packet.bytes().filter(|b| !b.is_empty()) else { return Ok(()) };
        let (dts, pts) = (self.ticks(i, packet.dts), self.ticks(i, packet.cts));
        let dts = dts.max(self.tracks[i].last.unwrap_or(i64::MIN));
        self.tracks[i].last = Some(dts);
        let is_video = self.streams[i].medium == Medium::Avc;
        self.write_tables(dts, packet.is_key() && is_video)?;
        if !is_video {
            return self.collect(ctx, i, data, dts);
        }
        let whole = if starts_with_delimiter(data) { None } else { Some([&DELIMITER[..], data].concat()) };
        let data = whole.as_deref().unwrap_or(data);
        self.write_unit(ctx, i, dts, pts.max(dts), packet.is_key(), data)
    }

    /// Tables, when it is time or a key picture comes: whoever begins there needs them.
    fn write_tables(&mut self, now: i64, is_key: bool) -> Result<()> {
        let Some(writing) = &mut self.writing else { return Ok(()) };
        let due = writing.tables_at.is_none_or(|at| now - at >= self.settings.tables_every);
        if !due && !is_key {
            return Ok(());
        }
        writing.tables_at = Some(now);
        let mut streams: Vec<(u16, Medium)> = self.streams.iter().map(|s| (s.pid, s.medium)).collect();
        let pcr_pid = streams[writing.clock].0;
        // Pictures first: players take the first stream there is for the main one.
        streams.sort_by_key(|(_, medium)| *medium != Medium::Avc);
        self.packets.tables(self.settings.program, self.settings.map_pid, pcr_pid, &streams).map_err(internal)
    }

    /// Adds a frame of sound to those that wait, and writes them when there are enough.
    fn collect(&mut self, ctx: &mut Ctx<'_>, i: usize, frame: &[u8], dts: i64) -> Result<()> {
        let stream = &mut self.streams[i];
        let Some(config) = &stream.config else {
            return Err(Error::bad_input("sound comes before the parameters of its decoder"));
        };
        let header = AdtsHeader::new(config.object_type, config.sample_rate, config.channel_config, frame.len());
        let header = header.map_err(|e| Error::unsupported(format!("this AAC stream has no ADTS form: {e}")))?;
        let (data, count, since) = &mut stream.waiting;
        if *count == 0 {
            *since = dts;
        }
        data.extend_from_slice(&header.build());
        data.extend_from_slice(frame);
        *count += 1;
        if *count >= self.settings.frames { self.flush(ctx, i) } else { Ok(()) }
    }

    /// Writes the sound that waits.
    fn flush(&mut self, ctx: &mut Ctx<'_>, i: usize) -> Result<()> {
        let (data, count, dts) = std::mem::take(&mut self.streams[i].waiting);
        if count == 0 {
            return Ok(());
        }
        self.write_unit(ctx, i, dts, dts, true, &data)
    }

    fn write_unit(&mut self, ctx: &mut Ctx<'_>, i: usize, dts: i64, pts: i64, is_key: bool, data: &[u8]) -> Result<()> {
        let Some(writing) = &mut self.writing else { return Ok(()) };
        let is_due = writing.clock_at.is_none_or(|at| dts - at >= self.settings.clock_every);
        let mut pcr = None;
        if i == writing.clock {
            // With every picture: it costs nothing, and receivers like it.
            pcr = Some(dts);
        } else if is_due {
            self.packets.clock(self.streams[writing.clock].pid, dts).map_err(internal)?;
        }
        if pcr.is_some() || is_due {
            writing.clock_at = Some(dts);
        }
        let (Stream { pid, medium, .. }, lead) = (&self.streams[i], self.settings.lead);
        let unit = Unit { pid: *pid, medium: *medium, pts: pts + lead, dts: dts + lead, pcr, is_key, data };
        self.packets.unit(&unit).map_err(internal)?;
        let flags = if is_key && i == writing.clock { Flags::KEY } else { Flags::NONE };
        let bytes = self.packets.take();
        ctx.send(writing.out, Packet { flags, ..Packet::new(bytes.into(), 0) });
        Ok(())
    }
}

/// Whether an access unit in Annex B begins with a delimiter.
fn starts_with_delimiter(data: &[u8]) -> bool {
    let behind = data.strip_prefix(&[0, 0, 0, 1]).or_else(|| data.strip_prefix(&[0, 0, 1]));
    behind.is_some_and(|nal| nal_type(nal) == NalType::Aud)
}

impl Filter for Mux {
    fn process(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        if self.writing.as_ref().is_some_and(|w| !ctx.room(w.out)) {
            return Ok(Status::Idle);
        }
        let mut more = interleave::take_inputs(ctx, ITEMS_PER_CALL, |ctx, input, item| {
            self.take(ctx, input, item);
            Ok(())
        })?;
        if self.writing.is_none() {
            self.begin(ctx)?;
        }
        let Some(out) = self.writing.as_ref().map(|w| w.out) else {
            return Ok(if more { Status::Again } else { Status::Idle });
        };
        let mut written = 0;
        while written < PACKETS_PER_CALL && ctx.room(out) && self.write_next(ctx)? {
            written += 1;
        }
        more |= written == PACKETS_PER_CALL;
        let is_over = |t: &Track| t.ended && t.front().is_none();
        if self.tracks.iter().all(is_over) && ctx.settled() {
            (0..self.streams.len()).try_for_each(|i| self.flush(ctx, i))?;
            ctx.end_all();
            return Ok(Status::Done);
        }
        Ok(if more { Status::Again } else { Status::Idle })
    }
}
