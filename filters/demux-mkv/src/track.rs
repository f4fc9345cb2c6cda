//! [`Track`]: one track, from its entry on: its properties, and packets from its blocks. It sends nothing itself.

use weir_codec::vp9::Vp9Config;
use weir_codec::{StreamConfig, StreamReader};
use weir_media::{Bytes, CodecId, Flags, Frac, Packet, Payload, Prop, Props, StreamType, Time, rescale};
use weir_plugin::Item;

use crate::entry::Entry;
use crate::order::Order;
use crate::scale::Scale;

/// Milliseconds from one picture to the next when nothing is told.
const DEFAULT_STEP: i64 = 40;
/// Longest record read, bytes.
const MAX_RECORD: usize = 1 << 18;

/// A frame with its time and what its block says of it.
pub(crate) struct Frame {
    pub(crate) data: Bytes,
    /// When it is shown, on the line of the output.
    pub(crate) at: i64,
    /// How long it lasts, where the block tells.
    pub(crate) duration: Option<i64>,
    pub(crate) is_key: bool,
    pub(crate) is_disposable: bool,
    pub(crate) origin: Time,
}

/// A track and what it needs between blocks.
pub(crate) struct Track {
    pub(crate) number: u64,
    pub(crate) codec: CodecId,
    entry: Entry,
    pub(crate) scale: Scale,
    /// Length of the whole, when it is told.
    length: Option<Frac>,
    /// The file goes on without it.
    pub(crate) is_over: bool,
    /// A frame of it came.
    pub(crate) has_come: bool,
    setup: Option<(StreamConfig, StreamReader)>,
    order: Order,
    /// Properties that went out last, or will go out first.
    props: Option<Props>,
    last_dts: i64,
    /// Flags for the next packet.
    flags: Flags,
}

impl Track {
    /// A track of a codec that is read, and a sentence when what it is set up with cannot be used.
    pub(crate) fn new(entry: Entry, codec: CodecId, scale: Scale, length: Option<Frac>) -> Result<Self, String> {
        let mut track = Self {
            number: entry.number,
            codec,
            entry,
            scale,
            length,
            is_over: false,
            has_come: false,
            setup: None,
            order: Order::default(),
            props: None,
            last_dts: i64::MIN,
            flags: Flags::NONE,
        };
        track.begin()?;
        Ok(track)
    }

    /// Sets it up by its record, where its codec has one that tells all.
    fn begin(&mut self) -> Result<(), String> {
        // What WebM has of VP9 is in its first key picture too.
        if !StreamConfig::has_record(self.codec) || self.codec == CodecId::Vp9 {
            return Ok(());
        }
        let unusable = |why: &dyn std::fmt::Display| format!("its CodecPrivate cannot be used: {why}");
        if self.entry.private.len() > MAX_RECORD {
            return Err(unusable(&"it is too long"));
        }
        let config = StreamConfig::parse(self.codec, &self.entry.private).map_err(|e| unusable(&e))?;
        self.set_up(config);
        Ok(())
    }

    fn set_up(&mut self, config: StreamConfig) {
        let reader = StreamReader::new(&config);
        self.order.set_depth(config.reorder_depth());
        self.setup = Some((config, reader));
    }

    /// Whether a file that follows goes on with it.
    pub(crate) fn takes(&self, entry: &Entry) -> bool {
        !self.is_over && self.number == entry.number && entry.codec == Ok(self.codec)
    }

    /// Goes on with what a file that follows says of it.
    ///
    /// # Errors
    /// A sentence when what it is set up with cannot be used; then nothing changes.
    pub(crate) fn go_on(&mut self, entry: Entry, scale: Scale) -> Result<(), String> {
        let is_alike = entry.private == self.entry.private;
        let before = std::mem::replace(&mut self.entry, entry);
        if !is_alike && let Err(why) = self.begin() {
            self.entry = before;
            return Err(why);
        }
        // Its output counts as it did.
        self.scale = Scale { per_second: self.scale.per_second, ..scale };
        Ok(())
    }

    pub(crate) fn stream_type(&self) -> StreamType {
        self.codec.stream_type().unwrap_or(StreamType::Visual)
    }

    /// Whether it is known well enough to be opened.
    pub(crate) const fn is_set_up(&self) -> bool {
        self.setup.is_some()
    }

    /// Something before the next packet is missing, or the input starts over.
    pub(crate) fn interrupt(&mut self) {
        self.flags |= Flags::DISCONTINUITY;
    }

    /// How much earlier its frames are to be than the file has them, in units of the output.
    pub(crate) fn delay(&self) -> i64 {
        self.scale.of_nanos(self.entry.delay_nanos)
    }

    /// The properties that hold from here on, when they are others than before.
    pub(crate) fn new_props(&mut self) -> Option<Props> {
        let (config, _) = self.setup.as_ref()?;
        let mut props = config.props();
        let kind = if self.stream_type() == StreamType::Audio { 'A' } else { 'V' };
        props.set(Prop::Id, u32::try_from(self.number).unwrap_or(u32::MAX));
        props.set(Prop::Name, format!("{kind}{}", self.number));
        props.set(Prop::Timescale, self.scale.per_second);
        if let Some(length) = self.length {
            props.set(Prop::Duration, length);
        }
        if let Some(language) = &self.entry.language {
            props.set(Prop::Language, language.as_str());
        }
        if self.delay() > 0 {
            props.set(Prop::Delay, -self.delay());
        }
        if self.props.as_ref() == Some(&props) {
            return None;
        }
        self.props = Some(props.clone());
        Some(props)
    }

    /// Makes a packet of a frame, behind new properties when something in it changes them, and says where it ends.
    ///
    /// # Errors
    /// A sentence when it is left out.
    pub(crate) fn frame(&mut self, frame: Frame, items: &mut Vec<Item>) -> Result<i64, String> {
        self.has_come = true;
        let data = if self.entry.prefix.is_empty() {
            frame.data
        } else {
            Bytes::from([&self.entry.prefix[..], &frame.data].concat())
        };
        if self.setup.is_none() {
            let config = self.first(&data)?;
            self.set_up(config);
        }
        let Some((config, reader)) = &mut self.setup else { unreachable!("it was just set up") };
        let unit = reader.read(data).map_err(|e| {
            self.flags |= Flags::DISCONTINUITY;
            format!("a damaged frame is left out: {e}")
        })?;
        if let Some(new) = unit.config {
            self.order.set_depth(new.reorder_depth());
            *config = new;
        }
        let rate = config.sound().map(|(rate, _)| rate);
        let is_sound = rate.is_some();
        let counted = rate.zip(unit.samples).map(|(rate, n)| rescale(n.into(), rate, self.scale.per_second));
        let duration = counted.or(frame.duration);
        items.extend(self.new_props().map(Item::Props));
        let step = self.step();
        let placed = if is_sound { frame.at } else { self.order.place(frame.at, step) };
        let dts = placed.max(self.last_dts);
        let end = frame.at.saturating_add(duration.unwrap_or(step));
        if unit.data.is_empty() {
            return Ok(end);
        }
        self.last_dts = dts;
        let mut flags = std::mem::take(&mut self.flags);
        let is_disposable = unit.disposable || frame.is_disposable;
        let more = [(frame.is_key || is_sound, Flags::KEY), (is_disposable, Flags::DISPOSABLE)];
        more.into_iter().filter(|(is, _)| *is).for_each(|(_, flag)| flags |= flag);
        items.push(Item::Packet(Packet {
            data: Payload::Bytes(unit.data),
            dts,
            cts: frame.at.max(dts),
            duration: duration.and_then(|duration| u32::try_from(duration).ok()).unwrap_or(0),
            flags,
            origin: frame.origin,
            patch_at: None,
            piece: None,
        }));
        Ok(end)
    }

    /// What the first frame says of a stream without a record.
    fn first(&self, data: &[u8]) -> Result<StreamConfig, String> {
        if self.codec != CodecId::Vp9 {
            return StreamConfig::of_packet(self.codec, data).map_err(|e| format!("a damaged frame is left out: {e}"));
        }
        match Vp9Config::of_key_frame(data) {
            Ok(Some(config)) => Ok(StreamConfig::Vp9(config, None)),
            Ok(None) => Err("pictures before the first key picture are left out".to_owned()),
            Err(e) => Err(format!("a damaged frame is left out: {e}")),
        }
    }

    /// From one frame to the next, in units of the output.
    fn step(&self) -> i64 {
        let told = self.entry.frame_nanos.map(|nanos| self.scale.of_nanos(nanos));
        let fps = self.props.as_ref().and_then(|props| props.frac(Prop::Fps)).filter(|fps| fps.num > 0);
        let per_second = i64::from(self.scale.per_second);
        let by_rate = fps.map(|fps| per_second.saturating_mul(fps.den.into()) / fps.num);
        told.or(by_rate).unwrap_or(per_second * DEFAULT_STEP / 1000).max(1)
    }

    /// From one frame of a block to the next, where the block or the file tells.
    pub(crate) fn step_in_block(&self, duration: Option<i64>, frames: usize) -> Option<i64> {
        let each = duration.zip(i64::try_from(frames).ok()).map(|(all, frames)| all / frames.max(1));
        each.or_else(|| self.entry.frame_nanos.map(|nanos| self.scale.of_nanos(nanos)))
    }
}
