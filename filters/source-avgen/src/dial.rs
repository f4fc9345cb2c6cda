//! The dial: a disc that a sweep fills clockwise once a second, each time with the other shade. Its geometry is worked
//! out once; drawing it is one pass over its square with no division and no trigonometry.

use std::f32::consts::TAU;

use crate::canvas::{Canvas, length, mix, to_f32};

/// Shades that take turns.
const LIGHT: u8 = 225;
const DARK: u8 = 100;

/// A dial of one size at one place. The geometry of its pixels is kept by kind, row after row, so that the drawing loop
/// works on many at once.
pub(crate) struct Dial {
    /// Top left corner of its square.
    corner: (usize, usize),
    side: usize,
    /// Angle from the top, clockwise, 1/65536 turns.
    angles: Vec<u16>,
    /// Length of 1/65536 turn at this radius in 1/65536 pixels: makes the edge of the sweep one pixel soft everywhere.
    arcs: Vec<u16>,
    /// Share of the pixel within the disc, of 256.
    covers: Vec<u16>,
}

impl Dial {
    /// Bytes that a dial of this radius keeps.
    pub(crate) const fn bytes(radius: usize) -> usize {
        4 * radius * radius * 3 * size_of::<u16>()
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative and below 65536")]
    pub(crate) fn new(centre: (usize, usize), radius: usize) -> Self {
        let side = 2 * radius;
        let spots = |value: fn(f32, f32, f32) -> f32| {
            let offset = |n: usize| to_f32(n) + 0.5 - to_f32(radius);
            let spot = |i: usize| value(offset(i % side), offset(i / side), to_f32(radius)) as u16;
            (0..side * side).map(spot).collect()
        };
        Self {
            corner: (centre.0.saturating_sub(radius), centre.1.saturating_sub(radius)),
            side,
            angles: spots(|dx, dy, _| (dx.atan2(-dy) / TAU).rem_euclid(1.0) * 65_536.0),
            arcs: spots(|dx, dy, _| TAU * length(dx, dy)),
            covers: spots(|dx, dy, radius| (radius + 0.5 - length(dx, dy)).clamp(0.0, 1.0) * 256.0),
        }
    }

    /// Draws the dial `turn`/65536 through second number `second`. Luma only.
    pub(crate) fn draw(&self, canvas: &mut Canvas<'_>, turn: u16, second: u64) {
        let (sweep, rest) = if second.is_multiple_of(2) { (LIGHT, DARK) } else { (DARK, LIGHT) };
        let rows = self.angles.chunks_exact(self.side).zip(self.arcs.chunks_exact(self.side));
        let rows = rows.zip(self.covers.chunks_exact(self.side));
        for (y, ((angles, arcs), covers)) in rows.enumerate() {
            let row = canvas.row(self.corner.0, self.corner.1 + y, self.side);
            for (((pixel, angle), arc), cover) in row.iter_mut().zip(angles).zip(arcs).zip(covers) {
                *pixel = mix(*pixel, mix(rest, sweep, swept(turn, *angle, *arc)), *cover);
            }
        }
    }
}

/// Share that the sweep has passed, of 256, of a pixel at this angle with this arc.
#[expect(clippy::cast_sign_loss, reason = "clamped, and a branch here would keep the loop from being vectorised")]
fn swept(turn: u16, angle: u16, arc: u16) -> u16 {
    let past = (i32::from(turn) - i32::from(angle)) * i32::from(arc);
    ((past >> 8) + 128).clamp(0, 256) as u16
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
