//! `-api` and `weir ctl`: what is said of a running session is true, holds no secret, and what is done to one output costs
//! the others nothing.

use std::process::Command;
use std::thread;

use serde_json::Value;
use weir_api::Client;
use weir_tests::peers::{self, Player};
use weir_tests::{Ended, Lab, Process, Recording, process, wait, weir_binary};

const SOURCE: &str = "avgen:sizes=240x160:rates=200k c=avc:g=25 c=aac";
/// No such text is anywhere else.
const KEY: &str = "k3y-th4t-n0b0dy-s33s";

fn client(port: u16) -> Client {
    Client::new(([127, 0, 0, 1], port).into(), None)
}

/// What the API says at `path`.
#[track_caller]
fn get(port: u16, path: &str) -> Value {
    client(port).get(path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Waits until the output of a name is in a phase.
#[track_caller]
fn wait_for(port: u16, name: &str, phase: &str) -> Value {
    wait::until(&format!("{name} is {phase}"), || {
        let page = client(port).get(&format!("/api/v1/outputs/{}", name.replace('#', "%23"))).ok()?;
        (page["output"]["phase"] == phase).then(|| page["output"].clone())
    })
}

fn ctl(lab: &Lab, port: u16, words: &str) -> Ended {
    let mut command = Command::new(weir_binary());
    command.args(["ctl", &format!("-api=127.0.0.1:{port}")]).args(words.split_whitespace());
    process::run("ctl", command, lab.dir())
}

/// The answer to a GET, head and all, as a client without any library gets it.
fn raw(port: u16, path: &str) -> String {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n").expect("sends");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("text");
    text
}

#[test]
fn the_founding_command_is_seen_as_it_is_and_pictures_are_whole() {
    let lab = Lab::new();
    let [a, b, api] = lab.ports();
    let output = |port| format!("-o rtmp://127.0.0.1:{port}/live:gpac:ffmt=flv:rtmp_listen=1");
    let words = format!("-api 127.0.0.1:{api} avgen:sizes=240x160:rates=200k c=avc c=aac {} {}", output(a), output(b));
    let weir = lab.weir(&words).listening([a, b, api]);
    wait_for(api, "rtmpout", "listening");
    let player = Player::Ffmpeg.record(&format!("rtmp://127.0.0.1:{a}/live"), lab.dir(), "a.flv");
    let live = wait_for(api, "rtmpout", "live");
    assert_eq!(live["players"], 1);
    wait_for(api, "rtmpout#2", "listening");
    // Scraped hard all the while by several at once, which nobody feels.
    let scraping: Vec<_> =
        (0..4).map(|_| thread::spawn(move || (0..50).for_each(|_| drop(raw(api, "/metrics"))))).collect();
    lab.wait_for_growth("a.flv", 150_000);
    scraping.into_iter().for_each(|t| t.join().expect("it scrapes"));
    let status = wait::until("what was sent is told", || {
        let status = get(api, "/api/v1/status");
        (status["outputs"][0]["bytes"].as_u64()? >= 150_000).then_some(status)
    });
    let output = &status["outputs"][0];
    let number = |v: &Value| v.as_f64().unwrap_or_else(|| panic!("{v} in {status}"));
    assert!(number(&output["bitrate"]) > 50_000.0, "{output}");
    assert!(number(&output["cost"]["cpu_seconds"]) > 0.0 && number(&status["session"]["cpu_seconds"]) > 0.0);
    assert!(number(&status["session"]["memory_bytes"]) > 1e6);
    let graph = get(api, "/api/v1/graph");
    assert_eq!(graph["nodes"].as_array().map(Vec::len), status["filters"].as_array().map(Vec::len));
    let edges = |v: &Value| v["edges"].as_array().map(Vec::len);
    assert_eq!(edges(&graph), edges(&status), "every link has its queue");
    let metrics = raw(api, "/metrics");
    assert!(metrics.contains("weir_output_phase{output=\"rtmpout\",phase=\"live\"} 1"), "{metrics}");
    assert!(raw(api, "/healthz").starts_with("HTTP/1.1 200") && raw(api, "/readyz").starts_with("HTTP/1.1 200"));
    weir.stop().quietly(0);
    player.wait().quietly(0);
    Recording::of(&lab.path("a.flv")).is_whole(50);
}

#[test]
fn a_stream_key_is_nowhere_and_a_retry_is_made_when_asked_for() {
    let lab = Lab::new();
    let [nobody, port, api] = lab.ports();
    let url = format!("rtmp://user:{KEY}@127.0.0.1:{nobody}/app/{KEY}?{KEY}");
    let words = format!("-api={api} {SOURCE} -o {url} -o rtmp://127.0.0.1:{port}/live:rtmp_listen=1");
    let weir = lab.weir(&words).listening([port, api]);
    let waiting = wait_for(api, "rtmpout", "waiting");
    assert!(waiting["words"].as_str().is_some_and(|w| w.contains("refused; next try in")), "{waiting}");
    assert!(waiting["last_error"]["text"].is_string() && waiting["next_retry_seconds"].is_number());
    let attempts = || wait_for(api, "rtmpout", "waiting")["attempts"].as_u64().expect("a number");
    let before = attempts();
    for n in 1..=20 {
        ctl(&lab, api, "retry rtmpout").with(0);
        // Tries of its own come on top.
        wait::until_true("it tries again", || attempts() >= before + n);
    }
    for path in ["/", "/api/v1/status", "/api/v1/graph", "/api/v1/log", "/api/v1/outputs/rtmpout", "/metrics"] {
        let text = raw(api, path);
        assert!(text.starts_with("HTTP/1.1 200") && !text.contains(KEY), "{path}: {text}");
    }
    assert!(!ctl(&lab, api, "json").stdout.contains(KEY));
    assert!(raw(api, "/api/v1/log").contains("refused"), "it was there to be found");
    ctl(&lab, api, "pause rtmpout").with(0);
    wait_for(api, "rtmpout", "paused");
    ctl(&lab, api, "start rtmpout").with(0);
    wait_for(api, "rtmpout", "waiting");
    let said = ctl(&lab, api, "pause rtmpout#2");
    assert_eq!(said.with(1).stderr, "error: an output that listens has nothing to try again or to pause\n");
    weir.stop().with(1);
}

#[test]
fn one_output_is_stopped_and_the_other_loses_no_picture() {
    let lab = Lab::new();
    let [a, b, api] = lab.ports();
    let output = |port| format!("-o rtmp://127.0.0.1:{port}/live:rtmp_listen=1");
    let weir = lab.weir(&format!("-api={api} {SOURCE} {} {}", output(a), output(b))).listening([a, b, api]);
    let record = |port, file: &str| {
        let player = Player::Ffmpeg.record(&format!("rtmp://127.0.0.1:{port}/live"), lab.dir(), file);
        lab.wait_for_file(file, 50_000);
        player
    };
    let (one, two) = (record(a, "a.flv"), record(b, "b.flv"));
    ctl(&lab, api, "stop rtmpout").quietly(0);
    one.wait().quietly(0);
    wait_for(api, "rtmpout", "ended");
    lab.wait_for_growth("b.flv", 100_000);
    assert_eq!(ctl(&lab, api, "stop rtmpout").with(1).stderr, "error: rtmpout has ended\n");
    assert!(ctl(&lab, api, "status").stdout.contains("rtmpout#2"));
    weir.stop().quietly(0);
    two.wait().quietly(0);
    Recording::of(&lab.path("a.flv")).is_whole(25);
    Recording::of(&lab.path("b.flv")).is_whole(75);
}

/// FFmpeg as a server for one publisher, which records to `file`.
fn server(lab: &Lab, port: u16, file: &str) -> Process {
    let mut command = Command::new(peers::tool("ffmpeg"));
    command.args(["-v", "error", "-nostdin", "-y", "-listen", "1", "-i", &format!("rtmp://127.0.0.1:{port}/live/key")]);
    command.args(["-c", "copy", "-flush_packets", "1", file]);
    Process::start(file, command, lab.dir())
}

#[test]
fn a_push_is_paused_and_goes_on_and_the_one_beside_it_loses_no_picture() {
    let lab = Lab::new();
    let [a, b, api] = lab.ports();
    let (one, two) = (server(&lab, a, "one.flv"), server(&lab, b, "two.flv"));
    let push = |port| format!("-o rtmp://127.0.0.1:{port}/live/key");
    let weir = lab.weir(&format!("-api={api} {SOURCE} {} {}", push(a), push(b))).listening([api]);
    lab.wait_for_file("one.flv", 50_000);
    lab.wait_for_file("two.flv", 50_000);
    ctl(&lab, api, "pause rtmpout#2").quietly(0);
    wait_for(api, "rtmpout#2", "paused");
    // It was left without a word, which FFmpeg takes for the end or for an error.
    drop(two.wait());
    lab.wait_for_growth("one.flv", 50_000);
    let again = server(&lab, b, "again.flv");
    ctl(&lab, api, "start rtmpout#2").quietly(0);
    lab.wait_for_file("again.flv", 50_000);
    wait_for(api, "rtmpout#2", "live");
    weir.stop().with(0);
    drop([one.wait(), again.wait()]);
    Recording::of(&lab.path("one.flv")).is_gapless(75);
    Recording::of(&lab.path("two.flv")).is_gapless(25);
    Recording::of(&lab.path("again.flv")).is_gapless(25);
}

#[test]
fn an_encoder_is_given_another_bit_rate_and_asked_for_key_frames_on_air() {
    let lab = Lab::new();
    let [port, api] = lab.ports();
    let words = format!(
        "-api={api} avgen:sizes=240x160:rates=200k c=avc:g=1000 c=aac -o rtmp://127.0.0.1:{port}/live:rtmp_listen=1"
    );
    let weir = lab.weir(&words).listening([port, api]);
    let player = Player::Ffmpeg.record(&format!("rtmp://127.0.0.1:{port}/live"), lab.dir(), "out.flv");
    lab.wait_for_file("out.flv", 50_000);
    ctl(&lab, api, "keyframe avcenc").quietly(0);
    lab.wait_for_growth("out.flv", 50_000);
    ctl(&lab, api, "set avcenc b=50k").quietly(0);
    lab.wait_for_growth("out.flv", 50_000);
    let refusals = [
        ("set avcenc b=fast", "error: b: expected"),
        ("set avcenc g=10", "error: g cannot be changed while it runs, only b, bitrate, rate"),
        ("set avcenc q=10", "error: there is no option q"),
        ("set aacenc b=64k", "error: aacenc cannot do that"),
        ("keyframe aacenc2", "error: there is no such filter"),
        ("keyframe rtmpout", "error: rtmpout is no encoder"),
    ];
    for (words, why) in refusals {
        let said = ctl(&lab, api, words);
        assert!(said.with(1).stderr.starts_with(why), "{words}: {said:?}");
    }
    let graph = get(api, "/api/v1/graph").to_string();
    assert!(graph.contains("b=50k") && !graph.contains("g=10\""), "{graph}");
    weir.stop().quietly(0);
    player.wait().quietly(0);
    let recording = Recording::of(&lab.path("out.flv"));
    recording.is_whole(75);
    let keys = recording.video.iter().filter(|p| p.key).count();
    assert_eq!(keys, 3, "the first, the one asked for, and the one that the other bit rate begins with");
}

#[test]
fn an_address_others_can_reach_needs_a_token_and_a_token_is_asked_for() {
    let lab = Lab::new();
    let [port, api] = lab.ports();
    let output = format!("{SOURCE} -o rtmp://127.0.0.1:{port}/live:rtmp_listen=1");
    let said = lab.weir_to_end(&format!("-api=0.0.0.0:{api} {output}"));
    assert!(said.with(1).stderr.contains("others than this machine could reach it"), "{said:?}");
    std::fs::write(lab.path("token"), "short\n").expect("the test's directory takes files");
    let said = lab.weir_to_end(&format!("-api=0.0.0.0:{api} -api-token=@token {output}"));
    assert!(said.with(1).stderr.contains("fewer than 16 characters"), "{said:?}");
    std::fs::write(lab.path("token"), "0123456789abcdef\n").expect("the test's directory takes files");
    let weir = lab.weir(&format!("-api=0.0.0.0:{api} -api-token=@token {output}")).listening([port, api]);
    assert!(raw(api, "/metrics").starts_with("HTTP/1.1 401"));
    assert!(ctl(&lab, api, "status").with(1).stderr.contains("a token is needed"));
    let with_token = |words: &str| ctl(&lab, api, &format!("-api-token=@token {words}"));
    wait::until_true("it is seen", || with_token("status").stdout.contains("listening"));
    weir.stop().quietly(0);
}

#[test]
fn prometheus_takes_the_metrics_and_the_rules() {
    let Some(promtool) = peers::peer("promtool") else { return };
    let lab = Lab::new();
    let [port, api] = lab.ports();
    let words = format!("-api={api} {SOURCE} -o rtmp://127.0.0.1:{port}/live:rtmp_listen=1 -o copy.flv");
    let weir = lab.weir(&words).listening([port, api]);
    wait_for(api, "rtmpout", "listening");
    let answer = raw(api, "/metrics");
    let (_, metrics) = answer.split_once("\r\n\r\n").expect("a body");
    std::fs::write(lab.path("metrics"), metrics).expect("the test's directory takes files");
    let mut check = Command::new("sh");
    check.args(["-c", "\"$0\" check metrics < metrics"]).arg(&promtool);
    process::run("promtool", check, lab.dir()).quietly(0);
    weir.stop().quietly(0);
    let ops = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/ops");
    for words in [["test", "rules", "alerts.test.yml"], ["check", "config", "prometheus.yml"]] {
        let mut command = Command::new("sh");
        command.args(["-c", "cd \"$1\" && shift && exec \"$0\" \"$@\""]).arg(&promtool).arg(ops).args(words);
        process::run("promtool", command, lab.dir()).with(0);
    }
    // What the rules and the dashboard ask for is what there is.
    let texts = ["alerts.yml", "grafana.json"].map(|f| std::fs::read_to_string(format!("{ops}/{f}")).expect("a file"));
    for name in texts.iter().flat_map(|t| t.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')) {
        // A push that is connected has a round trip; there is none here.
        if name.starts_with("weir_") && name != "weir_output_rtt_seconds" {
            assert!(metrics.contains(&format!("\n{name}")), "{name} is asked for and never told");
        }
    }
}

#[test]
fn a_browser_shows_what_is_so() {
    let Some(chromium) = peers::peer("chromium") else { return };
    let lab = Lab::new();
    let [nobody, port, api] = lab.ports();
    let words = format!(
        "-api={api} {SOURCE} -o rtmp://127.0.0.1:{port}/live:rtmp_listen=1 -o rtmp://127.0.0.1:{nobody}/app/{KEY}"
    );
    let weir = lab.weir(&words).listening([port, api]);
    wait_for(api, "rtmpout#2", "waiting");
    let page = || {
        let mut command = Command::new(&chromium);
        command.args(["--headless=new", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--dump-dom"]);
        command.arg(format!("--user-data-dir={}", lab.path("profile").display()));
        command.args(["--virtual-time-budget=5000", &format!("http://127.0.0.1:{api}/")]);
        process::run("chromium", command, lab.dir())
    };
    // What a browser under load has not drawn yet, it has the next time.
    let (page, said) = wait::until("the page is drawn", || {
        let ended = page();
        ended.stdout.contains("aria-label=\"Filters: ").then_some((ended.stdout, ended.stderr))
    });
    for text in ["on air", "listening; nobody is there", "refused; next try in", ">waiting</span>", "Try now", "avcenc"]
    {
        assert!(page.to_lowercase().contains(&text.to_lowercase()), "{text} is not on the page: {page}");
    }
    assert!(!page.contains(KEY));
    let complaints: Vec<&str> = said.lines().filter(|l| l.contains("CONSOLE")).collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
    weir.stop().with(1);
}
