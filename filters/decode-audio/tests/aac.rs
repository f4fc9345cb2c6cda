//! Frames of another encoder through the filter: length, time, priming, damage.

use weir_codec::aac::{AdtsFrame, AdtsSplitter};
use weir_decode_audio::AAC;
use weir_media::{Bytes, CodecId, Flags, Packet, Payload, Prop, Props, SampleFormat, StreamType, Value};
use weir_plugin::harness::Harness;
use weir_plugin::{Create, InId, Level, Memory, Options, OutId, Plugin};

/// Stereo AAC-LC at 44100 Hz, 432 frames, by FFmpeg.
const TONE: &[u8] = include_bytes!("../../../tests/corpus/media/a.aac");
const FRAMES: usize = 432;
const OUT: OutId = OutId(0);

fn harness() -> Harness {
    let options = Options::defaults(AAC.options());
    let create = Create { options, bundle: None, memory: Memory::new(1 << 30) };
    Harness::new(AAC.create(create).expect("it takes no options"))
}

/// Properties and packets as a demuxer gives them.
fn stream() -> (Props, Vec<Packet>) {
    let mut splitter = AdtsSplitter::new();
    splitter.push(Bytes::from_static(TONE));
    splitter.finish();
    let frames: Vec<AdtsFrame> = std::iter::from_fn(|| splitter.pull()).collect();
    let config = frames[0].config().expect("good").build().expect("short");
    let props = Props::new()
        .with(Prop::StreamType, StreamType::Audio)
        .with(Prop::CodecId, CodecId::Aac)
        .with(Prop::DecoderConfig, config)
        .with(Prop::Timescale, 44_100_u32);
    let packet = |(n, frame): (usize, &AdtsFrame)| Packet::new(frame.payload.clone(), n as i64 * 1024);
    (props, frames.iter().enumerate().map(packet).collect())
}

fn decode(h: &mut Harness, input: InId, packets: &[Packet]) -> Vec<Packet> {
    packets.iter().for_each(|p| h.packet(input, p.clone()));
    h.end(input);
    h.finish().expect("ends");
    h.take(OUT)
}

fn samples(packet: &Packet) -> Vec<f32> {
    packet.bytes().expect("sound").as_chunks().0.iter().map(|w| f32::from_le_bytes(*w)).collect()
}

#[test]
fn frames_become_samples_at_their_times() {
    let (props, packets) = stream();
    assert!(packets.len() >= FRAMES - 1, "{}", packets.len());
    let mut h = harness();
    let input = h.input(props);
    let out = decode(&mut h, input, &packets);
    assert_eq!(out.len(), packets.len());
    assert!(out.iter().enumerate().all(|(n, p)| p.cts == n as i64 * 1024 && p.duration == 1024 && p.len() == 8192));
    let power = |p: &Packet| samples(p).iter().map(|x| x * x).sum::<f32>() / 2048.0;
    let loud = out.iter().filter(|p| (1e-4..1.0).contains(&power(p))).count();
    assert!(loud > out.len() * 9 / 10, "{loud} of {} frames have sound in them", out.len());
    let given = h.outputs()[0].props.last().expect("opened");
    assert_eq!((given.u32(Prop::SampleRate), given.u32(Prop::NumChannels)), (Some(44_100), Some(2)));
    assert_eq!(given.get(Prop::AudioFormat), Some(&Value::Sample(SampleFormat::Flt)));
    assert!(given.get(Prop::DecoderConfig).is_none() && h.outputs()[0].ended);
}

#[test]
fn priming_is_cut_off() {
    let (props, packets) = stream();
    let mut h = harness();
    let input = h.input(props.with(Prop::Delay, -1500_i64));
    let out = decode(&mut h, input, &packets[..4]);
    let times: Vec<_> = out.iter().map(|p| (p.cts, p.duration)).collect();
    assert_eq!(times, [(1500, 548), (2048, 1024), (3072, 1024)]);
}

#[test]
fn a_damaged_frame_is_left_out_and_said_once() {
    let (props, mut packets) = stream();
    for n in [4, 5] {
        packets[n].data = Payload::Bytes(Bytes::from_static(&[0x60, 1, 2, 3]));
    }
    let mut h = harness();
    let input = h.input(props);
    let out = decode(&mut h, input, &packets[..10]);
    let marked: Vec<_> = out.iter().filter(|p| p.flags.contains(Flags::DISCONTINUITY)).map(|p| p.cts).collect();
    assert_eq!((out.len(), marked), (8, vec![6 * 1024]));
    let warnings = h.logs.iter().filter(|(level, _)| *level == Level::Warning).count();
    assert_eq!(warnings, 1, "{:?}", h.logs);
}

#[test]
fn what_cannot_be_decoded_is_refused_in_words() {
    let refused = |config: &'static [u8]| {
        let mut h = harness();
        h.input(stream().0.with(Prop::DecoderConfig, Bytes::from_static(config)));
        h.run().expect_err("refused").message
    };
    assert!(refused(&[0x0a, 0x10]).contains("object type 1"), "AAC Main");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(200))]

    /// Whatever the bytes are: no error, no panic, no more samples than frames have.
    #[test]
    fn any_bytes_are_survived(
        junk in proptest::collection::vec(proptest::collection::vec(0_u8..=255, 0..300), 1..8),
        hits in proptest::collection::vec((0_usize..8, 0_usize..400, 0_u8..=255), 0..12),
    ) {
        let (props, packets) = stream();
        let mut all = packets[..8].to_vec();
        for (n, at, value) in hits {
            let mut bytes = all[n].bytes().expect("coded").to_vec();
            let at = at % bytes.len();
            bytes[at] = value;
            all[n].data = Payload::Bytes(bytes.into());
        }
        all.extend(junk.into_iter().map(|bytes| Packet::new(bytes.into(), 1 << 20)));
        let mut h = harness();
        let input = h.input(props);
        let out = decode(&mut h, input, &all);
        proptest::prop_assert!(out.iter().all(|p| p.len() == 8192));
    }
}
