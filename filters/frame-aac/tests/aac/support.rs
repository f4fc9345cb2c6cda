//! What the tests share.

use std::path::Path;
use std::sync::Arc;

use weir_codec::aac::{AdtsHeader, ObjectType};
use weir_media::{Bytes, CodecId, Packet, Prop, Props, StreamType};
use weir_plugin::harness::Harness;
use weir_plugin::{Create, InId, Memory, Options, OutId, Plugin, Registry};

pub(crate) fn plugin(name: &str) -> Arc<dyn Plugin> {
    let mut registry = Registry::new();
    weir_frame_aac::register(&mut registry);
    registry.get(name).expect("registered").clone()
}

pub(crate) fn harness(name: &str) -> Harness {
    let options = Options::defaults(plugin(name).options());
    let with = Create { options, bundle: None, memory: Memory::new(1 << 20) };
    Harness::new(plugin(name).create(with).expect("no options to be wrong"))
}

/// A short `.aac` file of 44.1 kHz stereo: that of weir-codec's tests.
pub(crate) fn stream() -> Bytes {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/weir-codec/tests/data/a.aac");
    std::fs::read(path).expect("weir-codec has it").into()
}

/// A frame with its header.
pub(crate) fn adts(rate: u32, channels: u8, payload: &[u8]) -> Vec<u8> {
    let header = AdtsHeader::new(ObjectType::LC, rate, channels, payload.len()).expect("ADTS can say it");
    [&header.build()[..], payload].concat()
}

pub(crate) fn file_pid() -> Props {
    Props::new().with(Prop::StreamType, StreamType::File).with(Prop::FileExt, "aac").with(Prop::Url, "a.aac")
}

pub(crate) fn aac_pid() -> Props {
    Props::new().with(Prop::StreamType, StreamType::Audio).with(Prop::CodecId, CodecId::Aac)
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

/// A file run to its end.
pub(crate) fn run_file(data: &Bytes, sizes: &[usize]) -> Harness {
    let mut h = harness("rfadts");
    let input = h.input(file_pid());
    push_file(&mut h, input, data, sizes);
    h.end(input);
    h.finish().expect("a good file");
    h
}

/// What `rfadts` makes of a whole file.
pub(crate) fn packetize(data: &Bytes, sizes: &[usize]) -> (Props, Vec<Packet>) {
    let mut h = run_file(data, sizes);
    let packets = h.take(OutId(0));
    assert!(h.outputs()[0].ended && h.outputs()[0].props.len() == 1);
    (h.outputs()[0].props[0].clone(), packets)
}

/// A packet, but for its origin, in a form that compares and prints.
pub(crate) fn shown(packet: &Packet) -> (Bytes, i64, i64, u32, u8) {
    let data = packet.bytes().expect("bytes").clone();
    (data, packet.dts, packet.cts, packet.duration, packet.flags.bits())
}
