//! [`Feed`]: the bytes in hand, cut as their reader asks. It never joins blocks that nobody asked to be joined.

use weir_media::{Buf, Bytes};

/// What is left of the block in hand, and the beginning of a header that did not come whole.
#[derive(Default)]
pub(crate) struct Feed {
    rest: Bytes,
    /// Bytes of a header from earlier blocks.
    head: Vec<u8>,
}

impl Feed {
    /// The next block. What is left of the last one must be used up.
    pub(crate) fn push(&mut self, block: Bytes) {
        debug_assert!(self.rest.is_empty(), "a block is used up before the next comes");
        self.rest = block;
    }

    /// Forgets everything in hand.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Whether a header was begun.
    pub(crate) fn is_within_header(&self) -> bool {
        !self.head.is_empty()
    }

    /// Exactly `len` bytes, or `None` until they are there.
    pub(crate) fn exactly(&mut self, len: usize) -> Option<Vec<u8>> {
        let more = len.saturating_sub(self.head.len()).min(self.rest.len());
        self.head.extend_from_slice(&self.rest[..more]);
        self.rest.advance(more);
        (self.head.len() >= len).then(|| std::mem::take(&mut self.head))
    }

    /// A line without its end, `Ok(None)` until it is there. Gives back what there is when it is longer than `max`.
    pub(crate) fn line(&mut self, max: usize) -> Result<Option<Vec<u8>>, Vec<u8>> {
        let end = self.rest.iter().position(|b| *b == b'\n');
        let len = end.unwrap_or(self.rest.len());
        let room = max.saturating_sub(self.head.len());
        self.head.extend_from_slice(&self.rest[..len.min(room)]);
        if len > room {
            return Err(std::mem::take(&mut self.head));
        }
        self.rest.advance(end.map_or(len, |end| end + 1));
        Ok(end.map(|_| std::mem::take(&mut self.head)))
    }

    /// Up to `max` bytes of the block in hand, at least one, or `None` when it is used up.
    pub(crate) fn some(&mut self, max: usize) -> Option<Bytes> {
        let len = max.min(self.rest.len());
        (len > 0).then(|| self.rest.split_to(len))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_joined_and_bounded() {
        let mut feed = Feed::default();
        feed.push(Bytes::from_static(b"ab"));
        assert_eq!(feed.exactly(3), None);
        assert!(feed.is_within_header());
        feed.push(Bytes::from_static(b"cde\nrest"));
        assert_eq!(feed.exactly(3), Some(b"abc".to_vec()));
        assert_eq!(feed.line(2), Ok(Some(b"de".to_vec())));
        assert_eq!(feed.line(4), Ok(None));
        feed.push(Bytes::from_static(b"!\n"));
        assert_eq!(feed.line(4), Err(b"rest".to_vec()));
        assert_eq!(feed.some(9).as_deref(), Some(&b"!\n"[..]));
        assert_eq!(feed.some(9), None);
    }
}
