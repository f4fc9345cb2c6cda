//! Sound and pictures of any rate, layout and size, made fit for encoders; FFmpeg makes them and judges.

use std::process::Command;

use weir_tests::peers::{self, Player};
use weir_tests::recording::decode;
use weir_tests::{Lab, process};

/// Runs a program of FFmpeg with these words in the lab's folder; what it printed.
fn ffmpeg(lab: &Lab, program: &str, words: &str) -> String {
    let mut command = Command::new(peers::tool(program));
    command.args(words.split(' '));
    let ended = process::run(program, command, lab.dir());
    ended.with(0);
    format!("{}{}", ended.stdout, ended.stderr)
}

/// Makes `name`: 3 seconds of a sine of 1 kHz at half of full scale.
fn sine(lab: &Lab, name: &str, rate: u32, channels: u32, how: &str) {
    let layout = match channels {
        1 => "pan=mono|c0=c0",
        2 => "pan=stereo|c0=c0|c1=c0",
        _ => "pan=5.1|c0=c0|c1=c0|c2=c0|c4=c0|c5=c0",
    };
    let source = format!("aevalsrc=0.5*sin(2*PI*1000*t):s={rate}:d=3");
    ffmpeg(lab, "ffmpeg", &format!("-v error -nostdin -y -f lavfi -i {source} -af {layout} {how} {name}"));
}

/// Of what FFmpeg decodes: crossings of zero upwards, and the loudest sample, in a second of it; samples in all.
fn heard(lab: &Lab, name: &str) -> (usize, u16, usize) {
    let sound = decode(&lab.path(name), &["-f", "s16le", "-ac", "1", "-ar", "48000"]);
    let samples: Vec<i16> = sound.as_chunks().0.iter().map(|w| i16::from_le_bytes(*w)).collect();
    let middle = &samples[48_000..2 * 48_000];
    let rises = middle.windows(2).filter(|w| w[0] < 0 && w[1] >= 0).count();
    (rises, middle.iter().map(|x| x.unsigned_abs()).max().unwrap_or(0), samples.len())
}

#[test]
fn sound_of_any_rate_and_number_of_channels_is_encoded() {
    let lab = Lab::new();
    let cases = [
        ("a.wav", 48_000, 2, "48000,2", "-c:a pcm_s16le"),
        ("b.wav", 22_050, 1, "22050,1", "-c:a pcm_s16le"),
        ("c.wav", 96_000, 6, "96000,2", "-c:a pcm_f32le"),
        ("d.wav", 192_000, 2, "96000,2", "-c:a pcm_s24le"),
        ("e.wav", 6_000, 1, "8000,1", "-c:a pcm_s16le"),
        ("f.wav", 47_999, 2, "48000,2", "-c:a pcm_u8"),
    ];
    for (name, rate, channels, made, how) in cases {
        sine(&lab, name, rate, channels, how);
        lab.weir_to_end(&format!("-i {name} c=aac -o {name}.flv")).quietly(0);
        let found = ffmpeg(
            &lab,
            "ffprobe",
            &format!("-v error -show_entries stream=sample_rate,channels -of csv=p=0 {name}.flv"),
        );
        assert_eq!(found.trim(), made, "{name}");
        let (rises, loudest, samples) = heard(&lab, &format!("{name}.flv"));
        assert!(rises.abs_diff(1_000) <= 1, "{name}: {rises} Hz");
        assert!((14_700..18_000).contains(&loudest), "{name}: half of full scale, and not {loudest}");
        assert!((3 * 48_000..3 * 48_000 + 16_384).contains(&samples), "{name}: 3 s and an encoder's delay: {samples}");
    }
}

#[test]
fn an_encoder_gets_what_its_arguments_wish_for_and_sizes_share_a_decoder() {
    let lab = Lab::new();
    let source = "-f lavfi -i testsrc2=s=321x181:r=25:d=2 -f lavfi -i sine=1000:r=44100:d=2";
    ffmpeg(&lab, "ffmpeg", &format!("-v error -nostdin -y {source} -pix_fmt yuv420p -c:v libx264 -c:a aac in.mp4"));
    let ended = lab.weir_to_end(
        "-graph -i in.mp4:FID=in c=avc:b=300k:osize=160x90:SID=in#video:FID=a c=avc:b=600k:osize=320x180:SID=in#video:FID=b \
         c=aac:osr=22050:och=1:SID=in#audio:FID=s -o a.flv:SID=a,s -o b.flv:SID=b,s",
    );
    ended.with(0);
    let made = |filter: &str| {
        ended.stderr.lines().filter(|l| l.contains(&format!(") {filter}")) && !l.contains("(above)")).count()
    };
    assert_eq!((made("avcdec"), made("scale"), made("resample")), (1, 2, 1), "{}", ended.stderr);
    for (file, size) in [("a.flv", "160,90"), ("b.flv", "320,180")] {
        let ask = "-v error -show_entries stream=width,height,sample_rate,channels -count_frames -of csv=p=0";
        let found = ffmpeg(&lab, "ffprobe", &format!("{ask} {file}"));
        assert!(found.contains(size) && found.contains("22050,1"), "{file}: {found}");
        let pictures = decode(&lab.path(file), &["-an", "-f", "rawvideo", "-pix_fmt", "gray", "-vsync", "passthrough"]);
        let (w, h) = size.split_once(',').expect("a size");
        let area: usize = w.parse::<usize>().expect("a width") * h.parse::<usize>().expect("a height");
        assert_eq!(pictures.len(), 50 * area, "{file}: every picture");
    }
}

#[test]
fn scaled_pictures_are_those_of_ffmpeg() {
    let lab = Lab::new();
    ffmpeg(&lab, "ffmpeg", "-v error -nostdin -y -f lavfi -i testsrc2=s=641x361:r=25:d=0.4 -pix_fmt yuv420p in.y4m");
    for (size, least) in [("320x180", 33.0), ("1280x720", 33.0), ("479x269", 31.0)] {
        lab.weir_to_end(&format!("-i in.y4m scale:osize={size} -o {size}.y4m")).quietly(0);
        let wh = size.replace('x', ":");
        let graph = format!("[0:v]scale={wh}:flags=bicubic+accurate_rnd,setsar=1[a];[1:v]setsar=1[b];[a][b]psnr");
        let said =
            ffmpeg(&lab, "ffmpeg", &format!("-hide_banner -nostdin -i in.y4m -i {size}.y4m -lavfi {graph} -f null -"));
        let average =
            said.split("average:").nth(1).and_then(|t| t.split(' ').next()).and_then(|n| n.parse::<f64>().ok());
        assert!(average.is_some_and(|found| found >= least), "{size}: {average:?} dB in {said}");
    }
}

#[test]
fn a_rate_is_made_constant_for_one_encoder_and_left_to_the_other() {
    let lab = Lab::new();
    let source = "avgen:sizes=240x160:adjust=no:dur=2:type=v";
    let words = format!("{source}:FID=s c=avc:ofps=50:SID=s:FID=a c=avc:SID=s:FID=b -o a.mp4:SID=a -o b.mp4:SID=b");
    lab.weir_to_end(&words).quietly(0);
    let ask = "-v error -show_entries stream=r_frame_rate,nb_frames -of csv=p=0";
    assert_eq!(ffmpeg(&lab, "ffprobe", &format!("{ask} a.mp4")).trim(), "50/1,100");
    assert_eq!(ffmpeg(&lab, "ffprobe", &format!("{ask} b.mp4")).trim(), "25/1,50");
}

#[test]
fn the_shape_of_what_is_shown_survives() {
    let lab = Lab::new();
    let pal = "-f lavfi -i testsrc2=s=720x576:r=25:d=1 -vf setsar=64/45 -pix_fmt yuv420p";
    ffmpeg(&lab, "ffmpeg", &format!("-v error -nostdin -y {pal} -c:v libx264 pal.mp4"));
    lab.weir_to_end("-i pal.mp4 c=avc:osize=720x480 -o sar.mp4").quietly(0);
    lab.weir_to_end("-i pal.mp4 c=avc:osize=640x480:keepar=full -o box.mp4").quietly(0);
    let ask = |file: &str| {
        let words = "-v error -show_entries stream=width,height,sample_aspect_ratio,display_aspect_ratio -of csv=p=0";
        ffmpeg(&lab, "ffprobe", &format!("{words} {file}")).trim().to_owned()
    };
    assert_eq!(ask("sar.mp4"), "720,480,32:27,16:9");
    assert!(["640,480,1:1,4:3", "640,480,N/A,N/A"].contains(&ask("box.mp4").as_str()), "{}", ask("box.mp4"));
    let luma = decode(&lab.path("box.mp4"), &["-f", "rawvideo", "-pix_fmt", "gray", "-frames:v", "1"]);
    let is_black = |y: usize| luma[y * 640..(y + 1) * 640].iter().all(|s| *s < 30);
    assert!(is_black(10) && is_black(470) && !is_black(70) && !is_black(240), "16:9 within 4:3");
}

#[test]
fn odd_media_reach_a_player() {
    let lab = Lab::new();
    let [port] = lab.ports();
    sine(&lab, "in.wav", 47_999, 6, "-c:a pcm_s16le");
    ffmpeg(&lab, "ffmpeg", "-v error -nostdin -y -f lavfi -i testsrc2=s=333x187:r=25:d=3 -pix_fmt yuv420p in.y4m");
    let url = Player::Ffmpeg.url(port);
    let words = format!("-i in.y4m -i in.wav c=avc:osize=640x360:keepar=full:g=25 c=aac -o {url}:rtmp_listen=1");
    let weir = lab.weir(&words).listening([port]);
    let player = Player::Ffmpeg.record(&url, lab.dir(), "got.flv");
    weir.wait().with(0);
    player.wait().with(0);
    let found =
        ffmpeg(&lab, "ffprobe", "-v error -show_entries stream=width,height,sample_rate,channels -of csv=p=0 got.flv");
    assert!(found.contains("640,360") && found.contains("48000,2"), "{found}");
    assert_eq!(heard(&lab, "got.flv").0.abs_diff(1_000).min(2), 0, "1 kHz");
}

#[test]
fn sound_of_every_codec_is_decoded_and_encoded() {
    let lab = Lab::new();
    let cases = [
        ("a.mp4", 44_100, 2, "44100,2", "-c:a libmp3lame -b:a 128k"),
        ("b.mp4", 22_050, 1, "22050,1", "-c:a libmp3lame -b:a 64k"),
        ("c.mp4", 48_000, 2, "48000,2", "-c:a libopus -b:a 96k"),
        ("d.mp4", 48_000, 6, "48000,2", "-c:a libopus -b:a 256k -mapping_family 1"),
        ("e.mp4", 96_000, 6, "96000,2", "-c:a flac -strict -2"),
        ("f.mp4", 44_100, 1, "44100,1", "-c:a flac -sample_fmt s32 -strict -2"),
        ("g.mp4", 44_100, 6, "44100,2", "-c:a aac -b:a 384k"),
    ];
    for (name, rate, channels, made, how) in cases {
        sine(&lab, name, rate, channels, how);
        lab.weir_to_end(&format!("-i {name} c=aac -o {name}.flv")).quietly(0);
        let found = ffmpeg(
            &lab,
            "ffprobe",
            &format!("-v error -show_entries stream=sample_rate,channels -of csv=p=0 {name}.flv"),
        );
        assert_eq!(found.trim(), made, "{name}");
        let (rises, loudest, samples) = heard(&lab, &format!("{name}.flv"));
        assert!(rises.abs_diff(1_000) <= 1, "{name}: {rises} Hz");
        assert!((14_700..18_000).contains(&loudest), "{name}: half of full scale, and not {loudest}");
        assert!((3 * 48_000 - 2_000..3 * 48_000 + 16_384).contains(&samples), "{name}: {samples}");
    }
}

#[test]
fn decoded_sound_is_that_of_ffmpeg() {
    let lab = Lab::new();
    for (name, how, least) in [
        ("a.mp4", "-c:a libmp3lame -b:a 128k", 80.0),
        // FFmpeg's own decoder is that far from libopus.
        ("b.mp4", "-c:a libopus -b:a 96k", 45.0),
        ("c.mp4", "-c:a flac -strict -2", 90.0),
    ] {
        let source = "-f lavfi -i anoisesrc=r=48000:d=2:a=0.2:seed=7 -f lavfi -i sine=300:r=48000:d=2";
        ffmpeg(&lab, "ffmpeg", &format!("-v error -nostdin -y {source} -lavfi amerge {how} {name}"));
        lab.weir_to_end(&format!("-i {name} -o {name}.wav")).quietly(0);
        let floats = |bytes: Vec<u8>| -> Vec<f64> {
            bytes.as_chunks().0.iter().map(|w| f64::from(f32::from_le_bytes(*w))).collect()
        };
        let ours = floats(decode(&lab.path(&format!("{name}.wav")), &["-f", "f32le"]));
        let theirs = floats(decode(&lab.path(name), &["-f", "f32le"]));
        assert!(ours.len().abs_diff(theirs.len()) < 2 * 1_200, "{name}: {} and {}", ours.len(), theirs.len());
        let power = |x: &mut dyn Iterator<Item = f64>| x.map(|x| x * x).sum::<f64>();
        let noise = power(&mut ours.iter().zip(&theirs).map(|(a, b)| a - b));
        let ratio = 10.0 * (power(&mut theirs.iter().copied()) / noise.max(1e-12)).log10();
        assert!(ratio > least, "{name}: {ratio} dB above the difference");
    }
}
