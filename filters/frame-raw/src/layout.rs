//! [`Layout`]: how a file keeps a sample, and what a packet makes of it. Pure.

use weir_media::{Bytes, SampleFormat};

/// Names of layouts, GPAC's, in the order of [`Layout::ALL`].
pub(crate) const NAMES: &[&str] = &["u8", "s16", "s24", "s32", "flt", "dbl"];

/// One sample of one channel, little endian.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Layout {
    /// Unsigned, 128 is silence.
    U8,
    S16,
    S24,
    S32,
    Flt,
    Dbl,
}

impl Layout {
    const ALL: [Self; 6] = [Self::U8, Self::S16, Self::S24, Self::S32, Self::Flt, Self::Dbl];

    /// The layout of a name of [`NAMES`].
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        NAMES.iter().position(|n| *n == name).map(|i| Self::ALL[i])
    }

    /// Bytes of one sample of one channel.
    pub(crate) const fn bytes(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::S16 => 2,
            Self::S24 => 3,
            Self::S32 | Self::Flt => 4,
            Self::Dbl => 8,
        }
    }

    /// What packets hold.
    pub(crate) const fn format(self) -> SampleFormat {
        match self {
            Self::U8 | Self::S16 => SampleFormat::S16,
            Self::S24 | Self::S32 | Self::Flt | Self::Dbl => SampleFormat::Flt,
        }
    }

    /// Samples as packets hold them.
    pub(crate) fn convert(self, data: Vec<u8>) -> Bytes {
        /// 1.0 as a signed integer of 32 bits.
        const FULL: f64 = 2_147_483_648.0;
        match self {
            Self::S16 | Self::Flt => data.into(),
            Self::U8 => data.iter().flat_map(|b| (i16::from(*b) - 128).wrapping_mul(256).to_le_bytes()).collect(),
            Self::S24 => floats::<3>(&data, |[a, b, c]| f64::from(i32::from_le_bytes([0, a, b, c])) / FULL),
            Self::S32 => floats::<4>(&data, |sample| f64::from(i32::from_le_bytes(sample)) / FULL),
            Self::Dbl => floats::<8>(&data, f64::from_le_bytes),
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a float of 32 bits is what packets hold")]
fn floats<const N: usize>(data: &[u8], value: impl Fn([u8; N]) -> f64) -> Bytes {
    data.as_chunks().0.iter().flat_map(|sample| (value(*sample) as f32).to_le_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_layout_becomes_one_that_packets_hold() {
        let s16 = |data: &[u8], layout: Layout| -> Vec<i16> {
            layout.convert(data.to_vec()).as_chunks().0.iter().map(|s| i16::from_le_bytes(*s)).collect()
        };
        let flt = |data: &[u8], layout: Layout| -> Vec<f32> {
            layout.convert(data.to_vec()).as_chunks().0.iter().map(|s| f32::from_le_bytes(*s)).collect()
        };
        assert_eq!(s16(&[0, 128, 255], Layout::U8), [-32_768, 0, 32_512]);
        assert_eq!(s16(&[1, 0, 0xff, 0xff], Layout::S16), [1, -1]);
        assert_eq!(flt(&[0, 0, 0x80, 0, 0, 0x40], Layout::S24), [-1.0, 0.5]);
        assert_eq!(flt(&i32::MIN.to_le_bytes(), Layout::S32), [-1.0]);
        assert_eq!(flt(&0.25f32.to_le_bytes(), Layout::Flt), [0.25]);
        assert_eq!(flt(&(-0.75f64).to_le_bytes(), Layout::Dbl), [-0.75]);
        assert!(NAMES.iter().all(|name| Layout::from_name(name).is_some()));
    }
}
