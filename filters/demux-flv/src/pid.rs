//! One output: its properties, and what its track needs between tags.

use weir_codec::aac::{AudioSpecificConfig, SpecificConfig};
use weir_codec::avc::{AvcConfig, Sample, SampleReader};
use weir_media::{Bytes, CodecId, Flags, Packet, Payload, Prop, Props, StreamType, Time};
use weir_plugin::{Ctx, OutId};

use crate::hints::Hints;

/// Timestamp units per second of every PID: those of FLV.
const TIMESCALE: u32 = 1000;

/// Longest time one picture is believed to take, milliseconds.
const MAX_STEP: i64 = 10_000;

/// A sequence header that was read.
pub(crate) struct Setup {
    /// Its body as it came.
    header: Bytes,
    /// The decoder configuration to pass on.
    record: Bytes,
    codec: Codec,
}

enum Codec {
    Avc(Box<AvcConfig>),
    Aac(Box<AudioSpecificConfig>),
}

/// One packet to be, as its tag has it.
pub(crate) struct Unit {
    pub(crate) data: Bytes,
    /// Where it stands on the timeline, and where it is shown.
    pub(crate) dts: i64,
    pub(crate) cts: i64,
    pub(crate) key: bool,
    pub(crate) origin: Time,
}

/// An output and what its track needs between tags.
pub(crate) struct Pid {
    pub(crate) out: OutId,
    setup: Setup,
    media: Media,
    last_dts: i64,
    /// Milliseconds that the last packet takes, as far as can be told.
    step: i64,
    /// Flags for the next packet.
    flags: Flags,
}

enum Media {
    Avc(SampleReader),
    Aac,
}

impl Setup {
    /// Reads the body of an AVC sequence header.
    ///
    /// # Errors
    /// A sentence that says why it cannot be used.
    pub(crate) fn avc(header: Bytes) -> Result<Self, String> {
        let unusable = |e: weir_codec::Error| format!("an AVC sequence header cannot be used: {e}");
        let config = AvcConfig::parse(&header).map_err(unusable)?;
        let record = config.record_for_four(&header).map_err(unusable)?;
        Ok(Self { header, record, codec: Codec::Avc(Box::new(config)) })
    }

    /// Reads the body of an AAC sequence header.
    ///
    /// # Errors
    /// As [`Setup::avc`].
    pub(crate) fn aac(header: Bytes) -> Result<Self, String> {
        let config = AudioSpecificConfig::parse(&header);
        let config = config.map_err(|e| format!("an AAC sequence header cannot be used: {e}"))?;
        match config.specific {
            SpecificConfig::Other { .. } => {
                Err(format!("MPEG-4 audio object type {} is not supported", config.object_type.0))
            }
            SpecificConfig::GeneralAudio(_) => {
                Ok(Self { record: header.clone(), header, codec: Codec::Aac(Box::new(config)) })
            }
        }
    }

    fn media(&self) -> Media {
        match &self.codec {
            Codec::Avc(config) => Media::Avc(SampleReader::new(config)),
            Codec::Aac(_) => Media::Aac,
        }
    }

    fn props(&self, hints: &Hints) -> Props {
        let mut props = match &self.codec {
            Codec::Avc(config) => avc_props(config, hints),
            Codec::Aac(config) => aac_props(config, hints),
        };
        if !matches!(&self.codec, Codec::Avc(config) if config.sps.is_empty()) {
            props.set(Prop::DecoderConfig, self.record.clone());
        }
        if let Some(duration) = hints.duration {
            props.set(Prop::Duration, duration);
        }
        props.with(Prop::Timescale, TIMESCALE)
    }

    /// Milliseconds of one packet when nothing better is known, at least 1.
    fn step(&self, hints: &Hints) -> i64 {
        match &self.codec {
            Codec::Avc(config) => {
                let fps = config.sps_info().ok().and_then(|sps| sps.frame_rate).or(hints.fps);
                let ms = fps.filter(|fps| fps.num > 0).map(|fps| 1000 * i64::from(fps.den) / fps.num);
                ms.unwrap_or(0).clamp(1, MAX_STEP)
            }
            Codec::Aac(config) => {
                let (samples, rate) = (config.samples_per_frame().unwrap_or(1024), config.sample_rate.max(1));
                i64::from((samples * TIMESCALE).div_ceil(rate))
            }
        }
    }
}

fn avc_props(config: &AvcConfig, hints: &Hints) -> Props {
    let info = config.sps_info().ok();
    let mut props = Props::new()
        .with(Prop::Id, 1u32)
        .with(Prop::Name, "V1")
        .with(Prop::StreamType, StreamType::Visual)
        .with(Prop::CodecId, CodecId::Avc);
    if let Some((width, height)) = info.as_ref().map(|sps| (sps.width, sps.height)).or(hints.size) {
        props = props.with(Prop::Width, width).with(Prop::Height, height);
    }
    if let Some(fps) = info.as_ref().and_then(|sps| sps.frame_rate).or(hints.fps) {
        props.set(Prop::Fps, fps);
    }
    if let Some(sar) = info.and_then(|sps| sps.sar) {
        props.set(Prop::Sar, sar);
    }
    if let Some(rate) = hints.video_rate {
        props.set(Prop::Bitrate, rate);
    }
    props
}

fn aac_props(config: &AudioSpecificConfig, hints: &Hints) -> Props {
    let mut props = Props::new()
        .with(Prop::Id, 2u32)
        .with(Prop::Name, "A2")
        .with(Prop::StreamType, StreamType::Audio)
        .with(Prop::CodecId, CodecId::Aac)
        .with(Prop::SampleRate, config.output_sample_rate());
    if let Some(channels) = config.channels() {
        props.set(Prop::NumChannels, u32::from(channels));
    }
    if let Some(samples) = config.output_samples_per_frame() {
        props.set(Prop::SamplesPerFrame, samples);
    }
    if let Some(rate) = hints.audio_rate {
        props.set(Prop::Bitrate, rate);
    }
    props
}

impl Pid {
    /// Opens an output for a sequence header.
    pub(crate) fn open(ctx: &mut Ctx<'_>, setup: Setup, hints: &Hints) -> Self {
        let out = ctx.open(setup.props(hints));
        let (media, step) = (setup.media(), setup.step(hints));
        Self { out, setup, media, last_dts: i64::MIN, step, flags: Flags::NONE }
    }

    /// Another sequence header: new properties unless it says the same.
    pub(crate) fn change(&mut self, ctx: &mut Ctx<'_>, setup: Setup, hints: &Hints) {
        if self.setup.header == setup.header {
            return;
        }
        self.media = setup.media();
        self.step = setup.step(hints);
        ctx.set_props(self.out, setup.props(hints));
        self.setup = setup;
    }

    /// Something before the next packet is missing, or the input starts over.
    pub(crate) fn interrupt(&mut self) {
        self.flags |= Flags::DISCONTINUITY;
    }

    /// Sends a packet, after new properties when its parameter sets change them. Says where it ends on the timeline.
    ///
    /// # Errors
    /// When it is damaged; then it is left out.
    pub(crate) fn send(&mut self, ctx: &mut Ctx<'_>, unit: Unit, hints: &Hints) -> Result<i64, weir_codec::Error> {
        let au = match &mut self.media {
            Media::Avc(reader) => reader.read(unit.data).inspect_err(|_| self.flags |= Flags::DISCONTINUITY)?,
            Media::Aac => Sample { data: unit.data, disposable: false, config: None },
        };
        if let Some((config, record)) = au.config.and_then(|config| config.build().ok().map(|record| (config, record)))
        {
            self.setup = Setup { header: record.clone(), record, codec: Codec::Avc(Box::new(config)) };
            ctx.set_props(self.out, self.setup.props(hints));
        }
        let dts = unit.dts.max(self.last_dts);
        if let (Media::Avc(_), true) = (&self.media, self.last_dts > i64::MIN) {
            self.step = dts.saturating_sub(self.last_dts).clamp(1, MAX_STEP);
        }
        self.last_dts = dts;
        if !au.data.is_empty() {
            let (duration, flags) = self.finish(unit.key, au.disposable);
            let (data, patch_at) = (Payload::Bytes(au.data), None);
            ctx.send(self.out, Packet { data, dts, cts: unit.cts, duration, flags, origin: unit.origin, patch_at });
        }
        Ok(dts.saturating_add(self.step))
    }

    /// Duration and flags of the packet being sent.
    fn finish(&mut self, key: bool, disposable: bool) -> (u32, Flags) {
        let mut flags = std::mem::take(&mut self.flags);
        let audio = matches!(self.media, Media::Aac);
        if key || audio {
            flags |= Flags::KEY;
        }
        if disposable {
            flags |= Flags::DISPOSABLE;
        }
        (if audio { u32::try_from(self.step).unwrap_or(0) } else { 0 }, flags)
    }
}
