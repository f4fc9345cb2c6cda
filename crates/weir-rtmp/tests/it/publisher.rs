//! Conformance checks of publishers that do things in their own way.

use weir_amf::Value;
use weir_media::Bytes;
use weir_rtmp::chunk::{Csid, render};
use weir_rtmp::message::{Command, Message, kind};
use weir_rtmp::{Event, Refusal};

use crate::support::{ExtStyle, Peer, RefWriter, hex};

const START: [&str; 3] =
    ["0 User(StreamBegin(1))", "0 onFCPublish 0 NetStream.Publish.Start", "1 onStatus 0 NetStream.Publish.Start"];

fn with_stream() -> Peer {
    let mut peer = Peer::connected();
    peer.command(0, "createStream", 2.0, &[]).expect("a command");
    peer.heard();
    peer
}

/// What the server asks its owner about: the path of a publisher.
#[track_caller]
fn asked(peer: &mut Peer) -> String {
    match peer.session.poll_event() {
        Some(Event::Publish(request)) => request.path.expose(),
        other => panic!("{other:?}"),
    }
}

/// `rtmp://HOST/live` without a name, as the founding command has it.
#[test]
fn check_35_publish_without_a_name() {
    let mut peer = with_stream();
    let body = hex("02 0007 7075626c697368 00 4008000000000000 05 02 0000 02 0004 6c697665");
    let message = Message { kind: kind::COMMAND_AMF0, timestamp: 0, msid: 1, body: body.into() };
    peer.send(&render(&message, Csid::COMMAND, 128)).expect("sound");
    assert_eq!(asked(&mut peer), "live");
    peer.session.accept_publish(1, peer.now).expect("sound");
    assert_eq!(peer.said(), START);
}

/// The second publisher of a name: its owner refuses it, and it is told why.
#[test]
fn check_36_a_name_that_is_taken() {
    let mut peer = with_stream();
    peer.command(1, "publish", 3.0, &["key1".into(), "live".into()]).expect("sound");
    assert_eq!(asked(&mut peer), "live/key1");
    peer.session.reject_publish(1, Refusal::BadName, "Somebody publishes this.", peer.now);
    assert_eq!(peer.said(), ["1 onStatus 0 NetStream.Publish.BadName"]);
}

/// `publish` with transaction 0, metadata again and again in the shortest headers, `deleteStream` with the name.
#[test]
fn check_37_as_gstreamer_does() {
    let mut peer = with_stream();
    let publish = Command::new("publish", 0.0, vec![Value::Null, "key1".into(), "live".into()]);
    peer.send(&render(&publish.message(1), Csid::COMMAND, 128)).expect("sound");
    assert_eq!(asked(&mut peer), "live/key1");
    peer.session.accept_publish(1, peer.now).expect("sound");
    assert_eq!(peer.said(), START);
    let body = Bytes::from(hex("02 000d 4073657444617461 4672616d65 02 000a 6f6e4d65746144617461 03 0000 09"));
    let data = |timestamp| Message { kind: kind::DATA_AMF0, timestamp, msid: 1, body: body.clone() };
    let mut writer = RefWriter::new(ExtStyle::Repeat, true);
    [0, 10, 20, 30].map(data).iter().for_each(|message| writer.message(4, message));
    assert!(writer.out.len() < 12 + 4 + 1 + 1 + 4 * body.len() + 1, "types 0, 2, 3 and 3");
    peer.send(&writer.out).expect("sound");
    for timestamp in [0, 10, 20, 30] {
        assert_eq!(peer.session.poll_event(), Some(Event::Media(data(timestamp))));
    }
    peer.command(1, "deleteStream", 0.0, &["key1".into()]).expect("sound");
    assert_eq!(peer.session.poll_event(), Some(Event::Stopped { msid: 1 }));
}
