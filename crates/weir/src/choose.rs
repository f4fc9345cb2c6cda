//! Which filter type a declaration means: by register name, by codec, by URL.

use std::sync::Arc;

use weir_args::{DeclKind, Declaration, Diagnostic, Text, suggest};
use weir_media::{Bundle, CodecId, Prop, Value};
use weir_plugin::{Options, Plugin, Registry, Role, Score};

/// The type of a declaration, and whether its name is a URL that goes to the option `src` or `dst`.
pub(crate) struct Choice {
    pub(crate) plugin: Arc<dyn Plugin>,
    pub(crate) is_url: bool,
}

/// Chooses the type of `decl`, which stands behind `before`.
pub(crate) fn choose(
    registry: &Registry,
    decl: &Declaration,
    before: Option<&Declaration>,
) -> Result<Choice, Diagnostic> {
    let named = |plugin| Choice { plugin, is_url: false };
    match decl.kind {
        DeclKind::Filter => by_name(registry, &decl.name, before).map(named),
        DeclKind::Encoder => encoder(registry, decl).map(named),
        DeclKind::Source => by_url(registry, decl, Role::Source),
        DeclKind::Sink => by_url(registry, decl, Role::Sink),
    }
}

fn by_name(registry: &Registry, name: &Text, before: Option<&Declaration>) -> Result<Arc<dyn Plugin>, Diagnostic> {
    if let Some(found) = registry.get(&name.text) {
        return Ok(Arc::clone(found));
    }
    if let Some((option, _)) = name.text.split_once('=') {
        let message = format!("{option}= is no filter, but an option without one");
        let to = before.map_or("FILTER", |d| &d.name.text);
        return Err(Diagnostic::error(name.span, message)
            .help(format!("options follow their filter behind a colon: {to}:{option}=...")));
    }
    let help = match suggest(&name.text, registry.iter().map(|p| p.name())) {
        Some(near) => format!("did you mean {near}?"),
        None if name.text.contains(['.', '/']) => "to read a file: -i FILE; to write one: -o FILE".to_owned(),
        None => "weir -h filters lists them all".to_owned(),
    };
    Err(Diagnostic::error(name.span, format!("there is no filter called {}", name.text)).help(help))
}

fn encoder(registry: &Registry, decl: &Declaration) -> Result<Arc<dyn Plugin>, Diagnostic> {
    let Some(name) = decl.codec() else {
        return Err(Diagnostic::error(decl.span(), "this encoder names no codec").help("write c=avc or enc:c=avc"));
    };
    let codec = CodecId::from_name(&name.text);
    let makes = |p: &&Arc<dyn Plugin>| codec.is_some_and(|c| codecs_of(p.as_ref()).contains(&c));
    let encoders = || registry.iter().filter(|p| p.role() == Role::Encoder);
    if let Some(found) = encoders().filter(makes).min_by_key(|p| p.priority()) {
        return Ok(Arc::clone(found));
    }
    let mut known: Vec<&str> = Vec::new();
    for codec in encoders().flat_map(|p| codecs_of(p.as_ref())) {
        if !known.contains(&codec.name()) {
            known.push(codec.name());
        }
    }
    let message = match codec {
        Some(_) => format!("no encoder makes {}", name.text),
        None => format!("there is no codec called {}", name.text),
    };
    let help = match suggest(&name.text, known.iter().copied()).filter(|_| codec.is_none()) {
        Some(near) => format!("did you mean {near}?"),
        None => format!("weir can encode {}", known.join(", ")),
    };
    Err(Diagnostic::error(name.span, message).help(help))
}

/// What an encoder makes.
fn codecs_of(plugin: &dyn Plugin) -> Vec<CodecId> {
    let of = |b: &Bundle| {
        let codecs = b.outputs.iter().filter(|c| c.prop == Prop::CodecId && !c.excluded);
        codecs.filter_map(|c| if let Value::Codec(id) = c.value { Some(id) } else { None }).collect::<Vec<_>>()
    };
    plugin.caps(&Options::defaults(plugin.options())).iter().flat_map(of).collect()
}

fn by_url(registry: &Registry, decl: &Declaration, role: Role) -> Result<Choice, Diagnostic> {
    let url = &decl.name;
    // `-i avgen:...` names a source filter.
    let name = url.text.strip_prefix("gpac://").unwrap_or(&url.text);
    if let Some(named) = registry.get(name).filter(|p| p.role() == role) {
        return Ok(Choice { plugin: Arc::clone(named), is_url: false });
    }
    let claiming = || registry.iter().filter(|p| p.role() == role && p.claims(&url.text) > Score::No);
    let wanted = decl.arg("gfreg").and_then(|a| a.value_str()).unwrap_or_default();
    let is_wanted = |p: &&Arc<dyn Plugin>| wanted.split(',').any(|w| !w.is_empty() && p.name().starts_with(w));
    // Best score, then smaller priority, then registration order (gpac-semantics 7.1).
    let rank = |p: &&Arc<dyn Plugin>| (is_wanted(p), p.claims(&url.text), std::cmp::Reverse(p.priority()));
    let best = claiming().reduce(|a, b| if rank(&b) > rank(&a) { b } else { a });
    best.map(|p| Choice { plugin: Arc::clone(p), is_url: true }).ok_or_else(|| {
        let (verb, option) = if role == Role::Source { ("read from", "-i") } else { ("write to", "-o") };
        let usable = |p: &&Arc<dyn Plugin>| p.role() == role && !p.explicit_only();
        let named: Vec<&str> = registry.iter().filter(usable).map(|p| p.name()).collect();
        Diagnostic::error(url.span, format!("no filter can {verb} this URL"))
            .help(format!("what {option} can use: {} (weir -h NAME tells more)", named.join(", ")))
    })
}
