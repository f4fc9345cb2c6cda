//! `-h` and its relatives.

use std::process::Stdio;

use crate::kit::{command, complains, says, weir};

#[test]
fn nothing_typed_is_a_short_usage_and_an_error() {
    complains(
        "",
        2,
        "
        usage: weir [OPTIONS] SOURCE [FILTER...] -o OUTPUT [-o OUTPUT...]

          weir avgen c=avc c=aac -o rtmp://127.0.0.1:1935/live:rtmp_listen=1
              a test picture and beep, encoded, for any number of RTMP players
          weir -i film.mp4:loop=-1 -o rtmp://0.0.0.0:1935/live:rtmp_listen=1 -o copy.flv
              a file, played for ever to players and written to a file, not transcoded

        weir -h tells more.
        ",
    );
    assert_eq!(weir("-graph").code, 2, "options alone are nothing to run");
}

#[test]
fn help_is_asked_for_and_no_error() {
    let ran = weir("-h");
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    let has = |text: &str| assert!(ran.stdout.contains(text), "{text}\n{}", ran.stdout);
    has("usage: weir [OPTIONS] SOURCE");
    has("\n  -logs=TOPIC@LEVEL    What to log");
    has("\n  avgen        Test source");
    has("Exit codes: 0 all went well, 1 something failed or could not start, 2 the words make no sense,\n130 stopped");
    for same in ["-help", "--help", "avgen -h", "-h -graph"] {
        assert_eq!(weir(same).stdout, ran.stdout, "{same}");
    }
}

#[test]
fn help_of_a_filter() {
    let ran = weir("-h flvmx");
    assert_eq!(ran.code, 0);
    says(
        &ran.stdout,
        "
        flvmx (muxer, runs on the event loop)
        FLV muxer

        Joins streams of pictures and sound. The first track of each kind is written in the original form
        when it is H.264, AAC or MP3; all other codecs and tracks in that of enhanced RTMP v2, which FFmpeg
        reads from version 8 on (from 6.1 a single track of HEVC, AV1 or VP9). A track that comes after the
        start is added.

        For a file it reserves room for duration, size and a key-frame index and fills it at the end; a file
        cut short is playable up to its last tag. For live delivery it writes neither, and timestamps follow
        the session.

        Takes  StreamType=Visual, CodecID=avc, Unframed!=true
          gives  StreamType=File, FileExt=flv, Delivery=live
          gives  StreamType=File, FileExt=flv, Delivery=file
        Takes  StreamType=Audio, CodecID=aac, Unframed!=true
          gives  StreamType=File, FileExt=flv, Delivery=live
          gives  StreamType=File, FileExt=flv, Delivery=file
        Takes  StreamType=Audio, CodecID=mp3, Unframed!=true
          gives  StreamType=File, FileExt=flv, Delivery=live
          gives  StreamType=File, FileExt=flv, Delivery=file
        Takes  StreamType=Visual, CodecID=hevc, Unframed!=true
          gives  StreamType=File, FileExt=flv, Delivery=live
          gives  StreamType=File, FileExt=flv, Delivery=file
        Takes  StreamType=Visual, CodecID=av1, Unframed!=true
          gives  StreamType=File, FileExt=flv, Delivery=live
          gives  StreamType=File, FileExt=flv, Delivery=file
        Takes  StreamType=Visual, CodecID=vp9, Unframed!=true
          gives  StreamType=File, FileExt=flv, Delivery=live
          gives  StreamType=File, FileExt=flv, Delivery=file
        Takes  StreamType=Audio, CodecID=opus, Unframed!=true
          gives  StreamType=File, FileExt=flv, Delivery=live
          gives  StreamType=File, FileExt=flv, Delivery=file
        Takes  StreamType=Audio, CodecID=flac, Unframed!=true
          gives  StreamType=File, FileExt=flv, Delivery=live
          gives  StreamType=File, FileExt=flv, Delivery=file
        Takes  StreamType=Audio, CodecID=ac3, Unframed!=true
          gives  StreamType=File, FileExt=flv, Delivery=live
          gives  StreamType=File, FileExt=flv, Delivery=file
        Takes  StreamType=Audio, CodecID=eac3, Unframed!=true
          gives  StreamType=File, FileExt=flv, Delivery=live
          gives  StreamType=File, FileExt=flv, Delivery=file

        Options:
          ileave       How long one track waits for the others before it is written without them (default 1s
                       for files, 300ms live)
                       a time such as 200ms, 2s or T00:01:30 (a plain number is milliseconds)
          keyframes    Key frames that the index of a file has room for; 0 writes no index
                       a whole number from 0 to 65536; default 1800
          enhanced     Write every track in the form of enhanced RTMP, also those that have an original one
                       yes or no; default no
          split        Seconds of a file: the first key picture behind them begins a new one. See fout for
                       their names
                       a number or fraction such as 25, 30000/1001 or 29.97
          split_size   Bytes of a file: the first key picture behind them begins a new one
                       a whole number, at least 1
        ",
    );
    assert_eq!(
        weir("-h avgen.fps").stdout,
        "  fps          Pictures per second\n               \
         a number or fraction such as 25, 30000/1001 or 29.97; default 25\n"
    );
}

#[test]
fn lists() {
    let filters = weir("-h filters").stdout;
    assert!(filters.starts_with("Sources:\n  avgen        Test source"), "{filters}");
    assert!(filters.contains("\nOutputs:\n  rtmpout "), "{filters}");
    says(
        &weir("-h codecs").stdout,
        "
        codec  decoder  encoder  read by                                  written by
        avc    avcdec   avcenc   mp4dmx flvdmx m2tsdmx mkvdmx rfnalu      flvmx mp4mx writegen m2tsmx hlsmx
        hevc                     mp4dmx flvdmx m2tsdmx mkvdmx             flvmx mp4mx hlsmx
        av1                      mp4dmx flvdmx mkvdmx                     flvmx mp4mx hlsmx
        vp9                      mp4dmx flvdmx mkvdmx                     flvmx mp4mx hlsmx
        aac    aacdec   aacenc   mp4dmx flvdmx m2tsdmx mkvdmx rfadts      flvmx mp4mx writegen m2tsmx hlsmx
        mp3    mp3dec            mp4dmx flvdmx m2tsdmx mkvdmx rfmpgaudio  flvmx mp4mx hlsmx
        opus   opusdec           mp4dmx flvdmx mkvdmx                     flvmx mp4mx hlsmx
        flac   flacdec           mp4dmx flvdmx mkvdmx                     flvmx mp4mx hlsmx
        ac3                      mp4dmx flvdmx m2tsdmx mkvdmx rfac3       flvmx mp4mx hlsmx
        eac3                     mp4dmx flvdmx m2tsdmx mkvdmx rfac3       flvmx mp4mx hlsmx
        ",
    );
    assert!(weir("-h formats").stdout.contains("\n.flv     flvdmx      flvmx\n"));
}

#[test]
fn help_about_nothing_known() {
    complains("-h avgne", 2, "error: there is no help about avgne; did you mean avgen?");
    complains("-h xyzzy", 2, "error: there is no help about xyzzy; weir -h filters lists them all");
    complains("-h avgen.fpss", 2, "error: there is no help about avgen.fpss; weir -h filters lists them all");
}

#[test]
fn the_version() {
    let wanted = concat!("weir ", env!("CARGO_PKG_VERSION"), "\n");
    for words in ["-version", "--version"] {
        let ran = weir(words);
        assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (0, wanted, ""), "{words}");
    }
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let mut child = command().arg("-h").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    drop(child.stdout.take());
    let end = child.wait_with_output().expect("it ends");
    assert_eq!((end.status.code(), end.stderr), (Some(0), Vec::new()));
    // The same for what goes to standard error.
    let mut child = command().stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
    drop(child.stderr.take());
    assert_eq!(child.wait().expect("it ends").code(), Some(2));
}

#[test]
fn a_full_disk_is() {
    let full = std::fs::File::options().write(true).open("/dev/full").expect("this system has /dev/full");
    let end = command().arg("-h").stdout(full).output().expect("it runs");
    assert_eq!(end.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&end.stderr).starts_with("error: cannot write to standard output: "));
}

/// What bash makes of a line when somebody presses the tab key at its end.
fn bash_completes(line: &str) -> Vec<String> {
    let weir = std::path::Path::new(env!("CARGO_BIN_EXE_weir"));
    let folder = weir.parent().expect("a program is in a folder").display();
    let script = format!(
        "PATH={folder}:$PATH; source <(weir completions bash); COMP_LINE='{line}'; COMP_POINT=${{#COMP_LINE}}; _weir; \
         printf '%s\\n' \"${{COMPREPLY[@]}}\""
    );
    let ran = std::process::Command::new("bash").args(["--norc", "-c", &script]).output().expect("bash is there");
    assert!(ran.status.success() && ran.stderr.is_empty(), "{}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).expect("text").lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_words_and_options_within_them() {
    assert_eq!(bash_completes("weir avg"), ["avgen"]);
    assert_eq!(bash_completes("weir avgen:dur=1:siz"), ["sizes="], "readline breaks words at colons");
    assert_eq!(bash_completes("weir avgen c=a"), ["avc", "aac"]);
    assert_eq!(bash_completes("weir avgen -o x.flv:keyf"), ["keyframes="]);
    assert_eq!(bash_completes("weir -o "), [""], "bash completes files itself");
    assert!(bash_completes("weir ").contains(&"explain".to_owned()));
}

#[test]
fn completions_are_for_shells_that_are_known() {
    for shell in ["bash", "zsh", "fish"] {
        assert!(weir(&format!("completions {shell}")).stdout.contains("weir complete -- "), "{shell}");
    }
    let ran = weir("completions csh");
    assert_eq!((ran.code, ran.stderr.contains("bash, zsh or fish")), (2, true), "{}", ran.stderr);
    assert!(weir("man").stdout.starts_with(".TH WEIR 1"));
}
