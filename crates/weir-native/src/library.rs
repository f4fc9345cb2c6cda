//! [`load`]: from a file to a filter type.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use libloading::Library;
use weir_plugin::Plugin;

use crate::abi::{self, Entry, RawHead, RawPlugin};
use crate::describe;
use crate::filter::NativePlugin;

/// Why a file cannot be used as a plugin.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LoadError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub reason: Reason,
}

/// What is wrong with a file that should be a plugin.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reason {
    /// There is no such file, or the system cannot load it; in the system's words.
    Open(String),
    /// A library, but not of a weir plugin: it has no `weir_plugin_entry`.
    NotAPlugin,
    /// It has no filter of our ABI version; it named the version it has, or said nothing.
    Version(Option<u32>),
    /// It was built with a `weir.h` of our version, but other structs: which, its size, our size.
    Header(&'static str, u32, u32),
    /// It describes its filter wrongly: a sentence about it.
    Description(String),
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot load the plugin {}: ", self.path.display())?;
        match &self.reason {
            Reason::Open(why) => f.write_str(why),
            Reason::NotAPlugin => f.write_str("it is a library, but not of a weir plugin: it has no weir_plugin_entry"),
            Reason::Version(None) => write!(f, "it has nothing for version {} of the plugin interface", abi::VERSION),
            Reason::Version(Some(theirs)) => write!(
                f,
                "it is for version {theirs} of the plugin interface, and this weir has version {}",
                abi::VERSION
            ),
            Reason::Header(name, theirs, ours) => write!(
                f,
                "it was built with another weir.h: its {name} has {theirs} bytes, and this weir's has {ours}; build it again"
            ),
            Reason::Description(what) => write!(f, "its description is wrong: {what}"),
        }
    }
}

impl std::error::Error for LoadError {}

/// Loads the filter type of a shared library. The library stays loaded for ever, whether it is of use or not.
///
/// Loading runs the library's code in this process: load only what you trust.
///
/// # Errors
/// [`LoadError`] when the file is no library, no plugin, for another version, or describes its filter wrongly.
pub fn load(path: impl AsRef<Path>) -> Result<Arc<dyn Plugin>, LoadError> {
    let path = path.as_ref();
    let plugin = open(path).and_then(describe_with);
    plugin.map(|p| Arc::new(p) as Arc<dyn Plugin>).map_err(|reason| LoadError { path: path.to_owned(), reason })
}

/// The entry point of the library at `path`.
fn open(path: &Path) -> Result<Entry, Reason> {
    // A path without a slash would be searched for in the system's directories.
    let path = path.canonicalize().map_err(|e| Reason::Open(e.to_string()))?;
    // SAFETY: runs the library's initialisers, which is what the caller asked for.
    let library = unsafe { open_now(&path) }.map_err(|e| Reason::Open(cause(&e)))?;
    // Its texts, functions and threads may be in use for as long as the process lives.
    let library: &'static Library = Box::leak(Box::new(library));
    // SAFETY: a symbol of this name has this type: weir.h declares it.
    let entry = unsafe { library.get::<Entry>(b"weir_plugin_entry\0") }.map_err(|_| Reason::NotAPlugin)?;
    Ok(*entry)
}

/// Loads with all symbols resolved at once: one that is missing is an error here, not a crash in the middle of a session.
///
/// # Safety
/// As [`Library::new`].
#[cfg(unix)]
unsafe fn open_now(path: &Path) -> Result<Library, libloading::Error> {
    use libloading::os::unix::{Library as UnixLibrary, RTLD_LOCAL, RTLD_NOW};
    // SAFETY: the same contract.
    unsafe { UnixLibrary::open(Some(path), RTLD_NOW | RTLD_LOCAL) }.map(Library::from)
}

/// # Safety
/// As [`Library::new`].
#[cfg(not(unix))]
unsafe fn open_now(path: &Path) -> Result<Library, libloading::Error> {
    // SAFETY: the same contract.
    unsafe { Library::new(path) }
}

fn cause(error: &libloading::Error) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}

fn describe_with(entry: Entry) -> Result<NativePlugin, Reason> {
    // SAFETY: the function weir.h declares; it takes any version.
    let raw = unsafe { entry(abi::VERSION) };
    if raw.is_null() {
        return Err(Reason::Version(None));
    }
    // SAFETY: every version of weir_plugin begins with its ABI number.
    let version = unsafe { raw.cast::<u32>().read() };
    if version != abi::VERSION {
        return Err(Reason::Version(Some(version)));
    }
    // SAFETY: a weir_plugin of this version begins with a weir_head.
    check_sizes(unsafe { raw.cast::<RawHead>().read() })?;
    // SAFETY: the version and all sizes are ours, so it is a whole weir_plugin, and it never changes.
    let raw: &RawPlugin = unsafe { &*raw };
    // SAFETY: as above; its pointers are as weir.h says.
    unsafe { describe::read(raw) }.map(NativePlugin).map_err(Reason::Description)
}

fn check_sizes(theirs: RawHead) -> Result<(), Reason> {
    let ours = abi::HEAD;
    let sizes = [
        ("weir_plugin", theirs.plugin_size, ours.plugin_size),
        ("weir_host", theirs.host_size, ours.host_size),
        ("weir_packet", theirs.packet_size, ours.packet_size),
        ("weir_option", theirs.option_size, ours.option_size),
        ("weir_cap", theirs.cap_size, ours.cap_size),
        ("weir_bundle", theirs.bundle_size, ours.bundle_size),
    ];
    match sizes.into_iter().find(|(_, theirs, ours)| theirs != ours) {
        Some((name, theirs, ours)) => Err(Reason::Header(name, theirs, ours)),
        None => Ok(()),
    }
}
