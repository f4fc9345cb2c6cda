//! A push, its service and servers of every kind, in simulated time.

use std::io;
use std::time::Duration;

use weir_flv::amf::{Object, Value};
use weir_media::{Prop, Props, StreamType};
use weir_plugin::harness::{Harness, SimNet};
use weir_plugin::{Change, ConnId, Error, Event, FilterId, InId, Io, OutputRecord, PathInfo, Phase, Service, Status};
use weir_rtmp::chunk::{ChunkReader, Csid, Limits, render};
use weir_rtmp::message::{Command, Message, kind};

use super::service::{PushService, ToPush};
use super::{Push, Settings};
use crate::legacy::Forms;
use crate::tests::{Feed, Rng, TICK, WIDE, options, two_tracks};

const ME: FilterId = FilterId(0);
/// C0, C1 and C2.
const HANDSHAKE: usize = 1 + 2 * 1536;
const URL: &str = "rtmp://10.0.0.1/live/secretkey";
/// The step of time.
const STEP: Duration = Duration::from_millis(10);

/// How a server takes it.
#[derive(Clone, Copy, PartialEq)]
enum Mood {
    Takes,
    /// Says so in a status.
    Refuses,
    /// Closes when asked to take the stream.
    Hangs,
    /// Says nothing after the handshake.
    Silent,
    /// Asks for a login in Adobe's way.
    Asks,
    /// Takes it, and says that it knows Enhanced RTMP.
    Knows,
}

/// The far end of one connection.
struct Server {
    conn: ConnId,
    mood: Mood,
    bytes: usize,
    reader: ChunkReader,
    commands: Vec<Command>,
    media: Vec<Message>,
    /// It reads what comes.
    reads: bool,
    greeted: bool,
}

impl Server {
    fn take(&mut self, net: &mut SimNet, bytes: &[u8]) {
        let skip = HANDSHAKE.saturating_sub(self.bytes).min(bytes.len());
        self.bytes += bytes.len();
        if self.bytes >= 1537 && !std::mem::replace(&mut self.greeted, true) {
            let mut hello = vec![0; 3073];
            hello[0] = 3;
            net.send(self.conn, &hello);
        }
        let mut chunks = &bytes[skip..];
        while let Some(message) = self.reader.read(&mut chunks).expect("a push writes sound chunks") {
            match message.kind {
                kind::COMMAND_AMF0 => self.command(net, Command::parse(&message.body).expect("it is sound")),
                kind::AUDIO | kind::VIDEO | kind::DATA_AMF0 => self.media.push(message),
                _ => {}
            }
        }
    }

    fn command(&mut self, net: &mut SimNet, command: Command) {
        let txn = command.txn;
        let answer = match (command.name.as_str(), self.mood) {
            (_, Mood::Silent) => None,
            ("connect", Mood::Asks) => {
                let app = command.arg_text("app");
                let said = match app.as_str() {
                    "live" => "[ AccessManager.Reject ] : [ code=403 need auth; authmod=adobe ] : ",
                    "live?authmod=adobe&user=me" => {
                        "[ AccessManager.Reject ] : [ authmod=adobe ] : ?reason=needauth&user=me&salt=s&challenge=c&opaque=o"
                    }
                    _ => "",
                };
                let status =
                    |code: &str| Object::new().with("level", "error").with("code", code).with("description", said);
                if said.is_empty() {
                    Some((0, Command::new("_result", txn, vec![Object::new().into(), Object::new().into()])))
                } else {
                    Some((
                        0,
                        Command::new("_error", txn, vec![Value::Null, status("NetConnection.Connect.Rejected").into()]),
                    ))
                }
            }
            ("connect", Mood::Knows) => {
                let object = Object::new().with("capsEx", 2.0);
                Some((0, Command::new("_result", txn, vec![object.into(), Object::new().into()])))
            }
            ("connect", _) => Some((0, Command::new("_result", txn, vec![Object::new().into(), Object::new().into()]))),
            ("createStream", _) => Some((0, Command::new("_result", txn, vec![Value::Null, 1.0.into()]))),
            ("publish", Mood::Hangs) => {
                net.end(self.conn);
                None
            }
            ("publish", Mood::Refuses) => {
                Some((1, status("error", "NetStream.Publish.Denied", "secretkey is not known")))
            }
            ("publish", _) => Some((1, status("status", "NetStream.Publish.Start", ""))),
            _ => None,
        };
        if let Some((msid, answer)) = answer {
            net.send(self.conn, &render(&answer.message(msid), Csid::COMMAND, 128));
        }
        self.commands.push(command);
    }

    fn names(&self) -> Vec<&str> {
        self.commands.iter().map(|c| c.name.as_str()).collect()
    }
}

trait ArgText {
    fn arg_text(&self, key: &str) -> String;
}

impl ArgText for Command {
    /// Text of the command object.
    fn arg_text(&self, key: &str) -> String {
        self.object().get(key).and_then(Value::as_str).unwrap_or_default().into_owned()
    }
}

fn status(level: &str, code: &str, description: &str) -> Command {
    let info = Object::new().with("level", level).with("code", code).with("description", description);
    Command::new("onStatus", 0.0, vec![Value::Null, info.into()])
}

/// What happens in a test.
struct World {
    net: SimNet,
    service: PushService,
    filter: Harness,
    result: Result<bool, Error>,
    servers: Vec<Server>,
    /// How connections are answered: the mood of the server and what it takes, or a refusal; `None` not at all.
    answer: Option<Result<(Mood, usize), io::ErrorKind>>,
}

impl World {
    fn new(text: &str) -> Self {
        let settings = Settings::new(&options(text)).expect("sound options");
        let net = SimNet::new(3);
        let service = PushService::new(settings.clone().into(), net.memory());
        let mut filter = Harness::new(Box::new(Push::new(settings, Forms::new(&options(text)))));
        filter.input(Props::new().with(Prop::StreamType, StreamType::File));
        Self { net, service, filter, result: Ok(false), servers: Vec::new(), answer: Some(Ok((Mood::Takes, WIDE))) }
    }

    fn run_filter(&mut self) -> bool {
        let mut busy = false;
        for (_, message) in std::mem::take(&mut self.net.posts) {
            busy = true;
            if self.result == Ok(false) {
                self.filter.event(Event::Message(message)).expect("events are fine");
            }
        }
        if self.result == Ok(false) {
            self.result = self.filter.run().map(|status| status == Status::Done);
            for message in std::mem::take(&mut self.filter.posts) {
                busy = true;
                self.service.message(&mut self.net, ME, message);
            }
            if self.result != Ok(false) {
                self.service.left(&mut self.net, ME);
            }
        }
        busy
    }

    fn run_servers(&mut self) -> bool {
        let mut busy = false;
        for (conn, _) in self.net.dials.clone() {
            match self.answer {
                None => {}
                Some(Err(e)) => self.net.answer(conn, Err(e.into())),
                Some(Ok((mood, window))) => {
                    self.net.answer(conn, Ok(window));
                    let reader = ChunkReader::new(Limits::DEFAULT);
                    let (commands, media) = (Vec::new(), Vec::new());
                    let reads = true;
                    self.servers.push(Server { conn, mood, bytes: 0, reader, commands, media, reads, greeted: false });
                }
            }
            busy |= self.answer.is_some();
        }
        for server in self.servers.iter_mut().filter(|s| s.reads) {
            let bytes = self.net.receive(server.conn, 0);
            busy |= !bytes.is_empty();
            server.take(&mut self.net, &bytes);
            if self.net.is_shut(server.conn) {
                self.net.end(server.conn);
            }
        }
        busy
    }

    fn settle(&mut self) {
        for _ in 0..10_000 {
            let busy = self.run_filter();
            self.net.run(&mut self.service);
            if !(busy | self.run_filter() | self.run_servers()) {
                return;
            }
        }
        panic!("nothing rests");
    }

    fn pass(&mut self, time: Duration) {
        let end = self.net.now() + time;
        while self.net.now() < end {
            self.net.advance(STEP);
            self.settle();
        }
    }

    fn play(&mut self, feed: &mut Feed, ticks: usize) {
        for _ in 0..ticks {
            feed.tick().into_iter().for_each(|packet| self.filter.packet(InId(0), packet));
            self.pass(TICK);
        }
    }

    fn record(&self) -> &OutputRecord {
        self.filter.records.last().expect("a record")
    }

    fn error(&self) -> &str {
        self.record().last_error.as_ref().map_or("", |(text, _)| text)
    }

    fn finish(&mut self) {
        self.filter.end(InId(0));
        self.pass(Duration::from_secs(4));
    }

    /// Somebody asks for a change.
    fn change(&mut self, change: Change) {
        self.filter.event(Event::Change(change)).expect("changes are fine");
        self.settle();
    }

    /// The stream ends, and nothing is waited for.
    fn finish_soon(&mut self) {
        self.filter.end(InId(0));
        self.pass(Duration::from_millis(200));
    }

    /// Phases in the order they came.
    fn phases(&self) -> Vec<Phase> {
        let mut phases: Vec<Phase> = self.filter.records.iter().map(|r| r.phase).collect();
        phases.dedup();
        phases
    }
}

/// Timestamps never go back on a track, also where they wrap, and the first picture can be decoded.
fn check(media: &[Message]) {
    for kind in [kind::AUDIO, kind::VIDEO] {
        let track: Vec<u32> = media.iter().filter(|m| m.kind == kind).map(|m| m.timestamp).collect();
        let goes_on = |pair: &[u32]| pair[1].wrapping_sub(pair[0]) < 1 << 31;
        assert!(track.windows(2).all(goes_on), "{track:?}");
    }
    let first = media.iter().find(|m| m.kind == kind::VIDEO && m.body.get(1) == Some(&1));
    assert!(first.is_none_or(|m| m.body[0] >> 4 == 1), "pictures begin with a key frame");
}

#[test]
fn it_publishes_and_takes_leave() {
    let mut world = World::new(URL);
    let mut feed = Feed::new(25);
    world.settle();
    world.play(&mut feed, 50);
    assert_eq!(world.record().phase, Phase::Live);
    world.finish();
    assert_eq!(world.result, Ok(true));
    let server = &world.servers[0];
    let asked = ["connect", "releaseStream", "FCPublish", "createStream", "publish", "FCUnpublish", "deleteStream"];
    assert_eq!(server.names(), asked);
    assert_eq!((server.commands[4].text(0), server.commands[4].text(1)), ("secretkey".into(), "live".into()));
    assert!(server.media[0].body.starts_with(b"\x02\x00\x0d@setDataFrame\x02\x00\x0aonMetaData"));
    check(&server.media);
    assert!(server.media.iter().filter(|m| m.kind == kind::VIDEO).count() >= 50);
    let order = [Phase::Connecting, Phase::Handshaking, Phase::Publishing, Phase::Live, Phase::Draining, Phase::Ended];
    assert_eq!(world.phases(), order);
    assert!(world.filter.logs.iter().all(|(_, line)| !line.contains("secretkey")));
    assert_eq!(world.net.open(), 0);
}

#[test]
fn it_tries_again_later_and_later() {
    let mut world = World::new(URL);
    world.answer = Some(Err(io::ErrorKind::ConnectionRefused));
    world.pass(Duration::from_secs(60));
    assert_eq!(world.error(), "cannot connect to 10.0.0.1:1935: connection refused");
    // 1, 1.7, 2.9, 4.9, 8.4, 14.2, 24.1 s, a fifth more or less.
    assert!((7..=8).contains(&world.record().attempts), "{}", world.record().attempts);
    assert_eq!(world.record().phase, Phase::Waiting);
    world.answer = Some(Ok((Mood::Takes, WIDE)));
    let mut feed = Feed::new(25);
    world.play(&mut feed, 1000);
    assert_eq!(world.record().phase, Phase::Live, "{:?}", world.filter.logs);
    world.finish();
    assert_eq!(world.result, Ok(true));
}

#[test]
fn a_refusal_is_told_without_the_key_and_not_tried_often() {
    let mut world = World::new(URL);
    world.answer = Some(Ok((Mood::Refuses, WIDE)));
    world.pass(Duration::from_secs(120));
    assert_eq!(world.error(), "the server refused: NetStream.Publish.Denied (… is not known)");
    assert!((3..=4).contains(&world.record().attempts), "{}", world.record().attempts);
    world.answer = None;
    world.finish();
    let e = world.result.expect_err("it was not there");
    assert!(e.message.contains("not connected at the end of the stream"), "{e}");
}

#[test]
fn who_closes_without_a_word_again_and_again_is_taken_for_one_that_refuses() {
    let mut world = World::new(URL);
    world.answer = Some(Ok((Mood::Hangs, WIDE)));
    world.pass(Duration::from_secs(120));
    assert!(world.error().ends_with("is the key right?"), "{}", world.error());
    assert!((5..=6).contains(&world.record().attempts), "{}", world.record().attempts);
}

#[test]
fn every_phase_has_a_deadline() {
    for (url, mood, why) in [
        ("rtmp://live.example/live/k", None, "cannot resolve live.example: no answer in 3 s"),
        (URL, None, "cannot connect to 10.0.0.1:1935: no answer in 5 s"),
        (URL, Some(Mood::Silent), "took too long (while connecting, at byte 3073)"),
    ] {
        let mut world = World::new(url);
        world.answer = mood.map(|mood| Ok((mood, WIDE)));
        world.pass(Duration::from_millis(8_500));
        assert_eq!(world.error(), why);
    }
}

#[test]
fn a_server_that_takes_nothing_has_stalled() {
    let mut world = World::new(URL);
    let mut feed = Feed::new(25);
    world.settle();
    world.play(&mut feed, 50);
    world.servers[0].reads = false;
    world.net.take_window(world.servers[0].conn);
    world.play(&mut feed, 200);
    assert_eq!(world.record().attempts, 1, "it is given time");
    assert!(world.record().lag > Duration::from_secs(3), "{:?}", world.record().lag);
    assert!(world.record().kept < 5 << 20, "what is kept has its bounds");
    world.play(&mut feed, 100);
    assert_eq!(world.error(), "stalled: took nothing for 10 s");
    assert_eq!((world.record().attempts, world.record().phase), (2, Phase::Live));
}

#[test]
fn a_server_that_acknowledges_nothing_has_stalled() {
    let mut world = World::new(URL);
    world.net.path = Some(PathInfo { acked: 7, unacked: 3, ..PathInfo::default() });
    let mut feed = Feed::new(25);
    world.settle();
    world.play(&mut feed, 410);
    assert_eq!(world.error(), "stalled: acknowledged nothing for 15 s");
}

#[test]
fn it_comes_back_with_headers_and_a_key_frame_and_never_goes_back() {
    let mut world = World::new(URL);
    let mut feed = Feed::new(25);
    world.settle();
    world.play(&mut feed, 60);
    world.net.reset(world.servers[0].conn);
    world.answer = Some(Err(io::ErrorKind::ConnectionRefused));
    world.play(&mut feed, 30);
    world.answer = Some(Ok((Mood::Takes, WIDE)));
    world.play(&mut feed, 200);
    let [before, after] = [0, 1].map(|i| &world.servers[i].media);
    check(before);
    check(after);
    let newest = before.iter().map(|m| m.timestamp).max().expect("media");
    let pictures = after.iter().filter(|m| m.kind == kind::VIDEO && m.body.get(1) == Some(&1));
    assert!(pictures.clone().count() > 0 && pictures.clone().all(|m| m.timestamp > newest));
    assert!(after[0].body.starts_with(b"\x02\x00\x0d@setDataFrame"));
    assert!(after.iter().any(|m| m.kind == kind::VIDEO && m.body.get(1) == Some(&0)), "a sequence header");
    let [sent, made] = [before.len() + after.len(), 3 * 290 + 3];
    let headers = 2 * 3;
    let lost = usize::try_from(world.record().dropped).expect("few");
    // Up to a handful was on its way when the connection broke, and some has still to go.
    assert!(lost > 0 && (sent - headers + lost).abs_diff(made - 3) <= 12, "{sent} sent, {lost} lost, {made} made");
}

#[test]
fn who_waits_long_tries_at_once_when_asked_to() {
    let mut world = World::new(URL);
    world.answer = Some(Ok((Mood::Refuses, WIDE)));
    world.pass(Duration::from_secs(2));
    assert_eq!((world.record().phase, world.record().attempts), (Phase::Waiting, 1), "a refusal waits for 30 s");
    world.answer = Some(Ok((Mood::Takes, WIDE)));
    world.change(Change::Retry);
    let mut feed = Feed::new(25);
    world.play(&mut feed, 25);
    assert_eq!((world.record().phase, world.record().attempts), (Phase::Live, 2));
    world.change(Change::Retry);
    world.play(&mut feed, 25);
    assert_eq!((world.record().phase, world.record().attempts), (Phase::Live, 2), "there is nothing to try again");
}

#[test]
fn a_pause_leaves_the_server_and_holds_until_it_is_told_to_go_on() {
    let mut world = World::new(URL);
    let mut feed = Feed::new(25);
    world.settle();
    world.play(&mut feed, 60);
    world.change(Change::Pause);
    world.play(&mut feed, 100);
    assert_eq!((world.record().phase, world.record().attempts, world.net.open()), (Phase::Paused, 1, 0));
    world.change(Change::Pause);
    world.change(Change::Resume);
    world.play(&mut feed, 100);
    assert_eq!((world.record().phase, world.record().attempts), (Phase::Live, 2));
    let [before, after] = [0, 1].map(|i| &world.servers[i].media);
    check(before);
    check(after);
    let newest = before.iter().map(|m| m.timestamp).max().expect("media");
    let pictures = after.iter().filter(|m| m.kind == kind::VIDEO && m.body.get(1) == Some(&1));
    assert!(pictures.clone().count() > 50 && pictures.clone().all(|m| m.timestamp > newest));
    world.finish();
    assert_eq!(world.result, Ok(true));
}

#[test]
fn a_pause_while_it_connects_or_waits_and_an_end_while_it_is_paused() {
    let mut world = World::new(URL);
    world.answer = None;
    world.pass(Duration::from_secs(1));
    assert_eq!(world.record().phase, Phase::Connecting);
    world.change(Change::Pause);
    world.pass(Duration::from_secs(120));
    assert_eq!((world.record().phase, world.net.open()), (Phase::Paused, 0));
    world.change(Change::Resume);
    world.answer = Some(Err(io::ErrorKind::ConnectionRefused));
    world.pass(Duration::from_millis(500));
    assert_eq!(world.record().phase, Phase::Waiting);
    world.change(Change::Pause);
    world.pass(Duration::from_secs(120));
    assert_eq!((world.record().phase, world.record().attempts), (Phase::Paused, 2));
    world.finish();
    assert!(world.result.is_err(), "the stream ended and the server had not all of it");
}

#[test]
fn what_is_to_happen_when_it_fails() {
    for (how, ends_well) in [("ignore", true), ("stop", false)] {
        let mut world = World::new(&format!("{URL} on_fail={how}"));
        world.answer = Some(Err(io::ErrorKind::ConnectionRefused));
        world.pass(Duration::from_secs(1));
        assert_eq!(world.result.as_ref().is_ok_and(|done| *done), ends_well, "{how}");
        assert_eq!(world.record().phase, Phase::Failed);
    }
    let mut world = World::new(&format!("{URL} retries=2"));
    world.answer = Some(Err(io::ErrorKind::ConnectionRefused));
    world.pass(Duration::from_secs(5));
    assert!(world.result.is_err());
    assert_eq!(world.filter.records.iter().map(|r| r.attempts).max(), Some(3));
}

#[test]
fn a_push_that_is_waited_for_loses_nothing() {
    let mut world = World::new(&format!("{URL} drop=block"));
    world.settle();
    let mut feed = Feed::new(25);
    for _ in 0..500 {
        feed.tick().into_iter().for_each(|packet| world.filter.packet(InId(0), packet));
    }
    world.servers[0].reads = false;
    world.net.take_window(world.servers[0].conn);
    world.pass(Duration::from_secs(5));
    let reads = |world: &mut World| {
        let conn = world.servers[0].conn;
        let bytes = world.net.receive(conn, 2_000);
        world.servers[0].take(&mut world.net, &bytes);
    };
    for _ in 0..2_000 {
        reads(&mut world);
        world.pass(STEP);
    }
    let media = &world.servers[0].media;
    let pictures = media.iter().filter(|m| m.kind == kind::VIDEO && m.body.get(1) == Some(&1)).count();
    assert_eq!((pictures, world.record().dropped), (500, 0));
}

#[test]
fn a_late_server_is_left_when_that_is_the_policy() {
    let mut world = World::new(&format!("{URL} drop=disconnect lag=2s"));
    let mut feed = Feed::new(25);
    world.settle();
    world.play(&mut feed, 50);
    world.servers[0].reads = false;
    world.net.take_window(world.servers[0].conn);
    world.play(&mut feed, 75);
    assert_eq!((world.error(), world.record().dropped), ("too slow: 2 s behind", 0));
}

#[test]
fn logins_take_three_connections() {
    let mut world = World::new("rtmp://me:word@10.0.0.1/live/k");
    world.answer = Some(Ok((Mood::Asks, WIDE)));
    let mut feed = Feed::new(25);
    world.settle();
    world.play(&mut feed, 30);
    assert_eq!((world.servers.len(), world.record().phase), (3, Phase::Live));
    assert_eq!(world.record().attempts, 1);
    let mut world = World::new(URL);
    world.answer = Some(Ok((Mood::Asks, WIDE)));
    world.pass(Duration::from_secs(1));
    assert!(world.error().starts_with("the server asks for a user and a password"), "{}", world.error());
}

#[test]
fn a_filter_that_goes_takes_all_with_it() {
    let mut world = World::new(URL);
    world.settle();
    let mut feed = Feed::new(25);
    world.play(&mut feed, 30);
    world.service.left(&mut world.net, ME);
    assert_eq!((world.net.open(), world.net.memory().used()), (0, 0));
    world.service.message(&mut world.net, ME, Box::new(ToPush::End));
}

#[test]
fn keys_come_from_elsewhere_and_are_given_once() {
    let settings = |text: &str| Settings::new(&options(text));
    let name = |text: &str| settings(text).expect("sound").remote.client.name.expose().to_owned();
    assert_eq!(name("rtmp://h/live key=abc"), "abc");
    assert_eq!(name("rtmp://h/live rtmp_playpath=abc?x=1"), "abc?x=1");
    assert!(settings("rtmp://h/live/a key=b").is_err_and(|e| e.message.contains("given twice")));
    assert_eq!(settings("rtmp://h/live/abc").expect("sound").remote.shown, "rtmp://h:1935/live/…");
    assert_eq!(
        settings("rtmps://h/live key=a insecure=yes").expect("sound").remote.shown,
        "rtmps://h:443/live/… (not verified)"
    );
    for (text, why) in [
        ("rtmp://h/live/a insecure=yes", "are for rtmps://"),
        ("rtmps://h/live/a pin=12", "64 hexadecimal digits"),
        ("rtmps://h/live/a ca=/nowhere", "ca cannot be read"),
        ("rtmp://h", "names no app"),
        ("rtmp://h/live/a start=key", "is for listeners"),
        ("rtmp://h/live/a rtmp_conn=X:1", "rtmp_conn"),
    ] {
        let e = settings(text).expect_err(text);
        assert!(e.message.contains(why), "{text}: {e}");
    }
}

#[test]
fn any_network_and_any_time_carry_it() {
    for seed in 0..60_u64 {
        let mut rng = Rng(seed);
        let mut world = World::new(URL);
        let mut feed = Feed::new(25);
        // Where timestamps need 32 bits, where they wrap, and in between.
        let around = [0, (1 << 24) / 40, u32::MAX / 40][rng.below(3)];
        feed.n = around.saturating_sub(25);
        world.answer = Some(Ok((Mood::Takes, 1 + rng.below(4_000))));
        world.settle();
        for server in &mut world.servers {
            server.reads = false;
        }
        for _ in 0..100 {
            feed.tick().into_iter().for_each(|packet| world.filter.packet(InId(0), packet));
            for _ in 0..4 {
                world.pass(STEP);
                let conn = world.servers[0].conn;
                let bytes = world.net.receive(conn, 1 + rng.below(6_000));
                let mut rest = &bytes[..];
                while !rest.is_empty() {
                    let (some, more) = rest.split_at(1 + rng.below(rest.len()));
                    world.servers[0].take(&mut world.net, some);
                    rest = more;
                }
            }
        }
        let server = &world.servers[0];
        check(&server.media);
        assert_eq!((world.record().attempts, world.record().phase), (1, Phase::Live), "seed {seed}: {}", world.error());
        let pictures = server.media.iter().filter(|m| m.kind == kind::VIDEO && m.body.get(1) == Some(&1)).count();
        assert!(pictures > 20, "seed {seed}: {pictures} pictures");
    }
}

#[test]
fn a_server_that_asks_for_it_is_left_politely_and_connected_to_again() {
    let mut world = World::new(URL);
    let mut feed = Feed::new(25);
    world.settle();
    world.play(&mut feed, 200);
    let ask = status("status", "NetConnection.Connect.ReconnectRequest", "");
    world.net.send(world.servers[0].conn, &render(&ask.message(0), Csid::COMMAND, 128));
    world.play(&mut feed, 50);
    assert_eq!(world.servers[0].names()[5..], ["FCUnpublish", "deleteStream"]);
    assert_eq!((world.servers.len(), world.record().phase, world.error()), (2, Phase::Live, ""));
    check(&world.servers[1].media);
    world.net.send(world.servers[1].conn, &render(&ask.message(0), Csid::COMMAND, 128));
    world.play(&mut feed, 10);
    assert_eq!((world.error(), world.record().phase), ("the server sent us away at once", Phase::Waiting));
}

#[test]
fn a_stream_that_is_over_before_it_was_taken_is_delivered_all_the_same() {
    let mut world = World::new(URL);
    let mut feed = Feed::new(25);
    for _ in 0..10 {
        feed.tick().into_iter().for_each(|packet| world.filter.packet(InId(0), packet));
    }
    world.answer = None;
    world.finish_soon();
    world.answer = Some(Ok((Mood::Takes, WIDE)));
    world.pass(Duration::from_secs(1));
    assert_eq!(world.result, Ok(true));
    let pictures = world.servers[0].media.iter().filter(|m| m.kind == kind::VIDEO && m.body.get(1) == Some(&1));
    assert_eq!((pictures.count(), world.servers[0].names().pop()), (10, Some("deleteStream")));
}

#[test]
fn a_server_that_reads_slowly_loses_pictures_and_keeps_sound() {
    let mut world = World::new(&format!("{URL} stall=60s"));
    let mut feed = Feed::new(25);
    (feed.size, feed.disposable) = (4_000, true);
    world.settle();
    world.play(&mut feed, 50);
    world.servers[0].reads = false;
    world.net.take_window(world.servers[0].conn);
    // 100 kB a second are made, and 40 taken.
    for _ in 0..500 {
        world.play(&mut feed, 1);
        let conn = world.servers[0].conn;
        let bytes = world.net.receive(conn, 1_600);
        world.servers[0].take(&mut world.net, &bytes);
    }
    let record = world.record();
    assert!(record.drops.video > 50 && record.drops.disposable > 20, "{:?}", record.drops);
    assert_eq!((record.drops.audio, record.drops.data, record.attempts), (0, 0, 1));
    assert!(record.lag < Duration::from_secs(3), "{:?}", record.lag);
    check(&world.servers[0].media);
    let sound = world.servers[0].media.iter().filter(|m| m.kind == kind::AUDIO).count();
    assert!(sound > 2 * 550 - 150, "{sound}");
    assert!(world.filter.logs.iter().any(|(_, line)| line.contains("too slow or away")));
}

#[test]
fn servers_that_did_not_announce_more_get_one_track_in_its_original_form() {
    for (form, mood, is_legacy) in [
        ("auto", Mood::Takes, true),
        ("auto", Mood::Knows, false),
        ("enhanced", Mood::Takes, false),
        ("legacy", Mood::Knows, true),
    ] {
        let mut world = World::new(&format!("{URL} form={form}"));
        world.answer = Some(Ok((mood, WIDE)));
        world.settle();
        for n in 0..10 {
            two_tracks(n).into_iter().for_each(|packet| world.filter.packet(InId(0), packet));
            world.pass(TICK);
        }
        let server = &world.servers[0];
        let announced = server.commands[0].object().get("fourCcList").is_some();
        assert_eq!(announced, form == "enhanced", "not every server bears it");
        let media = &server.media;
        assert_eq!(media.len(), if is_legacy { 2 + 10 * 2 } else { 3 + 10 * 3 }, "{form}");
        assert!(media.iter().all(|m| (m.body[0] & 0x80 == 0 || m.body[0] == 0xaf) == is_legacy), "{form}");
        assert_eq!(world.record().dropped, 0);
    }
}
