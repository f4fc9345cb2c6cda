//! Whole command lines: what they mean, and what is said about bad ones and where.

use weir_args::{
    CommandLine, DeclKind, Declaration, Item, Link, LinkFrom, OwnOption, Parsed, Severity, Takes, normalise, parse,
    parse_with,
};

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

fn ok(line: &str) -> Parsed {
    let parsed = parse(&words(line));
    assert_eq!(parsed.diagnostics, [], "{line}");
    parsed
}

/// `kind name [arg=value ...]` of every declaration.
fn outline(parsed: &Parsed) -> Vec<String> {
    let arg = |d: &Declaration| {
        d.args.iter().map(|a| format!("{}={}", a.name, a.value_str().unwrap_or("-"))).collect::<Vec<_>>().join(" ")
    };
    parsed.declarations().map(|d| format!("{:?} {} [{}]", d.kind, d.name, arg(d))).collect()
}

/// The part of the line that each diagnostic points at, and its message.
fn complaints(line: &str) -> Vec<String> {
    let words = words(line);
    let shown = CommandLine::new(&words, &[]);
    let point = |d: &weir_args::Diagnostic| format!("{}: {}", &shown.text()[shown.range(d.span)], d.message);
    parse(&words).diagnostics.iter().map(point).collect()
}

#[test]
fn the_founding_command() {
    let parsed = ok("avgen:sizes=240x160:rates=200k c=avc c=aac \
        -o rtmp://127.0.0.1:8889/live:gpac:ffmt=flv:rtmp_listen=1 \
        -o rtmp://127.0.0.1:8888/live:gpac:ffmt=flv:rtmp_listen=1");
    assert_eq!(
        outline(&parsed),
        [
            "Filter avgen [sizes=240x160 rates=200k]",
            "Encoder avc []",
            "Encoder aac []",
            "Sink rtmp://127.0.0.1:8889/live [ffmt=flv rtmp_listen=1]",
            "Sink rtmp://127.0.0.1:8888/live [ffmt=flv rtmp_listen=1]",
        ]
    );
    let codecs: Vec<_> = parsed.declarations().filter_map(Declaration::codec).map(|c| c.text.as_str()).collect();
    assert_eq!(codecs, ["avc", "aac"]);
}

#[test]
fn everyday_lines() {
    assert_eq!(
        outline(&ok("-i a.mp4:FID=1 enc:b=1M:c=avc::x=k=1:b=0 src=rtmp://h:1935/app dst=out.flv -dst -")),
        [
            "Source a.mp4 [FID=1]",
            "Encoder enc [b=1M c=avc x=k=1:b=0]",
            "Source rtmp://h:1935/app []",
            "Sink out.flv []",
            "Sink - []",
        ]
    );
    assert_eq!(
        outline(&ok("fin:src=http://h:80/a.mp4:x=1 inspect")),
        ["Filter fin [src=http://h:80/a.mp4 x=1]", "Filter inspect []"]
    );
    // The word after -i is taken whatever it is.
    assert_eq!(outline(&ok("-i -x.mp4 -o @a")), ["Source -x.mp4 []", "Sink @a []"]);
    // Only the whole word `enc` is the encoder loader, and `c=` wants a codec.
    assert_eq!(outline(&ok("en:c=avc encode c")), ["Filter en [c=avc]", "Filter encode []", "Filter c []"]);
    let Item::Declaration(d) = &ok("c=avc:!fast:#Language=en:b=1:b=2").items[0] else { panic!("a declaration") };
    assert_eq!(d.codec().map(|c| c.text.as_str()), Some("avc"));
    assert_eq!((d.args[0].name.as_str(), d.args[1].property()), ("!fast", Some("Language")));
    assert_eq!(d.arg("b").and_then(|a| a.value_str()), Some("2"), "later ones win");
}

#[test]
fn links_count_every_declaration() {
    let links = |line: &str| -> Vec<Link> {
        let link = |i| if let Item::Link(l) = i { Some(l) } else { None };
        ok(line).items.into_iter().filter_map(link).collect()
    };
    let found = links("-i a c=avc @1#video#Width=320 c=aac @ @@0 -o x");
    let brief: Vec<_> = found.iter().map(|l| (l.from, l.target)).collect();
    assert_eq!(brief, [(LinkFrom::Back(1), Some(0)), (LinkFrom::Back(0), Some(2)), (LinkFrom::Nth(0), Some(0))]);
    assert_eq!(found[0].fragments.iter().map(|f| f.text.as_str()).collect::<Vec<_>>(), ["video", "Width=320"]);
    assert_eq!(found[0].fragments[1].span, weir_args::Span::new(3, 9..18));
}

#[test]
fn globals() {
    let globals = |line: &str| -> Vec<String> {
        let show = |i: &Item| match i {
            Item::Global(g) => format!(
                "{}|{}|{}|{}",
                g.keyword,
                g.filter.as_ref().map_or("-", |f| f.as_str()),
                g.name,
                g.value.as_ref().map_or("-", |v| v.as_str())
            ),
            other => panic!("{other}"),
        };
        ok(line).items.iter().map(show).collect()
    };
    assert_eq!(
        globals("--a --b=1:2=3 --avcenc@b=x@y -+c= --u=http://a@b/"),
        ["--|-|a|-", "--|-|b|1:2=3", "--|avcenc|b|x@y", "-+|-|c|", "--|-|u|http://a@b/"]
    );
}

#[test]
fn complaints_point_at_the_place() {
    let no_filter = "this link comes from a filter that does not exist";
    let cases: &[(&str, &[&str])] = &[
        ("avgen -o", &["-o: -o is the last word; a URL or file must follow it"]),
        ("-grpah avgen", &["-grpah: there is no option -grpah"]),
        ("-logs=all avgen", &["-logs: there is no option -logs"]),
        ("avgen:=3", &["=3: an option name is missing here"]),
        ("avgen:a=1:!:b", &["!: an option name is missing here"]),
        (":a=1", &[": a filter name is missing before this colon"]),
        ("rtmp://h/x", &["rtmp://h/x: this is a URL, not a filter"]),
        ("c=", &[": this encoder names no codec"]),
        ("enc:b=1", &["enc: this encoder names no codec"]),
        ("enc:c=", &["enc: this encoder names no codec"]),
        ("src=:a=1 x", &[": the URL of this source is empty"]),
        ("-o rtmp://h:99999/live:x=1", &["99999: port 99999 is above 65535"]),
        ("fin:src=rtmp://h:99999/live:x=1", &["99999: port 99999 is above 65535"]),
        ("-i rtmp://fe80::1:1935/a", &["fe80::1:1935: an IPv6 address in a URL needs brackets"]),
        ("-i rtmp://[::1/a", &["[: the [ of an IPv6 address is never closed"]),
        ("@ avgen", &[&format!("@: {no_filter}")]),
        ("avgen @1#video x", &[&format!("@1#video: {no_filter}")]),
        ("avgen @@9 x", &[&format!("@@9: {no_filter}")]),
        ("avgen @99999999999999999999999 x", &[&format!("@99999999999999999999999: {no_filter}")]),
        ("avgen @-1 x", &["-1: a whole number must follow the @ of a link"]),
        ("avgen @foo x", &["foo: a whole number must follow the @ of a link"]),
        ("avgen @@ x", &["@@: a whole number must follow the @ of a link"]),
        ("a b @0@1 x", &["0@1: a link is to the filter that follows; it cannot join two earlier ones"]),
        ("avgen @", &["@: no filter follows this link, so it does nothing"]),
        ("--=1 --x@=2", &[": an option name is missing here", ": an option name is missing here"]),
    ];
    for (line, want) in cases {
        assert_eq!(complaints(line), *want, "{line}");
    }
    assert_eq!(parse(&["".into()]).diagnostics[0].message, "this word is empty");
    assert!(parse(&words("avgen:=3")).has_errors());
    let trailing = parse(&words("avgen @"));
    assert_eq!((trailing.has_errors(), trailing.diagnostics[0].severity), (false, Severity::Warning));
}

#[test]
fn advice() {
    let help = |line: &str| parse(&words(line)).diagnostics[0].help.clone().expect("advice");
    assert_eq!(help("a b @5 c"), "2 filters are declared before it: @ to @1, or @@0 to @@1");
    assert_eq!(help("-i rtmp://fe80::1/a"), "put the address in brackets: rtmp://[fe80::1]");
    let own = [OwnOption { name: "-graph", takes: Takes::Nothing }];
    let parsed = parse_with(&words("-grpah avgen"), &own);
    assert_eq!(parsed.diagnostics[0].help.as_deref(), Some("did you mean -graph?"));
}

#[test]
fn the_callers_options_are_left_to_the_caller() {
    let own = [
        OwnOption { name: "-graph", takes: Takes::Nothing },
        OwnOption { name: "-logs", takes: Takes::Word },
        OwnOption { name: "-h", takes: Takes::OptionalWord },
        OwnOption { name: "--help", takes: Takes::Nothing },
    ];
    let line = words("-graph -i -graph avgen -logs all@info -o x -logs=a:b --help -h avgen -h -graph");
    let (out, claimed) = normalise(&line, &own);
    assert_eq!(out.join(" "), "--graph --logs all@info --logs=a:b --help -h avgen -h --graph");
    let kept: Vec<_> = line.iter().zip(&claimed).filter(|(_, c)| !**c).map(|(w, _)| w.as_str()).collect();
    assert_eq!(kept.join(" "), "-i -graph avgen -o x");
    let parsed = parse_with(&line, &own);
    assert_eq!((parsed.own, parsed.diagnostics), (out, vec![]));
    assert_eq!(parsed.items.len(), 3);
    assert_eq!(parsed.items[2].first_word(), 6, "spans count all words");
    assert_eq!(normalise(&words("-logs"), &own), (vec!["--logs".to_owned()], vec![true]));
}

#[test]
fn secrets_of_all_urls_can_be_hidden() {
    let line = words(
        "fin:src=rtmp://u:p@h/a/longstreamkey:x=1 -o rtmp://h/live/name:rtmp_listen -o rtmps://h/app/longsecretkey",
    );
    let parsed = parse(&line);
    let secrets = parsed.secrets(|d| d.kind == DeclKind::Sink && d.arg("rtmp_listen").is_some());
    assert_eq!(
        CommandLine::new(&line, &secrets).text(),
        "fin:src=rtmp://***@h/a/long***:x=1 -o rtmp://h/live/name:rtmp_listen -o rtmps://h/app/long***"
    );
    let slip = words("rtmp://u:p@h/app/longsecretkey:x=1 --mirror=rtmp://h/app/longsecretkey");
    assert_eq!(
        CommandLine::new(&slip, &parse(&slip).secrets(|_| false)).text(),
        "rtmp://***@h/app/long***:x=1 --mirror=rtmp://h/app/long***"
    );
}

#[test]
fn a_line_of_an_option_file() {
    let args = |line: &str| -> Vec<(String, Option<String>, bool)> {
        let args = weir_args::arguments(line);
        args.iter().map(|a| (a.name.text.clone(), a.value_str().map(str::to_owned), a.opaque)).collect()
    };
    let arg = |name: &str, value: Option<&str>, opaque| (name.to_owned(), value.map(str::to_owned), opaque);
    assert_eq!(args("a=1:b"), [arg("a", Some("1"), false), arg("b", None, false)]);
    assert_eq!(args(":x264=a=1:b=2::c=3"), [arg("x264", Some("a=1:b=2::c=3"), true)]);
    assert_eq!(args("#P=q"), [arg("#P", Some("q"), false)]);
}
