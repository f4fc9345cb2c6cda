//! Server-sent events: the state after each change, phases that changed, the graph, and lines of the log.
//!
//! A stream looks at the board when its client has taken what it was sent; a slow one sees less, and holds up nobody.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::Either;
use hyper::StatusCode;
use hyper::body::{Body, Bytes, Frame};
use serde::Serialize;
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::time::{sleep, timeout};
use weir_status::{Graph, LOG_LINES, Phase, Status};

use crate::Shared;
use crate::answer::{Response, error, with_headers};

/// Streams at once, so that other requests find a connection.
const STREAMS: usize = 24;
/// Time between two looks at the board.
const LEAST_TIME: Duration = Duration::from_millis(200);
/// Something is said at least this often, so that a client that is gone is noticed.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// All streams.
pub(crate) struct Streams {
    changed: watch::Receiver<()>,
    places: Arc<Semaphore>,
}

impl Streams {
    pub(crate) fn new(changed: watch::Receiver<()>) -> Self {
        Self { changed, places: Arc::new(Semaphore::new(STREAMS)) }
    }
}

/// The body of a stream of events.
pub(crate) struct Events {
    texts: mpsc::Receiver<String>,
    _place: OwnedSemaphorePermit,
}

impl Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.texts.poll_recv(cx).map(|text| text.map(|text| Ok(Frame::data(text.into()))))
    }
}

/// A new stream, if there is a place.
pub(crate) fn response(streams: &Streams, shared: Arc<Shared>) -> Response {
    let Ok(place) = Arc::clone(&streams.places).try_acquire_owned() else {
        return error(StatusCode::SERVICE_UNAVAILABLE, format!("{STREAMS} streams of events are open already"))
            .into_response();
    };
    let (send, texts) = mpsc::channel(1);
    tokio::spawn(feed(send, streams.changed.clone(), shared));
    with_headers(StatusCode::OK, "text/event-stream", Either::Right(Events { texts, _place: place }))
}

/// Sends what is new until the session or the client is gone.
async fn feed(send: mpsc::Sender<String>, mut changed: watch::Receiver<()>, shared: Arc<Shared>) {
    let mut seen = Seen::default();
    loop {
        let over = shared.board.is_over();
        let mut text = seen.news(&shared);
        if over {
            event(&mut text, "end", &json!({}));
        }
        if text.is_empty() {
            ":\n\n".clone_into(&mut text);
        }
        if send.send(text).await.is_err() || over {
            return;
        }
        sleep(LEAST_TIME).await;
        // Without a change there is still something to say now and then.
        if matches!(timeout(KEEP_ALIVE, changed.changed()).await, Ok(Err(_))) {
            return;
        }
    }
}

/// What a stream was sent.
#[derive(Default)]
struct Seen {
    status: Option<Arc<Status>>,
    graph: Option<Arc<Graph>>,
    phases: BTreeMap<u64, Phase>,
    line: u64,
}

impl Seen {
    fn news(&mut self, shared: &Shared) -> String {
        let mut text = String::new();
        let graph = shared.board.graph();
        if self.graph.as_ref().is_none_or(|seen| !Arc::ptr_eq(seen, &graph)) {
            event(&mut text, "graph", &*graph);
            self.graph = Some(graph);
        }
        let status = shared.board.status();
        if self.status.as_ref().is_none_or(|seen| !Arc::ptr_eq(seen, &status)) {
            self.phases(&mut text, &status);
            event(&mut text, "status", &*status);
            self.status = Some(status);
        }
        for line in shared.board.log(self.line, LOG_LINES) {
            self.line = line.number;
            event(&mut text, "log", &line);
        }
        text
    }

    fn phases(&mut self, text: &mut String, status: &Status) {
        for o in status.outputs.iter().chain(&status.inputs) {
            if self.phases.insert(o.id, o.phase).is_some_and(|before| before != o.phase) {
                event(text, "phase", &json!({ "id": o.id, "name": o.name, "phase": o.phase, "words": o.words }));
            }
        }
    }
}

/// One event; JSON has no line breaks.
fn event(text: &mut String, name: &str, data: &impl Serialize) {
    let data = serde_json::to_string(data).unwrap_or_default();
    let _ = write!(text, "event: {name}\ndata: {data}\n\n");
}
