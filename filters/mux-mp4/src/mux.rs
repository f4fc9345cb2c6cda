//! The filter: packets in decoding order to a file, whole or in fragments.

use weir_media::{Bytes, Delivery, Flags, Frac, Packet, Payload, Piece, Prop, Props, StreamType, rescale};
use weir_mp4::{Chunk, Part, SAMPLE_BYTES, Sample, Tables, file_type, moof, movie};
use weir_plugin::interleave::{self, MICROS, Muxer, Track, Waiting};
use weir_plugin::{Ctx, Error, ErrorKind, Filter, InId, Lease, Level, Memory, Options, OutId, Result, Split, Status};

/// When no packet comes from some track, the others are not held back longer than this before the start, microseconds.
const START_WAIT: i64 = 2_000_000;
/// Bytes of a fragment at most; a longer one is written early.
const FRAGMENT_MAX: usize = 64 << 20;
/// Memory for tables is leased in steps of so many samples.
const LEASE_STEP: usize = 4096;
/// The header of an `mdat` whose length is not known yet: room for a length of 64 bits.
const MDAT_HEADER: u64 = 16;

/// How a file is laid out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Layout {
    /// Chunks of some length, the index at the end.
    Chunks,
    /// A chunk goes on while packets of one track come.
    AsTheyCome,
    /// A chunk for each sample.
    Single,
    /// Fragments of some length.
    Fragments,
    /// Fragments that begin with a key frame.
    KeyFragments,
}

impl Layout {
    fn is_fragmented(self) -> bool {
        matches!(self, Self::Fragments | Self::KeyFragments)
    }
}

/// What the user asked for.
pub(crate) struct Settings {
    layout: Layout,
    /// Length of a chunk or fragment, microseconds.
    length: i64,
    scale: u32,
    ileave: i64,
    split: Split,
}

impl Settings {
    pub(crate) fn new(options: &Options) -> Result<Self> {
        let layout = match options.word("store") {
            Some("flat") => Layout::AsTheyCome,
            Some("tight") => Layout::Single,
            Some("frag") => Layout::Fragments,
            Some("sfrag") => Layout::KeyFragments,
            _ => Layout::Chunks,
        };
        let length =
            options.frac("cdur").filter(|d| d.num > 0).ok_or_else(|| Error::bad_option("cdur is more than 0"))?;
        Ok(Self {
            layout,
            length: micros(length),
            scale: options.int("moovts").and_then(|n| u32::try_from(n).ok()).unwrap_or(600),
            ileave: i64::try_from(options.millis("ileave").unwrap_or(1000).saturating_mul(1000)).unwrap_or(i64::MAX),
            split: Split::new(options)?,
        })
    }
}

fn micros(time: Frac) -> i64 {
    i64::try_from(i128::from(time.num) * i128::from(MICROS) / i128::from(time.den.max(1))).unwrap_or(i64::MAX)
}

/// A file begun.
struct Writing {
    out: OutId,
    /// Bytes written.
    size: u64,
    /// Where the `mdat` begins, in a file with its index at the end.
    mdat: u64,
    /// The track that was written last, and until when it goes on.
    current: Option<(usize, i64)>,
    fragment: Fragment,
}

/// What waits for the end of a fragment.
#[derive(Default)]
struct Fragment {
    number: u32,
    /// Samples and data of each track.
    parts: Vec<(Vec<Sample>, Vec<Bytes>)>,
    bytes: usize,
    /// Decoding time at its start, microseconds.
    since: Option<i64>,
}

/// The filter.
pub(crate) struct Mux {
    settings: Settings,
    tracks: Vec<Track>,
    /// Of each track what is kept.
    tables: Vec<Tables>,
    writing: Option<Writing>,
    lease: Option<Lease>,
    samples: usize,
    warned: bool,
}

impl Mux {
    pub(crate) fn new(settings: Settings, memory: Memory) -> Self {
        let lease = memory.lease(0);
        Self { settings, tracks: Vec::new(), tables: Vec::new(), writing: None, lease, samples: 0, warned: false }
    }

    /// Begins a file; `piece` says that it is not the first.
    fn begin_file(&mut self, ctx: &mut Ctx<'_>, out: OutId, piece: Option<Piece>) -> Result<()> {
        let parts = self.tracks.iter().map(|_| Default::default()).collect();
        let fragment = Fragment { number: 1, parts, ..Fragment::default() };
        let start = file_type(self.settings.layout.is_fragmented());
        self.writing = Some(Writing { out, size: start.len() as u64, mdat: 0, current: None, fragment });
        ctx.send(out, Packet { flags: Flags::HEADER, piece, ..Packet::new(start.into(), 0) });
        if self.settings.layout.is_fragmented() {
            return self.begin_fragments(ctx);
        }
        if let Some(writing) = &mut self.writing {
            writing.mdat = writing.size;
        }
        // A box that is no data until its real header replaces it.
        let mut header = vec![0, 0, 0, 8];
        header.extend_from_slice(b"free");
        header.extend_from_slice(&[0, 0, 0, 0]);
        header.extend_from_slice(b"mdat");
        self.put(ctx, header.into(), Flags::HEADER);
        Ok(())
    }

    /// The movie box in front of fragments needs to know where each track begins.
    fn begin_fragments(&mut self, ctx: &mut Ctx<'_>) -> Result<()> {
        for (track, tables) in self.tracks.iter_mut().zip(&mut self.tables) {
            while let Some(Waiting::Config(_)) = track.queue.front() {
                if let Some(Waiting::Config(config)) = track.queue.pop_front() {
                    tables.configure(&config).map_err(refused)?;
                }
            }
            if let Some(Waiting::Packet(packet, _)) = track.queue.front() {
                tables.configure_by(packet).map_err(refused)?;
                tables.sample(packet);
            }
        }
        let moov = movie(&self.tables, self.settings.scale, true);
        self.put(ctx, moov.into(), Flags::HEADER);
        Ok(())
    }

    fn put(&mut self, ctx: &mut Ctx<'_>, data: Bytes, flags: Flags) {
        if let Some(writing) = &mut self.writing {
            writing.size += data.len() as u64;
            ctx.send(writing.out, Packet { flags, ..Packet::new(data, 0) });
        }
    }

    fn leads(&self, i: usize) -> bool {
        self.tables[i].is_video() || !self.tables.iter().any(Tables::is_video)
    }

    /// Whether a new file begins with this packet.
    fn is_split_at(&mut self, i: usize, packet: &Packet, dts: i64) -> bool {
        let size = self.writing.as_ref().map_or(0, |w| w.size + w.fragment.bytes as u64);
        let may_begin = self.leads(i) && (packet.is_key() || !self.tables[i].is_video());
        may_begin && self.settings.split.is_due(dts, size)
    }

    /// Completes the file and begins another, whose first packet waits first in its track.
    fn split_at(&mut self, ctx: &mut Ctx<'_>, dts: i64) -> Result<()> {
        self.complete(ctx)?;
        for (track, tables) in self.tracks.iter_mut().zip(&mut self.tables) {
            let mut fresh = Tables::new(tables.props.clone());
            let is_changed = matches!(track.queue.front(), Some(Waiting::Config(_)));
            fresh.entries = tables.entries.pop().filter(|_| !is_changed).into_iter().collect();
            if is_changed {
                fresh.props = track.props.clone();
            }
            // What a decoder has been given before needs no more priming.
            fresh.props.remove(Prop::Delay);
            // A track that comes later than this file is still in step with the others.
            if track.front().is_none() {
                fresh.begin_at(rescale(dts, MICROS, fresh.timescale()));
            }
            *tables = fresh;
            track.last = None;
        }
        self.samples = 0;
        let Some(out) = self.writing.as_ref().map(|w| w.out) else { return Ok(()) };
        self.begin_file(ctx, out, Some(Piece::Next))
    }

    /// The track whose turn it is: by time, but a chunk is filled first. What is split is in the order of time, so that no
    /// file holds what is heard in the next one.
    fn turn(&self) -> Option<usize> {
        let next = interleave::next(&self.tracks, self.settings.ileave)?;
        if self.settings.split.is_wanted() {
            return Some(next);
        }
        let current = self.writing.as_ref().and_then(|w| w.current);
        match current.filter(|_| self.settings.layout == Layout::Chunks) {
            Some((i, until)) if self.tracks[i].front().is_some_and(|dts| dts < until) => Some(i),
            _ => Some(next),
        }
    }

    /// Other parameter sets: in fragments they cannot change, as the movie box is written. So another file begins.
    fn go_on_elsewhere(&mut self, ctx: &mut Ctx<'_>, i: usize, config: Bytes) -> Result<()> {
        let name = self.tracks[i].props.str(Prop::Name).unwrap_or("a track").to_owned();
        ctx.log(Level::Info, format!("{name} changes its parameter sets: what follows is in a new file"));
        self.tracks[i].queue.push_front(Waiting::Config(config));
        let at = self.tracks[i].front().or_else(|| self.tracks.iter().filter_map(Track::front).min()).unwrap_or(0);
        self.settings.split.restart(at);
        self.split_at(ctx, at)
    }

    fn write_packet(&mut self, ctx: &mut Ctx<'_>, i: usize, packet: &Packet, dts: i64) -> Result<()> {
        let Some(data) = packet.bytes().filter(|b| !b.is_empty()).cloned() else { return Ok(()) };
        self.tables[i].configure_by(packet).map_err(refused)?;
        if self.tables[i].entries.is_empty() {
            return Err(Error::bad_input("media comes before the parameters of its decoder"));
        }
        let too_large = || Error::bad_input("a packet is too large, or too far from its decoding time, for MP4");
        let data = self.tables[i].stored(data).map_err(refused)?;
        let packet = &Packet { data: Payload::Bytes(data.clone()), ..packet.clone() };
        let mut sample = self.tables[i].sample(packet).ok_or_else(too_large)?;
        self.hold_time(ctx, i, &mut sample);
        if self.settings.layout.is_fragmented() {
            self.collect(ctx, i, sample, data, dts);
            return Ok(());
        }
        self.count()?;
        let Some(writing) = &mut self.writing else { return Ok(()) };
        let entry = u32::try_from(self.tables[i].entries.len()).unwrap_or(u32::MAX);
        let goes_on = match (self.settings.layout, writing.current) {
            (Layout::Single, _) | (_, None) => false,
            (Layout::Chunks, Some((last, until))) => last == i && dts < until,
            (_, Some((last, _))) => last == i,
        };
        let at = writing.size;
        let tables = &mut self.tables[i];
        match tables.chunks.last_mut().filter(|_| goes_on) {
            Some(chunk) => chunk.samples += 1,
            None => {
                tables.chunks.push(Chunk { at, samples: 1, entry });
                writing.current = Some((i, dts.saturating_add(self.settings.length)));
            }
        }
        tables.samples.push(sample);
        self.put(ctx, data, if sample.is_key { Flags::KEY } else { Flags::NONE });
        Ok(())
    }

    /// Decoding time never goes back in a file.
    fn hold_time(&mut self, ctx: &mut Ctx<'_>, i: usize, sample: &mut Sample) {
        let last = self.tracks[i].last.unwrap_or(0);
        if sample.dts < last {
            if !std::mem::replace(&mut self.warned, true) {
                ctx.log(Level::Warning, "timestamps go back; they are held".to_owned());
            }
            sample.offset = i32::try_from(sample.dts + i64::from(sample.offset) - last).unwrap_or(0);
            sample.dts = last;
        }
        self.tracks[i].last = Some(sample.dts);
    }

    /// Leases memory for one more sample.
    fn count(&mut self) -> Result<()> {
        self.samples += 1;
        if self.samples % LEASE_STEP == 1 {
            let bytes = (self.samples + LEASE_STEP) * SAMPLE_BYTES;
            if !self.lease.as_mut().is_some_and(|l| l.resize(bytes)) {
                let message = "the memory cap is reached by the index of an MP4 file; store=frag needs none";
                return Err(Error::new(ErrorKind::Limit, message));
            }
        }
        Ok(())
    }

    /// Adds to the fragment, and writes it when its time has come.
    fn collect(&mut self, ctx: &mut Ctx<'_>, i: usize, sample: Sample, data: Bytes, dts: i64) {
        let leads = self.leads(i);
        let Some(writing) = &self.writing else { return };
        let is_long = writing.fragment.since.is_some_and(|since| dts - since >= self.settings.length);
        let may_cut = self.settings.layout == Layout::Fragments || (leads && sample.is_key);
        if (is_long && may_cut) || writing.fragment.bytes + data.len() > FRAGMENT_MAX {
            self.flush(ctx, Some((i, &sample)));
        }
        let Some(writing) = &mut self.writing else { return };
        let fragment = &mut writing.fragment;
        fragment.since.get_or_insert(dts);
        fragment.bytes += data.len();
        fragment.parts[i].0.push(sample);
        fragment.parts[i].1.push(data);
    }

    /// Writes the fragment; `next` is what comes behind it.
    fn flush(&mut self, ctx: &mut Ctx<'_>, next: Option<(usize, &Sample)>) {
        let Some(writing) = &mut self.writing else { return };
        let fresh = Fragment {
            number: writing.fragment.number + 1,
            parts: writing.fragment.parts.iter().map(|_| Default::default()).collect(),
            ..Fragment::default()
        };
        let done = std::mem::replace(&mut writing.fragment, fresh);
        let mut parts = Vec::new();
        let mut offset = 0_u32;
        for ((n, (samples, _)), tables) in (0_usize..).zip(&done.parts).zip(&self.tables) {
            if samples.is_empty() {
                continue;
            }
            let behind = next.filter(|(i, _)| *i == n).map(|(_, s)| s.dts).or_else(|| self.following(n));
            let last = behind.zip(samples.last()).and_then(|(dts, s)| u32::try_from(dts - s.dts).ok());
            let entry = u32::try_from(tables.entries.len()).unwrap_or(1);
            parts.push(Part { track: u32::try_from(n + 1).unwrap_or(u32::MAX), entry, samples, last, offset });
            offset += samples.iter().map(|s| s.size).sum::<u32>();
        }
        if parts.is_empty() {
            return;
        }
        let mut head = moof(done.number, &parts);
        head.extend_from_slice(&(offset + 8).to_be_bytes());
        head.extend_from_slice(b"mdat");
        let is_key = parts.iter().any(|p| p.samples.first().is_some_and(|s| s.is_key));
        self.put(ctx, head.into(), if is_key { Flags::KEY } else { Flags::NONE });
        for data in done.parts.into_iter().flat_map(|(_, data)| data) {
            self.put(ctx, data, Flags::NONE);
        }
    }

    /// Decoding time of the packet that waits first in a track, from its first sample.
    fn following(&self, i: usize) -> Option<i64> {
        self.tracks[i].queue.iter().find_map(|w| match w {
            Waiting::Packet(packet, _) => Some(packet.dts - self.tables[i].first_dts),
            Waiting::Config(_) => None,
        })
    }
}

/// An error of the container as one of the filter.
fn refused(e: weir_mp4::Error) -> Error {
    match e {
        weir_mp4::Error::BadInput(why) => Error::bad_input(why),
        weir_mp4::Error::Unsupported(why) => Error::unsupported(why),
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
        if self.writing.is_some() {
            return interleave::leave_out(ctx, &props);
        }
        self.tables.push(Tables::new(props.clone()));
        self.tracks.push(Track::new(input, props));
    }

    /// Begins once all tracks are known and have a packet, or have kept the others waiting too long.
    fn begin(&mut self, ctx: &mut Ctx<'_>) -> Result<()> {
        let is_ready = |t: &Track| t.ended || t.front().is_some();
        let ready = ctx.settled() && !self.tracks.is_empty() && self.tracks.iter().all(is_ready);
        let late = interleave::next(&self.tracks, START_WAIT).is_some();
        if !(ready || (late && ctx.settled())) {
            return Ok(());
        }
        if self.tracks.iter().all(|t| t.front().is_none()) {
            return Err(Error::bad_input("every track ended before its first packet"));
        }
        let out = ctx.open(
            Props::new()
                .with(Prop::StreamType, StreamType::File)
                .with(Prop::FileExt, "mp4")
                .with(Prop::Mime, "video/mp4")
                .with(Prop::Name, "mp4")
                .with(Prop::Delivery, Delivery::File),
        );
        self.begin_file(ctx, out, None)
    }

    /// Writes what waits first in the track whose turn it is. False when nothing can be written now.
    fn write_next(&mut self, ctx: &mut Ctx<'_>) -> Result<bool> {
        let Some(i) = self.turn() else { return Ok(false) };
        match self.tracks[i].queue.pop_front() {
            Some(Waiting::Config(config)) => {
                let is_new = self.tables[i].entries.last().is_some_and(|(last, _)| *last != config);
                if is_new && self.settings.layout.is_fragmented() {
                    return self.go_on_elsewhere(ctx, i, config).map(|()| true);
                }
                if let Some(writing) = self.writing.as_mut().filter(|_| is_new) {
                    writing.current = None; // a chunk has one sample entry
                }
                self.tables[i].props = self.tracks[i].props.clone();
                self.tables[i].configure(&config).map_err(refused)?;
            }
            Some(Waiting::Packet(packet, dts)) if self.is_split_at(i, &packet, dts) => {
                self.tracks[i].queue.push_front(Waiting::Packet(packet, dts));
                self.split_at(ctx, dts)?;
            }
            Some(Waiting::Packet(packet, dts)) => self.write_packet(ctx, i, &packet, dts)?,
            None => return Ok(false),
        }
        Ok(true)
    }

    /// The rest of the fragment, or the index and the length of what stands before it.
    fn complete(&mut self, ctx: &mut Ctx<'_>) -> Result<()> {
        if self.settings.layout.is_fragmented() {
            self.flush(ctx, None);
        } else {
            let moov = movie(&self.tables, self.settings.scale, false);
            let Some(Writing { out, size, mdat, .. }) = self.writing else { return Ok(()) };
            self.put(ctx, moov.into(), Flags::NONE);
            let mut header = 1_u32.to_be_bytes().to_vec();
            header.extend_from_slice(b"mdat");
            header.extend_from_slice(&(size - mdat).to_be_bytes());
            debug_assert_eq!(header.len() as u64, MDAT_HEADER, "it replaces what was written first");
            ctx.send(out, Packet { patch_at: Some(mdat), ..Packet::new(header.into(), 0) });
        }
        Ok(())
    }
}

impl Filter for Mux {
    fn process(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        self.work(ctx)
    }
}
