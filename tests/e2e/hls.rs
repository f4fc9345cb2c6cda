//! HTTP Live Streaming out: films and live streams, judged rule by rule, and by players.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use weir_source_avgen::marker;
use weir_tests::hls::{self, Master, Playlist, Watch};
use weir_tests::process::Signal;
use weir_tests::{Lab, Process, Recording, nginx, peers, process, wait};

use crate::clips;

const SECONDS: u32 = 9;
const PICTURES: usize = SECONDS as usize * 25;

/// Names in a folder.
fn listed(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).expect("a folder");
    entries.map(|e| e.expect("an entry").file_name().into_string().expect("plain")).collect()
}

#[test]
fn a_film_becomes_segments_of_either_kind() {
    let lab = Lab::new();
    let clip = clips::with_b_frames(&lab, "in.mp4", SECONDS, clips::PROGRESSIVE);
    for (kind, ext) in [("mp4", "m4s"), ("ts", "ts")] {
        lab.weir_to_end(&format!("-i {clip} -o {kind}/film.m3u8:muxtype={kind}:segdur=2")).quietly(0);
        let path = lab.path(&format!("{kind}/film.m3u8"));
        let list = Playlist::read(&path).expect("it is there");
        assert_eq!((list.kind.as_deref(), list.ended, list.segments.len()), (Some("VOD"), true, 5), "{kind}");
        assert!(list.segments.iter().all(|s| s.uri.ends_with(ext)));
        list.check_segments(path.parent().expect("a folder"));
        let film = Recording::of(&path);
        film.is_whole(PICTURES);
        assert_eq!(film.numbers(), (0..SECONDS * 25).collect::<Vec<_>>(), "{kind}");
    }
}

#[test]
fn a_live_stream_slides_while_it_is_played() {
    let lab = Lab::new();
    let mut weir = lab.weir(
        "avgen:sizes=240x160:adjust=no c=avc:g=25 c=aac -o live/tv.m3u8:dmode=dynamic:segdur=1:tsb=4 -o rec.flv -quiet",
    );
    let path = lab.path("live/tv.m3u8");
    let mut watch = Watch::default();
    let mut until = |what: &str, done: &dyn Fn(&Playlist) -> bool| {
        wait::until_true(what, || {
            assert!(weir.is_running(), "weir ended: {}", weir.stderr());
            watch.look(&path);
            watch.last.as_ref().is_some_and(done)
        });
        watch.last.clone().expect("one")
    };
    let begun = until("the window is full", &|list| list.segments.len() >= 4);
    let mut player = hls::play(&path, 5, "played.mkv");
    let later = until("it has moved on twice its length", &|list| list.sequence >= begun.sequence + 9);
    assert!(later.segments.len() <= 5 && later.segments.iter().all(|s| s.date.is_some()), "{later:?}");
    wait::until_true("the player has enough", || !player.is_running());
    player.wait().quietly(0);
    weir.stop().with(0);
    watch.look(&path);
    let list = watch.last.expect("one");
    assert!(list.ended && watch.versions > 9, "{} versions", watch.versions);
    list.check_segments(&lab.path("live"));
    Recording::of(&lab.path("live/played.mkv")).is_gapless(4 * 25).is_in_step();
    // What left the window is gone.
    let segments = listed(&lab.path("live")).iter().filter(|name| name.ends_with(".m4s")).count();
    assert_eq!(segments, list.segments.len());
    // And after the end, what is left is a film.
    Recording::of(&path).is_gapless(3 * 25);
    // The recording beside it has it all, and the key frames of neither were disturbed.
    Recording::of(&lab.path("rec.flv")).is_whole(10 * 25);
}

#[test]
fn parts_come_before_their_segment_is_complete() {
    for kind in ["sf", "br"] {
        let lab = Lab::new();
        let weir = lab.weir(&format!(
            "avgen:sizes=240x160:adjust=no c=avc:g=50 c=aac \
             -o live/tv.m3u8:dmode=dynamic:segdur=2:cdur=0.5:llhls={kind} -quiet"
        ));
        let path = lab.path("live/tv.m3u8");
        let mut watch = Watch::default();
        let mut opened = 0;
        wait::until_true("two segments and parts of a third", || {
            watch.look(&path);
            let open = watch.last.as_ref().and_then(|list| list.open.as_ref());
            opened = opened.max(open.map_or(0, |segment| segment.parts.len()));
            watch.last.as_ref().is_some_and(|list| list.segments.len() >= 2 && list.open.is_some())
        });
        assert!(opened >= 2, "{opened} parts were told of a segment that was not complete");
        let list = watch.last.clone().expect("one");
        for segment in &list.segments {
            let whole = fs::read(lab.path("live").join(&segment.uri)).expect("named");
            let mut sum = Vec::new();
            for part in &segment.parts {
                let file = fs::read(lab.path("live").join(&part.uri)).expect("named");
                sum.extend(part.range.map_or(file.clone(), |(length, at)| file[at..at + length].to_vec()));
            }
            assert_eq!(sum, whole, "{}: {kind}", segment.uri);
        }
        weir.stop().with(0);
        let list = Playlist::read(&path).expect("it is there");
        assert!(list.ended && list.part_target.is_none());
        list.check_segments(&lab.path("live"));
    }
}

#[test]
fn a_ladder_has_a_master_playlist_that_tells_the_truth() {
    let lab = Lab::new();
    let words = "avgen:sizes=480x270,240x136:rates=400k,150k:adjust=no:dur=9 c=avc:g=50 c=aac -o out/tv.m3u8:segdur=2";
    lab.weir_to_end(words).quietly(0);
    let dir = lab.path("out");
    let master = Master::parse(&fs::read_to_string(dir.join("tv.m3u8")).expect("it is there"));
    master.check_rates(&dir);
    let about = |name: &str| master.streams.iter().map(|s| s.attributes[name].as_str()).collect::<Vec<_>>();
    assert_eq!((about("RESOLUTION"), about("FRAME-RATE")), (vec!["480x270", "240x136"], vec!["25.000", "25.000"]));
    assert!(about("CODECS").iter().all(|c| c.starts_with("avc1.") && c.ends_with(",mp4a.40.2")), "{master:?}");
    let lists: Vec<Playlist> = ["tv_v1.m3u8", "tv_v2.m3u8", "tv_a1.m3u8"]
        .iter()
        .map(|name| {
            let list = Playlist::read(&dir.join(name)).expect("it is named");
            list.check_segments(&dir);
            list
        })
        .collect();
    // Encoders of one source have their key pictures together: a player may change from one to the other anywhere.
    let lengths = |list: &Playlist| list.segments.iter().map(|s| s.duration).collect::<Vec<_>>();
    assert_eq!((lengths(&lists[0]), lists[0].segments.len()), (lengths(&lists[1]), lists[2].segments.len()));
    for name in ["tv_v1.m3u8", "tv_v2.m3u8"] {
        assert_eq!(Recording::of(&dir.join(name)).is_gapless(PICTURES).numbers().len(), PICTURES, "{name}");
    }
    // Whoever plays the master has pictures and sound in step.
    Recording::of(&dir.join("tv.m3u8")).is_gapless(PICTURES).is_in_step();
}

/// A publisher leaves, and comes back with pictures of another size: what players have goes on from there.
#[test]
fn another_picture_size_is_a_discontinuity() {
    let lab = Lab::new();
    let [port] = lab.ports();
    for (name, size) in [("one.flv", "240x160"), ("two.flv", "320x180")] {
        lab.weir_to_end(&format!("avgen:sizes={size}:adjust=no:dur=4 c=avc:g=25 c=aac -o {name}")).quietly(0);
    }
    let url = format!("rtmp://127.0.0.1:{port}/live");
    let words = format!("-i {url}:rtmp_listen=1 -o live/tv.m3u8:segdur=1:tsb=60 -o rec.mp4:frag -quiet");
    let weir = lab.weir(&words).listening([port]);
    let path = lab.path("live/tv.m3u8");
    let mut watch = Watch::default();
    for (name, most) in [("one.flv", 3), ("two.flv", 7)] {
        let mut command = Command::new(peers::tool("ffmpeg"));
        command.args(["-v", "error", "-nostdin", "-re", "-i", name, "-c", "copy", "-f", "flv", &format!("{url}/cam")]);
        process::run("publisher", command, lab.dir()).with(0);
        wait::until_true("its segments are there", || {
            watch.look(&path);
            watch.last.as_ref().is_some_and(|list| list.segments.len() >= most)
        });
    }
    weir.stop().with(0);
    let list = Playlist::read(&path).expect("it is there");
    let anew: Vec<usize> = (0..list.segments.len()).filter(|n| list.segments[*n].discontinuous).collect();
    assert_eq!((anew.as_slice(), list.segments.len()), (&[4][..], 8), "{list:?}");
    assert!(list.segments[3].map != list.segments[4].map && list.segments[4].map == list.segments[7].map);
    list.check_segments(&lab.path("live"));
    // A recording in fragments goes on in a new file.
    for name in ["rec.mp4", "rec_2.mp4"] {
        Recording::of(&lab.path(name)).is_gapless(98);
    }
}

#[test]
fn an_output_without_its_folder_fails_alone() {
    let lab = Lab::new();
    let mut weir = lab.weir(
        "avgen:sizes=240x160:adjust=no c=avc:g=25 c=aac -o live/tv.m3u8:dmode=dynamic:segdur=1 -o rec.flv -quiet",
    );
    lab.wait_for_file("live/tv.m3u8", 1);
    fs::remove_dir_all(lab.path("live")).expect("it is ours");
    wait::until_true("weir says so", || {
        weir.stderr().contains("cannot write") || weir.stderr().contains("cannot open")
    });
    lab.wait_for_growth("rec.flv", 100_000);
    assert!(weir.is_running());
    weir.signal(Signal::Int);
    weir.wait().with(1);
    Recording::of(&lab.path("rec.flv")).is_whole(50);
}

/// Recordings in files of two seconds, each named by its number and playable alone; the last one too, when it is cut off.
#[test]
fn a_killed_recording_is_files_that_all_play() {
    for ext in ["mp4", "flv", "ts"] {
        let lab = Lab::new();
        let how = if ext == "mp4" { ":frag:cdur=0.5" } else { "" };
        let words = format!(
            "avgen:sizes=240x160:adjust=no c=avc:g=25 c=aac reframer:rt=on -o rec/$Number%02d$.{ext}:split=2{how} -quiet"
        );
        let mut weir = lab.weir(&words);
        // An FLV file begins with room for its index.
        lab.wait_for_file(&format!("rec/03.{ext}"), if ext == "flv" { 70_000 } else { 30_000 });
        weir.signal(Signal::Kill);
        assert_eq!(weir.wait().code, None, "the signal ended it");
        let mut next = 0;
        for n in 1..=2 {
            let file = Recording::of(&lab.path(&format!("rec/{n:02}.{ext}")));
            assert!(file.video[0].key, "{ext}: {n} begins with a key picture");
            file.is_gapless(50).has_unbroken_sound();
            assert_eq!((file.numbers()[0], file.pictures.len()), (next, 50), "{ext}: nothing is lost in between");
            next += 50;
        }
        let last = weir_tests::recording::beginning(&lab.path(&format!("rec/03.{ext}")), 1);
        let last = Recording::of(&last);
        assert!(last.numbers()[0] == next && last.pictures.len() > 10, "{ext}: {} pictures", last.pictures.len());
    }
}

#[test]
fn a_recording_whose_disk_is_full_fails_alone() {
    let lab = Lab::new();
    std::os::unix::fs::symlink("/dev/full", lab.path("r2.ts")).expect("a link");
    let mut weir = lab.weir(
        "avgen:sizes=240x160:adjust=no c=avc:g=25 c=aac reframer:rt=on -o r$Number$.ts:split=2 -o all.flv -quiet",
    );
    wait::until_true("weir says so", || weir.stderr().contains("cannot write r2.ts: No space left on device"));
    lab.wait_for_growth("all.flv", 100_000);
    weir.signal(Signal::Int);
    weir.wait().with(1);
    Recording::of(&lab.path("r1.ts")).is_gapless(50);
    Recording::of(&lab.path("all.flv")).is_whole(75);
}

/// What the page with hls.js in it said last.
fn report(lab: &Lab) -> BTreeMap<String, String> {
    let log = fs::read_to_string(lab.path("access.log")).unwrap_or_default();
    let last = log.lines().filter_map(|line| line.split_once("/report?")).next_back();
    let pairs = last.map(|(_, query)| query).unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// A browser without a window, on a page.
fn browser(lab: &Lab, url: &str) -> Process {
    let mut command = Command::new(peers::tool("chromium"));
    command.args(["--headless=new", "--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"]);
    command.arg(format!("--user-data-dir={}", lab.path("browser").display())).arg(url);
    Process::start("browser", command, lab.dir())
}

/// Any web server can serve the folder: nginx does, and hls.js plays it in a browser.
#[test]
fn hls_js_plays_it_in_a_browser() {
    let Some(script) = peers::require("hls.js", peers::hls_js().is_some()).and_then(|()| peers::hls_js()) else {
        return;
    };
    if peers::peer("chromium").is_none() {
        return;
    }
    for (how, low) in [("segdur=1", false), ("segdur=1:muxtype=ts", false), ("segdur=2:llhls=sf:cdur=0.4", true)] {
        let lab = Lab::new();
        let [port] = lab.ports();
        let Some(_nginx) = nginx::web(&lab, port) else { return };
        fs::copy(&script, lab.path("hls.min.js")).expect("it can be read");
        fs::write(lab.path("page.html"), include_str!("hlsjs.html")).expect("the test's directory takes files");
        let (sizes, g) = if low { ("320x180", 50) } else { ("320x180,160x90", 25) };
        let weir = lab.weir(&format!(
            "avgen:sizes={sizes}:adjust=no c=avc:g={g} c=aac -o live/tv.m3u8:dmode=dynamic:{how} -quiet"
        ));
        lab.wait_for_file("live/tv.m3u8", 1);
        let mut page = browser(&lab, &format!("http://127.0.0.1:{port}/page.html?live/tv.m3u8"));
        let number = |report: &BTreeMap<String, String>, name: &str| -> u32 {
            report.get(name).and_then(|v| v.parse().ok()).unwrap_or(0)
        };
        wait::until_true("a hundred pictures are shown", || {
            assert!(page.is_running(), "the browser ended: {}", page.stderr());
            let report = report(&lab);
            assert_eq!(report.get("fatal").map_or("", String::as_str), "", "{how}: {report:?}");
            number(&report, "shown") >= 100
        });
        let report = report(&lab);
        assert_eq!(number(&report, "levels"), if low { 1 } else { 2 }, "{report:?}");
        let loaded = number(&report, if low { "parts" } else { "segments" });
        assert!(loaded >= if low { 8 } else { 3 } && number(&report, "width") >= 160, "{how}: {report:?}");
        weir.stop().with(0);
        let log = fs::read_to_string(lab.path("access.log")).expect("requests");
        let missed: Vec<&str> = log.lines().filter(|l| l.contains("/live/") && l.starts_with('4')).collect();
        assert_eq!(missed, [] as [&str; 0], "{how}: what is named is there");
    }
}

#[test]
fn gstreamer_plays_it() {
    let Some(program) = peers::peer("gst-launch-1.0") else { return };
    let (width, height) = (240, 160);
    let lab = Lab::new();
    let [port] = lab.ports();
    let Some(_nginx) = nginx::web(&lab, port) else { return };
    for kind in ["mp4", "ts"] {
        let words =
            format!("avgen:sizes=240x160:adjust=no:dur=5 c=avc:g=25 c=aac -o {kind}/tv.m3u8:segdur=1:muxtype={kind}");
        lab.weir_to_end(&words).quietly(0);
        let mut command = Command::new(&program);
        let url = format!("uri=http://127.0.0.1:{port}/{kind}/tv.m3u8");
        let pictures = ["videoconvert", "!", "video/x-raw,format=GRAY8", "!", "filesink", "location=shown.raw"];
        command.args(["-q", "uridecodebin", &url, "name=d", "d.", "!", "queue", "!"]).args(pictures);
        command.args(["d.", "!", "queue", "!", "audioconvert", "!", "fakesink"]);
        process::run("gst", command, lab.dir()).with(0);
        let shown = fs::read(lab.path("shown.raw")).expect("pictures");
        let planes = shown.chunks_exact(width * height);
        let numbers: Vec<u32> =
            planes.map(|luma| marker::read(luma, width, height, width).expect("readable").frame).collect();
        assert_eq!(numbers, (0..125).collect::<Vec<_>>(), "{kind}");
    }
}
