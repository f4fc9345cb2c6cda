//! Tests that documentation names exist: a page that says what is covered is true.

use std::fs;

use super::Finding;
use crate::run;

/// The page that names tests, each as `` `FILE` `NAME` ``.
const PAGE: &str = "docs/rtmp-checks.md";

/// Checks the page, and no other.
pub(super) fn check(path: &str, text: &str, findings: &mut Vec<Finding>) {
    if path != PAGE {
        return;
    }
    for (index, line) in text.lines().enumerate() {
        let missing = tests(line).filter(|(file, name)| !holds(file, name));
        findings.extend(missing.map(|(file, name)| Finding {
            path: path.to_owned(),
            line: index + 1,
            rule: "named tests",
            message: format!("there is no test {name} in {file}"),
        }));
    }
}

/// Files and tests that a line names.
fn tests(line: &str) -> impl Iterator<Item = (&str, &str)> {
    let quoted: Vec<&str> = line.split('`').skip(1).step_by(2).collect();
    let pairs: Vec<_> = quoted.windows(2).filter(|p| p[0].ends_with(".rs")).map(|p| (p[0], p[1])).collect();
    pairs.into_iter()
}

fn holds(file: &str, name: &str) -> bool {
    let text = fs::read_to_string(run::root().join(file)).unwrap_or_default();
    text.contains(&format!("fn {name}()"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_named_test_is_looked_for() {
        let mut findings = Vec::new();
        let here = "| 1 | `xtask/src/tidy/named.rs` `each_named_test_is_looked_for` |";
        let text = format!("{here}\n| 2 | `xtask/src/tidy/named.rs` `no_such_test`, `nowhere.rs` `none` |");
        check(PAGE, &text, &mut findings);
        assert_eq!(findings.iter().map(|f| f.line).collect::<Vec<_>>(), [2, 2]);
        check("docs/style.md", &text, &mut findings);
        assert_eq!(findings.len(), 2);
    }
}
