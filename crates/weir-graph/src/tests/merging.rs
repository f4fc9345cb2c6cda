//! Outputs that share a muxer, arguments that inserted filters inherit.

use weir_media::CodecId;
use weir_plugin::{Kind, OptionDef, Role};

use super::kit::{Type, check, declare, file, framed, registry, run};
use crate::Graph;

#[test]
fn outputs_of_one_kind_share_a_muxer() {
    check(
        "av avcenc:c=avc aacenc:c=aac rtmpout:dst=a rtmpout:dst=b",
        r"
            av (idx=1)
            -(PID V1 raw visual) avcenc (c=avc) (idx=2)
            --(PID V1 avc) rfnalu (dyn_idx=6)
            ---(PID V1 avc) flvmx (dyn_idx=7)
            ----(PID 1 flv) rtmpout (dst=a) (idx=4)
            ----(PID 1 flv) rtmpout#2 (dst=b) (idx=5)
            -(PID A raw audio) aacenc (c=aac) (idx=3)
            --(PID A aac) flvmx (dyn_idx=7) (above)
        ",
    );
}

#[test]
fn a_muxer_argument_keeps_outputs_apart() {
    check(
        "cam fout:dst=x.flv:ileave=5 fout:dst=y.flv:ileave=7 fout:dst=z.flv:ileave=5",
        r"
            cam (idx=1)
            -(PID 1 avc) flvmx (ileave=5) (dyn_idx=5)
            --(PID 1 flv) fout (dst=x.flv ileave=5) (idx=2)
            --(PID 1 flv) fout#3 (dst=z.flv ileave=5) (idx=4)
            -(PID 1 avc) flvmx#2 (ileave=7) (dyn_idx=6)
            --(PID 1 flv) fout#2 (dst=y.flv ileave=7) (idx=3)
        ",
    );
}

#[test]
fn the_last_of_a_name_counts() {
    check(
        "cam fout:dst=x.flv:ileave=7:ileave=5 fout:dst=y.flv:ileave=5",
        r"
            cam (idx=1)
            -(PID 1 avc) flvmx (ileave=7 ileave=5) (dyn_idx=4)
            --(PID 1 flv) fout (dst=x.flv ileave=7 ileave=5) (idx=2)
            --(PID 1 flv) fout#2 (dst=y.flv ileave=5) (idx=3)
        ",
    );
}

#[test]
fn an_argument_of_the_output_alone_does_not() {
    check(
        "cam rtmpout:start=key rtmpout:start=live",
        r"
            cam (idx=1)
            -(PID 1 avc) flvmx (dyn_idx=4)
            --(PID 1 flv) rtmpout (start=key) (idx=2)
            --(PID 1 flv) rtmpout#2 (start=live) (idx=3)
        ",
    );
}

#[test]
fn nor_one_of_a_demuxer() {
    check(
        "fin:src=a.flv rtmpout:start=live rtmpout:loop=3",
        r"
            fin (src=a.flv) (idx=1)
            -(PID 1 flv) flvdmx (dyn_idx=4)
            --(PID 1 avc) \
            --(PID 2 aac) > flvmx (dyn_idx=5)
            ---(PID 1 flv) rtmpout (start=live) (idx=2)
            ---(PID 1 flv) rtmpout#2 (loop=3) (idx=3)
        ",
    );
}

#[test]
fn encoders_with_different_arguments_are_apart() {
    check(
        "av:n=0 fout:dst=a.flv:b=5 fout:dst=b.flv:b=7",
        r"
            av (n=0) (idx=1)
            -(PID A raw audio) aacenc (b=5) (dyn_idx=4)
            --(PID A aac) flvmx (dyn_idx=6)
            ---(PID 1 flv) fout (dst=a.flv b=5) (idx=2)
            -(PID A raw audio) aacenc#2 (b=7) (dyn_idx=5)
            --(PID A aac) flvmx#2 (dyn_idx=7)
            ---(PID 1 flv) fout#2 (dst=b.flv b=7) (idx=3)
        ",
    );
}

#[test]
fn parsers_too() {
    check(
        "fin:src=a.264 fout:dst=b.flv:fps=30 fout:dst=c.flv",
        r"
            fin (src=a.264) (idx=1)
            -(PID 1 264) rfnalu (fps=30) (dyn_idx=4)
            --(PID 1 avc) flvmx (dyn_idx=6)
            ---(PID 1 flv) fout (dst=b.flv fps=30) (idx=2)
            -(PID 1 264) rfnalu#2 (dyn_idx=5)
            --(PID 1 avc) flvmx#2 (dyn_idx=7)
            ---(PID 1 flv) fout#2 (dst=c.flv) (idx=3)
        ",
    );
}

#[test]
fn an_output_argument_overrides_one_of_the_source() {
    check(
        "av:n=0:b=3 fout:dst=a.flv:b=5",
        r"
            av (n=0 b=3) (idx=1)
            -(PID A raw audio) aacenc (b=3 b=5) (dyn_idx=3)
            --(PID A aac) flvmx (dyn_idx=4)
            ---(PID 1 flv) fout (dst=a.flv b=5) (idx=2)
        ",
    );
}

#[test]
fn a_declared_filter_inherits_nothing() {
    check(
        "av:b=3 avcenc:c=avc:b=9 fout:dst=a.flv",
        r"
            av (b=3) (idx=1)
            -(PID V1 raw visual) avcenc (c=avc b=9) (idx=2)
            --(PID V1 avc) rfnalu (dyn_idx=5)
            ---(PID V1 avc) flvmx (dyn_idx=6)
            ----(PID 1 flv) fout (dst=a.flv) (idx=3)
            -(PID A raw audio) aacenc (b=3) (dyn_idx=4)
            --(PID A aac) flvmx (dyn_idx=6) (above)
        ",
    );
}

#[test]
fn nor_does_what_is_behind_it_from_before() {
    check(
        "av:ileave=3 avcenc:c=avc pass aacenc:c=aac fout:dst=a.flv",
        r"
            av (ileave=3) (idx=1)
            -(PID V1 raw visual) avcenc (c=avc) (idx=2)
            --(PID V1 avc) pass (idx=3)
            ---(PID A raw audio) aacenc (c=aac) (idx=4)
            ----(PID A aac) flvmx (dyn_idx=7)
            -----(PID 1 flv) fout (dst=a.flv) (idx=5)
            ---(PID V1 avc) rfnalu (dyn_idx=6)
            ----(PID V1 avc) flvmx (dyn_idx=7) (above)
            -(PID A raw audio) pass (idx=3) (above)
        ",
    );
}

#[test]
fn a_demuxer_hears_its_source_and_no_output() {
    check(
        "fin:src=a.flv:loop=2 rtmpout:start=live:loop=7",
        r"
            fin (src=a.flv loop=2) (idx=1)
            -(PID 1 flv) flvdmx (loop=2) (dyn_idx=3)
            --(PID 1 avc) \
            --(PID 2 aac) > flvmx (dyn_idx=4)
            ---(PID 1 flv) rtmpout (start=live loop=7) (idx=2)
        ",
    );
}

#[test]
fn a_word_of_an_enum_and_a_negation_are_inherited() {
    check(
        "av:n=0 fout:dst=a.flv:!fast",
        r"
            av (n=0) (idx=1)
            -(PID A raw audio) aacenc (!fast) (dyn_idx=3)
            --(PID A aac) flvmx (dyn_idx=4)
            ---(PID 1 flv) fout (dst=a.flv !fast) (idx=2)
        ",
    );
}

#[test]
fn nothing_inherited_changes_what_a_filter_is_for() {
    check(
        "fin:src=a.264:ext=264 fout:dst=b.h264",
        r"
            fin (src=a.264 ext=264) (idx=1)
            -(PID 1 264) rfnalu (dyn_idx=3)
            --(PID 1 avc) ufnalu (dyn_idx=4)
            ---(PID 1 avc) writegen (dyn_idx=5)
            ----(PID 1 h264) fout (dst=b.h264) (idx=2)
        ",
    );
}

/// A muxer that writes more than one file names them after its output; others never hear of it.
#[test]
fn a_muxer_hears_where_its_output_writes() {
    const LIST: &[OptionDef] = &[OptionDef::new("dst", Kind::Str, "?", "Where the output writes")];
    let list = Type::new("listmx", Role::Mux, |_| vec![weir_media::Bundle::new(framed(CodecId::Avc), file("m3u8"))]);
    let registry = registry([Type { options: LIST, ..list }]);
    let heard = |words: &str| -> Vec<String> {
        let mut graph = Graph::new(&registry);
        declare(&mut graph, &registry, words);
        assert_eq!(run(&mut graph), [] as [String; 0]);
        let muxers = graph.nodes().filter(|(_, n)| n.plugin.name() == "listmx");
        muxers.map(|(_, n)| n.options.text("dst").expect("it has one").to_owned()).collect()
    };
    assert_eq!(heard("cam fout:dst=a/x.m3u8"), ["a/x.m3u8"]);
    assert_eq!(heard("cam fout:dst=x.m3u8 fout:dst=y.m3u8"), ["x.m3u8", "y.m3u8"], "they share none");
    assert_eq!(heard("cam:#Seat=7b fout:dst=$Seat$.m3u8"), ["7b.m3u8"]);
    assert_eq!(heard("cam fout:dst=x.flv"), [] as [String; 0]);
}
