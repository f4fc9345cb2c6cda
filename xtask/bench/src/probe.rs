//! One player that looks at what it gets: how long each message took, and how long a newcomer waits for a key frame.
//!
//! It prints `took P50 P99 P999` for pictures, in microseconds, or `first P50 P99` for newcomers.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

use weir_flv::TagKind;
use weir_media::Time;
use weir_rtmp::message::kind;
use weir_rtmp::{ClientConfig, ClientEvent, ClientSession, RtmpUrl};

use crate::load::Kind;
use crate::{Result, bare, clip, feed};

/// Newcomers, one after the other.
const JOINS: usize = 25;

/// Plays for as long as the load does, and prints.
pub(crate) fn watch(kind: Kind, port: u16, time: Duration) -> Result<()> {
    let mut player = Player::connect(kind, port)?;
    // The first group of pictures comes late and at once.
    let settled = Instant::now() + Duration::from_secs(1);
    let end = settled + time;
    let mut ages = Vec::new();
    while Instant::now() < end {
        player.take(&mut |kind, body| {
            if let Some(age) = clip::age(kind, body).filter(|_| kind == TagKind::Video && Instant::now() > settled) {
                ages.push(age);
            }
        })?;
    }
    println!("took {}", percentiles(ages, &[500, 990, 999])?);
    Ok(())
}

/// Comes anew again and again, and prints.
pub(crate) fn join(kind: Kind, port: u16) -> Result<()> {
    let mut waits = Vec::new();
    for n in 0..JOINS {
        // At any place of a group of pictures of two seconds.
        std::thread::sleep(Duration::from_millis((n as u64 * 137) % 400));
        let begin = Instant::now();
        let mut player = Player::connect(kind, port)?;
        let mut first = None;
        while first.is_none() {
            player.take(&mut |kind, body| {
                if clip::is_key(kind, body) {
                    first.get_or_insert(begin.elapsed());
                }
            })?;
        }
        waits.extend(first.and_then(|wait| u64::try_from(wait.as_micros()).ok()));
    }
    println!("first {}", percentiles(waits, &[500, 990])?);
    Ok(())
}

fn percentiles(mut all: Vec<u64>, per_mille: &[usize]) -> Result<String> {
    if all.is_empty() {
        return Err("the probe got nothing".into());
    }
    all.sort_unstable();
    let at = |p: &usize| all[(all.len() * p / 1000).min(all.len() - 1)].to_string();
    Ok(per_mille.iter().map(at).collect::<Vec<_>>().join(" "))
}

struct Player {
    socket: TcpStream,
    wire: Wire,
    buffer: Vec<u8>,
    begin: Instant,
}

enum Wire {
    Rtmp(Box<ClientSession>),
    Raw(Vec<u8>),
}

impl Player {
    fn connect(kind: Kind, port: u16) -> Result<Self> {
        let socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        socket.set_nodelay(true)?;
        let wire = match kind {
            Kind::Rtmp => {
                let config = ClientConfig::play(&RtmpUrl::parse(&feed::url(port))?);
                Wire::Rtmp(Box::new(ClientSession::new(config, &[3; 32], Time::ZERO)))
            }
            Kind::Raw => Wire::Raw(Vec::new()),
        };
        Ok(Self { socket, wire, buffer: vec![0; 256 << 10], begin: Instant::now() })
    }

    /// Waits for what comes next and shows each message in it.
    fn take(&mut self, show: &mut dyn FnMut(TagKind, &[u8])) -> Result<()> {
        if let Wire::Rtmp(session) = &mut self.wire {
            while let Some(bytes) = session.poll_transmit() {
                self.socket.write_all(&bytes)?;
            }
        }
        let count = self.socket.read(&mut self.buffer)?;
        if count == 0 {
            return Err("the server closed the probe".into());
        }
        let bytes = &self.buffer[..count];
        match &mut self.wire {
            Wire::Rtmp(session) => {
                let now = Time::from_micros(u64::try_from(self.begin.elapsed().as_micros()).unwrap_or(u64::MAX));
                session.handle_input(bytes, now)?;
                while let Some(event) = session.poll_event() {
                    let ClientEvent::Media(message) = event else { continue };
                    let kind = if message.kind == kind::VIDEO { TagKind::Video } else { TagKind::Audio };
                    show(kind, &message.body);
                }
            }
            Wire::Raw(kept) => {
                kept.extend(bytes);
                let mut at = 0;
                while let Some((kind, body)) = raw(&kept[at..]) {
                    show(kind, body);
                    at += bare::HEAD + body.len();
                }
                kept.drain(..at);
            }
        }
        Ok(())
    }
}

/// The first whole piece of what the bare loop sends.
fn raw(bytes: &[u8]) -> Option<(TagKind, &[u8])> {
    let length = u32::from_be_bytes(bytes.get(..4)?.try_into().ok()?) as usize;
    let kind = if *bytes.get(4)? == 1 { TagKind::Video } else { TagKind::Audio };
    Some((kind, bytes.get(bare::HEAD..bare::HEAD + length)?))
}
