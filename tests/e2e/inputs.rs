//! Files in: MP4 and FLV in every wrapping, once, in rounds, and at the speed of their media.

use std::process::Command;
use std::time::Instant;

use weir_tests::client::{Client, Media};
use weir_tests::peers::{self, Player};
use weir_tests::recording::decode;
use weir_tests::{Lab, Recording, process};

use crate::clips;

const SECONDS: u32 = 3;
const PICTURES: u32 = SECONDS * 25;

/// Hashes of all decoded pictures in order.
fn hashes(lab: &Lab, file: &str) -> Vec<String> {
    let text = decode(&lab.path(file), &["-map", "0:v:0", "-vsync", "passthrough", "-f", "framemd5"]);
    let hash = |line: &str| line.rsplit(',').next().unwrap_or_default().trim().to_owned();
    String::from_utf8_lossy(&text).lines().filter(|l| !l.starts_with('#')).map(hash).collect()
}

/// A file goes through weir without a picture, a sound or a time of it changed.
fn passes(name: &str, wrapping: &[&str]) {
    let lab = Lab::new();
    let clip = clips::with_b_frames(&lab, name, SECONDS, wrapping);
    lab.weir_to_end(&format!("-i {clip} -o out.flv")).quietly(0);
    let (before, after) = (Recording::of(&lab.path(clip)), Recording::of(&lab.path("out.flv")));
    after.is_whole(PICTURES as usize);
    assert_eq!(after.numbers(), (0..PICTURES).collect::<Vec<_>>());
    assert_eq!(hashes(&lab, clip), hashes(&lab, "out.flv"), "the pictures are the same, bit by bit");
    assert_eq!(before.beeps.len(), after.beeps.len(), "{:?} {:?}", before.beeps, after.beeps);
    let apart = |r: &Recording| r.beeps.iter().map(|b| b - r.pictures[0].pts).collect::<Vec<_>>();
    for (was, is) in apart(&before).into_iter().zip(apart(&after)) {
        assert!((was - is).abs() < 0.005, "sound against picture: {was} s before, {is} s after");
    }
}

#[test]
fn a_progressive_mp4_passes() {
    passes("in.mp4", clips::PROGRESSIVE);
}

#[test]
fn an_mp4_with_its_index_first_passes() {
    passes("in.mp4", clips::FAST_START);
}

#[test]
fn a_fragmented_mp4_passes() {
    passes("in.mp4", clips::FRAGMENTED);
}

#[test]
fn a_mov_passes() {
    passes("in.mov", &["-f", "mov"]);
}

#[test]
fn an_flv_passes() {
    passes("in.flv", clips::FLV);
}

/// Three rounds, each with the same pictures, on one timeline.
fn repeats(name: &str, wrapping: &[&str]) {
    let lab = Lab::new();
    let clip = clips::with_b_frames(&lab, name, SECONDS, wrapping);
    lab.weir_to_end(&format!("-i {clip}:loop=2 -o out.flv")).quietly(0);
    let recording = Recording::of(&lab.path("out.flv"));
    recording.is_gapless_in_rounds_of(3 * PICTURES as usize, Some(PICTURES)).has_rising_times();
    assert_eq!(recording.pictures.len(), 3 * PICTURES as usize);
    let once = hashes(&lab, clip);
    assert_eq!(hashes(&lab, "out.flv"), [&once[..], &once, &once].concat());
    let passed = recording.pictures.last().expect("three rounds").pts - recording.pictures[0].pts;
    let media = f64::from(3 * SECONDS);
    assert!((media - 0.1..media + 0.5).contains(&passed), "{passed} s for {media} s of media");
}

#[test]
fn a_progressive_mp4_repeats() {
    repeats("in.mp4", clips::PROGRESSIVE);
}

#[test]
fn a_fragmented_mp4_repeats() {
    repeats("in.mp4", clips::FRAGMENTED);
}

#[test]
fn an_flv_repeats() {
    repeats("in.flv", clips::FLV);
}

#[test]
fn files_of_a_list_are_one_stream() {
    let lab = Lab::new();
    let (first, second) = ("in.mp4", "in.flv");
    clips::with_b_frames(&lab, first, SECONDS, clips::PROGRESSIVE);
    clips::with_b_frames(&lab, second, SECONDS, clips::FLV);
    std::fs::write(lab.path("in.m3u"), format!("#EXTM3U\n{first}\n{second}\n")).expect("a small file");
    lab.weir_to_end("-i in.m3u:floop=1 -o out.flv").quietly(0);
    let recording = Recording::of(&lab.path("out.flv"));
    recording.is_gapless_in_rounds_of(4 * PICTURES as usize, Some(PICTURES)).has_rising_times();
    let once = [hashes(&lab, first), hashes(&lab, second)].concat();
    assert_eq!(hashes(&lab, "out.flv"), [&once[..], &once].concat());
}

#[test]
fn a_list_without_end_is_played_at_the_speed_of_its_media() {
    let lab = Lab::new();
    let [port] = lab.ports();
    let url = Player::Ffmpeg.url(port);
    let clip = clips::with_b_frames(&lab, "in.mp4", SECONDS, clips::PROGRESSIVE);
    let list = format!("flist:srcs={clip},{clip}:floop=-1");
    let weir = lab.weir(&format!("{list} -o {url}:rtmp_listen=1")).listening([port]);
    let mut client = Client::play(&url).expect("it listens");
    let start = Instant::now();
    // Three files and more: the first comes again.
    let end = i64::from(1_000 * (2 * SECONDS + SECONDS / 2));
    let pictures = client.take_until(|m| m.is_picture() && m.millis >= end).expect("it plays");
    let passed = start.elapsed().as_millis();
    assert!(passed + 3_000 >= u128::from(end.unsigned_abs()), "{end} ms of media in {passed} ms");
    let times: Vec<i64> = pictures.iter().filter(|m| m.is_picture()).map(|m| m.millis).collect();
    // A file lasts as long as its sound, which may end a little after the pictures.
    assert!(times.windows(2).all(|pair| (1..=150).contains(&(pair[1] - pair[0]))), "nothing is dropped: {times:?}");
    weir.stop().quietly(0);
}

#[test]
fn a_file_is_paced_by_its_media() {
    let lab = Lab::new();
    let [port] = lab.ports();
    let url = Player::Ffmpeg.url(port);
    let clip = clips::with_b_frames(&lab, "in.mp4", SECONDS, clips::PROGRESSIVE);
    let weir = lab.weir(&format!("-i {clip}:loop=-1 -o {url}:rtmp_listen=1")).listening([port]);
    let mut client = Client::play(&url).expect("it listens");
    // What was kept for newcomers comes at once; what comes from here on is new.
    let first = client.take_until(Media::is_picture).expect("it plays");
    let kept = first.last().expect("a picture").millis + 1_500;
    client.take_until(|m| m.is_picture() && m.millis >= kept).expect("it plays");
    let start = Instant::now();
    client.take_until(|m| m.is_picture() && m.millis >= kept + 3_000).expect("it plays");
    let passed = start.elapsed().as_millis();
    assert!(passed >= 2_000, "3 s of media in {passed} ms");
    weir.stop().quietly(0);
}

#[test]
fn without_a_player_a_file_is_as_fast_as_it_can_be() {
    let lab = Lab::new();
    let clip = clips::with_b_frames(&lab, "in.mp4", SECONDS, clips::PROGRESSIVE);
    // At the speed of the media this would take 15 minutes.
    lab.weir_to_end(&format!("-i {clip}:loop=299 -o out.flv")).quietly(0);
    let mut command = Command::new(peers::tool("ffprobe"));
    command.args(["-v", "error", "-of", "csv=p=0", "-show_entries", "format=duration", "out.flv"]);
    let duration: f64 = process::run("probe", command, lab.dir()).quietly(0).stdout.trim().parse().expect("a number");
    assert!((900.0..960.0).contains(&duration), "{duration} s of 300 rounds");
}

#[test]
fn what_is_no_media_ends_in_an_error() {
    let lab = Lab::new();
    let [port] = lab.ports();
    let noise: Vec<u8> = (0..5_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    for name in ["noise.mp4", "noise.flv", "noise.264", "noise.aac", "empty.mp4", "empty.flv", "empty.264"] {
        let bytes: &[u8] = if name.starts_with("noise") { &noise } else { &[] };
        std::fs::write(lab.path(name), bytes).expect("the test's directory takes files");
        for output in ["out.flv", &format!("rtmp://127.0.0.1:{port}/live:rtmp_listen=1")] {
            let ended = lab.weir_to_end(&format!("-i {name} -o {output}"));
            assert!(ended.with(1).stderr.contains("error: "), "{name} {output}: {ended:#?}");
        }
        assert!(!lab.path("out.flv").exists(), "nothing comes of {name}");
    }
}

#[test]
fn a_cut_file_is_played_as_far_as_it_goes() {
    for (name, wrapping) in [("in.mp4", clips::FRAGMENTED), ("in.mp4", clips::FAST_START), ("in.flv", clips::FLV)] {
        let lab = Lab::new();
        let clip = clips::with_b_frames(&lab, name, SECONDS, wrapping);
        let bytes = std::fs::read(lab.path(clip)).expect("it was just made");
        std::fs::write(lab.path(clip), &bytes[..bytes.len() * 2 / 3]).expect("it was just made");
        let ended = lab.weir_to_end(&format!("-i {clip} -o out.flv"));
        assert!(matches!(ended.code, Some(0 | 1)) && !ended.stderr.contains("panicked"), "{ended:#?}");
        Recording::of(&lab.path("out.flv")).cut_before_last_group().is_gapless(20).has_rising_times();
    }
}
