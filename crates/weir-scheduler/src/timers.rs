//! All deadlines of a session in one heap.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use weir_media::Time;
use weir_plugin::ConnId;

/// Whose deadline.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Due {
    /// A node wants to be called.
    Node(usize),
    /// The timer of a service.
    Service(usize),
    /// The timer of a connection of a service.
    Conn(usize, ConnId),
    /// A listener that ran out of descriptors tries again.
    Accept(usize),
}

/// Deadlines, earliest first. Entries are never removed early: the owner checks whether one still holds.
#[derive(Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<(Time, Due)>>,
}

impl Timers {
    pub(crate) fn set(&mut self, at: Time, due: Due) {
        self.heap.push(Reverse((at, due)));
    }

    /// The next deadline that is due at `now`.
    pub(crate) fn pop(&mut self, now: Time) -> Option<(Time, Due)> {
        let Reverse((at, _)) = self.heap.peek()?;
        if *at > now {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| entry)
    }

    pub(crate) fn next(&self) -> Option<Time> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }
}
