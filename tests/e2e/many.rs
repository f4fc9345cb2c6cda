//! Many players on both listeners, who come and go in any order.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpStream};
use std::thread;

use weir_flv::TagKind;
use weir_tests::Lab;
use weir_tests::client::{Client, Media, write_flv};
use weir_tests::peers::Player;
use weir_tests::recording::Recording;
use weir_tests::wait::until_true;

const PLAYERS: usize = 24;

/// Everybody sees the same bytes at the same time of the session.
fn agree(all: &[Vec<Media>]) {
    let mut seen: BTreeMap<(u8, i64), &Media> = BTreeMap::new();
    // The mark at the end bears the time of the last picture.
    let is_mark = |m: &Media| m.kind == TagKind::Video && m.body.get(1) == Some(&2);
    for media in all.iter().flatten().filter(|m| m.kind != TagKind::Script && !m.is_header() && !is_mark(m)) {
        let first = seen.entry((media.kind.id(), media.millis)).or_insert(media);
        assert_eq!(first.body, media.body, "players differ at {} ms", media.millis);
    }
}

/// Headers, then a key frame, then times that never step back on a track.
fn is_in_order(got: &[Media]) {
    let first = got.iter().find(|m| m.is_picture()).expect("it has pictures");
    assert!(first.is_key_frame(), "a player begins with a key frame");
    for kind in [TagKind::Video, TagKind::Audio] {
        let track: Vec<&Media> = got.iter().filter(|m| m.kind == kind).collect();
        assert!(track[0].is_header(), "a track begins with its header");
        assert!(track.windows(2).all(|m| m[0].millis <= m[1].millis), "times of {kind:?} step back");
    }
}

#[test]
fn two_dozen_players_see_the_same() {
    let lab = Lab::new();
    let ports @ [a, b] = lab.ports();
    let words = format!(
        "avgen:sizes=240x160:rates=200k c=avc c=aac -o rtmp://127.0.0.1:{a}/live:rtmp_listen=1 \
         -o rtmp://127.0.0.1:{b}/live:rtmp_listen=1"
    );
    let weir = lab.weir(&words).listening(ports);
    // Each watches for a time of its own, so that they leave and come back all over the others' time.
    let watch = move |n: usize| {
        let pictures = 30 + n * 37 % 50;
        let mut left = pictures;
        let mut client = Client::play(&Player::Ffmpeg.url(ports[n % 2])).expect("it listens");
        let enough = |m: &Media| {
            left -= usize::from(m.is_picture());
            left == 0
        };
        client.take_until(enough).expect("it plays")
    };
    let threads: Vec<_> = (0..PLAYERS).map(|n| thread::spawn(move || [watch(n), watch(n + 1)])).collect();
    let all: Vec<Vec<Media>> = threads.into_iter().flat_map(|t| t.join().expect("no player fails")).collect();
    all.iter().for_each(|got| is_in_order(got));
    agree(&all);
    for (n, got) in all.iter().enumerate().step_by(11) {
        let path = lab.path(&format!("{n}.flv"));
        write_flv(&path, got);
        Recording::of(&path).is_gapless(30).has_rising_times();
    }
    weir.stop().quietly(0);
}

/// Players on three threads: they leave at any time, some take nothing, and all others see the same; the end reaches them all.
#[test]
fn players_on_several_reactors_see_the_same() {
    let lab = Lab::new();
    let [port] = lab.ports();
    let url = Player::Ffmpeg.url(port);
    let words = format!("-threads=3 avgen:sizes=240x160:rates=200k c=avc c=aac -o {url}:rtmp_listen=1:stall=3s");
    let weir = lab.weir(&words).listening([port]);
    let stalled: Vec<Client> = (0..8).map(|_| Client::play(&url).expect("it listens")).collect();
    let watch = |n: usize, url: String| {
        let mut client = Client::play(&url).expect("it listens");
        if n.is_multiple_of(2) {
            return client.take_all().0;
        }
        let mut left = 20 + n % 50;
        let enough = |m: &Media| {
            left -= usize::from(m.is_picture());
            left == 0
        };
        client.take_until(enough).expect("it plays")
    };
    let threads: Vec<_> = (0..72)
        .map(|n| {
            let url = url.clone();
            thread::spawn(move || watch(n, url))
        })
        .collect();
    for name in ["weir-reactor-1", "weir-reactor-2"] {
        until_true(&format!("{name} serves players"), || weir.threads(name) == 1);
    }
    let short: Vec<usize> = (0..72).filter(|n| n % 2 == 1).collect();
    until_true("those who watch for a while have left", || short.iter().all(|n| threads[*n].is_finished()));
    weir.stop().quietly(0);
    let all: Vec<Vec<Media>> = threads.into_iter().map(|t| t.join().expect("no player fails")).collect();
    all.iter().for_each(|got| is_in_order(got));
    agree(&all);
    let last = |got: &Vec<Media>| got.iter().filter(|m| m.is_picture()).map(|m| m.millis).max();
    let lasts: Vec<_> = all.iter().step_by(2).map(last).collect();
    assert!(lasts.windows(2).all(|pair| pair[0] == pair[1]), "all who stayed saw the end: {lasts:?}");
    drop(stalled);
}

#[test]
fn more_than_there_are_descriptors_for_wait_their_turn() {
    let lab = Lab::new();
    let [port] = lab.ports();
    let url = Player::Ffmpeg.url(port);
    let words = format!("avgen:sizes=240x160:rates=200k c=avc c=aac -o {url}:rtmp_listen=1:timeout=2s");
    let weir = lab.weir_within(64, &words).listening([port]);
    let player = Player::Ffmpeg.record(&url, lab.dir(), "first.flv");
    lab.wait_for_file("first.flv", 1);
    let connect = |_| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("the system keeps those who wait");
    let silent: Vec<_> = (0..100).map(connect).collect();
    let mut last = Client::play(&url).expect("the system keeps those who wait");
    last.take_until(Media::is_picture).expect("its turn comes once the silent ones have been thrown out");
    drop(silent);
    lab.wait_for_growth("first.flv", 50_000);
    weir.stop().quietly(0);
    player.wait().quietly(0);
    Recording::of(&lab.path("first.flv")).is_whole(50);
}
