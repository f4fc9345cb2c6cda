//! [`Writer`]: the writing side of one connection: what its session has to say, then media from the ring. What the system
//! does not take stays in the ring, but for the rest of one message. Knows no policy and no deadline.

use std::io::{ErrorKind, IoSlice};

use weir_media::{Buf, Bytes, Time};
use weir_plugin::{ConnId, Io};
use weir_rtmp::ring::{Batch, Cursor, LagPolicy, Ring, Step};

/// Messages gathered for one write; two buffers belong to a message at times, and the system takes at most 1024.
const GATHER_MESSAGES: usize = 64;
const GATHER_PARTS: usize = 2 * GATHER_MESSAGES;
/// Bytes written to one connection in one turn, and gathered for one write.
const WRITE_PER_TURN: usize = 256 << 10;

/// The connection broke.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Broken;

/// How a turn of writing ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wrote {
    /// Nothing more is due.
    All,
    /// The peer takes no more for now.
    Blocked,
    /// The budget is used up: there is more.
    Budget,
}

/// What one attempt to write did.
enum Attempt {
    /// So many bytes went out; look again.
    Some(usize),
    /// So many bytes went out, and nothing more is due.
    All(usize),
}

/// A message of the ring that went out in part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Half {
    /// Its sequence number.
    pub(crate) seq: u64,
    /// Memory of the whole message, bytes.
    pub(crate) bytes: usize,
}

/// Media to write: a place in a ring, and what is left out when it is late.
pub(crate) struct Feed<'a> {
    pub(crate) ring: &'a Ring,
    pub(crate) policy: &'a LagPolicy,
    pub(crate) cursor: &'a mut Cursor,
    /// Room to gather in, shared by all connections at one place.
    pub(crate) batch: &'a mut Batch,
}

/// See the module documentation.
pub(crate) struct Writer {
    conn: ConnId,
    /// The rest of what was begun. Never more than one message, or what the session says.
    begun: Bytes,
    /// Where `begun` lies in the ring; `None` when the memory is this connection's alone.
    half: Option<Half>,
    /// The peer takes no more for now.
    pub(crate) blocked: bool,
    /// Since when it has taken no whole message, while anything is due.
    pub(crate) waits: Option<Time>,
}

impl Writer {
    pub(crate) fn new(conn: ConnId) -> Self {
        Self { conn, begun: Bytes::new(), half: None, blocked: false, waits: None }
    }

    /// The connection has another id now, and may take something.
    pub(crate) fn is_now(&mut self, conn: ConnId) {
        (self.conn, self.blocked) = (conn, false);
    }

    /// The message of the ring that went out in part.
    pub(crate) fn half(&self) -> Option<Half> {
        self.half
    }

    /// The ring is left: what was begun is this connection's own from here on.
    pub(crate) fn leave_ring(&mut self) {
        self.half = None;
    }

    /// Memory held for this connection alone, bytes.
    pub(crate) fn held(&self) -> usize {
        if self.half.is_some() { 0 } else { self.begun.len() }
    }

    /// Writes what is due: what was begun, what `say` gives, then media. Says how many bytes went out.
    pub(crate) fn write(
        &mut self,
        io: &mut dyn Io,
        now: Time,
        say: &mut dyn FnMut() -> Option<Bytes>,
        mut feed: Option<Feed<'_>>,
    ) -> (usize, Result<Wrote, Broken>) {
        let mut sent = 0;
        let wrote = loop {
            if self.blocked {
                break Ok(Wrote::Blocked);
            }
            if sent >= WRITE_PER_TURN {
                break Ok(Wrote::Budget);
            }
            match self.write_next(io, now, say, feed.as_mut()) {
                Ok(Attempt::Some(n)) => sent += n,
                Ok(Attempt::All(n)) => {
                    sent += n;
                    self.waits = None;
                    break Ok(Wrote::All);
                }
                Err(e) => break Err(e),
            }
        };
        (sent, wrote)
    }

    fn write_next(
        &mut self,
        io: &mut dyn Io,
        now: Time,
        say: &mut dyn FnMut() -> Option<Bytes>,
        feed: Option<&mut Feed<'_>>,
    ) -> Result<Attempt, Broken> {
        if self.begun.is_empty() {
            self.begun = say().unwrap_or_default();
        }
        if !self.begun.is_empty() {
            return self.write_begun(io, now);
        }
        feed.map_or(Ok(Attempt::All(0)), |feed| self.write_media(io, now, feed))
    }

    fn write_begun(&mut self, io: &mut dyn Io, now: Time) -> Result<Attempt, Broken> {
        self.waits.get_or_insert(now);
        let sent = self.send(io, std::slice::from_ref(&self.begun.clone()))?;
        self.begun.advance(sent);
        if self.begun.is_empty() {
            self.begun = Bytes::new();
            self.half = None;
            self.waits = Some(now);
        }
        Ok(Attempt::Some(sent))
    }

    /// Writes media in one call.
    fn write_media(&mut self, io: &mut dyn Io, now: Time, feed: &mut Feed<'_>) -> Result<Attempt, Broken> {
        let before = feed.cursor.clone();
        let got = feed.ring.gather(feed.cursor, now, feed.policy, feed.batch, GATHER_MESSAGES, WRITE_PER_TURN);
        if feed.batch.parts().is_empty() {
            return Ok(Attempt::All(0));
        }
        self.waits.get_or_insert(now);
        let sent = self.send(io, feed.batch.parts())?;
        if sent == got.bytes {
            self.waits = Some(now);
            return Ok(if got.more { Attempt::Some(sent) } else { Attempt::All(sent) });
        }
        *feed.cursor = before;
        self.pass(feed, now, sent);
        Ok(Attempt::Some(sent))
    }

    /// Walks over the `sent` bytes that were taken, again as they were gathered: within a turn the ring stays as it is.
    /// The rest of a message taken in part is what was begun.
    fn pass(&mut self, feed: &mut Feed<'_>, now: Time, mut sent: usize) {
        let cursor = &mut *feed.cursor;
        while sent > 0 {
            let (head, body, is_shared) = match feed.ring.next(cursor, now, feed.policy) {
                Step::Headers(bytes) => (None, bytes, false),
                Step::Entry(entry) => {
                    let (head, body) = entry.wire_for(cursor);
                    (head, body, true)
                }
                Step::Idle => return,
            };
            let head_len = head.as_ref().map_or(0, Bytes::len);
            let length = head_len + body.len();
            if sent >= length {
                sent -= length;
                self.waits = Some(now);
                continue;
            }
            let half = Half { seq: cursor.position() - 1, bytes: body.len() };
            (self.begun, self.half) = match head {
                Some(head) if sent < head_len => (Bytes::from([&head[sent..], &body[..]].concat()), None),
                _ => (body.slice(sent - head_len..), is_shared.then_some(half)),
            };
            return;
        }
    }

    /// One write, of bytes there are. None taken means that the peer takes no more for now.
    fn send(&mut self, io: &mut dyn Io, parts: &[Bytes]) -> Result<usize, Broken> {
        let mut slices = [IoSlice::new(&[]); GATHER_PARTS];
        for (slice, part) in slices.iter_mut().zip(parts) {
            *slice = IoSlice::new(part);
        }
        match io.write(self.conn, &slices[..parts.len().min(GATHER_PARTS)]) {
            Ok(0) => Err(Broken),
            Ok(sent) => Ok(sent),
            Err(e) if e.kind() == ErrorKind::WouldBlock => {
                self.blocked = true;
                Ok(0)
            }
            Err(_) => Err(Broken),
        }
    }
}
