//! The filter: packets in decoding order to a transport stream.

use weir_media::{Delivery, Flags, Packet, Piece, Prop, Props, StreamType, rescale};
use weir_plugin::interleave::{self, MICROS, Muxer, Track, Waiting};
use weir_plugin::{Ctx, Error, ErrorKind, Filter, InId, Options, OutId, Result, Split, Status};
use weir_ts::{CLOCK, Medium, Multiplex};

/// When no packet comes from some track, the others are not held back longer than this before the start, microseconds.
const START_WAIT: i64 = 2_000_000;
/// Streams at most.
const STREAMS_MAX: usize = 32;

/// What the user asked for.
pub(crate) struct Settings {
    stream: weir_ts::Settings,
    ileave: i64,
    split: Split,
}

impl Settings {
    pub(crate) fn new(options: &Options) -> Result<Self> {
        let ticks = |name| i64::try_from(options.millis(name).unwrap_or_default()).unwrap_or(0).saturating_mul(90);
        let number = |name, default| options.int(name).and_then(|n| u16::try_from(n).ok()).unwrap_or(default);
        let stream = weir_ts::Settings {
            tables_every: ticks("pat_rate"),
            clock_every: ticks("max_pcr"),
            lead: ticks("pcr_lead"),
            frames: usize::from(number("nb_pack", 4)),
            program: number("sid", 1),
            map_pid: number("pmt_id", 100),
        };
        let ileave = i64::try_from(options.millis("ileave").unwrap_or(1000).saturating_mul(1000)).unwrap_or(i64::MAX);
        Ok(Self { stream, ileave, split: Split::new(options)? })
    }
}

/// A stream begun.
struct Writing {
    out: OutId,
    /// Decoding time that becomes 0, in units of 90 kHz.
    base: i64,
    /// Bytes of the file so far.
    size: u64,
    /// What comes next begins a file.
    is_next: bool,
}

/// The filter.
pub(crate) struct Mux {
    ileave: i64,
    split: Split,
    tracks: Vec<Track>,
    multiplex: Multiplex,
    writing: Option<Writing>,
}

/// An error of the container as one of the filter.
fn refused(e: weir_ts::Error) -> Error {
    match e {
        weir_ts::Error::BadInput(why) => Error::bad_input(why),
        weir_ts::Error::Unsupported(why) => Error::unsupported(why),
        weir_ts::Error::Internal(why) => Error::new(ErrorKind::Internal, why),
    }
}

impl Mux {
    pub(crate) fn new(settings: Settings) -> Self {
        let multiplex = Multiplex::new(settings.stream);
        Self { ileave: settings.ileave, split: settings.split, tracks: Vec::new(), multiplex, writing: None }
    }

    /// Whether a key packet of this track is where players begin.
    fn leads(&self, i: usize) -> bool {
        self.tracks[i].is_video() || !self.tracks.iter().any(Track::is_video)
    }

    /// A time of a track in the stream, decoding times from 0.
    fn ticks(&self, i: usize, time: i64) -> i64 {
        let base = self.writing.as_ref().map_or(0, |w| w.base);
        rescale(time, self.tracks[i].props.timescale(), CLOCK).saturating_sub(base)
    }

    fn write_packet(&mut self, i: usize, packet: &Packet) -> weir_ts::Result<()> {
        let Some(data) = packet.bytes().filter(|b| !b.is_empty()) else { return Ok(()) };
        self.multiplex.write(i, data, self.ticks(i, packet.dts), self.ticks(i, packet.cts), packet.is_key())
    }

    /// Completes the file and begins another, when it is time for one, before what can begin a file.
    fn split_at(&mut self, ctx: &mut Ctx<'_>, dts: i64) -> Result<()> {
        let size = self.writing.as_ref().map_or(0, |w| w.size);
        if !self.split.is_due(dts, size) {
            return Ok(());
        }
        self.complete(ctx)?;
        self.multiplex.restart();
        if let Some(writing) = &mut self.writing {
            (writing.base, writing.size, writing.is_next) = (rescale(dts, MICROS, CLOCK), 0, true);
        }
        Ok(())
    }

    /// Passes on what has been written.
    fn put(&mut self, ctx: &mut Ctx<'_>, flags: Flags) {
        let bytes = self.multiplex.take();
        if let Some(writing) = self.writing.as_mut().filter(|_| !bytes.is_empty()) {
            writing.size += bytes.len() as u64;
            let piece = std::mem::take(&mut writing.is_next).then_some(Piece::Next);
            ctx.send(writing.out, Packet { flags, piece, ..Packet::new(bytes, 0) });
        }
    }
}

impl Muxer for Mux {
    fn tracks(&mut self) -> &mut Vec<Track> {
        &mut self.tracks
    }

    fn out(&self) -> Option<OutId> {
        self.writing.as_ref().map(|w| w.out)
    }

    fn new_track(&mut self, ctx: &mut Ctx<'_>, input: InId, props: Props) {
        if self.writing.is_some() || self.tracks.len() >= STREAMS_MAX {
            return interleave::leave_out(ctx, &props);
        }
        let is_video = props.stream_type() == Some(StreamType::Visual);
        self.multiplex.add(if is_video { Medium::Avc } else { Medium::Aac });
        self.tracks.push(Track::new(input, props));
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
        self.writing = Some(Writing { out, base: rescale(first, MICROS, CLOCK), size: 0, is_next: false });
        Ok(())
    }

    /// Writes what waits first in the track whose turn it is. False when nothing can be written now.
    fn write_next(&mut self, ctx: &mut Ctx<'_>) -> Result<bool> {
        let Some(i) = interleave::next(&self.tracks, self.ileave) else { return Ok(false) };
        let (written, is_key) = match self.tracks[i].queue.pop_front() {
            Some(Waiting::Config(config)) => (self.multiplex.configure(i, &config), false),
            Some(Waiting::Packet(packet, dts)) => {
                let is_key = packet.is_key() && self.leads(i);
                if is_key {
                    self.split_at(ctx, dts)?;
                }
                (self.write_packet(i, &packet), is_key)
            }
            None => return Ok(false),
        };
        written.map_err(refused)?;
        self.put(ctx, if is_key { Flags::KEY } else { Flags::NONE });
        Ok(true)
    }

    fn complete(&mut self, ctx: &mut Ctx<'_>) -> Result<()> {
        self.multiplex.flush_all().map_err(refused)?;
        self.put(ctx, Flags::NONE);
        Ok(())
    }
}

impl Filter for Mux {
    fn process(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        self.work(ctx)
    }
}
