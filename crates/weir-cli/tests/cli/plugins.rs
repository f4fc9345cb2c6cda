//! `-plugin`: filters from shared libraries, written in C.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::kit::{Ran, command, complains, scratch};

/// Compiles an example of weir-native into `dir`.
fn compiled(dir: &Path, name: &str) -> PathBuf {
    let native = Path::new(env!("CARGO_MANIFEST_DIR")).join("../weir-native");
    let library = dir.join(format!("{name}.so"));
    let status = Command::new("cc")
        .args(["-std=c99", "-shared", "-fPIC", "-I"])
        .arg(native.join("include"))
        .arg("-o")
        .arg(&library)
        .arg(native.join("examples").join(format!("{name}.c")))
        .arg("-lm")
        .status()
        .expect("a C compiler called cc");
    assert!(status.success());
    library
}

#[test]
fn native_filters_run_in_a_graph() {
    let dir = scratch("plugins");
    compiled(&dir, "cpass");
    compiled(&dir, "cgain");
    let words = "-plugin=./cpass.so -plugin ./cgain.so -graph -logs=cpass@info \
                 avgen:dur=0.2:sizes=64x64 cpass:every=5 cgain c=avc c=aac -o x.flv";
    let ran = Ran::of(command().current_dir(&dir).args(words.split_whitespace()).output().expect("it runs"));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("cpass: passed 5 packets, "), "{}", ran.stderr);
    assert!(ran.stderr.contains(") cpass (every=5) (idx=2)"), "{}", ran.stderr);
    assert!(std::fs::metadata(dir.join("x.flv")).expect("written").len() > 1000);
    let help =
        Ran::of(command().current_dir(&dir).args(["-plugin=./cpass.so", "-h", "cpass"]).output().expect("it runs"));
    assert!(help.stdout.starts_with("cpass (filter, runs on a thread of its own)\n"), "{}", help.stdout);
}

#[test]
fn a_library_that_cannot_be_loaded() {
    complains(
        "-plugin=./nope.so avgen -o null",
        1,
        "error: cannot load the plugin ./nope.so: No such file or directory (os error 2)",
    );
}
