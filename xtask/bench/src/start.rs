//! Start and rest: time from the start of the program to both ports listening, and what it takes while nobody watches.

use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

use crate::process::{Measured, Scratch, free_port, weir};
use crate::{Result, clip};

/// Starts that are timed; the middle one is told.
const STARTS: usize = 11;
/// Time at rest that is measured.
const REST: Duration = Duration::from_secs(10);
/// Time before it.
const SETTLE: Duration = Duration::from_secs(2);

/// Measures and prints.
pub(crate) fn measure() -> Result<()> {
    let clip = Scratch::new("clip.flv", &clip::flv()?)?;
    let looped = format!("{}:loop=-1", clip.0.display());
    let encode = ["avgen:sizes=240x160:rates=200k", "c=avc", "c=aac"].map(String::from);
    let sources = [("the founding command", &encode[..]), ("a 2 Mb/s FLV file", &["-i".to_owned(), looped][..])];
    println!("## Start and rest\n\nTwo RTMP outputs, no player. Start: middle of {STARTS}.\n");
    println!("| Source | both ports listen after | processor, without players | memory |\n|---|---:|---:|---:|");
    for (name, words) in sources {
        let mut times = (0..STARTS).map(|_| Ok(start(words)?.1)).collect::<Result<Vec<_>>>()?;
        times.sort();
        let (mut server, _) = start(words)?;
        std::thread::sleep(SETTLE);
        let (before, at) = (server.cpu()?, Instant::now());
        std::thread::sleep(REST);
        let share = (server.cpu()? - before).as_secs_f64() / at.elapsed().as_secs_f64();
        server.check()?;
        println!(
            "| {name} | {:.1} ms | {:.2} % of one | {:.1} MB |",
            times[STARTS / 2].as_secs_f64() * 1e3,
            share * 100.0,
            server.memory()? as f64 / 1e6
        );
    }
    println!();
    Ok(())
}

/// Starts weir with two outputs; how long until both take connections.
fn start(source: &[String]) -> Result<(Measured, Duration)> {
    let ports = [free_port()?, free_port()?];
    let outputs = ports.iter().flat_map(|p| ["-o".to_owned(), format!("rtmp://127.0.0.1:{p}/live:rtmp_listen=1")]);
    let words: Vec<String> = ["-quiet".to_owned()].into_iter().chain(source.iter().cloned()).chain(outputs).collect();
    let begin = Instant::now();
    let mut server = Measured::start(&weir()?, &words, 0)?;
    for port in ports {
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            server.check()?;
            std::thread::sleep(Duration::from_micros(100));
        }
    }
    Ok((server, begin.elapsed()))
}
