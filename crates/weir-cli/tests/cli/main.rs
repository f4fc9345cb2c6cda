//! The real `weir`, run as people run it: what it prints, where, and how it ends.

mod graphs;
mod help;
mod kit;
mod mistakes;
mod plugins;
mod runs;
mod secrets;
mod terminal;
mod words;
