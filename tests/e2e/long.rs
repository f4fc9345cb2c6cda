//! Long timestamps: 16777215 ms is where RTMP needs its extended timestamp and FLV its fourth byte; 2^32 ms is where both
//! start over.

use weir_flv::TagKind;
use weir_tests::client::{Client, Media, write_flv};
use weir_tests::peers::{self, Player};
use weir_tests::{Lab, Recording, Weir};

const EXTENDED: i64 = 16_777_215;
const WRAP: i64 = 1 << 32;

fn start(lab: &Lab, port: u16, millis: i64) -> Weir {
    // Pictures above 128 bytes and the small chunks of some peers: fmt 3 chunks carry the extended timestamp too.
    let url = Player::Ffmpeg.url(port);
    lab.weir(&format!("avgen:sizes=240x160:rates=200k:start={millis} c=avc c=aac -o {url}:rtmp_listen=1"))
        .listening([port])
}

/// Tells that media on both sides of `border` has come.
fn crossing(border: i64) -> impl FnMut(&Media) -> bool {
    let mut before = false;
    move |m| {
        before |= m.kind == TagKind::Video && m.millis < border;
        before && m.kind == TagKind::Video && m.millis > border + 2_000
    }
}

#[test]
fn players_cross_the_extended_timestamp() {
    let lab = Lab::new();
    let [port] = lab.ports();
    let weir = start(&lab, port, EXTENDED - 10_000);
    let players = [Player::Ffmpeg, Player::Rtmpdump, Player::Gstreamer, Player::Mpv];
    let present = players.into_iter().filter(|p| peers::peer(p.program()).is_some());
    let file = |p: Player| format!("{}.{}", p.program(), p.extension());
    let recorders: Vec<_> = present.map(|p| (p, p.record(&p.url(port), lab.dir(), &file(p)))).collect();
    let mut client = Client::play(&Player::Ffmpeg.url(port)).expect("it listens");
    let got = client.take_until(crossing(EXTENDED)).expect("it plays");
    weir.stop().quietly(0);
    write_flv(&lab.path("own.flv"), &got);
    Recording::of(&lab.path("own.flv")).is_whole(75);
    for (player, process) in recorders {
        process.wait().with(0);
        let recording = Recording::of(&lab.path(&file(player)));
        recording.is_whole(75);
        let (first, last) = (recording.pictures[0].pts, recording.pictures[recording.pictures.len() - 1].pts);
        if matches!(player, Player::Rtmpdump | Player::Gstreamer) {
            // These keep the times they were sent.
            assert!(first < 16_777.0 && last > 16_779.0, "{player:?}: {first}..{last}");
        }
    }
}

#[test]
fn times_start_over_after_32_bits() {
    let lab = Lab::new();
    let [port] = lab.ports();
    let weir = start(&lab, port, WRAP - 3_000);
    let mut client = Client::play(&Player::Ffmpeg.url(port)).expect("it listens");
    let got = client.take_until(crossing(WRAP)).expect("it plays");
    weir.stop().quietly(0);
    for kind in [TagKind::Video, TagKind::Audio] {
        let times: Vec<i64> = got.iter().filter(|m| m.kind == kind && !m.is_header()).map(|m| m.millis).collect();
        let steps = times.windows(2).map(|t| t[1] - t[0]);
        assert!(steps.clone().all(|step| (1..=41).contains(&step)), "{kind:?}: {:?}", steps.collect::<Vec<_>>());
    }
    assert!(got.iter().any(|m| m.kind == TagKind::Video && m.timestamp < 3_000), "the wire starts over");
}
