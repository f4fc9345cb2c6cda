//! The one error of this crate: a sentence, and whose fault it is.

use std::fmt;

/// Why a track cannot be written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Error {
    /// What came is damaged.
    BadInput(String),
    /// It is sound, but not written here.
    Unsupported(String),
}

/// What this crate returns.
pub type Result<T> = std::result::Result<T, Error>;

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadInput(why) | Self::Unsupported(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for Error {}
