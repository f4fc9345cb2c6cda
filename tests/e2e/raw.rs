//! Raw streams: H.264 and AAC without a container, out and in.

use weir_source_avgen::marker;
use weir_tests::peers::Player;
use weir_tests::recording::decode;
use weir_tests::{Lab, Recording};

/// Makes `x.264` and `x.aac` of 3 seconds.
fn made() -> Lab {
    let lab = Lab::new();
    lab.weir_to_end("avgen:sizes=240x160:rates=200k:adjust=no:dur=3 c=avc c=aac -o x.264 -o x.aac").quietly(0);
    lab
}

#[test]
fn raw_streams_decode() {
    let lab = made();
    let raw = decode(&lab.path("x.264"), &["-f", "rawvideo", "-pix_fmt", "gray", "-vsync", "passthrough"]);
    let number = |luma: &[u8]| marker::read(luma, 240, 160, 240).expect("a readable picture").frame;
    let numbers: Vec<u32> = raw.chunks_exact(240 * 160).map(number).collect();
    assert_eq!(numbers, (0..75).collect::<Vec<_>>());
    let sound = decode(&lab.path("x.aac"), &["-f", "s16le", "-ac", "1"]);
    let samples = sound.len() / 2;
    assert!((3 * 44_100..3 * 44_100 + 8_192).contains(&samples), "3 s and an encoder's delay: {samples}");
}

#[test]
fn raw_streams_are_read_back() {
    let lab = made();
    lab.weir_to_end("-i x.264 -i x.aac -o y.flv").quietly(0);
    let recording = Recording::of(&lab.path("y.flv"));
    recording.is_gapless(75).has_rising_times().has_unbroken_sound();
    assert_eq!(recording.numbers(), (0..75).collect::<Vec<_>>());
    assert!(recording.beeps.len() >= 2, "{:?}", recording.beeps);
}

#[test]
fn raw_streams_are_served() {
    let lab = made();
    let [port] = lab.ports();
    let url = Player::Ffmpeg.url(port);
    let weir = lab.weir(&format!("-i x.264:loop=-1 -i x.aac:loop=-1 -o {url}:rtmp_listen=1")).listening([port]);
    let player = Player::Ffmpeg.record(&url, lab.dir(), "got.flv");
    lab.wait_for_file("got.flv", 120_000);
    weir.stop().quietly(0);
    player.wait().quietly(0);
    Recording::of(&lab.path("got.flv")).is_gapless_in_rounds_of(50, Some(75)).has_rising_times();
}
