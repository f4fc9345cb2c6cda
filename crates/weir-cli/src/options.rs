//! weir's own options, as distinct from the words of the graph. clap owns them; the grammar leaves them out.

use std::fs::File;
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, ArgMatches, Command};
use weir::Rules;
use weir::args::value::{self, Typed};
use weir::args::{OwnOption, Separators, Takes, normalise};
use weir::plugin::{Kind, Level};

use crate::commands::Shape;
use crate::logs::Logs;

/// Options of weir itself, as typed. Two dashes are for options of filters, but for the two that everybody tries.
pub(crate) const OWN: &[OwnOption<'static>] = &[
    OwnOption { name: "-h", takes: Takes::OptionalWord },
    OwnOption { name: "-help", takes: Takes::OptionalWord },
    OwnOption { name: "--help", takes: Takes::OptionalWord },
    OwnOption { name: "-version", takes: Takes::Nothing },
    OwnOption { name: "--version", takes: Takes::Nothing },
    OwnOption { name: "-graph", takes: Takes::Nothing },
    OwnOption { name: "-graph-out", takes: Takes::Word },
    OwnOption { name: "-plan", takes: Takes::Nothing },
    OwnOption { name: "-stats", takes: Takes::Nothing },
    OwnOption { name: "-quiet", takes: Takes::Nothing },
    OwnOption { name: "-logs", takes: Takes::Nothing },
    OwnOption { name: "-plugin", takes: Takes::Word },
    OwnOption { name: "-memory", takes: Takes::Nothing },
    OwnOption { name: "-threads", takes: Takes::Nothing },
    OwnOption { name: "-max-chain", takes: Takes::Nothing },
    OwnOption { name: "-max-conns", takes: Takes::Nothing },
    OwnOption { name: "-cl", takes: Takes::Nothing },
    OwnOption { name: "-strict", takes: Takes::Nothing },
    OwnOption { name: "-no-argchk", takes: Takes::Nothing },
    OwnOption { name: "-full-link", takes: Takes::Nothing },
    OwnOption { name: "-runfor", takes: Takes::Nothing },
    OwnOption { name: "-runforf", takes: Takes::Nothing },
    OwnOption { name: "-runforx", takes: Takes::Nothing },
    OwnOption { name: "-seps", takes: Takes::Nothing },
    OwnOption { name: "-alias", takes: Takes::Nothing },
    OwnOption { name: "-sid", takes: Takes::Nothing },
    OwnOption { name: "-blacklist", takes: Takes::Nothing },
    OwnOption { name: "-r", takes: Takes::Nothing },
    OwnOption { name: "-api", takes: Takes::Word },
    OwnOption { name: "-api-token", takes: Takes::Word },
];

/// Options of GPAC that tune what works by itself here. They are taken, and do nothing.
const TUNING: &[&str] = &[
    "-sched",
    "-no-block",
    "-no-reg",
    "-no-reassign",
    "-no-graph-cache",
    "-no-probe",
    "-buffer-gen",
    "-buffer-units",
    "-buffer-dec",
    "-max-sleep",
    "-np",
    "-no-fd",
    "-step-link",
    "-no-mx",
];

/// The words without options that do nothing here, and those options.
pub(crate) fn without_tuning(words: &[String]) -> (Vec<String>, Vec<String>) {
    let is_tuning = |word: &String| TUNING.contains(&word.split('=').next().unwrap_or_default());
    let mut kept = Vec::new();
    let mut left_out = Vec::new();
    let mut is_value = false;
    for word in words {
        // What follows -i or -o is a name, whatever it looks like.
        if !is_value && is_tuning(word) {
            left_out.push(word.clone())
        } else {
            kept.push(word.clone())
        }
        is_value = matches!(word.as_str(), "-i" | "-o" | "-src" | "-dst") && !is_value;
    }
    (kept, left_out)
}

/// The separators of these words. Those of a graph file are the usual ones.
pub(crate) fn separators(words: &[String], is_file: bool) -> Result<Separators, String> {
    let (own, _) = normalise(words, OWN);
    match own.iter().rev().find_map(|word| word.strip_prefix("--seps=")) {
        Some(_) if is_file => Err("a graph file has words of its own".to_owned()),
        Some(set) => Separators::parse(set),
        None => Ok(Separators::default()),
    }
}

/// Characters of a token, at most.
const LONGEST_TOKEN: u64 = 256;

/// The least memory a session can work with.
const LEAST_MEMORY: i64 = 8_000_000;

/// What weir's own options say.
pub(crate) struct Options {
    /// `-h` with the word after it, or empty.
    pub(crate) help: Option<String>,
    pub(crate) version: bool,
    /// Print the graph at the end, in this shape.
    pub(crate) graph: Option<Shape>,
    /// Write the graph as a graph file.
    pub(crate) graph_out: Option<String>,
    /// Only show what would run.
    pub(crate) plan: bool,
    pub(crate) stats: bool,
    pub(crate) quiet: bool,
    pub(crate) logs: Logs,
    pub(crate) plugins: Vec<String>,
    pub(crate) memory: usize,
    pub(crate) threads: Option<usize>,
    pub(crate) rules: Rules,
    /// What nobody uses is an error.
    pub(crate) strict: bool,
    /// What nobody uses is told.
    pub(crate) argchk: bool,
    /// Sources end after this time.
    pub(crate) run_for: Option<Duration>,
    pub(crate) max_connections: Option<usize>,
    /// Show the session on the whole screen.
    pub(crate) full_screen: bool,
    /// Where the session is told of over HTTP.
    pub(crate) api: Option<Api>,
}

/// Where the API listens, or is to be found.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    pub(crate) address: SocketAddr,
    /// `@FILE` or `$VARIABLE`.
    token: Option<String>,
}

impl Api {
    /// The token. What was given never appears in an error.
    pub(crate) fn token(&self) -> Result<Option<String>, String> {
        let Some(given) = &self.token else { return Ok(None) };
        let read = |path: &str| {
            let mut text = String::new();
            let file = File::open(path).map_err(|e| format!("-api-token: the file cannot be read: {e}"))?;
            file.take(LONGEST_TOKEN + 1)
                .read_to_string(&mut text)
                .map_err(|e| format!("-api-token: the file cannot be read: {e}"))?;
            Ok::<_, String>(text)
        };
        let text = match given.split_at_checked(1) {
            Some(("@", path)) => read(path)?,
            Some(("$", name)) => std::env::var(name)
                .map_err(|_| "-api-token: there is no environment variable of that name".to_owned())?,
            _ => return Err("-api-token: give @FILE or $VARIABLE: others can read the words of a command".to_owned()),
        };
        let text = text.trim();
        if text.len() as u64 > LONGEST_TOKEN || !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(format!("-api-token: a token is at most {LONGEST_TOKEN} letters, digits and signs"));
        }
        Ok(Some(text.to_owned()))
    }
}

/// An option of weir's own that cannot be used: its name as `graph`, if it is known, and what is wrong.
pub(crate) struct BadOption {
    pub(crate) name: Option<String>,
    pub(crate) message: String,
}

/// The options as clap knows them; also the source of their help.
pub(crate) fn command() -> Command {
    Command::new("weir")
        .disable_help_flag(true)
        .disable_version_flag(true)
        .args_override_self(true)
        .args(shown())
        .args(running())
        .args(linking())
        .args(serving())
}

fn flag(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
}

fn value(name: &'static str, shown: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(shown).help(help)
}

fn number(min: i64, max: i64) -> impl Fn(&str) -> Result<usize, String> + Clone {
    move |text: &str| whole(text, min, max)
}

/// What is shown.
fn shown() -> Vec<Arg> {
    vec![
        Arg::new("help")
            .short('h')
            .long("help")
            .num_args(0..=1)
            .default_missing_value("")
            .help("This help, or that of a filter, of FILTER.OPTION, of filters, codecs or formats"),
        flag("version", "Print the version"),
        value("graph", "SHAPE", "Print the graph when it ends: as a tree, or as json, dot, mermaid or svg")
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("tree")
            .value_parser(shape),
        value("graph-out", "FILE", "Write what runs as a graph file: .toml, .yaml or .json"),
        flag("plan", "Only show the graph, as far as it is known before it runs; as weir plan does"),
        flag("stats", "Print what every filter and output did when it ends"),
        flag("r", "Show the session on the whole screen of the terminal while it runs").short('r'),
        flag("quiet", "Only errors: no status line, no warnings"),
        value(
            "logs",
            "TOPIC@LEVEL",
            "What to log: topics are filters, graph, net, session or all; levels are quiet, error, \
                 warning (the default), info and debug. Several are joined with a colon",
        )
        .action(ArgAction::Append),
    ]
}

/// How it runs.
fn running() -> Vec<Arg> {
    vec![
        value("plugin", "FILE", "Load a filter from a shared library; may come again").action(ArgAction::Append),
        value("memory", "BYTES", "Most media kept in memory, over the whole process (default 512M)")
            .value_parser(bytes),
        value("threads", "N", "Threads that serve connections, and as many for codecs (default one each per core)")
            .value_parser(number(1, 256)),
        value("max-chain", "N", "Most filters inserted between two declared ones (default 6); 0 inserts none")
            .value_parser(number(0, 64)),
        flag("strict", "An option that nobody knows or uses is an error, and not a warning"),
        flag("no-argchk", "No word about options that nobody knows or uses"),
        flag("full-link", "A stream that goes nowhere is an error, and not a warning"),
        value(
            "runfor",
            "TIME",
            "End the sources after this time: 10s, 500 (milliseconds); outputs finish what they have",
        )
        // GPAC's other ways to end let packets go that outputs have not taken; here nothing has to be lost for it.
        .aliases(["runforf", "runforx"])
        .value_parser(time),
    ]
}

/// Words and links.
fn linking() -> Vec<Arg> {
    vec![
        value(
            "seps",
            "MARKS",
            "Marks in place of :=#,!@ in the words of the graph: argument, value, fragment, list, negation and link",
        ),
        value(
            "alias",
            "NAME WORDS",
            "Keep an alias: NAME stands for WORDS from now on, in which @{1}, @{N}, @{2:N} are words behind NAME; \
             without WORDS forget it",
        ),
        flag("cl", "Complete links: every filter gets every stream it takes, wherever it stands"),
        flag("sid", "Link nothing but to filters with SID= or @"),
        value(
            "blacklist",
            "NAMES",
            "Filters never inserted, joined with commas; with - in front, the only ones that are",
        )
        .action(ArgAction::Append),
    ]
}

/// Connections, and what is told of the session.
fn serving() -> Vec<Arg> {
    vec![
        value("max-conns", "N", "Most connections at once (default what the descriptor limit leaves)")
            .value_parser(number(1, u32::MAX.into())),
        value(
            "api",
            "HOST:PORT",
            "Tell of the session over HTTP: a web page, JSON, events, metrics and actions; off by default. PORT \
                 alone is one of 127.0.0.1; what others can reach needs -api-token",
        )
        .value_parser(address),
        value("api-token", "TOKEN", "What a client of -api has to know: @FILE or $VARIABLE, 16 characters or more"),
    ]
}

/// Advice for a word such as `--graph`, which reads as an option of filters.
pub(crate) fn advice(word: &str) -> Option<String> {
    let name = word.strip_prefix("--")?.split('=').next()?;
    let own = OWN.iter().find(|o| o.name.strip_prefix('-') == Some(name))?;
    Some(format!("options of weir itself have one dash: {}", own.name))
}

impl Options {
    /// Parses them.
    pub(crate) fn parse(own: &[String]) -> Result<Self, BadOption> {
        let words = std::iter::once("weir".to_owned()).chain(own.iter().cloned());
        Self::of(&command().try_get_matches_from(words).map_err(|e| bad(&e))?)
    }

    fn of(matches: &ArgMatches) -> Result<Self, BadOption> {
        let texts = |name: &str| matches.get_many::<String>(name).into_iter().flatten();
        let number = |name: &str| matches.get_one::<usize>(name).copied();
        let quiet = matches.get_flag("quiet");
        let all = if quiet { Level::Error } else { Level::Warning };
        let logs = Logs::parse(texts("logs").map(String::as_str), all);
        if matches.contains_id("api-token") && !matches.contains_id("api") {
            let message = "-api-token without -api has nothing to guard".to_owned();
            return Err(BadOption { name: Some("api-token".to_owned()), message });
        }
        Ok(Self {
            help: matches.get_one::<String>("help").cloned(),
            version: matches.get_flag("version"),
            graph: matches.get_one::<Shape>("graph").copied(),
            graph_out: matches.get_one::<String>("graph-out").cloned(),
            plan: matches.get_flag("plan"),
            stats: matches.get_flag("stats"),
            quiet,
            logs: logs.map_err(|e| BadOption { name: Some("logs".to_owned()), message: format!("-logs: {e}") })?,
            plugins: texts("plugin").cloned().collect(),
            memory: matches.get_one::<usize>("memory").copied().unwrap_or(weir::Config::default().memory),
            threads: number("threads"),
            strict: matches.get_flag("strict"),
            argchk: !matches.get_flag("no-argchk"),
            run_for: matches.get_one::<Duration>("runfor").copied(),
            rules: Rules {
                full_link: matches.get_flag("full-link"),
                max_chain: number("max-chain").unwrap_or(Rules::default().max_chain),
                complete: matches.get_flag("cl"),
                explicit_only: matches.get_flag("sid"),
                blacklist: texts("blacklist").flat_map(|list| list.split(',')).map(str::to_owned).collect(),
            },
            max_connections: number("max-conns"),
            full_screen: matches.get_flag("r"),
            api: matches
                .get_one::<SocketAddr>("api")
                .map(|address| Api { address: *address, token: matches.get_one::<String>("api-token").cloned() }),
        })
    }
}

/// clap's error in one sentence.
fn bad(e: &clap::Error) -> BadOption {
    let text = |kind| match e.get(kind) {
        Some(ContextValue::String(s)) => Some(s.as_str()),
        _ => None,
    };
    // "--logs <TOPIC@LEVEL>" or "--graph"
    let named = text(ContextKind::InvalidArg).unwrap_or_default();
    let name = named.split([' ', '=', '[']).next().unwrap_or_default().trim_start_matches('-').to_owned();
    let value = text(ContextKind::InvalidValue).unwrap_or_default();
    let command = command();
    let shown = command.get_arguments().find(|a| a.get_id() == name.as_str());
    let wanted = shown.and_then(|a| a.get_value_names()).map_or("VALUE", |v| v[0].as_str());
    let why = std::error::Error::source(e).map(ToString::to_string);
    let message = match (e.kind(), value) {
        (ErrorKind::TooManyValues, _) => format!("-{name} takes no value"),
        (_, "") => format!("-{name} needs a value: -{name}={wanted}"),
        (_, value) => format!("-{name}: {}", why.unwrap_or_else(|| format!("{value} is not a value it takes"))),
    };
    BadOption { name: (!name.is_empty()).then_some(name), message }
}

fn time(text: &str) -> Result<Duration, String> {
    match value::parse(Kind::Millis, Some(text)) {
        Ok(Typed::Millis(ms)) => Ok(Duration::from_millis(ms)),
        Ok(_) => unreachable!("a time was asked for"),
        Err(mismatch) => Err(mismatch.to_string()),
    }
}

/// `HOST:PORT`, or a port of this machine.
fn address(text: &str) -> Result<SocketAddr, String> {
    let wrong = || "expected an address and a port such as 127.0.0.1:9090, or a port".to_owned();
    let port = text.strip_prefix("localhost:").unwrap_or(text);
    match port.parse::<u16>() {
        Ok(port) => Ok((Ipv4Addr::LOCALHOST, port).into()),
        Err(_) => text.parse().map_err(|_| wrong()),
    }
}

fn shape(text: &str) -> Result<Shape, String> {
    Shape::of(text).ok_or_else(|| "expected tree, json, dot, mermaid or svg".to_owned())
}

fn whole(text: &str, min: i64, max: i64) -> Result<usize, String> {
    match value::parse(Kind::Int { min, max }, Some(text)) {
        Ok(Typed::Int(n)) => usize::try_from(n).map_err(|e| e.to_string()),
        Ok(_) => unreachable!("a whole number was asked for"),
        Err(mismatch) => Err(mismatch.to_string()),
    }
}

fn bytes(text: &str) -> Result<usize, String> {
    let most = i64::try_from(usize::MAX).unwrap_or(i64::MAX);
    whole(text, LEAST_MEMORY, most).map_err(|_| "expected a number of bytes such as 512M, at least 8M".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(words: &[&str]) -> String {
        let own: Vec<String> = words.iter().map(|w| (*w).to_owned()).collect();
        Options::parse(&own).err().expect("wrong").message
    }

    #[test]
    fn mistakes_are_one_sentence() {
        command().debug_assert();
        assert_eq!(said(&["--memory=abc"]), "-memory: expected a number of bytes such as 512M, at least 8M");
        assert_eq!(said(&["--memory=1M"]), "-memory: expected a number of bytes such as 512M, at least 8M");
        assert_eq!(said(&["--threads=0"]), "-threads: expected a whole number from 1 to 256");
        assert_eq!(said(&["--max-chain=x"]), "-max-chain: expected a whole number from 0 to 64");
        assert_eq!(said(&["--logs"]), "-logs needs a value: -logs=TOPIC@LEVEL");
        assert_eq!(said(&["--plugin"]), "-plugin needs a value: -plugin=FILE");
        assert_eq!(said(&["--graph=1"]), "-graph: expected tree, json, dot, mermaid or svg");
        assert_eq!(said(&["--stats=1"]), "-stats takes no value");
        assert_eq!(said(&["--api=here"]), "-api: expected an address and a port such as 127.0.0.1:9090, or a port");
        assert_eq!(said(&["--logs=loud"]), "-logs: loud needs a level: loud@debug");
    }

    #[test]
    fn addresses_and_ports() {
        let is = |text: &str| address(text).map(|a| a.to_string());
        assert_eq!(is("9090").as_deref(), Ok("127.0.0.1:9090"));
        assert_eq!(is("localhost:9090").as_deref(), Ok("127.0.0.1:9090"));
        assert_eq!(is("[::1]:9090").as_deref(), Ok("[::1]:9090"));
        assert!(is("example.com:80").is_err() && is("127.0.0.1").is_err() && is("70000").is_err());
    }

    #[test]
    fn later_ones_win_and_lists_grow() {
        let own = ["--graph", "--graph", "--memory=9M", "--memory=10M", "--logs=a@info", "--logs=b@debug", "-h", "x"];
        let o = Options::parse(&own.map(String::from)).ok().expect("good");
        assert!(o.graph == Some(Shape::Tree) && !o.stats);
        assert_eq!((o.memory, o.help.as_deref()), (10_000_000, Some("x")));
        for name in ["--runfor=2s", "--runforf=2s", "--runforx=T00:02"] {
            let o = Options::parse(&[name.to_owned()]).ok().expect("good");
            assert_eq!(o.run_for, Some(Duration::from_secs(2)), "{name}");
        }
        assert!(o.logs.shows("a", Level::Info) && o.logs.shows("b", Level::Debug));
    }
}
