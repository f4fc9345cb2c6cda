//! What the owner of a server session may set.

use std::time::Duration;

use crate::chunk::Limits;

/// Settings of a [`ServerSession`](super::ServerSession). The defaults suit players of every known kind.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Chunk size we send with, in bytes. Media rendered elsewhere must use the same.
    pub chunk_size: u32,
    /// Window the client is told to acknowledge, in bytes.
    pub window: u32,
    /// From the connection's start to the end of the handshake.
    pub handshake_deadline: Duration,
    /// From there to a complete `connect`.
    pub connect_deadline: Duration,
    /// How long a connected client may neither play nor publish nor wait for our answer.
    pub setup_deadline: Duration,
    /// Silence after which a connected client is pinged.
    pub ping_after: Duration,
    /// Further silence after which it is given up; `None` never. Any byte counts as life, for some clients answer no ping.
    pub give_up_after: Option<Duration>,
    /// What the client may make us hold.
    pub limits: Limits,
    /// The same once it may publish.
    pub publish_limits: Limits,
}

impl ServerConfig {
    /// Messages are never interleaved, so large chunks only save headers. Every known client reads this size.
    pub const CHUNK_SIZE: u32 = 65_536;
    /// What most servers ask for.
    pub const WINDOW: u32 = 2_500_000;
    /// See [`ServerConfig::handshake_deadline`].
    pub const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(10);
    /// See [`ServerConfig::connect_deadline`].
    pub const CONNECT_DEADLINE: Duration = Duration::from_secs(10);
    /// See [`ServerConfig::setup_deadline`].
    pub const SETUP_DEADLINE: Duration = Duration::from_secs(30);
    /// See [`ServerConfig::ping_after`].
    pub const PING_AFTER: Duration = Duration::from_secs(60);
    /// See [`ServerConfig::give_up_after`].
    pub const GIVE_UP_AFTER: Duration = Duration::from_secs(60);
    /// Message streams one connection may have.
    pub const STREAMS_MAX: usize = 16;
    /// Commands and control messages per second in the long run, and at once.
    pub const COMMANDS_PER_SECOND: u32 = 50;
    /// See [`ServerConfig::COMMANDS_PER_SECOND`].
    pub const COMMANDS_BURST: u32 = 200;
    /// Messages of any kind per second in the long run, and at once.
    pub const MESSAGES_PER_SECOND: u32 = 5_000;
    /// See [`ServerConfig::MESSAGES_PER_SECOND`].
    pub const MESSAGES_BURST: u32 = 10_000;
    /// Messages a publisher may send per second in the long run, and at once: one that does not keep to real time is held
    /// back by not being read, and not by its end.
    pub const PUBLISHER_MESSAGES: (u32, u32) = (50_000, 200_000);
    /// Commands that may wait while `connect` is unanswered.
    pub const HELD_MAX: usize = 16;
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            chunk_size: Self::CHUNK_SIZE,
            window: Self::WINDOW,
            handshake_deadline: Self::HANDSHAKE_DEADLINE,
            connect_deadline: Self::CONNECT_DEADLINE,
            setup_deadline: Self::SETUP_DEADLINE,
            ping_after: Self::PING_AFTER,
            give_up_after: Some(Self::GIVE_UP_AFTER),
            limits: Limits::PLAYER,
            publish_limits: Limits::DEFAULT,
        }
    }
}
