//! Beeps at full seconds, silence elsewhere. Each sample is a function of its number alone.

use weir_media::Bytes;

use crate::settings::SoundSettings;

/// Makes packets of interleaved little-endian `f32` samples, full scale ±1.
pub(crate) struct Sound {
    settings: SoundSettings,
    /// One beep of each [`Tone`], one channel.
    beeps: [Vec<f32>; 3],
    silence: Bytes,
}

/// Which beep a second has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Tone {
    /// Even seconds: `freq`.
    Even,
    /// Odd seconds: `freq2`.
    Odd,
    /// Each tenth second: an octave above `freq`.
    Tenth,
}

impl Tone {
    /// The tone of a second of the time shown.
    pub(crate) const fn of_second(second: u64) -> Self {
        match second % 10 {
            0 => Self::Tenth,
            n if n % 2 == 1 => Self::Odd,
            _ => Self::Even,
        }
    }
}

impl Sound {
    pub(crate) fn new(settings: SoundSettings) -> Self {
        let beep = |hz| beep(hz, settings.sample_rate, settings.beep_samples());
        let beeps = [beep(settings.freq), beep(settings.freq2), beep(2 * settings.freq)];
        let silence = Bytes::from(vec![0; settings.packet_bytes()]);
        Self { settings, beeps, silence }
    }

    /// The packet whose first sample is number `first`, counted from time shown 0.
    pub(crate) fn packet(&self, first: u64) -> Bytes {
        let rate = u64::from(self.settings.sample_rate);
        let end = first + self.settings.packet_samples as u64;
        let mut data = Vec::new();
        for second in first / rate..=(end - 1) / rate {
            let beep = &self.beeps[Tone::of_second(second) as usize];
            let start = second * rate;
            let from = first.max(start);
            let to = end.min(start + beep.len() as u64);
            if from < to {
                data.resize(self.settings.packet_bytes(), 0);
                let at = |n: u64, origin: u64| usize::try_from(n - origin).expect("within a packet or a beep");
                self.mix(&mut data, at(from, first), &beep[at(from, start)..at(to, start)], second);
            }
        }
        if data.is_empty() { self.silence.clone() } else { data.into() }
    }

    /// Writes `part` of the beep of `second` into `data` from its sample `at` on.
    fn mix(&self, data: &mut [u8], at: usize, part: &[f32], second: u64) {
        let channels = self.settings.channels;
        let one = self.settings.alternate.then_some(second % channels as u64);
        for (group, value) in data.chunks_exact_mut(4 * channels).skip(at).zip(part) {
            for (sample, channel) in group.chunks_exact_mut(4).zip(0..) {
                if one.is_none_or(|c| c == channel) {
                    sample.copy_from_slice(&value.to_le_bytes());
                }
            }
        }
    }
}

/// A sine of `hz` whose loudness rises from 0 to full scale and falls back, in straight lines.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a beep is at most one second")]
fn beep(hz: u32, rate: u32, samples: usize) -> Vec<f32> {
    let sample = |n: usize| {
        let envelope = 1.0 - (2.0 * n as f64 / samples as f64 - 1.0).abs();
        let angle = std::f64::consts::TAU * f64::from(hz) * n as f64 / f64::from(rate);
        (envelope * angle.sin()) as f32
    };
    (0..samples).map(sample).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn settings(packet_samples: usize, channels: usize, alternate: bool, beep_ms: u32) -> SoundSettings {
        SoundSettings { freq: 440, freq2: 659, sample_rate: 8_000, packet_samples, channels, alternate, beep_ms }
    }

    fn samples(sound: &Sound, first: u64) -> Vec<f32> {
        sound.packet(first).chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().expect("four bytes"))).collect()
    }

    #[test]
    fn a_beep_rises_and_falls_and_keeps_within_full_scale() {
        let b = beep(440, 44_100, 2_205);
        let peak = |r: std::ops::Range<usize>| b[r].iter().fold(0.0_f32, |m, s| m.max(s.abs()));
        assert!(peak(0..220) < 0.21 && peak(1_000..1_200) > 0.9 && peak(2_000..2_205) < 0.2);
        assert!(peak(0..2_205) <= 1.0);
        assert_eq!(b[0].to_bits(), 0);
    }

    #[test]
    fn seconds_alternate_between_channels() {
        let sound = Sound::new(settings(8_000, 2, true, 50));
        for second in 0..4 {
            let s = samples(&sound, second * 8_000);
            let loud = |c: usize| s.iter().skip(c).step_by(2).any(|v| *v != 0.0);
            assert_eq!((loud(0), loud(1)), (second % 2 == 0, second % 2 == 1), "second {second}");
        }
    }

    #[test]
    fn beeps_stay_on_their_second_for_years() {
        let sound = Sound::new(settings(8, 1, false, 50));
        for second in [1, 4_294_967_296, 31_557_600_000] {
            assert!(samples(&sound, second * 8_000 - 8).iter().all(|s| *s == 0.0));
            let s = samples(&sound, second * 8_000);
            assert!(s[0] == 0.0 && s[1..].iter().all(|s| *s != 0.0), "second {second}: {s:?}");
        }
    }

    proptest! {
        #[test]
        fn packets_are_windows_of_one_signal(len in 1_usize..3_000, first in 0_u64..200_000, beep_ms in 0_u32..=1_000) {
            let whole = Sound::new(settings(len, 1, false, beep_ms));
            let single = Sound::new(settings(1, 1, false, beep_ms));
            let got = samples(&whole, first);
            prop_assert_eq!(got.len(), len);
            for i in [0, len / 2, len - 1] {
                prop_assert_eq!(got[i].to_bits(), samples(&single, first + i as u64)[0].to_bits());
            }
        }
    }
}
