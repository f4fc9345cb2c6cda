//! Why a PID was not linked, in words for people: which filter refused what.

use std::sync::Arc;

use weir_media::{Bundle, Prop, Props, StreamType, Value};
use weir_plugin::{Options, Plugin};

use crate::graph::{Graph, NodeId};
use crate::node::Node;

/// Refusals named in one message, and kept of one filter.
const MOST_NAMED: usize = 3;

impl Graph {
    /// Whether a refusal is worth telling: not that of an encoder for another medium, nor that a file has to be read
    /// before a filter can take what is in it.
    pub(crate) fn is_told(&self, target: NodeId, pid: &Props) -> bool {
        let node = &self.nodes[target];
        let ty = pid.stream_type();
        node.is_for(ty) && (node.is_sink() || ty != Some(StreamType::File))
    }

    pub(crate) fn note_refusal(&mut self, target: NodeId, why: String) {
        let kept = self.refusals.entry(target).or_default();
        kept.retain(|old| *old != why);
        kept.push(why);
        kept.drain(..kept.len().saturating_sub(MOST_NAMED));
    }

    /// Why PIDs did not come to a filter, as far as any was offered.
    #[must_use]
    pub fn refused(&self, target: NodeId) -> Option<String> {
        self.refusals.get(&target).map(|all| all.join("; "))
    }

    /// One sentence about a PID that goes nowhere, as these filters refused it.
    pub(crate) fn unlinked(&self, pid: &Props, by: &[NodeId]) -> String {
        let why = |id: &NodeId| self.refusals.get(id)?.last().map(String::as_str);
        let of = |sinks: bool| {
            let mut named: Vec<&str> = Vec::new();
            for text in by.iter().filter(|id| self.nodes[**id].is_sink() == sinks).filter_map(why) {
                if !named.contains(&text) && named.len() < MOST_NAMED {
                    named.push(text);
                }
            }
            named.join("; ")
        };
        match (of(true), of(false)) {
            (sinks, filters) if sinks.is_empty() && filters.is_empty() => {
                format!("no filter or output that follows takes {}", what(pid))
            }
            (sinks, filters) => {
                if sinks.is_empty() {
                    filters
                } else {
                    sinks
                }
            }
        }
    }

    /// Why a PID of `from` cannot reach `target`: what is missing on the way, or what the last filter on it refuses.
    pub(crate) fn refusal(&self, from: NodeId, pid: &Props, target: NodeId) -> String {
        let node = &self.nodes[target];
        let is_file = pid.stream_type() == Some(StreamType::File);
        let is_open = is_file && !self.nodes[from].is_mux();
        if is_open && pid.str(Prop::FileExt).is_none() {
            return "nothing says what it holds; name the format with :ext=flv or the like".to_owned();
        }
        if is_open && self.chains.takers(pid).is_empty() && !node.takes(pid) {
            return format!("no filter reads {}", what(pid));
        }
        let muxers = self.chains.muxers_into(&node.caps);
        let is_direct = !node.wants_file() || (is_file && !is_open);
        if !is_direct && muxers.is_empty() {
            return format!("no muxer makes {} for {}", wanted(&node.caps), node.name);
        }
        let ends = if is_direct { vec![(node.name.clone(), node.caps.clone())] } else { ends(&muxers, node) };
        let closest = ends.iter().filter_map(|(name, bundles)| Some((name, closest(pid, bundles)?)));
        match closest.max_by_key(|(_, prop)| *prop) {
            Some((name, _)) if is_open => format!("no chain of filters leads from {} to {name}", what(pid)),
            Some((name, prop)) => format!("{name} does not take {}", said(pid, prop)),
            None => format!("no chain of filters leads from {} to {}", what(pid), node.name),
        }
    }

    /// Why something is inserted between a PID and `target`.
    pub(crate) fn why_not_direct(&self, pid: &Props, target: NodeId, remux: bool) -> String {
        let node = &self.nodes[target];
        if remux {
            return format!("a file goes to {} through its demuxer, so that what is written is sound", node.name);
        }
        match closest(pid, &node.caps) {
            Some(prop) => format!("{} does not take {}", node.name, said(pid, prop)),
            None => format!("{} is full", node.name),
        }
    }

    /// A sink holds one byte stream, and any filter as many streams as it takes.
    pub(crate) fn has_its_stream(&self, sink: NodeId) -> String {
        let node = &self.nodes[sink];
        if !node.wants_file() {
            return format!("{} takes no further stream", node.name);
        }
        format!("{} already has its one stream of {}", node.name, wanted(&node.caps))
    }
}

impl Node {
    /// Whether it takes nothing but byte streams.
    pub(crate) fn wants_file(&self) -> bool {
        let is_file = |c: &weir_media::Cap| c.value == Value::Type(StreamType::File) && !c.excluded;
        let takes_files_only = |b: &Bundle| {
            let mut types = b.inputs.iter().filter(|c| c.prop == Prop::StreamType).peekable();
            types.peek().is_some() && types.all(is_file)
        };
        self.caps.iter().all(takes_files_only)
    }
}

/// The muxers in front of a sink, with what they take for it.
fn ends(muxers: &[&Arc<dyn Plugin>], sink: &Node) -> Vec<(String, Vec<Bundle>)> {
    let of = |m: &&Arc<dyn Plugin>| {
        let bundles = m.caps(&Options::defaults(m.options())).into_iter();
        let fits = bundles.filter(|b| sink.caps.iter().any(|t| b.feeds(t)));
        (format!("{} for {}", m.name(), sink.name), fits.collect())
    };
    muxers.iter().map(of).collect()
}

/// The property refused by the bundle that goes furthest before it refuses; `None` when one takes the PID.
fn closest(pid: &Props, bundles: &[Bundle]) -> Option<Prop> {
    let refused: Vec<Prop> = bundles.iter().map_while(|b| b.accepts(pid).err()).collect();
    if refused.len() < bundles.len() { None } else { refused.into_iter().max() }
}

/// A PID in a few words.
fn what(pid: &Props) -> String {
    match (pid.stream_type(), pid.codec(), pid.str(Prop::FileExt)) {
        (Some(StreamType::File), _, Some(ext)) => format!(".{ext}"),
        (Some(ty), Some(codec), _) => format!("{} {codec}", ty.name()),
        (Some(ty), ..) => ty.name().to_owned(),
        (None, ..) => "this stream".to_owned(),
    }
}

/// What a PID says of a property.
fn said(pid: &Props, prop: Prop) -> String {
    match pid.get(prop) {
        Some(ext) if prop == Prop::FileExt => format!(".{ext}"),
        Some(value) => format!("{} {value}", prop.name()),
        None => format!("a stream without {}", prop.name()),
    }
}

/// The format a filter wants, when its caps say.
fn wanted(caps: &[Bundle]) -> String {
    let extension = |b: &Bundle| {
        let cap = b.inputs.iter().find(|c| c.prop == Prop::FileExt && !c.excluded)?;
        Some(format!(".{}", cap.value))
    };
    caps.iter().find_map(extension).unwrap_or_else(|| "bytes".to_owned())
}
