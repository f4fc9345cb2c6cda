//! [`Log`]: where lines are written to.

use std::fs::File;
use std::io::{self, Write};

use weir_plugin::{Error, ErrorKind, Options, Result};

/// An open place for text. Standard output and error are left as they are; a file is made anew.
pub(crate) enum Log {
    Stdout,
    Stderr,
    File(File),
    Nowhere,
}

impl Log {
    /// Opens what the option `log` names.
    pub(crate) fn open(options: &Options) -> Result<Self> {
        match options.text("log").unwrap_or("stdout") {
            "stdout" | "-" => Ok(Self::Stdout),
            "stderr" => Ok(Self::Stderr),
            "null" => Ok(Self::Nowhere),
            path => File::create(path)
                .map(Self::File)
                .map_err(|e| Error::new(ErrorKind::Io, format!("log: cannot write {path}: {e}"))),
        }
    }

    /// Writes text. A reader who has gone is no failure.
    pub(crate) fn write(&mut self, text: &str) -> Result<()> {
        let bytes = text.as_bytes();
        let written = match self {
            Self::Stdout => io::stdout().lock().write_all(bytes).and_then(|()| io::stdout().flush()),
            Self::Stderr => io::stderr().lock().write_all(bytes),
            Self::File(file) => file.write_all(bytes),
            Self::Nowhere => Ok(()),
        };
        match written {
            Err(e) if e.kind() != io::ErrorKind::BrokenPipe => {
                Err(Error::new(ErrorKind::Io, format!("log: cannot write: {e}")))
            }
            _ => Ok(()),
        }
    }
}
