//! The filter `volume`: every sample times a factor, clipped at full scale.

use weir_media::{Packet, Payload, Props};
use weir_plugin::{Ctx, Error, Filter, OneToOne, OutId, Result, Status};

use crate::samples::{self, Sound};

/// Packets taken in one call of `process`.
const PACKETS_PER_CALL: usize = 32;
/// Greatest factor: 60 dB, beyond which nothing is left but clipping.
const MAX_GAIN: f32 = 1_000.0;

/// The factor that a text stands for: `0.5`, or `-6dB`.
pub(crate) fn gain(text: &str) -> Result<f32> {
    let lower = text.to_ascii_lowercase();
    let factor = match lower.strip_suffix("db") {
        Some(decibels) => decibels.trim().parse::<f32>().ok().map(|db| 10_f32.powf(db / 20.0)),
        None => lower.parse().ok(),
    };
    // 60 dB is a little over 1000 in floats.
    factor.filter(|f| (0.0..=MAX_GAIN * 1.000_1).contains(f)).ok_or_else(|| {
        Error::bad_option(format!("gain={text} is no factor such as 0.5, nor decibels such as -6dB, up to 60dB"))
    })
}

/// The running filter.
pub(crate) struct Gain {
    gain: f32,
    sound: Option<Sound>,
    out: Option<OutId>,
}

impl Gain {
    pub(crate) const fn new(gain: f32) -> Self {
        Self { gain, sound: None, out: None }
    }
}

impl Filter for Gain {
    fn process(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        self.work(ctx, PACKETS_PER_CALL)
    }
}

impl OneToOne for Gain {
    fn out(&self) -> Option<OutId> {
        self.out
    }

    fn props(&mut self, ctx: &mut Ctx<'_>, props: Props) -> Result<()> {
        self.sound = Some(Sound::of(&props)?);
        match self.out {
            Some(out) => ctx.set_props(out, props),
            None => self.out = Some(ctx.open(props)),
        }
        Ok(())
    }

    fn packet(&mut self, ctx: &mut Ctx<'_>, mut packet: Packet) -> Result<()> {
        let (Some(sound), Some(out)) = (self.sound, self.out) else { return Ok(()) };
        let Some(bytes) = packet.bytes() else { return Err(Error::bad_input("a picture came where sound should be")) };
        sound.count(bytes)?;
        let louder = |x: f32| (x * self.gain).clamp(-1.0, 1.0);
        let samples: Vec<f32> = samples::read(sound.format, bytes).into_iter().map(louder).collect();
        packet.data = Payload::Bytes(samples::write(sound.format, &samples).into());
        ctx.send(out, packet);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_and_decibels() {
        let near = |text, want: f32| (gain(text).expect("a gain") - want).abs() < 1e-4;
        assert!(near("0.5", 0.5) && near("-6dB", 0.501_187) && near("6.0206 DB", 2.0) && near("0", 0.0));
        assert!(gain("60dB").is_ok() && gain("1000").is_ok());
        for wrong in ["", "loud", "-1", "61dB", "NaN", "inf", "-infdB x", "1e9"] {
            assert!(gain(wrong).is_err(), "{wrong}");
        }
    }
}
