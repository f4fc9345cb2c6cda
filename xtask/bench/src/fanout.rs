//! What a player costs: processor time of the server per player and second, beside the bare loop.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::process::{Process, free_port, listens, myself, wait_for, weir};
use crate::{Result, bare, clip};

/// Players at once.
const COUNTS: [usize; 3] = [1, 100, 1000];
/// How long a measurement takes.
const WINDOW: Duration = Duration::from_secs(10);
/// How long players have to come and to settle before it.
const SETTLE: Duration = Duration::from_secs(4);

/// Prints the table.
pub(crate) fn bench() -> Result<()> {
    let dir = std::env::temp_dir().join(format!("weir-bench-{}", std::process::id()));
    std::fs::create_dir_all(&dir).map_err(|e| e.to_string())?;
    let clip = clip::write(&dir)?;
    println!("\n### Fan-out: 2 Mb/s, 25 pictures and 43 sound messages a second, CPU µs per player-second\n");
    println!("| players | weir | bare loop | ratio | weir, KiB resident |");
    println!("|---|---|---|---|---|");
    for count in COUNTS {
        let (weir, resident) = serve_weir(&clip.display().to_string(), count)?;
        let bare = serve_bare(count)?;
        println!("| {count} | {weir:.0} | {bare:.0} | {:.2} | {resident} |", weir / bare);
    }
    std::fs::remove_dir_all(&dir).map_err(|e| e.to_string())
}

fn serve_weir(clip: &str, count: usize) -> Result<(f64, u64)> {
    let port = free_port()?;
    let input = format!("{clip}:loop=-1");
    let output = format!("rtmp://127.0.0.1:{port}/live:rtmp_listen=1");
    let server = Process::start(0, &weir()?, &["-quiet", "-i", &input, "-o", &output])?;
    let cost = measure(&server, port, count, "rtmp")?;
    Ok((cost, server.resident()?))
}

fn serve_bare(count: usize) -> Result<f64> {
    let server = Process::start(0, &myself()?, &["bare"])?;
    measure(&server, bare::PORT, count, "bare")
}

/// Microseconds of processor time per player and second.
fn measure(server: &Process, port: u16, count: usize, kind: &str) -> Result<f64> {
    wait_for("the server", || listens(port))?;
    let _players = Process::start(1, &myself()?, &["players", &port.to_string(), &count.to_string(), kind])?;
    sleep(SETTLE);
    let (before, begin) = (server.cpu()?, Instant::now());
    sleep(WINDOW);
    let used = server.cpu()? - before;
    Ok(used * 1e6 / begin.elapsed().as_secs_f64() / f64::from(u32::try_from(count).unwrap_or(u32::MAX)))
}
