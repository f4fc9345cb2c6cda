//! Who may not play, what they are told, and how their connections end.

use std::time::Duration;

use weir_rtmp::Redacted;
use weir_rtmp::message::UserControl;

use super::*;

const URL: &str = "rtmp://127.0.0.1/live/a";

fn config(app: &str, tc_url: &str, name: &str) -> ClientConfig {
    let url = RtmpUrl::parse("rtmp://127.0.0.1/x/y").expect("a URL");
    ClientConfig {
        app: Redacted::address(app),
        tc_url: Redacted::address(tc_url),
        name: Redacted::name(name),
        ..ClientConfig::play(&url)
    }
}

/// Fed, and a player that asked in this way.
fn asked(output: &str, app: &str, tc_url: &str, name: &str) -> (World, usize) {
    let mut world = World::new(&[output]);
    world.play(&mut Feed::new(25), 3);
    let viewer = world.join_with(config(app, tc_url, name), WIDE);
    world.settle();
    (world, viewer)
}

#[test]
pub(super) fn a_path_is_served_once() {
    let mut world = World::new(&[URL, "rtmp://127.0.0.1/live"]);
    let second = world.open("rtmp://127.0.0.1/live/a");
    let error = world.results[second].clone().expect_err("taken");
    assert_eq!(
        error.message,
        "rtmp://127.0.0.1:1935/live/a is served by another output already; give it a name of its own"
    );
    // The first goes on, and when it is gone the path is free.
    world.play(&mut Feed::new(25), 3);
    let viewer = world.join(URL);
    world.settle();
    assert_eq!(decoded(&world.viewers[viewer], 1, false).len(), 3 + 9);
    world.service.left(&mut world.net, filter(0));
    assert_eq!(world.open(URL), 3);
    assert_eq!(world.results[3], Ok(false));
}

#[test]
pub(super) fn limits_of_the_address_are_those_of_its_first_output() {
    let mut world = World::new(&["rtmp://127.0.0.1/live maxconn=7"]);
    assert_eq!(world.open("rtmp://127.0.0.1/b"), 1);
    assert_eq!(world.open("rtmp://127.0.0.1/c maxconn=7"), 2);
    assert_eq!(world.open("rtmp://127.0.0.1/d maxconn=8"), 3);
    assert!(world.results[..3].iter().all(|r| *r == Ok(false)));
    let error = world.results[3].clone().expect_err("another limit");
    assert!(error.message.contains("maxconn") && error.kind == weir_plugin::ErrorKind::BadOption);
}

#[test]
pub(super) fn an_unknown_app_gets_its_error_and_then_the_end() {
    let (mut world, viewer) = asked(URL, "nothing", "rtmp://127.0.0.1/nothing", "a");
    let got = &world.viewers[viewer];
    assert_eq!(got.codes(), [(0, "NetConnection.Connect.InvalidApp".to_owned())]);
    assert_eq!(got.error.map(|e| e.kind), Some(weir_rtmp::ErrorKind::Refused));
    let conn = got.conn;
    assert!(world.net.is_shut(conn) && world.is_open(viewer), "our side ends first, then the peer's");
    world.check();
    world.pass(Duration::from_millis(1990));
    assert!(world.is_open(viewer));
    world.pass(Duration::from_millis(20));
    assert!(!world.is_open(viewer) && !world.net.is_closed_by_reset(conn));
    world.check();
}

#[test]
pub(super) fn an_unknown_app_is_closed_at_once_when_the_client_closes() {
    let (mut world, viewer) = asked(URL, "nothing", "", "a");
    world.leave(viewer);
    assert!(!world.is_open(viewer));
}

#[test]
pub(super) fn a_refused_client_that_reads_nothing_is_closed_all_the_same() {
    let mut world = World::new(&[URL]);
    let conn = world.connect(HANDSHAKE).expect("admitted");
    world.net.send(conn, &[&[3][..], &[0; 3072], &connect_chunks("nothing")].concat());
    world.settle();
    assert!(world.net.is_open(conn) && !world.net.is_shut(conn));
    world.pass(Duration::from_millis(2010));
    assert!(!world.net.is_open(conn));
    world.check();
}

#[test]
pub(super) fn an_unknown_name_can_be_followed_by_a_better_one() {
    let (mut world, viewer) = asked(URL, "live", "rtmp://127.0.0.1/live", "b");
    assert_eq!(world.viewers[viewer].codes().last(), Some(&(1, "NetStream.Play.StreamNotFound".to_owned())));
    assert!(world.is_open(viewer) && !world.net.is_shut(world.viewers[viewer].conn));
    world.command(viewer, 1, "play", 0.0, &["a".into()]);
    assert_eq!(world.viewers[viewer].last_code(), "NetStream.Play.Start");
    world.check();
}

#[test]
pub(super) fn who_is_refused_and_says_no_more_is_closed() {
    let (mut world, viewer) = asked(URL, "live", "rtmp://127.0.0.1/live", "b");
    world.pass(Duration::from_secs(29));
    assert!(world.is_open(viewer));
    world.pass(Duration::from_secs(2));
    assert!(!world.is_open(viewer));
    world.pass(Duration::from_secs(1));
    assert_eq!(world.record(0).refused, 1);
}

#[test]
pub(super) fn keys_cannot_be_tried_for_long() {
    let (mut world, viewer) = asked("rtmp://127.0.0.1/live key=right", "live", "", "x?key=0");
    for n in 1..7 {
        assert!(!world.net.is_shut(world.viewers[viewer].conn));
        world.command(viewer, 1, "play", 0.0, &[format!("x?key={n}").as_str().into()]);
        assert_eq!(world.viewers[viewer].last_code(), "NetStream.Play.Failed");
    }
    world.command(viewer, 1, "play", 0.0, &["x?key=7".into()]);
    assert_eq!(world.viewers[viewer].codes().len(), 1 + 8);
    assert!(world.net.is_shut(world.viewers[viewer].conn));
    world.command(viewer, 1, "play", 0.0, &["x?key=right".into()]);
    world.pass(Duration::from_secs(3));
    assert!(!world.is_open(viewer));
    assert_eq!((world.record(0).refused, world.record(0).players_total), (8, 0));
    assert!(world.net.logs.iter().all(|(_, line)| !line.contains("key=") && !line.contains("right")));
}

#[test]
pub(super) fn who_plays_and_asks_for_too_much_is_told_the_end_of_what_it_plays() {
    let mut world = World::new(&["rtmp://127.0.0.1/live"]);
    world.play(&mut Feed::new(25), 10);
    let viewer = world.join_slow("rtmp://127.0.0.1/live", 8000);
    world.settle();
    world.command(viewer, 0, "createStream", 5.0, &[]);
    for _ in 0..8 {
        world.command(viewer, 2, "play", 0.0, &["".into()]);
    }
    let conn = world.viewers[viewer].conn;
    assert!(!world.net.is_shut(conn));
    world.read(viewer, WIDE);
    world.settle();
    world.read(viewer, 0);
    assert!(world.viewers[viewer].has_ended() && world.net.is_shut(conn));
    // No media after the end, though there was more.
    let eof = Control::User(UserControl::StreamEof(1));
    assert_eq!(Control::parse(&world.viewers[viewer].heard.last().expect("messages").1), Ok(Some(eof)));
    world.pass(Duration::from_secs(3));
    assert_eq!((world.is_open(viewer), world.record(0).players), (false, 0));
    world.check();
}

#[test]
pub(super) fn a_key_may_come_with_the_name_the_app_or_the_url() {
    let output = "rtmp://127.0.0.1/live key=k1,k2";
    let cases = [
        ("live", "rtmp://h/live", "a?key=k1", true),
        ("live?key=k2", "rtmp://h/live", "a", true),
        ("live", "rtmp://h/live?key=k1", "a", true),
        ("live", "rtmp://h/live", "?key=k1", true),
        ("live", "rtmp://h/live", "a?x=1&key=k2&y=2", true),
        ("live?key=k1", "rtmp://h/live", "a?key=no", false),
        ("live", "rtmp://h/live", "a", false),
        ("live", "rtmp://h/live", "a?key=", false),
        ("live", "rtmp://h/live", "a?key=k", false),
        ("live", "rtmp://h/live", "a?key=k11", false),
        ("live", "rtmp://h/live", "a?key=K1", false),
        ("live", "rtmp://h/live", "a?Key=k1", false),
    ];
    for (app, tc_url, name, plays) in cases {
        let (world, viewer) = asked(output, app, tc_url, name);
        let code = if plays { "NetStream.Play.Start" } else { "NetStream.Play.Failed" };
        assert_eq!(world.viewers[viewer].last_code(), code, "{app} {tc_url} {name}");
        assert_eq!(world.viewers[viewer].media().is_empty(), !plays);
    }
}

#[test]
pub(super) fn only_allowed_addresses_play() {
    for (allow, plays) in [("192.0.2.1", true), ("192.0.0.0/16", true), ("198.51.100.0/24,::/0", false)] {
        let (world, viewer) = asked(&format!("rtmp://127.0.0.1/live allow={allow}"), "live", "", "a");
        let code = if plays { "NetStream.Play.Start" } else { "NetStream.Play.Failed" };
        assert_eq!(world.viewers[viewer].last_code(), code, "{allow}");
    }
}

#[test]
pub(super) fn publishers_are_turned_down() {
    let (mut world, viewer) = asked(URL, "live", "", "b");
    world.command(viewer, 1, "publish", 0.0, &["a".into(), "live".into()]);
    assert_eq!(world.viewers[viewer].codes().last(), Some(&(1, "NetStream.Publish.Denied".to_owned())));
    world.check();
}

#[test]
pub(super) fn harmful_paths_are_unknown() {
    let (world, viewer) = asked(URL, "live/../live", "", "a");
    assert_eq!(world.viewers[viewer].codes(), [(0, "NetConnection.Connect.InvalidApp".to_owned())]);
    let (world, viewer) = asked("rtmp://127.0.0.1/live", "live", "", "../a");
    assert_eq!(world.viewers[viewer].codes().last(), Some(&(1, "NetStream.Play.StreamNotFound".to_owned())));
    let (world, viewer) = asked("rtmp://127.0.0.1/live", "live", "", &"x".repeat(1100));
    assert_eq!(world.viewers[viewer].codes().last(), Some(&(1, "NetStream.Play.StreamNotFound".to_owned())));
}
