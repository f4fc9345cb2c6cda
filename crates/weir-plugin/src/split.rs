//! [`Split`]: for muxers, when a recording goes on in a new file. It knows no format and writes nothing.
//!
//! A muxer asks it before each packet that a file can begin with, and when it says so, completes the file, begins anew, and
//! marks the first packet of the new file with [`Piece::Next`](weir_media::Piece::Next).

use crate::{Error, Kind, OptionDef, Options, Result};

/// Microseconds per second.
const SECOND: i128 = 1_000_000;
/// A file may end this much before its time, microseconds: containers round.
const EARLY: i64 = 1_000;

/// How long, and how large, a file may get.
#[derive(Clone, Debug, Default)]
pub struct Split {
    /// Microseconds.
    length: Option<i64>,
    bytes: Option<u64>,
    /// When the file began, microseconds.
    since: Option<i64>,
}

impl Split {
    /// The option for the length of a file.
    pub const LENGTH: OptionDef = OptionDef::new(
        "split",
        Kind::Frac,
        "",
        "Seconds of a file: the first key picture behind them begins a new one. See fout for their names",
    );
    /// The option for its size.
    pub const SIZE: OptionDef = OptionDef::new(
        "split_size",
        Kind::Int { min: 1, max: i64::MAX },
        "",
        "Bytes of a file: the first key picture behind them begins a new one",
    );

    /// What the options say.
    ///
    /// # Errors
    /// A length that is not more than 0.
    pub fn new(options: &Options) -> Result<Self> {
        let length = options.frac(Self::LENGTH.name);
        if length.is_some_and(|l| l.num <= 0) {
            return Err(Error::bad_option("split is more than 0 seconds"));
        }
        let micros = |l: weir_media::Frac| i128::from(l.num) * SECOND / i128::from(l.den.max(1));
        Ok(Self {
            length: length.map(|l| i64::try_from(micros(l)).unwrap_or(i64::MAX)),
            bytes: options.int(Self::SIZE.name).and_then(|n| u64::try_from(n).ok()),
            since: None,
        })
    }

    /// Whether there is ever to be a new file.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.length.is_some() || self.bytes.is_some()
    }

    /// A file begins at this time for another reason.
    pub fn restart(&mut self, at: i64) {
        self.since = Some(at);
    }

    /// Whether a new file is to begin with a packet at this time, in microseconds, where the file has `size` bytes now. The
    /// first call, and each that says so, are the start of a file.
    pub fn is_due(&mut self, at: i64, size: u64) -> bool {
        let since = *self.since.get_or_insert(at);
        let is_long = self.length.is_some_and(|length| at - since >= length.saturating_sub(EARLY));
        let is_large = self.bytes.is_some_and(|bytes| size >= bytes);
        let is_due = at > since && (is_long || is_large);
        if is_due {
            self.since = Some(at);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[OptionDef] = &[Split::LENGTH, Split::SIZE];

    fn split(args: &[(&str, &str)]) -> Result<Split> {
        let mut options = Options::defaults(TABLE);
        for (name, text) in args {
            options.apply(name, Some(text)).expect("it fits");
        }
        Split::new(&options)
    }

    #[test]
    fn a_file_ends_by_length_or_size() {
        let starts = |args: &[(&str, &str)]| -> Vec<i64> {
            let mut split = split(args).expect("good");
            let mut size = 0;
            let due = |at: &i64| {
                size += 100;
                let is_due = split.is_due(at * 1_000_000, size);
                if is_due {
                    size = 0;
                }
                is_due
            };
            (5..20).filter(due).collect()
        };
        assert_eq!(starts(&[]), [] as [i64; 0]);
        assert_eq!(starts(&[("split", "4")]), [9, 13, 17]);
        assert_eq!(starts(&[("split", "2.5")]), [8, 11, 14, 17]);
        assert_eq!(starts(&[("split_size", "600")]), [10, 16]);
        assert_eq!(starts(&[("split", "8"), ("split_size", "1k")]), [13]);
        assert_eq!(starts(&[("split_size", "1")])[..3], [6, 7, 8], "a file is never empty");
    }

    #[test]
    fn no_length_is_refused() {
        assert!(split(&[("split", "0")]).is_err() && split(&[("split", "-1")]).is_err());
    }
}
