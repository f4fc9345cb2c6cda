//! No secret is ever printed, whatever goes wrong.

use std::net::{Ipv4Addr, TcpListener};

use crate::kit::{free_port, weir};

const SECRET: &str = "SECRET-4711";

/// Runs words in which `KEY` stands for the secret, and expects a failure that does not tell it.
#[track_caller]
fn keeps(words: &str) {
    // With -strict, so that nothing that is wrong runs.
    let ran = weir(&format!("-strict {}", words.replace("KEY", SECRET)));
    assert_ne!(ran.code, 0, "{words} was meant to fail");
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert!(!said.is_empty(), "{words} fails in silence");
    for part in [SECRET, "4711"] {
        assert!(!said.contains(part), "{words}\n{said}");
    }
}

#[test]
fn in_words_that_are_wrong() {
    keeps("avgen -o rtmp://127.0.0.1/live/a:rtmp_listen:key=KEY:nonsense=1");
    keeps("avgen -o rtmp://127.0.0.1/live/a:rtmp_listen:key=KEY:stall=x");
    keeps("avgne -o rtmp://127.0.0.1/live/a:rtmp_listen:key=KEY");
    keeps("avgen -o x.flv:key=KEY");
    keeps("avgen -o x.flv:kye=KEY");
    keeps("avgen -o rtmp://127.0.0.1/live/a:rtmp_listen:key=a:KEY");
    keeps("avgen -o rtmp://127.0.0.1/live/a:rtmp_listen:key=a:b=c:KEY:x=KEY");
    keeps("nonsense:key=KEY");
    keeps("avgen key=KEY -o null");
    keeps("avgen --key=KEY -o");
    keeps("avgen -key=KEY -o null");
    keeps("avgen rtmp://127.0.0.1/live?key=KEY");
    keeps("avgen -o rtmps://127.0.0.1/live?token=KEY:on_fail=stop");
    keeps("avgen -o rtmp://KEY@127.0.0.1:99999/live");
    keeps("avgen -dts=rtmp://127.0.0.1/live?token=KEY");
}

#[test]
fn in_what_cannot_start() {
    keeps("avgen c=avc -o rtmp://127.0.0.1:1/app/name-KEY:on_fail=stop");
    keeps("avgen c=avc -o rtmp://me:KEY@127.0.0.1:1/app:on_fail=stop");
    keeps("avgen c=avc -o rtmp://127.0.0.1:1/app:key=KEY:on_fail=stop");
    keeps("avgen c=avc -o rtmp://127.0.0.1:1/app/name?token=KEY:maxip=3");
    keeps("avgen -o rtmp://me:KEY@127.0.0.1:1935/app:rtmp_listen");
    keeps("avgen -o rtmp://127.0.0.1/live/a?token=KEY:rtmp_listen:allow=x");
    keeps("avgen -o rtmp://127.0.0.1/live/a:rtmp_listen:key=KEY:allow=x");
    keeps("avgen -o rtmp://nowhere.invalid/live/a:rtmp_listen:key=KEY");
    keeps("-i nope.flv -o rtmp://127.0.0.1:1/live/a:rtmp_listen:key=KEY");
    keeps("-plugin=./nope.so avgen -o rtmp://127.0.0.1/live/a:rtmp_listen:key=KEY");
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = taken.local_addr().expect("it is bound").port();
    keeps(&format!("avgen -o rtmp://127.0.0.1:{port}/live/a:rtmp_listen:key=KEY"));
    let url = format!("rtmp://127.0.0.1:{}/live", free_port());
    keeps(&format!("avgen -o {url}:rtmp_listen:key=KEY -o {url}:rtmp_listen:key=KEY"));
}

#[test]
fn in_a_run_with_everything_shown() {
    let url = format!("rtmp://127.0.0.1:{}/live/a", free_port());
    let ran = weir(&format!(
        "-graph -stats -logs=all@debug avgen:dur=0.2:sizes=64x64 c=avc c=aac -o {url}:rtmp_listen:key={SECRET}"
    ));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("key=***"), "{}", ran.stderr);
    assert!(!ran.stderr.contains(SECRET), "{}", ran.stderr);
}
