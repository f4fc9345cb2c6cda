//! `-h` and what may follow it: help made from the option tables and capabilities of the filters.

use std::fmt::Write as _;
use std::io::stdout;
use std::sync::Arc;

use weir::args::{suggest, value};
use weir::plugin::media::{Bundle, Cap, CodecId, Prop, StreamType, Value};
use weir::plugin::{Lane, OptionDef, Options, Plugin, Registry, Role};

use crate::screen::{self, Screen, text_columns};
use crate::{USAGE, options};

/// What is said to somebody who types nothing.
pub(crate) const USAGE_TEXT: &str = "\
usage: weir [OPTIONS] SOURCE [FILTER...] -o OUTPUT [-o OUTPUT...]

  weir avgen c=avc c=aac -o rtmp://127.0.0.1:1935/live:rtmp_listen=1
      a test picture and beep, encoded, for any number of RTMP players
  weir -i film.mp4:loop=-1 -o rtmp://0.0.0.0:1935/live:rtmp_listen=1 -o copy.flv
      a file, played for ever to players and written to a file, not transcoded

weir -h tells more.
";

pub(crate) const WORDS: &str = "\
Sources   -i FILE, -i LIST.m3u, avgen          Encoders  c=avc:b=2M, c=aac:b=128k
Outputs   -o rtmp://HOST:PORT/APP[/NAME]:rtmp_listen=1, -o FILE.flv, -o FILE.264, -o null;
          -o rtmp://HOST/APP:key=@FILE publishes to a server
Options of a filter follow it behind colons: name=value, name, !name. What an output needs, such as
a parser or a muxer, is inserted, and hears the options of the output too: -o x.flv:ileave=200.
A file named like an option holds options, some on each line: c=avc:encoder.txt. An option for every
filter that has it: --name=value, --filter@name=value.
";

pub(crate) const COMMANDS: &str = "\
weir run FILE        run a graph file (.toml, .yaml, .json)
weir plan ...        show the graph before it runs: a tree, or --json, --dot, --mermaid, --svg
weir explain ...     say why each link is as it is, and why others are not
weir check ...       say everything that would go wrong
weir convert ... F   write words or a graph file as the graph file F; - prints words
weir fmt FILE        format a graph file
weir ctl ...         look at, and act on, a session that runs with -api; weir ctl tells more
Instead of ... stand words or a graph file.
weir completions SH  print what the shell SH (bash, zsh, fish) needs to complete words
weir man             print the manual page
";

pub(crate) const CODES: &str = "\
Exit codes: 0 all went well, 1 something failed or could not start, 2 the words make no sense,
130 stopped by a second Ctrl-C. The first Ctrl-C ends the sources; outputs finish what they have.
";

/// Columns of the names on the left.
const NAME_COLUMNS: usize = 12;

const ROLES: &[(Role, &str, &str)] = &[
    (Role::Source, "Sources", "source"),
    (Role::Transform, "Filters", "filter"),
    (Role::Decoder, "Decoders", "decoder"),
    (Role::Encoder, "Encoders", "encoder"),
    (Role::Mux, "Muxers", "muxer"),
    (Role::Sink, "Outputs", "output"),
];

/// Prints help for `about`; the exit code.
pub(crate) fn show(about: &str, registry: &Registry, screen: &Screen) -> u8 {
    match about {
        "schema" => return screen::out(&weir::spec::schema(registry)),
        "openapi" => return screen::out(&weir_api::openapi()),
        _ => {}
    }
    match text(about, registry, text_columns(&stdout())) {
        Some(text) => screen::out(&text),
        None => {
            let topics = ["filters", "codecs", "formats"].into_iter();
            let near = suggest(about, registry.iter().map(|p| p.name()).chain(topics));
            let hint =
                near.map_or_else(|| "weir -h filters lists them all".to_owned(), |n| format!("did you mean {n}?"));
            screen.error(&format!("there is no help about {about}; {hint}"));
            USAGE
        }
    }
}

fn text(about: &str, registry: &Registry, columns: usize) -> Option<String> {
    Some(match about {
        "" => overview(registry, columns),
        "filters" => filters(registry, columns) + "\nweir -h NAME tells more of one.\n",
        "codecs" => codecs(registry),
        "formats" => formats(registry),
        name => match registry.get(name) {
            Some(plugin) => filter(plugin.as_ref(), columns),
            None => {
                let (name, wanted) = name.split_once('.')?;
                let option = registry.get(name)?.options().iter().find(|o| o.name == wanted)?;
                let mut text = String::new();
                describe(&mut text, option, columns);
                text
            }
        },
    })
}

fn overview(registry: &Registry, columns: usize) -> String {
    let usage = USAGE_TEXT.trim_end_matches("\n\nweir -h tells more.\n");
    let mut text =
        format!("weir: a filter graph for live media, in which no output can slow another\n\n{usage}\n\n{WORDS}");
    text.push_str("\nOptions of weir, with one dash:\n");
    for arg in options::command().get_arguments() {
        let name = arg.get_long().unwrap_or_default();
        let value = arg.get_value_names().filter(|_| name != "help").map(|v| format!("={}", v[0])).unwrap_or_default();
        let shown = if name == "help" { "-h [ABOUT]".to_owned() } else { format!("-{name}{value}") };
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        entry(&mut text, &shown, &help, 20, columns);
    }
    text + "\n" + COMMANDS + "\n" + CODES + "\n" + &filters(registry, columns)
}

fn filters(registry: &Registry, columns: usize) -> String {
    let mut text = String::new();
    for (role, title, _) in ROLES {
        let of_role: Vec<&Arc<dyn Plugin>> = registry.iter().filter(|p| p.role() == *role).collect();
        if !of_role.is_empty() {
            let _ = writeln!(text, "{title}:");
            of_role.iter().for_each(|p| entry(&mut text, p.name(), p.summary(), NAME_COLUMNS, columns));
        }
    }
    text
}

/// Help of one filter.
fn filter(plugin: &dyn Plugin, columns: usize) -> String {
    let role = ROLES.iter().find(|(role, ..)| *role == plugin.role()).map_or("filter", |(.., name)| name);
    let lane = match plugin.lane() {
        Lane::Reactor => "the event loop",
        Lane::Compute => "worker threads",
        Lane::Blocking => "a thread of its own",
    };
    let mut text = format!("{} ({role}, runs on {lane})\n{}\n", plugin.name(), plugin.summary());
    for paragraph in plugin.help().split('\n').filter(|p| !p.trim().is_empty()) {
        text.push('\n');
        wrapped(&mut text, "", paragraph, columns);
    }
    streams(&mut text, &plugin.caps(&Options::defaults(plugin.options())), columns);
    if !plugin.options().is_empty() {
        text.push_str("\nOptions:\n");
        plugin.options().iter().for_each(|o| describe(&mut text, o, columns));
    }
    text
}

/// What a filter takes and gives: each kind of input once, with what can come of it.
fn streams(text: &mut String, caps: &[Bundle], columns: usize) {
    let mut inputs: Vec<String> = Vec::new();
    for input in caps.iter().map(|b| side(&b.inputs)) {
        if !inputs.contains(&input) {
            inputs.push(input);
        }
    }
    text.push('\n');
    for input in inputs {
        if !input.is_empty() {
            wrapped(text, "Takes  ", &input, columns);
        }
        let mut told: Vec<String> = Vec::new();
        for output in caps.iter().filter(|b| side(&b.inputs) == input).map(gives) {
            if !output.is_empty() && !told.contains(&output) {
                wrapped(text, if input.is_empty() { "Gives  " } else { "  gives  " }, &output, columns);
                told.push(output);
            }
        }
    }
}

/// What a bundle promises, and what it can change as what follows asks for.
fn gives(bundle: &Bundle) -> String {
    let promised = Some(side(&bundle.outputs)).filter(|text| !text.is_empty());
    let adapts = bundle.adapts.iter().map(|p| format!("{} as asked for", p.name()));
    promised.into_iter().chain(adapts).collect::<Vec<_>>().join(", ")
}

/// Conditions on each property: `A=x|y` for alternatives, `A!=x`. One that excludes nothing is left out.
fn side(caps: &[Cap]) -> String {
    let mut props: Vec<Prop> = Vec::new();
    caps.iter().for_each(|c| {
        if !props.contains(&c.prop) {
            props.push(c.prop)
        }
    });
    let one = |prop: Prop| {
        let of = |excluded: bool| {
            let values = caps.iter().filter(move |c| c.prop == prop && c.excluded == excluded);
            values.map(|c| c.value.to_string()).collect::<Vec<_>>()
        };
        let (is, is_not) = (of(false), of(true));
        let absent = if caps.iter().any(|c| c.prop == prop && c.optional) { " or absent" } else { "" };
        match (is.is_empty(), is_not.is_empty()) {
            (false, true) => Some(format!("{}={}{absent}", prop.name(), is.join("|"))),
            (true, false) => Some(format!("{}!={}", prop.name(), is_not.join("|"))),
            _ => None,
        }
    };
    props.into_iter().filter_map(one).collect::<Vec<_>>().join(", ")
}

/// Name and help of an option, then what it accepts.
fn describe(text: &mut String, option: &OptionDef, columns: usize) {
    entry(text, option.name, option.help, NAME_COLUMNS, columns);
    let default = if option.default.is_empty() { String::new() } else { format!("; default {}", option.default) };
    entry(text, "", &format!("{}{default}", value::expected(option.kind)), NAME_COLUMNS, columns);
}

/// A name on the left, and text beside it or, when the name is long, below it.
fn entry(text: &mut String, name: &str, about: &str, names: usize, columns: usize) {
    if name.chars().count() <= names {
        wrapped(text, &format!("  {name:<names$} "), about, columns);
    } else {
        let _ = writeln!(text, "  {name}");
        wrapped(text, &format!("  {:<names$} ", ""), about, columns);
    }
}

/// Words of `paragraph` in lines of at most `columns`, the first behind `lead`, the others below its end.
fn wrapped(text: &mut String, lead: &str, paragraph: &str, columns: usize) {
    let indent = lead.chars().count();
    let mut used = indent;
    text.push_str(lead);
    for (n, word) in paragraph.split_whitespace().enumerate() {
        let width = word.chars().count();
        if n > 0 && used + 1 + width > columns {
            let _ = write!(text, "\n{:indent$}", "");
            used = indent;
        } else if n > 0 {
            text.push(' ');
            used += 1;
        }
        text.push_str(word);
        used += width;
    }
    text.push('\n');
}

/// Which filters decode, encode, read and write each codec.
fn codecs(registry: &Registry) -> String {
    let mut rows = vec![["codec", "decoder", "encoder", "read by", "written by"].map(str::to_owned)];
    for codec in CodecId::names().filter_map(CodecId::from_name).filter(|c| *c != CodecId::Raw) {
        let is = |caps: &[Cap]| {
            caps.iter().any(|c| c.prop == Prop::CodecId && !c.excluded && c.value == Value::Codec(codec))
        };
        let decoders = named(registry, |p, b| p.role() == Role::Decoder && is(&b.inputs));
        let encoders = named(registry, |p, b| p.role() == Role::Encoder && is(&b.outputs));
        let readers = named(registry, |_, b| takes_file(b).is_some() && is(&b.outputs));
        let writers = named(registry, |p, b| p.role() == Role::Mux && is(&b.inputs));
        let row = [codec.name().to_owned(), decoders, encoders, readers, writers];
        if row[1..].iter().any(|names| !names.is_empty()) {
            rows.push(row);
        }
    }
    table(&rows)
}

/// Rows with columns as wide as what is in them.
fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or_default();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().enumerate().map(|(column, cell)| format!("{cell:<0$}", width(column)));
        let _ = writeln!(text, "{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
    text
}

/// Which filters read and write files of each extension.
fn formats(registry: &Registry) -> String {
    let mut all: Vec<String> = Vec::new();
    for bundle in
        registry.iter().filter(|p| is_between(p.as_ref())).flat_map(|p| p.caps(&Options::defaults(p.options())))
    {
        let both = [takes_file(&bundle), gives_file(&bundle)].into_iter().flatten();
        for ext in both.flat_map(|list| list.split('|').map(str::to_owned).collect::<Vec<_>>()) {
            if ext != "*" && !all.contains(&ext) {
                all.push(ext);
            }
        }
    }
    all.sort();
    let mut rows = vec![["file", "read by", "written by"].map(str::to_owned)];
    for ext in all {
        let has = |list: Option<String>| list.is_some_and(|l| l.split('|').any(|e| e == ext));
        let readers = named(registry, |p, b| is_between(p) && has(takes_file(b)));
        let writers = named(registry, |p, b| is_between(p) && has(gives_file(b)));
        rows.push([format!(".{ext}"), readers, writers]);
    }
    table(&rows)
}

/// Names of the filters with such a bundle.
fn named(registry: &Registry, fits: impl Fn(&dyn Plugin, &Bundle) -> bool) -> String {
    let has = |p: &&Arc<dyn Plugin>| p.caps(&Options::defaults(p.options())).iter().any(|b| fits(p.as_ref(), b));
    registry.iter().filter(has).map(|p| p.name()).collect::<Vec<_>>().join(" ")
}

fn is_between(plugin: &dyn Plugin) -> bool {
    !matches!(plugin.role(), Role::Source | Role::Sink) && !plugin.explicit_only()
}

fn takes_file(bundle: &Bundle) -> Option<String> {
    extensions(&bundle.inputs)
}

fn gives_file(bundle: &Bundle) -> Option<String> {
    extensions(&bundle.outputs)
}

/// The extensions of a side that is a byte stream.
fn extensions(caps: &[Cap]) -> Option<String> {
    let is_file = caps.iter().any(|c| c.value == Value::Type(StreamType::File) && !c.excluded);
    let ext = caps.iter().find(|c| c.prop == Prop::FileExt && !c.excluded)?;
    is_file.then(|| ext.value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_fits_its_columns() {
        let registry = weir::registry();
        let topics = ["", "filters", "codecs", "formats"].into_iter();
        for about in registry.iter().map(|p| p.name()).chain(topics) {
            let text = text(about, &registry, 100).expect("a page");
            let long: Vec<&str> = text.lines().filter(|l| l.chars().count() > 100).collect();
            assert!(long.is_empty(), "{about}: {long:#?}");
            assert!(!text.lines().any(|l| l.ends_with(' ')), "{about}");
        }
    }

    #[test]
    fn text_is_wrapped_under_itself() {
        let mut text = String::new();
        entry(&mut text, "name", "some words that are too long", 6, 20);
        entry(&mut text, "longname", "below", 6, 20);
        assert_eq!(text, "  name   some words\n         that are\n         too long\n  longname\n         below\n");
    }
}
