//! From parsed words to a [`Graph`]: names to filter types, URLs to sources and sinks, arguments to option values.

use std::collections::HashSet;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use weir_args::property::Assignment;
use weir_args::source_id::Fragment;
use weir_args::{
    Arg, DeclKind, Declaration, Diagnostic, GlobalOption, Item, Parsed, Severity, Span, StreamName, Text, arguments,
    redact, source_id, suggest,
};
use weir_graph::{From, Given, Global, Graph, Node, NodeId, Rules, Source, Steering};
use weir_media::{CodecId, local_path};
use weir_plugin::{Options, Plugin, Registry, Role};

use crate::arguments::{Arguments, buffer, is_buffer};
use crate::choose::{Choice, choose};
use crate::places::{Declared, Places};
use crate::playlist::{self, Playlist};
use crate::secrets::is_listener;

/// A graph, and where its parts came from.
pub struct Built {
    /// The graph, with every declared filter and no link yet.
    pub graph: Graph,
    /// Where in the words everything was declared.
    pub places: Places,
    /// Warnings about the words.
    pub warnings: Vec<Diagnostic>,
}

/// Builds the graph of parsed words.
///
/// # Errors
/// Everything wrong with the words, in their order. Nothing has been created or opened.
pub fn build(parsed: &Parsed, registry: &Registry) -> Result<Built, Vec<Diagnostic>> {
    build_with(parsed, registry, Rules::default())
}

/// Builds the graph of parsed words, to be linked by these rules.
///
/// # Errors
/// As for [`build`].
pub fn build_with(parsed: &Parsed, registry: &Registry, rules: Rules) -> Result<Built, Vec<Diagnostic>> {
    let mut builder = Builder {
        registry,
        graph: Graph::with_rules(registry, rules),
        declared: Vec::new(),
        links: Vec::new(),
        places: Places::default(),
        globals: Vec::new(),
        names_streams: parsed.items.iter().any(names_streams),
        found: parsed.diagnostics.clone(),
    };
    builder.read_globals(parsed);
    let broken = |item: &Item| {
        let words = item.first_word()..item.first_word() + item.word_count();
        parsed.diagnostics.iter().any(|d| d.severity == Severity::Error && words.contains(&d.span.word))
    };
    let mut before = None;
    for item in &parsed.items {
        match item {
            _ if broken(item) => {} // the grammar has said what is wrong
            Item::Declaration(decl) => builder.declare(decl, before),
            Item::Link(link) => builder.link(link),
            Item::Global(_) => {}
        }
        before = if let Item::Declaration(decl) = item { Some(decl) } else { before };
    }
    builder.finish()
}

struct Builder<'a> {
    registry: &'a Registry,
    graph: Graph,
    /// The node of each declaration; `None` for one that is wrong.
    declared: Vec<Option<NodeId>>,
    /// Links that wait for the filter they lead to.
    links: Vec<Source>,
    places: Places,
    /// Global options, as they stand in the words and as the graph has them.
    globals: Vec<(&'a GlobalOption, Global)>,
    /// An output is named after the streams it gets.
    names_streams: bool,
    found: Vec<Diagnostic>,
}

fn names_streams(item: &Item) -> bool {
    matches!(item, Item::Declaration(decl) if decl.kind == DeclKind::Sink && decl.name.text.contains("$stream$"))
}

/// What the arguments of a declaration came to.
struct Read {
    options: Options,
    given: Vec<Given>,
    /// Name and place of each in `given`.
    places: Vec<(String, Span)>,
    steering: Steering,
    shown: Option<String>,
    subsession: Option<u32>,
    assigned: Vec<Assignment>,
}

impl<'a> Builder<'a> {
    fn failed(&self) -> bool {
        self.found.iter().any(|d| d.severity == Severity::Error)
    }

    fn finish(mut self) -> Result<Built, Vec<Diagnostic>> {
        if !self.failed() {
            self.check_ends();
            self.check_same_file();
        }
        self.found.sort_by_key(|d| d.span);
        if self.failed() {
            self.found.retain(|d| d.severity == Severity::Error);
            return Err(self.found);
        }
        self.graph.set_globals(self.globals.into_iter().map(|(_, global)| global).collect());
        Ok(Built { graph: self.graph, places: self.places, warnings: self.found })
    }

    /// `@`: it is for the declaration that follows.
    fn link(&mut self, link: &weir_args::Link) {
        let Some(from) = link.target.and_then(|at| self.declared.get(at).copied().flatten()) else { return };
        let mut fragments = Vec::new();
        for text in &link.fragments {
            match source_id::fragment(text) {
                Ok(fragment) => fragments.push(fragment),
                Err(problem) => self.found.push(problem),
            }
        }
        self.links.push(Source { from: From::Node(from), fragments });
    }

    /// `FILE#video`: the tests in the name of a local source, and the name without them.
    fn picks(&mut self, decl: &Declaration) -> Option<(Text, Vec<Fragment>)> {
        let name = &decl.name;
        let at = name.text.find('#').filter(|_| decl.kind == DeclKind::Source && !name.text.contains("://"))?;
        let mut picks = Vec::new();
        let mut from = at + 1;
        for part in name.text[from..].split('#') {
            match source_id::fragment(&name.part(from..from + part.len())) {
                Ok(pick) => picks.push(pick),
                Err(problem) => self.found.push(problem),
            }
            from += part.len() + 1;
        }
        Some((name.part(0..at), picks))
    }

    fn declare(&mut self, decl: &Declaration, before: Option<&Declaration>) {
        let mut plain = decl.clone();
        let picks = self.picks(decl).map(|(name, picks)| {
            plain.name = name;
            picks
        });
        if plain.kind == DeclKind::Source && playlist::is_list(&plain.name.text) && plain.arg("gfreg").is_none() {
            plain = playlist::played(plain);
        }
        let decl = &plain;
        let mut links = std::mem::take(&mut self.links);
        let Choice { plugin, is_url } = match choose(self.registry, decl, before) {
            Ok(choice) => choice,
            Err(problem) => {
                self.declared.push(None);
                return self.found.push(problem);
            }
        };
        let plays = plugin.begins_time();
        let (mut node, args) = self.node(decl, plugin, is_url);
        self.check_gfreg(decl);
        if plays {
            links.extend(self.entries(decl, &node.options));
        }
        if !links.is_empty() {
            node.steering.sources.get_or_insert_default().append(&mut links);
        }
        node.picks = picks.unwrap_or_default();
        let id = self.add(decl, node, args);
        self.declared.push(Some(id));
    }

    /// What a declaration of a filter type comes to, and the places of its arguments.
    fn node(&mut self, decl: &Declaration, plugin: Arc<dyn Plugin>, is_url: bool) -> (Node, Vec<(String, Span)>) {
        let Read { options, given, places, steering, shown, subsession, assigned } =
            self.arguments(decl, plugin.as_ref(), is_url);
        let mut node = Node::declared(plugin, options, given);
        node.steering = steering;
        node.assigned = assigned;
        node.subsession = subsession.unwrap_or(node.subsession);
        node.codec = codec(decl);
        node.name = shown.unwrap_or(node.name);
        (node, places)
    }

    fn add(&mut self, decl: &Declaration, node: Node, args: Vec<(String, Span)>) -> NodeId {
        self.places.declared.push(Declared { whole: decl.span(), name: decl.name.span, args });
        self.graph.declare(node)
    }

    /// The sources of a list, which go to nothing but the filter that plays it.
    fn entries(&mut self, decl: &Declaration, options: &Options) -> Vec<Source> {
        let span = decl.name.span;
        let Playlist { files, warnings } = match Playlist::of(options) {
            Ok(list) => list,
            Err(why) => {
                self.found.push(Diagnostic::error(span, why));
                return Vec::new();
            }
        };
        self.found.extend(warnings.into_iter().map(|w| Diagnostic::warning(span, w)));
        if files.is_empty() {
            self.found.push(Diagnostic::error(span, "there is nothing to play in this list"));
        }
        let rounds = options.int("floop").filter(|n| *n != 0).map(|n| format!("loop={n}"));
        let mut sources = Vec::new();
        for text in files {
            let mut args = rounds.as_deref().map(arguments).unwrap_or_default();
            let texts = args.iter_mut().flat_map(|a| std::iter::once(&mut a.name).chain(&mut a.value));
            texts.for_each(|t| t.span = span);
            let entry = Declaration { kind: DeclKind::Source, name: Text { text, span }, args, ..decl.clone() };
            match choose(self.registry, &entry, None) {
                Ok(Choice { plugin, is_url }) => {
                    let (mut node, args) = self.node(&entry, plugin, is_url);
                    node.listed = true;
                    node.steering.explicit_only = true;
                    sources.push(Source { from: From::Node(self.add(decl, node, args)), fragments: Vec::new() });
                }
                Err(problem) => self.found.push(problem),
            }
        }
        sources
    }

    /// Global options, the name of the declaration, then its arguments.
    fn arguments(&mut self, decl: &Declaration, plugin: &dyn Plugin, is_url: bool) -> Read {
        let stream_name = if is_listener(decl) { StreamName::Public } else { StreamName::Secret };
        let mut options = Options::defaults(plugin.options());
        self.apply_globals(plugin, &mut options);
        let (mut given, mut places) = (Vec::new(), Vec::new());
        let implied = implied(decl, is_url).filter(|name| set(&mut options, name, &decl.name));
        if let Some(name) = implied.filter(|_| is_url) {
            given.push(Given::new(name, Some(&redact(&decl.name.text, stream_name))));
            places.push((name.to_owned(), decl.name.span));
        }
        let mut arguments = Arguments {
            registry: self.registry,
            plugin,
            options,
            stream_name,
            local: false,
            steering: Steering::default(),
            shown: None,
            subsession: None,
            assigned: Vec::new(),
            codec: codec(decl),
            unchecked: false,
            files: 0,
            warnings: Vec::new(),
            after_secret: false,
        };
        for arg in &decl.args {
            match arguments.read(arg) {
                Ok(kept) => {
                    places.extend(kept.iter().map(|g| (g.name.clone(), arg.span())));
                    given.extend(kept);
                }
                Err(problems) => self.found.extend(problems),
            }
        }
        let Arguments { mut options, steering, shown, subsession, assigned, warnings, .. } = arguments;
        self.found.extend(warnings);
        if self.names_streams && decl.kind == DeclKind::Source {
            plugin.take_many_streams(&mut options);
        }
        Read { options, given, places, steering, shown, subsession, assigned }
    }

    /// A name in `gfreg` that is of no filter prefers nothing.
    fn check_gfreg(&mut self, decl: &Declaration) {
        let Some(Text { text, span }) = decl.arg("gfreg").and_then(|a| a.value.as_ref()) else { return };
        for name in text.split(',').filter(|name| !name.is_empty()) {
            if !self.registry.iter().any(|p| p.name().starts_with(name)) {
                let warning = Diagnostic::warning(*span, format!("gfreg: no filter's name begins with {name}"));
                let near = suggest(name, self.registry.iter().map(|p| p.name()));
                self.found.push(match near {
                    Some(near) => warning.help(format!("did you mean {near}?")),
                    None => warning,
                });
            }
        }
    }

    /// A global option must be one of some filter type.
    fn read_globals(&mut self, parsed: &'a Parsed) {
        for item in &parsed.items {
            let Item::Global(option) = item else { continue };
            if self.read_buffer(option) {
                continue;
            }
            let filter = option.filter.as_ref().map(|f| f.text.clone());
            let given = Given::new(&option.name.text, option.value.as_ref().map(Text::as_str));
            let global = Global { filter, given };
            if self.registry.iter().any(|p| global.is_for(p.as_ref())) {
                self.places.globals.push((global.given.name.clone(), option.span()));
                self.globals.push((option, global));
            } else if !option.name.text.is_empty() {
                let problem = self.unknown_global(option);
                self.found.push(problem);
            }
        }
    }

    /// `--FILTER@FBU=N` and its like: bounds of the queues in front of every filter of a type.
    fn read_buffer(&mut self, option: &GlobalOption) -> bool {
        let filter = option.filter.as_ref().filter(|f| self.registry.get(&f.text).is_some());
        let Some(filter) = filter.filter(|_| is_buffer(&option.name.text)) else { return false };
        let GlobalOption { mark, name, value, .. } = option.clone();
        let mut bounds = Steering::default();
        match buffer(&Arg { lead: mark, name, value, opaque: false }, &mut bounds) {
            Ok(()) => self.graph.set_buffers(&filter.text, bounds.buffer_micros, bounds.buffer_packets),
            Err(problems) => self.found.extend(problems),
        }
        true
    }

    fn unknown_global(&self, option: &GlobalOption) -> Diagnostic {
        let name = &option.name.text;
        if let Some(filter) = option.filter.as_ref().filter(|f| self.registry.get(&f.text).is_none()) {
            let warning = Diagnostic::warning(filter.span, format!("there is no filter called {}", filter.text));
            return match suggest(&filter.text, self.registry.iter().map(|p| p.name())) {
                Some(near) => warning.help(format!("did you mean {near}?")),
                None => warning.help("weir -h filters lists them all"),
            };
        }
        let meant = |p: &&Arc<dyn Plugin>| option.filter.as_ref().is_none_or(|f| f.text == p.name());
        let known = self.registry.iter().filter(meant).flat_map(|p| p.options()).map(|o| o.name);
        let whose = option.filter.as_ref().map_or_else(|| "no filter has an".to_owned(), |f| format!("{f} has no"));
        let warning = Diagnostic::warning(option.name.span, format!("{whose} option {name}"));
        match suggest(name, known) {
            Some(near) => warning.help(format!("did you mean {near}?")),
            None => warning,
        }
    }

    fn apply_globals(&mut self, plugin: &dyn Plugin, options: &mut Options) {
        for (option, global) in self.globals.iter().filter(|(_, g)| g.is_for(plugin)) {
            let Given { name, value, .. } = &global.given;
            if let Err(mismatch) = options.apply(name, value.as_deref()) {
                let span = option.value.as_ref().map_or(option.name.span, |v| v.span);
                let message = format!("{name} of {}: {mismatch}", plugin.name());
                self.found.push(Diagnostic::error(span, message));
            }
        }
    }

    /// Two outputs never write one file: each would spoil what the other wrote. Told from the text alone.
    fn check_same_file(&mut self) {
        let file = |node: &Node| {
            let dst = node.options.text("dst")?;
            let path = local_path(dst).filter(|p| !matches!(*p, "null" | "-" | "stdout" | "std"))?;
            Some(Path::new(path).components().filter(|c| *c != Component::CurDir).collect::<PathBuf>())
        };
        let sinks =
            self.graph.nodes().filter(|(_, n)| n.is_sink() && n.plugin.options().iter().any(|o| o.name == "dst"));
        let files: Vec<(usize, PathBuf)> = sinks.filter_map(|(id, n)| Some((id.index(), file(n)?))).collect();
        let mut seen = HashSet::new();
        for (at, path) in &files {
            if !seen.insert(path) {
                let message = format!("{} is written by another output already", path.display());
                self.found.push(Diagnostic::error(self.places.declared[*at].name, message));
            }
        }
    }

    /// A graph has somewhere to begin and somewhere to end, in this order where links are made by place.
    fn check_ends(&mut self) {
        let is_free = |n: &Node| n.steering.sources.is_some() || self.graph.rules().complete;
        let nodes: Vec<(Role, u32, bool)> =
            self.graph.nodes().map(|(_, n)| (n.plugin.role(), n.subsession, is_free(n))).collect();
        let Some(first_source) = nodes.iter().position(|(role, ..)| *role == Role::Source) else {
            let at = self.places.declared.first().map_or(Span::new(0, 0..0), |d| d.name);
            let help = "begin with a source: avgen, or -i FILE";
            return self.found.push(Diagnostic::error(at, "nothing here makes media").help(help));
        };
        for (place, _) in self.places.declared[..first_source].iter().zip(&nodes).filter(|(_, (.., free))| !free) {
            let message = "nothing comes to what stands before every source";
            self.found.push(Diagnostic::error(place.name, message).help("put it behind its source"));
        }
        let Some((_, last, _)) = nodes.last() else { return };
        let is_end = |(role, sub, free): &(Role, u32, bool)| *role == Role::Sink && (sub == last || *free);
        if !nodes.iter().any(is_end) {
            let source = nodes.iter().position(|(_, sub, _)| sub == last).unwrap_or(first_source);
            let message = "nothing behind this source takes its media";
            let help = "end with an output: -o FILE or -o rtmp://...";
            self.found.push(Diagnostic::error(self.places.declared[source].name, message).help(help));
        }
    }
}

/// The codec an encoder was declared with.
fn codec(decl: &Declaration) -> Option<CodecId> {
    decl.codec().and_then(|c| CodecId::from_name(&c.text))
}

/// The option that the name of a declaration is for.
fn implied(decl: &Declaration, is_url: bool) -> Option<&'static str> {
    match decl.kind {
        DeclKind::Source if is_url => Some("src"),
        DeclKind::Sink if is_url => Some("dst"),
        DeclKind::Encoder if !decl.keyword.text.is_empty() => Some("c"),
        _ => None,
    }
}

/// Sets an option from the name of the declaration, where the filter has it.
fn set(options: &mut Options, name: &str, text: &Text) -> bool {
    // Texts fit `src`, `dst` and `c`; a table that says otherwise keeps its default.
    options.table().iter().any(|o| o.name == name) && options.apply(name, Some(&text.text)).is_ok()
}
