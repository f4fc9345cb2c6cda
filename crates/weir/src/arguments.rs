//! What one argument of a declaration means: an option of its filter, of a filter that may be inserted next to it, or
//! something that steers links.

use std::sync::Arc;

use weir_args::value::Mismatch;
use weir_args::{Arg, Diagnostic, StreamName, redact, suggest};
use weir_graph::Given;
use weir_plugin::{Applied, Kind, Options, Plugin, Registry, Role};

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

/// Whether a name steers links, whatever the filter.
pub(crate) fn is_reserved(name: &str) -> bool {
    RESERVED.iter().any(|(reserved, _)| *reserved == name)
}

/// The arguments of one declaration as they are read.
pub(crate) struct Arguments<'a> {
    pub(crate) registry: &'a Registry,
    pub(crate) plugin: &'a dyn Plugin,
    pub(crate) options: Options,
    /// The stream name in its URLs is a key, or not.
    pub(crate) stream_name: StreamName,
    /// `gfloc` has been seen: inserted filters do not hear what follows.
    pub(crate) local: bool,
    /// The last option was a secret: what is no option now may be the rest of one with colons.
    pub(crate) after_secret: bool,
}

impl Arguments<'_> {
    /// Applies one argument. Returns it when the node keeps it.
    pub(crate) fn read(&mut self, arg: &Arg) -> Result<Option<Given>, Diagnostic> {
        let name = arg.name.text.as_str();
        if name.is_empty() {
            return Ok(None); // the grammar has said so
        }
        if arg.property().is_some() {
            return Err(Diagnostic::error(arg.span(), "properties with # cannot be set yet"));
        }
        if let Some((_, usable)) = RESERVED.iter().find(|(reserved, _)| *reserved == name) {
            return self.reserved(arg, *usable);
        }
        let mut given = Given { local: self.local, ..Given::new(name, arg.value_str()) };
        match self.options.apply(name, arg.value_str()) {
            Ok(Applied::Option(index)) => {
                given.secret = self.options.table()[index].kind == Kind::Secret;
                self.after_secret = given.secret;
                if matches!(name, "src" | "dst") {
                    given.value = given.value.map(|url| redact(&url, self.stream_name));
                }
                Ok(Some(given))
            }
            Err(mismatch) => Err(mismatched(arg, &mismatch, self.plugin)),
            Ok(Applied::Unknown) => self.for_neighbours(arg).map(|()| Some(given)),
        }
    }

    fn reserved(&mut self, arg: &Arg, usable: bool) -> Result<Option<Given>, Diagnostic> {
        let name = arg.name.text.as_str();
        self.local |= name == "gfloc";
        let value = arg.value_str().unwrap_or_default();
        if !usable {
            return Err(Diagnostic::error(arg.span(), format!("{name} cannot be used yet")));
        }
        if matches!(name, "N" | "gfreg") && value.is_empty() {
            return Err(Diagnostic::error(arg.span(), format!("{name}: expected a name")));
        }
        Ok((name == "gfreg").then(|| Given::new(name, Some(value))))
    }

    /// Checks that a filter which may be inserted next to this one knows the argument.
    fn for_neighbours(&self, arg: &Arg) -> Result<(), Diagnostic> {
        let name = arg.name.text.as_str();
        let mut refused = None;
        for other in self.neighbours() {
            match Options::defaults(other.options()).apply(name, arg.value_str()) {
                Ok(Applied::Option(_)) => return Ok(()),
                Ok(Applied::Unknown) => {}
                Err(mismatch) => refused = Some(mismatched(arg, &mismatch, other.as_ref())),
            }
        }
        Err(refused.unwrap_or_else(|| self.unknown(arg)))
    }

    /// Filters that hear arguments of this one.
    fn neighbours(&self) -> impl Iterator<Item = &Arc<dyn Plugin>> {
        let insertable = |p: &&Arc<dyn Plugin>| {
            !self.local && !p.explicit_only() && matches!(p.role(), Role::Transform | Role::Mux | Role::Encoder)
        };
        self.registry.iter().filter(insertable)
    }

    fn unknown(&self, arg: &Arg) -> Diagnostic {
        let (plugin, name) = (self.plugin.name(), arg.name.text.as_str());
        let own = || self.plugin.options().iter();
        let theirs = self.neighbours().flat_map(|p| p.options());
        let near = suggest(name, own().chain(theirs).map(|o| o.name).chain(words(own())));
        let help = match near {
            Some(near) => format!("did you mean {near}?"),
            // Not named: it may be a part of the secret.
            None if self.after_secret => {
                return Diagnostic::error(arg.name.span, format!("what follows this colon is no option of {plugin}"))
                    .help("a value with colons in it needs two before its name, as in ::key=a:b");
            }
            None => format!("weir -h {plugin} lists its options"),
        };
        Diagnostic::error(arg.name.span, format!("{plugin} has no option {name}")).help(help)
    }
}

/// Words that may stand alone for an option.
fn words<'a>(options: impl Iterator<Item = &'a weir_plugin::OptionDef>) -> impl Iterator<Item = &'static str> {
    options
        .flat_map(|o| match o.kind {
            Kind::Enum(words) => words,
            _ => &[],
        })
        .copied()
}

/// A value that does not fit.
fn mismatched(arg: &Arg, mismatch: &Mismatch, plugin: &dyn Plugin) -> Diagnostic {
    let span = arg.value.as_ref().map_or(arg.name.span, |v| v.span);
    let error = Diagnostic::error(span, format!("{}: {mismatch}", arg.name.text));
    let option = plugin.options().iter().filter(|o| o.name == arg.name.text);
    match suggest(arg.value_str().unwrap_or_default(), words(option)) {
        Some(near) => error.help(format!("did you mean {near}?")),
        None => error,
    }
}
