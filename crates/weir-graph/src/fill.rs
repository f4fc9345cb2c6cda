//! Output names with `$KEY$` in them: filled from what an output gets (gpac-semantics 13.5).

use weir_args::template::Template;
use weir_media::{Prop, Props, StreamType, Value, local_path};
use weir_plugin::Options;

use crate::graph::{Graph, NodeId};

/// The option that says where a sink writes.
const DST: &str = "dst";

impl Graph {
    /// Whether a sink is made only when its first PID is known: its name depends on that.
    #[must_use]
    pub fn is_deferred(&self, sink: NodeId) -> bool {
        self.nodes[sink].template.is_some()
    }

    /// Fills the name of `sink`, which gets a PID with these properties from `from`.
    pub(crate) fn fill(&mut self, sink: NodeId, from: NodeId, props: &Props) -> Result<(), String> {
        let Some(template) = self.nodes[sink].template.take() else { return Ok(()) };
        let name = self.unwritten(sink, self.filled(&template, sink, from, props)?);
        let node = &mut self.nodes[sink];
        for given in node.args.iter_mut().filter(|g| g.name == DST) {
            given.value = Some(name.clone());
        }
        node.options.apply(DST, Some(&name)).map_err(|e| format!("dst: {e}"))?;
        node.caps = node.plugin.caps(&node.options);
        Ok(())
    }

    /// Where a sink writes, as far as a PID with these properties from `from` tells, for a muxer that names more files
    /// after it. `None` while something is still to be filled in.
    pub(crate) fn destination(&self, sink: NodeId, from: NodeId, props: &Props) -> Option<String> {
        match &self.nodes[sink].template {
            Some(template) => self.filled(template, sink, from, props).ok(),
            None => self.nodes[sink].options.text(DST).map(str::to_owned),
        }
    }

    fn filled(&self, template: &Template, sink: NodeId, from: NodeId, props: &Props) -> Result<String, String> {
        let original = self.nodes[sink].original(sink);
        let number = self.copies.get(&original).map_or(0, |c| c.iter().position(|id| *id == sink).map_or(0, |i| i + 1));
        let count = i64::try_from(number).unwrap_or(i64::MAX);
        let filled = template.fill(count, |key| match key {
            "num" => Some(number.to_string()),
            key => self.upward(from, props, key),
        });
        filled.map_err(|key| format!("dst: nothing says what ${key}$ is"))
    }

    /// `name`, numbered when it is a file that an output of this session has written already: who comes back does not
    /// write over what is there.
    fn unwritten(&self, sink: NodeId, name: String) -> String {
        if local_path(&name).is_none_or(|path| matches!(path, "null" | "-" | "stdout" | "std")) {
            return name;
        }
        let is_written =
            |name: &str| self.nodes().any(|(id, n)| id != sink && n.is_sink() && n.options.text(DST) == Some(name));
        let (stem, ending) = match name.rfind('.').filter(|at| !name[*at..].contains('/')) {
            Some(at) => name.split_at(at),
            None => (name.as_str(), ""),
        };
        let numbered = (2..).map(|n: u32| format!("{stem}_{n}{ending}"));
        std::iter::once(name.clone()).chain(numbered).find(|name| !is_written(name)).unwrap_or(name)
    }

    /// Whether a sink may get a PID, as far as its name tells: it has none yet, or one that would give it the same name.
    pub(crate) fn is_named_for(&self, sink: NodeId, from: NodeId, props: &Props) -> bool {
        let Some(template) = self.templates.get(&self.nodes[sink].original(sink)) else { return true };
        let at = if self.is_deferred(sink) { self.muxer_of(sink) } else { Some(sink) };
        let inputs = at.map(|at| self.inputs_of(at)).unwrap_or_default();
        let Some((producer, link)) = inputs.first() else { return true };
        self.source_name(template, *producer, &link.props) == self.source_name(template, from, props)
    }

    /// What a name says of where a PID comes from. What tells PIDs of one source apart is left out: they share an output.
    fn source_name(&self, template: &Template, from: NodeId, props: &Props) -> Option<String> {
        let is_apart = |key: &str| matches!(key, "num" | "Type" | "PID");
        template.fill(0, |key| if is_apart(key) { Some(String::new()) } else { self.upward(from, props, key) }).ok()
    }

    /// What a key stands for: a property of the PID, or else of what it is made of.
    fn upward(&self, from: NodeId, props: &Props, key: &str) -> Option<String> {
        match key {
            "Type" => return Some(self.kind_of(from, props).to_owned()),
            "File" => {
                let path = self.find(from, props, "FilePath").or_else(|| self.find(from, props, "URL"))?.to_string();
                let base = path.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
                return Some(base.rsplit_once('.').map_or(base.clone(), |(stem, _)| stem.to_owned()));
            }
            _ => {}
        }
        let name = match key {
            "PID" => "ID",
            "stream" => "StreamName",
            "URL" => "URL",
            key => key.strip_prefix("pname=").unwrap_or(key),
        };
        let text = self.find(from, props, name)?.to_string();
        // Who publishes chooses the name, and must not choose the folder with it.
        Some(if key == "stream" { text.replace(['/', '\\'], "_") } else { text })
    }

    fn find(&self, from: NodeId, props: &Props, name: &str) -> Option<Value> {
        if let Some(value) = props.by_name(name) {
            return Some(value.clone());
        }
        let mut at = from;
        while let Some((producer, link)) = self.inputs_of(at).into_iter().next() {
            if let Some(value) = link.props.by_name(name) {
                return Some(value.clone());
            }
            at = producer;
        }
        None
    }

    /// `video`, `audio` or `text`; `av` for a mix.
    fn kind_of(&self, from: NodeId, props: &Props) -> &'static str {
        let word = |ty: Option<StreamType>| match ty {
            Some(StreamType::Visual) => "video",
            Some(StreamType::Audio) => "audio",
            Some(StreamType::Text) => "text",
            Some(StreamType::Metadata) => "metadata",
            Some(StreamType::File) | None => "file",
        };
        if props.stream_type() != Some(StreamType::File) {
            return word(props.stream_type());
        }
        let mut kinds: Vec<&str> = self.inputs_of(from).iter().map(|(_, l)| word(l.props.stream_type())).collect();
        kinds.sort_unstable();
        kinds.dedup();
        match kinds[..] {
            [] => "file",
            [one] => one,
            _ => "av",
        }
    }
}

/// The template in the name of a sink, when there is one.
pub(crate) fn template(options: &Options) -> Option<Template> {
    options.table().iter().find(|o| o.name == DST)?;
    let template = Template::parse(options.text(DST)?);
    (!template.is_plain()).then_some(template)
}

/// Whether a property is one that names can be filled with, well known or not.
#[must_use]
pub fn is_key(key: &str) -> bool {
    matches!(key, "num" | "PID" | "File" | "URL" | "Type" | "stream")
        || key.starts_with("pname=")
        || Prop::from_name(key).is_some()
}
