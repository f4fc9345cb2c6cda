//! Graph files to words and back, their mistakes, and what they include.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use proptest::prelude::*;
use weir_args::{Item, parse};
use weir_spec::{Format, Loaded, World, convert, load};

/// Loads `main` of these files, with one variable in the environment.
fn loaded(main: &str, files: &[(&str, &str)]) -> Loaded {
    let files: BTreeMap<&str, &str> = files.iter().copied().collect();
    let read = |path: &Path| {
        let name = path.to_str().expect("UTF-8");
        files.get(name).map(|t| (*t).to_owned()).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    };
    let environment = |name: &str| (name == "KEY").then(|| "s3cret".to_owned());
    load(Path::new(main), &World { read: &read, environment: &environment })
}

fn words(toml: &str) -> String {
    let loaded = loaded("g.toml", &[("g.toml", toml)]);
    assert_eq!(loaded.diagnostics, [], "{toml}");
    loaded.words.join(" ")
}

/// The messages about a file, each behind the text it points at.
fn wrong(toml: &str) -> String {
    let loaded = loaded("g.toml", &[("g.toml", toml)]);
    let shown = |d: &weir_args::Diagnostic| format!("{}: {}", &toml[d.span.start..d.span.end], d.message);
    loaded.diagnostics.iter().map(shown).collect::<Vec<_>>().join("\n")
}

const FOUNDING: &str = r#"
[[graph]]
filter = "avgen"
sizes = "240x160"
rates = "200k"

[[graph]]
enc = "avc"

[[graph]]
enc = "aac"

[[graph]]
out = "rtmp://127.0.0.1:8889/live"
ffmt = "flv"
rtmp_listen = true

[[graph]]
out = "rtmp://127.0.0.1:8888/live"
ffmt = "flv"
rtmp_listen = true
"#;

#[test]
fn the_founding_command() {
    assert_eq!(
        words(FOUNDING),
        "avgen:sizes=240x160:rates=200k c=avc c=aac -o rtmp://127.0.0.1:8889/live:gpac:ffmt=flv:rtmp_listen \
         -o rtmp://127.0.0.1:8888/live:gpac:ffmt=flv:rtmp_listen"
    );
}

#[test]
fn all_that_a_file_can_say() {
    let toml = r#"
include = "base.toml"
[vars]
PORT = 1935
TOKEN = { file = "token.txt" }
[session]
threads = 2
cl = true
[options]
"avgen@dur" = 5
[[graph]]
filter = "avgen:type=v"
id = "cam"
props = { Language = "de", ServiceID = 7 }
sizes = ["64x64", "32x32"]
lock = false
[[graph]]
word = "@1#video"
[[graph]]
out = "rtmp://h:${PORT}/a/b?t=${TOKEN}&k=${KEY}"
from = ["cam#video", "base"]
"#;
    let files = [("g.toml", toml), ("base.toml", "graph = [\"-i x.mp4:FID=base\"]"), ("token.txt", "tok\n")];
    let loaded = loaded("g.toml", &files);
    assert_eq!(loaded.diagnostics, []);
    assert_eq!(
        loaded.words.join(" "),
        "-i x.mp4:FID=base -threads=2 -cl --avgen@dur=5 avgen:type=v:FID=cam:#Language=de:#ServiceID=7:sizes=64x64,32x32:lock=no \
         @1#video -o rtmp://h:1935/a/b?t=tok&k=s3cret:gpac:SID=cam#video,base"
    );
    assert_eq!(loaded.outside, ["tok", "s3cret"]);
}

#[test]
fn places_lead_back_into_the_file() {
    let loaded = loaded("g.toml", &[("g.toml", FOUNDING)]);
    let at = |word: usize, text: &str| {
        let start = loaded.words[word].find(text).expect("it is there");
        let span = loaded.origin.of(weir_args::Span::new(word, start..start + text.len())).expect("a place");
        &FOUNDING[span.start..span.end]
    };
    assert_eq!(at(0, "avgen"), "\"avgen\"");
    assert_eq!(at(0, "rates"), "rates");
    assert_eq!(at(0, "200k"), "\"200k\"");
    assert_eq!(at(1, "avc"), "\"avc\"");
    assert_eq!(at(6, "8888"), "\"rtmp://127.0.0.1:8888/live\"");
}

#[test]
fn values_with_colons() {
    let toml = "[[graph]]\nfilter = \"f\"\na = \"x:y\"\nb = 1\n[[graph]]\nout = \"rtmp://h/a:b\"\nc = \"d:e\"\n";
    assert_eq!(words(toml), "f::a=x:y::b=1 -o rtmp://h/a:b:gpac::c=d:e");
    let parsed = parse(&loaded("g.toml", &[("g.toml", toml)]).words);
    assert_eq!(parsed.diagnostics, []);
    let Item::Declaration(sink) = &parsed.items[1] else { panic!("an output") };
    assert_eq!((sink.name.text.as_str(), sink.arg("c").and_then(|a| a.value_str())), ("rtmp://h/a:b", Some("d:e")));
}

#[test]
fn mistakes() {
    assert_eq!(wrong("grap = []\n"), "grap: a graph file has no grap");
    assert_eq!(wrong("graph = 5\n"), "5: graph is a list of filters, inputs and outputs");
    assert_eq!(
        wrong("[[graph]]\nsizes = 5\n"),
        "sizes: this entry declares nothing: expected filter, enc, in, out or word"
    );
    assert_eq!(
        wrong("[[graph]]\nfilter = \"a\"\nout = \"b\"\n"),
        "out: an entry declares one thing: filter, enc, in, out or word"
    );
    assert_eq!(
        wrong("[[graph]]\nfilter = \"${X}\"\n"),
        "\"${X}\": nothing says what ${X} is: set it in [vars] or in the environment"
    );
    assert_eq!(wrong("include = \"no.toml\"\n"), "\"no.toml\": cannot read no.toml: entity not found");
    assert_eq!(wrong("include = \"g.toml\"\n"), "\"g.toml\": this file includes itself, or includes are too deep");
    assert_eq!(wrong("[[graph]]\nfilter = \"a\"\nx = { y = 1 }\n"), "{ y = 1 }: expected a value or a list of values");
    assert_eq!(wrong("a ="), ": string values must be quoted, expected literal string");
}

/// What a line says, without how it is written.
fn said(words: &[String]) -> Vec<String> {
    let item = |item: &Item| match item {
        Item::Declaration(d) => {
            let args: Vec<String> = d.args.iter().map(|a| format!("{}={:?}", a.name, a.value_str())).collect();
            format!("{:?} {} {} {args:?}", d.kind, d.codec().map_or("", |c| c.as_str()), d.name)
        }
        other => other.to_string(),
    };
    let mut said: Vec<String> = parse(words).items.iter().map(item).collect();
    // Options for all filters may stand anywhere.
    said.sort_by_key(|s| !s.starts_with("--"));
    said
}

fn there_and_back(words: &[String]) {
    let parsed = parse(words);
    for (format, name) in [(Format::Toml, "g.toml"), (Format::Yaml, "g.yaml"), (Format::Json, "g.json")] {
        let text = convert(&parsed.items, &[], format);
        let back = loaded(name, &[(name, &text)]);
        assert_eq!(back.diagnostics, [], "{text}");
        assert_eq!(said(&back.words), said(words), "{text}");
    }
}

#[test]
fn lines_go_there_and_back() {
    for line in [
        "avgen:sizes=240x160:rates=200k c=avc c=aac -o rtmp://127.0.0.1:8889/live:gpac:ffmt=flv:rtmp_listen=1",
        "-i a.mp4:FID=1 @#video c=avc::x=a:b:c -o out.mp4:SID=1#audio,x:frag --dur=5 --avgen@sr=44100",
        "src=a.mp4:!lock:#Foo=1 enc:c=avc:b=1M @0 dst=b.flv:start=-2:fps=025",
        "-i rtmp://h:1/a/b?c=d:gpac:x=y inspect:a=1:a=2 -o -:ext=flv",
        "x:y=${HOME}:z=T00:01:02 -o null",
    ] {
        there_and_back(&line.split(' ').map(str::to_owned).collect::<Vec<_>>());
    }
}

proptest! {
    #[test]
    fn any_line_goes_there_and_back(
        names in prop::collection::vec("[a-z]{1,6}", 1..5),
        args in prop::collection::vec(("[!#]?[a-zA-Z]{1,5}", prop::option::of("[ -9;-~äß]{0,8}")), 0..6),
        url in "(rtmp://h:[0-9]{1,4}/[a-z]{1,4}|[a-z]{1,5}\\.mp4)",
    ) {
        let mut words: Vec<String> = names;
        for (at, (name, value)) in args.iter().enumerate() {
            let index = at % words.len();
            let value = value.as_ref().map_or(String::new(), |v| format!("={v}"));
            words[index] += &format!(":{name}{value}");
        }
        words.extend(["-o".to_owned(), url]);
        prop_assume!(parse(&words).diagnostics.is_empty());
        there_and_back(&words);
    }

    #[test]
    fn nothing_panics(text in "\\PC{0,80}", start in prop::sample::select(vec!["", "[[graph]]\nfilter=", "graph: [", "{\"graph\": "])) {
        for name in ["g.toml", "g.yaml", "g.json"] {
            let text = format!("{start}{text}");
            let _ = loaded(name, &[(name, &text)]);
        }
        let _ = weir_spec::format_toml(&text);
    }
}
