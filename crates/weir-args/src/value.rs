//! Typed option values: what the text after `=` may be (gpac-semantics 4).
//!
//! Differences from GPAC, on purpose: a value that does not parse is an error, never a silent default; fractions take
//! units; lists of sizes take size names.

use std::fmt;

/// The type of an option, with its limits.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Kind {
    /// `yes`/`true`/`1`, `no`/`false`/`0`, or no value for true.
    Bool,
    /// Whole number from `min` to `max`; units `k`, `M`, `G`; times in milliseconds as `2sec`, `1min`, `T00:01:30`.
    Int {
        /// Smallest allowed value.
        min: i64,
        /// Largest allowed value.
        max: i64,
    },
    /// Rational number: `25`, `30000/1001`, `29.97`; times as `T00:01:30`, `1s`, `200ms`.
    Frac,
    /// Time span in milliseconds: a plain number is milliseconds; `2s`, `200ms`, `1min`, `T00:01:30`.
    Millis,
    /// Picture size: `640x360` or `720`, `hd`, `4k`...
    Size,
    /// List of picture sizes.
    Sizes,
    /// List of whole numbers with units.
    Ints,
    /// One of these words.
    Enum(&'static [&'static str]),
    /// Text.
    Str,
    /// List of texts; `,,` is a literal comma.
    Strs,
    /// Text that must never be shown: `TEXT`, `@FILE` (first line of the file) or `$NAME` (environment variable).
    Secret,
}

/// A parsed option value.
#[derive(Clone, PartialEq)]
#[expect(missing_docs, reason = "each variant is named after its Kind")]
pub enum Typed {
    Bool(bool),
    Int(i64),
    Frac { num: i64, den: u32 },
    Millis(u64),
    Size(u32, u32),
    Sizes(Vec<(u32, u32)>),
    Ints(Vec<i64>),
    Enum(&'static str),
    Str(String),
    Strs(Vec<String>),
    Secret(String),
}

impl fmt::Debug for Typed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret(_) => f.write_str("Secret(***)"),
            Self::Bool(v) => write!(f, "{v}"),
            Self::Int(v) => write!(f, "{v}"),
            Self::Frac { num, den } => write!(f, "{num}/{den}"),
            Self::Millis(v) => write!(f, "{v}ms"),
            Self::Size(w, h) => write!(f, "{w}x{h}"),
            Self::Sizes(v) => write!(f, "{v:?}"),
            Self::Ints(v) => write!(f, "{v:?}"),
            Self::Enum(v) => f.write_str(v),
            Self::Str(v) => write!(f, "{v:?}"),
            Self::Strs(v) => write!(f, "{v:?}"),
        }
    }
}

/// Why a value does not fit its [`Kind`]: what was expected, in words fit for "expected ...".
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mismatch(pub String);

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}", self.0)
    }
}

/// Parses `text` as `kind`. `None` stands for an option named without `=`.
///
/// # Errors
/// [`Mismatch`] saying what the option accepts.
pub fn parse(kind: Kind, text: Option<&str>) -> Result<Typed, Mismatch> {
    let Some(text) = text else {
        return match kind {
            Kind::Bool => Ok(Typed::Bool(true)),
            _ => Err(Mismatch(format!("a value: {}", expected(kind)))),
        };
    };
    let parsed = match kind {
        Kind::Bool => match text {
            "yes" | "true" | "1" => Some(Typed::Bool(true)),
            "no" | "false" | "0" => Some(Typed::Bool(false)),
            _ => None,
        },
        Kind::Int { min, max } => int(text).filter(|v| (min..=max).contains(v)).map(Typed::Int),
        Kind::Frac => frac(text),
        Kind::Millis => millis(text).map(Typed::Millis),
        Kind::Size => size(text).map(|(w, h)| Typed::Size(w, h)),
        Kind::Sizes => text.split(',').map(size).collect::<Option<Vec<_>>>().map(Typed::Sizes),
        Kind::Ints => text.split(',').map(int).collect::<Option<Vec<_>>>().map(Typed::Ints),
        Kind::Enum(words) => words.iter().find(|w| **w == text).map(|w| Typed::Enum(w)),
        Kind::Str => Some(Typed::Str(text.to_owned())),
        Kind::Strs => Some(Typed::Strs(strings(text))),
        Kind::Secret => Some(Typed::Secret(text.to_owned())),
    };
    parsed.ok_or_else(|| Mismatch(expected(kind)))
}

/// What a kind accepts, for help and errors.
#[must_use]
pub fn expected(kind: Kind) -> String {
    match kind {
        Kind::Bool => "yes or no".into(),
        Kind::Int { min, max } => match (min, max) {
            (i64::MIN, i64::MAX) => "a whole number".into(),
            (min, i64::MAX) => format!("a whole number, at least {min}"),
            (min, max) => format!("a whole number from {min} to {max}"),
        },
        Kind::Frac => "a number or fraction such as 25, 30000/1001 or 29.97".into(),
        Kind::Millis => "a time such as 200ms, 2s or T00:01:30 (a plain number is milliseconds)".into(),
        Kind::Size => "a size such as 640x360 or 720".into(),
        Kind::Sizes => "sizes such as 640x360,320x180".into(),
        Kind::Ints => "whole numbers such as 500k,1M".into(),
        Kind::Enum(words) => format!("one of {}", words.join(", ")),
        Kind::Str | Kind::Strs => "text".into(),
        Kind::Secret => "a secret: the text, @FILE or $VARIABLE".into(),
    }
}

fn int(text: &str) -> Option<i64> {
    let text = text.trim();
    match text {
        "+I" => return Some(i64::MAX),
        "-I" => return Some(i64::MIN),
        _ => {}
    }
    if let Some(hex) = text.strip_prefix("0x") {
        return i64::from_str_radix(hex, 16).ok();
    }
    // Times, in milliseconds.
    if let Some(ms) = clock(text) {
        return i64::try_from(ms).ok();
    }
    for (word, unit) in [("sec", 1_000), ("min", 60_000)] {
        if let Some(digits) = text.strip_suffix(word) {
            return digits.parse::<i64>().ok()?.checked_mul(unit);
        }
    }
    let (digits, unit) = match text.char_indices().last()? {
        (i, 'k' | 'K' | 's' | 'S') => (&text[..i], 1_000),
        (i, 'm' | 'M') => (&text[..i], 1_000_000),
        (i, 'g' | 'G') => (&text[..i], 1_000_000_000),
        _ => (text, 1),
    };
    if let Some((whole, part)) = digits.split_once('.') {
        // 1.5M: exact in integers.
        let scale = 10_i64.checked_pow(u32::try_from(part.len()).ok()?)?;
        let all = format!("{whole}{part}").parse::<i64>().ok()?.checked_mul(unit)?;
        return (all % scale == 0).then_some(all / scale);
    }
    digits.parse::<i64>().ok()?.checked_mul(unit)
}

fn frac(text: &str) -> Option<Typed> {
    let text = text.trim();
    if let Some((num, den)) = text.split_once('/').or_else(|| text.split_once('-').filter(|(n, _)| !n.is_empty())) {
        let den = den.parse().ok().filter(|d| *d > 0)?;
        return Some(Typed::Frac { num: num.parse().ok()?, den });
    }
    if let Some((whole, part)) = text.split_once('.').filter(|(_, part)| part.bytes().all(|b| b.is_ascii_digit())) {
        let part = part.trim_end_matches('0');
        let den = 10_u32.checked_pow(u32::try_from(part.len()).ok()?)?;
        return match format!("{whole}{part}").parse() {
            Ok(num) => Some(Typed::Frac { num, den }),
            Err(_) => of_millis(text),
        };
    }
    if let Ok(num) = text.parse() {
        return Some(Typed::Frac { num, den: 1 });
    }
    of_millis(text)
}

fn of_millis(text: &str) -> Option<Typed> {
    Some(Typed::Frac { num: i64::try_from(millis(text)?).ok()?, den: 1000 })
}

/// `T01:02:03.5` or `T02:03.5`, in milliseconds.
fn clock(text: &str) -> Option<u64> {
    let fields = text.strip_prefix(['T', 't'])?.split(':');
    let fields: Vec<f64> = fields.map(|f| f.parse().ok()).collect::<Option<_>>()?;
    let seconds = match fields[..] {
        [h, m, s] => h * 3600.0 + m * 60.0 + s,
        [m, s] => m * 60.0 + s,
        _ => return None,
    };
    to_millis(seconds, 1000.0)
}

fn millis(text: &str) -> Option<u64> {
    let text = text.trim();
    if text.starts_with(['T', 't']) {
        return clock(text);
    }
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let number: f64 = text[..split].parse().ok()?;
    to_millis(
        number,
        match &text[split..] {
            "" | "ms" => 1.0,
            "s" | "sec" => 1_000.0,
            "min" => 60_000.0,
            "h" => 3_600_000.0,
            _ => return None,
        },
    )
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked first")]
fn to_millis(value: f64, unit: f64) -> Option<u64> {
    let ms = (value * unit).round();
    (0.0..9e15).contains(&ms).then_some(ms as u64)
}

fn size(text: &str) -> Option<(u32, u32)> {
    let text = text.trim();
    let named = match text.to_ascii_lowercase().as_str() {
        "360" => (640, 360),
        "480" => (640, 480),
        "576" => (720, 576),
        "720" => (1280, 720),
        "1080" | "hd" => (1920, 1080),
        "2k" => (2048, 1080),
        "2160" => (3840, 2160),
        "4k" => (4096, 2160),
        "4320" => (7680, 4320),
        "8k" => (8192, 4320),
        _ => {
            let (w, h) = text.split_once('x')?;
            (w.parse().ok()?, h.parse().ok()?)
        }
    };
    (named.0 > 0 && named.1 > 0).then_some(named)
}

fn strings(text: &str) -> Vec<String> {
    let mut out = vec![String::new()];
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            ',' if chars.next_if_eq(&',').is_some() => out.last_mut().expect("never empty").push(','),
            ',' => out.push(String::new()),
            _ => out.last_mut().expect("never empty").push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: Kind, text: &str, want: Typed) {
        assert_eq!(parse(kind, Some(text)), Ok(want), "{text}");
    }

    const INT: Kind = Kind::Int { min: i64::MIN, max: i64::MAX };

    #[test]
    fn numbers_and_units() {
        check(INT, "200k", Typed::Int(200_000));
        check(INT, "1.5M", Typed::Int(1_500_000));
        check(INT, "0x10", Typed::Int(16));
        check(INT, "44sec", Typed::Int(44_000));
        check(INT, "1min", Typed::Int(60_000));
        check(INT, "44s", Typed::Int(44_000));
        check(INT, "T0:44.100", Typed::Int(44_100));
        assert!(parse(INT, Some("12abc")).is_err());
        assert!(parse(Kind::Int { min: 0, max: 5 }, Some("6")).is_err());
        check(Kind::Ints, "100k,200k", Typed::Ints(vec![100_000, 200_000]));
    }

    #[test]
    fn fractions_and_times() {
        check(Kind::Frac, "30000/1001", Typed::Frac { num: 30000, den: 1001 });
        check(Kind::Frac, "30000-1001", Typed::Frac { num: 30000, den: 1001 });
        check(Kind::Frac, "29.970", Typed::Frac { num: 2997, den: 100 });
        check(Kind::Frac, "1s", Typed::Frac { num: 1000, den: 1000 });
        check(Kind::Frac, "T00:01", Typed::Frac { num: 1000, den: 1000 });
        check(Kind::Frac, "T00:00:02.5", Typed::Frac { num: 2500, den: 1000 });
        check(Kind::Frac, "1.5s", Typed::Frac { num: 1500, den: 1000 });
        assert!(parse(Kind::Frac, Some("1.5.2")).is_err() && parse(Kind::Frac, Some("Tx:1")).is_err());
        check(Kind::Millis, "T01:02:03.5", Typed::Millis(3_723_500));
        check(Kind::Millis, "1.5s", Typed::Millis(1500));
        assert!(parse(Kind::Frac, Some("foo")).is_err());
        assert!(parse(Kind::Frac, Some("1/0")).is_err());
        assert!(parse(Kind::Millis, Some("-1")).is_err());
    }

    #[test]
    fn sizes_words_and_lists() {
        check(Kind::Sizes, "240x160,720", Typed::Sizes(vec![(240, 160), (1280, 720)]));
        assert!(parse(Kind::Size, Some("0x0")).is_err());
        check(Kind::Strs, "a,,b,c", Typed::Strs(vec!["a,b".into(), "c".into()]));
        check(Kind::Enum(&["a", "v"]), "v", Typed::Enum("v"));
        assert_eq!(parse(Kind::Bool, None), Ok(Typed::Bool(true)));
        assert_eq!(format!("{:?}", Typed::Secret("hush".into())), "Secret(***)");
    }
}
