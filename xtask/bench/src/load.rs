//! The load generator: N players in one process, on one event loop, which read and throw away.
//!
//! It prints `begin` when all have played for a while, and `end BYTES` after the window: bytes they got in it. Then it plays
//! on until it is killed.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use weir_media::Time;
use weir_rtmp::{ClientConfig, ClientEvent, ClientSession, RtmpUrl};

use crate::{Result, feed};

/// Players that connect at the same time.
const RAMP: usize = 64;
/// From when all play to the begin of the window: the first group of pictures is over.
const SETTLE: Duration = Duration::from_secs(3);
/// The window.
pub(crate) const WINDOW: Duration = Duration::from_secs(6);
/// Longest wait for all to play.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the players speak.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// RTMP up to the first media, then nothing is looked at.
    Rtmp,
    /// Nothing; what comes is media.
    Raw,
}

impl Kind {
    pub(crate) fn of(word: &str) -> Result<Self> {
        match word {
            "rtmp" => Ok(Self::Rtmp),
            "raw" => Ok(Self::Raw),
            _ => Err("players speak rtmp or raw".into()),
        }
    }

    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Rtmp => "rtmp",
            Self::Raw => "raw",
        }
    }
}

/// One player.
struct Player {
    socket: TcpStream,
    state: State,
    unsent: Vec<u8>,
}

enum State {
    /// RTMP on its way to the first media.
    Asking(Box<ClientSession>),
    /// Nothing has come yet.
    Waiting,
    Playing,
}

struct Load {
    poll: Poll,
    players: Vec<Player>,
    start: Instant,
    playing: usize,
    bytes: u64,
    scratch: Vec<u8>,
}

/// Connects, waits, counts, prints.
pub(crate) fn run(kind: Kind, port: u16, players: usize) -> Result<()> {
    let mut load = Load {
        poll: Poll::new()?,
        players: Vec::with_capacity(players),
        start: Instant::now(),
        playing: 0,
        bytes: 0,
        scratch: vec![0; 256 * 1024],
    };
    while load.playing < players {
        while load.players.len() < players && load.players.len() - load.playing < RAMP {
            load.connect(kind, port)?;
        }
        load.turn(Duration::from_millis(100))?;
        if load.start.elapsed() > PATIENCE {
            return Err(format!("{} of {players} players play after {PATIENCE:?}", load.playing).into());
        }
    }
    load.run_for(SETTLE)?;
    load.bytes = 0;
    println!("begin");
    load.run_for(WINDOW)?;
    println!("end {}", load.bytes);
    loop {
        load.run_for(WINDOW)?;
    }
}

impl Load {
    fn connect(&mut self, kind: Kind, port: u16) -> Result<()> {
        let mut socket = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
        let token = Token(self.players.len());
        self.poll.registry().register(&mut socket, token, Interest::READABLE | Interest::WRITABLE)?;
        let url = RtmpUrl::parse(&feed::url(port))?;
        let state = match kind {
            Kind::Rtmp => State::Asking(Box::new(ClientSession::new(ClientConfig::play(&url), &[7; 32], self.now()))),
            Kind::Raw => State::Waiting,
        };
        self.players.push(Player { socket, state, unsent: Vec::new() });
        Ok(())
    }

    fn now(&self) -> Time {
        Time::from_micros(u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    fn run_for(&mut self, time: Duration) -> Result<()> {
        let end = Instant::now() + time;
        while let Some(rest) = end.checked_duration_since(Instant::now()).filter(|r| !r.is_zero()) {
            self.turn(rest)?;
        }
        Ok(())
    }

    fn turn(&mut self, most: Duration) -> Result<()> {
        let mut events = Events::with_capacity(1024);
        match self.poll.poll(&mut events, Some(most)) {
            Err(e) if e.kind() == ErrorKind::Interrupted => return Ok(()),
            other => other?,
        }
        for event in &events {
            self.serve(event.token().0)?;
        }
        Ok(())
    }

    fn serve(&mut self, index: usize) -> Result<()> {
        self.players[index].transmit()?;
        loop {
            match self.players[index].socket.read(&mut self.scratch) {
                Ok(0) => return Err("a player was disconnected".into()),
                Ok(count) => self.received(index, count)?,
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) => return Ok(()),
                Err(e) => return Err(e.into()),
            }
        }
    }

    fn received(&mut self, index: usize, count: usize) -> Result<()> {
        self.bytes += count as u64;
        let now = self.now();
        let player = &mut self.players[index];
        let plays = match &mut player.state {
            State::Playing => return Ok(()),
            State::Waiting => true,
            State::Asking(session) => {
                session.handle_input(&self.scratch[..count], now)?;
                std::iter::from_fn(|| session.poll_event()).any(|e| matches!(e, ClientEvent::Media(_)))
            }
        };
        player.transmit()?;
        if plays {
            player.state = State::Playing;
            self.playing += 1;
        }
        Ok(())
    }
}

impl Player {
    /// Sends what the session has to say.
    fn transmit(&mut self) -> Result<()> {
        if let State::Asking(session) = &mut self.state {
            std::iter::from_fn(|| session.poll_transmit()).for_each(|bytes| self.unsent.extend_from_slice(&bytes));
        }
        while !self.unsent.is_empty() {
            match self.socket.write(&self.unsent) {
                Ok(sent) => drop(self.unsent.drain(..sent)),
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) => return Ok(()),
                Err(e) => return Err(e.into()),
            }
        }
        Ok(())
    }
}
