//! [`Link`]: what client and server sessions share once the handshake is done. Reads messages, keeps the peer within its
//! limits, acknowledges, answers pings.

use weir_media::Time;

use super::bucket::Bucket;
use super::config::ServerConfig;
use super::outbox::Outbox;
use crate::chunk::{ChunkReader, Limits};
use crate::error::ErrorKind;
use crate::message::{Command, Control, Message, UserControl, kind};

/// Smallest acknowledgement window taken at its word. Tiny windows would make every read send an acknowledgement.
const WINDOW_MIN: u32 = 1024;

/// A message that is not the link's own business.
pub(crate) enum Incoming {
    /// A command, and its message stream id.
    Command(u32, Command),
    /// A user control event.
    User(UserControl),
    /// Audio, video, data or an aggregate.
    Media(Message),
}

#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) out: Outbox,
    reader: ChunkReader,
    /// Bytes of the handshake.
    before: u64,
    /// Window the peer wants acknowledged.
    window: u32,
    /// Chunk bytes acknowledged so far.
    acked: u64,
    /// Window we told the peer to acknowledge.
    told: u32,
    commands: Bucket,
    messages: Bucket,
}

impl Link {
    /// A link at the start of a connection, that has told (or will tell) the peer to acknowledge `told` bytes.
    /// `messages` are how many the peer may send per second, and at once.
    pub(crate) fn new(limits: Limits, told: u32, messages: (u32, u32)) -> Self {
        Self {
            out: Outbox::new(),
            reader: ChunkReader::new(limits),
            before: 0,
            window: ServerConfig::WINDOW,
            acked: 0,
            told,
            commands: Bucket::new(ServerConfig::COMMANDS_PER_SECOND, ServerConfig::COMMANDS_BURST),
            messages: Bucket::new(messages.0, messages.1),
        }
    }

    /// Bytes received so far.
    pub(crate) const fn position(&self) -> u64 {
        self.before + self.reader.position()
    }

    /// Bytes held for the peer: unfinished messages and answers not sent yet.
    pub(crate) fn held(&self) -> usize {
        self.reader.partial_bytes() + self.out.len()
    }

    /// Lets the peer send what publishers send: from here on these limits hold.
    pub(crate) fn widen(&mut self, limits: Limits, messages: (u32, u32)) {
        self.reader.set_limits(limits);
        self.messages = Bucket::new(messages.0, messages.1);
    }

    /// Counts bytes of the handshake.
    pub(crate) const fn skip(&mut self, bytes: usize) {
        self.before += bytes as u64;
    }

    /// The next message in `input` that is for the session.
    pub(crate) fn read(&mut self, input: &mut &[u8], now: Time) -> Result<Option<Incoming>, ErrorKind> {
        while let Some(message) = self.reader.read(input)? {
            if let Some(incoming) = self.sort(message, now)? {
                return Ok(Some(incoming));
            }
        }
        Ok(None)
    }

    fn sort(&mut self, message: Message, now: Time) -> Result<Option<Incoming>, ErrorKind> {
        let is_free = matches!(
            message.kind,
            kind::ACK | kind::AUDIO | kind::VIDEO | kind::DATA_AMF0 | kind::DATA_AMF3 | kind::AGGREGATE
        );
        if !self.messages.take(now) || !(is_free || self.commands.take(now)) {
            return Err(ErrorKind::Flood);
        }
        match message.kind {
            kind::COMMAND_AMF0 | kind::COMMAND_AMF3 => {
                Ok(Some(Incoming::Command(message.msid, Command::parse(&message.body)?)))
            }
            kind::AUDIO | kind::VIDEO | kind::DATA_AMF0 | kind::DATA_AMF3 | kind::AGGREGATE => {
                Ok(Some(Incoming::Media(message)))
            }
            _ => Ok(Control::parse(&message)?.and_then(|control| self.control(control))),
        }
    }

    fn control(&mut self, control: Control) -> Option<Incoming> {
        match control {
            Control::WindowAckSize(window) if window > 0 => self.window = window,
            Control::SetPeerBandwidth(window, _) if window > 0 && window != self.told => {
                self.told = window;
                self.out.control(Control::WindowAckSize(window));
            }
            Control::User(UserControl::PingRequest(time)) => {
                self.out.control(Control::User(UserControl::PingResponse(time)));
            }
            Control::User(event) => return Some(Incoming::User(event)),
            _ => {}
        }
        None
    }

    /// To be called once after each batch of input: acknowledges it when due, and checks that the peer reads its answers.
    pub(crate) fn end_input(&mut self) -> Result<(), ErrorKind> {
        let received = self.reader.position();
        if received - self.acked >= u64::from(self.window.max(WINDOW_MIN) / 2) {
            self.acked = received;
            #[expect(clippy::cast_possible_truncation, reason = "the field wraps")]
            self.out.control(Control::Ack(received as u32));
        }
        self.out.check()
    }
}
