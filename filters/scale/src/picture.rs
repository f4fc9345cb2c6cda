//! Making one picture of another: its planes, scaled one by one, within a border.

use std::sync::Arc;

use fast_image_resize::images::{CroppedImageMut, Image, ImageRef};
use fast_image_resize::{PixelType, ResizeOptions, Resizer};
use weir_media::{Frame, FramePool, PlaneLayout};

use crate::settings::Settings;
use crate::shape::{Area, Shape};

/// Scales pictures, in memory that is used again.
pub(crate) struct Maker {
    resizer: Resizer,
    options: ResizeOptions,
    pool: FramePool,
    /// Red, green, blue of borders.
    colour: [u8; 3],
}

impl Maker {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            resizer: Resizer::new(),
            options: ResizeOptions::new().resize_alg(settings.algorithm),
            pool: FramePool::new(),
            colour: settings.colour,
        }
    }

    /// `frame` as `shape` says. `matrix` is what the colours of borders are made with.
    ///
    /// # Errors
    /// What the library says against it.
    pub(crate) fn make(&mut self, frame: &Frame, shape: &Shape, matrix: Matrix) -> Result<Arc<Frame>, String> {
        let (planes, len) = Frame::layout(frame.format(), shape.to.0, shape.to.1);
        let mut data = self.pool.take(len);
        if !shape.is_whole() {
            let border = matrix.yuv(self.colour);
            planes.iter().zip(border).for_each(|(p, value)| data[p.offset..p.offset + p.stride * p.rows].fill(value));
        }
        for (index, plane) in planes.iter().enumerate() {
            let area = if index == 0 { shape.area } else { halved(shape.area) };
            let target = &mut data[plane.offset..plane.offset + plane.stride * plane.rows];
            self.plane(frame, index, plane, area, target)?;
        }
        let made = Frame::new(frame.format(), shape.to.0, shape.to.1, self.pool.freeze(data));
        made.map(Arc::new).ok_or_else(|| "the picture is shorter than its planes".to_owned())
    }

    fn plane(
        &mut self,
        frame: &Frame,
        index: usize,
        layout: &PlaneLayout,
        area: Area,
        target: &mut [u8],
    ) -> Result<(), String> {
        let from = frame.plane(index);
        let rows = (side(from.stride)?, side(from.rows)?);
        let source = ImageRef::new(rows.0, rows.1, from.data, PixelType::U8).map_err(|e| e.to_string())?;
        let (stride, height) = (side(layout.stride)?, side(layout.rows)?);
        let mut image = Image::from_slice_u8(stride, height, target, PixelType::U8).map_err(|e| e.to_string())?;
        let Area { left, top, width, height } = area;
        let mut part = CroppedImageMut::new(&mut image, left, top, width, height).map_err(|e| e.to_string())?;
        let options = self.options.crop(0.0, 0.0, from.width as f64, from.rows as f64);
        self.resizer.resize(&source, &mut part, &options).map_err(|e| e.to_string())
    }
}

fn side(n: usize) -> Result<u32, String> {
    u32::try_from(n).map_err(|_| "a side is too long".to_owned())
}

/// An area of a picture in its chroma planes.
const fn halved(area: Area) -> Area {
    let Area { left, top, width, height } = area;
    Area { left: left / 2, top: top / 2, width: width.div_ceil(2), height: height.div_ceil(2) }
}

/// How colours are coded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Matrix {
    /// BT.709 in place of BT.601.
    pub(crate) is_709: bool,
    pub(crate) full_range: bool,
}

impl Matrix {
    /// Luma and chroma of a colour (H.273, 8.3).
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within 0 and 255")]
    pub(crate) fn yuv(self, [r, g, b]: [u8; 3]) -> [u8; 3] {
        let (kr, kb) = if self.is_709 { (0.2126, 0.0722) } else { (0.299, 0.114) };
        let [r, g, b] = [r, g, b].map(|x| f64::from(x) / 255.0);
        let y = kr * r + (1.0 - kr - kb) * g + kb * b;
        let (u, v) = ((b - y) / (2.0 * (1.0 - kb)), (r - y) / (2.0 * (1.0 - kr)));
        let (offset, luma, chroma) = if self.full_range { (0.0, 255.0, 255.0) } else { (16.0, 219.0, 224.0) };
        let code = |x: f64| x.round().clamp(0.0, 255.0) as u8;
        [code(offset + luma * y), code(128.0 + chroma * u), code(128.0 + chroma * v)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_those_of_the_standards() {
        let code = |is_709, full_range, rgb| Matrix { is_709, full_range }.yuv(rgb);
        assert_eq!(code(true, false, [0; 3]), [16, 128, 128]);
        assert_eq!(code(false, true, [255; 3]), [255, 128, 128]);
        assert_eq!(code(false, false, [255, 0, 0]), [81, 90, 240]);
        assert_eq!(code(true, false, [255, 0, 0]), [63, 102, 240]);
    }
}
