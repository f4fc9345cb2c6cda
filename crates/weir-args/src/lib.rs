//! The gpac-like argument grammar: words of a command line to declarations and typed values, with spans.
//!
//! This crate knows the grammar and nothing of filters, graphs or media.

pub mod value;
