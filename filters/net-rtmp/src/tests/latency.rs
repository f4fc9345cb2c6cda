//! How long messages wait to be written together.

use super::*;

/// Time of each sound and picture a viewer got, by what it is.
fn heard(world: &World, viewer: usize) -> Vec<(What, Time)> {
    let media = world.viewers[viewer].heard.iter().filter(|(_, m)| matches!(m.kind, kind::AUDIO | kind::VIDEO));
    media.map(|(at, m)| (what(m), *at)).collect()
}

/// A world with one player that is caught up, and how far its feed is.
fn watched(options: &str) -> (World, usize, Feed) {
    let mut world = World::new(&[&format!("rtmp://127.0.0.1/live {options}")]);
    let mut feed = Feed::new(25);
    let viewer = world.join("rtmp://h/live");
    world.play(&mut feed, 2);
    world.pass(Duration::from_secs(3));
    world.viewers[viewer].heard.clear();
    (world, viewer, feed)
}

fn sound(feed: &mut Feed) -> Packet {
    feed.tick().pop().expect("a sound comes last")
}

#[test]
fn sound_goes_out_with_the_next_picture() {
    let (mut world, viewer, mut feed) = watched("latency=50");
    let (start, sound) = (world.now(), sound(&mut feed));
    world.push(0, [sound]);
    world.pass(Duration::from_millis(30));
    assert_eq!(heard(&world, viewer), []);
    let picture = feed.tick().swap_remove(0);
    world.push(0, [picture]);
    world.settle();
    let at = start + Duration::from_millis(30);
    assert_eq!(heard(&world, viewer), [(What::Audio(2), at), (What::Inter(3), at)]);
    world.check();
}

#[test]
fn no_picture_and_no_sound_waits_longer_than_it_may() {
    for (latency, picture_waits) in [(0, 0), (20, 0), (50, 0), (90, 0), (100, 100), (350, 350)] {
        let (mut world, viewer, mut feed) = watched(&format!("latency={latency}"));
        let start = world.now();
        let sound = sound(&mut feed);
        world.push(0, [sound]);
        world.settle();
        world.pass(Duration::from_secs(1));
        assert_eq!(heard(&world, viewer), [(What::Audio(2), start + Duration::from_millis(latency))], "{latency}");
        world.viewers[viewer].heard.clear();
        let (start, picture) = (world.now(), feed.tick().swap_remove(0));
        world.push(0, [picture]);
        world.settle();
        world.pass(Duration::from_secs(1));
        let due = start + Duration::from_millis(picture_waits);
        assert_eq!(heard(&world, viewer), [(What::Inter(3), due)], "{latency}");
    }
}

#[test]
fn what_waits_goes_out_when_the_stream_ends() {
    let (mut world, viewer, mut feed) = watched("latency=2s");
    let packets = feed.tick();
    world.push(0, packets);
    world.finish(0);
    world.pass(Duration::from_millis(100));
    assert_eq!(heard(&world, viewer).len(), 3);
    assert!(world.viewers[viewer].has_ended());
}

#[test]
fn a_newcomer_does_not_wait() {
    let (mut world, _, mut feed) = watched("latency=1s");
    let packets = feed.tick();
    world.push(0, packets);
    world.settle();
    let start = world.now();
    let newcomer = world.join("rtmp://h/live");
    world.settle();
    assert!(heard(&world, newcomer).contains(&(What::Key(0), start)));
    world.check();
}
