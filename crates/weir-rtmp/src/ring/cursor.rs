//! [`Cursor`]: where one player is, and when it is too late.

use std::time::Duration;

use weir_media::Time;

/// Where a player starts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Start {
    /// At once, with the newest key frame kept. When none is kept, as [`Start::Live`].
    Key,
    /// With the next message: audio and data at once, video from the next key frame.
    Live,
    /// With the next key frame, and nothing before it. Without any video, with the next audio.
    Next,
}

/// How late a player may be. Lag is counted from when the next message became due to it: when it arrived, or when the
/// player joined (or jumped), whichever was later.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LagPolicy {
    /// Above this, disposable video is dropped.
    pub drop_disposable: Duration,
    /// Above this, video is dropped up to the newest key frame, while audio goes on.
    pub drop_to_key: Duration,
    /// Above this, everything is dropped up to the newest key frame, where headers are sent again.
    pub hard: Duration,
}

impl Default for LagPolicy {
    fn default() -> Self {
        Self {
            drop_disposable: Duration::from_millis(700),
            drop_to_key: Duration::from_millis(900),
            hard: Duration::from_secs(3),
        }
    }
}

/// Messages a player did not get because it was late.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Drops {
    /// Disposable video.
    pub disposable: u32,
    /// Other video.
    pub video: u32,
    /// Audio.
    pub audio: u32,
    /// Data.
    pub data: u32,
    /// Messages of any kind that were evicted before the player came for them.
    pub evicted: u32,
    /// Times everything was dropped. The owner disconnects a player that jumps again and again.
    pub jumps: u32,
}

/// What a cursor does about video.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Video {
    /// Every frame since a key frame was sent.
    Flowing,
    /// Waiting for a key frame: at the start, or after having been off.
    Joining,
    /// Waiting for a key frame after a drop: what passes is lost, and counted.
    Dropping,
    /// Not wanted.
    Off,
}

/// A player's place in a [`Ring`](super::Ring). Only of use with the ring that made it.
#[derive(Clone, Debug)]
pub struct Cursor {
    pub(super) next: u64,
    pub(super) joined: Time,
    /// Up to here the player may catch up: it was allowed to start late, so being late there costs it no video.
    pub(super) catch_up: u64,
    pub(super) msid: u32,
    pub(super) drops: Drops,
    pub(super) video: Video,
    pub(super) audio: bool,
    /// It gets what peers of the original RTMP get.
    pub(super) legacy: bool,
    /// Headers are to be sent before anything else.
    pub(super) greet: bool,
    /// Nothing is to be sent before a key frame.
    pub(super) hold: bool,
}

impl Cursor {
    /// Sequence number of the next entry to look at.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.next
    }

    /// The message stream media is sent on.
    #[must_use]
    pub const fn msid(&self) -> u32 {
        self.msid
    }

    /// What was dropped so far.
    #[must_use]
    pub const fn drops(&self) -> Drops {
        self.drops
    }

    /// Whether what it gets now is the start of its stream. Metadata then bears time 0: FFmpeg takes metadata at any
    /// other time for a text stream.
    pub(super) const fn is_new(&self) -> bool {
        self.drops.jumps == 0
    }

    /// Whether its peer knows the original RTMP only: it gets [`Legacy`](super::Legacy) forms then. To be said before
    /// anything is sent.
    pub const fn set_legacy(&mut self, legacy: bool) {
        self.legacy = legacy;
    }

    /// Turns audio on or off.
    pub const fn set_audio(&mut self, on: bool) {
        self.audio = on;
    }

    /// Turns video on or off; it comes back with the next key frame.
    pub fn set_video(&mut self, on: bool) {
        self.video = match (on, self.video) {
            (false, _) => Video::Off,
            (true, Video::Off) => Video::Joining,
            (true, video) => video,
        };
    }
}
