//! No output disturbs another: hostile players on one listener, a full disk beside a live output.
//!
//! The hostile ones speak through plain sockets; those who want to play first do it with our own client.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::process::Command;
use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::Duration;

use weir_tests::client::{Client, Media};
use weir_tests::peers::{self, Player};
use weir_tests::{Lab, Process, Recording, Signal, Weir, process, wait};

/// Seconds of the film, which starts over.
const ROUND: u32 = 5;
const FPS: u32 = 25;
/// Pictures that the good players record at least: 10 seconds.
const PICTURES: usize = 250;
/// Bytes of weir that may be resident, whatever is done to it: 32 MB that an output keeps, the program, and room.
const RESIDENT_MAX: u64 = 80 << 20;
/// How slow the slow ones are.
const SLOW: Duration = Duration::from_secs(1);

/// Makes `name`: pictures of `avgen` with so much noise that a player that does not read is soon behind (8 Mb/s or more),
/// a key frame each second. The answer is its size in bytes.
pub(crate) fn noisy_film(lab: &Lab, name: &str) -> u64 {
    lab.weir_to_end(&format!("avgen:sizes=320x240:rates=500k:adjust=no:dur={ROUND} c=avc -o clean.flv")).quietly(0);
    let mut command = Command::new(peers::tool("ffmpeg"));
    command.args(["-v", "error", "-nostdin", "-y", "-i", "clean.flv", "-an", "-vf", "noise=alls=60:allf=t:all_seed=1"]);
    command.args(["-vsync", "passthrough", "-c:v", "libx264", "-preset", "ultrafast", "-qp", "14", "-g", "25", name]);
    process::run("make", command, lab.dir()).quietly(0);
    let size = lab.size(name);
    assert!(size > u64::from(ROUND) * 1_000_000, "the film is heavy enough to be of use: {size}");
    size
}

/// One that means ill, on a listener; the answer is its connection where weir is to end it.
type Hostile = fn(u16) -> Option<TcpStream>;

/// All of them.
const HOSTILE: [Hostile; 10] = [
    |port| Some(connect(port)),
    |port| sends(port, &[3, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3]),
    |port| sends(port, b"GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    |port| sends(port, b"\x16\x03\x01\x00\x2f\x01\x00\x00\x2b\x03\x03"),
    drips,
    floods,
    stops_reading,
    reads_one_byte_a_second,
    leaves_midway,
    comes_and_goes,
];

fn connect(port: u16) -> TcpStream {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("weir listens")
}

fn sends(port: u16, bytes: &[u8]) -> Option<TcpStream> {
    let mut socket = connect(port);
    let _ = socket.write_all(bytes); // it may be thrown out for the first of them
    Some(socket)
}

/// Goes through the handshake at one byte a second.
fn drips(port: u16) -> Option<TcpStream> {
    let mut socket = connect(port);
    while socket.write_all(&[3]).is_ok() {
        thread::sleep(SLOW);
    }
    Some(socket)
}

/// The handshake's version, then noise without end.
fn floods(port: u16) -> Option<TcpStream> {
    let mut socket = connect(port);
    let _ = socket.set_write_timeout(Some(SLOW)); // it may be over
    let mut state = 1_u32;
    let mut noise = [0; 16 * 1024];
    noise[0] = 3;
    while socket.write_all(&noise).is_ok() {
        for byte in &mut noise {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            *byte = state.to_le_bytes()[0];
        }
    }
    Some(socket)
}

fn player(port: u16) -> Client {
    let mut client = Client::play(&format!("rtmp://127.0.0.1:{port}/live")).expect("weir listens");
    client.take_until(Media::is_picture).expect("it is served");
    client
}

/// The socket of a player that plays.
fn playing(port: u16) -> TcpStream {
    player(port).socket().try_clone().expect("a descriptor is free")
}

fn stops_reading(port: u16) -> Option<TcpStream> {
    Some(playing(port))
}

/// Until it is thrown out, or has read for longer than any patience.
fn reads_one_byte_a_second(port: u16) -> Option<TcpStream> {
    let mut socket = playing(port);
    let mut byte = [0];
    for _ in 0..6 {
        match socket.read(&mut byte) {
            Ok(0) => break,
            Err(e) if !matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => break,
            _ => thread::sleep(SLOW),
        }
    }
    Some(socket)
}

/// Closes with unread media, which resets the connection.
fn leaves_midway(port: u16) -> Option<TcpStream> {
    let client = player(port);
    let mut byte = [0];
    let _ = client.socket().peek(&mut byte); // waits until there is some
    None
}

fn comes_and_goes(port: u16) -> Option<TcpStream> {
    (0..50).for_each(|_| drop(connect(port)));
    None
}

/// All hostile ones on `port` at once.
fn attack<'s>(scope: &'s Scope<'s, '_>, port: u16) -> Vec<ScopedJoinHandle<'s, Option<TcpStream>>> {
    HOSTILE.iter().map(|hostile| scope.spawn(move || hostile(port))).collect()
}

/// A good player that records, and does so already.
fn record(lab: &Lab, port: u16, file: &str) -> Process {
    let player = Player::Ffmpeg.record(&format!("rtmp://127.0.0.1:{port}/live"), lab.dir(), file);
    lab.wait_for_file(file, 1);
    player
}

/// All hostile ones come at once to `port` and are thrown out. The answer is the most memory that weir was seen to take.
fn siege(weir: &Weir, port: u16) -> u64 {
    let calm = weir.descriptors();
    let mut most = 0;
    let held: Vec<_> = thread::scope(|scope| {
        let hostile = attack(scope, port);
        hostile.into_iter().filter_map(|h| h.join().expect("a hostile one does not fail")).collect()
    });
    wait::until_true("weir has thrown out all hostile ones", || {
        most = most.max(weir.resident().unwrap_or(0));
        weir.descriptors() <= calm
    });
    drop(held); // only now: none of them has left by itself
    most
}

#[test]
fn hostile_players_disturb_nobody_on_their_listener_or_on_another() {
    let lab = Lab::new();
    let round = noisy_film(&lab, "film.mp4");
    let ports @ [besieged, _] = lab.ports();
    let listen = |port| format!("-o rtmp://127.0.0.1:{port}/live:rtmp_listen=1:timeout=2s:stall=3s:lag=1s");
    let outputs = ports.map(listen).join(" ");
    let weir = lab.weir(&format!("-i film.mp4:loop=-1 {outputs}")).listening(ports);
    let files = ["besieged.flv", "other.flv"];
    let players = [0, 1].map(|i| record(&lab, ports[i], files[i]));
    let most = (0..2).map(|_| siege(&weir, besieged)).max().unwrap_or(0);
    files.iter().for_each(|file| lab.wait_for_file(file, round * 12 / u64::from(ROUND)));
    weir.stop().with(0);
    assert!(most <= RESIDENT_MAX, "weir took {most} bytes");
    for (player, file) in players.into_iter().zip(files) {
        player.wait().quietly(0);
        let recording = Recording::of(&lab.path(file));
        recording.is_gapless_in_rounds_of(PICTURES, Some(ROUND * FPS)).has_rising_times();
    }
}

#[test]
fn a_full_disk_fails_the_file_alone() {
    let lab = Lab::new();
    let [port] = lab.ports();
    let words = "avgen:sizes=240x160:rates=200k c=avc c=aac -o /dev/full:ext=flv";
    let weir = lab.weir(&format!("{words} -o rtmp://127.0.0.1:{port}/live:rtmp_listen=1")).listening([port]);
    let player = record(&lab, port, "live.flv");
    wait::until_true("the file fails", || weir.stderr().contains("/dev/full: No space left on device"));
    lab.wait_for_growth("live.flv", 100_000);
    let ended = weir.stop();
    ended.with(1);
    assert_eq!(ended.stderr.lines().count(), 1, "one line says it: {}", ended.stderr);
    player.wait().quietly(0);
    Recording::of(&lab.path("live.flv")).is_whole(50);
}

/// What the failure of a file means is for its output to say.
#[test]
fn a_file_that_fails_ends_as_it_says() {
    for (on_fail, code) in [("ignore", 0), ("stop", 1)] {
        let lab = Lab::new();
        let [port] = lab.ports();
        let words = format!(
            "avgen:sizes=240x160:rates=200k c=avc c=aac -o /dev/full:ext=flv:on_fail={on_fail} -o \
             rtmp://127.0.0.1:{port}/live:rtmp_listen=1"
        );
        let weir = lab.weir(&words);
        wait::until_true("the file fails", || weir.stderr().contains("/dev/full: No space left on device"));
        let ended = if on_fail == "stop" { weir.wait() } else { weir.stop() };
        ended.with(code);
    }
}

/// Twice what the slow player below may be behind.
const FROZEN: Duration = Duration::from_secs(8);

#[test]
fn a_player_that_freezes_goes_on_with_a_key_frame_and_only_it_loses_pictures() {
    let lab = Lab::new();
    let round = noisy_film(&lab, "film.mp4");
    let [port] = lab.ports();
    let output = format!("-o rtmp://127.0.0.1:{port}/live:rtmp_listen=1:stall=100s:lag=2s");
    let weir = lab.weir(&format!("-i film.mp4:loop=-1 {output}")).listening([port]);
    let good = record(&lab, port, "good.flv");
    let mut slow = record(&lab, port, "slow.flv");
    slow.signal(Signal::Stop);
    thread::sleep(FROZEN); // not for luck: this is what is done to it
    slow.signal(Signal::Continue);
    lab.wait_for_growth("slow.flv", round);
    weir.stop().quietly(0);
    for player in [slow, good] {
        player.wait().quietly(0);
    }
    Recording::of(&lab.path("good.flv")).is_gapless_in_rounds_of(PICTURES, Some(ROUND * FPS)).has_rising_times();
    let recording = Recording::of(&lab.path("slow.flv")); // not one decoder error
    let numbers = recording.has_rising_times().numbers();
    let follows = |pair: &&[u32]| pair[1] == (pair[0] + 1) % (ROUND * FPS);
    let resumed: Vec<u32> = numbers.windows(2).filter(|pair| !follows(pair)).map(|pair| pair[1]).collect();
    assert!(!resumed.is_empty(), "it was frozen for so long that it lost something: {numbers:?}");
    assert!(resumed.iter().all(|n| n % FPS == 0), "it goes on with key frames: {resumed:?}");
}

#[test]
fn a_file_that_takes_nothing_fails_alone_and_keeps_nobody_waiting() {
    let lab = Lab::new();
    let [port] = lab.ports();
    let mut command = Command::new(peers::tool("mkfifo"));
    command.arg("hung.flv"); // nobody will ever read it
    process::run("mkfifo", command, lab.dir()).quietly(0);
    let words = "avgen:sizes=240x160:rates=200k c=avc c=aac -o hung.flv";
    let weir = lab.weir(&format!("{words} -o rtmp://127.0.0.1:{port}/live:rtmp_listen=1")).listening([port]);
    let player = record(&lab, port, "live.flv");
    wait::until_true("the file is given up", || weir.stderr().contains("fout: cannot keep up"));
    lab.wait_for_growth("live.flv", 100_000);
    weir.stop().with(1);
    player.wait().quietly(0);
    Recording::of(&lab.path("live.flv")).is_whole(50);
}
