//! Where a URL ends in an argument string, and how to show one without its secrets.
//!
//! # Where a URL ends
//! By its text alone, the same for sources and sinks, for remote URLs and local paths (gpac-semantics 3):
//! 1. `:gpac:` (or `:gpac` at the end) ends it, whatever comes before. It is the escape for everything below.
//! 2. A doubled separator `::` ends it, and makes the argument that follows opaque.
//! 3. Otherwise the first option colon ends it: a `:` followed by what can be an option, that is an optional `!` or `#`,
//!    a letter or `_`, then letters, digits and `_ @ ! # -`, and then `=`, `:` or the end of the word. A `:` at the very
//!    end is one too.
//!
//! Never an option colon, so these need no escape:
//! - `://` after a scheme, the colon of `user:password@`, all colons in the brackets of an IPv6 address;
//! - **a port**: digits after the host, always, up to `/`, `?`, `#`, `:` or the end;
//! - `C:/` and `C:\`, a time such as `12:30`, `/app:name/stream`, `name:part.mp4`: what follows cannot be an option;
//! - the `!::` that begins a standard SRT stream id.
//!
//! GPAC asks the file system instead (does a file of that name exist?), so one command line can mean two things there.
//! A path in which a colon is followed by a bare word (`a:b`) therefore needs `:gpac:` here: `a:b:gpac:opt=1`.

use std::ops::Range;

/// Whether the last part of an RTMP path is a secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum StreamName {
    /// A stream key, as pushed to a platform.
    Secret,
    /// A name that players are told: the URL of a listener.
    Public,
}

/// Most characters of a stream key that are shown, so that people can tell two keys apart.
const SHOWN_OF_KEY: usize = 4;

/// Bytes of `URL:options` that are the URL.
#[must_use]
pub(crate) fn end(text: &str) -> usize {
    match authority(text) {
        Some(a) => ordinary_end(text, a.host.end, a.end),
        None => {
            let local = if text.starts_with("file:") { "file:".len() } else { 0 };
            ordinary_end(text, local, local)
        }
    }
}

/// As [`end`], where escapes count from `escapes` on and option colons from `options` on.
fn ordinary_end(text: &str, escapes: usize, options: usize) -> usize {
    let forced = find_colon(text, escapes, |at| is_gpac(&text[at..]) || is_doubled(text, at));
    if forced < text.len() && is_gpac(&text[forced..]) {
        return forced;
    }
    find_colon(&text[..forced], options, |at| !is_stream_id(text, at) && is_option(&text[at + 1..]))
}

/// Place of the first colon from `from` on that `wanted` takes, or the end.
fn find_colon(text: &str, from: usize, wanted: impl Fn(usize) -> bool) -> usize {
    let tail = text.get(from..).unwrap_or("");
    tail.match_indices(':').map(|(i, _)| from + i).find(|at| wanted(*at)).unwrap_or(text.len())
}

/// Whether `:gpac:` or a last `:gpac` starts here.
pub(crate) fn is_gpac(text: &str) -> bool {
    text.strip_prefix(":gpac").is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
}

fn is_doubled(text: &str, at: usize) -> bool {
    text[at..].starts_with("::") && !is_stream_id(text, at)
}

/// Whether this colon is one of the two in `!::`.
fn is_stream_id(text: &str, at: usize) -> bool {
    let before = &text[..at];
    (before.ends_with('!') && text[at..].starts_with("::")) || before.ends_with("!:")
}

/// Whether the text after a colon can be an option.
fn is_option(text: &str) -> bool {
    let name = text.strip_prefix(['!', '#']).unwrap_or(text);
    let end = name.find(|c: char| !(c.is_ascii_alphanumeric() || "_@!#-".contains(c))).unwrap_or(name.len());
    let named = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    text.is_empty() || (named && (end == name.len() || name[end..].starts_with(['=', ':'])))
}

/// The part of a URL between `://` and its path, as places in the text.
struct Authority {
    scheme: Range<usize>,
    /// `user:password`, without the `@`.
    user: Option<Range<usize>>,
    host: Range<usize>,
    /// Digits of the port.
    port: Option<Range<usize>>,
    end: usize,
}

fn authority(text: &str) -> Option<Authority> {
    let scheme = text.find("://").filter(|at| is_scheme(&text[..*at]))?;
    let from = scheme + "://".len();
    let user = user_len(&text[from..]).map(|len| from..from + len);
    let host = user.as_ref().map_or(from, |u| u.end + 1);
    let host_end = host + host_len(&text[host..]);
    let port = port_len(&text[host_end..]).map(|len| host_end + 1..host_end + 1 + len);
    let end = port.as_ref().map_or(host_end, |p| p.end);
    Some(Authority { scheme: 0..scheme, user, host: host..host_end, port, end })
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

/// Length of `user:password` before an `@` in the authority. `host:1234:option=a@b` has none.
fn user_len(text: &str) -> Option<usize> {
    let at = text[..text.find(['/', '?', '#']).unwrap_or(text.len())].find('@')?;
    let user = &text[..at];
    let port_and_option = user.find(':').is_some_and(|c| port_len(&user[c..]).is_some_and(|n| c + 1 + n < at));
    (!port_and_option).then_some(at)
}

fn host_len(text: &str) -> usize {
    let bracketed = if text.starts_with('[') { text.find(']').map_or(0, |at| at + 1) } else { 0 };
    let rest = &text[bracketed..];
    bracketed + rest.find([':', '/', '?', '#']).unwrap_or(rest.len())
}

/// Length of the digits in `:digits` when they are a port.
fn port_len(text: &str) -> Option<usize> {
    let digits = text.strip_prefix(':')?;
    let len = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let rest = &digits[len..];
    (len > 0 && (rest.is_empty() || rest.starts_with([':', '/', '?', '#']))).then_some(len)
}

/// What is wrong with the authority of `text`, a URL with all that follows it: place, message, help.
pub(crate) fn check(text: &str) -> Option<(Range<usize>, String, String)> {
    let a = authority(text)?;
    let after = &text[a.host.start..];
    if after.starts_with('[') && !after.contains(']') {
        let help = "close the address with ]: rtmp://[::1]:1935/live".to_owned();
        return Some((a.host.start..a.host.start + 1, "the [ of an IPv6 address is never closed".into(), help));
    }
    let bare = after.find(['/', '?', '#']).map_or(after, |to| &after[..to]);
    if bare.contains("::") && bare.chars().all(|c| c == ':' || c.is_ascii_hexdigit()) {
        let help = format!("put the address in brackets: {}://[{bare}]", &text[a.scheme]);
        return Some((a.host.start..a.host.start + bare.len(), "an IPv6 address in a URL needs brackets".into(), help));
    }
    let port = a.port?;
    let digits = &text[port.clone()];
    let too_big = digits.parse::<u16>().is_err();
    too_big.then(|| (port, format!("port {digits} is above 65535"), "ports are 1 to 65535".into()))
}

/// `url` fit to be shown: `user:password` and the values of a query become `***`, and so does all but the beginning of
/// a stream key, the last part of an RTMP path of two or more parts, unless `name` says it is public.
///
/// Of a key at most 4 characters and at most half are shown. Text that is no URL is returned as it is.
#[must_use]
pub fn redact(url: &str, name: StreamName) -> String {
    let mut out = String::with_capacity(url.len());
    let mut from = 0;
    for hidden in secrets(url, name) {
        out.push_str(&url[from..hidden.start]);
        out.push_str("***");
        from = hidden.end;
    }
    out + &url[from..]
}

/// Places of the secrets in a URL, in order.
#[must_use]
pub fn secrets(url: &str, name: StreamName) -> Vec<Range<usize>> {
    let Some(a) = authority(url) else { return Vec::new() };
    let mut found: Vec<_> = a.user.into_iter().collect();
    let fragment = url[a.end..].find('#').map_or(url.len(), |at| a.end + at);
    let query = url[a.end..fragment].find('?').map_or(fragment, |at| a.end + at);
    let rtmp = url[a.scheme].to_ascii_lowercase().starts_with("rtmp");
    if rtmp && name == StreamName::Secret {
        found.extend(key(url, a.end..query));
    }
    let mut pair = query + 1;
    let values = url.get(pair..fragment).unwrap_or("").split('&').filter_map(|text| {
        let value = pair + text.find('=').map_or(0, |eq| eq + 1)..pair + text.len();
        pair = value.end + 1;
        (!value.is_empty()).then_some(value)
    });
    found.extend(values);
    found
}

/// The hidden part of the stream key in the path `path` of `url`.
fn key(url: &str, path: Range<usize>) -> Option<Range<usize>> {
    let text = url[path.clone()].trim_end_matches('/');
    let last = text.rfind('/')?;
    text[..last].trim_matches('/').chars().next()?;
    let key = &text[last + 1..];
    let shown = SHOWN_OF_KEY.min(key.chars().count() / 2);
    let from = key.char_indices().nth(shown).map(|(at, _)| at)?;
    let start = path.start + last + 1;
    Some(start + from..start + key.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `url|rest` in one text: the bar is where the URL must end.
    fn ends(marked: &str) {
        let text = marked.replacen('|', "", 1);
        assert_eq!(end(&text), marked.find('|').unwrap_or(text.len()), "{marked}");
    }

    #[test]
    fn ports_and_hosts_need_no_escape() {
        ends("rtmp://127.0.0.1:8889/live|:gpac:ffmt=flv:rtmp_listen=1");
        ends("rtmp://127.0.0.1:8889/live|:ffmt=flv");
        ends("rtmp://127.0.0.1:8889|:ffmt=flv");
        ends("rtmp://127.0.0.1:8889|");
        ends("rtmp://host|:ffmt=flv");
        ends("rtmp://[::1]:1935/live|:ffmt=flv");
        ends("rtmp://[fe80::1]|:opt");
        ends("rtmps://user:pa:ss=x@host:443/app/key?a=b|:rtmp_listen");
        ends("udp://h:1234|:ifce=a@b");
        ends("tcp://1.2.3.4:1234|:ext=ts");
        ends("tcp://1.2.3.4:1234/|:ext=ts");
        ends("srt://:9000?streamid=#!::r=live/x,m=publish|:ext=ts");
        ends("rtmp://h:80a/live|:x=1");
        ends("rtmp://h/live|");
        ends("rtmp://h/live|:");
    }

    #[test]
    fn what_cannot_be_an_option_stays() {
        ends("rtmp://h/app:inst/key|:ffmt=flv");
        ends("http://h/a:1/b?t=12:30|:foo=1");
        ends("http://h/x|:foo=1:bar");
        ends("rtmp://h/live|:!opt");
        ends("rtmp://h/live|:#Width=3");
        ends("rtmp://h/live:%41|");
    }

    #[test]
    fn escapes() {
        ends("rtmp://h/a:b=c|:gpac:x");
        ends("rtmp://h/a|:gpac");
        ends("rtmp://h/a:gpacx/|:foo");
        ends("rtmp://h/a|::x=1:2");
        ends("rtmp://h/a|:b=1::x=1:2");
        ends("rtmp://h/a:8|::x=1:gpac:2");
        ends("rtmp://h:99|::opaque=1");
        ends("out.mp4|:gfopt:x=1");
    }

    #[test]
    fn local_paths() {
        ends("a.mp4|:FID=1");
        ends("foo:bar.mp4|:opt");
        ends("C:/dir/a.mp4|:opt=1");
        ends(r"C:\dir\a.mp4|:opt=1");
        ends("file:///C:/x/a.mp4|:opt");
        ends("file:a.mp4|:opt");
        ends("file:x|");
        ends("12:30:00.ts|:opt");
        ends("a|:b");
        ends("a:b|:gpac:c=1");
        ends("av.mp4#video|:opt");
        ends("avgen|:dur=5");
        ends("-|");
        ends("|");
    }

    #[test]
    fn authorities_are_checked() {
        let wrong = |u: &str| check(u).map(|(at, ..)| u[at].to_owned());
        assert_eq!(wrong("rtmp://h:70000/a").as_deref(), Some("70000"));
        assert_eq!(wrong("rtmp://fe80::1:1935/a").as_deref(), Some("fe80::1:1935"));
        assert_eq!(wrong("rtmp://[::1/a").as_deref(), Some("["));
        assert_eq!(wrong("rtmp://[::1]:65535/a"), None);
        assert_eq!(wrong("rtmp://h::c=1"), None);
        assert_eq!(wrong("a.mp4:70000"), None);
    }

    #[test]
    fn secrets_are_not_shown() {
        let r = |u: &str| redact(u, StreamName::Secret);
        assert_eq!(r("rtmp://a:b@h:1935/live2/abcd-efgh-1234"), "rtmp://***@h:1935/live2/abcd***");
        assert_eq!(r("rtmps://h/app/key?auth=1&x=&y=2"), "rtmps://h/app/k***?auth=***&x=&y=***");
        assert_eq!(r("rtmp://h/app/inst/0123456789/"), "rtmp://h/app/inst/0123***/");
        assert_eq!(r("rtmp://h/live"), "rtmp://h/live");
        assert_eq!(r("rtmp://h//live"), "rtmp://h//live");
        assert_eq!(r("rtmp://h/app/é"), "rtmp://h/app/***");
        assert_eq!(r("http://h/a/b?token#f"), "http://h/a/b?***#f");
        assert_eq!(r("http://h??a=b?c&&d"), "http://h??a=***&&***");
        assert_eq!(r("a/b.mp4?x=1"), "a/b.mp4?x=1");
        assert_eq!(redact("rtmp://h/live/stream?p=x", StreamName::Public), "rtmp://h/live/stream?p=***");
    }
}
