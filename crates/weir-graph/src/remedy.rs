//! What would help where a PID goes nowhere, or a filter gets nothing: the nearest fix, for people.

use weir_args::source_id::IdMatch;
use weir_args::suggest;
use weir_media::{Bundle, Cap, Delivery, Prop, Props, StreamType};

use crate::chain::Search;
use crate::graph::{Graph, NodeId};
use crate::steer::From;

/// Formats named in one sentence.
const MOST_NAMED: usize = 8;

impl Graph {
    /// What would bring something to a filter that gets nothing.
    #[must_use]
    pub fn remedy(&self, target: NodeId) -> Option<String> {
        let node = &self.nodes[target];
        let named = node.steering.sources.iter().flatten().find_map(|source| match &source.from {
            From::Id { id: IdMatch::Exact(id), negated: false } => self.nameless(id),
            _ => None,
        });
        if named.is_some() {
            return named;
        }
        let is_written = node.is_sink() && node.wants_file();
        let wanted = node.caps.iter().flat_map(|b| &b.inputs).find(|c| c.prop == Prop::FileExt && !c.excluded);
        let wanted = wanted.map(|cap| cap.value.to_string()).filter(|_| is_written)?;
        let formats = self.chains.written();
        if formats.contains(&wanted) {
            return (self.rules.max_chain == 0)
                .then(|| "filters are inserted when -max-chain is more than 0".to_owned());
        }
        Some(match suggest(&wanted, formats.iter().map(String::as_str)) {
            Some(near) => format!("did you mean .{near}?"),
            None => format!("what can be written: {}", list(&formats)),
        })
    }

    /// Why a name of a source stands for nothing.
    fn nameless(&self, id: &str) -> Option<String> {
        let ids = || self.nodes.node_weights().filter_map(|n| n.steering.id.as_deref());
        if ids().any(|known| known == id) {
            return None;
        }
        Some(match suggest(id, ids()) {
            Some(near) => format!("no filter has FID={id}; did you mean {near}?"),
            None => format!("no filter has FID={id}; give it to the one that is meant"),
        })
    }

    /// What would take a PID that goes nowhere.
    pub(crate) fn remedy_for(&self, from: NodeId, pid: &Props) -> Option<String> {
        let is_file = pid.stream_type() == Some(StreamType::File);
        if is_file && !self.nodes[from].is_mux() && self.chains.takers(pid).is_empty() {
            return Some(format!("what can be read: {}", list(&self.chains.read())));
        }
        let takes = |ext: &String| {
            let kept = Cap::is(Prop::Delivery, Delivery::File).or_absent();
            let file = [Cap::is(Prop::StreamType, StreamType::File), Cap::is(Prop::FileExt, ext.as_str()), kept];
            let target = [Bundle::new(file, [])];
            let (prefer, without) = (&[], &[]);
            let search = Search { pid, target: &target, most: self.rules.max_chain, prefer, without, decodes: true };
            self.chains.first_hop(&search).is_some()
        };
        let formats: Vec<String> = self.chains.written().into_iter().filter(takes).collect();
        (!formats.is_empty() && !is_file).then(|| format!("an output that takes it: -o FILE with {}", list(&formats)))
    }
}

/// Extensions in a sentence.
fn list(formats: &[String]) -> String {
    let named: Vec<String> = formats.iter().take(MOST_NAMED).map(|ext| format!(".{ext}")).collect();
    let more = if formats.len() > MOST_NAMED { ", ..." } else { "" };
    format!("{}{more}", named.join(", "))
}
