//! More or fewer channels: where each loudspeaker's sound goes.
//!
//! Layouts are the usual ones for a number of channels, in the order of RFC 9639, 9.1.3, which is that of WAV.

use Position::{BackCentre, BackLeft, BackRight, Centre, Left, Lfe, Right, SideLeft, SideRight};

/// A loudspeaker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Position {
    Left,
    Right,
    Centre,
    Lfe,
    BackLeft,
    BackRight,
    BackCentre,
    SideLeft,
    SideRight,
}

/// -3 dB: half the power.
const HALF_POWER: f32 = std::f32::consts::FRAC_1_SQRT_2;

/// The loudspeakers of so many channels.
fn layout(channels: usize) -> Vec<Position> {
    const SURROUND: [Position; 6] = [Left, Right, Centre, Lfe, BackLeft, BackRight];
    match channels {
        1 => vec![Centre],
        2 => vec![Left, Right],
        3 => vec![Left, Right, Centre],
        4 => vec![Left, Right, BackLeft, BackRight],
        5 => vec![Left, Right, Centre, BackLeft, BackRight],
        6 => SURROUND.into(),
        7 => vec![Left, Right, Centre, Lfe, BackCentre, SideLeft, SideRight],
        8 => [&SURROUND[..], &[SideLeft, SideRight]].concat(),
        _ => [Left, Right].into_iter().cycle().take(channels).collect(),
    }
}

/// Where the sound of a loudspeaker that `to` does not have goes, with what share. It ends in ones that are there: every
/// layout has a left and a right, or nothing but a centre.
fn neighbours(position: Position, to: &[Position]) -> Vec<(Position, f32)> {
    let has = |p: Position| to.contains(&p);
    let pair = |a, b| vec![(a, HALF_POWER), (b, HALF_POWER)];
    match position {
        Left | Right => vec![(Centre, HALF_POWER)],
        Centre => pair(Left, Right),
        Lfe => Vec::new(),
        BackLeft if has(SideLeft) => vec![(SideLeft, 1.0)],
        BackRight if has(SideRight) => vec![(SideRight, 1.0)],
        SideLeft if has(BackLeft) => vec![(BackLeft, 1.0)],
        SideRight if has(BackRight) => vec![(BackRight, 1.0)],
        BackLeft | SideLeft => vec![(Left, HALF_POWER)],
        BackRight | SideRight => vec![(Right, HALF_POWER)],
        BackCentre if has(BackLeft) => pair(BackLeft, BackRight),
        BackCentre if has(SideLeft) => pair(SideLeft, SideRight),
        BackCentre => vec![(Left, 0.5), (Right, 0.5)],
    }
}

/// Turns so many channels into so many others.
#[derive(Debug)]
pub(crate) struct Mixer {
    from: usize,
    to: usize,
    /// For each channel of the output, the share of each channel of the input.
    shares: Vec<f32>,
}

impl Mixer {
    pub(crate) fn new(from: usize, to: usize) -> Self {
        let outputs = layout(to);
        let mut shares = vec![0.0; from * to];
        for (input, position) in layout(from).into_iter().enumerate() {
            place(position, 1.0, &outputs, &mut |output, share| shares[output * from + input] += share);
        }
        // Full scale stays full scale: the loudest channel is neither over it nor below.
        let loudest = shares.chunks(from).map(|row| row.iter().sum::<f32>()).fold(0.0, f32::max);
        shares.iter_mut().for_each(|share| *share /= loudest);
        Self { from, to, shares }
    }

    /// Interleaved samples of the input, as such of the output.
    pub(crate) fn mix(&self, samples: &[f32]) -> Vec<f32> {
        let mut mixed = Vec::with_capacity(samples.len() / self.from * self.to);
        for frame in samples.chunks_exact(self.from) {
            let one = |row: &[f32]| row.iter().zip(frame).map(|(share, x)| share * x).sum::<f32>();
            mixed.extend(self.shares.chunks_exact(self.from).map(one));
        }
        mixed
    }
}

/// Gives the sound of a position to the outputs that it belongs to.
fn place(position: Position, share: f32, outputs: &[Position], give: &mut impl FnMut(usize, f32)) {
    match outputs.iter().position(|p| *p == position) {
        Some(at) => give(at, share),
        None => neighbours(position, outputs).into_iter().for_each(|(p, part)| place(p, share * part, outputs, give)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mixed(from: usize, to: usize, frame: &[f32]) -> Vec<f32> {
        Mixer::new(from, to).mix(frame)
    }

    fn near(a: &[f32], b: &[f32]) -> bool {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6)
    }

    #[test]
    fn mono_and_stereo() {
        assert!(near(&mixed(1, 2, &[0.5, -1.0]), &[0.5, 0.5, -1.0, -1.0]));
        assert!(near(&mixed(2, 1, &[1.0, 0.0, 0.5, 0.5]), &[0.5, 0.5]));
    }

    #[test]
    fn surround_to_stereo_keeps_the_sides_apart_and_leaves_lfe_out() {
        let full = 1.0 + 2.0 * HALF_POWER;
        let one =
            |channel: usize| mixed(6, 2, &std::array::from_fn::<f32, 6, _>(|n| f32::from(u8::from(n == channel))));
        assert!(near(&one(0), &[1.0 / full, 0.0]));
        assert!(near(&one(2), &[HALF_POWER / full, HALF_POWER / full]));
        assert!(near(&one(3), &[0.0, 0.0]));
        assert!(near(&one(5), &[0.0, HALF_POWER / full]));
        assert!(near(&mixed(2, 6, &[0.25, 0.5]), &[0.25, 0.5, 0.0, 0.0, 0.0, 0.0]));
    }

    #[test]
    fn nothing_clips_and_full_scale_stays_full_scale() {
        for from in 1..=20 {
            for to in 1..=8 {
                let loudest = mixed(from, to, &vec![1.0; from]).into_iter().fold(0.0, f32::max);
                assert!((loudest - 1.0).abs() < 1e-6, "{from} to {to}: {loudest}");
            }
        }
    }
}
