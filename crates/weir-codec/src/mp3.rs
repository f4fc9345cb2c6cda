//! MPEG-1 and MPEG-2 audio: the head of a frame (ISO/IEC 11172-3 2.4.1.3). Frames are not decoded.

use crate::bits::BitReader;
use crate::{Error, ErrorKind};

/// Hz of MPEG-1; MPEG-2 has half of it, MPEG-2.5 a quarter.
const RATES: [u32; 3] = [44_100, 48_000, 32_000];
/// mode of a single channel.
const MONO: u8 = 3;

/// The head of one frame.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct FrameHeader {
    /// 1 to 3.
    pub layer: u8,
    /// Hz.
    pub sample_rate: u32,
    /// 1 or 2.
    pub channels: u8,
    /// Samples of each channel.
    pub samples: u32,
    /// MPEG-2 or 2.5, which halve the rate.
    pub low_rate: bool,
}

impl FrameHeader {
    /// Reads the head of a frame.
    ///
    /// # Errors
    /// When it ends early, does not begin with the sync word, or has values that are reserved.
    pub fn parse(frame: &[u8]) -> Result<Self, Error> {
        let mut r = BitReader::plain(frame);
        let sync = r.bits(11, "syncword")?;
        if sync != 0x7ff {
            return Err(Error::at_byte(ErrorKind::Invalid(sync.into()), "syncword", 0));
        }
        let invalid = |value: u8, element| Error::at_byte(ErrorKind::Invalid(value.into()), element, 1);
        let halvings = match r.small(2, "ID")? {
            0 => 2,
            2 => 1,
            3 => 0,
            id => return Err(invalid(id, "ID")),
        };
        let layer = 4 - r.small(2, "layer")?;
        if layer == 4 {
            return Err(invalid(0, "layer"));
        }
        r.bits(5, "bitrate_index")?;
        let index = r.small(2, "sampling_frequency")?;
        let rate = RATES.get(usize::from(index)).ok_or_else(|| invalid(index, "sampling_frequency"))?;
        r.bits(2, "padding_bit")?;
        let mode = r.small(2, "mode")?;
        let samples = match layer {
            1 => 384,
            3 if halvings > 0 => 576,
            _ => 1152,
        };
        let channels = if mode == MONO { 1 } else { 2 };
        Ok(Self { layer, sample_rate: rate >> halvings, channels, samples, low_rate: halvings > 0 })
    }
}
