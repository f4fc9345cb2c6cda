//! The dial: a disc that a sweep fills clockwise once a second, each time with the other shade. Its geometry is worked
//! out once; drawing it is one pass over its square with no division and no trigonometry.

use crate::canvas::{Canvas, mix, to_f32};

/// Shades that take turns.
const LIGHT: u8 = 225;
const DARK: u8 = 100;

/// A dial of one size at one place.
pub(crate) struct Dial {
    /// Top left corner of its square.
    corner: (usize, usize),
    side: usize,
    spots: Vec<Spot>,
}

/// Geometry of one pixel of the square.
#[derive(Clone, Copy)]
struct Spot {
    /// Angle from the top, clockwise, 1/65536 turns.
    angle: u16,
    /// Length of 1/65536 turn at this radius in 1/65536 pixels: makes the edge of the sweep one pixel soft everywhere.
    arc: u16,
    /// Share of the pixel within the disc, of 256.
    cover: u16,
}

impl Dial {
    /// Bytes that a dial of this radius keeps.
    pub(crate) const fn bytes(radius: usize) -> usize {
        4 * radius * radius * size_of::<Spot>()
    }

    pub(crate) fn new(centre: (usize, usize), radius: usize) -> Self {
        let side = 2 * radius;
        let spot = |i: usize| {
            let offset = |n: usize| to_f32(n) + 0.5 - to_f32(radius);
            Spot::at(offset(i % side), offset(i / side), to_f32(radius))
        };
        let corner = (centre.0.saturating_sub(radius), centre.1.saturating_sub(radius));
        Self { corner, side, spots: (0..side * side).map(spot).collect() }
    }

    /// Draws the dial `turn`/65536 through second number `second`. Luma only.
    pub(crate) fn draw(&self, canvas: &mut Canvas<'_>, turn: u16, second: u64) {
        let (sweep, rest) = if second.is_multiple_of(2) { (LIGHT, DARK) } else { (DARK, LIGHT) };
        for (y, spots) in self.spots.chunks_exact(self.side).enumerate() {
            let row = canvas.row(self.corner.0, self.corner.1 + y, self.side);
            for (pixel, spot) in row.iter_mut().zip(spots) {
                *pixel = mix(*pixel, mix(rest, sweep, spot.swept(turn)), spot.cover);
            }
        }
    }
}

impl Spot {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped or below 65536")]
    fn at(dx: f32, dy: f32, radius: f32) -> Self {
        let r = dx.hypot(dy);
        let turns = (dx.atan2(-dy) / std::f32::consts::TAU).rem_euclid(1.0);
        Self {
            angle: (turns * 65_536.0) as u16,
            arc: (std::f32::consts::TAU * r) as u16,
            cover: ((radius + 0.5 - r).clamp(0.0, 1.0) * 256.0) as u16,
        }
    }

    /// Share of this pixel that the sweep has passed, of 256.
    fn swept(self, turn: u16) -> u16 {
        let past = (i32::from(turn) - i32::from(self.angle)) * i32::from(self.arc);
        u16::try_from(((past >> 8) + 128).clamp(0, 256)).expect("clamped")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(turn: u16, second: u64) -> Vec<u8> {
        let mut data = vec![16; 64 * 64 * 3 / 2];
        Dial::new((32, 32), 30).draw(&mut Canvas::new(&mut data, 64, 64), turn, second);
        data.truncate(64 * 64);
        data
    }

    #[test]
    fn a_quarter_turn_fills_the_upper_right() {
        let d = drawn(16_384, 0);
        let at = |x: usize, y: usize| d[y * 64 + x];
        assert_eq!((at(45, 20), at(45, 44), at(20, 44), at(20, 20)), (LIGHT, DARK, DARK, DARK));
        assert_eq!((at(1, 1), at(63, 32)), (16, 16), "outside the disc");
    }

    #[test]
    fn a_second_begins_as_the_one_before_ended() {
        let (end, begin) = (drawn(u16::MAX, 6), drawn(0, 7));
        let differing = end.iter().zip(&begin).filter(|(a, b)| a.abs_diff(**b) > 2).count();
        assert!(differing < 64, "all but the edge at the top: {differing}");
        assert_eq!(begin[20 * 64 + 45], LIGHT);
    }
}
