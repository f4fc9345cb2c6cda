//! The options of `aacenc` and what they mean for one input.

use weir_media::{CodecId, Prop, Props, SampleFormat};
use weir_plugin::{Error, Kind, OptionDef, Options, Result};

use crate::codec::{Config, DEFAULT_LIBRARY, LIBRARIES};
use crate::samples::Layout;

const RATE: Kind = Kind::Int { min: 8_000, max: 1_152_000 };

/// Bits per second for each channel when nothing is said.
const DEFAULT_RATE: u32 = 64_000;

/// Most bits of a channel for each sample: 6144 in a frame of 1024 (ISO 14496-3, 4.5.3.1).
const MAX_BITS_PER_SAMPLE: u32 = 6;

/// Sample rates with an index (ISO 14496-3, table 1.18) that both libraries take, Hz.
pub(crate) const SAMPLE_RATES: &[u32] =
    &[8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 64_000, 88_200, 96_000];

/// Numbers of channels that are encoded.
pub(crate) const CHANNELS: [u32; 2] = [1, 2];

/// Option table of `aacenc`. Names are those of GPAC's ffenc.
pub(crate) const OPTIONS: &[OptionDef] = &[
    OptionDef::new("c", Kind::Str, "aac", "Codec: aac"),
    OptionDef::new("b", RATE, "", "Bit rate, bits per second (input TargetRate, else 64k per channel)"),
    OptionDef::new("bitrate", RATE, "", "The same as b"),
    OptionDef::new("rate", RATE, "", "The same as b"),
    OptionDef::new("profile", Kind::Enum(&["lc"]), "lc", "Profile"),
    OptionDef::new("lib", Kind::Enum(LIBRARIES), DEFAULT_LIBRARY, "Library to encode with"),
];

/// What the user asked for.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Bits per second.
    rate: Option<u32>,
    /// Name in [`LIBRARIES`].
    pub(crate) library: &'static str,
}

impl Settings {
    /// Reads and checks the options.
    pub(crate) fn new(options: &Options) -> Result<Self> {
        let name = options.text("c").unwrap_or("aac");
        if CodecId::from_name(name) != Some(CodecId::Aac) {
            return Err(Error::bad_option(format!("aacenc makes aac, not {name}")));
        }
        Ok(Self {
            rate: options.int_of(&["b", "bitrate", "rate"])?.and_then(|r| u32::try_from(r).ok()),
            library: options.word("lib").unwrap_or(DEFAULT_LIBRARY),
        })
    }

    /// What to encode and how to read it, for an input with these properties. `None` when they do not tell yet.
    ///
    /// # Errors
    /// When AAC, or this filter, has no such thing.
    pub(crate) fn for_input(&self, input: &Props) -> Result<Option<(Config, Layout)>> {
        let format = match input.get(Prop::AudioFormat) {
            Some(weir_media::Value::Sample(f)) => Some(known(*f)?),
            _ => None,
        };
        let rate = input.u32(Prop::SampleRate).map(sample_rate).transpose()?;
        let channels = input.u32(Prop::NumChannels).map(channel_count).transpose()?;
        let (Some(format), Some(sample_rate), Some(channels)) = (format, rate, channels) else { return Ok(None) };
        let rate = self.bit_rate(input, sample_rate, channels)?;
        let channels = channels as usize;
        Ok(Some((Config { sample_rate, channels, rate }, Layout { format, channels })))
    }

    fn bit_rate(&self, input: &Props, sample_rate: u32, channels: u32) -> Result<u32> {
        let most = MAX_BITS_PER_SAMPLE * sample_rate * channels;
        if let Some(asked) = self.rate {
            return if asked <= most {
                Ok(asked)
            } else {
                Err(Error::bad_option(format!("{asked} b/s is over the {most} b/s that AAC has for this sound")))
            };
        }
        let target = input.u32(Prop::TargetRate).filter(|r| *r > 0).map(|r| r.clamp(8_000, most));
        Ok(target.unwrap_or_else(|| DEFAULT_RATE.min(4 * sample_rate) * channels))
    }
}

fn known(format: SampleFormat) -> Result<SampleFormat> {
    match format {
        SampleFormat::Flt | SampleFormat::S16 => Ok(format),
        other => Err(Error::unsupported(format!("aacenc takes flt or s16 samples, not {}", other.name()))),
    }
}

fn sample_rate(rate: u32) -> Result<u32> {
    if SAMPLE_RATES.contains(&rate) {
        return Ok(rate);
    }
    Err(Error::unsupported(format!("AAC has no sample rate of {rate} Hz")))
}

fn channel_count(channels: u32) -> Result<u32> {
    if CHANNELS.contains(&channels) {
        return Ok(channels);
    }
    Err(Error::unsupported(format!("aacenc takes 1 or 2 channels, not {channels}")))
}

#[cfg(test)]
mod tests {
    use weir_plugin::ErrorKind;

    use super::*;

    fn settings(args: &[(&str, &str)]) -> Result<Settings> {
        let mut options = Options::defaults(OPTIONS);
        for (name, text) in args {
            options.apply(name, Some(text)).unwrap_or_else(|e| panic!("{name}={text}: {e}"));
        }
        Settings::new(&options)
    }

    fn input(rate: u32, channels: u32) -> Props {
        Props::new()
            .with(Prop::AudioFormat, SampleFormat::S16)
            .with(Prop::SampleRate, rate)
            .with(Prop::NumChannels, channels)
    }

    fn rate(args: &[(&str, &str)], input: &Props) -> Result<u32> {
        Ok(settings(args)?.for_input(input)?.expect("all is said").0.rate)
    }

    #[test]
    fn the_bit_rate_is_given_or_the_target_or_by_channel() {
        assert_eq!(rate(&[("bitrate", "96k")], &input(48_000, 2)), Ok(96_000));
        assert_eq!(rate(&[], &input(48_000, 2)), Ok(128_000));
        assert_eq!(rate(&[], &input(44_100, 1)), Ok(64_000));
        assert_eq!(rate(&[], &input(8_000, 1)), Ok(32_000));
        assert_eq!(rate(&[], &input(48_000, 2).with(Prop::TargetRate, 32_000_u32)), Ok(32_000));
        assert_eq!(rate(&[("b", "300k")], &input(48_000, 1)).unwrap_err().kind, ErrorKind::BadOption);
        assert!(settings(&[("b", "64k"), ("rate", "96k")]).is_err());
        assert!(settings(&[("c", "opus")]).is_err());
    }

    #[test]
    fn what_cannot_be_encoded_is_refused_in_words() {
        let s = settings(&[]).expect("fits");
        let said = |p: Props| s.for_input(&p).expect_err("refused").message;
        assert_eq!(said(input(48_000, 6)), "aacenc takes 1 or 2 channels, not 6");
        assert_eq!(said(input(48_001, 2)), "AAC has no sample rate of 48001 Hz");
        assert!(s.for_input(&Props::new()).expect("not yet").is_none());
    }
}
