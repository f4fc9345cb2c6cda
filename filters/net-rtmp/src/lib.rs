//! `rtmpout`: serves a live FLV stream to any number of RTMP players.
//!
//! The filter (`output`) hands messages to the `service` of its address, which owns the connections of all outputs
//! there and keeps one broadcast ring per output. A player is a cursor into the ring and at most one half-sent message.

mod output;
mod player;
mod players;
mod requests;
mod service;
mod settings;
mod stream;
#[cfg(test)]
mod tests;
mod writer;

use weir_media::{Bundle, Cap, Delivery, Prop, StreamType};
use weir_plugin::{Create, Filter, Kind, Lane, OptionDef, Options, Plugin, Registry, Result, Role, Score};

/// Adds `rtmpout` to a registry.
pub fn register(registry: &mut Registry) {
    registry.register(RtmpOut);
}

const ANY: i64 = i64::MAX;

const OPTIONS: &[OptionDef] = &[
    OptionDef::new(
        "dst",
        Kind::Str,
        "",
        "Where to serve: rtmp://HOST[:PORT]/APP[/NAME]; HOST is an address of this machine. Without NAME, players may ask for any",
    ),
    OptionDef::new("rtmp_listen", Kind::Bool, "no", "Listen for players"),
    OptionDef::new("ffmt", Kind::Enum(&["flv"]), "flv", "Format; RTMP carries FLV"),
    OptionDef::new(
        "start",
        Kind::Enum(&["key", "live", "next"]),
        "key",
        "Where a new player starts: key, at once with the last key frame; live, at once with sound and with the next key frame; next, with the next key frame",
    ),
    OptionDef::new(
        "key",
        Kind::Secret,
        "",
        "Only players with this key may play: rtmp://HOST/APP/NAME?key=KEY. Several are joined with commas",
    ),
    OptionDef::new(
        "allow",
        Kind::Strs,
        "",
        "Only players from these addresses may play: 192.0.2.7, 10.0.0.0/8, 2001:db8::/32",
    ),
    OptionDef::new(
        "maxconn",
        Kind::Int { min: 1, max: ANY },
        "10000",
        "Connections on this address at once; further ones wait to be accepted",
    ),
    OptionDef::new(
        "maxnew",
        Kind::Int { min: 1, max: ANY },
        "2048",
        "Connections that do not play yet; beyond it the oldest is closed for each new one",
    ),
    OptionDef::new(
        "maxip",
        Kind::Int { min: 1, max: ANY },
        "10000",
        "Connections from one address (of IPv6: from one /64) at once",
    ),
    OptionDef::new(
        "timeout",
        Kind::Millis,
        "10s",
        "Longest handshake, and longest wait for a player's connect command after it",
    ),
    OptionDef::new("stall", Kind::Millis, "10s", "A player that takes no whole message for this long is disconnected"),
    OptionDef::new(
        "lag",
        Kind::Millis,
        "3s",
        "A player this late loses everything up to the newest key frame; at 3/10 of it its video is dropped up to a key frame, sound goes on",
    ),
    OptionDef::new(
        "latency",
        Kind::Millis,
        "50ms",
        "Longest wait for company: less than 100 ms, sound waits this long for the next picture to go out with; from 100 ms on, everything waits; 0, nothing. One write costs a player more than its bytes",
    ),
    OptionDef::new(
        "buffer",
        Kind::Int { min: 65_536, max: ANY },
        "32M",
        "Bytes of media kept for new and late players",
    ),
];

struct RtmpOut;

impl Plugin for RtmpOut {
    fn name(&self) -> &'static str {
        "rtmpout"
    }

    fn summary(&self) -> &'static str {
        "RTMP output: a server for players"
    }

    fn help(&self) -> &'static str {
        "Listens at once, and serves any number of players at any time; the graph runs whether or not anybody watches. \
         Outputs on the same host and port share one socket and are told apart by app and name; maxconn, maxnew, maxip \
         and timeout hold for all of them. A player that is slow loses its own pictures, to a point where decoding goes on, and disturbs nobody else."
    }

    fn role(&self) -> Role {
        Role::Sink
    }

    fn lane(&self) -> Lane {
        Lane::Reactor
    }

    fn options(&self) -> &'static [OptionDef] {
        OPTIONS
    }

    fn caps(&self, _: &Options) -> Vec<Bundle> {
        let flv = [
            Cap::is(Prop::StreamType, StreamType::File),
            Cap::is(Prop::FileExt, "flv"),
            Cap::is(Prop::Delivery, Delivery::Live),
        ];
        vec![Bundle::new(flv, [])]
    }

    fn claims(&self, url: &str) -> Score {
        if url.starts_with("rtmp://") { Score::Yes } else { Score::No }
    }

    fn is_live(&self, _: &Options) -> bool {
        true
    }

    fn create(&self, with: Create) -> Result<Box<dyn Filter>> {
        let settings = settings::Settings::new(&with.options)?;
        Ok(Box::new(output::Output::new(settings)))
    }
}
