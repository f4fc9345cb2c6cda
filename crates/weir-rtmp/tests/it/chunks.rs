//! The chunk layer: conformance checks 8–10 and 15–30, and property tests.

use proptest::prelude::*;
use weir_media::Bytes;
use weir_rtmp::ErrorKind;
use weir_rtmp::chunk::{ChunkReader, Csid, Limits, render};
use weir_rtmp::message::{Control, Message, kind};

use crate::support::{ExtStyle, RefWriter, Rng, hex, read_all, read_split};

fn message(kind: u8, timestamp: u32, msid: u32, body: impl Into<Bytes>) -> Message {
    Message { kind, timestamp, msid, body: body.into() }
}

fn times(input: &str) -> Vec<(u32, usize)> {
    let messages = read_all(&hex(input)).expect("sound");
    messages.iter().map(|m| (m.timestamp, m.body.len())).collect()
}

/// Body of `n` bytes that look like nothing else.
fn pattern(n: usize) -> Vec<u8> {
    (0..n).map(|i| (i * 7 + 3) as u8).collect()
}

/// A 300-byte video message at 20,000,000 ms in chunks of 128, with `ext` on its continuations.
fn long_video(ext: &[u8]) -> Vec<u8> {
    let body = pattern(300);
    let head = hex("06 ffffff 00012c 09 01000000 01312d00");
    [&head, &body[..128], &[0xc6], ext, &body[128..256], &[0xc6], ext, &body[256..]].concat()
}

#[test]
fn check_09_set_chunk_size() {
    let mut reader = ChunkReader::new(Limits::DEFAULT);
    let got = reader.read(&mut &hex("02 000000 000004 01 00000000 00001000")[..]).expect("sound");
    assert_eq!(Control::parse(&got.expect("whole")), Ok(Some(Control::SetChunkSize(4096))));
    assert_eq!(reader.chunk_size(), 4096);
}

#[test]
fn check_10_odd_chunk_sizes() {
    let set = |size: &str| read_all(&hex(&format!("02 000000 000004 01 00000000 {size}")));
    assert_eq!(set("00000000"), Err(ErrorKind::ChunkSize(0)));
    assert_eq!(set("80000000"), Err(ErrorKind::ChunkSize(0x8000_0000)));
    assert!(set("7fffffff").is_ok());
    let tiny = "02 000000 000004 01 00000000 00000001  04 000000 000003 08 01000000 af c4 01 c4 21";
    assert_eq!(times(tiny), [(0, 4), (0, 3)]);
}

#[test]
fn check_15_fresh_chunk_streams() {
    assert_eq!(read_all(&[0xc3]), Err(ErrorKind::FreshChunkStream { csid: 3, fmt: 3 }));
    assert_eq!(read_all(&hex("83 000000")), Err(ErrorKind::FreshChunkStream { csid: 3, fmt: 2 }));
    assert_eq!(times("43 000005 000001 08 aa"), [(5, 1)]);
}

#[test]
fn check_16_unknown_type() {
    let got = read_all(&hex("03 000000 000003 63 00000000 616263")).expect("sound");
    assert_eq!(got, [message(99, 0, 0, &b"abc"[..])]);
}

#[test]
fn check_17_extended_timestamps() {
    assert_eq!(times("06 fffffe 000005 09 01000000 2701000000"), [(16_777_214, 5)]);
    assert_eq!(times("06 ffffff 000005 09 01000000 00ffffff 2701000000"), [(16_777_215, 5)]);
    assert_eq!(times("06 ffffff 000005 09 01000000 01312d00 2701000000"), [(20_000_000, 5)]);
}

/// Conformance checks 18 and 19: whatever stands on the continuations, the body comes out.
#[test]
fn check_19_extension_styles() {
    let expected = message(kind::VIDEO, 20_000_000, 1, pattern(300));
    for ext in [&[1, 0x31, 0x2d, 0][..], &[0; 4], &[]] {
        let input = long_video(ext);
        assert_eq!(read_all(&input).expect("sound"), std::slice::from_ref(&expected), "{ext:?}");
        // The style is kept: a body of zeros is no riddle any more.
        let mut again = RefWriter::new(
            match ext.len() {
                0 => ExtStyle::Absent,
                _ if ext[0] == 0 => ExtStyle::Zero,
                _ => ExtStyle::Repeat,
            },
            false,
        );
        let zeros = message(kind::VIDEO, 20_000_040, 1, vec![0; 400]);
        again.message(6, &zeros);
        let got = read_all(&[input, again.out].concat()).expect("sound");
        assert_eq!(got, [expected.clone(), zeros], "{ext:?}");
    }
}

/// Zeros where the extension might be, from a peer that leaves it out, before anything else was learnt.
#[test]
fn zeros_that_are_payload() {
    let mut body = pattern(300);
    body[128..132].fill(0);
    let video = message(kind::VIDEO, 20_000_000, 1, body);
    let mut writer = RefWriter::new(ExtStyle::Absent, false);
    writer.message(6, &video);
    writer.message(6, &video);
    assert_eq!(read_all(&writer.out).expect("sound"), [video.clone(), video]);
}

/// Chunks shorter than the extension they might carry.
#[test]
fn short_chunks_with_extension() {
    for style in [ExtStyle::Repeat, ExtStyle::Zero, ExtStyle::Absent] {
        for chunk_size in 1..=6 {
            for len in 1..=20 {
                let mut writer = RefWriter::new(style, false);
                let set = Control::SetChunkSize(chunk_size).message();
                let video = message(kind::VIDEO, 20_000_000, 1, pattern(len));
                writer.message(2, &set);
                writer.chunk_size = chunk_size as usize;
                (0..3).for_each(|_| writer.message(6, &video));
                let got = read_all(&writer.out).expect("sound");
                assert_eq!(got, [set, video.clone(), video.clone(), video], "{style:?} {chunk_size} {len}");
            }
        }
    }
}

#[test]
fn check_20_header_compression() {
    let run = "04 000000 000003 08 01000000 af0121  44 000017 000004 08 af012122  84 000017 af012122  c4 af012122";
    assert_eq!(times(run), [(0, 3), (23, 4), (46, 4), (69, 4)]);
}

#[test]
fn check_21_type_3_after_type_0() {
    assert_eq!(times("04 0003e8 000001 08 01000000 aa c4 aa c4 aa"), [(1000, 1), (2000, 1), (3000, 1)]);
}

#[test]
fn checks_22_to_24_deltas() {
    let first = "04 000000 000003 08 01000000 af0121";
    assert_eq!(times(&format!("{first} 44 ffffff 000003 08 01000000 af0121")), [(0, 3), (16_777_216, 3)]);
    let late = "04 ffffff 000003 08 01000000 fffffff0 af0121 44 000020 000003 08 af0121";
    assert_eq!(times(late), [(0xffff_fff0, 3), (0x10, 3)]);
    let back = "04 0003e8 000003 08 01000000 af0121 44 ffffff 000003 08 ffffffd8 af0121";
    assert_eq!(times(back), [(1000, 3), (960, 3)]);
}

#[test]
fn check_25_interleaving() {
    let mut writer = RefWriter::new(ExtStyle::Repeat, true);
    let video = message(kind::VIDEO, 40, 1, pattern(300));
    let audio = message(kind::AUDIO, 41, 1, pattern(50));
    let window = Control::WindowAckSize(2_500_000).message();
    let mut sent = writer.chunk(6, &video, 0);
    writer.message(4, &audio);
    writer.message(2, &window);
    while sent < 300 {
        sent = writer.chunk(6, &video, sent);
    }
    assert_eq!(read_all(&writer.out).expect("sound"), [audio, window, video]);
}

#[test]
fn check_26_chunk_size_inside_a_message() {
    let mut writer = RefWriter::new(ExtStyle::Repeat, true);
    let video = message(kind::VIDEO, 40, 1, pattern(3000));
    let set = Control::SetChunkSize(4096).message();
    writer.chunk(6, &video, 0);
    writer.message(2, &set);
    writer.chunk_size = 4096;
    assert_eq!(writer.chunk(6, &video, 128), 3000);
    assert_eq!(read_all(&writer.out).expect("sound"), [set, video]);
}

#[test]
fn check_27_abort() {
    let mut writer = RefWriter::new(ExtStyle::Repeat, true);
    let lost = message(kind::VIDEO, 40, 1, pattern(300));
    let kept = message(kind::VIDEO, 80, 1, pattern(200));
    let abort = Control::Abort(6).message();
    writer.chunk(6, &lost, 0);
    writer.message(2, &abort);
    writer.message(6, &kept);
    assert_eq!(read_all(&writer.out).expect("sound"), [abort, kept]);
}

#[test]
fn check_28_header_inside_a_message() {
    let start = [hex("06 000000 00012c 09 01000000"), pattern(128)].concat();
    for next in ["06 000000 00012c 09 01000000", "46 000000 000001 09", "86 000000"] {
        let got = read_all(&[start.clone(), hex(next)].concat());
        assert_eq!(got, Err(ErrorKind::HeaderInMessage { csid: 6 }));
    }
}

#[test]
fn check_29_length_limits_hold_at_the_header() {
    let cases = [
        ("14", "ffffff", 0xff_ffff, 64 << 10),
        ("14", "010001", 65_537, 64 << 10),
        ("09", "800001", 0x80_0001, 8 << 20),
        ("08", "100001", 0x10_0001, 1 << 20),
        ("12", "100001", 0x10_0001, 1 << 20),
        ("01", "000003", 3, 4),
        ("05", "000005", 5, 4),
        ("06", "000004", 4, 5),
        ("04", "000101", 257, 256),
    ];
    for (kind, length, declared, limit) in cases {
        let got = read_all(&hex(&format!("03 000000 {length} {kind} 00000000")));
        let kind = u8::from_str_radix(kind, 16).expect("hexadecimal");
        assert_eq!(got, Err(ErrorKind::MessageLength { kind, length: declared, limit }));
    }
}

#[test]
fn check_30_too_many_chunk_streams() {
    let mut reader = ChunkReader::new(Limits::DEFAULT);
    for csid in 0..65u8 {
        let chunk = [hex(&format!("00 {csid:02x} 000000 000100 08 01000000")), pattern(128)].concat();
        let got = reader.read(&mut &chunk[..]);
        let expected = if csid < 64 { Ok(None) } else { Err(ErrorKind::TooManyChunkStreams) };
        assert_eq!(got, expected);
    }
    assert!(reader.partial_bytes() <= 64 * 4096);
}

#[test]
fn memory_follows_what_was_received() {
    let mut reader = ChunkReader::new(Limits::DEFAULT);
    let head = hex("06 000000 7fffff 09 01000000");
    reader.read(&mut &head[..]).expect("sound");
    assert_eq!(reader.partial_bytes(), 0);
    let mut received = 0;
    for _ in 0..2000 {
        reader.read(&mut &pattern(128)[..]).expect("sound");
        reader.read(&mut &[0xc6][..]).expect("sound");
        received += 128;
        assert!(reader.partial_bytes() <= received * 3 / 2 + 4096);
    }
}

#[test]
fn partial_messages_share_one_limit() {
    let limits = Limits { partial: 100_000, ..Limits::DEFAULT };
    let mut reader = ChunkReader::new(limits);
    reader.read(&mut &Control::SetChunkSize(60_000).message_bytes()[..]).expect("sound");
    let chunk = |csid: u8| [vec![csid], hex("000000 010000 09 01000000"), vec![1; 60_000]].concat();
    assert_eq!(reader.read(&mut &chunk(4)[..]), Ok(None));
    assert_eq!(reader.read(&mut &chunk(5)[..]), Err(ErrorKind::TooMuchPartial));
}

trait MessageBytes {
    fn message_bytes(self) -> Bytes;
}

impl MessageBytes for Control {
    fn message_bytes(self) -> Bytes {
        render(&self.message(), Csid::CONTROL, 128)
    }
}

#[test]
fn tiny_chunks_are_paid_for() {
    let mut reader = ChunkReader::new(Limits::DEFAULT);
    reader.read(&mut &Control::SetChunkSize(1).message_bytes()[..]).expect("sound");
    let message = [hex("04 000000 000400 08 01000000 aa"), [0xc4, 0xaa].repeat(1023)].concat();
    let mut read = 0;
    let error = loop {
        let mut input = &message[..];
        match reader.read(&mut input) {
            Ok(_) => read += message.len(),
            Err(error) => break error,
        }
    };
    assert_eq!(error, ErrorKind::TinyChunks);
    assert!((900_000..1_300_000).contains(&read), "{read}");

    let mut reader = ChunkReader::new(Limits::DEFAULT);
    let message = render(&message_of(1000), Csid::AUDIO, 128);
    for _ in 0..20_000 {
        assert!(reader.read(&mut &message[..]).expect("sound").is_some());
    }
}

fn message_of(len: usize) -> Message {
    message(kind::AUDIO, 0, 1, pattern(len))
}

#[test]
fn empty_messages() {
    let empty = message(kind::AUDIO, 5, 1, Bytes::new());
    let out = [render(&empty, Csid::AUDIO, 128), render(&message_of(3), Csid::VIDEO, 128)].concat();
    assert_eq!(read_all(&out).expect("sound"), [empty, message_of(3)]);
}

fn any_message() -> impl Strategy<Value = Message> {
    let kinds = prop_oneof![Just(kind::AUDIO), Just(kind::VIDEO), Just(kind::DATA_AMF0)];
    let times = prop_oneof![0..2000u32, 0xff_fff0..0x100_0010u32, any::<u32>(), Just(u32::MAX)];
    let bodies = prop::collection::vec(any::<u8>(), 0..700);
    (kinds, times, 0..3u32, bodies).prop_map(|(kind, timestamp, msid, body)| message(kind, timestamp, msid, body))
}

proptest! {
    /// What is rendered is read back, at any chunk size and any split.
    #[test]
    fn render_then_read(
        messages in prop::collection::vec(any_message(), 1..8),
        chunk_size in prop_oneof![1..300u32, Just(65_536)],
        split in 1..2000usize,
    ) {
        let mut input = Control::SetChunkSize(chunk_size).message_bytes().to_vec();
        for message in &messages {
            let csid = if message.kind == kind::AUDIO { Csid::AUDIO } else { Csid::VIDEO };
            input.extend_from_slice(&render(message, csid, chunk_size));
        }
        prop_assert_eq!(&read_split(&input, split).expect("sound")[1..], &messages[..]);
    }

    /// Every form a peer may use, interleaved at random, is read, at any split.
    #[test]
    fn any_writer_then_read(
        seed in any::<u64>(),
        style in prop_oneof![Just(ExtStyle::Repeat), Just(ExtStyle::Zero), Just(ExtStyle::Absent)],
        compress in any::<bool>(),
        split in 1..500usize,
    ) {
        let mut rng = Rng(seed);
        let mut writer = RefWriter::new(style, compress);
        let mut expected = Vec::new();
        let mut lanes: Vec<Lane> = [4, 6, 63, 64, 400].map(Lane::new).into();
        for _ in 0..200 {
            if rng.below(20) == 0 {
                let size = 1 + rng.below(400);
                let set = Control::SetChunkSize(size as u32).message();
                writer.message(2, &set);
                writer.chunk_size = size as usize;
                expected.push(set);
            }
            let lane = &mut lanes[rng.index(5)];
            expected.extend(lane.advance(&mut writer, &mut rng));
            // The only known writer of zeros does not interleave, which is what tells them from payload.
            while style == ExtStyle::Zero && lane.open.is_some() {
                expected.extend(lane.advance(&mut writer, &mut rng));
            }
        }
        prop_assert_eq!(read_split(&writer.out, split).expect("sound"), expected);
    }
}

/// One chunk stream of the random writer.
struct Lane {
    csid: u32,
    time: u32,
    open: Option<(Message, usize)>,
}

impl Lane {
    fn new(csid: u32) -> Self {
        Self { csid, time: if csid == 6 { 0xff_f000 } else { 0 }, open: None }
    }

    /// Writes one chunk; the message it completes.
    fn advance(&mut self, writer: &mut RefWriter, rng: &mut Rng) -> Option<Message> {
        let (message, sent) = self.open.take().unwrap_or_else(|| (self.fresh(rng), 0));
        let sent = writer.chunk(self.csid, &message, sent);
        if sent == message.body.len() {
            return Some(message);
        }
        self.open = Some((message, sent));
        None
    }

    fn fresh(&mut self, rng: &mut Rng) -> Message {
        self.time = match rng.below(12) {
            0 => rng.next() as u32,
            1 => self.time.wrapping_sub(40),
            _ => self.time.wrapping_add(40),
        };
        let len = [0, 1, 3, 100, 300, 1000][rng.index(6)];
        message([kind::AUDIO, kind::VIDEO][rng.index(2)], self.time, rng.below(2) as u32, rng.body(len))
    }
}
