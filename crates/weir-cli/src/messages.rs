//! Messages that point into the command line.

use std::io::IsTerminal;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use weir::StartError;
use weir::args::{CommandLine, Diagnostic, Parsed, Severity, Span, StreamName};

/// Shows diagnostics under the words they are about, without the secrets in them.
pub(crate) struct Messages {
    words: Vec<String>,
    hidden: Vec<Span>,
}

impl Messages {
    pub(crate) fn new(words: &[String], parsed: &Parsed) -> Self {
        let is_listener = |d: &weir::args::Declaration| d.arg("rtmp_listen").is_some();
        Self { words: words.to_vec(), hidden: parsed.secrets(is_listener) }
    }

    /// Hides further places.
    pub(crate) fn hide(&mut self, places: &[Span]) {
        self.hidden.extend(places);
    }

    /// Prints one diagnostic.
    pub(crate) fn show(&self, diagnostic: &Diagnostic) {
        let level = match diagnostic.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        self.print(level, &diagnostic.message, Some(diagnostic.span), diagnostic.help.as_deref());
    }

    /// Prints why a session did not start, under the filter it is about.
    pub(crate) fn failed(&self, span: Option<Span>, e: &StartError) {
        self.print(Level::ERROR, &e.to_string(), span, None);
    }

    fn print(&self, level: Level<'_>, message: &str, span: Option<Span>, help: Option<&str>) {
        let message = weir::args::redact(message, StreamName::Public);
        let line = CommandLine::new(&self.words, &self.hidden);
        let mut group = level.primary_title(&*message).elements(
            span.map(|s| Snippet::source(line.text()).annotation(AnnotationKind::Primary.span(line.range(s)))),
        );
        if let Some(help) = help {
            group = group.element(Level::HELP.message(help));
        }
        let renderer = if std::io::stderr().is_terminal() { Renderer::styled() } else { Renderer::plain() };
        eprintln!("{}", renderer.render(&[group]));
    }
}

/// Prints an error that is about no word.
pub(crate) fn plain(text: &str) {
    eprintln!("error: {text}");
}
