//! Any split of the input gives the same result, what was built reads back, and no input makes anything panic.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;
use weir_codec::ErrorKind;
use weir_codec::aac::{
    AdtsFrame, AdtsHeader, AdtsSplitter, AudioSpecificConfig, GaConfig, ObjectType, Sbr, SpecificConfig,
};
use weir_codec::avc::{
    AccessUnit, AccessUnitSplitter, AnnexBSplitter, AuInfo, AvcConfig, DisplayOrder, HighProfileInfo, LengthPrefixed,
    LengthSize, ParameterSets, PpsInfo, SampleReader, SliceHeader, SliceType, SpsInfo, annexb_to_length_prefixed,
    join_annexb, join_length_prefixed, length_prefixed_to_annexb, nal_ranges,
};
use weir_media::Bytes;

const BPYR: &[u8] = include_bytes!("data/bpyr.264");
const MBAFF: &[u8] = include_bytes!("data/mbaff.264");
const H422: &[u8] = include_bytes!("data/h422.264");
const AAC: &[u8] = include_bytes!("data/a.aac");

/// `data` cut at `cuts`, each taken modulo its length.
fn pieces(data: &[u8], cuts: &[usize]) -> Vec<Bytes> {
    let cuts: BTreeSet<usize> = cuts.iter().map(|cut| cut % (data.len() + 1)).chain([0, data.len()]).collect();
    let cuts: Vec<usize> = cuts.into_iter().collect();
    cuts.windows(2).map(|pair| Bytes::copy_from_slice(&data[pair[0]..pair[1]])).collect()
}

/// All units of pieces, faults left out but counted.
fn nals(pieces: Vec<Bytes>, limit: usize) -> (Vec<Bytes>, usize) {
    let mut splitter = AnnexBSplitter::with_limit(limit);
    let (mut out, mut faults) = (Vec::new(), 0);
    let mut drain = |splitter: &mut AnnexBSplitter| {
        loop {
            match splitter.pull() {
                Ok(Some(nal)) => out.push(nal),
                Ok(None) => break,
                Err(_) => faults += 1,
            }
        }
    };
    for piece in pieces {
        splitter.push(piece);
        drain(&mut splitter);
    }
    splitter.finish();
    drain(&mut splitter);
    (out, faults)
}

fn access_units(data: &[u8]) -> Vec<AccessUnit> {
    let mut splitter = AccessUnitSplitter::new();
    let mut order = DisplayOrder::new(2);
    let mut out = Vec::new();
    for range in nal_ranges(data) {
        out.extend(splitter.push(Bytes::copy_from_slice(&data[range])).expect("small streams meet no limit"));
    }
    out.extend(splitter.finish());
    out.iter().for_each(|unit| order.push(unit.poc));
    out
}

fn adts_frames(pieces: Vec<Bytes>) -> (Vec<AdtsFrame>, u64) {
    let mut splitter = AdtsSplitter::new();
    let mut out = Vec::new();
    for piece in pieces {
        splitter.push(piece);
        out.extend(std::iter::from_fn(|| splitter.pull()));
    }
    splitter.finish();
    out.extend(std::iter::from_fn(|| splitter.pull()));
    (out, splitter.total_skipped())
}

/// Bytes in which start codes, runs of zeros and emulation prevention are common.
fn zeroish() -> impl Strategy<Value = Vec<u8>> {
    vec(prop_oneof![6 => Just(0_u8), 3 => Just(1), 1 => Just(3), 2 => any::<u8>()], 0..200)
}

/// A NAL unit as a stream may hold it: no start code inside, no zero at the end.
fn clean_nal() -> impl Strategy<Value = Vec<u8>> {
    vec(prop_oneof![Just(0_u8), Just(3), 4_u8..], 1..80).prop_map(|mut nal| {
        nal.push(0x80);
        nal
    })
}

fn set() -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 1..40).prop_map(Bytes::from)
}

prop_compose! {
    fn avc_config()(
        head in any::<[u8; 2]>(),
        profile in prop_oneof![Just(66_u8), Just(77), Just(88), Just(100), Just(110), Just(122), Just(244)],
        length_size in prop_oneof![Just(LengthSize::One), Just(LengthSize::Two), Just(LengthSize::Four)],
        sps in vec(set(), 0..4),
        pps in vec(set(), 0..6),
        high in proptest::option::of((0_u8..4, 8_u8..16, 8_u8..16, vec(set(), 0..3))),
    ) -> AvcConfig {
        let plain = matches!(profile, 66 | 77 | 88);
        let high = high.filter(|_| !plain).map(|(chroma_format, bit_depth_luma, bit_depth_chroma, sps_extensions)| {
            HighProfileInfo { chroma_format, bit_depth_luma, bit_depth_chroma, sps_extensions }
        });
        AvcConfig { profile, compatibility: head[0], level: head[1], length_size, sps, pps, high }
    }
}

fn rate() -> impl Strategy<Value = u32> {
    prop_oneof![Just(44_100_u32), Just(48_000), 1_u32..1 << 24]
}

prop_compose! {
    fn asc()(
        object_type in prop_oneof![Just(2_u8), Just(1), Just(6), Just(17), Just(20), Just(23), Just(34), Just(42), Just(95)],
        sample_rate in rate(),
        channel_config in 1_u8..16,
        sbr in prop_oneof![
            Just(Sbr::Implicit),
            Just(Sbr::Absent),
            (rate(), any::<Option<bool>>()).prop_map(|(rate, ps)| Sbr::Backward { rate, ps }),
            (rate(), any::<bool>()).prop_map(|(rate, ps)| Sbr::Hierarchical { rate, ps }),
        ],
        short_frames in any::<bool>(),
        core_coder_delay in proptest::option::of(0_u16..1 << 14),
        layer in 0_u8..8,
        extended in any::<bool>(),
        ep_config in 0_u8..2,
        other in vec(any::<u8>(), 0..9),
    ) -> AudioSpecificConfig {
        let resilient = matches!(object_type, 17 | 20 | 23);
        let general = resilient || matches!(object_type, 1 | 2 | 6);
        let specific = if general {
            SpecificConfig::GeneralAudio(GaConfig {
                short_frames,
                core_coder_delay,
                program: None,
                layer: if matches!(object_type, 6 | 20) { layer } else { 0 },
                extension: extended.then_some((1, if resilient { 4 } else { 1 })),
                ep_config: if resilient { ep_config } else { 0 },
            })
        } else {
            SpecificConfig::Other { len: other.len() as u32 * 8, bits: other.into() }
        };
        // What follows a part that is not read cannot be told from it.
        let sbr = if general { sbr } else { Sbr::Implicit };
        AudioSpecificConfig { object_type: ObjectType(object_type), sample_rate, channel_config, sbr, specific }
    }
}

proptest! {
    #[test]
    fn any_split_gives_the_same_nal_units(data in zeroish(), cuts in vec(any::<usize>(), 0..12)) {
        let want: Vec<_> = nal_ranges(&data).map(|range| data[range].to_vec()).collect();
        let (got, faults) = nals(pieces(&data, &cuts), usize::MAX);
        prop_assert_eq!(got, want);
        prop_assert_eq!(faults, 0);
    }

    #[test]
    fn only_units_over_the_limit_are_lost(data in zeroish(), cuts in vec(any::<usize>(), 0..12), limit in 1_usize..12) {
        let all: Vec<_> = nal_ranges(&data).map(|range| data[range].to_vec()).collect();
        let (got, faults) = nals(pieces(&data, &cuts), limit);
        let fit: Vec<_> = all.iter().filter(|nal| nal.len() <= limit).cloned().collect();
        prop_assert_eq!(got, fit.clone());
        prop_assert_eq!(faults, all.len() - fit.len());
    }

    #[test]
    fn annexb_and_length_prefixes_round_trip(units in vec(clean_nal(), 0..12), three in any::<bool>()) {
        let refs = || units.iter().map(Vec::as_slice);
        let annexb = if three {
            units.iter().flat_map(|nal| [&[0, 0, 1], nal.as_slice()].concat()).collect::<Bytes>()
        } else {
            join_annexb(refs())
        };
        for size in [LengthSize::One, LengthSize::Two, LengthSize::Four] {
            let sample = annexb_to_length_prefixed(&annexb, size).unwrap();
            prop_assert_eq!(&sample, &join_length_prefixed(refs(), size).unwrap());
            let back: Vec<_> = LengthPrefixed::new(&sample, size).map(|range| sample[range.unwrap()].to_vec()).collect();
            prop_assert_eq!(&back, &units);
        }
    }

    #[test]
    fn avcc_round_trips(config in avc_config(), junk in vec(any::<u8>(), 0..4)) {
        let built = config.build().unwrap();
        prop_assert_eq!(&AvcConfig::parse(&built).unwrap(), &config);
        let for_four = config.record_for_four(&built).unwrap();
        prop_assert_eq!(for_four.as_ptr() == built.as_ptr(), config.length_size == LengthSize::Four);
        let four = AvcConfig { length_size: LengthSize::Four, ..config.clone() };
        prop_assert_eq!(AvcConfig::parse(&for_four).unwrap(), four);
        if config.high.is_some() {
            let longer = [&built, junk.as_slice()].concat();
            prop_assert_eq!(&AvcConfig::parse(&longer).unwrap(), &config);
        }
        for len in 0..built.len() {
            match AvcConfig::parse(&built[..len]) {
                Ok(cut) => prop_assert_eq!(cut, AvcConfig { high: None, ..config.clone() }),
                Err(e) => prop_assert_eq!(e.kind, ErrorKind::Truncated),
            }
        }
    }

    #[test]
    fn audio_specific_config_round_trips(config in asc()) {
        let built = config.build().unwrap();
        let parsed = AudioSpecificConfig::parse(&built).unwrap();
        if matches!(config.specific, SpecificConfig::GeneralAudio(_)) {
            prop_assert_eq!(&parsed, &config);
        }
        prop_assert_eq!(parsed.build().unwrap(), built);
    }

    #[test]
    fn adts_header_round_trips(bytes in any::<[u8; 7]>()) {
        let mut bytes = bytes;
        (bytes[0], bytes[1]) = (0xff, bytes[1] & 0x09 | 0xf0);
        if let Ok(header) = AdtsHeader::parse(&bytes) {
            prop_assert_eq!(header.build(), bytes);
        }
    }

    #[test]
    fn any_split_gives_the_same_frames(cuts in vec(any::<usize>(), 0..30), hits in vec((any::<usize>(), any::<u8>()), 0..20)) {
        let data = mutated(AAC, &hits);
        let whole = adts_frames(vec![Bytes::copy_from_slice(&data)]);
        prop_assert_eq!(&adts_frames(pieces(&data, &cuts)), &whole);
        prop_assert!(hits.len() > 2 || whole.0.len() > 20);
    }

    #[test]
    fn damaged_streams_never_panic(
        which in 0_usize..3,
        hits in vec((any::<usize>(), any::<u8>()), 1..30),
        cut in any::<usize>(),
    ) {
        let mut data = mutated([BPYR, MBAFF, H422][which], &hits);
        data.truncate(cut % (data.len() + 1));
        let units = access_units(&data);
        let count: usize = units.iter().map(|unit| unit.nals.len()).sum();
        prop_assert_eq!(count, nal_ranges(&data).count());
        for unit in units {
            if let Ok(config) = unit.sets.config() {
                prop_assert_eq!(AvcConfig::parse(&config.build().unwrap()).unwrap(), config);
            }
        }
    }

    #[test]
    fn damaged_parameter_sets_never_panic(hits in vec((any::<usize>(), any::<u8>()), 1..6), pick in any::<usize>()) {
        let all: Vec<&[u8]> = [BPYR, MBAFF, H422].iter().flat_map(|d| nal_ranges(d).take(4).map(|r| &d[r])).collect();
        let nal = mutated(&all[pick % all.len()][1..], &hits);
        for header in [0x67, 0x68, 0x65, 0x41, 0x06] {
            read_everything(&[&[header], nal.as_slice()].concat());
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(data in vec(any::<u8>(), 0..300)) {
        read_everything(&data);
        access_units(&data);
        adts_frames(vec![data.clone().into()]);
    }
}

/// `data` with the byte at each place (modulo the length) replaced.
fn mutated(data: &[u8], hits: &[(usize, u8)]) -> Vec<u8> {
    let mut data = data.to_vec();
    for (at, byte) in hits {
        let at = at % data.len();
        data[at] = *byte;
    }
    data
}

/// Gives `data` to every function that reads bytes.
fn read_everything(data: &[u8]) {
    let mut sets = ParameterSets::new();
    for range in nal_ranges(BPYR).take(4) {
        sets.put(&BPYR[range]).expect("an intact stream");
    }
    let _ = SliceHeader::parse(data, &sets);
    let _ = sets.put(data);
    let _ = SliceHeader::parse(data, &sets);
    let _ = SliceType::of(data);
    if let Ok(sps) = SpsInfo::parse(data) {
        assert!(sps.width > 0 && sps.height > 0 && sps.reorder_depth() <= 16);
    }
    let _ = PpsInfo::parse(data);
    let _ = AuInfo::of([data]);
    if let Ok(config) = AvcConfig::parse(data) {
        let _ = config.sps_info();
        let _ = length_prefixed_to_annexb(data, &config);
        let _ = SampleReader::new(&config).read(Bytes::copy_from_slice(data));
    }
    for size in [LengthSize::One, LengthSize::Two, LengthSize::Four] {
        assert!(LengthPrefixed::new(data, size).flatten().all(|range| !data[range].is_empty()));
        let (sps, pps) = (Vec::new(), Vec::new());
        let config = AvcConfig { profile: 66, compatibility: 0, level: 30, length_size: size, sps, pps, high: None };
        if let Ok(sample) = SampleReader::new(&config).read(Bytes::copy_from_slice(data)) {
            assert!(LengthPrefixed::new(&sample.data, LengthSize::Four).all(|range| range.is_ok()));
        }
    }
    if let Ok(config) = AudioSpecificConfig::parse(data) {
        let built = config.build().expect("what was read can be written");
        assert_eq!(AudioSpecificConfig::parse(&built).expect("what was written can be read").build().unwrap(), built);
    }
    if let Ok(header) = AdtsHeader::parse(data) {
        let _ = AudioSpecificConfig::from_adts(&header, data);
    }
}

#[test]
fn truncation_at_every_byte_never_panics() {
    for data in [BPYR, MBAFF, H422] {
        for range in nal_ranges(data).take(8) {
            let nal = &data[range];
            (0..nal.len()).for_each(|len| read_everything(&nal[..len]));
        }
    }
    let whole = adts_frames(vec![Bytes::from_static(AAC)]).0;
    for len in 0..1000 {
        let (frames, _) = adts_frames(vec![Bytes::copy_from_slice(&AAC[..len])]);
        assert_eq!(frames, whole[..frames.len()]);
    }
}

#[test]
fn a_cut_parameter_set_says_where_it_ends() {
    let sps = &BPYR[nal_ranges(BPYR).nth(1).unwrap()];
    for len in 1..sps.len() - 1 {
        let error = SpsInfo::parse(&sps[..len]).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Truncated, "{error}");
        assert!(error.byte() <= len as u64, "{error}");
    }
    let error = SpsInfo::parse(&sps[..6]).unwrap_err();
    assert_eq!(error.to_string(), "max_num_ref_frames: data ends inside it (byte 6, bit 0)");
}

#[test]
fn lengths_past_the_end_are_told_with_their_place() {
    let sample = [0, 0, 0, 2, 0x41, 1, 0, 0, 0, 0, 0, 0, 0, 9, 0x41];
    let mut units = LengthPrefixed::new(&sample, LengthSize::Four);
    assert_eq!(units.next(), Some(Ok(4..6)));
    let error = units.next().unwrap().unwrap_err();
    assert_eq!((error.kind, error.element, error.byte()), (ErrorKind::Truncated, "NALUnit", 10));
    assert_eq!(units.next(), None);
    let error = LengthPrefixed::new(&sample[..3], LengthSize::Four).next().unwrap().unwrap_err();
    assert_eq!((error.kind, error.element), (ErrorKind::Truncated, "NALUnitLength"));
}

#[test]
fn units_too_long_for_their_length_field_are_refused() {
    let nal = [1; 256];
    let error = join_length_prefixed([&nal[..255], &nal], LengthSize::One).unwrap_err();
    assert_eq!((error.kind, error.byte()), (ErrorKind::TooLarge { size: 256, limit: 255 }, 256));
    assert!(join_length_prefixed([&nal[..255]], LengthSize::One).is_ok());
}

#[test]
fn records_say_what_is_wrong_with_them() {
    let fault = |data: &[u8]| AvcConfig::parse(data).map_err(|e| (e.kind, e.element, e.byte())).unwrap_err();
    let golden = [1, 0x42, 0xc0, 0x1e, 0xff, 0xe1, 0, 2, 0x67, 0x42, 1, 0, 1, 0x68];
    let config = AvcConfig::parse(&golden).unwrap();
    assert_eq!((config.profile, config.compatibility, config.level), (66, 0xc0, 30));
    assert_eq!((config.sps.len(), config.pps.len(), config.high.clone()), (1, 1, None));
    assert_eq!(config.build().unwrap(), golden.as_slice());
    let with = |at: usize, value: u8| {
        let mut data = golden;
        data[at] = value;
        data
    };
    assert_eq!(fault(&with(0, 0)), (ErrorKind::Invalid(0), "configurationVersion", 0));
    assert_eq!(fault(&with(4, 0xfe)), (ErrorKind::Invalid(3), "lengthSizeMinusOne", 4));
    assert_eq!(fault(&with(7, 200)), (ErrorKind::Truncated, "sequenceParameterSet", 8));
    assert_eq!(fault(&with(12, 2)), (ErrorKind::Truncated, "pictureParameterSet", 13));
    let none = AvcConfig::parse(&[1, 0x64, 0, 0x1e, 0xff, 0xe0, 0]).unwrap();
    assert_eq!(none.sps_info().unwrap_err().kind, ErrorKind::Missing);
    assert_eq!(AvcConfig::from_parameter_sets(vec![], vec![]).unwrap_err().kind, ErrorKind::Missing);
}
