//! The server session: conformance checks 1–6, 10–16, 27–34, 37 and 38, quirks of clients, redaction.

use weir_amf::{Object, Value};
use weir_media::{Bytes, Time};
use weir_rtmp::chunk::{Csid, Limits, render};
use weir_rtmp::message::{Command, Control, Message, UserControl, kind};
use weir_rtmp::{ErrorKind, Event, Foreign, Phase, Refusal, ServerConfig, ServerSession};

use crate::support::{ExtStyle, Peer, RefWriter, connect_body, connect_chunks, hex};

const CONNECT_ANSWER: [&str; 4] = [
    "0 WindowAckSize(2500000)",
    "0 SetPeerBandwidth(2500000, Dynamic)",
    "0 SetChunkSize(65536)",
    "0 _result 1 NetConnection.Connect.Success",
];

fn kind_of(result: Result<(), weir_rtmp::Error>) -> ErrorKind {
    result.expect_err("an error").kind
}

fn connect_event(peer: &mut Peer) -> bool {
    matches!(peer.session.poll_event(), Some(Event::Connect(_)))
}

fn accept(peer: &mut Peer) {
    assert!(connect_event(peer));
    peer.session.accept_connect(peer.now).expect("sound");
}

fn chunks(message: &Message) -> Bytes {
    render(message, Csid::COMMAND, 128)
}

/// Conformance checks 1, 2 and 11.
#[test]
fn check_02_byte_by_byte() {
    let input = [&[3][..], &[0; 3072], &connect_chunks()].concat();
    let mut transmitted = Vec::new();
    for split in [1, 2, 500, input.len()] {
        let mut session = ServerSession::new(ServerConfig::default(), [3; 32], Time::ZERO);
        let mut out = Vec::new();
        for piece in input.chunks(split) {
            session.handle_input(piece, Time::ZERO).expect("sound");
        }
        assert!(matches!(session.poll_event(), Some(Event::Connect(_))));
        session.accept_connect(Time::ZERO).expect("sound");
        while let Some(bytes) = session.poll_transmit() {
            out.extend_from_slice(&bytes);
        }
        assert_eq!((out[0], out.len() > 3073), (3, true));
        transmitted.push(out);
    }
    assert!(transmitted.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn check_06_other_protocols() {
    for (byte, foreign) in [(0x16, Foreign::Tls), (b'G', Foreign::Http), (6, Foreign::Rtmpe), (9, Foreign::Rtmpe)] {
        let mut session = ServerSession::new(ServerConfig::default(), [3; 32], Time::ZERO);
        let error = session.handle_input(&[byte, 1, 2], Time::ZERO).expect_err("foreign");
        assert_eq!((error.kind, error.phase, error.at), (ErrorKind::NotRtmp(foreign), Phase::Handshake, 1));
        assert_eq!((session.poll_transmit(), session.poll_timeout()), (None, None));
    }
}

#[test]
fn check_10_connect_in_chunks_of_one_byte() {
    let mut peer = Peer::shaken();
    let mut writer = RefWriter::new(ExtStyle::Repeat, true);
    writer.message(2, &Control::SetChunkSize(1).message());
    writer.chunk_size = 1;
    let body = connect_body().into();
    writer.message(3, &Message { kind: kind::COMMAND_AMF0, timestamp: 0, msid: 0, body });
    peer.send(&writer.out).expect("sound");
    accept(&mut peer);
    assert_eq!(peer.said(), CONNECT_ANSWER);
}

#[test]
fn check_11_connect() {
    let mut peer = Peer::shaken();
    peer.send(&connect_chunks()).expect("sound");
    let Some(Event::Connect(request)) = peer.session.poll_event() else { panic!("no connect") };
    assert_eq!((request.app.expose(), request.tc_url.expose()), ("live", "rtmp://h/live"));
    assert_eq!((request.flash_version.as_str(), request.enhanced), ("", false));
    assert_eq!(peer.said(), Vec::<String>::new());
    assert_eq!(peer.session.phase(), Phase::Connect);
    peer.session.accept_connect(peer.now).expect("sound");
    assert_eq!(peer.said(), CONNECT_ANSWER);
    assert_eq!(peer.session.phase(), Phase::Setup);
}

/// Conformance check 12: FFmpeg's connect, whose body takes two chunks.
#[test]
fn check_12_ffmpeg_connect() {
    let object = Object::new()
        .with("app", "live")
        .with("type", "nonprivate")
        .with("flashVer", "FMLE/3.0 (compatible; Lavf59.27.100)")
        .with("tcUrl", "rtmp://127.0.0.1:8889/live");
    let message = Command::new("connect", 1.0, vec![object.into()]).message(0);
    let bytes = chunks(&message);
    assert_eq!(message.body.len(), 139);
    assert_eq!(bytes[..12], hex("03 000000 00008b 14 00000000"));
    assert_eq!(bytes[140..], hex("c3 38 38 39 2f 6c 69 76 65 00 00 09"));
    let mut peer = Peer::shaken();
    peer.send(&bytes).expect("sound");
    let Some(Event::Connect(request)) = peer.session.poll_event() else { panic!("no connect") };
    assert_eq!(request.tc_url.expose(), "rtmp://127.0.0.1:8889/live");
    assert_eq!(request.flash_version, "FMLE/3.0 (compatible; Lavf59.27.100)");
}

/// Conformance checks 13 and 14: the AMF3 type with and without its format byte; type 1 on a fresh chunk stream.
#[test]
fn check_13_connect_in_other_wrappings() {
    for input in [
        [hex("03 000000 00003b 11 00000000 00"), connect_body()].concat(),
        [hex("03 000000 00003a 11 00000000"), connect_body()].concat(),
        [hex("43 000000 00003a 14"), connect_body()].concat(),
        [hex("03 000000 000003 63 00000000 616263"), connect_chunks()].concat(),
    ] {
        let mut peer = Peer::shaken();
        peer.send(&input).expect("sound");
        accept(&mut peer);
        assert_eq!(peer.said(), CONNECT_ANSWER);
    }
}

#[test]
fn checks_15_28_29_protocol_errors_say_where() {
    let cases = [
        ("03 000000 000001 14 00000000 05", ErrorKind::NamelessCommand, 13),
        ("c3", ErrorKind::FreshChunkStream { csid: 3, fmt: 3 }, 1),
        ("03 000000 ffffff 14 00000000", ErrorKind::MessageLength { kind: 20, length: 0xff_ffff, limit: 65_536 }, 12),
        ("02 000000 000004 01 00000000 00000000", ErrorKind::ChunkSize(0), 16),
    ];
    for (input, kind, at) in cases {
        let mut peer = Peer::shaken();
        let error = peer.send(&hex(input)).expect_err("unsound");
        assert_eq!((error.kind, error.phase, error.at), (kind, Phase::Connect, 3073 + at));
    }
}

#[test]
fn check_27_abort_then_connect() {
    let mut peer = Peer::shaken();
    let mut input = [hex("03 000000 000100 14 00000000"), vec![2; 128]].concat();
    input.extend(hex("02 000000 000004 02 00000000 00000003"));
    input.extend(connect_chunks());
    peer.send(&input).expect("sound");
    accept(&mut peer);
    assert_eq!(peer.said(), CONNECT_ANSWER);
}

/// Conformance check 31: deep nesting ends that connection, as an error.
#[test]
fn check_31_deep_nesting() {
    let body = [hex("02 0007 636f6e6e656374 00 3ff0000000000000"), hex("03 0001 61").repeat(3000)].concat();
    let message = Message { kind: kind::COMMAND_AMF0, timestamp: 0, msid: 0, body: body.into() };
    let mut peer = Peer::shaken();
    assert!(matches!(kind_of(peer.send(&chunks(&message))), ErrorKind::Amf(_)));
    assert_eq!(peer.session.phase(), Phase::Closed);
    peer.send(&connect_chunks()).expect("ignored");
    assert_eq!((peer.session.poll_event(), peer.said().len()), (None, 0));
}

/// Conformance check 34: three commands in one segment, the second as type 3 where lengths are equal.
#[test]
fn check_34_pipelined_commands() {
    let mut peer = Peer::connected();
    let mut writer = RefWriter::new(ExtStyle::Repeat, true);
    for (name, txn, args) in [
        ("releaseStream", 2.0, vec!["k1".into()]),
        ("FCPublish", 3.0, vec!["k1".into()]),
        ("createStream", 4.0, vec![]),
    ] {
        let command = Command::new(name, txn, [vec![Value::Null], args].concat());
        writer.message(3, &command.message(0));
    }
    peer.send(&writer.out).expect("sound");
    assert_eq!(peer.said(), ["0 _result 2 Null", "0 _result 3 Null", "0 _result 4 Number(1.0)"]);
}

/// Everything up to `play` in the first segment, before any answer of ours.
#[test]
fn commands_wait_for_the_answer_to_connect() {
    let mut peer = Peer::shaken();
    let create = Command::new("createStream", 2.0, vec![Value::Null]).message(0);
    let play = Command::new("play", 0.0, vec![Value::Null, "k".into()]).message(1);
    peer.send(&[&connect_chunks(), &chunks(&create)[..], &chunks(&play)].concat()).expect("sound");
    accept(&mut peer);
    assert!(matches!(peer.session.poll_event(), Some(Event::Play(play)) if play.msid == 1));
    let said = peer.said();
    assert_eq!(
        (&said[..4], &said[4..]),
        (&CONNECT_ANSWER.map(String::from)[..], &["0 _result 2 Number(1.0)".into()][..])
    );

    let mut peer = Peer::shaken();
    let input = [connect_chunks(), chunks(&create).repeat(17)].concat();
    assert_eq!(kind_of(peer.send(&input)), ErrorKind::Flood);
}

/// Conformance checks 37 and 38: what a player is told before media, on the message stream it was given.
#[test]
fn check_38_play() {
    let mut peer = Peer::connected();
    peer.command(0, "createStream", 2.0, &[]).expect("sound");
    peer.command(1, "getStreamLength", 3.0, &["key1".into()]).expect("sound");
    peer.command(1, "play", 4.0, &["key1?token=x".into(), (-2000.0).into()]).expect("sound");
    let Some(Event::Play(play)) = peer.session.poll_event() else { panic!("no play") };
    assert_eq!((play.msid, play.start, play.reset), (1, -2000.0, true));
    assert_eq!((play.path.expose().as_str(), play.path.parameter("token")), ("live/key1", Some("x")));
    assert_eq!(peer.said(), ["0 _result 2 Number(1.0)", "0 _result 3 Number(0.0)"]);
    peer.session.accept_play(1);
    peer.session.accept_play(1);
    assert_eq!(
        peer.said(),
        [
            "0 User(StreamBegin(1))",
            "1 onStatus 0 NetStream.Play.Reset",
            "1 onStatus 0 NetStream.Play.Start",
            "1 data |RtmpSampleAccess\u{1}\u{1}\u{1}\u{1}",
        ]
    );
    assert_eq!((peer.session.phase(), peer.session.poll_timeout()), (Phase::Live, Some(Time::from_millis(60_000))));
}

#[test]
fn play_without_reset() {
    let mut peer = Peer::connected();
    peer.command(0, "createStream", 2.0, &[]).expect("sound");
    let args = ["".into(), (-2.0).into(), (-1.0).into(), false.into()];
    peer.command(1, "play", 0.0, &args).expect("sound");
    let Some(Event::Play(play)) = peer.session.poll_event() else { panic!("no play") };
    assert_eq!((play.path.expose().as_str(), play.reset), ("live", false));
    peer.session.accept_play(1);
    assert!(!peer.said().iter().any(|line| line.contains("Reset")));
}

#[test]
fn the_end_of_a_stream() {
    let mut peer = Peer::playing();
    peer.session.end_stream(1, peer.now);
    let end =
        ["1 onStatus 0 NetStream.Play.UnpublishNotify", "1 onStatus 0 NetStream.Play.Stop", "0 User(StreamEof(1))"];
    assert_eq!(peer.said(), end);
    peer.session.end_stream(1, peer.now);
    assert_eq!((peer.said().len(), peer.session.phase()), (0, Phase::Setup));

    let mut peer = Peer::playing();
    peer.session.close();
    assert_eq!(peer.said(), end);
    assert_eq!((peer.session.poll_event(), peer.session.phase()), (Some(Event::Closed), Phase::Closed));
}

/// Flash, Larix and vMix play again on the same connection.
#[test]
fn a_connection_can_be_used_again() {
    for (name, args) in
        [("deleteStream", vec![1.0.into()]), ("deleteStream", vec!["key1".into()]), ("closeStream", vec![])]
    {
        let mut peer = Peer::playing();
        peer.command(1, name, 0.0, &args).expect("sound");
        assert_eq!(peer.session.poll_event(), Some(Event::Stopped { msid: 1 }));
        assert_eq!(peer.session.phase(), Phase::Setup);
        let msid = if name == "closeStream" { 1 } else { 2 };
        if msid == 2 {
            peer.command(0, "createStream", 9.0, &[]).expect("sound");
            assert_eq!(peer.said(), ["0 _result 9 Number(2.0)"]);
        }
        peer.command(msid, "play", 0.0, &["k".into()]).expect("sound");
        assert!(matches!(peer.session.poll_event(), Some(Event::Play(play)) if play.msid == msid));
        peer.session.accept_play(msid);
        assert!(peer.said().contains(&format!("{msid} onStatus 0 NetStream.Play.Start")));
    }
}

/// A late `deleteStream` for a stream that is gone must not hit the one that is there.
#[test]
fn delete_stream_by_number_is_exact() {
    let mut peer = Peer::playing();
    peer.command(0, "deleteStream", 0.0, &[7.0.into()]).expect("sound");
    assert_eq!((peer.session.poll_event(), peer.session.phase()), (None, Phase::Live));
}

#[test]
fn another_play_replaces_the_first() {
    let mut peer = Peer::playing();
    peer.command(1, "play", 0.0, &["other".into()]).expect("sound");
    assert_eq!(peer.session.poll_event(), Some(Event::Stopped { msid: 1 }));
    assert!(matches!(peer.session.poll_event(), Some(Event::Play(play)) if play.path.expose() == "live/other"));
}

/// The client may leave while its owner still thinks about the answer.
#[test]
fn answers_that_come_too_late() {
    let mut peer = Peer::connected();
    peer.command(0, "createStream", 2.0, &[]).expect("sound");
    peer.command(1, "play", 0.0, &["k".into()]).expect("sound");
    peer.command(0, "deleteStream", 0.0, &[1.0.into()]).expect("sound");
    peer.heard();
    peer.session.accept_play(1);
    peer.session.reject_play(1, Refusal::PlayFailed, "no", peer.now);
    peer.session.accept_connect(peer.now).expect("nothing to answer");
    peer.session.reject_connect(Refusal::Rejected, "no");
    assert_eq!(peer.said().len(), 0);
}

#[test]
fn refusals() {
    let mut peer = Peer::shaken();
    peer.send(&connect_chunks()).expect("sound");
    peer.session.reject_connect(Refusal::InvalidApp, "no such app");
    assert_eq!(peer.said(), ["0 _error 1 NetConnection.Connect.InvalidApp"]);
    assert!(connect_event(&mut peer));
    assert_eq!(peer.session.poll_event(), Some(Event::Closed));

    let mut peer = Peer::connected();
    peer.command(0, "createStream", 2.0, &[]).expect("sound");
    peer.command(1, "play", 0.0, &["k".into()]).expect("sound");
    peer.session.reject_play(1, Refusal::StreamNotFound, "no such stream", peer.now);
    assert_eq!(peer.said()[1..], ["1 onStatus 0 NetStream.Play.StreamNotFound"]);

    peer.command(1, "publish", 0.0, &["k".into()]).expect("sound");
    let publish = std::iter::from_fn(|| peer.session.poll_event()).last();
    let Some(Event::Publish(publish)) = publish else { panic!("no publish") };
    assert_eq!((publish.path.expose().as_str(), publish.mode.as_str()), ("live/k", "live"));
    peer.session.accept_play(1);
    peer.session.reject_publish(1, Refusal::PublishDenied, "this server only plays", peer.now);
    assert_eq!(peer.said(), ["1 onStatus 0 NetStream.Publish.Denied"]);
}

/// Names that could hurt whoever uses or logs them never reach the owner.
#[test]
fn harmful_names_are_refused() {
    let mut peer = Peer::connected();
    peer.command(0, "createStream", 2.0, &[]).expect("sound");
    peer.heard();
    peer.command(1, "play", 0.0, &["../../etc/passwd".into()]).expect("sound");
    peer.command(1, "publish", 0.0, &["a\nb".into()]).expect("sound");
    assert_eq!(peer.session.poll_event(), None);
    assert_eq!(peer.said(), ["1 onStatus 0 NetStream.Play.StreamNotFound", "1 onStatus 0 NetStream.Publish.BadName"]);
}

#[test]
fn playing_without_a_stream() {
    let mut peer = Peer::connected();
    peer.command(1, "play", 0.0, &["k".into()]).expect("sound");
    assert_eq!(peer.said(), ["1 onStatus 0 NetStream.Play.StreamNotFound"]);
}

#[test]
fn player_controls() {
    let mut peer = Peer::playing();
    for (name, arg) in [("pause", true), ("pause", false), ("receiveAudio", false), ("receiveVideo", true)] {
        peer.command(1, name, 0.0, &[arg.into()]).expect("sound");
    }
    peer.command(1, "seek", 0.0, &[1000.0.into()]).expect("sound");
    let events: Vec<Event> = std::iter::from_fn(|| peer.session.poll_event()).collect();
    assert_eq!(
        events,
        [
            Event::Pause { msid: 1, on: true },
            Event::Pause { msid: 1, on: false },
            Event::ReceiveAudio { msid: 1, on: false },
            Event::ReceiveVideo { msid: 1, on: true },
        ]
    );
    assert_eq!(
        peer.said(),
        [
            "1 onStatus 0 NetStream.Pause.Notify",
            "1 onStatus 0 NetStream.Unpause.Notify",
            "1 onStatus 0 NetStream.Seek.Failed",
        ]
    );
}

/// Calls that want an answer get one, those with transaction 0 get none, answers are not answered.
#[test]
fn unknown_commands() {
    let mut peer = Peer::connected();
    for name in ["_checkbw", "releaseStream", "somethingElse", "_result", "_error", "onStatus"] {
        peer.command(0, name, 7.5, &[]).expect("sound");
        peer.command(0, name, 0.0, &[]).expect("sound");
    }
    assert_eq!(peer.said(), ["0 _result 7.5 Null"; 3]);
    peer.command(0, "FCSubscribe", 3.0, &["key1".into()]).expect("sound");
    assert_eq!(peer.said(), ["0 onFCSubscribe 0 NetStream.Play.Start"]);
    peer.command(0, "connect", 9.0, &[]).expect("sound");
    assert_eq!(peer.said(), ["0 _error 9 NetConnection.Call.Failed"]);
}

/// librtmp's first message on chunk stream 2 is of type 1; nginx sends a server's events as a client.
#[test]
fn control_quirks() {
    let mut peer = Peer::connected();
    peer.send(&hex("42 000001 00000a 04 0003 00000001 00000bb8")).expect("sound");
    for event in [UserControl::StreamBegin(1), UserControl::StreamEof(1), UserControl::Other(26)] {
        peer.send(&chunks(&Control::User(event).message())).expect("sound");
    }
    assert_eq!((peer.said().len(), peer.session.poll_event()), (0, None));
    peer.send(&chunks(&Control::User(UserControl::PingRequest(77)).message())).expect("sound");
    assert_eq!(peer.said(), ["0 User(PingResponse(77))"]);
}

/// Media and metadata of a client that may not publish do no harm.
#[test]
fn unwanted_media_is_ignored() {
    let mut peer = Peer::playing();
    for kind in [kind::AUDIO, kind::VIDEO, kind::DATA_AMF0, kind::DATA_AMF3, kind::AGGREGATE, 16, 19] {
        let message = Message { kind, timestamp: 0, msid: 1, body: Bytes::from_static(&[1, 2, 3]) };
        peer.send(&chunks(&message)).expect("sound");
    }
    assert_eq!((peer.said().len(), peer.session.poll_event()), (0, None));
}

#[test]
fn nothing_prints_secrets() {
    let mut peer = Peer::shaken();
    let object = Object::new().with("app", "live?pw=hunter2").with("tcUrl", "rtmp://joe:hunter2@h/live?pw=hunter2");
    let connect = Command::new("connect", 1.0, vec![object.into(), "hunter2".into()]);
    peer.send(&chunks(&connect.message(0))).expect("sound");
    let mut printed = format!("{:?}", peer.session.poll_event());
    peer.session.accept_connect(peer.now).expect("sound");
    peer.command(0, "createStream", 2.0, &[]).expect("sound");
    peer.command(1, "play", 0.0, &["key1hunter2?t=hunter2".into()]).expect("sound");
    printed += &format!("{:?}", peer.session.poll_event());
    peer.command(1, "publish", 0.0, &["key1hunter2?t=hunter2".into()]).expect("sound");
    printed += &format!("{:?} {:?}", peer.session.poll_event(), peer.session.poll_event());
    printed += &format!("{:?}", peer.heard());
    printed += &format!("{:?}", peer.session);
    let error = peer.send(&hex("c9")).expect_err("a fresh chunk stream");
    printed += &format!("{error} {error:?}");
    assert!(printed.contains("key1…") && !printed.contains("hunter2"), "{printed}");
}

fn publishing() -> Peer {
    let mut peer = Peer::connected();
    peer.command(0, "createStream", 2.0, &[]).expect("sound");
    peer.command(1, "publish", 5.0, &["k".into(), "live".into()]).expect("sound");
    assert!(matches!(peer.session.poll_event(), Some(Event::Publish(_))));
    peer.session.accept_publish(1, peer.now).expect("sound");
    assert_eq!(
        peer.said()[1..],
        ["0 User(StreamBegin(1))", "0 onFCPublish 0 NetStream.Publish.Start", "1 onStatus 0 NetStream.Publish.Start"]
    );
    assert_eq!(peer.session.phase(), Phase::Live);
    peer
}

fn events(peer: &mut Peer) -> Vec<Event> {
    std::iter::from_fn(|| peer.session.poll_event()).collect()
}

fn media(kind: u8, msid: u32, body: &[u8]) -> Message {
    Message { kind, timestamp: 7, msid, body: Bytes::copy_from_slice(body) }
}

/// Media on the stream, on another (GStreamer and FFmpeg as a server send on 0), wrapped for AMF3 and as an aggregate.
#[test]
fn what_is_published_comes_message_by_message() {
    let mut peer = publishing();
    let aggregate = [8, 0, 0, 1, 0, 0, 5, 0, 0, 0, 0, 0xaf, 0, 0, 0, 12, 9, 0, 0, 1, 0, 0, 9, 0, 0, 0, 0, 0x27];
    for message in [
        media(kind::AUDIO, 1, &[0xaf, 1]),
        media(kind::VIDEO, 0, &[0x17, 1]),
        media(kind::DATA_AMF3, 1, b"\x00\x02\x00\x01x"),
        media(kind::AGGREGATE, 1, &aggregate),
    ] {
        peer.send(&chunks(&message)).expect("sound");
    }
    let got: Vec<_> = events(&mut peer)
        .into_iter()
        .map(|event| match event {
            Event::Media(m) => (m.kind, m.timestamp, m.msid, m.body.to_vec()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        got,
        [
            (kind::AUDIO, 7, 1, vec![0xaf, 1]),
            (kind::VIDEO, 7, 1, vec![0x17, 1]),
            (kind::DATA_AMF0, 7, 1, b"\x02\x00\x01x".to_vec()),
            (kind::AUDIO, 7, 1, vec![0xaf]),
            (kind::VIDEO, 11, 1, vec![0x27]),
        ]
    );
}

/// Some publishers do not wait for the answer: what they send first is kept for it.
#[test]
fn media_before_the_answer_is_kept() {
    let mut peer = Peer::connected();
    peer.command(0, "createStream", 2.0, &[]).expect("sound");
    peer.command(1, "publish", 5.0, &["k".into(), "live".into()]).expect("sound");
    for n in 0..100 {
        peer.send(&chunks(&media(kind::VIDEO, 1, &[0x17, 0, n]))).expect("sound");
    }
    assert_eq!(events(&mut peer).len(), 1);
    peer.session.accept_publish(1, peer.now).expect("sound");
    assert_eq!(events(&mut peer).len(), ServerConfig::HELD_MAX, "but not without end");
}

/// By its name, by closing or deleting its stream; then the connection can be used again.
#[test]
fn publishers_take_leave_in_many_ways() {
    for (name, args) in [
        ("FCUnpublish", vec!["k".into()]),
        ("closeStream", vec![]),
        ("deleteStream", vec![1.0.into()]),
        ("deleteStream", vec!["k".into()]),
    ] {
        let mut peer = publishing();
        peer.command(1, name, 6.0, &args).expect("sound");
        assert_eq!(events(&mut peer), [Event::Stopped { msid: 1 }], "{name}");
        assert!(peer.said().contains(&"1 onStatus 0 NetStream.Unpublish.Success".to_owned()), "{name}");
        peer.send(&chunks(&media(kind::VIDEO, 1, &[0x17, 1]))).expect("sound");
        assert_eq!(events(&mut peer), []);
        peer.command(0, "createStream", 2.0, &[]).expect("sound");
        peer.command(2, "publish", 5.0, &["k".into(), "live".into()]).expect("sound");
        assert!(matches!(peer.session.poll_event(), Some(Event::Publish(_))), "{name}");
    }
}

/// Limits are those of clients until a publisher is let in.
#[test]
fn publishers_may_send_more_than_players() {
    let config = ServerConfig { limits: Limits { video: 100, ..Limits::PLAYER }, ..ServerConfig::default() };
    for (is_let_in, fits) in [(false, false), (true, true)] {
        let mut peer = Peer::with(config.clone());
        peer.command(0, "createStream", 2.0, &[]).expect("sound");
        peer.command(1, "publish", 5.0, &["k".into(), "live".into()]).expect("sound");
        if is_let_in {
            peer.session.accept_publish(1, peer.now).expect("sound");
        }
        let result = peer.send(&chunks(&media(kind::VIDEO, 1, &[0x17; 101])));
        assert_eq!(result.is_ok(), fits);
    }
}

#[test]
fn the_owner_may_end_what_is_published() {
    let mut peer = publishing();
    peer.session.end_publish(1, Refusal::BadName, "another took the place", peer.now);
    assert_eq!(peer.said(), ["1 onStatus 0 NetStream.Publish.BadName"]);
    peer.send(&chunks(&media(kind::VIDEO, 1, &[0x17, 1]))).expect("sound");
    assert_eq!((events(&mut peer), peer.session.phase()), (vec![], Phase::Setup));
}

/// Enhanced RTMP: capabilities are answered to those who announce theirs, and who can is asked to connect again.
#[test]
fn enhanced_clients_are_told_what_is_passed_on() {
    let mut peer = Peer::shaken();
    let object = Object::new().with("app", "live").with("tcUrl", "rtmp://h/live").with("capsEx", 1.0);
    peer.send(&chunks(&Command::new("connect", 1.0, vec![object.into()]).message(0))).expect("sound");
    accept(&mut peer);
    let heard = peer.heard();
    let result = Command::parse(&heard.last().expect("a result").body).expect("sound");
    let server = result.values.first().expect("properties");
    assert_eq!(server.get("capsEx"), Some(&Value::from(15.0)));
    let any = server.get("videoFourCcInfoMap").and_then(|map| map.get("*"));
    assert_eq!(any, Some(&Value::from(4.0)));
    peer.command(0, "createStream", 2.0, &[]).expect("sound");
    peer.command(1, "play", 0.0, &["key1".into()]).expect("sound");
    peer.session.poll_event();
    peer.session.accept_play(1);
    peer.heard();
    peer.session.close();
    assert_eq!(peer.said()[0], "0 onStatus 0 NetConnection.Connect.ReconnectRequest");
}
