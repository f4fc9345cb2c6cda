//! [`Snapshot`]: the graph as plain data, for programs. Its meaning is stable; docs/plan-json.md describes it.

use weir_media::{CodecId, Prop, StreamType};

use crate::graph::{Graph, Link};
use crate::node::Origin;
use crate::print::argument;

/// All filters and links of a graph at one moment.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Snapshot {
    /// The filters, in the order they came.
    pub nodes: Vec<NodeShot>,
    /// The links, by filter and in the order they were made.
    pub edges: Vec<EdgeShot>,
}

/// One filter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NodeShot {
    /// Number, from 1; stable for the life of the graph.
    pub id: usize,
    /// Register name.
    pub filter: String,
    /// The name given with `N=`, or else the register name, numbered from the second on.
    pub name: String,
    /// The resolver put it there.
    pub inserted: bool,
    /// The declared filter it is a copy of.
    pub clone_of: Option<usize>,
    /// Its arguments, or those it inherited, without secrets.
    pub args: Vec<String>,
}

/// One PID connected to one filter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EdgeShot {
    /// The producer.
    pub from: usize,
    /// The consumer.
    pub to: usize,
    /// Name of the PID, or its number from 1.
    pub pid: String,
    /// GPAC's name of its stream type; `-` when nothing says it.
    pub ty: &'static str,
    /// GPAC's name of its codec; `-` for bytes of a file.
    pub codec: &'static str,
    /// Coded media in its file framing.
    pub unframed: bool,
}

impl Graph {
    /// The graph as plain data.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let node = |(id, node): (crate::NodeId, &crate::Node)| NodeShot {
            id: id.index() + 1,
            filter: node.plugin.name().to_owned(),
            name: node.name.clone(),
            inserted: matches!(node.origin, Origin::Inserted(_)),
            clone_of: match node.origin {
                Origin::Clone(of) => Some(of.index() + 1),
                _ => None,
            },
            args: node.args.iter().map(argument).collect(),
        };
        let edges = |(id, _): (crate::NodeId, &crate::Node)| {
            let links = self.links(id).into_iter();
            links.map(move |(to, link)| edge(id.index() + 1, to.index() + 1, link)).collect::<Vec<_>>()
        };
        Snapshot { nodes: self.nodes().map(node).collect(), edges: self.nodes().flat_map(edges).collect() }
    }
}

fn edge(from: usize, to: usize, link: &Link) -> EdgeShot {
    let props = &link.props;
    EdgeShot {
        from,
        to,
        pid: link.pid(),
        ty: props.stream_type().map_or("-", StreamType::name),
        codec: props.codec().filter(|_| props.stream_type() != Some(StreamType::File)).map_or("-", CodecId::name),
        unframed: props.flag(Prop::Unframed),
    }
}

impl Link {
    /// Name of the PID, or its number from 1.
    #[must_use]
    pub fn pid(&self) -> String {
        self.props.str(Prop::Name).map_or_else(|| format!("{}", self.out.0 + 1), str::to_owned)
    }
}
