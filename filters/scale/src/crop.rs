//! The filter `crop`: a window of every picture.

use std::sync::Arc;

use weir_media::{Frame, FramePool, Packet, Payload, Prop, Props};
use weir_plugin::{Ctx, Error, ErrorKind, Filter, OneToOne, OutId, Result, Status};

use crate::shape::Area;

/// Pictures taken in one call of `process`.
const PICTURES_PER_CALL: usize = 4;

/// A length: pixels, or a part of a side.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Length {
    Pixels(u32),
    /// 0 to 100.
    Percent(f64),
}

/// What is kept of a picture.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Window {
    top: Length,
    left: Length,
    width: Length,
    height: Length,
}

impl Length {
    fn parse(text: &str) -> Option<Self> {
        match text.strip_suffix('%') {
            Some(number) => number.parse().ok().filter(|p| (0.0..=100.0).contains(p)).map(Self::Percent),
            None => text.parse().ok().map(Self::Pixels),
        }
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of the side")]
    fn of(self, side: u32) -> u32 {
        match self {
            Self::Pixels(n) => n,
            Self::Percent(p) => (f64::from(side) * p / 100.0).round() as u32,
        }
    }
}

impl Window {
    /// Reads `TOPxLEFTxWIDTHxHEIGHT`.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let lengths: Vec<Option<Length>> = text.split('x').map(Length::parse).collect();
        match lengths[..] {
            [Some(top), Some(left), Some(width), Some(height)] => Ok(Self { top, left, width, height }),
            _ => Err(Error::bad_option(format!("wnd={text} is no window such as 0x80x480x360 or 10%x10%x80%x80%"))),
        }
    }

    /// Its place in a picture of this size; `None` when nothing of it lies there.
    fn area(&self, (width, height): (u32, u32)) -> Option<Area> {
        let (left, top) = (self.left.of(width) & !1, self.top.of(height) & !1);
        let area = Area {
            left,
            top,
            width: self.width.of(width).min(width.saturating_sub(left)),
            height: self.height.of(height).min(height.saturating_sub(top)),
        };
        (area.width > 0 && area.height > 0).then_some(area)
    }
}

/// The running filter.
pub(crate) struct Crop {
    window: Window,
    pool: FramePool,
    input: Props,
    output: Option<(OutId, Props)>,
}

impl Crop {
    pub(crate) fn new(window: Window) -> Self {
        Self { window, pool: FramePool::new(), input: Props::new(), output: None }
    }

    fn set_size(&mut self, ctx: &mut Ctx<'_>, size: (u32, u32)) -> Result<Area> {
        let area = self.window.area(size);
        let area =
            area.ok_or_else(|| Error::bad_option(format!("wnd is outside pictures of {}x{}", size.0, size.1)))?;
        let props = self.input.clone().with(Prop::Width, area.width).with(Prop::Height, area.height);
        ctx.publish(&mut self.output, props);
        Ok(area)
    }

    fn cut(&self, frame: &Frame, area: Area) -> Option<Arc<Frame>> {
        let (planes, len) = Frame::layout(frame.format(), area.width, area.height);
        let mut data = self.pool.take(len);
        for (index, plane) in planes.iter().enumerate() {
            let from = frame.plane(index);
            let (left, top) = if index == 0 { (area.left, area.top) } else { (area.left / 2, area.top / 2) };
            let rows = from.data.chunks_exact(from.stride).skip(top as usize);
            let target = data.get_mut(plane.offset..)?.chunks_exact_mut(plane.stride).take(plane.rows);
            for (to, row) in target.zip(rows) {
                to.copy_from_slice(row.get(left as usize..left as usize + plane.width)?);
            }
        }
        Frame::new(frame.format(), area.width, area.height, self.pool.freeze(data)).map(Arc::new)
    }
}

impl Filter for Crop {
    fn process(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        self.work(ctx, PICTURES_PER_CALL)
    }
}

impl OneToOne for Crop {
    fn out(&self) -> Option<OutId> {
        self.output.as_ref().map(|(out, _)| *out)
    }

    fn props(&mut self, ctx: &mut Ctx<'_>, props: Props) -> Result<()> {
        let size = props.u32(Prop::Width).zip(props.u32(Prop::Height));
        self.input = props;
        size.map_or(Ok(()), |size| self.set_size(ctx, size).map(|_| ()))
    }

    fn packet(&mut self, ctx: &mut Ctx<'_>, mut packet: Packet) -> Result<()> {
        let Some(frame) = packet.frame() else {
            return Err(Error::bad_input("a raw picture comes as bytes, not as a frame"));
        };
        let area = self.set_size(ctx, (frame.width(), frame.height()))?;
        let cut = self.cut(frame, area);
        packet.data = Payload::Frame(cut.ok_or_else(|| Error::new(ErrorKind::Internal, "a window left its picture"))?);
        if let Some((out, _)) = self.output {
            ctx.send(out, packet);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_in_pixels_and_percent() {
        let area = |text, size| Window::parse(text).expect("a window").area(size);
        let of = |left, top, width, height| Some(Area { left, top, width, height });
        assert_eq!(area("60x80x480x360", (640, 480)), of(80, 60, 480, 360));
        assert_eq!(area("10%x25%x50%x50%", (640, 480)), of(160, 48, 320, 240));
        assert_eq!(area("3x5x7x9", (640, 480)), of(4, 2, 7, 9), "its place is even");
        assert_eq!(area("100x100x4294967295x1000", (640, 480)), of(100, 100, 540, 380), "what is outside is left out");
        assert_eq!(area("480x0x1x1", (640, 480)), None);
        for wrong in ["", "1x2x3", "1x2x3x4x5", "-1x0x1x1", "101%x0x1x1", "ax0x1x1", "0x0xNaN%x1"] {
            assert!(Window::parse(wrong).is_err(), "{wrong}");
        }
    }
}
