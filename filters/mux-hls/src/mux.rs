//! The filter: packets in decoding order to renditions, and where their segments end.

use weir_media::{Bytes, Delivery, Flags, Packet, Piece, Prop, Props, rescale};
use weir_plugin::interleave::{self, MICROS, Muxer, Track, Waiting};
use weir_plugin::{Ctx, Error, ErrorKind, Filter, InId, Lease, Level, Memory, OutId, Result, Status};

use crate::master;
use crate::rendition::{Common, Rendition, Written};
use crate::settings::{Segments, Settings};
use crate::{MP4, TS};

/// When no packet comes from some track, the others are not held back longer than this before the start, microseconds.
const START_WAIT: i64 = 2_000_000;
/// How long one track waits for the others before it is written without them, microseconds: in a live session, and where
/// all of them come as fast as they are taken.
const WAIT_LIVE: i64 = 1_000_000;
const WAIT: i64 = 10_000_000;
/// Tracks at most.
const TRACKS_MAX: usize = 64;
/// A segment may end this much before its time, microseconds: containers round.
const EARLY: i64 = 20_000;
/// What may be left of sound at the end of its pictures, microseconds: less than what the target duration rounds away.
const TAIL: i64 = 400_000;
/// A hole in the time of a track that is longer than this is one in the stream, microseconds.
const GAP: i64 = 1_000_000;
/// And than so many times the distance of its packets: there are streams of a picture every few seconds.
const STEPS: i64 = 4;
/// How much longer a fragment waits for a packet of the leading track than it was to be, microseconds.
const PATIENCE: i64 = 10_000_000;
/// Memory of one segment in a playlist, bytes.
const SEGMENT_BYTES: usize = 320;
/// Memory is leased in steps of so many bytes.
const LEASE_STEP: usize = 64 << 10;

/// A stream begun.
struct Writing {
    out: OutId,
    common: Common,
    renditions: Vec<Rendition>,
    /// Of each track its rendition and its place there; `None` for those that are left out.
    places: Vec<Option<(usize, usize)>>,
    /// What the master playlist says, where there is one.
    master: Option<Vec<master::Variant>>,
}

/// The filter.
pub(crate) struct Mux {
    settings: Settings,
    tracks: Vec<Track>,
    writing: Option<Writing>,
    lease: Option<Lease>,
    /// Bytes of it.
    leased: usize,
    /// How many there were in all renditions.
    segments: usize,
    warned: bool,
}

impl Mux {
    pub(crate) fn new(settings: Settings, memory: &Memory) -> Self {
        let lease = memory.lease(0);
        Self { settings, tracks: Vec::new(), writing: None, lease, leased: 0, segments: 0, warned: false }
    }

    fn common(&self, ctx: &Ctx<'_>, base: i64) -> Common {
        let is_live = self.settings.live.unwrap_or_else(|| ctx.is_live());
        let utc = i64::try_from(ctx.utc_micros()).unwrap_or(i64::MAX);
        // The clock counts twice as fast as segments can follow each other: a restart goes on with higher numbers.
        let first = if is_live { u64::try_from(utc / (self.settings.segment / 2)).unwrap_or(0) } else { 0 };
        Common {
            settings: self.settings.clone(),
            is_live,
            is_watched: is_live || ctx.is_live(),
            utc: utc.saturating_sub(base),
            first,
        }
    }

    /// One track of pictures and one of sound are together; of more, each is by itself.
    fn renditions(&self, common: &Common, base: i64) -> Vec<Rendition> {
        let has_media = |i: &usize| !self.tracks[*i].ended || self.tracks[*i].front().is_some();
        let (mut pictures, sounds): (Vec<usize>, Vec<usize>) =
            (0..self.tracks.len()).filter(has_media).partition(|i| self.tracks[*i].is_video());
        // Largest first: which encoder was ready first says nothing.
        pictures.sort_by_key(|i| std::cmp::Reverse(size(&self.tracks[*i].props)));
        let stem = &self.settings.stem;
        let of = |stem: String, tracks: Vec<usize>| {
            let props = tracks.iter().map(|i| self.tracks[*i].props.clone()).collect();
            Rendition::new(common, stem, tracks, props, base)
        };
        if pictures.len() <= 1 && sounds.len() <= 1 {
            return vec![of(stem.clone(), [pictures, sounds].concat())];
        }
        let pictures = (1..).zip(pictures).map(|(n, i)| (format!("{stem}_v{n}"), i));
        let sounds = (1..).zip(sounds).map(|(n, i)| (format!("{stem}_a{n}"), i));
        pictures.chain(sounds).map(|(stem, i)| of(stem, vec![i])).collect()
    }

    /// What players load before the first segment needs the configuration of every track.
    fn configure_all(&mut self) -> Result<()> {
        for i in 0..self.tracks.len() {
            while let Some(Waiting::Config(_)) = self.tracks[i].queue.front() {
                if let Some(Waiting::Config(config)) = self.tracks[i].queue.pop_front() {
                    self.configure(i, &config)?;
                }
            }
            if let (Some(Waiting::Packet(packet, _)), Some((r, place))) = (self.tracks[i].queue.front(), self.place(i))
                && let Some(writing) = &mut self.writing
            {
                writing.renditions[r].learn(place, packet)?;
            }
        }
        Ok(())
    }

    fn place(&self, i: usize) -> Option<(usize, usize)> {
        self.writing.as_ref().and_then(|w| w.places[i])
    }

    fn configure(&mut self, i: usize, config: &Bytes) -> Result<()> {
        let (Some((r, place)), Some(writing)) = (self.place(i), &mut self.writing) else { return Ok(()) };
        writing.renditions[r].configure(place, config, &self.tracks[i].props)
    }

    /// Other parameter sets: what is open ends here, and the next segment does not go on from it.
    fn change(&mut self, ctx: &mut Ctx<'_>, i: usize, config: &Bytes) -> Result<()> {
        let Some((r, place)) = self.place(i) else { return Ok(()) };
        if self.writing.as_ref().is_some_and(|w| w.renditions[r].is_changed_by(place, config)) {
            self.break_off(ctx, r)?;
        }
        self.configure(i, config)
    }

    /// Ends the open segment of a rendition where its leading track has got to.
    fn break_off(&mut self, ctx: &mut Ctx<'_>, r: usize) -> Result<()> {
        let Some(writing) = &mut self.writing else { return Ok(()) };
        writing.renditions[r].break_off();
        let end = writing.renditions[r].seen;
        self.close(ctx, r, end, None)
    }

    fn write_packet(&mut self, ctx: &mut Ctx<'_>, i: usize, packet: &Packet, dts: i64) -> Result<()> {
        let Some((r, place)) = self.place(i) else { return Ok(()) };
        let leads = self.leads(r, place);
        if leads {
            self.cut_before(ctx, r, (i, place), packet, dts)?;
        }
        let next = self.next_of(r, Some((i, packet.dts)));
        let start = self.start_of(r, i, packet);
        let scale = self.tracks[i].props.timescale();
        let Some(writing) = &mut self.writing else { return Ok(()) };
        let (common, rendition) = (&writing.common, &mut writing.renditions[r]);
        let mut written = Vec::new();
        let length = match packet.duration {
            0 => rendition.step.min(GAP),
            duration => rescale(duration.into(), scale, MICROS),
        };
        if !rendition.is_open() {
            // Nothing can be seen before a key picture.
            let Some(start) = start else { return Ok(()) };
            rendition.begin(common, start, &mut written);
        } else {
            let patience = if leads { 0 } else { PATIENCE };
            rendition.make_room(common, packet, (dts, length), patience, &next, &mut written)?;
        }
        if leads {
            rendition.advance(dts, rescale(packet.cts, scale, MICROS), length);
        }
        rendition.add(place, packet)?;
        self.put(ctx, written);
        self.account()
    }

    /// Whether a track says where segments end: the first one of its rendition, and when that is over, every other.
    fn leads(&self, r: usize, place: usize) -> bool {
        let first = self.writing.as_ref().and_then(|w| w.renditions[r].tracks.first());
        place == 0 || first.is_some_and(|first| self.tracks[*first].ended && self.tracks[*first].front().is_none())
    }

    /// When the first packet of the leading track is decoded and seen, in microseconds, if a segment can begin with this
    /// packet of track `i`: it is a key packet of the leading track, or stands just before one.
    fn start_of(&self, r: usize, i: usize, packet: &Packet) -> Option<(i64, i64)> {
        let rendition = &self.writing.as_ref()?.renditions[r];
        if rendition.is_open() {
            return None;
        }
        let lead = if self.leads(r, usize::MAX) { i } else { rendition.tracks[0] };
        let track = &self.tracks[lead];
        let waiting = |w: &'_ Waiting| if let Waiting::Packet(p, _) = w { Some(p.clone()) } else { None };
        let first = if lead == i { packet.clone() } else { track.queue.iter().find_map(waiting)? };
        let micros = |time| rescale(time, track.props.timescale(), MICROS);
        (first.is_key() || !track.is_video()).then(|| (micros(first.dts), micros(first.cts)))
    }

    /// Ends the segment before a packet of the leading track, where it is time or nothing goes on.
    fn cut_before(
        &mut self,
        ctx: &mut Ctx<'_>,
        r: usize,
        (i, place): (usize, usize),
        packet: &Packet,
        dts: i64,
    ) -> Result<()> {
        let Some(writing) = &mut self.writing else { return Ok(()) };
        let rendition = &mut writing.renditions[r];
        let lead = &self.tracks[i];
        let is_key = packet.is_key() || !lead.is_video();
        let is_changed = is_key && rendition.is_changed_at(place, packet);
        if !rendition.is_open() {
            return Ok(());
        }
        let gap = dts - rendition.end;
        let is_lost = packet.flags.contains(Flags::DISCONTINUITY) || gap > GAP.max(rendition.step * STEPS);
        if is_lost || is_changed {
            return self.break_off(ctx, r);
        }
        let shown = if is_key { rescale(packet.cts, lead.props.timescale(), MICROS) } else { rendition.shown(dts) };
        let (length, wanted) = (rendition.length(shown), writing.common.settings.segment);
        // Sound beside pictures ends with them, so that all playlists count alike; unless there are none any more.
        let has_pictures = |o: &Rendition| self.tracks[o.tracks[0]].is_video();
        let follows = place == 0 && !lead.is_video() && writing.renditions.iter().any(has_pictures);
        // Sound that outlasts its pictures is mostly the end of it, and no segment by itself.
        let least = match (follows, place) {
            (true, _) => 2 * wanted,
            (false, 0) => wanted - EARLY,
            (false, _) => wanted + TAIL.min(wanted / 2),
        };
        let is_due = length >= least;
        let rendition = &mut writing.renditions[r];
        if is_due && !is_key && !std::mem::replace(&mut rendition.key_asked, true) {
            ctx.request_key(lead.input);
        }
        if !is_due || !is_key {
            return Ok(());
        }
        self.close(ctx, r, shown, Some((i, packet.dts)))?;
        if r == 0 { self.close_sounds(ctx, dts) } else { Ok(()) }
    }

    /// Ends the segments of renditions of sound where those of pictures end.
    fn close_sounds(&mut self, ctx: &mut Ctx<'_>, dts: i64) -> Result<()> {
        let count = self.writing.as_ref().map_or(0, |w| w.renditions.len());
        for r in 1..count {
            let Some(writing) = &self.writing else { return Ok(()) };
            let first = writing.renditions[r].tracks[0];
            let lead = &self.tracks[first];
            if !lead.is_video() {
                let at = lead.front().unwrap_or(dts);
                let next = rescale(at, MICROS, lead.props.timescale());
                self.close(ctx, r, at, Some((first, next)))?;
            }
        }
        Ok(())
    }

    /// When the next packet of each track of a rendition is decoded, in its timescale; `current` is in hand.
    fn next_of(&self, r: usize, current: Option<(usize, i64)>) -> Vec<Option<i64>> {
        let Some(writing) = &self.writing else { return Vec::new() };
        let waiting = |i: usize| {
            self.tracks[i].queue.iter().find_map(|w| match w {
                Waiting::Packet(packet, _) if !packet.flags.contains(Flags::DISCONTINUITY) => Some(packet.dts),
                _ => None,
            })
        };
        let next = |i: &usize| current.filter(|(c, _)| c == i).map(|(_, dts)| dts).or_else(|| waiting(*i));
        writing.renditions[r].tracks.iter().map(next).collect()
    }

    /// Closes the open segment of a rendition, which ends where what is seen at this time begins, and tells players of it.
    /// `current` is the packet in hand, its track and decoding time, when the stream goes on with it.
    fn close(&mut self, ctx: &mut Ctx<'_>, r: usize, at: i64, current: Option<(usize, i64)>) -> Result<()> {
        let next = if current.is_some() { self.next_of(r, current) } else { Vec::new() };
        let Some(writing) = &mut self.writing else { return Ok(()) };
        let (common, rendition) = (&writing.common, &mut writing.renditions[r]);
        if !rendition.is_open() {
            return Ok(());
        }
        let mut written = Vec::new();
        let is_longer = rendition.close(common, at, &next, &mut written)?;
        self.put(ctx, written);
        self.segments += 1;
        if is_longer && !std::mem::replace(&mut self.warned, true) {
            let wanted = self.settings.segment / 1000;
            ctx.log(
                Level::Warning,
                format!("key pictures are further apart than segdur, {wanted} ms: segments are longer"),
            );
        }
        self.tell_all(ctx, false);
        Ok(())
    }

    /// Leases memory for the fragments that are being made, and for the playlists where they only grow.
    fn account(&mut self) -> Result<()> {
        let Some(Writing { renditions, common, .. }) = &self.writing else { return Ok(()) };
        let grows = !common.is_live || common.settings.window.is_none();
        let listed = if grows { self.segments * SEGMENT_BYTES } else { 0 };
        let held: usize = renditions.iter().map(Rendition::bytes).sum();
        let needed = (held + listed).next_multiple_of(LEASE_STEP);
        if needed == self.leased {
            return Ok(());
        }
        if !self.lease.as_mut().is_some_and(|l| l.resize(needed)) {
            let message = "the memory cap is reached by the fragments and playlists of an HLS output";
            return Err(Error::new(ErrorKind::Limit, message));
        }
        self.leased = needed;
        Ok(())
    }

    /// Writes the master playlist, once every rendition that has begun has something to play, and when it has changed: by a
    /// rendition that comes late, or rates that are higher than it says.
    fn tell_all(&mut self, ctx: &mut Ctx<'_>, is_last: bool) {
        let Some(Writing { renditions, master: Some(told), .. }) = &mut self.writing else { return };
        if !is_last && renditions.iter().any(|r| r.is_open() && !r.has_segments()) {
            return;
        }
        let ready: Vec<&Rendition> = renditions.iter().filter(|r| r.has_segments()).collect();
        let is_told = ready.len() == told.len() && ready.iter().zip(&*told).all(|(r, t)| !r.rate.is_beyond(&t.rate));
        if ready.is_empty() || (is_told && !is_last) {
            return;
        }
        *told = ready.into_iter().map(Rendition::variant).collect();
        let text = master::text(told);
        let name = format!("{}.m3u8", self.settings.stem);
        self.put(ctx, vec![(Piece::Whole(name.into()), text.into())]);
    }

    fn put(&self, ctx: &mut Ctx<'_>, written: Vec<Written>) {
        let Some(writing) = &self.writing else { return };
        for (piece, bytes) in written {
            ctx.send(writing.out, Packet { piece: Some(piece), ..Packet::new(bytes, 0) });
        }
    }
}

/// Pixels of a picture, and bits per second where that is known.
fn size(props: &Props) -> (u64, u32) {
    let of = |prop| props.u32(prop).unwrap_or(0);
    (u64::from(of(Prop::Width)) * u64::from(of(Prop::Height)), of(Prop::TargetRate).max(of(Prop::Bitrate)))
}

impl Muxer for Mux {
    fn tracks(&mut self) -> &mut Vec<Track> {
        &mut self.tracks
    }

    fn out(&self) -> Option<OutId> {
        self.writing.as_ref().map(|w| w.out)
    }

    fn new_track(&mut self, ctx: &mut Ctx<'_>, input: InId, props: Props) {
        if self.writing.is_some() || self.tracks.len() >= TRACKS_MAX {
            return interleave::leave_out(ctx, &props);
        }
        self.tracks.push(Track::new(input, props));
    }

    /// Begins once all tracks are known and have a packet, or have kept the others waiting too long.
    fn begin(&mut self, ctx: &mut Ctx<'_>) -> Result<()> {
        let is_ready = |t: &Track| t.ended || t.front().is_some();
        let ready = !self.tracks.is_empty() && self.tracks.iter().all(is_ready);
        if !ctx.settled() || !(ready || interleave::next(&self.tracks, START_WAIT).is_some()) {
            return Ok(());
        }
        let Some(base) = self.tracks.iter().filter_map(Track::front).min() else {
            return Err(Error::bad_input("every track ended before its first packet"));
        };
        let segments = if self.settings.segments == Segments::Ts { TS } else { MP4 };
        let out = ctx.open(
            Props::new()
                .with(Prop::StreamType, weir_media::StreamType::File)
                .with(Prop::FileExt, "m3u8")
                .with(Prop::Mime, segments)
                .with(Prop::Name, "hls")
                .with(Prop::Delivery, Delivery::File),
        );
        let common = self.common(ctx, base);
        let renditions = self.renditions(&common, base);
        let mut places = vec![None; self.tracks.len()];
        for (r, rendition) in renditions.iter().enumerate() {
            rendition.tracks.iter().enumerate().for_each(|(place, track)| places[*track] = Some((r, place)));
        }
        let master = (renditions.len() > 1).then(Vec::new);
        self.writing = Some(Writing { out, common, renditions, places, master });
        self.configure_all()
    }

    /// Takes what waits first in the track whose turn it is. False when nothing can be written now.
    fn write_next(&mut self, ctx: &mut Ctx<'_>) -> Result<bool> {
        let wait = self.settings.ileave.unwrap_or(if ctx.is_live() { WAIT_LIVE } else { WAIT });
        let Some(i) = interleave::next(&self.tracks, wait) else { return Ok(false) };
        match self.tracks[i].queue.pop_front() {
            Some(Waiting::Config(config)) => self.change(ctx, i, &config)?,
            Some(Waiting::Packet(packet, dts)) => self.write_packet(ctx, i, &packet, dts)?,
            None => return Ok(false),
        }
        Ok(true)
    }

    fn complete(&mut self, ctx: &mut Ctx<'_>) -> Result<()> {
        let count = self.writing.as_ref().map_or(0, |w| w.renditions.len());
        for r in 0..count {
            let end = self.writing.as_ref().map_or(0, |w| w.renditions[r].seen);
            self.close(ctx, r, end, None)?;
            let mut written = Vec::new();
            if let Some(writing) = &mut self.writing {
                writing.renditions[r].end(&writing.common, &mut written);
            }
            self.put(ctx, written);
        }
        self.tell_all(ctx, true);
        Ok(())
    }
}

impl Filter for Mux {
    fn process(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        self.work(ctx)
    }
}
