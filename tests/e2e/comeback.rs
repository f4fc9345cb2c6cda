//! Players that leave and come back; those who stay notice nothing, and neither does the session.

use std::thread;
use std::time::Duration;

use weir_tests::client::Client;
use weir_tests::peers::Player;
use weir_tests::{Lab, Recording, Signal};

#[test]
fn one_comes_and_goes_while_another_stays() {
    let lab = Lab::new();
    let ports @ [a, b] = lab.ports();
    let words = format!(
        "avgen:sizes=240x160:rates=200k c=avc c=aac -o rtmp://127.0.0.1:{a}/live:rtmp_listen=1 \
         -o rtmp://127.0.0.1:{b}/live:rtmp_listen=1"
    );
    let weir = lab.weir(&words).listening(ports);
    let record = |port, file: &str| Player::Ffmpeg.record(&Player::Ffmpeg.url(port), lab.dir(), file);
    let stays = record(a, "stays.flv");
    lab.wait_for_file("stays.flv", 1);
    for (round, how) in [Signal::Int, Signal::Kill, Signal::Term].into_iter().enumerate() {
        let file = format!("visit-{round}.flv");
        let mut visitor = record([a, b][round % 2], &file);
        lab.wait_for_file(&file, 60_000);
        visitor.signal(how);
        drop(visitor.wait());
        if how != Signal::Kill {
            Recording::of(&lab.path(&file)).is_gapless(25).has_rising_times();
        }
    }
    lab.wait_for_growth("stays.flv", 20_000);
    weir.stop().quietly(0);
    stays.wait().quietly(0);
    Recording::of(&lab.path("stays.flv")).is_whole(100);
}

#[test]
fn a_newcomer_starts_at_once_with_the_key_frame_before() {
    let lab = Lab::new();
    let [port] = lab.ports();
    let url = Player::Ffmpeg.url(port);
    let words = format!("avgen:sizes=240x160:rates=200k c=avc:g=250 c=aac -o {url}:rtmp_listen=1");
    let weir = lab.weir(&words).listening([port]);
    let mut first = Client::play(&url).expect("it listens");
    let seen = first.take_until(|m| m.is_picture() && m.millis >= 2_000).expect("it plays");
    let now = seen.last().expect("not empty").millis;
    let mut second = Client::play(&url).expect("it listens");
    let start = second.take_until(|m| m.is_picture()).expect("it plays");
    let picture = start.last().expect("not empty");
    assert!(picture.is_key_frame() && picture.millis < now, "the next key frame is 8 s away: {now} {picture:?}");
    let headers = start.iter().filter(|m| m.is_header()).count();
    assert_eq!(headers, 2, "both sequence headers come first: {start:?}");
    weir.stop().quietly(0);
}

#[test]
fn a_machine_that_sleeps_leaves_no_gap() {
    let lab = Lab::new();
    let [port] = lab.ports();
    let url = Player::Ffmpeg.url(port);
    let words = format!("avgen:sizes=240x160:rates=200k c=avc c=aac -o {url}:rtmp_listen=1 -o file.flv");
    let mut weir = lab.weir(&words).listening([port]);
    let player = Player::Ffmpeg.record(&url, lab.dir(), "live.flv");
    lab.wait_for_file("live.flv", 30_000);
    weir.signal(Signal::Stop);
    thread::sleep(Duration::from_secs(4)); // not for luck: this is how long it sleeps
    weir.signal(Signal::Continue);
    lab.wait_for_growth("live.flv", 100_000);
    let ended = weir.stop();
    assert!(ended.with(0).stderr.lines().all(|l| l.contains("the clock slips")), "{ended:#?}");
    player.wait().quietly(0);
    for file in ["live.flv", "file.flv"] {
        Recording::of(&lab.path(file)).is_whole(50);
    }
}
