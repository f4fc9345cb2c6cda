//! `rfrawvid`: takes a file, sends pictures. One step at a time, so that a call stays within its budget.

use std::sync::Arc;

use weir_media::{CodecId, Flags, Frac, Frame, Packet, PixelFormat, Prop, Props, StreamType, Time, rescale};
use weir_plugin::{Ctx, Error, Filter, InId, Item, Level, Memory, Options, OutId, Result, Status, repeat};

use crate::picture::{Pictures, Piece};
use crate::y4m::Header;

/// Steps in one call: a packet taken or sent.
const STEPS_PER_CALL: usize = 32;

const INPUT: InId = InId(0);

/// The filter.
pub(crate) struct VideoReader {
    /// Of a file that does not say.
    size: Option<(u32, u32)>,
    /// Of a file that does not say; above 0, and its numerator is a timescale.
    fps: Frac,
    memory: Memory,
    pictures: Option<Pictures>,
    url: Option<String>,
    output: Option<(OutId, Props)>,
    /// When the next picture is due, in units of the timescale, and how long it lasts.
    next: i64,
    duration: u32,
    flags: Flags,
    origin: Time,
}

impl Filter for VideoReader {
    fn process(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        repeat(STEPS_PER_CALL, || self.step(ctx))
    }
}

impl VideoReader {
    /// # Errors
    /// When `fps` is no rate.
    pub(crate) fn new(options: &Options, memory: Memory) -> Result<Self> {
        let fps = options.frac("fps").filter(|fps| fps.num > 0 && u32::try_from(fps.num).is_ok());
        let fps = fps.ok_or_else(|| Error::bad_option("fps is a number of pictures per second above 0"))?;
        let size = options.size("size");
        Ok(Self {
            size,
            fps,
            memory,
            pictures: None,
            url: None,
            output: None,
            next: 0,
            duration: 0,
            flags: Flags::NONE,
            origin: Time::ZERO,
        })
    }

    fn step(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        if self.output.as_ref().is_some_and(|(out, _)| !ctx.room(*out)) {
            return Ok(Status::Idle);
        }
        match self.pictures.as_mut().map(|p| p.pull(&self.memory)).transpose()?.flatten() {
            Some(Piece::Header(header)) => self.describe(ctx, &header),
            Some(Piece::Picture(frame)) => self.send(ctx, frame),
            None => return self.refill(ctx),
        }
        Ok(Status::Again)
    }

    fn refill(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        match ctx.next(INPUT) {
            None => return Ok(Status::Idle),
            Some(Item::Props(props)) => self.configure(ctx, &props)?,
            Some(Item::Packet(packet)) => self.take(ctx, &packet)?,
            Some(Item::End) if self.output.is_none() => {
                return Err(Error::bad_input("the file ends before its pictures begin"));
            }
            Some(Item::End) => {
                self.check_whole(ctx);
                ctx.end_all();
                return Ok(Status::Done);
            }
        }
        Ok(Status::Again)
    }

    fn configure(&mut self, ctx: &mut Ctx<'_>, props: &Props) -> Result<()> {
        if self.pictures.is_some() {
            return Ok(()); // another name of the same file
        }
        self.url = props.str(Prop::Url).map(str::to_owned);
        if props.str(Prop::FileExt) != Some("yuv") {
            self.pictures = Some(Pictures::y4m());
            return Ok(());
        }
        let (width, height) = self
            .size
            .ok_or_else(|| Error::bad_option("a .yuv file says not how large its pictures are: give size=WxH"))?;
        self.pictures = Some(Pictures::packed(width, height, &self.memory)?);
        self.describe(ctx, &Header { width, height, fps: None, sar: None, full_range: false });
        Ok(())
    }

    fn take(&mut self, ctx: &mut Ctx<'_>, packet: &Packet) -> Result<()> {
        let data = packet.bytes().ok_or_else(|| Error::unsupported("a raw picture is not a file of pictures"))?;
        if packet.flags.contains(Flags::DISCONTINUITY) {
            self.check_whole(ctx);
            self.pictures.iter_mut().for_each(Pictures::restart);
            self.flags = Flags::DISCONTINUITY;
        }
        self.pictures.iter_mut().for_each(|p| p.push(data.clone()));
        self.origin = packet.origin;
        Ok(())
    }

    /// Warns of a picture that did not come whole.
    fn check_whole(&self, ctx: &mut Ctx<'_>) {
        if self.pictures.as_ref().is_some_and(Pictures::is_within) {
            ctx.log(Level::Warning, "the file ends within a picture, which is left out");
        }
    }

    fn send(&mut self, ctx: &mut Ctx<'_>, frame: Frame) {
        let Some((out, _)) = self.output else { return };
        let mut packet = Packet::picture(Arc::new(frame), self.next);
        packet.flags |= std::mem::replace(&mut self.flags, Flags::NONE);
        packet.duration = self.duration;
        packet.origin = self.origin;
        ctx.send(out, packet);
        self.next = self.next.saturating_add(self.duration.into());
    }

    /// Opens the output, or changes its properties.
    fn describe(&mut self, ctx: &mut Ctx<'_>, header: &Header) {
        let fps = header.fps.unwrap_or(self.fps);
        let timescale = u32::try_from(fps.num).expect("a rate has a numerator of 32 bits");
        let mut props = Props::new()
            .with(Prop::StreamType, StreamType::Visual)
            .with(Prop::CodecId, CodecId::Raw)
            .with(Prop::PixelFormat, PixelFormat::Yuv420)
            .with(Prop::Width, header.width)
            .with(Prop::Height, header.height)
            .with(Prop::Fps, fps)
            .with(Prop::Timescale, timescale);
        if let Some(sar) = header.sar {
            props.set(Prop::Sar, sar);
        }
        if header.full_range {
            props.set(Prop::ColorFullRange, true);
        }
        if let Some(url) = &self.url {
            props.set(Prop::Url, url.as_str());
        }
        let before = self.output.as_ref().map_or(timescale, |(_, old)| old.timescale());
        self.next = rescale(self.next, before, timescale);
        self.duration = fps.den;
        ctx.publish(&mut self.output, props);
    }
}
