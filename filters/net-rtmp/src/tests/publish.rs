//! Publishers: who may, what comes of what they send, how they are held back, and how they go and come back.

use weir_flv::TagKind;
use weir_plugin::{Credit, OutId, Phase};

use super::*;
use crate::ingest::WINDOW;

const OUT: OutId = OutId(0);
const PLAYED: &str = "rtmp://127.0.0.1/out";

/// An output, an input on the same port, and the number of the input.
fn with_input(text: &str) -> (World, usize) {
    let mut world = World::new(&[PLAYED]);
    let input = world.open_input(text);
    (world, input)
}

impl World {
    /// A client asks to publish to `url`; tells its number.
    fn publish(&mut self, url: &str) -> usize {
        let url = RtmpUrl::parse(url).expect("a URL");
        let viewer = self.join_with(ClientConfig::publish(&url), WIDE);
        self.settle();
        viewer
    }

    /// The publisher sends the tags of a packet as messages.
    fn send(&mut self, viewer: usize, packets: &[Packet]) {
        for packet in packets {
            let tag = Tag::from_written(packet.bytes().expect("bytes")).expect("a tag");
            let (kind, body) = match tag.kind {
                TagKind::Audio => (kind::AUDIO, tag.body),
                TagKind::Video => (kind::VIDEO, tag.body),
                TagKind::Script => {
                    (kind::DATA_AMF0, Bytes::from([&b"\x02\x00\x0d@setDataFrame"[..], &tag.body].concat()))
                }
            };
            let message = Message { kind, timestamp: tag.timestamp, msid: 1, body };
            let bytes = render(&message, Csid::VIDEO, ClientConfig::CHUNK_SIZE);
            self.net.send(self.viewers[viewer].conn, &bytes);
        }
    }

    /// Sends `ticks` of a feed, each at its time.
    fn send_for(&mut self, viewer: usize, feed: &mut Feed, ticks: usize) {
        for _ in 0..ticks {
            let packets = feed.tick();
            self.send(viewer, &packets);
            self.settle();
            self.net.advance(TICK);
        }
    }

    /// Tags an input has passed on since the last call: what, when, and with which flags.
    fn tags(&mut self, input: usize) -> Vec<(What, i64, Flags)> {
        let packets = if self.outputs[input].outputs().is_empty() { Vec::new() } else { self.outputs[input].take(OUT) };
        let of = |p: &Packet| {
            let tag = Tag::from_written(p.bytes().expect("bytes")).expect("a whole tag");
            let kind = match tag.kind {
                TagKind::Audio => kind::AUDIO,
                TagKind::Video => kind::VIDEO,
                TagKind::Script => kind::DATA_AMF0,
            };
            (what(&Message { kind, timestamp: 0, msid: 1, body: tag.body }), p.dts, p.flags)
        };
        packets.iter().map(of).collect()
    }
}

#[test]
fn what_is_published_is_passed_on_whole() {
    let (mut world, input) = with_input("rtmp://127.0.0.1/app");
    let publisher = world.publish("rtmp://127.0.0.1/app/anything");
    assert!(world.viewers[publisher].events.contains(&ClientEvent::Publishing { msid: 1 }));
    world.send_for(publisher, &mut Feed::new(25), 50);
    let tags = world.tags(input);
    assert_eq!(tags.len(), 3 + 50 * 3);
    assert!(tags[..3].iter().all(|(_, _, flags)| *flags == Flags::HEADER));
    let pictures: Vec<_> = tags.iter().filter(|(what, ..)| matches!(what, What::Key(_) | What::Inter(_))).collect();
    assert!(pictures.iter().zip(0..).all(|((_, at, _), n)| *at == n * 40));
    assert_eq!(pictures.iter().filter(|(.., flags)| flags.contains(Flags::KEY)).count(), 2);
    assert_eq!(world.record(input).phase, Phase::Live);
    world.check();
}

#[test]
fn players_and_publishers_share_a_port() {
    let (mut world, input) = with_input("rtmp://127.0.0.1/app");
    let publisher = world.publish("rtmp://127.0.0.1/app/x");
    let player = world.join("rtmp://127.0.0.1/out/y");
    world.settle();
    let mut feed = Feed::new(25);
    for _ in 0..30 {
        world.send_for(publisher, &mut feed, 1);
        let packets = world.outputs[input].take(OUT);
        world.push(0, packets);
        world.settle();
    }
    assert_eq!(decoded(&world.viewers[player], 1, false).len(), 3 + 30 * 3);
    // Neither gets what the other does.
    let wrong = world.publish("rtmp://127.0.0.1/out/y");
    assert_eq!(world.viewers[wrong].last_code(), "NetStream.Publish.Denied");
    let wrong = world.join("rtmp://127.0.0.1/app/x");
    world.settle();
    assert_eq!(world.viewers[wrong].last_code(), "NetStream.Play.StreamNotFound");
    world.check();
}

#[test]
fn keys_addresses_and_names_are_checked() {
    for (text, url, is_let_in) in [
        ("rtmp://127.0.0.1/app key=one,two", "rtmp://h/app/x?key=two", true),
        ("rtmp://127.0.0.1/app key=one,two", "rtmp://h/app/x?key=three", false),
        ("rtmp://127.0.0.1/app key=one,two", "rtmp://h/app/x", false),
        ("rtmp://127.0.0.1/app allow=192.0.2.0/24", "rtmp://h/app/x", true),
        ("rtmp://127.0.0.1/app allow=198.51.100.0/24", "rtmp://h/app/x", false),
        ("rtmp://127.0.0.1/app/x", "rtmp://h/app/x", true),
        ("rtmp://127.0.0.1/app/x", "rtmp://h/app/y", false),
    ] {
        let (mut world, input) = with_input(text);
        let publisher = world.publish(url);
        let started = world.viewers[publisher].events.contains(&ClientEvent::Publishing { msid: 1 });
        assert_eq!(started, is_let_in, "{text}: {url}");
        assert!(is_let_in || world.viewers[publisher].last_code() == "NetStream.Publish.Denied");
        world.send_for(publisher, &mut Feed::new(25), 2);
        assert_eq!(world.tags(input).is_empty(), !is_let_in, "{text}: {url}");
        world.check();
    }
}

#[test]
fn one_publisher_at_a_time() {
    let (mut world, input) = with_input("rtmp://127.0.0.1/app");
    let first = world.publish("rtmp://h/app/x");
    let mut feed = Feed::new(25);
    world.send_for(first, &mut feed, 10);
    let second = world.publish("rtmp://h/app/x");
    assert_eq!(world.viewers[second].last_code(), "NetStream.Publish.BadName");
    assert_eq!(world.record(input).refused, 1);
    world.send_for(first, &mut feed, 10);
    assert_eq!(world.tags(input).len(), 3 + 20 * 3, "the first goes on");
    // It falls silent, and who comes from the same place takes over.
    world.pass(Duration::from_millis(1_100));
    let third = world.publish("rtmp://h/app/x");
    assert!(world.viewers[third].events.contains(&ClientEvent::Publishing { msid: 1 }));
    assert_eq!(world.viewers[first].last_code(), "NetStream.Publish.BadName");
    world.pass(Duration::from_secs(3));
    assert!(!world.is_open(first));
    world.send_for(third, &mut Feed::new(25), 10);
    let tags = world.tags(input);
    assert_eq!(tags.len(), 10 * 3, "headers that say the same are not repeated");
    assert!(tags[0].1 >= 20 * 40 + 4_000, "it goes on as much later as it came later: {}", tags[0].1);
    world.check();
}

#[test]
fn takeover_is_as_asked() {
    for (rule, taken) in [("never", false), ("always", true)] {
        let (mut world, _) = with_input(&format!("rtmp://127.0.0.1/app takeover={rule} stall=60s"));
        let first = world.publish("rtmp://h/app/x");
        world.send_for(first, &mut Feed::new(25), 2);
        if !taken {
            world.pass(Duration::from_secs(20));
        }
        let second = world.publish("rtmp://h/app/x");
        assert_eq!(world.viewers[second].events.contains(&ClientEvent::Publishing { msid: 1 }), taken, "{rule}");
        world.check();
    }
}

#[test]
fn streams_of_several_names_go_their_own_ways() {
    let (mut world, input) = with_input("rtmp://127.0.0.1/app streams=2");
    let (a, b) = (world.publish("rtmp://h/app/a"), world.publish("rtmp://h/app/b"));
    let c = world.publish("rtmp://h/app/c");
    assert_eq!(world.viewers[c].last_code(), "NetStream.Publish.BadName");
    world.send_for(a, &mut Feed::new(25), 2);
    world.send_for(b, &mut Feed::new(25), 3);
    let outs = world.outputs[input].outputs();
    let names: Vec<_> = outs.iter().map(|o| o.props[0].str(Prop::StreamName).map(str::to_owned)).collect();
    assert_eq!(names, [Some("a".to_owned()), Some("b".to_owned())]);
    assert_eq!(outs.iter().map(|o| o.packets.len()).collect::<Vec<_>>(), [3 + 6, 3 + 9]);
    // A name keeps its way.
    world.leave(a);
    let again = world.publish("rtmp://h/app/a");
    world.send_for(again, &mut Feed::new(25), 1);
    assert_eq!(world.outputs[input].outputs()[0].packets.len(), 3 + 6 + 3);
    world.check();
}

#[test]
fn a_name_nobody_comes_back_to_is_given_up() {
    let (mut world, input) = with_input("rtmp://127.0.0.1/app streams=2 keep=10s stall=60s");
    let b = world.publish("rtmp://h/app/b");
    let mut feed = Feed::new(25);
    world.send_for(b, &mut feed, 2);
    let ended = |world: &World| world.outputs[input].outputs().iter().map(|o| o.ended).collect::<Vec<_>>();
    // Who is back in time finds everything in place, as often as that happens.
    for _ in 0..3 {
        let a = world.publish("rtmp://h/app/a");
        world.send_for(a, &mut Feed::new(25), 2);
        world.leave(a);
        world.pass(Duration::from_millis(9_900));
        assert_eq!(ended(&world), [false, false]);
    }
    let c = world.publish("rtmp://h/app/c");
    assert_eq!(world.viewers[c].last_code(), "NetStream.Publish.BadName", "its place is not free yet");
    world.pass(Duration::from_millis(200));
    assert_eq!(ended(&world), [false, true], "and nothing happens to the other");
    world.send_for(b, &mut feed, 2);
    assert_eq!(world.outputs[input].outputs()[0].packets.len(), 3 + 4 * 3);
    // Its place is free, and its name is one as any other.
    for name in ["c", "a"] {
        let next = world.publish(&format!("rtmp://h/app/{name}"));
        world.send_for(next, &mut Feed::new(25), 2);
        world.leave(next);
        world.pass(Duration::from_millis(10_100));
    }
    assert_eq!(ended(&world), [false, true, true, true]);
    let names = world.outputs[input].outputs().iter().map(|o| o.props[0].str(Prop::StreamName).map(str::to_owned));
    assert_eq!(names.map(Option::unwrap_or_default).collect::<Vec<_>>(), ["b", "a", "c", "a"]);
    assert!(world.outputs[input].outputs()[1..].iter().all(|o| o.packets.len() >= 3 + 2 * 3));
    world.check();
}

/// Who publishes and sends nothing holds a name no longer than others do.
#[test]
fn a_name_without_media_is_given_up_too() {
    let (mut world, input) = with_input("rtmp://127.0.0.1/app streams=2 keep=1s");
    for name in ["a", "b", "c", "d"] {
        let publisher = world.publish(&format!("rtmp://h/app/{name}"));
        assert!(world.viewers[publisher].events.contains(&ClientEvent::Publishing { msid: 1 }), "{name}");
        world.leave(publisher);
        world.pass(Duration::from_millis(700));
    }
    assert!(world.outputs[input].outputs().is_empty());
    world.check();
}

/// With one stream there is no name to give up: outputs wait for whoever comes.
#[test]
fn the_only_stream_is_kept_for_ever() {
    let (mut world, input) = with_input("rtmp://127.0.0.1/app keep=1s");
    for name in ["a", "b"] {
        let publisher = world.publish(&format!("rtmp://h/app/{name}"));
        world.send_for(publisher, &mut Feed::new(25), 2);
        world.leave(publisher);
        world.pass(Duration::from_secs(5));
    }
    assert_eq!(world.outputs[input].outputs().len(), 1);
    assert!(!world.outputs[input].outputs()[0].ended);
}

#[test]
fn who_sends_too_fast_is_not_read() {
    let (mut world, input) = with_input("rtmp://127.0.0.1/app stall=2s");
    let publisher = world.publish("rtmp://h/app/x");
    world.outputs[input].credit = Credit::Packets(0);
    let mut feed = Feed::new(25);
    feed.size = 200_000;
    let mut fed = 0;
    while fed < 3 * WINDOW {
        let packets = feed.tick();
        fed += packets.iter().map(Packet::len).sum::<usize>();
        world.send(publisher, &packets);
    }
    world.settle();
    let used = world.net.memory().used();
    assert!((WINDOW..WINDOW + (1 << 20)).contains(&used), "{used} bytes are held");
    world.pass(Duration::from_secs(5));
    assert!(world.is_open(publisher), "who is not read cannot be heard");
    world.outputs[input].credit = Credit::Endless;
    world.pass(Duration::from_millis(500));
    let pictures = world.tags(input).iter().filter(|(w, ..)| matches!(w, What::Key(_) | What::Inter(_))).count();
    assert_eq!(pictures, usize::try_from(feed.n).expect("few"), "and nothing is lost");
    world.check();
}

#[test]
fn who_falls_silent_is_gone_and_may_come_back() {
    let (mut world, input) = with_input("rtmp://127.0.0.1/app stall=3s");
    let publisher = world.publish("rtmp://h/app/x");
    world.send_for(publisher, &mut Feed::new(25), 5);
    world.pass(Duration::from_millis(3_100));
    assert!(!world.is_open(publisher));
    assert_eq!(world.record(input).phase, Phase::Listening);
    let again = world.publish("rtmp://h/app/x");
    world.send_for(again, &mut Feed::new(25), 5);
    assert_eq!(world.tags(input).len(), 3 + 5 * 3 + 5 * 3);
    assert_eq!((world.record(input).phase, world.record(input).players_total), (Phase::Live, 2));
}

#[test]
fn what_came_before_the_end_counts() {
    let (mut world, input) = with_input("rtmp://127.0.0.1/app");
    let publisher = world.publish("rtmp://h/app/x");
    let packets: Vec<Packet> = std::iter::repeat_with({
        let mut feed = Feed::new(25);
        move || feed.tick()
    })
    .take(4)
    .flatten()
    .collect();
    world.send(publisher, &packets);
    world.net.end(world.viewers[publisher].conn);
    world.settle();
    assert_eq!(world.tags(input).len(), 3 + 4 * 3);
    assert!(!world.is_open(publisher));
    world.check();
}

#[test]
fn an_input_that_ends_sends_its_publishers_away() {
    let (mut world, input) = with_input("rtmp://127.0.0.1/app");
    let publisher = world.publish("rtmp://h/app/x");
    world.send_for(publisher, &mut Feed::new(25), 2);
    world.outputs[input].event(Event::Stop).expect("a stop");
    world.settle();
    assert_eq!(world.results[input], Ok(true));
    world.pass(Duration::from_secs(3));
    assert_eq!(world.viewers[publisher].last_code(), "NetStream.Publish.BadName");
    assert!(!world.is_open(publisher));
    world.check();
}

#[test]
fn a_path_is_taken_once() {
    let (mut world, _) = with_input("rtmp://127.0.0.1/app");
    let second = world.open_input("rtmp://127.0.0.1/app");
    let error = world.results[second].clone().expect_err("taken");
    assert_eq!(error.message, "rtmp://127.0.0.1:1935/app is taken by another input already; give it a name of its own");
}

#[test]
fn media_without_leave_is_nobodys() {
    let (mut world, input) = with_input("rtmp://127.0.0.1/app key=secret");
    let publisher = world.publish("rtmp://h/app/x");
    world.send_for(publisher, &mut Feed::new(25), 5);
    assert!(world.tags(input).is_empty());
    // What is longer than a client may say ends it.
    let mut feed = Feed::new(25);
    feed.key_size = 100_000;
    world.send_for(publisher, &mut feed, 1);
    assert!(!world.is_open(publisher));
    world.check();
}
