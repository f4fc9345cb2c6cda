//! `weir ctl`: looks at a session that runs with `-api`, and acts on it. It has no power that the API does not give.

use serde_json::{Map, Value, json};
use weir_api::{AskError, Client};

use crate::options::Options;
use crate::screen::{self, Screen};
use crate::{FAILED, USAGE};

/// Where a session is looked for when nothing is said.
const DEFAULT_ADDRESS: &str = "-api=127.0.0.1:9090";
/// Columns of names.
const NAMES: usize = 14;

pub(crate) const USAGE_TEXT: &str = "\
usage: weir ctl [-api=HOST:PORT] [-api-token=TOKEN] WHAT

  status                 every output in a line
  json [PATH]            what the API says at PATH, such as /api/v1/status
  retry OUTPUT           a push that waits tries again now
  pause, start OUTPUT    a push leaves its server; goes on
  stop OUTPUT            the output delivers what it has, and ends for good
  keyframe FILTER        an encoder makes a key frame soon
  set FILTER NAME=VALUE  changes an option while it runs: set avcenc b=1M

OUTPUT and FILTER are names in the graph, or numbers. The address is 127.0.0.1:9090 if nothing is said.
";

/// Does what the words say; the exit code.
pub(crate) fn run(words: &[String]) -> u8 {
    let screen = Screen::new([]);
    let (own, what) = sorted(words);
    let asked = Options::parse(&own).map_err(|bad| bad.message).and_then(|options| {
        let api = options.api.ok_or("there is no address")?;
        Ok(Client::new(api.address, api.token()?))
    });
    let client = match asked {
        Ok(client) => client,
        Err(e) => {
            screen.error(&e);
            return USAGE;
        }
    };
    let Some(done) = act(&client, &what) else {
        Screen::raw(USAGE_TEXT);
        return USAGE;
    };
    match done {
        Ok(text) => screen::out(&screen.clean(&text)),
        Err(e) => {
            screen.error(&e.to_string());
            FAILED
        }
    }
}

/// Options of weir as clap wants them, with two dashes, and the rest.
fn sorted(words: &[String]) -> (Vec<String>, Vec<&str>) {
    let (mut own, mut what) = (vec![format!("-{DEFAULT_ADDRESS}")], Vec::new());
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "-api" | "-api-token" => own.push(format!("-{word}={}", words.next().map_or("", String::as_str))),
            _ if word.starts_with("-api") => own.push(format!("-{word}")),
            _ => what.push(word.as_str()),
        }
    }
    (own, what)
}

/// What came of it; `None` when the words are no command.
fn act(client: &Client, words: &[&str]) -> Option<Result<String, AskError>> {
    Some(match words {
        ["status"] => client.get("/api/v1/status").map(|status| table(&status)),
        ["json"] => client.get("/api/v1/status").map(|value| pretty(&value)),
        ["json", path] => client.get(path).map(|value| pretty(&value)),
        [action @ ("retry" | "pause" | "start" | "stop"), output] => {
            done(client.post(&format!("/api/v1/outputs/{}/{action}", path_of(output)), &json!({})))
        }
        ["keyframe", filter] => done(client.post(&format!("/api/v1/filters/{}/keyframe", path_of(filter)), &json!({}))),
        ["set", filter, options @ ..] if !options.is_empty() => {
            let pairs: Option<Map<String, Value>> = options.iter().map(|o| pair(o)).collect();
            done(client.post(&format!("/api/v1/filters/{}/set", path_of(filter)), &Value::Object(pairs?)))
        }
        _ => return None,
    })
}

fn pair(option: &str) -> Option<(String, Value)> {
    let (name, value) = option.split_once('=')?;
    Some((name.to_owned(), value.into()))
}

fn done(answer: Result<Value, AskError>) -> Result<String, AskError> {
    answer.map(|_| String::new())
}

/// A name as a part of a path: names in the graph are letters, digits and `#`; others are not sent.
fn path_of(name: &str) -> String {
    let is_plain = |c: &char| c.is_alphanumeric() || matches!(c, '#' | '-' | '_' | '.' | '+');
    name.chars().filter(is_plain).collect::<String>().replace('#', "%23")
}

fn pretty(value: &Value) -> String {
    // What was read as JSON can be written as JSON.
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}

/// Outputs, one to a line.
fn table(status: &Value) -> String {
    let text = |v: &Value| v.as_str().unwrap_or("-").to_owned();
    let line = |o: &Value| {
        format!(
            "{:<4} {:<NAMES$} {:<12} {}  {}\n",
            o["id"].to_string(),
            text(&o["name"]),
            text(&o["phase"]),
            text(&o["url"]),
            text(&o["words"])
        )
    };
    let all = ["inputs", "outputs"].into_iter().filter_map(|kind| status[kind].as_array()).flatten();
    all.map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_stand_anywhere_and_may_be_two_words() {
        let words = ["stop", "-api", "1234", "rtmpout", "-api-token=@t"].map(String::from);
        let (own, what) = sorted(&words);
        assert_eq!(own, ["--api=127.0.0.1:9090", "--api=1234", "--api-token=@t"]);
        assert_eq!(what, ["stop", "rtmpout"]);
    }

    #[test]
    fn names_become_parts_of_paths() {
        assert_eq!(path_of("rtmpout#2"), "rtmpout%232");
        assert_eq!(path_of("a/../b?c d\r\nX: y"), "a..bcdXy");
    }

    #[test]
    fn outputs_are_a_line_each() {
        let output =
            json!({ "id": 7, "name": "rtmpout", "phase": "live", "url": "rtmp://h/live", "words": "live, 2.0 Mb/s" });
        assert_eq!(
            table(&json!({ "inputs": [], "outputs": [output] })),
            "7    rtmpout        live         rtmp://h/live  live, 2.0 Mb/s\n"
        );
    }
}
