//! Our own player: weir's RTMP client engine on a plain blocking socket, so that a test sees every message.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};
use std::{fs, io};

use weir_flv::{Tag, TagKind, Unwrapper, write_tag};
use weir_media::{Bytes, BytesMut, Time};
use weir_rtmp::message::{Message, kind};
use weir_rtmp::{ClientConfig, ClientEvent, ClientSession, RtmpUrl};

use crate::wait;

/// How long one read waits before the time is looked at.
const READ: Duration = Duration::from_millis(200);

/// A media message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Media {
    /// Audio, video or script data.
    pub kind: TagKind,
    /// As on the wire.
    pub timestamp: u32,
    /// Milliseconds that go on where the 32 bits of the wire wrap.
    pub millis: i64,
    /// The body, as in an FLV tag.
    pub body: Bytes,
}

impl Media {
    /// A sequence header.
    #[must_use]
    pub fn is_header(&self) -> bool {
        self.kind != TagKind::Script && self.body.get(1) == Some(&0)
    }

    /// A video key frame.
    #[must_use]
    pub fn is_key_frame(&self) -> bool {
        self.kind == TagKind::Video && !self.is_header() && self.body.first().is_some_and(|b| b >> 4 == 1)
    }

    /// A coded picture, key frame or not.
    #[must_use]
    pub fn is_picture(&self) -> bool {
        self.kind == TagKind::Video && self.body.get(1) == Some(&1)
    }
}

/// A player that has been let in, or is about to be.
#[derive(Debug)]
pub struct Client {
    socket: TcpStream,
    session: ClientSession,
    start: Instant,
    unwrapper: Unwrapper,
}

/// How playing ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum End {
    /// The server said that the stream is over.
    Ended,
    /// The server refused or ended it with this status code.
    Refused(String),
    /// The connection closed without a word, or broke.
    Closed,
}

impl Client {
    /// Connects and asks for what `url` says, whose host is this machine.
    ///
    /// # Errors
    /// Nobody listens.
    ///
    /// # Panics
    /// When `url` is none.
    pub fn play(url: &str) -> io::Result<Self> {
        let url = RtmpUrl::parse(url).expect("tests write good URLs");
        let socket = TcpStream::connect((Ipv4Addr::LOCALHOST, url.port))?;
        socket.set_read_timeout(Some(READ))?;
        socket.set_nodelay(true)?;
        let mut config = ClientConfig::play(&url);
        config.handshake_deadline = wait::TIMEOUT;
        config.connect_deadline = wait::TIMEOUT;
        config.play_deadline = wait::TIMEOUT;
        let session = ClientSession::new(config, &[7; 32], Time::ZERO);
        Ok(Self { socket, session, start: Instant::now(), unwrapper: Unwrapper::default() })
    }

    /// The next media message, or how it ended.
    ///
    /// # Errors
    /// The end, whatever kind it is of.
    ///
    /// # Panics
    /// When nothing happens for [`wait::TIMEOUT`].
    #[track_caller]
    #[expect(clippy::should_implement_trait, reason = "the end is a value here, not nothing")]
    pub fn next(&mut self) -> Result<Media, End> {
        let since = Instant::now();
        let mut last_status = String::new();
        loop {
            match self.session.poll_event() {
                Some(ClientEvent::Media(message)) => return Ok(self.media(message)),
                Some(ClientEvent::Ended) => return Err(End::Ended),
                Some(ClientEvent::Status { code, .. }) => last_status = code,
                Some(_) => {}
                None => self.exchange().map_err(|e| self.end_of(&e, &last_status))?,
            }
            assert!(since.elapsed() < wait::TIMEOUT, "a player waited in vain, {:?}", self.session);
        }
    }

    /// Receives until `enough` says so of a message; answers all messages up to that one.
    ///
    /// # Errors
    /// It ended before.
    #[track_caller]
    pub fn take_until(&mut self, mut enough: impl FnMut(&Media) -> bool) -> Result<Vec<Media>, End> {
        let (mut got, since) = (Vec::new(), Instant::now());
        loop {
            assert!(since.elapsed() < wait::TIMEOUT, "a player got {} messages, but in vain", got.len());
            let media = self.next()?;
            let is_last = enough(&media);
            got.push(media);
            if is_last {
                return Ok(got);
            }
        }
    }

    /// Receives everything up to the end.
    #[track_caller]
    pub fn take_all(&mut self) -> (Vec<Media>, End) {
        let mut got = Vec::new();
        loop {
            match self.next() {
                Ok(media) => got.push(media),
                Err(end) => return (got, end),
            }
        }
    }

    /// What the socket is, for tests that misuse it.
    #[must_use]
    pub fn socket(&self) -> &TcpStream {
        &self.socket
    }

    fn end_of(&mut self, error: &io::Error, last_status: &str) -> End {
        // A refusal is an error of the session; its status waits among the events.
        while let Some(event) = self.session.poll_event() {
            if let ClientEvent::Status { code, is_error: true } = event {
                return End::Refused(code);
            }
        }
        if error.kind() == ErrorKind::InvalidData { End::Refused(last_status.to_owned()) } else { End::Closed }
    }

    /// Sends what there is to send, and reads once.
    fn exchange(&mut self) -> io::Result<()> {
        while let Some(bytes) = self.session.poll_transmit() {
            self.socket.write_all(&bytes)?;
        }
        let mut buffer = [0; 64 * 1024];
        match self.socket.read(&mut buffer) {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Ok(n) => {
                let now = Time::from_micros(self.start.elapsed().as_micros().try_into().unwrap_or(u64::MAX));
                self.session.handle_input(&buffer[..n], now).map_err(|e| io::Error::new(ErrorKind::InvalidData, e))
            }
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ok(()),
            Err(e) => Err(e),
        }
    }

    fn media(&mut self, message: Message) -> Media {
        let kind = match message.kind {
            kind::AUDIO => TagKind::Audio,
            kind::VIDEO => TagKind::Video,
            _ => TagKind::Script,
        };
        let mut media = Media { kind, timestamp: message.timestamp, millis: 0, body: message.body };
        // Headers and script data may carry any time; only coded media moves the timeline on.
        let mut aside = self.unwrapper;
        let is_coded = kind != TagKind::Script && !media.is_header();
        media.millis = if is_coded { &mut self.unwrapper } else { &mut aside }.unwrap(media.timestamp);
        media
    }
}

/// Writes messages as an FLV file, to be judged as any recording.
///
/// # Panics
/// When the file cannot be written.
pub fn write_flv(path: &Path, media: &[Media]) {
    let mut out = BytesMut::new();
    out.extend_from_slice(b"FLV\x01\x05\0\0\0\x09\0\0\0\0");
    for m in media {
        let tag = Tag { kind: m.kind, timestamp: m.timestamp, body: m.body.clone() };
        write_tag(&tag, &mut out).expect("a message fits into a tag");
    }
    fs::write(path, &out).expect("the test's directory takes files");
}
