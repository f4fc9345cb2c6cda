//! Links by hand: `@`, `FID` and `SID`, fragments, `RSID`, copies, `ccp`, `nomux`, complete mode, names with `$`.

use weir_media::{Prop, Props};
use weir_plugin::OutId;

use super::kit::{check, check_under, declare, follow, registry};
use crate::{Graph, NodeId, Rules};

const COMPLETE: fn() -> Rules = || Rules { complete: true, ..Rules::default() };

#[test]
fn a_link_leads_from_one_filter_and_from_no_other() {
    let tree = r"
        cam (idx=1)
        -(PID 1 avc) null (idx=3)
        Filters not connected:
        cam#2 (idx=2)
        ! cam#2: no filter or output that follows takes Visual avc
    ";
    check("cam cam @1 null", tree);
    check("cam:FID=a cam:FID=b null:SID=a", tree);
    check("cam:FID=a cam:FID=b null:SID=!b", tree);
    check("cam:TAG=x cam:TAG=y null:SID=*#TAG=x", tree);
}

#[test]
fn several_links_add_up_and_who_has_one_takes_nothing_else() {
    let tree = r"
        cam (idx=1)
        -(PID 1 avc) pass (idx=3)
        --(PID 1 avc) null (idx=4)
        --(PID 2 avc) null#2 (idx=5, copy of null)
        cam#2 (idx=2)
        -(PID 1 avc) pass (idx=3) (above)
    ";
    check("cam cam @ @1 pass null", tree);
    check("cam:FID=src1 cam:FID=src2 pass:SID=src* null", tree);
    check("cam:FID=1 cam:FID=2 pass:SID=1,2 null", tree);
}

#[test]
fn fragments_choose_among_pids() {
    let sound = r"
        av (n=2) (idx=1)
        -(PID A raw audio) null (idx=2)
        ! av: no filter or output that follows takes Visual raw
        ! av: no filter or output that follows takes Visual raw
    ";
    for words in ["@#audio", "@#!video", "@#A", "@#audio1", "@#StreamType=audio", "@#raw#audio"] {
        check(&format!("av:n=2 {words} null"), sound);
    }
    let second = r"
        av (n=2) (idx=1)
        -(PID V2 raw visual) null (idx=2)
        ! av: no filter or output that follows takes Visual raw
        ! av: no filter or output that follows takes Audio raw
    ";
    check("av:n=2 @#video2 null", second);
    check("av:n=2:#Width=(V1)320,(V2)640 @#video#Width+320 null", second);
    check("av:n=2:#Width=(V1)320,(V2)640 @#video#Width=!320 null", second);
}

#[test]
fn what_a_pid_does_not_say_passes() {
    check(
        "cam @#Width-10 null",
        r"
            cam (idx=1)
            -(PID 1 avc) null (idx=2)
        ",
    );
    check(
        "cam:#Width=10 @#Width-10 null",
        r"
            Filters not connected:
            cam (idx=1)
            null (idx=2)
            ! cam: no filter or output that follows takes Visual avc
        ",
    );
}

#[test]
fn a_file_is_asked_behind_its_demuxer() {
    check(
        "fin:src=a.flv @#video fout:dst=a.264 @1#audio fout:dst=b.aac",
        r"
            fin (src=a.flv) (idx=1)
            -(PID 1 flv) flvdmx (dyn_idx=4)
            --(PID 1 avc) ufnalu (dyn_idx=5)
            ---(PID 1 avc) writegen (dyn_idx=7)
            ----(PID 1 264) fout (dst=a.264) (idx=2)
            --(PID 2 aac) ufadts (dyn_idx=6)
            ---(PID 1 aac) writegen#2 (dyn_idx=8)
            ----(PID 1 aac) fout#2 (dst=b.aac) (idx=3)
        ",
    );
}

#[test]
fn a_link_goes_on_where_the_pid_is_taken_already() {
    check(
        "av:n=1 avcenc:c=avc fout:dst=a.264 @2 avcenc:c=avc @ fout:dst=b.264",
        r"
            av (n=1) (idx=1)
            -(PID V1 raw visual) avcenc (c=avc) (idx=2)
            --(PID V1 avc) writegen (dyn_idx=6)
            ---(PID 1 264) fout (dst=a.264) (idx=3)
            -(PID V1 raw visual) avcenc#2 (c=avc) (idx=4)
            --(PID V1 avc) writegen#2 (dyn_idx=7)
            ---(PID 1 264) fout#2 (dst=b.264) (idx=5)
            ! av: writegen for fout does not take StreamType Audio
        ",
    );
}

#[test]
fn those_with_rsid_go_only_where_they_are_named() {
    let alone = r"
        Filters not connected:
        cam (idx=1)
        null (idx=2)
        ! cam: no filter or output that follows takes Visual avc
    ";
    check("cam:RSID null", alone);
    check_under(Rules { explicit_only: true, ..Rules::default() }, "cam null", alone);
    check(
        "fin:src=a.flv:RSID:FID=1 fout:dst=x.flv:SID=1",
        r"
            fin (src=a.flv) (idx=1)
            -(PID 1 flv) flvdmx (dyn_idx=3)
            --(PID 1 avc) \
            --(PID 2 aac) > flvmx (dyn_idx=4)
            ---(PID 1 flv) fout (dst=x.flv) (idx=2)
        ",
    );
}

#[test]
fn copies_are_made_where_they_may_be() {
    let once = r"
        av (n=2) (idx=1)
        -(PID V1 raw visual) avcenc (c=avc) (idx=2)
        --(PID V1 avc) null#3 (idx=5, copy of null)
        -(PID V2 raw visual) null (idx=3)
        -(PID A raw audio) null#2 (idx=4, copy of null)
    ";
    check("av:n=2 avcenc:c=avc:clone=0 null", once);
    check(
        "av:n=2 avcenc:c=avc null",
        r"
            av (n=2) (idx=1)
            -(PID V1 raw visual) avcenc (c=avc) (idx=2)
            --(PID V1 avc) null#2 (idx=5, copy of null)
            -(PID V2 raw visual) avcenc#2 (c=avc) (idx=4, copy of avcenc)
            --(PID V2 avc) null#3 (idx=6, copy of null)
            -(PID A raw audio) null (idx=3)
        ",
    );
}

#[test]
fn a_name_with_a_key_is_an_output_for_each_pid() {
    check(
        "av:n=2:#ID=(V1)1,(V2)2 avcenc:c=avc fout:dst=o_$PID%02d$.264",
        r"
            av (n=2) (idx=1)
            -(PID V1 raw visual) avcenc (c=avc) (idx=2)
            --(PID V1 avc) writegen (dyn_idx=5)
            ---(PID 1 264) fout (dst=o_01.264) (idx=3)
            -(PID V2 raw visual) avcenc#2 (c=avc) (idx=4, copy of avcenc)
            --(PID V2 avc) writegen#2 (dyn_idx=7)
            ---(PID 1 264) fout#2 (dst=o_02.264) (idx=6, copy of fout)
            ! av: writegen for fout does not take StreamType Audio
        ",
    );
}

/// What ended gets nothing more, and is not written over.
#[test]
fn an_output_that_ended_is_made_anew() {
    let registry = registry([]);
    let mut graph = Graph::new(&registry);
    declare(&mut graph, &registry, "cam fout:dst=o.d/$stream$.264");
    let cam = NodeId::new(0);
    let open = |graph: &mut Graph, out: u32, name: &str| {
        let props =
            graph.node(cam).caps()[0].outputs.iter().fold(Props::new(), |p, cap| p.with(cap.prop, cap.value.clone()));
        let pid = (cam, OutId(out), props.with(Prop::StreamName, name));
        assert_eq!(follow(graph, [pid].into()), [""; 0]);
        let sinks = graph.nodes().filter(|(_, n)| n.is_sink());
        sinks.map(|(_, n)| n.options.text("dst").unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    open(&mut graph, 0, "x");
    assert_eq!(open(&mut graph, 1, "y"), ["o.d/x.264", "o.d/y.264"]);
    graph.end(cam, OutId(0));
    assert_eq!(open(&mut graph, 2, "x"), ["o.d/x.264", "o.d/y.264", "o.d/x_2.264"], "what was on its way ends there");
    let second = graph.nodes().filter(|(_, n)| n.is_sink()).nth(1).map(|(id, _)| id).expect("a second");
    graph.retire(second);
    assert_eq!(open(&mut graph, 3, "y").pop().as_deref(), Some("o.d/y_2.264"));
}

#[test]
fn a_key_nothing_answers_is_that_outputs_failure() {
    check(
        "cam @ fout:dst=o_$NoSuch$.264 @1 null",
        r"
            cam (idx=1)
            -(PID 1 avc) ufnalu (dyn_idx=4)
            --(PID 1 avc) writegen (dyn_idx=5)
            -(PID 1 avc) null (idx=3)
            Filters not connected:
            fout (dst=o_$NoSuch$.264) (idx=2)
            ! writegen: dst: nothing says what $NoSuch$ is
        ",
    );
}

#[test]
fn each_value_has_a_copy_of_its_own() {
    check(
        "av:n=2:#ServiceID=(V1)7,(A)7,(V2)8 null:SID=*#ServiceID=*",
        r"
            av (n=2) (idx=1)
            -(PID V1 raw visual) null (idx=2)
            -(PID V2 raw visual) null#2 (idx=3, copy of null)
            -(PID A raw audio) null#3 (idx=4, copy of null)
        ",
    );
}

#[test]
fn an_encoder_lets_its_codec_pass() {
    check(
        "cam avcenc:c=avc:ccp=avc null",
        r"
            cam (idx=1)
            -(PID 1 avc) pass (idx=4, copy of avcenc)
            --(PID 1 avc) null (idx=3)
            Filters not connected:
            avcenc (c=avc) (idx=2)
        ",
    );
}

#[test]
fn a_file_is_copied_when_that_is_wanted() {
    check(
        "fin:src=a.flv fout:dst=b.flv:nomux",
        r"
            fin (src=a.flv) (idx=1)
            -(PID 1 flv) fout (dst=b.flv) (idx=2)
        ",
    );
}

#[test]
fn in_complete_mode_everybody_gets_everything_wherever_it_stands() {
    check_under(
        COMPLETE(),
        "null cam pass null",
        r"
            cam (idx=2)
            -(PID 1 avc) null (idx=1)
            -(PID 1 avc) pass (idx=3)
            -(PID 1 avc) null#2 (idx=4)
            ! pass: null takes no further stream; null#2 takes no further stream
        ",
    );
    check_under(
        COMPLETE(),
        "null:clone cam pass",
        r"
            cam (idx=2)
            -(PID 1 avc) null (idx=1)
            -(PID 1 avc) pass (idx=3)
            --(PID 1 avc) null#2 (idx=4, copy of null)
        ",
    );
}
