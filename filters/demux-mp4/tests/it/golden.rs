//! Packets and properties of real files, against what ffprobe lists (`data/make.sh`).

use std::fmt::Write;

use crate::common::{Run, data, run};

/// The packets as `data/make.sh` writes them: stream, pts, dts, size, key.
fn listing(run: &Run) -> String {
    let mut text = String::new();
    for (stream, packets) in run.packets.iter().enumerate() {
        for p in packets {
            let key = if p.is_key() { 'K' } else { '_' };
            writeln!(text, "{stream},{},{},{},{key}", p.cts, p.dts, p.len()).expect("to a string");
        }
    }
    text
}

fn check<const N: usize>(name: &str, properties: [&str; N]) {
    let got = run(name, &[]).expect(name);
    let want = std::fs::read_to_string(data(&format!("{name}.txt"))).expect("a golden list");
    assert_eq!(listing(&got), want, "{name}");
    assert_eq!(got.warnings, [""; 0], "{name}");
    let shown: Vec<String> = got.props.iter().flatten().map(ToString::to_string).collect();
    assert_eq!(shown, properties, "{name}");
}

#[test]
fn index_at_the_end_b_frames_and_priming() {
    check(
        "end.mp4",
        [
            "ID=1 Name=V1 StreamType=Visual CodecID=avc Timescale=12800 Duration=1 Bitrate=19088 \
 DecoderConfig=44 bytes Width=96 Height=64 FPS=25 SAR=1",
            "ID=2 Name=A2 StreamType=Audio CodecID=aac Timescale=44100 Duration=1 Bitrate=17403 \
 DecoderConfig=5 bytes Delay=-1024 Language=fra SampleRate=44100 NumChannels=1 SamplesPerFrame=1024",
        ],
    );
}

#[test]
fn index_at_the_start_and_late_sound() {
    check(
        "late.mp4",
        [
            "ID=1 Name=V1 StreamType=Visual CodecID=avc Timescale=12800 Duration=1 Bitrate=19088 \
 DecoderConfig=44 bytes Width=96 Height=64 FPS=25 SAR=1",
            "ID=2 Name=A2 StreamType=Audio CodecID=aac Timescale=44100 Duration=22579/22050 Bitrate=17403 \
 DecoderConfig=5 bytes Language=fra SampleRate=44100 NumChannels=1 SamplesPerFrame=1024",
        ],
    );
}

#[test]
fn quicktime_sound_description() {
    check(
        "quicktime.mov",
        [
            "ID=1 Name=V1 StreamType=Visual CodecID=avc Timescale=12800 Duration=1 Bitrate=19088 \
 DecoderConfig=44 bytes Width=96 Height=64 FPS=25 SAR=1",
            "ID=2 Name=A2 StreamType=Audio CodecID=aac Timescale=44100 Duration=1 Bitrate=17403 \
 DecoderConfig=5 bytes Delay=-1024 SampleRate=44100 NumChannels=1 SamplesPerFrame=1024",
        ],
    );
}

#[test]
fn pictures_that_the_index_shows_before_they_are_decoded() {
    check(
        "negative.mp4",
        [
            "ID=1 Name=V1 StreamType=Visual CodecID=avc Timescale=12800 Duration=1 Bitrate=19088 \
 DecoderConfig=44 bytes Width=96 Height=64 FPS=25 SAR=1",
            "ID=2 Name=A2 StreamType=Audio CodecID=aac Timescale=44100 Duration=1 Bitrate=17403 \
 DecoderConfig=5 bytes Delay=-1024 Language=fra SampleRate=44100 NumChannels=1 SamplesPerFrame=1024",
        ],
    );
}

#[test]
fn fragments_with_explicit_offsets() {
    check(
        "frag.mp4",
        [
            "ID=1 Name=V1 StreamType=Visual CodecID=avc Timescale=12800 \
 DecoderConfig=44 bytes Width=96 Height=64 FPS=25 SAR=1",
            "ID=2 Name=A2 StreamType=Audio CodecID=aac Timescale=44100 Bitrate=16000 \
 DecoderConfig=5 bytes Language=fra SampleRate=44100 NumChannels=1 SamplesPerFrame=1024",
        ],
    );
}

#[test]
fn first_samples_in_moov_and_the_rest_in_fragments() {
    check(
        "hybrid.mp4",
        [
            "ID=1 Name=V1 StreamType=Visual CodecID=avc Timescale=12800 Bitrate=16940 \
 DecoderConfig=44 bytes Width=96 Height=64 FPS=25 SAR=1",
            "ID=2 Name=A2 StreamType=Audio CodecID=aac Timescale=44100 Bitrate=15463 \
 DecoderConfig=5 bytes Language=fra SampleRate=44100 NumChannels=1 SamplesPerFrame=1024",
        ],
    );
}

#[test]
fn one_fragment_a_track_with_edit_lists() {
    check(
        "apart.mp4",
        [
            "ID=1 Name=V1 StreamType=Visual CodecID=avc Timescale=12800 \
 DecoderConfig=44 bytes Width=96 Height=64 FPS=25 SAR=1",
            "ID=2 Name=A2 StreamType=Audio CodecID=aac Timescale=44100 Bitrate=16000 \
 DecoderConfig=5 bytes Delay=-1024 Language=fra SampleRate=44100 NumChannels=1 SamplesPerFrame=1024",
        ],
    );
}

#[test]
fn hevc_and_opus() {
    check(
        "hevc_opus.mp4",
        [
            "ID=1 Name=V1 StreamType=Visual CodecID=hevc Timescale=12800 Duration=2/5 Bitrate=20160 \
 DecoderConfig=109 bytes Width=64 Height=48 FPS=25 SAR=1",
            "ID=2 Name=A2 StreamType=Audio CodecID=opus Timescale=48000 Duration=2/5 Bitrate=34755 \
 DecoderConfig=19 bytes Delay=-312 SampleRate=48000 NumChannels=1",
        ],
    );
}

#[test]
fn av1_and_flac() {
    check(
        "av1_flac.mp4",
        [
            "ID=1 Name=V1 StreamType=Visual CodecID=av1 Timescale=12800 Duration=2/5 Bitrate=24100 \
 DecoderConfig=17 bytes Width=64 Height=48 FPS=25 SAR=1",
            "ID=2 Name=A2 StreamType=Audio CodecID=flac Timescale=48000 Duration=2/5 Bitrate=135720 \
 DecoderConfig=34 bytes SampleRate=48000 NumChannels=1 SamplesPerFrame=1024",
        ],
    );
}

#[test]
fn vp9_and_ac3() {
    check(
        "vp9_ac3.mp4",
        [
            "ID=1 Name=V1 StreamType=Visual CodecID=vp9 Timescale=12800 Duration=2/5 Bitrate=24520 \
 DecoderConfig=12 bytes Width=64 Height=48 FPS=25 SAR=1 ColorPrimaries=2 ColorTransfer=2 ColorMatrix=2 FullRange=false",
            "ID=2 Name=A2 StreamType=Audio CodecID=ac3 Timescale=48000 Duration=2/5 Bitrate=65684 \
 Delay=-256 SampleRate=48000 NumChannels=1",
            "ID=2 Name=A2 StreamType=Audio CodecID=ac3 Timescale=48000 Duration=2/5 Bitrate=65684 \
 Delay=-256 SampleRate=48000 NumChannels=1 SamplesPerFrame=1536",
        ],
    );
}

#[test]
fn hevc_with_sets_in_band_and_eac3() {
    check(
        "hev1_eac3.mp4",
        [
            "ID=1 Name=V1 StreamType=Visual CodecID=hevc Timescale=12800 Duration=2/5 Bitrate=20160 \
 DecoderConfig=109 bytes Width=64 Height=48 FPS=25 SAR=1",
            "ID=2 Name=A2 StreamType=Audio CodecID=eac3 Timescale=48000 Duration=2/5 Bitrate=65684 \
 Delay=-256 SampleRate=48000 NumChannels=1",
            "ID=2 Name=A2 StreamType=Audio CodecID=eac3 Timescale=48000 Duration=2/5 Bitrate=65684 \
 Delay=-256 SampleRate=48000 NumChannels=1 SamplesPerFrame=1536",
        ],
    );
}

#[test]
fn avc_and_mp3() {
    check(
        "avc_mp3.mp4",
        [
            "ID=1 Name=V1 StreamType=Visual CodecID=avc Timescale=12800 Duration=2/5 Bitrate=11720 \
 DecoderConfig=45 bytes Width=64 Height=48 FPS=25 SAR=1",
            "ID=2 Name=A2 StreamType=Audio CodecID=mp3 Timescale=48000 Duration=2/5 Bitrate=32679 \
 Delay=-1105 SampleRate=48000 NumChannels=1",
            "ID=2 Name=A2 StreamType=Audio CodecID=mp3 Timescale=48000 Duration=2/5 Bitrate=32679 \
 Delay=-1105 SampleRate=48000 NumChannels=1 SamplesPerFrame=1152",
        ],
    );
}
