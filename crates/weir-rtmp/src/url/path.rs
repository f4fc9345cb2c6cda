//! [`StreamPath`]: which stream a peer means, whatever way its client split the URL.

use std::fmt;

use crate::Redacted;

/// Longest app and name together, in bytes.
const PATH_MAX: usize = 1024;

/// Why an app and a name make no stream path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PathError {
    /// Longer than 1024 bytes.
    TooLong,
    /// Holds a control character.
    ControlCharacter,
    /// Has a component `..`.
    ParentComponent,
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "stream path is longer than 1024 bytes",
            Self::ControlCharacter => "stream path holds a control character",
            Self::ParentComponent => "stream path has a component `..`",
        })
    }
}

impl std::error::Error for PathError {}

/// An app and a stream name, cleaned of what clients add. Two paths are the same stream when [`StreamPath::expose`] is
/// equal: clients disagree about where the app ends. Case counts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StreamPath {
    /// The app, without slashes at its ends.
    pub app: String,
    /// The stream name; may be empty.
    pub name: Redacted,
    /// The queries of name, app and tcUrl, in this order, joined with `&`.
    pub query: Redacted,
}

impl StreamPath {
    /// The stream meant by `connect` with `app` and `tc_url`, and `play` or `publish` with `name`.
    ///
    /// # Errors
    /// The path could hurt whoever uses it as a file name or logs it.
    pub fn resolve(app: &str, tc_url: &str, name: &str) -> Result<Self, PathError> {
        let (app, app_query) = cut_query(app);
        let (_, url_query) = cut_query(tc_url);
        let (name, name_query) = cut_query(name);
        let app = app.strip_prefix('/').unwrap_or(app).trim_end_matches('/');
        let app = app.strip_suffix("/_definst_").unwrap_or(app);
        let name = name.strip_prefix('/').unwrap_or(name);
        let name = ["flv:", "mp4:", "mp3:"].iter().find_map(|p| name.strip_prefix(p)).unwrap_or(name);
        check(app, name)?;
        let mut queries: Vec<&str> = Vec::new();
        for query in [name_query, app_query, url_query] {
            if !query.is_empty() && !queries.contains(&query) {
                queries.push(query);
            }
        }
        Ok(Self { app: app.to_owned(), name: Redacted::name(name), query: Redacted::secret(queries.join("&")) })
    }

    /// The whole path, `app` or `app/name`. For look-ups, never for a log.
    #[must_use]
    pub fn expose(&self) -> String {
        if self.name.is_empty() { self.app.clone() } else { format!("{}/{}", self.app, self.name.expose()) }
    }

    /// How well a place with this path fits what is `wanted`, more for the better fit: one without a name takes any name
    /// below its app.
    #[must_use]
    pub fn fit(&self, wanted: &Self) -> Option<usize> {
        let (have, want) = (self.expose(), wanted.expose());
        let fits = have == want || (self.name.is_empty() && is_below(&want, &have));
        fits.then_some(have.len())
    }

    /// Whether a client that connects to `app` could mean a place with this path; clients disagree about where the app
    /// ends.
    #[must_use]
    pub fn could_be_below(&self, app: &str) -> bool {
        let have = self.expose();
        have == app || is_below(&have, app) || (self.name.is_empty() && is_below(app, &have))
    }

    /// The value of `key` in the query, neither percent- nor plus-decoded. The name's query wins.
    #[must_use]
    pub fn parameter(&self, key: &str) -> Option<&str> {
        let mut pairs = self.query.expose().split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        pairs.find(|(k, _)| *k == key).map(|(_, value)| value)
    }
}

impl fmt::Display for StreamPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.app.escape_debug())?;
        if self.name.is_empty() { Ok(()) } else { write!(f, "/{}", self.name) }
    }
}

/// Whether `path` goes on behind a slash where `app` ends.
fn is_below(path: &str, app: &str) -> bool {
    path.strip_prefix(app).is_some_and(|rest| rest.starts_with('/'))
}

/// What stands before the first `?`, and after it.
fn cut_query(text: &str) -> (&str, &str) {
    text.split_once('?').unwrap_or((text, ""))
}

fn check(app: &str, name: &str) -> Result<(), PathError> {
    let has = |found: fn(&str) -> bool| found(app) || found(name);
    if app.len() + name.len() > PATH_MAX {
        Err(PathError::TooLong)
    } else if has(|part| part.contains(char::is_control)) {
        Err(PathError::ControlCharacter)
    } else if has(|part| part.split(['/', '\\']).any(|component| component == "..")) {
        Err(PathError::ParentComponent)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(app: &str, tc_url: &str, name: &str) -> (String, String) {
        let path = StreamPath::resolve(app, tc_url, name).expect("sound");
        (path.expose(), path.query.expose().to_owned())
    }

    #[test]
    fn clients_disagree_but_mean_the_same() {
        let cases = [
            ("live", "key", "live/key"),
            ("live", "", "live"),
            ("/live/", "/key", "live/key"),
            ("live/_definst_", "key", "live/key"),
            ("live/a", "b", "live/a/b"),
            ("live", "a/b", "live/a/b"),
            ("live", "flv:key", "live/key"),
            ("live", "mp4:dir/key", "live/dir/key"),
        ];
        for (app, name, path) in cases {
            assert_eq!(resolve(app, "rtmp://h/live", name), (path.to_owned(), String::new()));
        }
    }

    #[test]
    fn queries_merge_with_the_names_first() {
        assert_eq!(resolve("live?a=1", "rtmp://h/live?a=1", "k?t=x"), ("live/k".into(), "t=x&a=1".into()));
        assert_eq!(resolve("live", "rtmp://h/live?vhost=v", "?t=x"), ("live".into(), "t=x&vhost=v".into()));
        let path = StreamPath::resolve("live?t=app", "", "k?t=name+/=&u").expect("sound");
        assert_eq!((path.parameter("t"), path.parameter("u")), (Some("name+/="), Some("")));
        assert_eq!(path.parameter("v"), None);
    }

    #[test]
    fn harmful_paths_are_refused() {
        let long = "x".repeat(1021);
        let cases = [
            ("live", "a\0b", PathError::ControlCharacter),
            ("live\r\n", "k", PathError::ControlCharacter),
            ("live", "../../etc", PathError::ParentComponent),
            ("..", "k", PathError::ParentComponent),
            ("live", "a\\..\\b", PathError::ParentComponent),
            ("live", long.as_str(), PathError::TooLong),
        ];
        for (app, name, error) in cases {
            assert_eq!(StreamPath::resolve(app, "", name), Err(error));
        }
    }

    #[test]
    fn prints_redacted() {
        let path = StreamPath::resolve("live?pw=1", "", "secretkey?token=2").expect("sound");
        assert_eq!(path.to_string(), "live/secr…");
        let debug = format!("{path:?}");
        assert!(!debug.contains("secretkey") && !debug.contains("pw") && !debug.contains("token"), "{debug}");
    }
}
