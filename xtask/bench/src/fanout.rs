//! Fan-out: processor time of a server per player and second, beside that of a bare loop with the same players.

use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

use crate::process::{Measured, Scratch, free_port, myself, weir};
use crate::{Result, clip, load};

/// Players of the rows.
pub(crate) const PLAYERS: &[usize] = &[1, 100, 1000];

/// The processors of the server and of the players.
const SERVER: usize = 0;
const CLIENT: usize = 1;

/// Times that each is measured; the middle one is told.
const ROUNDS: usize = 3;
/// Part of the stream that players must have got for a row to count.
const KEPT_UP: f64 = 0.98;

/// One measurement, per player and second.
#[derive(Clone, Copy)]
struct Cost {
    /// Processor time of the server, microseconds.
    cpu: f64,
    /// Kilobits that players got.
    rate: f64,
}

/// Measures each number of players, weir and bare loop in turn.
pub(crate) fn measure(rows: &[usize]) -> Result<()> {
    let clip = Scratch::new("clip.flv", &clip::flv()?)?;
    let idle = idle(&clip)?;
    println!("## Fan-out\n\nA stream of {} kb/s to players on loopback.", clip::RATE / 1000);
    println!("Windows of {} s, the middle of {ROUNDS}.", load::WINDOW.as_secs());
    println!("Without a player weir takes {idle:.0} us a second: it reads and muxes the file, by its clock.\n");
    println!("| Players | weir, us per player-second | without the idle cost | bare loop | ratio |");
    println!("|---:|---:|---:|---:|---:|");
    for &players in rows {
        let (mut weir, mut bare) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            weir.push(weir_cost(&clip, players)?);
            bare.push(bare_cost(players)?);
        }
        let (weir, bare) = (middle(weir, "weir")?, middle(bare, "the bare loop")?);
        let added = weir - idle / players as f64;
        println!("| {players} | {weir:.0} | {added:.0} | {bare:.0} | {:.2} |", weir / bare);
    }
    println!();
    Ok(())
}

/// The middle of several processor times; an error when players did not get the stream.
fn middle(mut costs: Vec<Cost>, server: &str) -> Result<f64> {
    let slowest = costs.iter().map(|c| c.rate).fold(f64::INFINITY, f64::min);
    if slowest < KEPT_UP * clip::RATE as f64 / 1e3 {
        return Err(
            format!("players of {server} got {slowest:.0} kb/s only: this machine is too busy or too small").into()
        );
    }
    costs.sort_by(|a, b| a.cpu.total_cmp(&b.cpu));
    Ok(costs[costs.len() / 2].cpu)
}

/// Microseconds of processor time per second that weir takes without players.
fn idle(clip: &Scratch) -> Result<f64> {
    let port = free_port()?;
    let server = start_weir(clip, port)?;
    std::thread::sleep(Duration::from_secs(2));
    let (before, at) = (server.cpu()?, Instant::now());
    std::thread::sleep(load::WINDOW);
    Ok((server.cpu()? - before).as_secs_f64() * 1e6 / at.elapsed().as_secs_f64())
}

fn start_weir(clip: &Scratch, port: u16) -> Result<Measured> {
    let source = format!("{}:loop=-1", clip.0.display());
    let target = format!("rtmp://127.0.0.1:{port}/live:rtmp_listen=1");
    let mut server = Measured::start(&weir()?, &["-quiet", "-i", &source, "-o", &target].map(String::from), SERVER)?;
    listens(&mut server, port)?;
    Ok(server)
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

fn weir_cost(clip: &Scratch, players: usize) -> Result<Cost> {
    let port = free_port()?;
    let server = start_weir(clip, port)?;
    window(&server, "rtmp", port, players)
}

fn bare_cost(players: usize) -> Result<Cost> {
    let port = free_port()?;
    let mut server = Measured::start(&myself()?, &["bare".to_owned(), port.to_string()], SERVER)?;
    listens(&mut server, port)?;
    window(&server, "raw", port, players)
}

/// Runs the players, and reads the server's clock when their window begins and ends.
fn window(server: &Measured, kind: &str, port: u16, players: usize) -> Result<Cost> {
    let words = ["load", kind, &port.to_string(), &players.to_string()].map(String::from);
    let mut client = Measured::start(&myself()?, &words, CLIENT)?;
    let mut lines = client.lines();
    let mut line = || lines.next().ok_or("the players ended early")?.map_err(|e| e.to_string());
    if line()? != "begin" {
        return Err("the players speak another language".into());
    }
    let before = server.cpu()?;
    let end = line()?;
    let cpu = server.cpu()? - before;
    let bytes: u64 = end.strip_prefix("end ").ok_or("the players say no bytes")?.parse()?;
    let player_seconds = players as f64 * load::WINDOW.as_secs_f64();
    Ok(Cost { cpu: cpu.as_secs_f64() * 1e6 / player_seconds, rate: bytes as f64 * 8e-3 / player_seconds })
}
