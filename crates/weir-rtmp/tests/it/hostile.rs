//! Hostile input: recorded conversations, damaged by a seeded generator. Nothing may panic, nothing may hold more memory
//! than its limits, and the same bytes give the same outcome however they are split.

use std::collections::HashSet;

use weir_amf::{Object, Value};
use weir_media::{Bytes, Time};
use weir_rtmp::chunk::{ChunkReader, Csid, Limits, render};
use weir_rtmp::message::{Command, Control, Message, UserControl, kind, split_aggregate};
use weir_rtmp::{ClientConfig, ClientSession, Event, Refusal, RtmpUrl, ServerConfig, ServerSession, StreamPath};

use crate::support::{ExtStyle, RefWriter, Rng, connect_chunks};

/// Answers that may wait (and those to one more batch), and the limit of unfinished messages.
const HELD_MAX: usize = 2 * (64 << 10) + (16 << 20);

fn handshake() -> Vec<u8> {
    [&[3][..], &[0; 3072]].concat()
}

fn command(msid: u32, name: &str, txn: f64, args: &[Value]) -> Message {
    Command::new(name, txn, [&[Value::Null], args].concat()).message(msid)
}

/// What a lively client sends after its handshake.
fn client_chunks() -> Vec<u8> {
    let object = Object::new().with("app", "live").with("tcUrl", "rtmp://h/live").with("capsEx", 15.0);
    let mut writer = RefWriter::new(ExtStyle::Repeat, true);
    let media = |kind, timestamp, len| Message { kind, timestamp, msid: 1, body: vec![0x27; len].into() };
    for message in [
        Command::new("connect", 1.0, vec![object.into()]).message(0),
        Control::WindowAckSize(5_000).message(),
        Control::User(UserControl::SetBufferLength { msid: 1, millis: 3000 }).message(),
        command(0, "createStream", 2.0, &[]),
        command(0, "FCSubscribe", 3.0, &["key1".into()]),
        command(1, "play", 4.0, &["key1?t=1".into(), (-2000.0).into()]),
        command(1, "pause", 5.0, &[true.into(), 0.0.into()]),
        media(kind::VIDEO, 20_000_000, 400),
        media(kind::AUDIO, 20_000_023, 300),
        command(1, "publish", 6.0, &["key1".into(), "live".into()]),
        Control::SetChunkSize(4096).message(),
        command(0, "deleteStream", 7.0, &[1.0.into()]),
        Control::User(UserControl::PingResponse(5)).message(),
        Control::Abort(6).message(),
    ] {
        let csid = if message.kind < 8 { 2 } else { u32::from(message.kind) % 5 + 3 };
        writer.message(csid, &message);
        if message.kind == kind::SET_CHUNK_SIZE {
            writer.chunk_size = 4096;
        }
    }
    writer.out
}

/// What a server sends after its handshake.
fn server_chunks() -> Vec<u8> {
    let status = |code: &str| Value::from(Object::new().with("level", "status").with("code", code));
    let item = [8, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0xaf, 1, 0, 0, 0, 13];
    let media = |kind, body: &[u8]| Message { kind, timestamp: 5, msid: 1, body: Bytes::copy_from_slice(body) };
    let messages = [
        Control::WindowAckSize(2_500_000).message(),
        Control::SetPeerBandwidth(5_000, weir_rtmp::message::BandwidthLimit::Dynamic).message(),
        Control::SetChunkSize(300).message(),
        command(0, "_result", 1.0, &[status("NetConnection.Connect.Success")]),
        command(0, "_result", 2.0, &[1.0.into()]),
        Control::User(UserControl::StreamBegin(1)).message(),
        command(1, "onStatus", 0.0, &[status("NetStream.Play.Start")]),
        media(kind::DATA_AMF3, &[0, 2, 0, 1, 65]),
        media(kind::VIDEO, &[0x17; 900]),
        media(kind::AGGREGATE, &item.repeat(3)),
        Control::User(UserControl::PingRequest(5)).message(),
        command(1, "onStatus", 0.0, &[status("NetStream.Play.Stop")]),
        Control::User(UserControl::StreamEof(1)).message(),
    ];
    let mut out = Vec::new();
    for (i, message) in messages.iter().enumerate() {
        out.extend_from_slice(&render(message, Csid::COMMAND, if i < 3 { 128 } else { 300 }));
    }
    out
}

/// Damages `bytes` in one to eight places.
fn mutate(bytes: &[u8], rng: &mut Rng) -> Vec<u8> {
    let mut out = bytes.to_vec();
    for _ in 0..1 + rng.below(8) {
        let at = rng.index(out.len() + 1);
        let n = (1 + rng.index(40)).min(out.len() - at);
        match rng.below(7) {
            0 => out.truncate(at.max(1)),
            1 => drop(out.drain(at..at + n)),
            2 => drop(out.splice(at..at, bytes[at.min(bytes.len() - n)..][..n].to_vec())),
            3 => drop(out.splice(at..at, rng.body(n))),
            4 => out[at..at + n].fill([0, 0xff, 0xc4, 1][rng.index(4)]),
            _ if at < out.len() => out[at] ^= 1 << rng.below(8),
            _ => {}
        }
        if out.is_empty() {
            out.push(3);
        }
    }
    out
}

/// How long the next piece is, given how much is left.
type Splits<'a> = &'a mut dyn FnMut(usize) -> usize;

/// What came of some input: everything transmitted, every event, and the error.
#[derive(PartialEq, Debug, Default)]
struct Outcome {
    transmitted: Vec<u8>,
    events: Vec<String>,
    error: Option<String>,
}

/// A server that is let in at once, and whose owner answers everything else, or nothing.
fn serve_with(input: &[u8], splits: Splits<'_>, answers: bool) -> Outcome {
    let now = Time::from_millis(1);
    let mut session = ServerSession::new(ServerConfig::default(), [9; 32], now);
    session.handle_input(&handshake(), now).expect("sound");
    let mut outcome = Outcome::default();
    let mut rest = input;
    while !rest.is_empty() && outcome.error.is_none() {
        let (piece, tail) = rest.split_at(splits(rest.len()));
        rest = tail;
        let mut result = session.handle_input(piece, now);
        while let Some(event) = session.poll_event() {
            outcome.events.push(format!("{event:?}"));
            match event {
                Event::Connect(_) => result = result.and(session.accept_connect(now)),
                Event::Play(play) if answers => session.accept_play(play.msid),
                Event::Publish(publish) if answers => {
                    session.reject_publish(publish.msid, Refusal::PublishDenied, "no", now);
                }
                _ => {}
            }
        }
        assert!(session.held() <= HELD_MAX);
        outcome.error = result.err().map(|error| error.to_string());
        outcome.transmitted.extend(session.poll_transmit().iter().flatten());
    }
    let _ = session.handle_timeout(Time::from_millis(1_000_000));
    outcome
}

fn serve(input: &[u8], splits: Splits<'_>) -> Outcome {
    serve_with(input, splits, true)
}

/// As [`serve`], where what the owner does cannot depend on the split: the client comes in soundly, then damage begins.
fn serve_let_in(input: &[u8], splits: Splits<'_>) -> Outcome {
    let connect = connect_chunks();
    let mut is_first = true;
    let whole = [&connect, input].concat();
    let mut connect_first = |len| if std::mem::take(&mut is_first) { connect.len() } else { splits(len) };
    serve_with(&whole, &mut connect_first, false)
}

fn play(input: &[u8], splits: Splits<'_>) -> Outcome {
    let now = Time::from_millis(1);
    let url = RtmpUrl::parse("rtmp://h/live/key1").expect("a URL");
    let mut session = ClientSession::new(ClientConfig::play(&url), &[9; 32], now);
    session.handle_input(&handshake(), now).expect("sound");
    let mut outcome = Outcome::default();
    let mut rest = input;
    while !rest.is_empty() && outcome.error.is_none() {
        let (piece, tail) = rest.split_at(splits(rest.len()));
        rest = tail;
        let result = session.handle_input(piece, now);
        outcome.events.extend(std::iter::from_fn(|| session.poll_event()).map(|event| format!("{event:?}")));
        assert!(session.held() <= HELD_MAX);
        outcome.error = result.err().map(|error| error.to_string());
        outcome.transmitted.extend(session.poll_transmit().iter().flatten());
    }
    let _ = session.handle_timeout(Time::from_millis(1_000_000));
    outcome
}

/// Without acknowledgements, whose number depends on the batches of input.
fn without_acks(outcome: Outcome) -> Outcome {
    let mut reader = ChunkReader::new(Limits::DEFAULT);
    let mut input = outcome.transmitted.get(3073..).unwrap_or_default();
    let mut kept = Vec::new();
    while let Some(message) = reader.read(&mut input).expect("sessions write sound chunks") {
        if message.kind != kind::ACK {
            kept.extend_from_slice(&render(&message, Csid::COMMAND, 65_536));
        }
    }
    Outcome { transmitted: kept, ..outcome }
}

type Run = fn(&[u8], Splits<'_>) -> Outcome;

/// Damages `recorded` in many ways; calls `check` with each, and asks it for the error that came of it.
fn damage(recorded: &[u8], mut check: impl FnMut(&[u8], &mut Rng) -> Option<String>) {
    let mut errors = HashSet::new();
    for seed in 0..3000 {
        let mut rng = Rng(seed);
        errors.insert(check(&mutate(recorded, &mut rng), &mut rng));
    }
    // The damage does reach deep: some gets through, and errors are of many kinds.
    assert!(errors.contains(&None) && errors.len() > 20, "{errors:?}");
}

/// Whatever the split, the same comes of `input`.
fn whole_and_split(run: Run, input: &[u8], rng: &mut Rng) -> Option<String> {
    let whole = without_acks(run(input, &mut |len| len));
    let split = without_acks(run(input, &mut |len| 1 + rng.index(len.min(50))));
    assert_eq!(whole.error, split.error);
    assert!(whole == split, "another outcome when split");
    whole.error
}

#[test]
fn damaged_clients() {
    let recorded = client_chunks();
    let sound = serve(&recorded, &mut |_| 1);
    assert_eq!((sound.error, sound.events.len()), (None, 5), "{:?}", sound.events);
    damage(&recorded, |input, rng| serve(input, &mut |len| 1 + rng.index(len)).error);
}

#[test]
fn damaged_clients_at_any_split() {
    damage(&client_chunks(), |input, rng| whole_and_split(serve_let_in, input, rng));
}

#[test]
fn damaged_servers_at_any_split() {
    let recorded = server_chunks();
    let sound = play(&recorded, &mut |len| len);
    assert_eq!((sound.error, sound.events.len()), (None, 10), "{:?}", sound.events);
    damage(&recorded, |input, rng| whole_and_split(play, input, rng));
}

#[test]
fn truncated_anywhere() {
    for (run, recorded) in [(serve as Run, client_chunks()), (play as Run, server_chunks())] {
        for len in 1..recorded.len() {
            assert_eq!(run(&recorded[..len], &mut |len| len).error, None, "at {len}");
        }
    }
}

#[test]
fn noise() {
    for seed in 0..500 {
        let mut rng = Rng(seed);
        let noise: Vec<u8> = (0..2000).map(|_| rng.next() as u8).collect();
        serve(&noise, &mut |len| len);
        play(&noise, &mut |len| len);
        let mut session = ServerSession::new(ServerConfig::default(), [0; 32], Time::ZERO);
        let _ = session.handle_input(&noise, Time::ZERO);
        let mut reader = ChunkReader::new(Limits { partial: 2000, ..Limits::DEFAULT });
        let mut input = &noise[..];
        while let Ok(Some(_)) = reader.read(&mut input) {}
        assert!(reader.partial_bytes() <= 2000 + 4096 + 2000);
        let aggregate = Message { kind: kind::AGGREGATE, timestamp: 0, msid: 0, body: noise.clone().into() };
        let _ = (split_aggregate(&aggregate), Command::parse(&noise), UserControl::parse(&noise));
        let text = String::from_utf8_lossy(&noise);
        let _ = (RtmpUrl::parse(&text), StreamPath::resolve(&text, &text, &text));
    }
}
