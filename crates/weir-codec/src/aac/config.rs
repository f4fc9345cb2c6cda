//! AudioSpecificConfig (ISO/IEC 14496-3 1.6.2.1).

use weir_media::Bytes;

use super::adts::AdtsHeader;
use super::program::ProgramConfig;
use crate::bits::{BitReader, BitWriter};
use crate::{Error, ErrorKind};

/// Sampling rates of samplingFrequencyIndex 0 to 12, in Hz.
pub const SAMPLE_RATES: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];

/// Largest AudioSpecificConfig read: 1 KiB. A channel layout with the longest comment takes 300 bytes.
const MAX_CONFIG_LEN: usize = 1024;
/// samplingFrequencyIndex that says that the rate itself follows.
const EXPLICIT_RATE: u32 = 15;
/// syncExtensionType before explicit SBR signalling at the end.
const SYNC_SBR: u32 = 0x2b7;
/// syncExtensionType before explicit PS signalling after that.
const SYNC_PS: u32 = 0x548;

/// The index of `rate` in [`SAMPLE_RATES`].
#[must_use]
pub fn sample_rate_index(rate: u32) -> Option<u8> {
    SAMPLE_RATES.iter().position(|known| *known == rate).map(|index| index as u8)
}

/// Output channels of a channelConfiguration; `None` for 0, which is told elsewhere, and for reserved numbers.
#[must_use]
pub const fn channel_count(config: u8) -> Option<u8> {
    match config {
        1..=6 => Some(config),
        7 | 12 | 14 => Some(8),
        11 => Some(7),
        13 => Some(24),
        _ => None,
    }
}

/// audioObjectType, 1 to 95.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ObjectType(pub u8);

impl ObjectType {
    /// AAC Main.
    pub const MAIN: Self = Self(1);
    /// AAC LC: what nearly everybody means by AAC.
    pub const LC: Self = Self(2);
    /// AAC SSR.
    pub const SSR: Self = Self(3);
    /// AAC LTP.
    pub const LTP: Self = Self(4);
    /// Spectral band replication, over a core type: HE-AAC.
    pub const SBR: Self = Self(5);
    /// AAC scalable.
    pub const SCALABLE: Self = Self(6);
    /// Error resilient AAC LC.
    pub const ER_LC: Self = Self(17);
    /// Error resilient AAC scalable.
    pub const ER_SCALABLE: Self = Self(20);
    /// Error resilient BSAC.
    pub const ER_BSAC: Self = Self(22);
    /// Error resilient AAC LD.
    pub const ER_LD: Self = Self(23);
    /// Parametric stereo, over SBR: HE-AAC v2.
    pub const PS: Self = Self(29);
    /// AAC ELD.
    pub const ELD: Self = Self(39);
    /// USAC: xHE-AAC.
    pub const USAC: Self = Self(42);

    /// The largest number that the escape form can say.
    const MAX: u8 = 32 + 63;

    /// Whether a GASpecificConfig follows.
    const fn is_general_audio(self) -> bool {
        matches!(self.0, 1..=4 | 6 | 7 | 17 | 19..=23)
    }

    fn read(r: &mut BitReader<'_>) -> Result<Self, Error> {
        let start = r.error(ErrorKind::Invalid(0), "audioObjectType");
        match r.small(5, "audioObjectType")? {
            0 => Err(start),
            31 => Ok(Self(32 + r.small(6, "audioObjectTypeExt")?)),
            number => Ok(Self(number)),
        }
    }

    fn write(self, w: &mut BitWriter) {
        if self.0 < 31 {
            w.bits(5, self.0.into());
        } else {
            w.bits(5, 31);
            w.bits(6, u32::from(self.0) - 32);
        }
    }
}

/// How SBR and PS are signalled (ISO/IEC 14496-3 1.6.5).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Sbr {
    /// Not at all: a decoder finds out from the frames.
    #[default]
    Implicit,
    /// Told at the end that there is none (`56 e5 00`, as FFmpeg writes).
    Absent,
    /// Told at the end, where old decoders do not look.
    Backward {
        /// Output rate in Hz.
        rate: u32,
        /// psPresentFlag, if it is there.
        ps: Option<bool>,
    },
    /// Told first, as object type 5 or 29: decoders without SBR fail.
    Hierarchical {
        /// Output rate in Hz.
        rate: u32,
        /// Whether the type is 29.
        ps: bool,
    },
}

/// GASpecificConfig: what the AAC family needs beside rate and channels.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct GaConfig {
    /// frameLengthFlag: frames of 960 samples in place of 1024 (480 and 512 for LD).
    pub short_frames: bool,
    /// coreCoderDelay, when it depends on a core coder; 14 bits.
    pub core_coder_delay: Option<u16>,
    /// Where the channels are, for channelConfiguration 0 and only then.
    pub program: Option<ProgramConfig>,
    /// layerNr of scalable types; 3 bits.
    pub layer: u8,
    /// What follows extensionFlag: its bits, with their number. `None` when the flag is 0.
    pub extension: Option<(u32, u8)>,
    /// epConfig of error resilient types, 0 or 1.
    pub ep_config: u8,
}

/// The part that depends on the object type.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum SpecificConfig {
    /// AAC Main, LC, SSR, LTP, scalable, TwinVQ, and their error resilient kin.
    GeneralAudio(GaConfig),
    /// Any other type: the rest of the configuration, unread, from the highest bit on.
    Other {
        /// The bits; unused low bits of the last byte are 0.
        bits: Bytes,
        /// How many of them count.
        len: u32,
    },
}

/// What an AAC decoder must know before the first frame.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct AudioSpecificConfig {
    /// The coder of the frames; never SBR or PS, which are in `sbr`.
    pub object_type: ObjectType,
    /// Rate of the core coder in Hz, 24 bits; half the output rate with SBR.
    pub sample_rate: u32,
    /// channelConfiguration, 0 to 15. See [`AudioSpecificConfig::channels`].
    pub channel_config: u8,
    /// SBR and PS.
    pub sbr: Sbr,
    /// The rest.
    pub specific: SpecificConfig,
}

impl AudioSpecificConfig {
    /// AAC LC with 1024 samples a frame and nothing said about SBR.
    ///
    /// # Errors
    /// When there is no channelConfiguration for `channels` (1 to 6 and 8 have one) or the rate is 0 or does not
    /// fit in 24 bits.
    pub fn lc(sample_rate: u32, channels: u8) -> Result<Self, Error> {
        let bad_channels = Error::at_byte(ErrorKind::Unsupported(channels.into()), "channelConfiguration", 0);
        let channel_config = (1..=7).find(|c| channel_count(*c) == Some(channels)).ok_or(bad_channels)?;
        let config = Self {
            object_type: ObjectType::LC,
            sample_rate,
            channel_config,
            sbr: Sbr::Implicit,
            specific: SpecificConfig::GeneralAudio(GaConfig::default()),
        };
        config.check()?;
        Ok(config)
    }

    /// The configuration that an ADTS header implies. `payload` is the frame without its header: where the
    /// header's channel_configuration is 0, the layout is looked for at its start.
    ///
    /// # Errors
    /// [`ErrorKind::Missing`] when channel_configuration is 0 and the frame does not start with a layout.
    pub fn from_adts(header: &AdtsHeader, payload: &[u8]) -> Result<Self, Error> {
        /// id_syn_ele of a program_config_element.
        const ID_PCE: u32 = 5;
        let mut program = None;
        if header.channel_config == 0 {
            let mut r = BitReader::plain(payload);
            if r.bits(3, "id_syn_ele")? != ID_PCE {
                return Err(Error::at_byte(ErrorKind::Missing, "program_config_element", 0));
            }
            program = Some(ProgramConfig::read(&mut r)?);
        }
        Ok(Self {
            object_type: header.object_type(),
            sample_rate: header.sample_rate(),
            channel_config: header.channel_config,
            sbr: Sbr::Implicit,
            specific: SpecificConfig::GeneralAudio(GaConfig { program, ..GaConfig::default() }),
        })
    }

    /// Reads a configuration. Bytes after it are ignored.
    ///
    /// # Errors
    /// When it ends early or has values that are reserved, and [`ErrorKind::Unsupported`] for epConfig 2 and 3.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        if data.len() > MAX_CONFIG_LEN {
            let kind = ErrorKind::TooLarge { size: data.len() as u64, limit: MAX_CONFIG_LEN as u64 };
            return Err(Error::at_byte(kind, "AudioSpecificConfig", 0));
        }
        let mut r = BitReader::plain(data);
        let mut object_type = ObjectType::read(&mut r)?;
        let sample_rate = read_rate(&mut r, "samplingFrequency")?;
        let channel_config = r.small(4, "channelConfiguration")?;
        let mut sbr = Sbr::Implicit;
        if object_type == ObjectType::SBR || object_type == ObjectType::PS {
            let rate = read_rate(&mut r, "extensionSamplingFrequency")?;
            sbr = Sbr::Hierarchical { rate, ps: object_type == ObjectType::PS };
            object_type = read_core_type(&mut r)?;
        }
        let specific = if object_type.is_general_audio() {
            SpecificConfig::GeneralAudio(GaConfig::read(&mut r, object_type, channel_config)?)
        } else {
            read_other(&mut r)?
        };
        if sbr == Sbr::Implicit {
            sbr = read_backward_sbr(r).unwrap_or_default();
        }
        Ok(Self { object_type, sample_rate, channel_config, sbr, specific })
    }

    /// Writes the configuration, in the shortest form.
    ///
    /// # Errors
    /// When a field does not fit its bits, or the parts do not go together.
    pub fn build(&self) -> Result<Bytes, Error> {
        self.check()?;
        let mut w = BitWriter::default();
        match self.sbr {
            Sbr::Hierarchical { rate, ps } => {
                if ps { ObjectType::PS } else { ObjectType::SBR }.write(&mut w);
                write_rate(&mut w, self.sample_rate);
                w.bits(4, self.channel_config.into());
                write_rate(&mut w, rate);
                self.object_type.write(&mut w);
            }
            _ => {
                self.object_type.write(&mut w);
                write_rate(&mut w, self.sample_rate);
                w.bits(4, self.channel_config.into());
            }
        }
        match &self.specific {
            SpecificConfig::GeneralAudio(ga) => ga.write(&mut w, self.object_type),
            SpecificConfig::Other { bits, len } => {
                let mut r = BitReader::plain(bits);
                for _ in 0..*len {
                    w.flag(r.flag("specific")?);
                }
            }
        }
        self.write_backward_sbr(&mut w);
        Ok(w.finish().into())
    }

    /// Number of channels of the core coder; `None` when it is reserved or unread. PS makes two of one.
    #[must_use]
    pub fn channels(&self) -> Option<u8> {
        match &self.specific {
            SpecificConfig::GeneralAudio(GaConfig { program: Some(program), .. }) => Some(program.channels()),
            _ => channel_count(self.channel_config),
        }
    }

    /// Rate in Hz of what a decoder puts out, as far as it is signalled.
    #[must_use]
    pub const fn output_sample_rate(&self) -> u32 {
        match self.sbr {
            Sbr::Backward { rate, .. } | Sbr::Hierarchical { rate, .. } => rate,
            Sbr::Implicit | Sbr::Absent => self.sample_rate,
        }
    }

    /// Samples of each channel in a frame, counted at `sample_rate`: 1024 or 960, 512 or 480 for LD. `None` for
    /// types that this crate does not read.
    #[must_use]
    pub const fn samples_per_frame(&self) -> Option<u32> {
        match &self.specific {
            SpecificConfig::GeneralAudio(ga) => Some(match (self.object_type.0, ga.short_frames) {
                (23, false) => 512,
                (23, true) => 480,
                (_, false) => 1024,
                (_, true) => 960,
            }),
            SpecificConfig::Other { .. } => None,
        }
    }

    /// Samples of each channel that a decoder puts out for a frame, counted at
    /// [`output_sample_rate`](Self::output_sample_rate): with SBR twice as many at twice the rate. `None` as for
    /// [`samples_per_frame`](Self::samples_per_frame).
    #[must_use]
    pub fn output_samples_per_frame(&self) -> Option<u64> {
        let (coded, rate) = (u64::from(self.samples_per_frame()?), u64::from(self.sample_rate.max(1)));
        Some(coded * u64::from(self.output_sample_rate()) / rate)
    }

    fn check(&self) -> Result<(), Error> {
        let fail = |value: u64, element| Err(Error::at_byte(ErrorKind::Invalid(value), element, 0));
        let rate_fits = |rate: u32| rate > 0 && rate < 1 << 24;
        let object_type = self.object_type;
        let reserved =
            matches!(object_type.0, 0 | 31) || object_type == ObjectType::SBR || object_type == ObjectType::PS;
        if reserved || object_type.0 > ObjectType::MAX {
            return fail(object_type.0.into(), "audioObjectType");
        }
        for rate in [self.sample_rate, self.output_sample_rate()] {
            if !rate_fits(rate) {
                return fail(rate.into(), "samplingFrequency");
            }
        }
        if self.channel_config > 15 {
            return fail(self.channel_config.into(), "channelConfiguration");
        }
        match &self.specific {
            SpecificConfig::GeneralAudio(ga) if object_type.is_general_audio() => {
                ga.check(object_type, self.channel_config)
            }
            SpecificConfig::Other { .. } if !object_type.is_general_audio() => Ok(()),
            _ => fail(object_type.0.into(), "audioObjectType"),
        }
    }

    fn write_backward_sbr(&self, w: &mut BitWriter) {
        let (present, ps) = match self.sbr {
            Sbr::Implicit | Sbr::Hierarchical { .. } => return,
            Sbr::Absent => (None, None),
            Sbr::Backward { rate, ps } => (Some(rate), ps),
        };
        w.bits(11, SYNC_SBR);
        ObjectType::SBR.write(w);
        w.flag(present.is_some());
        if let Some(rate) = present {
            write_rate(w, rate);
        }
        if let Some(ps) = ps {
            w.bits(11, SYNC_PS);
            w.flag(ps);
        }
    }
}

impl GaConfig {
    fn read(r: &mut BitReader<'_>, object_type: ObjectType, channel_config: u8) -> Result<Self, Error> {
        let mut ga = Self { short_frames: r.flag("frameLengthFlag")?, ..Self::default() };
        if r.flag("dependsOnCoreCoder")? {
            ga.core_coder_delay = Some(r.bits(14, "coreCoderDelay")? as u16);
        }
        let extended = r.flag("extensionFlag")?;
        if channel_config == 0 {
            ga.program = Some(ProgramConfig::read(r)?);
        }
        if has_layer(object_type) {
            ga.layer = r.small(3, "layerNr")?;
        }
        if extended {
            let len = extension_len(object_type);
            ga.extension = Some((r.bits(len.into(), "extensionFlag data")?, len));
        }
        if is_error_resilient(object_type) {
            let start = r.error(ErrorKind::Truncated, "epConfig");
            ga.ep_config = r.small(2, "epConfig")?;
            if ga.ep_config > 1 {
                return Err(Error { kind: ErrorKind::Unsupported(ga.ep_config.into()), ..start });
            }
        }
        Ok(ga)
    }

    fn write(&self, w: &mut BitWriter, object_type: ObjectType) {
        w.flag(self.short_frames);
        w.flag(self.core_coder_delay.is_some());
        if let Some(delay) = self.core_coder_delay {
            w.bits(14, delay.into());
        }
        w.flag(self.extension.is_some());
        if let Some(program) = &self.program {
            program.write(w);
        }
        if has_layer(object_type) {
            w.bits(3, self.layer.into());
        }
        if let Some((bits, len)) = self.extension {
            w.bits(len.into(), bits);
        }
        if is_error_resilient(object_type) {
            w.bits(2, self.ep_config.into());
        }
    }

    fn check(&self, object_type: ObjectType, channel_config: u8) -> Result<(), Error> {
        let faults = [
            (self.core_coder_delay.is_some_and(|delay| delay >= 1 << 14), "coreCoderDelay"),
            (self.program.is_some() != (channel_config == 0), "program_config_element"),
            (self.layer > if has_layer(object_type) { 7 } else { 0 }, "layerNr"),
            (self.extension.is_some_and(|(_, len)| len != extension_len(object_type)), "extensionFlag data"),
            (self.extension.is_some_and(|(bits, len)| bits >> len != 0), "extensionFlag data"),
            (self.ep_config > u8::from(is_error_resilient(object_type)), "epConfig"),
        ];
        match faults.iter().find(|(fault, _)| *fault) {
            Some((_, element)) => Err(Error::at_byte(ErrorKind::Invalid(0), element, 0)),
            None => Ok(()),
        }
    }
}

fn has_layer(object_type: ObjectType) -> bool {
    object_type == ObjectType::SCALABLE || object_type == ObjectType::ER_SCALABLE
}

const fn is_error_resilient(object_type: ObjectType) -> bool {
    matches!(object_type.0, 17 | 19..=23)
}

/// Bits that follow when extensionFlag is 1, up to and with extensionFlag3.
const fn extension_len(object_type: ObjectType) -> u8 {
    match object_type.0 {
        22 => 5 + 11 + 1,
        17 | 19 | 20 | 23 => 3 + 1,
        _ => 1,
    }
}

/// The core type after type 5 or 29, which must not be one of them again.
fn read_core_type(r: &mut BitReader<'_>) -> Result<ObjectType, Error> {
    let start = r.error(ErrorKind::Truncated, "audioObjectType");
    match ObjectType::read(r)? {
        // Its extensionChannelConfiguration would follow.
        t if t == ObjectType::ER_BSAC => Err(Error { kind: ErrorKind::Unsupported(t.0.into()), ..start }),
        t if t == ObjectType::SBR || t == ObjectType::PS => {
            Err(Error { kind: ErrorKind::Invalid(t.0.into()), ..start })
        }
        t => Ok(t),
    }
}

fn read_other(r: &mut BitReader<'_>) -> Result<SpecificConfig, Error> {
    let len = r.remaining() as u32;
    let mut w = BitWriter::default();
    for _ in 0..len {
        w.flag(r.flag("specific")?);
    }
    Ok(SpecificConfig::Other { bits: w.finish().into(), len })
}

fn read_rate(r: &mut BitReader<'_>, element: &'static str) -> Result<u32, Error> {
    let start = r.error(ErrorKind::Truncated, element);
    let index = r.bits(4, element)?;
    let rate = if index == EXPLICIT_RATE { r.bits(24, element)? } else { table_rate(index) };
    let bad = Error { kind: ErrorKind::Invalid(index.into()), ..start };
    if rate == 0 { Err(bad) } else { Ok(rate) }
}

/// The rate of an index; 0 for a reserved one.
fn table_rate(index: u32) -> u32 {
    SAMPLE_RATES.get(index as usize).copied().unwrap_or(0)
}

fn write_rate(w: &mut BitWriter, rate: u32) {
    match sample_rate_index(rate) {
        Some(index) => w.bits(4, index.into()),
        None => {
            w.bits(4, EXPLICIT_RATE);
            w.bits(24, rate);
        }
    }
}

/// The signalling at the end. What is not one, whole and well formed, is as if it were not there: writers fill up
/// with all kinds of bytes.
fn read_backward_sbr(mut r: BitReader<'_>) -> Option<Sbr> {
    if r.bits(11, "syncExtensionType").ok()? != SYNC_SBR || ObjectType::read(&mut r).ok()? != ObjectType::SBR {
        return None;
    }
    if !r.flag("sbrPresentFlag").ok()? {
        return Some(Sbr::Absent);
    }
    let rate = read_rate(&mut r, "extensionSamplingFrequency").ok()?;
    let is_ps = r.bits(11, "syncExtensionType").is_ok_and(|sync| sync == SYNC_PS);
    let ps = if is_ps { r.flag("psPresentFlag").ok() } else { None };
    Some(Sbr::Backward { rate, ps })
}
