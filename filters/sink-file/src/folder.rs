//! [`Folder`]: files that are written, replaced and removed by name, for streams that are several files.
//!
//! A name is never a path: nothing is touched outside the one directory.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use weir_plugin::{Error, ErrorKind, Result};

/// Files open at once: one for each rendition of a stream is a few.
const OPEN_MAX: usize = 256;
/// Bytes of a name, with room for what stands around it while the file is written: file systems take 255.
const NAME_MAX: usize = 240;

/// The directory of an output, and what is open in it.
pub(crate) struct Folder {
    path: PathBuf,
    open: BTreeMap<Arc<str>, File>,
}

fn failed(verb: &str, path: &Path, e: &io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("cannot {verb} {}: {e}", path.display()))
}

impl Folder {
    /// The directory that this file is in.
    pub(crate) fn beside(file: &Path) -> Self {
        Self { path: file.parent().unwrap_or(Path::new("")).to_owned(), open: BTreeMap::new() }
    }

    /// Where a file of this name is.
    fn place(&self, name: &str) -> Result<PathBuf> {
        let is_path = name.contains(['/', '\\', '\0']) || matches!(name, "" | "." | "..");
        if is_path || name.len() > NAME_MAX {
            return Err(Error::bad_input(format!("a piece is called {name:?}, which is no name of a file")));
        }
        Ok(self.path.join(name))
    }

    /// Appends to a file, which begins with the first call, and closes it with the `last`.
    pub(crate) fn append(&mut self, name: &Arc<str>, bytes: &[u8], last: bool) -> Result<()> {
        let path = self.place(name)?;
        if !self.open.contains_key(name) {
            if self.open.len() >= OPEN_MAX {
                return Err(Error::new(ErrorKind::Limit, format!("{OPEN_MAX} pieces are open at once")));
            }
            let file = File::create(&path).map_err(|e| failed("open", &path, &e))?;
            self.open.insert(Arc::clone(name), file);
        }
        if let Some(file) = self.open.get_mut(name) {
            file.write_all(bytes).map_err(|e| failed("write", &path, &e))?;
        }
        if last {
            self.open.remove(name);
        }
        Ok(())
    }

    /// Puts a file in the place of one that may be there. Whoever opens it sees the old one or the new one, whole.
    pub(crate) fn replace(&mut self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = self.place(name)?;
        let new = self.path.join(format!(".{name}.new"));
        let replaced = fs::write(&new, bytes).and_then(|()| fs::rename(&new, &path));
        replaced.map_err(|e| {
            let _ = fs::remove_file(&new); // the disk may be full: leave nothing behind
            failed("write", &path, &e)
        })
    }

    /// Removes a file. One that is not there is removed already.
    pub(crate) fn remove(&mut self, name: &str) -> Result<()> {
        let path = self.place(name)?;
        self.open.remove(name);
        match fs::remove_file(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(failed("remove", &path, &e)),
            _ => Ok(()),
        }
    }
}
