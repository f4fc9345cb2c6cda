//! How fast the founding command is up, and what it costs while nobody watches.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::Result;
use crate::process::{Process, free_port, listens, wait_for, weir};

/// Starts measured.
const STARTS: usize = 10;
/// How long idling is watched.
const WINDOW: Duration = Duration::from_secs(10);

/// Prints the table.
pub(crate) fn bench() -> Result<()> {
    let mut times = Vec::new();
    for _ in 0..STARTS {
        let (ports, begin) = ([free_port()?, free_port()?], Instant::now());
        let server = start(ports)?;
        wait_for("both ports", || ports.iter().all(|p| listens(*p)))?;
        times.push(begin.elapsed());
        drop(server);
    }
    times.sort();
    let server = start([free_port()?, free_port()?])?;
    sleep(Duration::from_secs(2));
    let (before, begin) = (server.cpu()?, Instant::now());
    sleep(WINDOW);
    let idle = (server.cpu()? - before) / begin.elapsed().as_secs_f64();
    println!("\n### Start and idling: the founding command, 240x160 at 200 kb/s, two listeners\n");
    println!("| | |\n|---|---|");
    println!("| from start to both ports listening, median of {STARTS} | {:.1} ms |", millis(times[STARTS / 2]));
    println!("| slowest of them | {:.1} ms |", millis(times[STARTS - 1]));
    println!("| processor time with nobody watching | {:.1} % of a core |", idle * 100.0);
    println!("| resident memory | {} KiB |", server.resident()?);
    Ok(())
}

fn start(ports: [u16; 2]) -> Result<Process> {
    let [a, b] = ports.map(|p| format!("rtmp://127.0.0.1:{p}/live:gpac:ffmt=flv:rtmp_listen=1"));
    let words = ["-quiet", "avgen:sizes=240x160:rates=200k", "c=avc", "c=aac", "-o", &a, "-o", &b];
    Process::start(0, &weir()?, &words)
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
