//! What does not move: the grid behind everything and the test card, drawn once per size.
//!
//! The card is a disc of bands: colour bars, the same bars in reverse, a step wedge, a ramp and gratings of rising
//! frequency, with room for a name above and a version below.

use crate::canvas::{Area, Canvas, Matrix, Yuv, length, to_f32};
use crate::layout::Circle;

/// 75 % bars in falling luminance: white, yellow, cyan, green, magenta, red, blue.
const BARS: [[f32; 3]; 7] = [
    [0.75, 0.75, 0.75],
    [0.75, 0.75, 0.0],
    [0.0, 0.75, 0.75],
    [0.0, 0.75, 0.0],
    [0.75, 0.0, 0.75],
    [0.75, 0.0, 0.0],
    [0.0, 0.0, 0.75],
];
/// Slate blue.
const FLASH: [f32; 3] = [0.415, 0.353, 0.804];
/// Periods of the gratings, pixels.
const GRATINGS: [f32; 6] = [24.0, 16.0, 10.0, 6.0, 4.0, 3.0];
/// Steps of the wedge from black to white.
const STEPS: usize = 11;

/// The band of the card for its name, and for its version: tops and bottoms in 1/64 of the diameter.
pub(crate) const NAME_BAND: (usize, usize) = (4, 15);
pub(crate) const VERSION_BAND: (usize, usize) = (53, 60);

/// Colours of the backdrop.
#[derive(Clone, Copy)]
pub(crate) struct Backdrop {
    pub(crate) base: Yuv,
    line: Yuv,
}

impl Backdrop {
    /// The usual one, or that of the flash.
    pub(crate) fn new(flash: bool, matrix: Matrix) -> Self {
        if flash {
            let base = Yuv::rgb(FLASH, matrix);
            Self { base, line: Yuv { y: base.y + 40, ..base } }
        } else {
            Self { base: Yuv::grey(38), line: Yuv::grey(74) }
        }
    }

    /// Fills the stage, with a grid of squares when asked to.
    pub(crate) fn draw(self, canvas: &mut Canvas<'_>, stage: Area, height: usize, grid: bool) {
        canvas.fill(stage, self.base);
        let square = (height / 18).max(8) & !1;
        let thick = (height / 540).max(1);
        if !grid {
            return;
        }
        // From the middle, so that both sides end alike.
        for x in (stage.w / 2 % square..stage.w).step_by(square) {
            canvas.fill(Area::new(x, 0, thick, stage.h), self.line);
        }
        for y in (stage.h / 2 % square..stage.h).step_by(square) {
            canvas.fill(Area::new(0, y, stage.w, thick), self.line);
        }
    }
}

/// The seven bars side by side.
pub(crate) fn bars(canvas: &mut Canvas<'_>, area: Area, matrix: Matrix) {
    for (i, rgb) in BARS.into_iter().enumerate() {
        let edge = |i: usize| (area.x + i * area.w / BARS.len()) & !1;
        canvas.fill(Area::new(edge(i), area.y, edge(i + 1) - edge(i), area.h), Yuv::rgb(rgb, matrix));
    }
}

/// The test card with its rim.
pub(crate) fn card(canvas: &mut Canvas<'_>, circle: Circle, matrix: Matrix) {
    let Circle { centre: (cx, cy), radius } = circle;
    let bars = BARS.map(|rgb| Yuv::rgb(rgb, matrix));
    let square = Area::new(cx - radius, cy - radius, 2 * radius, 2 * radius);
    let r = to_f32(radius);
    canvas.shade(square, |x, y| {
        let (dx, dy) = (to_f32(x) + 0.5 - to_f32(cx), to_f32(y) + 0.5 - to_f32(cy));
        (length(dx, dy) < r).then(|| band(x - square.x, y - square.y, square.w, &bars))
    });
    rim(canvas, circle);
}

/// A bright ring just outside a circle.
pub(crate) fn rim(canvas: &mut Canvas<'_>, Circle { centre, radius }: Circle) {
    let thick = (to_f32(radius) / 60.0).max(1.5);
    canvas.ring(centre, to_f32(radius) - 0.5, to_f32(radius) + thick, Yuv::grey(200));
}

/// Marks each tenth of a turn around the rim of a dial.
pub(crate) fn ticks(canvas: &mut Canvas<'_>, Circle { centre, radius }: Circle) {
    let (cx, cy, r) = (to_f32(centre.0), to_f32(centre.1), to_f32(radius));
    let at = |angle: f32, reach: f32| (cx + angle.sin() * r * reach, cy - angle.cos() * r * reach);
    for tenth in 0..10_u8 {
        let angle = f32::from(tenth) / 10.0 * std::f32::consts::TAU;
        canvas.stroke(at(angle, 1.02), at(angle, 1.07), (r / 30.0).max(1.5), Yuv::grey(235));
    }
}

/// Colour of the card at column `x`, row `y` of its square of `side` pixels.
fn band(x: usize, y: usize, side: usize, bars: &[Yuv; 7]) -> Yuv {
    let bar = x * bars.len() / side;
    match y * 64 / side {
        19..=32 => bars[bar],
        33..=35 => {
            // Blue, magenta, cyan and grey under their complements, black between.
            if bar.is_multiple_of(2) { bars[bars.len() - 1 - bar] } else { Yuv::grey(16) }
        }
        36..=41 => Yuv::grey(grey(to_f32(x * STEPS / side) / to_f32(STEPS - 1))),
        42..=45 => Yuv::grey(grey(to_f32(x) / to_f32(side - 1))),
        46..=51 => grating(x, side),
        _ => Yuv::grey(16),
    }
}

/// Luma of a brightness from 0 to 1.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
fn grey(brightness: f32) -> u8 {
    (16.0 + 219.0 * brightness.clamp(0.0, 1.0)).round() as u8
}

/// Sine gratings, each a sixth of the width.
fn grating(x: usize, side: usize) -> Yuv {
    let part = x * GRATINGS.len() / side;
    let within = x - (part * side).div_ceil(GRATINGS.len());
    let wave = (to_f32(within) * std::f32::consts::TAU / GRATINGS[part]).cos();
    Yuv::grey(grey(0.5 + 0.45 * wave))
}
