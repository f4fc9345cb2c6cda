//! Pages of the documentation that a run writes, and what they say of the machine.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::Result;

/// Writes `docs/NAME`.
pub(crate) fn write(name: &str, text: &str) -> Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    fs::write(&path, text).map_err(|e| format!("{}: {e}", path.display()))?;
    eprintln!("weir-trials: wrote docs/{name}");
    Ok(())
}

/// One sentence about this machine.
pub(crate) fn machine() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|l| l.strip_prefix("model name")).unwrap_or(": unknown processor");
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    format!(
        "{} processors ({}), Linux {}, load before the run {}",
        processors,
        model.trim_start_matches([' ', '\t', ':']),
        kernel.trim(),
        load.split(' ').next().unwrap_or_default()
    )
}

/// Today.
pub(crate) fn date() -> String {
    first_line(Command::new("date").args(["-u", "+%Y-%m-%d"]))
}

/// The first line that a program prints, on either stream; empty when there is none.
pub(crate) fn first_line(command: &mut Command) -> String {
    let Ok(out) = command.output() else { return String::new() };
    let text = if out.stdout.is_empty() { out.stderr } else { out.stdout };
    String::from_utf8_lossy(&text).lines().find(|l| !l.trim().is_empty()).unwrap_or_default().trim().to_owned()
}
