//! Peers that mean harm, or are no players at all.

use std::net::Ipv6Addr;
use std::time::Duration;

use super::*;

const URL: &str = "rtmp://127.0.0.1/live";

/// A world with one good player, who must have got everything in the end.
fn with_witness(output: &str, act: impl FnOnce(&mut World)) -> World {
    let mut world = World::new(&[output]);
    let mut feed = Feed::new(25);
    let good = world.join(URL);
    world.settle();
    world.play(&mut feed, 20);
    act(&mut world);
    world.check();
    world.play(&mut feed, 20);
    assert_eq!(decoded(&world.viewers[good], 1, false).len(), 3 + 40 * 3);
    world
}

fn from(world: &mut World, peer: &str) -> Option<ConnId> {
    let peer = SocketAddr::new(peer.parse().expect("an address"), 40_000);
    world.net.connect(&mut world.service, peer, WIDE)
}

/// Check 7 of the facts sheet: the deadline holds however slowly the handshake goes on.
#[test]
fn silence_and_slow_handshakes_end_at_the_deadline() {
    with_witness(URL, |world| {
        let silent = world.connect(WIDE).expect("admitted");
        let slow = world.connect(WIDE).expect("admitted");
        let shaken = world.connect(WIDE).expect("admitted");
        world.net.send(shaken, &[&[3][..], &[0; 3072]].concat());
        for second in 0..10 {
            assert!(world.net.is_open(silent) && world.net.is_open(slow), "second {second}");
            world.net.send(slow, if second == 0 { &[3] } else { &[0] });
            world.pass(Duration::from_secs(1));
        }
        assert!(!world.net.is_open(silent) && !world.net.is_open(slow));
        // It has shaken hands, and then says nothing.
        world.pass(Duration::from_millis(20));
        assert!(!world.net.is_open(shaken));
        assert_eq!(world.net.receive(silent, 0), []);
    });
}

#[test]
fn the_wait_for_connect_has_a_deadline_of_its_own() {
    with_witness("rtmp://127.0.0.1/live timeout=3s", |world| {
        let conn = world.connect(WIDE).expect("admitted");
        world.pass(Duration::from_millis(2900));
        world.net.send(conn, &[&[3][..], &[0; 3072]].concat());
        world.pass(Duration::from_millis(2900));
        assert!(world.net.is_open(conn));
        world.pass(Duration::from_millis(200));
        assert!(!world.net.is_open(conn));
    });
}

#[test]
fn whoever_leaves_in_the_handshake_is_forgotten() {
    with_witness(URL, |world| {
        for sent in [0, 1, 100, 1537, 3072] {
            let bytes = &[&[3][..], &[0; 3072]].concat()[..sent];
            let (ended, broken) = (world.connect(WIDE).expect("admitted"), world.connect(WIDE).expect("admitted"));
            world.net.send(ended, bytes);
            world.net.send(broken, bytes);
            world.settle();
            world.net.end(ended);
            world.net.reset(broken);
            world.settle();
            assert!(!world.net.is_open(ended) && !world.net.is_open(broken));
        }
        assert_eq!(world.net.open(), 1);
    });
}

/// Check 6 of the facts sheet.
#[test]
fn other_protocols_are_closed_without_a_word() {
    with_witness(URL, |world| {
        for greeting in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"\x16\x03\x01\x02\0\x01", b"\x06", b"\0", b"SSH-2.0-x\r\n"] {
            let conn = world.connect(WIDE).expect("admitted");
            world.net.send(conn, greeting);
            world.settle();
            assert!(!world.net.is_open(conn));
            assert_eq!(world.net.receive(conn, 0), []);
        }
        assert!(
            world
                .net
                .logs
                .iter()
                .all(|(level, line)| *level == weir_plugin::Level::Debug || !line.contains("peer speaks"))
        );
    });
}

#[test]
fn garbage_after_the_handshake_ends_its_connection_only() {
    with_witness(URL, |world| {
        for seed in 0..50_u64 {
            let mut rng = Rng(seed);
            let conn = world.connect(WIDE).expect("admitted");
            let garbage: Vec<u8> = (0..5000).map(|_| rng.next() as u8).collect();
            world.net.send(conn, &[&[3][..], &[0; 3072], &connect_chunks("live"), &garbage].concat());
            world.settle();
            world.net.end(conn);
            world.settle();
            assert!(!world.net.is_open(conn));
        }
    });
}

#[test]
fn a_flood_of_commands_ends_its_connection_only() {
    with_witness(URL, |world| {
        let bad = world.join(URL);
        world.settle();
        let many: Vec<u8> = (0..5000).flat_map(|n| chunks(0, "_checkbw", f64::from(n), Value::Null, &[])).collect();
        world.net.send(world.viewers[bad].conn, &many);
        world.settle();
        assert!(!world.is_open(bad));
    });
}

#[test]
fn who_asks_and_does_not_read_the_answers_is_bounded_and_goes() {
    with_witness(URL, |world| {
        let bad = world.join(URL);
        world.settle();
        let conn = world.viewers[bad].conn;
        world.viewers[bad].reads = false;
        world.net.take_window(conn);
        let before = world.net.memory().used();
        let mut most = 0;
        for _ in 0..300 {
            let ask = chunks(0, "createStream", 9.0, "x".repeat(60).as_str().into(), &[]);
            world.net.send(conn, &ask);
            world.pass(Duration::from_millis(20));
            world.check();
            most = most.max(world.net.memory().used());
        }
        assert!((before + 2000..before + (100 << 10)).contains(&most), "{most} after {before}");
        world.pass(Duration::from_secs(10));
        assert!(!world.is_open(bad));
    });
}

#[test]
fn too_many_newcomers_push_out_the_oldest_of_them() {
    with_witness("rtmp://127.0.0.1/live maxnew=8", |world| {
        let idle: Vec<ConnId> = (0..100).filter_map(|_| world.connect(WIDE)).collect();
        world.settle();
        world.check();
        let open: Vec<bool> = idle.iter().map(|conn| world.net.is_open(*conn)).collect();
        assert_eq!(open, [vec![false; 92], vec![true; 8]].concat());
        // There is room for whoever means it.
        let viewer = world.join(URL);
        world.settle();
        assert!(!decoded(&world.viewers[viewer], 1, false).is_empty());
        world.pass(Duration::from_secs(11));
        assert_eq!(world.net.open(), 2);
        assert_eq!(world.record(0).refused, 100);
    });
}

#[test]
fn connections_that_come_and_go_leave_nothing_behind() {
    with_witness(URL, |world| {
        for _ in 0..2000 {
            let conn = world.connect(WIDE).expect("admitted");
            world.net.end(conn);
            world.net.run(&mut world.service);
        }
        assert!(world.service.clients.remembered() < 200);
        assert_eq!(world.net.memory().used(), world.service.streams[&filter(0)].leased() + 8192);
    });
}

#[test]
fn one_address_has_its_share_of_connections() {
    with_witness("rtmp://127.0.0.1/live maxip=3", |world| {
        let from = |world: &mut World, peer: &str| {
            let conn = from(world, peer).expect("the service admits connections");
            world.net.is_open(conn)
        };
        // The witness is there from 192.0.2.1 already. A mapped address is the same one.
        assert!(from(world, "192.0.2.1"));
        assert!(from(world, "::ffff:192.0.2.1"));
        assert!(!from(world, "192.0.2.1"));
        assert!(from(world, "192.0.2.2"));
        // A host of IPv6 has a whole /64.
        let host = |n: u16| Ipv6Addr::new(0x2001, 0xdb8, 0, 0, n, 0, 0, 1).to_string();
        assert_eq!([1, 2, 3, 4].map(|n| from(world, &host(n))), [true, true, true, false]);
        assert!(from(world, "2001:db8:0:1::1"));
        world.check();
        world.pass(Duration::from_secs(11));
        assert!(from(world, &host(5)));
        world.pass(Duration::from_secs(1));
        let said = |(_, line): &&(_, String)| line.contains("turned away");
        assert_eq!(world.net.logs.iter().filter(said).count(), 1);
    });
}

#[test]
fn beyond_maxconn_nobody_is_accepted_until_somebody_leaves() {
    with_witness("rtmp://127.0.0.1/live maxconn=3", |world| {
        let first = world.connect(WIDE).expect("admitted");
        assert!(world.connect(WIDE).is_some());
        assert!(world.connect(WIDE).is_none());
        world.net.end(first);
        world.settle();
        assert!(world.connect(WIDE).is_some());
        assert!(world.connect(WIDE).is_none());
    });
}

#[test]
fn little_memory_makes_the_ring_short_and_refuses_connections() {
    let cap = 200 << 10;
    let mut world = World::with_net(SimNet::new(3).with_memory(cap), &[URL]);
    let mut feed = Feed { size: 20_000, key_size: 50_000, ..Feed::new(50) };
    let good = world.join(URL);
    world.settle();
    let mut most = 0;
    for _ in 0..100 {
        world.play(&mut feed, 1);
        world.check();
        most = most.max(world.net.memory().used());
    }
    assert!(most > cap / 2 && most <= cap, "{most} bytes");
    assert!(world.record(0).kept <= (cap - cap / 8) as u64);
    // Connections still find room, until there is none.
    let many: Vec<usize> = (0..20).map(|_| world.join(URL)).collect();
    world.settle();
    world.check();
    let open: Vec<bool> = many.iter().map(|v| world.is_open(*v)).collect();
    assert!(open[0] && !open[19], "{open:?}");
    world.play(&mut feed, 100);
    world.check();
    assert_eq!(decoded(&world.viewers[good], 1, false).len(), 3 + 200 * 3);
    assert!(world.net.memory().used() <= cap);
}

/// What a player is in the middle of stays in memory when it leaves the ring, and is counted.
#[test]
fn memory_behind_the_ring_is_counted() {
    let mut world = World::new(&[&format!("{URL} stall=60s lag=1s")]);
    let mut feed = Feed { size: 2000, key_size: 100_000, ..Feed::new(25) };
    world.play(&mut feed, 2);
    let stuck: Vec<usize> = (0..5).map(|_| world.join_slow(URL, 50_000)).collect();
    world.settle();
    world.play(&mut feed, 200);
    let (ring, leased) = (&world.service.streams[&filter(0)].ring, world.service.streams[&filter(0)].leased());
    assert!(ring.get(0).is_none());
    let outside = leased - ring.bytes();
    assert!((100_000..110_000).contains(&outside), "one frame for all five, not {outside} bytes");
    // Some go on, some leave.
    for viewer in &stuck[..2] {
        world.read(*viewer, WIDE);
    }
    stuck[2..].iter().for_each(|viewer| world.leave(*viewer));
    world.play(&mut feed, 20);
    world.check();
    assert_eq!(world.service.streams[&filter(0)].leased(), world.service.streams[&filter(0)].ring.bytes());
}

#[test]
fn who_holds_what_there_is_no_memory_for_goes() {
    let cap = 500 << 10;
    let output = format!("{URL} stall=60s lag=1s");
    let mut world = World::with_net(SimNet::new(3).with_memory(cap), &[&output]);
    let mut feed = Feed { size: 200, key_size: 100_000, ..Feed::new(25) };
    let good = world.join(URL);
    world.settle();
    let mut stuck = Vec::new();
    for _ in 0..20 {
        world.play(&mut feed, 25);
        stuck.push(world.join_slow(URL, 50_000));
        world.settle();
        world.check();
        assert!(world.net.memory().used() <= cap);
    }
    assert!(stuck.iter().any(|viewer| !world.is_open(*viewer)));
    assert!(world.net.logs.iter().any(|(_, line)| line.contains("memory cap")));
    assert_eq!(decoded(&world.viewers[good], 1, false).len(), 3 + 500 * 3);
}

/// More than is read in one turn.
#[test]
fn players_may_say_much_at_once() {
    with_witness(URL, |world| {
        let viewer = world.join(URL);
        world.settle();
        let audio = Message { kind: kind::AUDIO, timestamp: 0, msid: 1, body: vec![7; 1000].into() };
        let much = render(&audio, Csid::new(9).expect("in range"), 128).repeat(300);
        let stop = chunks(1, "closeStream", 0.0, Value::Null, &[]);
        world.net.send(world.viewers[viewer].conn, &[&much[..], &stop].concat());
        world.settle();
        world.pass(Duration::from_secs(1));
        assert!(world.is_open(viewer));
        assert_eq!(world.record(0).players, 1, "the last command is read");
    });
}

#[test]
fn what_is_leased_for_a_connection_covers_it() {
    // Besides itself a session has some texts and small lists, and 1536 bytes of a handshake.
    assert!(2 * size_of::<crate::client::Client>() + 2 * 1536 < crate::client::CONNECTION_BYTES);
}
