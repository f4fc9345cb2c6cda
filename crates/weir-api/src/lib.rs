//! A running session over HTTP: its state as JSON, events for changes, metrics for Prometheus, actions, and a web page.
//!
//! Everything here runs on a thread of its own and reads from a [`Board`], so that a slow or hostile client holds up nobody:
//! neither the session nor, within the limits below, another client. It never waits for the event loop while holding
//! anything, and never answers with a secret, for the board holds none.

mod actions;
mod answer;
mod client;
mod events;
mod guard;
mod metrics;
mod openapi;
mod page;
mod routes;
mod serve;
mod timed;

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use weir_scheduler::Control;
use weir_status::Board;

pub use client::{AskError, Client};
pub use openapi::openapi;

/// Fewer characters in a token are too easy to guess.
pub const TOKEN_CHARS: usize = 16;

/// Where to listen, and whom to answer.
#[derive(Clone)]
pub struct Settings {
    /// The address.
    pub address: SocketAddr,
    /// What a client has to know. Needed on any address but a loopback one.
    pub token: Option<String>,
}

/// Why nobody can be answered.
#[derive(Debug)]
pub enum BindError {
    /// Everybody on the network could read and act.
    NeedsToken(SocketAddr),
    /// The token is too short.
    WeakToken,
    /// The system refused.
    Io(SocketAddr, io::Error),
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeedsToken(address) => write!(
                f,
                "on {address} others than this machine could reach it: give a token with -api-token=@FILE or $VARIABLE"
            ),
            Self::WeakToken => write!(f, "the token has fewer than {TOKEN_CHARS} characters"),
            Self::Io(address, e) => write!(f, "cannot listen on {address}: {e}"),
        }
    }
}

impl std::error::Error for BindError {}

/// A listener that answers nobody yet.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    settings: Settings,
}

/// What every request may look at.
pub(crate) struct Shared {
    pub(crate) board: Arc<Board>,
    pub(crate) control: Option<Control>,
    pub(crate) token: Option<String>,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Listens, and answers nobody yet.
    ///
    /// # Errors
    /// An address that others can reach without a token, a token that is too short, or what the system says.
    pub fn bind(settings: Settings) -> Result<Self, BindError> {
        let asked = settings.address;
        if settings.token.is_none() && !asked.ip().is_loopback() {
            return Err(BindError::NeedsToken(asked));
        }
        if settings.token.as_ref().is_some_and(|t| t.len() < TOKEN_CHARS) {
            return Err(BindError::WeakToken);
        }
        let listen = || {
            let listener = TcpListener::bind(asked)?;
            listener.set_nonblocking(true)?;
            let address = listener.local_addr()?;
            Ok((listener, address))
        };
        let (listener, address) = listen().map_err(|e| BindError::Io(asked, e))?;
        Ok(Self { listener, address, settings })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers from now on, on a thread of its own that ends with the process. Without a `control`, nothing can be done but
    /// looking.
    ///
    /// # Errors
    /// The system has no thread or no event queue to give.
    pub fn start(self, board: Arc<Board>, control: Option<Control>) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let shared = Shared { board, control, token: self.settings.token, address: self.address };
        let listener = self.listener;
        std::thread::Builder::new().name("weir-api".to_owned()).spawn(move || {
            // Whoever asks a lot gets what the session leaves.
            weir_scheduler::give_way();
            runtime.block_on(serve::run(listener, Arc::new(shared)));
        })?;
        Ok(())
    }
}
