//! Players that decode as they play: what they say, and, where they let go of it, what they decoded.

use std::fs;
use std::process::Command;

use weir_source_avgen::marker;
use weir_tests::peers::{self, Player};
use weir_tests::{Lab, Process, Weir};

const PORTS: usize = 2;

fn start(lab: &Lab, ports: [u16; PORTS]) -> Weir {
    let [a, b] = ports;
    let words = format!(
        "avgen:sizes=240x160:rates=200k c=avc c=aac -o rtmp://127.0.0.1:{a}/live:rtmp_listen=1 \
         -o rtmp://127.0.0.1:{b}/live:rtmp_listen=1 -logs=net@info"
    );
    lab.weir(&words).listening(ports)
}

/// Plays both listeners while FFmpeg records 2 more seconds; then all end by themselves, in silence.
fn plays_in_silence(program: &str, args: &[&str]) {
    let Some(path) = peers::peer(program) else { return };
    let lab = Lab::new();
    let ports = lab.ports();
    let weir = start(&lab, ports);
    let play = |port: u16| {
        let mut command = Command::new(&path);
        command.env("SDL_VIDEODRIVER", "dummy").env("SDL_AUDIODRIVER", "dummy");
        command.args(args).arg(Player::Ffmpeg.url(port));
        Process::start(&format!("{program}-{port}"), command, lab.dir())
    };
    let players = ports.map(play);
    weir.wait_for_players(PORTS);
    let record = Player::Ffmpeg.record(&Player::Ffmpeg.url(ports[0]), lab.dir(), "meanwhile.flv");
    lab.wait_for_file("meanwhile.flv", 100_000);
    weir.stop().with(0);
    for player in players.into_iter().chain([record]) {
        player.wait().quietly(0);
    }
}

#[test]
fn ffplay_shows_picture_and_sound() {
    plays_in_silence("ffplay", &["-v", "error", "-nostats", "-autoexit"]);
}

#[test]
fn ffplay_plays_without_a_window() {
    plays_in_silence("ffplay", &["-v", "error", "-nostats", "-autoexit", "-nodisp"]);
}

#[test]
fn mpv_decodes() {
    plays_in_silence("mpv", &["--no-config", "--vo=null", "--ao=null", "--msg-level=all=error"]);
}

#[test]
fn ffmpeg_decodes() {
    plays_in_silence("ffmpeg", &["-v", "error", "-nostdin", "-f", "null", "/dev/null", "-i"]);
}

#[test]
fn gstreamer_decodes_every_picture() {
    let Some(path) = peers::peer("gst-launch-1.0") else { return };
    let lab = Lab::new();
    let ports = lab.ports();
    let weir = start(&lab, ports);
    let decode = |port: u16| {
        let mut command = Command::new(&path);
        let url = Player::Gstreamer.url(port);
        let graph = format!(
            "-q rtmp2src location={url} ! decodebin name=d  d. ! queue ! videoconvert ! video/x-raw,format=GRAY8 ! \
             filesink buffer-mode=unbuffered location={port}.gray  d. ! queue ! audioconvert ! fakesink"
        );
        command.args(graph.split_whitespace());
        Process::start(&format!("gst-{port}"), command, lab.dir())
    };
    let players = ports.map(decode);
    ports.iter().for_each(|port| lab.wait_for_file(&format!("{port}.gray"), 60 * 240 * 160));
    weir.stop().with(0);
    for (player, port) in players.into_iter().zip(ports) {
        player.wait().quietly(0);
        let raw = fs::read(lab.path(&format!("{port}.gray"))).expect("it was just written");
        let number = |luma: &[u8]| marker::read(luma, 240, 160, 240).expect("a readable picture").frame;
        let numbers: Vec<u32> = raw.chunks_exact(240 * 160).map(number).collect();
        assert!(numbers.windows(2).all(|n| n[0] + 1 == n[1]), "{numbers:?}");
    }
}
