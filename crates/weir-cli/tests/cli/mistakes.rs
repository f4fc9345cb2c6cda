//! Words that make no sense, and things that cannot start: one clear message each, under the word it is about.

use std::ffi::OsStr;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::ffi::OsStrExt;

use crate::kit::{Ran, command, complains, free_port, says, weir};

#[test]
fn names() {
    complains(
        "avgne:dur=1 c=avc -o null",
        2,
        "
        error: there is no filter called avgne
          |
        1 | avgne:dur=1 c=avc -o null
          | ^^^^^
          |
          = help: did you mean avgen?
        ",
    );
    complains(
        "avgen:dru=1 c=avcc -o null",
        2,
        "
        error: there is no codec called avcc
          |
        1 | avgen:dru=1 c=avcc -o null
          |               ^^^^
          |
          = help: did you mean avc?
        ",
    );
}

#[test]
fn options_nobody_knows() {
    let shown = |level: &str, words: &str| {
        format!(
            "
        {level}: avgen has no option dru
          |
        1 | {words}
          | {}^^^
          |
          = help: did you mean dur?
        ",
            " ".repeat(words.find("dru").expect("it is there"))
        )
    };
    let words = "avgen:v:dru=1:dur=0.1:sizes=64x64 -o null";
    complains(words, 0, &shown("warning", words));
    complains(&format!("-no-argchk {words}"), 0, "");
    complains(&format!("-strict {words}"), 2, &shown("error", &format!("-strict {words}")));
    // What somebody could have used, and nobody did.
    let unused = weir("-strict avgen:v:dur=0.1:sizes=64x64:b=1M -o null");
    assert_eq!(unused.code, 1);
    assert!(unused.stderr.starts_with("error: no filter used b\n"), "{}", unused.stderr);
}

#[test]
fn options_of_weir_itself() {
    complains(
        "-grpah avgen -o null",
        2,
        "
        error: there is no option -grpah
          |
        1 | -grpah avgen -o null
          | ^^^^^^
          |
          = help: did you mean -graph?
        ",
    );
    complains(
        "avgen -o null --graph",
        2,
        "
        error: no filter has an option graph
          |
        1 | avgen -o null --graph
          |                 ^^^^^
          |
          = help: options of weir itself have one dash: -graph
        ",
    );
    complains(
        "-memory=lots avgen -o null",
        2,
        "
        error: -memory: expected a number of bytes such as 512M, at least 8M
          |
        1 | -memory=lots avgen -o null
          | ^^^^^^^^^^^^
        ",
    );
    complains(
        "-logs=avgen@loud avgen -o null",
        2,
        "
        error: -logs: there is no level loud; levels are quiet, error, warning, info, debug
          |
        1 | -logs=avgen@loud avgen -o null
          | ^^^^^^^^^^^^^^^^
        ",
    );
    complains(
        "-logs avgen -o null",
        2,
        "
        error: -logs needs a value: -logs=TOPIC@LEVEL
          |
        1 | -logs avgen -o null
          | ^^^^^
        ",
    );
    complains(
        "avgen -o null -plugin",
        2,
        "
        error: -plugin needs a value: -plugin=FILE
          |
        1 | avgen -o null -plugin
          |               ^^^^^^^
        ",
    );
}

#[test]
fn long_lines_are_cut_around_the_place() {
    let out = "-o rtmp://127.0.0.1:1935/live/some_long_name_that_goes_on:rtmp_listen=1";
    let ran = weir(&format!("-strict avgen {out}:zzz {out}"));
    assert!(ran.stderr.lines().all(|l| l.chars().count() <= 110), "{}", ran.stderr);
    let lines: Vec<&str> = ran.stderr.lines().collect();
    let at = lines[3].find('^').expect("a caret");
    assert_eq!(&lines[2][at..at + 3], "zzz", "{}", ran.stderr);
}

#[test]
fn a_word_that_is_no_text() {
    let ran = Ran::of(command().arg("avgen").arg(OsStr::from_bytes(b"\xff\xfe")).output().expect("it runs"));
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.starts_with("error: this word is not UTF-8 text: "), "{}", ran.stderr);
}

#[test]
fn a_file_that_is_not_there() {
    complains(
        "-i nope.flv -o null",
        1,
        "
        error: fin: cannot open nope.flv: No such file or directory (os error 2)
          |
        1 | -i nope.flv -o null
          |    ^^^^^^^^
        ",
    );
}

#[test]
fn a_port_in_use_points_at_the_url_and_nothing_runs() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = taken.local_addr().expect("it is bound").port();
    let ran = weir(&format!("avgen -o rtmp://127.0.0.1:{port}/live:rtmp_listen:start=live"));
    assert_eq!(ran.code, 1);
    let carets = "^".repeat(format!("rtmp://127.0.0.1:{port}/live").len());
    says(
        &ran.stderr,
        &format!(
            "
            error: rtmpout: cannot listen on 127.0.0.1:{port}: Address already in use (os error 98)
              |
            1 | avgen -o rtmp://127.0.0.1:{port}/live:rtmp_listen:start=live
              |          {carets}
            "
        ),
    );
}

#[test]
fn two_outputs_of_one_name() {
    let url = format!("rtmp://127.0.0.1:{}/live", free_port());
    let ran = weir(&format!("avgen -o {url}:rtmp_listen -o {url}:rtmp_listen"));
    assert_eq!(ran.code, 1);
    let mut lines = ran.stderr.lines();
    let title = lines.next().expect("a message");
    assert!(title.starts_with(&format!("error: rtmpout#2: {url} is served by another output already")), "{title}");
    let at = lines.nth(1).expect("the line").rfind("rtmp://").expect("the second URL");
    assert_eq!(lines.next().expect("the carets").find('^'), Some(at));
}

#[test]
fn an_option_that_its_filter_refuses() {
    complains(
        "avgen -o rtmp://127.0.0.1:1/live:rtmp_listen:allow=nobody",
        1,
        "
        error: rtmpout: allow: nobody is no address or network such as 10.0.0.0/8
          |
        1 | avgen -o rtmp://127.0.0.1:1/live:rtmp_listen:allow=nobody
          |                                              ^^^^^^^^^^^^
        ",
    );
}
