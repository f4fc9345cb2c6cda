//! How streams end: in good order for those who keep up, in time for all.

use weir_plugin::Phase;
use weir_rtmp::message::{Control, UserControl};

use super::*;

const URL: &str = "rtmp://127.0.0.1/live";

#[test]
pub(super) fn the_end_is_told_flushed_and_closed() {
    let mut world = World::new(&[URL]);
    let mut feed = Feed::new(25);
    let viewers = [world.join(URL), world.join(URL)];
    world.settle();
    world.play(&mut feed, 30);
    let packets = feed.tick();
    world.push(0, packets);
    world.finish(0);
    world.settle();
    for viewer in viewers {
        let got = &world.viewers[viewer];
        assert_eq!(decoded(got, 1, false).len(), 3 + 31 * 3, "what came with the end is flushed");
        let last: Vec<String> = got.codes().into_iter().map(|(_, code)| code).rev().take(2).collect();
        assert_eq!(last, ["NetStream.Play.Stop", "NetStream.Play.UnpublishNotify"]);
        let eof = Control::User(UserControl::StreamEof(1));
        assert_eq!(Control::parse(&got.heard.last().expect("messages").1), Ok(Some(eof)));
        assert!(got.has_ended());
        assert!(world.net.is_shut(got.conn) && world.is_open(viewer));
    }
    assert_eq!((world.record(0).phase, &world.results[0]), (Phase::Draining, &Ok(false)));
    // One closes, as players do; the other has two seconds.
    world.leave(viewers[0]);
    assert!(!world.is_open(viewers[0]));
    world.pass(Duration::from_millis(1900));
    assert!(world.is_open(viewers[1]));
    assert_eq!(world.results[0], Ok(false));
    world.pass(Duration::from_millis(110));
    assert!(!world.is_open(viewers[1]));
    assert_eq!((world.record(0).phase, &world.results[0]), (Phase::Ended, &Ok(true)));
    let record = world.record(0);
    assert_eq!((record.players, record.players_total, record.refused), (0, 2, 0));
    assert!(record.bytes > 0);
    world.check();
}

#[test]
pub(super) fn without_players_the_end_takes_no_time() {
    let mut world = World::new(&[URL]);
    let refused = world.join("rtmp://127.0.0.1/other");
    world.settle();
    world.play(&mut Feed::new(25), 3);
    world.finish(0);
    world.settle();
    assert!(world.is_open(refused));
    assert_eq!((world.record(0).phase, &world.results[0]), (Phase::Ended, &Ok(true)));
}

#[test]
pub(super) fn the_last_report_has_the_last_counts() {
    let mut world = World::new(&[URL]);
    let viewer = world.join(URL);
    world.settle();
    world.play(&mut Feed::new(25), 20);
    world.finish(0);
    world.settle();
    world.leave(viewer);
    assert_eq!(world.results[0], Ok(true));
    let media: usize = world.viewers[viewer].media().iter().map(|m| m.body.len()).sum();
    let record = world.record(0);
    assert_eq!((record.players, record.players_total), (0, 1));
    assert!(record.bytes > media as u64);
}

#[test]
pub(super) fn late_players_are_cut_off_at_the_deadline() {
    let mut world = World::new(&[URL]);
    let mut feed = Feed::new(25);
    let (good, slow, stuck) = (world.join(URL), world.join_slow(URL, 5000), world.join_slow(URL, 5000));
    world.settle();
    world.play(&mut feed, 30);
    world.finish(0);
    world.settle();
    assert!(world.net.is_shut(world.viewers[good].conn));
    world.leave(good);
    // This one reads on, and gets all of it.
    world.viewers[slow].reads = true;
    world.read(slow, WIDE);
    world.settle();
    assert!(world.viewers[slow].has_ended());
    decoded(&world.viewers[slow], 1, false);
    world.leave(slow);
    world.pass(Duration::from_millis(1990));
    assert!(world.is_open(stuck));
    world.pass(Duration::from_millis(500));
    assert!(!world.is_open(stuck));
    assert_eq!(world.results[0], Ok(true));
    assert_eq!(world.record(0).refused, 1);
    world.check();
}

/// Whoever knocks at other doors does not hold up the end.
#[test]
pub(super) fn refused_connections_do_not_hold_up_the_end() {
    let mut world = World::new(&[URL, "rtmp://127.0.0.1/other"]);
    world.play(&mut Feed::new(25), 3);
    let viewer = world.join(URL);
    world.settle();
    world.finish(0);
    for _ in 0..50 {
        world.join("rtmp://127.0.0.1/nothing");
        world.pass(Duration::from_millis(50));
    }
    assert!(!world.is_open(viewer));
    assert_eq!(world.results, [Ok(true), Ok(false)]);
    // Another output on the address goes on.
    let packets = Feed::new(25).tick();
    world.push(1, packets);
    let other = world.join("rtmp://127.0.0.1/other");
    world.settle();
    assert_eq!(decoded(&world.viewers[other], 1, false).len(), 3 + 3);
    world.check();
}

#[test]
pub(super) fn a_paused_player_is_told_too() {
    let mut world = World::new(&[URL]);
    let viewer = world.join(URL);
    world.settle();
    world.play(&mut Feed::new(25), 3);
    world.command(viewer, 1, "pause", 0.0, &[true.into(), 0.0.into()]);
    world.finish(0);
    world.settle();
    assert!(world.viewers[viewer].has_ended());
}

#[test]
pub(super) fn an_ending_stream_takes_no_new_players() {
    let mut world = World::new(&[URL]);
    world.play(&mut Feed::new(25), 3);
    let stuck = world.join_slow(URL, 4000);
    world.settle();
    world.finish(0);
    let late = world.join(URL);
    world.settle();
    assert_eq!(world.viewers[late].last_code(), "NetStream.Play.StreamNotFound");
    assert!(world.is_open(stuck));
}

#[test]
pub(super) fn a_filter_that_fails_ends_its_players_only() {
    let mut world = World::new(&[URL, "rtmp://127.0.0.1/other"]);
    let mut feed = Feed { key_size: 50_000, ..Feed::new(25) };
    world.play(&mut feed, 3);
    let (good, blocked) = (world.join(URL), world.join_slow(URL, 20_000));
    let other = world.join("rtmp://127.0.0.1/other");
    world.settle();
    world.push(0, [Packet::new(Bytes::from_static(b"no tag"), 0)]);
    world.settle();
    let error = world.results[0].clone().expect_err("it failed");
    assert_eq!(error.message, "a packet is not one whole FLV tag");
    assert!(world.viewers[good].has_ended());
    assert!(world.net.is_shut(world.viewers[good].conn));
    world.check();
    // The half-sent message is finished before the end is told.
    world.viewers[blocked].reads = true;
    world.read(blocked, WIDE);
    world.settle();
    assert_eq!(what(world.viewers[blocked].media()[3]), What::Key(0));
    assert!(world.viewers[blocked].has_ended());
    let packets = Feed::new(25).tick();
    world.push(1, packets);
    world.settle();
    assert_eq!(decoded(&world.viewers[other], 1, false).len(), 3 + 3);
    world.pass(Duration::from_secs(3));
    assert_eq!(world.net.open(), 1);
    world.check();
}

#[test]
pub(super) fn who_is_blocked_when_a_filter_fails_goes_in_time() {
    let mut world = World::new(&[URL]);
    world.play(&mut Feed { key_size: 50_000, ..Feed::new(25) }, 3);
    let blocked = world.join_slow(URL, 20_000);
    world.settle();
    world.service.left(&mut world.net, filter(0));
    world.settle();
    // The ring is gone; what the player is in the middle of is not.
    assert!(world.net.memory().used() > 40_000);
    world.pass(Duration::from_millis(1900));
    assert!(world.is_open(blocked));
    world.pass(Duration::from_millis(200));
    assert_eq!(world.net.open(), 0);
    world.check();
}
