//! [`Script`]: the bytes of a fuzzer as a script of small decisions. Never ends in an error: when the bytes are used up,
//! every decision is 0.

use weir_media::Time;

/// Reads decisions from the front.
pub(crate) struct Script<'a> {
    rest: &'a [u8],
}

impl<'a> Script<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.rest.split_first() else { return 0 };
        self.rest = rest;
        *first
    }

    pub(crate) fn bit(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    pub(crate) fn u32(&mut self) -> u32 {
        u32::from_be_bytes([self.byte(), self.byte(), self.byte(), self.byte()])
    }

    /// One of `choices`, which are not none.
    pub(crate) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::from(self.byte()) % choices.len()]
    }

    /// Up to `most` bytes, as many as the next byte says.
    pub(crate) fn piece(&mut self, most: usize) -> &'a [u8] {
        let wanted = usize::from(self.byte()).min(most);
        let (piece, rest) = self.rest.split_at(wanted.min(self.rest.len()));
        self.rest = rest;
        piece
    }

    /// Everything that is left.
    pub(crate) fn all(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }
}

/// Calls `take` with pieces of `bytes`: as long as `splits` says, in turn, and no shorter than 1.
pub(crate) fn in_pieces<'a>(bytes: &'a [u8], splits: &[u8], mut take: impl FnMut(&'a [u8])) {
    let mut rest = bytes;
    let mut lengths = splits.iter().cycle();
    while !rest.is_empty() {
        let wanted = lengths.next().map_or(rest.len(), |n| usize::from(*n).max(1));
        let (piece, tail) = rest.split_at(wanted.min(rest.len()));
        take(piece);
        rest = tail;
    }
}

/// A moment that no deadline of a test is past.
pub(crate) const EARLY: Time = Time::from_millis(1);
