//! Filters in shared libraries, over a versioned C ABI: `include/weir.h`.
//!
//! [`load`] turns a library into a [`Plugin`](weir_plugin::Plugin) like any other. A native filter sees exactly what a
//! Rust filter sees through [`Ctx`](weir_plugin::Ctx): functions in a table, over integer handles.
//!
//! What is kept from a native filter's faults: wrong handles, names, types, states and null pointers are errors of that
//! filter alone; a panic in the host never crosses into C; code that hangs holds up its own thread only, as every native
//! filter has one ([`Lane::Blocking`](weir_plugin::Lane::Blocking)). What cannot be kept: a wild pointer, a crash or an
//! `exit` in native code is one of the whole process. So load only libraries you trust.
//!
//! This crate is the only one that loads libraries, and never unloads one: filters, threads and texts of it may live on.
#![expect(unsafe_code, reason = "this crate owns the C ABI and libloading")]

mod abi;
mod describe;
mod filter;
mod host;
mod library;
mod options;
mod props;

pub use library::{LoadError, Reason, load};

/// Version of the C ABI, `WEIR_ABI` in `weir.h`.
pub const ABI: u32 = abi::VERSION;
