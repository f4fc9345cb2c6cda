//! [`Bench`]: ten outputs from one source, some of them struck; what the others got, and how the struck ones came back.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{fs, thread};

use weir_tls::ServerTls;

use super::catalog::{Fault, Slot, Trouble};
use super::clip::{Clip, Judge, Seen};
use super::link::{Condition, Link};
use super::player::{Manner, Watcher};
use super::program::{Program, Targets};
use super::server::{Behaviour, Server};
use super::space::Space;
use crate::lab::Lab;
use crate::peers;
use crate::process::{self, Process, Signal};
use crate::wait;

/// The clip's file.
const CLIP: &str = "clip.flv";
/// A file that nothing happens to, and one that may be struck.
const FILES: [&str; 2] = ["file.flv", "disk.mp4"];
/// The name of the near server.
const NEAR: &str = "near.faults.test";
/// How often it is looked at memory and time.
const LOOK: Duration = Duration::from_millis(50);
/// The start of a run is not measured: everybody connects.
const SETTLE: Duration = Duration::from_secs(2);
/// Packets in a row that show that an output is back: two seconds.
const BACK: u64 = 130;
/// Silence at the end that shows that an output has stopped.
const STOPPED: Duration = Duration::from_secs(2);

/// An output that nothing happened to.
#[derive(Clone, Debug)]
pub struct Healthy {
    /// Which one.
    pub name: String,
    /// What it got.
    pub seen: Seen,
    /// It got nothing at the end, while others did.
    pub is_stopped: bool,
}

impl Healthy {
    /// It got every packet, once, on one connection, and to the end.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let Seen { packets, lost, wrong, undecodable, sessions, .. } = self.seen;
        packets > 0 && lost + wrong + undecodable == 0 && sessions == 1 && !self.is_stopped
    }
}

/// An output that was struck.
#[derive(Clone, Debug)]
pub struct Struck {
    /// Which one.
    pub slot: Slot,
    /// What it got.
    pub seen: Seen,
    /// From the end of the fault to media that goes on to the end; `None` when it did not come back. For a disk, which
    /// does not, always.
    pub back: Option<Duration>,
}

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Run {
    /// Those that nothing happened to.
    pub healthy: Vec<Healthy>,
    /// The others.
    pub struck: Vec<Struck>,
    /// Times between pictures of the first, sorted. Of files none are known.
    pub gaps: Vec<Duration>,
    /// Most memory that was resident, bytes.
    pub memory: u64,
    /// When the program ended by itself.
    pub died: Option<Duration>,
    /// Its exit code.
    pub code: Option<i32>,
    /// What it printed.
    pub log: String,
}

impl Run {
    /// Packets that healthy outputs did not get though they should have.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.healthy.iter().map(|h| h.seen.lost + h.seen.wrong + h.seen.undecodable).sum()
    }
}

/// The value that this many of a thousand do not exceed; zero of nothing.
#[must_use]
pub fn percentile(sorted: &[Duration], per_mille: usize) -> Duration {
    let rank = (sorted.len() * per_mille).div_ceil(1000).max(1) - 1;
    sorted.get(rank).copied().unwrap_or_default()
}

/// See the module documentation.
#[derive(Debug)]
pub struct Bench {
    lab: Lab,
    space: Space,
    clip: Arc<Clip>,
}

/// Everybody that a run talks to.
struct Peers {
    /// In the order of the pushes.
    good: [Server; 3],
    near: Server,
    far: Server,
    tls: Server,
    ports: [u16; 2],
    watchers: Vec<(String, Watcher)>,
    viewer: Option<Watcher>,
}

impl Bench {
    /// Furnishes the space, and makes a clip of `kbits` per second.
    ///
    /// # Panics
    /// As [`Space::furnish`].
    #[must_use]
    pub fn new(kbits: u32) -> Self {
        let lab = Lab::new();
        let space = Space::furnish(lab.dir());
        lab.certificate("localhost");
        let clip = Clip::make(lab.dir(), CLIP, kbits);
        Self { lab, space, clip }
    }

    /// Runs `program` for as long as `fault` says; the fault is made only when it `strikes`.
    ///
    /// # Panics
    /// When the run cannot be made.
    #[must_use]
    #[track_caller]
    pub fn run(&self, program: Program, fault: &Fault, strikes: bool) -> Run {
        let mut peers = self.peers();
        let disk = self.disk(fault.trouble(Slot::Disk).filter(|_| strikes));
        if fault.is_early && strikes {
            self.strike(&peers, fault, true);
        } else {
            self.strike(&peers, fault, false);
        }
        let targets = self.targets(&peers, &disk);
        let mut command = program.command(&targets);
        command.current_dir(self.lab.dir());
        let mut process = Process::start("program", command, self.lab.dir());
        let start = Instant::now();
        if program.serves_players() {
            self.watch(&mut peers);
        }
        let (memory, died) = self.follow(&mut process, &peers, fault, strikes, start);
        let end = Instant::now();
        process.signal(Signal::Int);
        let ended = wait_or_kill(process, program);
        self.strike(&peers, fault, false);
        let mut run = Run {
            healthy: Vec::new(),
            struck: Vec::new(),
            gaps: Vec::new(),
            memory,
            died,
            code: ended.0,
            log: ended.1,
        };
        self.judge(&mut run, peers, fault, &disk, start, died.map_or(end, |after| start + after));
        run
    }

    fn peers(&self) -> Peers {
        let tls =
            || ServerTls::watch(&self.lab.path("tls.crt"), &self.lab.path("tls.key")).expect("they were just made");
        let server = |tls| {
            let [port] = self.lab.ports();
            Server::start(port, tls, &self.clip, Behaviour::Good)
        };
        let good = [server(None), server(None), server(Some(tls()))];
        let (near, far, tls) = (server(None), server(None), server(Some(tls())));
        Peers { good, near, far, tls, ports: self.lab.ports(), watchers: Vec::new(), viewer: None }
    }

    /// Where the file of the disk goes.
    fn disk(&self, trouble: Option<Trouble>) -> PathBuf {
        self.space.clear_disk();
        match trouble {
            Some(Trouble::FullDisk) => self.space.disk.join(FILES[1]),
            Some(Trouble::HungDisk) => {
                let pipe = self.lab.path("pipe.flv");
                if !pipe.exists() {
                    let mut command = Command::new(peers::tool("mkfifo"));
                    command.arg(&pipe);
                    process::run("mkfifo", command, self.lab.dir()).quietly(0);
                }
                pipe
            }
            _ => self.lab.path(FILES[1]),
        }
    }

    fn targets<'a>(&'a self, peers: &Peers, disk: &std::path::Path) -> Targets<'a> {
        let [one, two, three] = peers.good.each_ref().map(|s| s.port);
        Targets {
            dir: self.lab.dir(),
            clip: CLIP,
            pushes: vec![
                format!("rtmp://127.0.0.1:{one}/live/one"),
                format!("rtmp://127.0.0.1:{two}/live/two"),
                format!("rtmps://localhost:{three}/live/three"),
            ],
            struck: vec![
                format!("rtmp://{NEAR}:{}/live/near", peers.near.port),
                format!("rtmp://{}:{}/live/far", Link::there(), peers.far.port),
                format!("rtmps://localhost:{}/live/tls", peers.tls.port),
            ],
            listeners: peers.ports,
            file: FILES[0],
            disk: disk.to_str().expect("tests have plain paths").to_owned(),
        }
    }

    /// Makes the fault, or makes all well.
    fn strike(&self, peers: &Peers, fault: &Fault, on: bool) {
        let trouble = |slot| fault.trouble(slot).filter(|_| on);
        for (slot, server) in [(Slot::Near, &peers.near), (Slot::Far, &peers.far), (Slot::Tls, &peers.tls)] {
            server.set(match trouble(slot) {
                Some(Trouble::Server(behaviour)) => behaviour,
                _ => Behaviour::Good,
            });
        }
        self.space.link.set(match trouble(Slot::Far) {
            Some(Trouble::Link(condition)) => condition,
            _ => Condition::Clear,
        });
        self.space.name(Some(NEAR).filter(|_| trouble(Slot::Near) != Some(Trouble::NoName)));
        if let Some(viewer) = &peers.viewer {
            viewer.set(match trouble(Slot::Viewer) {
                Some(Trouble::Viewer(manner)) => manner,
                _ => Manner::Good,
            });
        }
    }

    /// Players come.
    fn watch(&self, peers: &mut Peers) {
        for port in peers.ports {
            let is_up = || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok();
            wait::until_true("the listeners listen", is_up);
        }
        let player = |port| Watcher::start(format!("rtmp://127.0.0.1:{port}/live"), &self.clip);
        let [first, second] = peers.ports;
        peers.watchers = vec![
            ("player 1".to_owned(), player(first)),
            ("player 2".to_owned(), player(first)),
            ("player 3, beside viewer".to_owned(), player(second)),
        ];
        peers.viewer = Some(player(second));
    }

    /// Lets time pass, and the fault come and go. The answer is the most memory it took, and when it ended by itself.
    fn follow(
        &self,
        process: &mut Process,
        peers: &Peers,
        fault: &Fault,
        strikes: bool,
        start: Instant,
    ) -> (u64, Option<Duration>) {
        let (mut memory, mut begun, mut healed) = (0, fault.is_early, false);
        loop {
            let passed = start.elapsed();
            if passed >= fault.end() {
                return (memory, None);
            }
            if !process.is_running() {
                return (memory, Some(passed));
            }
            if !begun && passed >= fault.begin() {
                begun = true;
                self.strike(peers, fault, strikes);
            }
            if !healed && passed >= fault.healed() {
                healed = true;
                self.strike(peers, fault, false);
            }
            memory = memory.max(process.resident().unwrap_or(0));
            thread::sleep(LOOK); // not for luck: this is a run's clock
        }
    }

    fn judge(&self, run: &mut Run, peers: Peers, fault: &Fault, disk: &PathBuf, start: Instant, end: Instant) {
        let [one, two, three] = peers.good.each_ref().map(Server::seen);
        let mut healthy =
            vec![("push 1".to_owned(), one), ("push 2".to_owned(), two), ("push 3, TLS".to_owned(), three)];
        healthy.extend(peers.watchers.into_iter().map(|(name, watcher)| (name, watcher.finish())));
        let mut struck = Vec::new();
        let slots = [(Slot::Near, peers.near.seen()), (Slot::Far, peers.far.seen()), (Slot::Tls, peers.tls.seen())];
        let viewer = peers.viewer.map(|viewer| (Slot::Viewer, viewer.finish()));
        for (slot, seen) in slots.into_iter().chain(viewer) {
            if fault.strikes(slot) {
                struck.push((slot, seen));
            } else {
                healthy.push((slot.name().to_owned(), seen));
            }
        }
        for (_, seen) in &healthy {
            let measured: Vec<_> = seen.arrivals.iter().filter(|(at, _)| (start + SETTLE..end).contains(at)).collect();
            let pairs = measured.windows(2).filter(|pair| !pair[1].1);
            run.gaps.extend(pairs.map(|pair| pair[1].0.duration_since(pair[0].0)));
        }
        run.gaps.sort();
        let is_stopped = |seen: &Seen| seen.arrivals.last().is_none_or(|&(at, _)| at + STOPPED < end);
        run.healthy =
            healthy.into_iter().map(|(name, seen)| Healthy { is_stopped: is_stopped(&seen), name, seen }).collect();
        let back = |seen: &Seen| {
            let since = seen.unbroken_since.filter(|_| seen.unbroken >= BACK && !is_stopped(seen))?;
            Some(since.saturating_duration_since(start + fault.healed()))
        };
        run.struck = struck.into_iter().map(|(slot, seen)| Struck { back: back(&seen), slot, seen }).collect();
        self.judge_files(run, fault, disk);
    }

    /// Judges files, and removes them.
    fn judge_files(&self, run: &mut Run, fault: &Fault, disk: &PathBuf) {
        let file = self.lab.path(FILES[0]);
        let mut files = vec![("FLV file", file.clone())];
        if fault.strikes(Slot::Disk) {
            run.struck.push(Struck { slot: Slot::Disk, seen: Seen::default(), back: None });
        } else if let Some(copy) = self.remuxed(disk) {
            files.push(("MP4 file", copy));
        } else {
            files.push(("MP4 file", PathBuf::new()));
        }
        let last = run.healthy.iter().filter_map(|h| Some(h.seen.ends?.1)).next();
        for (name, path) in files {
            let seen = if path.exists() { Judge::file(&self.clip, &path) } else { Seen::default() };
            let is_stopped =
                seen.ends.is_none() || (last.is_some() && self.clip.apart(seen.ends.map(|e| e.1), last) > 50);
            run.healthy.push(Healthy { name: name.to_owned(), seen, is_stopped });
            let _ = fs::remove_file(path); // it may not be there
        }
        let _ = fs::remove_file(disk); // likewise
    }

    /// An MP4 file as FLV, to be judged as such; `None` when it cannot be read.
    fn remuxed(&self, path: &PathBuf) -> Option<PathBuf> {
        let copy = self.lab.path("copy.flv");
        let mut command = Command::new(peers::tool("ffmpeg"));
        command.args(["-v", "error", "-nostdin", "-y", "-i"]).arg(path).args(["-c", "copy"]).arg(&copy);
        (process::run("remux", command, self.lab.dir()).code == Some(0)).then_some(copy)
    }
}

/// Waits for the end; FFmpeg may hang for ever in a write, so it is killed when it does not come.
fn wait_or_kill(mut process: Process, program: Program) -> (Option<i32>, String) {
    let asked = Instant::now();
    while process.is_running() && asked.elapsed() < Duration::from_secs(10) {
        thread::sleep(LOOK);
    }
    if process.is_running() && program != Program::Weir {
        process.signal(Signal::Kill);
    }
    let ended = process.wait();
    (ended.code, ended.stderr)
}
