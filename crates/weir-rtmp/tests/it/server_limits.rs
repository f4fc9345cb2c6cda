//! The server session: deadlines, pings, acknowledgements, floods. Conformance checks 7 and 40.

use std::time::Duration;

use weir_media::{Bytes, Time};
use weir_rtmp::chunk::{Csid, render};
use weir_rtmp::message::{BandwidthLimit, Control, Message, kind};
use weir_rtmp::{ErrorKind, Phase, Refusal, ServerConfig, ServerSession};

use crate::support::{Peer, connect_chunks};

fn chunks(message: &Message) -> Bytes {
    render(message, Csid::COMMAND, 128)
}

/// Conformance check 7: one byte per second does not keep a connection alive.
#[test]
fn check_07_slow_handshake() {
    let mut session = ServerSession::new(ServerConfig::default(), [3; 32], Time::from_millis(500));
    let deadline = Time::from_millis(10_500);
    for second in 1..=10 {
        session.handle_input(&[3], Time::from_millis(second * 1000)).expect("sound so far");
        session.handle_timeout(Time::from_millis(second * 1000)).expect("in time");
        assert_eq!(session.poll_timeout(), Some(deadline));
    }
    let error = session.handle_timeout(deadline).expect_err("too late");
    assert_eq!((error.kind, error.phase, error.at), (ErrorKind::Deadline, Phase::Handshake, 10));
    assert_eq!(session.poll_timeout(), None);
}

#[test]
fn connect_has_a_deadline_of_its_own() {
    let mut peer = Peer::shaken();
    for (second, byte) in connect_chunks().into_iter().take(9).enumerate() {
        peer.now = Time::from_millis(second as u64 * 1000);
        peer.send(&[byte]).expect("sound so far");
    }
    assert_eq!(peer.session.poll_timeout(), Some(Time::from_millis(10_000)));
    let error = peer.session.handle_timeout(Time::from_millis(10_000)).expect_err("too late");
    assert_eq!((error.kind, error.phase), (ErrorKind::Deadline, Phase::Connect));
}

/// A connected client must use the connection; one that waits for an answer of ours is not idle.
#[test]
fn setup_deadline() {
    let mut peer = Peer::connected();
    assert_eq!(peer.session.poll_timeout(), Some(Time::from_millis(30_000)));
    peer.now = Time::from_millis(20_000);
    peer.command(0, "createStream", 2.0, &[]).expect("sound");
    assert_eq!(peer.session.poll_timeout(), Some(Time::from_millis(30_000)));
    peer.command(1, "play", 3.0, &["k".into()]).expect("sound");
    assert_eq!(peer.session.poll_timeout(), Some(peer.now + ServerConfig::PING_AFTER));
    peer.now = Time::from_millis(25_000);
    peer.session.reject_play(1, Refusal::StreamNotFound, "no", peer.now);
    assert_eq!(peer.session.poll_timeout(), Some(Time::from_millis(55_000)));
    assert_eq!(peer.session.handle_timeout(Time::from_millis(55_000)).expect_err("idle").phase, Phase::Setup);
}

/// Conformance check 40: acknowledgements by the client's window, at most one per batch of input.
#[test]
fn check_40_acknowledgements() {
    let mut peer = Peer::playing();
    peer.send(&chunks(&Control::WindowAckSize(1000).message())).expect("sound");
    peer.heard();
    let audio = Message { kind: kind::AUDIO, timestamp: 0, msid: 1, body: vec![7; 1000].into() };
    let mut acks = Vec::new();
    for step in 0..2000 {
        peer.now = Time::from_millis(step * 10);
        peer.send(&chunks(&audio).repeat(5)).expect("sound");
        let heard = peer.heard();
        assert_eq!(heard.len(), 1);
        let Ok(Some(Control::Ack(n))) = Control::parse(&heard[0]) else { panic!("no acknowledgement") };
        acks.push(n);
    }
    assert!(acks.windows(2).all(|pair| pair[1] - pair[0] == 5 * 1019));
    peer.send(&chunks(&Control::WindowAckSize(0).message())).expect("ignored");
}

#[test]
fn without_a_window_half_the_usual_one_is_acknowledged() {
    let mut peer = Peer::playing();
    let video = Message { kind: kind::VIDEO, timestamp: 0, msid: 1, body: vec![7; 100_000].into() };
    let acks = (0..26).filter(|_| {
        peer.send(&chunks(&video)).expect("sound");
        peer.said().iter().any(|line| line.starts_with("0 Ack("))
    });
    assert_eq!(acks.count(), 2);
}

#[test]
fn bandwidth_is_answered_when_it_changes() {
    let mut peer = Peer::connected();
    let set = |n| chunks(&Control::SetPeerBandwidth(n, BandwidthLimit::Hard).message());
    peer.send(&[set(2_500_000), set(5_000_000), set(5_000_000), set(0)].concat()).expect("sound");
    assert_eq!(peer.said(), ["0 WindowAckSize(5000000)"]);
}

#[test]
fn silent_players_are_pinged_and_then_given_up() {
    let mut peer = Peer::playing();
    let at = |s: u64| Time::from_millis(s * 1000);
    peer.session.handle_timeout(at(60)).expect("pinged");
    assert_eq!(peer.said(), ["0 User(PingRequest(60000))"]);
    peer.now = at(100);
    peer.send(&chunks(&Control::Ack(5).message())).expect("any byte counts");
    assert_eq!(peer.session.poll_timeout(), Some(at(160)));
    peer.session.handle_timeout(at(160)).expect("pinged");
    assert_eq!(peer.session.poll_timeout(), Some(at(220)));
    let error = peer.session.handle_timeout(at(220)).expect_err("silent");
    assert_eq!((error.kind, error.phase), (ErrorKind::Silent, Phase::Live));
}

#[test]
fn silence_can_be_forgiven() {
    let config = ServerConfig { give_up_after: None, ping_after: Duration::from_secs(1), ..Default::default() };
    let mut session = ServerSession::new(config, [0; 32], Time::ZERO);
    session.handle_input(&[&[3][..], &[0; 3072], &connect_chunks()].concat(), Time::ZERO).expect("sound");
    session.accept_connect(Time::ZERO).expect("sound");
    session.handle_timeout(Time::from_millis(1000)).expect("pinged");
    assert_eq!(session.poll_timeout(), Some(Time::from_millis(30_000)));
}

#[test]
fn floods() {
    let mut peer = Peer::connected();
    let mut command = || peer.command(0, "_checkbw", 0.0, &[]);
    let error = (0..).find_map(|n| command().err().map(|error| (n, error.kind))).expect("an end");
    assert!((190..=200).contains(&error.0), "{error:?}");
    assert_eq!(error.1, ErrorKind::Flood);

    let mut peer = Peer::playing();
    let audio = chunks(&Message { kind: kind::AUDIO, timestamp: 0, msid: 1, body: Bytes::from_static(&[1]) });
    let sent = (0..).find(|_| peer.send(&audio).is_err()).expect("an end");
    assert!((9_900..=10_000).contains(&sent), "{sent}");
}

#[test]
fn a_steady_rate_is_no_flood() {
    let mut peer = Peer::connected();
    for n in 0..2000 {
        peer.now = Time::from_millis(n * 25);
        peer.command(0, "_checkbw", 0.0, &[]).expect("within the rate");
    }
}

#[test]
fn replies_that_are_not_read() {
    let mut peer = Peer::connected();
    let error = (0..).find_map(|n| {
        peer.now = Time::from_millis(n * 25);
        peer.command(0, "x", 1.0, &[]).err()
    });
    assert_eq!(error.expect("an end").kind, ErrorKind::ReplyOverflow);
}

#[test]
fn too_many_streams() {
    let mut peer = Peer::connected();
    for _ in 0..17 {
        peer.command(0, "createStream", 5.0, &[]).expect("sound");
    }
    let said = peer.said();
    assert_eq!(said[15], "0 _result 5 Number(16.0)");
    assert_eq!(said[16], "0 _error 5 NetConnection.Call.Failed");
}
