//! [`Session`]: one connection to the server, from the handshake to the end. Tries nothing again.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use weir_media::Time;
use weir_plugin::{ConnId, Io, PathInfo, Phase};
use weir_rtmp::ring::{Batch, Cursor, Drops, Ring, Start};
use weir_rtmp::{ClientConfig, ClientEvent, ClientSession, Redacted};

use super::settings::{Drop, Settings};
use crate::remote::{Failure, Refusal, refusal};
use crate::writer::{Feed, Writer, Wrote};

/// Bytes read in one turn: a server that is published to has little to say.
const READ_PER_TURN: usize = 16 << 10;
/// What was sent may stay unacknowledged for this long.
const UNACKED_MAX: Duration = Duration::from_secs(15);
/// A server that closes this soon after it took the stream did not want it: many say no in no other way.
const SUSPICIOUS: Duration = Duration::from_secs(5);
/// A session that is over has this long to say so.
const LINGER: Duration = Duration::from_secs(1);

/// How a session ended.
#[derive(Debug)]
pub(super) enum Ending {
    /// As it should.
    Done,
    Failed(Failure),
    /// The server asks who is there: connect again at once, and say this in the way of logins.
    Refused(Redacted),
}

impl From<Refusal> for Ending {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Failed(failure) => Self::Failed(failure),
            Refusal::LogIn(description) => Self::Refused(description),
        }
    }
}

impl From<Failure> for Ending {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// What a session is served with.
pub(super) struct With<'a> {
    pub(super) settings: &'a Settings,
    pub(super) ring: &'a Ring,
    /// Where the session before this one stopped.
    pub(super) resume: Option<u64>,
    pub(super) batch: &'a mut Batch,
}

/// See the module documentation.
pub(super) struct Session {
    pub(super) conn: ConnId,
    pub(super) peer: SocketAddr,
    rtmp: ClientSession,
    writer: Writer,
    readable: bool,
    pub(super) cursor: Option<Cursor>,
    /// When the server took the stream.
    published: Option<Time>,
    /// When the first media went out.
    pub(super) live: Option<Time>,
    pub(super) sent: u64,
    /// When the system last took a byte.
    took: Time,
    /// What the peer has acknowledged, and since when.
    acked: (u64, Time),
    pub(super) path: PathInfo,
    /// All is said: close by then.
    closing: Option<Time>,
    leaving: bool,
}

impl Session {
    pub(super) fn new(io: &mut dyn Io, conn: ConnId, peer: SocketAddr, config: ClientConfig) -> Self {
        let mut seed = [0; 32];
        io.random(&mut seed);
        let now = io.now();
        Self {
            conn,
            peer,
            rtmp: ClientSession::new(config, &seed, now),
            writer: Writer::new(conn),
            readable: true,
            cursor: None,
            published: None,
            live: None,
            sent: 0,
            took: now,
            acked: (0, now),
            path: PathInfo::default(),
            closing: None,
            leaving: false,
        }
    }

    pub(super) fn phase(&self) -> Phase {
        match (self.rtmp.phase(), self.live, self.closing) {
            (_, _, Some(_)) => Phase::Draining,
            (weir_rtmp::Phase::Handshake, ..) => Phase::Handshaking,
            (_, Some(_), _) => Phase::Live,
            _ => Phase::Publishing,
        }
    }

    /// Readiness of the connection.
    pub(super) fn ready(&mut self, readable: bool, writable: bool) {
        self.readable |= readable;
        self.writer.blocked &= !writable;
    }

    /// Reads, answers and writes what is due. True when there is more to do at once.
    pub(super) fn serve(&mut self, io: &mut dyn Io, mut with: With<'_>) -> Result<bool, Ending> {
        self.read(io, with.settings)?;
        self.events(io, &with)?;
        let (before, now) = (self.sent, io.now());
        let feed = self.cursor.as_mut().filter(|_| self.closing.is_none()).map(|cursor| Feed {
            ring: with.ring,
            policy: &with.settings.lag,
            cursor,
            batch: with.batch,
        });
        let place = feed.as_ref().map(|feed| feed.cursor.position());
        let rtmp = &mut self.rtmp;
        let (sent, wrote) = self.writer.write(io, now, &mut || rtmp.poll_transmit(), feed);
        with.batch.clear();
        self.sent = before + sent as u64;
        if sent > 0 {
            self.took = now;
            if place.is_some() && place != self.cursor.as_ref().map(Cursor::position) {
                self.live.get_or_insert(now);
            }
        }
        match wrote {
            Err(_) => Err(self.broken().into()),
            Ok(Wrote::Budget) => Ok(true),
            Ok(Wrote::Blocked) => Ok(false),
            Ok(Wrote::All) => {
                if self.closing.is_some() {
                    io.shutdown(self.conn);
                } else if self.leaving {
                    self.finish(now);
                    return self.serve_again(io, &mut with);
                }
                Ok(false)
            }
        }
    }

    fn serve_again(&mut self, io: &mut dyn Io, with: &mut With<'_>) -> Result<bool, Ending> {
        let With { settings, ring, resume, .. } = *with;
        self.serve(io, With { settings, ring, resume, batch: with.batch })
    }

    fn read(&mut self, io: &mut dyn Io, settings: &Settings) -> Result<(), Ending> {
        let mut buf = [0; READ_PER_TURN];
        while self.readable {
            match io.read(self.conn, &mut buf) {
                Ok(0) if self.closing.is_some() => return Err(Ending::Done),
                Ok(0) => return Err(self.closed(io.now()).into()),
                Ok(n) => {
                    if let Err(e) = self.rtmp.handle_input(&buf[..n], io.now()) {
                        return Err(refusal(&self.rtmp, e, &settings.remote).into());
                    }
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => self.readable = false,
                Err(_) if self.closing.is_some() => return Err(Ending::Done),
                Err(_) => return Err(self.closed(io.now()).into()),
            }
        }
        Ok(())
    }

    fn events(&mut self, io: &mut dyn Io, with: &With<'_>) -> Result<(), Ending> {
        while let Some(event) = self.rtmp.poll_event() {
            match event {
                ClientEvent::Publishing { msid } => {
                    let now = io.now();
                    self.published = Some(now);
                    self.acked = (0, now);
                    let mut cursor = start(with, msid, now);
                    cursor.set_legacy(with.settings.form.is_legacy_for(self.rtmp.is_enhanced()));
                    self.cursor = Some(cursor);
                }
                ClientEvent::Reconnect => self.leaving = true,
                ClientEvent::Ended if self.closing.is_none() => {
                    return Err(Failure::network("the server ended the stream").into());
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The server closed without a word.
    fn closed(&self, now: Time) -> Failure {
        let soon = |at: Time| now.since(at) < SUSPICIOUS;
        let (what, suspicious) = match (self.rtmp.phase(), self.published) {
            (weir_rtmp::Phase::Handshake, _) => ("the server closed the connection in the handshake", false),
            (_, None) => ("the server closed the connection before it took the stream; is the key right?", true),
            (_, Some(at)) if soon(at) => {
                ("the server closed the connection as it took the stream; is the key right?", true)
            }
            _ => ("the server closed the connection", false),
        };
        Failure { suspicious, ..Failure::network(what) }
    }

    fn broken(&self) -> Failure {
        Failure::network("the connection broke")
    }

    /// Acts on deadlines, and looks whether bytes move: taken by the system, and acknowledged by the peer.
    pub(super) fn check(&mut self, io: &mut dyn Io, settings: &Settings, ring: &Ring) -> Result<(), Ending> {
        let now = io.now();
        if self.closing.is_some_and(|at| at <= now) {
            return Err(Ending::Done);
        }
        if let Err(e) = self.rtmp.handle_timeout(now) {
            return Err(Failure::network(e.to_string()).into());
        }
        let stuck = now.since(self.took);
        if self.writer.blocked && stuck >= settings.remote.stall {
            return Err(Failure::network(format!("stalled: took nothing for {} s", stuck.as_secs())).into());
        }
        if let Some(path) = io.path(self.conn) {
            let idle = path.unacked == 0 && path.unsent == 0;
            if idle || path.acked != self.acked.0 {
                self.acked = (path.acked, now);
            }
            self.path = path;
            let silent = now.since(self.acked.1);
            if silent >= UNACKED_MAX.max(settings.remote.stall) {
                let text = format!("stalled: acknowledged nothing for {} s", silent.as_secs());
                return Err(Failure::network(text).into());
            }
        }
        if settings.drop == Drop::Disconnect
            && let Some(cursor) = &self.cursor
            && (self.lag(ring, now) > settings.hard || cursor.drops().jumps > 0)
        {
            return Err(Failure::network(format!("too slow: {} s behind", settings.hard.as_secs())).into());
        }
        Ok(())
    }

    /// Time since the next message became due.
    pub(super) fn lag(&self, ring: &Ring, now: Time) -> Duration {
        self.cursor.as_ref().map_or(Duration::ZERO, |cursor| ring.lag(cursor, now))
    }

    pub(super) fn drops(&self) -> Drops {
        self.cursor.as_ref().map(Cursor::drops).unwrap_or_default()
    }

    /// The next deadline of the session.
    pub(super) fn poll_timeout(&self, settings: &Settings) -> Option<Time> {
        let stall = self.writer.blocked.then(|| self.took + settings.remote.stall);
        [self.rtmp.poll_timeout(), self.closing, stall].into_iter().flatten().min()
    }

    /// Whether the server has the stream, so that there is somebody to take leave of.
    pub(super) fn is_published(&self) -> bool {
        self.published.is_some()
    }

    /// The stream is over: what is left is sent, then leave is taken.
    pub(super) fn leave(&mut self) {
        self.leaving = true;
    }

    fn finish(&mut self, now: Time) {
        self.rtmp.close();
        self.closing = Some(now + LINGER);
    }

    /// Takes leave at once, whatever is left.
    pub(super) fn leave_now(&mut self, now: Time) {
        if self.closing.is_none() {
            self.finish(now);
        }
    }
}

/// With the newest key frame kept, but never with what was sent before: that would be going back.
fn start(with: &With<'_>, msid: u32, now: Time) -> Cursor {
    if with.settings.drop == Drop::Block {
        return with.ring.start(Start::Live, msid, now);
    }
    match with.resume {
        Some(resume) => with.ring.resume(resume, msid, now),
        None => with.ring.start(Start::Key, msid, now),
    }
}
