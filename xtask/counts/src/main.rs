//! `weir-counts NAME TIMES`: does one of the hot things TIMES times, and nothing else, so that a simulated processor can count
//! what once of it takes. `weir-counts` alone lists the names. It measures nothing itself.

use std::hint::black_box;
use std::process::ExitCode;

use weir_flv::{Tag, TagKind, TagReader, write_tag};
use weir_media::{Bytes, BytesMut, Time};
use weir_rtmp::chunk::{ChunkReader, Csid, Limits, render};
use weir_rtmp::message::{Control, Message, kind};
use weir_rtmp::ring::{Batch, Class, Cursor, Kind, LagPolicy, Legacy, Media, Renderer, Ring, RingLimits, Start};

/// Chunk size of all that is written.
const CHUNK: u32 = 4096;
/// Bytes of a picture, as at 2 Mb/s.
const PICTURE: usize = 9_000;
/// Players of a ring.
const PLAYERS: usize = 100;
/// Bytes that come from a socket at once.
const SEGMENT: usize = 1_448;

/// Something that can be done, so many times.
type Work = fn(u32);

/// What can be done, and what once of it is.
const ALL: &[(&str, Work)] = &[
    // A picture rendered, kept, and gathered for 100 players who stand beside each other.
    ("ring-together", ring_together),
    // The same when each player has a message stream of its own.
    ("ring-apart", ring_apart),
    // A picture cut into chunks.
    ("chunks-write", chunks_write),
    // A picture read from chunks, as it comes from a socket.
    ("chunks-read", chunks_read),
    // A picture framed as FLV.
    ("flv-write", flv_write),
    // A picture read from FLV, as it comes from a file.
    ("flv-read", flv_read),
];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let run = |name: &str, times: &str| {
        let (_, f) = ALL.iter().find(|(n, _)| *n == name)?;
        f(times.parse().ok()?);
        Some(())
    };
    match *words {
        [] => ALL.iter().for_each(|(name, _)| println!("{name}")),
        [name, times] if run(name, times).is_some() => {}
        _ => {
            eprintln!("usage: weir-counts [NAME TIMES]");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn body() -> Bytes {
    [&[0x27, 1, 0, 0, 0][..], &vec![7; PICTURE]].concat().into()
}

fn ring_together(times: u32) {
    ring(times, |_| 1);
}

fn ring_apart(times: u32) {
    ring(times, |n| n + 1);
}

/// Pushes pictures, each of which every player gathers.
fn ring(times: u32, msid: impl Fn(u32) -> u32) {
    let mut renderer = Renderer::new(CHUNK);
    let mut ring = Ring::new(RingLimits::default(), CHUNK);
    let (policy, mut batch, body) = (LagPolicy::default(), Batch::default(), body());
    let mut players: Vec<Cursor> = (0..PLAYERS as u32).map(|n| ring.start(Start::Live, msid(n), Time::ZERO)).collect();
    for n in 0..times {
        let class = if n % 50 == 0 { Class::Key } else { Class::Inter };
        let media = Media { kind: Kind::Video, class, timestamp: n * 40, body: body.clone(), legacy: Legacy::Same };
        let now = Time::from_millis(u64::from(n) * 40);
        ring.push(renderer.render(media, now).expect("a picture is no long message"));
        batch.clear();
        for player in &mut players {
            black_box(ring.gather(player, now, &policy, &mut batch, 64, 256 << 10));
        }
    }
}

fn message(n: u32, body: &Bytes) -> Message {
    Message { kind: kind::VIDEO, timestamp: n * 40, msid: 1, body: body.clone() }
}

fn chunks_write(times: u32) {
    let body = body();
    for n in 0..times {
        black_box(render(&message(n, &body), Csid::VIDEO, CHUNK));
    }
}

fn chunks_read(times: u32) {
    let mut reader = ChunkReader::new(Limits::DEFAULT);
    let said = render(&Control::SetChunkSize(CHUNK).message(), Csid::CONTROL, 128);
    assert_eq!(reader.read(&mut &said[..]).map(|m| m.is_some()), Ok(true));
    let wire = render(&message(1, &body()), Csid::VIDEO, CHUNK);
    for _ in 0..times {
        for segment in wire.chunks(SEGMENT) {
            let mut input = segment;
            while let Some(message) = reader.read(&mut input).expect("sound chunks") {
                black_box(message);
            }
        }
    }
}

fn tag(n: u32, body: &Bytes) -> Tag {
    Tag { kind: TagKind::Video, timestamp: n * 40, body: body.clone() }
}

fn flv_write(times: u32) {
    let body = body();
    for n in 0..times {
        let mut out = BytesMut::new();
        write_tag(&tag(n, &body), &mut out).expect("a picture is no long tag");
        black_box(out.freeze());
    }
}

fn flv_read(times: u32) {
    let mut wire = BytesMut::new();
    write_tag(&tag(1, &body()), &mut wire).expect("a picture is no long tag");
    let mut reader = TagReader::of_tags();
    for _ in 0..times {
        reader.push(&wire);
        while let Some(tag) = reader.pull() {
            black_box(tag.expect("a sound tag"));
        }
    }
}
