//! Child processes under measurement: pinned to a processor, ended with their owner, their time and memory as the kernel
//! counts them.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::Result;

/// Descriptors a child may have.
const DESCRIPTORS: &str = "--nofile=20000:20000";

/// A running child; killed when dropped.
pub(crate) struct Measured(Child);

impl Measured {
    /// Starts `program` on one processor, with what it prints to be read or thrown away.
    pub(crate) fn start(program: &str, words: &[String], processor: usize) -> Result<Self> {
        let mut command = Command::new("prlimit");
        command.arg(DESCRIPTORS);
        if processors() > processor {
            command.args(["taskset", "-c", &processor.to_string()]);
        }
        command.arg(program).args(words).stdin(Stdio::null()).stdout(Stdio::piped());
        Ok(Self(command.spawn().map_err(|e| format!("prlimit (util-linux) does not start: {e}"))?))
    }

    /// What it prints, line by line.
    pub(crate) fn lines(&mut self) -> std::io::Lines<BufReader<ChildStdout>> {
        BufReader::new(self.0.stdout.take().expect("asked for once")).lines()
    }

    /// Processor time of all its threads so far.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        let mut sum = Duration::ZERO;
        for task in fs::read_dir(format!("/proc/{}/task", self.0.id()))? {
            sum += scheduled(&task?.path())?;
        }
        Ok(sum)
    }

    /// Resident memory now, in bytes.
    pub(crate) fn memory(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).ok_or("no VmRSS in /proc")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
    }

    /// An error when it has ended.
    pub(crate) fn check(&mut self) -> Result<()> {
        match self.0.try_wait()? {
            None => Ok(()),
            Some(status) => Err(format!("a measured process ended by itself: {status}").into()),
        }
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        // It may have ended already, which is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Processor time of this thread so far.
pub(crate) fn own_cpu() -> Result<Duration> {
    scheduled(Path::new("/proc/thread-self"))
}

/// Processor time of a thread, in nanoseconds of the scheduler: the ticks of `stat` are too coarse for one player.
fn scheduled(thread: &Path) -> Result<Duration> {
    let text = fs::read_to_string(thread.join("schedstat"))?;
    Ok(Duration::from_nanos(text.split(' ').next().unwrap_or_default().parse()?))
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The weir under measurement.
pub(crate) fn weir() -> Result<String> {
    Ok(std::env::var("WEIR_BIN").map_err(|_| "WEIR_BIN names no program; cargo xtask bench sets it")?)
}

/// This program.
pub(crate) fn myself() -> Result<String> {
    Ok(std::env::current_exe()?.to_str().ok_or("this program has an odd path")?.to_owned())
}

/// A port nobody listens on now.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// A file in the temporary directory; removed when dropped.
pub(crate) struct Scratch(pub(crate) PathBuf);

impl Scratch {
    pub(crate) fn new(name: &str, contents: &[u8]) -> Result<Self> {
        let path = std::env::temp_dir().join(format!("weir-bench-{}-{name}", std::process::id()));
        fs::write(&path, contents)?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Left behind at worst.
        let _ = fs::remove_file(&self.0);
    }
}

/// A directory of its own in the temporary directory; removed when dropped.
pub(crate) struct ScratchDir(pub(crate) PathBuf);

impl ScratchDir {
    pub(crate) fn new() -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("weir-bench-{}-{n}", std::process::id()));
        fs::create_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for ScratchDir {
    fn drop(&mut self) {
        // Left behind at worst.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// One line about this machine.
pub(crate) fn machine() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|l| l.strip_prefix("model name")).unwrap_or(": unknown processor");
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    format!(
        "{}, {} processors, Linux {}, load before the run {}",
        model.trim_start_matches([' ', '\t', ':']),
        processors(),
        kernel.trim(),
        load.split(' ').next().unwrap_or_default()
    )
}
