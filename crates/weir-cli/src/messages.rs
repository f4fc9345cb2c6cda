//! Messages that point into the command line, or into the graph file that stands for it.

use std::io::{IsTerminal, stderr};

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use weir::args::{CommandLine, Diagnostic, Severity, Span};

use crate::input::Input;
use crate::screen::{Screen, text_columns};

/// Where messages point.
pub(crate) struct Messages<'a> {
    screen: &'a Screen,
    input: &'a Input,
    line: CommandLine,
    /// Names and texts of the files, secrets masked.
    files: Vec<(String, String)>,
}

impl<'a> Messages<'a> {
    /// Messages about an input, of whose words the places `hidden` are not shown.
    pub(crate) fn new(screen: &'a Screen, input: &'a Input, hidden: &[Span]) -> Self {
        let files = input.files.iter().flat_map(|f| &f.files);
        let files = files.map(|(name, text)| (name.clone(), screen.masked(text))).collect();
        Self { screen, input, line: CommandLine::new(&input.words, hidden), files }
    }

    /// Where they are printed.
    pub(crate) fn screen(&self) -> &'a Screen {
        self.screen
    }

    /// Prints one diagnostic about the words.
    pub(crate) fn show(&self, diagnostic: &Diagnostic) {
        self.print(level(diagnostic), &diagnostic.message, Some(diagnostic.span), diagnostic.help.as_deref());
    }

    /// Prints one diagnostic about a file.
    pub(crate) fn show_in_file(&self, diagnostic: &Diagnostic) {
        let Diagnostic { message, span, help, .. } = diagnostic;
        let source = self.files.get(span.word).map(|(name, text)| (text.as_str(), Some(name.as_str()), *span));
        self.render(level(diagnostic), message, source, help.as_deref());
    }

    /// Prints an error, under a place when it has one.
    pub(crate) fn error(&self, span: Option<Span>, message: &str) {
        self.print(Level::ERROR, message, span, None);
    }

    fn print(&self, level: Level<'_>, message: &str, span: Option<Span>, help: Option<&str>) {
        let in_file = |span: Span| {
            let place = self.input.files.as_ref()?.origin.of(span)?;
            let (name, text) = self.files.get(place.word)?;
            Some((text.as_str(), Some(name.as_str()), place))
        };
        let in_line = |span: Span| {
            let range = self.line.range(span);
            (self.line.text(), None, Span::new(0, range))
        };
        self.render(level, message, span.map(|s| in_file(s).unwrap_or_else(|| in_line(s))), help);
    }

    fn render(&self, level: Level<'_>, message: &str, source: Option<(&str, Option<&str>, Span)>, help: Option<&str>) {
        let (message, help) = (self.screen.clean(message), help.map(|h| self.screen.clean(h)));
        let mut group = level.primary_title(&*message).elements(source.map(|(text, name, at)| snippet(text, name, at)));
        if let Some(help) = &help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        let renderer = if stderr().is_terminal() { Renderer::styled() } else { Renderer::plain() };
        let text = renderer.term_width(text_columns(&stderr())).render(&[group]);
        Screen::raw(&format!("{text}\n"));
    }
}

fn snippet<'a>(text: &'a str, name: Option<&'a str>, at: Span) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
    let snippet = Snippet::source(text).annotation(AnnotationKind::Primary.span(at.start..at.end));
    match name {
        Some(name) => snippet.path(name),
        None => snippet,
    }
}

fn level(diagnostic: &Diagnostic) -> Level<'static> {
    match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    }
}
