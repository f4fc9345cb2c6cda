//! Pictures of openh264 as frames of ours. They live in the decoder's memory, so they are copied, once.

use std::sync::Arc;

use openh264::decoder::DecodedYUV;
use openh264::formats::YUVSource;
use weir_media::{Frame, FramePool, PixelFormat};

/// Most pixels in a picture: 36864 macroblocks, the frame size limit of level 5.1. At 14 MB each and up to 17 held
/// back, more would be too much memory for one stream.
pub(crate) const MAX_PIXELS: u64 = 36_864 * 256;

/// A copy of a decoded picture; `None` when the decoder gives a size or planes that make no sense.
pub(crate) fn copy(picture: &DecodedYUV<'_>, pool: &FramePool) -> Option<Arc<Frame>> {
    let (width, height) = picture.dimensions();
    if width == 0 || height == 0 || (width as u64).checked_mul(height as u64)? > MAX_PIXELS {
        return None;
    }
    let (width, height) = (u32::try_from(width).ok()?, u32::try_from(height).ok()?);
    let (planes, len) = Frame::layout(PixelFormat::Yuv420, width, height);
    let strides = picture.strides();
    let sources = [(picture.y(), strides.0), (picture.u(), strides.1), (picture.v(), strides.2)];
    let mut data = pool.take(len);
    for (to, (from, stride)) in planes.iter().zip(sources) {
        let rows = data.get_mut(to.offset..)?.chunks_mut(to.stride.max(1)).take(to.rows);
        for (n, row) in rows.enumerate() {
            let start = n.checked_mul(stride)?;
            row[..to.width].copy_from_slice(from.get(start..start.checked_add(to.width)?)?);
        }
    }
    Frame::new(PixelFormat::Yuv420, width, height, pool.freeze(data)).map(Arc::new)
}
