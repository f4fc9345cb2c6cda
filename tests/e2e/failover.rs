//! The programme falls silent, a slate goes on, and the programme comes back: players and servers that are pushed to see
//! one stream.

use std::process::Command;

use weir_tests::peers::{self, Player};
use weir_tests::{Lab, Process, Recording, Signal, Weir, process, wait};

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

/// A slate that is encoded here becomes like the programme, as far as it can, while the programme is on: size, frame rate,
/// profile, sample rate and channels.
#[test]
fn a_slate_becomes_like_the_programme() {
    let lab = Lab::new();
    let [port] = lab.ports();
    let mut make = Command::new(peers::tool("ffmpeg"));
    make.args(["-v", "error", "-f", "lavfi", "-i", "testsrc2=s=320x240:r=30:d=20", "-f", "lavfi"]);
    make.args(["-i", "sine=r=48000:d=20", "-ac", "2", "-c:v", "libx264", "-profile:v", "main", "-preset", "ultrafast"]);
    make.args(["-x264-params", "cabac=1", "-g", "30", "-bf", "0", "-c:a", "aac", "film.flv"]);
    process::run("make", make, lab.dir()).with(0);
    let weir = lab
        .weir(&format!(
            "-logs=all@info -i rtmp://127.0.0.1:{port}/app:rtmp_listen=1:FID=programme avgen:FID=slate c=avc:SID=slate:FID=picture \
             c=aac:SID=slate:FID=sound failover:SID=programme,picture,sound -o rec.flv"
        ))
        .listening([port]);
    // Nobody publishes yet: the slate is on, as it is of itself.
    lab.wait_for_file("rec.flv", 30_000);
    let mut publisher = publish(&lab, "programme", &format!("rtmp://127.0.0.1:{port}/app/x"));
    wait_for(&weir, "is back", 1);
    lab.wait_for_growth("rec.flv", 100_000);
    publisher.signal(Signal::Kill);
    drop(publisher.wait());
    wait_for(&weir, "takes over", 1);
    lab.wait_for_growth("rec.flv", 60_000);
    weir.stop().with(0);
    let frames = |select: &str, entries: &str| {
        let mut command = Command::new(peers::tool("ffprobe"));
        command.args(["-v", "error", "-select_streams", select, "-show_entries", &format!("frame={entries}")]);
        command.args(["-of", "csv=p=0", "rec.flv"]);
        process::run("frames", command, lab.dir()).with(0).stdout.clone()
    };
    let pictures = frames("v", "width,height");
    let first = pictures.lines().position(|line| line == "320,240").expect("the programme came");
    assert!(first > 0, "the slate was on before");
    assert!(pictures.lines().skip(first).all(|line| line == "320,240"), "one size from the programme on: {pictures}");
    let sound = frames("a", "channels");
    let first = sound.lines().position(|line| line.starts_with('2')).expect("the programme came");
    assert!(sound.lines().skip(first).all(|line| line.starts_with('2')), "two channels from the programme on");
}
