//! Command lines that were observed on GPAC, run by weir: how they end, which filters they link, what files hold.
//!
//! `tests/corpus/lines.txt` holds the lines, `differences.txt` those on which weir differs, each with its reason. A
//! difference that is in no list fails the test, and so does one in the list that is none any more. With `--no-capture`
//! the test prints what agrees, what differs and which filters are missing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use weir_tests::{Lab, peers, process, weir_binary};

/// Lines that run at the same time.
const AT_ONCE: usize = 2;
/// GPAC's filters by what they are called in weir. A filter that is missing here is missing in weir.
const ROLES: &[(&str, &[&str])] = &[
    ("fin", &["fin"]),
    ("fout", &["fout"]),
    ("avgen", &["avgen"]),
    ("inspect", &["inspect"]),
    ("probe", &["probe"]),
    ("reframer", &["reframer"]),
    ("restamp", &["restamp"]),
    ("flist", &["flist"]),
    ("mp4dmx", &["mp4dmx"]),
    ("mp4mx", &["mp4mx"]),
    ("m2tsmx", &["m2tsmx"]),
    ("m2tsdmx", &["m2tsdmx"]),
    ("rfpcm", &["rfpcm"]),
    ("rfrawvid", &["rfrawvid"]),
    ("rfnalu", &["rfnalu"]),
    ("rfadts", &["rfadts"]),
    ("ufnalu", &["ufnalu"]),
    ("ufadts", &["ufadts"]),
    ("writegen", &["writegen"]),
    ("ffdec", &["avcdec", "aacdec"]),
    ("ffenc", &["avcenc", "aacenc"]),
    // GPAC's is a source of streams, and its muxer a sink: what stands between them and the file is left out.
    ("ffdmx", &["flvdmx"]),
    ("ffmx", &["flvmx"]),
];

/// One line of the corpus.
#[derive(Default)]
struct Line {
    name: String,
    words: Vec<String>,
    fails: bool,
    edges: BTreeSet<String>,
    outs: BTreeMap<String, Vec<String>>,
    files: Vec<(String, String)>,
    quirk: bool,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

fn lines() -> Vec<Line> {
    let text = fs::read_to_string(folder().join("lines.txt")).expect("the corpus is there");
    let mut lines: Vec<Line> = Vec::new();
    for row in text.lines().filter(|row| !row.starts_with('#') && !row.is_empty()) {
        let Some(fact) = row.strip_prefix("  ") else {
            lines.push(Line { name: row.to_owned(), ..Line::default() });
            continue;
        };
        let line = lines.last_mut().expect("facts follow a name");
        let (kind, rest) = fact.split_once(' ').unwrap_or((fact, ""));
        match kind {
            "word" => line.words.push(rest.replace("\\n", "\n")),
            "exit" => line.fails = rest != "0",
            "edge" => drop(line.edges.insert(rest.to_owned())),
            "out" => {
                let mut parts = rest.split(' ').map(str::to_owned);
                line.outs.insert(parts.next().expect("a file"), parts.collect());
            }
            "file" => {
                let (name, text) = rest.split_once(' ').unwrap_or((rest, ""));
                line.files.push((name.to_owned(), text.replace("\\n", "\n")));
            }
            "quirk" => line.quirk = true,
            other => panic!("{}: what is {other}?", line.name),
        }
    }
    lines
}

/// Names of lines that differ, with the reason.
fn differences() -> BTreeMap<String, String> {
    let text = fs::read_to_string(folder().join("differences.txt")).expect("the list is there");
    let rows = text.lines().filter(|row| !row.starts_with('#') && !row.is_empty());
    rows.map(|row| row.split_once(' ').expect("a name and a reason"))
        .map(|(n, r)| (n.to_owned(), r.to_owned()))
        .collect()
}

impl Line {
    /// The filter in it that weir does not have.
    fn missing(&self) -> Option<&str> {
        let names = self.edges.iter().flat_map(|e| e.split(' ').next().unwrap_or_default().split('>'));
        names.into_iter().find(|name| !ROLES.iter().any(|(role, _)| role == name))
    }

    /// What weir does otherwise, in words; empty when it agrees.
    fn differs(&self) -> String {
        let lab = Lab::new();
        lay_out_media(&lab).expect("files in a folder of the test");
        for (name, text) in &self.files {
            fs::write(lab.path(name), text).expect("a small file");
        }
        let mut command = Command::new(weir_binary());
        command.arg("-graph=json").args(&self.words);
        let ended = process::run("weir", command, lab.dir());
        let mut found = Vec::new();
        if (ended.code != Some(0)) != self.fails {
            found.push(format!("ends with {:?}", ended.code));
        }
        let edges = edges(&ended.stderr);
        found.extend(self.edges.difference(&edges).map(|e| format!("no {e}")));
        found.extend(edges.difference(&self.edges).map(|e| format!("has {e}")));
        for (file, streams) in &self.outs {
            let is = codecs(&lab, file);
            if is != *streams {
                found.push(format!("{file} holds {}", is.join(" ")));
            }
        }
        found.join("; ")
    }
}

/// Puts what the lines read into `media`: the files kept beside them, and raw ones made here.
fn lay_out_media(lab: &Lab) -> std::io::Result<()> {
    let media = lab.path("media");
    fs::create_dir(&media)?;
    for file in fs::read_dir(folder().join("media"))? {
        let file = file?;
        symlink(file.path(), media.join(file.file_name()))?;
    }
    // A second of pictures of 160x90, and two of stereo at 48 kHz.
    let pictures: Vec<Vec<u8>> = (0..25u8).map(|n| vec![n * 8; 160 * 90 * 3 / 2]).collect();
    fs::write(media.join("v.yuv"), pictures.concat())?;
    let marked = pictures.iter().flat_map(|picture| [&b"FRAME\n"[..], picture].concat());
    fs::write(
        media.join("v.y4m"),
        b"YUV4MPEG2 W160 H90 F25:1 Ip A1:1 C420jpeg\n".iter().copied().chain(marked).collect::<Vec<_>>(),
    )?;
    let mut wav =
        b"RIFF\x24\xdc\x05\0WAVEfmt \x10\0\0\0\x01\0\x02\0\x80\xbb\0\0\0\xee\x02\0\x04\0\x10\0data\0\xdc\x05\0"
            .to_vec();
    wav.resize(wav.len() + 2 * 48_000 * 4, 0);
    fs::write(media.join("a.wav"), wav)
}

/// Streams of a file.
fn codecs(lab: &Lab, file: &str) -> Vec<String> {
    if !lab.path(file).exists() {
        return vec!["nothing".to_owned()];
    }
    let mut command = Command::new(peers::tool("ffprobe"));
    // A name with a colon would be a protocol; a stream of a programme is told twice.
    command
        .args(["-v", "error", "-show_entries", "stream=index,codec_name", "-of", "csv=p=0"])
        .arg(format!("./{file}"));
    let text = process::run("ffprobe", command, lab.dir()).stdout;
    let rows: BTreeSet<&str> = text.lines().map(str::trim).filter(|row| !row.is_empty()).collect();
    let mut all: Vec<String> = rows.iter().filter_map(|row| row.split(',').nth(1)).map(str::to_owned).collect();
    all.sort();
    all
}

/// Links of the graph that was printed, by GPAC's names.
fn edges(stderr: &str) -> BTreeSet<String> {
    let Some(at) = stderr.find("{\n  \"edges\"") else { return BTreeSet::new() };
    let graph: serde_json::Value = serde_json::from_str(&stderr[at..]).expect("the graph is JSON");
    let nodes = graph["nodes"].as_array().expect("nodes");
    let role = |id: &serde_json::Value| {
        let filter = nodes.iter().find(|n| n["id"] == *id).and_then(|n| n["filter"].as_str()).expect("a node");
        let role = ROLES.iter().find(|(_, names)| names.contains(&filter));
        role.map_or(filter, |(role, _)| role).to_owned()
    };
    let mut found = BTreeSet::new();
    for edge in graph["edges"].as_array().expect("edges") {
        let (from, to) = (role(&edge["from"]), role(&edge["to"]));
        if from == "ffmx" || to == "ffdmx" {
            continue;
        }
        let (ty, codec) = (edge["type"].as_str().unwrap_or("-"), edge["codec"].as_str().unwrap_or("-"));
        let unframed = if edge["unframed"] == true && ty != "File" { " unframed" } else { "" };
        found.insert(format!("{from}>{to} {ty} {codec}{unframed}"));
    }
    found
}

#[test]
fn lines_of_gpac() {
    let (lines, known) = (lines(), differences());
    let (applicable, excluded): (Vec<&Line>, Vec<&Line>) =
        lines.iter().partition(|l| l.missing().is_none() && !l.quirk);
    let next = Mutex::new(applicable.iter());
    let found: Mutex<BTreeMap<&str, String>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some(line) = next.lock().expect("no thread panics with it").next() else { break };
                    let differs = line.differs();
                    if !differs.is_empty() {
                        found.lock().expect("no thread panics with it").insert(&line.name, differs);
                    }
                }
            });
        }
    });
    let found = found.into_inner().expect("all threads have ended");
    println!("{} lines, {} apply, {} of them agree", lines.len(), applicable.len(), applicable.len() - found.len());
    for (name, differs) in &found {
        println!("{name}: {}: {differs}", known.get(*name).map_or("NOT KNOWN", String::as_str));
    }
    for line in excluded {
        let why = line.missing().map_or("a quirk of GPAC".to_owned(), |filter| format!("weir has no {filter}"));
        println!("{}: left out: {why}", line.name);
    }
    let unknown: Vec<_> = found.iter().filter(|(name, _)| !known.contains_key(**name)).collect();
    assert!(unknown.is_empty(), "differences nobody knows the reason of: {unknown:#?}");
    let gone: Vec<_> = known.keys().filter(|name| !found.contains_key(name.as_str())).collect();
    assert!(gone.is_empty(), "no differences any more: {gone:?}");
}
