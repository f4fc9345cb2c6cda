//! The picture: what stands still is drawn once per size, then copied into each frame before the few moving things.

use std::sync::Arc;

use weir_media::{Frame, FramePool, PixelFormat};
use weir_plugin::{Error, ErrorKind, Lease, Memory, Result};

use crate::canvas::{Area, Canvas, Matrix, Yuv, to_f32};
use crate::card::{self, Backdrop};
use crate::dial::Dial;
use crate::font::Font;
use crate::layout::{self, Circle, Layout};
use crate::marker::{self, Marker};
use crate::settings::PictureSettings;
use crate::sound::Tone;
use crate::timing::Shown;
use weir_media::utc;

const BLACK: Yuv = Yuv::grey(16);
const WHITE: u8 = 235;
/// Background of the banner: a deep blue.
const BANNER: [f32; 3] = [0.03, 0.11, 0.24];
/// Luma of text that is there to be found, not to be watched.
const QUIET: u8 = 180;

/// What a picture shows of its moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Moment {
    /// Count of the picture in its run, from 0.
    pub(crate) number: u64,
    /// Frame of the grid: the count plus where the run began.
    pub(crate) index: u64,
    /// Wall clock to show, microseconds since 1970.
    pub(crate) utc: u64,
}

/// Makes the pictures of one size.
pub(crate) struct Picture {
    settings: PictureSettings,
    size: (u32, u32),
    matrix: Matrix,
    layout: Layout,
    /// What stands still: the usual picture and that of the flash.
    still: [Vec<u8>; 2],
    dial: Option<(Dial, Circle)>,
    lines: Option<Font>,
    banner: Option<(Font, Area)>,
    pool: FramePool,
    _lease: Lease,
}

impl Picture {
    /// Draws what stands still on a `width` x `height` picture.
    ///
    /// # Errors
    /// `Limit` when the memory it keeps, two pictures and the geometry of the dial, is not to be had.
    pub(crate) fn new(settings: &PictureSettings, (width, height): (u32, u32), memory: &Memory) -> Result<Self> {
        let layout = Layout::new(width as usize, height as usize);
        let (_, len) = Frame::layout(PixelFormat::Yuv420, width, height);
        let lease = memory.lease(2 * len + layout.dial.map_or(0, |c| Dial::bytes(c.radius))).ok_or_else(|| {
            Error::new(ErrorKind::Limit, format!("no memory is left for test pictures of {width}x{height}"))
        })?;
        let mut picture = Self {
            settings: settings.clone(),
            size: (width, height),
            matrix: Matrix::of_size(width as usize, height as usize),
            still: [vec![0; len], vec![0; len]],
            dial: layout.dial.map(|c| (Dial::new(c.centre, c.radius), c)),
            lines: line_font(&layout),
            banner: layout.banner.and_then(|area| Font::fit(area.h, area.h).map(|font| (font, area))),
            layout,
            pool: FramePool::new(),
            _lease: lease,
        };
        for flash in [false, true] {
            let mut data = std::mem::take(&mut picture.still[usize::from(flash)]);
            picture.draw_still(&mut Canvas::new(&mut data, width, height), flash);
            picture.still[usize::from(flash)] = data;
        }
        Ok(picture)
    }

    /// The picture of a moment.
    pub(crate) fn draw(&mut self, moment: &Moment) -> Arc<Frame> {
        let (width, height) = self.size;
        let shown = self.settings.fps.shown(moment.index);
        let flash = shown.second_mark && Tone::of_second(shown.seconds) == Tone::Tenth;
        let still = &self.still[usize::from(flash)];
        let mut block = self.pool.take(still.len());
        block.copy_from_slice(still);
        let mut canvas = Canvas::new(&mut block, width, height);
        if !self.settings.blank {
            self.draw_marker(&mut canvas, moment, shown);
            self.draw_dial(&mut canvas, shown);
            self.draw_lines(&mut canvas, moment, shown);
            self.draw_banner(&mut canvas, moment);
        }
        let frame = Frame::new(PixelFormat::Yuv420, width, height, self.pool.freeze(block));
        Arc::new(frame.expect("the block is as long as the layout says"))
    }

    fn draw_still(&self, canvas: &mut Canvas<'_>, flash: bool) {
        let layout = &self.layout;
        canvas.fill(Area::new(0, 0, self.size.0 as usize, self.size.1 as usize), BLACK);
        if self.settings.blank {
            return;
        }
        Backdrop::new(flash, self.matrix).draw(canvas, layout.stage, self.size.1 as usize, !layout.small);
        card::bars(canvas, layout.bars, self.matrix);
        if let Some(circle) = layout.card {
            card::card(canvas, circle, self.matrix);
            card_text(canvas, circle);
        }
        if let Some(circle) = layout.dial {
            // Neutral under the moving luma, also while all around it flashes.
            canvas.disc(circle.centre, to_f32(circle.radius), Yuv::grey(QUIET));
            card::rim(canvas, circle);
            card::ticks(canvas, circle);
        }
        self.draw_title(canvas);
        for area in [layout.under_card, layout.beside_dial] {
            if let (Some(font), false) = (&self.lines, layout.small) {
                plate(canvas, text_block(area, font), font.height() / 4);
            }
        }
        if let Some(area) = layout.banner {
            canvas.fill(area, Yuv::rgb(BANNER, self.matrix));
        }
    }

    fn draw_title(&self, canvas: &mut Canvas<'_>) {
        let (w, h) = self.size;
        let area = self.layout.title;
        let rate = decimal(f64::from(self.settings.fps.num) / f64::from(self.settings.fps.den));
        let texts = if self.layout.small {
            vec![(area, format!("weir {w}x{h}@{rate}"))]
        } else {
            let (left, right) = area.split_left(area.w / 2);
            vec![(left, "weir AV test source".to_owned()), (right, format!("{w}x{h} @ {rate} fps"))]
        };
        let longest = texts.iter().map(|(_, t)| t.chars().count()).max().unwrap_or(0);
        let room = texts.iter().map(|(a, _)| a.w).min().unwrap_or(0);
        let height = if self.layout.small { area.h } else { area.h * 5 / 8 };
        let Some(mut font) = Font::fit_line(longest, room * 15 / 16, height) else { return };
        for (area, text) in texts {
            let at = Area { w: font.width_of(&text).min(area.w), h: font.height(), ..area };
            let at = Area { x: area.x + (area.w - at.w) / 2, y: area.y + (area.h - at.h) / 2, ..at };
            if !self.layout.small {
                plate(canvas, at, font.height() / 6);
            }
            font.draw(canvas, (at.x.cast_signed(), at.y), self.layout.stage, &text, QUIET);
        }
    }

    fn draw_marker(&self, canvas: &mut Canvas<'_>, moment: &Moment, shown: Shown) {
        let [_, _, _, _, a, b, c, d] = moment.number.to_be_bytes();
        let frame = u32::from_be_bytes([a, b, c, d]);
        let (luma, stride) = canvas.luma();
        let marker = Marker { frame, second_mark: shown.second_mark, centis: shown.centis() };
        marker::draw(luma, self.size.0 as usize, self.size.1 as usize, stride, marker);
    }

    /// The dial, and its hub: lit while the beep sounds.
    fn draw_dial(&self, canvas: &mut Canvas<'_>, shown: Shown) {
        let Some((dial, circle)) = &self.dial else { return };
        dial.draw(canvas, shown.turn(), shown.seconds);
        let lit = shown.beeps(self.settings.beep_ms);
        let colour = if lit { self.beep_colour(shown.seconds) } else { Yuv::grey(40) };
        canvas.disc(circle.centre, to_f32(circle.radius) / 6.0, colour);
    }

    fn beep_colour(&self, second: u64) -> Yuv {
        let rgb = match Tone::of_second(second) {
            Tone::Even => [0.1, 0.8, 0.3],
            Tone::Odd => [1.0, 0.65, 0.1],
            Tone::Tenth => [0.25, 0.4, 1.0],
        };
        Yuv::rgb(rgb, self.matrix)
    }

    fn draw_lines(&mut self, canvas: &mut Canvas<'_>, moment: &Moment, shown: Shown) {
        let Some(font) = &mut self.lines else { return };
        let s = shown.seconds;
        let time = format!("{:02}:{:02}:{:02}/{:02}", s / 3_600, s / 60 % 60, s % 60, shown.frame);
        let utc = utc::time_of_day(moment.utc);
        let (number, layout) = (moment.number, &self.layout);
        if layout.small {
            let texts = [format!("F {number}"), format!("T {time}"), format!("U {utc}")];
            return write_lines(canvas, font, layout.beside_dial, &texts);
        }
        let mark = if self.settings.lock { "UTC*" } else { "UTC " };
        let date = format!("Date {}", utc::date(moment.utc));
        write_lines(canvas, font, layout.under_card, &[date, format!("{mark} {utc}")]);
        write_lines(canvas, font, layout.beside_dial, &[format!("Frame: {number}"), format!("Time: {time}")]);
    }

    fn draw_banner(&mut self, canvas: &mut Canvas<'_>, moment: &Moment) {
        let Some((font, area)) = &mut self.banner else { return };
        let text = &self.settings.banner;
        let period = font.width_of(text) + area.w / 4;
        if text.is_empty() {
            return;
        }
        // The whole width in eight seconds.
        let speed = (self.size.0 / 8).max(1);
        let moved = if self.settings.moving_banner { self.settings.fps.at(moment.index, speed) } else { 0 };
        let offset = usize::try_from(moved % period as u64).expect("less than the period");
        let y = area.y + (area.h - font.height()) / 2;
        let copies = if self.settings.moving_banner { (area.w + offset).div_ceil(period) } else { 1 };
        for copy in 0..copies {
            let x = (copy * period).cast_signed() - offset.cast_signed();
            font.draw(canvas, (x, y), *area, text, WHITE);
        }
    }
}

/// One font for all lines, as large as all of them allow.
fn line_font(layout: &Layout) -> Option<Font> {
    if layout.small {
        let area = layout.beside_dial;
        return Font::fit_line(layout::SHORT_LINE, area.w, area.h / 3);
    }
    let (a, b) = (layout.under_card, layout.beside_dial);
    Font::fit_line(layout::LINE, a.w.min(b.w) * 9 / 10, a.h.min(b.h) * 2 / 5)
}

/// Where two full lines stand in their area: in the middle, close together.
fn text_block(area: Area, font: &Font) -> Area {
    let (w, h) = (font.width_of(&"0".repeat(layout::LINE)), 2 * font.height());
    Area::new(area.x + (area.w - w.min(area.w)) / 2, area.y + (area.h - h.min(area.h)) / 2, w, h)
}

/// Writes two lines into their block, or three spread over their area.
fn write_lines(canvas: &mut Canvas<'_>, font: &mut Font, area: Area, texts: &[String]) {
    let block = if texts.len() == 2 { text_block(area, font) } else { area };
    let pitch = block.h / texts.len();
    for (i, text) in texts.iter().enumerate() {
        let y = block.y + i * pitch + (pitch - font.height().min(pitch)) / 2;
        font.draw(canvas, ((block.x + 2).cast_signed(), y), area, text, WHITE);
    }
}

/// A black plate behind text, `margin` larger on all sides.
fn plate(canvas: &mut Canvas<'_>, text: Area, margin: usize) {
    let (x, y) = (text.x.saturating_sub(margin) & !1, text.y.saturating_sub(margin) & !1);
    canvas.fill(Area::new(x, y, (text.w + 2 * margin + 1) & !1, (text.h + 2 * margin + 1) & !1), BLACK);
}

fn card_text(canvas: &mut Canvas<'_>, Circle { centre, radius }: Circle) {
    let version = format!("v{}", env!("CARGO_PKG_VERSION"));
    for ((top, bottom), text) in [(card::NAME_BAND, "weir"), (card::VERSION_BAND, &*version)] {
        let at = |part: usize| centre.1 - radius + part * radius / 32;
        let area = Area::new(centre.0 - radius / 2, at(top), radius, at(bottom) - at(top));
        let Some(mut font) = Font::fit_line(text.len(), area.w, area.h) else { continue };
        let x = centre.0.cast_signed() - (font.width_of(text) / 2).cast_signed();
        font.draw(canvas, (x, area.y + (area.h - font.height()) / 2), area, text, WHITE);
    }
}

/// A rate with at most three decimals and no trailing zeros.
fn decimal(rate: f64) -> String {
    format!("{rate:.3}").trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::timing::Grid;

    fn settings(num: u32) -> PictureSettings {
        PictureSettings {
            fps: Grid { num, den: 1 },
            lock: false,
            moving_banner: true,
            banner: "b\u{e4}nner \u{4e2d}".into(),
            beep_ms: 50,
            blank: false,
        }
    }

    fn picture(width: u32, height: u32) -> Picture {
        Picture::new(&settings(25), (width, height), &Memory::new(1 << 30)).expect("memory")
    }

    #[test]
    fn a_blank_picture_is_black_and_nothing_else() {
        let blank = PictureSettings { blank: true, ..settings(25) };
        let mut picture = Picture::new(&blank, (321, 181), &Memory::new(1 << 30)).expect("memory");
        for index in [0, 7, 250] {
            let frame = picture.draw(&at(index));
            assert!(frame.plane(0).data.iter().all(|s| *s == 16));
            assert!([1, 2].iter().all(|n| frame.plane(*n).data.iter().all(|s| *s == 128)));
        }
    }

    fn at(index: u64) -> Moment {
        Moment { number: index, index, utc: 1_700_000_000_000_000 }
    }

    /// Y, U and V at a luma position.
    fn pixel(frame: &Frame, x: usize, y: usize) -> (u8, u8, u8) {
        let sample = |i: usize, x: usize, y: usize| frame.plane(i).data[y * frame.plane(i).stride + x];
        (sample(0, x, y), sample(1, x / 2, y / 2), sample(2, x / 2, y / 2))
    }

    #[test]
    fn the_hub_is_lit_while_the_beep_sounds_and_tenths_flash() {
        let mut p = picture(320, 240);
        let hub = p.layout.dial.expect("has a dial").centre;
        let mut seen = Vec::new();
        for index in [0, 1, 2, 25, 26, 27, 50, 249, 250, 251] {
            let frame = p.draw(&at(index));
            let lit = pixel(&frame, hub.0, hub.1).1 != 128;
            let flash = pixel(&frame, 2, p.layout.stage.h - 40).1 > 140;
            seen.push((index, lit, flash));
        }
        // At 40 ms a frame, a beep of 50 ms sounds on two.
        let lit = [0, 1, 25, 26, 50, 250, 251];
        assert_eq!(seen.clone(), seen.iter().map(|s| (s.0, lit.contains(&s.0), s.0 % 250 == 0)).collect::<Vec<_>>());
    }

    #[test]
    fn the_dial_follows_the_second() {
        let mut p = picture(240, 160);
        let Circle { centre: (x, y), radius: r } = p.layout.dial.expect("has a dial");
        let [right, left] = [(x + r / 2, y), (x - r / 2, y)];
        let shade = |frame: &Frame, (x, y)| pixel(frame, x, y).0;
        let half = p.draw(&at(13));
        assert_ne!(shade(&half, right), shade(&half, left));
        let next = p.draw(&at(25 + 13));
        assert_eq!((shade(&half, right), shade(&half, left)), (shade(&next, left), shade(&next, right)), "they swap");
    }

    #[test]
    fn a_reused_block_leaves_no_trace() {
        let mut p = picture(320, 180);
        let first = p.draw(&at(77)).plane(0).data.to_vec();
        for index in [250, 99_999_999, 3] {
            drop(p.draw(&at(index)));
        }
        assert_eq!(p.draw(&at(77)).plane(0).data, first);
    }

    #[test]
    fn memory_that_is_not_there_is_a_limit() {
        let e = Picture::new(&settings(25), (1280, 720), &Memory::new(1 << 20)).err().expect("too little");
        assert_eq!(e.kind, ErrorKind::Limit);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn every_size_is_drawn_and_marked(
            w in 16_u32..420, h in 16_u32..420, index in 0_u64..1 << 40, rate in 1_u32..=1_000, utc: u64,
        ) {
            let mut p = Picture::new(&settings(rate), (w, h), &Memory::new(1 << 30)).expect("memory");
            let frame = p.draw(&Moment { number: index, index, utc });
            let luma = frame.plane(0);
            let read = marker::read(luma.data, luma.width, luma.rows, luma.stride);
            let low = u32::try_from(index & 0xffff_ffff).expect("masked");
            prop_assert_eq!(read.map(|m| m.frame), marker::fits(luma.width, luma.rows).then_some(low));
        }
    }
}
