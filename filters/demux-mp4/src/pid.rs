//! One output: its properties, and its packets from samples.

use weir_codec::{StreamConfig, StreamReader, Unit};
use weir_media::{Bytes, CodecId, Flags, Frac, Packet, Payload, Prop, Props, StreamType};
use weir_plugin::{Ctx, Error, Level, OutId, Result};

use crate::entry::{Entry, Known, Setup};
use crate::movie::Track;
use crate::sample::Sample;

/// An output and what its track needs between samples.
pub(crate) struct Pid {
    pub(crate) out: OutId,
    /// Its properties in force.
    props: Props,
    media: Media,
    /// Sample entry in force; `None` when the next sample has to set it up again.
    entry: Option<usize>,
    /// Parameter sets in band changed what the entry says.
    altered: bool,
    last_dts: i64,
    /// Flags for the next packet.
    flags: Flags,
    told: Told,
}

enum Media {
    Reader(CodecId, StreamReader),
    /// The first packet will set it up.
    ByPacket(CodecId),
}

impl Media {
    fn of(setup: &Setup) -> Self {
        match setup {
            Setup::Config(config) => Self::Reader(config.codec(), StreamReader::new(config)),
            Setup::ByPacket { codec, .. } => Self::ByPacket(*codec),
        }
    }

    const fn codec(&self) -> CodecId {
        match self {
            Self::Reader(codec, _) | Self::ByPacket(codec) => *codec,
        }
    }

    fn read(&mut self, data: Bytes) -> std::result::Result<Unit, weir_codec::Error> {
        match self {
            Self::Reader(_, reader) => reader.read(data),
            Self::ByPacket(codec) => {
                let config = StreamConfig::of_packet(*codec, &data)?;
                let mut reader = StreamReader::new(&config);
                let unit = reader.read(data)?;
                *self = Self::Reader(*codec, reader);
                Ok(Unit { config: Some(config), ..unit })
            }
        }
    }
}

/// Warnings given once for each track.
#[derive(Default)]
struct Told {
    damaged: bool,
    backwards: bool,
    entry: bool,
}

impl Pid {
    /// Opens the output of a track. `first` is its first sample, if it has one.
    ///
    /// # Errors
    /// When the track has no entry of a codec that is read here, or its configuration cannot be written.
    pub(crate) fn open(ctx: &mut Ctx<'_>, track: &Track, first: Option<Sample>) -> Result<Self> {
        let usable = |entry: &usize| media(track, *entry).is_some();
        let entry = first.map(|sample| sample.entry).filter(usable).or(track.first_usable_entry());
        let setup = entry.and_then(|entry| Some((entry, media(track, entry)?)));
        let (entry, media) =
            setup.ok_or_else(|| Error::unsupported(format!("track {} has no known codec", track.id)))?;
        let props = props(track, entry, None, first);
        let out = ctx.open(props.clone());
        let (flags, told) = (Flags::NONE, Told::default());
        Ok(Self { out, props, media, entry: Some(entry), altered: false, last_dts: i64::MIN, flags, told })
    }

    /// The next packet begins a new round.
    pub(crate) fn restart(&mut self) {
        self.flags |= Flags::DISCONTINUITY;
        if std::mem::take(&mut self.altered) {
            self.entry = None;
        }
    }

    /// Sends the packet made from a sample, after new properties where it needs them. `timing` is the packet but for
    /// its payload. A damaged sample is left out.
    ///
    /// # Errors
    /// When a configuration cannot be written.
    pub(crate) fn send(
        &mut self,
        ctx: &mut Ctx<'_>,
        track: &Track,
        entry: usize,
        data: Bytes,
        timing: Packet,
    ) -> Result<()> {
        let unit = if self.enter(ctx, track, entry)? { self.read(ctx, track, data) } else { None };
        let Some(unit) = unit else {
            self.flags |= Flags::DISCONTINUITY;
            return Ok(());
        };
        if let Some(config) = &unit.config {
            self.altered = true;
            self.publish(ctx, props(track, entry, Some(config), None));
        }
        if unit.data.is_empty() {
            return Ok(());
        }
        let mut flags = timing.flags | std::mem::take(&mut self.flags);
        if unit.disposable {
            flags |= Flags::DISPOSABLE;
        }
        if self.media.codec().stream_type() == Some(StreamType::Audio) {
            flags |= Flags::KEY;
        }
        let dts = self.forwards(ctx, track, timing.dts);
        ctx.send(self.out, Packet { data: Payload::Bytes(unit.data), dts, flags, ..timing });
        Ok(())
    }

    /// Puts a sample entry in force. False when it is of a codec that is not read here.
    fn enter(&mut self, ctx: &mut Ctx<'_>, track: &Track, entry: usize) -> Result<bool> {
        if self.entry == Some(entry) {
            return Ok(true);
        }
        let Some(new) = media(track, entry).filter(|new| new.codec() == self.media.codec()) else {
            if !std::mem::replace(&mut self.told.entry, true) {
                let text = format!("track {}: samples of another codec (entry {}) are left out", track.id, entry + 1);
                ctx.log(Level::Warning, text);
            }
            return Ok(false);
        };
        self.media = new;
        self.entry = Some(entry);
        self.publish(ctx, props(track, entry, None, None));
        Ok(true)
    }

    /// Changes the properties, if they are others; the rate in `FPS` is that of the whole file.
    fn publish(&mut self, ctx: &mut Ctx<'_>, mut props: Props) {
        if let (None, Some(fps)) = (props.frac(Prop::Fps), self.props.frac(Prop::Fps)) {
            props.set(Prop::Fps, fps);
        }
        if props != self.props {
            ctx.set_props(self.out, props.clone());
            self.props = props;
        }
    }

    fn read(&mut self, ctx: &mut Ctx<'_>, track: &Track, data: Bytes) -> Option<Unit> {
        let unit = self.media.read(data);
        unit.inspect_err(|e| {
            if !std::mem::replace(&mut self.told.damaged, true) {
                ctx.log(
                    Level::Warning,
                    format!("track {}: damaged samples are left out, the first one: {e}", track.id),
                );
            }
        })
        .ok()
    }

    /// A decoding time that is not before the last one.
    fn forwards(&mut self, ctx: &mut Ctx<'_>, track: &Track, dts: i64) -> i64 {
        if dts < self.last_dts && !std::mem::replace(&mut self.told.backwards, true) {
            let text =
                format!("track {}: decoding times go back, from {} to {dts}; they are held", track.id, self.last_dts);
            ctx.log(Level::Warning, text);
        }
        self.last_dts = self.last_dts.max(dts);
        self.last_dts
    }
}

fn media(track: &Track, entry: usize) -> Option<Media> {
    match track.entries.get(entry)? {
        Entry::Known(known) => Some(Media::of(&known.setup)),
        Entry::Other(_) => None,
    }
}

/// Properties of a track while one of its sample entries is in force; `config` is what something in band made of it.
fn props(track: &Track, entry: usize, config: Option<&StreamConfig>, first: Option<Sample>) -> Props {
    let Entry::Known(known) = &track.entries[entry] else { return common(track) };
    let mut props = common(track);
    let said = config.map_or_else(|| known.setup.props(), StreamConfig::props);
    said.iter().for_each(|(prop, value)| props.set(prop, value.clone()));
    if known.setup.codec().stream_type() == Some(StreamType::Visual) {
        complete_pictures(&mut props, track, known, first);
    } else {
        props.set(Prop::Name, format!("A{}", track.id));
        if track.edits.skip > 0 {
            props.set(Prop::Delay, -track.edits.skip);
        }
    }
    if let Some(rate) = known.bitrate.map(u64::from).or(track.bitrate) {
        props.set(Prop::Bitrate, rate);
    }
    props
}

/// Adds what the file says of pictures: of their size and colour, where they do not say it themselves.
fn complete_pictures(props: &mut Props, track: &Track, known: &Known, first: Option<Sample>) {
    props.set(Prop::Name, format!("V{}", track.id));
    if let Some((width, height)) = known.size.filter(|_| props.get(Prop::Width).is_none()) {
        props.set(Prop::Width, width);
        props.set(Prop::Height, height);
    }
    if let Some(fps) = fps(track, first) {
        props.set(Prop::Fps, fps);
    }
    if let Some(sar) = known.sar {
        props.set(Prop::Sar, sar);
    }
    if let Some(colour) = known.colour.filter(|_| props.get(Prop::ColorMatrix).is_none()) {
        colour.set(props);
    }
}

fn common(track: &Track) -> Props {
    let mut props = Props::new().with(Prop::Id, track.id).with(Prop::Timescale, track.timescale);
    let duration = track.duration.and_then(|d| i64::try_from(d).ok()).and_then(|d| ratio(d, track.timescale));
    if let Some(duration) = duration {
        props.set(Prop::Duration, duration);
    }
    if let Some(language) = &track.language {
        props.set(Prop::Language, language.as_str());
    }
    props
}

/// Pictures per second from the durations of samples.
fn fps(track: &Track, first: Option<Sample>) -> Option<Frac> {
    let table = &track.table;
    let one = || first.map(|sample| sample.duration).filter(|_| table.len() == 0);
    match table.common_duration().or_else(one).filter(|duration| *duration > 0) {
        Some(duration) => ratio(track.timescale.into(), duration),
        None => {
            let pictures = i64::from(table.len()) * i64::from(track.timescale);
            u32::try_from(table.duration()).ok().filter(|_| pictures > 0).and_then(|d| ratio(pictures, d))
        }
    }
}

/// A fraction in lowest terms; `None` when the denominator is 0.
fn ratio(num: i64, den: u32) -> Option<Frac> {
    let (mut a, mut b) = (num.unsigned_abs(), u64::from(den));
    while b > 0 {
        (a, b) = (b, a % b);
    }
    let divisor = u32::try_from(a).ok().filter(|a| *a > 0)?;
    Frac::new(num / i64::from(divisor), den / divisor)
}
