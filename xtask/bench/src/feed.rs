//! The publisher of the clip: it sends each message when it is due, with that time in it, to a server under measurement.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

use weir_flv::TagKind;
use weir_media::{Bytes, Time};
use weir_rtmp::chunk::{Csid, render};
use weir_rtmp::message::{Message, kind};
use weir_rtmp::{ClientConfig, ClientEvent, ClientSession, RtmpUrl};

use crate::Result;
use crate::clip::{self, Piece};

/// Where it publishes.
pub(crate) fn url(port: u16) -> String {
    format!("rtmp://127.0.0.1:{port}/live/clip")
}

/// Publishes for ever.
pub(crate) fn run(port: u16) -> Result<()> {
    let (mut socket, msid) = publish(port)?;
    let mut send = |piece: &Piece, body: Vec<u8>, timestamp: u32| -> Result<()> {
        let (kind, csid) = match piece.kind {
            TagKind::Video => (kind::VIDEO, Csid::VIDEO),
            TagKind::Audio | TagKind::Script => (kind::AUDIO, Csid::AUDIO),
        };
        let message = Message { kind, timestamp, msid, body: Bytes::from(body) };
        Ok(socket.write_all(&render(&message, csid, ClientConfig::CHUNK_SIZE))?)
    };
    for header in clip::headers()? {
        send(&header, header.body.clone(), 0)?;
    }
    let pieces = clip::pieces()?;
    let start = Instant::now();
    for round in 0.. {
        for piece in &pieces {
            let timestamp = round * clip::millis() + piece.millis;
            let due = start + Duration::from_millis(u64::from(timestamp));
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            let mut body = piece.body.clone();
            clip::stamp(piece.kind, &mut body);
            send(piece, body, timestamp)?;
        }
    }
    Ok(())
}

/// A connection whose server takes the stream, and the message stream it goes on.
fn publish(port: u16) -> Result<(TcpStream, u32)> {
    let url = RtmpUrl::parse(&url(port))?;
    let begin = Instant::now();
    let now = || Time::from_micros(u64::try_from(begin.elapsed().as_micros()).unwrap_or(u64::MAX));
    let mut session = ClientSession::new(ClientConfig::publish(&url), &[5; 32], now());
    let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    socket.set_nodelay(true)?;
    let mut buffer = [0; 4096];
    loop {
        while let Some(bytes) = session.poll_transmit() {
            socket.write_all(&bytes)?;
        }
        while let Some(event) = session.poll_event() {
            if let ClientEvent::Publishing { msid } = event {
                return Ok((socket, msid));
            }
        }
        let count = socket.read(&mut buffer)?;
        if count == 0 {
            return Err("the server does not take the stream".into());
        }
        session.handle_input(&buffer[..count], now())?;
    }
}
