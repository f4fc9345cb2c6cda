//! The founding command, word by word: two listeners, an encode, and players in either order.

use weir_tests::peers::Player;
use weir_tests::{Lab, Process, Recording, Weir};

/// Bytes that hold at least [`PICTURES`] pictures of the founding command, with their sound.
const BYTES: u64 = 150_000;
const PICTURES: usize = 50;

/// The command with its ports replaced.
fn start(lab: &Lab, [a, b]: [u16; 2]) -> Weir {
    let words = format!(
        "avgen:sizes=240x160:rates=200k c=avc c=aac \
         -o rtmp://127.0.0.1:{a}/live:gpac:ffmt=flv:rtmp_listen=1 \
         -o rtmp://127.0.0.1:{b}/live:gpac:ffmt=flv:rtmp_listen=1"
    );
    lab.weir(&words).listening([a, b])
}

fn record(lab: &Lab, port: u16, file: &str) -> Process {
    let process = Player::Ffmpeg.record(&format!("rtmp://127.0.0.1:{port}/live"), lab.dir(), file);
    lab.wait_for_file(file, 1);
    process
}

fn in_order(first: usize, second: usize) {
    let lab = Lab::new();
    let ports = lab.ports::<2>();
    let weir = start(&lab, ports);
    let one = record(&lab, ports[first], "first.flv");
    let two = record(&lab, ports[second], "second.flv");
    lab.wait_for_growth("first.flv", BYTES);
    lab.wait_for_growth("second.flv", BYTES);
    weir.stop().quietly(0);
    for (player, file) in [(one, "first.flv"), (two, "second.flv")] {
        player.wait().quietly(0);
        Recording::of(&lab.path(file)).is_whole(PICTURES);
    }
}

#[test]
fn the_first_listener_is_played_first() {
    in_order(0, 1);
}

#[test]
fn the_second_listener_is_played_first() {
    in_order(1, 0);
}
