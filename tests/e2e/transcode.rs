//! Files decoded and coded again: once for all outputs, in step, every picture there.

use weir_tests::peers::Player;
use weir_tests::{Lab, Recording};

use crate::clips;

const SECONDS: u32 = 4;
const PICTURES: usize = SECONDS as usize * 25;

#[test]
fn a_file_is_coded_again_for_several_outputs_at_once() {
    let lab = Lab::new();
    let clip = clips::with_b_frames(&lab, "in.mp4", SECONDS, clips::PROGRESSIVE);
    let ended = lab.weir_to_end(&format!("-graph -i {clip} c=avc:b=1M c=aac -o out.flv -o out.mp4 -o out.ts"));
    ended.with(0);
    for filter in ["avcdec", "aacdec", "avcenc", "aacenc"] {
        let made = ended.stderr.lines().filter(|l| l.contains(&format!(") {filter} (")) && !l.contains("(above)"));
        assert_eq!(made.count(), 1, "one {filter} for all: {}", ended.stderr);
    }
    for out in ["out.flv", "out.mp4", "out.ts"] {
        let recording = Recording::of(&lab.path(out));
        recording.is_gapless(PICTURES).is_in_step();
        assert_eq!(recording.numbers(), (0..u32::try_from(PICTURES).expect("few")).collect::<Vec<_>>(), "{out}");
    }
}

#[test]
fn a_film_is_coded_again_for_players() {
    let lab = Lab::new();
    let [one, two] = lab.ports();
    let clip = clips::with_b_frames(&lab, "in.mp4", SECONDS, clips::PROGRESSIVE);
    let weir = lab
        .weir(&format!(
            "-logs=net@info -i {clip}:loop=-1 c=avc:b=500k:g=25 c=aac -o rtmp://127.0.0.1:{one}/live:rtmp_listen=1 -o \
             rtmp://127.0.0.1:{two}/live:rtmp_listen=1"
        ))
        .listening([one, two]);
    let first = Player::Ffmpeg.record(&format!("rtmp://127.0.0.1:{one}/live"), lab.dir(), "one.flv");
    let second = Player::Ffmpeg.record(&format!("rtmp://127.0.0.1:{two}/live"), lab.dir(), "two.flv");
    weir.wait_for_players(2);
    lab.wait_for_file("one.flv", 100_000);
    lab.wait_for_file("two.flv", 100_000);
    weir.stop().with(0);
    drop((first.wait(), second.wait()));
    for file in ["one.flv", "two.flv"] {
        let round = u32::try_from(PICTURES).expect("few");
        // The stop comes amid a group of pictures that are not in the order they are shown.
        Recording::of(&lab.path(file)).cut_before_last_group().is_gapless_in_rounds_of(25, Some(round));
    }
}
