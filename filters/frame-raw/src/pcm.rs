//! Samples of a file, cut into packets. Knows nothing of times.

use weir_media::Bytes;
use weir_plugin::Result;

use crate::feed::Feed;
use crate::wav::{Found, Head, Shape};

/// What a piece of a file turned out to be.
pub(crate) enum Piece {
    /// What the samples that follow are like.
    Found(Found),
    /// This many samples of all channels.
    Samples(Bytes, u32),
}

/// Cuts a file.
pub(crate) struct Cutter {
    feed: Feed,
    /// Of a WAV file: its head, while it is being read.
    head: Option<Head>,
    is_wav: bool,
    /// What the samples are, once known.
    shape: Option<Shape>,
    /// Bytes of samples still to come; `None` for all that comes.
    left: Option<u64>,
    /// Samples of the next packet.
    pending: Vec<u8>,
    /// Samples of all channels in a packet.
    per_packet: usize,
}

impl Cutter {
    /// A cutter of WAV files, or of files of samples of this shape.
    pub(crate) fn new(shape: Option<Shape>, per_packet: usize) -> Self {
        let is_wav = shape.is_none();
        let head = is_wav.then(Head::default);
        Self { feed: Feed::default(), head, is_wav, shape, left: None, pending: Vec::new(), per_packet }
    }

    pub(crate) fn push(&mut self, block: Bytes) {
        self.feed.push(block);
    }

    /// Begins the file anew.
    pub(crate) fn restart(&mut self) {
        let shape = if self.is_wav { None } else { self.shape };
        *self = Self::new(shape, self.per_packet);
    }

    /// Whether the samples have begun.
    pub(crate) const fn has_begun(&self) -> bool {
        self.shape.is_some()
    }

    /// The next piece; `None` until more bytes come.
    pub(crate) fn pull(&mut self) -> Result<Option<Piece>> {
        if let Some(head) = &mut self.head {
            let Some(found) = head.read(&mut self.feed)? else { return Ok(None) };
            self.head = None;
            self.shape = Some(found.shape);
            self.left = found.len;
            return Ok(Some(Piece::Found(found)));
        }
        let Some(shape) = self.shape else { return Ok(None) };
        let full = shape.frame() * self.per_packet;
        loop {
            if self.left == Some(0) {
                // What comes after the samples tells of them, and is stepped over.
                while self.feed.some(usize::MAX).is_some() {}
                return Ok(None);
            }
            let left = self.left.map_or(usize::MAX, |left| usize::try_from(left).unwrap_or(usize::MAX));
            let Some(data) = self.feed.some((full - self.pending.len()).min(left)) else { return Ok(None) };
            self.left = self.left.map(|left| left - data.len() as u64);
            self.pending.extend_from_slice(&data);
            if self.pending.len() == full {
                return Ok(self.rest(shape));
            }
        }
    }

    /// The last packet, shorter than others; `None` when there is nothing more.
    pub(crate) fn flush(&mut self) -> Option<Piece> {
        self.shape.and_then(|shape| self.rest(shape))
    }

    fn rest(&mut self, shape: Shape) -> Option<Piece> {
        let mut data = std::mem::take(&mut self.pending);
        let samples = data.len() / shape.frame();
        data.truncate(samples * shape.frame());
        let count = u32::try_from(samples).expect("a packet has few samples");
        (count > 0).then(|| Piece::Samples(shape.layout.convert(data), count))
    }
}
