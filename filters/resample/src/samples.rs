//! Raw sound in bytes, as floats and back.

use weir_media::{Prop, Props, SampleFormat, Value};
use weir_plugin::{Error, Result};

/// Most channels of sound: what raw files may have.
const MAX_CHANNELS: u32 = 64;
/// Sample rates that are read, Hz: the highest is that of raw files.
const RATES: std::ops::RangeInclusive<u32> = 1..=768_000;

/// What raw sound is made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Sound {
    /// Hz.
    pub(crate) rate: u32,
    pub(crate) channels: usize,
    pub(crate) format: SampleFormat,
}

impl Sound {
    /// What a PID with these properties holds.
    ///
    /// # Errors
    /// What is missing, or out of bounds.
    pub(crate) fn of(props: &Props) -> Result<Self> {
        let need = |prop: Prop| {
            props.u32(prop).ok_or_else(|| Error::bad_input(format!("raw sound came without {}", prop.name())))
        };
        let (rate, channels) = (need(Prop::SampleRate)?, need(Prop::NumChannels)?);
        let Some(Value::Sample(format)) = props.get(Prop::AudioFormat) else {
            return Err(Error::bad_input("raw sound came without AudioFormat"));
        };
        if !matches!(format, SampleFormat::Flt | SampleFormat::S16) {
            return Err(Error::unsupported(format!("samples are flt or s16 here, not {}", format.name())));
        }
        if !RATES.contains(&rate) || !(1..=MAX_CHANNELS).contains(&channels) {
            return Err(Error::unsupported(format!("sound of {channels} channels at {rate} Hz is out of bounds")));
        }
        Ok(Self { rate, channels: channels as usize, format: *format })
    }

    /// Samples of each channel in `bytes`.
    ///
    /// # Errors
    /// When they end inside one.
    pub(crate) fn count(&self, bytes: &[u8]) -> Result<usize> {
        let step = self.format.bytes() * self.channels;
        if bytes.len().is_multiple_of(step) {
            return Ok(bytes.len() / step);
        }
        let Self { channels, format, .. } = self;
        let (len, name) = (bytes.len(), format.name());
        Err(Error::bad_input(format!("{len} bytes are not whole {name} samples of {channels} channels")))
    }
}

/// Samples as floats, full scale ±1. What is not a number is silence.
pub(crate) fn read(format: SampleFormat, bytes: &[u8]) -> Vec<f32> {
    let sane = |x: f32| if x.is_finite() { x } else { 0.0 };
    match format {
        SampleFormat::S16 => words(bytes).map(|w| f32::from(i16::from_le_bytes(w)) / 32_768.0).collect(),
        _ => words(bytes).map(|w| sane(f32::from_le_bytes(w))).collect(),
    }
}

/// Floats as samples. Integers are rounded, and clipped at full scale.
pub(crate) fn write(format: SampleFormat, samples: &[f32]) -> Vec<u8> {
    match format {
        SampleFormat::S16 => samples.iter().flat_map(|x| to_s16(*x).to_le_bytes()).collect(),
        _ => samples.iter().flat_map(|x| x.to_le_bytes()).collect(),
    }
}

fn words<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> + '_ {
    bytes.as_chunks().0.iter().copied()
}

/// The inverse of dividing by 32768.
#[expect(clippy::cast_possible_truncation, reason = "clamped to the range")]
fn to_s16(x: f32) -> i16 {
    (x * 32_768.0).round().clamp(-32_768.0, 32_767.0) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_integer_comes_back() {
        let bytes: Vec<u8> = (i16::MIN..=i16::MAX).flat_map(i16::to_le_bytes).collect();
        assert_eq!(write(SampleFormat::S16, &read(SampleFormat::S16, &bytes)), bytes);
    }

    #[test]
    fn floats_are_made_finite_and_clip_only_as_integers() {
        let bytes = write(SampleFormat::Flt, &[f32::NAN, f32::INFINITY, 2.0, -0.25]);
        let samples = read(SampleFormat::Flt, &bytes);
        assert_eq!(samples, [0.0, 0.0, 2.0, -0.25]);
        let clipped = read(SampleFormat::S16, &write(SampleFormat::S16, &samples));
        assert_eq!(clipped, [0.0, 0.0, 32_767.0 / 32_768.0, -0.25]);
    }
}
