//! TLS under a byte stream, over rustls: [`Tls`] says how, an [`Engine`] is one connection.
//!
//! An engine moves bytes over whatever reads and writes without blocking; it opens no socket. It holds at most one record
//! that the transport has not taken, so that what cannot be sent stays where it can be measured and dropped.

mod config;
mod engine;
mod server;

pub use config::{ClientTls, Error, Tls, Trust};
pub use engine::Engine;
pub use server::ServerTls;
