//! Outputs, their service and players of every kind, in simulated time. Players are real clients of weir-rtmp; what they
//! would never send is put between by hand.

mod crowd;
mod end;
mod hostile;
mod latency;
mod play;
mod publish;
mod pull;
mod refuse;
mod schedule;
mod settings;
mod slow;
mod twins;

use std::cell::Cell;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use weir_flv::amf::{Object, Value};
use weir_flv::{Tag, TagKind, write_tag};
use weir_media::{Bytes, BytesMut, Flags, Packet, Prop, Props, StreamType, Time};
use weir_plugin::harness::{Harness, SimNet};
use weir_plugin::{ConnId, Event, FilterId, InId, Io, Options, OutputRecord, Service, Status};
use weir_rtmp::chunk::{ChunkReader, Csid, Limits, render};
use weir_rtmp::message::{Command, Control, Message, kind};
use weir_rtmp::{ClientConfig, ClientEvent, ClientSession, RtmpUrl};

use crate::legacy::Forms;
use crate::output::Output;
use crate::service::RtmpService;
use crate::settings::Settings;
use crate::{INPUT_OPTIONS, OPTIONS, ingest};

thread_local! {
    /// Reactors of the worlds that are made from now on.
    static REACTORS: Cell<u32> = const { Cell::new(1) };
}

/// A window nobody fills.
pub(crate) const WIDE: usize = usize::MAX / 2;
/// S0, S1 and S2.
const HANDSHAKE: usize = 3073;
/// Time between pictures.
pub(crate) const TICK: Duration = Duration::from_millis(40);

/// Options as typed: the URL, then `name=value`.
pub(crate) fn options(text: &str) -> Options {
    let mut options = Options::defaults(OPTIONS);
    let mut words = text.split_whitespace();
    options.apply("dst", words.next()).expect("a URL");
    for word in words {
        let (name, value) = word.split_once('=').expect("name=value");
        options.apply(name, Some(value)).expect("a value that fits");
    }
    options
}

/// As [`options`], of an input.
pub(crate) fn input_options(text: &str) -> Options {
    let mut options = Options::defaults(INPUT_OPTIONS);
    for (n, word) in text.split_whitespace().enumerate() {
        let (name, value) = if n == 0 { ("src", word) } else { word.split_once('=').expect("name=value") };
        options.apply(name, Some(value)).expect("a value that fits");
    }
    options
}

/// Settings of an output that listens.
pub(crate) fn settings(text: &str) -> Settings {
    Settings::new(&options(&format!("{text} rtmp_listen=1"))).expect("sound options")
}

/// A player and all it got.
pub(crate) struct Viewer {
    pub(crate) conn: ConnId,
    /// `None` when it says everything at once, and looks at nothing.
    pub(crate) session: Option<ClientSession>,
    reader: ChunkReader,
    /// Every byte, with the handshake.
    pub(crate) bytes: Vec<u8>,
    /// Every message, and when it came.
    pub(crate) heard: Vec<(Time, Message)>,
    pub(crate) events: Vec<ClientEvent>,
    /// It was refused, or saw the server break the protocol.
    pub(crate) error: Option<weir_rtmp::Error>,
    /// It reads what comes.
    pub(crate) reads: bool,
}

impl Viewer {
    fn take(&mut self, now: Time, bytes: &[u8]) {
        let before = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        let mut chunks = &self.bytes[before.max(HANDSHAKE).min(self.bytes.len())..];
        while let Some(message) = self.reader.read(&mut chunks).expect("the server writes sound chunks") {
            if let Ok(Some(Control::SetChunkSize(_) | Control::WindowAckSize(_))) = Control::parse(&message) {
                continue;
            }
            self.heard.push((now, message));
        }
        let Some(session) = &mut self.session else { return };
        if let Err(e) = session.handle_input(bytes, now) {
            self.error.get_or_insert(e);
        }
        while let Some(event) = session.poll_event() {
            if !matches!(event, ClientEvent::Media(_)) {
                self.events.push(event);
            }
        }
    }

    /// Audio, video and data, as the chunks said it.
    pub(crate) fn media(&self) -> Vec<&Message> {
        let is_media = |m: &&Message| match m.kind {
            kind::DATA_AMF0 => !m.body.starts_with(b"\x02\x00\x11|RtmpSampleAccess"),
            other => matches!(other, kind::AUDIO | kind::VIDEO),
        };
        self.heard.iter().map(|(_, m)| m).filter(is_media).collect()
    }

    /// What it got behind the handshake, whose bytes are random.
    pub(crate) fn stream(&self) -> &[u8] {
        &self.bytes[HANDSHAKE.min(self.bytes.len())..]
    }

    /// Codes of the statuses, results and errors it got, with their message streams.
    pub(crate) fn codes(&self) -> Vec<(u32, String)> {
        let commands = self.heard.iter().filter(|(_, m)| m.kind == kind::COMMAND_AMF0);
        let code = |m: &Message| {
            let command = Command::parse(&m.body).expect("the server writes sound commands");
            Some((m.msid, command.arg(0).get("code")?.as_str()?.into_owned()))
        };
        commands.filter_map(|(_, m)| code(m)).collect()
    }

    /// It was told that the stream is over.
    pub(crate) fn has_ended(&self) -> bool {
        self.codes().iter().any(|(_, code)| code == "NetStream.Play.UnpublishNotify")
    }

    pub(crate) fn last_code(&self) -> String {
        self.codes().pop().expect("a status").1
    }
}

/// What happens in a test.
pub(crate) struct World {
    pub(crate) net: SimNet,
    pub(crate) service: RtmpService,
    pub(crate) outputs: Vec<Harness>,
    /// What became of each output: its error, or whether it is done.
    pub(crate) results: Vec<Result<bool, weir_plugin::Error>>,
    pub(crate) viewers: Vec<Viewer>,
}

impl World {
    /// Outputs on one address.
    pub(crate) fn new(outputs: &[&str]) -> Self {
        Self::with_net(SimNet::new(7), outputs)
    }

    pub(crate) fn with_net(mut net: SimNet, outputs: &[&str]) -> Self {
        let mut service = RtmpService::new(settings(outputs[0]).at.limits, None);
        if REACTORS.get() > 1 {
            service.spread_out();
            net = net.with_reactors(REACTORS.get());
        }
        let mut world = Self { net, service, outputs: Vec::new(), results: Vec::new(), viewers: Vec::new() };
        for text in outputs {
            world.open(text);
        }
        world
    }

    /// One more output; tells its number.
    pub(crate) fn open(&mut self, text: &str) -> usize {
        let mut harness = Harness::new(Box::new(Output::new(settings(text), Forms::new(&options(text)))));
        harness.input(Props::new().with(Prop::StreamType, StreamType::File));
        self.outputs.push(harness);
        self.results.push(Ok(false));
        self.settle();
        self.outputs.len() - 1
    }

    /// An input on the same address; tells its number.
    pub(crate) fn open_input(&mut self, text: &str) -> usize {
        let settings = ingest::Settings::new(&input_options(&format!("{text} rtmp_listen=1"))).expect("sound options");
        self.outputs.push(Harness::new(Box::new(ingest::Source::new(settings))));
        self.results.push(Ok(false));
        self.settle();
        self.outputs.len() - 1
    }

    pub(crate) fn now(&self) -> Time {
        self.net.now()
    }

    /// A player of `url` who reads all that comes.
    pub(crate) fn join(&mut self, url: &str) -> usize {
        self.join_with(ClientConfig::play(&RtmpUrl::parse(url).expect("a URL")), WIDE)
    }

    /// A player who takes `window` bytes, counting those of the handshake, and reads nothing until [`World::read`].
    pub(crate) fn join_slow(&mut self, url: &str, window: usize) -> usize {
        let url = RtmpUrl::parse(url).expect("a URL");
        let conn = self.connect(window).expect("the service admits it");
        self.net.send(conn, &hurried(url.app.expose(), url.name.expose()));
        self.add(conn, None)
    }

    pub(crate) fn join_with(&mut self, config: ClientConfig, window: usize) -> usize {
        let conn = self.connect(window).expect("the service admits it");
        self.add(conn, Some(ClientSession::new(config, &[9; 32], self.now())))
    }

    fn add(&mut self, conn: ConnId, session: Option<ClientSession>) -> usize {
        self.viewers.push(Viewer {
            conn,
            reads: session.is_some(),
            session,
            reader: ChunkReader::new(Limits::DEFAULT),
            bytes: Vec::new(),
            heard: Vec::new(),
            events: Vec::new(),
            error: None,
        });
        self.viewers.len() - 1
    }

    /// A connection without a client.
    pub(crate) fn connect(&mut self, window: usize) -> Option<ConnId> {
        let peer = SocketAddr::from((Ipv4Addr::new(192, 0, 2, 1), 40_000));
        self.net.connect(&mut self.service, peer, window)
    }

    /// The player sends a command by hand.
    pub(crate) fn command(&mut self, viewer: usize, msid: u32, name: &str, txn: f64, args: &[Value]) {
        self.net.send(self.viewers[viewer].conn, &chunks(msid, name, txn, Value::Null, args));
        self.settle();
    }

    /// The player reads what is there, and takes `more` bytes.
    pub(crate) fn read(&mut self, viewer: usize, more: usize) -> usize {
        let now = self.now();
        let viewer = &mut self.viewers[viewer];
        let bytes = self.net.receive(viewer.conn, more);
        viewer.take(now, &bytes);
        bytes.len()
    }

    /// Packets for an output. They reach the service with the next turn.
    pub(crate) fn push(&mut self, output: usize, packets: impl IntoIterator<Item = Packet>) {
        for packet in packets {
            self.outputs[output].packet(InId(0), packet);
        }
    }

    /// The stream of an output ends.
    pub(crate) fn finish(&mut self, output: usize) {
        self.outputs[output].end(InId(0));
    }

    /// One turn: outputs, then the service until it rests, then everybody who reads.
    pub(crate) fn turn(&mut self) -> bool {
        let mut busy = self.run_outputs();
        self.net.run(&mut self.service);
        busy |= self.run_outputs();
        for i in 0..self.viewers.len() {
            if self.viewers[i].reads {
                busy |= self.read(i, 0) > 0;
            }
            while let Some(bytes) = self.viewers[i].session.as_mut().and_then(ClientSession::poll_transmit) {
                self.net.send(self.viewers[i].conn, &bytes);
                busy = true;
            }
        }
        busy
    }

    fn run_outputs(&mut self) -> bool {
        let mut busy = !self.net.posts.is_empty();
        for (to, message) in std::mem::take(&mut self.net.posts) {
            let at = to.0 as usize;
            let late = self.now().since(self.outputs[at].now());
            self.outputs[at].advance(late);
            if self.results[at] == Ok(false)
                && let Err(e) = self.outputs[at].event(Event::Message(message))
            {
                self.results[at] = Err(e);
                self.service.left(&mut self.net, to);
            }
        }
        for at in 0..self.outputs.len() {
            if self.results[at] != Ok(false) {
                continue;
            }
            let late = self.now().since(self.outputs[at].now());
            self.outputs[at].advance(late);
            self.results[at] = self.outputs[at].run().map(|status| status == Status::Done);
            for message in std::mem::take(&mut self.outputs[at].posts) {
                self.service.message(&mut self.net, filter(at), message);
                busy = true;
            }
            if self.results[at] != Ok(false) {
                self.service.left(&mut self.net, filter(at));
            }
        }
        busy
    }

    /// Turns until nothing moves.
    pub(crate) fn settle(&mut self) {
        for _ in 0..10_000 {
            if !self.turn() {
                return;
            }
        }
        panic!("nothing rests");
    }

    /// Lets time pass, and everything in it happen.
    pub(crate) fn pass(&mut self, time: Duration) {
        let step = Duration::from_millis(10);
        let end = self.now() + time;
        while self.now() < end {
            self.net.advance(step.min(end.since(self.now())));
            self.settle();
        }
    }

    /// Feeds `ticks` pictures with their sound to output 0, each at its time.
    pub(crate) fn play(&mut self, feed: &mut Feed, ticks: usize) {
        for _ in 0..ticks {
            let packets = feed.tick();
            self.push(0, packets);
            self.settle();
            self.net.advance(TICK);
        }
    }

    pub(crate) fn record(&self, output: usize) -> &OutputRecord {
        self.outputs[output].records.last().expect("a record")
    }

    pub(crate) fn is_open(&self, viewer: usize) -> bool {
        self.net.is_open(self.viewers[viewer].conn)
    }

    /// The player closes its connection.
    pub(crate) fn leave(&mut self, viewer: usize) {
        self.net.end(self.viewers[viewer].conn);
        self.settle();
    }

    /// What must hold at any time: counts agree with each other and with the account of memory.
    pub(crate) fn check(&self) {
        self.service.check(&self.net);
    }
}

pub(crate) fn filter(at: usize) -> FilterId {
    FilterId(u32::try_from(at).expect("few outputs"))
}

/// Chunks of a command, with `first` as its command object.
pub(crate) fn chunks(msid: u32, name: &str, txn: f64, first: Value, args: &[Value]) -> Bytes {
    let values = [&[first], args].concat();
    render(&Command::new(name, txn, values).message(msid), Csid::new(8).expect("in range"), 128)
}

/// The `connect` of a client in a hurry.
pub(crate) fn connect_chunks(app: &str) -> Bytes {
    let object = Object::new().with("app", app).with("tcUrl", format!("rtmp://h/{app}").as_str());
    chunks(0, "connect", 1.0, object.into(), &[])
}

/// Everything a player says up to `play`, at once and without waiting for an answer.
pub(crate) fn hurried(app: &str, name: &str) -> Vec<u8> {
    let create = chunks(0, "createStream", 2.0, Value::Null, &[]);
    let play = chunks(1, "play", 0.0, Value::Null, &[name.into()]);
    [&[3][..], &[0; 3072], &connect_chunks(app), &create, &play].concat()
}

/// A stream of numbered tags: a picture every 40 ms, a key every `keys` of them, and two sounds with each.
pub(crate) struct Feed {
    pub(crate) n: u32,
    pub(crate) keys: u32,
    /// Bytes of a picture, and of a key frame.
    pub(crate) size: usize,
    pub(crate) key_size: usize,
    /// Of each two pictures that are no keys, one is disposable.
    pub(crate) disposable: bool,
    started: bool,
}

impl Feed {
    pub(crate) fn new(keys: u32) -> Self {
        Self { n: 0, keys, size: 1000, key_size: 5000, disposable: false, started: false }
    }

    /// The tags of the next 40 ms; before the first, the headers.
    pub(crate) fn tick(&mut self) -> Vec<Packet> {
        let mut out = Vec::new();
        if !std::mem::replace(&mut self.started, true) {
            out.extend(headers(self.n.wrapping_mul(40)));
        }
        let n = self.n;
        self.n += 1;
        let flags = match n % self.keys {
            0 => Flags::KEY,
            k if self.disposable && k % 2 == 1 => Flags::DISPOSABLE,
            _ => Flags::NONE,
        };
        let (first, size) = if flags == Flags::KEY { (0x17, self.key_size) } else { (0x27, self.size) };
        out.push(tag(TagKind::Video, n.wrapping_mul(40), flags, body(&[first, 1, 0, 0, 0], n, size)));
        for half in [0, 20] {
            out.push(tag(TagKind::Audio, n.wrapping_mul(40).wrapping_add(half), Flags::NONE, body(&[0xaf, 1], n, 100)));
        }
        out
    }
}

fn headers(at: u32) -> [Packet; 3] {
    let data = [&b"\x02\x00\x0aonMetaData"[..], b"\x08\0\0\0\0\0\0\x09"].concat();
    [
        tag(TagKind::Script, at, Flags::HEADER, data),
        tag(TagKind::Video, at, Flags::HEADER, vec![0x17, 0, 0, 0, 0, 1, 2, 3]),
        tag(TagKind::Audio, at, Flags::HEADER, vec![0xaf, 0, 0x12, 0x10]),
    ]
}

/// `start`, the number `n`, then bytes up to `size` that say where they belong.
fn body(start: &[u8], n: u32, size: usize) -> Vec<u8> {
    let mut body = [start, &n.to_be_bytes()].concat();
    body.extend((body.len()..size).map(|i| (i as u32 ^ n) as u8));
    body
}

fn tag(kind: TagKind, timestamp: u32, flags: Flags, body: Vec<u8>) -> Packet {
    let mut bytes = BytesMut::new();
    write_tag(&Tag { kind, timestamp, body: Bytes::from(body) }, &mut bytes).expect("a short body");
    Packet { flags, ..Packet::new(bytes.freeze(), i64::from(timestamp)) }
}

/// Two tracks of pictures and one of sound, of which the first each are in the enhanced form.
pub(crate) fn two_tracks(n: u32) -> Vec<Packet> {
    let at = n * 40;
    let key = n.is_multiple_of(5);
    let (flags, first) = if key { (Flags::KEY, 0x90) } else { (Flags::NONE, 0xa0) };
    let body = |head: &[u8]| [head, &n.to_be_bytes()].concat();
    let mut tags = Vec::new();
    if n == 0 {
        for (kind, body) in [
            (TagKind::Video, &b"\x90avc1\x01\x02\x03"[..]),
            (TagKind::Video, b"\x96\x00avc1\x01\x01\x02\x03"),
            (TagKind::Audio, b"\x90mp4a\x12\x10"),
        ] {
            tags.push(tag(kind, 0, Flags::HEADER, body.to_vec()));
        }
    }
    tags.push(tag(TagKind::Video, at, flags, body(&[&[first | 3][..], b"avc1"].concat())));
    tags.push(tag(TagKind::Video, at, Flags::NONE, body(&[&[first | 6, 3][..], b"avc1\x01"].concat())));
    tags.push(tag(TagKind::Audio, at, Flags::NONE, body(b"\x91mp4a")));
    tags
}

/// What a message of a [`Feed`] is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum What {
    Data,
    VideoHeader,
    AudioHeader,
    Key(u32),
    Inter(u32),
    Audio(u32),
}

pub(crate) fn what(message: &Message) -> What {
    let body = &message.body[..];
    let number = |at: usize| u32::from_be_bytes(body[at..at + 4].try_into().expect("four bytes"));
    match (message.kind, body) {
        (kind::DATA_AMF0, _) => What::Data,
        (kind::VIDEO, [0x17, 0, ..]) => What::VideoHeader,
        (kind::AUDIO, [_, 0, ..]) => What::AudioHeader,
        (kind::AUDIO, _) => What::Audio(number(2)),
        (_, [0x17, ..]) => What::Key(number(5)),
        _ => What::Inter(number(5)),
    }
}

/// All pictures and sounds a viewer got; checks that they can be decoded: headers first, no picture without its key
/// frame and all pictures between (but for disposable ones), times that do not go back.
pub(crate) fn decoded(viewer: &Viewer, msid: u32, disposable: bool) -> Vec<What> {
    let media = viewer.media();
    let all: Vec<What> = media.iter().map(|m| what(m)).collect();
    if all.is_empty() {
        return all;
    }
    assert_eq!(all[..3.min(all.len())], [What::Data, What::VideoHeader, What::AudioHeader][..3.min(all.len())]);
    let mut reference = None;
    let mut last = [0; 32];
    for (message, what) in media.iter().zip(&all) {
        assert_eq!(message.msid, msid);
        let last = &mut last[usize::from(message.kind)];
        assert!(message.timestamp >= *last, "{what:?} goes back from {last} to {}", message.timestamp);
        *last = message.timestamp;
        match *what {
            What::Key(n) => reference = Some(n),
            What::Inter(n) => {
                let before = reference.expect("a key frame before");
                let gap = if disposable { 2 } else { 1 };
                assert!(n > before && n - before <= gap, "picture {n} follows {before}");
                reference = if disposable && n % 2 == 1 { reference } else { Some(n) };
            }
            _ => {}
        }
    }
    all
}

/// A small generator of pseudo-random numbers (splitmix64).
#[derive(Clone)]
pub(crate) struct Rng(pub(crate) u64);

impl Rng {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`, which is not 0.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n as u64).expect("below a usize")
    }
}
