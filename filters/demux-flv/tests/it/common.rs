//! Runs `flvdmx` on bytes.

use weir_media::{Bytes, Flags, Packet, Prop, Props, StreamType};
use weir_plugin::harness::Harness;
use weir_plugin::{Create, Item, Level, Memory, Options, OutId, Registry, Result};

/// Everything that came out of a run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) props: Vec<Vec<Props>>,
    pub(crate) packets: Vec<Vec<Packet>>,
    pub(crate) warnings: Vec<String>,
}

impl Run {
    /// The outputs of the picture and the sound, in that order.
    pub(crate) fn video_audio(&self) -> [&Vec<Packet>; 2] {
        let of = |ty| self.props.iter().position(|p| p[0].stream_type() == Some(ty)).expect("such an output");
        [&self.packets[of(StreamType::Visual)], &self.packets[of(StreamType::Audio)]]
    }
}

/// A committed file.
pub(crate) fn data(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// A harness around the filter with one input.
pub(crate) fn harness(options: &[(&str, &str)]) -> Harness {
    let mut registry = Registry::new();
    weir_demux_flv::register(&mut registry);
    let plugin = registry.get("flvdmx").expect("registered");
    let mut values = Options::defaults(plugin.options());
    for (name, value) in options {
        values.apply(name, Some(value)).expect("a good option");
    }
    let with = Create { options: values, bundle: None, memory: Memory::new(1 << 30) };
    let mut harness = Harness::new(plugin.create(with).expect("good options"));
    harness.input(Props::new().with(Prop::StreamType, StreamType::File).with(Prop::FileExt, "flv"));
    harness
}

/// Rounds of bytes in pieces of `piece` bytes; each round but the first starts with a discontinuity.
pub(crate) fn push_rounds(harness: &mut Harness, rounds: &[&[u8]], piece: usize) {
    let input = weir_plugin::InId(0);
    for (round, bytes) in rounds.iter().enumerate() {
        for (i, chunk) in bytes.chunks(piece).enumerate() {
            let mut packet = Packet::new(Bytes::copy_from_slice(chunk), 0);
            if round > 0 && i == 0 {
                packet.flags = Flags::DISCONTINUITY;
            }
            harness.push(input, Item::Packet(packet));
        }
    }
    harness.end(input);
}

/// Runs the filter over rounds to its end.
pub(crate) fn run_rounds(rounds: &[&[u8]], piece: usize, options: &[(&str, &str)]) -> Result<Run> {
    let mut harness = harness(options);
    push_rounds(&mut harness, rounds, piece);
    harness.finish()?;
    Ok(collect(&mut harness))
}

/// Runs the filter over one file in large pieces.
pub(crate) fn run(bytes: &[u8]) -> Result<Run> {
    run_rounds(&[bytes], 65_536, &[])
}

/// What a finished harness holds.
pub(crate) fn collect(harness: &mut Harness) -> Run {
    assert!(harness.outputs().iter().all(|out| out.ended), "every output ends");
    let props: Vec<_> = harness.outputs().iter().map(|out| out.props.clone()).collect();
    let packets = (0..props.len()).map(|i| harness.take(OutId(i as u32))).collect();
    let warning = |(level, line): &(Level, String)| (*level == Level::Warning).then(|| line.clone());
    let warnings = harness.logs.iter().filter_map(warning).collect();
    Run { props, packets, warnings }
}
