//! Publishers of every kind send to weir: what they send reaches players and files, whoever they are, and whether or not
//! they stay.

use std::path::PathBuf;
use std::process::Command;

use weir_tests::peers::{self, Player};
use weir_tests::{Lab, Process, Recording, Signal, Weir, wait};

/// Seconds of the film that is published, and its pictures.
const SECONDS: u32 = 6;
const PICTURES: usize = SECONDS as usize * 25;

/// The film, with a key frame each second.
fn film(lab: &Lab) -> PathBuf {
    let words = format!("avgen:sizes=240x160:rates=200k:adjust=no:dur={SECONDS} c=avc:g=25 c=aac -o film.flv");
    lab.weir_to_end(&words).quietly(0);
    lab.path("film.flv")
}

/// FFmpeg publishes the film in real time.
fn ffmpeg(lab: &Lab, url: &str) -> Process {
    let name = url.rsplit('/').next().and_then(|name| name.split('?').next()).unwrap_or("publisher");
    let mut command = Command::new(peers::tool("ffmpeg"));
    command.args(["-v", "error", "-nostdin", "-re", "-i", "film.flv", "-c", "copy", "-f", "flv", url]);
    Process::start(name, command, lab.dir())
}

/// GStreamer publishes the film through this sink, as fast as it is taken.
fn gstreamer(lab: &Lab, sink: &str) -> Process {
    let mut command = Command::new(peers::tool("gst-launch-1.0"));
    let graph = format!(
        "filesrc location=film.flv ! flvdemux name=d flvmux name=m streamable=true ! {sink} d.video ! queue ! h264parse ! \
         m.video d.audio ! queue ! aacparse ! m.audio"
    );
    command.arg("-q").args(graph.split_whitespace());
    Process::start("publisher", command, lab.dir())
}

#[track_caller]
fn wait_for(weir: &Weir, what: &str) {
    wait::until_true(&format!("weir says {what}"), || weir.stderr().contains(what));
}

#[test]
fn a_publisher_reaches_players_and_files() {
    let lab = Lab::new();
    let [port] = lab.ports();
    film(&lab);
    let weir = lab
        .weir(&format!(
            "-logs=all@info -i rtmp://127.0.0.1:{port}/app:rtmp_listen=1 -o rtmp://127.0.0.1:{port}/out:rtmp_listen=1 -o \
             rec.flv -o rec.mp4:frag"
        ))
        .listening([port]);
    let player = Player::Ffmpeg.record(&format!("rtmp://127.0.0.1:{port}/out/x"), lab.dir(), "got.flv");
    weir.wait_for_players(1);
    ffmpeg(&lab, &format!("rtmp://127.0.0.1:{port}/app/x")).wait().with(0);
    wait_for(&weir, "it ended its stream");
    weir.stop().with(0);
    drop(player.wait());
    for file in ["got.flv", "rec.flv", "rec.mp4"] {
        Recording::of(&lab.path(file)).is_whole(PICTURES);
    }
}

#[test]
fn a_publisher_that_dies_and_comes_back_finds_everything_in_place() {
    let lab = Lab::new();
    let [port] = lab.ports();
    film(&lab);
    let weir = lab
        .weir(&format!(
            "-logs=all@info -i rtmp://127.0.0.1:{port}/app/x:rtmp_listen=1 -o rtmp://127.0.0.1:{port}/out:rtmp_listen=1 \
             -o rec.flv"
        ))
        .listening([port]);
    let url = format!("rtmp://127.0.0.1:{port}/app/x");
    let mut player = Player::Ffmpeg.record(&format!("rtmp://127.0.0.1:{port}/out/x"), lab.dir(), "got.flv");
    weir.wait_for_players(1);
    let mut first = ffmpeg(&lab, &url);
    lab.wait_for_file("got.flv", 60_000);
    first.signal(Signal::Kill);
    drop(first.wait());
    wait_for(&weir, "it is gone");
    ffmpeg(&lab, &url).wait().with(0);
    wait_for(&weir, "it ended its stream");
    assert!(player.is_running(), "the player saw no end");
    weir.stop().with(0);
    drop(player.wait());
    for file in ["got.flv", "rec.flv"] {
        let recording = Recording::of(&lab.path(file));
        recording.has_rising_times();
        let numbers = recording.numbers();
        let again = numbers.iter().rposition(|n| *n == 0).expect("the second publisher begins with the first picture");
        assert!(again > 20, "{file}: the first publisher came through: {numbers:?}");
        assert!(numbers[again..].iter().copied().eq(0..u32::try_from(PICTURES).expect("few")), "{file}: {numbers:?}");
        assert!(numbers[..again].iter().copied().eq(0..u32::try_from(again).expect("few")), "{file}: {numbers:?}");
    }
}

/// rtmp2sink, and rtmpsink, which stands on librtmp as OBS does. Both send the whole film at once: it is held back to the
/// pace of the clock, and no picture is lost.
#[test]
fn publishers_in_a_hurry_are_held_back() {
    let Some(_) = peers::peer("gst-launch-1.0") else { return };
    for sink in ["rtmp2sink", "rtmpsink"] {
        let lab = Lab::new();
        let [port] = lab.ports();
        film(&lab);
        let weir = lab
            .weir(&format!(
                "-logs=all@info -i rtmp://127.0.0.1:{port}/app:rtmp_listen=1 -o rtmp://127.0.0.1:{port}/out:rtmp_listen=1 \
                 -o rec.flv"
            ))
            .listening([port]);
        let player = Player::Ffmpeg.record(&format!("rtmp://127.0.0.1:{port}/out/x"), lab.dir(), "got.flv");
        weir.wait_for_players(1);
        let publisher = gstreamer(&lab, &format!("{sink} location=rtmp://127.0.0.1:{port}/app/x"));
        let size = lab.size("film.flv");
        publisher.wait().with(0);
        lab.wait_for_file("rec.flv", size * 9 / 10);
        weir.stop().with(0);
        drop(player.wait());
        for file in ["got.flv", "rec.flv"] {
            Recording::of(&lab.path(file)).is_gapless(PICTURES * 8 / 10);
        }
    }
}

#[test]
fn each_name_goes_its_own_way() {
    let lab = Lab::new();
    let [port] = lab.ports();
    film(&lab);
    let weir = lab
        .weir(&format!(
            "-logs=all@info -i rtmp://127.0.0.1:{port}/app:rtmp_listen=1:key=letmein -o rec_$stream$.flv -o \
             rtmp://127.0.0.1:{port}/out/$stream$:rtmp_listen=1"
        ))
        .listening([port]);
    let url = |name: &str| format!("rtmp://127.0.0.1:{port}/app/{name}");
    let refused = ffmpeg(&lab, &url("one?key=wrongkey")).wait();
    assert_ne!(refused.code, Some(0), "it has not the key");
    let one = ffmpeg(&lab, &url("one?key=letmein"));
    let two = ffmpeg(&lab, &url("two?key=letmein"));
    wait_for(&weir, "out/two");
    let player = Player::Ffmpeg.record(&format!("rtmp://127.0.0.1:{port}/out/two"), lab.dir(), "got.flv");
    one.wait().with(0);
    two.wait().with(0);
    wait_for(&weir, "publisher of two: it ended its stream");
    let ended = weir.stop();
    ended.with(0);
    drop(player.wait());
    assert!(!ended.stderr.contains("letmein") && !ended.stderr.contains("wrongkey"), "{}", ended.stderr);
    for file in ["rec_one.flv", "rec_two.flv"] {
        Recording::of(&lab.path(file)).is_whole(PICTURES);
    }
    Recording::of(&lab.path("got.flv")).is_gapless(25);
}

/// A name is given up when nobody comes back to it; then its files are whole and its players are told. It may come again:
/// what was recorded before stays.
#[test]
fn a_name_that_is_given_up_may_come_again() {
    let lab = Lab::new();
    let [port] = lab.ports();
    film(&lab);
    let weir = lab
        .weir(&format!(
            "-logs=all@info -i rtmp://127.0.0.1:{port}/app:rtmp_listen=1:streams=2:keep=1s -o rec_$stream$.mp4 -o \
             rtmp://127.0.0.1:{port}/out/$stream$:rtmp_listen=1"
        ))
        .listening([port]);
    for round in 1..=3 {
        let publisher = ffmpeg(&lab, &format!("rtmp://127.0.0.1:{port}/app/one"));
        wait::until_true("its output listens", || weir.stderr().matches("listening on").count() == round);
        let url = format!("rtmp://127.0.0.1:{port}/out/one");
        let player = Player::Ffmpeg.record(&url, lab.dir(), &format!("got{round}.flv"));
        publisher.wait().with(0);
        wait::until_true("the name is given up", || weir.stderr().matches("nobody came back").count() == round);
        player.wait().with(0);
        // Nothing of its outputs is left.
        wait::until_true("the thread of its file ends", || weir.threads("weir-blocking") == 0);
    }
    weir.stop().with(0);
    for file in ["rec_one.mp4", "rec_one_2.mp4", "rec_one_3.mp4"] {
        Recording::of(&lab.path(file)).is_whole(PICTURES);
    }
    for round in 1..=3 {
        Recording::of(&lab.path(&format!("got{round}.flv"))).is_gapless(25);
    }
}

/// weir pushes to weir, which passes on: two relays in a row.
#[test]
fn weir_publishes_to_weir() {
    let (lab, there, behind) = (Lab::new(), Lab::new(), Lab::new());
    let [one, two] = lab.ports();
    let last =
        behind.weir(&format!("-logs=all@info -i rtmp://127.0.0.1:{two}/app:rtmp_listen=1 -o rec.flv")).listening([two]);
    let relay = there
        .weir(&format!(
            "-logs=all@info -i rtmp://127.0.0.1:{one}/app:rtmp_listen=1 -o rtmp://127.0.0.1:{two}/app/x:tcp_nodelay=1"
        ))
        .listening([one]);
    lab.weir_to_end(&format!(
        "avgen:sizes=240x160:rates=200k:dur={SECONDS} c=avc:g=25 c=aac -o rtmp://127.0.0.1:{one}/app/x"
    ))
    .with(0);
    wait_for(&relay, "it ended its stream");
    behind.wait_for_file("rec.flv", 100_000);
    relay.stop().with(0);
    wait_for(&last, "it ended its stream");
    last.stop().with(0);
    Recording::of(&behind.path("rec.flv")).is_whole(PICTURES);
}

/// weir plays from nginx, which a publisher feeds: the publisher goes and comes, and so does nginx.
#[test]
fn a_server_is_played_from_and_connected_to_again() {
    let lab = Lab::new();
    let [theirs, ours] = lab.ports();
    film(&lab);
    let Some(nginx) = crate::pushing::nginx(&lab, theirs) else { return };
    let weir = lab
        .weir(&format!(
            "-logs=all@info -i rtmp://127.0.0.1:{theirs}/live/x:reconnect=always -o rec.flv -o \
             rtmp://127.0.0.1:{ours}/out:rtmp_listen=1"
        ))
        .listening([ours]);
    let player = Player::Ffmpeg.record(&format!("rtmp://127.0.0.1:{ours}/out/x"), lab.dir(), "got.flv");
    weir.wait_for_players(1);
    let url = format!("rtmp://127.0.0.1:{theirs}/live/x");
    let first = ffmpeg(&lab, &url);
    lab.wait_for_file("got.flv", 60_000);
    drop((first, nginx));
    wait_for(&weir, "next try in");
    let Some(_nginx) = crate::pushing::nginx(&lab, theirs) else { return };
    wait_for(&weir, "attempt 2");
    ffmpeg(&lab, &url).wait().with(0);
    lab.wait_for_file("rec.flv", 200_000);
    weir.stop().with(0);
    drop(player.wait());
    for file in ["got.flv", "rec.flv"] {
        let recording = Recording::of(&lab.path(file));
        recording.has_rising_times();
        let numbers = recording.numbers();
        let rounds = numbers.windows(2).filter(|pair| pair[1] != pair[0] + 1).count();
        assert_eq!(rounds, 1, "{file}: one gap: {numbers:?}");
    }
}

/// When the server says that the stream is over, the input ends, and weir with it.
#[test]
fn what_ends_ends() {
    let lab = Lab::new();
    let [port] = lab.ports();
    film(&lab);
    let server =
        lab.weir(&format!("-i film.flv -o rtmp://127.0.0.1:{port}/live:rtmp_listen=1:start=key")).listening([port]);
    let puller = Lab::new();
    puller.weir_to_end(&format!("-i rtmp://127.0.0.1:{port}/live/x -o rec.flv -o rec.mp4")).with(0);
    drop(server);
    for file in ["rec.flv", "rec.mp4"] {
        Recording::of(&puller.path(file)).is_gapless(PICTURES - 30);
    }
}

/// Encrypted both ways: a push to an input that listens, and an input that plays from an output.
#[test]
fn encrypted_in_every_direction() {
    let Some(_) = peers::peer("openssl") else { return };
    let (lab, middle, source) = (Lab::new(), Lab::new(), Lab::new());
    let [one, two] = lab.ports();
    lab.certificate("localhost");
    let folder = lab.dir().display();
    let keys = format!("cert={folder}/tls.crt:cert_key={folder}/tls.key");
    let relay = middle
        .weir(&format!(
            "-logs=all@info -i rtmps://127.0.0.1:{one}/app:rtmp_listen=1:{keys} -o \
             rtmps://127.0.0.1:{two}/out:rtmp_listen=1:{keys}"
        ))
        .listening([one, two]);
    let puller = lab.weir(&format!("-logs=all@info -i rtmps://localhost:{two}/out/x:ca={folder}/tls.crt -o rec.flv"));
    relay.wait_for_players(1);
    let push = format!("rtmps://localhost:{one}/app/x:ca={folder}/tls.crt");
    source.weir_to_end(&format!("avgen:sizes=240x160:rates=200k:dur={SECONDS} c=avc:g=25 c=aac -o {push}")).with(0);
    wait_for(&relay, "it ended its stream");
    relay.stop().with(0);
    wait_for(&puller, "the server ended it");
    drop(puller);
    Recording::of(&lab.path("rec.flv")).is_whole(PICTURES);
    let refused = lab.weir_to_end(&format!("-i rtmps://localhost:{two}/out/x:retries=0 -o none.flv"));
    refused.with(1);
}
