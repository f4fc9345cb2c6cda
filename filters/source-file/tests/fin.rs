//! `fin` through the harness, on real files in the build directory.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use weir_media::{CodecId, Flags, Packet, Prop, Props, StreamType};
use weir_plugin::harness::Harness;
use weir_plugin::{Create, Credit, Error, ErrorKind, Event, Memory, Options, OutId, Plugin, Registry, Score, Status};

fn plugin() -> Arc<dyn Plugin> {
    let mut registry = Registry::new();
    weir_source_file::register(&mut registry);
    registry.get("fin").expect("registered").clone()
}

fn options(args: &[(&str, &str)]) -> Options {
    let mut options = Options::defaults(plugin().options());
    for (name, text) in args {
        options.apply(name, Some(text)).expect("a value that fits");
    }
    options
}

fn harness(args: &[(&str, &str)]) -> Result<Harness, Error> {
    let with = Create { options: options(args), bundle: None, memory: Memory::new(1 << 20) };
    plugin().create(with).map(Harness::new)
}

/// A file of the test called `name`, holding `content`.
fn file(name: &str, content: &[u8]) -> PathBuf {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("fin");
    fs::create_dir_all(&dir).expect("the build directory is writable");
    let path = dir.join(name);
    fs::write(&path, content).expect("the build directory is writable");
    path
}

fn path(path: &std::path::Path) -> &str {
    path.to_str().expect("plain names")
}

fn content(packets: &[Packet]) -> Vec<u8> {
    packets.iter().flat_map(|p| p.bytes().expect("bytes").to_vec()).collect()
}

fn pattern(n: usize) -> Vec<u8> {
    (0..n).map(|i| (i * 31 % 251) as u8).collect()
}

#[test]
fn a_file_comes_out_whole_with_its_properties() {
    let data = pattern(200_000);
    let src = file("Whole.264.FLV", &data);
    let mut h = harness(&[("src", path(&src))]).expect("good options");
    h.finish().expect("reads to the end");
    let props = &h.outputs()[0].props[0];
    assert_eq!(props.stream_type(), Some(StreamType::File));
    assert_eq!((props.str(Prop::FileExt), props.str(Prop::Name)), (Some("flv"), Some("Whole.264.FLV")));
    assert_eq!((props.str(Prop::FilePath), props.str(Prop::Url)), (Some(path(&src)), Some(path(&src))));
    let packets = h.take(OutId(0));
    assert_eq!(packets.iter().map(Packet::len).collect::<Vec<_>>(), [65536, 65536, 65536, 3392]);
    assert_eq!(content(&packets), data);
    assert!(h.outputs()[0].ended && packets.iter().all(|p| p.flags == Flags::NONE));
}

#[test]
fn block_size_ext_and_file_urls() {
    let src = file("blocks.bin", &pattern(10));
    let url = format!("file://localhost{}", path(&src));
    let mut h = harness(&[("src", &url), ("block_size", "1"), ("ext", "H264")]).expect("good options");
    h.finish().expect("reads to the end");
    assert_eq!(h.outputs()[0].props[0].str(Prop::FileExt), Some("h264"));
    assert_eq!(h.outputs()[0].props[0].str(Prop::FilePath), Some(path(&src)));
    let packets = h.take(OutId(0));
    assert_eq!((packets.len(), content(&packets)), (10, pattern(10)));
}

#[test]
fn further_rounds_start_with_a_discontinuity() {
    let src = file("loop.bin", &pattern(5));
    let mut h = harness(&[("src", path(&src)), ("block_size", "3"), ("loop", "2")]).expect("good options");
    h.finish().expect("reads to the end");
    let packets = h.take(OutId(0));
    assert_eq!(content(&packets), pattern(5).repeat(3));
    let marks: Vec<bool> = packets.iter().map(|p| p.flags == Flags::DISCONTINUITY).collect();
    assert_eq!(marks, [false, false, true, false, true, false]);
}

#[test]
fn an_endless_loop_runs_until_it_is_stopped() {
    let src = file("endless.bin", &pattern(5));
    let mut h = harness(&[("src", path(&src)), ("loop", "-1")]).expect("good options");
    for _ in 0..100 {
        assert_eq!(h.step(), Ok(Status::Again));
    }
    h.event(Event::Stop).expect("stops");
    assert!(h.outputs()[0].ended);
    assert_eq!(h.run(), Ok(Status::Done));
}

#[test]
fn nothing_is_read_without_room() {
    let src = file("room.bin", &pattern(100));
    let mut h = harness(&[("src", path(&src)), ("block_size", "10")]).expect("good options");
    h.credit = Credit::Packets(0);
    assert_eq!(h.run(), Ok(Status::Idle));
    assert!(h.take(OutId(0)).is_empty());
    h.credit = Credit::Packets(3);
    assert_eq!(h.step(), Ok(Status::Idle));
    assert_eq!(h.take(OutId(0)).len(), 3);
    h.credit = Credit::Endless;
    h.finish().expect("reads the rest");
    assert_eq!(h.take(OutId(0)).len(), 7);
}

#[test]
fn what_cannot_be_opened_is_named() {
    let dir = file("x", b"x").parent().expect("has one").to_owned();
    let missing = dir.join("no such file.mp4");
    for (src, kind, reason) in [(&missing, ErrorKind::Io, "No such file"), (&dir, ErrorKind::Io, "is a directory")] {
        let e = harness(&[("src", path(src))]).expect("good options").run().expect_err("cannot be opened");
        assert_eq!(e.kind, kind);
        assert!(e.message.contains(path(src)) && e.message.contains(reason), "{e}");
    }
}

#[test]
fn an_empty_file_is_an_error_even_when_it_loops() {
    let src = file("empty.264", b"");
    for rounds in ["0", "-1"] {
        let e = harness(&[("src", path(&src)), ("loop", rounds)]).expect("good options").run().expect_err("empty");
        assert_eq!((e.kind, e.message), (ErrorKind::BadInput, format!("{} is empty", path(&src))));
    }
}

#[test]
fn a_file_that_shrinks_to_nothing_ends_an_endless_loop() {
    let src = file("shrinks.bin", &pattern(5));
    let mut h = harness(&[("src", path(&src)), ("loop", "-1")]).expect("good options");
    h.step().expect("reads some rounds");
    fs::write(&src, b"").expect("writable");
    let e = h.run().expect_err("nothing left");
    assert!(e.message.ends_with("is empty"), "{e}");
}

#[test]
fn options_that_cannot_be_used_are_refused() {
    for (args, reason) in [
        (&[][..], "fin needs src=PATH"),
        (&[("src", "")], "fin needs src=PATH"),
        (&[("src", "rtmp://x/y")], "rtmp://x/y is not a local file"),
        (&[("src", "-"), ("loop", "1")], "standard input cannot loop"),
        (&[("src", "stdin"), ("loop", "-1")], "standard input cannot loop"),
    ] {
        let e = harness(args).err().expect("refused");
        assert_eq!((e.kind, e.message.as_str()), (ErrorKind::BadOption, reason));
    }
}

#[test]
fn claims_follow_the_url() {
    let p = plugin();
    for url in ["a.mp4", "/tmp/a b.flv", "file:///x", "-", "stdin", "name:with:colons"] {
        assert_eq!(p.claims(url), Score::Yes, "{url}");
    }
    for url in ["rtmp://h/a", "http://h", ""] {
        assert_eq!(p.claims(url), Score::No, "{url}");
    }
}

#[test]
fn caps_promise_what_the_name_says() {
    let takes = |args: &[(&str, &str)], ext: &str| {
        let next = weir_media::Bundle::new(
            [weir_media::Cap::is(Prop::StreamType, StreamType::File), weir_media::Cap::is(Prop::FileExt, ext)],
            [],
        );
        plugin().caps(&options(args)).iter().any(|b| b.feeds(&next))
    };
    assert!(takes(&[("src", "a.264")], "264|h264") && !takes(&[("src", "a.264")], "mp4"));
    assert!(takes(&[("src", "-"), ("ext", "aac")], "aac") && !takes(&[("src", "-")], "aac"));
    assert!(takes(&[], "anything"));
    let raw = Props::new().with(Prop::StreamType, StreamType::Visual).with(Prop::CodecId, CodecId::Raw);
    assert!(plugin().caps(&options(&[])).iter().all(|b| b.accepts(&raw).is_err()));
}

/// Standard input of this very process, in a child that runs one ignored test.
#[test]
fn standard_input_is_read() {
    use std::io::Write;
    use std::process::{Command, Stdio};
    let mut child = Command::new(std::env::current_exe().expect("known"))
        .args(["--ignored", "--exact", "child_reads_standard_input"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("this test program runs");
    child.stdin.take().expect("piped").write_all(&pattern(100_000)).expect("the child reads");
    assert!(child.wait().expect("ends").success());
}

#[test]
#[ignore = "run by standard_input_is_read with a pipe as its standard input"]
fn child_reads_standard_input() {
    let mut h = harness(&[("src", "-"), ("ext", "264")]).expect("good options");
    h.finish().expect("reads to the end");
    let props = &h.outputs()[0].props[0];
    assert_eq!((props.str(Prop::FileExt), props.str(Prop::FilePath)), (Some("264"), None));
    assert_eq!(content(&h.take(OutId(0))), pattern(100_000));
}
