//! The options of `avcenc` and what they mean for one input.

use weir_media::{CodecId, Frac, Prop, Props};
use weir_plugin::{Error, Kind, OptionDef, Options, Result};

use crate::openh264::Profile;

/// Lowest and highest bit rate the option takes, bits per second. openh264 counts bits in `i32`, with room to spare.
const RATE: Kind = Kind::Int { min: 1_000, max: 240_000_000 };

/// Frame rate taken when neither the properties nor the packets tell, as GPAC does.
const DEFAULT_FPS: Frac = Frac { num: 25, den: 1 };

/// Key pictures are this far apart when nothing is said, seconds.
const DEFAULT_GOP_SECONDS: f64 = 2.0;

/// Levels one can ask for, in the order of `LEVEL_IDC`.
const LEVELS: &[&str] =
    &["auto", "1", "1.1", "1.2", "1.3", "2", "2.1", "2.2", "3", "3.1", "3.2", "4", "4.1", "4.2", "5", "5.1", "5.2"];

/// Option table of `avcenc`. Names are those of GPAC's ffenc.
pub(crate) const OPTIONS: &[OptionDef] = &[
    OptionDef::new("c", Kind::Str, "avc", "Codec: avc, also written 264 or h264"),
    OptionDef::new("b", RATE, "", "Bit rate, bits per second (input TargetRate, else 0.1 bit per pixel)"),
    OptionDef::new("bitrate", RATE, "", "The same as b"),
    OptionDef::new("rate", RATE, "", "The same as b"),
    OptionDef::new("g", Kind::Int { min: 1, max: 1_000_000 }, "", "Pictures from one key picture to the next (2 s)"),
    OptionDef::new("gop", Kind::Int { min: 1, max: 1_000_000 }, "", "The same as g"),
    OptionDef::new(
        "fintra",
        Kind::Frac,
        "-1",
        "Seconds from one forced key picture to the next, instead of or beside g; negative for none",
    ),
    OptionDef::new("profile", Kind::Enum(&["baseline", "main", "high"]), "high", "Profile; all but baseline use CABAC"),
    OptionDef::new(
        "level",
        Kind::Enum(LEVELS),
        "auto",
        "Level to declare; an error when the stream needs a higher one",
    ),
    OptionDef::new("skip", Kind::Bool, "no", "Leave pictures out rather than exceed the bit rate"),
    OptionDef::new("maxrate", RATE, "", "With skip: highest bit rate over 5 seconds"),
    OptionDef::new("threads", Kind::Int { min: 1, max: 4 }, "1", "Threads; each codes a slice of every picture"),
];

/// Options that can be given another value while the filter runs. The next picture begins with them, as a key picture.
/// Others, `maxrate` for one, may not fit the input, which only a running filter knows.
pub(crate) const CHANGEABLE: &[&str] = &["b", "bitrate", "rate"];

/// What the user asked for.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Bits per second.
    pub(crate) rate: Option<u32>,
    /// Pictures between key pictures.
    pub(crate) gop: Option<u32>,
    /// Seconds between forced key pictures, positive.
    pub(crate) fintra: Option<Frac>,
    /// `None` where the user left it open.
    pub(crate) profile: Option<Profile>,
    /// level_idc to declare.
    pub(crate) level: Option<u8>,
    pub(crate) skip: bool,
    /// Bits per second.
    pub(crate) max_rate: Option<u32>,
    pub(crate) threads: u16,
}

impl Settings {
    /// Reads and checks the options.
    pub(crate) fn new(options: &Options) -> Result<Self> {
        let name = options.text("c").unwrap_or("avc");
        if CodecId::from_name(name) != Some(CodecId::Avc) {
            return Err(Error::bad_option(format!("avcenc makes avc, not {name}")));
        }
        let settings = Self {
            rate: count(options, &["b", "bitrate", "rate"])?,
            gop: count(options, &["g", "gop"])?,
            fintra: fintra(options)?,
            profile: options.word("profile").filter(|_| options.is_given("profile")).map(|word| match word {
                "baseline" => Profile::Baseline,
                "main" => Profile::Main,
                _ => Profile::High,
            }),
            level: options.word("level").and_then(level_idc),
            skip: options.bool("skip") == Some(true),
            max_rate: count(options, &["maxrate"])?,
            threads: options.int("threads").and_then(|n| u16::try_from(n).ok()).unwrap_or(1),
        };
        settings.check_max_rate(settings.rate)?;
        Ok(settings)
    }

    fn check_max_rate(&self, rate: Option<u32>) -> Result<()> {
        match (self.max_rate, rate) {
            (Some(_), _) if !self.skip => {
                Err(Error::bad_option("maxrate needs skip=yes, as only skipping can hold a maximum"))
            }
            (Some(max), Some(rate)) if max < rate => {
                Err(Error::bad_option(format!("maxrate {max} is below the bit rate {rate}")))
            }
            _ => Ok(()),
        }
    }

    /// The bit rate for an input with these properties.
    ///
    /// # Errors
    /// When it exceeds `maxrate`.
    pub(crate) fn rate_for(&self, input: &Props, (width, height): (u32, u32), fps: Frac) -> Result<u32> {
        let target = input.u32(Prop::TargetRate).filter(|r| *r > 0).map(|r| r.clamp(1_000, 240_000_000));
        let rate = self.rate.or(target).unwrap_or_else(|| default_rate(width, height, fps));
        self.check_max_rate(Some(rate))?;
        Ok(rate)
    }

    /// The distances at which key pictures lie, seconds, each with a grid of its own.
    pub(crate) fn key_periods(&self, fps: Frac) -> Vec<Frac> {
        let frames = |n: u32| Frac::new(i64::from(n) * i64::from(fps.den), u32::try_from(fps.num).ok()?);
        let gop = self.gop.or_else(|| self.fintra.is_none().then(|| default_gop(fps)));
        gop.and_then(frames).into_iter().chain(self.fintra).collect()
    }
}

/// The frame rate an input declares.
pub(crate) fn declared_fps(input: &Props) -> Option<Frac> {
    input.frac(Prop::Fps).filter(|f| (1..=i64::from(u32::MAX)).contains(&f.num) && f.den > 0)
}

/// The frame rate of an input: declared, else what the duration of a packet says, else 25.
pub(crate) fn frame_rate(input: &Props, duration: u32) -> Frac {
    let measured = || Frac::new(i64::from(input.timescale()), duration);
    declared_fps(input).or_else(measured).unwrap_or(DEFAULT_FPS)
}

/// A tenth of a bit per pixel: 96 kb/s at 240x160 and 25 pictures per second, 2.3 Mb/s at 1280x720.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped first")]
fn default_rate(width: u32, height: u32, fps: Frac) -> u32 {
    (f64::from(width) * f64::from(height) * fps.as_f64() / 10.0).clamp(64_000.0, 50_000_000.0) as u32
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped first")]
fn default_gop(fps: Frac) -> u32 {
    (fps.as_f64() * DEFAULT_GOP_SECONDS).round().clamp(1.0, 1e6) as u32
}

/// A positive number, under any of its names.
fn count(options: &Options, names: &[&str]) -> Result<Option<u32>> {
    Ok(options.int_of(names)?.and_then(|n| u32::try_from(n).ok()))
}

fn fintra(options: &Options) -> Result<Option<Frac>> {
    match options.frac("fintra") {
        Some(f) if f.num < 0 => Ok(None),
        Some(f) if f.num > 0 => Ok(Some(f)),
        _ => Err(Error::bad_option("fintra is a time in seconds such as 1 or 0.5, or -1 for none")),
    }
}

/// `"3.1"` to 31.
fn level_idc(word: &str) -> Option<u8> {
    let (major, minor) = word.split_once('.').unwrap_or((word, "0"));
    Some(major.parse::<u8>().ok()? * 10 + minor.parse::<u8>().ok()?)
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

    fn fps(num: i64, den: u32) -> Frac {
        Frac::new(num, den).expect("not 0")
    }

    #[test]
    fn one_rate_under_three_names() {
        for name in ["b", "bitrate", "rate"] {
            assert_eq!(settings(&[(name, "200k")]).expect("fits").rate, Some(200_000));
        }
        assert_eq!(settings(&[("b", "1M"), ("rate", "1M")]).expect("the same").rate, Some(1_000_000));
        assert_eq!(settings(&[("b", "1M"), ("rate", "2M")]).unwrap_err().kind, ErrorKind::BadOption);
    }

    #[test]
    fn codec_names_are_checked() {
        assert!(settings(&[("c", "H264")]).is_ok());
        assert_eq!(settings(&[("c", "hevc")]).unwrap_err().message, "avcenc makes avc, not hevc");
    }

    #[test]
    fn the_rate_falls_back_to_the_input_and_then_to_the_size() {
        let input = Props::new().with(Prop::TargetRate, 300_000_u32);
        let hd = (1280, 720);
        let none = settings(&[]).expect("fits");
        assert_eq!(settings(&[("b", "1M")]).expect("fits").rate_for(&input, hd, fps(25, 1)), Ok(1_000_000));
        assert_eq!(none.rate_for(&input, hd, fps(25, 1)), Ok(300_000));
        assert_eq!(none.rate_for(&Props::new(), hd, fps(25, 1)), Ok(2_304_000));
        assert_eq!(none.rate_for(&Props::new(), (64, 64), fps(25, 1)), Ok(64_000));
    }

    #[test]
    fn key_periods_of_g_and_fintra() {
        let film = fps(30_000, 1001);
        assert_eq!(settings(&[]).expect("fits").key_periods(film), [fps(60 * 1001, 30_000)]);
        assert_eq!(settings(&[("g", "50")]).expect("fits").key_periods(fps(25, 1)), [fps(50, 25)]);
        assert_eq!(settings(&[("fintra", "1.5")]).expect("fits").key_periods(film), [fps(15, 10)]);
        assert_eq!(settings(&[("gop", "50"), ("fintra", "1/2")]).expect("fits").key_periods(fps(25, 1)).len(), 2);
        assert!(settings(&[("fintra", "0")]).is_err());
    }

    #[test]
    fn a_maximum_needs_skipping_and_a_lower_target() {
        assert!(settings(&[("b", "1M"), ("maxrate", "2M")]).is_err());
        assert!(settings(&[("b", "1M"), ("maxrate", "500k"), ("skip", "yes")]).is_err());
        let s = settings(&[("maxrate", "500k"), ("skip", "yes")]).expect("fits");
        assert!(s.rate_for(&Props::new(), (1280, 720), fps(25, 1)).is_err());
    }

    #[test]
    fn levels_read_as_level_idc() {
        assert_eq!(settings(&[("level", "3.1")]).expect("fits").level, Some(31));
        assert_eq!(settings(&[("level", "4")]).expect("fits").level, Some(40));
        assert_eq!(settings(&[]).expect("fits").level, None);
    }

    #[test]
    fn the_frame_rate_comes_from_the_property_else_from_a_packet() {
        let input = Props::new().with(Prop::Timescale, 30_000_u32);
        assert_eq!(frame_rate(&input.clone().with(Prop::Fps, fps(50, 1)), 1001), fps(50, 1));
        assert_eq!(frame_rate(&input.clone().with(Prop::Fps, fps(0, 1)), 1001), fps(30_000, 1001));
        assert_eq!(frame_rate(&input, 0), DEFAULT_FPS);
    }
}
