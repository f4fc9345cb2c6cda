//! Graph description files: TOML, YAML and JSON.
//!
//! A graph file is another way to write the words of a command line. [`load`] turns a file, and those it includes, into
//! these words, and remembers for every part of a word where in a file it came from, so that whatever is said about the
//! words can be shown in the file. [`convert`] goes the other way. Nothing here knows what a filter is or does, but for
//! [`schema`], which describes files to editors from the option tables.
//!
//! docs/guide-graph-files.md describes the format.

mod convert;
mod format;
mod load;
mod schema;
mod tree;
mod vars;
mod words;

pub use convert::{Format, convert};
pub use format::format_toml;
pub use load::{Loaded, World, load};
pub use schema::schema;
pub use words::Origin;
