//! The programme falls silent, a slate goes on, and the programme comes back: players and servers that are pushed to see
//! one stream.

use std::process::Command;

use weir_tests::peers::{self, Player};
use weir_tests::{Lab, Process, Recording, Signal, Weir, wait};

fn publish(lab: &Lab, name: &str, url: &str) -> Process {
    let mut command = Command::new(peers::tool("ffmpeg"));
    command.args(["-v", "error", "-nostdin", "-re", "-i", "film.flv", "-c", "copy", "-f", "flv", url]);
    Process::start(name, command, lab.dir())
}

#[track_caller]
fn wait_for(weir: &Weir, what: &str, times: usize) {
    wait::until_true(&format!("weir says {what}"), || weir.stderr().matches(what).count() >= times);
}

#[test]
fn a_slate_bridges_the_gap() {
    let lab = Lab::new();
    let [ours, theirs] = lab.ports();
    let make = |name: &str, seconds: u32| {
        let words = format!("avgen:sizes=240x160:rates=200k:adjust=no:dur={seconds} c=avc:g=25 c=aac -o {name}");
        lab.weir_to_end(&words).quietly(0);
    };
    make("film.flv", 30);
    make("slate.mp4", 3);
    let Some(_nginx) = crate::pushing::nginx(&lab, theirs) else { return };
    let weir = lab
        .weir(&format!(
            "-logs=all@info -i rtmp://127.0.0.1:{ours}/app:rtmp_listen=1 -i slate.mp4:loop=-1 failover -o \
             rtmp://127.0.0.1:{ours}/out:rtmp_listen=1 -o rtmp://127.0.0.1:{theirs}/live/pushed -o rec.mp4"
        ))
        .listening([ours]);
    // Nobody publishes yet: the slate is on.
    let mut player = Player::Ffmpeg.record(&format!("rtmp://127.0.0.1:{ours}/out/x"), lab.dir(), "got.flv");
    lab.wait_for_file("got.flv", 30_000);
    let url = format!("rtmp://127.0.0.1:{ours}/app/x");
    let mut first = publish(&lab, "first", &url);
    wait_for(&weir, "is back", 1);
    lab.wait_for_growth("got.flv", 60_000);
    first.signal(Signal::Kill);
    drop(first.wait());
    wait_for(&weir, "takes over", 1);
    lab.wait_for_growth("got.flv", 60_000);
    let mut second = publish(&lab, "second", &url);
    wait_for(&weir, "is back", 2);
    lab.wait_for_growth("got.flv", 60_000);
    assert!(player.is_running(), "the player saw no end");
    second.signal(Signal::Int);
    drop(second.wait());
    let ended = weir.stop();
    ended.with(0);
    assert!(!ended.stderr.contains("attempt 2"), "the server was pushed to in one session: {}", ended.stderr);
    drop(player.wait());
    for file in ["got.flv", "pushed.flv", "rec.mp4"] {
        Recording::of(&lab.path(file)).has_rising_times();
    }
}
