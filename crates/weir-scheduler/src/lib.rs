//! Runs a graph of filters: one reactor on a mio event loop, worker lanes for what may take long, bounded edges between
//! filters, one media clock, timers, and the connections of services.
//!
//! The core takes time, readiness and finished jobs as input and is the same in production and in the simulated time of
//! its tests. The reactor thread never blocks: slow work moves to a lane together with its filter, and no edge of a live
//! session pushes back.

mod core;
mod edge;
mod lanes;
mod lookup;
mod mail;
mod net;
mod order;
mod os;
mod pace;
mod platform;
mod reactor;
mod report;
mod services;
mod session;
#[cfg(test)]
mod sim;
mod tcp_info;
mod timers;

pub use edge::Limits;
pub use lanes::give_way;
pub use order::{Order, What};
pub use report::{EdgeReport, FilterReport, Log, OutputReport, Report, Reports, Snapshot};
pub use session::{Config, Control, Outcome, Planned, Session, StartError};
