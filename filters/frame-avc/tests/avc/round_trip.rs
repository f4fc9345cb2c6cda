//! `rfnalu`, `ufnalu` and `rfnalu` again: nothing gets lost on the way.

use weir_media::{Bytes, Packet, Prop, Props};
use weir_plugin::{Item, OutId};

use crate::support::{STREAMS, harness, packetize, shown, stream};

/// Runs packets, with the properties before them, through a filter.
fn through(name: &str, args: &[(&str, &str)], props: &Props, packets: &[Packet]) -> (Vec<Props>, Vec<Packet>) {
    let mut h = harness(name, args);
    let input = h.input(props.clone());
    packets.iter().for_each(|p| h.push(input, Item::Packet(p.clone())));
    h.end(input);
    h.finish().expect("good packets");
    let packets = h.take(OutId(0));
    (h.outputs()[0].props.clone(), packets)
}

#[test]
fn packets_come_back_as_they_were() {
    for name in STREAMS {
        for args in [&[][..], &[("rcfg", "no")], &[("delim", "no")]] {
            let (props, packets) = packetize(&stream(name), &[4096], &[]);
            let (unframed, annexb) = through("ufnalu", args, &props[0], &packets);
            assert_eq!(annexb.len(), packets.len());
            let (again, back) = through("rfnalu", &[], &unframed[0], &annexb);
            assert_eq!(again, props, "{name}");
            assert!(back.iter().map(shown).eq(packets.iter().map(shown)), "{name} {args:?}");
        }
    }
}

#[test]
fn a_file_made_of_it_gives_the_same_packets() {
    for name in STREAMS {
        let (props, packets) = packetize(&stream(name), &[4096], &[]);
        let (_, annexb) = through("ufnalu", &[], &props[0], &packets);
        let file: Vec<u8> = annexb.iter().flat_map(|p| p.bytes().expect("bytes").to_vec()).collect();
        let (again, back) = packetize(&Bytes::from(file), &[999], &[]);
        assert_eq!(again, [props[0].clone().with(Prop::Url, "a.264")], "{name}");
        assert!(back.iter().map(shown).eq(packets.iter().map(shown)), "{name}");
    }
}
