//! Messages that point into the command line.

use std::io::{IsTerminal, stderr};

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use weir::args::{CommandLine, Diagnostic, Severity, Span};

use crate::screen::{Screen, text_columns};

/// The command line as it may be shown.
pub(crate) struct Messages<'a> {
    screen: &'a Screen,
    line: CommandLine,
}

impl<'a> Messages<'a> {
    /// Messages about `words`, of which the places `hidden` are shown as `***`.
    pub(crate) fn new(screen: &'a Screen, words: &[String], hidden: &[Span]) -> Self {
        Self { screen, line: CommandLine::new(words, hidden) }
    }

    /// Where they are printed.
    pub(crate) fn screen(&self) -> &'a Screen {
        self.screen
    }

    /// Prints one diagnostic.
    pub(crate) fn show(&self, diagnostic: &Diagnostic) {
        let level = match diagnostic.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        self.print(level, &diagnostic.message, Some(diagnostic.span), diagnostic.help.as_deref());
    }

    /// Prints an error, under a place when it has one.
    pub(crate) fn error(&self, span: Option<Span>, message: &str) {
        self.print(Level::ERROR, message, span, None);
    }

    fn print(&self, level: Level<'_>, message: &str, span: Option<Span>, help: Option<&str>) {
        let (message, help) = (self.screen.clean(message), help.map(|h| self.screen.clean(h)));
        let snippet = |s: Span| {
            let place = AnnotationKind::Primary.span(self.line.range(s));
            Snippet::source(self.line.text()).annotation(place)
        };
        let mut group = level.primary_title(&*message).elements(span.map(snippet));
        if let Some(help) = &help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        let renderer = if stderr().is_terminal() { Renderer::styled() } else { Renderer::plain() };
        let text = renderer.term_width(text_columns(&stderr())).render(&[group]);
        Screen::raw(&format!("{text}\n"));
    }
}
