//! `cargo xtask test`: everything a test run needs, then every test.

use crate::peers;
use crate::run::{Result, cargo, say, step, succeeds, target_dir};

/// Words after `test`.
#[derive(PartialEq, Eq, Debug, Default)]
pub(crate) struct Options {
    no_install: bool,
    filter: Option<String>,
}

impl Options {
    /// Reads the words.
    ///
    /// # Errors
    /// A word makes no sense.
    pub(crate) fn parse(words: &[&str]) -> Result<Self> {
        let mut options = Self::default();
        for word in words {
            match *word {
                "--no-install" => options.no_install = true,
                word if word.starts_with('-') => return Err(format!("xtask: test has no option {word}")),
                word if options.filter.is_none() => options.filter = Some(word.to_owned()),
                word => return Err(format!("xtask: test takes one filter; {word} is a second one")),
            }
        }
        Ok(options)
    }
}

/// Provides peers, builds once, runs everything.
///
/// # Errors
/// A step failed, or in CI a test would be left out.
pub(crate) fn test(options: &Options) -> Result<()> {
    let strict = is_set("CI") || is_set("WEIR_REQUIRE_PEERS");
    peers::provide(!options.no_install, strict)?;
    // One call builds programs and tests with the same features, so that nothing is built twice.
    step("build", &mut cargo(&["build", "--workspace", "--bins", "--tests"]))?;
    run_tests(options, strict)?;
    if options.filter.is_none() {
        step("doc tests", &mut cargo(&["test", "--workspace", "--doc", "--quiet"]))?;
    }
    say("test: all passed");
    Ok(())
}

fn run_tests(options: &Options, strict: bool) -> Result<()> {
    let filter = options.filter.as_deref();
    let mut command = if succeeds(&["cargo", "nextest", "--version"]) {
        let mut command = cargo(&["nextest", "run", "--workspace"]);
        command.args(["--profile", if strict { "ci" } else { "default" }]).args(filter);
        command
    } else {
        say("cargo-nextest is not here; using cargo test, which runs tests of a crate together in one process");
        let mut command = cargo(&["test", "--workspace", "--bins", "--lib", "--tests"]);
        command.args(filter);
        command
    };
    command.env("WEIR_BIN", target_dir().join("debug/weir"));
    if strict {
        command.env("WEIR_REQUIRE_PEERS", "1");
    }
    step("tests", &mut command)
}

/// Whether a variable is set to something that means yes.
fn is_set(name: &str) -> bool {
    std::env::var(name).is_ok_and(|v| !matches!(v.as_str(), "" | "0" | "false" | "no"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_test() {
        assert_eq!(Options::parse(&[]), Ok(Options::default()));
        let both = Options { no_install: true, filter: Some("rtmp".to_owned()) };
        assert_eq!(Options::parse(&["rtmp", "--no-install"]), Ok(both));
        assert!(Options::parse(&["--no-instal"]).is_err());
        assert!(Options::parse(&["a", "b"]).is_err());
    }
}
