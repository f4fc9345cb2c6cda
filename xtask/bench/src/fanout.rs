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

/// One measurement.
struct Cost {
    /// Processor time of the server in the window.
    cpu: Duration,
    /// Bytes that players got in the window.
    bytes: u64,
}

/// Measures each number of players, weir and bare loop in turn.
pub(crate) fn measure(rows: &[usize]) -> Result<()> {
    let clip = Scratch::new("clip.flv", &clip::flv()?)?;
    let idle = idle(&clip)?;
    println!(
        "## Fan-out\n\nA stream of {} kb/s; {} s a row; server and players on a processor each.",
        clip::RATE / 1000,
        load::WINDOW.as_secs()
    );
    println!("Without a player weir takes {:.0} us a second (reading and muxing the file, its clock).\n", idle * 1e6);
    println!(
        "| Players | weir, us per player-second | without the idle cost | bare loop | ratio | kb/s per player, weir | bare |"
    );
    println!("|---:|---:|---:|---:|---:|---:|---:|");
    for &players in rows {
        let weir = weir_cost(&clip, players)?;
        let bare = bare_cost(players)?;
        let each = |cost: &Cost| cost.cpu.as_secs_f64() * 1e6 / (players as f64 * load::WINDOW.as_secs_f64());
        let rate = |cost: &Cost| cost.bytes as f64 * 8e-3 / (players as f64 * load::WINDOW.as_secs_f64());
        let added = each(&weir) - idle * 1e6 / players as f64;
        println!(
            "| {players} | {:.0} | {added:.0} | {:.0} | {:.2} | {:.0} | {:.0} |",
            each(&weir),
            each(&bare),
            each(&weir) / each(&bare),
            rate(&weir),
            rate(&bare)
        );
    }
    println!();
    Ok(())
}

/// Seconds of processor time per second that weir takes without players.
fn idle(clip: &Scratch) -> Result<f64> {
    let port = free_port()?;
    let server = start_weir(clip, port)?;
    std::thread::sleep(Duration::from_secs(2));
    let (before, at) = (server.cpu()?, Instant::now());
    std::thread::sleep(load::WINDOW);
    Ok((server.cpu()? - before).as_secs_f64() / at.elapsed().as_secs_f64())
}

fn start_weir(clip: &Scratch, port: u16) -> Result<Measured> {
    let source = format!("{}:loop=-1", clip.0.display());
    let target = format!("rtmp://127.0.0.1:{port}/live:rtmp_listen=1");
    let mut server = Measured::start(&weir()?, &["-quiet", "-i", &source, "-o", &target].map(String::from), SERVER)?;
    let patience = Instant::now() + Duration::from_secs(10);
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        server.check()?;
        if Instant::now() > patience {
            return Err("weir does not listen".into());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(server)
}

fn weir_cost(clip: &Scratch, players: usize) -> Result<Cost> {
    let port = free_port()?;
    let server = start_weir(clip, port)?;
    window(&server, "rtmp", port, players)
}

fn bare_cost(players: usize) -> Result<Cost> {
    let port = free_port()?;
    let words = ["bare".to_owned(), port.to_string(), players.to_string()];
    let server = Measured::start(&myself()?, &words, SERVER)?;
    // It serves who comes, so nobody may try whether it listens.
    let table = |t: String| t.contains(&format!(":{port:04X} 00000000:0000 0A"));
    while !table(std::fs::read_to_string("/proc/net/tcp")?) {
        std::thread::sleep(Duration::from_millis(10));
    }
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
    let bytes = end.strip_prefix("end ").ok_or("the players say no bytes")?.parse()?;
    Ok(Cost { cpu, bytes })
}
