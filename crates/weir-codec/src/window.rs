//! A queue of input pieces whose front can be looked at as if it were one slice.

use std::collections::VecDeque;

use weir_media::{Buf, Bytes, BytesMut};

/// Pieces of input in a queue. Bytes at the front that lie in one piece are never copied; of those that do not,
/// only as many as were asked for.
#[derive(Debug, Default)]
pub(crate) struct Window {
    /// The front, when it had to be copied from several pieces; else empty.
    copied: BytesMut,
    /// How many bytes of `pieces[0]` are in `copied` too, at its end.
    shared: usize,
    pieces: VecDeque<Bytes>,
    len: usize,
}

impl Window {
    pub(crate) fn push(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            self.len += piece.len();
            self.pieces.push_back(piece);
        }
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// The first `n` bytes, if there are so many.
    pub(crate) fn peek(&mut self, n: usize) -> Option<&[u8]> {
        if n > self.len {
            return None;
        }
        if self.copied.is_empty() && self.pieces.front().is_some_and(|piece| piece.len() >= n) {
            return self.pieces.front().map(|piece| &piece[..n]);
        }
        while self.copied.len() < n {
            let piece = self.pieces.front()?;
            let more = (n - self.copied.len()).min(piece.len() - self.shared);
            self.copied.extend_from_slice(&piece[self.shared..self.shared + more]);
            self.shared += more;
            if self.copied.len() < n {
                self.pieces.pop_front();
                self.shared = 0;
            }
        }
        Some(&self.copied[..n])
    }

    /// Removes the first `n` bytes, if there are so many.
    pub(crate) fn take(&mut self, n: usize) -> Option<Bytes> {
        if n == 0 {
            return Some(Bytes::new());
        }
        self.peek(n)?;
        self.len -= n;
        if self.copied.is_empty() {
            let taken = self.pieces.front_mut()?.split_to(n);
            self.pieces.pop_front_if(|piece| piece.is_empty());
            return Some(taken);
        }
        let taken = self.copied.split_to(n).freeze();
        if self.copied.len() <= self.shared {
            self.uncopy();
        }
        Some(taken)
    }

    /// All that is copied is in the first piece too: goes back to that.
    fn uncopy(&mut self) {
        let gone = self.shared - self.copied.len();
        self.copied.clear();
        self.shared = 0;
        if let Some(piece) = self.pieces.front_mut() {
            piece.advance(gone);
        }
        self.pieces.pop_front_if(|piece| piece.is_empty());
    }

    /// Drops the first byte and what follows it up to the next `byte`, or all there is. Says how many it dropped.
    pub(crate) fn skip_to(&mut self, byte: u8) -> usize {
        let before = self.len;
        let mut first = true;
        while self.len > 0 {
            let front: &[u8] =
                if self.copied.is_empty() { self.pieces.front().map_or(&[], |p| p) } else { &self.copied };
            let start = usize::from(first);
            let found = memchr::memchr(byte, &front[start..]).map(|at| at + start);
            let drop_len = found.unwrap_or(front.len());
            self.take(drop_len);
            first = false;
            if found.is_some() {
                break;
            }
        }
        before - self.len
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_lies_in_one_piece_is_shared_again_after_a_border() {
        let mut window = Window::default();
        window.push(Bytes::from_static(b"ab"));
        let piece = Bytes::from_static(b"cdefgh");
        window.push(piece.clone());
        assert_eq!(window.peek(4), Some(&b"abcd"[..]));
        assert_eq!(window.take(3).unwrap(), "abc");
        let taken = window.take(4).unwrap();
        assert_eq!(taken, "defg");
        assert_eq!(taken.as_ptr(), piece[1..].as_ptr());
        assert_eq!((window.len(), window.peek(2).is_none()), (1, true));
    }

    proptest! {
        #[test]
        fn behaves_like_one_buffer(
            pieces in proptest::collection::vec(proptest::collection::vec(0_u8..4, 0..6), 0..20),
            steps in proptest::collection::vec((0_usize..3, 0_usize..9), 0..40),
        ) {
            let mut window = Window::default();
            let mut model: Vec<u8> = Vec::new();
            let mut pieces = pieces.into_iter();
            for (step, n) in steps {
                if let Some(piece) = pieces.next() {
                    model.extend(&piece);
                    window.push(piece.into());
                }
                match step {
                    0 => prop_assert_eq!(window.peek(n), model.get(..n)),
                    1 => {
                        let want = (n <= model.len()).then(|| model.drain(..n).collect::<Vec<_>>());
                        prop_assert_eq!(window.take(n).map(|b| b.to_vec()), want);
                    }
                    _ => {
                        let end = model.iter().skip(1).position(|b| *b == 3).map_or(model.len(), |at| at + 1);
                        model.drain(..end);
                        prop_assert_eq!(window.skip_to(3), end);
                    }
                }
                prop_assert_eq!(window.len(), model.len());
            }
        }
    }
}
