//! [`Stream`]: what one output has on its address: the ring its players read, and counts.

use std::net::IpAddr;
use std::time::Duration;

use weir_media::Time;
use weir_plugin::{FilterId, Io, Lease};
use weir_rtmp::StreamPath;
use weir_rtmp::ring::{Media, Renderer, Ring};

use crate::settings::StreamSettings;

/// What a stream tells its output now and then.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Stats {
    pub(crate) players: u32,
    pub(crate) players_total: u64,
    pub(crate) refused: u64,
    pub(crate) bytes: u64,
    pub(crate) lag: Duration,
    pub(crate) dropped: u64,
    pub(crate) kept: u64,
}

/// One output's stream.
pub(crate) struct Stream {
    pub(crate) owner: FilterId,
    pub(crate) settings: StreamSettings,
    pub(crate) ring: Ring,
    renderer: Renderer,
    lease: Option<Lease>,
    pub(crate) stats: Stats,
    /// Drops of players that have left.
    pub(crate) dropped_before: u64,
    /// The stream is over; players still late have until then.
    pub(crate) ending: Option<Time>,
}

impl Stream {
    pub(crate) fn new(owner: FilterId, settings: StreamSettings, chunk_size: u32) -> Self {
        Self {
            owner,
            ring: Ring::new(settings.ring, chunk_size),
            renderer: Renderer::new(chunk_size),
            settings,
            lease: None,
            stats: Stats::default(),
            dropped_before: 0,
            ending: None,
        }
    }

    /// Renders messages into the ring. What is kept is leased from the account of the process; when that is used up,
    /// the ring keeps less.
    pub(crate) fn push(&mut self, io: &dyn Io, batch: Vec<Media>) {
        let now = io.now();
        for media in batch {
            if let Some(entry) = self.renderer.render(media, now) {
                self.ring.push(entry);
            }
        }
        let kept = self.ring.bytes();
        let leased = match &mut self.lease {
            Some(lease) => lease.resize(kept),
            none => {
                *none = io.memory().lease(kept);
                none.is_some()
            }
        };
        if !leased {
            let allowed = self.lease.as_ref().map_or(0, Lease::bytes);
            self.ring.trim(allowed);
        }
        self.stats.kept = self.ring.bytes() as u64;
    }

    /// How well this stream fits what a player asks for: exactly, as an app that takes any name, or not.
    pub(crate) fn fit(&self, wanted: &StreamPath) -> Option<Fit> {
        let (have, want) = (self.settings.path.expose(), wanted.expose());
        if have == want {
            return Some(Fit::Exact);
        }
        let below = want.strip_prefix(&have).is_some_and(|rest| rest.starts_with('/'));
        (below && self.settings.path.name.is_empty()).then_some(Fit::AnyName)
    }

    /// Whether a client that connects to `app` could mean this stream; clients disagree about where the app ends.
    pub(crate) fn could_be_below(&self, app: &str) -> bool {
        let have = self.settings.path.expose();
        let within = |outer: &str, inner: &str| inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'));
        have == app || within(app, &have) || (self.settings.path.name.is_empty() && within(&have, app))
    }

    /// Whether a player from `peer` that asks for `wanted` may play.
    pub(crate) fn admits(&self, peer: IpAddr, wanted: &StreamPath) -> bool {
        let StreamSettings { allow, keys, .. } = &self.settings;
        let from_there = allow.is_empty() || allow.iter().any(|n| n.contains(peer));
        let given = wanted.parameter("key").unwrap_or_default();
        // Every key is looked at to its end, so that the time taken says nothing about them.
        let has_key = keys.iter().fold(false, |found, key| found | same_text(key, given));
        from_there && (keys.is_empty() || has_key)
    }
}

/// How a stream fits a path. The better fit is smaller.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Fit {
    Exact,
    AnyName,
}

/// Equality in a time that depends on the given text only.
fn same_text(key: &str, given: &str) -> bool {
    let key = key.as_bytes();
    let difference = given
        .bytes()
        .enumerate()
        .fold(key.len() ^ given.len(), |diff, (i, b)| diff | usize::from(b ^ key.get(i).copied().unwrap_or(!b)));
    difference == 0
}
