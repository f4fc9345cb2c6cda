//! Direct links, chains, copies.

use super::kit::check;

#[test]
fn a_filter_that_takes_the_pid_gets_it() {
    check(
        "cam null",
        r"
            cam (idx=1)
            -(PID 1 avc) null (idx=2)
        ",
    );
}

#[test]
fn a_muxer_is_inserted() {
    check(
        "cam fout:dst=x.flv",
        r"
            cam (idx=1)
            -(PID 1 avc) flvmx (dyn_idx=3)
            --(PID 1 flv) fout (dst=x.flv) (idx=2)
        ",
    );
}

#[test]
fn parser_and_muxer_are_inserted_behind_an_encoder() {
    check(
        "av avcenc:c=avc aacenc:c=aac rtmpout",
        r"
            av (idx=1)
            -(PID V1 raw visual) avcenc (c=avc) (idx=2)
            --(PID V1 avc) rfnalu (dyn_idx=5)
            ---(PID V1 avc) flvmx (dyn_idx=6)
            ----(PID 1 flv) rtmpout (idx=4)
            -(PID A raw audio) aacenc (c=aac) (idx=3)
            --(PID A aac) flvmx (dyn_idx=6) (above)
        ",
    );
}

#[test]
fn encoders_are_inserted_where_none_is_given() {
    check(
        "av rtmpout",
        r"
            av (idx=1)
            -(PID V1 raw visual) avcenc (dyn_idx=3)
            --(PID V1 avc) rfnalu (dyn_idx=5)
            ---(PID V1 avc) flvmx (dyn_idx=6)
            ----(PID 1 flv) rtmpout (idx=2)
            -(PID A raw audio) aacenc (dyn_idx=4)
            --(PID A aac) flvmx (dyn_idx=6) (above)
        ",
    );
}

#[test]
fn a_chain_of_two_for_a_raw_file() {
    check(
        "cam fout:dst=x.264",
        r"
            cam (idx=1)
            -(PID 1 avc) ufnalu (dyn_idx=3)
            --(PID 1 avc) writegen (dyn_idx=4)
            ---(PID 1 264) fout (dst=x.264) (idx=2)
        ",
    );
}

#[test]
fn a_demuxer_is_inserted_and_its_pids_are_free() {
    check(
        "fin:src=a.flv fout:dst=a.264 fout:dst=b.aac",
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
fn files_are_remuxed_and_not_copied() {
    check(
        "fin:src=a.flv fout:dst=b.flv",
        r"
            fin (src=a.flv) (idx=1)
            -(PID 1 flv) flvdmx (dyn_idx=3)
            --(PID 1 avc) \
            --(PID 2 aac) > flvmx (dyn_idx=4)
            ---(PID 1 flv) fout (dst=b.flv) (idx=2)
        ",
    );
}

#[test]
fn a_declared_demuxer_gets_the_file() {
    check(
        "fin:src=a.flv flvdmx fout:dst=b.flv",
        r"
            fin (src=a.flv) (idx=1)
            -(PID 1 flv) flvdmx (idx=2)
            --(PID 1 avc) \
            --(PID 2 aac) > flvmx (dyn_idx=4)
            ---(PID 1 flv) fout (dst=b.flv) (idx=3)
        ",
    );
}

#[test]
fn a_raw_file_is_parsed() {
    check(
        "fin:src=a.264 rtmpout",
        r"
            fin (src=a.264) (idx=1)
            -(PID 1 264) rfnalu (dyn_idx=3)
            --(PID 1 avc) flvmx (dyn_idx=4)
            ---(PID 1 flv) rtmpout (idx=2)
        ",
    );
}

#[test]
fn one_encoder_for_a_live_and_a_file_output() {
    check(
        "av avcenc:c=avc rtmpout fout:dst=x.flv",
        r"
            av (idx=1)
            -(PID V1 raw visual) avcenc (c=avc) (idx=2)
            --(PID V1 avc) rfnalu (dyn_idx=6)
            ---(PID V1 avc) flvmx (dyn_idx=7)
            ----(PID 1 flv) rtmpout (idx=3)
            ---(PID V1 avc) flvmx#2 (dyn_idx=8)
            ----(PID 1 flv) fout (dst=x.flv) (idx=4)
            -(PID A raw audio) aacenc (dyn_idx=5)
            --(PID A aac) flvmx (dyn_idx=7) (above)
            --(PID A aac) flvmx#2 (dyn_idx=8) (above)
        ",
    );
}

#[test]
fn a_second_picture_gets_a_copy_of_the_encoder() {
    check(
        "av:n=2 avcenc:c=avc aacenc:c=aac rtmpout fout:dst=x.flv",
        r"
            av (n=2) (idx=1)
            -(PID V1 raw visual) avcenc (c=avc) (idx=2)
            --(PID V1 avc) rfnalu (dyn_idx=7)
            ---(PID V1 avc) flvmx (dyn_idx=9)
            ----(PID 1 flv) rtmpout (idx=4)
            ---(PID V1 avc) flvmx#2 (dyn_idx=10)
            ----(PID 1 flv) fout (dst=x.flv) (idx=5)
            -(PID V2 raw visual) avcenc#2 (c=avc) (idx=6, copy of avcenc)
            --(PID V2 avc) rfnalu#2 (dyn_idx=8)
            ---(PID V2 avc) flvmx (dyn_idx=9) (above)
            ---(PID V2 avc) flvmx#2 (dyn_idx=10) (above)
            -(PID A raw audio) aacenc (c=aac) (idx=3)
            --(PID A aac) flvmx (dyn_idx=9) (above)
            --(PID A aac) flvmx#2 (dyn_idx=10) (above)
        ",
    );
}

#[test]
fn copies_lead_to_copies_and_never_back() {
    check(
        "av:n=2 tee tee null",
        r"
            av (n=2) (idx=1)
            -(PID V1 raw visual) tee (idx=2)
            --(PID V1 raw visual) tee#2 (idx=3)
            ---(PID V1 raw visual) null (idx=4)
            -(PID V2 raw visual) tee#3 (idx=5, copy of tee)
            --(PID V2 raw visual) tee#5 (idx=7, copy of tee#2)
            ---(PID V2 raw visual) null#2 (idx=9, copy of null)
            -(PID A raw audio) tee#4 (idx=6, copy of tee)
            --(PID A raw audio) tee#6 (idx=8, copy of tee#2)
            ---(PID A raw audio) null#3 (idx=10, copy of null)
        ",
    );
}

#[test]
fn a_sink_that_takes_streams_is_copied() {
    check(
        "av avcenc:c=avc null",
        r"
            av (idx=1)
            -(PID V1 raw visual) avcenc (c=avc) (idx=2)
            --(PID V1 avc) null#2 (idx=4, copy of null)
            -(PID A raw audio) null (idx=3)
        ",
    );
}

#[test]
fn a_sink_that_takes_bytes_is_never_copied() {
    check(
        "av:n=2 avcenc:c=avc fout:dst=c.264",
        r"
            av (n=2) (idx=1)
            -(PID V1 raw visual) avcenc (c=avc) (idx=2)
            --(PID V1 avc) writegen (dyn_idx=5)
            ---(PID 1 264) fout (dst=c.264) (idx=3)
            -(PID V2 raw visual) avcenc#2 (c=avc) (idx=4, copy of avcenc)
            ! av: writegen for fout does not take StreamType Audio
            ! avcenc#2: fout already has its one stream of .264
        ",
    );
}

#[test]
fn files_of_two_sources_do_not_mix() {
    check(
        "fin:src=a.264 fin:src=b.264 fout:dst=c.264",
        r"
            fin (src=a.264) (idx=1)
            -(PID 1 264) rfnalu (dyn_idx=4)
            --(PID 1 avc) ufnalu (dyn_idx=6)
            ---(PID 1 avc) writegen (dyn_idx=8)
            ----(PID 1 264) fout (dst=c.264) (idx=3)
            fin#2 (src=b.264) (idx=2)
            -(PID 1 264) rfnalu#2 (dyn_idx=5)
            --(PID 1 avc) ufnalu#2 (dyn_idx=7)
            ! ufnalu#2: fout already has its one stream of .264
        ",
    );
}

#[test]
fn names_are_kept_and_numbered() {
    check(
        "av:n=2 avcenc:c=avc:N=main avcenc:c=avc:N=main null:N=x",
        r"
            av (n=2) (idx=1)
            -(PID V1 raw visual) main (c=avc) (idx=2)
            --(PID V1 avc) x#2 (idx=6, copy of x)
            -(PID V2 raw visual) main#3 (c=avc) (idx=5, copy of main)
            --(PID V2 avc) x#3 (idx=7, copy of x)
            -(PID A raw audio) x (idx=4)
            Filters not connected:
            main#2 (c=avc) (idx=3)
        ",
    );
}
