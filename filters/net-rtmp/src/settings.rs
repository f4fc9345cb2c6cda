//! What the user asked of an output, checked and resolved before anything listens.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::legacy::Form;
use crate::push::push_only;
use weir_plugin::tls::{ServerTls, Tls};
use weir_plugin::{Error, ErrorKind, Options, Result};
use weir_rtmp::ring::{LagPolicy, RingLimits, Start};
use weir_rtmp::{RtmpUrl, Scheme, StreamPath};

/// Longest file of keys or certificates that is read.
const FILE_MAX: u64 = 1 << 20;
/// Shortest deadline and shortest lag that leave anybody a chance.
const TIME_MIN: Duration = Duration::from_millis(100);

/// Longest wait for others to be written with: a few groups of pictures, and far below any lag limit in use.
const LATENCY_MAX: Duration = Duration::from_secs(2);

/// Limits of an address; those of the first output on it hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct AddressLimits {
    pub(crate) connections: usize,
    pub(crate) new: usize,
    pub(crate) per_ip: usize,
    pub(crate) timeout: Duration,
}

/// What one output serves, and to whom.
#[derive(Clone)]
pub(crate) struct StreamSettings {
    /// App and name players ask for.
    pub(crate) path: StreamPath,
    pub(crate) start: Start,
    /// Who may play.
    pub(crate) gate: Gate,
    pub(crate) stall: Duration,
    /// Longest wait of a message for others to be written with it.
    pub(crate) latency: Duration,
    pub(crate) lag: LagPolicy,
    pub(crate) ring: RingLimits,
    pub(crate) form: Form,
}

/// Everything about one output.
pub(crate) struct Settings {
    pub(crate) at: Address,
    pub(crate) stream: StreamSettings,
}

impl Settings {
    pub(crate) fn new(options: &Options) -> Result<Self> {
        let text = options
            .text("dst")
            .ok_or_else(|| Error::bad_option("an RTMP output needs a URL: rtmp://HOST[:PORT]/APP[/NAME]"))?;
        if let Some(name) = push_only(options) {
            return Err(Error::bad_option(format!("{name} is for pushing, and this output listens: leave it out")));
        }
        let (at, path) = Address::new(options, text)?;
        Ok(Self { at, stream: stream(options, path)? })
    }
}

/// Where to listen, and what holds for all connections there.
#[derive(Clone)]
pub(crate) struct Address {
    pub(crate) addr: SocketAddr,
    /// The URL, fit to be shown.
    pub(crate) shown: String,
    pub(crate) limits: AddressLimits,
    /// The user gave at least one of the limits.
    pub(crate) limits_given: bool,
    /// Encryption, for `rtmps://`.
    pub(crate) tls: Option<Tls>,
}

impl Address {
    /// From the URL of a listener and its options; and the stream that is meant there.
    pub(crate) fn new(options: &Options, text: &str) -> Result<(Self, StreamPath)> {
        let url = RtmpUrl::parse(text).map_err(|e| Error::bad_option(e.to_string()))?;
        let tls = tls(options, url.scheme)?;
        if url.has_options {
            return Err(Error::bad_option("the URL has a space in it"));
        }
        if !url.user.is_empty() || !url.password.is_empty() {
            return Err(Error::bad_option("a listener takes no user and password; use key="));
        }
        let path = url.stream_path().map_err(|e| Error::bad_option(e.to_string()))?;
        if !path.query.is_empty() {
            return Err(Error::bad_option("the URL of a listener takes no query; use key="));
        }
        if path.app.is_empty() {
            return Err(Error::bad_option("the URL names no app: rtmp://HOST[:PORT]/APP[/NAME]"));
        }
        let addr = SocketAddr::new(local_address(&url.host)?, url.port);
        let shown = format!("{}://{}:{}/{}", url.scheme.as_str(), bracketed(&url.host), url.port, path.expose());
        let limits_given = ["maxconn", "maxnew", "maxip", "timeout"].iter().any(|name| options.is_given(name));
        Ok((Self { addr, shown, limits: limits(options)?, limits_given, tls }, path))
    }
}

fn tls(options: &Options, scheme: Scheme) -> Result<Option<Tls>> {
    match (scheme, options.text("cert"), options.text("cert_key")) {
        (Scheme::Rtmp, None, None) => Ok(None),
        (Scheme::Rtmp, ..) => Err(Error::bad_option("cert and cert_key are for rtmps://")),
        (Scheme::Rtmps, Some(certificate), Some(key)) => {
            let tls = ServerTls::watch(certificate.as_ref(), key.as_ref());
            Ok(Some(Tls::Server(tls.map_err(|e| Error::new(ErrorKind::Io, e.to_string()))?)))
        }
        (Scheme::Rtmps, ..) => {
            Err(Error::bad_option("a listener for rtmps:// needs cert=FILE and cert_key=FILE, in PEM"))
        }
    }
}

fn limits(options: &Options) -> Result<AddressLimits> {
    let count = |name| options.int(name).and_then(|n| usize::try_from(n).ok()).unwrap_or(usize::MAX);
    Ok(AddressLimits {
        connections: count("maxconn"),
        new: count("maxnew"),
        per_ip: count("maxip"),
        timeout: time(options, "timeout")?,
    })
}

fn stream(options: &Options, path: StreamPath) -> Result<StreamSettings> {
    let (hard, latency) = (time(options, "lag")?, latency(options)?);
    let drop_to_key = match options.word("drop") {
        Some("disposable") => hard,
        Some(word @ ("block" | "disconnect")) => {
            return Err(Error::bad_option(format!("drop={word} is for pushing, and this output listens")));
        }
        _ => hard * 3 / 10,
    };
    let start = match options.word("start") {
        Some("live") => Start::Live,
        Some("next") => Start::Next,
        _ => Start::Key,
    };
    let bytes = options.int("buffer").and_then(|n| usize::try_from(n).ok()).unwrap_or(usize::MAX);
    let span = hard + latency + Duration::from_secs(1);
    let group_span = RingLimits::default().group_span.max(span);
    Ok(StreamSettings {
        path,
        start,
        gate: Gate::new(options)?,
        stall: time(options, "stall")?,
        latency,
        // Waiting for company is no lag.
        lag: LagPolicy {
            drop_disposable: hard * 7 / 30 + latency,
            drop_to_key: drop_to_key + latency,
            hard: hard + latency,
        },
        ring: RingLimits { bytes, span, group_span },
        form: Form::new(options),
    })
}

/// Who waits longer than its lag limit would only ever be dropped.
fn latency(options: &Options) -> Result<Duration> {
    let latency = Duration::from_millis(options.millis("latency").unwrap_or_default());
    if latency <= LATENCY_MAX {
        Ok(latency)
    } else {
        Err(Error::bad_option(format!("latency is more than {} s", LATENCY_MAX.as_secs())))
    }
}

pub(crate) fn time(options: &Options, name: &str) -> Result<Duration> {
    let time = Duration::from_millis(options.millis(name).unwrap_or_default());
    if time >= TIME_MIN {
        Ok(time)
    } else {
        Err(Error::bad_option(format!("{name} is less than {} ms", TIME_MIN.as_millis())))
    }
}

/// An address of this machine. Names are not looked up: a listener that waits for a name server would not be up.
fn local_address(host: &str) -> Result<IpAddr> {
    match host {
        "" | "*" => Ok(Ipv4Addr::UNSPECIFIED.into()),
        "localhost" => Ok(Ipv4Addr::LOCALHOST.into()),
        _ => host.parse().map_err(|_| {
            Error::bad_option(format!("{host} is no address to listen on; use an IP address, localhost or *"))
        }),
    }
}

fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

/// Who may come.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    /// Keys, any of which opens it; empty lets everybody in.
    pub(crate) keys: Vec<String>,
    pub(crate) allow: Vec<Network>,
}

impl Gate {
    pub(crate) fn new(options: &Options) -> Result<Self> {
        let allow = options.texts("allow").unwrap_or_default();
        let allow = allow.iter().map(|text| Network::parse(text)).collect::<Result<_>>()?;
        Ok(Self { keys: keys(options.secret("key"))?, allow })
    }

    /// Whether a client from `peer` that asks for `wanted` may have it.
    pub(crate) fn admits(&self, peer: IpAddr, wanted: &StreamPath) -> bool {
        let from_there = self.allow.is_empty() || self.allow.iter().any(|n| n.contains(peer));
        let given = wanted.parameter("key").unwrap_or_default();
        // Every key is looked at to its end, so that the time taken says nothing about them.
        let has_key = self.keys.iter().fold(false, |found, key| found | same_text(key, given));
        from_there && (self.keys.is_empty() || has_key)
    }
}

/// Equality in a time that depends on the given text only.
fn same_text(key: &str, given: &str) -> bool {
    let key = key.as_bytes();
    let difference = given
        .bytes()
        .enumerate()
        .fold(key.len() ^ given.len(), |diff, (i, b)| diff | usize::from(b ^ key.get(i).copied().unwrap_or(!b)));
    difference == 0
}

/// Keys of `TEXT`, `@FILE` or `$VARIABLE`. What was given never appears in an error: it could be a key that happens to
/// begin with such a sign.
fn keys(given: Option<&str>) -> Result<Vec<String>> {
    let Some(given) = given else { return Ok(Vec::new()) };
    let text = secret_text(given)?;
    let keys: Vec<String> =
        text.split([',', '\n', '\r']).map(str::trim).filter(|k| !k.is_empty()).map(str::to_owned).collect();
    if keys.is_empty() {
        return Err(Error::bad_option("key is empty, so that nobody could play"));
    }
    // Players send it as a part of a query, as it is.
    if keys.iter().any(|key| key.contains(|c: char| c == '&' || c.is_whitespace() || c.is_control())) {
        return Err(Error::bad_option(
            "a key holds a space, a control character or &, so that no player could send it",
        ));
    }
    Ok(keys)
}

/// The secret that `TEXT`, `@FILE`, `$VARIABLE` or `fd:N` stands for. What was given never appears in an error.
pub(crate) fn secret_text(given: &str) -> Result<String> {
    if let Some(path) = given.strip_prefix('@') {
        read_file(path, "the key file")
    } else if let Some(descriptor) = given.strip_prefix("fd:").and_then(|n| n.parse::<u32>().ok()) {
        read_file(&format!("/dev/fd/{descriptor}"), "the key's descriptor")
    } else if let Some(name) = given.strip_prefix('$') {
        std::env::var(name)
            .map_err(|_| Error::bad_option("key: there is no environment variable of that name, or it is no text"))
    } else {
        Ok(given.to_owned())
    }
}

/// Reads a short file.
pub(crate) fn read_file(path: &str, what: &str) -> Result<String> {
    use std::io::Read;
    let failed = |e: std::io::Error| Error::new(ErrorKind::Io, format!("{what} cannot be read: {e}"));
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(FILE_MAX + 1).read_to_string(&mut text).map_err(failed)?;
    if text.len() as u64 > FILE_MAX {
        return Err(Error::bad_option(format!("{what} is longer than {FILE_MAX} bytes")));
    }
    Ok(text)
}

/// A network: an address and how many of its leading bits count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let wrong = || Error::bad_option(format!("allow: {text} is no address or network such as 10.0.0.0/8"));
        let (address, bits) = text.split_once('/').map_or((text, None), |(a, b)| (a, Some(b)));
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let width: u32 = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(width), str::parse).map_err(|_| wrong())?;
        match (address.to_canonical(), width.checked_sub(bits)) {
            (_, None) => Err(wrong()),
            // Peers are compared in canonical form.
            (IpAddr::V4(v4), Some(host_bits)) => {
                Ok(Self { address: v4.into(), bits: 32_u32.checked_sub(host_bits).ok_or_else(wrong)? })
            }
            (address, _) => Ok(Self { address, bits }),
        }
    }

    pub(crate) fn contains(self, other: IpAddr) -> bool {
        match (self.address, other.to_canonical()) {
            (IpAddr::V4(a), IpAddr::V4(b)) => {
                same_bits(u128::from(a.to_bits()) << 96, u128::from(b.to_bits()) << 96, self.bits)
            }
            (IpAddr::V6(a), IpAddr::V6(b)) => same_bits(a.to_bits(), b.to_bits(), self.bits),
            _ => false,
        }
    }
}

fn same_bits(a: u128, b: u128, bits: u32) -> bool {
    (a ^ b).leading_zeros() >= bits
}
