//! `-logs=topic@level[:topic@level]`: which log lines are shown.

use weir::plugin::Level;

/// Levels by topic. Later entries win.
pub(crate) struct Logs {
    rules: Vec<(String, Option<Level>)>,
}

impl Logs {
    /// Reads the text after `-logs=`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut rules = vec![("all".to_owned(), Some(Level::Warning))];
        for part in text.split(':').filter(|p| !p.is_empty()) {
            let (topics, level) = part.split_once('@').ok_or_else(|| format!("expected TOPIC@LEVEL, got {part}"))?;
            let level = match level {
                "quiet" => None,
                "error" => Some(Level::Error),
                "warning" => Some(Level::Warning),
                "info" => Some(Level::Info),
                "debug" => Some(Level::Debug),
                other => return Err(format!("there is no level {other}: use quiet, error, warning, info or debug")),
            };
            rules.extend(topics.split(',').map(|t| (t.to_owned(), level)));
        }
        Ok(Self { rules })
    }

    /// The loudest level any topic is shown at.
    pub(crate) fn loudest(&self) -> Level {
        self.rules.iter().filter_map(|(_, level)| *level).max().unwrap_or(Level::Error)
    }

    /// Whether a line is shown. Copies of a filter (`avcenc#2`) share its topic.
    pub(crate) fn shows(&self, topic: &str, level: Level) -> bool {
        let base = topic.split('#').next().unwrap_or(topic);
        let rule = self.rules.iter().rev().find(|(t, _)| t == "all" || t == base || t == topic);
        rule.and_then(|(_, most)| *most).is_some_and(|most| level <= most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_rules_win_and_copies_share_a_topic() {
        let logs = Logs::parse("all@error:avcenc@debug:rtmpout@quiet").expect("good");
        assert!(logs.shows("avcenc#2", Level::Debug));
        assert!(!logs.shows("avgen", Level::Warning) && logs.shows("avgen", Level::Error));
        assert!(!logs.shows("rtmpout", Level::Error));
        assert_eq!(logs.loudest(), Level::Debug);
        assert!(Logs::parse("").expect("default").shows("x", Level::Warning));
        assert!(Logs::parse("avgen").is_err() && Logs::parse("avgen@loud").is_err());
    }
}
