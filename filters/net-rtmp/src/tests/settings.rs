//! What options are taken, and what is said of the others.

use std::net::{IpAddr, SocketAddr};

use weir_plugin::{Create, Error, ErrorKind, Memory, Options, Registry, Result, Score};
use weir_rtmp::ring::Start;

use super::options;
use crate::settings::{Network, Settings};

fn parse(text: &str) -> Result<Settings> {
    Settings::new(&options(&format!("{text} rtmp_listen=1")))
}

fn error(text: &str) -> Error {
    parse(text).err().unwrap_or_else(|| panic!("{text} was taken"))
}

#[test]
fn urls() {
    for (url, addr, path) in [
        ("rtmp://127.0.0.1:8889/live", "127.0.0.1:8889", "live"),
        ("rtmp://127.0.0.1/live/", "127.0.0.1:1935", "live"),
        ("rtmp://localhost/live/a", "127.0.0.1:1935", "live/a"),
        ("rtmp://*/live/a/b", "0.0.0.0:1935", "live/a/b"),
        ("rtmp://0.0.0.0:1/x", "0.0.0.0:1", "x"),
        ("RTMP://[::1]:1936/live/a", "[::1]:1936", "live/a"),
        ("rtmp://[::]/live", "[::]:1935", "live"),
        ("rtmp://[2001:db8::7]/live/mp4:a.mp4", "[2001:db8::7]:1935", "live/a.mp4"),
    ] {
        let settings = parse(url).unwrap_or_else(|e| panic!("{url}: {e}"));
        assert_eq!(settings.at.addr, addr.parse::<SocketAddr>().expect("an address"), "{url}");
        assert_eq!(settings.stream.path.expose(), path);
        let host = url.split(['/', ']']).nth(2).unwrap_or_default();
        assert!(
            settings.at.shown.to_lowercase().contains(host.split(':').next().unwrap_or_default()),
            "{}",
            settings.at.shown
        );
        assert!(settings.at.shown.ends_with(&format!("/{path}")), "{}", settings.at.shown);
    }
    assert_eq!(parse("rtmp://[::1]/live").expect("sound").at.shown, "rtmp://[::1]:1935/live");
}

#[test]
fn urls_that_cannot_be_served() {
    for (url, why) in [
        ("rtmp://example.org/live", "example.org is no address to listen on"),
        ("rtmp://127.0.0.1", "names no app"),
        ("rtmp://127.0.0.1/", "names no app"),
        ("rtmp://127.0.0.1:0/live", "invalid port"),
        ("rtmp://127.0.0.1:70000/live", "invalid port"),
        ("rtmp:///live", "no valid host"),
        ("rtmp://[::1/live", "no valid host"),
        ("rtmps://127.0.0.1/live", "needs cert=FILE and cert_key=FILE"),
        ("http://127.0.0.1/live", "must begin with rtmp://"),
        ("rtmp://user:pw@127.0.0.1/live", "no user and password"),
        ("rtmp://:pw@127.0.0.1/live", "no user and password"),
        ("rtmp://127.0.0.1/live/a?key=k", "takes no query"),
        ("rtmp://127.0.0.1/live?x", "takes no query"),
        ("rtmp://127.0.0.1/live/../a", "`..`"),
    ] {
        let e = error(url);
        assert!(e.message.contains(why) && !e.message.contains("pw"), "{url}: {e}");
        assert_eq!(e.kind, ErrorKind::BadOption);
    }
    let mut with_space = options("rtmp://127.0.0.1/live rtmp_listen=1");
    with_space.apply("dst", Some("rtmp://127.0.0.1/live live=1")).expect("text");
    assert!(Settings::new(&with_space).is_err_and(|e| e.message.contains("space")));
    for (option, why) in [
        ("drop=block", "drop=block is for pushing"),
        ("drop=disconnect", "drop=disconnect is for pushing"),
        ("retries=3", "retries is for pushing"),
    ] {
        let push = Settings::new(&options(&format!("rtmp://127.0.0.1/live rtmp_listen=1 {option}")));
        assert!(push.is_err_and(|e| e.message.starts_with(why)), "{option}");
    }
    let drops = |more: &str| parse(&format!("rtmp://127.0.0.1/live latency=0 {more}")).expect("sound").stream.lag;
    assert_eq!(drops("").drop_to_key, drops("").hard * 3 / 10);
    assert_eq!(drops("drop=disposable").drop_to_key, drops("").hard);
    assert_eq!(drops("drop=disposable").drop_disposable, drops("").drop_disposable);
    let nothing = Settings::new(&Options::defaults(crate::OPTIONS));
    assert!(nothing.is_err_and(|e| e.message.contains("needs a URL")));
}

#[test]
fn networks() {
    let contains = |network: &str, ip: &str| {
        Network::parse(network).expect("a network").contains(ip.parse::<IpAddr>().expect("an address"))
    };
    for (network, inside, outside) in [
        ("192.0.2.7", "192.0.2.7", "192.0.2.6"),
        ("192.0.2.7/32", "::ffff:192.0.2.7", "::ffff:192.0.2.6"),
        ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
        ("10.9.8.7/8", "10.0.0.1", "11.0.0.1"),
        ("192.0.2.128/25", "192.0.2.255", "192.0.2.127"),
        ("0.0.0.0/0", "203.0.113.1", "2001:db8::1"),
        ("::/0", "2001:db8::1", "203.0.113.1"),
        ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::1"),
        ("2001:db8::1", "2001:db8::1", "2001:db8::2"),
        ("::ffff:10.0.0.0/104", "10.1.2.3", "11.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1", "10.0.0.2"),
    ] {
        assert!(contains(network, inside), "{network} has {inside}");
        assert!(!contains(network, outside), "{network} has not {outside}");
    }
    for text in [
        "",
        "10.0.0.0/33",
        "10.0.0.0/-1",
        "10.0.0/8",
        "::/129",
        "host",
        "10.0.0.0/8/8",
        "1.2.3.4/",
        "::ffff:10.0.0.0/80",
    ] {
        assert!(Network::parse(text).is_err_and(|e| e.kind == ErrorKind::BadOption), "{text}");
    }
    let two = parse("rtmp://127.0.0.1/live allow=10.0.0.0/8,::1").expect("sound");
    assert_eq!(two.stream.gate.allow.len(), 2);
    assert!(error("rtmp://127.0.0.1/live allow=10.0.0.0/8,x").message.starts_with("allow: x is no address"));
}

#[test]
fn keys() {
    let keys = |given: &str| parse(&format!("rtmp://127.0.0.1/live key={given}")).map(|s| s.stream.gate.keys);
    assert_eq!(keys("one"), Ok(vec!["one".to_owned()]));
    assert_eq!(keys("one,two,"), Ok(vec!["one".to_owned(), "two".to_owned()]));
    let dir = std::env::temp_dir().join(format!("weir-keys-{}", std::process::id()));
    let file = dir.to_str().expect("text");
    std::fs::write(&dir, "k1\r\n\n  k2\nk3,k4").expect("a file");
    assert_eq!(keys(&format!("@{file}")), Ok(["k1", "k2", "k3", "k4"].map(str::to_owned).to_vec()));
    std::fs::write(&dir, vec![b'x'; (1 << 20) + 1]).expect("a file");
    assert!(keys(&format!("@{file}")).is_err_and(|e| e.message.contains("longer than 1048576")));
    std::fs::write(&dir, "\n\n").expect("a file");
    assert!(keys(&format!("@{file}")).is_err_and(|e| e.message.contains("nobody could play")));
    std::fs::write(&dir, b"\xff\xfe").expect("a file");
    assert!(keys(&format!("@{file}")).is_err_and(|e| e.kind == ErrorKind::Io));
    std::fs::remove_file(&dir).expect("it was there");
    // Set for every test by cargo.
    assert_eq!(keys("$CARGO_PKG_NAME"), Ok(vec!["weir-net-rtmp".to_owned()]));
}

#[test]
fn errors_never_tell_the_key() {
    for key in ["s3cret&more", "s3cret more", "s3\0cret", "@s3cret/none", "@s3cret", "$s3cret", "s3cret,&s3cret"] {
        let mut options = options("rtmp://127.0.0.1/live rtmp_listen=1");
        options.apply("key", Some(key)).expect("text");
        let e = Settings::new(&options).err().expect("no key");
        assert!(!e.message.contains("s3"), "{e}");
    }
    for key in ["@", "$", ",", "@/"] {
        error(&format!("rtmp://127.0.0.1/live key={key}"));
    }
}

#[test]
fn times_and_sizes() {
    let given =
        parse("rtmp://127.0.0.1/live lag=60s stall=7s timeout=4s buffer=100000 start=next maxnew=3").expect("sound");
    assert_eq!(given.stream.lag.hard.as_secs(), 60);
    assert_eq!(given.stream.lag.drop_to_key.as_secs(), 18);
    assert!(given.stream.lag.drop_disposable < given.stream.lag.drop_to_key);
    // What a player may lag is kept, in whatever group of pictures it is.
    assert!(given.stream.ring.span > given.stream.lag.hard && given.stream.ring.group_span >= given.stream.ring.span);
    assert_eq!((given.stream.stall.as_secs(), given.at.limits.timeout.as_secs()), (7, 4));
    assert_eq!((given.stream.ring.bytes, given.at.limits.new, given.at.limits_given), (100_000, 3, true));
    assert_eq!(given.stream.start, Start::Next);
    assert!(!parse("rtmp://127.0.0.1/live lag=60s").expect("sound").at.limits_given);
    for option in ["lag=0", "lag=99ms", "stall=0", "timeout=10ms"] {
        let name = option.split('=').next().expect("a name");
        assert!(error(&format!("rtmp://127.0.0.1/live {option}")).message.starts_with(name));
    }
    parse("rtmp://127.0.0.1/live lag=900000000s stall=900000000s timeout=900000000s").expect("long, but sound");
}

#[test]
fn the_plugin_makes_outputs() {
    let mut registry = Registry::new();
    crate::register(&mut registry);
    let plugin = registry.get("rtmpout").expect("registered");
    assert_eq!((plugin.claims("rtmp://h/a"), plugin.claims("rtmps://h/a")), (Score::Yes, Score::Yes));
    let make =
        |text: &str| plugin.create(Create { options: options(text), bundle: None, memory: Memory::new(0) }).map(|_| ());
    assert_eq!(make("rtmp://127.0.0.1/live rtmp_listen=1"), Ok(()));
    assert_eq!(make("rtmp://127.0.0.1/live"), Ok(()), "a push");
    assert!(make("rtmp://127.0.0.1/live maxip=3").is_err_and(|e| e.message.starts_with("maxip is for listeners")));
    assert!(!plugin.is_live(&options("rtmp://127.0.0.1/live drop=block")));
    assert!(plugin.is_live(&options("rtmp://127.0.0.1/live")));
}
