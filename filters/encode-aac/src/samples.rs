//! Raw sound in bytes, as floats.

use weir_media::SampleFormat;

/// How the bytes of a packet are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Layout {
    pub(crate) format: SampleFormat,
    pub(crate) channels: usize,
}

impl Layout {
    /// Bytes of one sample of every channel.
    pub(crate) const fn step(self) -> usize {
        self.format.bytes() * self.channels
    }

    /// Samples of each channel in `bytes`; `None` when they end inside one.
    pub(crate) const fn count(self, bytes: usize) -> Option<usize> {
        if bytes.is_multiple_of(self.step()) { Some(bytes / self.step()) } else { None }
    }

    /// Appends the samples, interleaved as they are, made finite and within ±1.
    pub(crate) fn read(self, bytes: &[u8], to: &mut Vec<f32>) {
        match self.format {
            SampleFormat::Flt => to.extend(words(bytes).map(f32::from_le_bytes).map(sane)),
            SampleFormat::S16 => to.extend(words(bytes).map(|w| f32::from(i16::from_le_bytes(w)) / 32_768.0)),
            // A format added later is refused before it comes here.
            _ => {}
        }
    }
}

fn words<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> + '_ {
    bytes.as_chunks().0.iter().copied()
}

/// Not a number is silence; what is beyond full scale is clipped.
fn sane(x: f32) -> f32 {
    if x.is_nan() { 0.0 } else { x.clamp(-1.0, 1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_made_sane_and_integers_scaled() {
        let flt = Layout { format: SampleFormat::Flt, channels: 1 };
        let bytes: Vec<u8> =
            [0.5, f32::NAN, f32::INFINITY, -7.0, -0.25].iter().flat_map(|x: &f32| x.to_le_bytes()).collect();
        let mut out = Vec::new();
        flt.read(&bytes, &mut out);
        assert_eq!(out, [0.5, 0.0, 1.0, -1.0, -0.25]);

        let s16 = Layout { format: SampleFormat::S16, channels: 2 };
        let mut out = Vec::new();
        s16.read(&[0, 0x80, 0, 0x40], &mut out);
        assert_eq!(out, [-1.0, 0.5]);
        assert_eq!((s16.count(8), s16.count(6), s16.count(0)), (Some(2), None, Some(0)));
    }
}
