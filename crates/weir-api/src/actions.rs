//! What can be done with a running session. The event loop decides; a refusal changes nothing and says why.

use std::collections::BTreeMap;
use std::time::Duration;

use hyper::StatusCode;
use tokio::sync::oneshot;
use tokio::time::timeout;
use weir_scheduler::{Order, What};

use crate::answer::{Answer, error};
use crate::routes::{Call, done};

/// The event loop has so long to say what it thinks of it.
const PATIENCE: Duration = Duration::from_secs(5);
/// Options set at once.
const MOST_OPTIONS: usize = 8;

/// Something asked of the session.
pub(crate) struct Asked(oneshot::Receiver<Result<(), String>>);

impl Asked {
    /// What came of it.
    pub(crate) async fn answer(self) -> Answer {
        match timeout(PATIENCE, self.0).await {
            Ok(Ok(Ok(()))) => done(),
            Ok(Ok(Err(why))) => error(StatusCode::CONFLICT, why),
            Ok(Err(_)) => error(StatusCode::SERVICE_UNAVAILABLE, "the session is over"),
            Err(_) => error(StatusCode::GATEWAY_TIMEOUT, "the event loop does not answer"),
        }
    }
}

/// Whether a name or number in a path means this one. `#` may be written as %23.
pub(crate) fn is_called(asked: &str, id: u64, name: &str) -> bool {
    asked.parse() == Ok(id) || asked == name || asked.replace("%23", "#") == name
}

pub(crate) fn retry(call: &Call<'_>) -> Result<Asked, Answer> {
    output(call, What::Retry)
}

pub(crate) fn pause(call: &Call<'_>) -> Result<Asked, Answer> {
    output(call, What::Pause)
}

pub(crate) fn start(call: &Call<'_>) -> Result<Asked, Answer> {
    output(call, What::Resume)
}

pub(crate) fn stop(call: &Call<'_>) -> Result<Asked, Answer> {
    output(call, What::End)
}

pub(crate) fn key(call: &Call<'_>) -> Result<Asked, Answer> {
    let id = filter(call)?;
    ask(call, id, What::Key)
}

pub(crate) fn set(call: &Call<'_>) -> Result<Asked, Answer> {
    let bad = |why: &str| error(StatusCode::BAD_REQUEST, why);
    let options: BTreeMap<String, String> = serde_json::from_slice(call.body)
        .map_err(|_| bad("the body is a JSON object of options and their values as texts: {\"b\": \"1M\"}"))?;
    if options.is_empty() || options.len() > MOST_OPTIONS {
        return Err(bad("one to eight options are set at once"));
    }
    let id = filter(call)?;
    ask(call, id, What::Set(options.into_iter().collect()))
}

fn output(call: &Call<'_>, what: What) -> Result<Asked, Answer> {
    let status = call.shared.board.status();
    let found = status.outputs.iter().chain(&status.inputs).find(|o| is_called(call.id, o.id, &o.name));
    let id = found.map(|o| o.id).ok_or_else(|| error(StatusCode::NOT_FOUND, "there is no such output"))?;
    ask(call, id, what)
}

fn filter(call: &Call<'_>) -> Result<u64, Answer> {
    let status = call.shared.board.status();
    let found = status.filters.iter().find(|f| is_called(call.id, f.id, &f.name));
    found.map(|f| f.id).ok_or_else(|| error(StatusCode::NOT_FOUND, "there is no such filter"))
}

fn ask(call: &Call<'_>, id: u64, what: What) -> Result<Asked, Answer> {
    let Some(control) = &call.shared.control else {
        return Err(error(StatusCode::FORBIDDEN, "this session is only for looking at"));
    };
    let (reply, answer) = oneshot::channel();
    let filter = usize::try_from(id).unwrap_or(usize::MAX);
    // Nobody may be left to be told: the client went away.
    control.order(Order { filter, what }, move |outcome| drop(reply.send(outcome)));
    Ok(Asked(answer))
}
