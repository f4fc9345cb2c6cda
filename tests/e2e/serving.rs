//! Who is served what: routes, keys, addresses, where a player starts, players that come back, many at once.

use std::thread;

use weir_flv::amf::Limits;
use weir_flv::{MetaData, TagKind};
use weir_tests::client::{Client, End, Media};
use weir_tests::{Lab, Weir};

/// A key frame each second.
const SOURCE: &str = "avgen:sizes=240x160:rates=200k c=avc:g=25 c=aac";
/// No such app.
const INVALID_APP: &str = "NetConnection.Connect.InvalidApp";

/// One output at `live/cam` with `options`.
fn serve(lab: &Lab, options: &str) -> (Weir, String) {
    let [port] = lab.ports();
    let url = format!("rtmp://127.0.0.1:{port}/live/cam");
    let weir = lab.weir(&format!("{SOURCE} -o {url}:rtmp_listen=1{options}")).listening([port]);
    (weir, url)
}

fn play(url: &str) -> Client {
    Client::play(url).expect("weir listens")
}

/// What comes up to the first picture.
#[track_caller]
fn first_picture(url: &str) -> Vec<Media> {
    let got = play(url).take_until(Media::is_picture);
    got.unwrap_or_else(|end| panic!("{url}: {end:?}"))
}

/// The width that the stream at `url` says it has.
#[track_caller]
fn width(url: &str) -> u32 {
    let got = first_picture(url);
    let scripts = got.iter().filter(|m| m.kind == TagKind::Script);
    let meta = scripts.map(|m| MetaData::parse(&m.body, Limits::SCRIPT).expect("it is AMF0")).find_map(|meta| meta);
    meta.and_then(|m| m.width).expect("a stream begins with onMetaData")
}

/// How the server ends what asks for `url`.
#[track_caller]
fn refusal(url: &str) -> End {
    play(url).take_until(|_| true).expect_err("nothing is served here")
}

#[track_caller]
fn is_refused(url: &str) {
    let end = refusal(url);
    assert!(matches!(&end, End::Refused(code) if code.starts_with("Net")), "{url}: {end:?}");
}

#[test]
fn two_streams_share_a_port_by_name() {
    let lab = Lab::new();
    let [port] = lab.ports();
    let at = |path: &str| format!("rtmp://127.0.0.1:{port}/{path}");
    let group = |size: &str, path: &str| {
        format!("avgen:sizes={size}:rates=200k c=avc:g=25 c=aac -o {}:rtmp_listen=1", at(path))
    };
    let words = [group("240x160", "live/one"), group("160x120", "live/two"), group("320x240", "other/one")];
    let weir = lab.weir(&words.join(" ")).listening([port]);
    assert_eq!(["live/one", "live/two", "other/one"].map(|path| width(&at(path))), [240, 160, 320]);
    is_refused(&at("live/three"));
    weir.stop().quietly(0);
}

#[test]
fn a_route_without_a_name_serves_any() {
    let lab = Lab::new();
    let [port] = lab.ports();
    let at = |path: &str| format!("rtmp://127.0.0.1:{port}/{path}");
    let weir = lab.weir(&format!("{SOURCE} -o {}:rtmp_listen=1", at("live"))).listening([port]);
    for path in ["live", "live/", "live/any", "live/any/thing", "live/any?token=1"] {
        first_picture(&at(path));
    }
    weir.stop().quietly(0);
}

#[test]
fn a_wrong_app_is_invalid_and_nobody_else_notices() {
    let lab = Lab::new();
    let (weir, url) = serve(&lab, "");
    let mut player = play(&url);
    player.take_until(Media::is_picture).expect("it is served");
    let wrong = url.replace("live", "dead");
    assert_eq!(refusal(&wrong), End::Refused(INVALID_APP.to_owned()));
    player.take_until(Media::is_key_frame).expect("it plays on");
    weir.stop().quietly(0);
    assert_eq!(player.take_all().1, End::Ended, "players are told of the end");
}

#[test]
fn only_those_with_a_key_play() {
    let lab = Lab::new();
    let (weir, url) = serve(&lab, ":key=open,sesame");
    for right in ["key=open", "key=sesame", "a=b&key=open"] {
        first_picture(&format!("{url}?{right}"));
    }
    for wrong in ["", "?key=", "?key=close", "?key=ope", "?key=open,sesame", "?Key=open"] {
        is_refused(&format!("{url}{wrong}"));
    }
    weir.stop().quietly(0);
}

#[test]
fn only_allowed_addresses_play() {
    let lab = Lab::new();
    let (weir, url) = serve(&lab, ":allow=192.0.2.0/24,10.0.0.1");
    let end = refusal(&url);
    assert!(matches!(end, End::Refused(_) | End::Closed), "{end:?}");
    weir.stop().quietly(0);
    let (weir, url) = serve(&lab, ":allow=192.0.2.7,127.0.0.0/8");
    first_picture(&url);
    weir.stop().quietly(0);
}

#[test]
fn a_player_starts_where_it_is_told_to() {
    for (start, is_sound_first) in [("key", false), ("live", true), ("next", false)] {
        let lab = Lab::new();
        let (weir, url) = serve(&lab, &format!(":start={start}"));
        // Far from a key frame, whichever way: the first player shows where the stream stands.
        let mut guide = play(&url);
        guide.take_until(Media::is_key_frame).expect("it is served");
        let pictures = guide.take_until(after(5)).expect("it plays on");
        let now = pictures.last().expect("five pictures").millis;
        let got = play(&url).take_until(Media::is_picture).expect("it is served");
        judge_start(start, is_sound_first, &got, now);
        weir.stop().quietly(0);
    }
}

/// The `count`th picture.
fn after(count: usize) -> impl FnMut(&Media) -> bool {
    let mut seen = 0;
    move |media| {
        seen += usize::from(media.is_picture());
        seen == count
    }
}

/// A player that came when the stream stood at `now` or later began with a key frame, in the past only for `key`.
#[track_caller]
fn judge_start(start: &str, is_sound_first: bool, got: &[Media], now: i64) {
    let picture = got.last().expect("a picture");
    assert!(picture.is_key_frame(), "{start}: pictures begin with a key frame: {picture:?}");
    let sound = got.iter().filter(|m| m.kind == TagKind::Audio && !m.is_header()).count();
    if is_sound_first {
        assert!(sound > 0, "{start}: sound at once");
    }
    if start == "next" {
        assert!(got.iter().all(|m| m.is_header() || m.kind == TagKind::Script || m.millis + 60 > picture.millis));
    }
    if start != "key" {
        assert!(picture.millis > now, "{start}: nothing of the past: {} after {now}", picture.millis);
    }
}

#[test]
fn a_player_comes_back() {
    let lab = Lab::new();
    let (weir, url) = serve(&lab, "");
    let mut last = -1;
    for _ in 0..3 {
        let got = first_picture(&url);
        let headers = got.iter().filter(|m| m.is_header()).count();
        assert_eq!(headers, 2, "each time with what a decoder needs");
        let picture = got.last().expect("a picture");
        assert!(picture.is_key_frame() && picture.millis >= last, "on the same timeline: {picture:?} after {last}");
        last = picture.millis;
    }
    weir.stop().quietly(0);
}

#[test]
fn twenty_play_at_once_and_get_the_same() {
    let lab = Lab::new();
    let (weir, url) = serve(&lab, "");
    let players: Vec<_> = (0..20).map(|_| thread::spawn(joined(url.clone()))).collect();
    let mut players: Vec<_> = players.into_iter().map(|p| p.join().expect("it is served")).collect();
    weir.stop().quietly(0);
    let all: Vec<_> = players.iter_mut().map(Client::take_all).collect();
    let (longest, _) = all.iter().max_by_key(|(media, _)| media.len()).expect("twenty");
    for (media, end) in &all {
        assert_eq!(*end, End::Ended);
        assert!(longest.ends_with(media), "the same to the end: {} and {} messages", media.len(), longest.len());
    }
}

/// A player that has got its second key frame.
fn joined(url: String) -> impl FnOnce() -> Client {
    move || {
        let mut client = play(&url);
        for _ in 0..2 {
            client.take_until(Media::is_key_frame).expect("it is served");
        }
        client
    }
}
