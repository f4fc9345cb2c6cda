//! `rtmpout`: publishes a live FLV stream to an RTMP server (`push`), or serves it to any number of RTMP players.
//!
//! When serving, the filter (`output`) hands messages to the `service` of its address, which owns the connections of all outputs
//! there and keeps one broadcast ring per output. A player is a cursor into the ring and at most one half-sent message.

mod client;
mod clients;
mod ingest;
mod legacy;
mod output;
mod publish;
mod push;
mod remote;
mod requests;
mod service;
mod settings;
mod stream;
#[cfg(test)]
mod tests;
mod twins;
mod writer;

use weir_media::{Bundle, Cap, Delivery, Prop, StreamType};
use weir_plugin::{
    Change, Create, Error, Filter, Kind, Lane, OptionDef, Options, Plugin, Registry, Result, Role, Score,
};

/// Adds `rtmpout` and `rtmpin` to a registry.
pub fn register(registry: &mut Registry) {
    registry.register(RtmpOut);
    registry.register(RtmpIn);
}

const ANY: i64 = i64::MAX;

// What inputs and outputs have alike.
const MAXCONN: OptionDef = OptionDef::new(
    "maxconn",
    Kind::Int { min: 1, max: ANY },
    "10000",
    "Connections on this address at once; further ones wait to be accepted",
);
const MAXIP: OptionDef = OptionDef::new(
    "maxip",
    Kind::Int { min: 1, max: ANY },
    "10000",
    "Connections from one address (of IPv6: from one /64) at once",
);
const RTMP_APP: OptionDef = OptionDef::new("rtmp_app", Kind::Str, "", "App, in place of the one in the URL");
const RTMP_FLASHVER: OptionDef = OptionDef::new("rtmp_flashver", Kind::Str, "", "Name and version the server is told");
const RTMP_PAGEURL: OptionDef = OptionDef::new("rtmp_pageurl", Kind::Str, "", "pageUrl, for servers that check it");
const RTMP_SWFURL: OptionDef = OptionDef::new("rtmp_swfurl", Kind::Str, "", "swfUrl, for servers that check it");
const RTMP_CONN: OptionDef = OptionDef::new(
    "rtmp_conn",
    Kind::Secret,
    "",
    "Further arguments of connect, such as B:1 S:text N:2 O:1 NS:name:text O:0",
);
const RTMP_LIVE: OptionDef = OptionDef::new(
    "rtmp_live",
    Kind::Enum(&["any", "live", "recorded"]),
    "any",
    "Taken for GPAC and FFmpeg; the server decides",
);
const TCP_NODELAY: OptionDef =
    OptionDef::new("tcp_nodelay", Kind::Bool, "yes", "Send at once, and do not wait to fill a segment");
const CA: OptionDef =
    OptionDef::new("ca", Kind::Str, "", "rtmps: file of certificate authorities to trust, in place of the system's");
const PIN: OptionDef =
    OptionDef::new("pin", Kind::Str, "", "rtmps: SHA-256 of the one certificate to trust, 64 hexadecimal digits");
const INSECURE: OptionDef = OptionDef::new("insecure", Kind::Bool, "no", "rtmps: trust anybody");

const OPTIONS: &[OptionDef] = &[
    OptionDef::new(
        "dst",
        Kind::Str,
        "",
        "Where to: rtmp://HOST[:PORT]/APP/KEY of a server, or rtmps://. With rtmp_listen, rtmp://HOST[:PORT]/APP[/NAME], where HOST is an address of this machine, and without NAME players may ask for any",
    ),
    OptionDef::new("rtmp_listen", Kind::Bool, "no", "Listen for players, in place of publishing to a server"),
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
        "The stream key, when it is not in the URL: text, @FILE, $VARIABLE or fd:N. With rtmp_listen: only players with this key may play, rtmp://HOST/APP/NAME?key=KEY; several are joined with commas",
    ),
    OptionDef::new(
        "allow",
        Kind::Strs,
        "",
        "Only players from these addresses may play: 192.0.2.7, 10.0.0.0/8, 2001:db8::/32",
    ),
    MAXCONN,
    OptionDef::new(
        "maxnew",
        Kind::Int { min: 1, max: ANY },
        "2048",
        "Connections that do not play yet; beyond it the oldest is closed for each new one",
    ),
    MAXIP,
    OptionDef::new(
        "timeout",
        Kind::Millis,
        "10s",
        "Longest handshake, and longest wait for a player's connect command after it; when pushing, longest way from the name to a stream that is taken, by default 15s",
    ),
    OptionDef::new(
        "stall",
        Kind::Millis,
        "10s",
        "A player that takes no whole message for this long is disconnected, as is a server that takes no byte",
    ),
    OptionDef::new(
        "lag",
        Kind::Millis,
        "3s",
        "A player or server this late loses everything up to the newest key frame; at 3/10 of it its video is dropped up to a key frame, sound goes on",
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
        "Bytes of media kept for new and late players; when pushing by default 16M",
    ),
    OptionDef::new(
        "drop",
        Kind::Enum(&["gop", "disposable", "block", "disconnect"]),
        "gop",
        "When a server or player is late. gop: leave pictures out up to a key frame, as lag says; disposable: at first only those that no other needs; only for pushing, block: leave nothing out, the whole session waits; disconnect: at lag, connect again",
    ),
    OptionDef::new(
        "form",
        Kind::Enum(&["auto", "enhanced", "legacy"]),
        "auto",
        "What peers get. auto: who announced Enhanced RTMP gets everything as it is, others one track of each kind, in its original form where its codec has one; enhanced: all get everything, and servers are told so; legacy: nobody gets more than one track of each kind",
    ),
    OptionDef::new(
        "legacy_video",
        Kind::Int { min: 0, max: 255 },
        "",
        "Track of pictures for peers that did not announce Enhanced RTMP; by default the first",
    ),
    OptionDef::new(
        "legacy_audio",
        Kind::Int { min: 0, max: 255 },
        "",
        "Track of sound for peers that did not announce Enhanced RTMP; by default the first",
    ),
    OptionDef::new(
        "on_fail",
        Kind::Enum(&["retry", "ignore", "stop"]),
        "retry",
        "When pushing fails. retry: try again; ignore: give this output up, and it does not count; stop: end the session",
    ),
    OptionDef::new(
        "retries",
        Kind::Int { min: 0, max: ANY },
        "",
        "Tries again before pushing has failed; by default without end, or 0 with on_fail=ignore or stop. Media for 30 s resets the count",
    ),
    RTMP_APP,
    OptionDef::new("rtmp_playpath", Kind::Secret, "", "The stream key, as key="),
    OptionDef::new("rtmp_tcurl", Kind::Secret, "", "The URL the server is told, in place of the one without the key"),
    RTMP_FLASHVER,
    RTMP_PAGEURL,
    RTMP_SWFURL,
    RTMP_CONN,
    OptionDef::new("rtmp_buffer", Kind::Millis, "3s", "Taken for GPAC and FFmpeg; only who plays has a buffer"),
    RTMP_LIVE,
    TCP_NODELAY,
    OptionDef::new(
        "cert",
        Kind::Str,
        "",
        "rtmps with rtmp_listen: file of the certificate and those that vouch for it, PEM; read again when it changes",
    ),
    OptionDef::new("cert_key", Kind::Str, "", "rtmps with rtmp_listen: file of the certificate's key, PEM"),
    CA,
    PIN,
    INSECURE,
];

/// Whether a URL is one of RTMP.
fn claims(url: &str) -> Score {
    if url.starts_with("rtmp://") || url.starts_with("rtmps://") { Score::Yes } else { Score::No }
}

/// FLV, tag by tag.
fn flv() -> [Cap; 3] {
    [
        Cap::is(Prop::StreamType, StreamType::File),
        Cap::is(Prop::FileExt, "flv"),
        Cap::is(Prop::Delivery, Delivery::Live),
    ]
}

struct RtmpOut;

impl Plugin for RtmpOut {
    fn name(&self) -> &'static str {
        "rtmpout"
    }

    fn summary(&self) -> &'static str {
        "RTMP output: publishes to a server, or is a server for players"
    }

    fn help(&self) -> &'static str {
        "Without rtmp_listen it publishes to the server of the URL, and when that fails, tries again: after 1 s, and \
         longer each time up to 30 s; where the server refuses, after 30 s and up to 5 min. It comes back with headers \
         and a key frame.\n\n\
         With rtmp_listen it listens at once, and serves any number of players at any time; the graph runs whether or not anybody watches. \
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
        vec![Bundle::new(flv(), [])]
    }

    fn claims(&self, url: &str) -> Score {
        claims(url)
    }

    fn is_live(&self, options: &Options) -> bool {
        !push::blocks(options)
    }

    fn is_waited_for(&self, options: &Options) -> bool {
        push::blocks(options)
    }

    fn check_change(&self, options: &Options, change: &Change, _: &[&str]) -> Result<()> {
        match change {
            Change::Options(_) => Err(Error::unsupported("no option of an RTMP output can be changed while it runs")),
            _ if options.bool("rtmp_listen") == Some(true) => {
                Err(Error::unsupported("an output that listens has nothing to try again or to pause"))
            }
            Change::Pause if push::blocks(options) => {
                Err(Error::unsupported("the session waits for this output (drop=block): a pause would stop everything"))
            }
            Change::Retry | Change::Pause | Change::Resume => Ok(()),
        }
    }

    fn create(&self, with: Create) -> Result<Box<dyn Filter>> {
        if with.options.bool("rtmp_listen") != Some(true) {
            let settings = push::Settings::new(&with.options)?;
            return Ok(Box::new(push::Push::new(settings, legacy::Forms::new(&with.options))));
        }
        let settings = settings::Settings::new(&with.options)?;
        Ok(Box::new(output::Output::new(settings, legacy::Forms::new(&with.options))))
    }
}

const INPUT_OPTIONS: &[OptionDef] = &[
    OptionDef::new(
        "src",
        Kind::Str,
        "",
        "Where from: rtmp://HOST[:PORT]/APP/NAME of a server, or rtmps://. With rtmp_listen, rtmp://HOST[:PORT]/APP[/NAME], where HOST is an address of this machine, and without NAME publishers may choose any",
    ),
    OptionDef::new("rtmp_listen", Kind::Bool, "no", "Listen for publishers, in place of playing from a server"),
    OptionDef::new("ifmt", Kind::Enum(&["flv"]), "flv", "Format; RTMP carries FLV"),
    OptionDef::new(
        "key",
        Kind::Secret,
        "",
        "With rtmp_listen: only who has this key may publish, rtmp://HOST/APP/NAME?key=KEY. Else the name of the stream, with its query, when it is not in the URL. Text, @FILE, $VARIABLE or fd:N; several are joined with commas",
    ),
    OptionDef::new(
        "allow",
        Kind::Strs,
        "",
        "Only publishers from these addresses may publish: 192.0.2.7, 10.0.0.0/8, 2001:db8::/32",
    ),
    OptionDef::new(
        "takeover",
        Kind::Enum(&["never", "silent", "always"]),
        "silent",
        "When somebody publishes already, a second one is refused (never), takes the place of one that has sent nothing for 5 s, or for 1 s when it comes from the same address (silent), or takes the place (always)",
    ),
    OptionDef::new(
        "streams",
        Kind::Int { min: 1, max: 1000 },
        "1",
        "Streams of different names at once, for a URL without NAME. Each goes its own way; $stream$ in the name of an output is its name",
    ),
    OptionDef::new(
        "keep",
        Kind::Millis,
        "120s",
        "With several streams: a name whose publisher has left is kept this long; then its outputs end, and its place is free",
    ),
    OptionDef::new("stall", Kind::Millis, "10s", "A publisher or server that sends nothing for this long is gone"),
    OptionDef::new(
        "reconnect",
        Kind::Enum(&["never", "broken", "always"]),
        "broken",
        "When a server is connected to again: never; unless it says that the stream is over, which ends the input (broken); or always",
    ),
    OptionDef::new(
        "retries",
        Kind::Int { min: 0, max: ANY },
        "",
        "Tries again before the input has failed; by default without end. Media for 30 s resets the count",
    ),
    MAXCONN,
    OptionDef::new(
        "maxnew",
        Kind::Int { min: 1, max: ANY },
        "2048",
        "Connections that neither play nor publish yet; beyond it the oldest is closed for each new one",
    ),
    MAXIP,
    OptionDef::new(
        "timeout",
        Kind::Millis,
        "10s",
        "Longest handshake, and longest wait for a client's connect command after it; without rtmp_listen, longest way from the name to a stream that begins, by default 15s",
    ),
    OptionDef::new(
        "cert",
        Kind::Str,
        "",
        "rtmps: file of the certificate and those that vouch for it, PEM; read again when it changes",
    ),
    OptionDef::new("cert_key", Kind::Str, "", "rtmps: file of the certificate's key, PEM"),
    RTMP_APP,
    OptionDef::new("rtmp_playpath", Kind::Secret, "", "The name of the stream, as key="),
    OptionDef::new("rtmp_tcurl", Kind::Secret, "", "The URL the server is told, in place of the one without the name"),
    RTMP_FLASHVER,
    RTMP_PAGEURL,
    RTMP_SWFURL,
    RTMP_CONN,
    OptionDef::new("rtmp_buffer", Kind::Millis, "3s", "What the server is told to buffer"),
    RTMP_LIVE,
    TCP_NODELAY,
    CA,
    PIN,
    INSECURE,
];

/// Streams of different names at once when outputs are named after them, and nobody says how many.
const STREAMS: &str = "64";

struct RtmpIn;

impl Plugin for RtmpIn {
    fn name(&self) -> &'static str {
        "rtmpin"
    }

    fn summary(&self) -> &'static str {
        "RTMP input: plays from a server, or is a server for publishers"
    }

    fn help(&self) -> &'static str {
        "Without rtmp_listen it plays the stream of the URL from a server, and when the connection fails, tries again: after \
         1 s, and longer each time up to 30 s. A server that says that the stream is over ends the input, unless \
         reconnect=always.\n\n\
         With rtmp_listen it listens for publishers such as OBS and ffmpeg, and passes on what they send: to RTMP outputs as it is, whatever \
         the codec, and to all others through flvdmx. Publishers may come and go; outputs and players stay, and timestamps \
         go on as the clock does.\n\n\
         What a publisher sends goes on at once. One that sends faster than real time is let ahead by 2 s, and then is held \
         back. Inputs and outputs on the same host and port share one socket; maxconn, maxnew, maxip and timeout hold for \
         all of them."
    }

    fn role(&self) -> Role {
        Role::Source
    }

    fn lane(&self) -> Lane {
        Lane::Reactor
    }

    fn options(&self) -> &'static [OptionDef] {
        INPUT_OPTIONS
    }

    fn caps(&self, _: &Options) -> Vec<Bundle> {
        vec![Bundle::new([], flv())]
    }

    fn claims(&self, url: &str) -> Score {
        claims(url)
    }

    fn is_live(&self, _: &Options) -> bool {
        true
    }

    fn take_many_streams(&self, options: &mut Options) {
        if options.bool("rtmp_listen") == Some(true) && !options.is_given("streams") {
            options.apply("streams", Some(STREAMS)).expect("a number in the range of the option");
        }
    }

    fn comes_and_goes(&self, options: &Options) -> bool {
        options.bool("rtmp_listen") == Some(true) && options.int("streams").is_some_and(|n| n > 1)
    }

    fn create(&self, with: Create) -> Result<Box<dyn Filter>> {
        Ok(Box::new(ingest::Source::new(ingest::Settings::new(&with.options)?)))
    }
}
