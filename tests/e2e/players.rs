//! Every kind of player, on both listeners at once, from an encode and from a file.

use weir_tests::peers::{self, Player};
use weir_tests::{Lab, Recording};

fn plays_an_encode(player: Player) {
    let lab = Lab::new();
    plays(&lab, player, "avgen:sizes=240x160:rates=200k c=avc c=aac");
}

/// Both listeners, to the end of what the player asks for.
fn plays(lab: &Lab, player: Player, source: &str) {
    let Some(_) = peers::peer(player.program()) else { return };
    let ports @ [a, b] = lab.ports();
    let listen = |port| format!("-o rtmp://127.0.0.1:{port}/live:rtmp_listen=1");
    let weir = lab.weir(&format!("{source} {} {}", listen(a), listen(b))).listening(ports);
    let files = [format!("a.{}", player.extension()), format!("b.{}", player.extension())];
    let players: Vec<_> =
        ports.iter().zip(&files).map(|(port, file)| player.record(&player.url(*port), lab.dir(), file)).collect();
    for file in &files {
        lab.wait_for_file(file, 150_000);
    }
    weir.stop().quietly(0);
    for process in players {
        process.wait().with(0);
    }
    for file in &files {
        Recording::of(&lab.path(file)).is_whole(50);
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
