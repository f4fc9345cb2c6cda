//! A directory of its own for each test.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs, process, thread};

static COUNT: AtomicUsize = AtomicUsize::new(0);

/// A fresh directory, removed in the end unless the test fails or `WEIR_KEEP` is set.
#[derive(Debug)]
pub(crate) struct Dir {
    path: PathBuf,
}

impl Dir {
    /// # Panics
    /// When it cannot be made.
    pub(crate) fn new() -> Self {
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("weir-e2e-{}-{number}", process::id()));
        fs::create_dir_all(&path).expect("a temporary directory can be made");
        Self { path }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        if thread::panicking() || env::var_os("WEIR_KEEP").is_some() {
            eprintln!("kept: {}", self.path.display());
        } else {
            let _ = fs::remove_dir_all(&self.path); // a leftover in the temporary directory harms nobody
        }
    }
}
