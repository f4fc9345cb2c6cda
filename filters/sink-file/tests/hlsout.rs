//! `hlsout` through the harness: pieces by name, on real files in the build directory.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use weir_media::{Bytes, Packet, Piece, Prop, Props, StreamType};
use weir_plugin::harness::Harness;
use weir_plugin::{Create, Error, ErrorKind, InId, Memory, Options, Plugin, Registry, Score};

fn plugin() -> Arc<dyn Plugin> {
    let mut registry = Registry::new();
    weir_sink_file::register(&mut registry);
    registry.get("hlsout").expect("registered").clone()
}

fn harness(args: &[(&str, &str)]) -> Result<(Harness, InId), Error> {
    let mut options = Options::defaults(plugin().options());
    for (name, text) in args {
        options.apply(name, Some(text)).expect("a value that fits");
    }
    let mut h = Harness::new(plugin().create(Create { options, bundle: None, memory: Memory::new(1 << 20) })?);
    let input = h.input(Props::new().with(Prop::StreamType, StreamType::File).with(Prop::FileExt, "m3u8"));
    Ok((h, input))
}

/// A directory that does not exist yet, for the test called `name`.
fn fresh(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("hlsout").join(name);
    if path.exists() {
        fs::remove_dir_all(&path).expect("the build directory is writable");
    }
    path
}

fn in_dir(dir: &Path) -> (Harness, InId) {
    harness(&[("dst", dir.join("tv.m3u8").to_str().expect("plain"))]).expect("good options")
}

fn piece(piece: Piece, data: &'static str) -> Packet {
    Packet { piece: Some(piece), ..Packet::new(Bytes::from_static(data.as_bytes()), 0) }
}

fn of(name: &str, last: bool, data: &'static str) -> Packet {
    piece(Piece::Of { name: name.into(), last }, data)
}

fn listed(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).expect("a directory");
    let mut names: Vec<String> =
        entries.map(|e| e.expect("an entry").file_name().into_string().expect("plain")).collect();
    names.sort();
    names
}

#[test]
fn pieces_are_kept_by_name() {
    let dir = fresh("kept/deep");
    let (mut h, input) = in_dir(&dir);
    h.run().expect("nothing yet");
    assert!(!dir.join("tv.m3u8").exists(), "no playlist before there is one");
    for packet in [
        of("a.m4s", false, "a1 "),
        of("b.m4s", false, "b1 "),
        of("a.m4s", true, "a2"),
        piece(Piece::Whole("tv.m3u8".into()), "first"),
        of("b.m4s", true, "b2"),
        piece(Piece::Whole("tv.m3u8".into()), "second"),
        piece(Piece::Removed("a.m4s".into()), ""),
        piece(Piece::Removed("never.m4s".into()), ""),
    ] {
        h.packet(input, packet);
    }
    h.run().expect("written");
    assert_eq!(listed(&dir), ["b.m4s", "tv.m3u8"], "and nothing half done");
    assert_eq!(fs::read_to_string(dir.join("b.m4s")).expect("there"), "b1 b2");
    assert_eq!(fs::read_to_string(dir.join("tv.m3u8")).expect("there"), "second");
    // The same name again is a new file.
    h.packet(input, of("b.m4s", true, "new"));
    h.end(input);
    h.finish().expect("written");
    assert_eq!(fs::read_to_string(dir.join("b.m4s")).expect("there"), "new");
    assert_eq!(h.records.last().map(|r| r.bytes), Some(3 + 3 + 2 + 5 + 2 + 6 + 3));
}

#[test]
fn a_playlist_that_is_open_stays_whole() {
    let dir = fresh("whole");
    let (mut h, input) = in_dir(&dir);
    h.packet(input, piece(Piece::Whole("tv.m3u8".into()), "the first version"));
    h.run().expect("written");
    let reading = fs::File::open(dir.join("tv.m3u8")).expect("there");
    h.packet(input, piece(Piece::Whole("tv.m3u8".into()), "two"));
    h.run().expect("written");
    assert_eq!(std::io::read_to_string(reading).expect("text"), "the first version");
}

#[test]
fn nothing_outside_the_folder_is_touched() {
    for name in ["../x", "a/b", "..", ".", "", "a\\b", "a\0b", &"n".repeat(300)] {
        let pieces = [Piece::Whole(name.into()), Piece::Of { name: name.into(), last: false }];
        for wrong in pieces {
            let (mut h, input) = in_dir(&fresh("outside"));
            h.packet(input, piece(wrong, "x"));
            let refused = h.run().expect_err("no name of a file");
            assert_eq!(refused.kind, ErrorKind::BadInput, "{name:?}: {refused}");
        }
    }
    assert!(!Path::new(env!("CARGO_TARGET_TMPDIR")).join("hlsout/x").exists());
}

#[test]
fn a_full_disk_is_named_and_leaves_the_playlist_as_it_was() {
    let dir = fresh("full");
    let (mut h, input) = in_dir(&dir);
    h.packet(input, piece(Piece::Whole("tv.m3u8".into()), "good"));
    h.run().expect("written");
    std::os::unix::fs::symlink("/dev/full", dir.join(".tv.m3u8.new")).expect("a link");
    h.packet(input, piece(Piece::Whole("tv.m3u8".into()), "lost"));
    let refused = h.run().expect_err("no room");
    assert_eq!(refused.kind, ErrorKind::Io);
    assert!(refused.message.contains("tv.m3u8") && refused.message.contains("No space left"), "{refused}");
    assert_eq!((fs::read_to_string(dir.join("tv.m3u8")).expect("there"), listed(&dir).len()), ("good".to_owned(), 1));
}

#[test]
fn ow_no_keeps_a_playlist() {
    let dir = fresh("keep");
    fs::create_dir_all(&dir).expect("writable");
    fs::write(dir.join("tv.m3u8"), "old").expect("writable");
    let dst = dir.join("tv.m3u8");
    let (mut h, _) = harness(&[("dst", dst.to_str().expect("plain")), ("ow", "no")]).expect("good options");
    assert!(h.run().expect_err("it is there").message.contains("ow=no"));
}

#[test]
fn playlists_are_claimed() {
    let claims = |url| plugin().claims(url);
    assert_eq!((claims("a/tv.m3u8"), claims("file:///a/TV.M3U8")), (Score::Yes, Score::Yes));
    assert_eq!((claims("tv.mp4"), claims("https://h/tv.m3u8")), (Score::No, Score::No));
    let live = |mode: &str| {
        let mut options = Options::defaults(plugin().options());
        options.apply("dmode", Some(mode)).expect("a mode");
        plugin().is_live(&options)
    };
    assert_eq!((live("auto"), live("static"), live("dynamic")), (false, false, true));
}

#[test]
fn what_an_earlier_run_has_left_goes_when_nobody_plays_it() {
    let dir = fresh("again");
    fs::create_dir_all(&dir).expect("writable");
    let put = |name: &str, text: &str| fs::write(dir.join(name), text).expect("writable");
    put("tv.m3u8", "#EXTM3U\n#EXT-X-MEDIA:URI=\"tv_a1.m3u8\"\n#EXT-X-STREAM-INF:BANDWIDTH=1\ntv_v1.m3u8\nother.m3u8\n");
    put("tv_a1.m3u8", "#EXTM3U\n#EXT-X-MAP:URI=\"tv_a1_init_7.mp4\"\n#EXTINF:4,\ntv_a1_7.m4s\n");
    put(
        "tv_v1.m3u8",
        "#EXTM3U\n#EXTINF:4,\ntv_v1_7.m4s\n#EXTINF:4,\ntv_v1_8.m4s\n#EXTINF:4,\n../tv_up.m4s\nmine.m4s\n",
    );
    put("other.m3u8", "#EXTM3U\ntv_of_another.m4s\n");
    let all = ["tv_a1_init_7.mp4", "tv_a1_7.m4s", "tv_v1_7.m4s", "tv_v1_8.m4s", "mine.m4s", "tv_of_another.m4s"];
    // Of a run that was killed: it would have removed them soon.
    let killed =
        ["tv_v1_6.m4s", "tv_v1_5.m4s", "tv_v1_5.0.m4s", "tv_v1_5.1.m4s", "tv_v1_7.0.m4s", "tv_v1_2.m4s", "tv_a1_8.m4s"];
    all.iter().chain(&killed).for_each(|name| put(name, "old"));
    put("../tv_up.m4s", "not here");
    let (mut h, input) = in_dir(&dir);
    h.packet(input, of("tv_v1_8.m4s", true, "new"));
    h.packet(input, piece(Piece::Whole("tv_v1.m3u8".into()), "new"));
    h.run().expect("written");
    assert!(all.iter().all(|name| dir.join(name).exists()), "somebody may be playing it");
    h.packet(input, piece(Piece::Removed("tv_v1_9.m4s".into()), ""));
    h.run().expect("removed");
    let left = ["mine.m4s", "other.m3u8", "tv.m3u8", "tv_a1.m3u8", "tv_of_another.m4s", "tv_v1.m3u8", "tv_v1_2.m4s"];
    assert_eq!(
        listed(&dir),
        [&left[..], &["tv_v1_8.m4s"]].concat(),
        "what is named, is called after the playlist, and is not new"
    );
    assert_eq!(fs::read_to_string(dir.join("tv_v1_8.m4s")).expect("there"), "new");
    assert!(dir.join("../tv_up.m4s").exists());
}

#[test]
fn segments_that_were_to_be_kept_are_kept() {
    let dir = fresh("archive");
    fs::create_dir_all(&dir).expect("writable");
    let put = |name: &str, text: &str| fs::write(dir.join(name), text).expect("writable");
    put("tv.m3u8", "#EXTM3U\n#EXTINF:4,\ntv_99.m4s\n#EXTINF:4,\ntv_100.m4s\n");
    (50..=100).for_each(|n| put(&format!("tv_{n}.m4s"), "old"));
    let (mut h, input) = in_dir(&dir);
    h.packet(input, piece(Piece::Removed("tv_200.m4s".into()), ""));
    h.run().expect("removed");
    assert_eq!(listed(&dir).len(), 52);
}
