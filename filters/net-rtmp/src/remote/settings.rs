//! [`Remote`]: a server to connect to, as the user means it: where, how, what it is told, and what is shown of that.

use std::time::Duration;

use weir_plugin::tls::{ClientTls, Tls, Trust};
use weir_plugin::{DialLimits, Error, Options, Result, Target, TcpOptions};
use weir_rtmp::{ClientConfig, Login, Redacted, RtmpUrl, Scheme};

use super::conn;
use crate::settings::{read_file, secret_text, time};

/// Options that say how a server is connected to.
pub(crate) const REMOTE_ONLY: &[&str] = &[
    "rtmp_app",
    "rtmp_playpath",
    "rtmp_tcurl",
    "rtmp_flashver",
    "rtmp_pageurl",
    "rtmp_swfurl",
    "rtmp_conn",
    "tcp_nodelay",
    "ca",
    "pin",
    "insecure",
];

/// The whole way from a name to a stream that moves.
const ATTEMPT: Duration = Duration::from_secs(15);
/// The part of it that is RTMP: handshake, connect, publish or play.
const RTMP: Duration = Duration::from_secs(8);
/// Characters of what a server says that are passed on.
const SAID_MAX: usize = 200;
/// Sent bytes may stay unacknowledged for this long before the system breaks the connection: the second line behind
/// our own look at progress.
const USER_TIMEOUT: Duration = Duration::from_secs(20);

/// What for, and the text of the URL.
#[derive(Clone, Copy)]
pub(crate) enum For<'a> {
    Publish(&'a str),
    Play(&'a str),
}

/// See the module documentation.
#[derive(Clone, Debug)]
pub(crate) struct Remote {
    /// The URL, fit to be shown.
    pub(crate) shown: String,
    pub(crate) target: Target,
    pub(crate) dial: DialLimits,
    pub(crate) attempt: Duration,
    pub(crate) client: ClientConfig,
    pub(crate) login: Option<Login>,
    /// Nothing moving for this long is a stall.
    pub(crate) stall: Duration,
    /// What is to be said at the start.
    pub(crate) warnings: Vec<String>,
}

impl Remote {
    pub(crate) fn new(options: &Options, what: For<'_>) -> Result<Self> {
        let (For::Publish(text) | For::Play(text)) = what;
        let url = RtmpUrl::parse(text).map_err(|e| Error::bad_option(e.to_string()))?;
        if url.has_options {
            return Err(Error::bad_option("the URL has a space in it"));
        }
        let mut warnings = Vec::new();
        let client = client(options, &url, what, &mut warnings)?;
        let (tls, unverified) = tls(options, &url)?;
        let login = (!url.user.is_empty()).then(|| Login { user: url.user.clone(), password: url.password.clone() });
        let stall = time(options, "stall")?;
        // Who plays is no secret; who may publish is.
        let name = match what {
            For::Publish(_) => Redacted::secret(client.name.expose()),
            For::Play(_) => client.name.clone(),
        };
        let shown = RtmpUrl { app: client.app.clone(), name, ..url.clone() };
        Ok(Self {
            shown: format!("{shown}{unverified}"),
            target: Target {
                host: url.host.clone(),
                port: url.port,
                tcp: TcpOptions {
                    nodelay: options.bool("tcp_nodelay") != Some(false),
                    user_timeout: Some(USER_TIMEOUT.max(stall * 2)),
                },
                tls,
            },
            dial: DialLimits::default(),
            attempt: if options.is_given("timeout") { time(options, "timeout")? } else { ATTEMPT },
            client,
            login,
            stall,
            warnings,
        })
    }

    /// What a server said, on one line and without what must not be repeated.
    pub(crate) fn masked(&self, said: &str) -> String {
        let name = self.client.name.expose();
        let (key, query) = name.split_once('?').unwrap_or((name, ""));
        let values = query.split('&').filter_map(|pair| pair.split_once('=')).map(|(_, value)| value);
        let password = self.login.as_ref().map_or("", |login| login.password.expose());
        let secrets = [name, key, password].into_iter().chain(values).filter(|secret| !secret.is_empty());
        let masked = secrets.fold(said.to_owned(), |text, secret| text.replace(secret, "…"));
        masked.chars().take(SAID_MAX).flat_map(char::escape_debug).collect()
    }
}

/// What the server is told: the URL, but for what options say in its place.
fn client(options: &Options, url: &RtmpUrl, what: For<'_>, warnings: &mut Vec<String>) -> Result<ClientConfig> {
    let publishes = matches!(what, For::Publish(_));
    let mut client = if publishes { ClientConfig::publish(url) } else { ClientConfig::play(url) };
    let given = [options.secret("key"), options.secret("rtmp_playpath")];
    let named = given.iter().flatten().count() + usize::from(!url.name.is_empty());
    if named > 1 {
        return Err(Error::bad_option("the stream key is given twice: in the URL, as key= or as rtmp_playpath="));
    }
    if let Some(given) = given.into_iter().flatten().next() {
        let key = secret_text(given)?;
        let key = key.trim_end_matches(['\r', '\n']);
        if key.is_empty() || key.contains(char::is_control) {
            return Err(Error::bad_option("the stream key is empty, or holds a control character"));
        }
        client.name = Redacted::secret(key);
        if publishes && !given.starts_with(['@', '$']) && !given.starts_with("fd:") {
            warnings.push(in_argv());
        }
    } else if (publishes && !url.name.is_empty()) || !url.password.is_empty() {
        warnings.push(in_argv());
    }
    if let Some(app) = options.text("rtmp_app") {
        client.app = Redacted::address(app);
        client.tc_url = RtmpUrl { app: client.app.clone(), ..url.clone() }.tc_url();
    }
    if client.app.is_empty() {
        return Err(Error::bad_option("the URL names no app: rtmp://HOST[:PORT]/APP/NAME"));
    }
    if let Some(tc_url) = options.secret("rtmp_tcurl") {
        client.tc_url = Redacted::address(secret_text(tc_url)?);
    }
    if let Some(version) = options.text("rtmp_flashver") {
        version.clone_into(&mut client.flash_version);
    }
    for (option, property) in [("rtmp_swfurl", "swfUrl"), ("rtmp_pageurl", "pageUrl")] {
        client.properties.extend(options.text(option).map(|text| (property.to_owned(), text.to_owned())));
    }
    if let Some(given) = options.secret("rtmp_conn") {
        client.arguments = conn::parse(&secret_text(given)?)?;
    }
    (client.handshake_deadline, client.connect_deadline, client.play_deadline) = (RTMP, RTMP, RTMP);
    Ok(client)
}

fn in_argv() -> String {
    "the stream key stands in the command line, where others on this machine can read it; use key=@FILE, key=$NAME or \
     key=fd:N"
        .to_owned()
}

/// Encryption, and what is to be shown of it.
fn tls(options: &Options, url: &RtmpUrl) -> Result<(Option<Tls>, &'static str)> {
    let insecure = options.bool("insecure") == Some(true);
    let (ca, pin) = (options.text("ca"), options.text("pin"));
    if url.scheme == Scheme::Rtmp {
        return match (insecure, ca, pin) {
            (false, None, None) => Ok((None, "")),
            _ => Err(Error::bad_option("ca, pin and insecure are for rtmps://")),
        };
    }
    if usize::from(insecure) + usize::from(ca.is_some()) + usize::from(pin.is_some()) > 1 {
        return Err(Error::bad_option("ca, pin and insecure exclude each other"));
    }
    let authorities = ca.map(|path| read_file(path, "ca")).transpose()?;
    let trust = match (&authorities, pin) {
        (Some(pem), _) => Trust::Authorities(pem.as_bytes()),
        (None, Some(pin)) => Trust::Pin(sha256(pin)?),
        (None, None) if insecure => Trust::Anybody,
        (None, None) => Trust::System,
    };
    let what = if ca.is_some() { "ca: " } else { "" };
    let client = ClientTls::new(trust).map_err(|e| Error::bad_option(format!("{what}{e}")))?;
    Ok((Some(Tls::Client(client, url.host.clone())), if insecure { " (not verified)" } else { "" }))
}

/// A SHA-256 in hexadecimal digits, with or without colons.
fn sha256(text: &str) -> Result<[u8; 32]> {
    let wrong = || Error::bad_option("pin is no SHA-256 of a certificate: 64 hexadecimal digits");
    let digits: Option<Vec<u8>> =
        text.chars().filter(|c| *c != ':').map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect();
    let digits = digits.filter(|digits| digits.len() == 64).ok_or_else(wrong)?;
    Ok(std::array::from_fn(|i| digits[2 * i] << 4 | digits[2 * i + 1]))
}
