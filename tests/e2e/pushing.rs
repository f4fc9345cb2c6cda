//! weir publishes: to FFmpeg and nginx, encrypted too; to servers that stall, die and come back, refuse or are not there.
//! And it serves encrypted.

use std::fs;
use std::process::Command;

use weir_tests::peers::{self, Player};
use weir_tests::{Lab, Process, Recording, Signal, Weir, process, wait};

use crate::isolation::noisy_film;

/// A key frame each second.
const SOURCE: &str = "avgen:sizes=240x160:rates=200k c=avc:g=25 c=aac";
/// A TLS server that passes on what it gets to a plain port: `python3 terminator.py PORT PLAIN`, with `tls.crt` and
/// `tls.key` beside it.
const TERMINATOR: &str = include_str!("terminator.py");

/// FFmpeg as a server for one publisher, which records to `file`.
fn ffmpeg(lab: &Lab, port: u16, file: &str) -> Process {
    let mut command = Command::new(peers::tool("ffmpeg"));
    command.args(["-v", "error", "-nostdin", "-y", "-listen", "1", "-i", &format!("rtmp://127.0.0.1:{port}/live/key")]);
    command.args(["-c", "copy", "-flush_packets", "1", file]);
    Process::start(file, command, lab.dir())
}

/// nginx in one process. It records what is published to `live`, and takes nothing in `shut`.
pub(crate) fn nginx(lab: &Lab, port: u16) -> Option<Process> {
    weir_tests::nginx::start(lab, port, "")
}

/// Waits until weir has said this.
#[track_caller]
fn wait_for(weir: &Weir, what: &str) {
    wait::until_true(&format!("weir says {what}"), || weir.stderr().contains(what));
}

#[test]
fn servers_and_files_beside_each_other_get_every_picture() {
    let lab = Lab::new();
    let [one, two] = lab.ports();
    let Some(_nginx) = nginx(&lab, two) else { return };
    let server = ffmpeg(&lab, one, "one.flv");
    fs::write(lab.path("key"), "two\n").expect("the test's directory takes files");
    let weir = lab.weir(&format!(
        "-logs=rtmpout@info {SOURCE} -o rtmp://127.0.0.1:{one}/live/key -o rtmp://127.0.0.1:{two}/live:key=@key -o copy.flv"
    ));
    lab.wait_for_file("one.flv", 200_000);
    lab.wait_for_file("two.flv", 200_000);
    weir.stop().with(0);
    drop(server.wait());
    for file in ["one.flv", "two.flv", "copy.flv"] {
        Recording::of(&lab.path(file)).is_gapless(100);
    }
}

#[test]
fn a_server_that_stalls_hurts_nobody_and_is_left() {
    let lab = Lab::new();
    let [good, bad] = lab.ports();
    let healthy = ffmpeg(&lab, good, "good.flv");
    let mut stalled = ffmpeg(&lab, bad, "bad.flv");
    noisy_film(&lab, "film.flv");
    let weir = lab.weir(&format!(
        "-logs=rtmpout#2@info -i film.flv:loop=-1 -o rtmp://127.0.0.1:{good}/live/key -o rtmp://127.0.0.1:{bad}/live/key:stall=3s"
    ));
    lab.wait_for_file("bad.flv", 1_000_000);
    stalled.signal(Signal::Stop);
    wait_for(&weir, "stalled: took nothing for 3 s");
    lab.wait_for_growth("good.flv", 5_000_000);
    weir.stop().with(1);
    drop(healthy.wait());
    stalled.signal(Signal::Continue);
    Recording::of(&lab.path("good.flv")).is_gapless_in_rounds_of(150, Some(125));
}

#[test]
fn a_server_that_dies_and_comes_back_gets_the_stream_again() {
    let lab = Lab::new();
    let [port, other] = lab.ports();
    let mut first = ffmpeg(&lab, port, "first.flv");
    let beside = ffmpeg(&lab, other, "beside.flv");
    let weir = lab.weir(&format!(
        "-logs=rtmpout@info {SOURCE} -o rtmp://127.0.0.1:{port}/live/key -o rtmp://127.0.0.1:{other}/live/key"
    ));
    lab.wait_for_file("first.flv", 100_000);
    first.signal(Signal::Kill);
    drop(first.wait());
    wait_for(&weir, "connection refused");
    let second = ffmpeg(&lab, port, "second.flv");
    lab.wait_for_file("second.flv", 100_000);
    weir.stop().with(0);
    drop(second.wait());
    drop(beside.wait());
    Recording::of(&lab.path("second.flv")).is_whole(50);
    Recording::of(&lab.path("beside.flv")).is_gapless(100);
}

#[test]
fn who_refuses_or_is_not_there_is_named_without_the_key() {
    let lab = Lab::new();
    let [port, nobody] = lab.ports();
    let Some(_nginx) = nginx(&lab, port) else { return };
    for (target, why) in [
        (format!("rtmp://127.0.0.1:{port}/shut/secretkey"), "is the key right?"),
        (format!("rtmp://127.0.0.1:{nobody}/live/secretkey"), "connection refused"),
        ("rtmp://nowhere.invalid/live/secretkey".to_owned(), "cannot resolve nowhere.invalid"),
    ] {
        let ended = lab.weir_to_end(&format!("-logs=all@info {SOURCE} -o {target}:retries=0"));
        ended.with(1);
        assert!(ended.stderr.contains(why) && !ended.stderr.contains("secretkey"), "{}", ended.stderr);
    }
}

#[test]
fn encrypted_servers_are_believed_for_a_reason() {
    let lab = Lab::new();
    let [plain, port] = lab.ports();
    let Some(_nginx) = nginx(&lab, plain) else { return };
    let (Some(_), Some(_)) = (peers::peer("python3"), peers::peer("openssl")) else { return };
    lab.certificate("localhost");
    fs::write(lab.path("terminator.py"), TERMINATOR).expect("the test's directory takes files");
    let mut command = Command::new(peers::tool("python3"));
    command.args(["terminator.py", &port.to_string(), &plain.to_string()]);
    let _terminator = Process::start("terminator", command, lab.dir());
    wait::until_true("it listens", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
    for (host, how, why) in [
        ("localhost", "", "the certificate is not trusted"),
        ("127.0.0.1", ":ca=tls.crt", "the certificate is for another name"),
    ] {
        let target = format!("rtmps://{host}:{port}/live/no{how}");
        let ended = lab.weir_to_end(&format!("{SOURCE} -o {target}:retries=0"));
        ended.with(1);
        assert!(ended.stderr.contains(why), "{}", ended.stderr);
    }
    let weir = lab.weir(&format!(
        "{SOURCE} -o rtmps://localhost:{port}/live/ca:ca=tls.crt -o rtmps://127.0.0.1:{port}/live/any:insecure"
    ));
    for file in ["ca.flv", "any.flv"] {
        lab.wait_for_file(file, 200_000);
    }
    weir.stop().with(0);
    for file in ["ca.flv", "any.flv"] {
        Recording::of(&lab.path(file)).is_gapless(100);
    }
}

#[test]
fn players_come_encrypted_and_certificates_are_changed_under_way() {
    let lab = Lab::new();
    let [port] = lab.ports();
    let Some(_) = peers::peer("openssl") else { return };
    lab.certificate("first");
    let url = format!("rtmps://127.0.0.1:{port}/live/cam");
    let weir = lab.weir(&format!("{SOURCE} -o {url}:rtmp_listen=1:cert=tls.crt:cert_key=tls.key")).listening([port]);
    let shown = |subject: &str| {
        let mut command = Command::new(peers::tool("openssl"));
        command.args(["s_client", "-connect", &format!("127.0.0.1:{port}")]).stdin(std::process::Stdio::null());
        process::run("s_client", command, lab.dir()).stdout.contains(&format!("CN = {subject}"))
    };
    assert!(shown("first"));
    let mut player = Player::Ffmpeg.record(&url, lab.dir(), "got.flv");
    lab.wait_for_file("got.flv", 100_000);
    lab.certificate("second");
    wait::until_true("the new certificate is shown", || shown("second"));
    lab.wait_for_growth("got.flv", 50_000);
    player.signal(Signal::Int);
    drop(player.wait()); // interrupted; its file is what counts
    weir.stop().with(0);
    Recording::of(&lab.path("got.flv")).is_whole(50);
}
