//! [`Player`]: one connection: its session, its cursor, and the one message it has sent half of.

use std::io::{self, ErrorKind, IoSlice};
use std::net::SocketAddr;
use std::time::Duration;

use weir_media::{Buf, Bytes, Time};
use weir_plugin::{ConnId, FilterId, Io, Lease};
use weir_rtmp::ring::Cursor;
use weir_rtmp::{Event, ServerSession};

use crate::stream::Stream;

/// Bytes read from one connection in one turn.
const READ_PER_TURN: usize = 64 * 1024;
/// Messages gathered for one write; the system takes at most 1024 buffers, and two belong to a message at times.
const GATHER_MESSAGES: usize = 64;
/// Bytes gathered for one write.
const GATHER_BYTES: usize = 256 * 1024;
/// Bytes written to one connection in one turn.
const WRITE_PER_TURN: usize = 1024 * 1024;
/// After the end of its stream a player has this long to close.
const LINGER: Duration = Duration::from_secs(2);

/// What a player is watching.
pub(crate) struct Watching {
    pub(crate) stream: FilterId,
    pub(crate) cursor: Cursor,
    pub(crate) paused: bool,
}

/// How a turn with a connection ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Turn {
    /// Everything due is done, or waits for the peer.
    Rest,
    /// The budget is used up: there is more.
    More,
    /// The connection is over.
    Over(Why),
}

/// Why a connection is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Why {
    /// The peer closed, or everything has been said.
    Closed,
    /// The peer broke the protocol, a limit or a deadline.
    Error(weir_rtmp::Error),
    /// The connection broke.
    Broken,
    /// It took no whole message for too long.
    Stalled,
    /// The memory of the process is used up.
    Memory,
}

/// One connection.
pub(crate) struct Player {
    pub(crate) conn: ConnId,
    pub(crate) peer: SocketAddr,
    pub(crate) session: ServerSession,
    pub(crate) watching: Option<Watching>,
    /// The rest of what was begun. Never more than one message, or what the session says.
    begun: Bytes,
    /// Memory of `begun`, while it waits.
    held: Option<Lease>,
    /// Memory of the connection itself.
    _own: Lease,
    /// The peer takes no more for now.
    pub(crate) blocked: bool,
    /// It is in the queue of those with more to do.
    pub(crate) queued: bool,
    /// It has not played yet.
    pub(crate) is_new: bool,
    /// When the last whole message went out, while anything waits.
    moved: Time,
    /// Our side has been ended; until then the peer may close.
    lingers: Option<Time>,
    /// The session is over: say what is left, then end.
    pub(crate) closing: bool,
    readable: bool,
}

impl Player {
    pub(crate) fn new(conn: ConnId, peer: SocketAddr, session: ServerSession, own: Lease, now: Time) -> Self {
        Self {
            conn,
            peer,
            session,
            watching: None,
            begun: Bytes::new(),
            held: None,
            _own: own,
            blocked: false,
            queued: false,
            is_new: true,
            moved: now,
            lingers: None,
            closing: false,
            readable: true,
        }
    }

    pub(crate) fn set_readable(&mut self) {
        self.readable = true;
    }

    /// Reads what has come. Events are for the caller to take from the session.
    pub(crate) fn read(&mut self, io: &mut dyn Io, scratch: &mut [u8]) -> Turn {
        let mut left = READ_PER_TURN;
        while self.readable {
            if left == 0 {
                return Turn::More;
            }
            let room = scratch.len().min(left);
            match io.read(self.conn, &mut scratch[..room]) {
                Ok(0) => return Turn::Over(Why::Closed),
                Ok(n) => {
                    left -= n;
                    if let Err(e) = self.session.handle_input(&scratch[..n], io.now()) {
                        return Turn::Over(Why::Error(e));
                    }
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => self.readable = false,
                Err(_) => return Turn::Over(Why::Broken),
            }
        }
        Turn::Rest
    }

    pub(crate) fn next_event(&mut self) -> Option<Event> {
        self.session.poll_event()
    }

    /// Writes what is due: what was begun, what the session has to say, then media.
    pub(crate) fn write(&mut self, io: &mut dyn Io, stream: Option<&mut Stream>, out: &mut Vec<Bytes>) -> Turn {
        let turn = self.write_due(io, stream, out);
        out.clear();
        match turn {
            Ok(turn) => turn,
            Err(why) => Turn::Over(why),
        }
    }

    fn write_due(&mut self, io: &mut dyn Io, stream: Option<&mut Stream>, out: &mut Vec<Bytes>) -> Result<Turn, Why> {
        let mut left = WRITE_PER_TURN;
        let mut stream = stream;
        while !self.blocked && self.lingers.is_none() {
            if self.begun.is_empty() {
                self.begun = self.session.poll_transmit().unwrap_or_default();
            }
            let sent = if self.begun.is_empty() {
                let Some(sent) = self.write_media(io, stream.as_deref_mut(), out)? else { return self.rest(io) };
                sent
            } else {
                self.write_begun(io)?
            };
            if let Some(stream) = &mut stream {
                stream.stats.bytes += sent as u64;
            }
            left = left.saturating_sub(sent);
            if left == 0 {
                return Ok(Turn::More);
            }
        }
        Ok(Turn::Rest)
    }

    fn write_begun(&mut self, io: &mut dyn Io) -> Result<usize, Why> {
        let sent = self.send(io, &[IoSlice::new(&self.begun.clone())])?;
        self.begun.advance(sent);
        if self.begun.is_empty() {
            self.begun = Bytes::new();
            self.held = None;
            self.moved = io.now();
        } else if self.blocked && self.held.is_none() {
            self.held = Some(io.memory().lease(self.begun.len()).ok_or(Why::Memory)?);
        }
        Ok(sent)
    }

    /// Writes media in one call, or `None` when there is none. What the system does not take stays in the ring, but for
    /// the one message it took a part of.
    fn write_media(
        &mut self,
        io: &mut dyn Io,
        stream: Option<&mut Stream>,
        out: &mut Vec<Bytes>,
    ) -> Result<Option<usize>, Why> {
        let (Some(stream), Some(watching)) = (stream, self.watching.as_mut().filter(|w| !w.paused)) else {
            return Ok(None);
        };
        let now = io.now();
        let policy = &stream.settings.lag;
        let before = watching.cursor.clone();
        out.clear();
        stream.ring.gather(&mut watching.cursor, now, policy, out, GATHER_MESSAGES, GATHER_BYTES);
        if out.is_empty() {
            return Ok(None);
        }
        let slices: Vec<IoSlice<'_>> = out.iter().map(|b| IoSlice::new(b)).collect();
        let total: usize = out.iter().map(Bytes::len).sum();
        let sent = self.send(io, &slices)?;
        if sent == total {
            self.moved = now;
            return Ok(Some(sent));
        }
        // Walk again, only as far as was sent: the ring stays as it is within a turn, so the walk is the same.
        let watching = self.watching.as_mut().ok_or(Why::Broken)?;
        watching.cursor = before;
        let mut sent_left = sent;
        while sent_left > 0 {
            out.clear();
            stream.ring.gather(&mut watching.cursor, now, policy, out, 1, 1);
            let mut message: Vec<u8> = Vec::new();
            let length: usize = out.iter().map(Bytes::len).sum();
            if sent_left < length {
                self.begun = match out.as_slice() {
                    [one] => one.slice(sent_left..),
                    parts => {
                        parts.iter().for_each(|p| message.extend_from_slice(p));
                        Bytes::from(message).slice(sent_left..)
                    }
                };
                self.held = Some(io.memory().lease(self.begun.len()).ok_or(Why::Memory)?);
                break;
            }
            self.moved = now;
            sent_left -= length;
        }
        Ok(Some(sent))
    }

    /// One write. Nothing taken means the peer takes no more for now.
    fn send(&mut self, io: &mut dyn Io, slices: &[IoSlice<'_>]) -> Result<usize, Why> {
        match io.write(self.conn, slices) {
            Ok(sent) => Ok(sent),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                self.blocked = true;
                Ok(0)
            }
            Err(_) => Err(Why::Broken),
        }
    }

    /// Nothing is left to write now.
    fn rest(&mut self, io: &mut dyn Io) -> Result<Turn, Why> {
        self.moved = io.now();
        if self.closing {
            io.shutdown(self.conn);
            self.lingers = Some(io.now() + LINGER);
        }
        Ok(Turn::Rest)
    }

    /// Checks deadlines that have come.
    pub(crate) fn timeout(&mut self, now: Time, stall: Duration) -> Turn {
        if self.lingers.is_some_and(|at| at <= now) {
            return Turn::Over(Why::Closed);
        }
        if self.blocked && now.since(self.moved) >= stall {
            return Turn::Over(Why::Stalled);
        }
        match self.session.handle_timeout(now) {
            Ok(()) => Turn::Rest,
            Err(e) => Turn::Over(Why::Error(e)),
        }
    }

    /// The next deadline of this connection.
    pub(crate) fn deadline(&self, stall: Duration) -> Option<Time> {
        let stalled = self.blocked.then(|| self.moved + stall);
        [self.lingers, stalled, self.session.poll_timeout()].into_iter().flatten().min()
    }

    /// Messages dropped for this player so far.
    pub(crate) fn dropped(&self) -> u64 {
        let drops = self.watching.as_ref().map(|w| w.cursor.drops()).unwrap_or_default();
        [drops.disposable, drops.video, drops.audio, drops.data, drops.evicted].into_iter().map(u64::from).sum()
    }
}
