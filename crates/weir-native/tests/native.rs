//! Native filters end to end: C compiled by the system's compiler, loaded, and run in the harness.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use weir_media::{
    Bytes, CodecId, Flags, Frac, Frame, Packet, PixelFormat, Prop, Props, SampleFormat, StreamType, Time,
};
use weir_native::{LoadError, Reason, load};
use weir_plugin::harness::Harness;
use weir_plugin::{
    Create, Credit, Error, ErrorKind, Event, Filter, InId, Item, Lane, Level, Memory, Options, OutId, Plugin, Role,
    Status,
};

const WARNINGS: [&str; 4] = ["-Wall", "-Wextra", "-Werror", "-pedantic"];

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A directory of its own for a test.
fn scratch(test: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("weir-native").join(test);
    std::fs::create_dir_all(&dir).expect("a scratch directory");
    dir
}

fn run(compiler: &str, args: &[&str], out: &Path, source: &Path) {
    let result = Command::new(compiler)
        .args(WARNINGS)
        .args(args)
        .arg("-I")
        .arg(here("include"))
        .arg("-o")
        .arg(out)
        .arg(source)
        .arg("-lm")
        .output()
        .unwrap_or_else(|e| panic!("these tests need a C compiler called {compiler}: {e}"));
    assert!(result.status.success(), "{}", String::from_utf8_lossy(&result.stderr));
}

/// Compiles `source` to a shared library in `test`'s directory.
fn library(test: &str, source: &str, defines: &[&str]) -> PathBuf {
    let out = scratch(test).join("plugin.so");
    run("cc", &[&["-std=c99", "-shared", "-fPIC"], defines].concat(), &out, &here(source));
    out
}

fn plugin(test: &str, source: &str) -> Arc<dyn Plugin> {
    load(library(test, source, &[])).unwrap_or_else(|e| panic!("{e}"))
}

fn create(plugin: &dyn Plugin, given: &[(&str, &str)]) -> Result<Box<dyn Filter>, Error> {
    let mut options = Options::defaults(plugin.options());
    for (name, text) in given {
        options.apply(name, Some(text)).expect("an option");
    }
    plugin.create(Create { options, bundle: None, memory: Memory::new(1 << 20) })
}

fn avc() -> Props {
    Props::new().with(Prop::StreamType, StreamType::Visual).with(Prop::CodecId, CodecId::Avc)
}

fn packet(dts: i64, data: &[u8]) -> Packet {
    Packet { flags: Flags::KEY, origin: Time::from_millis(3), ..Packet::new(Bytes::copy_from_slice(data), dts) }
}

#[test]
fn the_header_is_c_and_cpp() {
    let dir = scratch("header");
    let c = dir.join("header.c");
    std::fs::write(&c, "#include \"weir.h\"\n#include \"weir.h\"\nint use(weir_ctx *c) { return weir_settled(c); }\n")
        .expect("written");
    run("cc", &["-std=c99", "-c"], &dir.join("c.o"), &c);
    for standard in ["-std=c++98", "-std=c++17"] {
        run("c++", &[standard, "-c", "-x", "c++"], &dir.join("cpp.o"), &c);
    }
}

#[test]
fn cpass_passes_everything_and_counts() {
    let plugin = plugin("cpass", "examples/cpass.c");
    assert_eq!((plugin.name(), plugin.role(), plugin.lane()), ("cpass", Role::Transform, Lane::Blocking));
    assert!(
        plugin.explicit_only()
            && plugin.max_inputs() == 1
            && plugin.caps(&Options::defaults(plugin.options())).len() == 2
    );
    let mut h = Harness::new(create(&*plugin, &[("every", "2")]).expect("made"));
    let input = h.input(avc());
    for dts in 0..4 {
        h.packet(input, packet(dts, b"abc"));
    }
    h.push(input, Item::Props(avc().with(Prop::Width, 320u32)));
    h.packet(input, Packet { patch_at: Some(9), ..packet(4, b"abcd") });
    h.end(input);
    h.finish().expect("runs to its end");
    let out = &h.outputs()[0];
    assert_eq!((out.props.len(), out.props[1].u32(Prop::Width), out.ended), (2, Some(320), true));
    let sent = h.take(OutId(0));
    assert_eq!(sent.iter().map(|p| p.dts).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    assert_eq!((sent[4].patch_at, sent[4].origin, sent[4].flags), (Some(9), Time::from_millis(3), Flags::KEY));
    let lines: Vec<_> = h.logs.iter().map(|(_, line)| line.as_str()).collect();
    assert_eq!(lines, ["passed 2 packets, 6 bytes", "passed 4 packets, 12 bytes", "the end after 5 packets, 16 bytes"]);
    assert!(Options::defaults(plugin.options()).apply("every", Some("-1")).is_err(), "the table's limits hold");
}

#[test]
fn forwarding_copies_nothing_not_even_pictures() {
    let mut h = Harness::new(create(&*plugin("forward", "examples/cpass.c"), &[]).expect("made"));
    let input = h.input(Props::new().with(Prop::StreamType, StreamType::Visual).with(Prop::CodecId, CodecId::Raw));
    let frame = Arc::new(Frame::new(PixelFormat::Yuv420, 4, 2, Bytes::from(vec![7; 12])).expect("long enough"));
    h.packet(input, Packet::picture(Arc::clone(&frame), 1));
    h.end(input);
    h.finish().expect("runs to its end");
    let sent = h.take(OutId(0));
    assert!(sent[0].frame().is_some_and(|f| Arc::ptr_eq(f, &frame)));
    assert_eq!(h.logs[0].1, "the end after 1 packets, 12 bytes");
}

#[test]
fn cpass_waits_for_room() {
    let mut h = Harness::new(create(&*plugin("room", "examples/cpass.c"), &[]).expect("made"));
    let input = h.input(avc());
    h.credit = Credit::Packets(2);
    for dts in 0..5 {
        h.packet(input, packet(dts, b"x"));
    }
    // A new output begins with room for one packet.
    assert_eq!(h.step(), Ok(Status::Idle));
    assert_eq!(h.take(OutId(0)).len(), 1);
    assert_eq!(h.step(), Ok(Status::Idle));
    assert_eq!(h.take(OutId(0)).len(), 2);
}

#[test]
fn a_filter_moves_between_threads() {
    let filter = create(&*plugin("threads", "examples/cpass.c"), &[]).expect("made");
    let run = move || {
        let mut h = Harness::new(filter);
        let input = h.input(avc());
        h.packet(input, packet(1, b"x"));
        h.end(input);
        h.finish().map(|()| h.take(OutId(0)).len())
    };
    assert_eq!(std::thread::spawn(run).join().expect("no panic"), Ok(1));
}

fn sound(format: SampleFormat) -> Props {
    let audio = Props::new().with(Prop::StreamType, StreamType::Audio).with(Prop::CodecId, CodecId::Raw);
    audio.with(Prop::AudioFormat, format).with(Prop::SampleRate, 48_000u32)
}

fn samples(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

#[test]
fn cgain_makes_new_packets() {
    let plugin = plugin("gain", "examples/cgain.c");
    let mut h = Harness::new(create(&*plugin, &[("db", "20")]).expect("made"));
    let input = h.input(sound(SampleFormat::Flt));
    h.packet(input, packet(11, &samples(&[0.01, -0.02, 0.5])));
    h.packet(input, packet(12, &[]));
    h.end(input);
    h.finish().expect("runs to its end");
    assert_eq!(h.outputs()[0].props, [sound(SampleFormat::Flt)]);
    let sent = h.take(OutId(0));
    let louder: Vec<f32> =
        sent[0].bytes().expect("bytes").chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().expect("4"))).collect();
    for (got, want) in louder.iter().zip([0.1, -0.2, 1.0]) {
        assert!((got - want).abs() < 1e-6, "{louder:?}");
    }
    assert_eq!((sent[0].dts, sent[0].origin, sent[0].flags), (11, Time::from_millis(3), Flags::KEY));
    assert!(sent[1].is_empty() && sent[1].dts == 12);
}

#[test]
fn errors_keep_their_kind_and_words() {
    let plugin = plugin("errors", "examples/cgain.c");
    let told = |e: Error| (e.kind, e.message);
    let refused = create(&*plugin, &[("db", "61")]).err().map(told);
    assert_eq!(refused, Some((ErrorKind::BadOption, "db is beyond 60 decibels".into())));
    let run = |props: Props, data: &[u8]| {
        let mut h = Harness::new(create(&*plugin, &[]).expect("made"));
        let input = h.input(props);
        h.packet(input, packet(1, data));
        h.run().map_err(told)
    };
    let format = "only samples of format flt can be used".to_owned();
    assert_eq!(run(sound(SampleFormat::S16), &[0; 4]), Err((ErrorKind::Unsupported, format)));
    let torn = "a packet ends within a sample".to_owned();
    assert_eq!(run(sound(SampleFormat::Flt), &[0; 5]), Err((ErrorKind::BadInput, torn)));
}

#[test]
fn every_verb_rightly_and_wrongly_used() {
    let plugin = plugin("verbs", "tests/probe.c");
    assert_eq!((plugin.max_inputs(), plugin.explicit_only()), (3, false));
    let caps = plugin.caps(&Options::defaults(plugin.options()));
    assert_eq!((caps[0].inputs.len(), caps[0].outputs.len()), (2, 1));
    assert!(caps[0].inputs[0].excluded && caps[0].inputs[1].optional);
    drop(create(&*plugin, &[("mode", "options")]).unwrap_or_else(|e| panic!("{e}")));

    let mut h = Harness::new(create(&*plugin, &[("mode", "verbs")]).expect("made"));
    let props = avc()
        .with(Prop::Width, 640u32)
        .with(Prop::Unframed, true)
        .with(Prop::Delay, -7i64)
        .with(Prop::Fps, Frac { num: 30_000, den: 1001 })
        .with(Prop::Language, "de")
        .with(Prop::DecoderConfig, Bytes::from_static(&[0xaa, 0xbb]));
    let input = h.input(props);
    h.packet(input, Packet { cts: 6, duration: 7, origin: Time::from_micros(8), ..packet(5, b"ab") });
    h.end(input);
    h.finish().unwrap_or_else(|e| panic!("{e}"));
    let opened = &h.outputs()[0].props[0];
    assert_eq!(
        opened.to_string(),
        "StreamType=Visual CodecID=raw Timescale=1000 DecoderConfig=3 bytes Delay=-5 Language=de Width=4 Height=2 \
         PixelFormat=yuv420 FPS=25"
    );
    let sent = h.take(OutId(0));
    let frame = sent[0].frame().expect("a picture");
    assert_eq!((frame.plane(0).data, frame.plane(2).data), (&[1, 2, 3, 4, 5, 6, 7, 8][..], &[11, 12][..]));
    let p = &sent[0];
    assert_eq!((p.dts, p.cts, p.duration, p.origin), (7, 8, 9, Time::from_micros(10)));
    assert_eq!(p.flags, Flags::KEY | Flags::DISCONTINUITY, "unknown flags are dropped");
    assert_eq!(sent[1].bytes().map(Bytes::len), Some(2));
    assert_eq!(h.logs[0], (Level::Debug, "started".into()));
    assert_eq!(h.key_requests, [InId(0)]);
}

#[test]
fn statuses_and_events() {
    let plugin = plugin("statuses", "tests/probe.c");
    let make = |mode: &str| Harness::new(create(&*plugin, &[("mode", mode)]).expect("made"));
    let fails = |mode: &str| make(mode).run().map_err(|e| (e.kind, e.message));

    let mut h = make("until");
    assert_eq!(h.run(), Ok(Status::Until(Time::from_micros(2500))));
    h.advance(Duration::from_millis(3));
    assert_eq!(h.run(), Ok(Status::Done));

    let internal = |text: &str| Err((ErrorKind::Internal, text.to_owned()));
    assert_eq!(fails("silent"), Err((ErrorKind::Io, "the filter failed and did not say why".into())));
    assert_eq!(fails("code"), internal("the filter returned 77, which means nothing"));
    assert_eq!(fails("notime"), internal("the filter returned WEIR_UNTIL without a time"));
    assert_eq!(fails("misuse"), internal("the filter used the plugin interface wrongly: there is no output 12"));
    assert_eq!(fails("startcode"), internal("a status of process came back from another function of the filter"));

    let mut h = make("ignore");
    assert_eq!(h.run(), Ok(Status::Done));
    assert_eq!(h.logs.iter().filter(|(level, _)| *level == Level::Warning).count(), 1, "said once: {:?}", h.logs);

    let mut h = make("idle");
    h.event(Event::KeyRequest(OutId(6))).expect("an event");
    assert_eq!(h.logs[0].1, "event 1 6");
    assert_eq!(h.event(Event::Stop), Err(Error::bad_input("stopped")));
}

#[test]
fn instances_are_destroyed_once_made() {
    let plugin = plugin("destroy", "tests/probe.c");
    let mark = scratch("destroy").join("mark");
    std::fs::write(&mark, "here").expect("written");
    let path = mark.to_str().expect("a plain path");
    let filter = create(&*plugin, &[("mark", path)]).expect("made");
    assert!(mark.exists());
    drop(filter);
    assert!(!mark.exists(), "destroy was called");
    assert!(create(&*plugin, &[("mode", "refuse")]).is_err(), "and is not called for what was never made");
}

fn refusal(path: impl AsRef<Path>) -> LoadError {
    load(path).err().expect("must be refused")
}

#[test]
fn other_versions_and_headers_are_refused() {
    let build = |test: &str, define: &str| refusal(library(test, "tests/probe.c", &[define]));
    let other = build("abi", "-DOTHER_ABI=2");
    assert_eq!(other.reason, Reason::Version(Some(2)));
    assert!(
        other.to_string().ends_with("it is for version 2 of the plugin interface, and this weir has version 1"),
        "{other}"
    );
    let nothing = build("nothing", "-DNOTHING");
    assert_eq!(nothing.reason, Reason::Version(None));
    let size = build("size", "-DOTHER_SIZE=8");
    assert!(matches!(size.reason, Reason::Header("weir_packet", 8, ours) if ours > 8), "{size}");
    let name = build("name", "-DUPPER_CASE");
    assert!(matches!(&name.reason, Reason::Description(d) if d.contains("\"Probe\"")), "{name}");
}

#[test]
fn what_is_no_plugin_is_refused() {
    let dir = scratch("plain");
    let source = dir.join("plain.c");
    std::fs::write(&source, "int answer(void) { return 42; }\n").expect("written");
    let plain = dir.join("plain.so");
    run("cc", &["-std=c99", "-shared", "-fPIC"], &plain, &source);
    assert_eq!(refusal(&plain).reason, Reason::NotAPlugin);

    let text = dir.join("text.so");
    std::fs::write(&text, "not a library at all\n").expect("written");
    let refused = refusal(&text);
    assert!(matches!(refused.reason, Reason::Open(_)), "{refused}");
    assert!(refused.to_string().starts_with(&format!("cannot load the plugin {}: ", text.display())), "{refused}");

    assert!(matches!(refusal(dir.join("absent.so")).reason, Reason::Open(_)));
    assert!(matches!(refusal(&dir).reason, Reason::Open(_)), "a directory");
    // A bare name is a file here, never a library found in the system's directories.
    assert!(matches!(refusal("libm.so.6").reason, Reason::Open(_)));

    let missing = refusal(library("missing", "tests/probe.c", &["-DMISSING_SYMBOL"]));
    assert!(missing.to_string().contains("no_such_function_anywhere"), "found at load, not at run: {missing}");
}
