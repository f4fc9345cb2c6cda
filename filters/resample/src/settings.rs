//! What sound `resample` is to make: what the user asks for, or else what the next filter takes.

use weir_media::{Bundle, Prop, SampleFormat, Value};
use weir_plugin::{Kind, OptionDef, Options};

use crate::samples::Sound;

/// Option table of `resample`. Names are those of GPAC.
pub(crate) const OPTIONS: &[OptionDef] = &[
    OptionDef::new("osr", Kind::Int { min: 1_000, max: 768_000 }, "", "Sample rate, Hz (that of the input)"),
    OptionDef::new("och", Kind::Int { min: 1, max: 8 }, "", "Channels (those of the input)"),
    OptionDef::new("osfmt", Kind::Enum(&["flt", "s16"]), "", "Format of the samples (that of the input)"),
];

/// What the output may be. An empty list allows everything.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    rates: Vec<u32>,
    channels: Vec<usize>,
    formats: Vec<SampleFormat>,
}

impl Wanted {
    /// From the options, and the bundle the resolver chose.
    pub(crate) fn new(options: &Options, bundle: Option<&Bundle>) -> Self {
        let asked = |prop: Prop| {
            let caps = bundle.into_iter().flat_map(|b| &b.outputs);
            caps.filter(move |c| c.prop == prop && !c.excluded).map(|c| &c.value)
        };
        let numbers = |name: &str, prop: Prop| match options.int(name).and_then(|n| u32::try_from(n).ok()) {
            Some(n) => vec![n],
            None => asked(prop).filter_map(number).collect(),
        };
        let formats = match options.word("osfmt") {
            Some("s16") => vec![SampleFormat::S16],
            Some(_) => vec![SampleFormat::Flt],
            None => asked(Prop::AudioFormat).filter_map(format).collect(),
        };
        let channels = numbers("och", Prop::NumChannels);
        Self {
            rates: numbers("osr", Prop::SampleRate),
            channels: channels.iter().map(|n| *n as usize).collect(),
            formats,
        }
    }

    /// What this sound is turned into.
    pub(crate) fn from(&self, sound: Sound) -> Sound {
        let format = if self.formats.is_empty() || self.formats.contains(&sound.format) {
            sound.format
        } else {
            self.formats[0]
        };
        Sound { rate: self.rate(sound.rate), channels: self.channels(sound.channels), format }
    }

    /// The same, or the next higher one, or else the highest.
    fn rate(&self, have: u32) -> u32 {
        let higher = self.rates.iter().copied().filter(|r| *r >= have).min();
        higher.or_else(|| self.rates.iter().copied().max()).unwrap_or(have)
    }

    /// The same, or the next lower number, or else the lowest.
    fn channels(&self, have: usize) -> usize {
        let lower = self.channels.iter().copied().filter(|n| *n <= have).max();
        lower.or_else(|| self.channels.iter().copied().min()).unwrap_or(have)
    }
}

fn number(value: &Value) -> Option<u32> {
    match value {
        Value::Uint(n) => u32::try_from(*n).ok(),
        _ => None,
    }
}

fn format(value: &Value) -> Option<SampleFormat> {
    match value {
        Value::Sample(f) => Some(*f),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use weir_media::Cap;

    use super::*;

    const FLT: SampleFormat = SampleFormat::Flt;

    fn wanted(args: &[(&str, &str)], caps: &[Cap]) -> Wanted {
        let mut options = Options::defaults(OPTIONS);
        for (name, text) in args {
            options.apply(name, Some(text)).unwrap_or_else(|e| panic!("{name}={text}: {e}"));
        }
        Wanted::new(&options, Some(&Bundle::new([], caps)))
    }

    fn turned(wanted: &Wanted, rate: u32, channels: usize) -> (u32, usize) {
        let sound = wanted.from(Sound { rate, channels, format: FLT });
        (sound.rate, sound.channels)
    }

    #[test]
    fn the_next_filter_gets_what_is_nearest() {
        let rates = [8_000_u32, 44_100, 48_000].map(|r| Cap::is(Prop::SampleRate, r));
        let channels = [2_u32, 6].map(|n| Cap::is(Prop::NumChannels, n));
        let w = wanted(&[], &[&rates[..], &channels[..]].concat());
        assert_eq!(turned(&w, 44_100, 2), (44_100, 2), "as it is");
        assert_eq!(turned(&w, 22_050, 1), (44_100, 2));
        assert_eq!(turned(&w, 96_000, 8), (48_000, 6));
        assert_eq!(turned(&w, 6_000, 5), (8_000, 2));
        assert_eq!(turned(&Wanted::default(), 11_111, 11), (11_111, 11), "nothing is asked for");
    }

    #[test]
    fn the_user_comes_first() {
        let w = wanted(&[("osr", "32000"), ("och", "1"), ("osfmt", "s16")], &[Cap::is(Prop::AudioFormat, FLT)]);
        let sound = w.from(Sound { rate: 44_100, channels: 2, format: FLT });
        assert_eq!(sound, Sound { rate: 32_000, channels: 1, format: SampleFormat::S16 });
    }
}
