//! The graph as a tree for people, in the manner of GPAC's `-graph` (gpac-semantics 19.2).

use std::fmt::Write as _;

use weir_media::{Prop, StreamType};

use crate::graph::{Graph, Link, NodeId};
use crate::node::{Given, Origin};

impl Graph {
    /// A tree from each source down, with the arguments and number of every filter. `dyn_idx` marks those that were
    /// inserted. Several PIDs to one filter are listed above it. A filter reached again is shown without its subtree.
    #[must_use]
    pub fn tree(&self) -> String {
        let roots = |linked: bool| {
            self.nodes()
                .map(|(id, _)| id)
                .filter(move |id| !self.has_input(*id) && self.links(*id).is_empty() != linked)
        };
        let mut text = String::new();
        let mut shown = Vec::new();
        for id in roots(true) {
            if shown.is_empty() {
                text.push_str("Filters connected:\n");
            }
            self.branch(&mut text, &mut shown, id, 0, "");
        }
        let mut alone = roots(false).peekable();
        if alone.peek().is_some() {
            text.push_str("Filters not connected:\n");
            alone.for_each(|id| writeln!(text, "{}", self.title(id)).unwrap_or_default());
        }
        text
    }

    /// A filter behind what leads to it, and everything behind it.
    fn branch(&self, text: &mut String, shown: &mut Vec<NodeId>, id: NodeId, depth: usize, lead: &str) {
        let dashes = "-".repeat(depth);
        let again = shown.contains(&id);
        let _ = writeln!(text, "{dashes}{lead}{}{}", self.title(id), if again { " (above)" } else { "" });
        if again {
            return;
        }
        shown.push(id);
        for (to, pids) in self.consumers(id) {
            let width = pids.iter().map(|p| p.chars().count()).max().unwrap_or(0);
            let (last, before) = pids.split_last().map_or(("", &[][..]), |(last, before)| (last.as_str(), before));
            for pid in before {
                let _ = writeln!(text, "{dashes}-{pid:<width$} \\");
            }
            let arrow = if before.is_empty() { "" } else { " >" };
            self.branch(text, shown, to, depth + 1, &format!("{last:<width$}{arrow} "));
        }
    }

    /// The filters behind one, each with the PIDs that go there, in the order of their first links.
    fn consumers(&self, from: NodeId) -> Vec<(NodeId, Vec<String>)> {
        let mut found: Vec<(NodeId, Vec<String>)> = Vec::new();
        for (to, link) in self.links(from) {
            let pid = format!("(PID {})", pid(link));
            match found.iter_mut().find(|(id, _)| *id == to) {
                Some((_, pids)) => pids.push(pid),
                None => found.push((to, vec![pid])),
            }
        }
        found
    }

    /// `name (arg=value) (idx=1)`.
    fn title(&self, id: NodeId) -> String {
        let node = &self.nodes[id];
        let mut title = node.name.clone();
        let codec = node.codec.filter(|_| !node.args.iter().any(|g| g.name == "c")).map(|c| format!("c={c}"));
        let args: Vec<String> = codec.into_iter().chain(node.args.iter().map(argument)).collect();
        if !args.is_empty() {
            let _ = write!(title, " ({})", args.join(" "));
        }
        let number = id.index() + 1;
        match node.origin {
            Origin::Declared => write!(title, " (idx={number})"),
            Origin::Clone(of) => write!(title, " (idx={number}, copy of {})", self.nodes[of].name),
            Origin::Inserted(_) => write!(title, " (dyn_idx={number})"),
        }
        .unwrap_or_default();
        title
    }
}

pub(crate) fn argument(given: &Given) -> String {
    match &given.value {
        Some(_) if given.secret => format!("{}=***", given.name),
        Some(value) => format!("{}={value}", given.name),
        None => given.name.clone(),
    }
}

/// Name of a PID, or its number from 1, and what it carries.
pub(crate) fn pid(link: &Link) -> String {
    let name = link.pid();
    let what = match (link.props.stream_type(), link.props.codec()) {
        (Some(StreamType::File) | None, None) => link.props.str(Prop::FileExt).unwrap_or("file").to_owned(),
        (ty, Some(codec)) => codec_of(ty, &codec.to_string()),
        (Some(ty), None) => ty.name().to_lowercase(),
    };
    format!("{name} {what}")
}

/// Raw media says nothing of its kind, a codec does.
fn codec_of(ty: Option<StreamType>, codec: &str) -> String {
    match ty.filter(|_| codec == "raw") {
        Some(ty) => format!("{codec} {}", ty.name().to_lowercase()),
        None => codec.to_owned(),
    }
}
