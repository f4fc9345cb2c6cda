//! From parsed words to a [`Graph`]: names to filter types, URLs to sources and sinks, arguments to option values.

use std::sync::Arc;

use weir_args::value::Mismatch;
use weir_args::{Arg, DeclKind, Declaration, Diagnostic, GlobalOption, Item, Parsed, Span, Text, suggest};
use weir_graph::{Given, Graph, Node};
use weir_media::{Bundle, CodecId, Prop, Value};
use weir_plugin::{Applied, Kind, Options, Plugin, Registry, Role, Score};

/// Arguments that steer links and not a filter (gpac-semantics 2), and whether weir can do them yet.
const RESERVED: &[(&str, bool)] = &[
    ("gfreg", true),
    ("gfloc", true),
    ("gfopt", true),
    ("gpac", true),
    ("N", true),
    ("FID", false),
    ("SID", false),
    ("RSID", false),
    ("TAG", false),
    ("ITAG", false),
    ("FS", false),
    ("FBT", false),
    ("FBU", false),
    ("FBD", false),
    ("DL", false),
    ("LT", false),
    ("NCID", false),
    ("clone", false),
    ("ccp", false),
    ("nomux", false),
];

/// A graph, and where its parts came from.
pub struct Built {
    /// The graph, with every declared filter and no link yet.
    pub graph: Graph,
    /// For each declared filter, its place in the words.
    pub spans: Vec<Span>,
    /// Places of secret option values, not to be shown.
    pub secrets: Vec<Span>,
    /// Warnings about the words.
    pub warnings: Vec<Diagnostic>,
}

/// Builds the graph of parsed words.
///
/// # Errors
/// Everything wrong with the words, in order. Nothing has been created or opened.
pub fn build(parsed: &Parsed, registry: &Registry) -> Result<Built, Vec<Diagnostic>> {
    let globals = parsed.items.iter().filter_map(|i| match i {
        Item::Global(g) => Some(g),
        _ => None,
    });
    let mut builder = Builder { registry, globals: globals.collect(), problems: Vec::new(), secrets: Vec::new() };
    let mut built = Built {
        graph: Graph::new(registry),
        spans: Vec::new(),
        secrets: Vec::new(),
        warnings: parsed.diagnostics.clone(),
    };
    for item in &parsed.items {
        match item {
            Item::Declaration(decl) => {
                if let Some(node) = builder.declare(decl) {
                    built.graph.declare(node);
                    built.spans.push(decl.span());
                }
            }
            Item::Link(link) => builder.problem(link.word.span, "links with @ cannot be used yet"),
            Item::Global(_) => {}
        }
    }
    builder.check_globals();
    builder.check_ends(&built);
    let mut problems = std::mem::take(&mut built.warnings);
    problems.extend(builder.problems);
    let (errors, warnings): (Vec<_>, Vec<_>) =
        problems.into_iter().partition(|d| d.severity == weir_args::Severity::Error);
    if !errors.is_empty() {
        return Err(errors);
    }
    Ok(Built { warnings, secrets: builder.secrets, ..built })
}

struct Builder<'a> {
    registry: &'a Registry,
    globals: Vec<&'a GlobalOption>,
    problems: Vec<Diagnostic>,
    secrets: Vec<Span>,
}

impl Builder<'_> {
    fn problem(&mut self, span: Span, message: impl Into<String>) {
        self.problems.push(Diagnostic::error(span, message));
    }

    fn declare(&mut self, decl: &Declaration) -> Option<Node> {
        let plugin = self.plugin(decl)?;
        let mut options = Options::defaults(plugin.options());
        let mut given = Vec::new();
        self.apply_globals(&plugin, &mut options);
        match decl.kind {
            DeclKind::Source if plugin.claims(&decl.name.text) > Score::No => set(&mut options, "src", &decl.name),
            DeclKind::Sink => set(&mut options, "dst", &decl.name),
            _ => {}
        }
        if let Some(codec) = decl.codec().filter(|_| decl.arg("c").is_none()) {
            set(&mut options, "c", codec);
        }
        let mut local = false;
        for arg in &decl.args {
            local |= arg.name.text == "gfloc";
            if let Some(g) = self.argument(&plugin, &mut options, arg).filter(|_| !local) {
                given.push(g);
            }
        }
        let mut node = Node::declared(plugin, options, given);
        node.codec = decl.codec().and_then(|c| CodecId::from_name(&c.text));
        if let Some(name) = decl.arg("N").and_then(Arg::value_str) {
            node.name = name.to_owned();
        }
        Some(node)
    }

    /// The filter type of a declaration.
    fn plugin(&mut self, decl: &Declaration) -> Option<Arc<dyn Plugin>> {
        match decl.kind {
            DeclKind::Filter => self.by_name(&decl.name),
            DeclKind::Encoder => self.encoder(decl),
            DeclKind::Source => self.by_url(&decl.name, Role::Source),
            DeclKind::Sink => self.by_url(&decl.name, Role::Sink),
        }
    }

    fn by_name(&mut self, name: &Text) -> Option<Arc<dyn Plugin>> {
        let found = self.registry.get(&name.text).cloned();
        if found.is_none() {
            let known = self.registry.iter().map(|p| p.name());
            let help = match suggest(&name.text, known) {
                Some(near) => format!("did you mean {near}?"),
                None => "weir -h filters lists them all".to_owned(),
            };
            self.problems
                .push(Diagnostic::error(name.span, format!("there is no filter called {}", name.text)).help(help));
        }
        found
    }

    fn encoder(&mut self, decl: &Declaration) -> Option<Arc<dyn Plugin>> {
        let Some(name) = decl.codec() else {
            self.problem(decl.span(), "enc needs a codec: enc:c=avc");
            return None;
        };
        let codec = CodecId::from_name(&name.text);
        let makes = |p: &&Arc<dyn Plugin>| {
            let gives = |b: &Bundle| {
                codec.is_some_and(|c| b.outputs.iter().any(|o| o.prop == Prop::CodecId && o.value == Value::Codec(c)))
            };
            p.role() == Role::Encoder && p.caps(&Options::defaults(p.options())).iter().any(gives)
        };
        let found = self.registry.iter().filter(makes).min_by_key(|p| p.priority()).cloned();
        if found.is_none() {
            let help = format!("weir can encode {}", self.codecs().join(", "));
            self.problems.push(Diagnostic::error(name.span, format!("no encoder makes {}", name.text)).help(help));
        }
        found
    }

    /// Names of codecs that some encoder makes.
    fn codecs(&self) -> Vec<&'static str> {
        let encoders = self.registry.iter().filter(|p| p.role() == Role::Encoder);
        let outputs = encoders.flat_map(|p| p.caps(&Options::defaults(p.options()))).flat_map(|b| b.outputs);
        let mut names: Vec<_> = outputs
            .filter_map(|o| match o.value {
                Value::Codec(c) if o.prop == Prop::CodecId => Some(c.name()),
                _ => None,
            })
            .collect();
        names.dedup();
        names
    }

    fn by_url(&mut self, url: &Text, role: Role) -> Option<Arc<dyn Plugin>> {
        // `-i avgen:...` names a source filter.
        if let Some(named) = self.registry.get(&url.text).filter(|p| p.role() == role) {
            return Some(Arc::clone(named));
        }
        let scored = self.registry.iter().filter(|p| p.role() == role).map(|p| (p.claims(&url.text), p));
        let best = scored.filter(|(score, _)| *score > Score::No).reduce(|a, b| if b.0 > a.0 { b } else { a });
        if best.is_none() {
            let what = if role == Role::Source { "read from" } else { "write to" };
            self.problem(url.span, format!("no filter can {what} this URL"));
        }
        best.map(|(_, p)| Arc::clone(p))
    }

    /// Applies one argument. Returns it when filters inserted next to this one may see it too.
    fn argument(&mut self, plugin: &Arc<dyn Plugin>, options: &mut Options, arg: &Arg) -> Option<Given> {
        let name = arg.name.text.as_str();
        let given = Given::new(name, arg.value_str());
        if name.is_empty() {
            return None;
        }
        if arg.property().is_some() {
            self.problem(arg.span(), "properties with # cannot be set yet");
            return None;
        }
        if let Some((_, usable)) = RESERVED.iter().find(|(reserved, _)| *reserved == name) {
            if !usable {
                self.problem(arg.span(), format!("{name} cannot be used yet"));
            }
            return (name == "gfreg").then_some(given);
        }
        match options.apply(name, arg.value_str()) {
            Ok(Applied::Option(index)) => {
                let secret = options.table()[index].kind == Kind::Secret;
                if secret {
                    self.secrets.extend(arg.value.as_ref().map(|v| v.span));
                }
                Some(Given { secret, ..given })
            }
            Err(mismatch) => {
                self.mismatch(arg, &mismatch);
                None
            }
            Ok(Applied::Unknown) => self.for_neighbours(plugin, arg).then_some(given),
        }
    }

    /// Whether a filter that could be inserted next to this one knows the argument; otherwise it is an error.
    fn for_neighbours(&mut self, plugin: &Arc<dyn Plugin>, arg: &Arg) -> bool {
        let mut refused = None;
        for other in self.registry.iter().filter(|p| insertable(p.as_ref())) {
            match Options::defaults(other.options()).apply(&arg.name.text, arg.value_str()) {
                Ok(Applied::Option(_)) => return true,
                Ok(Applied::Unknown) => {}
                Err(mismatch) => refused = Some(mismatch),
            }
        }
        if let Some(mismatch) = refused {
            self.mismatch(arg, &mismatch);
            return false;
        }
        let known = plugin.options().iter().map(|o| o.name);
        let help = match suggest(&arg.name.text, known) {
            Some(near) => format!("did you mean {near}?"),
            None => format!("weir -h {} lists its options", plugin.name()),
        };
        let message = format!("{} has no option {}", plugin.name(), arg.name.text);
        self.problems.push(Diagnostic::error(arg.name.span, message).help(help));
        false
    }

    fn mismatch(&mut self, arg: &Arg, mismatch: &Mismatch) {
        let span = arg.value.as_ref().map_or(arg.name.span, |v| v.span);
        self.problem(span, format!("{}: {mismatch}", arg.name.text));
    }

    fn apply_globals(&mut self, plugin: &Arc<dyn Plugin>, options: &mut Options) {
        for global in self.globals.clone() {
            if global.filter.as_ref().is_some_and(|f| f.text != plugin.name()) {
                continue;
            }
            if let Err(mismatch) = options.apply(&global.name.text, global.value.as_ref().map(Text::as_str)) {
                let span = global.value.as_ref().map_or(global.name.span, |v| v.span);
                self.problem(span, format!("{} of {}: {mismatch}", global.name.text, plugin.name()));
            }
        }
    }

    /// A global option must be one of some filter type.
    fn check_globals(&mut self) {
        for global in self.globals.clone() {
            let meant = |p: &&Arc<dyn Plugin>| global.filter.as_ref().is_none_or(|f| f.text == p.name());
            let has = |p: &Arc<dyn Plugin>| p.options().iter().any(|o| o.name == global.name.text);
            if !self.registry.iter().filter(meant).any(has) {
                self.problem(global.span(), format!("no filter has an option {}", global.name.text));
            }
        }
    }

    /// A graph has somewhere to begin and somewhere to end.
    fn check_ends(&mut self, built: &Built) {
        if !self.problems.is_empty() {
            return;
        }
        let roles: Vec<Role> = built.graph.nodes().map(|(_, n)| n.plugin.role()).collect();
        let at = built.spans.first().copied().unwrap_or(Span::new(0, 0..0));
        if !roles.contains(&Role::Source) {
            self.problems
                .push(Diagnostic::error(at, "nothing here makes media").help("begin with a source: avgen, or -i FILE"));
        } else if !roles.contains(&Role::Sink) {
            self.problems.push(
                Diagnostic::error(at, "nothing here takes media").help("end with an output: -o FILE or -o rtmp://..."),
            );
        } else if roles.first() == Some(&Role::Sink) {
            self.problems.push(
                Diagnostic::error(at, "an output before every source gets nothing").help("move it behind its source"),
            );
        }
    }
}

/// Sets an option from a part of the declaration that is not an argument, where the filter has it.
fn set(options: &mut Options, name: &str, text: &Text) {
    if options.table().iter().any(|o| o.name == name) {
        // Texts fit `src`, `dst` and `c`; a table that says otherwise keeps its default.
        let _ = options.apply(name, Some(&text.text));
    }
}

fn insertable(plugin: &dyn Plugin) -> bool {
    !plugin.explicit_only() && matches!(plugin.role(), Role::Transform | Role::Mux | Role::Encoder)
}
