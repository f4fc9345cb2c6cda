//! [`ServerTls`]: a certificate and its key from files, taken anew when the files change, on a thread of its own.

use std::fmt;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread;
use std::time::{Duration, SystemTime};

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs as provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::Error;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Longest file of certificates or keys that is read.
const FILE_MAX: u64 = 1 << 20;

/// The server's side, for any number of connections.
#[derive(Clone)]
pub struct ServerTls {
    pub(crate) config: Arc<ServerConfig>,
    /// The watching thread ends when the last of these is dropped.
    _alive: Sender<()>,
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerTls")
    }
}

#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

impl Current {
    fn get(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn set(&self, key: CertifiedKey) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(key);
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.get())
    }
}

impl ServerTls {
    /// Reads both files (PEM: the chain, and its key), and goes on watching them. Files that cannot be used later are left
    /// alone: the last good pair stays.
    ///
    /// # Errors
    /// They cannot be read, or do not belong together.
    pub fn watch(certificate: &Path, key: &Path) -> Result<Self, Error> {
        let paths = [certificate.to_owned(), key.to_owned()];
        let stamps = stamps(&paths);
        let current = Arc::new(Current(RwLock::new(Arc::new(load(&paths)?))));
        let mut config = ServerConfig::builder_with_provider(Arc::new(provider::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|e| Error(e.to_string()))?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&current) as Arc<dyn ResolvesServerCert>);
        // Clients on mbedTLS 3.6 trip over tickets, and players come back too seldom to need them.
        config.send_tls13_tickets = 0;
        let (alive, ended) = channel::<()>();
        let mut seen = stamps;
        let look = move || {
            while ended.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
                let now = self::stamps(&paths);
                if now != seen
                    && let Ok(key) = load(&paths)
                {
                    current.set(key);
                    seen = now;
                }
            }
        };
        thread::Builder::new().name("weir-certs".to_owned()).spawn(look).map_err(|e| Error(e.to_string()))?;
        Ok(Self { config: Arc::new(config), _alive: alive })
    }
}

fn stamps(paths: &[PathBuf; 2]) -> [Option<(SystemTime, u64)>; 2] {
    paths.each_ref().map(|path| {
        let about = fs::metadata(path).ok()?;
        Some((about.modified().ok()?, about.len()))
    })
}

fn load([certificate, key]: &[PathBuf; 2]) -> Result<CertifiedKey, Error> {
    let wrong = |path: &Path, why: &dyn fmt::Display| Error(format!("{}: {why}", path.display()));
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(certificate)?).collect();
    let chain = chain.map_err(|e| wrong(certificate, &e))?;
    if chain.is_empty() {
        return Err(wrong(certificate, &"there is no certificate in it"));
    }
    let private = PrivateKeyDer::from_pem_slice(&read(key)?).map_err(|e| wrong(key, &e))?;
    CertifiedKey::from_der(chain, private, &provider::default_provider()).map_err(|e| wrong(key, &e))
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let failed = |e: std::io::Error| Error(format!("{} cannot be read: {e}", path.display()));
    let mut bytes = Vec::new();
    File::open(path).map_err(failed)?.take(FILE_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > FILE_MAX {
        return Err(Error(format!("{} is longer than {FILE_MAX} bytes", path.display())));
    }
    Ok(bytes)
}
