//! [`Client`]: asks a running session over its API, one question per connection. Waits, so it is for a thread of its own.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// An answer has so long to come.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of an answer, at most.
const ANSWER_BYTES: usize = 16 << 20;

/// Where a session is asked.
pub struct Client {
    address: SocketAddr,
    token: Option<String>,
}

/// Why there is no answer, or that it is no.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AskError {
    /// Nobody answers there, or not in a way that is understood.
    NoAnswer(String),
    /// The session refuses, and says why.
    Refused(String),
}

impl fmt::Display for AskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAnswer(why) | Self::Refused(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for AskError {}

impl Client {
    /// Asks at an address.
    #[must_use]
    pub fn new(address: SocketAddr, token: Option<String>) -> Self {
        Self { address, token }
    }

    /// What is at a path.
    ///
    /// # Errors
    /// See [`AskError`].
    pub fn get(&self, path: &str) -> Result<Value, AskError> {
        self.ask(Method::GET, path, String::new())
    }

    /// Has something done.
    ///
    /// # Errors
    /// See [`AskError`].
    pub fn post(&self, path: &str, body: &Value) -> Result<Value, AskError> {
        self.ask(Method::POST, path, body.to_string())
    }

    fn ask(&self, method: Method, path: &str, body: String) -> Result<Value, AskError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .map_err(|e| AskError::NoAnswer(e.to_string()))?;
        let asked = async { timeout(PATIENCE, self.exchange(method, path, body)).await };
        let (good, bytes) = match runtime.block_on(asked) {
            Ok(answer) => answer.map_err(|why| AskError::NoAnswer(format!("{}: {why}", self.address)))?,
            Err(_) => return Err(AskError::NoAnswer(format!("{} does not answer", self.address))),
        };
        let value: Value = serde_json::from_slice(&bytes)
            .map_err(|_| AskError::NoAnswer(format!("{} answers in a way that is not weir's", self.address)))?;
        if good {
            return Ok(value);
        }
        Err(AskError::Refused(value["error"].as_str().unwrap_or("it refuses, and does not say why").to_owned()))
    }

    /// Whether the answer is good, and its body; or what went wrong on the way.
    async fn exchange(&self, method: Method, path: &str, body: String) -> Result<(bool, Bytes), String> {
        let stream = TcpStream::connect(self.address).await.map_err(|e| e.to_string())?;
        let (mut send, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|e| e.to_string())?;
        // It ends with this runtime.
        tokio::spawn(connection);
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, self.address.to_string())
            .header(CONTENT_TYPE, "application/json");
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request.body(Full::new(Bytes::from(body))).map_err(|e| e.to_string())?;
        let response = send.send_request(request).await.map_err(|e| e.to_string())?;
        let good = response.status().is_success();
        let body = Limited::new(response.into_body(), ANSWER_BYTES).collect().await.map_err(|e| e.to_string())?;
        Ok((good, body.to_bytes()))
    }
}
