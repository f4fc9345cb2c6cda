//! Fan-out: what a player costs a server, beside nginx-rtmp and bare loops with the same players.
//!
//! All servers get the same stream from the same publisher; the bare loops have it built in. Server on one processor, all
//! others on another. Rounds go through all servers in turn, and ratios are taken within a round.

use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::bare::Rule;
use crate::load::{Kind, WINDOW};
use crate::plot::{Bar, Group};
use crate::process::{Measured, ScratchDir, free_port, myself, weir};
use crate::{Result, clip, plot};

/// Players of the rows.
pub(crate) const PLAYERS: &[usize] = &[100, 1000];
/// Rounds through all servers.
pub(crate) const ROUNDS: usize = 3;

/// The processors of the server and of the others.
const SERVER: usize = 0;
const CLIENT: usize = 1;
/// Part of the stream that players must have got for a row to count.
const KEPT_UP: f64 = 0.98;
/// Where distributions keep the module.
const NGINX_MODULE: &str = "/usr/lib/nginx/modules/ngx_rtmp_module.so";

/// A server under measurement.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Server {
    Weir { latency: u32, reactors: usize },
    Nginx,
    Bare(Rule),
}

/// In the order they are measured and told; each with the bare loop that writes by the same rule.
const SERVERS: &[(&str, Server, Option<usize>)] = &[
    ("weir", Server::Weir { latency: 50, reactors: 1 }, Some(6)),
    ("weir, two reactors on that processor", Server::Weir { latency: 50, reactors: 2 }, Some(6)),
    ("weir, latency=0", Server::Weir { latency: 0, reactors: 1 }, Some(5)),
    ("weir, latency=350", Server::Weir { latency: 350, reactors: 1 }, Some(7)),
    ("nginx-rtmp", Server::Nginx, Some(5)),
    ("bare loop, each message at once", Server::Bare(Rule::Each), None),
    ("bare loop, sound with the next picture", Server::Bare(Rule::Ride), None),
    ("bare loop, every 350 ms", Server::Bare(Rule::Every(350)), None),
];
const NGINX: usize = 4;

/// What one server took in one round.
#[derive(Clone, Copy)]
struct Cost {
    /// Processor time of the server, microseconds per player and second.
    cpu: f64,
    /// Kilobits per second that a player got.
    rate: f64,
    /// Bytes resident for each player.
    memory: f64,
    /// Microseconds from when a picture was due to a player that has it: the middle, and 99 of 100.
    took: [f64; 2],
    /// Microseconds from a newcomer's first byte to its first key frame: the middle, and 99 of 100.
    first: [f64; 2],
}

/// Measures each number of players, and draws what it costs into `target/bench`.
pub(crate) fn measure(rows: &[usize], rounds: usize) -> Result<()> {
    println!("## Fan-out\n\nA stream of {} kb/s, relayed to players on loopback.", clip::RATE / 1000);
    println!("{rounds} rounds of {} s; middle, and lowest to highest.\n", WINDOW.as_secs());
    let mut groups = Vec::new();
    for &players in rows {
        let all = (0..rounds).map(|_| round(players)).collect::<Result<Vec<_>>>()?;
        tell(players, &all);
        groups.push(Group { name: format!("{players} players"), bars: bars(&all) });
    }
    let path = Path::new("target/bench/fanout.svg");
    plot::write(path, "processor time, µs per player and second", &groups)?;
    println!("Drawn: {}\n", path.display());
    Ok(())
}

/// One round: what each server took, in the order of [`SERVERS`]; `None` where it is not here, or did not keep up.
fn round(players: usize) -> Result<Vec<Option<Cost>>> {
    SERVERS.iter().map(|(name, server, _)| one(name, *server, players)).collect()
}

fn one(name: &str, server: Server, players: usize) -> Result<Option<Cost>> {
    let port = free_port()?;
    let dir = ScratchDir::new()?;
    let Some(mut running) = start(server, port, &dir)? else { return Ok(None) };
    listens(&mut running, port)?;
    let kind = if matches!(server, Server::Bare(_)) { Kind::Raw } else { Kind::Rtmp };
    let feed = ["feed".to_owned(), port.to_string()];
    let _feed = if kind == Kind::Rtmp { Some(Measured::start(&myself()?, &feed, CLIENT)?) } else { None };
    let cost = window(&running, kind, port, players)?;
    eprintln!("{name}: {:.0} us, {:.0} kb/s", cost.cpu, cost.rate);
    if cost.rate < KEPT_UP * clip::RATE as f64 / 1e3 {
        eprintln!("{name}: players got {:.0} kb/s only: it does not count", cost.rate);
        return Ok(None);
    }
    Ok(Some(cost))
}

fn start(server: Server, port: u16, dir: &ScratchDir) -> Result<Option<Measured>> {
    let at = format!("rtmp://127.0.0.1:{port}/live:rtmp_listen=1");
    let started = match server {
        Server::Weir { latency, reactors } => {
            let output = format!("{at}:latency={latency}");
            let threads = format!("-threads={reactors}");
            let words = [&threads, "-quiet", "-i", &at, "-o", &output].map(String::from);
            Measured::start(&weir()?, &words, SERVER)?
        }
        Server::Nginx if !Path::new(NGINX_MODULE).exists() => return Ok(None),
        Server::Nginx => {
            let config = format!(
                "load_module {NGINX_MODULE};\nevents {{ worker_connections 10000; }}\nworker_rlimit_nofile 20000;\n\
                 daemon off; master_process off; pid nginx.pid; error_log error.log crit;\n\
                 rtmp {{ access_log off; server {{ listen 127.0.0.1:{port};\n application live {{ live on; }} }} }}\n"
            );
            std::fs::write(dir.0.join("nginx.conf"), config)?;
            let dir = dir.0.display().to_string();
            let words = ["-c", &format!("{dir}/nginx.conf"), "-p", &dir].map(String::from);
            Measured::start("/usr/sbin/nginx", &words, SERVER)?
        }
        Server::Bare(rule) => Measured::start(&myself()?, &["bare".to_owned(), port.to_string(), rule.word()], SERVER)?,
    };
    Ok(Some(started))
}

/// Waits until a server takes connections.
fn listens(server: &mut Measured, port: u16) -> Result<()> {
    let patience = Instant::now() + Duration::from_secs(10);
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        server.check()?;
        if Instant::now() > patience {
            return Err("a server does not listen".into());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// Runs the players; reads the server's clock when their window begins and ends, and then what newcomers see.
fn window(server: &Measured, kind: Kind, port: u16, players: usize) -> Result<Cost> {
    let child = |words: &[&str]| {
        let words: Vec<String> = words.iter().map(|w| (*w).to_owned()).collect();
        Measured::start(&myself()?, &words, CLIENT)
    };
    let (port, count) = (port.to_string(), players.to_string());
    std::thread::sleep(Duration::from_millis(500));
    let empty = server.memory()?;
    let mut load = child(&["load", kind.word(), &port, &count])?;
    let mut lines = load.lines();
    let mut line = || -> Result<String> { Ok(lines.next().ok_or("the players ended early")??) };
    if line()? != "begin" {
        return Err("the players speak another language".into());
    }
    let mut probe = child(&["probe", kind.word(), &port])?;
    let before = server.cpu()?;
    let end = line()?;
    let cpu = server.cpu()? - before;
    let memory = server.memory()?.saturating_sub(empty) as f64 / players as f64;
    let bytes: u64 = end.strip_prefix("end ").ok_or("the players say no bytes")?.parse()?;
    let took = numbers(&mut probe, "took ")?;
    let first =
        if kind == Kind::Rtmp { numbers(&mut child(&["join", kind.word(), &port])?, "first ")? } else { [0.0; 2] };
    let player_seconds = players as f64 * WINDOW.as_secs_f64();
    Ok(Cost {
        cpu: cpu.as_secs_f64() * 1e6 / player_seconds,
        rate: bytes as f64 * 8e-3 / player_seconds,
        memory,
        took,
        first,
    })
}

/// The first two numbers behind a word that a child says.
fn numbers(child: &mut Measured, word: &str) -> Result<[f64; 2]> {
    let line = child.lines().next().ok_or("a probe ended early")??;
    let rest = line.strip_prefix(word).ok_or("a probe speaks another language")?;
    let mut numbers = rest.split(' ').map(str::parse);
    let mut next = || Ok::<f64, Box<dyn std::error::Error>>(numbers.next().ok_or("a probe says too little")??);
    Ok([next()?, next()?])
}

/// Lowest, middle and highest of some figures.
fn spread(mut all: Vec<f64>) -> Option<[f64; 3]> {
    all.sort_by(f64::total_cmp);
    Some([*all.first()?, all[all.len() / 2], *all.last()?])
}

fn tell(players: usize, rounds: &[Vec<Option<Cost>>]) {
    println!("### {players} players\n");
    println!(
        "| Server | µs per player-second | of nginx-rtmp | of the bare loop with its rule | picture after, ms | \
         99 of 100 | newcomer's key frame after, ms | KiB per player |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|");
    for (at, (name, _, yardstick)) in SERVERS.iter().enumerate() {
        let of = |f: &dyn Fn(&Cost) -> f64| spread(rounds.iter().filter_map(|r| r[at].as_ref().map(f)).collect());
        let ratio = |to: usize| {
            let pair = |r: &Vec<Option<Cost>>| Some(r[at].as_ref()?.cpu / r[to].as_ref()?.cpu);
            spread(rounds.iter().filter_map(pair).collect())
        };
        let range = |s: Option<[f64; 3]>, digits: usize| match s {
            Some([low, middle, high]) => format!("{middle:.digits$} ({low:.digits$} to {high:.digits$})"),
            None => "-".to_owned(),
        };
        let middle = |s: Option<[f64; 3]>, by: f64| s.map_or("-".to_owned(), |s| format!("{:.1}", s[1] / by));
        let newcomer = of(&|c| c.first[0]).filter(|s| s[1] > 0.0);
        println!(
            "| {name} | {} | {} | {} | {} | {} | {} | {} |",
            range(of(&|c| c.cpu), 0),
            range(ratio(NGINX).filter(|_| at != NGINX), 2),
            range(yardstick.and_then(ratio), 2),
            middle(of(&|c| c.took[0]), 1e3),
            middle(of(&|c| c.took[1]), 1e3),
            middle(newcomer, 1e3),
            middle(of(&|c| c.memory), 1024.0),
        );
    }
    println!();
}

fn bars(rounds: &[Vec<Option<Cost>>]) -> Vec<Bar> {
    let bar = |(at, (name, ..)): (usize, &(&'static str, Server, Option<usize>))| {
        let [low, value, high] = spread(rounds.iter().filter_map(|r| Some(r[at]?.cpu)).collect())?;
        Some(Bar { name, low, value, high })
    };
    SERVERS.iter().enumerate().filter_map(bar).collect()
}
