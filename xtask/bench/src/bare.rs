//! The yardstick: a loop that writes ready-made bytes to N sockets by the clock, and does nothing else.
//!
//! No protocol and no policy. It keeps what a socket did not take until the next write is due, for ever.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use weir_flv::TagKind;

use crate::Result;
use crate::clip::{self, Piece};

/// Bytes before each body: its length and its kind, and as long as the header of an RTMP message.
pub(crate) const HEAD: usize = 12;
/// Pieces in one write.
const MOST: usize = 64;

/// When a loop writes what is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Rule {
    /// Each message when it is due.
    Each,
    /// With each picture; sound waits for the next.
    Ride,
    /// All that has come, every so many milliseconds.
    Every(u32),
}

impl Rule {
    pub(crate) fn word(self) -> String {
        match self {
            Self::Each => "each".to_owned(),
            Self::Ride => "ride".to_owned(),
            Self::Every(millis) => millis.to_string(),
        }
    }

    pub(crate) fn of(word: &str) -> Result<Self> {
        match word {
            "each" => Ok(Self::Each),
            "ride" => Ok(Self::Ride),
            millis => Ok(Self::Every(millis.parse()?)),
        }
    }

    /// Whether to write now, after a piece came at `millis`, `waited` after the first that was not written.
    fn is_due(self, piece: &Piece, waited: u32) -> bool {
        match self {
            Self::Each => true,
            Self::Ride => piece.kind == TagKind::Video,
            Self::Every(millis) => waited >= millis,
        }
    }
}

/// A socket, and what it has not taken yet: pieces, and where in the first to go on.
struct Peer {
    socket: TcpStream,
    late: VecDeque<usize>,
    from: usize,
}

/// Serves whoever connects, for ever.
pub(crate) fn serve(port: u16, rule: Rule) -> Result<()> {
    let pieces = clip::pieces()?;
    let mut wire: Vec<Vec<u8>> = pieces.iter().map(framed).collect();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    listener.set_nonblocking(true)?;
    let mut peers: Vec<Peer> = Vec::new();
    let mut pending: Vec<usize> = Vec::new();
    let mut start = Instant::now();
    loop {
        for (n, piece) in pieces.iter().enumerate() {
            let due = start + Duration::from_millis(u64::from(piece.millis));
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            clip::stamp(piece.kind, &mut wire[n][HEAD..]);
            pending.push(n);
            let waited = piece.millis.wrapping_sub(pieces[pending[0]].millis) % clip::millis();
            if !rule.is_due(piece, waited) {
                continue;
            }
            peers.retain_mut(|peer| {
                peer.late.extend(&pending);
                peer.flush(&wire).is_ok()
            });
            pending.clear();
            while let Ok((socket, _)) = listener.accept() {
                socket.set_nonblocking(true)?;
                socket.set_nodelay(true)?;
                peers.push(Peer { socket, late: VecDeque::new(), from: 0 });
            }
        }
        start += Duration::from_millis(u64::from(clip::millis()));
    }
}

/// A piece behind its head.
fn framed(piece: &Piece) -> Vec<u8> {
    let mut bytes = vec![0; HEAD];
    let length = u32::try_from(piece.body.len()).expect("pieces are small");
    bytes[..4].copy_from_slice(&length.to_be_bytes());
    bytes[4] = u8::from(piece.kind == TagKind::Video);
    bytes.extend(&piece.body);
    bytes
}

impl Peer {
    /// Writes what the socket takes. An error means that it is gone.
    fn flush(&mut self, wire: &[Vec<u8>]) -> io::Result<()> {
        while !self.late.is_empty() {
            let mut slices = [IoSlice::new(&[]); MOST];
            let mut count = 0;
            for (slice, n) in slices.iter_mut().zip(&self.late) {
                *slice = IoSlice::new(&wire[*n][if count == 0 { self.from } else { 0 }..]);
                count += 1;
            }
            match self.socket.write_vectored(&slices[..count]) {
                Ok(taken) => self.pass(wire, taken),
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// Walks over what was taken.
    fn pass(&mut self, wire: &[Vec<u8>], mut taken: usize) {
        while let Some(n) = self.late.front() {
            let rest = wire[*n].len() - self.from;
            if taken < rest {
                self.from += taken;
                return;
            }
            taken -= rest;
            self.from = 0;
            self.late.pop_front();
        }
    }
}
