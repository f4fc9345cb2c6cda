//! The ring, case by case: starts, headers, lag policy, caps.

use std::time::Duration;

use weir_media::{Bytes, Time};
use weir_rtmp::chunk::{ChunkReader, Limits};
use weir_rtmp::message::{Message, kind};
use weir_rtmp::ring::{
    Batch, Class, Cursor, Drops, Entry, Kind, LagPolicy, Legacy, Media, Renderer, Ring, RingLimits, SHARED_MSID, Start,
    Step,
};

pub(crate) const CHUNK_SIZE: u32 = 65_536;
pub(crate) const POLICY: LagPolicy = LagPolicy {
    drop_disposable: Duration::from_millis(700),
    drop_to_key: Duration::from_millis(900),
    hard: Duration::from_secs(3),
};

/// A muxed stream being pushed into a ring, with everything it pushed numbered in the body.
struct Feed {
    ring: Ring,
    renderer: Renderer,
    now: Time,
    pushed: u32,
}

impl Feed {
    fn new(limits: RingLimits) -> Self {
        Self { ring: Ring::new(limits, CHUNK_SIZE), renderer: Renderer::new(CHUNK_SIZE), now: Time::ZERO, pushed: 0 }
    }

    fn at(&mut self, millis: u64) -> &mut Self {
        self.now = Time::from_millis(millis);
        self
    }

    /// Pushes a message stamped with its time of arrival.
    fn push(&mut self, kind: Kind, class: Class) -> &mut Self {
        self.push_sized(kind, class, 0)
    }

    fn push_sized(&mut self, kind: Kind, class: Class, extra: usize) -> &mut Self {
        let mut body = self.pushed.to_be_bytes().to_vec();
        body.resize(4 + extra, 1);
        self.pushed += 1;
        let timestamp = self.now.as_millis() as u32;
        let media = Media { kind, class, timestamp, body: body.into(), legacy: Legacy::Same };
        let entry = self.renderer.render(media, self.now).expect("short");
        self.ring.push(entry);
        self
    }

    /// Metadata and both headers.
    fn headers(&mut self) -> &mut Self {
        self.push(Kind::Data, Class::Header(0)).push(Kind::Video, Class::Header(0)).push(Kind::Audio, Class::Header(0))
    }

    /// Video at 25 per second, every `gop`-th a key frame, and audio beside it, from `from` to `to` milliseconds.
    fn av(&mut self, from: u64, to: u64, gop: u64) -> &mut Self {
        for frame in from / 40..to / 40 {
            let class = if frame % gop == 0 { Class::Key } else { Class::Inter };
            self.at(frame * 40).push(Kind::Video, class).push(Kind::Audio, Class::Key);
        }
        self
    }

    /// All that `cursor` gets now, in letters: `H` headers, `h` a header entry, `K` key, `i` inter, `d` disposable, `a`
    /// audio, `s` data.
    fn drain(&self, cursor: &mut Cursor, now: u64) -> String {
        let mut out = String::new();
        loop {
            out.push(match self.ring.next(cursor, Time::from_millis(now), &POLICY) {
                Step::Idle => return out,
                Step::Headers(_) => 'H',
                Step::Entry(entry) => letter(entry),
            });
        }
    }
}

fn letter(entry: &Entry) -> char {
    match (entry.kind(), entry.class()) {
        (_, Class::Header(_)) => 'h',
        (Kind::Audio, _) => 'a',
        (Kind::Data, _) => 's',
        (Kind::Video, Class::Key) => 'K',
        (Kind::Video, Class::Inter) => 'i',
        (Kind::Video, _) => 'd',
    }
}

/// Messages of rendered bytes.
pub(crate) fn read(bytes: &[u8]) -> Vec<Message> {
    let mut reader = ChunkReader::new(Limits::DEFAULT);
    let set = weir_rtmp::message::Control::SetChunkSize(CHUNK_SIZE).message();
    let set = weir_rtmp::chunk::render(&set, weir_rtmp::chunk::Csid::CONTROL, CHUNK_SIZE);
    reader.read(&mut &set[..]).expect("sound");
    let mut input = bytes;
    std::iter::from_fn(|| reader.read(&mut input).expect("sound")).collect()
}

#[test]
fn a_cursor_is_small() {
    assert!(size_of::<Cursor>() <= 64, "{}", size_of::<Cursor>());
}

#[test]
fn starts_at_the_newest_key_frame_at_once() {
    let mut feed = Feed::new(RingLimits::default());
    feed.headers().av(0, 480, 6);
    let mut cursor = feed.ring.start(Start::Key, 1, feed.now);
    assert_eq!(feed.drain(&mut cursor, 440), "HKaiaiaiaiaia");
    feed.av(480, 560, 6);
    assert_eq!(feed.drain(&mut cursor, 520), "Kaia");
    assert_eq!(cursor.drops(), Drops::default());
}

#[test]
fn starts_live_or_with_the_next_key_frame() {
    let mut feed = Feed::new(RingLimits::default());
    feed.headers().av(0, 320, 6);
    let mut live = feed.ring.start(Start::Live, 1, feed.now);
    let mut next = feed.ring.start(Start::Next, 1, feed.now);
    assert_eq!((feed.drain(&mut live, 280), feed.drain(&mut next, 280)), ("H".into(), String::new()));
    feed.av(320, 560, 6);
    assert_eq!((feed.drain(&mut live, 520), feed.drain(&mut next, 520)), ("aaaaKaia".into(), "HKaia".into()));
    assert_eq!((live.drops(), next.drops()), (Drops::default(), Drops::default()));
}

/// Without video, audio starts anywhere.
#[test]
fn audio_only() {
    for start in [Start::Key, Start::Live, Start::Next] {
        let mut feed = Feed::new(RingLimits::default());
        feed.push(Kind::Audio, Class::Header(0)).push(Kind::Audio, Class::Key);
        let mut cursor = feed.ring.start(start, 1, feed.now);
        let early = feed.drain(&mut cursor, 0);
        feed.push(Kind::Audio, Class::Key).push(Kind::Audio, Class::Key);
        assert_eq!(early + &feed.drain(&mut cursor, 0), "Haa", "{start:?}");
    }
}

/// Who waits before the stream begins gets the headers as they come.
#[test]
fn joins_before_the_first_message() {
    for start in [Start::Key, Start::Live, Start::Next] {
        let mut feed = Feed::new(RingLimits::default());
        let mut cursor = feed.ring.start(start, 1, feed.now);
        assert_eq!(feed.drain(&mut cursor, 0), "");
        feed.headers().av(0, 80, 6);
        let expected = if start == Start::Next { "HKaia" } else { "hhhKaia" };
        assert_eq!(feed.drain(&mut cursor, 80), expected);
    }
}

/// A player that starts at a key frame gets the headers of that time, though they have changed since.
#[test]
fn headers_in_force_are_those_of_the_entry() {
    let mut feed = Feed::new(RingLimits::default());
    feed.headers()
        .at(40)
        .push(Kind::Video, Class::Key)
        .push(Kind::Video, Class::Header(0))
        .push(Kind::Video, Class::Inter);
    let mut cursor = feed.ring.start(Start::Key, 7, feed.now);
    let Step::Headers(bytes) = feed.ring.next(&mut cursor, feed.now, &POLICY) else { panic!("no headers") };
    let got: Vec<_> = read(&bytes).iter().map(|m| (m.kind, m.msid, m.timestamp, m.body[3])).collect();
    assert_eq!(got, [(kind::DATA_AMF0, 7, 0, 0), (kind::VIDEO, 7, 40, 1), (kind::AUDIO, 7, 0, 2)]);
    assert_eq!(feed.drain(&mut cursor, 40), "Khi");
    let mut late = feed.ring.start(Start::Live, 7, feed.now);
    let Step::Headers(bytes) = feed.ring.next(&mut late, feed.now, &POLICY) else { panic!("no headers") };
    assert_eq!(read(&bytes).iter().map(|m| m.body[3]).collect::<Vec<_>>(), [0, 4, 2]);
}

/// Headers bear the time of the media that follows, not the time they were first sent; metadata at the start bears 0.
#[test]
fn headers_are_stamped_like_what_follows() {
    let mut feed = Feed::new(RingLimits::default());
    feed.headers().av(200_000, 200_400, 5);
    let mut cursor = feed.ring.start(Start::Key, 1, feed.now);
    let Step::Headers(bytes) = feed.ring.next(&mut cursor, feed.now, &POLICY) else { panic!("no headers") };
    assert_eq!(read(&bytes).iter().map(|m| m.timestamp).collect::<Vec<_>>(), [0, 200_200, 200_200]);
}

#[test]
fn several_headers_of_a_kind_are_kept_by_number() {
    let mut feed = Feed::new(RingLimits::default());
    for class in [Class::Header(0), Class::Header(1), Class::Header(0)] {
        feed.push(Kind::Video, class);
    }
    let mut cursor = feed.ring.start(Start::Live, 1, feed.now);
    let Step::Headers(bytes) = feed.ring.next(&mut cursor, feed.now, &POLICY) else { panic!("no headers") };
    assert_eq!(read(&bytes).iter().map(|m| m.body[3]).collect::<Vec<_>>(), [2, 1]);
}

/// Metadata of any size is relayed, but only a sane amount is kept in force.
#[test]
fn headers_in_force_are_bounded() {
    let mut feed = Feed::new(RingLimits::default());
    feed.headers().push_sized(Kind::Data, Class::Header(0), 2 << 20).push_sized(Kind::Data, Class::Header(1), 1 << 19);
    for number in 2..100 {
        feed.push(Kind::Data, Class::Header(number));
    }
    let mut cursor = feed.ring.start(Start::Live, 1, feed.now);
    let Step::Headers(bytes) = feed.ring.next(&mut cursor, feed.now, &POLICY) else { panic!("no headers") };
    assert_eq!((read(&bytes).len(), bytes.len() < 1 << 20), (64, true));
}

#[test]
fn above_700_ms_disposable_frames_go() {
    let mut feed = Feed::new(RingLimits::default());
    feed.push(Kind::Video, Class::Key);
    let mut cursor = feed.ring.start(Start::Key, 1, feed.now);
    assert_eq!(feed.drain(&mut cursor, 0), "K");
    feed.at(40).push(Kind::Video, Class::Disposable).push(Kind::Audio, Class::Key);
    feed.at(200).push(Kind::Video, Class::Inter).push(Kind::Video, Class::Disposable);
    assert_eq!(feed.drain(&mut cursor, 800), "aid");
    assert_eq!(cursor.drops(), Drops { disposable: 1, ..Drops::default() });
}

#[test]
fn above_900_ms_video_goes_up_to_the_next_key_frame() {
    let mut feed = Feed::new(RingLimits::default());
    feed.headers().av(0, 40, 25);
    let mut cursor = feed.ring.start(Start::Key, 1, feed.now);
    feed.drain(&mut cursor, 0);
    feed.av(40, 1080, 25);
    assert_eq!(feed.drain(&mut cursor, 1040), format!("{}Kaia", "a".repeat(24)));
    assert_eq!(cursor.drops(), Drops { video: 24, ..Drops::default() });
}

/// Where a key frame is late, but the newest there is, its group is still worth catching up with.
#[test]
fn the_newest_key_frame_is_taken_late() {
    let mut feed = Feed::new(RingLimits::default());
    feed.headers().av(0, 40, 25);
    let mut cursor = feed.ring.start(Start::Key, 1, feed.now);
    feed.drain(&mut cursor, 0);
    feed.av(40, 2960, 25);
    let got = feed.drain(&mut cursor, 2960);
    assert_eq!(got.matches('K').count(), 1);
    assert!(got.ends_with(&format!("Ka{}", "ia".repeat(23))), "{got}");
    assert_eq!(cursor.drops(), Drops { video: 24 + 25, ..Drops::default() });
}

/// A header among what is dropped still comes, before the key frame that needs it.
#[test]
fn headers_are_never_dropped_with_video() {
    let mut feed = Feed::new(RingLimits::default());
    feed.headers().av(0, 40, 25);
    let mut cursor = feed.ring.start(Start::Key, 1, feed.now);
    feed.drain(&mut cursor, 0);
    feed.at(100).push(Kind::Video, Class::Inter).push(Kind::Video, Class::Header(0)).push(Kind::Data, Class::Key);
    feed.at(1100).push(Kind::Video, Class::Key);
    assert_eq!(feed.drain(&mut cursor, 1100), "hsK");
}

#[test]
fn above_3_s_everything_goes_up_to_the_newest_key_frame() {
    let mut feed = Feed::new(RingLimits::default());
    feed.headers().av(0, 40, 25);
    let mut cursor = feed.ring.start(Start::Key, 1, feed.now);
    feed.drain(&mut cursor, 0);
    feed.av(40, 3240, 25);
    assert_eq!(feed.ring.lag(&cursor, Time::from_millis(3200)), Duration::from_millis(3160));
    let got = feed.drain(&mut cursor, 3200);
    assert_eq!(got, format!("HKa{}", "ia".repeat(5)));
    assert_eq!(cursor.drops(), Drops { video: 74, audio: 74, jumps: 1, ..Drops::default() });
}

/// No key frame ahead: headers again, audio from now on, video from the next key frame.
#[test]
fn a_jump_never_goes_back() {
    let mut feed = Feed::new(RingLimits::default());
    feed.headers().av(0, 80, 1000);
    let mut cursor = feed.ring.start(Start::Key, 1, feed.now);
    assert_eq!(feed.drain(&mut cursor, 40), "HKaia");
    feed.av(80, 4000, 1000);
    assert_eq!(feed.drain(&mut cursor, 4000), "H");
    feed.av(4000, 4080, 1000).at(4080).push(Kind::Video, Class::Key).push(Kind::Video, Class::Inter);
    assert_eq!(feed.drain(&mut cursor, 4080), "aaKi");
    assert_eq!(cursor.drops(), Drops { video: 100, audio: 98, jumps: 1, ..Drops::default() });
}

/// Evicted entries are a jump as well, though their class is no longer known.
#[test]
fn eviction_is_a_jump() {
    let limits = RingLimits { bytes: 1 << 20, span: Duration::from_millis(500), group_span: Duration::from_secs(30) };
    let mut feed = Feed::new(limits);
    feed.headers().av(0, 40, 5);
    let mut cursor = feed.ring.start(Start::Key, 1, feed.now);
    feed.drain(&mut cursor, 0);
    feed.av(40, 2000, 5);
    let first = feed.ring.first();
    let got = feed.drain(&mut cursor, 1960);
    assert_eq!(got, "HKaiaiaiaia");
    let drops = cursor.drops();
    assert_eq!((drops.jumps, u64::from(drops.evicted)), (1, first - 5));
}

/// Lag counts from the join: a cached group is not late for who has just come.
#[test]
fn a_long_cached_group_is_not_lag() {
    let mut feed = Feed::new(RingLimits::default());
    feed.headers().av(0, 20_000, 1000);
    let mut cursor = feed.ring.start(Start::Key, 1, feed.now);
    assert_eq!(feed.ring.lag(&cursor, feed.now), Duration::ZERO);
    let policy = POLICY;
    let mut got = String::new();
    // Takes two seconds for the burst: more than drop_to_key, less than the hard limit.
    for step in 0..2000u64 {
        let now = feed.now + Duration::from_millis(step);
        if let Step::Entry(entry) = feed.ring.next(&mut cursor, now, &policy) {
            got.push(letter(entry));
        }
    }
    assert_eq!((got.matches('i').count(), cursor.drops()), (499, Drops::default()));
}

#[test]
fn video_and_audio_can_be_turned_off() {
    let mut feed = Feed::new(RingLimits::default());
    feed.headers().av(0, 40, 25);
    let mut cursor = feed.ring.start(Start::Key, 1, feed.now);
    feed.drain(&mut cursor, 0);
    cursor.set_video(false);
    feed.av(40, 120, 25);
    assert_eq!(feed.drain(&mut cursor, 120), "aa");
    cursor.set_video(true);
    cursor.set_audio(false);
    feed.av(120, 1080, 25);
    assert_eq!(feed.drain(&mut cursor, 1080), "Ki");
    assert_eq!(cursor.drops(), Drops::default());
}

#[test]
fn caps_hold() {
    let limits = RingLimits { bytes: 100_000, span: Duration::from_secs(1), group_span: Duration::from_secs(5) };
    let mut feed = Feed::new(limits);
    // A group older than the span stays while it is the last one and fits.
    feed.av(0, 3000, 1000);
    assert_eq!(feed.ring.first(), 0);
    // But not longer than its own span.
    feed.av(3000, 8000, 1000);
    assert!(feed.ring.first() > 0);
    let oldest = feed.ring.get(feed.ring.first()).expect("kept").arrived();
    assert!(feed.now.since(oldest) <= Duration::from_secs(1), "the key frame is gone, so the span holds");
    // The byte cap always wins, even over the last group, even over a single message.
    feed.at(8000).push_sized(Kind::Video, Class::Key, 60_000).push_sized(Kind::Video, Class::Inter, 60_000);
    assert!(feed.ring.bytes() <= 100_000);
    feed.push_sized(Kind::Video, Class::Key, 200_000);
    assert_eq!((feed.ring.bytes(), feed.ring.first()), (0, feed.ring.end()));
}

/// A message too large to keep is a gap for everyone.
#[test]
fn an_evicted_key_frame_makes_everyone_wait() {
    let limits = RingLimits { bytes: 50_000, ..RingLimits::default() };
    let mut feed = Feed::new(limits);
    feed.headers().av(0, 80, 25);
    let mut cursor = feed.ring.start(Start::Key, 1, feed.now);
    feed.drain(&mut cursor, 40);
    feed.push_sized(Kind::Video, Class::Key, 60_000).push(Kind::Video, Class::Inter).push(Kind::Audio, Class::Key);
    assert_eq!(feed.drain(&mut cursor, 40), "H");
    feed.push(Kind::Video, Class::Inter).push(Kind::Audio, Class::Key).push(Kind::Video, Class::Key);
    assert_eq!(feed.drain(&mut cursor, 40), "aK");
}

#[test]
fn gather_stops_at_its_limits() {
    let mut feed = Feed::new(RingLimits::default());
    feed.headers().av(0, 400, 5);
    let mut cursor = feed.ring.start(Start::Key, 2, feed.now);
    let mut out = Vec::new();
    let mut gather = |most, bytes| {
        let mut batch = Batch::default();
        let got = feed.ring.gather(&mut cursor, feed.now, &POLICY, &mut batch, most, bytes);
        assert_eq!(got.bytes, batch.parts().iter().map(Bytes::len).sum::<usize>());
        out.extend_from_slice(batch.parts());
        (got.items, got.more)
    };
    assert_eq!(gather(3, usize::MAX), (3, true));
    assert_eq!(gather(100, 1), (1, true));
    assert_eq!(gather(100, usize::MAX), (7, false));
    let messages = read(&out.concat());
    assert_eq!(messages.len(), 3 + 10);
    assert!(messages.iter().all(|m| m.msid == 2));
}

#[test]
fn players_share_the_bytes() {
    let mut feed = Feed::new(RingLimits::default());
    feed.push(Kind::Video, Class::Key);
    let take = || {
        let mut cursor = feed.ring.start(Start::Key, SHARED_MSID, feed.now);
        let mut batch = Batch::default();
        feed.ring.gather(&mut cursor, feed.now, &POLICY, &mut batch, 1, 1);
        batch.parts()[0].as_ptr()
    };
    assert_eq!(take(), take());
}

/// Who stands beside another gets what that got; who does not, or is to be sent something of its own, never does.
#[test]
fn a_batch_serves_those_at_the_same_place() {
    let mut feed = Feed::new(RingLimits::default());
    feed.headers().av(0, 80, 5);
    let mut players: Vec<Cursor> = (0..4).map(|n| feed.ring.start(Start::Key, 1 + n / 3, feed.now)).collect();
    players[2].set_audio(false);
    players.iter_mut().for_each(|cursor| drop(feed.drain(cursor, 40)));
    let newcomer = feed.ring.start(Start::Live, 1, feed.now);
    players.push(newcomer);
    feed.push(Kind::Audio, Class::Key).push(Kind::Video, Class::Inter);
    let mut shared = Batch::default();
    for mut cursor in players {
        let mut alone = (cursor.clone(), Batch::default());
        let got = feed.ring.gather(&mut cursor, feed.now, &POLICY, &mut shared, 64, usize::MAX);
        let want = feed.ring.gather(&mut alone.0, feed.now, &POLICY, &mut alone.1, 64, usize::MAX);
        assert_eq!((got, shared.parts(), cursor.position()), (want, alone.1.parts(), alone.0.position()));
    }
}

/// What is left out for peers of the original RTMP is no loss, and their track has key frames of its own.
#[test]
fn peers_of_the_original_rtmp_get_what_is_theirs() {
    let mut ring = Ring::new(RingLimits::default(), CHUNK_SIZE);
    let mut cursors = [(false, 1), (true, 1), (true, 2)].map(|(legacy, msid)| {
        let mut cursor = ring.start(Start::Live, msid, Time::ZERO);
        cursor.set_legacy(legacy);
        cursor
    });
    let mut renderer = Renderer::new(CHUNK_SIZE);
    let mut push = |class: Class, body: &'static [u8], legacy: Legacy| {
        let media = Media { kind: Kind::Video, class, timestamp: 0, body: Bytes::from_static(body), legacy };
        ring.push(renderer.render(media, Time::ZERO).expect("short"));
    };
    let instead = |class, body: &'static [u8]| Legacy::As(class, Bytes::from_static(body));
    push(Class::Header(0), b"head 0", Legacy::Nothing);
    push(Class::Header(1), b"head 1", instead(Class::Header(1), b"HEAD 1"));
    push(Class::Key, b"key 0", Legacy::Nothing);
    push(Class::Inter, b"inter 1", instead(Class::Inter, b"INTER 1"));
    push(Class::Inter, b"key 1", instead(Class::Key, b"KEY 1"));
    push(Class::Inter, b"inter 1", instead(Class::Inter, b"INTER 1"));
    push(Class::Key, b"both", Legacy::Same);
    let got = cursors.each_mut().map(|cursor| {
        let mut batch = Batch::default();
        ring.gather(cursor, Time::ZERO, &POLICY, &mut batch, 100, usize::MAX);
        let messages = read(&batch.parts().concat());
        assert!(messages.iter().all(|m| m.msid == cursor.msid()));
        assert_eq!(cursor.drops(), Drops::default());
        messages.iter().map(|m| String::from_utf8_lossy(&m.body).into_owned()).collect::<Vec<_>>().join(",")
    });
    assert_eq!(got[0], "head 0,head 1,key 0,inter 1,key 1,inter 1,both");
    assert_eq!(got[1], "HEAD 1,KEY 1,INTER 1,both");
    assert_eq!(got[2], got[1]);
    // Whoever comes later gets the headers that are in force for it.
    let mut late = ring.start(Start::Key, 1, Time::ZERO);
    late.set_legacy(true);
    let Step::Headers(headers) = ring.next(&mut late, Time::ZERO, &POLICY) else { panic!("headers come first") };
    assert_eq!(read(&headers).iter().map(|m| m.body.clone()).collect::<Vec<_>>(), [&b"HEAD 1"[..]]);
}

/// Two at the same place share a batch only when they get the same.
#[test]
fn a_batch_is_of_one_form() {
    let mut ring = Ring::new(RingLimits::default(), CHUNK_SIZE);
    let mut renderer = Renderer::new(CHUNK_SIZE);
    let mut push = |ring: &mut Ring, legacy: Legacy| {
        let body = Bytes::from_static(b"new");
        let media = Media { kind: Kind::Video, class: Class::Key, timestamp: 0, body, legacy };
        ring.push(renderer.render(media, Time::ZERO).expect("short"));
    };
    push(&mut ring, Legacy::Same);
    let mut new = ring.start(Start::Key, 1, Time::ZERO);
    let mut old = new.clone();
    old.set_legacy(true);
    for cursor in [&mut new, &mut old] {
        ring.gather(cursor, Time::ZERO, &POLICY, &mut Batch::default(), 100, usize::MAX);
    }
    push(&mut ring, Legacy::As(Class::Key, Bytes::from_static(b"old")));
    let mut batch = Batch::default();
    let got = [&mut new, &mut old].map(|cursor| {
        ring.gather(cursor, Time::ZERO, &POLICY, &mut batch, 100, usize::MAX);
        read(&batch.parts().concat())[0].body.clone()
    });
    assert_eq!(got, [&b"new"[..], b"old"]);
}
