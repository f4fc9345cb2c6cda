//! Players that take less than there is: what they get, when they go, and that nobody else notices.

use std::time::Duration;

use super::*;

const URL: &str = "rtmp://127.0.0.1/live";

/// What a good player gets beside whatever `neighbour` does, told at each tick; with the times it got it.
fn beside(options: &str, ticks: usize, mut neighbour: impl FnMut(&mut World, usize)) -> (World, Vec<(Time, Message)>) {
    let mut world = World::new(&[&format!("{URL} {options}")]);
    let good = world.join(URL);
    world.settle();
    let mut feed = Feed { disposable: true, ..Feed::new(25) };
    for tick in 0..ticks {
        neighbour(&mut world, tick);
        world.play(&mut feed, 1);
        world.check();
    }
    let heard = std::mem::take(&mut world.viewers[good].heard);
    (world, heard)
}

#[test]
pub(super) fn who_never_reads_goes_after_the_stall_time_and_nobody_notices() {
    let (_, alone) = beside("stall=4s", 250, |_, _| {});
    let mut bad = Vec::new();
    let (mut world, heard) = beside("stall=4s", 250, |world, tick| {
        if tick == 20 {
            // In the middle of the handshake, of the answers, and of a message.
            bad = [100, 3200, 20_000].map(|window| world.join_slow(URL, window)).to_vec();
        }
        // They were blocked at tick 20, which is at 800 ms.
        let gone: Vec<bool> = bad.iter().map(|v| !world.is_open(*v)).collect();
        if (21..=120).contains(&tick) {
            assert_eq!(gone, [false; 3], "tick {tick}");
        } else if tick > 121 {
            assert_eq!(gone, [true; 3], "tick {tick}");
        }
    });
    assert_eq!(heard, alone);
    world.pass(Duration::from_secs(1));
    assert_eq!((world.record(0).players, world.record(0).refused), (1, 3));
}

#[test]
pub(super) fn who_trickles_goes_too() {
    let (_, alone) = beside("stall=4s", 300, |_, _| {});
    let mut bad = 0;
    let (world, heard) = beside("stall=4s", 300, |world, tick| {
        match tick {
            20 => bad = world.join_slow(URL, 3500),
            // One byte a second.
            _ if tick > 20 && tick % 25 == 0 => {
                world.read(bad, 1);
            }
            _ => {}
        }
        if tick == 110 {
            assert!(world.is_open(bad));
        }
    });
    assert!(!world.is_open(bad));
    assert_eq!(heard, alone);
}

#[test]
pub(super) fn who_breaks_off_in_the_middle_of_a_message_disturbs_nobody() {
    let (_, alone) = beside("", 100, |_, _| {});
    for at in [3000, 3073, 3200, 4000, 9000] {
        let mut bad = 0;
        let (world, heard) = beside("", 100, |world, tick| match tick {
            20 => bad = world.join_slow(URL, at),
            40 => world.net.reset(world.viewers[bad].conn),
            _ => {}
        });
        assert!(!world.is_open(bad));
        assert_eq!(heard, alone);
    }
}

/// However the system cuts what is written, the bytes are the same.
#[test]
pub(super) fn short_writes_lose_and_repeat_nothing() {
    let run = |window: usize| {
        let mut world = World::new(&[URL]);
        let mut feed = Feed { size: 40, key_size: 90, ..Feed::new(4) };
        world.play(&mut feed, 6);
        let viewer = world.join_slow(URL, window);
        let mut next = |world: &mut World| {
            let packets = feed.tick();
            world.push(0, packets);
        };
        for tick in 0..300 {
            world.settle();
            while world.read(viewer, window) > 0 {
                world.settle();
            }
            if tick == 280 {
                next(&mut world);
                next(&mut world);
            }
        }
        world.check();
        world.viewers.swap_remove(viewer)
    };
    let whole = run(WIDE);
    assert_eq!(decoded(&whole, 1, false).len(), 3 + 4 * 3);
    for window in (1..200).chain([250, 500, 1000, 3100]) {
        assert!(run(window).stream() == whole.stream(), "window {window}");
    }
}

#[test]
pub(super) fn the_same_on_another_message_stream() {
    let run = |window: usize| {
        let mut world = World::new(&[URL]);
        let mut feed = Feed { size: 40, key_size: 90, ..Feed::new(4) };
        let viewer = world.join(URL);
        world.settle();
        world.command(viewer, 0, "deleteStream", 0.0, &[1.0.into()]);
        world.command(viewer, 0, "createStream", 5.0, &[]);
        world.command(viewer, 2, "play", 0.0, &["".into()]);
        world.viewers[viewer].reads = false;
        // Fill the window, so that it is the test's from here on.
        let blocked = world.net.take_window(world.viewers[viewer].conn);
        assert!(blocked > 0);
        for _ in 0..6 {
            let packets = feed.tick();
            world.push(0, packets);
            world.settle();
        }
        for _ in 0..3000 {
            world.read(viewer, window);
            world.settle();
            world.read(viewer, 0);
        }
        assert_eq!(world.viewers[viewer].media().len(), 3 + 18);
        world.check();
        world.viewers.swap_remove(viewer)
    };
    let whole = run(WIDE);
    assert!(whole.media().iter().all(|m| m.msid == 2));
    for window in (1..40).chain([100, 101, 500]) {
        assert!(run(window).stream() == whole.stream(), "window {window}");
    }
}

#[test]
pub(super) fn a_stream_that_pauses_makes_nobody_look_stalled() {
    let mut world = World::new(&[&format!("{URL} stall=4s lag=60s")]);
    let mut feed = Feed::new(25);
    let viewer = world.join_slow(URL, 1 << 20);
    world.settle();
    for _ in 0..20 {
        world.play(&mut feed, 1);
        world.read(viewer, 0);
    }
    world.net.take_window(world.viewers[viewer].conn);
    world.read(viewer, 500);
    world.pass(Duration::from_secs(30));
    // A burst, of which a part of the first message fits.
    for _ in 0..10 {
        let packets = feed.tick();
        world.push(0, packets);
    }
    world.settle();
    assert!(world.is_open(viewer));
    world.pass(Duration::from_millis(3900));
    assert!(world.is_open(viewer));
    world.read(viewer, WIDE);
    world.settle();
    world.read(viewer, 0);
    world.pass(Duration::from_secs(10));
    assert!(world.is_open(viewer));
    assert_eq!(decoded(&world.viewers[viewer], 1, false).len(), 3 + 30 * 3);
    world.check();
}

#[test]
pub(super) fn who_had_everything_and_then_takes_nothing_goes_too() {
    let mut world = World::new(&[&format!("{URL} stall=4s")]);
    let mut feed = Feed::new(25);
    let (gone, saved) = (world.join(URL), world.join(URL));
    world.settle();
    world.play(&mut feed, 20);
    world.pass(Duration::from_secs(10));
    for viewer in [gone, saved] {
        world.net.take_window(world.viewers[viewer].conn);
    }
    world.play(&mut feed, 100);
    assert!(world.is_open(gone) && world.is_open(saved));
    // In the turn of the deadline.
    world.read(saved, WIDE);
    world.settle();
    assert!(!world.is_open(gone) && world.is_open(saved));
    world.play(&mut feed, 100);
    assert!(world.is_open(saved));
}

/// However much of what waits is taken: as long as it is a whole message, the wait begins anew.
#[test]
pub(super) fn a_whole_message_is_a_sign_of_life() {
    // From a part of one message to more of them than are gathered for one write.
    for window in [10, 40, 500].into_iter().chain((5500..7200).step_by(70)) {
        let mut world = World::new(&[&format!("{URL} stall=4s lag=60s")]);
        let mut feed = Feed { size: 60, key_size: 60, ..Feed::new(25) };
        let viewer = world.join(URL);
        world.settle();
        world.net.take_window(world.viewers[viewer].conn);
        world.play(&mut feed, 80);
        world.read(viewer, window);
        world.settle();
        world.pass(Duration::from_secs(3));
        // The first, metadata, is of 34 bytes.
        assert_eq!(world.is_open(viewer), window >= 34, "window {window}");
        world.pass(Duration::from_secs(2));
        assert!(!world.is_open(viewer));
    }
}

/// Check 39 of the facts sheet.
#[test]
pub(super) fn who_comes_back_after_a_long_time_gets_headers_and_a_key_frame() {
    let mut world = World::new(&[&format!("{URL} stall=60s")]);
    let mut feed = Feed { size: 25_000, key_size: 100_000, ..Feed::new(50) };
    let viewer = world.join_slow(URL, 300_000);
    world.settle();
    world.play(&mut feed, 500);
    world.check();
    assert!(world.record(0).lag > Duration::from_secs(3));
    let kept = world.net.memory().used();
    assert!(kept < 5 * (25_000 * 25 + 100_000), "{kept} bytes");
    let before = world.viewers[viewer].media().len();
    world.read(viewer, WIDE);
    world.settle();
    world.viewers[viewer].reads = true;
    world.play(&mut feed, 60);
    let media = world.viewers[viewer].media();
    let all: Vec<What> = media.iter().map(|m| what(m)).collect();
    let jump = (before + 3..).find(|at| all[*at] == What::Data).expect("headers again");
    assert_eq!(all[jump..jump + 4], [What::Data, What::VideoHeader, What::AudioHeader, What::Key(450)]);
    assert_eq!(all.last(), Some(&What::Audio(559)));
    decoded(&world.viewers[viewer], 1, false);
    world.pass(Duration::from_secs(1));
    assert!(world.record(0).dropped > 400 && world.record(0).lag < Duration::from_secs(3));
}

/// A link with half of the rate that is needed.
#[test]
pub(super) fn a_thin_link_loses_pictures_not_sound_and_never_shows_a_broken_one() {
    let mut world = World::new(&[URL]);
    let mut feed = Feed { disposable: true, size: 5000, key_size: 20_000, ..Feed::new(25) };
    let (thin, good) = (world.join_slow(URL, 10_000), world.join(URL));
    world.settle();
    for _ in 0..1000 {
        world.play(&mut feed, 1);
        world.read(thin, 2800);
        world.check();
    }
    let all = decoded(&world.viewers[thin], 1, true);
    let keys = all.iter().filter(|w| matches!(w, What::Key(_))).count();
    let inters = all.iter().filter(|w| matches!(w, What::Inter(_))).count();
    let sounds = all.iter().filter(|w| matches!(w, What::Audio(_))).count();
    assert!(keys > 5 && (50..700).contains(&inters), "{keys} keys, {inters} others");
    assert!(sounds > 1800, "{sounds} sounds");
    world.pass(Duration::from_secs(1));
    let dropped = world.record(0).dropped;
    assert!(world.is_open(thin) && dropped > 100);
    assert_eq!(decoded(&world.viewers[good], 1, true).len(), 3 + 3000);
    // What it lost stays counted when it starts anew after a pause, and when it has left.
    world.command(thin, 1, "pause", 0.0, &[true.into(), 0.0.into()]);
    world.read(thin, WIDE);
    world.play(&mut feed, 100);
    world.command(thin, 1, "pause", 0.0, &[false.into(), 0.0.into()]);
    world.play(&mut feed, 25);
    assert!(world.record(0).dropped >= dropped);
    world.leave(thin);
    world.play(&mut feed, 25);
    assert!(world.record(0).dropped >= dropped);
}

/// Some players stop reading when they pause. They do not stall, but have to answer a ping some day.
#[test]
pub(super) fn a_paused_player_does_not_stall() {
    let mut world = World::new(&[&format!("{URL} stall=2s")]);
    let mut feed = Feed { key_size: 50_000, ..Feed::new(25) };
    world.play(&mut feed, 5);
    let viewers = [world.join_slow(URL, 20_000), world.join_slow(URL, 20_000)];
    world.settle();
    for viewer in viewers {
        world.command(viewer, 1, "pause", 0.0, &[true.into(), 0.0.into()]);
    }
    world.play(&mut feed, 250);
    world.check();
    assert!(world.is_open(viewers[0]) && world.is_open(viewers[1]));
    world.command(viewers[0], 1, "pause", 0.0, &[false.into(), 0.0.into()]);
    world.pass(Duration::from_millis(1900));
    assert!(world.is_open(viewers[0]));
    world.pass(Duration::from_millis(200));
    assert!(!world.is_open(viewers[0]) && world.is_open(viewers[1]));
    world.pass(Duration::from_secs(120));
    assert!(!world.is_open(viewers[1]));
    world.check();
}
