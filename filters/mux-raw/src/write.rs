//! The filter: each packet becomes one block of the file.

use weir_media::{Bytes, Frame, FramePool, Packet, Payload, Prop, Props, StreamType, rescale};
use weir_plugin::{Ctx, Error, Filter, Level, OneToOne, OutId, Result, Status};

use crate::Format;

/// Packets written in one call.
const PACKETS_PER_CALL: usize = 16;

/// Units per second of the times of a byte stream.
const TIMESCALE: u32 = 1000;

/// What the bytes of a raw file mean, which the file itself does not say.
const LAYOUT: [Prop; 6] =
    [Prop::Width, Prop::Height, Prop::PixelFormat, Prop::SampleRate, Prop::NumChannels, Prop::AudioFormat];

/// The stream being written.
struct Stream {
    out: OutId,
    /// Its properties as they were last.
    input: Props,
    format: &'static Format,
}

/// The filter.
pub(crate) struct Writer {
    /// Extension asked for.
    ext: Option<String>,
    stream: Option<Stream>,
    pool: FramePool,
}

impl Filter for Writer {
    fn process(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        self.work(ctx, PACKETS_PER_CALL)
    }
}

impl Writer {
    pub(crate) fn new(ext: Option<String>) -> Self {
        Self { ext, stream: None, pool: FramePool::new() }
    }

    /// Properties of the file.
    fn file(&self, format: &Format, input: &Props) -> Result<Props> {
        let usual = format.extensions[0];
        let ext = self.ext.as_deref().unwrap_or(usual);
        if !format.extensions.contains(&ext) {
            return Err(Error::unsupported(format!("{} {} is not written as .{ext}", format.codec, format.ty.name())));
        }
        let props = Props::new()
            .with(Prop::StreamType, StreamType::File)
            .with(Prop::FileExt, ext)
            .with(Prop::Timescale, TIMESCALE);
        Ok(input.str(Prop::Url).map_or(props.clone(), |url| props.with(Prop::Url, url)))
    }
}

impl OneToOne for Writer {
    fn out(&self) -> Option<OutId> {
        self.stream.as_ref().map(|stream| stream.out)
    }

    fn props(&mut self, ctx: &mut Ctx<'_>, input: Props) -> Result<()> {
        let format = Format::of(&input).ok_or_else(|| Error::unsupported(format!("a raw file cannot hold {input}")))?;
        match &mut self.stream {
            None => {
                let out = ctx.open(self.file(format, &input)?);
                self.stream = Some(Stream { out, input, format });
            }
            Some(stream) if !std::ptr::eq(stream.format, format) => {
                return Err(Error::unsupported("the stream turns into one of another codec"));
            }
            Some(stream) => {
                if LAYOUT.iter().any(|prop| stream.input.get(*prop) != input.get(*prop)) {
                    ctx.log(Level::Warning, format!("what follows in the raw file is different: {input}"));
                }
                stream.input = input;
            }
        }
        Ok(())
    }

    fn packet(&mut self, ctx: &mut Ctx<'_>, packet: Packet) -> Result<()> {
        let Some(stream) = &self.stream else { return Ok(()) };
        let data = match &packet.data {
            Payload::Bytes(data) => data.clone(),
            Payload::Frame(frame) => pack(frame, &self.pool),
        };
        let at = |ts| rescale(ts, stream.input.timescale(), TIMESCALE);
        let dts = at(packet.dts);
        let duration = at(packet.dts.saturating_add(packet.duration.into())).saturating_sub(dts);
        let duration = u32::try_from(duration).unwrap_or(0);
        ctx.send(stream.out, Packet { data: Payload::Bytes(data), dts, cts: at(packet.cts), duration, ..packet });
        Ok(())
    }
}

/// The rows of all planes one after the other, without what pads them.
fn pack(frame: &Frame, pool: &FramePool) -> Bytes {
    let planes = [0, 1, 2].map(|i| frame.plane(i));
    let mut block = pool.take(planes.iter().map(|p| p.width * p.rows).sum());
    let mut rest = &mut block[..];
    for plane in planes {
        for row in plane.data.chunks(plane.stride.max(1)).take(plane.rows) {
            let (to, after) = rest.split_at_mut(plane.width);
            to.copy_from_slice(&row[..plane.width]);
            rest = after;
        }
    }
    pool.freeze(block)
}
