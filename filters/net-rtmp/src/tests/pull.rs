//! An input that plays from servers: what comes, how it is held back, and what is done when a server fails, falls silent,
//! refuses or ends the stream. The servers are real sessions.

use std::io;

use weir_plugin::{Credit, OutId, Phase};
use weir_rtmp::{Event as ServerEvent, Refusal, ServerConfig, ServerSession};

use super::*;
use crate::ingest::{PullService, WINDOW};

const ME: FilterId = FilterId(0);
const URL: &str = "rtmp://10.0.0.1/live/cam";
const STEP: Duration = Duration::from_millis(10);

struct Server {
    conn: ConnId,
    session: ServerSession,
    played: Option<String>,
}

/// An input, its service, and servers one after the other.
struct Pulled {
    net: SimNet,
    service: PullService,
    filter: Harness,
    result: Result<bool, weir_plugin::Error>,
    servers: Vec<Server>,
    /// Whether connections are made.
    is_there: bool,
    /// Whether requests are granted.
    grants: bool,
}

impl Pulled {
    fn new(text: &str) -> Self {
        let settings = |text: &str| match ingest::Settings::new(&input_options(text)).expect("sound options") {
            ingest::Settings::Pull(pull) => *pull,
            ingest::Settings::Listen(..) => panic!("it connects"),
        };
        let net = SimNet::new(5);
        let service = PullService::new(settings(text).into(), net.memory());
        let filter = Harness::new(Box::new(ingest::Source::new(ingest::Settings::Pull(settings(text).into()))));
        let mut this =
            Self { net, service, filter, result: Ok(false), servers: Vec::new(), is_there: true, grants: true };
        this.settle();
        this
    }

    fn run_filter(&mut self) -> bool {
        let late = self.net.now().since(self.filter.now());
        self.filter.advance(late);
        let mut busy = false;
        for (_, message) in std::mem::take(&mut self.net.posts) {
            busy = true;
            self.filter.event(Event::Message(message)).expect("events are fine");
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
        for (conn, _) in std::mem::take(&mut self.net.dials) {
            busy = true;
            let answer = if self.is_there { Ok(WIDE) } else { Err(io::ErrorKind::ConnectionRefused.into()) };
            self.net.answer(conn, answer);
            if self.is_there {
                let session = ServerSession::new(ServerConfig::default(), [1; 32], self.net.now());
                self.servers.push(Server { conn, session, played: None });
            }
        }
        let now = self.net.now();
        for server in &mut self.servers {
            let bytes = self.net.receive(server.conn, 0);
            busy |= !bytes.is_empty();
            server.session.handle_input(&bytes, now).expect("a client speaks soundly");
            while let Some(event) = server.session.poll_event() {
                match event {
                    ServerEvent::Connect(_) => server.session.accept_connect(now).expect("sound"),
                    ServerEvent::Play(play) if self.grants => {
                        server.played = Some(play.path.expose());
                        server.session.accept_play(play.msid);
                    }
                    ServerEvent::Play(play) => {
                        server.session.reject_play(play.msid, Refusal::StreamNotFound, "no such stream", now);
                    }
                    _ => {}
                }
            }
            while let Some(bytes) = server.session.poll_transmit() {
                busy = true;
                self.net.send(server.conn, &bytes);
            }
        }
        busy
    }

    fn settle(&mut self) {
        for _ in 0..10_000 {
            let mut busy = self.run_filter();
            self.net.run(&mut self.service);
            busy |= self.run_filter() | self.run_servers();
            if !busy {
                return;
            }
        }
        panic!("nothing rests");
    }

    fn pass(&mut self, time: Duration) {
        let end = self.net.now() + time;
        while self.net.now() < end {
            self.net.advance(STEP.min(end.since(self.net.now())));
            self.settle();
        }
    }

    /// The newest server sends `ticks` of a feed, each at its time.
    fn send(&mut self, feed: &mut Feed, ticks: usize) {
        for _ in 0..ticks {
            self.send_now(feed);
            self.pass(TICK);
        }
    }

    fn send_now(&mut self, feed: &mut Feed) {
        let conn = self.servers.last().expect("a server").conn;
        for packet in feed.tick() {
            let tag = Tag::from_written(packet.bytes().expect("bytes")).expect("a tag");
            let (kind, csid) = match tag.kind {
                TagKind::Audio => (kind::AUDIO, Csid::AUDIO),
                TagKind::Video => (kind::VIDEO, Csid::VIDEO),
                TagKind::Script => (kind::DATA_AMF0, Csid::STREAM),
            };
            let message = Message { kind, timestamp: tag.timestamp, msid: 1, body: tag.body };
            self.net.send(conn, &render(&message, csid, ServerConfig::CHUNK_SIZE));
        }
    }

    fn packets(&mut self) -> Vec<Packet> {
        if self.filter.outputs().is_empty() { Vec::new() } else { self.filter.take(OutId(0)) }
    }

    fn phase(&self) -> Phase {
        self.filter.records.last().expect("a record").phase
    }

    fn last_error(&self) -> &str {
        self.filter.records.last().and_then(|r| r.last_error.as_ref()).map_or("", |(text, _)| text)
    }
}

#[test]
fn what_a_server_sends_comes_through() {
    let mut world = Pulled::new(URL);
    assert_eq!(world.phase(), Phase::Requesting);
    assert_eq!(world.servers[0].played.as_deref(), Some("live/cam"));
    world.send(&mut Feed::new(25), 50);
    assert_eq!((world.packets().len(), world.phase()), (3 + 50 * 3, Phase::Live));
    let props = &world.filter.outputs()[0].props[0];
    assert_eq!(props.str(Prop::StreamName), Some("cam"));
}

#[test]
fn a_server_that_fails_is_connected_to_again_and_time_goes_on() {
    let mut world = Pulled::new(URL);
    world.send(&mut Feed::new(25), 10);
    let first = world.packets();
    world.net.reset(world.servers[0].conn);
    world.settle();
    assert_eq!((world.phase(), world.last_error()), (Phase::Waiting, "the connection broke"));
    world.pass(Duration::from_millis(1_300));
    assert_eq!(world.servers.len(), 2);
    world.send(&mut Feed::new(25), 10);
    let second = world.packets();
    assert_eq!(second.len(), 10 * 3, "headers that say the same are left out");
    let gap = second[0].dts - first.last().expect("packets").dts;
    assert!((800..1_400).contains(&gap), "{gap} ms later, as it came later");
    assert_eq!(world.phase(), Phase::Live);
}

#[test]
fn silence_is_a_stall_once_media_has_come() {
    let mut world = Pulled::new(&format!("{URL} stall=2s"));
    world.pass(Duration::from_secs(30));
    assert_eq!(world.servers.len(), 1, "the publisher may be yet to come");
    world.send(&mut Feed::new(25), 10);
    world.pass(Duration::from_millis(2_100));
    assert_eq!(world.last_error(), "stalled: nothing came for 2 s");
    world.pass(Duration::from_secs(2));
    assert_eq!(world.servers.len(), 2);
}

#[test]
fn the_end_of_the_stream_ends_the_input_or_not() {
    for (rule, ends) in [("never", true), ("broken", true), ("always", false)] {
        let mut world = Pulled::new(&format!("{URL} reconnect={rule}"));
        world.send(&mut Feed::new(25), 10);
        let now = world.net.now();
        world.servers[0].session.end_stream(1, now);
        world.settle();
        assert_eq!(world.result, Ok(ends), "{rule}");
        assert_eq!(world.packets().len(), 3 + 10 * 3);
        assert_eq!(world.filter.outputs()[0].ended, ends);
        world.pass(Duration::from_secs(2));
        assert_eq!(world.servers.len(), if ends { 1 } else { 2 }, "{rule}");
    }
}

#[test]
fn who_is_not_there_is_tried_as_often_as_asked() {
    let mut world = Pulled::new(URL);
    world.servers.clear();
    let mut world2 = Pulled::new(&format!("{URL} retries=2"));
    world2.is_there = false;
    world2.net.reset(world2.servers[0].conn);
    world2.pass(Duration::from_secs(10));
    let error = world2.result.clone().expect_err("given up");
    assert!(error.message.contains("refused"), "{}", error.message);
    assert_eq!(world2.phase(), Phase::Failed);
    // Never again is never.
    let mut once = Pulled::new(&format!("{URL} reconnect=never"));
    once.net.reset(once.servers[0].conn);
    once.settle();
    assert!(once.result.is_err());
}

#[test]
fn a_refusal_is_told_and_tried_again_slowly() {
    let mut world = Pulled::new(URL);
    world.grants = false;
    world.net.reset(world.servers[0].conn);
    world.pass(Duration::from_secs(2));
    assert_eq!(world.last_error(), "the server refused: NetStream.Play.StreamNotFound (no such stream)");
    assert_eq!(world.servers.len(), 2);
    world.pass(Duration::from_secs(20));
    assert_eq!(world.servers.len(), 2);
    world.grants = true;
    world.pass(Duration::from_secs(20));
    assert_eq!((world.servers.len(), world.phase()), (3, Phase::Requesting));
}

#[test]
fn what_comes_too_fast_is_not_read() {
    let mut world = Pulled::new(&format!("{URL} stall=1s"));
    world.filter.credit = Credit::Packets(0);
    let mut feed = Feed::new(25);
    feed.size = 200_000;
    for _ in 0..3 * WINDOW / feed.size {
        world.send_now(&mut feed);
    }
    world.settle();
    let used = world.net.memory().used();
    assert!((WINDOW..WINDOW + (1 << 20)).contains(&used), "{used} bytes are held");
    world.pass(Duration::from_secs(5));
    assert_eq!(world.servers.len(), 1, "who is not read cannot be heard");
    world.filter.credit = Credit::Endless;
    world.pass(Duration::from_millis(500));
    let pictures = world.packets().iter().filter(|p| p.len() > 1_000).count();
    assert_eq!(pictures, usize::try_from(feed.n).expect("few"), "and nothing is lost");
    world.pass(Duration::from_millis(1_100));
    assert_eq!(world.net.memory().used(), 0, "nothing is kept of what has ended");
}

#[test]
fn a_stop_takes_leave() {
    let mut world = Pulled::new(URL);
    world.send(&mut Feed::new(25), 5);
    world.filter.event(Event::Stop).expect("a stop");
    world.settle();
    assert_eq!((world.result.clone(), world.net.open()), (Ok(true), 0));
    assert_eq!(world.net.memory().used(), 0);
}

#[test]
fn options_of_the_other_kind_are_mistakes() {
    for (text, what) in [
        ("rtmp://h/a/b streams=3", "streams is for listeners"),
        ("rtmp://h/a/b takeover=always", "takeover is for listeners"),
        ("rtmp://127.0.0.1/a rtmp_listen=1 reconnect=never", "reconnect is for inputs that connect"),
        ("rtmp://127.0.0.1/a rtmp_listen=1 insecure=1", "insecure is for inputs that connect"),
        ("rtmp://h/a/b ca=x", "ca, pin and insecure are for rtmps"),
    ] {
        let error = ingest::Settings::new(&input_options(text)).map(|_| ()).expect_err(text);
        assert!(error.message.starts_with(what), "{text}: {}", error.message);
    }
}
