//! How a run ends: the media, a signal, two signals, a crash; what players are told and what files are worth.

use std::path::Path;

use weir_flv::amf::Limits;
use weir_flv::{MetaData, Tag, TagKind, TagReader, VideoBody};
use weir_tests::client::{Client, End};
use weir_tests::peers::{self, Player};
use weir_tests::{Lab, Process, Recording, Signal};

use crate::isolation;

const SOURCE: &str = "avgen:sizes=240x160:rates=200k";
const CODECS: &str = "c=avc:g=25 c=aac";
/// Seconds of media that ends by itself: time for players to come before, on a slow machine.
const SECONDS: u32 = 8;
/// Bytes of media that the buffers between weir and a player that does not read cannot hold.
const BUFFERS: u64 = 16 << 20;

fn record(lab: &Lab, player: Player, port: u16) -> (Process, String) {
    let file = format!("{player:?}.flv");
    (player.record(&player.url(port), lab.dir(), &file), file)
}

/// Players that come to `source`, which ends by itself, end by themselves too.
fn ends_for(source: &str, players: &[Player]) {
    let lab = Lab::new();
    let [port] = lab.ports();
    lab.weir_to_end(&format!("{SOURCE}:adjust=no:dur={SECONDS} {CODECS} -o film.flv")).quietly(0);
    let weir = lab.weir(&format!("{source} -o rtmp://127.0.0.1:{port}/live:rtmp_listen=1")).listening([port]);
    let players: Vec<_> = players.iter().map(|p| record(&lab, *p, port)).collect();
    players.iter().for_each(|(_, file)| lab.wait_for_file(file, 1));
    weir.wait().quietly(0);
    for (player, file) in players {
        player.wait().with(0);
        let recording = Recording::of(&lab.path(&file));
        recording.is_gapless(25).has_rising_times();
        assert_eq!(recording.numbers().last(), Some(&(SECONDS * 25 - 1)), "{file} has the last picture");
    }
}

#[test]
fn players_end_with_the_source() {
    let all = [Player::Ffmpeg, Player::Rtmpdump, Player::Gstreamer];
    let there: Vec<_> = all.into_iter().filter(|p| peers::peer(p.program()).is_some()).collect();
    ends_for(&format!("{SOURCE}:dur={SECONDS} {CODECS}"), &there);
}

#[test]
fn players_end_with_the_file() {
    ends_for("-i film.flv", &[Player::Ffmpeg]);
}

/// The tags of an FLV file with their positions; `is_whole` when it may not break off.
fn tags(path: &Path, is_whole: bool) -> Vec<(u64, Tag)> {
    let mut reader = TagReader::new();
    reader.push(&std::fs::read(path).expect("the file is there"));
    if is_whole {
        reader.finish();
    }
    let mut tags = Vec::new();
    while let Some(tag) = reader.pull() {
        let tag = tag.unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        tags.push((reader.tag_position(), tag));
    }
    tags
}

fn is_key_frame(tag: &Tag) -> bool {
    tag.kind == TagKind::Video && VideoBody::parse(&tag.body).is_ok_and(|v| v.is_key_frame() && !v.is_sequence_header())
}

/// Duration, size and index of the file at `path` are those of what it holds.
#[track_caller]
fn is_patched(path: &Path) {
    let tags = tags(path, true);
    let script = &tags.first().expect("a file has tags").1;
    let meta = MetaData::parse(&script.body, Limits::SCRIPT).expect("it is AMF0").expect("metadata comes first");
    let end = tags.iter().map(|(_, tag)| tag.timestamp).max().expect("a file has tags");
    let duration = meta.duration.expect("a finished file has a duration");
    assert!((duration - f64::from(end) / 1_000.0).abs() < 0.1, "{duration} s said, last tag at {end} ms");
    assert_eq!(meta.file_size, Some(std::fs::metadata(path).expect("the file is there").len()));
    let key_frames: Vec<u64> = tags.iter().filter(|(_, tag)| is_key_frame(tag)).map(|(at, _)| *at).collect();
    let index: Vec<u64> = meta.key_frames.iter().map(|k| k.position).collect();
    assert!(index.len() > 1 && index == key_frames, "the index leads to each key frame: {index:?} {key_frames:?}");
}

fn stops_cleanly(signal: Signal) {
    let lab = Lab::new();
    let [port] = lab.ports();
    let words = format!("{SOURCE} {CODECS} -o file.flv -o rtmp://127.0.0.1:{port}/live:rtmp_listen=1");
    let mut weir = lab.weir(&words).listening([port]);
    let (player, file) = record(&lab, Player::Ffmpeg, port);
    lab.wait_for_file(&file, 100_000);
    lab.wait_for_file("file.flv", 100_000);
    weir.signal(signal);
    weir.wait().quietly(0);
    player.wait().quietly(0);
    is_patched(&lab.path("file.flv"));
    Recording::of(&lab.path("file.flv")).is_whole(50);
    Recording::of(&lab.path(&file)).is_gapless(25).has_rising_times();
}

#[test]
fn ctrl_c_finishes_files_and_tells_players() {
    stops_cleanly(Signal::Int);
}

#[test]
fn sigterm_does_the_same() {
    stops_cleanly(Signal::Term);
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let lab = Lab::new();
    let [port] = lab.ports();
    isolation::noisy_film(&lab, "film.mp4");
    let url = format!("rtmp://127.0.0.1:{port}/live");
    let words = format!("-i film.mp4:loop=-1 -o {url}:rtmp_listen=1:stall=100s:lag=100s");
    let mut weir = lab.weir(&words).listening([port]);
    let play = || Client::play(&url).expect("weir listens");
    let (mut stuck, mut good) = (play(), play());
    stuck.next().expect("it is served");
    let mut received = 0;
    let enough = good.take_until(|m| {
        received += m.body.len() as u64;
        received > BUFFERS
    });
    enough.expect("it plays on");
    weir.signal(Signal::Int);
    assert_eq!(good.take_all().1, End::Ended, "the first signal has arrived");
    assert!(weir.is_running(), "who takes nothing is waited for");
    weir.signal(Signal::Int);
    weir.wait().with(130);
}

#[test]
fn a_file_is_good_up_to_the_last_tag_after_a_crash() {
    let lab = Lab::new();
    let mut weir = lab.weir(&format!("{SOURCE} {CODECS} -o file.flv"));
    lab.wait_for_file("file.flv", 300_000);
    weir.signal(Signal::Kill);
    assert_eq!(weir.wait().code, None, "it was killed");
    let pictures = tags(&lab.path("file.flv"), false).iter().filter(|(_, tag)| tag.kind == TagKind::Video).count();
    assert!(pictures > 50, "{pictures}");
    let whole = whole_tags(&lab);
    Recording::of(&whole).is_gapless(50).has_rising_times().has_unbroken_sound();
}

/// The file without the tag that the crash cut.
fn whole_tags(lab: &Lab) -> std::path::PathBuf {
    let bytes = std::fs::read(lab.path("file.flv")).expect("the file is there");
    let tags = tags(&lab.path("file.flv"), false);
    let (at, last) = tags.last().expect("a file has tags");
    let end =
        usize::try_from(*at).expect("a short file") + weir_flv::TAG_HEADER + last.body.len() + weir_flv::TAG_TRAILER;
    let path = lab.path("whole.flv");
    std::fs::write(&path, &bytes[..end]).expect("the test's directory takes files");
    path
}
