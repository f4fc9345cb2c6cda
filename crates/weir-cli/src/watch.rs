//! `-api` and `-r`: what the session reports, kept on a board that is served over HTTP and drawn on the whole screen.
//!
//! The reports pass through a thread of their own: a terminal that takes no text holds up neither the API nor the session.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use weir::status::{Board, Feeder, Maker};
use weir::{Control, Report, Reports};
use weir_api::{Server, Settings};

use crate::options::{Api, Options};
use crate::screen::Screen;

/// Reports that wait for a slow terminal, at most; more are not shown.
const SHOWN_QUEUE: usize = 1_024;

/// A board, and the server that reads from it, if one is wanted.
pub(crate) struct Watch {
    server: Option<Server>,
    board: Arc<Board>,
    feeder: Feeder,
}

/// What is shown on the terminal while a session is watched.
pub(crate) struct Shown {
    pub(crate) board: Arc<Board>,
    pub(crate) reports: Receiver<Report>,
}

impl Watch {
    /// Listens where the options say, and answers nobody yet. Nothing at all when nobody wants to look.
    pub(crate) fn listen(options: &Options, screen: &Screen) -> Result<Option<Self>, String> {
        if !is_wanted(options) {
            return Ok(None);
        }
        let server = options.api.as_ref().map(bind).transpose()?;
        let screen = screen.clone();
        let maker = Maker::new(env!("CARGO_PKG_VERSION"), move |text| screen.clean(text));
        let (board, feeder) = Board::new(maker);
        Ok(Some(Self { server, board, feeder }))
    }

    /// Feeds the board and answers from now on. What is to be shown comes from the reports given back.
    pub(crate) fn start(self, reports: Reports, control: Control) -> Result<Shown, String> {
        let Self { server, board, mut feeder } = self;
        if let Some(server) = server {
            server.start(Arc::clone(&board), Some(control)).map_err(|e| format!("-api: {e}"))?;
        }
        let (send, shown) = sync_channel(SHOWN_QUEUE);
        let feed = move || {
            for report in reports {
                feeder.take(&report);
                // Who reads slowly sees less.
                let _ = send.try_send(report);
            }
        };
        thread::Builder::new().name("weir-board".to_owned()).spawn(feed).map_err(|e| e.to_string())?;
        Ok(Shown { board, reports: shown })
    }
}

/// Whether somebody may look.
pub(crate) fn is_wanted(options: &Options) -> bool {
    options.api.is_some() || options.full_screen
}

fn bind(api: &Api) -> Result<Server, String> {
    let settings = Settings { address: api.address, token: api.token()? };
    Server::bind(settings).map_err(|e| format!("-api: {e}"))
}
