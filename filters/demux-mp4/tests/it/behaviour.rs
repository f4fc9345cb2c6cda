//! What the filter does with its input, its options, and files that are unusual but good.

use weir_media::{Bytes, Flags, Packet, Prop, Props, StreamType, Value};
use weir_plugin::{Credit, Effect, ErrorKind, Event, InId, InQueue, Item, Mailbox, Memory, OutId, Status};

use crate::common::{TempFile, data, filter, harness, run, run_bytes, run_path};
use crate::craft::{avc1, config, movie, patched};

#[test]
fn samples_leave_in_decoding_order_and_the_input_is_left_alone() {
    for name in ["end.mp4", "late.mp4", "frag.mp4", "hybrid.mp4", "apart.mp4"] {
        let mut filter = filter(&[]).expect("good options");
        let mut mail = Mailbox::new(Memory::new(1 << 30));
        let props = Props::new().with(Prop::StreamType, StreamType::File).with(Prop::FilePath, data(name));
        let bytes = Item::Packet(Packet::new(Bytes::from_static(b"unread"), 0));
        mail.inputs.push(InQueue { items: [Item::Props(props), bytes, Item::End].into(), ..InQueue::default() });
        let (mut scales, mut last) = (Vec::new(), f64::MIN);
        loop {
            mail.outs.iter_mut().for_each(|out| out.credit = Credit::Endless);
            let status = filter.process(&mut mail.ctx()).expect("a good file");
            for effect in mail.effects.drain(..) {
                if let Effect::Open(_, props) = effect {
                    scales.push(f64::from(props.timescale()));
                }
            }
            // Within a call, outputs have no order between them.
            let sent = mail.outs.iter_mut().zip(&scales).flat_map(|(out, scale)| {
                let packets = out.items.drain(..).filter_map(|i| if let Item::Packet(p) = i { Some(p) } else { None });
                packets.map(|p| p.dts as f64 / scale).collect::<Vec<_>>()
            });
            let dues: Vec<f64> = sent.collect();
            assert!(dues.iter().all(|due| *due >= last), "{name}: {dues:?} after {last}");
            last = dues.into_iter().fold(last, f64::max);
            match status {
                Status::Done => break,
                Status::Again => {}
                rest => {
                    let full = mail.outs.iter().any(|out| out.credit == Credit::Packets(0));
                    assert!(full, "{name}: {rest:?} although there is room");
                }
            }
        }
        assert_eq!((mail.inputs[0].items.len(), mail.inputs[0].taken_bytes), (2, 0));
        assert_eq!(scales.len(), 2);
    }
}

#[test]
fn a_few_samples_a_call_and_none_without_room() {
    let mut harness = harness(&data("end.mp4"), &[]).expect("good options");
    harness.credit = Credit::Packets(0);
    assert_eq!(harness.run(), Ok(Status::Idle));
    let sent = |h: &weir_plugin::harness::Harness| h.outputs().iter().map(|o| o.packets.len()).sum::<usize>();
    assert!(sent(&harness) <= 2, "what fresh outputs take");
    harness.credit = Credit::Endless;
    assert_eq!(harness.step(), Ok(Status::Again));
    assert!(sent(&harness) <= 18, "{}", sent(&harness));
    harness.event(Event::Stop).expect("stops");
    assert_eq!(harness.run(), Ok(Status::Done));
    assert!(harness.outputs().iter().all(|out| out.ended));
}

#[test]
fn stop_before_the_input_is_known() {
    let mut harness = harness(&data("end.mp4"), &[]).expect("good options");
    harness.event(Event::Stop).expect("stops");
    assert_eq!(harness.run(), Ok(Status::Done));
}

#[test]
fn inputs_without_a_file_say_so() {
    let mut pipe = weir_plugin::harness::Harness::new(filter(&[]).expect("good options"));
    assert_eq!(pipe.run(), Ok(Status::Idle));
    pipe.input(Props::new().with(Prop::StreamType, StreamType::File).with(Prop::FileExt, "mp4"));
    let error = pipe.run().expect_err("a pipe");
    assert_eq!(error.kind, ErrorKind::Unsupported);
    assert!(error.message.contains("seekable file"), "{error}");
    assert_eq!(run_path("/nonexistent/a.mp4", &[]).expect_err("no such file").kind, ErrorKind::Io);
    assert!(run_path("/", &[]).expect_err("a directory").message.contains("not a regular file"));
}

#[test]
fn tkid_chooses_by_number_and_by_type() {
    let types = |options: &[(&str, &str)]| {
        run("end.mp4", options).map(|run| run.props.iter().map(|p| p[0].stream_type()).collect::<Vec<_>>())
    };
    let (video, audio) = (Some(StreamType::Visual), Some(StreamType::Audio));
    assert_eq!(types(&[("tkid", "2")]), Ok(vec![audio]));
    assert_eq!(types(&[("tkid", "video")]), Ok(vec![video]));
    assert_eq!(types(&[("tkid", "audio")]), Ok(vec![audio]));
    assert_eq!(types(&[("tkid", "3")]).expect_err("no such track").kind, ErrorKind::BadOption);
    assert_eq!(types(&[("tkid", "sound")]).expect_err("no such word").kind, ErrorKind::BadOption);
}

#[test]
fn start_moves_all_timestamps() {
    let plain = run("end.mp4", &[]).expect("a good file");
    let moved = run("end.mp4", &[("start", "4300000000")]).expect("a good file");
    for (scale, (plain, moved)) in [12_800, 44_100].into_iter().zip(plain.packets.iter().zip(&moved.packets)) {
        let by = 4_300_000 * scale;
        assert!(plain.iter().zip(moved).all(|(p, m)| (p.dts + by, p.cts + by) == (m.dts, m.cts)));
    }
}

#[test]
fn disabled_tracks_need_alltk_or_their_number() {
    // The low byte of the flags of the second tkhd: 3, enabled and in the movie.
    let file = patched("end.mp4", b"tkhd", 1, 7, &[2]);
    let got = run_bytes("disabled", &file, &[]).expect("a good file");
    assert_eq!(got.props.len(), 1);
    assert_eq!(got.warnings, ["track 2 is left out: it is disabled; the option alltk reads it"]);
    assert_eq!(run_bytes("disabled-all", &file, &[("alltk", "yes")]).expect("a good file").props.len(), 2);
    assert_eq!(run_bytes("disabled-two", &file, &[("tkid", "2")]).expect("a good file").props.len(), 1);
}

#[test]
fn other_codecs_are_named_and_left_out() {
    let file = patched("end.mp4", b"avc1", 1, 0, b"vvc1");
    let got = run_bytes("vvc", &file, &[]).expect("the sound is good");
    assert_eq!(got.warnings, ["track 1 is left out: its codec is not supported (vvc1)"]);
    assert_eq!(got.props[0][0].stream_type(), Some(StreamType::Audio));
    let error = run_bytes("vvc-only", &file, &[("tkid", "1")]).expect_err("nothing left");
    assert_eq!(error.kind, ErrorKind::BadOption);
    let mut neither = file;
    let at = neither.windows(4).position(|w| w == b"mp4a").expect("an audio entry");
    neither[at..at + 4].copy_from_slice(b"alac");
    let error = run_bytes("neither", &neither, &[]).expect_err("nothing left");
    assert_eq!(
        (error.kind, error.message.as_str()),
        (ErrorKind::Unsupported, "no track of a codec that is read here in the file")
    );
}

#[test]
fn a_damaged_track_does_not_take_the_other_with_it() {
    let file = patched("end.mp4", b"stsz", 0, 0, b"xxxx");
    let got = run_bytes("no-stsz", &file, &[]).expect("the sound is good");
    assert_eq!(got.warnings.len(), 1);
    assert!(got.warnings[0].contains("no stsz in it"), "{:?}", got.warnings);
    assert_eq!(got.packets.len(), 1);
}

#[test]
fn an_empty_edit_and_priming_add_up() {
    // The sound of late.mp4 waits 276 ms and then starts at media time 0; here it starts at 1024.
    let file = patched("late.mp4", b"elst", 1, 4 + 4 + 4 + 12 + 4, &1024u32.to_be_bytes());
    let got = run_bytes("late", &file, &[("tkid", "audio")]).expect("a good file");
    assert_eq!(got.packets[0][0].dts, 12_172 - 1024);
    assert_eq!(got.props[0][0].i64(Prop::Delay), Some(-1024));
}

#[test]
fn edit_lists_of_many_parts_are_read_as_far_as_their_start() {
    // The empty edit becomes one of two that show something.
    let file = patched("late.mp4", b"elst", 1, 4 + 4 + 4 + 4, &44_100u32.to_be_bytes());
    let got = run_bytes("parts", &file, &[]).expect("a good file");
    assert_eq!(got.warnings, ["track 2: only the start of its edit list is honoured"]);
    assert_eq!(got.packets[1][0].dts, -44_100);
}

#[test]
fn short_length_fields_become_four_bytes() {
    let config = config();
    let file = movie(&[
        (Some(avc1(&config, 2)), true, &[0, 2, 0x09, 0x10, 0, 3, 0x65, 0x88, 1]),
        (None, false, &[0, 3, 0x41, 0x9a, 2, 0, 1, 0x06]),
        (None, false, &[0, 3, 0x01, 0x9a, 2]),
        (None, false, &[0, 9, 0x41, 0x9a, 2]),
        (None, false, &[0, 3, 0x41, 0x9a, 2]),
    ]);
    let got = run_bytes("two", &file, &[]).expect("a good file");
    let payloads: Vec<&[u8]> = got.packets[0].iter().map(|p| &p.bytes().expect("bytes")[..]).collect();
    assert_eq!(
        payloads,
        [
            &[0, 0, 0, 3, 0x65, 0x88, 1][..],
            &[0, 0, 0, 3, 0x41, 0x9a, 2, 0, 0, 0, 1, 0x06],
            &[0, 0, 0, 3, 0x01, 0x9a, 2],
            &[0, 0, 0, 3, 0x41, 0x9a, 2]
        ]
    );
    let flags: Vec<Flags> = got.packets[0].iter().map(|p| p.flags).collect();
    assert_eq!(flags, [Flags::KEY, Flags::NONE, Flags::DISPOSABLE, Flags::DISCONTINUITY]);
    assert_eq!(got.packets[0].iter().map(|p| p.dts).collect::<Vec<_>>(), [0, 1, 2, 4]);
    assert_eq!(got.props[0][0].bytes(Prop::DecoderConfig).expect("an avcC")[4], 0xff);
    assert!(got.warnings[0].contains("damaged samples are left out"), "{:?}", got.warnings);
}

/// An AVC unit with its length before it.
fn unit(nal: &[u8]) -> Vec<u8> {
    [&u32::try_from(nal.len()).expect("small").to_be_bytes(), nal].concat()
}

#[test]
fn parameter_sets_in_band_change_the_properties_for_the_rest_of_the_round() {
    let config = config();
    let (picture, mut pps) = (unit(&[0x65, 0x88, 1]), config.pps[0].to_vec());
    let same = [unit(&pps), picture.clone()].concat();
    *pps.last_mut().expect("a PPS has bytes") ^= 0x40;
    let other = [unit(&pps), picture.clone()].concat();
    let file = movie(&[
        (Some(avc1(&config, 4)), true, &picture),
        (None, true, &same),
        (None, true, &other),
        (None, true, &picture),
    ]);
    let got = run_bytes("in-band", &file, &[("loop", "1")]).expect("a good file");
    assert!(got.packets[0].iter().all(|p| p.bytes().is_some_and(|b| b[..] == picture[..])));
    let record = |i: usize| got.props[0][i].bytes(Prop::DecoderConfig).cloned();
    assert_eq!(got.props[0].len(), 4, "changed and restored in the second round, then changed again");
    assert_eq!(record(0), record(2));
    assert_eq!(record(1), record(3));
    assert_ne!(record(0), record(1));
}

#[test]
fn another_sample_entry_changes_the_properties() {
    let first = config();
    let mut second = first.clone();
    second.compatibility ^= 1;
    let picture = unit(&[0x65, 0x88, 1]);
    let file = movie(&[
        (Some(avc1(&first, 4)), true, &picture),
        (Some(avc1(&second, 4)), true, &picture),
        (None, true, &picture),
    ]);
    let got = run_bytes("entries", &file, &[]).expect("a good file");
    let compatibility = |p: &Props| p.bytes(Prop::DecoderConfig).expect("an avcC")[2];
    let seen: Vec<u8> = got.props[0].iter().map(compatibility).collect();
    assert_eq!(seen, [first.compatibility, second.compatibility]);
    assert_eq!(got.packets[0].len(), 3);
}

/// Offsets of the content of all boxes of a type, found by their name.
fn contents(file: &[u8], kind: &[u8; 4]) -> Vec<usize> {
    (4..file.len()).filter(|at| file[*at - 4..].starts_with(kind)).collect()
}

#[test]
fn fragments_that_do_not_say_their_time_go_on() {
    let mut file = std::fs::read(data("frag.mp4")).expect("a committed file");
    let times = contents(&file, b"tfdt");
    assert!(times.len() > 4);
    times.iter().for_each(|at| file[at - 4..*at].copy_from_slice(b"free"));
    let (got, want) = (run_bytes("no-tfdt", &file, &[("loop", "1")]), run("frag.mp4", &[("loop", "1")]));
    let times = |run: crate::common::Run| run.packets.concat().iter().map(|p| (p.dts, p.cts)).collect::<Vec<_>>();
    assert_eq!(got.map(times), want.map(times));
}

#[test]
fn fragments_that_show_pictures_before_they_are_decoded() {
    let mut file = std::fs::read(data("frag.mp4")).expect("a committed file");
    // Version 1 makes the composition offsets of a run signed; the last word of each sample is its offset.
    for at in contents(&file, b"trun").into_iter().step_by(2) {
        let word = |at: usize| u32::from_be_bytes(file[at..at + 4].try_into().expect("four bytes"));
        let (flags, count) = (word(at) & 0xff_ffff, word(at + 4) as usize);
        assert_eq!(flags & 0x800, 0x800, "a run of pictures");
        let words = (flags >> 8).count_ones() as usize;
        let first = at + 8 + 4 * (flags & 0xff).count_ones() as usize;
        file[at] = 1;
        for offset in (0..count).map(|n| first + 4 * (words * n + words - 1)) {
            let moved = u32::from_be_bytes(file[offset..offset + 4].try_into().expect("four bytes")).wrapping_sub(1024);
            file[offset..offset + 4].copy_from_slice(&moved.to_be_bytes());
        }
    }
    let (got, want) =
        (run_bytes("early", &file, &[]).expect("a good file"), run("frag.mp4", &[]).expect("a good file"));
    // The least distance was 512, so it takes 512 of decoding ahead to make up for 1024.
    let moved: Vec<_> = want.packets[0].iter().map(|p| (p.dts - 512, p.cts - 1024)).collect();
    assert_eq!(got.packets[0].iter().map(|p| (p.dts, p.cts)).collect::<Vec<_>>(), moved);
    assert!(got.packets[0].iter().all(|p| p.cts >= p.dts));
}

#[test]
fn a_run_of_too_many_samples_ends_the_file_with_a_warning() {
    let mut file = std::fs::read(data("frag.mp4")).expect("a committed file");
    let last = *contents(&file, b"trun").last().expect("runs");
    file[last + 4..last + 8].copy_from_slice(&u32::MAX.to_be_bytes());
    let got = run_bytes("many", &file, &[]).expect("as far as it goes");
    assert_eq!(got.warnings.len(), 1);
    assert!(got.warnings[0].contains("more than 262144 samples"), "{:?}", got.warnings);
    assert!(got.packets.iter().all(|packets| packets.len() > 10));
}

#[test]
fn no_index_is_an_error_and_a_short_file_is_read_as_far_as_it_goes() {
    let end = std::fs::read(data("end.mp4")).expect("a committed file");
    let error = run_bytes("cut-moov", &end[..end.len() - 100], &[]).expect_err("no index");
    assert!(error.message.contains("moov box at byte") && error.message.contains("cut off"), "{error}");
    let error = run_bytes("no-moov", &end[..3000], &[]).expect_err("no index");
    assert!(error.message.contains("no moov box"), "{error}");

    let late = std::fs::read(data("late.mp4")).expect("a committed file");
    let whole = run("late.mp4", &[]).expect("a good file");
    let cut = run_bytes("cut-mdat", &late[..late.len() - 1500], &[]).expect("as far as it goes");
    assert_eq!(cut.warnings.len(), 1);
    assert!(cut.warnings[0].starts_with("the file is cut off: it ends at byte"), "{:?}", cut.warnings);
    for (cut, whole) in cut.packets.iter().zip(&whole.packets) {
        assert!(cut.len() < whole.len() && !cut.is_empty());
        assert!(cut.iter().zip(whole).all(|(a, b)| a.bytes() == b.bytes() && a.dts == b.dts));
    }
}

#[test]
fn a_fragment_cut_off_ends_the_file_with_a_warning() {
    let file = std::fs::read(data("frag.mp4")).expect("a committed file");
    let last = (0..file.len()).rfind(|at| file[*at..].starts_with(b"moof")).expect("fragments");
    let got = run_bytes("cut-moof", &file[..last + 20], &[]).expect("as far as it goes");
    assert_eq!(got.warnings.len(), 1);
    assert!(got.warnings[0].contains("the fragment at byte"), "{:?}", got.warnings);
    assert!(got.packets.iter().all(|packets| packets.len() > 10));
    let rounds = run_bytes("cut-moof", &file[..last + 20], &[("loop", "3")]).expect("as far as it goes");
    assert_eq!(rounds.warnings, got.warnings, "told once, not in every round");
}

#[test]
fn the_file_may_go_away_while_it_is_read() {
    let end = std::fs::read(data("end.mp4")).expect("a committed file");
    let file = TempFile::new("goes", &end);
    let mut harness = harness(file.path(), &[]).expect("good options");
    harness.step().expect("open");
    drop(file);
    harness.finish().expect("an open file stays readable");
    assert_eq!(harness.take(OutId(0)).len(), 25);
}

#[test]
fn origin_is_the_time_of_reading() {
    let mut harness = harness(&data("end.mp4"), &[]).expect("good options");
    harness.advance(std::time::Duration::from_millis(5));
    harness.finish().expect("a good file");
    assert!(harness.take(OutId(1)).iter().all(|p| p.origin == weir_media::Time::from_millis(5)));
}

#[test]
fn all_bundles_take_the_extensions() {
    let mut registry = weir_plugin::Registry::new();
    weir_demux_mp4::register(&mut registry);
    let plugin = registry.get("mp4dmx").expect("registered");
    let bundles = plugin.caps(&weir_plugin::Options::defaults(plugin.options()));
    for ext in ["mp4", "MOV", "m4a", "m4v", "3gp"] {
        let file = Props::new().with(Prop::StreamType, StreamType::File).with(Prop::FileExt, ext);
        assert!(bundles.iter().all(|b| b.accepts(&file).is_ok()), "{ext}");
    }
    let of = |ty| bundles.iter().filter(|b| b.output_type() == Some(ty)).count();
    assert_eq!((of(StreamType::Visual), of(StreamType::Audio), bundles.len()), (4, 6, 10));
    assert!(bundles.iter().all(|b| b.outputs.iter().any(|c| c.excluded && c.value == Value::Bool(true))));
    let _ = InId(0);
}
