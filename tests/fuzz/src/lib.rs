//! What the fuzz targets do with their bytes. The same functions are called by libFuzzer (`fuzz/`) and, over seeds and
//! mutations of them, by an ordinary test. They never do I/O, draw no random numbers, and are the same for the same bytes.
//!
//! A target fails by a panic: that of the code under test, or of a check here that holds for every input.

mod amf;
mod arguments;
mod bytes;
mod client;
mod flv;
mod server;
mod wire;

pub use amf::amf;
pub use arguments::arguments;
pub use client::client;
pub use flv::{bodies, flv};
pub use server::server;
pub use wire::{chunks, handshake, messages};

/// A target: its name, and what it does.
pub type Target = (&'static str, fn(&[u8]));

/// All targets. Each has seeds in `fuzz/seeds/NAME`, and a file in `fuzz/fuzz_targets`.
pub const TARGETS: &[Target] = &[
    ("amf", amf),
    ("arguments", arguments),
    ("bodies", bodies),
    ("chunks", chunks),
    ("client", client),
    ("flv", flv),
    ("handshake", handshake),
    ("messages", messages),
    ("server", server),
];
