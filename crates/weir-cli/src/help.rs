//! `-h`, `-h filters`, `-h FILTER`: help made from the option tables.

use std::fmt::Write as _;

use weir::args::{suggest, value};
use weir::plugin::{Lane, OptionDef, Options, Plugin, Registry, Role};

use crate::{OK, USAGE, options};

const USAGE_TEXT: &str = "\
weir: a filter graph for live media, in which no output can slow another

usage: weir [OPTIONS] SOURCE [FILTER...] -o OUTPUT [-o OUTPUT...]

  weir avgen c=avc c=aac -o rtmp://127.0.0.1:1935/live:rtmp_listen=1
      a test picture and beep, encoded, for any number of RTMP players
  weir -i film.mp4:loop=-1 -o rtmp://0.0.0.0:1935/live:rtmp_listen=1 -o copy.flv
      a file, played for ever to players and written to a file, not transcoded

Sources   -i FILE, avgen          Encoders  c=avc:b=2M, c=aac:b=128k
Outputs   -o rtmp://HOST:PORT/APP[/NAME]:rtmp_listen=1, -o FILE.flv, -o FILE.264, -o null
Options of a filter follow it after colons: name=value, name, !name.
";

/// Prints help for `about`; the exit code.
pub(crate) fn show(about: &str, registry: &Registry) -> u8 {
    match about {
        "" => print!(
            "{USAGE_TEXT}\nOptions of weir (one dash or two):\n{}\nFilters (weir -h NAME):\n{}",
            own(),
            filters(registry)
        ),
        "filters" => print!("{}", filters(registry)),
        name => match registry.get(name) {
            Some(plugin) => print!("{}", filter(plugin.as_ref())),
            None => return unknown(name, registry),
        },
    }
    OK
}

fn unknown(name: &str, registry: &Registry) -> u8 {
    let near = suggest(name, registry.iter().map(|p| p.name()));
    let hint = near.map(|n| format!("; did you mean {n}?")).unwrap_or_default();
    eprintln!("error: there is no filter called {name}{hint}");
    USAGE
}

fn own() -> String {
    let mut text = String::new();
    for arg in options::command().get_arguments() {
        let name = arg.get_long().unwrap_or_default();
        let value = arg.get_value_names().filter(|_| name != "help").map(|v| format!("={}", v[0])).unwrap_or_default();
        let shown = if name == "help" { "-h [FILTER]".to_owned() } else { format!("-{name}{value}") };
        let _ = writeln!(text, "  {shown:<22} {}", arg.get_help().map(ToString::to_string).unwrap_or_default());
    }
    let _ = writeln!(text, "  {:<22} Print the version", "-version");
    text
}

fn filters(registry: &Registry) -> String {
    let mut text = String::new();
    for plugin in registry.iter() {
        let _ = writeln!(text, "  {:<10} {}", plugin.name(), plugin.summary());
    }
    text
}

/// Help of one filter.
fn filter(plugin: &dyn Plugin) -> String {
    let role = match plugin.role() {
        Role::Source => "source",
        Role::Transform => "filter",
        Role::Mux => "muxer",
        Role::Encoder => "encoder",
        Role::Sink => "output",
    };
    let lane = match plugin.lane() {
        Lane::Reactor => "the event loop",
        Lane::Compute => "worker threads",
        Lane::Blocking => "a thread of its own",
    };
    let mut text = format!("{} ({role}, runs on {lane})\n{}\n", plugin.name(), plugin.summary());
    if !plugin.help().is_empty() {
        let _ = write!(text, "\n{}\n", plugin.help().trim_end());
    }
    let caps = plugin.caps(&Options::defaults(plugin.options()));
    let side = |caps: &[weir::plugin::media::Cap]| {
        caps.iter()
            .map(|c| format!("{}{}{}", c.prop.name(), if c.excluded { "!=" } else { "=" }, c.value))
            .collect::<Vec<_>>()
            .join(" ")
    };
    for bundle in &caps {
        let (from, to) = (side(&bundle.inputs), side(&bundle.outputs));
        let _ = match (from.is_empty(), to.is_empty()) {
            (true, _) => writeln!(text, "\nmakes {to}"),
            (_, true) => writeln!(text, "\ntakes {from}"),
            _ => writeln!(text, "\ntakes {from}\ngives {to}"),
        };
    }
    if !plugin.options().is_empty() {
        text.push_str("\nOptions:\n");
        plugin.options().iter().for_each(|o| option(&mut text, o));
    }
    text
}

fn option(text: &mut String, option: &OptionDef) {
    let default = if option.default.is_empty() { String::new() } else { format!(" (default {})", option.default) };
    let _ =
        writeln!(text, "  {:<14} {}{default}\n  {:<14} {}", option.name, option.help, "", value::expected(option.kind));
}
