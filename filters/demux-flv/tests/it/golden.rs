//! Packets and properties of a real file, against what ffprobe lists (`data/make.sh`), whatever the pieces it comes in.

use std::fmt::Write;

use crate::common::{Run, data, run, run_rounds};

/// The packets as `data/make.sh` writes them: stream, pts, dts, size, key.
fn listing(run: &Run) -> String {
    let mut text = String::new();
    for (stream, packets) in run.video_audio().into_iter().enumerate() {
        for p in packets {
            let key = if p.is_key() { 'K' } else { '_' };
            writeln!(text, "{stream},{},{},{},{key}", p.cts, p.dts, p.len()).expect("to a string");
        }
    }
    text
}

#[test]
fn packets_are_those_that_ffprobe_lists() {
    let got = run(&data("av.flv")).expect("a good file");
    assert_eq!(listing(&got), String::from_utf8(data("av.flv.txt")).expect("text"));
    assert_eq!(got.warnings, [""; 0]);
}

#[test]
fn pieces_of_any_size_give_the_same() {
    let file = data("av.flv");
    let whole = listing(&run(&file).expect("a good file"));
    for piece in [1, 2, 3, 10, 11, 13, 100, 1021] {
        assert_eq!(listing(&run_rounds(&[&file], piece, &[]).expect("a good file")), whole, "pieces of {piece}");
    }
}

#[test]
fn properties_come_from_the_headers() {
    let got = run(&data("av.flv")).expect("a good file");
    let shown: Vec<Vec<String>> = got.props.iter().map(|all| all.iter().map(ToString::to_string).collect()).collect();
    assert_eq!(
        shown,
        [
            ["ID=1 Name=V1 StreamType=Visual CodecID=avc Timescale=1000 Duration=1080/1000 DecoderConfig=44 bytes \
              Width=96 Height=64 FPS=25 SAR=1"],
            ["ID=2 Name=A2 StreamType=Audio CodecID=aac Timescale=1000 Duration=1080/1000 Bitrate=15625 \
              DecoderConfig=5 bytes SampleRate=44100 NumChannels=1 SamplesPerFrame=1024"],
        ]
    );
}
