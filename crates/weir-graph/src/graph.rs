//! [`Graph`]: declared and inserted filters, and the rules that link a new PID.

use std::collections::BTreeMap;
use std::sync::Arc;

use petgraph::Direction;
use petgraph::stable_graph::{NodeIndex, StableDiGraph};
use petgraph::visit::EdgeRef;
use weir_media::{Bundle, CodecId, Prop, Props, StreamType};
use weir_plugin::{Applied, Options, OutId, Plugin, Registry, Role};

use crate::chain::{Chains, FirstHop};

/// A filter of the graph, stable for its life.
pub type NodeId = NodeIndex;

/// Filters inserted between two declared ones, at most, unless told otherwise (GPAC's `-max-chain`).
const DEFAULT_MAX_CHAIN: usize = 6;

/// One argument as given, for inheritance and printing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Given {
    /// Name, without the `=`.
    pub name: String,
    /// Text after the `=`.
    pub value: Option<String>,
    /// Secrets are not printed.
    pub secret: bool,
}

/// How a filter came into the graph.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Origin {
    /// The user declared it.
    Declared,
    /// A copy of a declared filter, for a further PID.
    Clone(NodeId),
    /// The resolver inserted it on the way to these filters; empty when its PIDs may go anywhere (demuxers).
    Inserted(Vec<NodeId>),
}

/// A filter of the graph.
#[derive(Clone)]
pub struct Node {
    /// Its type.
    pub plugin: Arc<dyn Plugin>,
    /// Its option values.
    pub options: Options,
    /// Name shown: the register name, numbered when there are several.
    pub name: String,
    /// Arguments as given.
    pub args: Vec<Given>,
    /// How it came here.
    pub origin: Origin,
    /// The bundle it was inserted with.
    pub bundle: Option<Bundle>,
    /// An encoder only takes this codec's kind of media.
    pub codec: Option<CodecId>,
    /// Implicit links stay within a sub-session (gpac-semantics 9.1).
    pub subsession: u32,
    /// And within a group of sources, unless 0.
    pub source_group: u32,
    caps: Vec<Bundle>,
}

impl Node {
    /// A declared filter. `options` already hold `args`.
    #[must_use]
    pub fn declared(plugin: Arc<dyn Plugin>, options: Options, args: Vec<Given>) -> Self {
        let caps = plugin.caps(&options);
        let name = plugin.name().to_owned();
        Self {
            plugin,
            options,
            name,
            args,
            origin: Origin::Declared,
            bundle: None,
            codec: None,
            subsession: 0,
            source_group: 0,
            caps,
        }
    }

    /// Whether it has no outputs.
    #[must_use]
    pub fn is_sink(&self) -> bool {
        self.plugin.role() == Role::Sink
    }

    fn is_source(&self) -> bool {
        self.plugin.role() == Role::Source
    }

    fn takes(&self, pid: &Props) -> bool {
        let kind_fits = self.codec.and_then(CodecId::stream_type).is_none_or(|t| pid.stream_type() == Some(t));
        kind_fits && self.caps.iter().any(|b| b.accepts(pid).is_ok())
    }
}

/// A PID connected to an input.
#[derive(Clone, PartialEq, Debug)]
pub struct Link {
    /// Output of the producer.
    pub out: OutId,
    /// Properties when it was linked.
    pub props: Props,
}

/// One change the host makes to follow a resolution.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// Create this node's filter.
    Add(NodeId),
    /// Connect the PID to a new input of this node.
    Connect(NodeId),
}

/// What became of a PID.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Resolution {
    /// Changes in order.
    pub steps: Vec<Step>,
    /// When it was linked to nothing: why, in a sentence.
    pub unlinked: Option<String>,
}

/// The graph of one session.
pub struct Graph {
    nodes: StableDiGraph<Node, Link>,
    order: Vec<NodeId>,
    chains: Chains,
    /// Sinks that share the muxer of another sink.
    leader: BTreeMap<NodeId, NodeId>,
    max_chain: usize,
    declared_sources: u32,
    last_role: Option<Role>,
    subsession: u32,
}

impl Graph {
    /// An empty graph over the filter types of `registry`.
    #[must_use]
    pub fn new(registry: &Registry) -> Self {
        Self {
            nodes: StableDiGraph::new(),
            order: Vec::new(),
            chains: Chains::new(registry),
            leader: BTreeMap::new(),
            max_chain: DEFAULT_MAX_CHAIN,
            declared_sources: 0,
            last_role: None,
            subsession: 0,
        }
    }

    /// Declares a filter, in the order of the command line, and gives it its sub-session and source group.
    pub fn declare(&mut self, mut node: Node) -> NodeId {
        if node.is_source() {
            match self.last_role {
                Some(Role::Sink) => {
                    self.subsession += 1;
                    self.declared_sources = 0;
                }
                Some(Role::Source) | None => {}
                Some(_) => self.declared_sources += 1,
            }
        }
        node.subsession = self.subsession;
        node.source_group = if node.is_sink() { 0 } else { 1 + self.declared_sources };
        self.last_role = Some(node.plugin.role());
        self.add(node)
    }

    fn add(&mut self, mut node: Node) -> NodeId {
        let same = self.order.iter().filter(|id| self.nodes[**id].plugin.name() == node.plugin.name()).count();
        if same > 0 {
            node.name = format!("{}#{}", node.plugin.name(), same + 1);
        }
        let id = self.nodes.add_node(node);
        self.order.push(id);
        id
    }

    /// Node of an id.
    ///
    /// # Panics
    /// When the id is not of this graph.
    #[must_use]
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id]
    }

    /// All nodes in the order they came.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, &Node)> {
        self.order.iter().map(|id| (*id, &self.nodes[*id]))
    }

    /// Links out of a node: target and link, in the order they were made.
    #[must_use]
    pub fn links(&self, from: NodeId) -> Vec<(NodeId, &Link)> {
        let mut links: Vec<_> = self.nodes.edges(from).map(|e| (e.id(), e.target(), e.weight())).collect();
        links.sort_by_key(|(id, ..)| *id);
        links.into_iter().map(|(_, to, link)| (to, link)).collect()
    }

    /// Whether anything is linked into a node.
    #[must_use]
    pub fn has_input(&self, node: NodeId) -> bool {
        self.inputs(node) > 0
    }

    fn inputs(&self, node: NodeId) -> usize {
        self.nodes.edges_directed(node, Direction::Incoming).count()
    }

    /// Lets sinks that will get the same PIDs and need the same muxed stream share one muxer: equal sub-session, equal
    /// input caps, and equal arguments as far as a muxer knows them. Returns the groups of more than one, first sink
    /// first. Called once, when everything is declared.
    pub fn merge_sinks(&mut self) -> Vec<Vec<NodeId>> {
        let mut groups: Vec<Vec<NodeId>> = Vec::new();
        for &id in self.order.iter().filter(|id| self.nodes[**id].is_sink()) {
            match groups.iter_mut().find(|g| self.same_needs(g[0], id)) {
                Some(group) => group.push(id),
                None => groups.push(vec![id]),
            }
        }
        groups.retain(|g| g.len() > 1);
        for group in &groups {
            self.leader.extend(group[1..].iter().map(|id| (*id, group[0])));
        }
        groups
    }

    fn same_needs(&self, a: NodeId, b: NodeId) -> bool {
        let (a, b) = (&self.nodes[a], &self.nodes[b]);
        let muxers = self.chains.muxers_into(&a.caps);
        let known = |g: &&Given| muxers.iter().any(|m| m.options().iter().any(|o| o.name == g.name));
        a.subsession == b.subsession
            && a.caps == b.caps
            && !muxers.is_empty()
            && a.args.iter().filter(known).eq(b.args.iter().filter(known))
    }

    /// Decides where a new PID goes and records the links.
    pub fn resolve(&mut self, from: NodeId, out: OutId, props: &Props) -> Resolution {
        let targets = match &self.nodes[from].origin {
            Origin::Inserted(targets) if !targets.is_empty() => targets.clone(),
            _ => self.candidates(from),
        };
        let mut done = Resolution::default();
        let mut linked_sink = false;
        for target in targets {
            let is_sink = self.nodes[target].is_sink();
            if linked_sink && !is_sink {
                continue;
            }
            if self.link(from, out, props, target, &mut done) {
                if !is_sink {
                    break; // the first filter that takes a PID keeps it; sinks follow behind that filter
                }
                linked_sink = true;
            }
        }
        if done.steps.is_empty() && !self.already_served(from, out) {
            done.unlinked = Some(self.why_unlinked(props));
        }
        done
    }

    /// Declared filters a PID of `from` may go to, in order (gpac-semantics 9.1, 9.2).
    fn candidates(&self, from: NodeId) -> Vec<NodeId> {
        let source = &self.nodes[from];
        let fits = |id: &&NodeId| {
            let n = &self.nodes[**id];
            **id != from
                && n.origin == Origin::Declared
                && !n.is_source()
                && n.subsession == source.subsession
                && (n.source_group == 0 || n.source_group == source.source_group)
                && !self.is_upstream(**id, from)
        };
        self.order.iter().filter(fits).copied().collect()
    }

    /// Whether data comes to `b` from `a` or a copy of it, or `b` is such a copy: no filter gets its own output again.
    fn is_upstream(&self, a: NodeId, b: NodeId) -> bool {
        let copies = self.order.iter().copied().filter(|id| self.nodes[*id].origin == Origin::Clone(a));
        std::iter::once(a).chain(copies).any(|id| petgraph::algo::has_path_connecting(&self.nodes, id, b, None))
    }

    fn already_served(&self, from: NodeId, out: OutId) -> bool {
        self.nodes.edges(from).any(|e| e.weight().out == out)
    }

    /// Links a PID to `target`, directly or through the first filter of a chain. False when it cannot be done.
    fn link(&mut self, from: NodeId, out: OutId, props: &Props, target: NodeId, done: &mut Resolution) -> bool {
        let direct = self.nodes[target].takes(props);
        // A file goes to a file through its demuxer, so that what is written is sound (gpac-semantics 9.6).
        let remux = self.nodes[from].is_source() && props.stream_type() == Some(StreamType::File);
        let prefer = preferred(&self.nodes[target]);
        let chain = || self.chains.first_hop(props, &self.nodes[target].caps, self.max_chain, &prefer);
        let via = match if direct && !remux { None } else { chain() } {
            Some(hop) => self.chain_node(from, out, &hop, target, done),
            None if direct => self.free_input(target, done),
            None => return false,
        };
        self.connect(from, out, props, via, done);
        true
    }

    /// The node itself while it has room for an input, or a copy of it.
    fn free_input(&mut self, target: NodeId, done: &mut Resolution) -> NodeId {
        if self.inputs(target) < self.nodes[target].plugin.max_inputs() {
            return target;
        }
        let copy = Node { origin: Origin::Clone(target), ..self.nodes[target].clone() };
        let id = self.add(copy);
        done.steps.push(Step::Add(id));
        id
    }

    fn connect(&mut self, from: NodeId, out: OutId, props: &Props, to: NodeId, done: &mut Resolution) {
        let exists = self.nodes.edges_connecting(from, to).any(|e| e.weight().out == out);
        if !exists {
            self.nodes.add_edge(from, to, Link { out, props: props.clone() });
            done.steps.push(Step::Connect(to));
        }
    }

    /// The node for the first hop: one already on this PID, the shared muxer of the target, or a new one.
    fn chain_node(
        &mut self,
        from: NodeId,
        out: OutId,
        hop: &FirstHop,
        target: NodeId,
        done: &mut Resolution,
    ) -> NodeId {
        if let Some(id) = self.reusable(from, out, hop, target) {
            if let Origin::Inserted(targets) = &mut self.nodes[id].origin
                && !targets.is_empty()
                && !targets.contains(&target)
            {
                targets.push(target);
            }
            return id;
        }
        let demux = hop.bundle.is_none();
        let mut options = Options::defaults(hop.plugin.options());
        for given in self.inherited(from, target) {
            // A value that does not fit was reported where it was declared, or is meant for another filter.
            if let Ok(Applied::Option(_)) = options.apply(&given.name, given.value.as_deref()) {}
        }
        let node = Node {
            origin: Origin::Inserted(if demux { Vec::new() } else { vec![target] }),
            bundle: hop.bundle.clone(),
            subsession: self.nodes[target].subsession,
            source_group: self.nodes[from].source_group,
            ..Node::declared(Arc::clone(&hop.plugin), options, Vec::new())
        };
        let id = self.add(node);
        done.steps.push(Step::Add(id));
        id
    }

    fn reusable(&self, from: NodeId, out: OutId, hop: &FirstHop, target: NodeId) -> Option<NodeId> {
        let group = |t: NodeId| self.leader.get(&t).copied().unwrap_or(t);
        let fits = |id: NodeId| {
            let n = &self.nodes[id];
            let Origin::Inserted(targets) = &n.origin else { return false };
            // Every input of a muxer may use another bundle, as long as it gives the same stream.
            let outputs = |b: &Option<Bundle>| b.as_ref().map(|b| b.outputs.clone());
            n.plugin.name() == hop.plugin.name()
                && outputs(&n.bundle) == outputs(&hop.bundle)
                && if n.plugin.role() == Role::Mux {
                    targets.iter().any(|t| group(*t) == group(target))
                } else {
                    self.nodes.edges_connecting(from, id).any(|e| e.weight().out == out)
                }
        };
        self.order.iter().copied().find(|id| fits(*id))
    }

    /// Arguments an inserted filter sees: those of the nearest declared filter before it, then of the one after it.
    fn inherited(&self, from: NodeId, target: NodeId) -> Vec<Given> {
        let mut at = from;
        while matches!(self.nodes[at].origin, Origin::Inserted(_)) {
            match self.nodes.neighbors_directed(at, Direction::Incoming).next() {
                Some(up) => at = up,
                None => break,
            }
        }
        self.nodes[at]
            .args
            .iter()
            .chain(&self.nodes[target].args)
            .filter(|g| g.name != "src" && g.name != "dst")
            .cloned()
            .collect()
    }

    fn why_unlinked(&self, props: &Props) -> String {
        if props.stream_type() == Some(StreamType::File) && props.str(Prop::FileExt).is_none() {
            return "nothing says what it holds; name the format with :ext=flv or the like".to_owned();
        }
        let what = match (props.stream_type(), props.codec()) {
            (Some(t), Some(c)) => format!("{} {c}", t.name()),
            (Some(t), None) => format!("{} {}", t.name(), props.str(Prop::FileExt).unwrap_or_default()),
            _ => "this stream".to_owned(),
        };
        format!("no filter or output takes {}", what.trim_end())
    }
}

/// Names in `gfreg=`.
fn preferred(node: &Node) -> Vec<String> {
    let lists = node.args.iter().filter(|g| g.name == "gfreg").filter_map(|g| g.value.as_deref());
    lists.flat_map(|v| v.split(',')).map(str::to_owned).collect()
}
