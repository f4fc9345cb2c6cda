//! The yardstick: a loop that writes ready-made bytes to N sockets when they are due, and does nothing else.
//!
//! No protocol and no policy. It keeps what a socket did not take until the next piece is due, for ever.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use crate::{Result, clip};

/// A socket, and what it has not taken yet: a piece, and where in it to go on.
struct Peer {
    socket: TcpStream,
    late: VecDeque<(usize, usize)>,
}

/// Serves whoever connects, for ever.
pub(crate) fn serve(port: u16) -> Result<()> {
    let pieces = clip::wire()?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    listener.set_nonblocking(true)?;
    let mut peers = Vec::new();
    let mut start = Instant::now();
    loop {
        for (n, (millis, _)) in pieces.iter().enumerate() {
            let due = start + Duration::from_millis(u64::from(*millis));
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            peers.retain_mut(|peer: &mut Peer| {
                peer.late.push_back((n, 0));
                peer.flush(&pieces).is_ok()
            });
            while let Ok((socket, _)) = listener.accept() {
                socket.set_nonblocking(true)?;
                socket.set_nodelay(true)?;
                peers.push(Peer { socket, late: VecDeque::new() });
            }
        }
        start += Duration::from_millis(u64::from(clip::millis()));
    }
}

impl Peer {
    /// Writes what the socket takes. An error means that it is gone.
    fn flush(&mut self, pieces: &[(u32, Vec<u8>)]) -> io::Result<()> {
        while let Some((piece, from)) = self.late.front_mut() {
            let rest = &pieces[*piece].1[*from..];
            match self.socket.write(rest) {
                Ok(taken) if taken == rest.len() => drop(self.late.pop_front()),
                Ok(taken) => *from += taken,
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }
}
