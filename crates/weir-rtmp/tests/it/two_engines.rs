//! The crate's client against the crate's server, with a ring between, over a simulated network: any split, latency, little
//! bandwidth, stalls. The server is driven as an output drives it: control bytes and media in turns, one write queue.

use std::collections::VecDeque;
use std::time::Duration;

use weir_media::{Bytes, Time};
use weir_rtmp::message::{Message, kind};
use weir_rtmp::ring::{Batch, Class, Cursor, Kind, LagPolicy, Legacy, Media, Renderer, Ring, RingLimits, Start};
use weir_rtmp::{
    ClientConfig, ClientEvent, ClientSession, ErrorKind, Event, Phase, Refusal, RtmpUrl, ServerConfig, ServerSession,
};

use crate::support::Rng;

const TICK: Duration = Duration::from_millis(10);
/// What the simulated socket buffer holds.
const SOCKET: usize = 64 << 10;

/// One direction of a connection.
struct Pipe {
    bytes: VecDeque<u8>,
    /// Bytes delivered per tick.
    rate: usize,
}

impl Pipe {
    fn room(&self) -> usize {
        SOCKET - self.bytes.len()
    }

    /// Delivers what is due, in pieces of any size.
    fn deliver(&mut self, rng: &mut Rng) -> Vec<Vec<u8>> {
        let mut due: Vec<u8> = self.bytes.drain(..self.rate.min(self.bytes.len())).collect();
        let mut pieces = Vec::new();
        while !due.is_empty() {
            let rest = due.split_off(1 + rng.index(due.len()));
            pieces.push(std::mem::replace(&mut due, rest));
        }
        pieces
    }
}

/// A player and its connection.
struct Player {
    server: ServerSession,
    client: ClientSession,
    up: Pipe,
    down: Pipe,
    /// What the server's socket has not taken yet.
    queue: VecDeque<Bytes>,
    cursor: Option<Cursor>,
    most_queued: usize,
    events: Vec<ClientEvent>,
    rng: Rng,
}

/// How the server answers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    Accept,
    RefuseConnect,
    RefusePlay,
}

impl Player {
    fn new(seed: u64, rate: usize, now: Time) -> Self {
        let url = RtmpUrl::parse("rtmp://127.0.0.1:8889/live/key1?t=1").expect("a URL");
        Self {
            server: ServerSession::new(ServerConfig::default(), [seed as u8; 32], now),
            client: ClientSession::new(ClientConfig::play(&url), &[!(seed as u8); 32], now),
            up: Pipe { bytes: VecDeque::new(), rate },
            down: Pipe { bytes: VecDeque::new(), rate },
            queue: VecDeque::new(),
            cursor: None,
            most_queued: 0,
            events: Vec::new(),
            rng: Rng(seed),
        }
    }

    fn answer(&mut self, event: Event, answer: Answer, ring: &Ring, now: Time) {
        match event {
            Event::Connect(_) if answer == Answer::RefuseConnect => {
                self.server.reject_connect(Refusal::Rejected, "go away");
            }
            Event::Connect(connect) => {
                assert_eq!(connect.tc_url.expose(), "rtmp://127.0.0.1:8889/live");
                self.server.accept_connect(now).expect("sound");
            }
            Event::Play(play) if answer == Answer::RefusePlay => {
                self.server.reject_play(play.msid, Refusal::StreamNotFound, "no such stream", now);
            }
            Event::Play(play) => {
                assert_eq!(play.path.expose(), "live/key1");
                self.server.accept_play(play.msid);
                self.cursor = Some(ring.start(Start::Key, play.msid, now));
            }
            Event::Stopped { .. } => self.cursor = None,
            _ => {}
        }
    }

    /// Writes as a socket takes it; gathers more only when everything is out.
    fn write_down(&mut self, ring: &Ring, now: Time) {
        loop {
            if self.queue.is_empty() {
                self.queue.extend(self.server.poll_transmit());
            }
            if let (true, Some(cursor)) = (self.queue.is_empty(), &mut self.cursor) {
                let mut batch = Batch::default();
                ring.gather(cursor, now, &LagPolicy::default(), &mut batch, 16, 16 << 10);
                self.queue.extend(batch.parts().iter().cloned());
            }
            self.most_queued = self.most_queued.max(self.queue.iter().map(Bytes::len).sum());
            let Some(front) = self.queue.front_mut() else { return };
            let taken = front.split_to(front.len().min(self.down.room()));
            if taken.is_empty() {
                return;
            }
            self.down.bytes.extend(&taken);
            if front.is_empty() {
                self.queue.pop_front();
            }
        }
    }

    /// One tick of both ends. The client's error, if any.
    fn tick(&mut self, answer: Answer, ring: &Ring, now: Time) -> Result<(), weir_rtmp::Error> {
        while let Some(bytes) = self.client.poll_transmit() {
            self.up.bytes.extend(&bytes);
        }
        for piece in self.up.deliver(&mut self.rng) {
            self.server.handle_input(&piece, now).expect("a sound client");
            while let Some(event) = self.server.poll_event() {
                self.answer(event, answer, ring, now);
            }
        }
        self.server.handle_timeout(now).expect("no deadline");
        self.write_down(ring, now);
        for piece in self.down.deliver(&mut self.rng) {
            let result = self.client.handle_input(&piece, now);
            self.events.extend(std::iter::from_fn(|| self.client.poll_event()));
            result?;
        }
        self.client.handle_timeout(now)
    }

    fn media(&self) -> impl Iterator<Item = &Message> {
        self.events.iter().filter_map(|event| match event {
            ClientEvent::Media(message) => Some(message),
            _ => None,
        })
    }

    fn has(&self, event: &ClientEvent) -> bool {
        self.events.contains(event)
    }
}

/// A live stream: headers, then 25 frames per second of a given size in groups of 25, and audio.
struct Source {
    ring: Ring,
    renderer: Renderer,
    frame_size: usize,
    frames: u32,
}

impl Source {
    fn new(frame_size: usize) -> Self {
        let mut source = Self {
            ring: Ring::new(RingLimits::default(), ServerConfig::CHUNK_SIZE),
            renderer: Renderer::new(ServerConfig::CHUNK_SIZE),
            frame_size,
            frames: 0,
        };
        for (kind, body) in [(Kind::Data, vec![2, 0, 0]), (Kind::Video, vec![0x17, 0]), (Kind::Audio, vec![0xaf, 0])] {
            source.push(kind, Class::Header(0), 0, body, Time::ZERO);
        }
        source
    }

    fn push(&mut self, kind: Kind, class: Class, timestamp: u32, body: Vec<u8>, now: Time) {
        let media = Media { kind, class, timestamp, body: body.into(), legacy: Legacy::Same };
        self.ring.push(self.renderer.render(media, now).expect("short"));
    }

    /// Pushes what is due at `now`. Bodies carry the number of the frame.
    fn advance(&mut self, now: Time) {
        while u64::from(self.frames) * 40 <= now.as_millis() {
            let is_key = self.frames.is_multiple_of(25);
            let mut video = vec![if is_key { 0x17 } else { 0x27 }, 1];
            video.extend(self.frames.to_be_bytes());
            video.resize(self.frame_size, self.frames as u8);
            let time = self.frames * 40;
            self.push(Kind::Video, if is_key { Class::Key } else { Class::Inter }, time, video, now);
            self.push(Kind::Audio, Class::Key, time, vec![0xaf, 1, self.frames as u8], now);
            self.frames += 1;
        }
    }
}

/// Numbers of the video frames received, checked for content, and for being decodable one after the other.
fn frames(player: &Player) -> Vec<u32> {
    let mut numbers: Vec<u32> = Vec::new();
    for message in player.media().filter(|m| m.kind == kind::VIDEO && m.body[1] == 1) {
        let number = u32::from_be_bytes(message.body[2..6].try_into().expect("four bytes"));
        assert_eq!(message.timestamp, number * 40);
        assert!(message.body[6..].iter().all(|&b| b == number as u8), "frame {number} is damaged");
        assert!(
            message.body[0] == 0x17 || numbers.last() == Some(&(number - 1)),
            "frame {number} without its key frame"
        );
        numbers.push(number);
    }
    numbers
}

fn run(player: &mut Player, source: &mut Source, from: Time, to: Time) {
    let mut now = from;
    while now < to {
        source.advance(now);
        player.tick(Answer::Accept, &source.ring, now).expect("a sound server");
        now += TICK;
    }
}

#[test]
fn plays_over_any_network() {
    for seed in 0..40 {
        let mut rng = Rng(seed);
        let start = Time::from_millis(rng.below(3000));
        let mut source = Source::new(2000);
        source.advance(start);
        // From 120 kB/s, which is little more than twice the stream, to plenty.
        let mut player = Player::new(seed, 1200 + rng.index(50_000), start);
        run(&mut player, &mut source, start, start + Duration::from_secs(8));
        assert_eq!(
            player.events[..2],
            [ClientEvent::Connected, ClientEvent::Status { code: "NetStream.Play.Reset".into(), is_error: false }]
        );
        assert!(player.has(&ClientEvent::Playing));
        let opening: Vec<u8> = player.media().skip(1).take(5).map(|m| m.kind).collect();
        assert_eq!(opening, [kind::DATA_AMF0, kind::VIDEO, kind::AUDIO, kind::VIDEO, kind::AUDIO], "seed {seed}");
        assert!(player.media().all(|m| m.msid == 1));
        let numbers = frames(&player);
        assert_eq!(
            numbers.len() as u32,
            numbers[numbers.len() - 1] - numbers[0] + 1,
            "seed {seed}: frames are missing"
        );
        assert_eq!(numbers[0] % 25, 0);
        assert!(source.frames - numbers[numbers.len() - 1] < 5, "seed {seed}: too late");
        player.server.close();
        let end = start + Duration::from_secs(8);
        (0..100).for_each(|_| player.tick(Answer::Accept, &source.ring, end).expect("sound"));
        assert!(player.has(&ClientEvent::Ended));
        assert_eq!(player.events.iter().filter(|e| **e == ClientEvent::Ended).count(), 1);
    }
}

/// Conformance check 39: a player that stops reading for 20 s costs no memory, resumes with headers and a key frame, and
/// the player beside it notices nothing.
#[test]
fn check_39_a_stalled_player() {
    let mut source = Source::new(25_000);
    let mut stalled = Player::new(1, 20_000, Time::ZERO);
    let mut other = Player::new(2, 20_000, Time::ZERO);
    let mut now = Time::ZERO;
    while now < Time::from_millis(30_000) {
        source.advance(now);
        stalled.down.rate = if (3_000..23_000).contains(&now.as_millis()) { 0 } else { 20_000 };
        stalled.tick(Answer::Accept, &source.ring, now).expect("sound");
        other.tick(Answer::Accept, &source.ring, now).expect("sound");
        now += TICK;
    }
    assert!(stalled.most_queued <= 16 * 1024 + 3 * 25_100, "{}", stalled.most_queued);
    let drops = stalled.cursor.as_ref().expect("playing").drops();
    assert!(drops.jumps == 1 && drops.evicted > 0, "{drops:?}");
    let headers = stalled.media().filter(|m| m.kind == kind::VIDEO && m.body[1] == 0).count();
    assert_eq!(headers, 2);
    let numbers = frames(&stalled);
    let gap = numbers.windows(2).find(|pair| pair[1] != pair[0] + 1).expect("a gap");
    assert_eq!(gap[1] % 25, 0);
    assert!((21..=24).contains(&(gap[1] / 25)), "resumes with the newest key frame kept: {gap:?}");
    assert_eq!(*numbers.last().expect("frames"), source.frames - 1);
    let all = frames(&other);
    assert_eq!(all, (0..source.frames).collect::<Vec<_>>());
    assert_eq!(other.cursor.expect("playing").drops(), Default::default());
}

/// A connection too slow for the video still gets all of the audio, and what video it can take.
#[test]
fn audio_goes_on_where_video_does_not_fit() {
    let mut source = Source::new(10_000);
    let mut player = Player::new(5, 1_500, Time::ZERO);
    run(&mut player, &mut source, Time::ZERO, Time::from_millis(40_000));
    let drops = player.cursor.as_ref().expect("playing").drops();
    assert!(drops.video > 100 && drops.audio == 0 && drops.jumps == 0, "{drops:?}");
    let audio = player.media().filter(|m| m.kind == kind::AUDIO && m.body[1] == 1).count();
    assert!(audio as u32 + 60 > source.frames, "{audio}");
    assert!(frames(&player).len() > 200);
}

#[test]
fn refusals_reach_the_client() {
    let cases = [
        (Answer::RefuseConnect, "NetConnection.Connect.Rejected", Phase::Connect),
        (Answer::RefusePlay, "NetStream.Play.StreamNotFound", Phase::Setup),
    ];
    for (answer, code, phase) in cases {
        let source = Source::new(100);
        let mut player = Player::new(3, 5000, Time::ZERO);
        let error = (0..100).find_map(|_| player.tick(answer, &source.ring, Time::ZERO).err()).expect("refused");
        assert_eq!((error.kind, error.phase), (ErrorKind::Refused, phase));
        assert!(player.has(&ClientEvent::Status { code: code.into(), is_error: true }));
        assert_eq!((player.client.phase(), player.client.poll_timeout()), (Phase::Closed, None));
    }
}

#[test]
fn the_client_takes_leave() {
    let mut source = Source::new(100);
    let mut player = Player::new(4, 50_000, Time::ZERO);
    run(&mut player, &mut source, Time::ZERO, Time::from_millis(500));
    assert!(player.cursor.is_some());
    player.client.close();
    (0..5).for_each(|_| player.tick(Answer::Accept, &source.ring, Time::from_millis(500)).expect("sound"));
    assert!(player.cursor.is_none());
    assert_eq!(player.server.phase(), Phase::Setup);
}

#[test]
fn the_client_has_deadlines() {
    let url = RtmpUrl::parse("rtmp://h/live").expect("a URL");
    let mut client = ClientSession::new(ClientConfig::play(&url), &[0; 32], Time::from_millis(100));
    assert_eq!(client.poll_timeout(), Some(Time::from_millis(10_100)));
    client.handle_timeout(Time::from_millis(10_099)).expect("in time");
    let error = client.handle_timeout(Time::from_millis(10_100)).expect_err("too late");
    assert_eq!((error.kind, error.phase), (ErrorKind::Deadline, Phase::Handshake));

    let mut client = ClientSession::new(ClientConfig::play(&url), &[0; 32], Time::ZERO);
    let mut server = ServerSession::new(ServerConfig::default(), [0; 32], Time::ZERO);
    let now = Time::from_millis(3000);
    for _ in 0..2 {
        let up = client.poll_transmit().expect("bytes");
        server.handle_input(&up, now).expect("sound");
        if let Some(down) = server.poll_transmit() {
            client.handle_input(&down, now).expect("sound");
        }
    }
    assert_eq!((client.phase(), client.poll_timeout()), (Phase::Connect, Some(Time::from_millis(13_000))));
    assert_eq!(client.handle_timeout(Time::from_millis(13_000)).expect_err("too late").phase, Phase::Connect);
}

/// Media before its status, on message stream 0, in aggregates, data in AMF3: what servers do.
#[test]
fn the_client_is_tolerant() {
    use weir_rtmp::chunk::{Csid, render};

    let source = Source::new(100);
    let item = [8, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0xaf, 1, 0, 0, 0, 13];
    let bodies = [(kind::AUDIO, vec![1]), (kind::AGGREGATE, item.repeat(2)), (kind::DATA_AMF3, vec![0, 2, 0, 0])];
    let mut fresh = Player::new(6, 50_000, Time::ZERO);
    while fresh.client.phase() != Phase::Setup {
        fresh.tick(Answer::Accept, &source.ring, Time::ZERO).expect("sound");
    }
    // The answer to createStream, from another server than ours.
    let created = weir_rtmp::message::Command::result(2.0, weir_amf::Value::Null, 5.0).message(0);
    fresh.client.handle_input(&render(&created, Csid::COMMAND, 65_536), Time::ZERO).expect("sound");
    for msid in [0, 5, 6] {
        for (kind, body) in bodies.clone() {
            let message = Message { kind, timestamp: 9, msid, body: body.into() };
            fresh.client.handle_input(&render(&message, Csid::STREAM, 65_536), Time::ZERO).expect("sound");
        }
    }
    let events: Vec<_> = std::iter::from_fn(|| fresh.client.poll_event()).collect();
    let kinds: Vec<u8> =
        events.iter().filter_map(|e| if let ClientEvent::Media(m) = e { Some(m.kind) } else { None }).collect();
    assert_eq!(kinds, [8, 8, 8, 18, 8, 8, 8, 18]);
    assert_eq!(events[0], ClientEvent::Playing);
}
