//! A filter in C, compiled here and loaded by name, in the middle of a live graph.

use std::path::Path;
use std::process::Command;

use weir_tests::peers::{self, Player};
use weir_tests::{Lab, Recording, process};

#[test]
fn a_filter_in_c_passes_everything() {
    let Some(compiler) = peers::peer("cc") else { return };
    let lab = Lab::new();
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/weir-native");
    let mut command = Command::new(compiler);
    command.args(["-std=c99", "-Wall", "-Werror", "-shared", "-fPIC", "-o", "cpass.so", "-I"]);
    command.arg(ours.join("include")).arg(ours.join("examples/cpass.c"));
    process::run("cc", command, lab.dir()).quietly(0);

    let [port] = lab.ports();
    let url = Player::Ffmpeg.url(port);
    let words = "-plugin=./cpass.so -logs=cpass@info avgen:sizes=240x160:rates=200k cpass:every=25 c=avc c=aac";
    let weir = lab.weir(&format!("{words} -o {url}:rtmp_listen=1")).listening([port]);
    let player = Player::Ffmpeg.record(&url, lab.dir(), "got.flv");
    lab.wait_for_file("got.flv", 100_000);
    let ended = weir.stop();
    ended.with(0);
    player.wait().quietly(0);
    Recording::of(&lab.path("got.flv")).is_whole(50);
    for copy in ["cpass: passed 50 packets", "cpass#2: passed 50 packets", "the end after"] {
        assert!(ended.stderr.contains(copy), "{copy}: {}", ended.stderr);
    }
}
