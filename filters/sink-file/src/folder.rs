//! [`Folder`]: files that are written, replaced and removed by name, for streams that are several files.
//!
//! A name is never a path: nothing is touched outside the one directory. What an earlier run has left is removed only as far
//! as its playlists name it, and not before this one removes something: then nobody plays it any more.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use weir_plugin::{Error, ErrorKind, Result};

/// Files open at once: one for each rendition of a stream is a few.
const OPEN_MAX: usize = 256;
/// Bytes of a name, with room for what stands around it while the file is written: file systems take 255.
const NAME_MAX: usize = 240;

/// Bytes of an earlier playlist that are read: weeks of segments.
const PLAYLIST_MAX: u64 = 4 << 20;
/// A run that is killed leaves about as many segments as its playlist names, which it would have removed soon. Where there
/// are more than twice as many and a few, they were to be kept.
const BEFORE_TIMES: usize = 2;
const BEFORE_MORE: usize = 4;
/// Extension of playlists.
const PLAYLIST: &str = ".m3u8";

/// The directory of an output, and what is open in it.
pub(crate) struct Folder {
    path: PathBuf,
    open: BTreeMap<Arc<str>, File>,
    /// Files of an earlier run.
    old: BTreeSet<String>,
}

fn failed(verb: &str, path: &Path, e: &io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("cannot {verb} {}: {e}", path.display()))
}

impl Folder {
    /// The directory that this file is in.
    pub(crate) fn beside(file: &Path) -> Self {
        let path = file.parent().unwrap_or(Path::new("")).to_owned();
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let stem = name.rsplit_once('.').map_or(&*name, |(stem, _)| stem);
        let (playlists, mut old): (BTreeSet<String>, _) =
            left_by(&path, &name, stem).into_iter().partition(|name| name.ends_with(PLAYLIST));
        playlists.iter().for_each(|playlist| old.extend(left_by(&path, playlist, stem)));
        old.retain(|name| !name.ends_with(PLAYLIST));
        Self { path, open: BTreeMap::new(), old }
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
        self.old.remove(&**name);
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
        self.old.remove(name);
        let new = self.path.join(format!(".{name}.new"));
        let replaced = fs::write(&new, bytes).and_then(|()| fs::rename(&new, &path));
        replaced.map_err(|e| {
            let _ = fs::remove_file(&new); // the disk may be full: leave nothing behind
            failed("write", &path, &e)
        })
    }

    /// Removes a file, and what an earlier run has left. One that is not there is removed already.
    pub(crate) fn remove(&mut self, name: &str) -> Result<()> {
        self.open.remove(name);
        let old = std::mem::take(&mut self.old);
        old.iter().map(String::as_str).chain([name]).try_for_each(|name| self.remove_one(name))
    }

    fn remove_one(&self, name: &str) -> Result<()> {
        let path = self.place(name)?;
        match fs::remove_file(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(failed("remove", &path, &e)),
            _ => Ok(()),
        }
    }
}

/// What an earlier run has left with this playlist, of files that are called after this stem: those it names, and those it
/// did not come to remove any more.
fn left_by(folder: &Path, playlist: &str, stem: &str) -> BTreeSet<String> {
    let mut text = Vec::new();
    let read = File::open(folder.join(playlist)).and_then(|file| file.take(PLAYLIST_MAX).read_to_end(&mut text));
    if read.is_err() {
        return BTreeSet::new(); // mostly because there is none
    }
    let text = String::from_utf8_lossy(&text);
    let uris = text.lines().filter_map(|line| match line.split_once("URI=\"") {
        Some((_, quoted)) => quoted.split_once('"').map(|(uri, _)| uri),
        None => (!line.starts_with('#')).then_some(line),
    });
    let is_ours =
        |name: &&str| name.strip_prefix(stem).is_some_and(|rest| rest.starts_with('_')) && !name.contains('/');
    let mut left: BTreeSet<String> = uris.filter(is_ours).map(str::to_owned).collect();
    let most = left.len() * BEFORE_TIMES + BEFORE_MORE;
    let exists = |name: &String| folder.join(name).exists();
    let before: BTreeSet<String> = left
        .iter()
        .filter_map(|name| numbered(name))
        .flat_map(|(front, number, ext)| {
            let earlier = (0..number).rev().map(move |n| format!("{front}{n}{ext}"));
            earlier.take_while(|name| exists(name) && !left.contains(name)).take(most + 1).collect::<Vec<_>>()
        })
        .collect();
    if before.len() > most {
        return BTreeSet::new();
    }
    left.extend(before);
    // The one that was being written.
    let next = left
        .iter()
        .filter_map(|name| numbered(name))
        .map(|(front, n, ext)| format!("{front}{}{ext}", n.saturating_add(1)));
    let open: Vec<String> = next.filter(exists).collect();
    left.extend(open);
    let parts: Vec<String> = left.iter().filter_map(|name| numbered(name)).flat_map(|n| parts_of(folder, n)).collect();
    left.extend(parts);
    left
}

/// Files of the parts of a segment.
fn parts_of(folder: &Path, (front, number, ext): (&str, u64, &str)) -> Vec<String> {
    (0..).map(|part| format!("{front}{number}.{part}{ext}")).take_while(|name| folder.join(name).exists()).collect()
}

/// `live_`, `12` and `.m4s` of `live_12.m4s`.
fn numbered(name: &str) -> Option<(&str, u64, &str)> {
    let (stem, ext) = name.split_at(name.rfind('.')?);
    let digits = stem.rfind('_')? + 1;
    Some((&name[..digits], stem[digits..].parse().ok()?, ext))
}
