//! Rules about sources: what the code of a layer may name, and how a file looks.

use std::collections::BTreeSet;

use super::Finding;
use super::source::{Source, names};

/// Lines of a function, at most.
const MAX_FUNCTION: usize = 120;
/// Lines of a source file, at most.
const MAX_FILE: usize = 1000;

/// Names that a part of the tree keeps out of its code.
struct Ban {
    rule: &'static str,
    /// Where it holds: path prefixes.
    within: &'static [&'static str],
    names: &'static [&'static str],
    why: &'static str,
    /// Where it does not hold, each with its reason beside it.
    except: &'static [&'static str],
    /// Whether it holds in tests too.
    tests: bool,
}

const BANS: &[Ban] = &[
    Ban {
        rule: "sans-io",
        within: &[
            "crates/weir-media/",
            "crates/weir-args/",
            "crates/weir-amf/",
            "crates/weir-codec/",
            "crates/weir-flv/",
            "crates/weir-mp4/",
            "crates/weir-ts/",
            "crates/weir-rtmp/",
        ],
        names: &[
            "std::net",
            "std::fs",
            "std::process",
            "std::thread",
            "std::env",
            "time::Instant",
            "time::SystemTime",
            "SystemTime",
        ],
        why: "bytes and time come in as values: no socket, file, clock, thread or environment",
        except: &[],
        tests: false,
    },
    Ban {
        rule: "sans-io",
        within: &["crates/weir-plugin/", "crates/weir-graph/"],
        names: &[
            "TcpStream",
            "TcpListener",
            "UdpSocket",
            "std::fs",
            "std::process",
            "std::thread",
            "time::Instant",
            "SystemTime",
        ],
        why: "the SDK and the resolver touch nothing outside",
        except: &[],
        tests: false,
    },
    Ban {
        rule: "filter-io",
        within: &["filters/"],
        names: &["mio", "TcpStream", "TcpListener", "UdpSocket", "UnixStream", "UnixListener"],
        why: "a filter reaches the network through Io only",
        except: &[],
        tests: false,
    },
    Ban {
        rule: "blocking",
        within: &["crates/", "filters/"],
        names: &["thread::sleep", "thread::park"],
        why: "nothing sleeps; return a time to be called at",
        except: &[
            // A thread of its own that ends the process when a second signal is not enough.
            "crates/weir-cli/src/signals.rs",
        ],
        tests: false,
    },
    Ban {
        rule: "unsafe",
        within: &["crates/", "filters/", "tests/", "xtask/"],
        names: &["unsafe"],
        why: "only a crate that owns a C library or the plugin ABI has unsafe code",
        except: &["crates/weir-native/", "filters/encode-avc/", "crates/weir-scheduler/src/tcp_info.rs"],
        tests: true,
    },
    Ban {
        rule: "unfinished",
        within: &["crates/", "filters/", "tests/", "xtask/"],
        names: &["todo!", "unimplemented!", "dbg!"],
        why: "no stub and no debug print is committed",
        except: &[],
        tests: true,
    },
];

/// What a filter may only do on a thread of its own.
const BLOCKING: &[&str] = &["std::fs", "fs::File", "std::process", "ToSocketAddrs"];
/// Files of other filters that may do it.
const BLOCKING_FILES: &[&str] = &[
    // A key file is read once, with a bound, when the filter is created: before the event loop runs.
    "filters/net-rtmp/src/settings.rs",
];

/// Crates of filters with a lane of their own, as path prefixes.
pub(super) fn blocking_crates(sources: &[Source]) -> BTreeSet<String> {
    let declares = |s: &&Source| s.paths().iter().any(|(line, p)| names(p, "Lane::Blocking") && !s.test[line - 1]);
    sources.iter().filter(declares).filter_map(|s| crate_dir(&s.path)).collect()
}

/// `filters/x/` of `filters/x/src/lib.rs`.
fn crate_dir(path: &str) -> Option<String> {
    let mut parts = path.split('/');
    Some(format!("{}/{}/", parts.next()?, parts.next()?))
}

/// Checks one source.
pub(super) fn check(source: &Source, blocking: &BTreeSet<String>, findings: &mut Vec<Finding>) {
    check_text(&source.path, &source.text, findings);
    let mut add = |line: usize, rule: &'static str, message: String| {
        findings.push(Finding { path: source.path.clone(), line, rule, message });
    };
    if !source.text.starts_with("//!") {
        add(1, "header", "a file opens with //! that says what it is".to_owned());
    }
    let lines = source.text.lines().count();
    if lines > MAX_FILE {
        add(lines, "length", format!("{lines} lines; a file has at most {MAX_FILE}"));
    }
    for f in source.functions().iter().filter(|f| f.lines > MAX_FUNCTION) {
        add(f.line, "length", format!("{} has {} lines; a function has at most {MAX_FUNCTION}", f.name, f.lines));
    }
    let paths = source.paths();
    for (line, path) in &paths {
        for (name, rule, why) in banned(source, *line, path) {
            add(*line, rule, format!("{name}: {why}"));
        }
        if may_not_block(source, blocking) && !source.test[line - 1] && BLOCKING.iter().any(|b| names(path, b)) {
            add(*line, "blocking", format!("{path}: only a filter with Lane::Blocking touches files or names"));
        }
    }
}

fn banned<'a>(
    source: &'a Source,
    line: usize,
    path: &'a str,
) -> impl Iterator<Item = (&'static str, &'static str, &'static str)> + 'a {
    let here = |prefixes: &[&str]| prefixes.iter().any(|p| source.path.starts_with(p));
    let holds = move |ban: &&Ban| {
        here(ban.within) && !here(ban.except) && (ban.tests || !source.test[line - 1]) // a line of a path exists
    };
    let hit = move |ban: &'static Ban| Some((*ban.names.iter().find(|n| names(path, n))?, ban.rule, ban.why));
    BANS.iter().filter(holds).filter_map(hit)
}

fn may_not_block(source: &Source, blocking: &BTreeSet<String>) -> bool {
    source.path.starts_with("filters/")
        && !BLOCKING_FILES.contains(&source.path.as_str())
        && crate_dir(&source.path).is_none_or(|dir| !blocking.contains(&dir))
}

/// Checks what holds for any text.
pub(super) fn check_text(path: &str, text: &str, findings: &mut Vec<Finding>) {
    let mut add = |line: usize, message: &str| {
        findings.push(Finding { path: path.to_owned(), line, rule: "whitespace", message: message.to_owned() });
    };
    for (n, line) in text.split('\n').enumerate() {
        if line.ends_with([' ', '\t', '\r']) {
            add(n + 1, "no white space at the end of a line");
        }
    }
    if !text.is_empty() && !text.ends_with('\n') {
        add(text.lines().count(), "a file ends with a line break");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<(usize, &'static str)> {
        let source = Source::new(path, &format!("//! A file.\n{text}\n"));
        let blocking = blocking_crates(std::slice::from_ref(&source));
        let mut findings = Vec::new();
        check(&source, &blocking, &mut findings);
        findings.into_iter().map(|f| (f.line, f.rule)).collect()
    }

    #[test]
    fn protocol_crates_hold_no_socket_clock_or_thread() {
        let rtmp = "crates/weir-rtmp/src/x.rs";
        assert_eq!(found(rtmp, "use std::time::{Duration, Instant};"), [(2, "sans-io")]);
        assert_eq!(found(rtmp, "use std::time::Duration;"), []);
        assert_eq!(found(rtmp, "use std::net::IpAddr;"), [(2, "sans-io")]);
        assert_eq!(found(rtmp, "fn a() { std::thread::spawn(b); }"), [(2, "sans-io")]);
        assert_eq!(found(rtmp, "#[cfg(test)]\nmod t { use std::thread; }"), []);
        assert_eq!(found("crates/weir-rtmp/tests/x.rs", "use std::fs;"), []);
        assert_eq!(found("crates/weir-scheduler/src/x.rs", "use std::time::Instant;"), []);
        assert_eq!(found("crates/weir-plugin/src/x.rs", "use std::net::{SocketAddr, TcpStream};"), [(2, "sans-io")]);
    }

    #[test]
    fn filters_reach_the_network_through_io() {
        let filter = "filters/sink-x/src/x.rs";
        assert_eq!(found(filter, "use mio::Token;"), [(2, "filter-io")]);
        assert_eq!(found(filter, "fn f(s: &std::net::TcpStream) {}"), [(2, "filter-io")]);
        assert_eq!(found(filter, "use std::net::SocketAddr; // not mio::net, not TcpStream"), []);
    }

    #[test]
    fn only_blocking_filters_touch_files() {
        let read = "fn f() { std::fs::read(p); }";
        assert_eq!(found("filters/x/src/a.rs", read), [(2, "blocking")]);
        assert_eq!(found("filters/x/src/a.rs", &format!("{read}\nfn l() -> Lane {{ Lane::Blocking }}")), []);
        assert_eq!(found("filters/x/tests/a.rs", read), []);
        assert_eq!(found("filters/x/src/a.rs", "use std::thread;\nfn f() { thread::sleep(d) }"), [(3, "blocking")]);
        assert_eq!(found("filters/x/src/a.rs", "use std::thread::sleep;"), [(2, "blocking")]);
    }

    #[test]
    fn unsafe_stays_where_it_is_allowed() {
        let code = "fn f() { unsafe { g() } }";
        assert_eq!(found("crates/weir-rtmp/tests/a.rs", code), [(2, "unsafe")]);
        assert_eq!(found("crates/weir-native/src/a.rs", code), []);
        assert_eq!(found("crates/weir-cli/src/a.rs", "#![deny(unsafe_code)] // unsafe"), []);
    }

    #[test]
    fn stubs_are_not_committed() {
        assert_eq!(found("tests/src/a.rs", "fn f() { todo!() }\nfn g() { dbg!(1); }").len(), 2);
        assert_eq!(found("tests/src/a.rs", "fn f(todo: u8) { say(\"todo!()\", todo != 1) } // todo!"), []);
    }

    #[test]
    fn files_and_functions_are_short() {
        let long = format!("fn f() {{\n{}}}", "    a();\n".repeat(MAX_FUNCTION));
        assert_eq!(found("crates/x/src/a.rs", &long), [(2, "length")]);
        assert_eq!(found("crates/x/src/a.rs", &"//\n".repeat(MAX_FILE)), [(MAX_FILE + 2, "length")]);
    }

    #[test]
    fn text_is_clean() {
        let mut findings = Vec::new();
        check_text("a.md", "a \nb\t\nc", &mut findings);
        let lines: Vec<_> = findings.iter().map(|f| f.line).collect();
        assert_eq!(lines, [1, 2, 3]);
        let source = Source::new("crates/x/src/a.rs", "fn f() {}\n");
        findings.clear();
        check(&source, &BTreeSet::new(), &mut findings);
        assert_eq!(findings[0].to_string(), "crates/x/src/a.rs:1: header: a file opens with //! that says what it is");
    }
}
