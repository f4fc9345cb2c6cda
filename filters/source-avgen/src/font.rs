//! Fixed-width Latin-1 text in any size: the bitmap fonts of `embedded-graphics` as they are when small, smoothed and
//! scaled when large. Glyphs are rendered on first use and then kept.

use embedded_graphics::geometry::{OriginDimensions, Point};
use embedded_graphics::image::GetPixel;
use embedded_graphics::mono_font::{MonoFont, iso_8859_1 as fonts};
use embedded_graphics::pixelcolor::BinaryColor;

use crate::canvas::{Area, Canvas, mix};

/// Bitmap fonts from small to large.
const BITMAPS: [&MonoFont<'static>; 10] = [
    &fonts::FONT_4X6,
    &fonts::FONT_5X7,
    &fonts::FONT_5X8,
    &fonts::FONT_6X9,
    &fonts::FONT_6X10,
    &fonts::FONT_6X13_BOLD,
    &fonts::FONT_7X13_BOLD,
    &fonts::FONT_8X13_BOLD,
    &fonts::FONT_9X15_BOLD,
    &fonts::FONT_10X20,
];
/// The bitmap that large sizes are scaled from, and the cell height from which on they are.
const SCALED: &MonoFont<'static> = &fonts::FONT_10X20;
const SCALED_FROM: usize = 24;
/// Glyphs of a font of [`fonts`]: Latin-1 without control characters.
const GLYPHS: usize = 192;

/// A font of one size.
pub(crate) struct Font {
    bitmap: &'static MonoFont<'static>,
    width: usize,
    height: usize,
    /// Share of each pixel that a glyph covers, of 256.
    glyphs: Vec<Option<Box<[u16]>>>,
}

impl Font {
    /// The largest font whose characters fit a cell of `width` x `height` pixels, if one does.
    pub(crate) fn fit(width: usize, height: usize) -> Option<Self> {
        let scaled = height.min(2 * width) & !1;
        let (bitmap, width, height) = if scaled >= SCALED_FROM {
            (SCALED, scaled / 2, scaled)
        } else {
            let size = |f: &MonoFont<'_>| (f.character_size.width as usize, f.character_size.height as usize);
            let fits = |f: &&MonoFont<'_>| size(f).0 <= width && size(f).1 <= height;
            let bitmap = BITMAPS.into_iter().rev().find(fits)?;
            (bitmap, size(bitmap).0, size(bitmap).1)
        };
        Some(Self { bitmap, width, height, glyphs: (0..GLYPHS).map(|_| None).collect() })
    }

    /// The largest font in which `characters` of them fit into `width` x `height` pixels, if one does.
    pub(crate) fn fit_line(characters: usize, width: usize, height: usize) -> Option<Self> {
        Self::fit(width / characters.max(1), height)
    }

    /// Height of a line, pixels.
    pub(crate) const fn height(&self) -> usize {
        self.height
    }

    /// Width of `text`, pixels.
    pub(crate) fn width_of(&self, text: &str) -> usize {
        text.chars().count() * self.width
    }

    /// Lays `text` over luma with its top left corner at column `x`, row `y`; only what is within `clip` is drawn.
    pub(crate) fn draw(&mut self, canvas: &mut Canvas<'_>, (x, y): (isize, usize), clip: Area, text: &str, level: u8) {
        let (left, right) = (clip.x.cast_signed(), (clip.x + clip.w).cast_signed());
        let mut at = x;
        for c in text.chars() {
            let end = at + self.width.cast_signed();
            if end > left && at < right {
                self.draw_glyph(canvas, (at, y), clip, c, level);
            }
            at = end;
        }
    }

    fn draw_glyph(&mut self, canvas: &mut Canvas<'_>, (x, y): (isize, usize), clip: Area, c: char, level: u8) {
        let (width, height) = (self.width, self.height);
        let skip = (clip.x.cast_signed() - x).max(0).cast_unsigned();
        let start = x.max(clip.x.cast_signed()).cast_unsigned();
        let columns = (width - skip).min(clip.x + clip.w - start);
        let glyph = self.glyph(c);
        for row in clip.y.saturating_sub(y)..height.min((clip.y + clip.h).saturating_sub(y)) {
            let cover = &glyph[row * width + skip..][..columns];
            for (pixel, share) in canvas.row(start, y + row, columns).iter_mut().zip(cover) {
                *pixel = mix(*pixel, level, *share);
            }
        }
    }

    /// The glyph of a character, `?` for what the font lacks.
    fn glyph(&mut self, c: char) -> &[u16] {
        let index = self.bitmap.glyph_mapping.index(c);
        let (bitmap, width, height) = (self.bitmap, self.width, self.height);
        self.glyphs[index].get_or_insert_with(|| render(bitmap, index, width, height))
    }
}

/// Ink of a glyph: `size.0` x `size.1` pixels.
struct Ink {
    size: (usize, usize),
    on: Vec<bool>,
}

impl Ink {
    fn of(font: &MonoFont<'_>, index: usize) -> Self {
        let (w, h) = (font.character_size.width as usize, font.character_size.height as usize);
        let per_row = font.image.size().width as usize / w;
        let origin = (index % per_row * w, index / per_row * h);
        let pixel = |i: usize| {
            let at = |v: usize| i32::try_from(v).expect("a font image is small");
            font.image.pixel(Point::new(at(origin.0 + i % w), at(origin.1 + i / w))) == Some(BinaryColor::On)
        };
        Self { size: (w, h), on: (0..w * h).map(pixel).collect() }
    }

    /// The pixel at (`x + dx`, `y + dy`); outside the glyph there is no ink.
    fn near(&self, x: usize, y: usize, dx: isize, dy: isize) -> bool {
        let inside = |v: usize, d: isize, size: usize| v.checked_add_signed(d).filter(|v| *v < size);
        inside(x, dx, self.size.0).zip(inside(y, dy, self.size.1)).is_some_and(|(x, y)| self.on[y * self.size.0 + x])
    }

    /// Twice the size, with stairs turned into slopes: a quarter of a pixel takes the colour of the two neighbours it
    /// touches when they agree and their opposites do not (the Scale2x rule).
    fn doubled(&self) -> Self {
        let (w, h) = self.size;
        let quarter = |i: usize| {
            let (x2, y2) = (i % (2 * w), i / (2 * w));
            let (x, y) = (x2 / 2, y2 / 2);
            let (sx, sy) = (if x2 % 2 == 0 { -1 } else { 1 }, if y2 % 2 == 0 { -1 } else { 1 });
            let (beside, above) = (self.near(x, y, sx, 0), self.near(x, y, 0, sy));
            let (opposite, below) = (self.near(x, y, -sx, 0), self.near(x, y, 0, -sy));
            let slope = beside == above && beside != below && above != opposite;
            if slope { beside } else { self.near(x, y, 0, 0) }
        };
        Self { size: (2 * w, 2 * h), on: (0..4 * w * h).map(quarter).collect() }
    }

    /// Share of ink, of 256, in each pixel of a `width` x `height` version.
    fn shares(&self, width: usize, height: usize) -> Box<[u16]> {
        let span = |i: usize, of: usize, size: usize| i * size / of..((i + 1) * size / of).max(i * size / of + 1);
        let share = |i: usize| {
            let (columns, rows) = (span(i % width, width, self.size.0), span(i / width, height, self.size.1));
            let ink: usize = rows.clone().map(|y| self.row(y, columns.clone())).sum();
            u16::try_from(ink * 256 / (columns.len() * rows.len())).expect("at most 256")
        };
        (0..width * height).map(share).collect()
    }

    fn row(&self, y: usize, columns: std::ops::Range<usize>) -> usize {
        self.on[y * self.size.0..][columns].iter().filter(|on| **on).count()
    }
}

fn render(font: &MonoFont<'_>, index: usize, width: usize, height: usize) -> Box<[u16]> {
    let mut ink = Ink::of(font, index);
    if (width, height) != ink.size {
        // Four to eight samples per pixel and side make the soft edge.
        while ink.size.1 < 4 * height {
            ink = ink.doubled();
        }
    }
    ink.shares(width, height)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_that_fits() {
        let size = |w, h| Font::fit(w, h).map(|f| (f.width, f.height));
        assert_eq!(size(3, 100), None);
        assert_eq!(size(100, 5), None);
        assert_eq!(size(4, 6), Some((4, 6)));
        assert_eq!(size(9, 17), Some((9, 15)));
        assert_eq!(size(11, 23), Some((10, 20)));
        assert_eq!(size(12, 24), Some((12, 24)));
        assert_eq!(size(50, 61), Some((30, 60)));
    }

    #[test]
    fn every_glyph_has_ink_but_spaces() {
        for (w, h) in [(4, 6), (10, 20), (24, 48)] {
            let mut font = Font::fit(w, h).expect("fits");
            let ink = |font: &mut Font, c| font.glyph(c).iter().map(|s| u32::from(*s)).sum::<u32>();
            for c in ('!'..='~').chain('\u{a1}'..='\u{ff}') {
                assert!(c == '\u{ad}' || ink(&mut font, c) > 0, "{c} at {w}x{h}");
            }
            assert_eq!(ink(&mut font, ' '), 0);
            assert_eq!(font.glyph('\u{4e2d}').to_vec(), font.glyph('?').to_vec());
        }
    }

    #[test]
    fn scaling_keeps_the_amount_of_ink() {
        let mut small = Font::fit(10, 20).expect("fits");
        let mut large = Font::fit(40, 80).expect("fits");
        let mean = |g: &[u16]| g.iter().map(|s| usize::from(*s)).sum::<usize>() / g.len();
        for c in "0123456789:/weir".chars() {
            let (a, b) = (mean(small.glyph(c)), mean(large.glyph(c)));
            assert!(a.abs_diff(b) <= 6, "{c}: {a} {b}");
        }
    }

    #[test]
    fn text_stays_in_its_clip() {
        let mut data = vec![0; 64 * 32 * 3 / 2];
        let mut canvas = Canvas::new(&mut data, 64, 32);
        let mut font = Font::fit(9, 15).expect("fits");
        let clip = Area::new(10, 8, 30, 10);
        for x in [-50, -3, 5, 36, 70] {
            font.draw(&mut canvas, (x, 4), clip, "MMMMMMMM", 255);
        }
        let (luma, stride) = canvas.luma();
        let inked = |x: usize, y: usize| luma[y * stride + x] != 0;
        let inside = |x: usize, y: usize| (10..40).contains(&x) && (8..18).contains(&y);
        assert!((0..64 * 32).all(|i| inside(i % 64, i / 64) || !inked(i % 64, i / 64)));
        assert!((0..64 * 32).any(|i| inked(i % 64, i / 64)));
    }
}
