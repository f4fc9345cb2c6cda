//! [`Space`]: a network and mounts of the test's own, so that it may make devices, drop packets, name hosts and fill disks
//! without anybody noticing. Nothing reaches another machine from there.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::{env, process};

use super::link::Link;
use crate::peers;

/// Set inside.
const INSIDE: &str = "WEIR_FAULTS_INSIDE";
/// How lossy links roll their dice.
const SEED: u64 = 20_261_128;
/// The device that makes devices; some containers lack its node.
const TUN: &str = "/dev/net/tun";
/// Size of the disk that is soon full.
const DISK: &str = "size=6m";
/// In front of all others on the machine, where that is allowed: they are not what is measured. Nothing in here keeps a
/// processor busy for long.
const FIRST: &[&str] = &["chrt", "--rr", "1"];

/// See the module documentation.
#[derive(Debug)]
pub struct Space {
    /// The network over which far peers are reached.
    pub link: Link,
    /// A directory on a file system that has room for a few megabytes.
    pub disk: PathBuf,
    hosts: PathBuf,
}

impl Space {
    /// Whether this process runs inside one.
    #[must_use]
    pub fn is_inside() -> bool {
        env::var_os(INSIDE).is_some()
    }

    /// Runs this program again with `words`, inside.
    ///
    /// # Panics
    /// When `unshare` or the program does not start.
    #[must_use]
    pub fn run<W: AsRef<OsStr>>(words: &[W]) -> ExitStatus {
        let program = env::current_exe().expect("a program knows its file");
        let is_allowed = Command::new(FIRST[0]).args(&FIRST[1..]).arg("true").status().is_ok_and(|s| s.success());
        let unshare = peers::tool("unshare");
        let mut command = Command::new(if is_allowed { FIRST[0].as_ref() } else { unshare.as_os_str() });
        if is_allowed {
            command.args(&FIRST[1..]).arg(&unshare);
        }
        command.args(["--net", "--mount"]);
        if !fs::metadata("/proc/self").is_ok_and(|m| m.uid() == 0) {
            command.arg("--map-root-user");
        }
        let status = command.arg(program).args(words).env(INSIDE, "1").status();
        status.expect("unshare (util-linux) is on every machine")
    }

    /// Furnishes the space that this process is in: its network is up, `/etc/hosts` is a file in `dir`, and there is a small
    /// disk.
    ///
    /// # Panics
    /// When something of it is not allowed here. It is never left out: without it the faults are not tested.
    #[must_use]
    pub fn furnish(dir: &Path) -> Self {
        assert!(Self::is_inside(), "only in a space of one's own");
        call(Command::new(peers::tool("ip")).args(["link", "set", "lo", "up"]));
        let (hosts, disk) = (dir.join("hosts"), dir.join("disk"));
        fs::write(&hosts, "127.0.0.1 localhost\n").expect("the directory takes files");
        call(Command::new(peers::tool("mount")).arg("--bind").arg(&hosts).arg("/etc/hosts"));
        fs::create_dir_all(&disk).expect("the directory takes directories");
        call(Command::new(peers::tool("mount")).args(["-t", "tmpfs", "-o", DISK, "tmpfs"]).arg(&disk));
        if !Path::new(TUN).exists() {
            fs::create_dir_all("/dev/net").expect("inside, directories can be made");
            call(Command::new(peers::tool("mknod")).args([TUN, "c", "10", "200"]));
        }
        let link = Link::new(SEED).unwrap_or_else(|e| panic!("a TUN device, for the lossy link: {e}"));
        Self { link, disk, hosts }
    }

    /// Makes `name` known, as this machine, or unknown.
    ///
    /// # Panics
    /// When the file cannot be written.
    pub fn name(&self, name: Option<&str>) {
        let line = name.map(|name| format!("127.0.0.1 {name}\n")).unwrap_or_default();
        // In place, for the file is mounted.
        fs::write(&self.hosts, format!("127.0.0.1 localhost\n{line}")).expect("the directory takes files");
    }

    /// Empties the small disk.
    pub fn clear_disk(&self) {
        for entry in fs::read_dir(&self.disk).into_iter().flatten().flatten() {
            let _ = fs::remove_file(entry.path()); // it may be gone
        }
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.disk).status(); // the mount ends with the process at the latest
    }
}

#[track_caller]
fn call(command: &mut Command) {
    let status = command.status();
    let good = status.as_ref().is_ok_and(process::ExitStatus::success);
    assert!(good, "{command:?}: {status:?}; the fault tests need a network and mounts of their own");
}
