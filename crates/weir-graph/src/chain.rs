//! Finding the shortest chain of filter types from a PID to a filter, over a petgraph of capability bundles.

use std::collections::VecDeque;
use std::sync::Arc;

use petgraph::Direction;
use petgraph::graph::{DiGraph, NodeIndex};
use weir_media::{Bundle, Cap, Kinds, Prop, Props, StreamType};
use weir_plugin::{Options, Plugin, Registry, Role};

/// One way to use one filter type.
struct Use {
    plugin: Arc<dyn Plugin>,
    bundle: Bundle,
    takes: Kinds,
    gives: Kinds,
}

impl Use {
    fn new(plugin: &Arc<dyn Plugin>, bundle: Bundle) -> Self {
        let (takes, gives) = (Kinds::of(&bundle.inputs), Kinds::of(&bundle.outputs));
        Self { plugin: Arc::clone(plugin), bundle, takes, gives }
    }

    /// Whether a chain may go on from here with another.
    fn leads_to(&self, next: &Self) -> bool {
        self.gives.meets(next.takes)
            && self.plugin.name() != next.plugin.name()
            && !self.is_mux()
            && self.bundle.feeds(&next.bundle)
    }

    fn is_mux(&self) -> bool {
        self.plugin.role() == Role::Mux
    }
}

/// Every insertable filter type and which can feed which. Built once per session. Nothing follows a muxer in it: a muxed
/// stream goes to a sink, never back through a demuxer.
pub(crate) struct Chains {
    uses: DiGraph<Use, ()>,
}

/// A chain that is looked for.
pub(crate) struct Search<'a> {
    /// Properties of the PID it starts at.
    pub(crate) pid: &'a Props,
    /// What the filter at its end takes.
    pub(crate) target: &'a [Bundle],
    /// Filters in it, at most.
    pub(crate) most: usize,
    /// Among equals, types whose names begin with one of these (`gfreg`).
    pub(crate) prefer: &'a [String],
    /// Types it may not hold: those already on the way.
    pub(crate) without: &'a [&'static str],
    /// Whether it may hold decoders.
    pub(crate) decodes: bool,
}

impl Search<'_> {
    fn allows(&self, plugin: &dyn Plugin) -> bool {
        !self.without.contains(&plugin.name()) && (self.decodes || plugin.role() != Role::Decoder)
    }
}

/// The first filter of a chain.
pub(crate) struct FirstHop {
    pub(crate) plugin: Arc<dyn Plugin>,
    /// The bundle to use it with; `None` when its outputs are known only once it runs.
    pub(crate) bundle: Option<Bundle>,
    /// The same, aimed at what follows, where it can change properties.
    pub(crate) aimed: Option<Bundle>,
    /// Names of all filters of the chain.
    pub(crate) way: Vec<&'static str>,
    /// First filters of other chains, with the number of filters in them.
    pub(crate) others: Vec<(&'static str, usize)>,
}

impl Chains {
    /// Over all types but those on the blacklist; one whose first name begins with `-` lists the only ones.
    pub(crate) fn new(registry: &Registry, blacklist: &[String]) -> Self {
        let mut uses = DiGraph::new();
        let only = blacklist.first().is_some_and(|name| name.starts_with('-'));
        let is_listed = |name: &str| blacklist.iter().any(|b| b.trim_start_matches('-') == name);
        let insertable = registry.iter().filter(|p| {
            !p.explicit_only() && !matches!(p.role(), Role::Source | Role::Sink) && is_listed(p.name()) == only
        });
        for plugin in insertable {
            for bundle in plugin.caps(&Options::defaults(plugin.options())) {
                uses.add_node(Use::new(plugin, bundle));
            }
        }
        let ids: Vec<NodeIndex> = uses.node_indices().collect();
        for &a in &ids {
            for &b in &ids {
                if uses[a].leads_to(&uses[b]) {
                    uses.add_edge(a, b, ());
                }
            }
        }
        Self { uses }
    }

    /// Types whose output `target` takes as the end of a chain: muxers.
    pub(crate) fn muxers_into(&self, target: &[Bundle]) -> Vec<&Arc<dyn Plugin>> {
        let feeds = |u: &&Use| u.is_mux() && target.iter().any(|t| u.bundle.feeds(t));
        distinct(self.uses.node_weights().filter(feeds))
    }

    /// Types that may be inserted in front of `target` and see its arguments: everything on a way into it that is no
    /// demuxer.
    pub(crate) fn before(&self, target: &[Bundle]) -> Vec<&Arc<dyn Plugin>> {
        let last = |i: &NodeIndex| target.iter().any(|t| self.uses[*i].bundle.feeds(t));
        let mut found: Vec<NodeIndex> = self.uses.node_indices().filter(last).collect();
        let mut next = 0;
        while let Some(&at) = found.get(next) {
            let more = self.uses.neighbors_directed(at, Direction::Incoming);
            let fits = |i: &NodeIndex| !self.is_undecided(*i) && !found.contains(i);
            let more: Vec<_> = more.filter(fits).collect();
            found.extend(more);
            next += 1;
        }
        found.sort();
        distinct(found.iter().map(|i| &self.uses[*i]))
    }

    /// Extensions of files that are read, in the order of their readers.
    pub(crate) fn read(&self) -> Vec<String> {
        extensions(self.uses.node_weights().flat_map(|u| &u.bundle.inputs))
    }

    /// Extensions of files that are written, in the order of their muxers.
    pub(crate) fn written(&self) -> Vec<String> {
        extensions(self.uses.node_weights().filter(|u| u.is_mux()).flat_map(|u| &u.bundle.outputs))
    }

    /// Types that take this PID.
    pub(crate) fn takers(&self, pid: &Props) -> Vec<&Arc<dyn Plugin>> {
        distinct(self.uses.node_weights().filter(|u| u.bundle.accepts(pid).is_ok()))
    }

    /// The first filter of the shortest chain.
    ///
    /// Equal lengths are decided by `prefer`, then the priority of the first filter, then registration order.
    pub(crate) fn first_hop(&self, search: &Search<'_>) -> Option<FirstHop> {
        let mut firsts: Vec<NodeIndex> = self.uses.node_indices().filter(|i| self.starts(*i, search)).collect();
        let rank = |i: &NodeIndex| {
            let plugin = &self.uses[*i].plugin;
            (!search.prefer.iter().any(|p| plugin.name().starts_with(p.as_str())), plugin.priority())
        };
        firsts.sort_by_key(rank); // stable: registration order among equals
        let mut ways: Vec<Vec<NodeIndex>> = firsts.into_iter().filter_map(|i| self.way(i, search)).collect();
        let shortest = ways.iter().map(Vec::len).min()?;
        let way = ways.remove(ways.iter().position(|way| way.len() == shortest)?);
        let chosen = *way.first()?;
        let Use { plugin, bundle, .. } = &self.uses[chosen];
        let another = |i: NodeIndex| self.is_another_way(i, chosen) && self.starts(i, search);
        let undecided = self.uses.node_indices().any(another);
        let bundle = (!undecided).then(|| bundle.clone());
        let aimed = bundle.as_ref().map(|b| self.aimed(b, way.get(1), search.target));
        let mut others: Vec<(&str, usize)> = ways.iter().map(|way| (self.name(way[0]), way.len())).collect();
        others.retain(|(name, _)| *name != plugin.name());
        others.dedup();
        Some(FirstHop {
            plugin: Arc::clone(plugin),
            bundle,
            aimed,
            way: way.iter().map(|i| self.name(*i)).collect(),
            others,
        })
    }

    /// A bundle as the next filter of a chain needs it: `next`, or else the target.
    fn aimed(&self, bundle: &Bundle, next: Option<&NodeIndex>, target: &[Bundle]) -> Bundle {
        let next = next.map(|i| &self.uses[*i].bundle).or_else(|| target.iter().find(|t| bundle.feeds(t)));
        next.map_or_else(|| bundle.clone(), |next| bundle.towards(next))
    }

    /// A type that changes properties of a PID, and gives what the target takes, where the user wishes for it.
    pub(crate) fn adapter(&self, search: &Search<'_>, wished: impl Fn(&dyn Plugin) -> bool) -> Option<FirstHop> {
        let adapts = |i: &NodeIndex| {
            let Use { plugin, bundle, .. } = &self.uses[*i];
            !bundle.adapts.is_empty()
                && self.starts(*i, search)
                && search.target.iter().any(|t| bundle.feeds(t))
                && wished(plugin.as_ref())
        };
        let Use { plugin, bundle, .. } = &self.uses[self.uses.node_indices().find(adapts)?];
        Some(FirstHop {
            plugin: Arc::clone(plugin),
            bundle: Some(bundle.clone()),
            aimed: Some(self.aimed(bundle, None, search.target)),
            way: vec![plugin.name()],
            others: Vec::new(),
        })
    }

    /// Whether a chain may start here.
    fn starts(&self, i: NodeIndex, search: &Search<'_>) -> bool {
        let Use { plugin, bundle, takes, .. } = &self.uses[i];
        takes.meets(Kinds::of_pid(search.pid))
            && bundle.accepts(search.pid).is_ok()
            && same_medium(search.pid.stream_type(), bundle.output_type())
            && search.allows(plugin.as_ref())
    }

    /// Whether `a` and `b` are one filter type that gives different kinds of stream.
    fn is_another_way(&self, a: NodeIndex, b: NodeIndex) -> bool {
        let (a, b) = (&self.uses[a], &self.uses[b]);
        a.plugin.name() == b.plugin.name() && a.bundle.output_type() != b.bundle.output_type()
    }

    /// Whether the kind of stream a filter gives is known only once it runs.
    fn is_undecided(&self, i: NodeIndex) -> bool {
        let same_input = |j: &NodeIndex| self.uses[*j].bundle.inputs == self.uses[i].bundle.inputs;
        self.uses.node_indices().filter(same_input).any(|j| self.is_another_way(i, j))
    }

    /// The shortest chain that starts with `first` and ends in the target.
    fn way(&self, first: NodeIndex, search: &Search<'_>) -> Option<Vec<NodeIndex>> {
        let mut seen = vec![false; self.uses.node_count()];
        let mut todo = VecDeque::from([vec![first]]);
        seen[first.index()] = true;
        while let Some(way) = todo.pop_front() {
            let at = *way.last()?;
            if way.len() > search.most {
                return None;
            }
            if search.target.iter().any(|t| self.uses[at].bundle.feeds(t)) {
                return Some(way);
            }
            for next in self.steps(&way, search) {
                if !std::mem::replace(&mut seen[next.index()], true) {
                    todo.push_back([&way[..], &[next]].concat());
                }
            }
        }
        None
    }

    /// Where a chain may go on. No type comes twice.
    fn steps(&self, way: &[NodeIndex], search: &Search<'_>) -> Vec<NodeIndex> {
        let Some(&at) = way.last() else { return Vec::new() };
        let from = self.uses[at].bundle.output_type();
        let is_new = |i: &NodeIndex| {
            search.allows(self.uses[*i].plugin.as_ref()) && !way.iter().any(|j| self.name(*j) == self.name(*i))
        };
        let fits = |i: &NodeIndex| is_new(i) && same_medium(from, self.uses[*i].bundle.output_type());
        self.uses.neighbors(at).filter(fits).collect()
    }

    fn name(&self, i: NodeIndex) -> &'static str {
        self.uses[i].plugin.name()
    }
}

/// The types of some uses, each once.
fn distinct<'a>(uses: impl Iterator<Item = &'a Use>) -> Vec<&'a Arc<dyn Plugin>> {
    let mut found: Vec<&Arc<dyn Plugin>> = Vec::new();
    for Use { plugin, .. } in uses {
        if !found.iter().any(|p| p.name() == plugin.name()) {
            found.push(plugin);
        }
    }
    found
}

/// The extensions in some caps, each once.
fn extensions<'a>(caps: impl Iterator<Item = &'a Cap>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for cap in caps.filter(|c| c.prop == Prop::FileExt && !c.excluded) {
        let text = cap.value.to_string();
        for ext in text.split('|').filter(|ext| *ext != "*") {
            if !found.iter().any(|known| known == ext) {
                found.push(ext.to_owned());
            }
        }
    }
    found
}

/// Chains never turn pictures into sound; files may become anything and anything a file (gpac-semantics 9.2).
fn same_medium(from: Option<StreamType>, to: Option<StreamType>) -> bool {
    match (from, to) {
        (Some(StreamType::File), _) | (_, Some(StreamType::File)) | (None, _) | (_, None) => true,
        (a, b) => a == b,
    }
}
