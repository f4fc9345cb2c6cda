//! How many tests run at once: as many as the runner starts, but a heavy one runs alone. Holds across processes, as some
//! runners start one for each test.

use std::env;
use std::fs::{File, OpenOptions};

/// The right to run, while it lives.
#[derive(Debug)]
pub(crate) struct Gate {
    _lock: File,
}

impl Gate {
    /// Runs beside others.
    pub(crate) fn light() -> Self {
        let file = open();
        file.lock_shared().expect("a temporary file can be locked");
        Self { _lock: file }
    }

    /// Runs alone.
    pub(crate) fn heavy() -> Self {
        let file = open();
        file.lock().expect("a temporary file can be locked");
        Self { _lock: file }
    }
}

fn open() -> File {
    let path = env::temp_dir().join("weir-e2e.lock");
    OpenOptions::new().create(true).append(true).open(path).expect("the lock file can be opened")
}
