//! Why the graph is as it is: each decision of the resolver as data, and in words for people.

use std::fmt::Write as _;

use weir_media::Props;
use weir_plugin::OutId;

use crate::graph::{Graph, NodeId};
use crate::node::Origin;
use crate::print::pid;

/// Why a PID goes to a filter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rule {
    /// It is the first filter behind that takes it, or an output that shares it with others.
    Place,
    /// The filter names it with `SID=` or `@`.
    Source,
    /// In complete mode, every filter gets what it takes.
    Complete,
    /// The filter before was inserted for that.
    Promised,
    /// It had the PID, which has become what it does not take.
    Changed,
}

/// What the resolver decided about one PID and one declared filter.
#[derive(Clone, PartialEq, Debug)]
pub struct Decision {
    /// The filter it was about.
    pub target: NodeId,
    /// By which rule that filter was asked.
    pub rule: Rule,
    /// What came of it.
    pub outcome: Outcome,
}

/// How a [`Decision`] went.
#[derive(Clone, PartialEq, Debug)]
pub enum Outcome {
    /// It takes the PID as it is; or a copy of it does.
    Direct,
    /// A chain leads to it.
    Chain {
        /// Types of the chain, first to last. When the first one's outputs are known only when it runs, what follows may
        /// turn out otherwise.
        way: Vec<&'static str>,
        /// What it does not take the PID itself for.
        because: String,
        /// Other filters a chain could have begun with, and the length of that chain.
        others: Vec<(&'static str, usize)>,
    },
    /// It cannot be linked: why.
    Refused(String),
    /// It was not asked: a filter before it took the PID.
    Late(NodeId),
}

/// Everything decided about one PID.
#[derive(Clone, PartialEq, Debug)]
pub struct Trail {
    /// Its properties when it was resolved.
    pub props: Props,
    /// Filter by filter, in the order they were asked.
    pub decisions: Vec<Decision>,
    /// Why it goes nowhere, if it does.
    pub unlinked: Option<String>,
}

impl Graph {
    /// What was decided about the PIDs of a filter, by output.
    pub fn trails(&self, from: NodeId) -> impl Iterator<Item = (OutId, &Trail)> {
        self.trails.range((from, OutId(0))..=(from, OutId(u32::MAX))).map(|((_, out), trail)| (*out, trail))
    }

    /// The whole graph explained, link by link.
    #[must_use]
    pub fn explain(&self) -> String {
        let mut text = String::new();
        for (id, node) in self.nodes() {
            for (out, trail) in self.trails(id) {
                let link = crate::Link { out, props: trail.props.clone(), ended: false };
                let _ = writeln!(text, "{}: PID {}", node.name, pid(&link));
                trail.decisions.iter().for_each(|d| self.say(&mut text, d));
                if let Some(why) = &trail.unlinked {
                    let _ = writeln!(text, "  goes nowhere: {why}");
                    help(&mut text, self.remedy_for(id, &trail.props));
                }
            }
        }
        for (id, why) in self.unreached() {
            let why = why.unwrap_or_else(|| "nothing that it takes comes to it".to_owned());
            let _ = writeln!(text, "{} gets nothing: {why}", self.node(id).name);
            help(&mut text, self.remedy(id));
        }
        text
    }

    fn say(&self, text: &mut String, decision: &Decision) {
        let Decision { target, rule, outcome } = decision;
        let name = &self.node(*target).name;
        let rule = match rule {
            Rule::Place if self.node(*target).is_sink() => "outputs behind it share it",
            Rule::Place => "the first filter behind it that takes it keeps it",
            Rule::Source => "that filter names it as its source",
            Rule::Complete => "in complete mode every filter gets what it takes",
            Rule::Changed => "what it gives has changed",
            Rule::Promised => "what is before was inserted for it",
        };
        let _ = match outcome {
            Outcome::Direct => writeln!(text, "  -> {name}: {rule}"),
            Outcome::Chain { way, because, others } => {
                let _ = writeln!(text, "  -> {} -> {name}: {rule}", way.join(" -> "));
                let _ = writeln!(text, "     inserted: {}, as {because}", way.join(", "));
                let named: Vec<String> = others.iter().map(|(name, n)| format!("{name} ({n} long)")).collect();
                if named.is_empty() {
                    Ok(())
                } else {
                    let length = way.len();
                    writeln!(text, "     chosen, {length} long, over one that begins with {}", named.join(", "))
                }
            }
            Outcome::Refused(why) => writeln!(text, "  not {name}: {why}"),
            Outcome::Late(taker) => {
                writeln!(text, "  not {name}: {} before it took the PID", self.node(*taker).name)
            }
        };
    }

    /// Whether a filter was inserted, and for which.
    #[must_use]
    pub fn inserted_for(&self, id: NodeId) -> Option<&[NodeId]> {
        match &self.node(id).origin {
            Origin::Inserted(targets) => Some(targets),
            _ => None,
        }
    }
}

fn help(text: &mut String, remedy: Option<String>) {
    if let Some(remedy) = remedy {
        let _ = writeln!(text, "  what would help: {remedy}");
    }
}
