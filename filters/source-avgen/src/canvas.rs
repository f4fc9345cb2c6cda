//! Drawing into the planes of a 4:2:0 picture: rectangles, soft-edged shapes and coverage masks. What lies outside the
//! picture is clipped. Levels are studio range: luma 16 to 235.

use weir_media::{Frame, PixelFormat};

/// A rectangle, pixels.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Area {
    pub(crate) x: usize,
    pub(crate) y: usize,
    pub(crate) w: usize,
    pub(crate) h: usize,
}

impl Area {
    pub(crate) const fn new(x: usize, y: usize, w: usize, h: usize) -> Self {
        Self { x, y, w, h }
    }

    /// Cuts `h` rows off the top: (those, the rest).
    pub(crate) fn split_top(self, h: usize) -> (Self, Self) {
        let h = h.min(self.h);
        (Self { h, ..self }, Self { y: self.y + h, h: self.h - h, ..self })
    }

    /// Cuts `w` columns off the left: (those, the rest).
    pub(crate) fn split_left(self, w: usize) -> (Self, Self) {
        let w = w.min(self.w);
        (Self { w, ..self }, Self { x: self.x + w, w: self.w - w, ..self })
    }

    /// The part within a picture of `width` x `height`.
    fn clip(self, width: usize, height: usize) -> Self {
        let (x, y) = (self.x.min(width), self.y.min(height));
        Self { x, y, w: self.w.min(width - x), h: self.h.min(height - y) }
    }
}

/// A colour as it is stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Yuv {
    pub(crate) y: u8,
    pub(crate) u: u8,
    pub(crate) v: u8,
}

/// Which coefficients turn RGB into YUV. A player that is not told takes the one usual for the size.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Matrix {
    Bt601,
    Bt709,
}

impl Matrix {
    /// The usual one for a size.
    pub(crate) const fn of_size(width: usize, height: usize) -> Self {
        if width >= 1280 || height > 576 { Self::Bt709 } else { Self::Bt601 }
    }
}

impl Yuv {
    /// A grey of this luma.
    pub(crate) const fn grey(y: u8) -> Self {
        Self { y, u: 128, v: 128 }
    }

    /// A colour of RGB parts from 0 to 1.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to a byte")]
    pub(crate) fn rgb([r, g, b]: [f32; 3], matrix: Matrix) -> Self {
        let (kr, kb) = match matrix {
            Matrix::Bt601 => (0.299, 0.114),
            Matrix::Bt709 => (0.2126, 0.0722),
        };
        let y = kr * r + (1.0 - kr - kb) * g + kb * b;
        let level = |v: f32| v.round().clamp(0.0, 255.0) as u8;
        let chroma = |c: f32, k: f32| level(128.0 + 112.0 * (c - y) / (1.0 - k));
        Self { y: level(16.0 + 219.0 * y), u: chroma(b, kb), v: chroma(r, kr) }
    }
}

/// One plane.
struct Rows<'a> {
    data: &'a mut [u8],
    stride: usize,
}

/// A picture to draw on.
pub(crate) struct Canvas<'a> {
    planes: [Rows<'a>; 3],
    width: usize,
    height: usize,
}

impl<'a> Canvas<'a> {
    /// Draws on `data`, which is laid out as [`Frame::layout`] says.
    ///
    /// # Panics
    /// When `data` is shorter than that.
    pub(crate) fn new(data: &'a mut [u8], width: u32, height: u32) -> Self {
        let (layout, len) = Frame::layout(PixelFormat::Yuv420, width, height);
        let (y, uv) = data[..len].split_at_mut(layout[1].offset);
        let (u, v) = uv.split_at_mut(layout[2].offset - layout[1].offset);
        let rows = |data, i: usize| Rows { data, stride: layout[i].stride };
        Self { planes: [rows(y, 0), rows(u, 1), rows(v, 2)], width: width as usize, height: height as usize }
    }

    /// The luma plane and its stride.
    pub(crate) fn luma(&mut self) -> (&mut [u8], usize) {
        (self.planes[0].data, self.planes[0].stride)
    }

    /// Columns `x..x + w` of luma row `y`. Empty where they leave the picture.
    pub(crate) fn row(&mut self, x: usize, y: usize, w: usize) -> &mut [u8] {
        let a = Area::new(x, y, w, 1).clip(self.width, self.height);
        let w = if a.h == 0 { 0 } else { a.w };
        let start = if w == 0 { 0 } else { a.y * self.planes[0].stride + a.x };
        &mut self.planes[0].data[start..start + w]
    }

    /// Fills a rectangle. Chroma covers every sample that the rectangle touches.
    pub(crate) fn fill(&mut self, area: Area, colour: Yuv) {
        let a = area.clip(self.width, self.height);
        let chroma = Area::new(a.x / 2, a.y / 2, (a.x + a.w).div_ceil(2) - a.x / 2, (a.y + a.h).div_ceil(2) - a.y / 2);
        let chroma = if a.w == 0 || a.h == 0 { Area::default() } else { chroma };
        for (plane, (a, level)) in self.planes.iter_mut().zip([(a, colour.y), (chroma, colour.u), (chroma, colour.v)]) {
            for y in a.y..a.y + a.h {
                plane.data[y * plane.stride + a.x..][..a.w].fill(level);
            }
        }
    }

    /// Gives every pixel of `area` the colour that `shade` has for it, where it has one.
    pub(crate) fn shade(&mut self, area: Area, shade: impl Fn(usize, usize) -> Option<Yuv>) {
        let a = area.clip(self.width, self.height);
        for y in a.y..a.y + a.h {
            for x in a.x..a.x + a.w {
                let Some(colour) = shade(x, y) else { continue };
                let [luma, u, v] = &mut self.planes;
                luma.data[y * luma.stride + x] = colour.y;
                if x % 2 == 0 && y % 2 == 0 {
                    u.data[y / 2 * u.stride + x / 2] = colour.u;
                    v.data[y / 2 * v.stride + x / 2] = colour.v;
                }
            }
        }
    }

    /// Lays `colour` over `area` with the share that `cover` has for a point, 0 to 1. Points are in pixels, the middle
    /// of the first pixel is at 0.5.
    pub(crate) fn shape(&mut self, area: Area, colour: Yuv, cover: impl Fn(f32, f32) -> f32) {
        let a = area.clip(self.width, self.height);
        let halves = Area::new(
            a.x / 2,
            a.y / 2,
            (a.w / 2).min(self.width / 2 - a.x / 2),
            (a.h / 2).min(self.height / 2 - a.y / 2),
        );
        for (i, level, a, scale) in [(0, colour.y, a, 1.0), (1, colour.u, halves, 2.0), (2, colour.v, halves, 2.0)] {
            let plane = &mut self.planes[i];
            for y in a.y..a.y + a.h {
                let row = &mut plane.data[y * plane.stride + a.x..][..a.w];
                for (x, pixel) in row.iter_mut().enumerate() {
                    let share = cover((to_f32(a.x + x) + 0.5) * scale, (to_f32(y) + 0.5) * scale);
                    *pixel = mix(*pixel, level, share_to_256(share));
                }
            }
        }
    }

    /// A filled disc around (`cx`, `cy`).
    pub(crate) fn disc(&mut self, (cx, cy): (usize, usize), radius: f32, colour: Yuv) {
        let (x0, y0) = (to_f32(cx), to_f32(cy));
        self.shape(around(cx, cy, radius), colour, |x, y| radius + 0.5 - length(x - x0, y - y0));
    }

    /// A ring around (`cx`, `cy`) from radius `inner` to `outer`.
    pub(crate) fn ring(&mut self, (cx, cy): (usize, usize), inner: f32, outer: f32, colour: Yuv) {
        let (x0, y0) = (to_f32(cx), to_f32(cy));
        self.shape(around(cx, cy, outer), colour, |x, y| {
            let r = length(x - x0, y - y0);
            (outer + 0.5 - r).min(r + 0.5 - inner)
        });
    }

    /// A straight line of width `thick` with round ends.
    pub(crate) fn stroke(&mut self, from: (f32, f32), to: (f32, f32), thick: f32, colour: Yuv) {
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let length2 = (dx * dx + dy * dy).max(f32::MIN_POSITIVE);
        let middle = ((from.0 + to.0) / 2.0, (from.1 + to.1) / 2.0);
        let reach = length(dx, dy) / 2.0 + thick;
        self.shape(around(to_usize(middle.0), to_usize(middle.1), reach), colour, |x, y| {
            let along = (((x - from.0) * dx + (y - from.1) * dy) / length2).clamp(0.0, 1.0);
            thick / 2.0 + 0.5 - length(x - from.0 - along * dx, y - from.1 - along * dy)
        });
    }
}

/// An even-aligned square that holds a circle with its soft edge.
fn around(cx: usize, cy: usize, radius: f32) -> Area {
    let reach = to_usize(radius) + 2;
    let (x, y) = (cx.saturating_sub(reach) & !1, cy.saturating_sub(reach) & !1);
    Area::new(x, y, (cx + reach + 1 - x) & !1, (cy + reach + 1 - y) & !1)
}

/// `from` moved towards `to` by `share` of 256.
pub(crate) fn mix(from: u8, to: u8, share: u16) -> u8 {
    let (from, to) = (i32::from(from), i32::from(to));
    let mixed = from + (((to - from) * i32::from(share) + 128) >> 8);
    mixed.to_le_bytes()[0]
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
fn share_to_256(share: f32) -> u16 {
    (share.clamp(0.0, 1.0) * 256.0) as u16
}

/// Length of a vector. Unlike `hypot` it is one instruction per step; positions are far from overflow.
pub(crate) fn length(dx: f32, dy: f32) -> f32 {
    (dx * dx + dy * dy).sqrt()
}

/// A pixel position as a float.
#[expect(clippy::cast_precision_loss, reason = "sides are at most 8192")]
pub(crate) const fn to_f32(n: usize) -> f32 {
    n as f32
}

/// A position rounded down to a pixel; what is left of or above the picture becomes 0.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturating is meant")]
pub(crate) const fn to_usize(v: f32) -> usize {
    v as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_match_the_standards() {
        let rgb = |c, m| {
            let Yuv { y, u, v } = Yuv::rgb(c, m);
            (y, u, v)
        };
        for m in [Matrix::Bt601, Matrix::Bt709] {
            assert_eq!(rgb([1.0; 3], m), (235, 128, 128));
            assert_eq!(rgb([0.0; 3], m), (16, 128, 128));
        }
        assert_eq!(rgb([1.0, 0.0, 0.0], Matrix::Bt601), (81, 90, 240));
        assert_eq!(rgb([0.0, 0.0, 1.0], Matrix::Bt709), (32, 240, 118));
    }

    #[test]
    fn drawing_is_clipped_at_every_edge() {
        for (w, h) in [(16, 16), (17, 19)] {
            let (_, len) = Frame::layout(PixelFormat::Yuv420, w, h);
            let mut data = vec![0; len];
            let mut c = Canvas::new(&mut data, w, h);
            for at in [(0, 0), (16, 16), (40, 2), (2, 40), (8, 8)] {
                c.disc(at, 30.0, Yuv::grey(200));
                c.ring(at, 3.0, 9.5, Yuv::grey(100));
                c.fill(Area::new(at.0, at.1, 30, 30), Yuv::grey(50));
                c.shade(Area::new(at.0, at.1, 30, 30), |_, _| Some(Yuv::grey(9)));
                c.stroke((to_f32(at.0), -20.0), (-5.0, 60.0), 3.0, Yuv::grey(1));
                assert!(c.row(at.0, at.1, 99).len() <= w as usize);
            }
        }
    }

    #[test]
    fn mixing_is_exact_at_both_ends() {
        for a in 0..=255 {
            for b in [0, 1, 77, 254, 255] {
                assert_eq!((mix(a, b, 0), mix(a, b, 256)), (a, b));
            }
        }
    }
}
