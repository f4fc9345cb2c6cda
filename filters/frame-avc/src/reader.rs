//! Bytes in Annex B to access units, piece by piece. Knows nothing of times.

use weir_codec::Error;
use weir_codec::avc::{AccessUnit, AccessUnitSplitter, AnnexBSplitter};
use weir_media::Bytes;

/// Cuts a stream into access units. Parameter sets are kept across [`flush`](Self::flush).
#[derive(Default)]
pub(crate) struct Reader {
    nals: AnnexBSplitter,
    units: AccessUnitSplitter,
    state: State,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    /// Nothing in hand.
    #[default]
    Empty,
    /// The last access unit is not known to be whole.
    Open,
    /// What is in hand is all there is.
    Flushing,
}

impl Reader {
    /// Adds the next piece.
    pub(crate) fn push(&mut self, piece: Bytes) {
        self.nals.push(piece);
        self.state = State::Open;
    }

    /// Says that what was pushed ends here. False when nothing is in hand.
    pub(crate) fn flush(&mut self) -> bool {
        if self.state == State::Open {
            self.nals.finish();
            self.state = State::Flushing;
        }
        self.state == State::Flushing
    }

    /// The next access unit, or `None` when there is none without more input or a flush.
    ///
    /// # Errors
    /// When a unit is over its limit. It is dropped; pull on.
    pub(crate) fn pull(&mut self) -> Result<Option<AccessUnit>, Error> {
        while let Some(nal) = self.nals.pull()? {
            if let Some(unit) = self.units.push(nal)? {
                return Ok(Some(unit));
            }
        }
        if self.state != State::Flushing {
            return Ok(None);
        }
        self.nals = AnnexBSplitter::new();
        self.state = State::Empty;
        Ok(self.units.finish())
    }
}
