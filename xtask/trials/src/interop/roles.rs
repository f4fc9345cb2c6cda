//! The roles, a column each: players, servers that weir pushes to, publishers, servers that weir plays from.

use std::path::Path;
use std::process::Command;

use weir_tests::peers::{self, Player};
use weir_tests::{Lab, Process, Recording, Signal, Weir, nginx, recording, wait};

use super::Outcome;
use super::peer::Peer;
use super::tools::Tools;

/// A run of a peer in a role; nothing when it does not have it.
type Role = fn(Peer, &Tools) -> Option<Outcome>;

/// All roles.
pub(crate) const COLUMNS: &[(&str, Role)] = &[
    ("Plays from weir", plays),
    ("Plays rtmps", plays_encrypted),
    ("Weir pushes to it", takes),
    ("Publishes to weir", publishes),
    ("Weir plays from it", serves),
];

/// A live source, a key frame each second.
const SOURCE: &str = "avgen:sizes=240x160:rates=200k c=avc:g=25 c=aac";
/// Bytes of it, more than three seconds.
const BYTES: u64 = 200_000;
/// Pictures that a recording of it has at least.
const PICTURES: usize = 50;
/// Seconds of the film that peers publish.
const SECONDS: usize = 6;
const FILM: usize = SECONDS * 25;

/// PyAV plays `argv[1]` into `argv[2]`, or publishes `argv[2]` in real time to `argv[1]`.
const PYAV: &str = include_str!("pyav.py");
/// pyrtmp listens on `argv[1]` and records to `argv[2]`.
const PYRTMP: &str = include_str!("pyrtmp.py");

fn gapless(path: &Path, least: usize) -> Outcome {
    let recording = Recording::of(path).cut_before_last_group();
    recording.is_gapless(least).has_rising_times();
    Ok(format!("{} pictures, gapless", recording.pictures.len()))
}

/// A recording of the film that lacks nothing.
fn whole(path: &Path) -> Outcome {
    let recording = Recording::of(path);
    recording.is_whole(FILM);
    Ok(format!("{} pictures, whole", recording.pictures.len()))
}

fn player(peer: Peer) -> Option<Player> {
    Some(match peer {
        Peer::Ffmpeg => Player::Ffmpeg,
        Peer::Rtmpdump => Player::Rtmpdump,
        Peer::Gstreamer => Player::Gstreamer,
        Peer::Vlc => Player::Vlc,
        Peer::Mpv => Player::Mpv,
        _ => return None,
    })
}

/// Lets the peer play until weir is stopped, and judges what it recorded.
fn plays(peer: Peer, tools: &Tools) -> Option<Outcome> {
    let lab = Lab::new();
    let [port] = lab.ports();
    let url = format!("rtmp://127.0.0.1:{port}/live/any");
    let (recorder, file) = match recorder(peer, tools, &lab, &url, "")? {
        Ok(good) => good,
        Err(why) => return Some(Err(why)),
    };
    Some(play(&lab, &format!("-o rtmp://127.0.0.1:{port}/live:rtmp_listen=1"), port, recorder, &file))
}

fn play(lab: &Lab, output: &str, port: u16, recorder: Recorder<'_>, file: &str) -> Outcome {
    let weir = lab.weir(&format!("{SOURCE} {output}")).listening([port]);
    let process = recorder();
    lab.wait_for_file(file, BYTES);
    weir.stop().with(0);
    drop(process.wait());
    let path = lab.path(file);
    // VLC stops in the middle of its last packet.
    let path = if file.ends_with(".ts") { recording::beginning(&path, 3) } else { path };
    gapless(&path, PICTURES)
}

/// Starts a player that records.
type Recorder<'a> = Box<dyn FnOnce() -> Process + 'a>;

/// The peer as a player that records, and the file.
fn recorder<'a>(
    peer: Peer,
    tools: &'a Tools,
    lab: &'a Lab,
    url: &str,
    certificate: &str,
) -> Option<Result<(Recorder<'a>, String), String>> {
    if let Some(player) = player(peer) {
        let file = format!("got.{}", player.extension());
        if peers::find(player.program()).is_none() {
            return Some(Err("not here".to_owned()));
        }
        let (url, name) = (url.to_owned(), file.clone());
        let start: Recorder<'a> = Box::new(move || player.record(&url, lab.dir(), &name));
        return Some(Ok((start, file)));
    }
    let mut command = match peer {
        Peer::Ffmpeg9 => match peer.ffmpeg(tools) {
            Err(why) => return Some(Err(why)),
            Ok(ffmpeg) => {
                let mut command = Command::new(ffmpeg);
                command.args(["-v", "error", "-nostdin", "-y"]).args(certificate.split_whitespace());
                command.args(["-i", url, "-c", "copy", "-flush_packets", "1", "got.flv"]);
                command
            }
        },
        Peer::Librtmp => {
            let mut command = Command::new(peers::tool("gst-launch-1.0"));
            let location = format!("location={url} live=1");
            command.args(["-q", "rtmpsrc", &format!("location={location}"), "!", "filesink"]);
            command.args(["buffer-mode=unbuffered", "location=got.flv"]);
            command
        }
        Peer::Pyav => match &tools.python {
            None => return Some(Err("not here: PyPI does not give av".to_owned())),
            Some(python) => {
                let mut command = Command::new(python);
                command.args(["-c", PYAV, "play", url, "got.flv"]);
                command
            }
        },
        _ => return None,
    };
    command.current_dir(lab.dir());
    let start: Recorder<'a> = Box::new(move || Process::start("player", command, lab.dir()));
    Some(Ok((start, "got.flv".to_owned())))
}

/// The same, encrypted. Those that can verify are made to.
fn plays_encrypted(peer: Peer, tools: &Tools) -> Option<Outcome> {
    let lab = Lab::new();
    let [port] = lab.ports();
    lab.certificate("localhost");
    let url = match peer {
        Peer::Gstreamer => format!("rtmps://localhost:{port}/live/any tls-validation-flags=0"),
        Peer::Librtmp => return None,
        _ => format!("rtmps://localhost:{port}/live/any"),
    };
    let output = format!("-o rtmps://127.0.0.1:{port}/live:rtmp_listen=1:cert=tls.crt:cert_key=tls.key");
    if peer == Peer::Gstreamer {
        let start: Recorder<'_> = Box::new(|| {
            let mut command = Command::new(peers::tool("gst-launch-1.0"));
            let graph = format!(
                "-q rtmp2src location=rtmps://localhost:{port}/live/any tls-validation-flags=0 ! filesink \
                 buffer-mode=unbuffered location=got.flv"
            );
            command.args(graph.split_whitespace());
            Process::start("player", command, lab.dir())
        });
        return Some(play(&lab, &output, port, start, "got.flv"));
    }
    let (recorder, file) = match recorder(peer, tools, &lab, &url, "-ca_file tls.crt")? {
        Ok(good) => good,
        Err(why) => return Some(Err(why)),
    };
    Some(play(&lab, &output, port, recorder, &file))
}

/// weir pushes to the peer, which records.
fn takes(peer: Peer, tools: &Tools) -> Option<Outcome> {
    match peer {
        Peer::Ffmpeg | Peer::Ffmpeg9 => Some(ffmpeg_takes(peer, tools)),
        Peer::Nginx => Some(nginx_takes()),
        Peer::Nms => Some(nms_takes(tools)),
        Peer::Pyrtmp => Some(pyrtmp_takes(tools)),
        _ => None,
    }
}

fn push(lab: &Lab, port: u16) -> Weir {
    lab.weir(&format!("{SOURCE} -o rtmp://127.0.0.1:{port}/live/key"))
}

fn ffmpeg_takes(peer: Peer, tools: &Tools) -> Outcome {
    let lab = Lab::new();
    let [port] = lab.ports();
    let mut command = Command::new(peer.ffmpeg(tools)?);
    command.args(["-v", "error", "-nostdin", "-y", "-listen", "1", "-i", &format!("rtmp://127.0.0.1:{port}/live/key")]);
    command.args(["-c", "copy", "-flush_packets", "1", "got.flv"]);
    let server = Process::start("server", command, lab.dir());
    let weir = push(&lab, port);
    lab.wait_for_file("got.flv", BYTES);
    weir.stop().with(0);
    drop(server.wait());
    gapless(&lab.path("got.flv"), PICTURES)
}

fn nginx_takes() -> Outcome {
    let lab = Lab::new();
    let [port] = lab.ports();
    let _nginx = nginx::start(&lab, port, "").ok_or("not here")?;
    let weir = push(&lab, port);
    lab.wait_for_file("key.flv", BYTES);
    weir.stop().with(0);
    gapless(&lab.path("key.flv"), PICTURES)
}

/// node-media-server listening on `port`.
fn nms(lab: &Lab, tools: &Tools, port: u16) -> Result<Process, String> {
    let dir = tools.nms.as_ref().ok_or("not here: npm does not give node-media-server")?;
    let [http] = lab.ports();
    let config = format!(
        r#"{{"bind":"127.0.0.1","rtmp":{{"port":{port}}},"http":{{"port":{http}}},"store":{{"path":"./data","maxHistory":10}},"auth":{{"play":false,"publish":false,"secret":"x","jwt":{{"expiresIn":"1h","refreshExpiresIn":"1h","algorithm":"HS256","users":[]}}}},"notify":{{"url":""}}}}"#
    );
    std::fs::write(lab.path("nms.json"), config).map_err(|e| e.to_string())?;
    let mut command = Command::new("node");
    command.arg(dir.join("bin/app.js")).args(["-c", "nms.json", "--no-admin"]);
    let server = Process::start("nms", command, lab.dir());
    listens(port);
    Ok(server)
}

fn listens(port: u16) {
    wait::until_true("the server listens", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
}

/// weir pushes to it, and FFmpeg plays that.
fn nms_takes(tools: &Tools) -> Outcome {
    let lab = Lab::new();
    let [port] = lab.ports();
    let _server = nms(&lab, tools, port)?;
    let weir = lab.weir(&format!("-logs=all@info {SOURCE} -o rtmp://127.0.0.1:{port}/live/key"));
    wait::until_true("weir is live", || weir.stderr().contains(": live at"));
    let player = Player::Ffmpeg.record(&format!("rtmp://127.0.0.1:{port}/live/key"), lab.dir(), "got.flv");
    lab.wait_for_file("got.flv", BYTES);
    weir.stop().with(0);
    stop(player);
    gapless(&lab.path("got.flv"), PICTURES)
}

/// FFmpeg goes on waiting for its server after the first signal.
fn stop(mut process: Process) {
    process.signal(Signal::Int);
    process.signal(Signal::Int);
    drop(process.wait());
}

fn pyrtmp_takes(tools: &Tools) -> Outcome {
    let lab = Lab::new();
    let [port] = lab.ports();
    let python = tools.python.as_ref().ok_or("not here: PyPI does not give pyrtmp")?;
    let mut command = Command::new(python);
    command.args(["-c", PYRTMP, &port.to_string(), "got.flv"]);
    let _server = Process::start("pyrtmp", command, lab.dir());
    listens(port);
    let weir = push(&lab, port);
    lab.wait_for_file("got.flv", BYTES);
    weir.stop().with(0);
    gapless(&lab.path("got.flv"), PICTURES)
}

/// The film, with a key frame each second.
fn film(lab: &Lab) {
    let words = format!("avgen:sizes=240x160:rates=200k:adjust=no:dur={SECONDS} c=avc:g=25 c=aac -o film.flv");
    lab.weir_to_end(&words).quietly(0);
}

fn ffmpeg_publishes(ffmpeg: &Path, lab: &Lab, url: &str) -> Process {
    let mut command = Command::new(ffmpeg);
    command.args(["-v", "error", "-nostdin", "-re", "-i", "film.flv", "-c", "copy", "-f", "flv", url]);
    Process::start("publisher", command, lab.dir())
}

/// Starts what publishes the film to a URL, the publisher first.
type Publish = fn(&Lab, Peer, &Tools, &str) -> Result<Vec<Process>, String>;

/// The peer publishes the film to weir, which records it.
fn publishes(peer: Peer, tools: &Tools) -> Option<Outcome> {
    let run: Publish = match peer {
        Peer::Ffmpeg | Peer::Ffmpeg9 => {
            |lab, peer, tools, url| Ok(vec![ffmpeg_publishes(&peer.ffmpeg(tools)?, lab, url)])
        }
        Peer::Gstreamer | Peer::Librtmp => |lab, peer, _, url| Ok(vec![gstreamer_publishes(lab, peer, url)]),
        Peer::Pyav => |lab, _, tools, url| {
            let mut command = Command::new(tools.python.as_ref().ok_or("not here: PyPI does not give av")?);
            command.args(["-c", PYAV, "publish", url, "film.flv"]);
            Ok(vec![Process::start("publisher", command, lab.dir())])
        },
        // What FFmpeg publishes to nginx, nginx pushes to weir.
        Peer::Nginx => |lab, peer, tools, url| {
            let [port] = lab.ports();
            let server = nginx::start(lab, port, &format!("push {};", url.trim_end_matches("/x"))).ok_or("not here")?;
            let publisher = ffmpeg_publishes(&peer.ffmpeg(tools)?, lab, &format!("rtmp://127.0.0.1:{port}/live/x"));
            Ok(vec![publisher, server])
        },
        _ => return None,
    };
    let lab = Lab::new();
    let [port] = lab.ports();
    film(&lab);
    let words = format!("-logs=all@info -i rtmp://127.0.0.1:{port}/app:rtmp_listen=1 -o rec.flv");
    let weir = lab.weir(&words).listening([port]);
    let publishers = match run(&lab, peer, tools, &format!("rtmp://127.0.0.1:{port}/app/x")) {
        Ok(publishers) => publishers,
        Err(why) => return Some(Err(why)),
    };
    wait::until_true("the publisher ends", || {
        weir.stderr().contains("it ended its stream") || weir.stderr().contains("it is gone")
    });
    drop(publishers);
    weir.stop().with(0);
    // Those that do not go by the clock are held back, and may end before all is sent.
    let is_paced = !matches!(peer, Peer::Gstreamer | Peer::Librtmp);
    Some(if is_paced { whole(&lab.path("rec.flv")) } else { gapless(&lab.path("rec.flv"), FILM * 8 / 10) })
}

fn gstreamer_publishes(lab: &Lab, peer: Peer, url: &str) -> Process {
    let sink = if peer == Peer::Librtmp { "rtmpsink" } else { "rtmp2sink" };
    let graph = format!(
        "-q filesrc location=film.flv ! flvdemux name=d flvmux name=m streamable=true ! {sink} location={url} d.video ! queue \
         ! h264parse ! m.video d.audio ! queue ! aacparse ! m.audio"
    );
    let mut command = Command::new(peers::tool("gst-launch-1.0"));
    command.args(graph.split_whitespace());
    Process::start("publisher", command, lab.dir())
}

/// weir plays from the peer what FFmpeg publishes there, or what it sends by itself.
fn serves(peer: Peer, tools: &Tools) -> Option<Outcome> {
    let lab = Lab::new();
    let [port] = lab.ports();
    let url = format!("rtmp://127.0.0.1:{port}/live/x");
    let ffmpeg = match peer.ffmpeg(tools) {
        Ok(ffmpeg) => ffmpeg,
        Err(why) => return Some(Err(why)),
    };
    let server = match peer {
        Peer::Ffmpeg | Peer::Ffmpeg9 => {
            film(&lab);
            let mut command = Command::new(ffmpeg);
            command.args(["-v", "error", "-nostdin", "-re", "-i", "film.flv", "-c", "copy", "-f", "flv"]);
            command.args(["-listen", "1", &url]);
            return Some(ffmpeg_serves(&lab, command, &url));
        }
        Peer::Nginx => nginx::start(&lab, port, "").ok_or_else(|| "not here".to_owned()),
        Peer::Nms => nms(&lab, tools, port),
        _ => return None,
    };
    let server = match server {
        Ok(server) => server,
        Err(why) => return Some(Err(why)),
    };
    film(&lab);
    let weir = lab.weir(&format!("-logs=all@info -i {url}:reconnect=always -o rec.flv"));
    wait::until_true("weir asks for the stream", || weir.stderr().contains("attempt 1"));
    let publisher = ffmpeg_publishes(&ffmpeg, &lab, &url);
    drop(publisher.wait());
    weir.stop().with(0);
    drop(server);
    Some(gapless(&lab.path("rec.flv"), FILM / 2))
}

/// FFmpeg takes one player, and sends it the film from the beginning.
fn ffmpeg_serves(lab: &Lab, command: Command, url: &str) -> Outcome {
    let server = Process::start("server", command, lab.dir());
    // It takes one connection, so nobody may try whether it listens: weir does, again and again.
    let mut weir = lab.weir(&format!("-logs=all@info -i {url} -o rec.flv"));
    drop(server.wait());
    weir.signal(Signal::Int);
    drop(weir.wait());
    gapless(&lab.path("rec.flv"), FILM - 5)
}
