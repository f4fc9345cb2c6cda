//! [`Graph`]: declared and inserted filters and their links.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use petgraph::Direction;
use petgraph::stable_graph::{NodeIndex, StableDiGraph};
use petgraph::visit::EdgeRef;
use weir_args::template::Template;
use weir_media::{Bundle, Props, StreamType};
use weir_plugin::{Options, OutId, Plugin, Registry, Role};

use crate::chain::Chains;
use crate::explain::Trail;
use crate::node::{Given, Global, Node, Origin};

/// A filter of the graph, stable for its life. Numbered from 0 in the order they came.
pub type NodeId = NodeIndex;

/// Filters inserted between two declared ones, at most, unless told otherwise (GPAC's `-max-chain`).
const DEFAULT_MAX_CHAIN: usize = 6;

/// A PID connected to an input.
#[derive(Clone, PartialEq, Debug)]
pub struct Link {
    /// Output of the producer.
    pub out: OutId,
    /// Properties when it was linked.
    pub props: Props,
    /// Nothing more comes.
    pub ended: bool,
}

/// Something said that no filter of the graph has heard (gpac-semantics 19.6).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unused {
    /// An argument of a declared filter, by its place among the arguments of that filter.
    Arg(NodeId, usize),
    /// A global option, by its place in [`Graph::set_globals`].
    Global(usize),
}

/// Filters that may come before some input caps; `None` where no muxer can.
type Before<'a> = Option<Vec<&'a Arc<dyn Plugin>>>;

/// How links are made, for the whole graph.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rules {
    /// Filters inserted between two declared ones, at most (`-max-chain`). With 0 nothing is inserted.
    pub max_chain: usize,
    /// Every filter gets every PID it takes, wherever it stands (`-cl`).
    pub complete: bool,
    /// Nothing is linked but to filters with sources (`-sid`).
    pub explicit_only: bool,
    /// A PID that goes nowhere is a failure (`-full-link`).
    pub full_link: bool,
    /// Filter types that are never inserted; or with a `-` in front of the first, the only ones that are
    /// (`-blacklist`).
    pub blacklist: Vec<String>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            max_chain: DEFAULT_MAX_CHAIN,
            complete: false,
            explicit_only: false,
            full_link: false,
            blacklist: Vec::new(),
        }
    }
}

/// The graph of one session.
pub struct Graph {
    pub(crate) nodes: StableDiGraph<Node, Link>,
    pub(crate) chains: Chains,
    pub(crate) rules: Rules,
    pub(crate) globals: Vec<Global>,
    /// Bounds of the queues in front of filters, by type: microseconds and packets.
    buffers: BTreeMap<String, (Option<u64>, Option<usize>)>,
    /// What passes PIDs on as they are, in place of an encoder that is not needed.
    pub(crate) bypass: Option<Arc<dyn Plugin>>,
    /// Copies of declared filters, in order.
    pub(crate) copies: BTreeMap<NodeId, Vec<NodeId>>,
    /// The names of sinks that depend on what these get.
    pub(crate) templates: BTreeMap<NodeId, Template>,
    /// PIDs of each filter in the order they came, with their kind.
    pub(crate) opened: BTreeMap<NodeId, Vec<(OutId, Option<StreamType>)>>,
    /// What was decided about each PID.
    pub(crate) trails: BTreeMap<(NodeId, OutId), Trail>,
    /// Names taken, and the next number of each.
    names: HashMap<String, u64>,
    /// Why filters refused PIDs, the last reasons last.
    pub(crate) refusals: BTreeMap<NodeId, Vec<String>>,
    /// Sinks that share the muxer of another sink.
    leader: BTreeMap<NodeId, NodeId>,
    /// The muxer inserted for a sink, and for those that share it.
    pub(crate) muxers: HashMap<NodeId, NodeId>,
    declared_sources: u32,
    last_role: Option<Role>,
    subsession: u32,
}

impl Graph {
    /// An empty graph over the filter types of `registry`.
    #[must_use]
    pub fn new(registry: &Registry) -> Self {
        Self::with_rules(registry, Rules::default())
    }

    /// An empty graph that follows these rules.
    #[must_use]
    pub fn with_rules(registry: &Registry, rules: Rules) -> Self {
        Self {
            nodes: StableDiGraph::new(),
            chains: Chains::new(registry, &rules.blacklist),
            rules,
            globals: Vec::new(),
            buffers: BTreeMap::new(),
            bypass: ["reframer", "pass"].iter().find_map(|name| registry.get(name)).cloned(),
            copies: BTreeMap::new(),
            templates: BTreeMap::new(),
            opened: BTreeMap::new(),
            trails: BTreeMap::new(),
            names: HashMap::new(),
            refusals: BTreeMap::new(),
            leader: BTreeMap::new(),
            muxers: HashMap::new(),
            declared_sources: 0,
            last_role: None,
            subsession: 0,
        }
    }

    /// How links are made.
    #[must_use]
    pub const fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Options for every filter that will be inserted. Those of declared filters are in their [`Node::options`] already.
    pub fn set_globals(&mut self, globals: Vec<Global>) {
        self.globals = globals;
    }

    /// Bounds the queues in front of every filter of this type that says nothing else itself: in media time, in packets.
    pub fn set_buffers(&mut self, filter: &str, micros: Option<u64>, packets: Option<usize>) {
        let (kept_micros, kept_packets) = self.buffers.entry(filter.to_owned()).or_default();
        *kept_micros = micros.or(*kept_micros);
        *kept_packets = packets.or(*kept_packets);
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
        if node.subsession == 0 {
            node.subsession = self.subsession;
        }
        node.source_group = if node.is_sink() { 0 } else { 1 + self.declared_sources };
        self.last_role = Some(node.plugin.role());
        if node.is_sink() {
            self.aim_muxers(&node);
        }
        let template = node.template.clone();
        let id = self.add(node);
        self.templates.extend(template.map(|t| (id, t)));
        id
    }

    /// A declared muxer writes for the first sink behind it that it can serve.
    fn aim_muxers(&mut self, sink: &Node) {
        let open = |n: &&mut Node| n.is_mux() && n.bundle.is_none() && n.subsession == sink.subsession;
        for mux in self.nodes.node_weights_mut().filter(open) {
            mux.bundle = mux.caps.iter().find(|b| sink.caps.iter().any(|t| b.feeds(t))).cloned();
        }
    }

    pub(crate) fn add(&mut self, mut node: Node) -> NodeId {
        node.name = self.unique(node.name);
        if let Some((micros, packets)) = self.buffers.get(node.plugin.name()) {
            node.steering.buffer_micros = node.steering.buffer_micros.or(*micros);
            node.steering.buffer_packets = node.steering.buffer_packets.or(*packets);
        }
        self.nodes.add_node(node)
    }

    /// `name`, numbered when there is one of it already.
    fn unique(&mut self, name: String) -> String {
        if !self.names.contains_key(&name) {
            self.names.insert(name.clone(), 2);
            return name;
        }
        let numbered = name.rsplit_once('#').filter(|(_, n)| n.parse::<u32>().is_ok());
        let base = numbered.map_or(name.clone(), |(base, _)| base.to_owned());
        loop {
            let next = self.names.entry(base.clone()).or_insert(2);
            let tried = format!("{base}#{next}");
            *next += 1;
            if !self.names.contains_key(&tried) {
                self.names.insert(tried.clone(), 2);
                return tried;
            }
        }
    }

    /// Node of an id.
    ///
    /// # Panics
    /// When the id is not of this graph.
    #[must_use]
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id]
    }

    /// A running filter has other options now, those of `given` among them: from now on the graph shows them.
    pub fn change_options(&mut self, id: NodeId, options: Options, given: &[(String, String)]) {
        let node = &mut self.nodes[id];
        node.options = options;
        for (name, value) in given {
            match node.args.iter_mut().find(|arg| arg.name == *name) {
                Some(arg) => arg.value = Some(value.clone()),
                None => node.args.push(Given::new(name, Some(value))),
            }
        }
    }

    /// All nodes in the order they came.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, &Node)> {
        self.nodes.node_indices().map(|id| (id, &self.nodes[id]))
    }

    /// The filter of a node has ended. An output that is named after what it gets is made anew for what comes next.
    pub fn retire(&mut self, id: NodeId) {
        let node = &mut self.nodes[id];
        node.is_over = true;
        if node.origin != Origin::Declared {
            // Nothing is linked to it any more, and names may come and go for ever.
            node.caps = Vec::new();
        }
    }

    /// An output of a filter has ended.
    pub fn end(&mut self, from: NodeId, out: OutId) {
        let links: Vec<_> = self.nodes.edges(from).filter(|e| e.weight().out == out).map(|e| e.id()).collect();
        links.into_iter().for_each(|link| self.nodes[link].ended = true);
    }

    /// Whether outputs are made for what has yet to come, as their names tell.
    #[must_use]
    pub fn makes_outputs(&self) -> bool {
        !self.templates.is_empty()
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

    pub(crate) fn inputs(&self, node: NodeId) -> usize {
        self.nodes.edges_directed(node, Direction::Incoming).count()
    }

    /// What is linked into a node, first link first.
    pub(crate) fn inputs_of(&self, node: NodeId) -> Vec<(NodeId, &Link)> {
        let mut inputs: Vec<_> = self.nodes.edges_directed(node, Direction::Incoming).collect();
        inputs.sort_by_key(EdgeRef::id);
        inputs.into_iter().map(|e| (e.source(), e.weight())).collect()
    }

    /// The source that a node's first input comes from in the end; itself, when it has none.
    #[must_use]
    pub fn source_of(&self, node: NodeId) -> NodeId {
        std::iter::successors(Some(node), |id| self.first_producer(*id)).last().unwrap_or(node)
    }

    /// Whether a node stands in front of the filter that plays a list: time begins behind it, and here everything waits.
    #[must_use]
    pub fn is_listed(&self, node: NodeId) -> bool {
        let mut up = std::iter::successors(Some(node), |id| self.first_producer(*id));
        up.find_map(|id| match &self.nodes[id] {
            n if n.plugin.begins_time() => Some(false),
            n if n.is_source() => Some(n.listed),
            _ => None,
        })
        .unwrap_or(false)
    }

    /// The producer of a node's first input.
    pub(crate) fn first_producer(&self, node: NodeId) -> Option<NodeId> {
        self.nodes.edges_directed(node, Direction::Incoming).min_by_key(EdgeRef::id).map(|e| e.source())
    }

    /// Lets sinks that will get the same PIDs and need the same muxed stream share one muxer: equal sub-session, equal
    /// input caps, and equal arguments as far as filters that may be inserted before them know them. Returns the groups
    /// of more than one, first sink first. Called once, when everything is declared.
    pub fn merge_sinks(&mut self) -> Vec<Vec<NodeId>> {
        let mut groups: Vec<Vec<NodeId>> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut heard = Vec::new();
        for (id, node) in self.nodes().filter(|(_, n)| n.is_sink() && n.template.is_none()) {
            let Some(needs) = self.needs(node, &mut heard) else { continue };
            let at = *places.entry(needs).or_insert(groups.len());
            if at == groups.len() {
                groups.push(Vec::new());
            }
            groups[at].push(id);
        }
        groups.retain(|g| g.len() > 1);
        for group in &groups {
            self.leader.extend(group[1..].iter().map(|id| (*id, group[0])));
        }
        groups
    }

    /// What a sink needs, as a text that is the same for sinks that need the same; `None` without a muxer in front of it.
    /// `heard` keeps, for input caps looked at already, the filters that may come before them.
    fn needs<'a>(&'a self, sink: &'a Node, heard: &mut Vec<(&'a [Bundle], Before<'a>)>) -> Option<String> {
        let at = heard.iter().position(|(caps, _)| *caps == sink.caps).unwrap_or_else(|| {
            let muxed = !self.chains.muxers_into(&sink.caps).is_empty();
            heard.push((&sink.caps, muxed.then(|| self.chains.before(&sink.caps))));
            heard.len() - 1
        });
        let before = heard[at].1.as_ref()?;
        let by = |g: &Given, p: &Arc<dyn Plugin>| g.apply(&mut Options::defaults(p.options()));
        let is_heard = |g: &&Given| g.name == "gfreg" || before.iter().any(|p| by(g, p));
        let said = said(sink.args.iter().filter(|g| !g.local).filter(is_heard));
        Some(format!("{} {at} {:?} {said:?}", sink.subsession, sink.steering.sources))
    }

    /// The first sink of the group that shares a muxer with `sink`.
    pub(crate) fn leader(&self, sink: NodeId) -> NodeId {
        self.leader.get(&sink).copied().unwrap_or(sink)
    }

    /// Declared filters that nothing has been linked to, nor is on its way to; with why, as far as it is known.
    #[must_use]
    pub fn unreached(&self) -> Vec<(NodeId, Option<String>)> {
        let aimed = |id: NodeId| {
            let at = |n: &Node| matches!(&n.origin, Origin::Inserted(targets) if targets.contains(&id));
            self.nodes.node_weights().any(at)
        };
        let idle = |(id, n): &(NodeId, &Node)| {
            n.origin == Origin::Declared && !n.is_source() && !self.has_input(*id) && !aimed(*id)
        };
        self.nodes().filter(idle).map(|(id, _)| (id, self.refused(id))).collect()
    }

    /// Arguments and global options that no filter has heard. Complete only when everything has been linked.
    #[must_use]
    pub fn unused(&self) -> Vec<Unused> {
        let globals = self.globals.iter().enumerate();
        let unheard = globals.filter(|(_, g)| !self.nodes.node_weights().any(|n| g.is_for(n.plugin.as_ref())));
        let args = self.nodes().filter(|(_, n)| n.origin == Origin::Declared).flat_map(|(id, node)| {
            let places = (0..node.args.len()).filter(move |at| !self.is_used(id, *at));
            places.map(move |at| Unused::Arg(id, at))
        });
        args.chain(unheard.map(|(at, _)| Unused::Global(at))).collect()
    }

    fn is_used(&self, id: NodeId, at: usize) -> bool {
        let node = &self.nodes[id];
        node.args[at].name == "gfreg"
            || node.args[at].apply(&mut Options::defaults(node.plugin.options()))
            || self.nodes.node_weights().any(|n| n.inherited.contains(&(id, at)))
    }
}

/// What arguments say in the end: the last of a name counts.
pub(crate) fn said<'a>(args: impl Iterator<Item = &'a Given>) -> BTreeMap<&'a str, Option<&'a str>> {
    args.map(|g| (g.name.as_str(), g.value.as_deref())).collect()
}
