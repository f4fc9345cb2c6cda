//! The ring against a model: what every player must get, whatever is pushed and however badly it reads.

use std::time::Duration;

use proptest::prelude::*;
use weir_media::Time;
use weir_rtmp::message::Message;
use weir_rtmp::ring::{Batch, Class, Cursor, Drops, Kind, Legacy, Media, Renderer, Ring, RingLimits, Start};

use crate::ring::{CHUNK_SIZE, POLICY, read};
use crate::support::Rng;

/// One player of the random test: everything it got so far, checked as it comes.
struct Watcher {
    cursor: Cursor,
    /// Chance in 100 that it reads at all in a step.
    appetite: u64,
    last: [Option<u32>; 3],
    /// Number of the last video message of which everything needed was sent.
    video: Option<u32>,
    seen_header: [bool; 2],
    got: Vec<u32>,
}

/// What the random test knows of each message it pushed.
#[derive(Clone, Copy)]
struct Sent {
    kind: Kind,
    class: Class,
}

impl Watcher {
    fn take(&mut self, ring: &Ring, now: Time, sent: &[Sent], budget: usize, batch: &mut Batch) {
        ring.gather(&mut self.cursor, now, &POLICY, batch, budget, 100_000);
        for message in read(&batch.parts().concat()) {
            let number = u32::from_be_bytes(message.body[..4].try_into().expect("four bytes"));
            self.check(&message, number, sent);
            self.got.push(number);
        }
    }

    fn check(&mut self, message: &Message, number: u32, sent: &[Sent]) {
        let Sent { kind, class } = sent[number as usize];
        assert_eq!(message.msid, self.cursor.msid());
        // Metadata at the start bears time 0, whatever time it is.
        if self.got.is_empty() && kind == Kind::Data && message.timestamp == 0 {
            return;
        }
        let last = &mut self.last[kind as usize];
        assert!(last.is_none_or(|last| message.timestamp.wrapping_sub(last) < 1 << 31), "time goes back");
        *last = Some(message.timestamp);
        if let Class::Header(_) = class {
            if kind != Kind::Data {
                self.seen_header[kind as usize] = true;
            }
            return;
        }
        if kind == Kind::Data {
            return;
        }
        assert!(self.seen_header[kind as usize], "media before its header");
        if kind == Kind::Video {
            self.check_video(number, class, sent);
        }
    }

    /// Between two frames sent, nothing was left out that the later one needs.
    fn check_video(&mut self, number: u32, class: Class, sent: &[Sent]) {
        if class != Class::Key {
            let last = self.video.expect("an inter frame without a key frame");
            let between = &sent[last as usize + 1..number as usize];
            let needed = |s: &Sent| s.kind == Kind::Video && matches!(s.class, Class::Key | Class::Inter);
            assert!(!between.iter().any(needed), "a frame without one it needs");
        }
        self.video = Some(number);
    }
}

fn random_class(rng: &mut Rng, kind: Kind) -> Class {
    match (kind, rng.below(40)) {
        (_, 0) => Class::Header(0),
        (Kind::Video, 1..=3) => Class::Key,
        (Kind::Video, 4..=12) => Class::Disposable,
        (Kind::Video, _) => Class::Inter,
        _ => Class::Key,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever is pushed, and however badly players read: headers come before media, no frame without all it needs, time
    /// never goes back on a track, caps hold, and a player that keeps up gets everything, whoever else is there.
    #[test]
    fn every_player_gets_a_sound_stream(seed in any::<u64>(), start_time in any::<u32>()) {
        let mut rng = Rng(seed);
        let limits = RingLimits {
            bytes: 20_000 + rng.index(100_000),
            span: Duration::from_millis(500 + rng.below(4000)),
            group_span: Duration::from_secs(10),
        };
        let mut ring = Ring::new(limits, CHUNK_SIZE);
        let mut renderer = Renderer::new(CHUNK_SIZE);
        let mut sent: Vec<Sent> = Vec::new();
        let mut watchers: Vec<Watcher> = Vec::new();
        let mut now = Time::ZERO;
        for step in 0..400u32 {
            now += Duration::from_millis(rng.below(80));
            let (kind, class) = match step {
                0 => (Kind::Data, Class::Header(0)),
                1 => (Kind::Video, Class::Header(0)),
                2 => (Kind::Audio, Class::Header(0)),
                _ => {
                    let kind = [Kind::Video, Kind::Video, Kind::Audio, Kind::Audio, Kind::Data][rng.index(5)];
                    (kind, random_class(&mut rng, kind))
                }
            };
            // Now and then a source that stutters, or goes back a little.
            let time = start_time.wrapping_add(now.as_millis() as u32).wrapping_sub(rng.below(100) as u32);
            let body = [&step.to_be_bytes()[..], &rng.body(rng.clone().index(3000))].concat();
            let media = Media { kind, class, timestamp: time, body: body.into(), legacy: Legacy::Same };
            ring.push(renderer.render(media, now).expect("short"));
            sent.push(Sent { kind, class });
            prop_assert!(ring.bytes() <= limits.bytes);
            if step > 2 && rng.below(20) == 0 {
                let start = [Start::Key, Start::Live, Start::Next][rng.index(3)];
                let cursor = ring.start(start, 1 + rng.below(2) as u32, now);
                watchers.push(Watcher {
                    cursor,
                    appetite: [100, 60, 10, 1][rng.index(4)],
                    last: [None; 3],
                    video: None,
                    seen_header: [false; 2],
                    got: Vec::new(),
                });
            }
            // Those who take everything share a batch.
            let mut shared = Batch::default();
            for watcher in &mut watchers {
                if rng.below(100) < watcher.appetite {
                    if watcher.appetite == 100 {
                        watcher.take(&ring, now, &sent, usize::MAX, &mut shared);
                    } else {
                        watcher.take(&ring, now, &sent, 1 + rng.index(20), &mut Batch::default());
                    }
                }
            }
        }
        for watcher in watchers.iter().filter(|w| w.appetite == 100) {
            prop_assert_eq!(watcher.cursor.drops(), Drops::default());
            prop_assert_eq!(watcher.cursor.position(), ring.end());
        }
    }
}
