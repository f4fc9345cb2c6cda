//! [`Node`]: one filter of the graph and what was said about it.

use std::sync::Arc;

use weir_args::property::Assignment;
use weir_args::source_id::Fragment;
use weir_args::template::Template;
use weir_media::{Bundle, CodecId, Props, StreamType, Value};
use weir_plugin::{Applied, Options, Plugin, Role};

use crate::steer::Steering;
use crate::{NodeId, fill};

/// One argument as given, for inheritance and printing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Given {
    /// Name, without the `=`.
    pub name: String,
    /// Text after the `=`.
    pub value: Option<String>,
    /// Its value is never printed.
    pub secret: bool,
    /// Filters inserted next to the one it was given to do not see it (`gfloc`).
    pub local: bool,
}

impl Given {
    /// An argument that is no secret and that inserted filters may see.
    #[must_use]
    pub fn new(name: impl Into<String>, value: Option<&str>) -> Self {
        Self { name: name.into(), value: value.map(str::to_owned), secret: false, local: false }
    }

    /// Whether `options` have what it names, with a value they take. Sets it there.
    pub(crate) fn apply(&self, options: &mut Options) -> bool {
        matches!(options.apply(&self.name, self.value.as_deref()), Ok(Applied::Option(_)))
    }
}

/// An option for every filter that has it (`--name=value`, `--filter@name=value`), declared or inserted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Global {
    /// Only for filters of this register name.
    pub filter: Option<String>,
    /// The option.
    pub given: Given,
}

impl Global {
    /// Whether it is meant for filters of this type, and they have it. Only names of options count here, not words of
    /// an enum (gpac-semantics 6).
    #[must_use]
    pub fn is_for(&self, plugin: &dyn Plugin) -> bool {
        let name = self.given.name.trim_start_matches('!');
        self.filter.as_ref().is_none_or(|f| f == plugin.name()) && plugin.options().iter().any(|o| o.name == name)
    }
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
    /// Name shown, unique in the graph: the one given with `N=` or else the register name, numbered from the second on.
    pub name: String,
    /// Arguments: as given, or for an inserted filter those it inherited.
    pub args: Vec<Given>,
    /// How it came here.
    pub origin: Origin,
    /// The bundle to use it with, when it has been chosen.
    pub bundle: Option<Bundle>,
    /// An encoder only takes this codec's kind of media.
    pub codec: Option<CodecId>,
    /// Implicit links stay within a sub-session (gpac-semantics 9.1).
    pub subsession: u32,
    /// And within a group of sources, unless 0.
    pub source_group: u32,
    /// What is said of its links.
    pub steering: Steering,
    /// Of a source: tests its PIDs must pass (`-i FILE#video`).
    pub picks: Vec<Fragment>,
    /// Properties for its PIDs (`#NAME=VALUE`), in order.
    pub assigned: Vec<Assignment>,
    pub(crate) caps: Vec<Bundle>,
    /// Of a sink whose name depends on what it gets: that name, until it is filled.
    pub(crate) template: Option<Template>,
    /// A source whose turn in a list comes when what plays the list says so.
    pub listed: bool,
    /// Of one that stands for some values of a property only (`SID=#NAME=*`): which.
    pub(crate) bound: Option<Vec<(String, Value)>>,
    /// Its filter has ended.
    pub(crate) is_over: bool,
    /// Where inherited arguments came from: filter, and place among its arguments.
    pub(crate) inherited: Vec<(NodeId, usize)>,
}

impl Node {
    /// A declared filter. `options` already hold `args`.
    #[must_use]
    pub fn declared(plugin: Arc<dyn Plugin>, options: Options, args: Vec<Given>) -> Self {
        let caps = plugin.caps(&options);
        let name = plugin.name().to_owned();
        let template = if plugin.role() == Role::Sink { fill::template(&options) } else { None };
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
            steering: Steering::default(),
            picks: Vec::new(),
            assigned: Vec::new(),
            caps,
            template,
            listed: false,
            bound: None,
            is_over: false,
            inherited: Vec::new(),
        }
    }

    /// Whether it has no outputs.
    #[must_use]
    pub fn is_sink(&self) -> bool {
        self.plugin.role() == Role::Sink
    }

    pub(crate) fn is_source(&self) -> bool {
        self.plugin.role() == Role::Source
    }

    pub(crate) fn is_mux(&self) -> bool {
        self.plugin.role() == Role::Mux
    }

    /// The declared filter it is a copy of, or itself.
    pub(crate) fn original(&self, id: NodeId) -> NodeId {
        if let Origin::Clone(of) = self.origin { of } else { id }
    }

    /// What it takes and makes, with its options.
    #[must_use]
    pub fn caps(&self) -> &[Bundle] {
        &self.caps
    }

    /// Whether its PIDs may go anywhere, as those of a source.
    pub(crate) fn is_demuxer(&self) -> bool {
        matches!(&self.origin, Origin::Inserted(targets) if targets.is_empty())
    }

    /// Whether a PID fits an input.
    pub(crate) fn takes(&self, pid: &Props) -> bool {
        self.is_for(pid.stream_type()) && self.caps.iter().any(|b| b.accepts(pid).is_ok())
    }

    /// Whether an encoder is for this kind of media (gpac-semantics 7.5); anything else is for all.
    pub(crate) fn is_for(&self, ty: Option<StreamType>) -> bool {
        self.codec.and_then(CodecId::stream_type).is_none_or(|t| ty == Some(t))
    }
}
