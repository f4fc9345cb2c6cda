//! The status line and the full screen, in a terminal made by `script` (util-linux).

use std::io::{Read, Write};
use std::process::{Command, Stdio};

use crate::kit::{free_port, scratch};

/// What a terminal of 60 columns gets to see.
fn in_terminal(test: &str, words: &str) -> String {
    let run = format!("stty rows 24 cols 60; exec {} {words}", env!("CARGO_BIN_EXE_weir"));
    let output = Command::new("script")
        .args(["-qec", &run, "/dev/null"])
        .env("TERM", "xterm")
        .current_dir(scratch(test))
        .output()
        .expect("script of util-linux");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn one_line_that_fits_and_is_cleared_in_the_end() {
    let outputs: Vec<String> =
        (0..3).map(|n| format!("-o rtmp://127.0.0.1:{}/live/output{n}:rtmp_listen", free_port())).collect();
    let words = format!("avgen:dur=2:sizes=64x64 c=avc c=aac {}", outputs.join(" "));
    let seen = in_terminal("terminal", &words);
    assert!(seen.contains("\r00:00:01  "), "{seen:?}");
    assert!(seen.ends_with("\r\x1b[K"), "{seen:?}");
    for line in seen.split('\r').map(|l| l.replace("\x1b[K", "")) {
        assert!(line.chars().count() < 60 && !line.contains('\n'), "{line:?}");
    }
}

#[test]
fn quiet_and_dumb_terminals_have_none() {
    let url = format!("rtmp://127.0.0.1:{}/live", free_port());
    let words = format!("-quiet avgen:dur=1.5:sizes=64x64 c=avc c=aac -o {url}:rtmp_listen");
    assert_eq!(in_terminal("quiet", &words), "");
}

/// What a terminal of 80 columns gets to see of a session with `-r` in which `q` is typed when it is seen to listen.
fn on_full_screen(test: &str, no_color: &str) -> String {
    let port = free_port();
    let words = format!("-r avgen:sizes=64x64 c=avc c=aac -o rtmp://127.0.0.1:{port}/live:rtmp_listen");
    let run = format!("stty rows 24 cols 80; exec {} {words}", env!("CARGO_BIN_EXE_weir"));
    let mut child = Command::new("script")
        .args(["-qec", &run, "/dev/null"])
        .env("TERM", "xterm")
        .env("NO_COLOR", no_color)
        .current_dir(scratch(test))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("script of util-linux");
    let mut keys = child.stdin.take().expect("it is piped");
    let mut screen = child.stdout.take().expect("it is piped");
    let mut seen = Vec::new();
    let mut buf = [0; 4096];
    // What is typed before the screen is drawn may get lost, as with any program.
    while !String::from_utf8_lossy(&seen).contains("listening") {
        let n = screen.read(&mut buf).expect("a screen");
        assert!(n > 0, "it ended at once: {:?}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&buf[..n]);
    }
    keys.write_all(b"q").expect("it reads");
    screen.read_to_end(&mut seen).expect("a screen");
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
    String::from_utf8_lossy(&seen).into_owned()
}

#[test]
fn the_full_screen_is_taken_and_given_back() {
    let seen = on_full_screen("full", "");
    let (taken, back) = (seen.find("\x1b[?1049h").expect("taken"), seen.rfind("\x1b[?1049l").expect("given back"));
    let shown = &seen[taken..back];
    assert!(shown.contains("weir ") && shown.contains("q quit"), "{seen:?}");
    assert!(!seen.contains("\r00:00:0"), "and no status line");
    assert!(seen.contains("\x1b[32m") || seen.contains("38;5;2;"), "what is well is green: {seen:?}");
}

#[test]
fn without_colour_the_full_screen_has_none() {
    let seen = on_full_screen("plain", "1");
    assert!(seen.contains("\x1b[?1049h"), "{seen:?}");
    let styles = seen.split("\x1b[").filter_map(|s| s.split_once('m')).map(|(style, _)| style);
    let colours: Vec<&str> =
        styles.filter(|s| s.split(';').any(|n| n.starts_with(['3', '9']) && n.len() == 2)).collect();
    assert!(colours.is_empty(), "{colours:?} in {seen:?}");
}
