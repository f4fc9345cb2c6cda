//! What the filter needs of an AAC library.

#[cfg(feature = "fdk")]
use crate::fdk::Fdk;
#[cfg(feature = "syom")]
use crate::syom::Syom;

/// Samples of each channel in a frame.
pub(crate) const FRAME: usize = 1024;

/// Names of the libraries built in, the preferred one first.
pub(crate) const LIBRARIES: &[&str] = &[
    #[cfg(feature = "fdk")]
    "fdk",
    #[cfg(feature = "syom")]
    "syom",
];

/// The library taken when none is named.
pub(crate) const DEFAULT_LIBRARY: &str = match LIBRARIES {
    [first, ..] => first,
    [] => "",
};

/// What to encode.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Config {
    /// Hz.
    pub(crate) sample_rate: u32,
    /// 1 or 2.
    pub(crate) channels: usize,
    /// Bits per second.
    pub(crate) rate: u32,
}

/// An open encoder of one library.
pub(crate) trait Codec: Send {
    /// The AudioSpecificConfig of the stream (ISO 14496-3, 1.6.2.1).
    fn config(&self) -> &[u8];

    /// Samples of each channel that a decoder gives out before the first one that was put in.
    fn priming(&self) -> u32;

    /// Encodes [`FRAME`] interleaved samples of each channel, finite and within ±1. Frames that became ready are
    /// appended to `out`, in order; none at first, when the library looks ahead.
    fn encode(&mut self, block: &[f32], out: &mut Vec<Vec<u8>>) -> Result<(), String>;
}

/// Opens an encoder of a library named in [`LIBRARIES`].
pub(crate) fn open(library: &str, config: Config) -> Result<Box<dyn Codec>, String> {
    match library {
        #[cfg(feature = "fdk")]
        "fdk" => Ok(Box::new(Fdk::new(config)?)),
        #[cfg(feature = "syom")]
        "syom" => Ok(Box::new(Syom::new(config)?)),
        other => Err(format!("the library {other} is not built in")),
    }
}
