//! Damaged input: whatever comes, nothing panics, and what leaves is well formed.

use proptest::prelude::*;
use weir_codec::avc::AvcConfig;
use weir_media::{Bytes, Packet, Prop, Props};
use weir_plugin::harness::Harness;
use weir_plugin::{InId, OutId};

use crate::support::{encoder_pid, file_pid, harness, nals, packetize, push_file, stream};

/// Runs `rfnalu` to its end and looks at all that left it.
fn survive(mut h: Harness, input: InId) {
    h.end(input);
    let _reported = h.finish();
    if h.outputs().is_empty() {
        return;
    }
    let mut shown_before = i64::MIN;
    for packet in h.take(OutId(0)) {
        assert!(!nals(&packet).is_empty() && packet.dts >= shown_before && packet.cts >= packet.dts);
        shown_before = packet.dts;
    }
    for props in &h.outputs()[0].props {
        AvcConfig::parse(props.bytes(Prop::DecoderConfig).expect("always")).expect("well formed");
        assert!(props.u32(Prop::Width) > Some(0) && props.u32(Prop::Height) > Some(0));
    }
    assert!(h.logs.len() <= 2, "{:?}", h.logs);
}

fn as_file(data: &Bytes, block: usize) {
    let mut h = harness("rfnalu", &[]);
    let input = h.input(file_pid());
    push_file(&mut h, input, data, &[block]);
    survive(h, input);
}

fn as_packets(data: &Bytes, size: usize) {
    let mut h = harness("rfnalu", &[]);
    let input = h.input(encoder_pid());
    push_file(&mut h, input, data, &[size]);
    survive(h, input);
}

#[test]
fn files_cut_at_every_byte() {
    let data = stream("crop");
    for n in 0..=data.len() {
        as_file(&data.slice(..n), 500);
        as_file(&data.slice(n..), 500);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn mutated_streams(
        name in prop::sample::select(&crate::support::STREAMS[..]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..60),
        block in 1usize..5000,
    ) {
        let mut data = stream(name).to_vec();
        for (at, value) in changes {
            let at = at.index(data.len());
            data[at] = value;
        }
        let data = Bytes::from(data);
        as_file(&data, block);
        as_packets(&data, block);
    }

    /// Parameter sets are where a flipped bit changes most.
    #[test]
    fn mutated_parameter_sets(
        name in prop::sample::select(&crate::support::STREAMS[..]),
        changes in prop::collection::vec((0usize..60, any::<u8>()), 1..8),
    ) {
        let original = stream(name);
        let sps = original.windows(4).position(|w| w[..3] == [0, 0, 1] && w[3] & 0x1f == 7).expect("an SPS");
        let mut data = original.to_vec();
        for (at, value) in changes {
            data[sps + 4 + at] = value;
        }
        as_file(&Bytes::from([&data[..], &original[..]].concat()), 4096);
    }

    #[test]
    fn nal_units_out_of_nothing(data in prop::collection::vec(prop::sample::select(&[0u8, 0, 0, 1, 3, 0x67, 0x68, 0x65, 0x41, 0x06, 0xff][..]), 0..3000)) {
        let data = Bytes::from(data);
        as_file(&data, 64);
        as_packets(&data, 64);
    }

    #[test]
    fn mutated_samples(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
        config_changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
    ) {
        let (props, packets) = packetize(&stream("crop"), &[4096], &[]);
        let mut config = props[0].bytes(Prop::DecoderConfig).expect("always").to_vec();
        for (at, value) in config_changes {
            let at = at.index(config.len());
            config[at] = value;
        }
        let mut h = harness("ufnalu", &[]);
        let props: Props = props[0].clone().with(Prop::DecoderConfig, Bytes::from(config));
        let input = h.input(props);
        for (i, packet) in packets.iter().enumerate() {
            let mut data = packet.bytes().expect("bytes").to_vec();
            for (at, value) in changes.iter().filter(|(at, _)| at.index(packets.len()) == i) {
                let at = at.index(data.len());
                data[at] = *value;
            }
            h.packet(input, Packet { data: weir_media::Payload::Bytes(data.into()), ..packet.clone() });
        }
        h.end(input);
        let _reported = h.finish();
    }
}
