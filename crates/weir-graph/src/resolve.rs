//! Where a new PID goes (gpac-semantics 9.2, 9.3, 11).

use std::collections::BTreeSet;
use std::sync::Arc;

use petgraph::Direction;
use petgraph::visit::{EdgeRef, Reversed, Walker};
use weir_media::{Bundle, Prop, Props, StreamType, Value};
use weir_plugin::{Options, OutId, Plugin, Role};

use crate::chain::{FirstHop, Search};
use crate::explain::{Decision, Outcome, Rule, Trail};
use crate::graph::{Graph, Link, NodeId, said};
use crate::node::{Given, Node, Origin};
use crate::steer::{Offer, Verdict, is_met};

/// One change the host makes to follow a resolution.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// Create this node's filter, unless it is there or [deferred](Graph::is_deferred); then this comes again.
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
    /// It was linked to nothing because all that could take it name other PIDs as their sources.
    pub by_choice: bool,
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

/// Why a filter may get a PID.
#[derive(Clone, PartialEq, Debug)]
enum Claim {
    /// By its place.
    Implicit,
    /// Its sources name the PID; the values are those it is sorted by.
    Explicit(Vec<(String, Value)>),
    /// The PID was made for it.
    Promised,
}

impl Claim {
    fn rule(&self, complete: bool) -> Rule {
        match self {
            Self::Implicit if complete => Rule::Complete,
            Self::Implicit => Rule::Place,
            Self::Explicit(_) => Rule::Source,
            Self::Promised => Rule::Promised,
        }
    }
}

/// Why a PID was not linked to one filter.
enum Refusal {
    /// It has what it can take already; a copy of it could take more.
    Full(String),
    /// It cannot be.
    Unfit(String),
}

impl Graph {
    /// Decides where a new PID goes and records the links.
    pub fn resolve(&mut self, from: NodeId, out: OutId, props: &Props) -> Resolution {
        let nth = self.count(from, out, props);
        let pid = Pid { from, out, props };
        let targets = match &self.nodes[from].origin {
            Origin::Inserted(targets) if !targets.is_empty() => {
                targets.iter().map(|id| (*id, Claim::Promised)).collect()
            }
            _ => self.candidates(from, props, nth),
        };
        let mut done = Resolution { by_choice: targets.is_empty() && self.has_choosers(from), ..Resolution::default() };
        let (mut to_filter, mut to_sink) = (None, None);
        let mut refused = Vec::new();
        let mut decisions = Vec::new();
        for (target, claim) in self.in_passes(targets, props) {
            let is_sink = self.nodes[target].is_sink();
            let rule = claim.rule(self.rules.complete);
            // By place, the first filter that takes a PID keeps it, and sinks share it.
            if let Some(taker) = to_filter.or(to_sink.filter(|_| !is_sink)).filter(|_| rule == Rule::Place) {
                decisions.push(Decision { target, rule, outcome: Outcome::Late(taker) });
                continue;
            }
            let outcome = match self.link(pid, target, &claim, &mut done) {
                Ok(outcome) => {
                    let taken = if is_sink { &mut to_sink } else { &mut to_filter };
                    taken.get_or_insert(target);
                    outcome
                }
                Err(why) => {
                    if self.is_told(target, props) {
                        refused.push(target);
                        self.note_refusal(target, why.clone());
                    }
                    Outcome::Refused(why)
                }
            };
            decisions.push(Decision { target, rule, outcome });
        }
        if done.steps.is_empty() && !self.nodes.edges(from).any(|e| e.weight().out == out) {
            done.unlinked = Some(self.unlinked(props, &refused));
        }
        let trail = Trail { props: props.clone(), decisions, unlinked: done.unlinked.clone() };
        self.trails.insert((from, out), trail);
        done
    }

    /// Puts a chain between a PID and a declared filter it is linked to, when it has become what that filter does not take.
    /// `None` when nothing is to be done, or nothing can be. Where the chain ends it goes on as the PID did.
    pub fn refit(&mut self, from: NodeId, out: OutId, props: &Props, to: NodeId) -> Option<Vec<Step>> {
        let node = &self.nodes[to];
        if matches!(node.origin, Origin::Inserted(_)) || node.takes(props) {
            return None;
        }
        let link = self.nodes.edges_connecting(from, to).find(|e| e.weight().out == out)?.id();
        let pid = Pid { from, out, props };
        let hop = self.first_hop(pid, to, false)?;
        let because = self.why_not_direct(props, to, false);
        let mut done = Resolution::default();
        let via = self.chain_node(pid, &hop, to, &mut done).ok()?;
        // One that has opened its outputs already does not look for further filters.
        if self.opened.contains_key(&via) {
            return None;
        }
        self.nodes.remove_edge(link);
        self.connect(pid, via, &mut done).ok()?;
        let outcome = Outcome::Chain { way: hop.way, because, others: hop.others };
        if let Some(trail) = self.trails.get_mut(&(from, out)) {
            trail.decisions.push(Decision { target: to, rule: Rule::Changed, outcome });
        }
        Some(done.steps)
    }

    /// In complete mode, a PID that some filter takes as it is goes to such filters only: chains are for those that
    /// nobody takes (gpac-semantics 11.2).
    fn in_passes(&self, mut targets: Vec<(NodeId, Claim)>, props: &Props) -> Vec<(NodeId, Claim)> {
        let takes = |id: &NodeId| self.nodes[*id].takes(props);
        if self.rules.complete && targets.iter().any(|(id, _)| takes(id)) {
            targets.retain(|(id, claim)| *claim != Claim::Implicit || takes(id));
        }
        targets
    }

    /// Whether PIDs of `from` are chosen by hand: by its own name, or by filters that name their sources.
    fn has_choosers(&self, from: NodeId) -> bool {
        if !self.nodes[self.declared_before(from)].picks.is_empty() {
            return true;
        }
        let near = |n: &Node| n.subsession == self.nodes[from].subsession;
        self.nodes.node_weights().any(|n| n.steering.sources.is_some() && near(n))
    }

    /// Which of the PIDs of its kind a PID is, in its filter, from 1.
    fn count(&mut self, from: NodeId, out: OutId, props: &Props) -> u32 {
        let opened = self.opened.entry(from).or_default();
        if !opened.iter().any(|(o, _)| *o == out) {
            opened.push((out, props.stream_type()));
        }
        let same = opened.iter().filter(|(_, ty)| *ty == props.stream_type());
        let before = same.take_while(|(o, _)| *o != out).count();
        u32::try_from(before + 1).unwrap_or(u32::MAX)
    }

    /// A PID as sources and conditions look at it.
    pub(crate) fn offer<'a>(&'a self, from: NodeId, props: &'a Props, nth: u32) -> Offer<'a> {
        let declared = self.declared_before(from);
        let parent = match self.inputs_of(from)[..] {
            [(_, link)] => link.props.str(Prop::Name),
            _ => None,
        };
        let is_file = props.stream_type() == Some(StreamType::File);
        let is_open = is_file && !self.nodes[from].is_mux();
        let original = self.nodes[declared].original(declared);
        Offer { declared: original, steering: &self.nodes[original].steering, props, nth, parent, is_open }
    }

    /// Declared filters a PID may go to, in order (gpac-semantics 8, 9.1, 9.2).
    fn candidates(&self, from: NodeId, props: &Props, nth: u32) -> Vec<(NodeId, Claim)> {
        let source = &self.nodes[from];
        let upstream: BTreeSet<NodeId> = petgraph::visit::Bfs::new(Reversed(&self.nodes), from)
            .iter(Reversed(&self.nodes))
            .map(|id| self.nodes[id].original(id))
            .collect();
        let offer = self.offer(from, props, nth);
        if !self.nodes[offer.declared].picks.iter().all(|pick| is_met(pick, &offer, true)) {
            return Vec::new();
        }
        let explicit_only = self.rules.explicit_only || offer.steering.explicit_only;
        let have_it_whole = self.have_it_whole(from);
        let claim = |id: NodeId| {
            let n = &self.nodes[id];
            if n.origin != Origin::Declared || n.is_source() || upstream.contains(&id) {
                return None;
            }
            if n.steering.sources.is_some() {
                return match n.steering.verdict(&offer) {
                    Verdict::No => None,
                    Verdict::Yes => Some(Claim::Explicit(Vec::new())),
                    Verdict::Each(values) => Some(Claim::Explicit(values)),
                };
            }
            let is_near =
                n.subsession == source.subsession && (n.source_group == 0 || n.source_group == source.source_group);
            let is_open = !explicit_only && (is_near || self.rules.complete);
            (is_open && !have_it_whole.contains(&id)).then_some(Claim::Implicit)
        };
        self.nodes.node_indices().filter_map(|id| Some((id, claim(id)?))).collect()
    }

    /// Filters that have the file or stream which the PIDs of a demuxer come from: they need none of its parts.
    fn have_it_whole(&self, from: NodeId) -> BTreeSet<NodeId> {
        let is_file = |link: &Link| link.props.stream_type() == Some(StreamType::File);
        let up = std::iter::successors(Some(from), |id| self.first_producer(*id));
        let files = up.flat_map(|id| self.inputs_of(id)).filter(|(_, link)| is_file(link));
        let takers = files.flat_map(|(id, link)| self.nodes.edges(id).filter(|e| e.weight().out == link.out));
        takers.map(|e| self.nodes[e.target()].original(e.target())).filter(|id| *id != from).collect()
    }

    /// Links a PID to `target` or a copy of it; `Err` says why not.
    fn link(&mut self, pid: Pid<'_>, target: NodeId, claim: &Claim, done: &mut Resolution) -> Result<Outcome, String> {
        let target = self.bypassed(pid, target, done);
        let values: &[_] = if let Claim::Explicit(values) = claim { values } else { &[] };
        let mut full = None;
        for instance in self.instances(target) {
            let bound = &self.nodes[instance].bound;
            if !values.is_empty() && bound.as_ref().is_some_and(|b| b != values) {
                continue;
            }
            if !self.is_named_for(instance, pid.from, pid.props) {
                continue;
            }
            match self.link_to(pid, instance, done) {
                Ok(outcome) => {
                    if !values.is_empty() {
                        self.nodes[instance].bound = Some(values.to_vec());
                    }
                    return Ok(outcome);
                }
                Err(Refusal::Unfit(why)) => return Err(why),
                Err(Refusal::Full(why)) => full = Some(why),
            }
        }
        if values.is_empty() && !self.may_copy(target, pid.props) {
            return Err(full.unwrap_or_else(|| self.has_its_stream(target)));
        }
        let copy = Node {
            origin: Origin::Clone(target),
            bound: (!values.is_empty()).then(|| values.to_vec()),
            template: self.templates.get(&target).cloned(),
            is_over: false,
            ..self.nodes[target].clone()
        };
        let id = self.add(copy);
        self.copies.entry(target).or_default().push(id);
        done.steps.push(Step::Add(id));
        self.link_to(pid, id, done).map_err(|(Refusal::Full(why) | Refusal::Unfit(why))| why)
    }

    /// A declared filter and its copies. Of an output that is made for each name anew, those that have ended are left out.
    fn instances(&self, target: NodeId) -> Vec<NodeId> {
        let copies = self.copies.get(&target).into_iter().flatten();
        let all = std::iter::once(target).chain(copies.copied());
        let is_renewed = self.templates.contains_key(&target);
        all.filter(|id| !is_renewed || !self.is_spent(*id)).collect()
    }

    /// Whether a filter has ended, or will when it has taken what is on its way to it.
    fn is_spent(&self, id: NodeId) -> bool {
        let mut inputs = self.nodes.edges_directed(id, Direction::Incoming).peekable();
        let has_ended = |link: &Link, from| link.ended || self.is_spent(from);
        self.nodes[id].is_over || (inputs.peek().is_some() && inputs.all(|e| has_ended(e.weight(), e.source())))
    }

    /// Whether a further PID may get a copy of a filter. Two copies of an output would write one place, unless its name
    /// tells them apart.
    fn may_copy(&self, target: NodeId, props: &Props) -> bool {
        let node = &self.nodes[target];
        let one_place = node.is_sink() && (props.stream_type() == Some(StreamType::File) || node.wants_file());
        let by_default = !self.rules.complete && (!one_place || self.templates.contains_key(&target));
        node.steering.cloning.unwrap_or(by_default)
    }

    /// In place of an encoder that lets the codec of this PID pass: something that passes it on (`ccp`).
    fn bypassed(&mut self, pid: Pid<'_>, target: NodeId, done: &mut Resolution) -> NodeId {
        let node = &self.nodes[target];
        let passes = pid.props.codec().is_some_and(|c| node.steering.passes.contains(&c));
        let Some(plugin) = self.bypass.clone().filter(|_| passes) else { return target };
        let known = self.instances(target).into_iter().find(|id| self.nodes[*id].plugin.name() == plugin.name());
        if let Some(id) = known.filter(|id| self.inputs(*id) < plugin.max_inputs()) {
            return id;
        }
        let options = Options::defaults(plugin.options());
        let stand_in = Node {
            origin: Origin::Clone(target),
            steering: node.steering.clone(),
            subsession: node.subsession,
            source_group: node.source_group,
            ..Node::declared(plugin, options, Vec::new())
        };
        let id = self.add(stand_in);
        self.copies.entry(target).or_default().push(id);
        done.steps.push(Step::Add(id));
        id
    }

    /// Links a PID to this filter, directly or through the first filter of a chain.
    fn link_to(&mut self, pid: Pid<'_>, target: NodeId, done: &mut Resolution) -> Result<Outcome, Refusal> {
        let direct = self.nodes[target].takes(pid.props);
        // A file goes to a file through its demuxer, so that what is written is sound (gpac-semantics 9.6). What comes
        // live is sound packet by packet.
        let is_file = pid.props.stream_type() == Some(StreamType::File) && !pid.props.is_delivered_live();
        let remux = is_file
            && self.nodes[pid.from].is_source()
            && self.nodes[target].is_sink()
            && self.nodes[target].steering.copies != Some(true);
        let hop = self.first_hop(pid, target, direct && !remux);
        let (via, outcome) = match hop {
            Some(_) if self.is_spoken_for(pid, target) => return Err(Refusal::Full(self.has_its_stream(target))),
            Some(hop) => {
                let because = if direct && !remux {
                    format!("{} has arguments for it", self.nodes[target].name)
                } else {
                    self.why_not_direct(pid.props, target, remux && direct)
                };
                let via = self.chain_node(pid, &hop, target, done)?;
                (via, Outcome::Chain { way: hop.way, because, others: hop.others })
            }
            None if direct && !remux => (self.free_input(pid, target)?, Outcome::Direct),
            None => return Err(Refusal::Unfit(self.refusal(pid.from, pid.props, target))),
        };
        self.connect(pid, via, done)?;
        Ok(outcome)
    }

    /// Whether a filter that may not be copied has no room left for the end of a chain: other PIDs have it, or are on their
    /// way to it.
    fn is_spoken_for(&self, pid: Pid<'_>, target: NodeId) -> bool {
        let node = &self.nodes[target];
        if node.is_sink() || self.may_copy(target, pid.props) {
            return false;
        }
        let is_coming = |id: &NodeId| {
            let is_aimed = matches!(&self.nodes[*id].origin, Origin::Inserted(targets) if targets.contains(&target));
            is_aimed && self.nodes.edges(*id).next().is_none() && *id != pid.from
        };
        self.inputs(target) + self.nodes.node_indices().filter(is_coming).count() >= node.plugin.max_inputs()
    }

    /// What to insert in front of `target`. Where it takes the PID as it is, that is only what its arguments ask for.
    fn first_hop(&self, pid: Pid<'_>, target: NodeId, direct: bool) -> Option<FirstHop> {
        if self.nodes[pid.from].is_mux() {
            return None; // a muxed stream goes to a sink, never back through a demuxer
        }
        let (since, without) = self.inserted_before(pid.from);
        let search = Search {
            pid: pid.props,
            target: &self.nodes[target].caps,
            most: self.rules.max_chain.saturating_sub(since),
            prefer: &self.preferred(pid.from, target),
            without: &without,
            decodes: !self.is_encoded_here(pid.from),
        };
        if direct { self.wished(&search, target) } else { self.chains.first_hop(&search) }
    }

    /// What changes a PID in a way that arguments of `target` ask for, which it does not know itself: `c=avc:osize=320x180`.
    fn wished(&self, search: &Search<'_>, target: NodeId) -> Option<FirstHop> {
        let node = &self.nodes[target];
        let knows = |plugin: &dyn Plugin, given: &Given| given.apply(&mut Options::defaults(plugin.options()));
        let args = node.args.iter().filter(|g| !g.local && !knows(node.plugin.as_ref(), g));
        let wishes: Vec<&Given> = args.collect();
        if wishes.is_empty() || search.most == 0 {
            return None;
        }
        self.chains.adapter(search, |plugin| wishes.iter().any(|given| knows(plugin, given)))
    }

    /// Whether an encoder of this graph made what `from` gives. That is decoded again only where a decoder is named.
    fn is_encoded_here(&self, from: NodeId) -> bool {
        let mut up = std::iter::successors(Some(from), |id| self.first_producer(*id));
        up.any(|id| self.nodes[id].plugin.role() == Role::Encoder)
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
    pub(crate) fn declared_before(&self, at: NodeId) -> NodeId {
        let mut up = std::iter::successors(Some(at), |id| self.first_producer(*id));
        up.find(|id| !matches!(self.nodes[*id].origin, Origin::Inserted(_))).unwrap_or(at)
    }

    /// The filter itself, when it has room for an input.
    fn free_input(&self, pid: Pid<'_>, target: NodeId) -> Result<NodeId, Refusal> {
        let node = &self.nodes[target];
        let is_file = pid.props.stream_type() == Some(StreamType::File);
        let is_claimed = node.is_sink() && is_file && self.muxer_of(target).is_some_and(|m| m != pid.from);
        if !is_claimed && self.inputs(target) < node.plugin.max_inputs() {
            return Ok(target);
        }
        Err(Refusal::Full(self.has_its_stream(target)))
    }

    fn connect(&mut self, pid: Pid<'_>, to: NodeId, done: &mut Resolution) -> Result<(), Refusal> {
        if self.nodes.edges_connecting(pid.from, to).any(|e| e.weight().out == pid.out) {
            return Ok(());
        }
        if self.is_deferred(to) {
            self.fill(to, pid.from, pid.props).map_err(Refusal::Unfit)?;
            done.steps.push(Step::Add(to));
        }
        self.nodes.add_edge(pid.from, to, Link { out: pid.out, props: pid.props.clone(), ended: false });
        done.steps.push(Step::Connect(to));
        Ok(())
    }

    /// The node for the first hop: one already on this PID, the muxer of the target, or a new one.
    fn chain_node(
        &mut self,
        pid: Pid<'_>,
        hop: &FirstHop,
        target: NodeId,
        done: &mut Resolution,
    ) -> Result<NodeId, Refusal> {
        let heard = self.inherit(pid, hop, target);
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
            bundle: hop.aimed.clone(),
            subsession: self.nodes[target].subsession,
            source_group: self.nodes[pid.from].source_group,
            inherited: heard.places,
            ..Node::declared(Arc::clone(&hop.plugin), heard.options, heard.args)
        };
        let is_mux = node.is_mux();
        let id = self.add(node);
        if is_mux {
            self.muxers.entry(self.leader(target)).or_insert(id);
        }
        done.steps.push(Step::Add(id));
        Ok(id)
    }

    /// A filter that is there already and does what the hop would do.
    fn reusable(
        &self,
        pid: Pid<'_>,
        hop: &FirstHop,
        target: NodeId,
        args: &[Given],
    ) -> Result<Option<NodeId>, Refusal> {
        if hop.plugin.role() == Role::Mux
            && let Some(id) = self.muxer_of(target)
        {
            let room = self.inputs(id) < self.nodes[id].plugin.max_inputs();
            let fits = room && self.is_same_way(id, hop);
            return if fits { Ok(Some(id)) } else { Err(Refusal::Full(self.has_its_stream(target))) };
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
        node.plugin.name() == hop.plugin.name() && outputs(&node.bundle) == outputs(&hop.aimed)
    }

    /// The muxer inserted for a sink, or for one that shares it.
    pub(crate) fn muxer_of(&self, sink: NodeId) -> Option<NodeId> {
        self.muxers.get(&self.leader(sink)).copied()
    }

    /// Where a target writes, when it is a sink with such an option.
    fn destination_of(&self, target: NodeId, pid: Pid<'_>) -> Option<String> {
        let node = &self.nodes[target];
        let has_place = node.is_sink() && node.options.table().iter().any(|o| o.name == "dst");
        has_place.then(|| self.destination(target, pid.from, pid.props)).flatten()
    }

    /// Arguments an inserted filter sees: global options, those of the nearest declared filter before it, then of the
    /// one behind it. A demuxer serves all outputs, so it sees those of none. Where its output writes is for a muxer that
    /// asks for it.
    fn inherit(&self, pid: Pid<'_>, hop: &FirstHop, target: NodeId) -> Inherited {
        let before = self.declared_before(pid.from);
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
        if hop.plugin.role() == Role::Mux
            && let Some(dst) = self.destination_of(target, pid)
        {
            apply(&mut heard.options, hop, &Given::new("dst", Some(&dst)));
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
