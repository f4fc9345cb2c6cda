//! The server, over real sockets: what it answers, whom it refuses, and that clients of every kind hold up nobody.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use weir_api::{BindError, Server, Settings};
use weir_graph::{NodeShot, Snapshot as Graph};
use weir_media::Time;
use weir_plugin::{Level, OutputRecord, Phase, Role};
use weir_scheduler::{FilterReport, Log, OutputReport, Report, Snapshot};
use weir_status::{Board, Feeder, Maker};

const TOKEN: &str = "correct horse battery staple";
const KEY: &str = "live_12345_secret";

/// A server and what feeds it.
struct World {
    address: SocketAddr,
    feeder: Feeder,
    graph: Arc<Graph>,
}

impl World {
    fn new(token: Option<&str>) -> Self {
        let settings =
            Settings { address: "127.0.0.1:0".parse().expect("an address"), token: token.map(str::to_owned) };
        let server = Server::bind(settings).expect("a free port");
        let address = server.address();
        let (board, feeder) = Board::new(Maker::new("1.2.3", |text| text.replace(KEY, "***")));
        server.start(board, None).expect("a thread");
        let node = |id: usize, name: &str| NodeShot {
            id,
            filter: name.to_owned(),
            name: name.to_owned(),
            inserted: false,
            clone_of: None,
            args: vec![format!("key={KEY}")],
        };
        let graph = Arc::new(Graph { nodes: vec![node(1, "avgen"), node(2, "rtmpout")], edges: Vec::new() });
        let mut world = Self { address, feeder, graph };
        world.shows(1_000, Phase::Listening);
        world
    }

    /// Feeds a snapshot in which the output is in this phase.
    fn shows(&mut self, millis: u64, phase: Phase) {
        let record = OutputRecord {
            phase,
            target: format!("rtmp://127.0.0.1/live/{KEY}"),
            last_error: Some((format!("{KEY} is refused"), Time::ZERO)),
            bytes: millis,
            ..OutputRecord::default()
        };
        let filter = |id, name: &str| FilterReport { id, name: name.to_owned(), ..FilterReport::default() };
        self.feeder.take(&Report::Snapshot(Box::new(Snapshot {
            at: Time::from_millis(millis),
            filters: vec![filter(1, "avgen"), filter(2, "rtmpout")],
            outputs: vec![OutputReport { id: 2, role: Role::Sink, name: "rtmpout".into(), record }],
            settled: true,
            graph: Arc::clone(&self.graph),
            ..Snapshot::default()
        })));
    }

    fn logs(&mut self, line: &str) {
        let (level, topic, at) = (Level::Warning, "net".to_owned(), Time::ZERO);
        self.feeder.take(&Report::Log(Log { level, topic, line: line.to_owned(), at }));
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("it listens");
        // Nothing here takes as long, unless it hangs.
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout can be set");
        stream
    }

    /// Status and body of the answer to a request with these headers besides `Host`.
    fn ask(&self, line: &str, headers: &str) -> (u16, String) {
        self.try_ask(line, headers).expect("an answer")
    }

    fn try_ask(&self, line: &str, headers: &str) -> Option<(u16, String)> {
        let mut stream = self.connect();
        let text = format!("{line} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{headers}\r\n", self.address);
        stream.write_all(text.as_bytes()).ok()?;
        answer(&mut stream)
    }

    fn get(&self, path: &str) -> Value {
        let (status, body) = self.ask(&format!("GET {path}"), "");
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).expect("JSON")
    }
}

/// Status and body of what comes to the end; `None` when nothing does.
fn answer(stream: &mut TcpStream) -> Option<(u16, String)> {
    let mut bytes = Vec::new();
    // A reset after the answer is an end as well.
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8(bytes).expect("text");
    let (head, body) = text.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

#[test]
fn every_view_of_the_session_is_there() {
    let mut world = World::new(None);
    world.logs("something");
    assert_eq!(world.get("/api/v1/session")["version"], "1.2.3");
    assert_eq!(world.get("/api/v1/outputs")[0]["phase"], "listening");
    for name in ["2", "rtmpout"] {
        let page = world.get(&format!("/api/v1/outputs/{name}"));
        assert_eq!((&page["output"]["id"], page["history"].as_array().map(Vec::len)), (&Value::from(2), Some(1)));
    }
    assert_eq!(world.get("/api/v1/filters")[0]["name"], "avgen");
    assert_eq!(world.get("/api/v1/graph")["nodes"][1]["name"], "rtmpout");
    assert_eq!(world.get("/api/v1/log")[0]["line"], "something");
    assert_eq!(world.get("/api/v1/log?after=1").as_array().map(Vec::len), Some(0));
    assert!(world.get("/api/openapi.json")["paths"]["/api/v1/session"]["get"].is_object());
    assert!(world.ask("GET /metrics", "").1.contains("weir_output_phase{output=\"rtmpout\",phase=\"listening\"} 1"));
    for (path, start) in [("/", "<!doctype html>"), ("/app.js", "//"), ("/style.css", "/*")] {
        assert!(world.ask(&format!("GET {path}"), "").1.starts_with(start), "{path}");
    }
    assert_eq!(world.ask("GET /api/v1/outputs/9", "").0, 404);
    assert_eq!(world.ask("GET /api/v1/log?after=x", "").0, 400);
    assert_eq!(world.ask("GET /nothing", "").0, 404);
    assert_eq!(world.ask("DELETE /api/v1/outputs", "").0, 405);
    assert_eq!(world.ask("POST /api/v1/outputs/2/stop", "Content-Length: 0\r\n").0, 403, "there is no control");
}

#[test]
fn health_is_that_of_the_session() {
    let mut world = World::new(None);
    assert_eq!(world.ask("GET /healthz", ""), (200, "ok\n".to_owned()));
    assert_eq!(world.ask("GET /readyz", ""), (200, "ready\n".to_owned()));
    world.shows(2_000, Phase::Failed);
    assert_eq!(world.ask("GET /readyz", ""), (503, "no output listens or is live\n".to_owned()));
    let address = world.address;
    let graph = Arc::clone(&world.graph);
    drop(std::mem::replace(&mut world.feeder, Board::new(Maker::new("", str::to_owned)).1));
    let world = World { address, feeder: world.feeder, graph };
    assert_eq!(world.ask("GET /healthz", ""), (503, "the session is over\n".to_owned()));
}

#[test]
fn no_answer_holds_a_secret() {
    let mut world = World::new(None);
    world.logs(&format!("the key is {KEY}"));
    let paths = ["/api/v1/status", "/api/v1/outputs/2", "/api/v1/graph", "/api/v1/log", "/metrics"];
    for path in paths {
        let (status, body) = world.ask(&format!("GET {path}"), "");
        assert!(status == 200 && !body.contains(KEY), "{path}: {body}");
    }
    assert!(world.ask("GET /api/v1/log", "").1.contains("the key is ***"), "it was there to be found");
}

#[test]
fn pages_of_other_sites_and_names_that_are_made_to_point_here_are_refused() {
    let world = World::new(None);
    let with_host = |host: &str, more: &str| {
        let mut stream = world.connect();
        write!(stream, "GET /api/v1/session HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{more}\r\n")
            .expect("sends");
        answer(&mut stream).expect("an answer").0
    };
    let port = world.address.port();
    assert_eq!(with_host(&format!("localhost:{port}"), ""), 200);
    assert_eq!(with_host(&format!("evil.example:{port}"), ""), 403);
    assert_eq!(with_host("", ""), 403);
    assert_eq!(with_host(&format!("127.0.0.1:{port}"), &format!("Origin: http://127.0.0.1:{port}\r\n")), 200);
    for origin in ["http://evil.example", "null", "https://evil.example:443"] {
        assert_eq!(with_host(&format!("127.0.0.1:{port}"), &format!("Origin: {origin}\r\n")), 403, "{origin}");
    }
}

#[test]
fn a_token_is_asked_for_where_there_is_one() {
    let world = World::new(Some(TOKEN));
    let good = format!("Authorization: Bearer {TOKEN}\r\n");
    for path in ["/api/v1/status", "/api/v1/events", "/metrics", "/api/openapi.json"] {
        let line = format!("GET {path}");
        for wrong in ["", "Authorization: Bearer \r\n", "Authorization: Bearer wrong\r\n", "Authorization: Basic x\r\n"]
        {
            let (status, body) = world.ask(&line, wrong);
            assert!(status == 401 && !body.contains(TOKEN), "{path} {wrong}");
        }
        let longer = format!("Authorization: Bearer {TOKEN}x\r\n");
        assert_eq!(world.ask(&line, &longer).0, 401);
    }
    assert_eq!(world.ask("GET /metrics", &good).0, 200);
    assert_eq!(world.ask("POST /api/v1/outputs/2/stop", "Content-Length: 0\r\n").0, 401);
    for open in ["/", "/app.js", "/style.css", "/healthz", "/readyz"] {
        assert_eq!(world.ask(&format!("GET {open}"), "").0, 200, "{open}");
    }
}

#[test]
fn the_network_is_not_answered_without_a_token() {
    let bind = |address: &str, token: Option<&str>| {
        let address = address.parse().expect("an address");
        Server::bind(Settings { address, token: token.map(str::to_owned) }).map(|s| s.address())
    };
    assert!(matches!(bind("0.0.0.0:0", None), Err(BindError::NeedsToken(_))));
    assert!(matches!(bind("[::]:0", None), Err(BindError::NeedsToken(_))));
    assert!(matches!(bind("0.0.0.0:0", Some("short")), Err(BindError::WeakToken)));
    assert!(bind("0.0.0.0:0", Some(TOKEN)).is_ok());
    let taken = bind("127.0.0.1:0", None).expect("a free port");
    let held = std::net::TcpListener::bind(taken).expect("it was let go");
    let said = bind(&held.local_addr().expect("bound").to_string(), None).expect_err("taken").to_string();
    assert!(said.contains(&format!("cannot listen on {taken}")), "{said}");
}

#[test]
fn what_is_too_large_is_refused() {
    let world = World::new(None);
    let long = format!("X: {}\r\n", "x".repeat(100_000));
    // The server may close before all of it is sent.
    assert!(matches!(world.try_ask("GET /metrics", &long), None | Some((431, _))));
    let many: String = (0..1_000).map(|n| format!("X-{n}: y\r\n")).collect();
    assert!(matches!(world.try_ask("GET /metrics", &many), None | Some((431, _))));
    let body = format!("Content-Length: 1000000\r\n\r\n{}", "x".repeat(1_000_000));
    assert!(matches!(world.try_ask("POST /api/v1/filters/1/set", &body), None | Some((413, _))));
    let chunk = format!("{:x}\r\n{}\r\n", 60_000, "x".repeat(60_000));
    let chunked = format!("Transfer-Encoding: chunked\r\n\r\n{chunk}0\r\n\r\n");
    assert!(matches!(world.try_ask("POST /api/v1/filters/1/set", &chunked), None | Some((413, _))));
    assert_eq!(world.ask("GET /metrics", "").0, 200);
}

#[test]
fn what_is_no_request_is_refused() {
    let world = World::new(None);
    for text in
        ["\x16\x03\x01\x02\x00\x01\x00", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "\r\n\r\n\r\n\r\nx x x\r\n\r\n"]
    {
        let mut stream = world.connect();
        stream.write_all(text.as_bytes()).expect("sends");
        let _ = stream.shutdown(Shutdown::Write);
        assert!(matches!(answer(&mut stream), None | Some((400 | 505, _))), "{text:?}");
    }
    assert_eq!(world.ask("GET /metrics", "").0, 200);
}

#[test]
fn who_is_slow_with_a_request_is_left_and_holds_up_nobody() {
    let world = World::new(None);
    let half = |text: &str| {
        let mut stream = world.connect();
        stream.write_all(text.as_bytes()).expect("sends");
        stream
    };
    let mut slow = [
        half(""),
        half("GET /metrics HT"),
        half("GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: "),
        half(&format!("POST /api/v1/filters/1/set HTTP/1.1\r\nHost: {}\r\nContent-Length: 9\r\n\r\n{{", world.address)),
    ];
    assert_eq!(world.ask("GET /metrics", "").0, 200, "while they hold their connections");
    for stream in &mut slow {
        let said = answer(stream);
        assert!(matches!(said, None | Some((408, _))), "{said:?}");
    }
}

#[test]
fn a_crowd_that_says_nothing_is_gone_after_a_while() {
    let world = World::new(None);
    let crowd: Vec<TcpStream> = (0..200).map(|_| world.connect()).collect();
    // Whoever comes now may find no place; the crowd's time runs out.
    let answered = (0..600).find_map(|_| {
        let said = world.try_ask("GET /metrics", "");
        if said.is_none() {
            std::thread::sleep(Duration::from_millis(50));
        }
        said
    });
    assert_eq!(answered.map(|(status, _)| status), Some(200));
    drop(crowd);
}

/// Reads events until `name` comes; its data.
fn next(stream: &mut impl Read, rest: &mut String, name: &str) -> Value {
    let start = format!("event: {name}\ndata: ");
    loop {
        if let Some(data) = rest.find(&start).map(|at| &rest[at + start.len()..])
            && let Some((line, after)) = data.split_once('\n')
        {
            let value = serde_json::from_str(line).expect("JSON");
            *rest = after.to_owned();
            return value;
        }
        let mut buf = [0; 4096];
        let n = stream.read(&mut buf).expect("events");
        assert!(n > 0, "ended before {name}: {rest}");
        rest.push_str(std::str::from_utf8(&buf[..n]).expect("ASCII"));
    }
}

#[test]
fn events_tell_what_changes_to_the_end() {
    let mut world = World::new(None);
    let mut stream = world.connect();
    write!(stream, "GET /api/v1/events HTTP/1.1\r\nHost: {}\r\n\r\n", world.address).expect("sends");
    let mut rest = String::new();
    assert_eq!(next(&mut stream, &mut rest, "graph")["nodes"][0]["name"], "avgen");
    assert_eq!(next(&mut stream, &mut rest, "status")["outputs"][0]["phase"], "listening");
    world.shows(2_000, Phase::Live);
    let phase = next(&mut stream, &mut rest, "phase");
    assert_eq!((&phase["id"], &phase["phase"]), (&Value::from(2), &Value::from("live")));
    world.logs("a line");
    assert_eq!(next(&mut stream, &mut rest, "log")["line"], "a line");
    drop(world);
    next(&mut stream, &mut rest, "end");
}

#[test]
fn who_does_not_read_events_holds_up_nobody() {
    let mut world = World::new(None);
    let listen = |world: &World| {
        let mut stream = world.connect();
        write!(stream, "GET /api/v1/events HTTP/1.1\r\nHost: {}\r\n\r\n", world.address).expect("sends");
        stream
    };
    let deaf: Vec<TcpStream> = (0..20).map(|_| listen(&world)).collect();
    let mut good = listen(&world);
    let mut rest = String::new();
    next(&mut good, &mut rest, "status");
    for n in 0..10 {
        for _ in 0..100 {
            world.logs(&"x".repeat(2_000));
        }
        world.logs(&format!("mark {n}"));
        while next(&mut good, &mut rest, "log")["line"] != format!("mark {n}") {}
    }
    assert_eq!(world.ask("GET /metrics", "").0, 200);
    drop(deaf);
}

#[test]
fn there_are_only_so_many_streams() {
    let world = World::new(None);
    let streams: Vec<(u16, TcpStream)> = (0..30)
        .map(|_| {
            let mut stream = world.connect();
            write!(stream, "GET /api/v1/events HTTP/1.1\r\nHost: {}\r\n\r\n", world.address).expect("sends");
            let mut head = [0; 12];
            stream.read_exact(&mut head).expect("a status");
            (std::str::from_utf8(&head[9..]).expect("digits").parse().expect("a number"), stream)
        })
        .collect();
    let (good, refused): (Vec<_>, Vec<_>) = streams.iter().partition(|(status, _)| *status == 200);
    assert_eq!((good.len(), refused.len()), (24, 6));
    assert!(refused.iter().all(|(status, _)| *status == 503));
    assert_eq!(world.ask("GET /metrics", "").0, 200);
}
