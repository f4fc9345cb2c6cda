//! [`Media`]: what is in the PES packets of one stream, as packets of a PID. It knows one time per PES packet, and nothing
//! of programmes.

use std::collections::VecDeque;

use weir_codec::aac::AdtsHeader;
use weir_codec::hevc::{self, HevcConfig, LengthPrefixed, LengthSize, NalType, ProfileTierLevel};
use weir_codec::{ErrorKind, FrameSplitter, StreamConfig, StreamReader, avc};
use weir_media::{Bytes, CodecId, Prop, Props, StreamType, rescale};

use crate::timeline::CLOCK;

/// What a PES packet holds, with its decoding and presentation times.
pub(crate) struct Coded {
    pub(crate) data: Bytes,
    pub(crate) times: (i64, i64),
    pub(crate) is_random_access: bool,
}

/// A packet to be.
pub(crate) struct Made {
    /// Properties of the stream from here on, when they are others than before.
    pub(crate) props: Option<Props>,
    pub(crate) data: Bytes,
    pub(crate) dts: i64,
    pub(crate) cts: i64,
    /// 0 when not known.
    pub(crate) duration: i64,
    pub(crate) is_key: bool,
    pub(crate) is_disposable: bool,
    /// Something before it is missing.
    pub(crate) is_after_loss: bool,
}

/// How a codec stands in a transport stream.
pub(crate) enum Media {
    /// It is framed behind this filter: AVC and AAC.
    Unframed(CodecId, bool),
    Hevc(Box<Hevc>),
    Frames(Box<Frames>),
}

impl Media {
    pub(crate) fn of(codec: CodecId) -> Self {
        match codec {
            CodecId::Hevc => Self::Hevc(Box::default()),
            CodecId::Avc | CodecId::Aac => Self::Unframed(codec, false),
            _ => Self::Frames(Box::new(Frames::new(codec))),
        }
    }

    /// Reads a PES packet.
    ///
    /// # Errors
    /// A sentence that says what is left out. What was made before that stands.
    pub(crate) fn read(&mut self, coded: Coded, made: &mut Vec<Made>) -> Result<(), String> {
        match self {
            Self::Unframed(codec, is_known) => {
                let props = (!std::mem::replace(is_known, true)).then(|| unframed(*codec));
                made.push(pass(*codec, coded, props));
                Ok(())
            }
            Self::Hevc(hevc) => hevc.read(&coded).map(|unit| made.extend(unit)),
            Self::Frames(frames) => frames.read(&coded, made),
        }
    }

    /// Whether nothing of it can be read, as what came shows.
    pub(crate) fn is_refused(&self) -> bool {
        matches!(self, Self::Frames(frames) if frames.is_refused)
    }

    /// What was read before does not go on.
    pub(crate) fn interrupt(&mut self) {
        if let Self::Frames(frames) = self {
            let (set_up, is_refused) = (frames.set_up.take(), frames.is_refused);
            **frames = Frames { set_up, is_refused, ..Frames::new(frames.codec) };
        }
    }
}

fn unframed(codec: CodecId) -> Props {
    let ty = codec.stream_type().unwrap_or(StreamType::Visual);
    Props::new().with(Prop::StreamType, ty).with(Prop::CodecId, codec).with(Prop::Unframed, true)
}

/// A PES packet as it is.
fn pass(codec: CodecId, coded: Coded, props: Option<Props>) -> Made {
    let is_sound = codec == CodecId::Aac;
    let duration = if is_sound { adts_duration(&coded.data) } else { 0 };
    let (dts, cts) = coded.times;
    let is_key = is_sound || coded.is_random_access || is_idr(&coded.data);
    Made { props, data: coded.data, dts, cts, duration, is_key, is_disposable: false, is_after_loss: false }
}

/// Whether the first slice of an AVC access unit in Annex B is of an IDR picture: not every muxer marks them.
fn is_idr(unit: &[u8]) -> bool {
    let mut kinds = avc::nal_ranges(unit).map(|nal| avc::nal_type(&unit[nal]));
    kinds.find(|kind| kind.is_vcl()) == Some(avc::NalType::Idr)
}

/// How long the frames last that begin in `data`, as far as it begins with one.
fn adts_duration(mut data: &[u8]) -> i64 {
    let mut ticks = 0;
    while let Ok(header) = AdtsHeader::parse(data) {
        ticks += rescale(header.samples().into(), header.sample_rate(), CLOCK);
        data = data.get(usize::from(header.frame_len).max(1)..).unwrap_or_default();
    }
    ticks
}

/// HEVC in Annex B, an access unit per PES packet.
pub(crate) struct Hevc {
    reader: StreamReader,
    /// Properties that go out with the next picture.
    props: Option<Props>,
    /// Parameter sets came.
    is_known: bool,
    /// A picture came that decoding can start with.
    is_started: bool,
}

impl Default for Hevc {
    fn default() -> Self {
        let none = HevcConfig {
            profile: ProfileTierLevel::default(),
            min_spatial_segmentation: 0,
            parallelism: 0,
            chroma_format: 1,
            bit_depth_luma: 8,
            bit_depth_chroma: 8,
            average_frame_rate: 0,
            layers: 0,
            length_size: LengthSize::Four,
            arrays: Vec::new(),
        };
        let reader = StreamReader::new(&StreamConfig::Hevc(Box::new(none), Bytes::new()));
        Self { reader, props: None, is_known: false, is_started: false }
    }
}

impl Hevc {
    fn read(&mut self, coded: &Coded) -> Result<Option<Made>, String> {
        let damaged = |e: weir_codec::Error| format!("a damaged HEVC access unit is left out: {e}");
        let framed = hevc::annexb_to_length_prefixed(&coded.data, LengthSize::Four).map_err(damaged)?;
        let unit = self.reader.read(framed).map_err(damaged)?;
        if let Some(config) = &unit.config {
            (self.props, self.is_known) = (Some(config.props()), true);
        }
        let is_key = is_irap(&unit.data);
        self.is_started |= is_key && self.is_known;
        if unit.data.is_empty() {
            return Ok(None);
        }
        if !self.is_started {
            return Err("HEVC pictures before the first key picture are left out".to_owned());
        }
        let ((dts, cts), is_disposable) = (coded.times, unit.disposable);
        let props = self.props.take();
        Ok(Some(Made { props, data: unit.data, dts, cts, duration: 0, is_key, is_disposable, is_after_loss: false }))
    }
}

/// Whether the first slice of an access unit is one that decoding can start with.
fn is_irap(unit: &[u8]) -> bool {
    let mut kinds = LengthPrefixed::new(unit, LengthSize::Four).flatten().map(|nal| hevc::nal_type(&unit[nal]));
    kinds.find(|kind: &NalType| kind.is_vcl()).is_some_and(NalType::is_irap)
}

/// Sound whose frames tell all there is to know: MP3, AC-3, E-AC-3. PES packets hold several, or parts.
pub(crate) struct Frames {
    codec: CodecId,
    splitter: FrameSplitter,
    set_up: Option<(StreamConfig, StreamReader)>,
    /// Times of PES packets whose first frame has not come, with their places.
    times: VecDeque<(u64, i64)>,
    /// The time that was told last, and the samples since then.
    clock: (i64, i64),
    /// They are of a kind that is not read here.
    is_refused: bool,
}

impl Frames {
    fn new(codec: CodecId) -> Self {
        let splitter = FrameSplitter::new(codec);
        Self { codec, splitter, set_up: None, times: VecDeque::new(), clock: (0, 0), is_refused: false }
    }

    fn read(&mut self, coded: &Coded, made: &mut Vec<Made>) -> Result<(), String> {
        if self.is_refused {
            return Ok(());
        }
        self.times.push_back((self.splitter.position(), coded.times.0));
        self.splitter.push(&coded.data);
        let (mut skipped, mut fault) = (0, None);
        while let Some(frame) = self.splitter.pull() {
            while let Some((_, time)) = self.times.pop_front_if(|(at, _)| *at <= frame.at) {
                self.clock = (time, 0);
            }
            let has_gap = frame.skipped > 0;
            skipped += frame.skipped;
            match self.frame(frame.data, has_gap) {
                Ok(frame) => made.push(frame),
                Err(why) => fault = fault.or(Some(why)),
            }
        }
        if let Some(why) = fault {
            return Err(why);
        }
        if skipped > 0 {
            return Err(format!("{} has bytes that are no frame; they are left out", self.codec.name()));
        }
        Ok(())
    }

    fn frame(&mut self, data: Bytes, has_gap: bool) -> Result<Made, String> {
        let name = self.codec.name();
        let damaged = |e: weir_codec::Error| match e.kind {
            ErrorKind::Unsupported(_) => format!("{name} is left out: {e}"),
            _ => format!("a damaged frame of {name} is left out: {e}"),
        };
        let is_new = self.set_up.is_none();
        if is_new {
            let config = StreamConfig::of_packet(self.codec, &data).map_err(damaged)?;
            if let StreamConfig::Mp3(header) = &config
                && header.layer != 3
            {
                self.is_refused = true;
                return Err(format!("sound is left out: MPEG audio of layer {} is not supported", header.layer));
            }
            let reader = StreamReader::new(&config);
            self.set_up = Some((config, reader));
        }
        let Some((config, reader)) = &mut self.set_up else { unreachable!("it was just set up") };
        let unit = reader.read(data).map_err(damaged)?;
        let is_changed = unit.config.is_some();
        *config = unit.config.unwrap_or_else(|| config.clone());
        let rate = config.sound().map_or(CLOCK, |(rate, _)| rate);
        let ticks = |samples| rescale(samples, rate, CLOCK);
        let (start, count) = self.clock;
        let next = count + i64::from(unit.samples.unwrap_or(0));
        self.clock.1 = next;
        let dts = start.saturating_add(ticks(count));
        Ok(Made {
            props: (is_new || is_changed).then(|| config.props()),
            data: unit.data,
            dts,
            cts: dts,
            duration: ticks(next) - ticks(count),
            is_key: true,
            is_disposable: false,
            is_after_loss: has_gap && !is_new,
        })
    }
}
