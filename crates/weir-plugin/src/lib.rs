//! The SDK for weir filters, and the boundary between filters and whoever runs them.
//!
//! A filter is a [`Filter`]: `&mut self`, owned by one lane, never locked. It is called with a [`Ctx`], whose few verbs
//! are the only way to touch the graph: take [`Item`]s from inputs, open outputs, send packets. Verbs do nothing at once:
//! they collect [`Effect`]s that the host applies when the call returns. So a filter is a function of what it was given,
//! and runs the same under the scheduler, on a worker thread, in the [`harness`] and behind a C ABI.
//!
//! The loop inside a filter is mostly one of two: [`OneToOne`] for what turns each packet into another, [`repeat`] for what
//! needs steps of its own.
//!
//! A filter that serves connections installs a [`Service`], which owns them on the reactor and reaches them through
//! [`Io`]. There is no blocking verb in either.
//!
//! This crate knows no scheduler, no graph, no socket and no thread.

mod ctx;
mod demux;
mod dial;
mod filter;
pub mod harness;
pub mod interleave;
mod io;
mod memory;
mod options;
mod record;
mod registry;
mod split;
mod steps;

pub use ctx::{Credit, Ctx, Effect, InId, InQueue, Item, Level, Mailbox, OutId, OutQueue, ServiceId};
pub use demux::{ByteInput, Fed, TrackQueue, Warnings};
pub use dial::{Dial, DialError, DialLimits, DialStep, Dialed, Target};
pub use filter::{Change, Error, ErrorKind, Event, Filter, Result, Status};
pub use io::{ConnId, FilterId, Io, Lookup, Message, PathInfo, ReactorId, Ready, Service, TcpOptions, Timer};
pub use memory::{Lease, Memory};
pub use options::{Applied, OptionDef, Options};
pub use record::{Drops, OutputRecord, Phase};
pub use registry::{Create, Lane, OnFail, Plugin, Registry, Role, Score};
pub use split::Split;
pub use steps::{OneToOne, Outlet, repeat};
pub use weir_args::value::Kind;
/// The media values that filters speak in.
pub use weir_media as media;
/// Encryption of connections: what [`Io::secure`] takes.
pub use weir_tls as tls;
