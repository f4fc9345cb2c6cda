//! Connections: how many, how large, how long. What they ask for is [`routes`]' matter.

use std::convert::Infallible;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{sleep, timeout};

use crate::answer::{Answer, Response, error};
use crate::events::{self, Streams};
use crate::timed::Timed;
use crate::{Shared, guard, routes};

/// Connections at once; more are closed as they come.
const CONNECTIONS: usize = 64;
/// A request has to be there in full after so long, and the next one on the same connection to begin.
const HEADER_TIME: Duration = Duration::from_secs(5);
const BODY_TIME: Duration = Duration::from_secs(5);
/// Bytes of the head of a request. hyper takes no less than 8 KiB.
const HEAD_BYTES: usize = 16 << 10;
const HEADERS: usize = 64;
/// Bytes of the body of a request: an action is a few words.
const BODY_BYTES: usize = 16 << 10;
/// After accepting failed, for want of descriptors say, it is tried again.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// Answers until the process ends.
pub(crate) async fn run(listener: TcpListener, shared: Arc<Shared>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let (changes, changed) = watch::channel(());
    // Only marks that something changed: a stream that is slow sees the newest when it comes to look.
    shared.board.on_change(move || changes.send_replace(()));
    let streams = Arc::new(Streams::new(changed));
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Without a place it is closed at once: waiting would only make the crowd larger.
                let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
                tokio::spawn(connection(stream, place, Arc::clone(&shared), Arc::clone(&streams)));
            }
            Err(e) if is_passing(&e) => {}
            Err(_) => sleep(ACCEPT_RETRY).await,
        }
    }
}

/// Whether a failure to accept is about one connection only.
fn is_passing(e: &io::Error) -> bool {
    matches!(e.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted)
}

async fn connection(stream: TcpStream, _place: OwnedSemaphorePermit, shared: Arc<Shared>, streams: Arc<Streams>) {
    // It only tunes.
    let _ = stream.set_nodelay(true);
    let answer = service_fn(move |request| {
        let (shared, streams) = (Arc::clone(&shared), Arc::clone(&streams));
        async move { Ok::<Response, Infallible>(answer(request, shared, streams).await) }
    });
    // How a connection ends is its peer's affair.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME)
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEADERS)
        .serve_connection(TokioIo::new(Timed::new(stream)), answer)
        .await;
}

async fn answer(request: Request<Incoming>, shared: Arc<Shared>, streams: Arc<Streams>) -> Response {
    let (head, body) = request.into_parts();
    let route = match guard::check(&head, &shared).and_then(|()| routes::find(&head.method, head.uri.path())) {
        Ok(route) => route,
        Err(refusal) => return refusal.into_response(),
    };
    if route.is_guarded()
        && let Err(refusal) = guard::check_token(&head, &shared)
    {
        return refusal.into_response();
    }
    let body = match read(body).await {
        Ok(body) => body,
        Err(refusal) => return refusal.into_response(),
    };
    let query = head.uri.query().unwrap_or_default();
    match route.answer(&shared, query, &body).await {
        Answer::Events => events::response(&streams, shared),
        answer => answer.into_response(),
    }
}

async fn read(body: Incoming) -> Result<Bytes, Answer> {
    let collected = timeout(BODY_TIME, Limited::new(body, BODY_BYTES).collect()).await;
    match collected {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(e)) if e.is::<http_body_util::LengthLimitError>() => {
            Err(error(StatusCode::PAYLOAD_TOO_LARGE, format!("a body has at most {BODY_BYTES} bytes")))
        }
        Ok(Err(_)) => Err(error(StatusCode::BAD_REQUEST, "the body broke off")),
        Err(_) => Err(error(StatusCode::REQUEST_TIMEOUT, "the body did not come in time")),
    }
}
