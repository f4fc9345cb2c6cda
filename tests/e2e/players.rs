//! Every kind of player, on both listeners at once, from an encode and from a file.

use std::path::Path;

use weir_tests::peers::{self, Player};
use weir_tests::{Lab, Recording, recording};

use crate::clips;

/// A source of test pictures, encoded.
const ENCODE: &str = "avgen:sizes=240x160:rates=200k c=avc c=aac";
/// Seconds of the file sources.
const ROUND: u32 = 5;
const FPS: u32 = 25;

/// Bytes that hold more than 3 seconds of either source, also in the wrapping of VLC.
const BYTES: u64 = 200_000;
/// Pictures in 2 seconds.
const PICTURES: usize = 50;

fn plays_an_encode(player: Player) {
    let lab = Lab::new();
    plays(&lab, player, ENCODE, None);
}

/// A file with B-frames, which starts over.
fn plays_a_file(player: Player) {
    let lab = Lab::new();
    let clip = clips::with_b_frames(&lab, "film.mp4", ROUND, clips::PROGRESSIVE);
    plays(&lab, player, &format!("-i {clip}:loop=-1"), Some(ROUND * FPS));
}

/// Both listeners, until weir is stopped.
fn plays(lab: &Lab, player: Player, source: &str, round: Option<u32>) {
    let Some(_) = peers::peer(player.program()) else { return };
    let ports @ [a, b] = lab.ports();
    let listen = |port| format!("-o rtmp://127.0.0.1:{port}/live:rtmp_listen=1");
    let weir = lab.weir(&format!("{source} {} {}", listen(a), listen(b))).listening(ports);
    let files = ["a", "b"].map(|name| format!("{name}.{}", player.extension()));
    let record = |(port, file): (&u16, &String)| player.record(&player.url(*port), lab.dir(), file);
    let players: Vec<_> = ports.iter().zip(&files).map(record).collect();
    files.iter().for_each(|file| lab.wait_for_file(file, BYTES));
    weir.stop().quietly(0);
    for player in players {
        player.wait().with(0);
    }
    for file in &files {
        judge(player, &lab.path(file), round);
    }
}

fn judge(player: Player, path: &Path, round: Option<u32>) {
    // VLC stops in the middle of its last packet.
    let path = if player == Player::Vlc { recording::beginning(path, 3) } else { path.to_owned() };
    let mut recording = Recording::of(&path).cut_before_last_group();
    if player == Player::Vlc && round.is_some() {
        recording.pictures.remove(0); // its MPEG-TS muxer gives the picture before the first B-frame a time of its own
    }
    recording.is_gapless_in_rounds_of(PICTURES, round).has_rising_times();
    if round.is_none() {
        recording.has_unbroken_sound().is_in_step();
    }
}

#[test]
fn ffmpeg_plays_an_encode() {
    plays_an_encode(Player::Ffmpeg);
}

#[test]
fn mpv_plays_an_encode() {
    plays_an_encode(Player::Mpv);
}

#[test]
fn rtmpdump_plays_an_encode() {
    plays_an_encode(Player::Rtmpdump);
}

#[test]
fn gstreamer_plays_an_encode() {
    plays_an_encode(Player::Gstreamer);
}

#[test]
fn vlc_plays_an_encode() {
    plays_an_encode(Player::Vlc);
}

#[test]
fn ffmpeg_plays_a_file() {
    plays_a_file(Player::Ffmpeg);
}

#[test]
fn mpv_plays_a_file() {
    plays_a_file(Player::Mpv);
}

#[test]
fn rtmpdump_plays_a_file() {
    plays_a_file(Player::Rtmpdump);
}

#[test]
fn gstreamer_plays_a_file() {
    plays_a_file(Player::Gstreamer);
}

#[test]
fn vlc_plays_a_file() {
    plays_a_file(Player::Vlc);
}
