//! The gpac-like argument grammar: words of a command line to declarations and typed values, with spans.
//!
//! [`parse`] turns words into a tree ([`Item`]) that prints back exactly, and [`Diagnostic`]s that point into the words.
//! [`value::parse`] turns the text of one option into a [`value::Typed`].
//!
//! This crate knows the grammar and nothing of filters, graphs or media. It never looks at the file system, the
//! environment or the network: where a URL ends is decided by its text alone (see [`url`]).

mod args;
mod parse;
pub mod property;
mod separators;
pub mod source_id;
mod span;
mod suggest;
pub mod template;
mod tree;
pub mod url;
pub mod value;

pub use args::arguments;
pub use parse::{OwnOption, Parsed, Takes, normalise, parse, parse_separated, parse_with};
pub use separators::Separators;
pub use span::{CommandLine, Diagnostic, Severity, Span, Text};
pub use suggest::suggest;
pub use tree::{Arg, DeclKind, Declaration, GlobalOption, Item, Link, LinkFrom, Token, TokenKind};
pub use url::{StreamName, redact};
