//! rubato's resamplers: samples in, samples at another rate out, their delay taken out, exactly as many as there should be.

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Async, Fft, FixedAsync, FixedSync, Indexing, Resampler, SincInterpolationParameters, WindowFunction};

/// Samples in a block of a transform, at least, on either side: fewer make a poor filter.
const MIN_BLOCK: usize = 320;
/// Most samples in a block of a transform: more would be a delay of a quarter of a second. Rates that have no common
/// block as short as this are resampled by a sinc filter, which costs more.
const MAX_BLOCK: usize = 12_288;
/// Samples in a block of the sinc filter.
const SINC_BLOCK: usize = 512;
/// Length of the sinc filter in samples of the lower rate, and its limit in those of the input.
const SINC_LEN: (usize, usize) = (256, 2_048);
/// Most that one rate may be of the other: beyond that there is no sound left, and a second would be an hour's work.
const MAX_RATIO: u32 = 512;

/// A resampler in use.
pub(crate) struct Rate {
    resampler: Box<dyn Resampler<f32>>,
    channels: usize,
    /// Rates as a fraction: samples put in times `to / from` come out.
    from: u64,
    to: u64,
    /// Interleaved samples; those from `next` on are not yet used.
    waiting: Vec<f32>,
    next: usize,
    /// Samples of each channel put in.
    taken: u64,
    /// Samples of each channel that came out.
    given: u64,
    /// Samples of each channel that come out before the first one that was put in.
    delay: usize,
    /// Those of them still to be cut off.
    left_of_delay: usize,
    /// Room for a block.
    block: Vec<f32>,
}

impl Rate {
    /// # Errors
    /// Why these rates cannot be turned into each other.
    pub(crate) fn new(from: u32, to: u32, channels: usize) -> Result<Self, String> {
        if from.max(to) / from.min(to) >= MAX_RATIO {
            return Err(format!("one is more than {MAX_RATIO} times the other"));
        }
        let (resampler, delay) = resampler(from as usize, to as usize, channels)?;
        Ok(Self {
            delay,
            left_of_delay: delay,
            block: vec![0.0; resampler.output_frames_max() * channels],
            resampler,
            channels,
            from: from.into(),
            to: to.into(),
            waiting: Vec::new(),
            next: 0,
            taken: 0,
            given: 0,
        })
    }

    /// As new, for sound that does not follow what was put in so far.
    pub(crate) fn reset(&mut self) {
        self.resampler.reset();
        self.left_of_delay = self.delay;
        self.waiting.clear();
        (self.next, self.taken, self.given) = (0, 0, 0);
    }

    /// Puts interleaved samples in.
    pub(crate) fn push(&mut self, samples: &[f32]) {
        self.waiting.drain(..self.next);
        self.next = 0;
        self.waiting.extend_from_slice(samples);
        self.taken += (samples.len() / self.channels) as u64;
    }

    /// Resamples the next whole block; `None` when there is none. What comes out may be empty at first.
    pub(crate) fn pull(&mut self) -> Result<Option<Vec<f32>>, String> {
        let need = self.resampler.input_frames_next();
        if self.waiting() < need { Ok(None) } else { self.process(need).map(Some) }
    }

    /// Brings out the rest, block by block; `None` when all that was put in has come out. Nothing may be put in after.
    pub(crate) fn finish(&mut self) -> Result<Option<Vec<f32>>, String> {
        if self.given >= self.due() {
            return Ok(None);
        }
        let have = self.waiting().min(self.resampler.input_frames_next());
        let mut samples = self.process(have)?;
        let extra = usize::try_from(self.given.saturating_sub(self.due())).unwrap_or(0);
        samples.truncate(samples.len().saturating_sub(extra * self.channels));
        Ok(Some(samples))
    }

    /// Samples of each channel put in.
    pub(crate) const fn taken(&self) -> u64 {
        self.taken
    }

    /// Samples of each channel that came out.
    pub(crate) const fn given(&self) -> u64 {
        self.given
    }

    /// Samples of each channel that come out of what was put in, to the nearest.
    const fn due(&self) -> u64 {
        (self.taken * self.to + self.from / 2) / self.from
    }

    fn waiting(&self) -> usize {
        (self.waiting.len() - self.next) / self.channels
    }

    /// Resamples `have` samples, and silence after them up to a block.
    fn process(&mut self, have: usize) -> Result<Vec<f32>, String> {
        let channels = self.channels;
        let input = &self.waiting[self.next..self.next + have * channels];
        let input = InterleavedSlice::new(input, channels, have).map_err(|e| e.to_string())?;
        let frames = self.block.len() / channels;
        let mut output = InterleavedSlice::new_mut(&mut self.block, channels, frames).map_err(|e| e.to_string())?;
        let indexing = Indexing::new().partial_len(have);
        let done = self.resampler.process_into_buffer(&input, &mut output, Some(&indexing));
        let (_, made) = done.map_err(|e| e.to_string())?;
        self.next += have * channels;
        let cut = self.left_of_delay.min(made);
        self.left_of_delay -= cut;
        self.given += (made - cut) as u64;
        Ok(self.block[cut * channels..made * channels].to_vec())
    }
}

/// A transform where the rates have a block in common, which is quick and exact, or else a sinc filter; and its delay,
/// samples. That of a sinc filter is exact to half a sample.
fn resampler(from: usize, to: usize, channels: usize) -> Result<(Box<dyn Resampler<f32>>, usize), String> {
    let common = gcd(from, to);
    let (a, b) = (from / common, to / common);
    // An even number of smallest blocks, so that the delay, half a block, is whole.
    let blocks = MIN_BLOCK.div_ceil(a.min(b)).next_multiple_of(2);
    if blocks * a.max(b) <= MAX_BLOCK {
        let fft = Fft::new(from, to, blocks * a, channels, FixedSync::Both).map_err(|e| e.to_string())?;
        let delay = fft.output_delay();
        return Ok((Box::new(fft), delay));
    }
    let len = (SINC_LEN.0 * from.div_ceil(to)).min(SINC_LEN.1);
    let parameters = SincInterpolationParameters::new(len, WindowFunction::BlackmanHarris2);
    let sinc = Async::new_sinc(to as f64 / from as f64, 1.0, &parameters, SINC_BLOCK, channels, FixedAsync::Input);
    // Half the filter, but the first sample that comes out is one step of the output into it.
    let delay = (len * to + from) / (2 * from) - 1;
    Ok((Box::new(sinc.map_err(|e| e.to_string())?), delay))
}

const fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;

    /// A second of a sine, resampled in uneven pieces.
    fn resampled(from: u32, to: u32, hz: f64) -> Vec<f32> {
        let mut rate = Rate::new(from, to, 1).expect("possible");
        let wave: Vec<f32> = (0..from).map(|n| (TAU * hz * f64::from(n) / f64::from(from)).sin() as f32).collect();
        let mut out = Vec::new();
        for piece in wave.chunks(777) {
            rate.push(piece);
            while let Some(samples) = rate.pull().expect("works") {
                out.extend(samples);
            }
        }
        while let Some(samples) = rate.finish().expect("works") {
            out.extend(samples);
        }
        assert_eq!(rate.taken(), u64::from(from));
        out
    }

    /// The greatest error against the true sine, away from the ends, where the sound is cut off.
    fn error(to: u32, hz: f64, samples: &[f32]) -> f64 {
        let edge = to as usize / 20;
        let truth = |n: usize| (TAU * hz * n as f64 / f64::from(to)).sin();
        let inner = samples.iter().enumerate().skip(edge).take(samples.len() - 2 * edge);
        inner.map(|(n, x)| (f64::from(*x) - truth(n)).abs()).fold(0.0, f64::max)
    }

    #[test]
    fn a_sine_stays_that_sine_in_place_and_length() {
        let cases = [
            (44_100, 48_000),
            (48_000, 44_100),
            (96_000, 48_000),
            (192_000, 44_100),
            (22_050, 48_000),
            (8_000, 96_000),
            (8_000, 44_100),
            (11_025, 16_000),
        ];
        for (from, to) in cases {
            let samples = resampled(from, to, 441.0);
            assert_eq!(samples.len(), to as usize, "{from} to {to}");
            assert!(error(to, 441.0, &samples) < 1e-4, "{from} to {to}: {}", error(to, 441.0, &samples));
        }
    }

    #[test]
    fn rates_without_a_common_block_are_exact_to_half_a_sample() {
        for (from, to) in [(44_100, 48_001), (47_999, 48_000), (48_000, 22_051), (96_001, 8_000), (768_000, 8_000)] {
            let samples = resampled(from, to, 441.0);
            assert_eq!(samples.len(), to as usize, "{from} to {to}");
            let half = (TAU * 441.0 / f64::from(to) / 2.0).sin();
            assert!(error(to, 441.0, &samples) < half + 1e-3, "{from} to {to}: {}", error(to, 441.0, &samples));
        }
    }

    #[test]
    fn what_the_lower_rate_cannot_hold_is_gone() {
        let loudest = |samples: Vec<f32>| samples[400..samples.len() - 400].iter().fold(0.0_f32, |a, x| a.max(x.abs()));
        assert!(loudest(resampled(48_000, 8_000, 6_000.0)) < 1e-3, "an alias would be at 2000 Hz");
        assert!(loudest(resampled(48_000, 8_001, 6_000.0)) < 1e-3);
        assert!(loudest(resampled(48_000, 44_100, 15_000.0)) > 0.95, "and what it can hold stays");
    }

    #[test]
    fn rates_too_far_apart_are_refused() {
        assert!(Rate::new(1, 8_000, 1).is_err());
        assert!(Rate::new(768_000, 1_000, 2).is_err());
        assert!(Rate::new(96, 8_000, 2).is_ok());
    }
}
