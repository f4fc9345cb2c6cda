//! The message streams of a connection.

use crate::session::config::ServerConfig;

/// What a message stream is used for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Use {
    Idle,
    /// The client asked to play; the owner has not answered.
    PlayAsked {
        reset: bool,
    },
    Playing,
    /// The client asked to publish; the owner has not answered.
    PublishAsked,
    Publishing,
}

/// One message stream. Has no `Debug`: the name may be a key.
pub(super) struct Stream {
    pub(super) msid: u32,
    pub(super) usage: Use,
    /// Name as the client sent it, told back to it.
    pub(super) name: String,
}

/// At most [`ServerConfig::STREAMS_MAX`] message streams. Ids count from 1 and are not used twice.
#[derive(Default)]
pub(super) struct Streams {
    list: Vec<Stream>,
    last: u32,
}

impl Streams {
    /// A new stream's id; `None` when there are too many.
    pub(super) fn create(&mut self) -> Option<u32> {
        if self.list.len() >= ServerConfig::STREAMS_MAX {
            return None;
        }
        self.last = self.last.checked_add(1)?;
        self.list.push(Stream { msid: self.last, usage: Use::Idle, name: String::new() });
        Some(self.last)
    }

    pub(super) fn get(&mut self, msid: u32) -> Option<&mut Stream> {
        self.list.iter_mut().find(|s| s.msid == msid)
    }

    /// The stream a message on `msid` means: that one, or else the only one there is.
    pub(super) fn meant(&mut self, msid: u32) -> Option<&mut Stream> {
        let is_only = self.list.len() == 1;
        self.list.iter_mut().find(|s| s.msid == msid || is_only)
    }

    pub(super) fn delete(&mut self, msid: u32) {
        self.list.retain(|s| s.msid != msid);
    }

    /// The stream that media on `msid` belongs to: that one, or else the only one that publishes.
    pub(super) fn publishing(&self, msid: u32) -> Option<u32> {
        let mut all = self.list.iter().filter(|s| s.usage == Use::Publishing).map(|s| s.msid);
        match (all.next(), all.next()) {
            (Some(one), None) => Some(one),
            (Some(first), Some(_)) => {
                let is_meant = |s: &Stream| s.msid == msid && s.usage == Use::Publishing;
                self.list.iter().find(|s| is_meant(s)).map_or(Some(first), |s| Some(s.msid))
            }
            (None, _) => None,
        }
    }

    /// Whether a client waits for our answer to `publish`.
    pub(super) fn is_asked(&self) -> bool {
        self.list.iter().any(|s| s.usage == Use::PublishAsked)
    }

    /// Streams that are published under `name`, as the client says it.
    pub(super) fn published_as(&self, name: &str) -> Vec<u32> {
        let is_it = |s: &&Stream| s.usage == Use::Publishing && s.name == name;
        self.list.iter().filter(is_it).map(|s| s.msid).collect()
    }

    /// Whether a stream is used, or waits for the owner's answer.
    pub(super) fn is_busy(&self) -> bool {
        self.list.iter().any(|s| s.usage != Use::Idle)
    }

    pub(super) fn playing(&self) -> Vec<u32> {
        self.list.iter().filter(|s| s.usage == Use::Playing).map(|s| s.msid).collect()
    }
}
