//! What is said about PIDs that go nowhere.

use super::kit::check;

#[test]
fn no_reader() {
    check(
        "fin:src=a.xyz fout:dst=b.flv",
        r"
            Filters not connected:
            fin (src=a.xyz) (idx=1)
            fout (dst=b.flv) (idx=2)
            ! fin: no filter reads .xyz
        ",
    );
}

#[test]
fn no_format() {
    check(
        "fin fout:dst=b.flv",
        r"
            Filters not connected:
            fin (idx=1)
            fout (dst=b.flv) (idx=2)
            ! fin: nothing says what it holds; name the format with :ext=flv or the like
        ",
    );
}

#[test]
fn no_muxer() {
    check(
        "cam fout:dst=b.xyz",
        r"
            Filters not connected:
            cam (idx=1)
            fout (dst=b.xyz) (idx=2)
            ! cam: no muxer makes .xyz for fout
        ",
    );
}

#[test]
fn no_muxer_for_a_demuxed_file() {
    check(
        "fin:src=a.flv fout:dst=b.xyz",
        r"
            Filters not connected:
            fin (src=a.flv) (idx=1)
            fout (dst=b.xyz) (idx=2)
            ! fin: no muxer makes .xyz for fout
        ",
    );
}

#[test]
fn a_muxer_that_refuses_the_codec() {
    check(
        "odd fout:dst=b.flv",
        r"
            Filters not connected:
            odd (idx=1)
            fout (dst=b.flv) (idx=2)
            ! odd: flvmx for fout does not take CodecID hevc
        ",
    );
}

#[test]
fn a_muxer_that_refuses_the_framing() {
    check(
        "fin:src=a.ts rtmpout",
        r"
            fin (src=a.ts) (idx=1)
            -(PID 1 ts) tsdmx (dyn_idx=3)
            --(PID 1 avc) rfnalu (dyn_idx=4)
            ---(PID 1 avc) flvmx (dyn_idx=5)
            ----(PID 1 flv) rtmpout (idx=2)
            ! tsdmx: flvmx for rtmpout does not take Unframed true
        ",
    );
}

#[test]
fn a_muxer_that_refuses_the_medium() {
    check(
        "av:n=0 aacenc:c=aac fout:dst=b.264",
        r"
            av (n=0) (idx=1)
            -(PID A raw audio) aacenc (c=aac) (idx=2)
            Filters not connected:
            fout (dst=b.264) (idx=3)
            ! aacenc: writegen for fout does not take StreamType Audio
        ",
    );
}

#[test]
fn no_way_between_two_formats() {
    check(
        "fin:src=a.264 fout:dst=b.aac",
        r"
            Filters not connected:
            fin (src=a.264) (idx=1)
            fout (dst=b.aac) (idx=2)
            ! fin: no chain of filters leads from .264 to writegen for fout
        ",
    );
}

#[test]
fn nothing_follows() {
    check(
        "cam",
        r"
            Filters not connected:
            cam (idx=1)
            ! cam: no filter or output that follows takes Visual avc
        ",
    );
}

#[test]
fn every_output_has_its_reason() {
    check(
        "odd rtmpout fout:dst=b.xyz",
        r"
            Filters not connected:
            odd (idx=1)
            rtmpout (idx=2)
            fout (dst=b.xyz) (idx=3)
            ! odd: flvmx for rtmpout does not take CodecID hevc; no muxer makes .xyz for fout
        ",
    );
}

#[test]
fn a_filter_that_refuses() {
    check(
        "odd avcenc:c=avc flvmx fout:dst=a.flv",
        r"
            Filters not connected:
            odd (idx=1)
            avcenc (c=avc) (idx=2)
            flvmx (idx=3)
            fout (dst=a.flv) (idx=4)
            ! odd: flvmx for fout does not take CodecID hevc
        ",
    );
}
