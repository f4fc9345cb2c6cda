//! weir's own options, as distinct from the words of the graph. clap owns them; the grammar leaves them out.

use clap::{Arg, ArgAction, ArgMatches, Command};
use weir::args::{OwnOption, Takes};

use crate::logs::Logs;
use crate::{OK, USAGE};

/// Options of weir itself, as typed. Both one and two dashes work.
pub(crate) const OWN: &[OwnOption<'static>] = &[
    OwnOption { name: "-h", takes: Takes::OptionalWord },
    OwnOption { name: "-help", takes: Takes::OptionalWord },
    OwnOption { name: "--help", takes: Takes::OptionalWord },
    OwnOption { name: "-version", takes: Takes::Nothing },
    OwnOption { name: "--version", takes: Takes::Nothing },
    OwnOption { name: "-graph", takes: Takes::Nothing },
    OwnOption { name: "-stats", takes: Takes::Nothing },
    OwnOption { name: "-quiet", takes: Takes::Nothing },
    OwnOption { name: "-logs", takes: Takes::Nothing },
    OwnOption { name: "-plugin", takes: Takes::Word },
    OwnOption { name: "-memory", takes: Takes::Nothing },
    OwnOption { name: "-threads", takes: Takes::Nothing },
    OwnOption { name: "-max-conns", takes: Takes::Nothing },
];

/// What weir's own options say.
pub(crate) struct Options {
    /// `-h` with the word after it, or empty.
    pub(crate) help: Option<String>,
    pub(crate) graph: bool,
    pub(crate) stats: bool,
    pub(crate) quiet: bool,
    pub(crate) logs: Logs,
    pub(crate) plugins: Vec<String>,
    pub(crate) memory: usize,
    pub(crate) threads: Option<usize>,
    pub(crate) max_connections: Option<usize>,
}

/// The options as clap knows them; also the source of their help.
pub(crate) fn command() -> Command {
    let flag = |name: &'static str, help: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue).help(help);
    let value = |name: &'static str, shown: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(shown).help(help)
    };
    Command::new("weir")
        .version(env!("CARGO_PKG_VERSION"))
        .disable_help_flag(true)
        .arg(
            Arg::new("help")
                .short('h')
                .long("help")
                .num_args(0..=1)
                .default_missing_value("")
                .help("This help, or that of a filter (also: filters)"),
        )
        .arg(flag("graph", "Print the graph when it ends"))
        .arg(flag("stats", "Print what every filter did when it ends"))
        .arg(flag("quiet", "No status line"))
        .arg(value(
            "logs",
            "TOPIC@LEVEL",
            "What to log: filter names or all, at quiet, error, warning (default), info or debug; joined with :",
        ))
        .arg(value("plugin", "FILE", "Load a filter from a shared library").action(ArgAction::Append))
        .arg(
            value("memory", "BYTES", "Cap on media kept in memory, over the whole process (default 512M)")
                .value_parser(bytes),
        )
        .arg(
            value("threads", "N", "Worker threads for codecs (default: one per core)")
                .value_parser(clap::value_parser!(u16).range(1..=256)),
        )
        .arg(
            value("max-conns", "N", "Connections at once (default: as many as the descriptor limit leaves)")
                .value_parser(clap::value_parser!(u32).range(1..)),
        )
}

impl Options {
    /// Parses them; an exit code when that is all there is to do.
    pub(crate) fn parse(own: &[String]) -> Result<Self, u8> {
        let words = std::iter::once("weir".to_owned()).chain(own.iter().cloned());
        match command().try_get_matches_from(words).map_err(|e| e.to_string_and_code()).and_then(|m| Self::of(&m)) {
            Ok(options) => Ok(options),
            Err((text, code)) if code == OK => {
                print!("{text}");
                Err(OK)
            }
            Err((text, code)) => {
                eprint!("{text}");
                Err(code)
            }
        }
    }

    fn of(matches: &ArgMatches) -> Result<Self, (String, u8)> {
        let logs = matches.get_one::<String>("logs").map_or("", String::as_str);
        Ok(Self {
            help: matches.get_one::<String>("help").cloned(),
            graph: matches.get_flag("graph"),
            stats: matches.get_flag("stats"),
            quiet: matches.get_flag("quiet"),
            logs: Logs::parse(logs).map_err(|e| (format!("error: -logs: {e}\n"), USAGE))?,
            plugins: matches.get_many::<String>("plugin").into_iter().flatten().cloned().collect(),
            memory: matches.get_one::<usize>("memory").copied().unwrap_or(weir::Config::default().memory),
            threads: matches.get_one::<u16>("threads").map(|n| usize::from(*n)),
            max_connections: matches.get_one::<u32>("max-conns").map(|n| *n as usize),
        })
    }
}

/// The least memory a session can work with.
const LEAST_MEMORY: usize = 8 << 20;

fn bytes(text: &str) -> Result<usize, String> {
    let kind = weir::plugin::Kind::Int { min: 0, max: i64::MAX };
    match weir::args::value::parse(kind, Some(text)) {
        Ok(weir::args::value::Typed::Int(n)) => {
            usize::try_from(n).ok().filter(|n| *n >= LEAST_MEMORY).ok_or_else(|| "at least 8M is needed".to_owned())
        }
        _ => Err("expected a number of bytes such as 512M".to_owned()),
    }
}

trait ClapError {
    fn to_string_and_code(&self) -> (String, u8);
}

impl ClapError for clap::Error {
    fn to_string_and_code(&self) -> (String, u8) {
        (self.render().to_string(), if self.use_stderr() { USAGE } else { OK })
    }
}
