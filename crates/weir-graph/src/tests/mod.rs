//! Graphs resolved with small filter types, and their trees.
//!
//! [`kit`] plays the host: it gives every filter its outputs as soon as it has an input, and follows each resolution.
//! Trees are compared as text, so the tests also hold the printed form.

mod chains;
mod kit;
mod links;
mod merging;
mod rules;
mod said;
mod steering;
mod unused;
