//! Words to a linked graph: what it takes to parse them, to declare what they say, and to find every link. Nothing runs;
//! the streams that filters would open are told by a table.

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use weir::plugin::media::{CodecId, Delivery, PixelFormat, Prop, Props, SampleFormat, StreamType};
use weir::plugin::{OutId, Registry};
use weir_graph::{Graph, Node, NodeId, Step};

use crate::Result;

/// Runs of each; the middle one is told.
const RUNS: usize = 21;
/// Outputs of the large graphs.
const OUTPUTS: usize = 1000;

/// Times of one run.
#[derive(Clone, Copy, Default)]
struct Times {
    /// Words to declarations with spans.
    parse: Duration,
    /// Declarations to a graph without links.
    declare: Duration,
    /// Every link.
    link: Duration,
    /// The yardstick.
    cut: Duration,
}

/// Measures and prints.
pub(crate) fn measure() -> Result<()> {
    println!(
        "## Plan\n\nWords to a graph with all its links; nothing runs. Middle of {RUNS}, in µs. The yardstick is cutting"
    );
    println!("the words at each `:` and `=` into texts of their own.\n");
    println!("| Graph | filters | parse | declare | link | all | yardstick |\n|---|---:|---:|---:|---:|---:|---:|");
    let listening = |n: usize| format!("rtmp://127.0.0.1:1935/live/{n}:rtmp_listen=1");
    let own = |n: usize| format!("{n}.flv:keyframes={}", n % 60_000 + 1);
    let founding = [
        "rtmp://127.0.0.1:8889/live:gpac:ffmt=flv:rtmp_listen=1",
        "rtmp://127.0.0.1:8888/live:gpac:ffmt=flv:rtmp_listen=1",
    ];
    tell("the founding command", &founding.map(String::from))?;
    tell("1000 RTMP outputs", &(0..OUTPUTS).map(listening).collect::<Vec<_>>())?;
    tell("1000 files with an option each", &(0..OUTPUTS).map(own).collect::<Vec<_>>())?;
    println!();
    Ok(())
}

/// One row, for the encoded test source and these outputs.
fn tell(name: &str, outputs: &[String]) -> Result<()> {
    let mut words = ["avgen:sizes=240x160:rates=200k", "c=avc", "c=aac"].map(String::from).to_vec();
    words.extend(outputs.iter().flat_map(|url| ["-o".to_owned(), url.clone()]));
    let registry = weir::registry();
    let runs = (0..RUNS).map(|_| run(&words, &registry, outputs.len())).collect::<Result<Vec<_>>>()?;
    let filters = runs[0].1;
    let middle = |part: fn(&Times) -> Duration| {
        let mut all: Vec<Duration> = runs.iter().map(|(times, _)| part(times)).collect();
        all.sort();
        all[RUNS / 2].as_secs_f64() * 1e6
    };
    println!(
        "| {name} | {filters} | {:.0} | {:.0} | {:.0} | {:.0} | {:.1} |",
        middle(|t| t.parse),
        middle(|t| t.declare),
        middle(|t| t.link),
        middle(|t| t.parse + t.declare + t.link),
        middle(|t| t.cut)
    );
    Ok(())
}

/// One run, and how many filters the graph has in the end.
fn run(words: &[String], registry: &Registry, outputs: usize) -> Result<(Times, usize)> {
    let mut times = Times::default();
    let at = Instant::now();
    let cut: Vec<String> = words.iter().flat_map(|w| w.split([':', '='])).map(str::to_owned).collect();
    times.cut = at.elapsed();
    std::hint::black_box(cut);

    let at = Instant::now();
    let parsed = weir::args::parse(words);
    times.parse = at.elapsed();

    let at = Instant::now();
    let built = weir::build(&parsed, registry).map_err(|e| format!("{e:?}"))?;
    times.declare = at.elapsed();

    let mut graph = built.graph;
    let at = Instant::now();
    link(&mut graph);
    times.link = at.elapsed();
    let fed = graph.nodes().filter(|(id, node)| node.is_sink() && graph.has_input(*id)).count();
    if fed != outputs {
        return Err(format!("{fed} of {outputs} outputs were linked").into());
    }
    let filters = graph.nodes().count();
    Ok((times, filters))
}

/// Links everything, from the sources on.
fn link(graph: &mut Graph) {
    graph.merge_sinks();
    let mut ready: VecDeque<NodeId> = graph.nodes().map(|(id, _)| id).take(1).collect();
    let mut opened = BTreeSet::new();
    while let Some(id) = ready.pop_front() {
        if !opened.insert(id) {
            continue;
        }
        let streams = opens(graph.node(id));
        for (out, props) in (0..).zip(streams) {
            let steps = graph.resolve(id, OutId(out), &props).steps;
            ready.extend(steps.iter().filter_map(|step| match step {
                Step::Connect(to) => Some(*to),
                Step::Add(_) => None,
            }));
        }
    }
}

/// The streams that a filter opens here.
fn opens(node: &Node) -> Vec<Props> {
    let stream = |ty: StreamType, codec: CodecId| {
        Props::new().with(Prop::StreamType, ty).with(Prop::CodecId, codec).with(Prop::Timescale, 90_000u32)
    };
    match node.plugin.name() {
        "avgen" => vec![
            stream(StreamType::Audio, CodecId::Raw).with(Prop::AudioFormat, SampleFormat::Flt),
            stream(StreamType::Visual, CodecId::Raw).with(Prop::PixelFormat, PixelFormat::Yuv420),
        ],
        "avcenc" => vec![stream(StreamType::Visual, CodecId::Avc).with(Prop::Unframed, true)],
        "rfnalu" => vec![stream(StreamType::Visual, CodecId::Avc)],
        "aacenc" => vec![stream(StreamType::Audio, CodecId::Aac)],
        "flvmx" => {
            let caps = node.bundle.iter().flat_map(|b| &b.outputs);
            let delivery = caps.filter(|c| c.prop == Prop::Delivery).map(|c| c.value.clone()).next();
            let file = Props::new().with(Prop::StreamType, StreamType::File).with(Prop::FileExt, "flv");
            vec![file.with(Prop::Delivery, delivery.unwrap_or(Delivery::Live.into()))]
        }
        _ => Vec::new(),
    }
}
