//! Who is answered: requests that name this host, that no foreign page makes, and that know the token where there is one.

use hyper::StatusCode;
use hyper::header::{AUTHORIZATION, HOST, HeaderName, ORIGIN};
use hyper::http::request::Parts;

use crate::Shared;
use crate::answer::{Answer, error};

/// Refuses what a page of another site makes a browser send: a foreign `Origin`, and on a loopback address a foreign
/// `Host`, which is how a name that is made to point here shows (DNS rebinding). On other addresses the token stands
/// against that.
pub(crate) fn check(head: &Parts, shared: &Shared) -> Result<(), Answer> {
    let host = text(head, &HOST).or_else(|| head.uri.authority().map(|a| a.as_str()));
    let Some(host) = host else { return Err(error(StatusCode::BAD_REQUEST, "the request names no host")) };
    if shared.address.ip().is_loopback() && !is_here(host, shared.address.port()) {
        return Err(error(StatusCode::FORBIDDEN, "this host answers to localhost only"));
    }
    let origin = text(head, &ORIGIN).map(|o| o.split_once("://").map_or("", |(_, host)| host));
    if head.headers.contains_key(ORIGIN) && !origin.is_some_and(|o| o.eq_ignore_ascii_case(host)) {
        return Err(error(StatusCode::FORBIDDEN, "pages of other sites are not answered"));
    }
    Ok(())
}

/// Whether a `Host` is a name of the loopback address, with the right port or none.
fn is_here(host: &str, port: u16) -> bool {
    let port = format!(":{port}");
    let name = host.strip_suffix(port.as_str()).unwrap_or(host);
    name == "[::1]"
        || name.eq_ignore_ascii_case("localhost")
        || name.parse::<std::net::Ipv4Addr>().is_ok_and(|a| a.is_loopback())
}

/// Asks for the token, where there is one.
pub(crate) fn check_token(head: &Parts, shared: &Shared) -> Result<(), Answer> {
    let Some(token) = &shared.token else { return Ok(()) };
    let given = text(head, &AUTHORIZATION).and_then(|a| a.split_once(' '));
    match given {
        Some((scheme, given)) if scheme.eq_ignore_ascii_case("bearer") && is_same(given.trim(), token) => Ok(()),
        _ => Err(error(StatusCode::UNAUTHORIZED, "a token is needed: Authorization: Bearer TOKEN")),
    }
}

fn text<'a>(head: &'a Parts, name: &HeaderName) -> Option<&'a str> {
    head.headers.get(name)?.to_str().ok()
}

/// Compares in a time that depends on the given text only.
fn is_same(given: &str, token: &str) -> bool {
    let token = token.as_bytes();
    let differs = given
        .bytes()
        .enumerate()
        .fold(given.len() ^ token.len(), |differs, (i, byte)| differs | usize::from(byte ^ token[i % token.len()]));
    differs == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_has_few_names() {
        for host in ["127.0.0.1:9090", "localhost:9090", "LOCALHOST", "127.0.0.1", "[::1]:9090", "127.8.8.8:9090"] {
            assert!(is_here(host, 9090), "{host}");
        }
        for host in ["evil.example:9090", "localhost:80", "127.0.0.1.evil.example", "10.0.0.1:9090", "", ":9090"] {
            assert!(!is_here(host, 9090), "{host}");
        }
    }

    #[test]
    fn only_the_same_is_the_same() {
        assert!(is_same("0123456789abcdef", "0123456789abcdef"));
        for given in ["", "0", "0123456789abcdeF", "0123456789abcdef0", "0123456789abcdef0123456789abcdef"] {
            assert!(!is_same(given, "0123456789abcdef"), "{given}");
        }
    }
}
