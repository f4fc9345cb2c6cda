//! [`Login`]: user and password for servers that ask for them, in the manner of Adobe ("adobe", as FMLE) and of Limelight
//! ("llnw"). Each step is a connection of its own: the server refuses, and says in the refusal what it wants to hear next.

use md5::{Digest, Md5};

use crate::Redacted;

/// Counter of requests with one nonce; every connection makes one.
const NONCE_COUNT: &str = "00000001";

/// User and password.
#[derive(Clone, Debug)]
pub struct Login {
    /// The user.
    pub user: Redacted,
    /// The password.
    pub password: Redacted,
}

/// What a refusal asks of the client.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NextStep {
    /// Connect again with this behind app and tcUrl.
    Connect(Redacted),
    /// User or password are wrong.
    Wrong,
    /// There is no login in it.
    None,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Adobe,
    Limelight,
}

impl Scheme {
    const ALL: [Self; 2] = [Self::Adobe, Self::Limelight];

    const fn name(self) -> &'static str {
        match self {
            Self::Adobe => "adobe",
            Self::Limelight => "llnw",
        }
    }
}

fn scheme(description: &str) -> Option<Scheme> {
    Scheme::ALL.into_iter().find(|scheme| description.contains(&format!("authmod={}", scheme.name())))
}

impl Login {
    /// Whether a refusal with this description asks for a user and a password.
    #[must_use]
    pub fn is_wanted(description: &str) -> bool {
        scheme(description).is_some()
    }

    /// What to do after a refusal with `description` of a connection to `app` (as it is without what a login appends).
    /// `nonce` is drawn at random.
    #[must_use]
    pub fn next_step(&self, description: &str, app: &str, nonce: [u8; 4]) -> NextStep {
        let Some(scheme) = scheme(description) else { return NextStep::None };
        if ["?reason=authfailed", "?reason=nosuchuser"].iter().any(|why| description.contains(why)) {
            return NextStep::Wrong;
        }
        let (name, user) = (scheme.name(), self.user.expose());
        let Some((_, challenge)) = description.split_once("?reason=needauth") else {
            return if description.contains("code=403 need auth") {
                NextStep::Connect(Redacted::secret(format!("?authmod={name}&user={user}")))
            } else {
                NextStep::None
            };
        };
        let field = |key: &str| {
            let mut pairs = challenge.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(k, _)| *k == key).map(|(_, value)| value.trim_end())
        };
        let nonce = hex(&nonce);
        let answer = match scheme {
            Scheme::Adobe => self.adobe(field, &nonce),
            Scheme::Limelight => self.limelight(field, app, &nonce),
        };
        NextStep::Connect(Redacted::secret(format!("?authmod={name}&user={user}&{answer}")))
    }

    fn adobe<'a>(&self, field: impl Fn(&str) -> Option<&'a str>, nonce: &str) -> String {
        let (salt, opaque) = (field("salt").unwrap_or_default(), field("opaque"));
        let challenge = field("challenge").unwrap_or_default();
        let secret = base64(&md5(&[self.user.expose(), salt, self.password.expose()]));
        let response = base64(&md5(&[&secret, opaque.unwrap_or(challenge), nonce]));
        let tail = opaque.map(|opaque| format!("&opaque={opaque}")).unwrap_or_default();
        format!("challenge={nonce}&response={response}{tail}")
    }

    fn limelight<'a>(&self, field: impl Fn(&str) -> Option<&'a str>, app: &str, cnonce: &str) -> String {
        let nonce = field("nonce").unwrap_or_default();
        let app = app.split('?').next().unwrap_or_default();
        let instance = if app.contains('/') { "" } else { "/_definst_" };
        let who = hex(&md5(&[self.user.expose(), ":live:", self.password.expose()]));
        let what = hex(&md5(&["publish:/", app, instance]));
        let response = hex(&md5(&[&who, ":", nonce, ":", NONCE_COUNT, ":", cnonce, ":auth:", &what]));
        format!("nonce={nonce}&cnonce={cnonce}&nc={NONCE_COUNT}&response={response}")
    }
}

fn md5(parts: &[&str]) -> [u8; 16] {
    let mut digest = Md5::new();
    parts.iter().for_each(|part| digest.update(part.as_bytes()));
    digest.finalize().into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Base64 with padding (RFC 4648 section 4).
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits = group.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for digit in 0..4 {
            let index = bits >> (18 - 6 * digit) & 63;
            text.push(if digit <= group.len() { char::from(ALPHABET[index as usize]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login() -> Login {
        Login { user: Redacted::name("user"), password: Redacted::secret("secret") }
    }

    fn connect(description: &str, app: &str) -> String {
        match login().next_step(description, app, [0, 0, 0xab, 0xcd]) {
            NextStep::Connect(suffix) => suffix.expose().to_owned(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn base64_pads() {
        assert_eq!(
            ["", "f", "fo", "foo", "foob"].map(|t| base64(t.as_bytes())),
            ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg=="]
        );
    }

    #[test]
    fn adobe_in_three_steps() {
        let first = connect("[ AccessManager.Reject ] : [ code=403 need auth; authmod=adobe ] : ", "live");
        assert_eq!(first, "?authmod=adobe&user=user");
        let asked = "[ AccessManager.Reject ] : [ authmod=adobe ] : ?reason=needauth&user=user&salt=s4lt";
        assert_eq!(
            connect(&format!("{asked}&challenge=ch4l&opaque=0paq"), "live"),
            "?authmod=adobe&user=user&challenge=0000abcd&response=AQ7ebmFjUcRwBfzdLUl3lA==&opaque=0paq"
        );
        assert_eq!(
            connect(&format!("{asked}&challenge=ch4l"), "live"),
            "?authmod=adobe&user=user&challenge=0000abcd&response=gM7Z2/BIYE0evtdTD/Q5nA=="
        );
        let wrong = "[ AccessManager.Reject ] : [ authmod=adobe ] : ?reason=authfailed&opaque=x";
        assert_eq!(login().next_step(wrong, "live", [0; 4]), NextStep::Wrong);
    }

    #[test]
    fn limelight_answers_with_a_digest() {
        let asked = "[ AccessManager.Reject ] : [ authmod=llnw ] : ?reason=needauth&user=user&nonce=n0nce";
        assert_eq!(
            connect(asked, "myapp"),
            "?authmod=llnw&user=user&nonce=n0nce&cnonce=0000abcd&nc=00000001&response=b543e070e648d13183f87bb69d99f60d"
        );
    }

    #[test]
    fn other_refusals_ask_for_nothing() {
        for text in ["", "no such app", "authmod=", "authmod=adobe"] {
            assert_eq!(login().next_step(text, "live", [0; 4]), NextStep::None);
        }
        assert!(!Login::is_wanted("bad key") && Login::is_wanted("[ code=403 need auth; authmod=llnw ]"));
    }
}
