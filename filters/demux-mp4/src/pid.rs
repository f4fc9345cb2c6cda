//! One output: its properties, and its packets from samples.

use weir_codec::avc::{self, AvcConfig, SampleReader};
use weir_media::{Bytes, CodecId, Flags, Frac, Packet, Payload, Prop, Props, StreamType};
use weir_plugin::{Ctx, Error, Level, OutId, Result};

use crate::entry::{Aac, Avc, Entry};
use crate::movie::Track;
use crate::sample::Sample;

/// An output and what its track needs between samples.
pub(crate) struct Pid {
    pub(crate) out: OutId,
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
    Avc(SampleReader),
    Aac,
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
        let out = ctx.open(props(track, entry, first)?);
        let (flags, told) = (Flags::NONE, Told::default());
        Ok(Self { out, media, entry: Some(entry), altered: false, last_dts: i64::MIN, flags, told })
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
            ctx.set_props(self.out, altered_props(track, entry, config)?);
        }
        if unit.data.is_empty() {
            return Ok(());
        }
        let mut flags = timing.flags | std::mem::take(&mut self.flags);
        if unit.disposable {
            flags |= Flags::DISPOSABLE;
        }
        if let Media::Aac = self.media {
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
        let same_kind = |new: &Media| std::mem::discriminant(new) == std::mem::discriminant(&self.media);
        let Some(new) = media(track, entry).filter(same_kind) else {
            if !std::mem::replace(&mut self.told.entry, true) {
                let text = format!("track {}: samples of another codec (entry {}) are left out", track.id, entry + 1);
                ctx.log(Level::Warning, text);
            }
            return Ok(false);
        };
        self.media = new;
        self.entry = Some(entry);
        ctx.set_props(self.out, props(track, entry, None)?);
        Ok(true)
    }

    fn read(&mut self, ctx: &mut Ctx<'_>, track: &Track, data: Bytes) -> Option<avc::Sample> {
        let unit = match &mut self.media {
            Media::Avc(reader) => reader.read(data),
            Media::Aac => Ok(avc::Sample { data, disposable: false, config: None }),
        };
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
        Entry::Avc(avc) => Some(Media::Avc(SampleReader::new(&avc.config))),
        Entry::Aac(_) => Some(Media::Aac),
        Entry::Other(_) => None,
    }
}

/// Properties of a track while one of its sample entries is in force.
fn props(track: &Track, entry: usize, first: Option<Sample>) -> Result<Props> {
    match &track.entries[entry] {
        Entry::Avc(avc) => {
            let record = avc.config.record_for_four(&avc.record).map_err(|e| damaged(track, &e))?;
            Ok(avc_props(track, avc, &avc.config, record, first))
        }
        Entry::Aac(aac) => Ok(aac_props(track, aac)),
        Entry::Other(_) => Ok(common(track)),
    }
}

/// Properties after parameter sets in band changed the configuration.
fn altered_props(track: &Track, entry: usize, config: &AvcConfig) -> Result<Props> {
    let record = config.build().map_err(|e| damaged(track, &e))?;
    match &track.entries[entry] {
        Entry::Avc(avc) => Ok(avc_props(track, avc, config, record, None)),
        Entry::Aac(_) | Entry::Other(_) => Ok(common(track)),
    }
}

fn damaged(track: &Track, e: &weir_codec::Error) -> Error {
    Error::bad_input(format!("track {}: {e}", track.id))
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

fn avc_props(track: &Track, avc: &Avc, config: &AvcConfig, record: Bytes, first: Option<Sample>) -> Props {
    let info = config.sps_info().ok();
    let (width, height) = info.as_ref().map_or(avc.size, |sps| (sps.width, sps.height));
    let mut props = common(track)
        .with(Prop::StreamType, StreamType::Visual)
        .with(Prop::CodecId, CodecId::Avc)
        .with(Prop::Name, format!("V{}", track.id))
        .with(Prop::Width, width)
        .with(Prop::Height, height);
    if !config.sps.is_empty() {
        props.set(Prop::DecoderConfig, record);
    }
    if let Some(fps) = fps(track, first).or(info.as_ref().and_then(|sps| sps.frame_rate)) {
        props.set(Prop::Fps, fps);
    }
    if let Some(sar) = avc.sar.or(info.and_then(|sps| sps.sar)) {
        props.set(Prop::Sar, sar);
    }
    with_bitrate(props, avc.bitrate, track)
}

fn aac_props(track: &Track, aac: &Aac) -> Props {
    let config = &aac.config;
    let mut props = common(track)
        .with(Prop::StreamType, StreamType::Audio)
        .with(Prop::CodecId, CodecId::Aac)
        .with(Prop::Name, format!("A{}", track.id))
        .with(Prop::DecoderConfig, aac.record.clone())
        .with(Prop::SampleRate, config.output_sample_rate());
    if let Some(channels) = config.channels() {
        props.set(Prop::NumChannels, u32::from(channels));
    }
    if let Some(samples) = config.output_samples_per_frame() {
        props.set(Prop::SamplesPerFrame, samples);
    }
    if track.edits.skip > 0 {
        props.set(Prop::Delay, -track.edits.skip);
    }
    with_bitrate(props, aac.bitrate, track)
}

/// Adds the rate that the file tells, or else that its samples amount to.
fn with_bitrate(mut props: Props, told: Option<u32>, track: &Track) -> Props {
    if let Some(rate) = told.map(u64::from).or(track.bitrate) {
        props.set(Prop::Bitrate, rate);
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
