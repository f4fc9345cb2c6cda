//! Sessions that run to their end: what is told afterwards, and the exit code.

use std::fs;

use crate::kit::{Ran, command, plain, says, scratch, weir, weir_in};

#[test]
fn a_good_run_says_nothing() {
    let ran = weir_in("good", "avgen:dur=0.2:sizes=64x64 c=avc c=aac -o x.flv");
    assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (0, "", ""));
    let made = fs::read(scratch_of("good").join("x.flv")).expect("it was written");
    assert_eq!(&made[..3], b"FLV");
}

fn scratch_of(test: &str) -> std::path::PathBuf {
    std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("cli").join(test)
}

const GRAPH: &str = r"
    Filters connected:
    avgen (dur=0.2 sizes=64x64) (idx=1)
    -(PID audio raw audio) aacenc (c=aac) (idx=3)
    --(PID audio aac) flvmx (dyn_idx=6)
    ---(PID flv flv) fout (dst=x.flv) (idx=4)
    ---(PID flv flv) fout#2 (dst=y.flv) (idx=5)
    -(PID video raw visual) avcenc (c=avc) (idx=2)
    --(PID video avc) rfnalu (dyn_idx=7)
    ---(PID video avc) flvmx (dyn_idx=6) (above)
    ";

/// The graph as if sound had been first: which encoder opens its output first, and so what is inserted first, is open.
fn in_order(graph: &str) -> String {
    if graph.contains("rfnalu (dyn_idx=6)") {
        graph.replace("dyn_idx=6", "dyn_idx=x").replace("dyn_idx=7", "dyn_idx=6").replace("dyn_idx=x", "dyn_idx=7")
    } else {
        graph.to_owned()
    }
}

#[test]
fn the_graph_and_the_tables() {
    let ran = weir_in("graph", "avgen:dur=0.2:sizes=64x64 c=avc c=aac -o x.flv -o y.flv -graph -stats");
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""));
    let (graph, tables) = ran.stderr.split_at(plain(GRAPH).len().min(ran.stderr.len()));
    says(&in_order(graph), GRAPH);
    let mut names: Vec<&str> = tables.lines().filter_map(|l| l.split_whitespace().next()).take(8).collect();
    names[6..].sort_unstable();
    assert_eq!(names, ["filter", "avgen", "avcenc", "aacenc", "fout", "fout#2", "flvmx", "rfnalu"], "{tables}");
    assert!(tables.contains("\nfout  x.flv  ended\n"), "{tables}");
}

#[test]
fn the_graph_in_the_log() {
    let ran = weir_in("graph_log", "-logs=graph@info avgen:dur=0.2:sizes=64x64 c=avc c=aac -o x.flv -o y.flv");
    let (first, graph) = ran.stderr.split_once('\n').expect("two messages");
    assert_eq!(first, "graph: fout, fout#2 share one muxer");
    says(&in_order(graph), GRAPH);
}

#[test]
fn what_was_not_used_is_told_at_the_end() {
    let ran = weir_in("unused", "avgen:dur=0.2:sizes=64x64 c=avc c=aac -o x.flv:ileave=100:b=1M --loop=2");
    assert_eq!(ran.code, 0);
    says(
        &ran.stderr,
        "
        warning: no filter used b
          |
        1 | avgen:dur=0.2:sizes=64x64 c=avc c=aac -o x.flv:ileave=100:b=1M --loop=2
          |                                                           ^^^^
          |
          = help: it is an option of avcenc, aacenc
        warning: no filter used loop
          |
        1 | avgen:dur=0.2:sizes=64x64 c=avc c=aac -o x.flv:ileave=100:b=1M --loop=2
          |                                                                ^^^^^^^^
          |
          = help: it is an option of fin, mp4dmx
        ",
    );
    let ran = weir_in("unused_quiet", "-quiet avgen:dur=0.2:sizes=64x64 c=avc c=aac -o x.flv:b=1M");
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
}

#[test]
fn what_an_encoder_made_does_not_come_to_another_encoder() {
    let ran = weir_in("idle", "avgen:dur=0.2:sizes=64x64 c=avc c=avc:b=90k c=aac -o x.flv");
    says(&ran.stderr, "warning: avcenc#2: is not used: avcenc#2 does not take CodecID avc");
    assert_eq!(ran.code, 0);
}

#[test]
fn one_decoder_serves_every_encoder() {
    let test = "ladder";
    assert_eq!(weir_in(test, "avgen:dur=0.4:sizes=64x64 c=avc c=aac -o x.flv").code, 0);
    let words = "-graph -i x.flv:FID=s c=avc:b=60k:SID=s:FID=lo c=avc:b=90k:SID=s:FID=hi c=aac:SID=s:FID=a \
                 -o lo.flv:SID=lo,a -o hi.flv:SID=hi,a";
    let ran =
        Ran::of(command().current_dir(scratch_of(test)).args(words.split_whitespace()).output().expect("it runs"));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(ran.stderr.matches(") avcdec (").count(), 1, "{}", ran.stderr);
    assert_eq!(ran.stderr.matches(") aacdec (").count(), 1, "{}", ran.stderr);
    for file in ["lo.flv", "hi.flv"] {
        assert!(fs::metadata(scratch_of(test).join(file)).expect("written").len() > 1000, "{file}");
    }
}

#[test]
fn an_output_that_nothing_can_come_to_is_a_failure_and_the_others_are_written() {
    let ran = weir_in("no_muxer", "avgen:dur=0.2:sizes=64x64 c=avc c=aac -o x.xyz -o y.flv");
    says(&ran.stderr, "error: fout: nothing was connected to this output: no muxer makes .xyz for fout");
    assert_eq!(ran.code, 1);
    assert!(fs::metadata(scratch_of("no_muxer").join("y.flv")).expect("written").len() > 1000);
}

#[test]
fn a_stream_that_goes_nowhere_can_be_a_failure() {
    let ran = weir_in("full_link", "-full-link avgen:dur=0.2:sizes=64x64 c=avc -o x.264");
    assert_eq!(ran.code, 1);
    let first = ran.stderr.lines().next().unwrap_or_default();
    assert_eq!(first, "error: avgen: audio is not used: writegen for fout does not take StreamType Audio");
}

#[test]
fn inserted_filters_can_be_forbidden() {
    let ran = weir("-quiet -max-chain=0 avgen:dur=0.2:sizes=64x64 -o x.flv");
    assert_eq!(ran.code, 1);
    says(&ran.stderr, "error: fout: nothing was connected to this output: flvmx for fout does not take CodecID raw");
}

#[test]
fn media_on_standard_output_stays_alone_there() {
    let dir = scratch("stdout");
    let words = ["avgen:dur=0.2:sizes=64x64", "c=avc", "c=aac", "-o", "-:ext=flv", "-graph", "-stats"];
    let output = command().current_dir(dir).args(words).output().expect("it runs");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(&output.stdout[..3], b"FLV");
    assert!(!output.stdout.windows(7).any(|w| w == b"Filters"), "the graph goes to standard error");
}
