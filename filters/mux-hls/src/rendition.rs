//! [`Rendition`]: one playlist being made, and the segment that is open. It says what pieces to write, in order; where
//! segments end is told from outside.

use std::sync::Arc;

use weir_codec::rfc6381;
use weir_media::{Bytes, CodecId, Packet, Piece, Prop, Props};
use weir_plugin::Result;

use crate::container::Container;
use crate::master::{Rate, Variant};
use crate::playlist::{Kind, Part, Playlist, Segment};
use crate::settings::{Parts, Segments, Settings};

/// Bytes of a fragment at most; a longer one is written early.
const CHUNK_MAX: usize = 64 << 20;
/// What containers round times by, microseconds.
const ROUNDING: i64 = 1_000;
/// A playlist of everything, where nobody is waiting for the next segment, is written when it has grown by this part of
/// itself: writing it each time would take as long as the square of its length.
const GROWTH: usize = 8;

/// A piece to be written.
pub(crate) type Written = (Piece, Bytes);

/// What all renditions of a stream have alike.
#[derive(Debug)]
pub(crate) struct Common {
    pub(crate) settings: Settings,
    pub(crate) is_live: bool,
    /// Somebody may be watching already: the session runs by the clock.
    pub(crate) is_watched: bool,
    /// Wall clock of media time 0, microseconds.
    pub(crate) utc: i64,
    /// Number of the first segment.
    pub(crate) first: u64,
}

/// One playlist being made.
pub(crate) struct Rendition {
    /// What the names of its files begin with.
    stem: String,
    /// Its tracks in the muxer, the one that says where segments begin first.
    pub(crate) tracks: Vec<usize>,
    /// Their properties, and the names of their codecs.
    known: Vec<(Props, Option<String>)>,
    container: Container,
    playlist: Playlist,
    open: Option<Open>,
    init: Option<Arc<str>>,
    /// The next segment does not go on from the one before.
    is_broken: bool,
    /// Until when there is something of the leading track, microseconds of decoding time.
    pub(crate) end: i64,
    /// Until when something of it is seen or heard, microseconds.
    pub(crate) seen: i64,
    /// From one packet of it to the next, microseconds.
    pub(crate) step: i64,
    /// When the last one is decoded.
    last: i64,
    /// From decoding to showing the picture that the segment begins with, microseconds.
    delay: i64,
    pub(crate) rate: Rate,
    /// A key picture was asked for in this segment.
    pub(crate) key_asked: bool,
    /// Length of the playlist when it was last written.
    told: usize,
}

/// The segment that is being written. Times are when its leading track is seen or heard, in microseconds: of key pictures
/// exactly, of others as much later than they are decoded as the key picture before them.
struct Open {
    segment: Segment,
    since: i64,
    bytes: u64,
    chunk_since: i64,
    /// The fragment that is being made begins with a key packet of the leading track.
    is_independent: bool,
    parts: u32,
}

impl Rendition {
    /// A rendition of these tracks with these properties, times counted from `base`.
    pub(crate) fn new(common: &Common, stem: String, tracks: Vec<usize>, props: Vec<Props>, base: i64) -> Self {
        let settings = &common.settings;
        let container = match settings.segments {
            Segments::Mp4 => Container::mp4(&props, base),
            Segments::Ts => Container::ts(&props, base),
        };
        let kind = Kind {
            window: settings.window.filter(|_| common.is_live),
            is_event: !common.is_live,
            part: (settings.parts != Parts::Off).then_some(settings.chunk),
            blocks: settings.blocks,
            is_mp4: settings.segments == Segments::Mp4,
        };
        Self {
            stem,
            tracks,
            known: props.into_iter().map(|props| (props, None)).collect(),
            container,
            playlist: Playlist::new(kind, common.first, settings.segment),
            open: None,
            init: None,
            is_broken: false,
            end: base,
            seen: base,
            step: 0,
            last: base,
            delay: 0,
            rate: Rate::default(),
            key_asked: false,
            told: 0,
        }
    }

    /// The name of its playlist.
    pub(crate) fn uri(&self) -> String {
        format!("{}.m3u8", self.stem)
    }

    /// What the master playlist says of it.
    pub(crate) fn variant(&self) -> Variant {
        Variant { uri: self.uri(), tracks: self.known.clone(), rate: self.rate }
    }

    /// Whether a segment is open.
    pub(crate) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// When a picture is seen that is decoded at this time, as far as the length of segments is concerned.
    pub(crate) fn shown(&self, dts: i64) -> i64 {
        dts + self.delay
    }

    /// How long the open segment is when this is seen.
    pub(crate) fn length(&self, shown: i64) -> i64 {
        self.open.as_ref().map_or(0, |open| shown - open.since)
    }

    /// Whether a segment is complete.
    pub(crate) fn has_segments(&self) -> bool {
        self.playlist.len() > 0
    }

    /// Whether this configuration of a track cannot go into the segment that is open.
    pub(crate) fn is_changed_by(&self, place: usize, config: &Bytes) -> bool {
        self.container.is_changed_by(place, config)
    }

    /// Takes a configuration; the segment before is closed.
    pub(crate) fn configure(&mut self, place: usize, config: &Bytes, props: &Props) -> Result<()> {
        self.init = self.init.take().filter(|_| !self.container.is_changed_by(place, config));
        self.container.configure(place, config, props)?;
        let name = props.codec().and_then(|codec| rfc6381::name(codec, config));
        self.known[place] = (props.clone(), name.or_else(|| self.known[place].1.take()));
        Ok(())
    }

    /// Learns of a track from its first packet what no configuration has said.
    pub(crate) fn learn(&mut self, place: usize, packet: &Packet) -> Result<()> {
        self.container.configure_by(place, packet)?;
        let (props, name) = &mut self.known[place];
        if name.is_none() {
            let unframed = props.flag(Prop::Unframed) && props.codec() == Some(CodecId::Avc);
            let of_stream = packet.bytes().filter(|_| unframed).and_then(|data| rfc6381::name_of_annexb(data));
            *name = of_stream.or_else(|| props.codec().and_then(|codec| rfc6381::name(codec, &[])));
        }
        Ok(())
    }

    /// The next segment does not go on from what was before.
    pub(crate) fn break_off(&mut self) {
        self.is_broken |= self.has_segments() || self.is_open();
    }

    /// Opens a segment whose leading track begins with a packet that is decoded at this time, and seen or heard at `shown`,
    /// in microseconds.
    pub(crate) fn begin(&mut self, common: &Common, (dts, shown): (i64, i64), out: &mut Vec<Written>) {
        let number = self.playlist.next_number();
        if self.init.is_none()
            && let Some(init) = self.container.init()
        {
            let name: Arc<str> = format!("{}_init_{number}.mp4", self.stem).into();
            out.push((Piece::Whole(Arc::clone(&name)), init));
            self.init = Some(name);
        }
        let ext = if self.init.is_some() { "m4s" } else { "ts" };
        let segment = Segment {
            uri: format!("{}_{number}.{ext}", self.stem).into(),
            duration: 0,
            utc: u64::try_from(common.utc + shown).ok().filter(|_| common.is_live),
            init: self.init.clone(),
            is_discontinuous: std::mem::take(&mut self.is_broken),
            parts: Vec::new(),
        };
        self.container.begin_segment();
        (self.key_asked, self.delay) = (false, shown - dts);
        self.open = Some(Open { segment, since: shown, bytes: 0, chunk_since: shown, is_independent: true, parts: 0 });
    }

    /// Takes note of a packet of the leading track: when it is decoded, when it is seen, and for how long.
    pub(crate) fn advance(&mut self, dts: i64, shown: i64, length: i64) {
        (self.step, self.last) = (dts - self.last, dts);
        self.end = dts + length;
        self.seen = self.seen.max(shown + length);
    }

    /// Whether a key picture of a track has other parameter sets in it, so that it cannot go into the open segment.
    pub(crate) fn is_changed_at(&mut self, place: usize, packet: &Packet) -> bool {
        self.container.is_changed_at(place, packet)
    }

    /// Ends the fragment before a packet, when it would become too long with it, by more than `patience`.
    pub(crate) fn make_room(
        &mut self,
        common: &Common,
        packet: &Packet,
        (dts, length): (i64, i64),
        patience: i64,
        next: &[Option<i64>],
        out: &mut Vec<Written>,
    ) -> Result<()> {
        let at = self.shown(dts);
        let Some(open) = &self.open else { return Ok(()) };
        // Fragments end where multiples of their length do, so that a segment of so many has no short one left at its end.
        let chunk = common.settings.chunk;
        let nth = (open.chunk_since - open.since + chunk / 2) / chunk + 1;
        let until = open.since + nth * chunk + ROUNDING + patience;
        let is_long = at > open.chunk_since && at + length > until;
        if is_long || self.container.bytes() + packet.len() > CHUNK_MAX {
            self.end_chunk(common, at, next, false, out)?;
            if common.settings.parts != Parts::Off && common.is_live {
                self.tell(common, true, out);
            }
            if let Some(open) = &mut self.open {
                (open.chunk_since, open.is_independent) = (at, packet.is_key());
            }
        }
        Ok(())
    }

    /// Bytes that wait for the end of a fragment.
    pub(crate) fn bytes(&self) -> usize {
        self.container.bytes()
    }

    /// Adds a packet to the open segment.
    pub(crate) fn add(&mut self, place: usize, packet: &Packet) -> Result<()> {
        self.container.add(place, packet)
    }

    /// Writes what waits as a fragment that ends where what is seen at this time begins.
    fn end_chunk(
        &mut self,
        common: &Common,
        at: i64,
        next: &[Option<i64>],
        last: bool,
        out: &mut Vec<Written>,
    ) -> Result<()> {
        let bytes = self.container.cut(next)?;
        let Some(open) = &mut self.open else { return Ok(()) };
        let duration = at - open.chunk_since;
        let (offset, length) = (open.bytes, bytes.len() as u64);
        open.bytes += length;
        let name = Arc::clone(&open.segment.uri);
        let ranged = common.settings.parts == Parts::Ranges;
        if common.is_live && common.settings.parts != Parts::Off && length > 0 && duration > 0 {
            let uri = if ranged { Arc::clone(&name) } else { part_name(&name, open.parts) };
            let range = ranged.then_some((length, offset));
            if !ranged {
                out.push((Piece::Whole(Arc::clone(&uri)), bytes.clone()));
            }
            open.parts += 1;
            self.playlist.take_part(duration, self.step);
            open.segment.parts.push(Part { uri, range, duration, is_independent: open.is_independent });
        }
        out.push((Piece::Of { name, last }, bytes));
        Ok(())
    }

    /// Closes the open segment, which ends where what is seen at this time begins, and tells players of it. True when it is longer than segments were
    /// said to be.
    pub(crate) fn close(
        &mut self,
        common: &Common,
        at: i64,
        next: &[Option<i64>],
        out: &mut Vec<Written>,
    ) -> Result<bool> {
        if self.open.is_none() {
            return Ok(false);
        }
        self.end_chunk(common, at, next, true, out)?;
        let Some(mut open) = self.open.take() else { return Ok(false) };
        open.segment.duration = (at - open.since).max(1);
        self.rate.add(open.bytes, open.segment.duration);
        let is_longer = self.playlist.push(open.segment);
        let has_grown = self.playlist.len() >= self.told + self.told.div_ceil(GROWTH).max(1);
        if common.is_watched || has_grown {
            self.tell(common, false, out);
        }
        let gone = self.playlist.gone();
        remove(common, gone, out);
        Ok(is_longer)
    }

    /// Nothing follows.
    pub(crate) fn end(&mut self, common: &Common, out: &mut Vec<Written>) {
        let gone = self.playlist.end();
        self.tell(common, false, out);
        remove(common, gone, out);
    }

    /// Writes the playlist. Within a segment, with the name of the part that comes next.
    fn tell(&mut self, common: &Common, within: bool, out: &mut Vec<Written>) {
        self.told = self.playlist.len();
        let open = self.open.as_ref().filter(|_| within);
        let next = self.open.as_ref().map_or_else(
            || part_name(&format!("{}_{}.m4s", self.stem, self.playlist.next_number()), 0),
            |open| part_name(&open.segment.uri, open.parts),
        );
        let hint = (common.settings.parts == Parts::Files).then_some(&*next);
        let text = self.playlist.text(open.map(|open| &open.segment), hint);
        out.push((Piece::Whole(self.uri().into()), text.into()));
    }
}

fn remove(common: &Common, files: Vec<Arc<str>>, out: &mut Vec<Written>) {
    if !common.settings.keep {
        out.extend(files.into_iter().map(|name| (Piece::Removed(name), Bytes::new())));
    }
}

/// `live_7.2.m4s`: the third part of `live_7.m4s`.
fn part_name(segment: &str, number: u32) -> Arc<str> {
    match segment.rsplit_once('.') {
        Some((stem, ext)) => format!("{stem}.{number}.{ext}").into(),
        None => format!("{segment}.{number}").into(),
    }
}
