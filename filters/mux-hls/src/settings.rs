//! What the options say, checked once.

use weir_media::{Bundle, Frac, Prop, Value};
use weir_plugin::interleave::MICROS;
use weir_plugin::{Error, Options, Result};

/// Longest segment, and part, that may be asked for, microseconds: a day and a minute are beyond every use.
const SEGMENT_MAX: i64 = 24 * 3600 * 1_000_000;
const PART_MAX: i64 = 60 * 1_000_000;

/// What segments are made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Segments {
    Mp4,
    Ts,
}

/// How parts of segments are told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Parts {
    /// Not at all.
    Off,
    /// Each is a file.
    Files,
    /// Each is a range of its segment.
    Ranges,
}

/// What the user asked for. Times are in microseconds.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// What all names begin with.
    pub(crate) stem: String,
    pub(crate) segments: Segments,
    pub(crate) segment: i64,
    pub(crate) chunk: i64,
    /// How far a live playlist goes back; `None` for all the way.
    pub(crate) window: Option<i64>,
    pub(crate) keep: bool,
    /// `None` when the session decides.
    pub(crate) live: Option<bool>,
    pub(crate) parts: Parts,
    /// The server holds requests.
    pub(crate) blocks: bool,
    /// How long one track waits for the others, where that is said.
    pub(crate) ileave: Option<i64>,
}

fn micros(time: Frac) -> i64 {
    i64::try_from(i128::from(time.num) * i128::from(MICROS) / i128::from(time.den.max(1))).unwrap_or(i64::MAX)
}

impl Settings {
    pub(crate) fn new(options: &Options, bundle: Option<&Bundle>) -> Result<Self> {
        let length = |name: &str, most: i64| {
            let given = options.frac(name).map(micros).filter(|t| (1000..=most).contains(t));
            given.ok_or_else(|| Error::bad_option(format!("{name} is from 0.001 to {} seconds", most / 1_000_000)))
        };
        let ileave = options.millis("ileave").map(|ms| i64::try_from(ms.saturating_mul(1000)).unwrap_or(i64::MAX));
        Ok(Self {
            stem: stem(options.text("dst").unwrap_or_default()),
            segments: if makes_ts(bundle) { Segments::Ts } else { Segments::Mp4 },
            segment: length("segdur", SEGMENT_MAX)?,
            chunk: length("cdur", PART_MAX)?,
            window: options.frac("tsb").map(micros).filter(|t| *t >= 0),
            keep: options.bool("keep_segs").unwrap_or_default(),
            live: match options.word("dmode") {
                Some("static") => Some(false),
                Some("dynamic") => Some(true),
                _ => None,
            },
            parts: match options.word("llhls") {
                Some("sf") => Parts::Files,
                Some("br") => Parts::Ranges,
                _ => Parts::Off,
            },
            blocks: options.bool("ll_block").unwrap_or_default(),
            ileave,
        })
    }
}

/// Whether the output that it was inserted for wants transport streams.
fn makes_ts(bundle: Option<&Bundle>) -> bool {
    let segments = bundle.and_then(|b| b.outputs.iter().find(|cap| cap.prop == Prop::Mime));
    segments.is_some_and(|cap| cap.value == Value::from(crate::TS))
}

/// `live` of `out/live.m3u8`.
fn stem(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or_default();
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    if stem.is_empty() { "out".to_owned() } else { stem.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_of_that_of_the_playlist() {
        for (path, name) in [("out/live.m3u8", "live"), ("a.b.m3u8", "a.b"), ("x/.m3u8", "out"), ("", "out")] {
            assert_eq!(stem(path), name);
        }
    }
}
