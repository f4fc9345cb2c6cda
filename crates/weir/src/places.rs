//! [`Places`]: where in the words the parts of a graph were declared, so that messages can point there.

use weir_args::{Diagnostic, Span};
use weir_graph::Unused;
use weir_plugin::{Applied, ErrorKind, Options, Plugin, Registry};
use weir_scheduler::StartError;

/// Where one filter was declared.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Declared {
    /// The filter with its arguments.
    pub(crate) whole: Span,
    /// Its name or URL.
    pub(crate) name: Span,
    /// Its arguments, as in the node: name as typed, and place.
    pub(crate) args: Vec<(String, Span)>,
}

/// Where everything in a graph was declared.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Places {
    pub(crate) declared: Vec<Declared>,
    /// Global options, as in the graph.
    pub(crate) globals: Vec<(String, Span)>,
}

impl Places {
    /// The name or URL of a declared filter.
    #[must_use]
    pub fn name_of(&self, id: weir_graph::NodeId) -> Option<Span> {
        self.declared.get(id.index()).map(|d| d.name)
    }

    /// What to point at when a filter does not start: the argument its message begins with, the name or URL when the
    /// system refused, and else the whole declaration.
    #[must_use]
    pub fn of_failure(&self, e: &StartError) -> Option<Span> {
        let declared = self.declared.get(e.declared?)?;
        let says = |name: &str| e.error.message.strip_prefix(name).is_some_and(|rest| rest.starts_with(':'));
        if let Some((_, span)) = declared.args.iter().rev().find(|(name, _)| says(name)) {
            return Some(*span);
        }
        let by_system = matches!(e.error.kind, ErrorKind::Io | ErrorKind::Limit);
        Some(if by_system { declared.name } else { declared.whole })
    }

    /// Warnings about arguments that no filter used ([`Outcome::unused`](crate::Outcome::unused)).
    #[must_use]
    pub fn unused(&self, unused: &[Unused], registry: &Registry) -> Vec<Diagnostic> {
        let place = |u: &Unused| match *u {
            Unused::Arg(id, at) => self.declared.get(id.index())?.args.get(at),
            Unused::Global(at) => self.globals.get(at),
        };
        let warn = |(name, span): &(String, Span)| {
            let warning = Diagnostic::warning(*span, format!("no filter used {name}"));
            let known = owners(name, registry);
            if known.is_empty() { warning } else { warning.help(format!("it is an option of {}", known.join(", "))) }
        };
        unused.iter().filter_map(place).map(warn).collect()
    }
}

/// Register names of the filters that know an argument.
fn owners(name: &str, registry: &Registry) -> Vec<&'static str> {
    let bare = name.trim_start_matches('!');
    let is_word = |o: &mut Options| matches!(o.apply(name, None), Ok(Applied::Option(_)));
    let knows = |p: &&std::sync::Arc<dyn Plugin>| {
        p.options().iter().any(|o| o.name == bare) || is_word(&mut Options::defaults(p.options()))
    };
    registry.iter().filter(knows).map(|p| p.name()).collect()
}
