//! Where things are on a picture of a given size. Pure arithmetic; large pictures have everything, small ones the
//! essentials, tiny ones what still fits.

use crate::canvas::Area;
use crate::marker;

/// Characters of the longest line beside a label: `Frame: 4294967295`, `Time: 00:00:00/00`.
pub(crate) const LINE: usize = 17;
/// The same on a small picture: `U 00:00:00.000`.
pub(crate) const SHORT_LINE: usize = 14;
/// Pictures with a side below this have the small arrangement.
const SMALL: usize = 240;
/// A banner needs this many rows.
const MIN_BANNER: usize = 10;

/// A circle, pixels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Circle {
    pub(crate) centre: (usize, usize),
    /// Without its rim.
    pub(crate) radius: usize,
}

/// Places of everything. What does not fit is `None` or has no size.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Layout {
    /// All but the marker.
    pub(crate) stage: Area,
    pub(crate) title: Area,
    /// Colour bars of the small arrangement.
    pub(crate) bars: Area,
    /// Test card of the large arrangement.
    pub(crate) card: Option<Circle>,
    pub(crate) dial: Option<Circle>,
    /// Two lines of text under the card: date and UTC. Empty in the small arrangement.
    pub(crate) under_card: Area,
    /// Lines of text under or beside the dial: two in the large arrangement, three in the small one.
    pub(crate) beside_dial: Area,
    pub(crate) banner: Option<Area>,
    pub(crate) small: bool,
}

impl Layout {
    /// The layout of a `width` x `height` picture.
    pub(crate) fn new(width: usize, height: usize) -> Self {
        let stage_height = if marker::fits(width, height) { marker::top(height) } else { height };
        let stage = Area::new(0, 0, width, stage_height);
        let banner_height = height / 14;
        let banner = (banner_height >= MIN_BANNER).then_some(banner_height);
        let (body, banner_area) = stage.split_top(stage_height - banner.unwrap_or(0));
        let parts = if width.min(height) < SMALL { small(body) } else { large(body) };
        Self { stage, banner: banner.map(|_| banner_area), ..parts }
    }
}

/// Card with date and clock, dial with counter and time; side by side, or one above the other on upright pictures.
fn large(body: Area) -> Layout {
    let (title, rest) = body.split_top(body.h / 8);
    let (one, two) = if body.w >= body.h { rest.split_left(rest.w / 2) } else { rest.split_top(rest.h / 2) };
    let (card, under_card) = unit(one);
    let (dial, beside_dial) = unit(two);
    Layout {
        stage: body,
        title,
        bars: Area::default(),
        card,
        dial,
        under_card,
        beside_dial,
        banner: None,
        small: false,
    }
}

/// A circle over two lines of text.
fn unit(area: Area) -> (Option<Circle>, Area) {
    let (top, text) = area.split_top(area.h - area.h / 4);
    let (text, _gap) = text.split_top(text.h - text.h / 16);
    (circle(top, 12), text)
}

/// Text on the left and the dial on the right; the dial below on upright pictures.
fn small(body: Area) -> Layout {
    let (text, dial) = if body.w >= body.h {
        let side = body.h.min(body.w * 46 / 100);
        body.split_left(body.w - side)
    } else {
        let side = body.w.min(body.h * 46 / 100);
        body.split_top(body.h - side)
    };
    let (bars, text) = text.split_top((text.h / 6) & !1);
    let (title, beside_dial) = text.split_top(text.h / 6);
    Layout {
        stage: body,
        title,
        bars,
        card: None,
        dial: circle(dial, 20),
        under_card: Area::default(),
        beside_dial,
        banner: None,
        small: true,
    }
}

/// The largest circle in an area that leaves 1/`margin` of its radius for the rim, on even coordinates.
fn circle(area: Area, margin: usize) -> Option<Circle> {
    let reach = area.w.min(area.h) / 2;
    let radius = reach.saturating_sub(reach / margin + 2) & !1;
    let centre = ((area.x + area.w / 2) & !1, (area.y + area.h / 2) & !1);
    (radius >= 6).then_some(Circle { centre, radius })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn within(inner: Area, outer: Area) -> bool {
        inner.x >= outer.x
            && inner.y >= outer.y
            && inner.x + inner.w <= outer.x + outer.w
            && inner.y + inner.h <= outer.y + outer.h
    }

    proptest! {
        #[test]
        fn nothing_leaves_the_stage(w in 16_usize..3_000, h in 16_usize..3_000) {
            let l = Layout::new(w, h);
            for area in [l.title, l.bars, l.under_card, l.beside_dial, l.banner.unwrap_or_default()] {
                prop_assert!(within(area, l.stage), "{area:?} in {l:?}");
            }
            for c in [l.card, l.dial].into_iter().flatten() {
                prop_assert!(c.centre.0 >= c.radius + 2 && c.centre.1 >= c.radius + 2);
                prop_assert!(c.centre.0 + c.radius + 2 <= l.stage.w && c.centre.1 + c.radius + 2 <= l.stage.h, "{l:?}");
            }
        }
    }

    #[test]
    fn usual_sizes_have_what_they_should() {
        for (w, h) in [(160, 90), (240, 160), (320, 180)] {
            let l = Layout::new(w, h);
            assert!(l.small && l.dial.is_some() && l.card.is_none(), "{w}x{h}");
            assert_eq!(l.banner.is_some(), h >= 140);
        }
        for (w, h) in [(320, 240), (640, 360), (1280, 720), (720, 1280), (3840, 2160)] {
            let l = Layout::new(w, h);
            assert!(!l.small && l.dial.is_some() && l.card.is_some() && l.banner.is_some(), "{w}x{h}");
        }
    }
}
