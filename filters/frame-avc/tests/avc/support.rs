//! What the tests share: harnesses, streams and their expected order.

use std::path::Path;
use std::sync::Arc;

use weir_codec::avc::{LengthPrefixed, LengthSize};
use weir_media::{Bytes, CodecId, Packet, Prop, Props, StreamType};
use weir_plugin::harness::Harness;
use weir_plugin::{Create, Error, InId, Memory, Options, OutId, Plugin, Registry};

pub(crate) fn plugin(name: &str) -> Arc<dyn Plugin> {
    let mut registry = Registry::new();
    weir_frame_avc::register(&mut registry);
    registry.get(name).expect("registered").clone()
}

pub(crate) fn try_harness(name: &str, args: &[(&str, &str)]) -> Result<Harness, Error> {
    let mut options = Options::defaults(plugin(name).options());
    for (name, text) in args {
        options.apply(name, Some(text)).expect("a value that fits");
    }
    plugin(name).create(Create { options, bundle: None, memory: Memory::new(1 << 20) }).map(Harness::new)
}

pub(crate) fn harness(name: &str, args: &[(&str, &str)]) -> Harness {
    try_harness(name, args).expect("good options")
}

/// A stream of weir-codec's tests: a short `.264` file.
pub(crate) fn stream(name: &str) -> Bytes {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/weir-codec/tests/data");
    std::fs::read(dir.join(format!("{name}.264"))).expect("weir-codec has it").into()
}

/// How many frames the composition of each picture comes after its decoding, by ffprobe.
pub(crate) fn expected_order(name: &str) -> Vec<i64> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/weir-codec/tests/data");
    let text = std::fs::read_to_string(dir.join(format!("{name}.txt"))).expect("weir-codec has it");
    text.lines().map(|line| line.rsplit(' ').next().and_then(|n| n.parse().ok()).expect("a number")).collect()
}

pub(crate) const STREAMS: [&str; 8] = ["base", "bpyr", "crop", "h422", "mbaff", "opengop", "refresh", "v"];

pub(crate) fn file_pid() -> Props {
    Props::new().with(Prop::StreamType, StreamType::File).with(Prop::FileExt, "264").with(Prop::Url, "a.264")
}

pub(crate) fn encoder_pid() -> Props {
    Props::new()
        .with(Prop::StreamType, StreamType::Visual)
        .with(Prop::CodecId, CodecId::Avc)
        .with(Prop::Unframed, true)
        .with(Prop::Timescale, 90_000u32)
}

/// Queues a file in blocks of these sizes, the last one repeated.
pub(crate) fn push_file(h: &mut Harness, input: InId, data: &Bytes, sizes: &[usize]) {
    let mut rest = data.clone();
    let mut sizes = sizes.iter().chain(std::iter::repeat(sizes.last().expect("one at least")));
    while !rest.is_empty() {
        let n = (*sizes.next().expect("endless")).clamp(1, rest.len());
        h.packet(input, Packet::new(rest.split_to(n), 0));
    }
}

/// What `rfnalu` makes of a whole file.
pub(crate) fn packetize(data: &Bytes, sizes: &[usize], args: &[(&str, &str)]) -> (Vec<Props>, Vec<Packet>) {
    let mut h = harness("rfnalu", args);
    let input = h.input(file_pid());
    push_file(&mut h, input, data, sizes);
    h.end(input);
    h.finish().expect("a good file");
    assert!(h.outputs()[0].ended);
    let packets = h.take(OutId(0));
    (h.outputs()[0].props.clone(), packets)
}

/// The NAL units of a sample with 4-byte lengths.
pub(crate) fn nals(packet: &Packet) -> Vec<Bytes> {
    let data = packet.bytes().expect("bytes");
    LengthPrefixed::new(data, LengthSize::Four).map(|range| data.slice(range.expect("well formed"))).collect()
}

/// A packet, but for its origin, in a form that compares and prints.
pub(crate) fn shown(packet: &Packet) -> (Bytes, i64, i64, u32, u8) {
    let data = packet.bytes().expect("bytes").clone();
    (data, packet.dts, packet.cts, packet.duration, packet.flags.bits())
}
