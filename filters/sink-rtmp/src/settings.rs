//! What the user asked of an output, checked and resolved before anything listens.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use weir_plugin::{Error, ErrorKind, Options, Result};
use weir_rtmp::ring::{LagPolicy, RingLimits, Start};
use weir_rtmp::{RtmpUrl, Scheme, StreamPath};

/// Longest key file that is read.
const KEY_FILE_MAX: u64 = 64 * 1024;

/// Limits of an address; those of the first output on it hold.
#[derive(Clone, Copy, Debug)]
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
    /// Keys, any of which lets a player in; empty lets everybody in.
    pub(crate) keys: Vec<String>,
    pub(crate) allow: Vec<Network>,
    pub(crate) stall: Duration,
    pub(crate) lag: LagPolicy,
    pub(crate) ring: RingLimits,
}

/// Everything about one output.
pub(crate) struct Settings {
    pub(crate) addr: SocketAddr,
    /// The URL, fit to be shown.
    pub(crate) shown: String,
    pub(crate) limits: AddressLimits,
    pub(crate) stream: StreamSettings,
}

impl Settings {
    pub(crate) fn new(options: &Options) -> Result<Self> {
        let text =
            options.text("dst").ok_or_else(|| bad("an RTMP output needs a URL: rtmp://HOST[:PORT]/APP[/NAME]"))?;
        if options.bool("rtmp_listen") != Some(true) {
            return Err(bad("pushing to an RTMP server is not possible yet; add :rtmp_listen=1 to serve players here"));
        }
        let url = RtmpUrl::parse(text).map_err(|e| bad(e.to_string()))?;
        if url.scheme != Scheme::Rtmp {
            return Err(bad("rtmps:// cannot be served yet"));
        }
        if !url.user.is_empty() {
            return Err(bad("a listener takes no user and password; use key="));
        }
        let path = url.stream_path().map_err(|e| bad(e.to_string()))?;
        if path.app.is_empty() {
            return Err(bad("the URL names no app: rtmp://HOST[:PORT]/APP[/NAME]"));
        }
        let addr = SocketAddr::new(local_address(&url.host)?, url.port);
        let shown = format!("rtmp://{}:{}/{}", bracketed(&url.host), url.port, path.expose());
        Ok(Self { addr, shown, limits: limits(options), stream: stream(options, path)? })
    }
}

fn limits(options: &Options) -> AddressLimits {
    let count = |name| options.int(name).and_then(|n| usize::try_from(n).ok()).unwrap_or(usize::MAX);
    AddressLimits {
        connections: count("maxconn"),
        new: count("maxnew"),
        per_ip: count("maxip"),
        timeout: millis(options, "timeout"),
    }
}

fn stream(options: &Options, path: StreamPath) -> Result<StreamSettings> {
    let hard = millis(options, "lag");
    let start = match options.word("start") {
        Some("live") => Start::Live,
        Some("next") => Start::Next,
        _ => Start::Key,
    };
    let bytes = options.int("buffer").and_then(|n| usize::try_from(n).ok()).unwrap_or(usize::MAX);
    let allow = options.texts("allow").unwrap_or_default();
    Ok(StreamSettings {
        path,
        start,
        keys: keys(options.secret("key"))?,
        allow: allow.iter().map(|text| Network::parse(text)).collect::<Result<_>>()?,
        stall: millis(options, "stall"),
        lag: LagPolicy { drop_disposable: hard * 7 / 30, drop_to_key: hard * 3 / 10, hard },
        ring: RingLimits { bytes, span: hard + Duration::from_secs(1), ..RingLimits::default() },
    })
}

fn millis(options: &Options, name: &str) -> Duration {
    Duration::from_millis(options.millis(name).unwrap_or_default())
}

fn bad(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::BadOption, message)
}

/// An address of this machine. Names are not looked up: a listener that waits for a name server would not be up.
fn local_address(host: &str) -> Result<IpAddr> {
    match host {
        "" | "*" => Ok(Ipv4Addr::UNSPECIFIED.into()),
        "localhost" => Ok(Ipv4Addr::LOCALHOST.into()),
        _ => host
            .parse()
            .map_err(|_| bad(format!("{host} is no address to listen on; use an IP address, localhost or *"))),
    }
}

fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

/// Keys of `TEXT`, `@FILE` or `$VARIABLE`. A key never appears in an error.
fn keys(given: Option<&str>) -> Result<Vec<String>> {
    let Some(given) = given else { return Ok(Vec::new()) };
    let text = if let Some(path) = given.strip_prefix('@') {
        read_key_file(path)?
    } else if let Some(name) = given.strip_prefix('$') {
        std::env::var(name).map_err(|_| bad(format!("key: there is no environment variable {name}")))?
    } else {
        given.to_owned()
    };
    let keys: Vec<String> =
        text.split([',', '\n', '\r']).map(str::trim).filter(|k| !k.is_empty()).map(str::to_owned).collect();
    if keys.is_empty() { Err(bad("key is empty, so that nobody could play")) } else { Ok(keys) }
}

fn read_key_file(path: &str) -> Result<String> {
    use std::io::Read;
    let failed = |e: std::io::Error| Error::new(ErrorKind::Io, format!("key file {path}: {e}"));
    let mut text = String::new();
    std::fs::File::open(path).map_err(failed)?.take(KEY_FILE_MAX).read_to_string(&mut text).map_err(failed)?;
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
        let wrong = || bad(format!("allow: {text} is no address or network such as 10.0.0.0/8"));
        let (address, bits) = text.split_once('/').map_or((text, None), |(a, b)| (a, Some(b)));
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(width), str::parse).map_err(|_| wrong())?;
        if bits <= width { Ok(Self { address, bits }) } else { Err(wrong()) }
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
