//! The yardstick of fan-out: a loop that only copies ready-made bytes to every socket, each message when it is due. No
//! protocol, no policy, no checks: what no server can be cheaper than with one write per message.

use std::io::{ErrorKind, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::{Result, clip};

/// Where it listens: the benchmark runs one at a time.
pub(crate) const PORT: u16 = 19_355;

/// Serves for ever.
pub(crate) fn run() -> Result<()> {
    let text = |e: std::io::Error| e.to_string();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, PORT)).map_err(text)?;
    listener.set_nonblocking(true).map_err(text)?;
    let messages = clip::messages();
    let mut sockets: Vec<TcpStream> = Vec::new();
    for round in 0_u32.. {
        let begin = Instant::now();
        for message in &messages {
            let due = Duration::from_millis(message.at.into());
            sleep(due.saturating_sub(begin.elapsed()));
            while let Ok((socket, _)) = listener.accept() {
                socket.set_nonblocking(true).and_then(|()| socket.set_nodelay(true)).map_err(text)?;
                sockets.push(socket);
            }
            // A socket that takes no more loses the message; one that is gone is forgotten.
            sockets.retain_mut(|s| match s.write(&message.tag) {
                Ok(_) => true,
                Err(e) => e.kind() == ErrorKind::WouldBlock,
            });
        }
        sleep(Duration::from_secs(clip::SECONDS.into()).saturating_sub(begin.elapsed()));
        let _ = round;
    }
    Ok(())
}
