//! [`Batch`]: what one player is to be sent next, gathered once and used for every player at the same place. Holds bytes
//! and two cursors; knows no ring.

use weir_media::Bytes;

use super::cursor::{Cursor, Video};
use super::walk::Gathered;

/// Messages ready to write, and the walk that gathered them.
///
/// Holds for one ring at one time and under one policy: [`Batch::clear`] it before it meets another.
#[derive(Debug, Default)]
pub struct Batch {
    pub(super) parts: Vec<Bytes>,
    pub(super) got: Gathered,
    /// Where the walk began and ended; `None` when another player at the same place could walk differently.
    pub(super) walk: Option<(Cursor, Cursor)>,
}

impl Batch {
    /// Forgets what was gathered.
    pub fn clear(&mut self) {
        self.parts.clear();
        self.got = Gathered::default();
        self.walk = None;
    }

    /// The bytes to write, in order.
    #[must_use]
    pub fn parts(&self) -> &[Bytes] {
        &self.parts
    }

    /// Moves `cursor` as the walk did, if it stands where that began.
    pub(super) fn moves(&self, cursor: &mut Cursor) -> bool {
        let Some((_, to)) = self.walk.as_ref().filter(|(from, _)| from.is_beside(cursor)) else { return false };
        cursor.next = to.next;
        true
    }

    /// Remembers a walk that dropped nothing and was not shaped by when its player joined.
    pub(super) fn remember(&mut self, from: Cursor, to: &Cursor) {
        if from.is_settled() && from.drops == to.drops && from.video == to.video {
            self.walk = Some((from, to.clone()));
        }
    }
}

impl Cursor {
    /// Nothing of its own is ahead of it: no headers, no waiting for a key frame.
    fn is_settled(&self) -> bool {
        !self.greet && !self.hold && matches!(self.video, Video::Flowing | Video::Off)
    }

    /// Whether `other` is to be sent the same, as long as neither is late.
    fn is_beside(&self, other: &Self) -> bool {
        let place = |c: &Self| (c.next, c.msid, c.video, c.audio, c.legacy);
        other.is_settled() && place(self) == place(other)
    }
}
