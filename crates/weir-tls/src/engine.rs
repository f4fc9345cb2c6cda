//! [`Engine`]: one encrypted connection. Never blocks, and never holds more than a record of what was written.

use std::fmt;
use std::io::{self, ErrorKind, IoSlice, Read, Write};

use rustls::pki_types::ServerName;
use rustls::{ClientConnection, Connection, ServerConnection};

use crate::Tls;

/// Plain bytes of one record, at most (RFC 8446 section 5.1).
const RECORD: usize = 16 << 10;

/// One connection. `transport` is always the same non-blocking byte stream.
pub struct Engine {
    tls: Connection,
    scratch: Vec<u8>,
}

impl Engine {
    /// At the start of a connection. A client has something to say at once: call [`Engine::flush`].
    ///
    /// # Errors
    /// The server's name is neither a host name nor an address.
    pub fn new(tls: &Tls) -> io::Result<Self> {
        let tls = match tls {
            Tls::Client(client, name) => {
                let name = ServerName::try_from(name.clone()).map_err(invalid)?;
                ClientConnection::new(client.0.clone(), name).map_err(invalid)?.into()
            }
            Tls::Server(server) => ServerConnection::new(server.config.clone()).map_err(invalid)?.into(),
        };
        Ok(Self { tls, scratch: Vec::new() })
    }

    /// Goes on with the handshake. True when it is done.
    ///
    /// # Errors
    /// The peer is not believed, does not speak TLS, or is gone. `WouldBlock` never.
    pub fn handshake(&mut self, transport: &mut (impl Read + Write)) -> io::Result<bool> {
        loop {
            let blocked = blocks(self.flush(transport))?;
            if !self.tls.is_handshaking() {
                return Ok(!blocked);
            }
            if !self.tls.wants_read() {
                return Ok(false);
            }
            match self.tls.read_tls(transport) {
                Ok(0) => return Err(io::Error::new(ErrorKind::UnexpectedEof, "closed in the TLS handshake")),
                Ok(_) => self.digest(transport)?,
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
    }

    fn digest(&mut self, transport: &mut impl Write) -> io::Result<()> {
        match self.tls.process_new_packets() {
            Ok(_) => Ok(()),
            Err(e) => {
                // The peer is told why, if it can be.
                let _ = self.flush(transport);
                Err(io::Error::new(ErrorKind::InvalidData, explain(&e)))
            }
        }
    }

    /// Reads plain bytes. `Ok(0)` is the end.
    ///
    /// # Errors
    /// `WouldBlock` when there is nothing now; else the connection is over.
    pub fn read(&mut self, transport: &mut (impl Read + Write), buf: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.tls.reader().read(buf) {
                Err(e) if e.kind() == ErrorKind::WouldBlock => {}
                // Many RTMP peers close without TLS's goodbye, and lose nothing by it.
                Err(e) if e.kind() == ErrorKind::UnexpectedEof => return Ok(0),
                result => return result,
            }
            match self.tls.read_tls(transport) {
                Ok(0) => return Ok(0),
                Ok(_) => self.digest(transport)?,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
            blocks(self.flush(transport))?;
        }
    }

    /// Encrypts and writes one record of the buffers, once all before it is taken, and says how many plain bytes it was.
    ///
    /// # Errors
    /// `WouldBlock` when the transport takes nothing now; else the connection is over.
    pub fn write(&mut self, transport: &mut impl Write, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.flush(transport)?;
        if self.tls.is_handshaking() {
            return Err(ErrorKind::WouldBlock.into());
        }
        self.scratch.clear();
        for buf in bufs {
            let room = RECORD - self.scratch.len();
            self.scratch.extend_from_slice(&buf[..buf.len().min(room)]);
        }
        let taken = self.tls.writer().write(&self.scratch)?;
        blocks(self.flush(transport))?;
        Ok(taken)
    }

    /// Writes what is encrypted and not taken yet.
    ///
    /// # Errors
    /// As for [`Engine::write`].
    pub fn flush(&mut self, transport: &mut impl Write) -> io::Result<()> {
        while self.tls.wants_write() {
            match self.tls.write_tls(transport) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(_) => {}
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// Says goodbye, as far as the transport takes it. True when it did.
    pub fn close(&mut self, transport: &mut impl Write) -> bool {
        self.tls.send_close_notify();
        self.flush(transport).is_ok()
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("handshaking", &self.tls.is_handshaking()).finish_non_exhaustive()
    }
}

/// Whether a call would have blocked; other errors stay.
fn blocks(result: io::Result<()>) -> io::Result<bool> {
    match result {
        Ok(()) => Ok(false),
        Err(e) if e.kind() == ErrorKind::WouldBlock => Ok(true),
        Err(e) => Err(e),
    }
}

fn invalid(e: impl fmt::Display) -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, e.to_string())
}

/// What went wrong, for people.
fn explain(e: &rustls::Error) -> String {
    use rustls::{CertificateError as Why, Error};
    match e {
        Error::InvalidCertificate(Why::UnknownIssuer) => {
            "the certificate is not trusted: nobody known vouches for it; use ca= or pin=".to_owned()
        }
        Error::InvalidCertificate(Why::NotValidForName | Why::NotValidForNameContext { .. }) => {
            "the certificate is for another name".to_owned()
        }
        Error::InvalidCertificate(Why::Expired | Why::ExpiredContext { .. }) => {
            "the certificate has expired".to_owned()
        }
        Error::InvalidCertificate(Why::ApplicationVerificationFailure) => {
            "the certificate is not the one of pin=".to_owned()
        }
        Error::InvalidCertificate(Why::Other(_)) => {
            "the certificate is not trusted: it vouches for itself; use ca= or pin=".to_owned()
        }
        Error::InvalidMessage(_) => "the peer does not speak TLS".to_owned(),
        e => e.to_string(),
    }
}
