//! [`RtmpUrl`]: `rtmp[s]://[user:password@]host[:port]/app[/instance]/name[?query]`.

use std::fmt;

use crate::{PathError, Redacted, StreamPath};

/// Whether the connection is encrypted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scheme {
    /// RTMP over TCP.
    Rtmp,
    /// RTMP over TLS.
    Rtmps,
}

impl Scheme {
    /// The scheme as written in a URL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rtmp => "rtmp",
            Self::Rtmps => "rtmps",
        }
    }

    /// The port when a URL has none.
    #[must_use]
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Rtmp => 1935,
            Self::Rtmps => 443,
        }
    }
}

/// Why a text is no RTMP URL.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UrlError {
    /// Does not begin with `rtmp://` or `rtmps://`.
    Scheme,
    /// No host, or brackets other than those around an IPv6 host.
    Host,
    /// The port is not 1 to 65535.
    Port,
    /// A control character, or a percent sign without two hexadecimal digits in the user or password.
    Character,
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => "RTMP URL must begin with rtmp:// or rtmps://",
            Self::Host => "RTMP URL has no valid host",
            Self::Port => "RTMP URL has an invalid port (valid: 1 to 65535)",
            Self::Character => "RTMP URL holds an invalid character",
        })
    }
}

impl std::error::Error for UrlError {}

/// A parsed RTMP URL, split into app and name as FFmpeg does. Path and query stay as written, neither percent-decoded nor
/// encoded. Prints without its credentials.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RtmpUrl {
    /// Whether to use TLS.
    pub scheme: Scheme,
    /// User name, percent-decoded; empty when there is none.
    pub user: Redacted,
    /// Password, percent-decoded; empty when there is none.
    pub password: Redacted,
    /// Host name or address; IPv6 without brackets.
    pub host: String,
    /// Port, as written or the scheme's default.
    pub port: u16,
    /// The app; may be empty, and carries the query when there is no name.
    pub app: Redacted,
    /// The stream name with its query; may be empty.
    pub name: Redacted,
    /// Whether something followed the first space: options in the manner of librtmp, which weir does not read.
    pub has_options: bool,
}

impl RtmpUrl {
    /// Parses `text`. What follows the first space is left out.
    ///
    /// # Errors
    /// `text` is no RTMP URL.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let (text, has_options) = text.split_once(' ').map_or((text, false), |(url, _)| (url, true));
        if text.contains(char::is_control) {
            return Err(UrlError::Character);
        }
        let (scheme, rest) = scheme(text)?;
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (login, address) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        let (host, port) = host_and_port(address)?;
        let (app, name) = split_path(path.strip_prefix('/').unwrap_or(path));
        Ok(Self {
            scheme,
            user: Redacted::secret(percent_decode(user)?),
            password: Redacted::secret(percent_decode(password)?),
            host: host.to_owned(),
            port: port.unwrap_or(scheme.default_port()),
            app: Redacted::address(app),
            name: Redacted::name(name),
            has_options,
        })
    }

    /// What a client tells the server as `tcUrl`: never a stream name, user or password, always a port.
    #[must_use]
    pub fn tc_url(&self) -> Redacted {
        Redacted::address(format!("{}/{}", self.authority(), self.app.expose()))
    }

    /// The stream this URL names on a server, in the form players of the same URL ask for it.
    ///
    /// # Errors
    /// The path could hurt whoever uses it as a file name or logs it.
    pub fn stream_path(&self) -> Result<StreamPath, PathError> {
        StreamPath::resolve(self.app.expose(), "", self.name.expose())
    }

    fn authority(&self) -> String {
        let (open, close) = if self.host.contains(':') { ("[", "]") } else { ("", "") };
        format!("{}://{open}{}{close}:{}", self.scheme.as_str(), self.host, self.port)
    }
}

impl fmt::Display for RtmpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.authority(), self.app)?;
        if self.name.is_empty() { Ok(()) } else { write!(f, "/{}", self.name) }
    }
}

fn scheme(text: &str) -> Result<(Scheme, &str), UrlError> {
    let (scheme, rest) = text.split_once("://").ok_or(UrlError::Scheme)?;
    match scheme.to_ascii_lowercase().as_str() {
        "rtmp" => Ok((Scheme::Rtmp, rest)),
        "rtmps" => Ok((Scheme::Rtmps, rest)),
        _ => Err(UrlError::Scheme),
    }
}

fn host_and_port(address: &str) -> Result<(&str, Option<u16>), UrlError> {
    let (host, rest) = match address.strip_prefix('[') {
        Some(bracketed) => bracketed.split_once(']').ok_or(UrlError::Host)?,
        None => address.split_at(address.find(':').unwrap_or(address.len())),
    };
    if host.is_empty() || host.contains(['[', ']']) {
        return Err(UrlError::Host);
    }
    if rest.is_empty() {
        return Ok((host, None));
    }
    let digits = rest.strip_prefix(':').ok_or(UrlError::Host)?;
    let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    match digits.parse::<u16>() {
        Ok(port) if is_number && port > 0 => Ok((host, Some(port))),
        _ => Err(UrlError::Port),
    }
}

/// Splits a path without its first slash into app and name, by FFmpeg's rules: the app is the first component, or the
/// first two when there are three or more, unless a `:` shows that the name begins earlier. Slashes of the query do not
/// count.
fn split_path(path: &str) -> (&str, String) {
    if path.contains("slist=") {
        return (path, path.split("slist=").nth(1).unwrap_or_default().to_owned());
    }
    let (plain, query) = path.split_at(path.find('?').unwrap_or(path.len()));
    let Some(first) = plain.find('/') else { return (path, String::new()) };
    let rest = &plain[first + 1..];
    let end = match (rest.find('/'), rest.find(':')) {
        _ if &plain[..first] == "ondemand" => first,
        (Some(slash), Some(colon)) if colon < slash => first,
        (Some(slash), _) => first + 1 + slash,
        (None, _) => first,
    };
    (&plain[..end], with_type(&plain[end + 1..]) + query)
}

/// A name as FFmpeg sends it: without `.flv`, and with `mp4:` before MP4 files.
fn with_type(name: &str) -> String {
    match name.rsplit_once('.') {
        _ if name.contains(':') => name.to_owned(),
        Some((stem, "flv")) => stem.to_owned(),
        Some((_, "mp4" | "f4v")) => format!("mp4:{name}"),
        _ => name.to_owned(),
    }
}

fn percent_decode(text: &str) -> Result<String, UrlError> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte == b'%' {
            let (pair, tail) = rest.split_first_chunk::<2>().ok_or(UrlError::Character)?;
            let digit = |b: u8| char::from(b).to_digit(16).ok_or(UrlError::Character);
            let [high, low] = [digit(pair[0])?, digit(pair[1])?];
            out.push((high << 4 | low) as u8);
            rest = tail;
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).map_err(|_| UrlError::Character)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(path: &str) -> (String, String) {
        let url = RtmpUrl::parse(&format!("rtmp://host/{path}")).expect("a URL");
        (url.app.expose().to_owned(), url.name.expose().to_owned())
    }

    /// The table of the facts sheet, section 6.1.
    #[test]
    fn splits_as_ffmpeg_does() {
        let cases = [
            ("", "", ""),
            ("live", "live", ""),
            ("live?tok=1", "live?tok=1", ""),
            ("live/?tok=1", "live", "?tok=1"),
            ("live/key", "live", "key"),
            ("live/key?tok=1", "live", "key?tok=1"),
            ("live/key?tok=a/b", "live", "key?tok=a/b"),
            ("live/a/b", "live/a", "b"),
            ("live/a/b/c", "live/a", "b/c"),
            ("ondemand/foo/bar", "ondemand", "foo/bar"),
            ("live/mp4:dir/key", "live", "mp4:dir/key"),
            ("live/key.flv", "live", "key"),
            ("live/key.mp4", "live", "mp4:key.mp4"),
            ("live/key.f4v?x", "live", "mp4:key.f4v?x"),
            ("app?slist=name", "app?slist=name", "name"),
        ];
        for (path, app, name) in cases {
            assert_eq!(split(path), (app.to_owned(), name.to_owned()), "{path}");
        }
    }

    #[test]
    fn authority() {
        let cases = [
            ("rtmp://h", "h", 1935, "rtmp://h:1935/"),
            ("rtmps://h/live", "h", 443, "rtmps://h:443/live"),
            ("RTMP://h:19/live/k", "h", 19, "rtmp://h:19/live"),
            ("rtmp://[::1]:8889/live", "::1", 8889, "rtmp://[::1]:8889/live"),
            ("rtmp://[fe80::1]/live", "fe80::1", 1935, "rtmp://[fe80::1]:1935/live"),
            ("rtmp://h?x", "h", 1935, "rtmp://h:1935/?x"),
        ];
        for (text, host, port, tc_url) in cases {
            let url = RtmpUrl::parse(text).expect("a URL");
            assert_eq!((url.host.as_str(), url.port, url.tc_url().expose()), (host, port, tc_url));
        }
    }

    #[test]
    fn refused() {
        let cases = [
            ("http://h/live", UrlError::Scheme),
            ("live/key", UrlError::Scheme),
            ("rtmp:///live", UrlError::Host),
            ("rtmp://[::1/live", UrlError::Host),
            ("rtmp://[::1]x/live", UrlError::Host),
            ("rtmp://[[]/live", UrlError::Host),
            ("rtmp://h]/live", UrlError::Host),
            ("rtmp://h:0/live", UrlError::Port),
            ("rtmp://h:65536/live", UrlError::Port),
            ("rtmp://h:+1/live", UrlError::Port),
            ("rtmp://h:/live", UrlError::Port),
            ("rtmp://u:%zz@h/live", UrlError::Character),
            ("rtmp://u:%+f@h/live", UrlError::Character),
            ("rtmp://h/li\nve", UrlError::Character),
        ];
        for (text, error) in cases {
            assert_eq!(RtmpUrl::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn credentials_are_decoded_and_never_printed() {
        let url = RtmpUrl::parse("rtmp://me%40x:se%3acret@h/live/secretkey?token=hidden live=1").expect("a URL");
        assert_eq!((url.user.expose(), url.password.expose()), ("me@x", "se:cret"));
        assert!(url.has_options);
        assert_eq!(url.to_string(), "rtmp://h:1935/live/secr…");
        let debug = format!("{url:?} {}", url.tc_url());
        for secret in ["me@x", "se:cret", "secretkey", "hidden"] {
            assert!(!debug.contains(secret), "{debug}");
        }
    }

    #[test]
    fn names_the_stream_its_players_ask_for() {
        for (url, path) in [
            ("rtmp://h/live", "live"),
            ("rtmp://h/live/", "live"),
            ("rtmp://h/live/a/b?t=1", "live/a/b"),
            ("rtmp://h/live/key.flv", "live/key"),
        ] {
            assert_eq!(RtmpUrl::parse(url).expect("a URL").stream_path().expect("sound").expose(), path);
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "(rtmps?://)?[a-z@:/?%\\[\\]. é0-9]{0,40}") {
            if let Ok(url) = RtmpUrl::parse(&text) {
                let _ = (url.to_string(), url.stream_path());
                let again = RtmpUrl::parse(&format!("{}/{}", url.tc_url().expose(), ""));
                prop_assert!(again.is_ok());
            }
        }
    }
}
