//! Where a new PID goes (gpac-semantics 9.2, 9.3, 11).

use std::collections::BTreeSet;
use std::sync::Arc;

use petgraph::visit::{EdgeRef, Reversed, Walker};
use weir_media::{Bundle, Props, StreamType};
use weir_plugin::{Options, OutId, Role};

use crate::chain::{FirstHop, Search};
use crate::graph::{Graph, Link, NodeId, said};
use crate::node::{Given, Node, Origin};

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

/// Arguments an inserted filter inherits.
struct Inherited {
    options: Options,
    args: Vec<Given>,
    places: Vec<(NodeId, usize)>,
}

/// A PID on its way.
#[derive(Clone, Copy)]
struct Pid<'a> {
    from: NodeId,
    out: OutId,
    props: &'a Props,
}

impl Graph {
    /// Decides where a new PID goes and records the links.
    pub fn resolve(&mut self, from: NodeId, out: OutId, props: &Props) -> Resolution {
        let pid = Pid { from, out, props };
        let targets = match &self.nodes[from].origin {
            Origin::Inserted(targets) if !targets.is_empty() => targets.clone(),
            _ => self.candidates(from),
        };
        let mut done = Resolution::default();
        let mut only_sinks = false;
        let mut refused = Vec::new();
        for target in targets {
            let is_sink = self.nodes[target].is_sink();
            if only_sinks && !is_sink {
                continue;
            }
            match self.link(pid, target, &mut done) {
                Ok(()) if is_sink => only_sinks = true,
                Ok(()) => break, // the first filter that takes a PID keeps it; sinks follow behind that filter
                Err(why) if self.is_told(target, props) => {
                    refused.push(target);
                    self.note_refusal(target, why);
                }
                Err(_) => {}
            }
        }
        if done.steps.is_empty() && !self.nodes.edges(from).any(|e| e.weight().out == out) {
            done.unlinked = Some(self.unlinked(props, &refused));
        }
        done
    }

    /// Declared filters a PID of `from` may go to, in order (gpac-semantics 9.1, 9.2).
    fn candidates(&self, from: NodeId) -> Vec<NodeId> {
        let source = &self.nodes[from];
        let upstream: BTreeSet<NodeId> = petgraph::visit::Bfs::new(Reversed(&self.nodes), from)
            .iter(Reversed(&self.nodes))
            .map(|id| self.nodes[id].original(id))
            .collect();
        let fits = |id: &NodeId| {
            let n = &self.nodes[*id];
            n.origin == Origin::Declared
                && !n.is_source()
                && n.subsession == source.subsession
                && (n.source_group == 0 || n.source_group == source.source_group)
                && !upstream.contains(id)
        };
        self.nodes.node_indices().filter(fits).collect()
    }

    /// Links a PID to `target`, directly or through the first filter of a chain; `Err` says why not.
    fn link(&mut self, pid: Pid<'_>, target: NodeId, done: &mut Resolution) -> Result<(), String> {
        let direct = self.nodes[target].takes(pid.props);
        // A file goes to a file through its demuxer, so that what is written is sound (gpac-semantics 9.6).
        let is_file = pid.props.stream_type() == Some(StreamType::File);
        let remux = is_file && self.nodes[pid.from].is_source() && self.nodes[target].is_sink();
        let hop = if direct && !remux { None } else { self.first_hop(pid, target) };
        let via = match hop {
            Some(hop) => self.chain_node(pid, &hop, target, done)?,
            None if direct => self.free_input(pid, target, done)?,
            None => return Err(self.refusal(pid.from, pid.props, target)),
        };
        self.connect(pid, via, done);
        Ok(())
    }

    fn first_hop(&self, pid: Pid<'_>, target: NodeId) -> Option<FirstHop> {
        if self.nodes[pid.from].is_mux() {
            return None; // a muxed stream goes to a sink, never back through a demuxer
        }
        let (since, without) = self.inserted_before(pid.from);
        let search = Search {
            pid: pid.props,
            target: &self.nodes[target].caps,
            most: self.max_chain.saturating_sub(since),
            prefer: &self.preferred(pid.from, target),
            without: &without,
        };
        self.chains.first_hop(&search)
    }

    /// What was inserted between the declared filter before `at` and `at` itself: how many filters since the last point
    /// where the way was open, and all their types.
    fn inserted_before(&self, at: NodeId) -> (usize, Vec<&'static str>) {
        let is_inserted = |id: &NodeId| matches!(self.nodes[*id].origin, Origin::Inserted(_));
        let up = std::iter::successors(Some(at), |id| self.first_producer(*id)).take_while(is_inserted);
        let nodes: Vec<&Node> = up.map(|id| &self.nodes[id]).collect();
        let since = nodes.iter().take_while(|n| !n.is_demuxer()).count();
        (since, nodes.iter().map(|n| n.plugin.name()).collect())
    }

    /// Names in the `gfreg` of the declared filters before and behind a chain.
    fn preferred(&self, from: NodeId, target: NodeId) -> Vec<String> {
        let before = self.declared_before(from);
        let args = self.nodes[before].args.iter().chain(&self.nodes[target].args);
        let lists = args.filter(|g| g.name == "gfreg").filter_map(|g| g.value.as_deref());
        lists.flat_map(|v| v.split(',')).filter(|name| !name.is_empty()).map(str::to_owned).collect()
    }

    /// The nearest filter at or before `at` that was not inserted.
    fn declared_before(&self, at: NodeId) -> NodeId {
        let mut up = std::iter::successors(Some(at), |id| self.first_producer(*id));
        up.find(|id| !matches!(self.nodes[*id].origin, Origin::Inserted(_))).unwrap_or(at)
    }

    /// The target itself or a copy of it with room for an input, or a new copy.
    fn free_input(&mut self, pid: Pid<'_>, target: NodeId, done: &mut Resolution) -> Result<NodeId, String> {
        let node = &self.nodes[target];
        let is_file = pid.props.stream_type() == Some(StreamType::File);
        let one_stream = node.is_sink() && is_file;
        let claimed = one_stream && self.muxer_of(target).is_some_and(|m| m != pid.from);
        let most = node.plugin.max_inputs();
        let has_room = |id: &NodeId| self.nodes[*id].original(*id) == target && self.inputs(*id) < most;
        if let Some(id) = self.nodes.node_indices().find(has_room).filter(|_| !claimed) {
            return Ok(id);
        }
        if one_stream {
            return Err(self.has_its_stream(target)); // two copies would write one place
        }
        let copy = Node { origin: Origin::Clone(target), ..node.clone() };
        let id = self.add(copy);
        done.steps.push(Step::Add(id));
        Ok(id)
    }

    fn connect(&mut self, pid: Pid<'_>, to: NodeId, done: &mut Resolution) {
        let exists = self.nodes.edges_connecting(pid.from, to).any(|e| e.weight().out == pid.out);
        if !exists {
            self.nodes.add_edge(pid.from, to, Link { out: pid.out, props: pid.props.clone() });
            done.steps.push(Step::Connect(to));
        }
    }

    /// The node for the first hop: one already on this PID, the muxer of the target, or a new one.
    fn chain_node(
        &mut self,
        pid: Pid<'_>,
        hop: &FirstHop,
        target: NodeId,
        done: &mut Resolution,
    ) -> Result<NodeId, String> {
        let heard = self.inherit(pid.from, hop, target);
        if let Some(id) = self.reusable(pid, hop, target, &heard.args)? {
            if let Origin::Inserted(targets) = &mut self.nodes[id].origin
                && !targets.is_empty()
                && !targets.contains(&target)
            {
                targets.push(target);
            }
            return Ok(id);
        }
        let is_demuxer = hop.bundle.is_none();
        let node = Node {
            origin: Origin::Inserted(if is_demuxer { Vec::new() } else { vec![target] }),
            bundle: hop.bundle.clone(),
            subsession: self.nodes[target].subsession,
            source_group: self.nodes[pid.from].source_group,
            inherited: heard.places,
            ..Node::declared(Arc::clone(&hop.plugin), heard.options, heard.args)
        };
        let id = self.add(node);
        done.steps.push(Step::Add(id));
        Ok(id)
    }

    /// A filter that is there already and does what the hop would do.
    fn reusable(&self, pid: Pid<'_>, hop: &FirstHop, target: NodeId, args: &[Given]) -> Result<Option<NodeId>, String> {
        if hop.plugin.role() == Role::Mux
            && let Some(id) = self.muxer_of(target)
        {
            let room = self.inputs(id) < self.nodes[id].plugin.max_inputs();
            let fits = room && self.is_same_way(id, hop);
            return if fits { Ok(Some(id)) } else { Err(self.has_its_stream(target)) };
        }
        let same = |id: &NodeId| {
            let node = &self.nodes[*id];
            matches!(node.origin, Origin::Inserted(_))
                && !node.is_mux()
                && self.is_same_way(*id, hop)
                && said(node.args.iter()) == said(args.iter())
        };
        let mut on_pid = self.nodes.edges(pid.from).filter(|e| e.weight().out == pid.out).map(|e| e.target());
        Ok(on_pid.find(same))
    }

    /// Whether a node is of the hop's type and gives the same stream. Every input of a muxer may use another bundle.
    fn is_same_way(&self, id: NodeId, hop: &FirstHop) -> bool {
        let node = &self.nodes[id];
        let outputs = |b: &Option<Bundle>| b.as_ref().map(|b| b.outputs.clone());
        node.plugin.name() == hop.plugin.name() && outputs(&node.bundle) == outputs(&hop.bundle)
    }

    /// The muxer inserted for a sink, or for one that shares it.
    fn muxer_of(&self, sink: NodeId) -> Option<NodeId> {
        let leader = self.leader(sink);
        let serves = |n: &Node| match &n.origin {
            Origin::Inserted(targets) => n.is_mux() && targets.iter().any(|t| self.leader(*t) == leader),
            _ => false,
        };
        self.nodes().find(|(_, n)| serves(n)).map(|(id, _)| id)
    }

    /// Arguments an inserted filter sees: global options, those of the nearest declared filter before it, then of the
    /// one behind it. A demuxer serves all outputs, so it sees those of none.
    fn inherit(&self, from: NodeId, hop: &FirstHop, target: NodeId) -> Inherited {
        let before = self.declared_before(from);
        let sides = [Some(before), hop.bundle.is_some().then_some(target)];
        let mut heard =
            Inherited { options: Options::defaults(hop.plugin.options()), args: Vec::new(), places: Vec::new() };
        for global in self.globals.iter().filter(|g| g.is_for(hop.plugin.as_ref())) {
            apply(&mut heard.options, hop, &global.given);
        }
        for side in sides.into_iter().flatten() {
            let args = self.nodes[side].args.iter().enumerate();
            for (at, given) in args.filter(|(_, g)| !g.local && g.name != "src" && g.name != "dst") {
                if apply(&mut heard.options, hop, given) {
                    heard.args.push(given.clone());
                    heard.places.push((side, at));
                }
            }
        }
        heard
    }
}

/// Applies an argument unless the filter does not know it, it does not fit (then it is meant for another filter), or it
/// would make the filter do something else than it is inserted for.
fn apply(options: &mut Options, hop: &FirstHop, given: &Given) -> bool {
    let mut changed = options.clone();
    let fits = given.apply(&mut changed)
        && hop.bundle.as_ref().is_none_or(|chosen| hop.plugin.caps(&changed).contains(chosen));
    if fits {
        *options = changed;
    }
    fits
}
