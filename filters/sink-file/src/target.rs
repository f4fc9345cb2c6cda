//! Where bytes go: what the options say, and an opened target with its write position.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSlice, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::path::Path;

use weir_media::{Bytes, file_ext, local_path};
use weir_plugin::{Error, ErrorKind, Options, Result};

use crate::folder::Folder;

/// What the options say.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) place: Place,
    /// What to take; `None` for anything, to nowhere.
    pub(crate) ext: Option<String>,
    append: bool,
    overwrite: bool,
}

/// What is written to now.
pub(crate) enum Opened {
    /// Bytes go nowhere.
    Nothing,
    File(Target),
    Folder(Folder),
}

/// The place a stream is written to.
#[derive(Debug)]
pub(crate) enum Place {
    Path(String),
    /// Pieces, beside the file of this path.
    Beside(String),
    Stdout,
    Nowhere,
}

fn no_directory(path: &Path, e: &io::Error) -> Error {
    let path = path.display();
    let message = match e.kind() {
        io::ErrorKind::AlreadyExists => format!("{path} is not a directory"),
        _ => format!("cannot make directory {path}: {e}"),
    };
    Error::new(ErrorKind::Io, message)
}

/// The extension that stands for a MIME type.
fn extension_of(mime: &str) -> Result<String> {
    const TYPES: &[(&str, &str)] = &[
        ("video/mp4", "mp4"),
        ("audio/mp4", "m4a"),
        ("video/quicktime", "mov"),
        ("video/x-flv", "flv"),
        ("video/mp2t", "ts"),
        ("video/avc", "264"),
        ("video/h264", "264"),
        ("audio/aac", "aac"),
        ("audio/x-aac", "aac"),
    ];
    let known = TYPES.iter().find(|(name, _)| name.eq_ignore_ascii_case(mime)).map(|(_, ext)| (*ext).to_owned());
    let names = || TYPES.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    known.ok_or_else(|| Error::bad_option(format!("mime: {mime} is none of {}", names())))
}

impl Settings {
    pub(crate) fn of(options: &Options) -> Result<Self> {
        let dst =
            options.text("dst").filter(|d| !d.is_empty()).ok_or_else(|| Error::bad_option("fout needs dst=PATH"))?;
        let place = match dst {
            "null" => Place::Nowhere,
            "-" | "stdout" => Place::Stdout,
            _ => Place::Path(
                local_path(dst).ok_or_else(|| Error::bad_option(format!("{dst} is not a local file")))?.to_owned(),
            ),
        };
        let of_name = || match &place {
            Place::Path(path) => file_ext(path),
            _ => None,
        };
        let given = options.text("ext").filter(|e| !e.is_empty()).map(str::to_ascii_lowercase);
        let of_mime = options.text("mime").filter(|m| !m.is_empty()).map(extension_of).transpose()?;
        let ext = given.or(of_mime).or_else(of_name);
        if ext.is_none() && !matches!(place, Place::Nowhere) {
            return Err(Error::bad_option(format!("{dst} has no extension to tell what to write: give ext=EXT")));
        }
        let flag = |name| options.bool(name).unwrap_or_default();
        Ok(Self { place, ext, append: flag("append"), overwrite: flag("ow") })
    }

    /// For pieces beside the file that the options name.
    pub(crate) fn of_pieces(options: &Options) -> Result<Self> {
        let dst = options.text("dst").filter(|d| !d.is_empty());
        let dst = dst.ok_or_else(|| Error::bad_option("hlsout needs dst=PATH"))?;
        let path = local_path(dst).ok_or_else(|| Error::bad_option(format!("{dst} is not a local file")))?;
        let overwrite = options.bool("ow").unwrap_or_default();
        Ok(Self { place: Place::Beside(path.to_owned()), ext: None, append: false, overwrite })
    }

    /// What to call the place in messages.
    pub(crate) fn name(&self) -> &str {
        match &self.place {
            Place::Path(path) | Place::Beside(path) => path,
            Place::Stdout => "standard output",
            Place::Nowhere => "null",
        }
    }

    /// The error of an operation the system refused.
    pub(crate) fn error(&self, verb: &str, e: &io::Error) -> Error {
        Error::new(ErrorKind::Io, format!("cannot {verb} {}: {e}", self.name()))
    }

    /// Finds out what can be known before anything is written, without a change on disk.
    pub(crate) fn check(&self) -> Result<()> {
        let (Place::Path(path) | Place::Beside(path)) = &self.place else { return Ok(()) };
        match fs::metadata(path) {
            Ok(meta) if meta.is_dir() => Err(Error::new(ErrorKind::Io, format!("{path} is a directory, not a file"))),
            Ok(_) if !self.overwrite && !self.append => Err(exists(path)),
            _ => Ok(()),
        }
    }

    /// Opens the place for writing, a file under this name, making directories that are missing.
    pub(crate) fn open(&self, name: &str) -> Result<Opened> {
        let file = match &self.place {
            Place::Nowhere => return Ok(Opened::Nothing),
            Place::Beside(path) => {
                let path = Path::new(path);
                make_parent(path)?;
                return Ok(Opened::Folder(Folder::beside(path)));
            }
            // A duplicate of the descriptor: std's own handle would buffer by lines.
            Place::Stdout => {
                io::stdout().as_fd().try_clone_to_owned().map(File::from).map_err(|e| self.error("open", &e))?
            }
            Place::Path(_) => self.open_path(name)?,
        };
        let seekable = matches!(self.place, Place::Path(_)) && file.metadata().is_ok_and(|m| m.is_file());
        let mut target = Target { file, seekable, base: 0, end: 0 };
        if seekable && self.append {
            target.base = target.file.seek(SeekFrom::End(0)).map_err(|e| self.error("append to", &e))?;
            target.end = target.base;
        }
        Ok(Opened::File(target))
    }

    fn open_path(&self, path: &str) -> Result<File> {
        make_parent(Path::new(path))?;
        let mut how = OpenOptions::new();
        how.write(true);
        match (self.append, self.overwrite) {
            (true, _) => how.create(true),
            (false, true) => how.create(true).truncate(true),
            (false, false) => how.create_new(true),
        };
        how.open(path).map_err(|e| match e.kind() {
            io::ErrorKind::AlreadyExists => exists(path),
            _ => Error::new(ErrorKind::Io, format!("cannot open {path}: {e}")),
        })
    }
}

fn exists(path: &str) -> Error {
    Error::new(ErrorKind::Io, format!("{path} exists and ow=no keeps it"))
}

fn make_parent(path: &Path) -> Result<()> {
    match path.parent().filter(|p| !p.as_os_str().is_empty()) {
        Some(parent) => fs::create_dir_all(parent).map_err(|e| no_directory(parent, &e)),
        None => Ok(()),
    }
}

/// An open file and where its stream starts and ends in it.
pub(crate) struct Target {
    file: File,
    /// False for a pipe, a terminal or a device: nothing can be patched.
    pub(crate) seekable: bool,
    /// Offset of the first byte of the stream: what was there before stays.
    base: u64,
    /// Offset of the next byte to append. The file's position is always here between calls.
    end: u64,
}

impl Target {
    /// Appends the pieces in order, in as few write calls as the system allows.
    pub(crate) fn append(&mut self, pieces: &[Bytes]) -> io::Result<()> {
        let mut slices: Vec<IoSlice<'_>> = pieces.iter().filter(|p| !p.is_empty()).map(|p| IoSlice::new(p)).collect();
        let mut rest = &mut slices[..];
        while !rest.is_empty() {
            match self.file.write_vectored(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => {
                    self.end += n as u64;
                    IoSlice::advance_slices(&mut rest, n);
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// Bytes of the stream written so far.
    pub(crate) const fn len(&self) -> u64 {
        self.end - self.base
    }

    /// Overwrites bytes at `at` of the stream, which must be there, and goes back to its end.
    pub(crate) fn patch(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.base + at))?;
        self.file.write_all(bytes)?;
        self.file.seek(SeekFrom::Start(self.end)).map(drop)
    }
}
