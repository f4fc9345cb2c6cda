//! Damaged input: whatever comes, nothing panics, and what leaves is well formed.

use proptest::prelude::*;
use weir_codec::aac::AudioSpecificConfig;
use weir_media::{Bytes, Prop, Props};
use weir_plugin::OutId;

use crate::support::{aac_pid, file_pid, harness, push_file, stream};

fn survive(props: &Props, data: &Bytes, block: usize) {
    let mut h = harness("rfadts");
    let input = h.input(props.clone());
    push_file(&mut h, input, data, &[block]);
    h.end(input);
    let _reported = h.finish();
    if h.outputs().is_empty() {
        return;
    }
    for props in &h.outputs()[0].props {
        AudioSpecificConfig::parse(props.bytes(Prop::DecoderConfig).expect("always")).expect("well formed");
        assert!(props.u32(Prop::SampleRate) > Some(0) && props.u32(Prop::NumChannels) > Some(0));
    }
    let packets = h.take(OutId(0));
    assert!(packets.iter().all(|p| p.duration > 0 && p.is_key()));
    assert!(packets.iter().map(|p| p.len()).sum::<usize>() <= data.len());
    assert!(h.logs.len() <= 1, "{:?}", h.logs);
}

fn unframed() -> Props {
    aac_pid().with(Prop::Unframed, true)
}

#[test]
fn files_cut_at_every_byte() {
    let data = stream().slice(..900);
    for n in 0..=data.len() {
        survive(&file_pid(), &data.slice(..n), 100);
        survive(&unframed(), &data.slice(n..), 100);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn mutated_streams(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..60),
        block in 1usize..3000,
    ) {
        let mut data = stream().to_vec();
        for (at, value) in changes {
            let at = at.index(data.len());
            data[at] = value;
        }
        survive(&file_pid(), &data.clone().into(), block);
        survive(&unframed(), &data.into(), block);
    }

    /// Headers with any fields, in front of a few bytes.
    #[test]
    fn frames_out_of_nothing(
        frames in prop::collection::vec((any::<[u8; 5]>(), 0usize..40), 1..60),
        block in 1usize..300,
    ) {
        let data: Vec<u8> = frames
            .iter()
            .flat_map(|(fields, len)| {
                let total = (7 + len) as u16;
                let mut head = [0xff, 0xf0 | fields[0] & 9, fields[1], fields[2] & 0xfc, fields[3], fields[4] & 0x1f, 0xfc];
                head[4] = (total >> 3) as u8;
                head[5] |= (total << 5) as u8;
                head[6] |= fields[3] & 3;
                [&head[..], &vec![fields[4]; *len]].concat()
            })
            .collect();
        survive(&file_pid(), &data.clone().into(), block);
        survive(&unframed(), &data.into(), block);
    }
}
