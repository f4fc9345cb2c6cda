//! MPEG-1 and MPEG-2 audio: the head of a frame (ISO/IEC 11172-3 2.4.1.3). Frames are not decoded.

use crate::bits::BitReader;
use crate::{Error, ErrorKind};

/// Hz of MPEG-1; MPEG-2 has half of it, MPEG-2.5 a quarter.
const RATES: [u32; 3] = [44_100, 48_000, 32_000];
/// kbit/s by bitrate_index (2.4.2.3): of layers 1 to 3 of MPEG-1, and of layer 1 and the others at lower rates.
const KBPS: [[u16; 14]; 5] = [
    [32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
    [32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
    [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
    [32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
    [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
];
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
    /// Bytes of the whole frame; `None` when it does not tell (free format).
    pub size: Option<usize>,
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
        r.bits(1, "protection_bit")?;
        let bitrate = r.small(4, "bitrate_index")?;
        let index = r.small(2, "sampling_frequency")?;
        let rate = RATES.get(usize::from(index)).ok_or_else(|| invalid(index, "sampling_frequency"))?;
        let has_padding = r.flag("padding_bit")?;
        r.bits(1, "private_bit")?;
        let mode = r.small(2, "mode")?;
        let samples = match layer {
            1 => 384,
            3 if halvings > 0 => 576,
            _ => 1152,
        };
        let channels = if mode == MONO { 1 } else { 2 };
        let (sample_rate, low_rate) = (rate >> halvings, halvings > 0);
        let size = kbps(layer, low_rate, bitrate).map(|kbps| size(layer, kbps, sample_rate, samples, has_padding));
        Ok(Self { layer, sample_rate, channels, samples, low_rate, size })
    }
}

fn kbps(layer: u8, low_rate: bool, index: u8) -> Option<u32> {
    let table = match (low_rate, layer) {
        (false, layer) => usize::from(layer) - 1,
        (true, 1) => 3,
        (true, _) => 4,
    };
    KBPS[table].get(usize::from(index).checked_sub(1)?).map(|kbps| u32::from(*kbps))
}

/// 2.4.3.1: slots of four bytes in layer 1, of one in the others.
fn size(layer: u8, kbps: u32, sample_rate: u32, samples: u32, has_padding: bool) -> usize {
    let slot = if layer == 1 { 4 } else { 1 };
    let slots = samples / 8 / slot * kbps * 1000 / sample_rate + u32::from(has_padding);
    (slots * slot) as usize
}
