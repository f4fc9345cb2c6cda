//! [`Player`]: one connection: its session, its cursor, and the one message it has sent a part of. Knows no other player.

use std::io::{self, ErrorKind, IoSlice};
use std::net::SocketAddr;
use std::time::Duration;

use weir_media::{Buf, Bytes, Time};
use weir_plugin::{ConnId, FilterId, Io, Lease};
use weir_rtmp::ServerSession;
use weir_rtmp::ring::{Batch, Cursor, Step};

use crate::stream::Stream;

/// Memory leased for a connection, besides what its session holds of the peer's input and of its own answers.
pub(crate) const CONNECTION_BYTES: usize = 8 << 10;
/// Bytes read from one connection in one turn.
const READ_PER_TURN: usize = 64 << 10;
/// Messages gathered for one write; two buffers belong to a message at times, and the system takes at most 1024.
const GATHER_MESSAGES: usize = 64;
const GATHER_PARTS: usize = 2 * GATHER_MESSAGES;
/// Bytes written to one connection in one turn, and gathered for one write.
const WRITE_PER_TURN: usize = 256 << 10;
/// A connection whose session is over has this long to take the rest and close.
const LINGER: Duration = Duration::from_secs(2);
/// Deadline of a blocked connection that watches nothing.
const STALL: Duration = Duration::from_secs(10);

/// What a player is watching.
pub(crate) struct Watching {
    pub(crate) stream: FilterId,
    /// Its place in the stream's list of watchers.
    pub(crate) place: usize,
    pub(crate) cursor: Cursor,
    pub(crate) paused: bool,
    /// It wants sound.
    pub(crate) audio: bool,
    /// It wants pictures.
    pub(crate) video: bool,
}

impl Watching {
    /// Messages dropped so far.
    pub(crate) fn dropped(&self) -> u64 {
        let drops = self.cursor.drops();
        [drops.disposable, drops.video, drops.audio, drops.data, drops.evicted].into_iter().map(u64::from).sum()
    }
}

/// How a turn with a connection ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Turn {
    /// Everything due is done, or waits for the peer.
    Rest,
    /// The budget is used up: there is more.
    More,
}

/// Why a connection is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Why {
    /// The peer closed, or everything has been said.
    Closed,
    /// The connection broke.
    Broken,
    /// The peer broke the protocol, a limit or a deadline.
    Error(weir_rtmp::Error),
    /// It took no whole message for too long.
    Stalled,
    /// It did not take the end of its stream in time.
    Late,
    /// It made room for a newcomer.
    Evicted,
    /// The memory of the process is used up.
    Memory,
}

/// What one attempt to write did.
enum Wrote {
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

/// One connection.
pub(crate) struct Player {
    pub(crate) conn: ConnId,
    pub(crate) peer: SocketAddr,
    pub(crate) session: ServerSession,
    pub(crate) watching: Option<Watching>,
    /// The rest of what was begun. Never more than one message, or what the session says.
    begun: Bytes,
    /// Where `begun` lies in the ring; `None` when the memory is this player's alone.
    half: Option<Half>,
    lease: Lease,
    /// Reading may give something.
    pub(crate) readable: bool,
    /// The peer takes no more for now.
    pub(crate) blocked: bool,
    /// Something is due that was not written: fresh media has to wait for its turn.
    pub(crate) behind: bool,
    /// It is in the queue of those with something to do.
    pub(crate) queued: bool,
    /// It has not played yet.
    pub(crate) is_new: bool,
    /// Since when it has taken no whole message, while anything is due.
    waits: Option<Time>,
    /// How long it may wait.
    pub(crate) stall: Duration,
    /// The session is over: say what is left, end our side, and close by then.
    closing: Option<Time>,
    /// The stream whose end it is being told.
    pub(crate) leaves: Option<FilterId>,
    /// Times it was refused.
    pub(crate) refusals: u32,
}

impl Player {
    pub(crate) fn new(conn: ConnId, peer: SocketAddr, session: ServerSession, lease: Lease) -> Self {
        Self {
            conn,
            peer,
            session,
            watching: None,
            begun: Bytes::new(),
            half: None,
            lease,
            readable: true,
            blocked: false,
            behind: false,
            queued: false,
            is_new: true,
            waits: None,
            stall: STALL,
            closing: None,
            leaves: None,
            refusals: 0,
        }
    }

    /// Whether fresh media can go out at once.
    pub(crate) fn is_caught_up(&self) -> bool {
        !self.blocked && !self.behind
    }

    /// The message of the ring it has sent a part of.
    pub(crate) fn half(&self) -> Option<Half> {
        self.half
    }

    /// Reads what has come. Events are for the caller to take.
    pub(crate) fn read(&mut self, io: &mut dyn Io, scratch: &mut [u8]) -> Result<Turn, Why> {
        let mut left = READ_PER_TURN;
        while self.readable {
            if left == 0 {
                return Ok(Turn::More);
            }
            let room = scratch.len().min(left);
            match io.read(self.conn, &mut scratch[..room]) {
                Ok(0) => return Err(Why::Closed),
                Ok(n) => {
                    left -= n;
                    self.session.handle_input(&scratch[..n], io.now()).map_err(Why::Error)?;
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => self.readable = false,
                Err(_) => return Err(Why::Broken),
            }
        }
        Ok(Turn::Rest)
    }

    /// Writes what is due: what was begun, what the session has to say, then media. Says how many bytes went out.
    pub(crate) fn write(
        &mut self,
        io: &mut dyn Io,
        now: Time,
        stream: Option<&Stream>,
        batch: &mut Batch,
    ) -> (usize, Result<Turn, Why>) {
        let mut sent = 0;
        self.behind = true;
        let turn = loop {
            if self.blocked {
                break Ok(Turn::Rest);
            }
            if sent >= WRITE_PER_TURN {
                break Ok(Turn::More);
            }
            match self.write_next(io, now, stream, batch) {
                Ok(Wrote::Some(n)) => sent += n,
                Ok(Wrote::All(n)) => {
                    sent += n;
                    self.rest(io);
                    break Ok(Turn::Rest);
                }
                Err(why) => break Err(why),
            }
        };
        (sent, turn)
    }

    fn write_next(
        &mut self,
        io: &mut dyn Io,
        now: Time,
        stream: Option<&Stream>,
        batch: &mut Batch,
    ) -> Result<Wrote, Why> {
        if self.begun.is_empty() {
            self.begun = self.session.poll_transmit().unwrap_or_default();
        }
        if !self.begun.is_empty() {
            return self.write_begun(io, now);
        }
        self.write_media(io, now, stream, batch)
    }

    fn write_begun(&mut self, io: &mut dyn Io, now: Time) -> Result<Wrote, Why> {
        self.waits.get_or_insert(now);
        let sent = self.send(io, std::slice::from_ref(&self.begun.clone()))?;
        self.begun.advance(sent);
        if self.begun.is_empty() {
            self.begun = Bytes::new();
            self.half = None;
            self.waits = Some(now);
        }
        Ok(Wrote::Some(sent))
    }

    /// Writes media in one call. What the system does not take stays in the ring, but for the one message it took a part
    /// of.
    fn write_media(
        &mut self,
        io: &mut dyn Io,
        now: Time,
        stream: Option<&Stream>,
        batch: &mut Batch,
    ) -> Result<Wrote, Why> {
        let (Some(stream), Some(watching)) = (stream, self.watching.as_mut().filter(|w| !w.paused)) else {
            return Ok(Wrote::All(0));
        };
        let policy = &stream.settings.lag;
        let before = watching.cursor.clone();
        let got = stream.ring.gather(&mut watching.cursor, now, policy, batch, GATHER_MESSAGES, WRITE_PER_TURN);
        if batch.parts().is_empty() {
            return Ok(Wrote::All(0));
        }
        self.waits.get_or_insert(now);
        let sent = self.send(io, batch.parts())?;
        if sent == got.bytes {
            self.waits = Some(now);
            return Ok(if got.more { Wrote::Some(sent) } else { Wrote::All(sent) });
        }
        if let Some(watching) = &mut self.watching {
            watching.cursor = before;
        }
        self.pass(stream, now, sent);
        Ok(Wrote::Some(sent))
    }

    /// Walks over the `sent` bytes that were taken, again as they were gathered: within a turn the ring stays as it is.
    /// The rest of a message taken in part is what was begun.
    fn pass(&mut self, stream: &Stream, now: Time, mut sent: usize) {
        let Some(watching) = &mut self.watching else { return };
        let cursor = &mut watching.cursor;
        while sent > 0 {
            let (head, body, is_shared) = match stream.ring.next(cursor, now, &stream.settings.lag) {
                Step::Headers(bytes) => (None, bytes, false),
                Step::Entry(entry) => {
                    let (head, body) = entry.wire_for(cursor.msid());
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
    fn send(&mut self, io: &mut dyn Io, parts: &[Bytes]) -> Result<usize, Why> {
        let mut slices = [IoSlice::new(&[]); GATHER_PARTS];
        for (slice, part) in slices.iter_mut().zip(parts) {
            *slice = IoSlice::new(part);
        }
        match io.write(self.conn, &slices[..parts.len().min(GATHER_PARTS)]) {
            Ok(0) => Err(Why::Broken),
            Ok(sent) => Ok(sent),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                self.blocked = true;
                Ok(0)
            }
            Err(_) => Err(Why::Broken),
        }
    }

    /// Nothing is left to write now.
    fn rest(&mut self, io: &mut dyn Io) {
        self.behind = false;
        self.waits = None;
        if self.closing.is_some() {
            io.shutdown(self.conn);
        }
    }

    /// It watches no more. What it was in the middle of is its own from here on.
    pub(crate) fn leave(&mut self) -> Option<Watching> {
        self.half = None;
        self.watching.take()
    }

    /// The session is over: what it has still to say is said, then the connection ends.
    pub(crate) fn close_soon(&mut self, now: Time) {
        self.closing.get_or_insert(now + LINGER);
    }

    /// Leases the memory that is held for this peer alone. False when there is not enough.
    pub(crate) fn account(&mut self) -> bool {
        let begun = if self.half.is_some() { 0 } else { self.begun.len() };
        let bytes = CONNECTION_BYTES + self.session.held() + begun;
        bytes == self.lease.bytes() || self.lease.resize(bytes)
    }

    /// Acts on deadlines that have come.
    pub(crate) fn timeout(&mut self, now: Time) -> Result<(), Why> {
        let has_come = |deadline: Option<Time>| deadline.is_some_and(|at| at <= now);
        if has_come(self.closing) {
            return Err(Why::Closed);
        }
        if has_come(self.stalls()) {
            return Err(Why::Stalled);
        }
        self.session.handle_timeout(now).map_err(Why::Error)
    }

    /// The next deadline of this connection.
    pub(crate) fn deadline(&self) -> Option<Time> {
        [self.closing, self.stalls(), self.session.poll_timeout()].into_iter().flatten().min()
    }

    /// When it will have stalled, unless it takes something before. Who pauses need not read.
    fn stalls(&self) -> Option<Time> {
        let is_paused = self.watching.as_ref().is_some_and(|w| w.paused);
        self.waits.filter(|_| self.blocked && !is_paused).map(|since| since + self.stall)
    }

    /// The time of a pause does not count as waiting.
    pub(crate) fn resume(&mut self, now: Time) {
        self.waits = self.waits.map(|_| now);
    }
}

#[cfg(test)]
impl Player {
    pub(crate) fn leased(&self) -> usize {
        self.lease.bytes()
    }
}
