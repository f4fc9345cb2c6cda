//! Finding the shortest chain of filter types from a PID to a filter, over a petgraph of capability bundles.

use std::collections::VecDeque;
use std::sync::Arc;

use petgraph::graph::{DiGraph, NodeIndex};
use weir_media::{Bundle, Props, StreamType};
use weir_plugin::{Options, Plugin, Registry, Role};

/// One way to use one filter type.
struct Use {
    plugin: Arc<dyn Plugin>,
    bundle: Bundle,
}

/// Every insertable filter type and which can feed which. Built once per session.
pub(crate) struct Chains {
    uses: DiGraph<Use, ()>,
}

/// The first filter of a chain.
pub(crate) struct FirstHop {
    pub(crate) plugin: Arc<dyn Plugin>,
    /// The bundle to use it with; `None` when its outputs are known only once it runs.
    pub(crate) bundle: Option<Bundle>,
}

impl Chains {
    pub(crate) fn new(registry: &Registry) -> Self {
        let mut uses = DiGraph::new();
        let insertable =
            registry.iter().filter(|p| !p.explicit_only() && !matches!(p.role(), Role::Source | Role::Sink));
        for plugin in insertable {
            for bundle in plugin.caps(&Options::defaults(plugin.options())) {
                uses.add_node(Use { plugin: Arc::clone(plugin), bundle });
            }
        }
        let ids: Vec<NodeIndex> = uses.node_indices().collect();
        for &a in &ids {
            for &b in &ids {
                if uses[a].plugin.name() != uses[b].plugin.name() && uses[a].bundle.feeds(&uses[b].bundle) {
                    uses.add_edge(a, b, ());
                }
            }
        }
        Self { uses }
    }

    /// Plugins that can end a chain into `target` by muxing.
    pub(crate) fn muxers_into(&self, target: &[Bundle]) -> Vec<Arc<dyn Plugin>> {
        let feeds = |u: &Use| u.plugin.role() == Role::Mux && target.iter().any(|t| u.bundle.feeds(t));
        self.uses.node_weights().filter(|u| feeds(u)).map(|u| Arc::clone(&u.plugin)).collect()
    }

    /// The first filter of the shortest chain from a PID into `target`, at most `max` filters long.
    ///
    /// Equal lengths are decided by `prefer` (gfreg), then the priority of the first filter, then registration order.
    pub(crate) fn first_hop(&self, pid: &Props, target: &[Bundle], max: usize, prefer: &[String]) -> Option<FirstHop> {
        let mut firsts: Vec<NodeIndex> = self.uses.node_indices().filter(|i| self.takes(*i, pid)).collect();
        let rank = |i: &NodeIndex| {
            let plugin = &self.uses[*i].plugin;
            (!prefer.iter().any(|p| plugin.name().starts_with(p.as_str())), plugin.priority())
        };
        firsts.sort_by_key(rank); // stable: registration order among equals
        let best =
            firsts.into_iter().filter_map(|i| Some((self.distance(i, target, max)?, i))).min_by_key(|(d, _)| *d)?.1;
        let chosen = &self.uses[best];
        let ways = |i: NodeIndex| self.uses[i].plugin.name() == chosen.plugin.name() && self.takes(i, pid);
        let undecided = self
            .uses
            .node_indices()
            .filter(|i| ways(*i))
            .any(|i| self.uses[i].bundle.output_type() != chosen.bundle.output_type());
        Some(FirstHop { plugin: Arc::clone(&chosen.plugin), bundle: (!undecided).then(|| chosen.bundle.clone()) })
    }

    fn takes(&self, i: NodeIndex, pid: &Props) -> bool {
        self.uses[i].bundle.accepts(pid).is_ok() && same_medium(pid.stream_type(), self.uses[i].bundle.output_type())
    }

    /// Filters in the shortest chain that starts with `first` and ends in `target`.
    fn distance(&self, first: NodeIndex, target: &[Bundle], max: usize) -> Option<usize> {
        let mut seen = vec![false; self.uses.node_count()];
        let mut todo = VecDeque::from([(first, 1)]);
        seen[first.index()] = true;
        while let Some((at, length)) = todo.pop_front() {
            if length > max {
                return None;
            }
            if target.iter().any(|t| self.uses[at].bundle.feeds(t)) {
                return Some(length);
            }
            if self.uses[at].plugin.role() == Role::Mux {
                continue; // a muxed stream goes to a sink, never back through a demuxer
            }
            let from = self.uses[at].bundle.output_type();
            for next in self.uses.neighbors(at) {
                if !seen[next.index()] && same_medium(from, self.uses[next].bundle.output_type()) {
                    seen[next.index()] = true;
                    todo.push_back((next, length + 1));
                }
            }
        }
        None
    }
}

/// Chains never turn pictures into sound; files may become anything and anything a file (gpac-semantics 9.2).
fn same_medium(from: Option<StreamType>, to: Option<StreamType>) -> bool {
    match (from, to) {
        (Some(StreamType::File), _) | (_, Some(StreamType::File)) | (None, _) | (_, None) => true,
        (a, b) => a == b,
    }
}
