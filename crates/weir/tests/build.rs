//! Words to graphs: what is understood, and one clear message for everything that is not.

use weir::args::{Diagnostic, Parsed, parse};
use weir::plugin::Registry;
use weir::{Built, Places, build, registry, secrets};

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

fn parsed(line: &str) -> (Vec<String>, Parsed, Registry) {
    let words = words(line);
    let parsed = parse(&words);
    (words, parsed, registry())
}

fn built(line: &str) -> Built {
    let (words, parsed, registry) = parsed(line);
    build(&parsed, &registry).unwrap_or_else(|e| panic!("{line}\n{}", shown(&words, &e)))
}

/// One line for each: `PLACE: message (help)`.
fn shown(words: &[String], found: &[Diagnostic]) -> String {
    let line = |d: &Diagnostic| {
        let place = &words[d.span.word][d.span.start..d.span.end];
        let help = d.help.as_ref().map(|h| format!(" ({h})")).unwrap_or_default();
        format!("{place}: {}{help}", d.message)
    };
    found.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[track_caller]
fn refused(line: &str, wanted: &str) {
    let (words, parsed, registry) = parsed(line);
    // What is only warned about is refused with -strict.
    let found = build(&parsed, &registry).map_or_else(|errors| errors, |built| built.warnings);
    assert!(!found.is_empty(), "{line} is accepted");
    let wanted: Vec<&str> = wanted.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
    assert_eq!(shown(&words, &found), wanted.join("\n"), "{line}");
}

#[track_caller]
fn warned(line: &str, wanted: &str) {
    assert_eq!(shown(&words(line), &built(line).warnings), wanted, "{line}");
}

/// `name=value` of an option of a filter in the graph.
#[track_caller]
fn option(line: &str, filter: &str, name: &str, wanted: Option<&str>) {
    let built = built(line);
    let (_, node) = built.graph.nodes().find(|(_, n)| n.name == filter).expect("the filter is there");
    let table = node.options.table().iter().find(|o| o.name == name).expect("the option is there");
    let is = match table.kind {
        weir::plugin::Kind::Str => node.options.text(name).map(str::to_owned),
        weir::plugin::Kind::Int { .. } => node.options.int(name).map(|v| v.to_string()),
        weir::plugin::Kind::Frac => node.options.frac(name).map(|v| v.to_string()),
        weir::plugin::Kind::Bool => node.options.bool(name).map(|v| v.to_string()),
        weir::plugin::Kind::Millis => node.options.millis(name).map(|v| v.to_string()),
        weir::plugin::Kind::Enum(_) => node.options.word(name).map(str::to_owned),
        other => panic!("no test looks at {other:?}"),
    };
    assert_eq!(is.as_deref(), wanted, "{line}: {filter} {name}");
}

/// Names of the filters in order.
fn filters(line: &str) -> Vec<String> {
    built(line).graph.nodes().map(|(_, n)| n.name.clone()).collect()
}

#[test]
fn every_form_of_source_encoder_and_sink() {
    assert_eq!(filters("avgen c=avc c=aac -o x.flv"), ["avgen", "avcenc", "aacenc", "fout"]);
    assert_eq!(filters("-i avgen:dur=1 enc:c=264 -o null"), ["avgen", "avcenc", "fout"]);
    assert_eq!(filters("src=a.flv dst=b.flv"), ["fin", "fout"]);
    assert_eq!(filters("-src a.flv -dst rtmp://127.0.0.1/live:rtmp_listen"), ["fin", "rtmpout"]);
    assert_eq!(filters("fin:src=a.flv fout:dst=b.flv"), ["fin", "fout"]);
    assert_eq!(filters("-i fin:src=a.flv -o fout:dst=b.flv"), ["fin", "fout"]);
    assert_eq!(filters("avgen c=avc c=avc:N=second pass -o null:N=x"), ["avgen", "avcenc", "second", "pass", "x"]);
}

#[test]
fn values_reach_their_options() {
    option("avgen:dur=T00:01 -o null", "avgen", "dur", Some("1000/1000"));
    option("-i a.flv -o b.flv:ow=no", "fout", "dst", Some("b.flv"));
    option("-i a.flv -o b.flv:!ow", "fout", "ow", Some("false"));
    option("avgen:v -o null", "avgen", "type", Some("v"));
    option("avgen c=avc:b=1M -o null", "avcenc", "b", Some("1000000"));
    option("avgen enc:b=2k:c=h264 -o null", "avcenc", "c", Some("h264"));
    option("avgen c=264 -o null", "avcenc", "c", Some("264"));
    option("avgen:fps=25:fps=50 -o null", "avgen", "fps", Some("50"));
    option("avgen -o rtmp://h:1/a/b:gpac:rtmp_listen=1", "rtmpout", "dst", Some("rtmp://h:1/a/b"));
    option("avgen -o fout:dst=x.flv", "fout", "dst", Some("x.flv"));
    option("-i fin:src=x.flv -o null", "fin", "src", Some("x.flv"));
}

#[test]
fn global_options_go_to_all_that_have_them_below_their_own() {
    option("--dur=5 avgen -o null", "avgen", "dur", Some("5"));
    option("--avgen@dur=5 avgen -o null", "avgen", "dur", Some("5"));
    option("--fout@dst=5 avgen:dur=3 -o null --dur=9", "avgen", "dur", Some("3"));
    option("avgen -o null --lock", "avgen", "lock", Some("true"));
    refused("--dru=5 avgen -o null", "dru: no filter has an option dru (did you mean dur?)");
    refused("--avgne@dur=5 avgen -o null", "avgne: there is no filter called avgne (did you mean avgen?)");
    refused("--avgen@b=5 avgen -o null", "b: avgen has no option b");
    refused("--fps=x avgen -o null", "x: fps of avgen: expected a number or fraction such as 25, 30000/1001 or 29.97");
    refused("--v avgen -o null", "v: no filter has an option v");
}

#[test]
fn filters_that_are_not_there() {
    refused("avgne -o null", "avgne: there is no filter called avgne (did you mean avgen?)");
    refused("avgen dasher -o null", "dasher: there is no filter called dasher (weir -h filters lists them all)");
    refused(
        "film.mp4 -o null",
        "film.mp4: there is no filter called film.mp4 (to read a file: -i FILE; to write one: -o FILE)",
    );
    refused(
        "avgen dur=5 -o null",
        "dur=5: dur= is no filter, but an option without one \
         (options follow their filter behind a colon: avgen:dur=...)",
    );
    refused("avgen c=avcc -o null", "avcc: there is no codec called avcc (did you mean avc?)");
    refused("avgen c=zzz -o null", "zzz: there is no codec called zzz (weir can encode avc, aac)");
    refused("avgen c=hevc -o null", "hevc: no encoder makes hevc (weir can encode avc, aac)");
    refused(
        "-i srt://h:1 -o null",
        "srt://h:1: no filter can read from this URL (what -i can use: avgen, fin, rtmpin (weir -h NAME tells more))",
    );
    refused(
        "avgen -o srt://h:1",
        "srt://h:1: no filter can write to this URL (what -o can use: rtmpout, hlsout, fout (weir -h NAME tells more))",
    );
}

#[test]
fn arguments_that_are_wrong() {
    refused("avgen:dru=5 -o null", "dru: avgen has no option dru (did you mean dur?)");
    refused("avgen:zzzzzz=5 -o null", "zzzzzz: avgen has no option zzzzzz (weir -h avgen lists its options)");
    refused("-i a.flv -o x.flv:ileve=1", "ileve: fout has no option ileve (did you mean ileave?)");
    refused("avgen:sr=abc -o null", "abc: sr: expected a whole number from 8000 to 192000");
    refused("avgen:sr -o null", "sr: sr: expected a value: a whole number from 8000 to 192000");
    refused("avgen:type=aw -o null", "aw: type: expected one of a, v, av (did you mean av?)");
    refused(
        "avgen:!sr -o null",
        "!sr: !sr: expected a whole number from 8000 to 192000, as only yes/no options can be negated",
    );
    refused(
        "-i a.flv -o x.flv:ileave=soon",
        "soon: ileave: expected a time such as 200ms, 2s or T00:01:30 (a plain number is milliseconds)",
    );
    refused("avgen:N -o null", "N: N: expected a name");
    refused("avgen -o null:gfreg=", "gfreg=: gfreg: expected a name");
}

#[test]
fn what_steers_links_is_checked() {
    refused("avgen:FID -o null", "FID: FID: expected a name");
    refused("avgen:FID=a -o null:SID=a#video0", "video0: PIDs of a kind are counted from 1");
    refused("avgen:#Width=wide -o null", "wide: #Width: expected a whole number, at least 0");
    refused("avgen:#CodecID=nope -o null", "nope: #CodecID: nope is no codec");
    refused("avgen:#X=(video1 -o null", "(video1: a ) is missing behind this test");
    refused(
        "avgen @# -o null",
        ": a test of the PID is missing here (write video, audio2, raw, NAME=VALUE or the name of a PID)",
    );
    refused(
        "avgen -o null:clone=maybe:FS=-1",
        "clone=maybe: clone: expected yes or no\nFS=-1: FS: expected a whole number from 0 to 4294967295",
    );
    refused("avgen c=avc:ccp=nope -o null", "ccp=nope: ccp: there is no codec called nope");
    refused("avgen:LT=debug -o null", "LT=debug: LT: a filter has no log of its own here (write -logs=avgen@debug)");
}

#[test]
fn places_of_sources_and_sinks() {
    refused("-o x.flv", "x.flv: nothing here makes media (begin with a source: avgen, or -i FILE)");
    refused(
        "avgen c=avc",
        "avgen: nothing behind this source takes its media (end with an output: -o FILE or -o rtmp://...)",
    );
    refused(
        "avgen -o a.flv -i b.flv",
        "b.flv: nothing behind this source takes its media (end with an output: -o FILE or -o rtmp://...)",
    );
    refused(
        "-o a.flv pass avgen -o b.flv",
        "a.flv: nothing comes to what stands before every source (put it behind its source)
         pass: nothing comes to what stands before every source (put it behind its source)",
    );
    assert_eq!(filters("avgen -o a.flv -i b.flv -o c.flv").len(), 4);
}

#[test]
fn the_grammar_speaks_first_and_once() {
    refused(
        "avgen rtmp://h/live -o null",
        "rtmp://h/live: this is a URL, not a filter (use -i URL to read it or -o URL to write to it)",
    );
    refused("avgen enc -o null", "enc: this encoder names no codec (write c=avc or enc:c=avc)");
    refused("avgen -o", "-o: -o is the last word; a URL or file must follow it (for instance -o video.mp4)");
    refused("avgen -o rtmp://h:70000/x", "70000: port 70000 is above 65535 (ports are 1 to 65535)");
    refused(
        "avgen -grpah c=zzz:b=1 @9 -o null",
        "-grpah: there is no option -grpah (an option for all filters has two dashes: --name=value)
         zzz: there is no codec called zzz (weir can encode avc, aac)
         @9: this link comes from a filter that does not exist (2 filters are declared before it: @ to @1, or @@0 to @@1)",
    );
}

#[test]
fn warnings_do_not_stop_anything() {
    warned("avgen -o null:gfreg=flv,nope", "flv,nope: gfreg: no filter's name begins with nope");
    warned("avgen -o null:gfreg=flxmx", "flxmx: gfreg: no filter's name begins with flxmx (did you mean flvmx?)");
    warned("avgen -o null", "");
}

/// Arguments of a filter as `name`, with `!` behind those that stay there.
fn kept(line: &str, filter: &str) -> Vec<String> {
    let built = built(line);
    let (_, node) = built.graph.nodes().find(|(_, n)| n.name == filter).expect("there");
    node.args.iter().map(|g| format!("{}{}", g.name, if g.local { "!" } else { "" })).collect()
}

#[test]
fn arguments_for_inserted_filters_are_kept_and_gfloc_ends_them() {
    assert_eq!(kept("avgen -o x.flv:ileave=5:ow:gfreg=flvmx", "fout"), ["dst", "ileave", "ow", "gfreg"]);
    assert_eq!(kept("avgen -o x.flv:ow:gfloc:append", "fout"), ["dst", "ow", "append!"]);
    assert_eq!(kept("avgen:N=a:gfopt:dur=1 -o null", "a"), ["dur"]);
    refused("avgen -o x.flv:gfloc:ileave=5", "ileave: fout has no option ileave (weir -h fout lists its options)");
}

/// The text of all secret places.
fn hidden(line: &str) -> Vec<String> {
    let (words, parsed, registry) = parsed(line);
    let found = secrets(&words, &parsed, &registry);
    let mut texts: Vec<_> = found.iter().map(|s| words[s.word][s.start..s.end].to_owned()).collect();
    texts.sort();
    texts.dedup();
    texts
}

#[test]
fn secrets_are_found_whatever_else_is_wrong() {
    let one = |line: &str| assert_eq!(hidden(line), ["SECRET"], "{line}");
    one("avgen -o rtmp://h/app/name:rtmp_listen=1:key=SECRET");
    one("avgen -o rtmp://h/app/name:key=SECRET:rtmp_listen:nonsense=1");
    one("avgen -o rtmp://h/app/name:rtmp_listen::key=SECRET");
    one("avgen -o rtmp://h/app/name:rtmp_listen:key=SECRET:stal=1s");
    one("avgen -o x.flv:key=SECRET");
    one("avgen -o x.flv:kye=SECRET");
    one("nonsense:key=SECRET");
    one("key=SECRET");
    one("avgen --key=SECRET");
    one("avgen -key=SECRET");
    one("avgen -+rtmpout@key=SECRET");
    one("avgen -o rtmp://SECRET@h/app");
    one("avgen -o rtmp://h/app/name?token=SECRET:rtmp_listen");
    one("avgen rtmp://h/app?token=SECRET");
    one("avgen -dts=rtmp://h/app?token=SECRET");
    one("avgen fout:dst=rtmp://h/app?token=SECRET");
    assert_eq!(hidden("avgen -o rtmp://h/app:key=a:b=c:SECRET:x=1"), ["SECRET", "a", "x=1"], "the rest of a key");
    assert_eq!(hidden("avgen -o rtmp://h/app/abcdefgh"), ["efgh"], "what is pushed to is a key");
    assert_eq!(hidden("avgen -o rtmp://h/app/abcdefgh:rtmp_listen=0"), ["efgh"]);
    assert!(hidden("avgen -o rtmp://h/app/abcdefgh:rtmp_listen").is_empty(), "a listener's name is public");
    assert!(hidden("avgen:banner=x -o x.flv:keyframes=12").is_empty());
}

#[test]
fn a_key_with_a_colon_is_not_told_in_pieces() {
    refused(
        "avgen -o rtmp://h/app:rtmp_listen:key=abc:def",
        "def: what follows this colon is no option of rtmpout \
         (a value with colons in it needs two before its name, as in ::key=a:b)",
    );
}

#[test]
fn secrets_are_not_in_the_graph_as_shown() {
    let built =
        built("avgen -o rtmp://h/app/name?token=SECRET:rtmp_listen:key=SECRET -o rtmpout:dst=rtmp://SECRET@h/a");
    assert!(!built.graph.tree().contains("SECRET"), "{}", built.graph.tree());
}

/// Where a failure of the second filter points to.
fn pointed(line: &str, kind: weir::plugin::ErrorKind, message: &str) -> String {
    let error =
        weir::StartError { declared: Some(1), filter: "x".to_owned(), error: weir::plugin::Error::new(kind, message) };
    let places: Places = built(line).places;
    let span = places.of_failure(&error).expect("a place");
    words(line)[span.word][span.start..span.end].to_owned()
}

#[test]
fn a_failed_start_points_at_what_it_is_about() {
    use weir::plugin::ErrorKind::{BadOption, Io};
    let line = "avgen -o rtmp://h/app:rtmp_listen:allow=1:maxip=3";
    assert_eq!(pointed(line, Io, "cannot listen"), "rtmp://h/app");
    assert_eq!(pointed(line, BadOption, "allow: 1 is no address"), "allow=1");
    assert_eq!(pointed(line, BadOption, "allowed is nothing"), "rtmp://h/app:rtmp_listen:allow=1:maxip=3");
}

#[test]
fn unused_arguments_are_named_with_their_owners() {
    let line = "avgen c=avc c=aac -o x.flv:b=1M --loop=3";
    let built = built(line);
    // Nothing has been linked, so nothing was heard but what filters know themselves.
    let found = built.places.unused(&built.graph.unused(), &registry());
    assert_eq!(
        shown(&words(line), &found),
        "b=1M: no filter used b (it is an option of avcenc, aacenc)
--loop=3: no filter used loop (it is an option of fin, mp4dmx)"
    );
}

#[test]
fn two_outputs_never_write_one_file() {
    refused("avgen c=avc -o x.flv -o ./x.flv", "./x.flv: x.flv is written by another output already");
    refused("avgen c=avc -o a/x.flv -o y.flv -o a/./x.flv", "a/./x.flv: a/x.flv is written by another output already");
    built("avgen c=avc -o x.flv -o a/x.flv -o null -o null");
}

/// A file of this test's, by its whole path.
fn file(name: &str, text: &str) -> String {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("option-files");
    std::fs::create_dir_all(&folder).expect("a folder for tests");
    let path = folder.join(name);
    std::fs::write(&path, text).expect("a small file");
    path.to_string_lossy().into_owned()
}

#[test]
fn option_files_hold_arguments() {
    let inner = file("inner.txt", "g=25\n");
    let path = file("good.txt", &format!("// a comment\n\n  :b=150k  \n#MyTag=hello\n{inner}:bf=0\n"));
    let line = format!("avgen c=avc:{path} -o a.mp4");
    option(&line, "avcenc", "b", Some("150000"));
    option(&line, "avcenc", "g", Some("25"));
    let built = built(&line);
    let (_, node) = built.graph.nodes().find(|(_, n)| n.name == "avcenc").expect("the encoder");
    assert_eq!(node.assigned[0].name, "MyTag");
}

#[test]
fn mistakes_in_option_files_are_told_with_their_line() {
    let path = file("bad.txt", "g=25\n// fine so far\nb=many\n");
    let line = format!("avgen c=avc:{path} -o a.mp4");
    refused(&line, &format!("{path}: {path}:3: b: expected a whole number from 1000 to 240000000"));
    let path = file("unknown.txt", "nosuch=1\n");
    let told = "avcenc has no option nosuch (weir -h avcenc lists its options)";
    warned(&format!("avgen c=avc:{path} -o a.mp4"), &format!("{path}: {path}:1: {told}"));
    let path = file("long.txt", &"x".repeat(2001));
    refused(&format!("avgen c=avc:{path} -o a.mp4"), &format!("{path}: {path}:1: a line has at most 2000 bytes"));
    let path = file("self.txt", "");
    file("self.txt", &path);
    let (_, parsed, registry) = parsed(&format!("avgen c=avc:{path} -o a.mp4"));
    let errors = build(&parsed, &registry).err().expect("it never ends");
    assert!(errors[0].message.ends_with("option files are nested too deep"), "{errors:?}");
}

#[test]
fn queues_are_bounded_by_type_and_by_filter() {
    let bounds = |line: &str, filter: &str| {
        let built = built(line);
        let (_, node) = built.graph.nodes().find(|(_, n)| n.name == filter).expect("the filter is there");
        (node.steering.buffer_micros, node.steering.buffer_packets)
    };
    let line = "--avcenc@FBU=3 --avcenc:FBT=2sec avgen c=avc c=avc:FBU=5:clone=0 -o a.mp4";
    assert_eq!(bounds(line, "avcenc"), (Some(2000), Some(3)));
    assert_eq!(bounds(line, "avcenc#2"), (Some(2000), Some(5)));
    assert_eq!(bounds(line, "avgen"), (None, None));
    refused("--avcenc@FBU=x avgen c=avc -o a.mp4", "FBU=x: FBU: expected a whole number from 0 to 1048576");
}

#[test]
fn a_list_is_a_source_for_each_file() {
    let (a, b) = (file("a.mp4", "x"), file("b.mp4", "y"));
    let folder = a.trim_end_matches("a.mp4").to_owned();
    let list = file("l.m3u", &format!("#EXTM3U\n## a comment\n# repeat=1\na.mp4\n\n{b}\n"));
    let sources = |line: &str| -> Vec<String> {
        let built = built(line);
        let files = built.graph.nodes().filter(|(_, n)| n.listed);
        files.map(|(_, n)| n.options.text("src").unwrap_or_default().replace(&folder, "")).collect()
    };
    assert_eq!(sources(&format!("-i {list} -o o.mp4")), ["a.mp4", "a.mp4", "b.mp4"]);
    assert_eq!(sources(&format!("flist:srcs={b},{a} -o o.mp4")), ["b.mp4", "a.mp4"]);
    assert_eq!(sources(&format!("flist:fsort=name:srcs={folder}?.mp4 -o o.mp4")), ["a.mp4", "b.mp4"]);
    option(&format!("flist:srcs={a}:floop=-1 -o o.mp4"), "fin", "loop", Some("-1"));
}

#[test]
fn what_is_wrong_with_a_list_is_told() {
    let missing = file("missing.m3u", "nosuch.mp4\n");
    refused(&format!("-i {missing} -o o.mp4"), &format!("{missing}: there is nothing to play in this list"));
    let many = file("many.m3u", &format!("# repeat=99\n{0}\n{0}\n", file("a.mp4", "x")));
    refused(&format!("-i {many} -o o.mp4"), &format!("{many}: {many}:3: a list has at most 100 files"));
    let chain = file("chain.m3u", "a.mp4 @ reframer:rt=on\n");
    let why = "an entry is one file here, without filters of its own";
    refused(&format!("-i {chain} -o o.mp4"), &format!("{chain}: {chain}:1: {why}"));
}
