//! What players get who behave, and when.

use std::time::Duration;

use weir_rtmp::ClientEvent;
use weir_rtmp::message::{Command, Control, UserControl, kind};

use super::*;

const URL: &str = "rtmp://127.0.0.1/live";

fn keys_and_sounds(all: &[What]) -> (Option<u32>, Option<u32>) {
    let key = all.iter().find_map(|w| if let What::Key(n) = w { Some(*n) } else { None });
    let sound = all.iter().find_map(|w| if let What::Audio(n) = w { Some(*n) } else { None });
    (key, sound)
}

/// Check 38 of the facts sheet.
#[test]
pub(super) fn a_player_in_the_middle_gets_all_it_needs_at_once_and_in_order() {
    let mut world = World::new(&[URL]);
    world.play(&mut Feed::new(25), 30);
    let viewer = world.join(URL);
    world.settle();
    let said: Vec<String> = world.viewers[viewer]
        .heard
        .iter()
        .map(|(_, m)| match m.kind {
            kind::COMMAND_AMF0 => {
                let command = Command::parse(&m.body).expect("sound");
                let code = command.arg(0).get("code").and_then(|v| Some(v.as_str()?.into_owned()));
                format!("{} {} {}", m.msid, command.name, code.unwrap_or_default())
            }
            kind::USER_CONTROL => format!("{:?}", Control::parse(m).expect("sound")),
            kind::DATA_AMF0 if m.body.starts_with(b"\x02\x00\x11|RtmpSampleAccess") => format!("{} access", m.msid),
            kind::DATA_AMF0 | kind::AUDIO | kind::VIDEO => format!("{} {:?} @{}", m.msid, what(m), m.timestamp),
            other => format!("type {other}"),
        })
        .collect();
    let begin = Control::User(UserControl::StreamBegin(1));
    assert_eq!(
        said[..13],
        [
            "type 6",
            "0 _result NetConnection.Connect.Success",
            "0 _result ",
            &format!("{:?}", Some(begin)),
            "1 onStatus NetStream.Play.Reset",
            "1 onStatus NetStream.Play.Start",
            "1 access",
            "1 Data @0",
            "1 VideoHeader @1000",
            "1 AudioHeader @1000",
            "1 Key(25) @1000",
            "1 Audio(25) @1000",
            "1 Audio(25) @1020",
        ]
    );
    let all = decoded(&world.viewers[viewer], 1, false);
    assert_eq!(all.last(), Some(&What::Audio(29)));
    assert_eq!(all.len(), 3 + 5 * 3);
    world.check();
}

#[test]
pub(super) fn start_live_has_sound_at_once_and_pictures_from_the_next_key_frame() {
    let mut world = World::new(&["rtmp://127.0.0.1/live start=live"]);
    let mut feed = Feed::new(25);
    world.play(&mut feed, 30);
    let viewer = world.join(URL);
    world.settle();
    assert_eq!(decoded(&world.viewers[viewer], 1, false).len(), 3);
    world.play(&mut feed, 30);
    assert_eq!(keys_and_sounds(&decoded(&world.viewers[viewer], 1, false)), (Some(50), Some(30)));
}

#[test]
pub(super) fn start_next_begins_with_the_next_key_frame() {
    let mut world = World::new(&["rtmp://127.0.0.1/live start=next"]);
    let mut feed = Feed::new(25);
    world.play(&mut feed, 30);
    let viewer = world.join(URL);
    world.play(&mut feed, 20);
    assert_eq!(world.viewers[viewer].media().len(), 0);
    assert_eq!(world.viewers[viewer].last_code(), "NetStream.Play.Start");
    world.play(&mut feed, 10);
    assert_eq!(keys_and_sounds(&decoded(&world.viewers[viewer], 1, false)), (Some(50), Some(50)));
}

#[test]
pub(super) fn players_who_come_first_wait_and_get_everything_at_its_time() {
    let mut world = World::new(&[URL]);
    let viewers = [world.join(URL), world.join(URL)];
    world.pass(Duration::from_secs(5));
    let begin = world.now();
    world.play(&mut Feed::new(25), 60);
    for viewer in viewers {
        let viewer = &world.viewers[viewer];
        assert_eq!(decoded(viewer, 1, false).len(), 3 + 60 * 3);
        for (at, message) in viewer.heard.iter().filter(|(_, m)| m.kind == kind::VIDEO && m.body[1] == 1) {
            assert_eq!(at.since(begin), Duration::from_millis(u64::from(message.timestamp)));
        }
    }
    world.pass(Duration::from_secs(1));
    let record = world.record(0);
    assert_eq!((record.players, record.players_total, record.dropped, record.refused), (2, 2, 0, 0));
    let bytes: usize = world.viewers.iter().map(|v| v.bytes.len()).sum();
    assert!(record.bytes < bytes as u64 && record.bytes > bytes as u64 / 2);
}

#[test]
pub(super) fn the_stream_runs_without_players_and_they_come_and_go() {
    let mut world = World::new(&[URL]);
    let mut feed = Feed::new(25);
    for round in 1..=5 {
        world.play(&mut feed, 35);
        let viewer = world.join(URL);
        world.play(&mut feed, 35);
        assert!(decoded(&world.viewers[viewer], 1, false).len() > 35 * 3);
        world.check();
        if round % 2 == 0 {
            world.leave(viewer);
        } else {
            world.net.reset(world.viewers[viewer].conn);
            world.settle();
        }
        assert!(!world.is_open(viewer));
        world.check();
        world.pass(Duration::from_millis(600));
        assert_eq!((world.record(0).players, world.record(0).players_total), (0, round));
    }
}

#[test]
pub(super) fn outputs_on_one_address_are_told_apart_and_the_better_fit_wins() {
    let mut world = World::new(&["rtmp://127.0.0.1/live", "rtmp://127.0.0.1/live/b", "rtmp://127.0.0.1/other"]);
    let urls = ["live", "live/x", "live/b", "other", "other/y", "live/b/c"];
    let viewers = urls.map(|path| world.join(&format!("rtmp://127.0.0.1/{path}")));
    world.settle();
    for output in 0..3 {
        let mut feed = Feed::new(25);
        feed.n = 1000 * output;
        let packets = feed.tick();
        world.push(output as usize, packets);
    }
    world.settle();
    let got = viewers.map(|viewer| keys_and_sounds(&decoded(&world.viewers[viewer], 1, false)).1);
    assert_eq!(got, [Some(0), Some(0), Some(1000), Some(2000), Some(2000), Some(0)]);
    world.pass(Duration::from_secs(1));
    assert_eq!([0, 1, 2].map(|output| world.record(output).players), [3, 1, 2]);
}

#[test]
pub(super) fn a_pause_costs_nothing_and_ends_with_the_newest_key_frame() {
    let mut world = World::new(&[URL]);
    let mut feed = Feed::new(25);
    let viewer = world.join(URL);
    world.settle();
    world.play(&mut feed, 10);
    world.command(viewer, 1, "pause", 0.0, &[true.into(), 0.0.into()]);
    assert_eq!(world.viewers[viewer].last_code(), "NetStream.Pause.Notify");
    let before = world.viewers[viewer].media().len();
    world.play(&mut feed, 500);
    assert_eq!(world.viewers[viewer].media().len(), before);
    world.pass(Duration::from_secs(1));
    assert_eq!(world.record(0).lag, Duration::ZERO);
    world.command(viewer, 1, "pause", 0.0, &[false.into(), 0.0.into()]);
    assert_eq!(world.viewers[viewer].last_code(), "NetStream.Unpause.Notify");
    let media = world.viewers[viewer].media();
    assert_eq!(media[before..before + 4].iter().map(|m| what(m)).collect::<Vec<_>>()[3], What::Key(500));
    world.play(&mut feed, 40);
    assert_eq!(world.viewers[viewer].media().last().map(|m| what(m)), Some(What::Audio(549)));
    assert_eq!(world.record(0).dropped, 0);
    world.check();
}

#[test]
pub(super) fn after_a_short_pause_time_does_not_go_back() {
    let mut world = World::new(&[URL]);
    let mut feed = Feed::new(100);
    let viewer = world.join(URL);
    world.settle();
    world.play(&mut feed, 50);
    world.command(viewer, 1, "pause", 0.0, &[true.into(), 0.0.into()]);
    world.play(&mut feed, 5);
    world.command(viewer, 1, "pause", 0.0, &[false.into(), 0.0.into()]);
    world.play(&mut feed, 5);
    assert_eq!(decoded(&world.viewers[viewer], 1, false).len(), 3 + 60 * 3);
}

#[test]
pub(super) fn sound_and_pictures_can_be_turned_off_and_stay_off_through_a_pause() {
    let mut world = World::new(&[URL]);
    let mut feed = Feed::new(25);
    let viewer = world.join(URL);
    world.settle();
    world.play(&mut feed, 10);
    world.command(viewer, 1, "receiveVideo", 0.0, &[false.into()]);
    let since = world.viewers[viewer].media().len();
    world.play(&mut feed, 30);
    world.command(viewer, 1, "pause", 0.0, &[true.into(), 0.0.into()]);
    world.play(&mut feed, 30);
    world.command(viewer, 1, "pause", 0.0, &[false.into(), 0.0.into()]);
    world.play(&mut feed, 10);
    let is_video = |w: &What| matches!(w, What::Key(_) | What::Inter(_));
    let got = |world: &World, since: usize| -> Vec<What> {
        world.viewers[viewer].media()[since..].iter().map(|m| what(m)).collect()
    };
    assert!(!got(&world, since).iter().any(is_video));
    world.command(viewer, 1, "receiveAudio", 0.0, &[false.into()]);
    world.command(viewer, 1, "receiveVideo", 0.0, &[true.into()]);
    let since = world.viewers[viewer].media().len();
    world.play(&mut feed, 30);
    let now = got(&world, since);
    assert_eq!(now.first(), Some(&What::Key(100)));
    assert!(now.iter().all(is_video));
}

#[test]
pub(super) fn a_connection_can_stop_and_play_again() {
    let mut world = World::new(&[URL, "rtmp://127.0.0.1/live/b"]);
    let mut feed = Feed::new(25);
    let viewer = world.join(URL);
    world.settle();
    world.play(&mut feed, 30);
    world.command(viewer, 1, "closeStream", 0.0, &[]);
    let before = world.viewers[viewer].media().len();
    world.play(&mut feed, 10);
    assert_eq!(world.viewers[viewer].media().len(), before);
    world.check();
    world.command(viewer, 1, "play", 0.0, &["".into()]);
    assert_eq!(world.viewers[viewer].last_code(), "NetStream.Play.Start");
    assert_eq!(what(world.viewers[viewer].media()[before + 3]), What::Key(25));
    // Another stream on the same connection, without a stop between.
    world.command(viewer, 1, "play", 0.0, &["b".into()]);
    assert_eq!(world.viewers[viewer].last_code(), "NetStream.Play.Start");
    let before = world.viewers[viewer].media().len();
    world.play(&mut feed, 5);
    assert_eq!(world.viewers[viewer].media().len(), before);
    let other = Feed::new(5).tick();
    world.push(1, other);
    world.settle();
    assert_eq!(world.viewers[viewer].media().len(), before + 6);
    world.pass(Duration::from_secs(1));
    assert_eq!([0, 1].map(|output| world.record(output).players), [0, 1]);
    assert_eq!(world.record(0).players_total, 2);
    world.check();
}

#[test]
pub(super) fn a_second_message_stream_plays_under_its_own_number() {
    let mut world = World::new(&[URL]);
    let mut feed = Feed::new(25);
    let viewer = world.join(URL);
    world.settle();
    world.play(&mut feed, 10);
    world.command(viewer, 0, "createStream", 5.0, &[]);
    // Only one plays on a connection.
    world.command(viewer, 2, "play", 0.0, &["".into()]);
    assert_eq!(world.viewers[viewer].codes().last(), Some(&(2, "NetStream.Play.Failed".to_owned())));
    world.command(viewer, 0, "deleteStream", 0.0, &[1.0.into()]);
    let before = world.viewers[viewer].media().len();
    world.command(viewer, 2, "play", 0.0, &["".into()]);
    assert_eq!(world.viewers[viewer].codes().last(), Some(&(2, "NetStream.Play.Start".to_owned())));
    world.play(&mut feed, 20);
    let media = &world.viewers[viewer].media()[before..];
    assert!(media.len() > 20 * 3 && media.iter().all(|m| m.msid == 2));
    assert_eq!(media.iter().take(4).map(|m| what(m)).collect::<Vec<_>>()[3], What::Key(0));
    world.check();
}

#[test]
pub(super) fn a_seek_is_refused_and_the_stream_goes_on() {
    let mut world = World::new(&[URL]);
    let mut feed = Feed::new(25);
    let viewer = world.join(URL);
    world.settle();
    world.play(&mut feed, 10);
    world.command(viewer, 1, "seek", 0.0, &[5000.0.into()]);
    assert!(world.viewers[viewer].codes().contains(&(1, "NetStream.Seek.Failed".to_owned())));
    world.play(&mut feed, 10);
    assert_eq!(decoded(&world.viewers[viewer], 1, false).len(), 3 + 20 * 3);
    assert!(world.viewers[viewer].events.contains(&ClientEvent::Playing));
}

#[test]
pub(super) fn clients_may_say_everything_at_once() {
    let mut world = World::new(&[URL]);
    world.play(&mut Feed::new(25), 3);
    let conn = world.connect(WIDE).expect("admitted");
    world.net.send(conn, &hurried("live", "any"));
    world.settle();
    world.pass(Duration::from_secs(1));
    assert_eq!(world.record(0).players, 1);
    assert!(world.net.receive(conn, 0).len() > HANDSHAKE + 5000);
}

#[test]
fn players_that_did_not_announce_more_get_one_track_in_its_original_form() {
    for (form, legacy) in [("auto", [false, true]), ("enhanced", [false, false]), ("legacy", [true, true])] {
        let mut world = World::new(&[&format!("rtmp://127.0.0.1/live form={form}")]);
        let url = RtmpUrl::parse("rtmp://127.0.0.1/live/x").expect("a URL");
        let config = ClientConfig::play(&url);
        assert!(config.enhanced);
        let announced = world.join_with(config.clone(), WIDE);
        let silent = world.join_with(ClientConfig { enhanced: false, ..config }, WIDE);
        world.settle();
        for n in 0..10 {
            world.push(0, two_tracks(n));
            world.settle();
            world.net.advance(TICK);
        }
        for (viewer, is_legacy) in [announced, silent].into_iter().zip(legacy) {
            let bodies: Vec<Bytes> = world.viewers[viewer].media().iter().map(|m| m.body.clone()).collect();
            if !is_legacy {
                assert_eq!(bodies.len(), 3 + 10 * 3, "{form}");
                assert!(bodies.iter().all(|body| body[0] & 0x80 != 0), "{form}");
                continue;
            }
            assert_eq!(bodies[..2], [&b"\x17\0\0\0\0\x01\x02\x03"[..], b"\xaf\0\x12\x10"], "{form}");
            assert_eq!(bodies.len(), 2 + 10 * 2, "{form}");
            let heads = [[0x17, 1, 0, 0, 0], [0x27, 1, 0, 0, 0]];
            let pictures = bodies[2..].iter().filter(|body| body[0] != 0xaf);
            for (n, body) in (0u32..).zip(pictures) {
                let head = heads[usize::from(!n.is_multiple_of(5))];
                assert_eq!(body[..], [&head[..], &n.to_be_bytes()].concat(), "{form}");
            }
        }
        assert_eq!(world.record(0).dropped, 0);
        world.check();
    }
}
