//! Files decoded and coded again: once for all outputs, in step, every picture there.

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
