//! The graph as a tree for people, in the manner of GPAC's `-graph`.

use std::fmt::Write as _;

use weir_media::Prop;

use crate::graph::{Graph, NodeId, Origin};

impl Graph {
    /// A tree from each source down; filters the resolver inserted are marked. A filter reached again is shown without
    /// its subtree.
    #[must_use]
    pub fn tree(&self) -> String {
        let mut text = String::from("Filters connected:\n");
        let mut shown = Vec::new();
        for (id, _) in self.nodes().filter(|(id, _)| !self.has_input(*id) && !self.links(*id).is_empty()) {
            self.branch(&mut text, &mut shown, id, "");
        }
        let alone: Vec<_> = self.nodes().filter(|(id, _)| !self.has_input(*id) && self.links(*id).is_empty()).collect();
        if !alone.is_empty() {
            text.push_str("Filters not connected:\n");
            for (_, node) in alone {
                let _ = writeln!(text, "{}", node.name);
            }
        }
        text
    }

    fn branch(&self, text: &mut String, shown: &mut Vec<NodeId>, id: NodeId, label: &str) {
        let depth = label.chars().take_while(|c| *c == '-').count();
        let again = shown.contains(&id);
        let _ = writeln!(text, "{label}{}{}{}", self.title(id), self.mark(id), if again { " (above)" } else { "" });
        if again {
            return;
        }
        shown.push(id);
        for (to, link) in self.links(id) {
            let pid = link.props.str(Prop::Name).map_or_else(|| format!("{}", link.out.0), str::to_owned);
            let what = link
                .props
                .codec()
                .map_or_else(|| link.props.str(Prop::FileExt).unwrap_or("file").to_owned(), |c| c.to_string());
            self.branch(text, shown, to, &format!("{}(PID {pid} {what}) ", "-".repeat(depth + 1)));
        }
    }

    fn title(&self, id: NodeId) -> String {
        let node = self.node(id);
        let mut title = node.name.clone();
        for given in &node.args {
            title.push(':');
            title.push_str(&given.name);
            match &given.value {
                Some(_) if given.secret => title.push_str("=***"),
                Some(v) => {
                    title.push('=');
                    title.push_str(v);
                }
                None => {}
            }
        }
        title
    }

    fn mark(&self, id: NodeId) -> String {
        match &self.node(id).origin {
            Origin::Declared => String::new(),
            Origin::Clone(of) => format!(" (clone of {})", self.node(*of).name),
            Origin::Inserted(_) => " (inserted)".to_owned(),
        }
    }
}
