//! Bytes in ADTS to frames, piece by piece, each with its place. Knows nothing of times.

use weir_codec::aac::{ADTS_HEADER_LEN, AdtsFrame, AdtsHeader, AdtsSplitter, MAX_ADTS_FRAME_LEN};
use weir_media::Bytes;

/// Most bytes in hand once [`Reader::pull`] gave `None`: a frame and the header after it.
pub(crate) const MAX_HELD: u64 = (MAX_ADTS_FRAME_LEN + ADTS_HEADER_LEN) as u64;

/// Cuts a stream into frames.
#[derive(Default)]
pub(crate) struct Reader {
    splitter: AdtsSplitter,
    state: State,
    /// Bytes pushed so far: the place of the next piece.
    pushed: u64,
    /// End of the frame pulled last.
    end: u64,
    /// Start of the frame pulled last.
    start: u64,
    /// Raw data blocks of that frame still to be pulled.
    blocks: u8,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    /// Nothing in hand.
    #[default]
    Empty,
    /// The last frame is not known to be whole.
    Open,
    /// What is in hand is all there is.
    Flushing,
}

impl Reader {
    /// Place of the next byte to be pushed.
    pub(crate) const fn position(&self) -> u64 {
        self.pushed
    }

    /// Whether nothing is in hand, so that a piece pushed now stands for itself.
    pub(crate) fn is_empty(&self) -> bool {
        self.state == State::Empty
    }

    /// Adds the next piece.
    pub(crate) fn push(&mut self, piece: Bytes) {
        self.pushed = self.pushed.saturating_add(piece.len() as u64);
        self.splitter.push(piece);
        self.state = State::Open;
    }

    /// Says that what was pushed ends here. False when nothing is in hand.
    pub(crate) fn flush(&mut self) -> bool {
        if self.state == State::Open {
            self.splitter.finish();
            self.state = State::Flushing;
        }
        self.state == State::Flushing
    }

    /// The next frame and the place it starts at, or `None` when there is none without more input or a flush.
    pub(crate) fn pull(&mut self) -> Option<(u64, AdtsFrame)> {
        if let Some(frame) = self.splitter.pull() {
            self.locate(&frame);
            return Some((self.start, frame));
        }
        if self.state == State::Flushing {
            *self = Self { pushed: self.pushed, end: self.pushed, ..Self::default() };
        }
        None
    }

    fn locate(&mut self, frame: &AdtsFrame) {
        if self.blocks > 0 {
            self.blocks -= 1;
            return;
        }
        self.start = self.end.saturating_add(frame.skipped);
        self.end = self.start.saturating_add(frame.header.frame_len.into());
        let alone = frame.samples == frame.header.samples();
        self.blocks = if alone { 0 } else { frame.header.blocks - 1 };
    }
}

/// Whether `data` is a number of whole frames and nothing else.
pub(crate) fn is_whole_frames(mut data: &[u8]) -> bool {
    while !data.is_empty() {
        let next = AdtsHeader::parse(data).ok().and_then(|header| data.get(header.frame_len.into()..));
        let Some(next) = next else { return false };
        data = next;
    }
    true
}
