//! Filter types for tests, and a host that only links.

use std::collections::{BTreeMap, VecDeque};

use weir_args::source_id::{self, fragment};
use weir_args::{Span, Text, property};
use weir_media::{Bundle, Cap, CodecId, Delivery, Prop, Props, StreamType, Value};
use weir_plugin::{Create, Filter, Kind, Lane, OptionDef, Options, OutId, Plugin, Registry, Result, Role};

use crate::{From, Given, Graph, Node, NodeId, Rules, Source, Step};

/// Links made in one test before it counts as one that never ends.
const MOST_LINKS: usize = 500;

/// A filter type made of data.
#[derive(Clone)]
pub(crate) struct Type {
    pub(crate) name: &'static str,
    pub(crate) role: Role,
    pub(crate) caps: fn(&Options) -> Vec<Bundle>,
    pub(crate) options: &'static [OptionDef],
    pub(crate) most_inputs: Option<usize>,
    pub(crate) priority: u8,
    pub(crate) explicit: bool,
}

impl Type {
    pub(crate) fn new(name: &'static str, role: Role, caps: fn(&Options) -> Vec<Bundle>) -> Self {
        Self { name, role, caps, options: &[], most_inputs: None, priority: 0, explicit: false }
    }

    pub(crate) fn options(self, options: &'static [OptionDef]) -> Self {
        Self { options, ..self }
    }
}

impl Plugin for Type {
    fn name(&self) -> &'static str {
        self.name
    }

    fn summary(&self) -> &'static str {
        "a test type"
    }

    fn role(&self) -> Role {
        self.role
    }

    fn lane(&self) -> Lane {
        Lane::Reactor
    }

    fn options(&self) -> &'static [OptionDef] {
        self.options
    }

    fn caps(&self, options: &Options) -> Vec<Bundle> {
        (self.caps)(options)
    }

    fn max_inputs(&self) -> usize {
        self.most_inputs.unwrap_or(match self.role {
            Role::Source => 0,
            Role::Mux => usize::MAX,
            _ => 1,
        })
    }

    fn priority(&self) -> u8 {
        self.priority
    }

    fn explicit_only(&self) -> bool {
        self.explicit
    }

    fn create(&self, _: Create) -> Result<Box<dyn Filter>> {
        unreachable!("the graph never creates a filter")
    }
}

pub(crate) fn ty(ty: StreamType) -> Cap {
    Cap::is(Prop::StreamType, ty)
}

pub(crate) fn codec(codec: CodecId) -> Vec<Cap> {
    Cap::codec(codec.stream_type().expect("a codec of a kind"), codec).into()
}

pub(crate) fn framed(c: CodecId) -> Vec<Cap> {
    [codec(c), vec![Cap::not(Prop::Unframed, true)]].concat()
}

pub(crate) fn unframed(c: CodecId) -> Vec<Cap> {
    [codec(c), vec![Cap::is(Prop::Unframed, true)]].concat()
}

pub(crate) fn raw(t: StreamType) -> Vec<Cap> {
    vec![ty(t), Cap::is(Prop::CodecId, CodecId::Raw)]
}

pub(crate) fn file(ext: &str) -> Vec<Cap> {
    vec![ty(StreamType::File), Cap::is(Prop::FileExt, ext)]
}

fn delivered(ext: &str, delivery: Delivery) -> Vec<Cap> {
    [file(ext), vec![Cap::is(Prop::Delivery, delivery)]].concat()
}

const TEXT: Kind = Kind::Str;
const NUMBER: Kind = Kind::Int { min: 0, max: 1000 };
const SINK: &[OptionDef] = &[
    OptionDef::new("dst", TEXT, "", "Where to"),
    OptionDef::new("start", Kind::Enum(&["key", "live"]), "key", "A name that a demuxer has too"),
];
const PARSER: &[OptionDef] = &[OptionDef::new("fps", NUMBER, "25", "Rate of a file")];
const MUX: &[OptionDef] = &[OptionDef::new("ileave", NUMBER, "1", "Interleaving")];
const ENCODER: &[OptionDef] = &[OptionDef::new("b", NUMBER, "1", "Rate"), OptionDef::new("fast", Kind::Bool, "no", "")];
const DEMUX: &[OptionDef] =
    &[OptionDef::new("start", NUMBER, "0", "First time"), OptionDef::new("loop", NUMBER, "0", "Rounds")];
const SOURCE: &[OptionDef] = &[OptionDef::new("src", TEXT, "", "Where from"), OptionDef::new("n", NUMBER, "1", "PIDs")];
const WRITER: &[OptionDef] = &[OptionDef::new("ext", Kind::Enum(&["264", "h264", "aac"]), "", "Format")];

/// Extension after the last dot of an option.
fn ext(options: &Options, name: &str) -> String {
    options.text(name).and_then(|t| t.rsplit_once('.')).map_or("*", |(_, ext)| ext).to_owned()
}

fn tracks(input: &[Cap], output: fn(CodecId) -> Vec<Cap>) -> Vec<Bundle> {
    [CodecId::Avc, CodecId::Aac].map(|c| Bundle::new(input, output(c))).into()
}

fn flv_mux(_: &Options) -> Vec<Bundle> {
    let way = |d| [CodecId::Avc, CodecId::Aac].map(|c| Bundle::new(framed(c), delivered("flv", d)));
    [way(Delivery::Live), way(Delivery::File)].concat()
}

fn writer(options: &Options) -> Vec<Bundle> {
    let formats = [(CodecId::Avc, "264"), (CodecId::Avc, "h264"), (CodecId::Aac, "aac")];
    let wanted = formats.into_iter().filter(|(_, ext)| options.word("ext").is_none_or(|w| w == *ext));
    wanted.map(|(c, ext)| Bundle::new(unframed(c), file(ext))).collect()
}

/// What weir has, in small: sources of raw and coded media and files, parsers, encoders, muxers, demuxers, sinks.
pub(crate) fn types() -> Vec<Type> {
    let file_of = |o: &Options| {
        let kept = Cap::is(Prop::Delivery, Delivery::File).or_absent();
        vec![Bundle::new([file(&ext(o, "dst")), vec![kept]].concat(), [])]
    };
    let anything = |_: &Options| {
        let all = [StreamType::Visual, StreamType::Audio, StreamType::File].map(|t| Bundle::new([ty(t)], []));
        all.to_vec()
    };
    vec![
        Type::new("av", Role::Source, |_| vec![Bundle::new([], raw(StreamType::Visual))]).options(SOURCE),
        Type::new("cam", Role::Source, |_| vec![Bundle::new([], framed(CodecId::Avc))]).options(SOURCE),
        Type::new("odd", Role::Source, |_| vec![Bundle::new([], framed(CodecId::Hevc))]),
        Type::new("fin", Role::Source, |o| vec![Bundle::new([], file(&ext(o, "src")))]).options(SOURCE),
        Type::new("flvdmx", Role::Transform, |_| tracks(&file("flv"), framed)).options(DEMUX),
        Type::new("tsdmx", Role::Transform, |_| tracks(&file("ts"), unframed)).options(DEMUX),
        Type::new("rfnalu", Role::Transform, |_| {
            [file("264"), unframed(CodecId::Avc)].map(|i| Bundle::new(i, framed(CodecId::Avc))).into()
        })
        .options(PARSER),
        Type::new("ufnalu", Role::Transform, |_| vec![Bundle::new(framed(CodecId::Avc), unframed(CodecId::Avc))]),
        Type::new("ufadts", Role::Transform, |_| vec![Bundle::new(framed(CodecId::Aac), unframed(CodecId::Aac))]),
        Type::new("avcenc", Role::Encoder, |_| vec![Bundle::new(raw(StreamType::Visual), unframed(CodecId::Avc))])
            .options(ENCODER),
        Type::new("aacenc", Role::Encoder, |_| vec![Bundle::new(raw(StreamType::Audio), framed(CodecId::Aac))])
            .options(ENCODER),
        Type::new("flvmx", Role::Mux, flv_mux).options(MUX),
        Type { most_inputs: Some(1), ..Type::new("writegen", Role::Mux, writer).options(WRITER) },
        Type { most_inputs: Some(usize::MAX), explicit: true, ..Type::new("pass", Role::Transform, pass) },
        Type { explicit: true, ..Type::new("tee", Role::Transform, pass) },
        Type::new("rtmpout", Role::Sink, |_| vec![Bundle::new(delivered("flv", Delivery::Live), [])]).options(SINK),
        Type::new("fout", Role::Sink, file_of).options(SINK),
        Type::new("null", Role::Sink, anything),
    ]
}

fn pass(_: &Options) -> Vec<Bundle> {
    let same = |t| Bundle::new([ty(t)], [ty(t), Cap::not(Prop::CodecId, CodecId::Hevc)]);
    [StreamType::Visual, StreamType::Audio].map(same).into()
}

/// A registry of these and more types.
pub(crate) fn registry(more: impl IntoIterator<Item = Type>) -> Registry {
    let mut registry = Registry::new();
    types().into_iter().chain(more).for_each(|t| registry.register(t));
    registry
}

/// Declares `NAME[:arg[=value]]*` words. `c=CODEC` marks an encoder, `N=NAME` names a filter; `FID`, `SID`, `RSID`, `TAG`,
/// `clone`, `nomux`, `ccp` and `#NAME` steer links. `@N[#FRAGMENT]` leads to the word that follows.
pub(crate) fn declare(graph: &mut Graph, registry: &Registry, words: &str) {
    let mut links: Vec<Source> = Vec::new();
    for word in words.split_whitespace() {
        if let Some(link) = word.strip_prefix('@') {
            let mut parts = link.split('#');
            let back: usize = parts.next().filter(|n| !n.is_empty()).map_or(0, |n| n.parse().expect("a number"));
            let node = NodeId::new(graph.nodes().count() - 1 - back);
            let fragments = parts.map(|p| fragment(&text(p)).expect("a sound fragment")).collect();
            links.push(Source { from: From::Node(node), fragments });
            continue;
        }
        let mut parts = word.split(':');
        let plugin = registry.get(parts.next().expect("a name")).unwrap_or_else(|| panic!("{word} is known"));
        let given = |text: &str| {
            let (name, value) = text.split_once('=').map_or((text, None), |(n, v)| (n, Some(v)));
            Given::new(name, value)
        };
        let (kept, special): (Vec<Given>, Vec<Given>) =
            parts.map(given).partition(|g| !STEERING.contains(&g.name.as_str()) && !g.name.starts_with('#'));
        let mut options = Options::defaults(plugin.options());
        for g in &kept {
            g.apply(&mut options);
        }
        let mut node = Node::declared(std::sync::Arc::clone(plugin), options, kept);
        for Given { name, value, .. } in special {
            let steering = &mut node.steering;
            match (name.as_str(), value) {
                ("N", Some(name)) => node.name = name,
                ("c", Some(codec)) => node.codec = CodecId::from_name(&codec),
                ("FID", id) => steering.id = id,
                ("SID", Some(ids)) => {
                    let ids = source_id::parse(&text(&ids)).expect("sound sources");
                    steering.sources = Some(ids.into_iter().map(Source::from).collect());
                }
                ("RSID", None) => steering.explicit_only = true,
                ("TAG", tag) => steering.tag = tag,
                ("clone", no) => steering.cloning = Some(no.is_none()),
                ("nomux", None) => steering.copies = Some(true),
                ("ccp", Some(codec)) => steering.passes.extend(CodecId::from_name(&codec)),
                (name, value) => {
                    let name = text(name.strip_prefix('#').expect("nothing else steers"));
                    node.assigned.push(property::parse(&name, value.map(|v| text(&v)).as_ref()).expect("sound"));
                }
            }
        }
        if !links.is_empty() {
            node.steering.sources.get_or_insert_default().append(&mut links);
        }
        graph.declare(node);
    }
}

const STEERING: [&str; 9] = ["c", "N", "FID", "SID", "RSID", "TAG", "clone", "nomux", "ccp"];

fn text(text: &str) -> Text {
    Text { text: text.to_owned(), span: Span::new(0, 0..text.len()) }
}

/// The graph of these words, fully linked, and what was said about PIDs that were not.
pub(crate) fn resolved(words: &str) -> (Graph, Vec<String>) {
    let registry = registry([]);
    let mut graph = Graph::new(&registry);
    declare(&mut graph, &registry, words);
    let unlinked = run(&mut graph);
    (graph, unlinked)
}

/// Plays the host until nothing is to be linked.
pub(crate) fn run(graph: &mut Graph) -> Vec<String> {
    graph.merge_sinks();
    let mut todo = VecDeque::new();
    let sources: Vec<NodeId> = graph.nodes().filter(|(_, n)| n.is_source()).map(|(id, _)| id).collect();
    for id in sources {
        todo.extend(source_pids(graph.node(id)).into_iter().zip(0..).map(|(props, n)| (id, OutId(n), props)));
    }
    follow(graph, todo)
}

/// Plays the host until nothing is to be linked behind these PIDs.
pub(crate) fn follow(graph: &mut Graph, mut todo: VecDeque<(NodeId, OutId, Props)>) -> Vec<String> {
    let mut unlinked = Vec::new();
    let mut opened: BTreeMap<NodeId, u32> = BTreeMap::new();
    for _ in 0..MOST_LINKS {
        let Some((from, out, mut props)) = todo.pop_front() else { return unlinked };
        graph.dress(from, &mut props);
        let done = graph.resolve(from, out, &props);
        unlinked.extend(done.unlinked.map(|why| format!("{}: {why}", graph.node(from).name)));
        for step in done.steps {
            if let Step::Connect(to) = step {
                for props in outputs(graph.node(to), &props, graph.inputs(to)) {
                    let n = opened.entry(to).or_default();
                    todo.push_back((to, OutId(*n), props));
                    *n += 1;
                }
            }
        }
    }
    panic!("it never ends:\n{}", graph.tree());
}

fn named(props: Props, name: &str) -> Props {
    props.with(Prop::Name, name)
}

fn source_pids(node: &Node) -> Vec<Props> {
    let of = |caps: &[Cap]| with_caps(Props::new(), caps);
    match node.plugin.name() {
        "av" => {
            let pictures =
                (1..=node.options.int("n").unwrap_or(1)).map(|n| named(of(&raw(StreamType::Visual)), &format!("V{n}")));
            pictures.chain([named(of(&raw(StreamType::Audio)), "A")]).collect()
        }
        "fin" => {
            let ext = ext(&node.options, "src");
            vec![if ext == "*" { of(&[ty(StreamType::File)]) } else { of(&file(&ext)) }]
        }
        _ => vec![of(&node.caps[0].outputs)],
    }
}

/// What a filter opens when it gets an input: what its bundle promises.
fn outputs(node: &Node, input: &Props, inputs: usize) -> Vec<Props> {
    match node.plugin.role() {
        Role::Sink => Vec::new(),
        Role::Mux if inputs > 1 => Vec::new(),
        Role::Mux => {
            let bundle = node.bundle.as_ref().or_else(|| node.caps.iter().find(|b| b.accepts(input).is_ok()));
            vec![with_caps(Props::new(), &bundle.expect("it takes its input").outputs)]
        }
        _ if node.bundle.as_ref().is_some_and(|b| !b.adapts.is_empty()) => {
            node.bundle.iter().map(|b| with_caps(input.clone(), &b.outputs)).collect()
        }
        _ => {
            let ways = node.caps.iter().filter(|b| b.accepts(input).is_ok());
            let kept = if input.stream_type() == Some(StreamType::File) { Props::new() } else { input.clone() };
            ways.map(|b| with_caps(kept.clone(), &b.outputs)).collect()
        }
    }
}

fn with_caps(mut props: Props, caps: &[Cap]) -> Props {
    for cap in caps {
        match (&cap.value, cap.excluded) {
            (value, false) => props.set(cap.prop, value.clone()),
            (Value::Bool(_), true) => props.remove(cap.prop),
            (_, true) => {}
        }
    }
    props
}

/// The tree of these words under these rules.
pub(crate) fn check_under(rules: Rules, words: &str, tree: &str) {
    let registry = registry([]);
    let mut graph = Graph::with_rules(&registry, rules);
    declare(&mut graph, &registry, words);
    let unlinked = run(&mut graph);
    check_graph(&graph, &unlinked, tree);
}

/// The tree of these words, after its first line; `unlinked` follows as `! FILTER: why`.
pub(crate) fn check(words: &str, tree: &str) {
    let (graph, unlinked) = resolved(words);
    check_graph(&graph, &unlinked, tree);
}

/// The same for a graph.
pub(crate) fn check_graph(graph: &Graph, unlinked: &[String], tree: &str) {
    let mut shown = graph.tree().trim_start_matches("Filters connected:\n").to_owned();
    unlinked.iter().for_each(|why| shown += &format!("! {why}\n"));
    let indent = tree.lines().find(|l| !l.trim().is_empty()).map_or(0, |l| l.len() - l.trim_start().len());
    let wanted: String = tree.lines().filter(|l| !l.trim().is_empty()).map(|l| format!("{}\n", &l[indent..])).collect();
    assert!(shown == wanted, "--- is\n{shown}--- should be\n{wanted}");
}
