//! The filter: each packet becomes one block of the file.

use weir_media::{Bytes, Delivery, Flags, Frame, FramePool, Packet, Payload, Prop, Props, StreamType, rescale};
use weir_plugin::{Ctx, Error, Filter, Level, OneToOne, OutId, Result, Status};

use crate::{Format, wav, y4m};

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
    wrapping: Wrapping,
}

/// What stands around the blocks of a stream.
enum Wrapping {
    Nothing,
    /// A mark before each picture.
    Y4m,
    /// A head that is written again at the end.
    Wav(wav::Head),
}

impl Wrapping {
    /// What a file of this extension has, and the head it begins with.
    fn of(ext: &str, input: &Props) -> Result<(Self, Option<Bytes>)> {
        Ok(match ext {
            "y4m" => (Self::Y4m, Some(y4m::header(input)?)),
            "wav" => {
                let head = wav::Head::of(input)?;
                let bytes = head.unfinished();
                (Self::Wav(head), Some(bytes))
            }
            _ => (Self::Nothing, None),
        })
    }

    /// Whether the head says what the stream is, so that the file cannot go on with another.
    const fn has_head(&self) -> bool {
        !matches!(self, Self::Nothing)
    }
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
        let props = if ext == "wav" { props.with(Prop::Delivery, Delivery::File) } else { props };
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
                let file = self.file(format, &input)?;
                let (wrapping, head) = Wrapping::of(file.str(Prop::FileExt).unwrap_or_default(), &input)?;
                let out = ctx.open(file);
                if let Some(head) = head {
                    ctx.send(out, Packet { flags: Flags::HEADER, ..Packet::new(head, 0) });
                }
                self.stream = Some(Stream { out, input, format, wrapping });
            }
            Some(stream) if !std::ptr::eq(stream.format, format) => {
                return Err(Error::unsupported("the stream turns into one of another codec"));
            }
            Some(stream) => {
                let differs = LAYOUT.iter().any(|prop| stream.input.get(*prop) != input.get(*prop));
                if differs && stream.wrapping.has_head() {
                    return Err(Error::unsupported(format!(
                        "the file says at its start what it holds, and now comes {input}"
                    )));
                }
                if differs {
                    ctx.log(Level::Warning, format!("what follows in the raw file is different: {input}"));
                }
                stream.input = input;
            }
        }
        Ok(())
    }

    fn packet(&mut self, ctx: &mut Ctx<'_>, packet: Packet) -> Result<()> {
        let Some(stream) = &mut self.stream else { return Ok(()) };
        let mark: &[u8] = if matches!(stream.wrapping, Wrapping::Y4m) { y4m::MARK } else { &[] };
        let data = match &packet.data {
            Payload::Bytes(data) => data.clone(),
            Payload::Frame(frame) => pack(frame, mark, &self.pool),
        };
        if let Wrapping::Wav(head) = &mut stream.wrapping {
            head.len = head.len.saturating_add(data.len() as u64);
        }
        let at = |ts| rescale(ts, stream.input.timescale(), TIMESCALE);
        let dts = at(packet.dts);
        let duration = at(packet.dts.saturating_add(packet.duration.into())).saturating_sub(dts);
        let duration = u32::try_from(duration).unwrap_or(0);
        ctx.send(stream.out, Packet { data: Payload::Bytes(data), dts, cts: at(packet.cts), duration, ..packet });
        Ok(())
    }

    fn finish(&mut self, ctx: &mut Ctx<'_>) {
        if let Some(Stream { out, wrapping: Wrapping::Wav(head), .. }) = &self.stream {
            for (at, bytes) in head.patches() {
                ctx.send(*out, Packet { patch_at: Some(at), ..Packet::new(bytes, 0) });
            }
        }
    }
}

/// `mark`, then the rows of all planes one after the other, without what pads them.
fn pack(frame: &Frame, mark: &[u8], pool: &FramePool) -> Bytes {
    let planes = [0, 1, 2].map(|i| frame.plane(i));
    let mut block = pool.take(mark.len() + planes.iter().map(|p| p.width * p.rows).sum::<usize>());
    let (start, mut rest) = block.split_at_mut(mark.len());
    start.copy_from_slice(mark);
    for plane in planes {
        for row in plane.data.chunks(plane.stride.max(1)).take(plane.rows) {
            let (to, after) = rest.split_at_mut(plane.width);
            to.copy_from_slice(&row[..plane.width]);
            rest = after;
        }
    }
    pool.freeze(block)
}
