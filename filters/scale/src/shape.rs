//! Where a picture goes in one of another size, and what shape its samples then have. Pure numbers.

use weir_media::Frac;

use crate::settings::{KeepShape, Settings};

/// Largest number in a sample aspect ratio: what H.264 can say.
const MAX_SAR: u64 = 65_535;

/// A part of a picture, pixels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Area {
    pub(crate) left: u32,
    pub(crate) top: u32,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// What is made of pictures of one size.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Shape {
    /// Size of the input.
    pub(crate) from: (u32, u32),
    /// Size of the output.
    pub(crate) to: (u32, u32),
    /// Where the picture is in it; the rest is border.
    pub(crate) area: Area,
    /// Sample aspect ratio of the output.
    pub(crate) sar: Frac,
}

const SQUARE: Frac = Frac { num: 1, den: 1 };

impl Shape {
    /// For pictures of the size `from` with this sample aspect ratio.
    pub(crate) fn new(settings: &Settings, from: (u32, u32), sar: Option<Frac>) -> Self {
        let to = settings.size.unwrap_or(from);
        let sar = sar.filter(|s| s.num > 0 && s.den > 0).unwrap_or(SQUARE);
        let whole = Area { left: 0, top: 0, width: to.0, height: to.1 };
        match settings.keep {
            KeepShape::Off => {
                let same_shape = || {
                    let num = u128::from(sar.num.unsigned_abs()) * u128::from(from.0) * u128::from(to.1);
                    ratio(num, u128::from(sar.den) * u128::from(from.1) * u128::from(to.0))
                };
                Self { from, to, area: whole, sar: settings.sar.unwrap_or_else(same_shape) }
            }
            keep => {
                let out = settings.sar.unwrap_or(SQUARE);
                let shown = if keep == KeepShape::NoSource { SQUARE } else { sar };
                Self { from, to, area: fit(from, shown.as_f64() / out.as_f64(), to), sar: out }
            }
        }
    }

    /// Whether pictures stay as they are.
    pub(crate) fn is_same(&self) -> bool {
        self.from == self.to && self.is_whole()
    }

    /// Whether there are no borders.
    pub(crate) fn is_whole(&self) -> bool {
        (self.area.width, self.area.height) == self.to
    }
}

/// The largest area in the middle of `to` that has the shape of `from`, whose samples are `wider` times as wide.
fn fit(from: (u32, u32), wider: f64, to: (u32, u32)) -> Area {
    let aspect = f64::from(from.0) * wider / f64::from(from.1);
    let (width, height) = (f64::from(to.0), f64::from(to.1));
    let (width, height) = if width > height * aspect {
        (nearest_even(height * aspect, to.0), to.1)
    } else {
        (to.0, nearest_even(width / aspect, to.1))
    };
    Area { left: ((to.0 - width) / 2) & !1, top: ((to.1 - height) / 2) & !1, width, height }
}

/// An even number, as chroma has half the size; all there is when that is nearer, and never nothing.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the size of the output")]
fn nearest_even(side: f64, most: u32) -> u32 {
    if side + 1.0 >= f64::from(most) { most } else { ((side / 2.0).round() as u32 * 2).clamp(2.min(most), most) }
}

/// A reduced ratio in numbers of 16 bits; the nearest where it takes longer ones.
pub(crate) fn ratio(num: u128, den: u128) -> Frac {
    let common = gcd(num, den).max(1);
    let (num, den) = (num / common, den / common);
    let most = num.max(den);
    let (num, den) = if most > u128::from(MAX_SAR) {
        let scaled = |n: u128| ((n * u128::from(MAX_SAR) + most / 2) / most).max(1);
        let (num, den) = (scaled(num), scaled(den));
        let common = gcd(num, den).max(1);
        (num / common, den / common)
    } else {
        (num.max(1), den.max(1))
    };
    Frac { num: i64::try_from(num).unwrap_or(1), den: u32::try_from(den).unwrap_or(1) }
}

const fn gcd(a: u128, b: u128) -> u128 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(keep: KeepShape, size: (u32, u32), osar: Option<Frac>, from: (u32, u32), sar: (i64, u32)) -> Shape {
        let algorithm = fast_image_resize::ResizeAlg::Nearest;
        let settings = Settings { size: Some(size), algorithm, keep, sar: osar, colour: [0; 3] };
        Shape::new(&settings, from, Frac::new(sar.0, sar.1))
    }

    fn sar(s: Shape) -> (i64, u32) {
        (s.sar.num, s.sar.den)
    }

    #[test]
    fn without_borders_the_aspect_ratio_of_samples_keeps_the_shape() {
        let off = |size, from, s| sar(shape(KeepShape::Off, size, None, from, s));
        assert_eq!(off((640, 360), (1280, 720), (1, 1)), (1, 1));
        assert_eq!(off((640, 480), (1280, 720), (1, 1)), (4, 3));
        assert_eq!(off((1024, 576), (720, 576), (64, 45)), (1, 1), "PAL, wide screen");
        assert_eq!(off((854, 480), (1920, 1080), (1, 1)), (1280, 1281));
        assert_eq!(off((640, 360), (1440, 1080), (4, 3)), (1, 1), "HDV");
        let (num, den) = off((8191, 4093), (4_001, 8_009), (997, 991));
        assert!(
            (num as f64 / f64::from(den) / (4_001.0 * 4_093.0 * 997.0 / (8_009.0 * 8_191.0 * 991.0)) - 1.0).abs()
                < 1e-4
        );
        assert!(num <= 65_535 && den <= 65_535);
    }

    #[test]
    fn borders_keep_the_shape_of_square_samples() {
        let full = |size, from, s| shape(KeepShape::Full, size, None, from, s);
        let area = |left, top, width, height| Area { left, top, width, height };
        assert_eq!(full((640, 480), (1280, 720), (1, 1)).area, area(0, 60, 640, 360));
        assert_eq!(full((640, 360), (640, 480), (1, 1)).area, area(80, 0, 480, 360));
        assert_eq!(full((640, 360), (720, 576), (64, 45)).area, area(0, 0, 640, 360), "no border at all");
        let plain = shape(KeepShape::NoSource, (640, 360), None, (720, 576), (64, 45));
        assert_eq!((plain.area, sar(plain)), (area(94, 0, 450, 360), (1, 1)));
        let wide = shape(KeepShape::Full, (720, 576), Frac::new(64, 45), (640, 480), (1, 1));
        assert_eq!((wide.area, sar(wide)), (area(90, 0, 540, 576), (64, 45)));
    }

    #[test]
    fn hostile_sizes_have_an_area() {
        for (size, from) in [((1, 1), (1, 1)), ((1, 8192), (8192, 1)), ((8192, 1), (1, 8192)), ((3, 5), (16_384, 1))] {
            for keep in [KeepShape::Off, KeepShape::Full, KeepShape::NoSource] {
                let Shape { area, sar, .. } = shape(keep, size, None, from, (1, 100_000));
                assert!(area.width >= 1 && area.height >= 1 && sar.num >= 1 && sar.den >= 1);
                assert!(area.left + area.width <= size.0 && area.top + area.height <= size.1, "{size:?} {area:?}");
            }
        }
    }
}
