//! The `loop` option: rounds follow each other on all tracks by the same time.

use weir_media::{Flags, Packet, rescale};

use crate::common::{Run, run};

/// Offsets of the rounds of one track, after checking that each round is the first one moved by one number.
fn offsets(once: &[Packet], all: &[Packet]) -> Vec<i64> {
    assert_eq!(all.len() % once.len(), 0);
    let rounds: Vec<&[Packet]> = all.chunks(once.len()).collect();
    let moved = rounds.iter().map(|round| round[0].dts - once[0].dts).collect::<Vec<_>>();
    for (n, (round, by)) in rounds.iter().zip(&moved).enumerate() {
        for (i, (p, first)) in round.iter().zip(once).enumerate() {
            assert_eq!((p.dts, p.cts), (first.dts + by, first.cts + by), "round {n} packet {i}");
            assert_eq!((p.bytes(), p.duration), (first.bytes(), first.duration), "round {n} packet {i}");
            assert_eq!(p.flags.contains(Flags::DISCONTINUITY), n > 0 && i == 0, "round {n} packet {i}");
        }
    }
    for pair in rounds.windows(2) {
        let last = pair[0].last().expect("packets");
        assert!(pair[1][0].dts >= last.dts + i64::from(last.duration), "rounds do not overlap");
    }
    moved
}

fn scales(run: &Run) -> Vec<u32> {
    run.props.iter().map(|p| p[0].timescale()).collect()
}

#[test]
fn sound_and_picture_move_by_the_same_time() {
    for name in ["end.mp4", "late.mp4", "negative.mp4", "frag.mp4", "hybrid.mp4", "apart.mp4"] {
        let once = run(name, &[]).expect("a good file");
        let many = run(name, &[("loop", "9")]).expect("a good file");
        let video = offsets(&once.packets[0], &many.packets[0]);
        let audio = offsets(&once.packets[1], &many.packets[1]);
        let [video_scale, audio_scale] = scales(&once)[..] else { panic!("two tracks") };
        assert_eq!(video.len(), 10);
        for (n, (v, a)) in video.iter().zip(&audio).enumerate() {
            assert_eq!(*a, audio[1] * i64::try_from(n).expect("few"), "{name}: no drift in round {n}");
            assert_eq!(*v, rescale(*a, audio_scale, video_scale), "{name}: in step in round {n}");
        }
    }
}

#[test]
fn a_round_is_as_long_as_the_longest_track() {
    let end = run("end.mp4", &[("loop", "1")]).expect("a good file");
    // 1024 of priming and 44 100 of sound.
    assert_eq!(end.packets[1][45].dts - end.packets[1][0].dts, 45_124);
    let video = run("end.mp4", &[("loop", "2"), ("tkid", "video")]).expect("a good file");
    let dts: Vec<i64> = video.packets[0].iter().map(|p| p.dts).collect();
    assert!(dts.windows(2).all(|w| w[1] - w[0] == 512), "25 pictures a second, over all rounds");
}

#[test]
fn endless_rounds_stop_only_when_told() {
    let path = crate::common::data("end.mp4");
    let mut harness = crate::common::harness(&path, &[("loop", "-1")]).expect("good options");
    for _ in 0..100 {
        assert_ne!(harness.step().expect("a good file"), weir_plugin::Status::Done);
    }
    assert!(harness.outputs()[0].packets.len() > 500);
    harness.event(weir_plugin::Event::Stop).expect("stops");
    assert_eq!(harness.run(), Ok(weir_plugin::Status::Done));
}
