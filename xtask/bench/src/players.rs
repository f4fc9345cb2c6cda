//! The load: many players on one thread, which shake hands, ask for the stream, and then only read.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::thread::sleep;
use std::time::{Duration, Instant};

use weir_media::Time;
use weir_rtmp::{ClientConfig, ClientEvent, ClientSession, RtmpUrl};

use crate::Result;

/// Pause between rounds over all sockets.
const ROUND: Duration = Duration::from_millis(4);

struct Player {
    socket: TcpStream,
    /// Until it plays.
    session: Option<ClientSession>,
    bytes: u64,
}

/// Plays for ever with `count` players.
pub(crate) fn run(port: u16, count: usize, rtmp: bool) -> Result<()> {
    let url = RtmpUrl::parse(&format!("rtmp://127.0.0.1:{port}/live")).map_err(|e| e.to_string())?;
    let begin = Instant::now();
    let mut players = Vec::new();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        // A few at a time, so that the backlog of the bare loop is not what is measured.
        for _ in 0..20.min(count - players.len()) {
            let socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).map_err(|e| e.to_string())?;
            socket.set_nonblocking(true).map_err(|e| e.to_string())?;
            let session = rtmp.then(|| ClientSession::new(ClientConfig::play(&url), &[7; 32], Time::ZERO));
            players.push(Player { socket, session, bytes: 0 });
        }
        let now = Time::from_micros(u64::try_from(begin.elapsed().as_micros()).unwrap_or(u64::MAX));
        for player in &mut players {
            player.turn(&mut buffer, now)?;
        }
        sleep(ROUND);
    }
}

impl Player {
    fn turn(&mut self, buffer: &mut [u8], now: Time) -> Result<()> {
        loop {
            if let Some(session) = &mut self.session {
                while let Some(bytes) = session.poll_transmit() {
                    // A few hundred bytes into an empty socket buffer are always taken.
                    self.socket.write_all(&bytes).map_err(|e| e.to_string())?;
                }
            }
            match self.socket.read(buffer) {
                Ok(0) => return Err("the server closed a player".to_owned()),
                Ok(n) => {
                    self.bytes += n as u64;
                    self.progress(&buffer[..n], now)?;
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(e) => return Err(e.to_string()),
            }
        }
    }

    /// Once media comes, what comes is only counted.
    fn progress(&mut self, bytes: &[u8], now: Time) -> Result<()> {
        let Some(session) = &mut self.session else { return Ok(()) };
        session.handle_input(bytes, now).map_err(|e| e.to_string())?;
        while let Some(event) = session.poll_event() {
            if matches!(event, ClientEvent::Media(_)) {
                self.session = None;
                return Ok(());
            }
        }
        Ok(())
    }
}
