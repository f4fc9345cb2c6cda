//! [`Frame`]: a raw picture in pooled memory. [`FramePool`] gives the memory and takes it back.

use std::sync::{Arc, Mutex};

use bytes::Bytes;

use crate::PixelFormat;

/// Where one plane lies in the frame's memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PlaneLayout {
    /// Offset of the first row, bytes.
    pub offset: usize,
    /// Distance between rows, bytes.
    pub stride: usize,
    /// Width in samples.
    pub width: usize,
    /// Number of rows.
    pub rows: usize,
}

/// A borrowed plane of a [`Frame`].
#[derive(Clone, Copy, Debug)]
pub struct Plane<'a> {
    /// All rows, `stride` apart.
    pub data: &'a [u8],
    /// Distance between rows, bytes.
    pub stride: usize,
    /// Width in samples.
    pub width: usize,
    /// Number of rows.
    pub rows: usize,
}

/// A raw picture: format, size and planes over one block of memory.
#[derive(Clone, Debug)]
pub struct Frame {
    format: PixelFormat,
    width: u32,
    height: u32,
    planes: [PlaneLayout; 3],
    data: Bytes,
}

impl Frame {
    /// The planes of a `width` x `height` picture with rows packed without padding, and the bytes it needs.
    ///
    /// Odd sizes round the chroma planes up.
    #[must_use]
    pub fn layout(format: PixelFormat, width: u32, height: u32) -> ([PlaneLayout; 3], usize) {
        let PixelFormat::Yuv420 = format;
        let (w, h) = (width as usize, height as usize);
        let (cw, ch) = (w.div_ceil(2), h.div_ceil(2));
        let y = PlaneLayout { offset: 0, stride: w, width: w, rows: h };
        let u = PlaneLayout { offset: w * h, stride: cw, width: cw, rows: ch };
        let v = PlaneLayout { offset: u.offset + cw * ch, ..u };
        ([y, u, v], v.offset + cw * ch)
    }

    /// A picture over `data` laid out as [`Frame::layout`] says; `None` when `data` is too short.
    #[must_use]
    pub fn new(format: PixelFormat, width: u32, height: u32, data: Bytes) -> Option<Self> {
        let (planes, need) = Self::layout(format, width, height);
        (data.len() >= need).then_some(Self { format, width, height, planes, data })
    }

    /// Pixel format.
    #[must_use]
    pub const fn format(&self) -> PixelFormat {
        self.format
    }

    /// Width, pixels.
    #[must_use]
    pub const fn width(&self) -> u32 {
        self.width
    }

    /// Height, pixels.
    #[must_use]
    pub const fn height(&self) -> u32 {
        self.height
    }

    /// Bytes of memory held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.data.len()
    }

    /// Whether the picture has no pixels.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// Plane `i`: 0 luma, 1 and 2 chroma.
    ///
    /// # Panics
    /// When `i` is above 2.
    #[must_use]
    pub fn plane(&self, i: usize) -> Plane<'_> {
        let p = self.planes[i];
        Plane {
            data: &self.data[p.offset..p.offset + p.stride * p.rows],
            stride: p.stride,
            width: p.width,
            rows: p.rows,
        }
    }
}

/// Memory for frames of one size, reused once every reader has let go.
#[derive(Clone, Debug, Default)]
pub struct FramePool {
    free: Arc<Mutex<Vec<Vec<u8>>>>,
}

/// Blocks kept for reuse; more than this many are given back to the allocator.
const POOL_KEEPS: usize = 16;

impl FramePool {
    /// An empty pool.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A block of exactly `len` bytes. Its content is left over from earlier use, or zero.
    #[must_use]
    pub fn take(&self, len: usize) -> Vec<u8> {
        let mut block = self.free.lock().ok().and_then(|mut free| free.pop()).unwrap_or_default();
        block.resize(len, 0);
        block
    }

    /// Freezes a block into shared bytes that return to this pool when the last reader drops them.
    #[must_use]
    pub fn freeze(&self, block: Vec<u8>) -> Bytes {
        Bytes::from_owner(Pooled { block, home: Arc::clone(&self.free) })
    }
}

struct Pooled {
    block: Vec<u8>,
    home: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl AsRef<[u8]> for Pooled {
    fn as_ref(&self) -> &[u8] {
        &self.block
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        if let Ok(mut free) = self.home.lock()
            && free.len() < POOL_KEEPS
        {
            free.push(std::mem::take(&mut self.block));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_comes_back_to_the_pool() {
        let pool = FramePool::new();
        let (_, len) = Frame::layout(PixelFormat::Yuv420, 4, 2);
        let mut block = pool.take(len);
        block[0] = 7;
        let frame = Frame::new(PixelFormat::Yuv420, 4, 2, pool.freeze(block)).expect("long enough");
        assert_eq!(frame.plane(0).data[0], 7);
        let other = frame.clone();
        drop(frame);
        assert_eq!(pool.free.lock().unwrap().len(), 0, "still read by the other");
        drop(other);
        assert_eq!(pool.free.lock().unwrap().len(), 1);
        assert_eq!(pool.take(len)[0], 7, "the same block");
    }

    #[test]
    fn odd_sizes_round_chroma_up() {
        let (planes, len) = Frame::layout(PixelFormat::Yuv420, 5, 3);
        assert_eq!((planes[1].width, planes[1].rows, len), (3, 2, 15 + 6 + 6));
        assert!(Frame::new(PixelFormat::Yuv420, 5, 3, Bytes::from(vec![0; 26])).is_none());
    }
}
