//! [`Pid`]: one track, from its first header on: its properties, and its packets from tags. It sends nothing itself.

use weir_codec::{Error, StreamConfig, StreamReader};
use weir_media::{Bytes, CodecId, Flags, Packet, Payload, Prop, Props, StreamType, Time};

use crate::colour::ColorInfo;
use crate::hints::Hints;

/// Timestamp units per second: those of FLV.
const MILLIS: u32 = 1000;
/// The same for a track that says more than FLV can.
const MICROS: u32 = 1_000_000;
/// Longest time one picture is believed to take, milliseconds.
const MAX_STEP: i64 = 10_000;
/// Longest record kept, bytes.
const MAX_RECORD: usize = 1 << 18;

/// Which track of a file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct TrackId {
    pub(crate) is_video: bool,
    pub(crate) number: u8,
}

impl TrackId {
    pub(crate) const fn kind(self) -> &'static str {
        if self.is_video { "video" } else { "audio" }
    }

    pub(crate) const fn stream_type(self) -> StreamType {
        if self.is_video { StreamType::Visual } else { StreamType::Audio }
    }
}

/// One packet to be, as its tag has it.
pub(crate) struct Unit {
    pub(crate) data: Bytes,
    /// Where it stands on the timeline, milliseconds.
    pub(crate) dts: i64,
    /// Nanoseconds on top of that.
    pub(crate) nanos: u32,
    /// Presentation minus decoding time, milliseconds.
    pub(crate) cts: i32,
    pub(crate) key: bool,
    pub(crate) origin: Time,
}

/// What comes of a [`Unit`].
pub(crate) struct Made {
    /// Properties from here on, when they are others than before.
    pub(crate) props: Option<Props>,
    /// `None` when it held nothing but what belongs into the properties.
    pub(crate) packet: Option<Packet>,
    /// Where it ends on the timeline, milliseconds.
    pub(crate) end: i64,
}

/// A track and what it needs between tags.
pub(crate) struct Pid {
    pub(crate) id: TrackId,
    pub(crate) codec: CodecId,
    /// Another track has taken its number.
    pub(crate) is_over: bool,
    /// The body of the last sequence header.
    header: Bytes,
    setup: Option<(StreamConfig, StreamReader)>,
    color: Option<ColorInfo>,
    /// Properties that went out last, or will go out first.
    props: Option<Props>,
    /// Timestamp units per second, settled by the first packet.
    timescale: Option<u32>,
    last_dts: i64,
    /// Milliseconds that the last packet takes, as far as can be told.
    step: i64,
    /// Flags for the next packet.
    flags: Flags,
}

impl Pid {
    /// A track of which nothing is known but its codec.
    pub(crate) fn new(id: TrackId, codec: CodecId) -> Self {
        Self {
            id,
            codec,
            is_over: false,
            header: Bytes::new(),
            setup: None,
            color: None,
            props: None,
            timescale: None,
            last_dts: i64::MIN,
            step: 1,
            flags: Flags::NONE,
        }
    }

    /// Whether it is known well enough to be opened.
    pub(crate) fn is_set_up(&self) -> bool {
        self.setup.is_some()
    }

    /// Something before the next packet is missing, or the input starts over.
    pub(crate) fn interrupt(&mut self) {
        self.flags |= Flags::DISCONTINUITY;
    }

    /// Reads a sequence header. Says whether there are new properties.
    ///
    /// # Errors
    /// A sentence that says why it cannot be used.
    pub(crate) fn header(&mut self, data: &Bytes) -> Result<bool, String> {
        // Some writers have one for every codec, and one without content says nothing.
        if data.is_empty() || !StreamConfig::has_record(self.codec) || (self.is_set_up() && self.header == data) {
            return Ok(false);
        }
        let unusable = |why: &dyn std::fmt::Display| {
            let name = self.codec.name().to_uppercase();
            format!("the {name} sequence header cannot be used: {why}")
        };
        if data.len() > MAX_RECORD {
            return Err(unusable(&format_args!("{} bytes are over the limit of {MAX_RECORD}", data.len())));
        }
        // A copy of its own: it is kept, and must not keep a whole block of input with it.
        let data = Bytes::copy_from_slice(data);
        let config = StreamConfig::parse(self.codec, &data).map_err(|e| unusable(&e))?;
        self.header = data;
        if let (StreamConfig::Flac(new), Some((StreamConfig::Flac(old), _))) = (&config, &self.setup)
            && new.is_alike(old)
        {
            return Ok(false);
        }
        self.set_up(config);
        Ok(true)
    }

    fn set_up(&mut self, config: StreamConfig) {
        let reader = StreamReader::new(&config);
        self.setup = Some((config, reader));
    }

    /// Reads colour metadata. Says whether there are new properties.
    pub(crate) fn metadata(&mut self, data: &Bytes) -> bool {
        let color = ColorInfo::read(data);
        let is_new = self.is_set_up() && color != self.color;
        self.color = color;
        is_new
    }

    /// The properties that hold from here on, when they are others than before.
    pub(crate) fn new_props(&mut self, hints: &Hints) -> Option<Props> {
        let (config, _) = self.setup.as_ref()?;
        let mut props = config.props();
        // Numbers and names in a row over both kinds: V1, A2, V3, A4.
        let place = 2 * u32::from(self.id.number) + if self.id.is_video { 1 } else { 2 };
        props.set(Prop::Id, place);
        props.set(Prop::Name, format!("{}{place}", if self.id.is_video { 'V' } else { 'A' }));
        props.set(Prop::Timescale, self.timescale.unwrap_or(MILLIS));
        hints.complete(&mut props, self.id.is_video, self.id.number);
        if let Some(color) = &self.color {
            color.complete(&mut props);
        }
        if self.props.as_ref() == Some(&props) {
            return None;
        }
        self.props = Some(props.clone());
        Some(props)
    }

    /// Makes a packet, and new properties before it when something in it changes them. A codec without a record is set up
    /// by its first packet.
    ///
    /// # Errors
    /// When it is damaged; then it is left out. [`ErrorKind::Missing`](weir_codec::ErrorKind) before the header.
    pub(crate) fn packet(&mut self, unit: Unit, hints: &Hints) -> Result<Made, Error> {
        if self.setup.is_none() {
            self.set_up(StreamConfig::of_packet(self.codec, &unit.data)?);
        }
        let Some((config, reader)) = &mut self.setup else { unreachable!("it was just set up") };
        let read = reader.read(unit.data).inspect_err(|_| self.flags |= Flags::DISCONTINUITY)?;
        if let Some(new) = read.config {
            self.header = new.record().unwrap_or_default();
            *config = new;
        }
        let samples = config.sound().map(|(rate, _)| rate).zip(read.samples);
        self.timescale.get_or_insert(if unit.nanos > 0 { MICROS } else { MILLIS });
        let props = self.new_props(hints);
        let dts = self.ticks(unit.dts, unit.nanos).max(self.last_dts);
        self.step = self.step_of(samples, dts);
        self.last_dts = dts;
        let packet = (!read.data.is_empty()).then(|| Packet {
            data: Payload::Bytes(read.data),
            dts,
            cts: self.ticks(unit.dts.saturating_add(unit.cts.into()), unit.nanos),
            duration: samples.and_then(|_| u32::try_from(self.ticks(self.step, 0)).ok()).unwrap_or(0),
            flags: self.take_flags(unit.key, read.disposable),
            origin: unit.origin,
            patch_at: None,
            piece: None,
        });
        Ok(Made { props, packet, end: (dts / self.per_milli()).saturating_add(self.step) })
    }

    fn take_flags(&mut self, key: bool, disposable: bool) -> Flags {
        let mut flags = std::mem::take(&mut self.flags);
        if key || !self.id.is_video {
            flags |= Flags::KEY;
        }
        if disposable {
            flags |= Flags::DISPOSABLE;
        }
        flags
    }

    const fn per_milli(&self) -> i64 {
        match self.timescale {
            Some(MICROS) => 1000,
            _ => 1,
        }
    }

    /// A time in units of the track, to the nearest.
    fn ticks(&self, millis: i64, nanos: u32) -> i64 {
        let per_milli = self.per_milli();
        let part = (i64::from(nanos) * per_milli + 500_000) / 1_000_000;
        millis.saturating_mul(per_milli).saturating_add(part)
    }

    /// Milliseconds that a packet takes: sound as long as it says, a picture as long as the one before, and the first
    /// one as the frame rate has it.
    fn step_of(&self, samples: Option<(u32, u32)>, dts: i64) -> i64 {
        if let Some((rate, samples)) = samples {
            let millis = (u64::from(samples) * u64::from(MILLIS)).div_ceil(rate.max(1).into());
            return i64::try_from(millis).unwrap_or(MAX_STEP);
        }
        if self.last_dts > i64::MIN {
            return (dts.saturating_sub(self.last_dts) / self.per_milli()).clamp(1, MAX_STEP);
        }
        let fps = self.props.as_ref().and_then(|props| props.frac(Prop::Fps)).filter(|fps| fps.num > 0);
        fps.map_or(1, |fps| (1000 * i64::from(fps.den) / fps.num).clamp(1, MAX_STEP))
    }
}
