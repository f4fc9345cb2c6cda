//! `fout` through the harness, on real files in the build directory.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use weir_media::{Bytes, CodecId, Delivery, Frame, Packet, Piece, PixelFormat, Prop, Props, StreamType};
use weir_plugin::harness::Harness;
use weir_plugin::{
    Create, Error, ErrorKind, InId, Item, Level, Memory, Options, Phase, Plugin, Registry, Score, Status,
};

fn plugin() -> Arc<dyn Plugin> {
    let mut registry = Registry::new();
    weir_sink_file::register(&mut registry);
    registry.get("fout").expect("registered").clone()
}

fn options(args: &[(&str, &str)]) -> Options {
    let mut options = Options::defaults(plugin().options());
    for (name, text) in args {
        options.apply(name, Some(text)).expect("a value that fits");
    }
    options
}

fn harness(args: &[(&str, &str)]) -> Result<(Harness, InId), Error> {
    let with = Create { options: options(args), bundle: None, memory: Memory::new(1 << 20) };
    let mut h = Harness::new(plugin().create(with)?);
    let input = h.input(file_pid("bin"));
    Ok((h, input))
}

fn file_pid(ext: &str) -> Props {
    Props::new().with(Prop::StreamType, StreamType::File).with(Prop::FileExt, ext)
}

/// A path that does not exist yet, for the test called `name`.
fn fresh(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("fout").join(name);
    if path.is_dir() {
        fs::remove_dir_all(&path).expect("the build directory is writable");
    } else if path.exists() {
        fs::remove_file(&path).expect("the build directory is writable");
    }
    fs::create_dir_all(path.parent().expect("has one")).expect("the build directory is writable");
    path
}

fn text(path: &Path) -> &str {
    path.to_str().expect("plain names")
}

fn block(data: &[u8]) -> Packet {
    Packet::new(Bytes::copy_from_slice(data), 0)
}

fn patch(at: u64, data: &[u8]) -> Packet {
    Packet { patch_at: Some(at), ..block(data) }
}

#[test]
fn packets_are_on_disk_when_the_call_returns() {
    let path = fresh("order.bin");
    let (mut h, input) = harness(&[("dst", text(&path))]).expect("good options");
    h.packet(input, block(b"one "));
    h.packet(input, block(b""));
    h.packet(input, block(b"two "));
    assert_eq!(h.run(), Ok(Status::Idle));
    assert_eq!(fs::read(&path).expect("written"), b"one two ");
    h.packet(input, block(b"three"));
    h.end(input);
    h.finish().expect("written");
    assert_eq!(fs::read(&path).expect("written"), b"one two three");
}

#[test]
fn a_long_stream_is_written_in_order() {
    let path = fresh("long.bin");
    let (mut h, input) = harness(&[("dst", text(&path))]).expect("good options");
    let blocks: Vec<Vec<u8>> = (0..500usize).map(|i| vec![(i % 251) as u8; i * 37 % 10_000]).collect();
    blocks.iter().for_each(|b| h.packet(input, block(b)));
    h.end(input);
    h.finish().expect("written");
    assert_eq!(fs::read(&path).expect("written"), blocks.concat());
    let last = h.records.last().expect("published");
    assert_eq!((last.phase, last.bytes), (Phase::Ended, blocks.concat().len() as u64));
}

#[test]
fn patches_overwrite_and_the_end_stays() {
    let path = fresh("patch.bin");
    let (mut h, input) = harness(&[("dst", text(&path))]).expect("good options");
    for packet in [block(b"0123"), patch(1, b"ab"), block(b"45"), patch(0, b"X"), patch(4, b"YZ"), block(b"6")] {
        h.packet(input, packet);
    }
    h.end(input);
    h.finish().expect("written");
    assert_eq!(fs::read(&path).expect("written"), b"Xab3YZ6");
}

#[test]
fn a_patch_past_the_end_is_an_error() {
    for (at, data) in [(3, &b"xy"[..]), (u64::MAX, b"x")] {
        let path = fresh("past.bin");
        let (mut h, input) = harness(&[("dst", text(&path))]).expect("good options");
        h.packet(input, block(b"0123"));
        h.packet(input, patch(at, data));
        let e = h.run().expect_err("past the end");
        assert!(e.kind == ErrorKind::BadInput && e.message.contains(&at.to_string()), "{e}");
        assert_eq!(fs::read(&path).expect("written"), b"0123");
        assert_eq!(h.records.last().expect("published").phase, Phase::Failed);
    }
}

#[test]
fn append_keeps_what_was_there_and_patches_only_its_own() {
    let path = fresh("append.bin");
    fs::write(&path, b"old ").expect("writable");
    let (mut h, input) = harness(&[("dst", text(&path)), ("append", "yes"), ("ow", "no")]).expect("good options");
    h.packet(input, block(b"new"));
    h.packet(input, patch(0, b"N"));
    h.end(input);
    h.finish().expect("written");
    assert_eq!(fs::read(&path).expect("written"), b"old New");
    assert_eq!(h.records.last().expect("published").bytes, 3);
}

#[test]
fn an_old_file_is_replaced_only_when_a_stream_arrives() {
    let path = fresh("old.bin");
    fs::write(&path, b"old and long").expect("writable");
    let with = Create { options: options(&[("dst", text(&path))]), bundle: None, memory: Memory::new(1) };
    let mut h = Harness::new(plugin().create(with).expect("good options"));
    assert_eq!(h.run(), Ok(Status::Idle));
    assert_eq!(fs::read(&path).expect("kept"), b"old and long");
    let input = h.input(file_pid("bin"));
    h.packet(input, block(b"new"));
    h.end(input);
    h.finish().expect("written");
    assert_eq!(fs::read(&path).expect("written"), b"new");
}

#[test]
fn ow_no_keeps_a_file() {
    let path = fresh("keep.bin");
    fs::write(&path, b"old").expect("writable");
    let (mut h, _) = harness(&[("dst", text(&path)), ("ow", "no")]).expect("good options");
    let e = h.run().expect_err("exists");
    assert!(e.message.contains(text(&path)) && e.message.contains("ow=no"), "{e}");
    assert_eq!(fs::read(&path).expect("kept"), b"old");
    let path = fresh("new.bin");
    let (mut h, input) = harness(&[("dst", text(&path)), ("ow", "no")]).expect("good options");
    h.end(input);
    h.finish().expect("a new file is fine");
    assert!(path.exists());
}

#[test]
fn directories_are_made_and_file_urls_work() {
    let dir = fresh("deep");
    let path = dir.join("a/b/out.bin");
    let url = format!("file://{}", text(&path));
    let (mut h, input) = harness(&[("dst", &url)]).expect("good options");
    h.packet(input, block(b"x"));
    h.end(input);
    h.finish().expect("written");
    assert_eq!(fs::read(&path).expect("written"), b"x");
}

#[test]
fn what_cannot_be_written_is_named_with_the_reason() {
    let dir = fresh("dir.bin");
    fs::create_dir_all(&dir).expect("writable");
    let file = fresh("file");
    fs::write(&file, b"x").expect("writable");
    let below_a_file = file.join("out.bin");
    let parent = text(file.parent().expect("has one"));
    for (dst, reason) in [(&dir, "is a directory"), (&below_a_file, "file is not a directory")] {
        let (mut h, _) = harness(&[("dst", text(dst))]).expect("good options");
        let e = h.run().expect_err("cannot be opened");
        assert_eq!((e.kind, h.records.last().map(|r| r.phase)), (ErrorKind::Io, Some(Phase::Failed)));
        assert!(e.message.starts_with(parent) && e.message.contains(reason), "{e}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_named() {
    let (mut h, input) = harness(&[("dst", "/dev/full"), ("ext", "bin")]).expect("good options");
    h.packet(input, block(b"x"));
    let e = h.run().expect_err("full");
    assert_eq!(e.kind, ErrorKind::Io);
    assert!(e.message.starts_with("cannot write /dev/full: No space left"), "{e}");
}

#[test]
#[cfg(target_os = "linux")]
fn patches_of_what_cannot_seek_are_left_out() {
    let (mut h, input) = harness(&[("dst", "/dev/null"), ("ext", "bin")]).expect("good options");
    h.packet(input, block(b"x"));
    h.packet(input, patch(0, b"y"));
    h.end(input);
    h.finish().expect("written");
    assert!(matches!(&h.logs[..], [(Level::Debug, line)] if line.contains("/dev/null cannot seek")), "{:?}", h.logs);
}

#[test]
fn null_takes_anything_and_counts_it() {
    let (mut h, input) = harness(&[("dst", "null")]).expect("good options");
    h.packet(input, block(b"abc"));
    h.packet(input, patch(1000, b"d"));
    let frame = Frame::new(PixelFormat::Yuv420, 2, 2, vec![0; 6].into()).expect("large enough");
    h.packet(input, Packet::picture(frame.into(), 0));
    h.push(input, Item::Props(file_pid("other")));
    h.end(input);
    h.finish().expect("dropped");
    let last = h.records.last().expect("published");
    assert_eq!((last.target.as_str(), last.phase, last.bytes), ("null", Phase::Ended, 10));
}

#[test]
fn a_picture_is_no_byte_stream() {
    let path = fresh("picture.bin");
    let (mut h, input) = harness(&[("dst", text(&path))]).expect("good options");
    let frame = Frame::new(PixelFormat::Yuv420, 2, 2, vec![0; 6].into()).expect("large enough");
    h.packet(input, Packet::picture(frame.into(), 0));
    assert_eq!(h.run().expect_err("not bytes").kind, ErrorKind::Unsupported);
}

#[test]
fn records_follow_the_life_of_the_output() {
    let path = fresh("record.bin");
    let (mut h, input) = harness(&[("dst", text(&path))]).expect("good options");
    for _ in 0..5 {
        h.packet(input, block(b"0123456789"));
        h.run().expect("written");
        h.advance(Duration::from_millis(120));
    }
    h.end(input);
    h.finish().expect("written");
    let seen: Vec<_> = h.records.iter().map(|r| (r.phase, r.bytes, r.players)).collect();
    let live = |bytes| (Phase::Live, bytes, 1);
    assert_eq!(seen, [(Phase::Starting, 0, 0), live(10), live(30), live(50), (Phase::Ended, 50, 0)]);
    assert!(h.records.iter().all(|r| r.target == text(&path)));
}

#[test]
fn options_that_cannot_be_used_are_refused() {
    for (args, reason) in [
        (&[][..], "fout needs dst=PATH"),
        (&[("dst", "")], "fout needs dst=PATH"),
        (&[("dst", "noext")], "noext has no extension to tell what to write: give ext=EXT"),
        (&[("dst", "-")], "- has no extension to tell what to write: give ext=EXT"),
        (&[("dst", "udp://x:1"), ("ext", "ts")], "udp://x:1 is not a local file"),
    ] {
        let e = harness(args).err().expect("refused");
        assert_eq!((e.kind, e.message.as_str()), (ErrorKind::BadOption, reason));
    }
}

#[test]
fn caps_follow_the_destination() {
    let takes =
        |args: &[(&str, &str)], pid: &Props| plugin().caps(&options(args)).iter().any(|b| b.accepts(pid).is_ok());
    let raw = Props::new().with(Prop::StreamType, StreamType::Visual).with(Prop::CodecId, CodecId::Raw);
    let live = file_pid("flv").with(Prop::Delivery, Delivery::Live);
    let kept = file_pid("flv").with(Prop::Delivery, Delivery::File);
    assert!(takes(&[("dst", "a.FLV")], &kept) && takes(&[("dst", "a.flv")], &file_pid("flv")));
    assert!(!takes(&[("dst", "a.flv")], &live) && !takes(&[("dst", "a.flv")], &file_pid("mp4")));
    assert!(takes(&[("dst", "a.b"), ("ext", "flv")], &kept) && !takes(&[("dst", "a.flv")], &raw));
    assert!(takes(&[("dst", "null")], &raw) && takes(&[("dst", "null")], &live));
    assert!(!takes(&[("dst", "null"), ("ext", "flv")], &raw));
    assert!(!takes(&[("dst", "noext")], &kept), "`create` says why");
    assert!(takes(&[], &file_pid("anything")));
}

#[test]
fn claims_follow_the_url() {
    let p = plugin();
    for (url, score) in [
        ("null", Score::Yes),
        ("-", Score::Yes),
        ("stdout", Score::Yes),
        ("a.flv", Score::Maybe),
        ("file:///a.flv", Score::Maybe),
        ("rtmp://h/a", Score::No),
        ("", Score::No),
    ] {
        assert_eq!(p.claims(url), score, "{url}");
    }
}

/// Standard output of a child that runs one ignored test.
#[test]
fn standard_output_is_written_at_once_and_never_patched() {
    let out = std::process::Command::new(std::env::current_exe().expect("known"))
        .args(["--ignored", "--exact", "child_writes_standard_output", "--nocapture"])
        .output()
        .expect("this test program runs");
    let out = String::from_utf8(out.stdout).expect("text");
    assert!(out.contains("<no newline>end"), "{out}");
}

#[test]
#[ignore = "run by standard_output_is_written_at_once_and_never_patched"]
fn child_writes_standard_output() {
    let (mut h, input) = harness(&[("dst", "-"), ("ext", "bin")]).expect("good options");
    h.packet(input, block(b"<no newline>"));
    h.packet(input, patch(1, b"X"));
    h.packet(input, block(b"end"));
    h.end(input);
    h.finish().expect("written");
}

fn next(data: &[u8]) -> Packet {
    Packet { piece: Some(Piece::Next), ..block(data) }
}

#[test]
fn a_stream_in_parts_is_a_file_for_each() {
    let dir = fresh("parts");
    let (mut h, input) = harness(&[("dst", &format!("{}/$Date$_$Time$_$Number%02d$.bin", text(&dir)))]).expect("good");
    h.set_utc(1_700_000_000_000_000);
    [block(b"one "), block(b"and"), next(b"two"), patch(0, b"T")].into_iter().for_each(|p| h.packet(input, p));
    h.run().expect("written");
    h.set_utc(1_700_000_060_000_000);
    h.packet(input, next(b"three"));
    h.end(input);
    h.finish().expect("written");
    let read = |name: &str| fs::read_to_string(dir.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
    assert_eq!(read("2023-11-14_22-13-20_01.bin"), "one and");
    assert_eq!(read("2023-11-14_22-13-20_02.bin"), "Two", "a patch is of its own file");
    assert_eq!(read("2023-11-14_22-14-20_03.bin"), "three");
    assert_eq!(h.records.last().map(|r| r.bytes), Some(15));
}

#[test]
fn names_that_do_not_tell_parts_apart_get_a_number() {
    let path = fresh("same/rec.bin");
    let (mut h, input) = harness(&[("dst", text(&path))]).expect("good options");
    [block(b"one"), next(b"two")].into_iter().for_each(|p| h.packet(input, p));
    h.end(input);
    h.finish().expect("written");
    assert_eq!(fs::read(&path).expect("there"), b"one");
    assert_eq!(fs::read(path.with_file_name("rec_2.bin")).expect("there"), b"two");
}

#[test]
fn one_file_takes_no_named_pieces() {
    let path = fresh("alone.bin");
    let (mut h, input) = harness(&[("dst", text(&path))]).expect("good options");
    h.packet(input, Packet { piece: Some(Piece::Whole("other.bin".into())), ..block(b"x") });
    let refused = h.run().expect_err("where to?");
    assert!(refused.message.contains("is one file"), "{refused}");
}
