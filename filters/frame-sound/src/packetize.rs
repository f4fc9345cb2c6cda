//! The filter: takes blocks of a file, sends frames. One step at a time, so that a call stays within its budget.

use weir_codec::{FrameSplitter, StreamConfig, StreamReader, SyncFrame};
use weir_media::{Bytes, CodecId, Flags, Packet, Prop, Props, Time};
use weir_plugin::{Ctx, Error, Filter, InId, Item, Level, OutId, Result, Status, repeat};

/// Steps in one call: a block taken or a frame sent.
const STEPS_PER_CALL: usize = 64;
/// Bytes of the header of an ID3v2 tag, which tells its size.
const TAG_HEADER: usize = 10;
/// Where the mark of a frame that only describes the file may be, at the latest.
const MARK_END: usize = 40;
const INPUT: InId = InId(0);

/// The filter.
pub(crate) struct Packetizer {
    files: &'static [(&'static str, CodecId)],
    /// Url of the file.
    base: Props,
    codec: CodecId,
    splitter: FrameSplitter,
    /// What the file begins with, until it is known whether that is a tag.
    head: Option<Vec<u8>>,
    /// Bytes of a tag that are still to be stepped over.
    skip: usize,
    set_up: Option<(StreamConfig, StreamReader)>,
    output: Option<(OutId, Props)>,
    /// A frame that waits for room.
    ready: Option<SyncFrame>,
    /// When the next frame starts, in samples.
    dts: i64,
    /// What the next frame is marked with.
    flags: Flags,
    origin: Time,
    warned: bool,
}

impl Filter for Packetizer {
    fn process(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        repeat(STEPS_PER_CALL, || self.step(ctx))
    }
}

impl Packetizer {
    pub(crate) fn new(files: &'static [(&'static str, CodecId)]) -> Self {
        let codec = files[0].1;
        Self {
            files,
            base: Props::new(),
            codec,
            splitter: FrameSplitter::new(codec),
            head: Some(Vec::new()),
            skip: 0,
            set_up: None,
            output: None,
            ready: None,
            dts: 0,
            flags: Flags::NONE,
            origin: Time::ZERO,
            warned: false,
        }
    }

    fn step(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        match self.ready.take().or_else(|| self.splitter.pull()) {
            Some(frame) if self.output.as_ref().is_some_and(|(out, _)| !ctx.room(*out)) => {
                self.ready = Some(frame);
                Ok(Status::Idle)
            }
            Some(frame) => {
                self.send(ctx, frame)?;
                Ok(Status::Again)
            }
            None => self.refill(ctx),
        }
    }

    /// Takes the next item.
    fn refill(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        match ctx.next(INPUT) {
            None => return Ok(Status::Idle),
            Some(Item::Props(props)) => self.configure(&props),
            Some(Item::Packet(packet)) => self.take(&packet)?,
            Some(Item::End) if self.output.is_none() => {
                return Err(Error::bad_input(format!("the file has no frame of {}", self.codec.name())));
            }
            Some(Item::End) => {
                ctx.end_all();
                return Ok(Status::Done);
            }
        }
        Ok(Status::Again)
    }

    fn configure(&mut self, props: &Props) {
        let ext = props.str(Prop::FileExt).unwrap_or_default();
        let of_ext = self.files.iter().find(|(exts, _)| exts.split('|').any(|known| known == ext));
        self.codec = of_ext.map_or(self.codec, |(_, codec)| *codec);
        self.splitter = FrameSplitter::new(self.codec);
        if let Some(url) = props.get(Prop::Url) {
            self.base = Props::new().with(Prop::Url, url.clone());
        }
    }

    fn take(&mut self, packet: &Packet) -> Result<()> {
        let data = packet.bytes().ok_or_else(|| Error::unsupported("a raw picture is no file"))?;
        self.origin = packet.origin;
        if packet.flags.contains(Flags::DISCONTINUITY) {
            self.splitter = FrameSplitter::new(self.codec);
            (self.head, self.skip) = (Some(Vec::new()), 0);
            self.flags = Flags::DISCONTINUITY;
        }
        match self.head.take() {
            None => self.push(data),
            Some(head) => {
                let head = [&head[..], data].concat();
                match tag(&head) {
                    None => self.head = Some(head),
                    Some(len) => {
                        self.skip = len;
                        self.push(&head);
                    }
                }
            }
        }
        Ok(())
    }

    fn push(&mut self, data: &[u8]) {
        let (_, rest) = data.split_at(self.skip.min(data.len()));
        self.skip -= data.len() - rest.len();
        self.splitter.push(rest);
    }

    fn send(&mut self, ctx: &mut Ctx<'_>, frame: SyncFrame) -> Result<()> {
        if frame.skipped > 0 && self.output.is_some() {
            self.flags = Flags::DISCONTINUITY;
            if !std::mem::replace(&mut self.warned, true) {
                let what = format!("{} bytes that are no frame are skipped (said once)", frame.skipped);
                ctx.log(Level::Warning, what);
            }
        }
        if self.codec == CodecId::Mp3 && describes_the_file(&frame.data) {
            return Ok(());
        }
        self.read(ctx, frame.data)
    }

    fn read(&mut self, ctx: &mut Ctx<'_>, data: Bytes) -> Result<()> {
        let damaged = |e: weir_codec::Error| Error::bad_input(e.to_string());
        if self.set_up.is_none() {
            let config = StreamConfig::of_packet(self.codec, &data).map_err(damaged)?;
            if let StreamConfig::Mp3(header) = &config
                && header.layer != 3
            {
                return Err(Error::unsupported(format!("MPEG audio of layer {} is not read here", header.layer)));
            }
            let reader = StreamReader::new(&config);
            self.set_up = Some((config, reader));
        }
        let Some((config, reader)) = &mut self.set_up else { unreachable!("it was just set up") };
        let unit = reader.read(data).map_err(damaged)?;
        let rate = |config: &StreamConfig| config.sound().map_or(1, |(rate, _)| rate);
        let before = rate(config);
        *config = unit.config.unwrap_or_else(|| config.clone());
        let rate = rate(config);
        self.dts = weir_media::rescale(self.dts, before, rate);
        let mut props = config.props().with(Prop::Timescale, rate);
        self.base.iter().for_each(|(prop, value)| props.set(prop, value.clone()));
        ctx.publish(&mut self.output, props);
        let Some((out, _)) = self.output else { return Ok(()) };
        let duration = unit.samples.unwrap_or(0);
        let flags = Flags::KEY | std::mem::replace(&mut self.flags, Flags::NONE);
        ctx.send(out, Packet { duration, flags, origin: self.origin, ..Packet::new(unit.data, self.dts) });
        self.dts = self.dts.saturating_add(duration.into());
        Ok(())
    }
}

/// Length of the ID3v2 tag that a file begins with, 0 for none; `None` when that takes more bytes to tell.
fn tag(head: &[u8]) -> Option<usize> {
    let name = head.get(..3)?;
    if name != b"ID3" {
        return Some(0);
    }
    let size = head.get(6..TAG_HEADER)?;
    Some(TAG_HEADER + size.iter().fold(0, |size, byte| size << 7 | usize::from(byte & 0x7f)))
}

/// Whether a frame of MP3 holds no sound, but says how long the file is (the mark of Xing stands behind an empty side
/// information).
fn describes_the_file(frame: &[u8]) -> bool {
    let head = &frame[..frame.len().min(MARK_END)];
    head.windows(4).any(|four| four == b"Xing" || four == b"Info") && head[4..].iter().take(9).all(|byte| *byte == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_tells_its_length() {
        assert_eq!((tag(b"ID"), tag(b"ID3\x04\0\0\0\0\x02"), tag(b"\xff\xfb\x50")), (None, None, Some(0)));
        assert_eq!(tag(b"ID3\x04\0\0\0\0\x02\x01"), Some(10 + 257));
    }
}
