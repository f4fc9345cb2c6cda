//! Child processes that end with the benchmark, and what the system says about them.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::Result;

/// A condition is looked at this often.
const POLL: Duration = Duration::from_millis(2);
/// And given up after this.
const PATIENCE: Duration = Duration::from_secs(60);
/// Units of processor time in `/proc`, per second: fixed in Linux' interface.
const TICKS: f64 = 100.0;

/// A child that is killed when dropped.
pub(crate) struct Process(Child);

impl Process {
    /// Starts `program` on core `core` where that can be said.
    pub(crate) fn start(core: usize, program: &Path, words: &[&str]) -> Result<Self> {
        let mut command = match find("taskset") {
            Some(taskset) => {
                let mut command = Command::new(taskset);
                command.args(["-c", &core.to_string()]).arg(program);
                command
            }
            None => Command::new(program),
        };
        command.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().map(Self).map_err(|e| format!("cannot start {}: {e}", program.display()))
    }

    /// Processor time used so far, seconds.
    pub(crate) fn cpu(&self) -> Result<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0.id())).map_err(|e| e.to_string())?;
        // The name in brackets may hold spaces; user and system time are fields 14 and 15, counted from 1.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |i: usize| fields.get(i).and_then(|f| f.parse::<f64>().ok()).ok_or("strange /proc/PID/stat");
        Ok((ticks(11)? + ticks(12)?) / TICKS)
    }

    /// Resident memory, kilobytes.
    pub(crate) fn resident(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).map_err(|e| e.to_string())?;
        let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).ok_or("strange /proc/PID/status")?;
        line.split_whitespace().next().and_then(|n| n.parse().ok()).ok_or_else(|| "strange VmRSS".to_owned())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Gone already is what is wanted.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until `condition` holds.
pub(crate) fn wait_for(what: &str, mut condition: impl FnMut() -> bool) -> Result<Duration> {
    let start = Instant::now();
    while !condition() {
        if start.elapsed() > PATIENCE {
            return Err(format!("waited {} s for {what}", PATIENCE.as_secs()));
        }
        sleep(POLL);
    }
    Ok(start.elapsed())
}

/// Whether something listens on a port of this machine.
pub(crate) fn listens(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// A port that is free now.
pub(crate) fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|e| e.to_string())?;
    listener.local_addr().map(|a| a.port()).map_err(|e| e.to_string())
}

/// The program under test.
pub(crate) fn weir() -> Result<PathBuf> {
    let named = std::env::var_os("WEIR_BIN").map(PathBuf::from);
    let beside = || std::env::current_exe().ok().map(|me| me.with_file_name("weir"));
    named.or_else(beside).filter(|p| p.is_file()).ok_or_else(|| "there is no weir to measure: set WEIR_BIN".to_owned())
}

/// This program.
pub(crate) fn myself() -> Result<PathBuf> {
    std::env::current_exe().map_err(|e| e.to_string())
}

fn find(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|dir| dir.join(program)).find(|p| p.is_file())
}
