//! Streams of other encoders through the filter: order, times, damage.
//!
//! `ramp.264` is by x264 with B pictures: 48 pictures of 96x64 at 25 per second, a key picture every 20, each brighter
//! than the one before by 4.

use std::ops::Range;

use weir_codec::avc::{
    AvcConfig, DisplayOrder, NalType, ParameterSets, PocState, SliceHeader, join_length_prefixed, nal_ranges, nal_type,
};
use weir_decode_avc::AvcDecoder;
use weir_media::{Bytes, CodecId, Flags, Packet, PixelFormat, Prop, Props, StreamType, Value};
use weir_plugin::harness::Harness;
use weir_plugin::{Create, ErrorKind, InId, Memory, Options, OutId, Plugin};

const RAMP: &[u8] = include_bytes!("ramp.264");
const OUT: OutId = OutId(0);

fn harness() -> Harness {
    let options = Options::defaults(AvcDecoder.options());
    let create = Create { options, bundle: None, memory: Memory::new(1 << 30) };
    Harness::new(AvcDecoder.create(create).expect("it takes no options"))
}

fn props(config: &AvcConfig) -> Props {
    Props::new()
        .with(Prop::StreamType, StreamType::Visual)
        .with(Prop::CodecId, CodecId::Avc)
        .with(Prop::DecoderConfig, config.build().expect("small sets"))
        .with(Prop::Timescale, 25_u32)
}

/// The access units of the stream, one NAL unit each, with the times a demuxer gives them.
fn stream() -> (AvcConfig, Vec<Packet>) {
    let mut sets = ParameterSets::new();
    let nals: Vec<Range<usize>> = nal_ranges(RAMP).collect();
    for range in &nals {
        sets.put(&RAMP[range.clone()]).expect("good sets");
    }
    let depth = sets.sps(0).expect("it is there").reorder_depth();
    let (mut poc, mut order) = (PocState::new(), DisplayOrder::new(depth));
    let pictures: Vec<&[u8]> = nals.iter().map(|r| &RAMP[r.clone()]).filter(|nal| nal_type(nal).is_vcl()).collect();
    for nal in &pictures {
        let header = SliceHeader::parse(nal, &sets).expect("good");
        order.push(Some(poc.next(sets.sps_of(&header).expect("known"), &header)));
    }
    order.finish();
    let packet = |(n, nal): (usize, &&[u8])| {
        let data = join_length_prefixed([*nal], Default::default()).expect("short");
        let mut packet = Packet::new(data, n as i64);
        packet.cts = n as i64 + order.pull().expect("all are known");
        packet.duration = 1;
        if nal_type(nal) == NalType::Idr {
            packet.flags = Flags::KEY;
        }
        packet
    };
    let packets = pictures.iter().enumerate().map(packet).collect();
    (sets.config().expect("complete"), packets)
}

/// The number of the picture in the ramp, by its brightness.
fn number(packet: &Packet) -> i64 {
    let frame = packet.frame().expect("a picture");
    assert_eq!((frame.width(), frame.height(), frame.format()), (96, 64, PixelFormat::Yuv420));
    let plane = frame.plane(0);
    let sum: u64 = plane.data.iter().map(|y| u64::from(*y)).sum();
    let mean = sum as f64 / plane.data.len() as f64;
    ((mean - 23.5) / 4.0).round() as i64
}

fn decode(h: &mut Harness, input: InId, packets: &[Packet]) -> Vec<Packet> {
    packets.iter().for_each(|p| h.packet(input, p.clone()));
    h.end(input);
    h.finish().expect("ends");
    h.take(OUT)
}

#[test]
fn every_picture_comes_out_in_the_order_it_is_shown() {
    let (config, packets) = stream();
    assert!(packets.iter().any(|p| p.cts < p.dts), "the stream has B pictures");
    let mut h = harness();
    let input = h.input(props(&config));
    let out = decode(&mut h, input, &packets);
    let times: Vec<i64> = out.iter().map(|p| p.cts).collect();
    assert_eq!(times, (0..48).collect::<Vec<_>>());
    assert_eq!(out.iter().map(number).collect::<Vec<_>>(), times, "each picture has its own time");
    assert!(out.iter().all(|p| p.dts == p.cts && p.duration == 1 && p.flags == Flags::KEY));
    let given = h.outputs()[0].props.last().expect("opened");
    assert_eq!(
        (given.codec(), given.u32(Prop::Width), given.u32(Prop::Height)),
        (Some(CodecId::Raw), Some(96), Some(64))
    );
    assert_eq!(given.get(Prop::PixelFormat), Some(&Value::Pixel(PixelFormat::Yuv420)));
    assert!(given.get(Prop::DecoderConfig).is_none() && h.outputs()[0].ended);
}

#[test]
fn after_damage_decoding_goes_on_at_the_next_key_picture() {
    let (config, mut packets) = stream();
    let bytes = packets[5].bytes().expect("coded").clone();
    packets[5].data = weir_media::Payload::Bytes(bytes.slice(..bytes.len() / 2));
    let mut h = harness();
    let input = h.input(props(&config));
    let out = decode(&mut h, input, &packets);
    assert!(out.iter().all(|p| number(p) == p.cts), "no picture has the time of another");
    let after: Vec<i64> = out.iter().map(|p| p.cts).filter(|t| *t >= 20).collect();
    assert_eq!(after, (20..48).collect::<Vec<_>>(), "all from the next key picture on");
    let first = out.iter().find(|p| p.cts == 20).expect("it is there");
    assert!(first.flags.contains(Flags::DISCONTINUITY));
    assert_eq!(out.iter().filter(|p| p.flags.contains(Flags::DISCONTINUITY)).count(), 1);
}

#[test]
fn a_stream_that_does_not_begin_with_a_key_picture_is_taken_up_at_the_first() {
    let (config, packets) = stream();
    let mut h = harness();
    let input = h.input(props(&config));
    let out = decode(&mut h, input, &packets[3..]);
    assert_eq!(out.iter().map(|p| p.cts).collect::<Vec<_>>(), (20..48).collect::<Vec<_>>());
}

#[test]
fn a_new_configuration_ends_what_came_before_it() {
    let (config, packets) = stream();
    let other = AvcConfig { pps: [config.pps.clone(), config.pps.clone()].concat(), ..config.clone() };
    let mut h = harness();
    let input = h.input(props(&config));
    packets[..20].iter().for_each(|p| h.packet(input, p.clone()));
    h.push(input, weir_plugin::Item::Props(props(&other)));
    let out = decode(&mut h, input, &packets[20..]);
    assert_eq!(out.iter().map(number).collect::<Vec<_>>(), (0..48).collect::<Vec<_>>());
}

#[test]
fn what_cannot_be_decoded_is_refused_in_words() {
    let (config, _) = stream();
    let mut h = harness();
    h.input(props(&AvcConfig { sps: Vec::new(), ..config }));
    assert_eq!(h.run().expect_err("no SPS").kind, ErrorKind::BadInput);
    let mut h = harness();
    h.input(Props::new().with(Prop::CodecId, CodecId::Avc));
    assert_eq!(h.run().expect_err("no avcC").message, "H.264 came without its avcC");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(24))]

    /// Whatever is done to the bytes: no error, no panic, and times that rise.
    #[test]
    fn damage_anywhere_is_survived(
        hits in proptest::collection::vec((0_usize..48, 0_usize..4000, 0_u8..=255), 1..12),
    ) {
        let (config, mut packets) = stream();
        for (n, at, value) in hits {
            let mut bytes = packets[n].bytes().expect("coded").to_vec();
            let at = at % bytes.len();
            bytes[at] = value;
            packets[n].data = weir_media::Payload::Bytes(Bytes::from(bytes));
        }
        let mut h = harness();
        let input = h.input(props(&config));
        let out = decode(&mut h, input, &packets);
        proptest::prop_assert!(out.windows(2).all(|w| w[0].cts < w[1].cts), "{:?}", out.iter().map(|p| p.cts).collect::<Vec<_>>());
    }
}
