//! Graph files, plans and explanations, by the command.

use std::fs;
use std::path::Path;

use crate::kit::{Ran, command, says, scratch, weir_in};

/// Runs these words where something is already.
fn run_in(folder: &Path, words: &str) -> Ran {
    Ran::of(command().current_dir(folder).args(words.split_whitespace()).output().expect("it runs"))
}

/// The founding command as the documentation has it.
const FOUNDING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/examples/founding.toml");
const WORDS: &str = "avgen:sizes=240x160:rates=200k c=avc c=aac -o rtmp://127.0.0.1:8889/live:rtmp_listen \
                     -o rtmp://127.0.0.1:8888/live:rtmp_listen";

/// Nodes and edges of a plan, without the order in which things were inserted.
fn shape(json: &str) -> Vec<String> {
    let plan: serde_json::Value = serde_json::from_str(json).expect("JSON");
    let filter = |id: &serde_json::Value| {
        let nodes = plan["nodes"].as_array().expect("nodes");
        nodes.iter().find(|n| n["id"] == *id).map(|n| n["name"].to_string()).expect("a node")
    };
    let edges = plan["edges"].as_array().expect("edges").iter();
    let edge =
        |e: &serde_json::Value| format!("{} {} {} {}", filter(&e["from"]), filter(&e["to"]), e["type"], e["codec"]);
    let mut all: Vec<String> = edges.map(edge).collect();
    all.extend(plan["nodes"].as_array().expect("nodes").iter().map(|n| format!("{} {}", n["name"], n["args"])));
    all.sort();
    all
}

#[test]
fn a_file_and_its_words_are_one_plan() {
    let file = weir_in("plan_file", &format!("plan --json {FOUNDING}"));
    let words = weir_in("plan_words", &format!("plan --json {WORDS}"));
    assert_eq!((file.code, words.code), (0, 0), "{}{}", file.stderr, words.stderr);
    assert_eq!(shape(&file.stdout), shape(&words.stdout));
    assert!(shape(&file.stdout).contains(&r#""flvmx" "rtmpout#2" "File" "-""#.to_owned()), "{}", file.stdout);
}

#[test]
fn a_plan_in_every_shape_and_nothing_is_written() {
    let folder = scratch("plan_shapes");
    for (shape, start) in [("--dot", "digraph"), ("--mermaid", "flowchart"), ("--svg", "<svg"), ("--tree", "Filters")] {
        let ran = run_in(&folder, &format!("plan {shape} avgen:dur=1:sizes=64x64 c=avc c=aac -o never.flv"));
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert!(ran.stdout.starts_with(start), "{}", ran.stdout);
    }
    assert!(!folder.join("never.flv").exists());
}

#[test]
fn a_graph_is_saved_run_and_converted_back() {
    let line = "avgen:dur=0.2:sizes=64x64 c=avc -o x.flv:FID=out";
    let folder = scratch("saved");
    let saved = run_in(&folder, &format!("{line} -graph-out saved.yaml"));
    assert_eq!((saved.code, saved.stderr.as_str()), (0, ""));
    let back = run_in(&folder, "convert saved.yaml -");
    assert_eq!((back.code, back.stdout.trim()), (0, "avgen:dur=0.2:sizes=64x64 c=avc -o x.flv:FID=out"));
    fs::remove_file(folder.join("x.flv")).expect("it was made");
    let again = run_in(&folder, "run saved.yaml");
    assert_eq!((again.code, again.stderr.as_str()), (0, ""));
    assert!(folder.join("x.flv").exists());
}

#[test]
fn mistakes_are_shown_in_the_file() {
    let folder = scratch("file_mistakes");
    fs::write(folder.join("g.toml"), "[[graph]]\nfilter = \"avgen\"\nszies = \"64x64\"\n[[graph]]\nout = \"x.flv\"\n")
        .expect("written");
    let ran = run_in(&folder, "check g.toml");
    assert_eq!(ran.code, 2);
    says(
        &ran.stderr,
        "
        error: avgen has no option szies
         --> g.toml:3:1
          |
        3 | szies = \"64x64\"
          | ^^^^^
          |
          = help: did you mean sizes?
        ",
    );
}

#[test]
fn a_secret_of_the_environment_is_never_shown() {
    let folder = scratch("file_secret");
    let text = "[[graph]]\nin = \"none.mp4\"\n[[graph]]\nout = \"rtmp://127.0.0.1/app/${PATH}\"\nnope = 1\nlag = \"${PATH}\"\n";
    fs::write(folder.join("g.toml"), text).expect("written");
    for command in ["check", "plan", "explain", "run"] {
        let ran = run_in(&folder, &format!("{command} g.toml"));
        let path = std::env::var("PATH").expect("there is one");
        assert_ne!(ran.code, 0);
        assert!(!ran.stderr.contains(&path) && !ran.stdout.contains(&path), "{}", ran.stderr);
    }
}

#[test]
fn check_finds_what_would_fail_later() {
    let said = |line: &str| {
        let ran = weir_in("check", &format!("check {line}"));
        assert_eq!(ran.code, 2, "{line}: {}", ran.stderr);
        ran.stderr
    };
    assert!(said("-i missing.mp4 -o x.flv").contains("missing.mp4"));
    assert!(said("avgen:v c=avc -o x.aac").contains("fout gets nothing"));
    let twice = said("avgen c=avc -o rtmp://127.0.0.1:1/a:rtmp_listen -o rtmp://127.0.0.1:1/a:rtmp_listen");
    assert!(twice.contains("another output goes to the same place"), "{twice}");
    let fine = weir_in("check", "check avgen c=avc c=aac -o x.flv");
    assert_eq!((fine.code, fine.stderr.as_str()), (0, ""));
}

#[test]
fn explanations_say_what_and_why() {
    let ran = weir_in("explain", "explain avgen:v:sizes=64x64 c=aac c=avc -o x.flv");
    assert_eq!(ran.code, 0);
    for line in [
        "  not aacenc: aacenc does not take StreamType Visual",
        "  -> avcenc: the first filter behind it that takes it keeps it",
        "  -> rfnalu -> flvmx -> fout: outputs behind it share it",
        "aacenc gets nothing: ",
    ] {
        assert!(ran.stdout.contains(line), "no {line:?} in\n{}", ran.stdout);
    }
}

#[test]
fn what_is_not_linked_is_told_with_what_would_help() {
    let says = |words: &str, line: &str| {
        let ran = weir_in("remedies", words);
        let text = format!("{}{}", ran.stdout, ran.stderr);
        assert!(text.contains(line), "{words}: no {line:?} in\n{text}");
    };
    says("explain avgen:v:sizes=64x64 c=avc -o x.fvl", "  what would help: did you mean .flv?");
    says("check avgen:v:sizes=64x64 c=avc -o x.fvl", "  = help: did you mean .flv?");
    says("explain avgen:v:sizes=64x64 c=avc:FID=v -o x.flv:SID=w", "  what would help: no filter has FID=w");
    says("explain avgen:sizes=64x64 c=avc -o x.264", "  what would help: an output that takes it: -o FILE with ");
    let folder = scratch("remedy-of-a-file");
    fs::write(folder.join("x.xyz"), "?").expect("a small file");
    let ran = run_in(&folder, "explain -i x.xyz -o x.flv");
    assert!(ran.stdout.contains("  what would help: what can be read: .mp4"), "{}", ran.stdout);
}

#[test]
fn formatting_is_checked_and_done() {
    let folder = scratch("fmt");
    fs::write(folder.join("g.toml"), "# top\n[[graph]]\nword='avgen'\n").expect("written");
    assert_eq!(run_in(&folder, "fmt --check g.toml").code, 1);
    assert_eq!(run_in(&folder, "fmt g.toml").code, 0);
    assert_eq!(run_in(&folder, "fmt --check g.toml").code, 0);
    assert_eq!(fs::read_to_string(folder.join("g.toml")).expect("there"), "# top\n[[graph]]\nword = 'avgen'\n");
}
