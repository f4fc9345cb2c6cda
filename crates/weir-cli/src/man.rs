//! `weir man`: the manual page, in the language of man(7), from the texts and tables that `-h` shows.

use std::fmt::Write as _;

use weir::args::value;
use weir::plugin::{OptionDef, Plugin, Registry};

use crate::{help, options};

/// The page.
pub(crate) fn page(registry: &Registry) -> String {
    let mut page = String::new();
    let version = env!("CARGO_PKG_VERSION");
    let _ = writeln!(page, ".TH WEIR 1 \"\" \"weir {version}\" \"User Commands\"");
    section(&mut page, "NAME", "weir \\- a filter graph for live media, in which no output can slow another");
    page.push_str(
        ".SH SYNOPSIS\n.B weir\n[\\fIOPTIONS\\fR] \\fISOURCE\\fR [\\fIFILTER\\fR...] \\-o \\fIOUTPUT\\fR [\\-o \\fIOUTPUT\\fR...]\n",
    );
    verbatim(&mut page, "WORDS", help::WORDS);
    verbatim(&mut page, "COMMANDS", help::COMMANDS);
    page.push_str(".SH OPTIONS\nThey have one dash.\n");
    for arg in options::command().get_arguments() {
        let name = arg.get_long().unwrap_or_default();
        let value = arg.get_value_names().filter(|_| name != "help").map(|v| format!("={}", v[0])).unwrap_or_default();
        let shown = if name == "help" { "-h [ABOUT]".to_owned() } else { format!("-{name}{value}") };
        entry(&mut page, &shown, &arg.get_help().map(ToString::to_string).unwrap_or_default());
    }
    page.push_str(".SH FILTERS\n");
    registry.iter().for_each(|plugin| filter(&mut page, plugin.as_ref()));
    verbatim(&mut page, "EXIT STATUS", help::CODES);
    page
}

fn filter(page: &mut String, plugin: &dyn Plugin) {
    let _ = writeln!(page, ".SS {}", escape(plugin.name()));
    let _ = writeln!(page, "{}.", escape(plugin.summary()));
    for paragraph in plugin.help().trim_end().split('\n').filter(|p| !p.trim().is_empty()) {
        let _ = writeln!(page, ".PP\n{}", escape(paragraph.trim()));
    }
    plugin.options().iter().for_each(|o| option(page, o));
}

fn option(page: &mut String, option: &OptionDef) {
    let default = if option.default.is_empty() { String::new() } else { format!("; default {}", option.default) };
    entry(page, option.name, &format!("{}: {}{default}.", option.help, value::expected(option.kind)));
}

/// A name in bold, and what it is about below it.
fn entry(page: &mut String, name: &str, about: &str) {
    let _ = writeln!(page, ".TP\n.B {}\n{}", escape(name), escape(about));
}

fn section(page: &mut String, title: &str, text: &str) {
    let _ = writeln!(page, ".SH {title}\n{text}");
}

/// A section whose lines stay as they are.
fn verbatim(page: &mut String, title: &str, text: &str) {
    let lines = text.trim_end().lines().map(escape).collect::<Vec<_>>().join("\n");
    section(page, title, &format!(".nf\n{lines}\n.fi"));
}

/// Text that shows as it is: no escape, no request at the start of a line, dashes that can be copied, plain ASCII.
fn escape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => plain.push_str("\\e"),
            '-' => plain.push_str("\\-"),
            c if c.is_ascii() => plain.push(c),
            c => drop(write!(plain, "\\[u{:04X}]", u32::from(c))),
        }
    }
    let text = plain;
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_tells_of_every_option() {
        let registry = weir::registry();
        let page = page(&registry);
        for plugin in registry.iter() {
            assert!(page.contains(&format!(".SS {}\n", plugin.name())), "{}", plugin.name());
            for option in plugin.options() {
                assert!(page.contains(&format!(".B {}\n", escape(option.name))), "{}", option.name);
            }
        }
        let requests = ["TH", "SH", "SS", "PP", "TP", "B", "nf", "fi"];
        let odd = page.lines().find(|l| {
            l.strip_prefix('.').is_some_and(|l| !requests.contains(&l.split(' ').next().unwrap_or_default()))
        });
        assert_eq!(odd, None, "no text is taken for a request");
    }

    #[test]
    fn text_shows_as_it_is() {
        assert_eq!(escape(".x -a \\ \u{d7}"), "\\&.x \\-a \\e \\[u00D7]");
    }
}
