//! [`Answer`]: what is said to a request, and the headers that go with all of it.

use http_body_util::{Either, Full};
use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::{self, HeaderValue};
use serde::Serialize;
use serde_json::json;

use crate::events::Events;

/// Nothing from elsewhere, no inline script or style, in nobody's frame.
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A response with either kind of body.
pub(crate) type Response = hyper::Response<Either<Full<Bytes>, Events>>;

/// What to say.
#[derive(Debug)]
pub(crate) enum Answer {
    /// A value, or a text of some type.
    Body(StatusCode, &'static str, Bytes),
    /// From now on, changes.
    Events,
}

/// A value as JSON.
pub(crate) fn json(value: &impl Serialize) -> Answer {
    // Plain values with text keys can always be written.
    let text = serde_json::to_vec(value).unwrap_or_default();
    Answer::Body(StatusCode::OK, "application/json", text.into())
}

/// A text.
pub(crate) fn text(status: StatusCode, kind: &'static str, text: impl Into<Bytes>) -> Answer {
    Answer::Body(status, kind, text.into())
}

/// A refusal, with its reason.
pub(crate) fn error(status: StatusCode, why: impl AsRef<str>) -> Answer {
    let text = json!({ "error": why.as_ref() }).to_string();
    Answer::Body(status, "application/json", text.into())
}

impl Answer {
    pub(crate) fn into_response(self) -> Response {
        let (status, kind, body) = match self {
            Self::Body(status, kind, body) => (status, kind, body),
            // Whoever has streams answers these; nobody else gets one.
            Self::Events => (StatusCode::NOT_FOUND, "text/plain", Bytes::new()),
        };
        with_headers(status, kind, Either::Left(Full::new(body)))
    }
}

/// A response with the headers that all of them have.
pub(crate) fn with_headers(status: StatusCode, kind: &'static str, body: Either<Full<Bytes>, Events>) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let mut set = |name, value| headers.insert(name, HeaderValue::from_static(value));
    set(header::CONTENT_TYPE, kind);
    set(header::CACHE_CONTROL, "no-store");
    set(header::CONTENT_SECURITY_POLICY, CONTENT_POLICY);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "no-referrer");
    if status == StatusCode::UNAUTHORIZED {
        set(header::WWW_AUTHENTICATE, "Bearer");
    }
    response
}
