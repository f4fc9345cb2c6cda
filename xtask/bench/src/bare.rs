//! The yardstick: a loop that writes ready-made bytes to N sockets when they are due, and does nothing else.
//!
//! No protocol, no queue, no policy. It keeps what a socket did not take, and gives up on none.

use std::collections::VecDeque;
use std::io::{ErrorKind, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use crate::{Result, clip};

/// A socket, and what it has not taken yet: a piece, and where in it to go on.
struct Peer {
    socket: TcpStream,
    late: VecDeque<(usize, usize)>,
}

/// Serves `players` connections for ever, from when all are there.
pub(crate) fn serve(port: u16, players: usize) -> Result<()> {
    let pieces = clip::wire()?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    let mut peers = Vec::new();
    while peers.len() < players {
        let (socket, _) = listener.accept()?;
        socket.set_nonblocking(true)?;
        socket.set_nodelay(true)?;
        peers.push(Peer { socket, late: VecDeque::new() });
    }
    let mut start = Instant::now();
    loop {
        for (n, (millis, _)) in pieces.iter().enumerate() {
            let due = start + Duration::from_millis(u64::from(*millis));
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            for peer in &mut peers {
                peer.late.push_back((n, 0));
                peer.flush(&pieces)?;
            }
        }
        start += Duration::from_millis(u64::from(clip::millis()));
    }
}

impl Peer {
    fn flush(&mut self, pieces: &[(u32, Vec<u8>)]) -> Result<()> {
        while let Some((piece, from)) = self.late.front_mut() {
            let rest = &pieces[*piece].1[*from..];
            match self.socket.write(rest) {
                Ok(taken) if taken == rest.len() => drop(self.late.pop_front()),
                Ok(taken) => *from += taken,
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(e) => return Err(e.into()),
            }
        }
        Ok(())
    }
}
