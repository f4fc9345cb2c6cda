//! Options as typed, checked values. An option that cannot be honoured is an error that names it.

use weir_media::Frac;
use weir_plugin::{Error, Kind, OptionDef, Options, Result};

use crate::timing::{Grid, Line};

/// Most video PIDs of one filter.
const MAX_SIZES: usize = 16;
/// Smallest and largest width or height, pixels.
const SIDES: std::ops::RangeInclusive<u32> = 16..=8192;
/// Most pixels of one picture: 8k.
const MAX_PIXELS: u64 = 8192 * 4320;
/// Fastest frame rate.
const MAX_FPS: u32 = 1_000;
/// Longest banner, characters.
const MAX_BANNER: usize = 2_000;
/// Longest beep: then the next one begins.
const MAX_BEEP_MS: u64 = 1_000;

const BANNER: &str = "weir: the river never waits for it  *  no output can block, slow or starve another  *  \
                      what fails, fails alone";

/// The option table.
pub(crate) const OPTIONS: &[OptionDef] = &[
    OptionDef::new("type", Kind::Enum(&["a", "v", "av"]), "av", "What to make: sound, pictures or both"),
    OptionDef::new("freq", Kind::Int { min: 1, max: 48_000 }, "440", "Beep of even seconds, Hz"),
    OptionDef::new("freq2", Kind::Int { min: 1, max: 96_000 }, "659", "Beep of odd seconds, Hz"),
    OptionDef::new("sr", Kind::Int { min: 8_000, max: 192_000 }, "44100", "Sample rate, Hz"),
    OptionDef::new("flen", Kind::Int { min: 1, max: 16_384 }, "1024", "Samples per channel in a packet"),
    OptionDef::new("ch", Kind::Int { min: 1, max: 32 }, "1", "Channels"),
    OptionDef::new("alter", Kind::Bool, "no", "Beep on one channel after the other"),
    OptionDef::new("blen", Kind::Millis, "50", "Length of a beep"),
    OptionDef::new("fps", Kind::Frac, "25", "Pictures per second"),
    OptionDef::new("sizes", Kind::Sizes, "1280x720", "Picture sizes, one video PID each"),
    OptionDef::new("rates", Kind::Ints, "", "Target rates for encoders, bits per second, one for each size"),
    OptionDef::new("pfmt", Kind::Enum(&["yuv420", "yuv"]), "yuv420", "Pixel format"),
    OptionDef::new("lock", Kind::Bool, "no", "Show the start time plus media time as UTC, not the current time"),
    OptionDef::new("dyn", Kind::Bool, "yes", "Move the banner; pictures below 140 lines have none"),
    OptionDef::new("banner", Kind::Str, BANNER, "Text of the banner, Latin-1"),
    OptionDef::new("blank", Kind::Bool, "no", "Make black pictures and silence, in place of the test"),
    OptionDef::new("ntp", Kind::Bool, "yes", "Mark the packets as carrying the sender's clock"),
    OptionDef::new("adjust", Kind::Bool, "yes", "Let full seconds fall on those of the wall clock"),
    OptionDef::new("dur", Kind::Frac, "", "Stop after this many seconds; without it, never"),
    OptionDef::new("start", Kind::Millis, "0", "First timestamp"),
    OptionDef::new("copy", Kind::Bool, "no", "Give each packet a picture of its own, which is always so here"),
    OptionDef::new("logt", Kind::Bool, "no", "Log the time of each picture"),
    OptionDef::new("disc", Kind::Bool, "no", "Not made yet: discontinuities"),
    OptionDef::new("evte", Kind::Int { min: 0, max: 1_000_000 }, "0", "Not made yet: period of an event PID"),
    OptionDef::new("views", Kind::Int { min: 1, max: 64 }, "1", "Not made yet: several views"),
    OptionDef::new("pack", Kind::Enum(&["no", "ss", "tb"]), "no", "Not made yet: packing of two views"),
    OptionDef::new("disparity", Kind::Int { min: 0, max: 1_000 }, "20", "Not made yet: distance of views, pixels"),
];

/// Which kinds of PID there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Kinds {
    pub(crate) audio: bool,
    pub(crate) video: bool,
}

/// What the option `type` asks for.
pub(crate) fn kinds(options: &Options) -> Kinds {
    let word = options.word("type").unwrap_or("av");
    Kinds { audio: word.contains('a'), video: word.contains('v') }
}

/// The sound.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct SoundSettings {
    pub(crate) freq: u32,
    pub(crate) freq2: u32,
    pub(crate) sample_rate: u32,
    pub(crate) packet_samples: usize,
    pub(crate) channels: usize,
    pub(crate) alternate: bool,
    pub(crate) beep_ms: u32,
}

impl SoundSettings {
    /// Length of a beep in samples.
    pub(crate) fn beep_samples(&self) -> usize {
        let n = u64::from(self.beep_ms) * u64::from(self.sample_rate) / 1_000;
        usize::try_from(n).expect("at most one second of samples")
    }

    /// Bytes of a packet.
    pub(crate) const fn packet_bytes(&self) -> usize {
        self.packet_samples * self.channels * 4
    }
}

/// What all pictures have in common.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct PictureSettings {
    pub(crate) fps: Grid,
    pub(crate) lock: bool,
    pub(crate) moving_banner: bool,
    pub(crate) banner: String,
    pub(crate) beep_ms: u32,
    /// Black, and nothing else.
    pub(crate) blank: bool,
}

/// One video PID.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Video {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Target rate, bits per second.
    pub(crate) rate: Option<u64>,
}

/// Everything that was asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Settings {
    pub(crate) kinds: Kinds,
    pub(crate) sound: SoundSettings,
    pub(crate) sound_line: Line,
    pub(crate) picture: PictureSettings,
    pub(crate) picture_line: Line,
    pub(crate) videos: Vec<Video>,
    /// There were rates, but not one for each size.
    pub(crate) rates_ignored: bool,
    pub(crate) ntp: bool,
    pub(crate) adjust: bool,
    pub(crate) log_times: bool,
}

impl Settings {
    /// Checks option values.
    ///
    /// # Errors
    /// `BadOption`, with a sentence that names the option.
    pub(crate) fn new(o: &Options) -> Result<Self> {
        refuse_what_is_not_made(o)?;
        let kinds = kinds(o);
        let fps = frame_rate(o)?;
        let sound = sound(o)?;
        let (videos, rates_ignored) = videos(o)?;
        Ok(Self {
            kinds,
            sound,
            sound_line: sound_line(o, &sound)?,
            picture: PictureSettings {
                fps,
                lock: flag(o, "lock"),
                moving_banner: flag(o, "dyn"),
                banner: banner(o)?,
                beep_ms: sound.beep_ms,
                blank: flag(o, "blank"),
            },
            picture_line: picture_line(o, fps)?,
            videos,
            rates_ignored,
            ntp: flag(o, "ntp"),
            adjust: flag(o, "adjust"),
            log_times: flag(o, "logt"),
        })
    }
}

fn flag(o: &Options, name: &str) -> bool {
    o.bool(name).unwrap_or(false)
}

/// A whole number whose limits in the table fit the type asked for.
fn int<T: TryFrom<i64>>(o: &Options, name: &str) -> Result<T> {
    let value = o.int(name).ok_or_else(|| Error::bad_option(format!("option {name} has no value")))?;
    T::try_from(value).map_err(|_| Error::bad_option(format!("option {name} is out of range: {value}")))
}

fn refuse_what_is_not_made(o: &Options) -> Result<()> {
    let wanted = [
        ("disc", flag(o, "disc")),
        ("evte", o.int("evte") != Some(0)),
        ("views", o.int("views") != Some(1)),
        ("pack", o.word("pack") != Some("no")),
        ("disparity", o.is_given("disparity")),
    ];
    match wanted.iter().find(|(_, wanted)| *wanted) {
        Some((name, _)) => Err(Error::bad_option(format!("avgen cannot do option {name} yet"))),
        None => Ok(()),
    }
}

fn frame_rate(o: &Options) -> Result<Grid> {
    let wrong = || Error::bad_option(format!("option fps must be above 0 and at most {MAX_FPS} pictures per second"));
    let fps = o.frac("fps").ok_or_else(wrong)?;
    let num = u32::try_from(fps.num).ok().filter(|n| *n > 0).ok_or_else(wrong)?;
    if u64::from(num) > u64::from(MAX_FPS) * u64::from(fps.den) {
        return Err(wrong());
    }
    Ok(Grid { num, den: fps.den })
}

fn sound(o: &Options) -> Result<SoundSettings> {
    let beep_ms = o.millis("blen").filter(|ms| *ms <= MAX_BEEP_MS);
    let beep_ms = beep_ms.ok_or_else(|| Error::bad_option(format!("option blen must be at most {MAX_BEEP_MS} ms")))?;
    let sound = SoundSettings {
        freq: int(o, "freq")?,
        freq2: int(o, "freq2")?,
        sample_rate: int(o, "sr")?,
        packet_samples: int(o, "flen")?,
        channels: int(o, "ch")?,
        alternate: flag(o, "alter"),
        beep_ms: if flag(o, "blank") { 0 } else { u32::try_from(beep_ms).expect("at most MAX_BEEP_MS") },
    };
    for (name, highest) in [("freq", 2 * sound.freq), ("freq2", sound.freq2)] {
        if 2 * highest >= sound.sample_rate {
            let rate = sound.sample_rate;
            return Err(Error::bad_option(format!(
                "option {name} needs a tone of {highest} Hz, too high for {rate} samples a second"
            )));
        }
    }
    Ok(sound)
}

fn videos(o: &Options) -> Result<(Vec<Video>, bool)> {
    let sizes = o.sizes("sizes").unwrap_or_default();
    if sizes.is_empty() || sizes.len() > MAX_SIZES {
        return Err(Error::bad_option(format!("option sizes must list 1 to {MAX_SIZES} sizes")));
    }
    let rates = o.ints("rates").unwrap_or_default();
    let ignored = !rates.is_empty() && rates.len() != sizes.len();
    let rates = if ignored { &[] } else { rates };
    let videos = sizes.iter().enumerate().map(|(i, size)| video(*size, rates.get(i).copied()));
    Ok((videos.collect::<Result<_>>()?, ignored))
}

fn video((width, height): (u32, u32), rate: Option<i64>) -> Result<Video> {
    let (low, high) = (SIDES.start(), SIDES.end());
    if !SIDES.contains(&width) || !SIDES.contains(&height) || u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(Error::bad_option(format!(
            "option sizes has {width}x{height}, but sides go from {low} to {high} and pictures up to {MAX_PIXELS} pixels"
        )));
    }
    let positive = |rate| u64::try_from(rate).ok().filter(|r| *r > 0);
    let rate =
        rate.map(|r| positive(r).ok_or_else(|| Error::bad_option(format!("option rates must be above 0, not {r}"))));
    Ok(Video { width, height, rate: rate.transpose()? })
}

fn banner(o: &Options) -> Result<String> {
    let text = o.text("banner").unwrap_or_default();
    if text.chars().count() > MAX_BANNER {
        return Err(Error::bad_option(format!("option banner is longer than {MAX_BANNER} characters")));
    }
    Ok(text.to_owned())
}

fn sound_line(o: &Options, sound: &SoundSettings) -> Result<Line> {
    let timescale = sound.sample_rate;
    let step = u32::try_from(sound.packet_samples).expect("limited by the table");
    let first = i64::try_from(start_ms(o) * u128::from(timescale) / 1_000).map_err(|_| too_late())?;
    Ok(Line { timescale, step, first, total: packets(o, step, timescale)? })
}

/// Timescale `fps.num`, or the smallest multiple of it in which `start` is exact.
fn picture_line(o: &Options, fps: Grid) -> Result<Line> {
    let start = start_ms(o) * u128::from(fps.num);
    let finer = u32::try_from(1_000 / gcd(start, 1_000)).expect("at most 1000");
    let (timescale, step) = fps.num.checked_mul(finer).zip(fps.den.checked_mul(finer)).ok_or_else(|| {
        Error::bad_option(
            "option start cannot be expressed in the timescale of fps; choose one that is a whole number of pictures",
        )
    })?;
    let first = i64::try_from(start * u128::from(finer) / 1_000).map_err(|_| too_late())?;
    Ok(Line { timescale, step, first, total: packets(o, step, timescale)? })
}

fn start_ms(o: &Options) -> u128 {
    o.millis("start").unwrap_or(0).into()
}

fn too_late() -> Error {
    Error::bad_option("option start is too late for a timestamp")
}

const fn gcd(a: u128, b: u128) -> u128 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Packets that `dur` asks for: one at least, then until the end of what was sent reaches it.
fn packets(o: &Options, step: u32, timescale: u32) -> Result<Option<u64>> {
    let Some(Frac { num, den }) = o.frac("dur") else { return Ok(None) };
    let num = u128::try_from(num).map_err(|_| Error::bad_option("option dur cannot be negative"))?;
    let n = (num * u128::from(timescale)).div_ceil(u128::from(den) * u128::from(step)).max(1);
    u64::try_from(n).map(Some).map_err(|_| Error::bad_option("option dur is too long"))
}

#[cfg(test)]
mod tests {
    use weir_plugin::ErrorKind;

    use super::*;

    fn settings(args: &[(&str, &str)]) -> Result<Settings> {
        let mut o = Options::defaults(OPTIONS);
        for (name, value) in args {
            o.apply(name, Some(value)).expect("fits the table");
        }
        Settings::new(&o)
    }

    fn error(name: &str, value: &str) -> String {
        let e = settings(&[(name, value)]).expect_err("refused");
        assert_eq!(e.kind, ErrorKind::BadOption);
        assert!(e.message.contains(name), "{} names {name}", e.message);
        e.message
    }

    #[test]
    fn defaults_are_gpacs() {
        let s = settings(&[]).expect("defaults");
        assert_eq!(s.kinds, Kinds { audio: true, video: true });
        assert_eq!(s.videos, [Video { width: 1280, height: 720, rate: None }]);
        assert_eq!(s.picture_line, Line { timescale: 25, step: 1, first: 0, total: None });
        assert_eq!(s.sound_line, Line { timescale: 44_100, step: 1_024, first: 0, total: None });
        assert_eq!(s.sound.beep_samples(), 2_205);
        assert!(s.adjust && s.ntp && s.picture.moving_banner && !s.picture.lock);
    }

    #[test]
    fn what_cannot_be_done_is_an_error_that_names_the_option() {
        for (name, value) in [("disc", "yes"), ("evte", "1"), ("views", "2"), ("pack", "ss"), ("disparity", "20")] {
            assert_eq!(error(name, value), format!("avgen cannot do option {name} yet"));
        }
        for (name, value) in [
            ("fps", "0"),
            ("fps", "-25"),
            ("fps", "1001"),
            ("fps", "99999999999"),
            ("sizes", "8x8"),
            ("sizes", "9000x16"),
            ("sizes", "8192x8192"),
            (
                "sizes",
                "16x16,16x16,16x16,16x16,16x16,16x16,16x16,16x16,16x16,16x16,16x16,16x16,16x16,16x16,16x16,16x16,16x16",
            ),
            ("rates", "0"),
            ("blen", "1001"),
            ("freq", "11025"),
            ("freq2", "22050"),
            ("dur", "-1"),
            ("banner", &"x".repeat(MAX_BANNER + 1)),
        ] {
            error(name, value);
        }
        let e = settings(&[("start", "8999999999999999"), ("fps", "4000000000/4000001")]).expect_err("too late");
        assert!(e.message.contains("start"), "{e}");
    }

    #[test]
    fn dur_counts_packets_like_gpac() {
        let totals = |dur| {
            let s = settings(&[("dur", dur)]).expect("fine");
            (s.picture_line.total, s.sound_line.total)
        };
        assert_eq!(totals("1"), (Some(25), Some(44)));
        assert_eq!(totals("1/2"), (Some(13), Some(22)));
        assert_eq!(totals("0"), (Some(1), Some(1)));
        assert_eq!(totals("3600s"), (Some(90_000), Some(155_040)));
    }

    #[test]
    fn start_is_exact_for_pictures() {
        let s = settings(&[("start", "16777215")]).expect("fine");
        assert_eq!(s.picture_line, Line { timescale: 200, step: 8, first: 3_355_443, total: None });
        assert_eq!(s.picture_line.first * 1_000, 16_777_215 * 200);
        assert_eq!(s.sound_line.first, 739_875_181);
        let s = settings(&[("start", "2s"), ("fps", "30000/1001"), ("dur", "1001/30")]).expect("fine");
        assert_eq!(s.picture_line, Line { timescale: 30_000, step: 1_001, first: 60_000, total: Some(1_000) });
    }
}
