//! The status line, in a terminal made by `script` (util-linux).

use std::process::Command;

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
