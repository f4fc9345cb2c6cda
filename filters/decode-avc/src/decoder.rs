//! The filter itself: feeds access units to the decoder, and sends the pictures that come out with their times.

use std::sync::Arc;

use openh264::OpenH264API;
use openh264::decoder::{Decoder, DecoderConfig, Flush};
use weir_codec::avc::{
    AuInfo, AvcConfig, ChromaFormat, LengthPrefixed, SpsInfo, join_annexb, length_prefixed_to_annexb,
};
use weir_media::{Bytes, CodecId, Flags, Frame, FramePool, Packet, PixelFormat, Prop, Props};
use weir_plugin::{Ctx, Error, ErrorKind, Filter, InId, Item, Level, Outlet, Result, Status, repeat};

use crate::order::{Order, Stamp};
use crate::picture::{self, MAX_PIXELS};

/// Pictures sent, or items taken, in one call of `process`. A picture takes some milliseconds.
const STEPS_PER_CALL: usize = 4;

const INPUT: InId = InId(0);

/// The running filter.
#[derive(Default)]
pub(crate) struct Decode {
    input: Props,
    config: Option<AvcConfig>,
    /// Open from a key picture on, until the configuration changes or a picture is damaged.
    decoder: Option<Decoder>,
    order: Order,
    out: Outlet,
    pool: FramePool,
    /// Something was lost: the next picture says so.
    discontinuity: bool,
    /// Pictures left out since decoding last went well.
    lost: u64,
    ended: bool,
}

/// What an access unit is, and its bytes as the decoder takes them.
struct Unit {
    idr: bool,
    has_picture: bool,
    annexb: Bytes,
}

impl Decode {
    fn step(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        if !self.out.send(ctx) {
            return Ok(Status::Idle);
        }
        if self.ended {
            ctx.end_all();
            return Ok(Status::Done);
        }
        match ctx.next(INPUT) {
            None => return Ok(Status::Idle),
            Some(Item::Props(props)) => self.props(props)?,
            Some(Item::Packet(packet)) => self.packet(ctx, &packet)?,
            Some(Item::End) => {
                self.drain();
                self.ended = true;
            }
        }
        Ok(Status::Again)
    }

    /// New properties. Another configuration ends what was coded with the one before.
    fn props(&mut self, props: Props) -> Result<()> {
        let record = props.bytes(Prop::DecoderConfig).ok_or_else(|| Error::bad_input("H.264 came without its avcC"))?;
        let config = AvcConfig::parse(record).map_err(|e| Error::bad_input(format!("avcC: {e}")))?;
        if self.config.as_ref() != Some(&config) {
            self.drain();
            self.decoder = None;
        }
        let info = config.sps_info().map_err(|e| Error::bad_input(format!("avcC: {e}")))?;
        supported(&info)?;
        self.config = Some(config);
        self.input = props;
        self.publish((info.width, info.height));
        Ok(())
    }

    /// Puts the properties of pictures of this size in order, when they are other ones now.
    fn publish(&mut self, (width, height): (u32, u32)) {
        let mut props = self.input.clone();
        for gone in [Prop::DecoderConfig, Prop::Unframed, Prop::Bitrate] {
            props.remove(gone);
        }
        let props = props
            .with(Prop::CodecId, CodecId::Raw)
            .with(Prop::PixelFormat, PixelFormat::Yuv420)
            .with(Prop::Width, width)
            .with(Prop::Height, height);
        self.out.publish(props);
    }

    fn packet(&mut self, ctx: &mut Ctx<'_>, packet: &Packet) -> Result<()> {
        let Some(bytes) = packet.bytes() else {
            return Err(Error::bad_input("a raw picture came where H.264 should be"));
        };
        let Some(config) = &self.config else { return Ok(()) };
        self.discontinuity |= packet.flags.contains(Flags::DISCONTINUITY);
        let starts = self.decoder.is_none();
        let unit = match unit(bytes, config, starts) {
            Ok(unit) => unit,
            Err(e) => {
                self.damaged(ctx, packet, &e.to_string());
                return Ok(());
            }
        };
        if starts && !(unit.idr || packet.is_key()) {
            self.lost += u64::from(unit.has_picture);
            return Ok(());
        }
        if unit.idr && !self.order.is_empty() {
            // Nothing before it is shown after it. A decoder that was flushed does not give its memory back, so it ends.
            self.drain();
            self.decoder = None;
        }
        if self.decoder.is_none() {
            self.decoder = Some(open()?);
        }
        self.decode(ctx, packet, &unit);
        Ok(())
    }

    fn decode(&mut self, ctx: &mut Ctx<'_>, packet: &Packet, unit: &Unit) {
        let Some(decoder) = &mut self.decoder else { return };
        if unit.has_picture {
            self.order.push(Stamp::of(packet));
        }
        let frame = match decoder.decode(&unit.annexb) {
            Ok(picture) => picture.and_then(|p| picture::copy(&p, &self.pool)),
            Err(e) => {
                self.order.forget(packet.cts);
                self.damaged(ctx, packet, &reason(&e));
                return;
            }
        };
        if std::mem::take(&mut self.lost) > 0 {
            self.discontinuity = true;
        }
        self.show(frame);
    }

    /// An access unit cannot be decoded: what came before it is sent, and decoding goes on at the next key picture.
    fn damaged(&mut self, ctx: &mut Ctx<'_>, packet: &Packet, why: &str) {
        self.drain();
        self.decoder = None;
        self.discontinuity = true;
        if self.lost == 0 {
            let at = packet.cts;
            ctx.log(Level::Warning, format!("a picture at {at} is left out, up to the next key picture: {why}"));
        }
        self.lost += 1;
    }

    /// Brings out what the decoder holds back.
    fn drain(&mut self) {
        if let Some(decoder) = &mut self.decoder {
            let frames: Vec<_> = match decoder.flush_remaining() {
                Ok(pictures) => pictures.iter().map(|p| picture::copy(p, &self.pool)).collect(),
                Err(_) => Vec::new(),
            };
            frames.into_iter().for_each(|frame| self.show(frame));
        }
        self.order.clear();
    }

    /// A picture came out of the decoder.
    fn show(&mut self, frame: Option<Arc<Frame>>) {
        let Some((frame, stamp)) = frame.and_then(|f| Some((f, self.order.pop()?))) else { return };
        self.publish((frame.width(), frame.height()));
        let mut packet = Packet::picture(frame, stamp.cts);
        packet.duration = stamp.duration;
        packet.origin = stamp.origin;
        if std::mem::take(&mut self.discontinuity) {
            packet.flags |= Flags::DISCONTINUITY;
        }
        self.out.push(packet);
    }
}

impl Filter for Decode {
    fn process(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        repeat(STEPS_PER_CALL, || self.step(ctx))
    }
}

/// Opens a decoder. It shows pictures as their order allows; flushing after each would break that.
fn open() -> Result<Decoder> {
    let config = DecoderConfig::new().flush_after_decode(Flush::NoFlush);
    Decoder::with_api_config(OpenH264API::from_source(), config)
        .map_err(|e| Error::new(ErrorKind::Internal, format!("openh264 cannot be opened: {e}")))
}

/// What the decoder says, without the words that openh264's errors all have.
fn reason(error: &openh264::Error) -> String {
    format!("openh264 cannot decode it (state {})", error.native_code())
}

/// An access unit for the decoder. Where it `starts` there, the parameter sets go before it.
fn unit(data: &[u8], config: &AvcConfig, starts: bool) -> std::result::Result<Unit, weir_codec::Error> {
    let annexb = length_prefixed_to_annexb(data, config)?;
    let ranges = LengthPrefixed::new(data, config.length_size).collect::<std::result::Result<Vec<_>, _>>()?;
    let info = AuInfo::of(ranges.iter().map(|range| &data[range.clone()]));
    let annexb =
        if starts && !info.idr { [join_annexb(config.parameter_sets()), annexb].concat().into() } else { annexb };
    Ok(Unit { idr: info.idr, has_picture: info.slices > 0, annexb })
}

/// Whether the decoder can do it; `Err` says what it cannot.
fn supported(info: &SpsInfo) -> Result<()> {
    let depth = info.bit_depth_luma.max(info.bit_depth_chroma);
    let kind = if !info.frame_mbs_only {
        "interlaced H.264".to_owned()
    } else if info.chroma_format != ChromaFormat::Yuv420 {
        format!("H.264 with {} chroma", ["4:0:0", "4:2:0", "4:2:2", "4:4:4"][usize::from(info.chroma_format.idc() & 3)])
    } else if depth > 8 {
        format!("H.264 of {depth} bits")
    } else if u64::from(info.width) * u64::from(info.height) > MAX_PIXELS {
        format!("H.264 of {}x{}", info.width, info.height)
    } else {
        return Ok(());
    };
    Err(Error::unsupported(format!(
        "avcdec cannot decode {kind}: it takes progressive 4:2:0 of 8 bits, up to 4096x2304"
    )))
}
