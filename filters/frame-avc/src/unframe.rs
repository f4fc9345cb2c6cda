//! `ufnalu`: takes access units, sends them in Annex B with parameter sets. Each packet becomes one packet.

use weir_codec::avc::{AuInfo, AvcConfig, LengthPrefixed, NalType, SliceType, join_annexb, nal_type};
use weir_media::{Bytes, Flags, Packet, Payload, Prop, Props};
use weir_plugin::{Ctx, Error, Filter, Level, OneToOne, Options, OutId, Result, Status};

/// Packets converted in one call.
const PACKETS_PER_CALL: usize = 32;

/// What the options say.
pub(crate) struct Settings {
    /// Write the parameter sets before every IDR picture.
    repeat: bool,
    /// Write access unit delimiters.
    delimit: bool,
}

impl Settings {
    pub(crate) fn of(options: &Options) -> Self {
        let flag = |name| options.bool(name).unwrap_or_default();
        Self { repeat: flag("rcfg"), delimit: flag("delim") }
    }
}

/// The stream being converted.
struct Stream {
    config: AvcConfig,
    /// The parameter sets of `config` have not been written yet.
    fresh: bool,
    /// What the next packet is marked with.
    mark: Flags,
}

/// The filter.
pub(crate) struct Unframer {
    settings: Settings,
    output: Option<(OutId, Props)>,
    stream: Option<Stream>,
    warned: bool,
}

impl Filter for Unframer {
    fn process(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        self.work(ctx, PACKETS_PER_CALL)
    }
}

impl Unframer {
    pub(crate) const fn new(settings: Settings) -> Self {
        Self { settings, output: None, stream: None, warned: false }
    }
}

impl OneToOne for Unframer {
    fn out(&self) -> Option<OutId> {
        self.output.as_ref().map(|(out, _)| *out)
    }

    fn props(&mut self, ctx: &mut Ctx<'_>, input: Props) -> Result<()> {
        let config = input.bytes(Prop::DecoderConfig).ok_or_else(|| Error::bad_input("framed AVC without an avcC"))?;
        let config = AvcConfig::parse(config).map_err(|e| Error::bad_input(format!("avcC: {e}")))?;
        let mut props = input.with(Prop::Unframed, true);
        props.remove(Prop::DecoderConfig);
        ctx.publish(&mut self.output, props);
        match &mut self.stream {
            None => self.stream = Some(Stream { config, fresh: true, mark: Flags::NONE }),
            Some(stream) => {
                stream.fresh |= stream.config != config;
                stream.config = config;
            }
        }
        Ok(())
    }

    fn packet(&mut self, ctx: &mut Ctx<'_>, packet: Packet) -> Result<()> {
        let (Some(stream), Some((out, _))) = (&mut self.stream, &self.output) else { return Ok(()) };
        let data = packet.bytes().ok_or_else(|| Error::unsupported("a raw picture is not an AVC access unit"))?;
        match stream.annexb(&self.settings, data) {
            Ok(data) if data.is_empty() => {
                if packet.flags.contains(Flags::DISCONTINUITY) {
                    stream.mark = Flags::DISCONTINUITY;
                }
            }
            Ok(data) => {
                let flags = packet.flags | std::mem::replace(&mut stream.mark, Flags::NONE);
                ctx.send(*out, Packet { data: Payload::Bytes(data), flags, ..packet });
            }
            Err(e) => {
                stream.mark = Flags::DISCONTINUITY;
                if !std::mem::replace(&mut self.warned, true) {
                    let at = packet.dts;
                    ctx.log(Level::Warning, format!("a damaged access unit at {at} is dropped (said once): {e}"));
                }
            }
        }
        Ok(())
    }
}

impl Stream {
    /// The access unit in Annex B; empty when it has no NAL unit.
    fn annexb(&mut self, settings: &Settings, data: &[u8]) -> std::result::Result<Bytes, weir_codec::Error> {
        let nals: Vec<&[u8]> = LengthPrefixed::new(data, self.config.length_size)
            .map(|range| range.map(|r| &data[r]))
            .collect::<std::result::Result<_, _>>()?;
        if nals.is_empty() {
            return Ok(Bytes::new());
        }
        let info = AuInfo::of(nals.iter().copied());
        let wanted = self.fresh || (settings.repeat && info.idr);
        self.fresh = false;
        let sets = self.config.parameter_sets().filter(|_| wanted && !(info.has_sps && info.has_pps));
        let has_delimiter = nals.first().is_some_and(|nal| nal_type(nal) == NalType::Aud);
        let (old, rest) = nals.split_at(usize::from(has_delimiter));
        let new = delimiter(&info);
        let new = (settings.delimit && !has_delimiter).then_some(&new[..]);
        Ok(join_annexb(new.into_iter().chain(old.iter().copied()).chain(sets).chain(rest.iter().copied())))
    }
}

/// An access unit delimiter (H.264 7.3.2.4) that says which slice types may follow (table 7-5).
fn delimiter(info: &AuInfo) -> [u8; 2] {
    let primary_pic_type: u8 = match info.slice_type {
        Some(SliceType::I) => 0,
        Some(SliceType::P) => 1,
        Some(SliceType::B) => 2,
        Some(SliceType::Si | SliceType::Sp) | None => 7,
    };
    [0x09, primary_pic_type << 5 | 0x10]
}
