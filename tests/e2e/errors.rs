//! Mistakes: one clear line that marks the word, the right exit code, and nothing half-started.

use std::net::{Ipv4Addr, TcpListener};

use weir_tests::{Ended, Lab};

/// The words make no sense.
const USAGE: i32 = 2;
/// It could not start.
const START: i32 = 1;

/// What no error may show.
const SECRET: &str = "hushhush";

/// Runs `words` beside outputs that are in order, which must not be begun.
#[track_caller]
fn mistake(words: &str, code: i32, marked: &str) -> Ended {
    let lab = Lab::new();
    let [port] = lab.ports();
    let beside = format!("-o begun.flv -o rtmp://127.0.0.1:{port}/beside:rtmp_listen=1:key={SECRET}");
    judge(&lab, &format!("-logs=all@info {words} {beside}"), code, marked)
}

#[track_caller]
fn judge(lab: &Lab, words: &str, code: i32, marked: &str) -> Ended {
    let ended = lab.weir_to_end(words);
    ended.with(code);
    let errors = ended.stderr.lines().filter(|l| l.starts_with("error: ")).count();
    assert_eq!(errors, 1, "one error is one line: {}", ended.stderr);
    assert_eq!(marks(&ended.stderr), [marked], "{}", ended.stderr);
    assert!(!ended.stderr.contains(SECRET), "a secret is never shown: {}", ended.stderr);
    assert!(!lab.path("begun.flv").exists(), "no file is made");
    if code == USAGE {
        assert!(!ended.stderr.contains("listening"), "nothing is opened: {}", ended.stderr);
    }
    ended
}

/// The words that carets stand under.
fn marks(stderr: &str) -> Vec<&str> {
    let lines: Vec<_> = stderr.lines().collect();
    let under = |pair: &[&'_ str]| {
        let from = pair[1].find('^').filter(|_| pair[1].trim_matches([' ', '|', '^']).is_empty())?;
        Some((from, pair[1].rfind('^')? + 1))
    };
    lines.windows(2).filter_map(|pair| under(pair).and_then(|(from, to)| pair[0].get(from..to))).collect()
}

#[track_caller]
fn says(ended: &Ended, what: &str) {
    assert!(ended.stderr.contains(what), "expected {what:?}: {}", ended.stderr);
}

#[test]
fn an_unknown_filter_gets_a_suggestion() {
    says(&mistake("avgne c=avc c=aac", USAGE, "avgne"), "did you mean avgen?");
}

#[test]
fn an_unknown_option_gets_a_suggestion() {
    says(&mistake("-strict avgen:szies=240x160 c=avc c=aac", USAGE, "szies"), "did you mean sizes?");
}

#[test]
fn a_bad_value_is_marked_and_what_is_good_is_told() {
    says(&mistake("avgen:fps=many c=avc c=aac", USAGE, "many"), "fps: expected a number");
}

#[test]
fn an_unknown_codec_is_marked_and_the_known_ones_are_told() {
    says(&mistake("avgen c=vp9 c=aac", USAGE, "vp9"), "avc, aac");
}

#[test]
fn a_missing_input_is_named() {
    says(&mistake("-i missing.mp4", START, "missing.mp4"), "missing.mp4: No such file");
}

#[test]
fn a_missing_source_is_told() {
    let lab = Lab::new();
    says(&judge(&lab, "c=avc c=aac -o begun.flv", USAGE, "avc"), "begin with a source");
}

#[test]
fn a_missing_output_is_told() {
    let lab = Lab::new();
    says(&judge(&lab, "avgen c=avc c=aac", USAGE, "avgen"), "end with an output");
}

#[test]
fn a_port_in_use_is_named() {
    let lab = Lab::new();
    let [port] = lab.ports();
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("the port was free");
    let url = format!("rtmp://127.0.0.1:{port}/live");
    let words = format!("avgen c=avc c=aac -o begun.flv -o {url}:rtmp_listen=1");
    let ended = judge(&lab, &words, START, &url);
    says(&ended, &format!("127.0.0.1:{port}: Address already in use"));
    drop(taken);
}

#[test]
fn the_same_rtmp_output_twice_is_a_mistake() {
    let lab = Lab::new();
    let [port] = lab.ports();
    let output = format!("rtmp://127.0.0.1:{port}/live:rtmp_listen=1");
    let words = format!("avgen c=avc c=aac -o begun.flv -o {output} -o {output}");
    says(&judge(&lab, &words, START, &output), "served by another output already");
}

#[test]
fn the_same_file_twice_is_a_mistake() {
    let lab = Lab::new();
    says(&judge(&lab, "avgen c=avc c=aac -o begun.flv -o begun.flv", USAGE, "begun.flv"), "by another output already");
}

#[test]
fn what_only_a_listener_has_is_no_option_of_a_push() {
    let words = "avgen c=avc c=aac -o rtmp://127.0.0.1:1/live:maxip=3";
    says(&mistake(words, START, "rtmp://127.0.0.1:1/live:maxip=3"), "add rtmp_listen=1");
}

#[test]
fn a_secret_is_shown_in_no_error_about_its_own_words() {
    let lab = Lab::new();
    let [port] = lab.ports();
    let mistakes = [("rtmp_listen=1:bogus=1", USAGE, "bogus"), ("rtmp_listen=maybe", USAGE, "maybe")];
    for (options, code, marked) in mistakes {
        let words = format!("-strict avgen c=avc c=aac -o rtmp://127.0.0.1:{port}/live:key={SECRET}:{options}");
        judge(&lab, &words, code, marked);
    }
}

#[test]
fn a_secret_is_shown_in_no_log() {
    let lab = Lab::new();
    let [port] = lab.ports();
    let source = "-graph -stats -logs=all@debug avgen:dur=1:sizes=240x160 c=avc c=aac";
    let output = format!("rtmp://127.0.0.1:{port}/live:rtmp_listen=1:key={SECRET}");
    let ended = lab.weir_to_end(&format!("{source} -o {output}"));
    says(ended.with(0), "listening");
    assert!(!ended.stderr.contains(SECRET) && !ended.stdout.contains(SECRET), "{ended:#?}");
}
