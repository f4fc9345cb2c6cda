//! `-logs=TOPIC[,TOPIC]@LEVEL[:...]`: which log lines are shown, and how.

use weir::Log;
use weir::args::suggest;
use weir::plugin::{Level, Registry};

/// Topics that are no filter: the resolver, the network, the session itself.
const TOPICS: &[&str] = &["all", "graph", "net", "session"];
const LEVELS: &[(&str, Option<Level>)] = &[
    ("quiet", None),
    ("error", Some(Level::Error)),
    ("warning", Some(Level::Warning)),
    ("info", Some(Level::Info)),
    ("debug", Some(Level::Debug)),
];

/// Levels by topic. Later entries win.
pub(crate) struct Logs {
    rules: Vec<(String, Option<Level>)>,
}

impl Logs {
    /// Reads the texts after `-logs=`, over a level for all topics.
    pub(crate) fn parse<'a>(texts: impl IntoIterator<Item = &'a str>, all: Level) -> Result<Self, String> {
        let mut rules = vec![("all".to_owned(), Some(all))];
        for part in texts.into_iter().flat_map(|t| t.split(':')).filter(|p| !p.is_empty()) {
            let (topics, level) = part.split_once('@').ok_or_else(|| without_level(part))?;
            let level = LEVELS.iter().find(|(name, _)| *name == level).ok_or_else(|| no_level(level))?.1;
            rules.extend(topics.split(',').map(|t| (t.to_owned(), level)));
        }
        Ok(Self { rules })
    }

    /// What to say about a topic that is none.
    pub(crate) fn unknown_topic(&self, registry: &Registry) -> Option<String> {
        let known = || TOPICS.iter().copied().chain(registry.iter().map(|p| p.name()));
        let (topic, _) = self.rules.iter().find(|(t, _)| !known().any(|k| k == base(t)))?;
        let near = suggest(topic, known()).map(|n| format!(", did you mean {n}?"));
        Some(format!("-logs: nothing is called {topic}{}", near.unwrap_or_default()))
    }

    /// The loudest level any topic is shown at.
    pub(crate) fn loudest(&self) -> Level {
        self.rules.iter().filter_map(|(_, level)| *level).max().unwrap_or(Level::Error)
    }

    /// Whether a line is shown. Copies of a filter (`avcenc#2`) share its topic.
    pub(crate) fn shows(&self, topic: &str, level: Level) -> bool {
        let rule = self.rules.iter().rev().find(|(t, _)| t == "all" || t == base(topic) || t == topic);
        rule.and_then(|(_, most)| *most).is_some_and(|most| level <= most)
    }
}

/// One line of the log; the graph has several.
pub(crate) fn text(log: &Log) -> String {
    let level = match log.level {
        Level::Error => "error: ",
        Level::Warning => "warning: ",
        Level::Info => "",
        Level::Debug => "debug: ",
    };
    match (log.topic.as_str(), log.line.contains('\n')) {
        ("graph", true) => log.line.clone(),
        (topic, _) => format!("{level}{topic}: {}", log.line.replace('\n', "\\n")),
    }
}

fn base(topic: &str) -> &str {
    topic.split('#').next().unwrap_or(topic)
}

fn without_level(part: &str) -> String {
    if LEVELS.iter().any(|(name, _)| *name == part) {
        format!("{part} needs a topic: all@{part}")
    } else {
        format!("{part} needs a level: {part}@debug")
    }
}

fn no_level(level: &str) -> String {
    let names: Vec<&str> = LEVELS.iter().map(|(name, _)| *name).collect();
    format!("there is no level {level}; levels are {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logs(text: &str) -> Result<Logs, String> {
        Logs::parse([text], Level::Warning)
    }

    #[test]
    fn later_rules_win_and_copies_share_a_topic() {
        let logs = logs("all@error:avcenc,net@debug:rtmpout@quiet").expect("good");
        assert!(logs.shows("avcenc#2", Level::Debug) && logs.shows("net", Level::Debug));
        assert!(!logs.shows("avgen", Level::Warning) && logs.shows("avgen", Level::Error));
        assert!(!logs.shows("rtmpout", Level::Error));
        assert_eq!(logs.loudest(), Level::Debug);
    }

    #[test]
    fn nothing_given_shows_warnings() {
        let logs = logs("").expect("default");
        assert!(logs.shows("x", Level::Warning) && !logs.shows("x", Level::Info));
    }

    #[test]
    fn mistakes_are_named() {
        let said = |text: &str| logs(text).err().expect("wrong");
        assert_eq!(said("avgen"), "avgen needs a level: avgen@debug");
        assert_eq!(said("debug"), "debug needs a topic: all@debug");
        assert_eq!(said("avgen@loud"), "there is no level loud; levels are quiet, error, warning, info, debug");
        let registry = weir::registry();
        assert_eq!(logs("graph@info:avcenc#2@debug").expect("good").unknown_topic(&registry), None);
        assert_eq!(
            logs("avgne@debug").expect("well formed").unknown_topic(&registry).as_deref(),
            Some("-logs: nothing is called avgne, did you mean avgen?")
        );
    }

    #[test]
    fn a_line_stays_a_line() {
        let log = |topic: &str, line: &str| Log {
            level: Level::Error,
            topic: topic.to_owned(),
            line: line.to_owned(),
            at: weir::plugin::media::Time::ZERO,
        };
        assert_eq!(text(&log("net", "a\nerror: forged")), "error: net: a\\nerror: forged");
        assert_eq!(text(&log("graph", "Filters:\nx")), "Filters:\nx");
    }
}
