//! The filter itself: follows one input, keeps the encoder fit for it, and places key pictures.

use weir_media::{CodecId, Flags, Frac, Frame, Packet, Prop, Props, rescale};
use weir_plugin::{Change, Ctx, Error, ErrorKind, Event, Filter, OneToOne, OutId, Result, Status};

use crate::keys::Keys;
use crate::openh264::{AccessUnit, Config, Encoder, Failed, MAX_PIXELS, MIN_SIDE, Profile};
use crate::settings::{Settings, declared_fps, frame_rate};

/// Items taken in one call of `process`; a picture takes some milliseconds.
const ITEMS_PER_CALL: usize = 2;

/// An encoder and what it was opened with.
struct Open {
    encoder: Encoder,
    config: Config,
}

/// What can be done to be like another stream.
#[derive(Default)]
struct Wish {
    profile: Option<Profile>,
    rate: Option<u32>,
}

impl Wish {
    fn of(props: &Props) -> Self {
        let record = props.bytes(Prop::DecoderConfig).filter(|_| props.codec() == Some(CodecId::Avc));
        // AVCProfileIndication: the byte behind the version of the record.
        let profile = record.and_then(|record| record.get(1)).map(|idc| match idc {
            66 => Profile::Baseline,
            77 => Profile::Main,
            _ => Profile::High,
        });
        Self { profile, rate: props.u32(Prop::Bitrate).filter(|rate| *rate > 0) }
    }
}

/// The running filter.
pub(crate) struct Encode {
    settings: Settings,
    input: Props,
    /// The output and the properties it was last given.
    output: Option<(OutId, Props)>,
    open: Option<Open>,
    /// The frame rate of the input: declared, or measured from its first picture.
    fps: Option<Frac>,
    keys: Option<Keys>,
    /// What a consumer would like best, where the user left it open.
    wish: Wish,
    /// Something was lost before us: the next packet says so.
    discontinuity: bool,
}

impl Encode {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings,
            input: Props::new(),
            output: None,
            open: None,
            fps: None,
            keys: None,
            wish: Wish::default(),
            discontinuity: false,
        }
    }

    /// Opens the output, or changes its properties when they are other ones now.
    fn publish(&mut self, ctx: &mut Ctx<'_>, size: (u32, u32), fps: Frac) -> Result<()> {
        let rate = self.rate(size, fps)?;
        ctx.publish(&mut self.output, output_props(&self.input, size, rate));
        Ok(())
    }

    /// The bit rate: as asked for, else as the input or a consumer would like it.
    fn rate(&self, size: (u32, u32), fps: Frac) -> Result<u32> {
        match self.wish.rate.filter(|_| self.input.get(Prop::TargetRate).is_none()) {
            Some(rate) => self.settings.rate_for(&self.input.clone().with(Prop::TargetRate, rate), size, fps),
            None => self.settings.rate_for(&self.input, size, fps),
        }
    }

    /// What the encoder must be for pictures of `size`.
    fn config(&self, size: (u32, u32), fps: Frac) -> Result<Config> {
        let s = &self.settings;
        Ok(Config {
            width: size.0,
            height: size.1,
            fps: fps.as_f64(),
            rate: self.rate(size, fps)?,
            max_rate: s.max_rate,
            profile: s.profile.or(self.wish.profile).unwrap_or(Profile::High),
            level: s.level,
            skip: s.skip,
            threads: s.threads,
            sar: self.input.frac(Prop::Sar).and_then(aspect),
        })
    }

    /// Makes sure that an encoder with this configuration is open. True when it was opened now, so that the next
    /// picture is an IDR picture anyway.
    fn open_for(&mut self, config: Config) -> Result<bool> {
        if self.open.as_ref().is_some_and(|o| o.config == config) {
            return Ok(false);
        }
        self.open = None; // its memory first
        let encoder = Encoder::new(&config).map_err(|e| refused(&config, e))?;
        self.open = Some(Open { encoder, config });
        Ok(true)
    }

    fn encode(&mut self, frame: &Frame, millis: i64, key: bool) -> Result<Option<AccessUnit>> {
        let Some(Open { encoder, config }) = &mut self.open else { return Ok(None) };
        let failed =
            |e: Failed| Error::new(ErrorKind::Internal, format!("openh264 failed on a picture (code {})", e.0));
        if key {
            encoder.force_key().map_err(failed)?;
        }
        let unit = encoder.encode(frame, millis).map_err(failed)?;
        // openh264 raises a level that is too low, in silence.
        match unit.as_ref().and_then(|u| u.level).zip(config.level) {
            Some((needed, asked)) if needed > asked => Err(level_too_low(config)),
            _ => Ok(unit),
        }
    }

    fn send(&mut self, ctx: &mut Ctx<'_>, picture: &Packet, unit: AccessUnit) {
        let Some((out, _)) = self.output else { return };
        let mut packet = Packet::new(unit.data.into(), picture.cts);
        packet.duration = picture.duration;
        packet.origin = picture.origin;
        for (flag, set) in [
            (Flags::KEY, unit.key),
            (Flags::DISPOSABLE, unit.disposable),
            (Flags::DISCONTINUITY, std::mem::take(&mut self.discontinuity)),
        ] {
            if set {
                packet.flags |= flag;
            }
        }
        ctx.send(out, packet);
    }
}

impl Filter for Encode {
    fn process(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        self.work(ctx, ITEMS_PER_CALL)
    }

    /// [`Event::Stop`] needs nothing: the source ends the input, and no picture is ever held back here.
    fn event(&mut self, _ctx: &mut Ctx<'_>, event: Event) -> Result<()> {
        match event {
            Event::KeyRequest(_) => self.keys.iter_mut().for_each(Keys::request),
            // The next picture finds that the encoder no longer fits, and opens another.
            Event::Change(Change::Options(options)) => self.settings = Settings::new(&options)?,
            Event::Wish(_, props) => self.wish = Wish::of(&props),
            Event::Change(_) | Event::Stop | Event::Message(_) => {}
        }
        Ok(())
    }
}

impl OneToOne for Encode {
    fn out(&self) -> Option<OutId> {
        self.output.as_ref().map(|(out, _)| *out)
    }

    /// New properties: what depends on them follows with the next picture, the output at once when it can.
    fn props(&mut self, ctx: &mut Ctx<'_>, props: Props) -> Result<()> {
        if props.timescale() != self.input.timescale() || props.get(Prop::Fps) != self.input.get(Prop::Fps) {
            self.fps = None;
            self.keys = None;
        }
        self.input = props;
        let size = self.input.u32(Prop::Width).zip(self.input.u32(Prop::Height));
        match size.zip(declared_fps(&self.input)) {
            Some((size, fps)) => self.publish(ctx, coded_size(size)?, fps),
            None => Ok(()),
        }
    }

    fn packet(&mut self, ctx: &mut Ctx<'_>, packet: Packet) -> Result<()> {
        let Some(frame) = packet.frame() else {
            return Err(Error::bad_input("a raw picture comes as bytes, not as a frame"));
        };
        let timescale = self.input.timescale();
        let fps = *self.fps.get_or_insert_with(|| frame_rate(&self.input, packet.duration));
        let size = coded_size((frame.width(), frame.height()))?;
        self.publish(ctx, size, fps)?;
        let fresh = self.open_for(self.config(size, fps)?)?;
        let lost = packet.flags.contains(Flags::DISCONTINUITY);
        self.discontinuity |= lost;
        let keys = self.keys.get_or_insert_with(|| Keys::new(self.settings.key_periods(fps), timescale));
        let due = keys.due(packet.cts) || lost;
        if let Some(unit) = self.encode(frame, rescale(packet.cts, timescale, 1000), due && !fresh)? {
            self.send(ctx, &packet, unit);
        }
        Ok(())
    }
}

/// The size that is coded: rounded down to even, as chroma has half of it.
fn coded_size((width, height): (u32, u32)) -> Result<(u32, u32)> {
    let size = (width & !1, height & !1);
    if size.0 < MIN_SIDE || size.1 < MIN_SIDE {
        return Err(Error::unsupported(format!("pictures of {width}x{height} are too small, avcenc needs 16x16")));
    }
    if u64::from(size.0) * u64::from(size.1) > MAX_PIXELS {
        return Err(Error::unsupported(format!("pictures of {width}x{height} are too large, avcenc takes 4096x2304")));
    }
    Ok(size)
}

/// A sample aspect ratio as the stream can say it; nothing for square or odd ones.
fn aspect(sar: Frac) -> Option<(u16, u16)> {
    let (num, den) = (u16::try_from(sar.num).ok()?, u16::try_from(sar.den).ok()?);
    (num > 0 && num != den).then_some((num, den))
}

fn output_props(input: &Props, (width, height): (u32, u32), rate: u32) -> Props {
    let mut props = input.clone();
    for gone in [Prop::PixelFormat, Prop::TargetRate, Prop::DecoderConfig] {
        props.remove(gone);
    }
    props
        .with(Prop::CodecId, CodecId::Avc)
        .with(Prop::Unframed, true)
        .with(Prop::Width, width)
        .with(Prop::Height, height)
        .with(Prop::Bitrate, rate)
}

/// Why an encoder did not open. The only doubt that is left about a checked configuration is the level.
fn refused(config: &Config, failed: Failed) -> Error {
    let without_level = Config { level: None, ..config.clone() };
    if config.level.is_some() && Encoder::new(&without_level).is_ok() {
        return level_too_low(config);
    }
    let Config { width, height, rate, threads, .. } = config;
    let code = failed.0;
    Error::unsupported(format!(
        "openh264 cannot encode {width}x{height} at {rate} b/s with {threads} threads (code {code})"
    ))
}

fn level_too_low(config: &Config) -> Error {
    let Config { width, height, fps, rate, .. } = config;
    let level = f64::from(config.level.unwrap_or(0)) / 10.0;
    Error::bad_option(format!("level {level} is too low for {width}x{height} at {fps:.2} fps and {rate} b/s"))
}
