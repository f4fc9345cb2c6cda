//! Who may get a PID: order, media, sub-sessions, source groups, and what is never chained.

use super::kit::check;

#[test]
fn an_encoder_never_takes_the_other_medium() {
    check(
        "av aacenc:c=aac avcenc:c=avc rtmpout",
        r"
            av (idx=1)
            -(PID V1 raw visual) avcenc (c=avc) (idx=3)
            --(PID V1 avc) rfnalu (dyn_idx=5)
            ---(PID V1 avc) flvmx (dyn_idx=6)
            ----(PID 1 flv) rtmpout (idx=4)
            -(PID A raw audio) aacenc (c=aac) (idx=2)
            --(PID A aac) flvmx (dyn_idx=6) (above)
        ",
    );
}

#[test]
fn the_first_filter_keeps_the_pid() {
    check(
        "cam tee tee null",
        r"
            cam (idx=1)
            -(PID 1 avc) tee (idx=2)
            --(PID 1 avc) tee#2 (idx=3)
            ---(PID 1 avc) null (idx=4)
        ",
    );
}

#[test]
fn behind_a_sink_only_sinks() {
    check(
        "av null avcenc:c=avc null",
        r"
            av (idx=1)
            -(PID V1 raw visual) null (idx=2)
            -(PID V1 raw visual) null#2 (idx=4)
            -(PID A raw audio) null#3 (idx=5, copy of null)
            -(PID A raw audio) null#4 (idx=6, copy of null#2)
            Filters not connected:
            avcenc (c=avc) (idx=3)
        ",
    );
}

#[test]
fn a_filter_behind_a_sink_that_refused() {
    check(
        "av:n=0 fout:dst=a.264 aacenc:c=aac fout:dst=b.flv",
        r"
            av (n=0) (idx=1)
            -(PID A raw audio) aacenc (c=aac) (idx=3)
            --(PID A aac) flvmx (dyn_idx=5)
            ---(PID 1 flv) fout#2 (dst=b.flv) (idx=4)
            Filters not connected:
            fout (dst=a.264) (idx=2)
        ",
    );
}

#[test]
fn a_filter_with_many_inputs_gets_all() {
    check(
        "av pass null",
        r"
            av (idx=1)
            -(PID V1 raw visual) \
            -(PID A raw audio)   > pass (idx=2)
            --(PID V1 raw visual) null (idx=3)
            --(PID A raw audio) null#2 (idx=4, copy of null)
        ",
    );
}

#[test]
fn sinks_are_behind_the_filter() {
    check(
        "cam pass rtmpout null",
        r"
            cam (idx=1)
            -(PID 1 avc) pass (idx=2)
            --(PID 1 avc) flvmx (dyn_idx=5)
            ---(PID 1 flv) rtmpout (idx=3)
            --(PID 1 avc) null (idx=4)
        ",
    );
}

#[test]
fn encoders_in_a_row() {
    check(
        "av avcenc:c=avc avcenc:c=avc rtmpout",
        r"
            av (idx=1)
            -(PID V1 raw visual) avcenc (c=avc) (idx=2)
            --(PID V1 avc) rfnalu (dyn_idx=6)
            ---(PID V1 avc) flvmx (dyn_idx=7)
            ----(PID 1 flv) rtmpout (idx=4)
            -(PID A raw audio) aacenc (dyn_idx=5)
            --(PID A aac) flvmx (dyn_idx=7) (above)
            Filters not connected:
            avcenc#2 (c=avc) (idx=3)
        ",
    );
}

#[test]
fn nothing_decodes_for_an_encoder() {
    check(
        "cam avcenc:c=avc rtmpout",
        r"
            cam (idx=1)
            -(PID 1 avc) flvmx (dyn_idx=4)
            --(PID 1 flv) rtmpout (idx=3)
            Filters not connected:
            avcenc (c=avc) (idx=2)
        ",
    );
}

#[test]
fn a_source_behind_a_sink_begins_a_sub_session() {
    check(
        "cam rtmpout cam rtmpout:dst=b",
        r"
            cam (idx=1)
            -(PID 1 avc) flvmx (dyn_idx=5)
            --(PID 1 flv) rtmpout (idx=2)
            cam#2 (idx=3)
            -(PID 1 avc) flvmx#2 (dyn_idx=6)
            --(PID 1 flv) rtmpout#2 (dst=b) (idx=4)
        ",
    );
}

#[test]
fn a_source_behind_a_filter_begins_a_group() {
    check(
        "cam tee cam null",
        r"
            cam (idx=1)
            -(PID 1 avc) tee (idx=2)
            --(PID 1 avc) null#2 (idx=5, copy of null)
            cam#2 (idx=3)
            -(PID 1 avc) null (idx=4)
        ",
    );
}

#[test]
fn every_group_has_its_filters() {
    check(
        "cam tee cam tee null",
        r"
            cam (idx=1)
            -(PID 1 avc) tee (idx=2)
            --(PID 1 avc) null (idx=5)
            cam#2 (idx=3)
            -(PID 1 avc) tee#2 (idx=4)
            --(PID 1 avc) null#2 (idx=6, copy of null)
        ",
    );
}

#[test]
fn sources_in_a_row_are_one_group() {
    check(
        "cam cam tee null",
        r"
            cam (idx=1)
            -(PID 1 avc) tee (idx=3)
            --(PID 1 avc) null (idx=4)
            cam#2 (idx=2)
            -(PID 1 avc) tee#2 (idx=5, copy of tee)
            --(PID 1 avc) null#2 (idx=6, copy of null)
        ",
    );
}

#[test]
fn a_filter_before_every_source_gets_nothing() {
    check(
        "tee cam null",
        r"
            cam (idx=2)
            -(PID 1 avc) null (idx=3)
            Filters not connected:
            tee (idx=1)
        ",
    );
}

#[test]
fn an_output_before_its_source_gets_nothing() {
    check(
        "null cam null",
        r"
            cam (idx=2)
            -(PID 1 avc) null#2 (idx=3)
            Filters not connected:
            null (idx=1)
        ",
    );
}

#[test]
fn a_declared_muxer_writes_for_the_output_behind_it() {
    check(
        "cam flvmx rtmpout",
        r"
            cam (idx=1)
            -(PID 1 avc) flvmx (idx=2)
            --(PID 1 flv) rtmpout (idx=3)
        ",
    );
}

#[test]
fn and_for_a_file() {
    check(
        "cam flvmx fout:dst=a.flv",
        r"
            cam (idx=1)
            -(PID 1 avc) flvmx (idx=2)
            --(PID 1 flv) fout (dst=a.flv) (idx=3)
        ",
    );
}

#[test]
fn no_demuxer_behind_a_muxer() {
    check(
        "cam flvmx rtmpout fout:dst=a.flv",
        r"
            cam (idx=1)
            -(PID 1 avc) flvmx (idx=2)
            --(PID 1 flv) rtmpout (idx=3)
            Filters not connected:
            fout (dst=a.flv) (idx=4)
        ",
    );
}

#[test]
fn a_declared_raw_writer() {
    check(
        "cam writegen fout:dst=a.264",
        r"
            cam (idx=1)
            -(PID 1 avc) ufnalu (dyn_idx=4)
            --(PID 1 avc) writegen (idx=2)
            ---(PID 1 264) fout (dst=a.264) (idx=3)
        ",
    );
}
