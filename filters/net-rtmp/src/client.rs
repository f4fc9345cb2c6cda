//! [`Client`]: one connection: its session, what it plays or publishes, and the one message it was sent a part of. Knows no
//! other client.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use weir_media::Time;
use weir_plugin::{ConnId, FilterId, Io, Lease};
use weir_rtmp::ServerSession;
use weir_rtmp::ring::{Batch, Cursor};

use crate::publish::Publishing;
use crate::stream::Stream;
use crate::twins::Going;
use crate::writer::{Broken, Feed, Half, Writer, Wrote};

/// Memory leased for a connection, besides what its session holds of the peer's input and of its own answers.
pub(crate) const CONNECTION_BYTES: usize = 8 << 10;
/// Bytes read from one connection in one turn.
const READ_PER_TURN: usize = 64 << 10;
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
    /// It published nothing for too long.
    Silent,
    /// It did not take the end of its stream in time.
    Late,
    /// It made room for a newcomer.
    Evicted,
    /// The memory of the process is used up.
    Memory,
}

impl Why {
    /// For whom it published.
    pub(crate) fn in_words(&self) -> &'static str {
        match self {
            Self::Closed => "it is gone",
            Self::Broken => "its connection broke",
            Self::Error(_) => "it broke the protocol",
            Self::Stalled => "it takes no answers",
            Self::Silent => "it sends nothing any more",
            Self::Late | Self::Evicted => "it made room for others",
            Self::Memory => "the memory cap is reached",
        }
    }
}

impl From<Broken> for Why {
    fn from(_: Broken) -> Self {
        Self::Broken
    }
}

/// One connection.
pub(crate) struct Client {
    pub(crate) conn: ConnId,
    pub(crate) peer: SocketAddr,
    pub(crate) session: ServerSession,
    pub(crate) watching: Option<Watching>,
    pub(crate) publishing: Option<Publishing>,
    pub(crate) writer: Writer,
    lease: Lease,
    /// Reading may give something.
    pub(crate) readable: bool,
    /// Something is due that was not written: fresh media has to wait for its turn.
    pub(crate) behind: bool,
    /// It is in the queue of those with something to do.
    pub(crate) queued: bool,
    /// It has neither played nor published yet.
    pub(crate) is_new: bool,
    /// It announced Enhanced RTMP.
    pub(crate) is_enhanced: bool,
    /// How long it may wait.
    pub(crate) stall: Duration,
    /// The session is over: say what is left, end our side, and close by then.
    closing: Option<Time>,
    /// The stream whose end it is being told.
    pub(crate) leaves: Option<FilterId>,
    /// Times it was refused.
    pub(crate) refusals: u32,
    /// It goes to another reactor when its turn is over.
    pub(crate) goes: Option<Going>,
    /// The stream that home counts it for, while it plays elsewhere.
    pub(crate) counted: Option<FilterId>,
}

impl Client {
    pub(crate) fn new(conn: ConnId, peer: SocketAddr, session: ServerSession, lease: Lease) -> Self {
        Self {
            conn,
            peer,
            session,
            watching: None,
            publishing: None,
            writer: Writer::new(conn),
            lease,
            readable: true,
            behind: false,
            queued: false,
            is_new: true,
            is_enhanced: false,
            stall: STALL,
            closing: None,
            leaves: None,
            refusals: 0,
            goes: None,
            counted: None,
        }
    }

    /// It came to this reactor, as a connection of this id.
    pub(crate) fn is_now(&mut self, conn: ConnId) {
        self.conn = conn;
        self.writer.is_now(conn);
        (self.readable, self.queued) = (true, false);
    }

    /// Whether fresh media can go out at once.
    pub(crate) fn is_caught_up(&self) -> bool {
        !self.writer.blocked && !self.behind
    }

    /// The message of the ring it has sent a part of.
    pub(crate) fn half(&self) -> Option<Half> {
        self.writer.half()
    }

    /// Reads what has come. Events are for the caller to take.
    pub(crate) fn read(&mut self, io: &mut dyn Io, scratch: &mut [u8]) -> Result<Turn, Why> {
        let mut left = READ_PER_TURN;
        // Who sends faster than it is taken is not read, and so is held back by its own system.
        while self.readable && self.publishing.as_ref().is_none_or(Publishing::has_room) {
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
        self.behind = true;
        let Self { session, watching, writer, .. } = self;
        let watching = watching.as_mut().filter(|w| !w.paused);
        let feed = stream.zip(watching).map(|(stream, watching)| Feed {
            ring: &stream.ring,
            policy: &stream.settings.lag,
            cursor: &mut watching.cursor,
            batch,
        });
        let (sent, wrote) = writer.write(io, now, &mut || session.poll_transmit(), feed);
        let turn = match wrote {
            Ok(Wrote::All) => {
                self.rest(io);
                Ok(Turn::Rest)
            }
            Ok(Wrote::Blocked) => Ok(Turn::Rest),
            Ok(Wrote::Budget) => Ok(Turn::More),
            Err(broken) => Err(broken.into()),
        };
        (sent, turn)
    }

    /// Nothing is left to write now.
    fn rest(&mut self, io: &mut dyn Io) {
        self.behind = false;
        if self.closing.is_some() {
            io.shutdown(self.conn);
        }
    }

    /// It watches no more. What it was in the middle of is its own from here on.
    pub(crate) fn leave(&mut self) -> Option<Watching> {
        self.writer.leave_ring();
        self.watching.take()
    }

    /// The session is over: what it has still to say is said, then the connection ends.
    pub(crate) fn close_soon(&mut self, now: Time) {
        self.closing.get_or_insert(now + LINGER);
    }

    /// Leases the memory that is held for this peer alone. False when there is not enough.
    pub(crate) fn account(&mut self) -> bool {
        let unread = self.publishing.as_ref().map_or(0, |p| p.unread);
        let bytes = CONNECTION_BYTES + self.session.held() + self.writer.held() + unread;
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
        if has_come(self.falls_silent()) {
            return Err(Why::Silent);
        }
        self.session.handle_timeout(now).map_err(Why::Error)
    }

    /// The next deadline of this connection.
    pub(crate) fn deadline(&self) -> Option<Time> {
        [self.closing, self.stalls(), self.falls_silent(), self.session.poll_timeout()].into_iter().flatten().min()
    }

    /// When it will have published nothing for too long.
    fn falls_silent(&self) -> Option<Time> {
        self.publishing.as_ref().and_then(Publishing::silent_at)
    }

    /// When it will have stalled, unless it takes something before. Who pauses need not read.
    fn stalls(&self) -> Option<Time> {
        let is_paused = self.watching.as_ref().is_some_and(|w| w.paused);
        self.writer.waits.filter(|_| self.writer.blocked && !is_paused).map(|since| since + self.stall)
    }

    /// The time of a pause does not count as waiting.
    pub(crate) fn resume(&mut self, now: Time) {
        self.writer.waits = self.writer.waits.map(|_| now);
    }
}

#[cfg(test)]
impl Client {
    pub(crate) fn leased(&self) -> usize {
        self.lease.bytes()
    }
}
