//! The routes: one table that requests are looked up in and that the OpenAPI file is made from.

use hyper::{Method, StatusCode};
use weir_status::{Done, Graph, JsonSchema, LogLine, OutputPage, OutputStatus, Phase, Schema, SchemaGenerator};

use crate::answer::{Answer, error, json, text};
use crate::{Shared, actions, metrics, openapi, page};

/// Seconds without news from the event loop after which it is taken to hang.
const HUNG_AFTER: f64 = 5.0;
/// Lines of the log in one answer, unless fewer are asked for.
const LINES: usize = 200;

/// A request as a handler sees it.
pub(crate) struct Call<'a> {
    pub(crate) shared: &'a Shared,
    /// What stands for `{id}` in the path.
    pub(crate) id: &'a str,
    pub(crate) query: &'a str,
    pub(crate) body: &'a [u8],
}

/// What a route does.
pub(crate) enum Does {
    /// Answers from the board.
    Look(fn(&Call<'_>) -> Answer),
    /// Asks the session for something.
    Act(fn(&Call<'_>) -> Result<actions::Asked, Answer>),
}

/// What a good answer looks like, for the OpenAPI file.
pub(crate) enum Form {
    Json(fn(&mut SchemaGenerator) -> Schema),
    Text(&'static str),
}

pub(crate) struct Route {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) form: Form,
    /// The body it takes.
    pub(crate) takes: Option<fn(&mut SchemaGenerator) -> Schema>,
    pub(crate) does: Does,
}

fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

const fn look(path: &'static str, summary: &'static str, form: Form, handler: fn(&Call<'_>) -> Answer) -> Route {
    Route { method: Method::GET, path, summary, form, takes: None, does: Does::Look(handler) }
}

const fn act(
    path: &'static str,
    summary: &'static str,
    takes: Option<fn(&mut SchemaGenerator) -> Schema>,
    handler: fn(&Call<'_>) -> Result<actions::Asked, Answer>,
) -> Route {
    Route { method: Method::POST, path, summary, form: Form::Json(of::<Done>), takes, does: Does::Act(handler) }
}

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const PLAIN: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";

/// All routes.
pub(crate) static ROUTES: &[Route] = &[
    look("/", "The web page.", Form::Text(HTML), |_| text(StatusCode::OK, HTML, page::HTML)),
    look("/app.js", "Its script.", Form::Text(SCRIPT), |_| text(StatusCode::OK, SCRIPT, page::SCRIPT)),
    look("/style.css", "Its style.", Form::Text(STYLE), |_| text(StatusCode::OK, STYLE, page::STYLE)),
    look("/api/openapi.json", "This description.", Form::Text(JSON), |_| {
        text(StatusCode::OK, JSON, openapi::openapi())
    }),
    look("/api/v1/session", "The session as a whole.", Form::Json(of::<weir_status::SessionStatus>), |c| {
        json(&c.shared.board.status().session)
    }),
    look("/api/v1/status", "Everything at one moment.", Form::Json(of::<weir_status::Status>), |c| {
        json(&*c.shared.board.status())
    }),
    look("/api/v1/outputs", "Every output.", Form::Json(of::<Vec<OutputStatus>>), |c| {
        json(&c.shared.board.status().outputs)
    }),
    look("/api/v1/outputs/{id}", "One output, and its last minutes.", Form::Json(of::<OutputPage>), output),
    look("/api/v1/inputs", "Sources that take from the network.", Form::Json(of::<Vec<OutputStatus>>), |c| {
        json(&c.shared.board.status().inputs)
    }),
    look("/api/v1/filters", "Every filter.", Form::Json(of::<Vec<weir_status::FilterStatus>>), |c| {
        json(&c.shared.board.status().filters)
    }),
    look("/api/v1/graph", "Filters and links, as weir plan --json prints them.", Form::Json(of::<Graph>), |c| {
        json(&*c.shared.board.graph())
    }),
    look(
        "/api/v1/log",
        "The end of the log. after=N: only lines with higher numbers; lines=N: at most so many.",
        Form::Json(of::<Vec<LogLine>>),
        log,
    ),
    look(
        "/api/v1/events",
        "Server-sent events: graph, status and log at first and when they change, phase when an output's phase \
         changes, end when the session is over.",
        Form::Text("text/event-stream"),
        |_| Answer::Events,
    ),
    look("/metrics", "For Prometheus.", Form::Text(metrics::KIND), |c| {
        text(StatusCode::OK, metrics::KIND, metrics::text(&c.shared.board.status()))
    }),
    look("/healthz", "200 while the event loop turns, else 503.", Form::Text(PLAIN), healthy),
    look(
        "/readyz",
        "200 when the graph is linked and an output listens or is live, else 503.",
        Form::Text(PLAIN),
        ready,
    ),
    act("/api/v1/outputs/{id}/retry", "A push that waits tries again now.", None, actions::retry),
    act("/api/v1/outputs/{id}/pause", "A push leaves its server and waits.", None, actions::pause),
    act("/api/v1/outputs/{id}/start", "A push that was paused goes on.", None, actions::start),
    act("/api/v1/outputs/{id}/stop", "The output delivers what it has, and ends for good.", None, actions::stop),
    act("/api/v1/filters/{id}/keyframe", "An encoder makes a key frame soon.", None, actions::key),
    act(
        "/api/v1/filters/{id}/set",
        "Changes options of a filter that can change them while it runs, such as b of avcenc.",
        Some(of::<std::collections::BTreeMap<String, String>>),
        actions::set,
    ),
];

/// A route that fits, and what its `{id}` stands for.
pub(crate) struct Found<'a> {
    route: &'static Route,
    id: &'a str,
}

/// Looks a request up.
pub(crate) fn find<'a>(method: &Method, path: &'a str) -> Result<Found<'a>, Answer> {
    let fits: Vec<Found<'a>> =
        ROUTES.iter().filter_map(|route| Some(Found { route, id: matched(route.path, path)? })).collect();
    if fits.is_empty() {
        return Err(error(StatusCode::NOT_FOUND, "there is nothing here; /api/openapi.json says what there is"));
    }
    let is_wanted = |found: &Found<'_>| found.route.method == *method;
    fits.into_iter().find(is_wanted).ok_or_else(|| {
        error(StatusCode::METHOD_NOT_ALLOWED, "this is asked for in another way: GET to look, POST to act")
    })
}

/// What stands for `{id}`, or nothing where there is none; `None` when the path is another one.
fn matched<'a>(pattern: &str, path: &'a str) -> Option<&'a str> {
    let Some((before, after)) = pattern.split_once("{id}") else { return (pattern == path).then_some("") };
    let id = path.strip_prefix(before)?.strip_suffix(after)?;
    (!id.is_empty() && !id.contains('/')).then_some(id)
}

impl Found<'_> {
    /// Whether the token is needed: not for the page, which holds nothing, nor for what orchestrators ask.
    pub(crate) fn is_guarded(&self) -> bool {
        !matches!(self.route.path, "/" | "/app.js" | "/style.css" | "/healthz" | "/readyz")
    }

    pub(crate) async fn answer(&self, shared: &Shared, query: &str, body: &[u8]) -> Answer {
        let call = Call { shared, id: self.id, query, body };
        match &self.route.does {
            Does::Look(look) => look(&call),
            Does::Act(act) => match act(&call) {
                Ok(asked) => asked.answer().await,
                Err(refusal) => refusal,
            },
        }
    }
}

/// The value of a parameter of the query.
fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query.split('&').filter_map(|pair| pair.split_once('=')).find(|(n, _)| *n == name).map(|(_, value)| value)
}

fn output(call: &Call<'_>) -> Answer {
    let status = call.shared.board.status();
    match status.outputs.iter().chain(&status.inputs).find(|o| actions::is_called(call.id, o.id, &o.name)) {
        Some(output) => json(&OutputPage { output: output.clone(), history: call.shared.board.history(output.id) }),
        None => error(StatusCode::NOT_FOUND, "there is no such output"),
    }
}

fn log(call: &Call<'_>) -> Answer {
    let number = |name: &str, default: u64| match parameter(call.query, name) {
        Some(text) => text.parse().map_err(|_| error(StatusCode::BAD_REQUEST, format!("{name} is a whole number"))),
        None => Ok(default),
    };
    match (number("after", 0), number("lines", LINES as u64)) {
        (Ok(after), Ok(lines)) => json(&call.shared.board.log(after, usize::try_from(lines).unwrap_or(LINES))),
        (Err(refusal), _) | (_, Err(refusal)) => refusal,
    }
}

fn healthy(call: &Call<'_>) -> Answer {
    match (call.shared.board.is_over(), call.shared.board.age_seconds()) {
        (true, _) => text(StatusCode::SERVICE_UNAVAILABLE, PLAIN, "the session is over\n"),
        (false, age) if age > HUNG_AFTER => text(
            StatusCode::SERVICE_UNAVAILABLE,
            PLAIN,
            format!("nothing was heard of the event loop for {age:.0} s\n"),
        ),
        _ => text(StatusCode::OK, PLAIN, "ok\n"),
    }
}

fn ready(call: &Call<'_>) -> Answer {
    let status = call.shared.board.status();
    let works = |phase| matches!(phase, Phase::Listening | Phase::Live | Phase::Stalled);
    let why = match (status.session.settled, status.outputs.iter().any(|o| works(o.phase))) {
        _ if call.shared.board.is_over() => "the session is over\n",
        (false, _) => "the graph is not linked yet\n",
        (true, false) => "no output listens or is live\n",
        (true, true) => return text(StatusCode::OK, PLAIN, "ready\n"),
    };
    text(StatusCode::SERVICE_UNAVAILABLE, PLAIN, why)
}

/// The answer to something that was done.
pub(crate) fn done() -> Answer {
    json(&Done { done: true })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_matched_whole() {
        assert_eq!(matched("/a/{id}/b", "/a/rtmpout#2/b"), Some("rtmpout#2"));
        assert_eq!(matched("/a/{id}", "/a/7"), Some("7"));
        for path in ["/a/", "/a", "/a/7/b", "/a/7/", "/b/7"] {
            assert_eq!(matched("/a/{id}", path), None, "{path}");
        }
        assert_eq!(matched("/a/{id}/b", "/a//b"), None);
        assert_eq!(matched("/a/{id}/b", "/a/b"), None, "the two parts share a slash");
        assert_eq!((matched("/", "/"), matched("/", "/x")), (Some(""), None));
    }

    #[test]
    fn a_wrong_method_is_told_from_a_wrong_path() {
        let status = |method: &Method, path: &str| match find(method, path) {
            Err(Answer::Body(status, ..)) => status.as_u16(),
            _ => 200,
        };
        assert_eq!(status(&Method::GET, "/api/v1/outputs"), 200);
        assert_eq!(status(&Method::POST, "/api/v1/outputs"), 405);
        assert_eq!(status(&Method::GET, "/api/v1/outputs/1/retry"), 405);
        assert_eq!(status(&Method::GET, "/etc/passwd"), 404);
    }
}
