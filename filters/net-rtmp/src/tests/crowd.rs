//! Many at once: those who are there are served before those who come.

use super::*;

const URL: &str = "rtmp://127.0.0.1/live";

/// One of many: keeps the last message only.
struct Newcomer {
    conn: ConnId,
    reader: ChunkReader,
    got: usize,
    last: Option<What>,
}

impl Newcomer {
    fn take(&mut self, bytes: &[u8]) {
        let mut chunks = &bytes[HANDSHAKE.saturating_sub(self.got).min(bytes.len())..];
        self.got += bytes.len();
        while let Some(message) = self.reader.read(&mut chunks).expect("sound chunks") {
            let is_media = matches!(message.kind, kind::AUDIO | kind::VIDEO);
            self.last = if is_media { Some(what(&message)) } else { self.last };
        }
    }
}

#[test]
fn a_thousand_joins_delay_nobody_who_is_there() {
    let mut world = World::new(&[URL]);
    // A group of pictures of half a megabyte.
    let mut feed = Feed { size: 10_000, key_size: 100_000, ..Feed::new(500) };
    let live: Vec<usize> = (0..10).map(|_| world.join(URL)).collect();
    world.settle();
    world.play(&mut feed, 40);
    let hurried = hurried("live", "");
    let mut joins: Vec<Newcomer> = (0..1000)
        .map(|_| {
            let conn = world.connect(WIDE).expect("admitted");
            world.net.send(conn, &hurried);
            Newcomer { conn, reader: ChunkReader::new(Limits::DEFAULT), got: 0, last: None }
        })
        .collect();
    let mut turns = 0;
    loop {
        let (mut count, mut fresh) = (0, 0);
        if turns % 20 == 0 {
            let packets = feed.tick();
            count = packets.len();
            let size: usize = packets.iter().map(Packet::len).sum();
            fresh = size * world.service.streams[&filter(0)].watchers.len();
            world.push(0, packets);
            world.run_outputs();
        }
        let written = world.net.written;
        let more = world.net.turn(&mut world.service);
        // Besides the fresh media for those who have caught up, a turn is short.
        assert!(world.net.written - written < (fresh + (5 << 19)) as u64);
        // In this very turn, all who were there have all there is.
        for viewer in &live {
            let heard = world.viewers[*viewer].heard.len();
            world.read(*viewer, 0);
            assert_eq!(world.viewers[*viewer].heard.len(), heard + count);
        }
        for newcomer in &mut joins {
            newcomer.take(&world.net.receive(newcomer.conn, 0));
        }
        turns += 1;
        if !more {
            break;
        }
        // Time goes on while the crowd is served.
        world.net.advance(TICK / 20);
    }
    assert!(turns > 100, "{turns} turns");
    world.check();
    // In the end each newcomer has the whole group and what came since.
    let newest = Some(What::Audio(feed.n - 1));
    assert!(joins.iter().all(|newcomer| newcomer.last == newest && world.net.is_open(newcomer.conn)));
    world.pass(Duration::from_secs(1));
    assert_eq!((world.record(0).players, world.record(0).refused), (1010, 0));
}

/// A group of pictures of many megabytes goes out in shares.
#[test]
fn a_long_burst_is_split() {
    let mut world = World::new(&[URL]);
    let mut feed = Feed { size: 100_000, key_size: 1_000_000, ..Feed::new(500) };
    world.play(&mut feed, 100);
    let viewer = world.join_slow(URL, WIDE);
    let (mut turns, mut written) = (0, 0);
    while world.net.turn(&mut world.service) {
        assert!(world.net.written - written < (3 << 20), "a turn is short");
        written = world.net.written;
        turns += 1;
    }
    assert!(turns > 3 && written > 10_000_000, "{turns} {written}");
    world.read(viewer, 0);
    assert_eq!(decoded(&world.viewers[viewer], 1, false).len(), 3 + 100 * 3);
}

/// Each connection is asked about once per turn at most, however often it is told to be ready.
#[test]
fn spurious_readiness_does_no_harm() {
    let mut world = World::new(&[URL]);
    let mut feed = Feed { size: 10_000, key_size: 900_000, ..Feed::new(50) };
    world.play(&mut feed, 3);
    let viewers = [world.join(URL), world.join_slow(URL, 100_000)];
    for _ in 0..50 {
        for viewer in viewers {
            let ready = weir_plugin::Ready { readable: true, writable: true };
            world.service.ready(&mut world.net, world.viewers[viewer].conn, ready);
            world.check();
        }
        world.play(&mut feed, 1);
        world.service.ready(&mut world.net, ConnId(9999), weir_plugin::Ready { readable: true, writable: true });
    }
    assert_eq!(decoded(&world.viewers[viewers[0]], 1, false).len(), 3 + 53 * 3);
}
