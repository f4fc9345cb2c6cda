//! `inspect` and `probe` through the harness, their text in a file.

use weir_media::{Bytes, CodecId, Flags, Packet, Prop, Props, StreamType};
use weir_plugin::harness::Harness;
use weir_plugin::{Create, Memory, Options, Registry, Status};

struct Test {
    harness: Harness,
    path: std::path::PathBuf,
}

fn test(name: &str, filter: &str, args: &[(&str, Option<&str>)]) -> Test {
    let mut registry = Registry::new();
    weir_inspect::register(&mut registry);
    let plugin = registry.get(filter).expect("registered").clone();
    let path = std::env::temp_dir().join(format!("weir-inspect-{}-{name}.txt", std::process::id()));
    let mut options = Options::defaults(plugin.options());
    options.apply("log", path.to_str()).expect("a path");
    for (name, value) in args {
        options.apply(name, *value).expect("an option");
    }
    let filter = plugin.create(Create { options, bundle: None, memory: Memory::new(1 << 20) }).expect("created");
    Test { harness: Harness::new(filter), path }
}

impl Test {
    fn text(&self) -> String {
        let text = std::fs::read_to_string(&self.path).expect("it was written");
        std::fs::remove_file(&self.path).expect("it was there");
        text
    }
}

fn sound() -> Props {
    Props::new()
        .with(Prop::StreamType, StreamType::Audio)
        .with(Prop::CodecId, CodecId::Aac)
        .with(Prop::Timescale, 1000u32)
        .with(Prop::SampleRate, 1000u32)
}

fn packet(ts: i64) -> Packet {
    Packet { duration: 100, flags: Flags::KEY, ..Packet::new(Bytes::from_static(b"1234"), ts) }
}

#[test]
fn it_ends_when_all_streams_are_known() {
    let mut t = test("known", "inspect", &[]);
    t.harness.set_settled(false);
    t.harness.input(sound());
    assert_eq!(t.harness.run(), Ok(Status::Idle));
    t.harness.input(sound().with(Prop::Id, 7u32));
    t.harness.set_settled(true);
    assert_eq!(t.harness.run(), Ok(Status::Done));
    assert_eq!(t.text(), "PID 1 audio 1000 Hz codec aac\nPID 2 ID 7 audio 1000 Hz codec aac\n");
}

#[test]
fn packets_from_a_time_on_for_a_time() {
    let mut t =
        test("deep", "inspect", &[("deep", None), ("start", Some("0.2")), ("dur", Some("0.2")), ("stats", None)]);
    let input = t.harness.input(sound());
    (0..10).for_each(|n| t.harness.packet(input, packet(n * 100)));
    assert_eq!(t.harness.run(), Ok(Status::Done));
    assert_eq!(
        t.text(),
        "PID 1 audio 1000 Hz codec aac\nPID 1 PCK 3 cts 200 dur 100 sap 1 size 4\n\
         PID 1 PCK 4 cts 300 dur 100 sap 1 size 4\nPID 1 10 packets, 10 keys, 40 bytes\n"
    );
}

#[test]
fn one_stream_after_the_other() {
    let mut t = test("apart", "inspect", &[("fmt", Some("%pid%:%cts%")), ("interleave", Some("no"))]);
    let (a, b) = (t.harness.input(sound()), t.harness.input(sound()));
    for n in 0..2 {
        t.harness.packet(b, packet(n));
        t.harness.packet(a, packet(n));
        assert_eq!(t.harness.run(), Ok(Status::Idle));
    }
    t.harness.end(b);
    t.harness.end(a);
    t.harness.finish().expect("both ended");
    let lines: Vec<String> = t.text().lines().filter(|l| !l.starts_with("PID")).map(str::to_owned).collect();
    assert_eq!(lines, ["1:0", "1:1", "2:0", "2:1"]);
}

#[test]
fn probe_counts() {
    let mut t = test("probe", "probe", &[]);
    t.harness.input(sound());
    t.harness.input(sound());
    assert_eq!(t.harness.run(), Ok(Status::Done));
    assert_eq!(t.text(), "2\n");
}
