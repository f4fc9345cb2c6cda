//! Raw streams: H.264 and AAC without a container, out and in.

use std::process::Command;

use weir_source_avgen::marker;
use weir_tests::peers::Player;
use weir_tests::recording::decode;
use weir_tests::{Lab, Recording, peers, process};

/// Makes `x.264` and `x.aac` of 3 seconds.
fn made() -> Lab {
    let lab = Lab::new();
    lab.weir_to_end("avgen:sizes=240x160:rates=200k:adjust=no:dur=3 c=avc c=aac -o x.264 -o x.aac").quietly(0);
    lab
}

#[test]
fn raw_streams_decode() {
    let lab = made();
    let raw = decode(&lab.path("x.264"), &["-f", "rawvideo", "-pix_fmt", "gray", "-vsync", "passthrough"]);
    let number = |luma: &[u8]| marker::read(luma, 240, 160, 240).expect("a readable picture").frame;
    let numbers: Vec<u32> = raw.chunks_exact(240 * 160).map(number).collect();
    assert_eq!(numbers, (0..75).collect::<Vec<_>>());
    let sound = decode(&lab.path("x.aac"), &["-f", "s16le", "-ac", "1"]);
    let samples = sound.len() / 2;
    assert!((3 * 44_100..3 * 44_100 + 8_192).contains(&samples), "3 s and an encoder's delay: {samples}");
}

#[test]
fn raw_streams_are_read_back() {
    let lab = made();
    lab.weir_to_end("-i x.264 -i x.aac -o y.flv").quietly(0);
    let recording = Recording::of(&lab.path("y.flv"));
    recording.is_gapless(75).has_rising_times().has_unbroken_sound();
    assert_eq!(recording.numbers(), (0..75).collect::<Vec<_>>());
    assert!(recording.beeps.len() >= 2, "{:?}", recording.beeps);
}

#[test]
fn raw_streams_are_served() {
    let lab = made();
    let [port] = lab.ports();
    let url = Player::Ffmpeg.url(port);
    let weir = lab.weir(&format!("-i x.264:loop=-1 -i x.aac:loop=-1 -o {url}:rtmp_listen=1")).listening([port]);
    let player = Player::Ffmpeg.record(&url, lab.dir(), "got.flv");
    lab.wait_for_file("got.flv", 120_000);
    weir.stop().quietly(0);
    player.wait().quietly(0);
    Recording::of(&lab.path("got.flv")).is_gapless_in_rounds_of(50, Some(75)).has_rising_times();
}

/// Runs FFmpeg with these words in the lab's folder.
fn ffmpeg(lab: &Lab, words: &str) {
    let mut command = Command::new(peers::tool("ffmpeg"));
    command.args(["-v", "error", "-nostdin", "-y"]).args(words.split(' '));
    process::run("ffmpeg", command, lab.dir()).quietly(0);
}

#[test]
fn wav_and_y4m_are_what_ffmpeg_takes_them_for() {
    let lab = Lab::new();
    let words = "avgen:sizes=240x160:fps=30000/1001:dur=1 -o x.wav -o x.pcm -o x.y4m -o x.yuv";
    lab.weir_to_end(words).quietly(0);
    let samples = std::fs::read(lab.path("x.pcm")).expect("made");
    assert!(samples.len() >= 44_100 * 4 && decode(&lab.path("x.wav"), &["-f", "f32le"]) == samples);
    let pictures = std::fs::read(lab.path("x.yuv")).expect("made");
    let decoded = decode(&lab.path("x.y4m"), &["-f", "rawvideo", "-pix_fmt", "yuv420p", "-vsync", "passthrough"]);
    assert_eq!(pictures.len() % (240 * 160 * 3 / 2), 0);
    assert!(!pictures.is_empty() && decoded == pictures, "the same pictures");
    let mut probe = Command::new(peers::tool("ffprobe"));
    probe.args("-v error -show_entries stream=codec_name,sample_rate,r_frame_rate,duration -of csv=p=0".split(' '));
    let mut told = Vec::new();
    for file in ["x.wav", "x.y4m"] {
        let mut command = Command::new(probe.get_program());
        command.args(probe.get_args()).arg(file);
        told.push(process::run("ffprobe", command, lab.dir()).stdout.trim().to_owned());
    }
    assert!(told[0].starts_with("pcm_f32le,44100,0/0,1.0"), "{told:?}");
    assert!(told[1].starts_with("rawvideo,30000/1001,"), "{told:?}");
}

#[test]
fn what_ffmpeg_writes_raw_is_read_and_encoded() {
    let lab = Lab::new();
    lab.weir_to_end("avgen:sizes=240x160:rates=200k:adjust=no:dur=3 c=avc c=aac -o made.flv").quietly(0);
    ffmpeg(&lab, "-i made.flv -vsync passthrough -pix_fmt yuv420p x.y4m -c:a pcm_s24le x.wav");
    ffmpeg(&lab, "-i made.flv -vsync passthrough -pix_fmt yuv420p -f rawvideo x.yuv -f s16le x.pcm");
    lab.weir_to_end("-i x.y4m -i x.wav c=avc:b=500k c=aac -o a.flv").quietly(0);
    lab.weir_to_end("-i x.yuv:size=240x160:fps=25 -i x.pcm:safmt=s16:ch=1:sr=44100 c=avc:b=500k c=aac -o b.flv")
        .quietly(0);
    for file in ["a.flv", "b.flv"] {
        let recording = Recording::of(&lab.path(file));
        recording.is_gapless(75).has_rising_times().has_unbroken_sound();
        assert_eq!(recording.numbers(), (0..75).collect::<Vec<_>>(), "{file}");
        assert!(recording.beeps.len() >= 2, "{file}: {:?}", recording.beeps);
    }
}
