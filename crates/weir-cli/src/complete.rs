//! `weir completions SHELL`, and what its scripts ask for with `weir complete`: commands, filters, options within a word,
//! codecs, options of weir. All of it comes from the option tables and from clap.
//!
//! It never runs a graph and never reads a file.

use weir::plugin::media::{Bundle, Cap, CodecId, Prop, Value, file_ext};
use weir::plugin::{Kind, OptionDef, Options, Plugin, Registry, Role, Score};

use crate::commands::Command;
use crate::screen::{self, Screen};
use crate::{USAGE, options};

/// The scripts by the name of their shell.
const SCRIPTS: &[(&str, &str)] = &[
    ("bash", include_str!("shells/weir.bash")),
    ("zsh", include_str!("shells/_weir")),
    ("fish", include_str!("shells/weir.fish")),
];

/// `weir completions SHELL`: prints the script; the exit code.
pub(crate) fn script(words: &[String]) -> u8 {
    let wanted = words.first().map(String::as_str).unwrap_or_default();
    match SCRIPTS.iter().find(|(shell, _)| *shell == wanted && words.len() == 1) {
        Some((_, text)) => screen::out(text),
        None => {
            Screen::new([]).error("completions needs the name of a shell: weir completions bash, zsh or fish");
            USAGE
        }
    }
}

/// `weir complete -- WORDS...`: prints what the last word can become, with a tab and what that is; the exit code.
pub(crate) fn answer(words: &[String], registry: &Registry) -> u8 {
    let words = words.strip_prefix(&["--".to_owned()]).unwrap_or(words);
    let lines = candidates(words, registry).into_iter().map(|c| format!("{}\t{}\n", c.word, c.about));
    screen::out(&lines.collect::<String>())
}

/// What a word can become.
#[derive(PartialEq, Eq, Debug)]
struct Candidate {
    word: String,
    about: String,
}

impl Candidate {
    fn new(word: impl Into<String>, about: &str) -> Self {
        Self { word: word.into(), about: about.to_owned() }
    }
}

/// What the last of `words` can become. Nothing where a file is wanted: shells know those.
fn candidates(words: &[String], registry: &Registry) -> Vec<Candidate> {
    let (current, before) = words.split_last().map_or(("", words), |(last, before)| (last.as_str(), before));
    let previous = before.last().map(String::as_str).unwrap_or_default();
    let mut all = match previous {
        "-i" | "-src" => within_target(current, Role::Source, registry),
        "-o" | "-dst" => within_target(current, Role::Sink, registry),
        "-h" | "-help" | "--help" => topics(registry),
        "completions" if before.len() == 1 => SCRIPTS.iter().map(|(shell, _)| Candidate::new(*shell, "")).collect(),
        "-plugin" | "-graph-out" | "-api" | "-api-token" => Vec::new(),
        _ if current.starts_with("--") => everywhere(registry),
        _ if current.starts_with('-') => own(),
        _ => declarations(current, registry),
    };
    if before.is_empty() {
        all.extend(Command::names().map(|name| Candidate::new(name, "a command")));
    }
    all.retain(|c| c.word.starts_with(current));
    all
}

/// Filters and encoders, or the options of the one that is named.
fn declarations(current: &str, registry: &Registry) -> Vec<Candidate> {
    if let Some((name, _)) = current.split_once(':') {
        return match name.strip_prefix("c=") {
            Some(codec) => options_of(current, &encoders(codec, registry)),
            None => options_of(current, &registry.get(name).map(AsRef::as_ref).into_iter().collect::<Vec<_>>()),
        };
    }
    let filters = registry.iter().map(|p| Candidate::new(p.name(), p.summary()));
    let codecs = CodecId::names().filter(|name| !encoders(name, registry).is_empty());
    filters.chain(codecs.map(|name| Candidate::new(format!("c={name}"), "encode with this codec"))).collect()
}

/// Options of what reads or writes a URL, once one was typed.
fn within_target(current: &str, role: Role, registry: &Registry) -> Vec<Candidate> {
    let Some((before, _)) = current.rsplit_once(':') else { return Vec::new() };
    let flag = if role == Role::Source { "-i" } else { "-o" };
    let parsed = weir::args::parse(&[flag.to_owned(), before.to_owned()]);
    let Some(url) = parsed.declarations().next().map(|d| d.name.text.as_str()) else { return Vec::new() };
    let ends = registry.iter().filter(|p| p.role() == role).max_by_key(|p| p.claims(url));
    let end = ends.filter(|p| p.claims(url) > Score::No);
    let ext = file_ext(url);
    let between = registry.iter().filter(|p| {
        let of = |b: &Bundle| if role == Role::Source { b.inputs.clone() } else { b.outputs.clone() };
        ext.as_deref().is_some_and(|ext| p.caps(&defaults(p.as_ref())).iter().any(|b| names(&of(b), ext)))
    });
    let filters: Vec<&dyn Plugin> = end.into_iter().chain(between).map(AsRef::as_ref).collect();
    options_of(current, &filters)
}

/// Whether caps are those of files of an extension.
fn names(caps: &[Cap], ext: &str) -> bool {
    caps.iter().any(|c| match (&c.value, c.prop) {
        (Value::Str(list), Prop::FileExt) => list.split('|').any(|e| e == ext),
        _ => false,
    })
}

fn defaults(plugin: &dyn Plugin) -> Options {
    Options::defaults(plugin.options())
}

fn encoders<'a>(codec: &str, registry: &'a Registry) -> Vec<&'a dyn Plugin> {
    let Some(codec) = CodecId::from_name(codec) else { return Vec::new() };
    let makes = |b: &Bundle| b.outputs.iter().any(|c| c.value == Value::Codec(codec));
    let encoders =
        registry.iter().filter(|p| p.role() == Role::Encoder && p.caps(&defaults(p.as_ref())).iter().any(makes));
    encoders.map(AsRef::as_ref).collect()
}

/// What the part behind the last colon can become: the name of an option, a word of an enum, or a value.
fn options_of(current: &str, filters: &[&dyn Plugin]) -> Vec<Candidate> {
    let (lead, part) = current.rsplit_once(':').unwrap_or_default();
    let tables = filters.iter().flat_map(|p| p.options());
    match part.split_once('=') {
        Some((name, _)) => {
            let option = tables.into_iter().find(|o| o.name == name);
            let values = option.map(|o| values(o.kind)).unwrap_or_default();
            values.iter().map(|v| Candidate::new(format!("{lead}:{name}={v}"), "")).collect()
        }
        None => tables
            .flat_map(|o| named(o).into_iter().map(move |c| Candidate::new(format!("{lead}:{}", c.word), &c.about)))
            .collect(),
    }
}

/// How an option can begin: its name, and the words of an enum alone.
fn named(option: &OptionDef) -> Vec<Candidate> {
    let is_switch = option.kind == Kind::Bool;
    let name = if is_switch { option.name.to_owned() } else { format!("{}=", option.name) };
    let words: &[&str] = if let Kind::Enum(words) = option.kind { words } else { &[] };
    let negated = is_switch.then(|| Candidate::new(format!("!{}", option.name), option.help));
    let all = std::iter::once(Candidate::new(name, option.help)).chain(negated);
    all.chain(words.iter().map(|w| Candidate::new(*w, option.help))).collect()
}

fn values(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Enum(words) => words,
        Kind::Bool => &["yes", "no"],
        _ => &[],
    }
}

/// `--name=` of every option that some filter has.
fn everywhere(registry: &Registry) -> Vec<Candidate> {
    let mut all: Vec<Candidate> = Vec::new();
    for (plugin, option) in registry.iter().flat_map(|p| p.options().iter().map(move |o| (p, o))) {
        let word = format!("--{}=", option.name);
        if !all.iter().any(|c| c.word == word) {
            all.push(Candidate::new(word, &format!("{} of {} and others that have it", option.name, plugin.name())));
        }
    }
    all
}

/// Options of weir itself.
fn own() -> Vec<Candidate> {
    let ends = [("-i", "what to read"), ("-o", "what to write")].map(|(name, about)| Candidate::new(name, about));
    let command = options::command();
    let own = command.get_arguments().map(|arg| {
        let name = arg.get_long().unwrap_or_default();
        let value = if arg.get_value_names().is_some() && name != "graph" { "=" } else { "" };
        let word = if name == "help" { "-h".to_owned() } else { format!("-{name}{value}") };
        Candidate::new(word, &arg.get_help().map(ToString::to_string).unwrap_or_default())
    });
    own.chain(ends).collect()
}

/// What there is help about.
fn topics(registry: &Registry) -> Vec<Candidate> {
    let lists = ["filters", "codecs", "formats"].map(|name| Candidate::new(name, "a list"));
    registry.iter().map(|p| Candidate::new(p.name(), p.summary())).chain(lists).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(line: &str) -> Vec<String> {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        candidates(&words, &weir::registry()).into_iter().map(|c| c.word).collect()
    }

    #[test]
    fn filters_commands_and_codecs() {
        assert_eq!(after("avg"), ["avgen"]);
        assert_eq!(after("pla"), ["plan"]);
        assert_eq!(after("avgen pla"), [""; 0], "a command comes first only");
        assert_eq!(after("avgen c=a"), ["c=avc", "c=aac"]);
        assert_eq!(after("completions z"), ["zsh"]);
        assert_eq!(after("-h flvm"), ["flvmx"]);
    }

    #[test]
    fn options_within_a_word() {
        assert_eq!(after("avgen:dur=1:siz"), ["avgen:dur=1:sizes="]);
        assert!(after("avgen:").len() > 10);
        assert_eq!(after("rfpcm:safmt=s"), ["rfpcm:safmt=s16", "rfpcm:safmt=s24", "rfpcm:safmt=s32"]);
        assert!(after("avgen c=avc:").contains(&"c=avc:b=".to_owned()));
        assert!(after("nosuch:").is_empty());
    }

    #[test]
    fn options_of_what_reads_and_writes() {
        assert!(after("-i ").is_empty() && after("-o x.fl").is_empty(), "the shell completes files");
        assert_eq!(after("-i x.264:loo"), ["x.264:loop="].map(|w| w.to_owned()));
        assert!(after("-o x.flv:").contains(&"x.flv:keyframes=".to_owned()));
        assert!(
            after("-o rtmp://127.0.0.1:1935/live:rtmp_l")
                .contains(&"rtmp://127.0.0.1:1935/live:rtmp_listen".to_owned())
        );
    }

    #[test]
    fn options_of_weir_and_of_all_filters() {
        assert_eq!(after("-max-ch"), ["-max-chain="]);
        assert_eq!(after("-gra"), ["-graph", "-graph-out="]);
        assert!(after("avgen --rtmp_").contains(&"--rtmp_listen=".to_owned()));
    }
}
