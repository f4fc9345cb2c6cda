//! What stands for words: aliases, other separators, option files.

use std::fs;
use std::path::Path;

use crate::kit::{Ran, command, scratch};

/// Runs words, split at `|`, in a folder that is also the home of the settings.
fn run_in(folder: &Path, words: &str) -> Ran {
    let words = words.split('|').filter(|w| !w.is_empty());
    Ran::of(command().current_dir(folder).env("XDG_CONFIG_HOME", folder).args(words).output().expect("it runs"))
}

#[test]
fn an_alias_is_kept_used_and_forgotten() {
    let folder = scratch("aliases");
    let kept = run_in(&folder, "-alias=clip avgen:dur=1:sizes=64x64 c=avc c=aac -o @{1}");
    assert_eq!((kept.code, kept.stderr.as_str()), (0, ""));
    let plan = run_in(&folder, "plan|clip|a.mp4");
    assert!(plan.code == 0 && plan.stdout.contains("fout (dst=a.mp4)"), "{}{}", plan.stdout, plan.stderr);
    let none = run_in(&folder, "clip");
    assert_eq!((none.code, none.stderr.contains("@{1} stands for words behind it, and there are 0")), (2, true));
    let taken = run_in(&folder, "-alias=avgen c=avc");
    assert_eq!((taken.code, taken.stderr.contains("it means something already")), (2, true), "{}", taken.stderr);
    assert_eq!(run_in(&folder, "-alias=clip").code, 0);
    let gone = run_in(&folder, "plan|clip|a.mp4");
    assert_eq!((gone.code, gone.stderr.contains("there is no filter called clip")), (2, true), "{}", gone.stderr);
}

/// A graph without the numbers of inserted filters: those whose encoders speak first have lower ones.
fn unnumbered(graph: &str) -> String {
    let mut parts = graph.split("dyn_idx=");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + "dyn_idx=" + part.trim_start_matches(|c: char| c.is_ascii_digit()))
}

#[test]
fn other_separators_read_the_same_and_are_not_in_a_graph_file() {
    let folder = scratch("separators");
    let usual = run_in(&folder, "plan|avgen:dur=1:sizes=64x64,96x64|c=avc|-o|a.mp4");
    let words = "avgen+dur~1+sizes~64x64;96x64|c~avc|-o|a.mp4";
    let other = run_in(&folder, &format!("plan|-seps=+~%;?&|{words}"));
    let usual = unnumbered(&usual.stdout);
    assert_eq!((other.code, &unnumbered(&other.stdout)), (0, &usual), "{}", other.stderr);
    assert_eq!(run_in(&folder, &format!("convert|-seps=+~%;?&|{words}|a.toml")).code, 0);
    let file = run_in(&folder, "plan|a.toml");
    assert_eq!((file.code, &unnumbered(&file.stdout)), (0, &usual), "{}", file.stderr);
    let twice = run_in(&folder, "plan|-seps=::|avgen:dur=1:sizes=64x64|c=avc|-o|a.mp4");
    assert!(twice.code == 0 && twice.stderr.contains("the usual ones are used"), "{}", twice.stderr);
}

#[test]
fn an_option_file_stays_a_file_when_a_graph_is_saved() {
    let folder = scratch("option-file");
    fs::write(folder.join("opts.txt"), "b=150k\n").expect("a small file");
    let plan = run_in(&folder, "plan|-graph-out|a.toml|avgen:dur=1:sizes=64x64|c=avc:opts.txt|-o|a.mp4");
    assert!(plan.stdout.contains("avcenc (c=avc b=150k)"), "{}{}", plan.stdout, plan.stderr);
    assert_eq!(unnumbered(&run_in(&folder, "plan|a.toml").stdout), unnumbered(&plan.stdout));
}
