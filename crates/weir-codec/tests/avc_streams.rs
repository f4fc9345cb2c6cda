//! Real streams of x264, held against what ffprobe says of them (tests/data/README.md).

use weir_codec::avc::{
    AccessUnit, AccessUnitSplitter, AnnexBSplitter, AuInfo, AvcConfig, ChromaFormat, DisplayOrder, LengthPrefixed,
    LengthSize, NalType, PocType, SliceType, SpsInfo, annexb_to_length_prefixed, join_annexb, join_length_prefixed,
    length_prefixed_to_annexb, nal_ranges, nal_type,
};
use weir_media::{Bytes, Frac};

/// A stream, and a line of (bytes, key, CTS less DTS) for each access unit.
struct Stream {
    data: &'static [u8],
    lines: Vec<(usize, bool, i64)>,
}

macro_rules! stream {
    ($name:literal) => {
        Stream {
            data: include_bytes!(concat!("data/", $name, ".264")),
            lines: lines(include_str!(concat!("data/", $name, ".txt"))),
        }
    };
}

fn lines(text: &str) -> Vec<(usize, bool, i64)> {
    let line = |line: &str| {
        let mut words = line.split(' ');
        let mut word = || words.next().unwrap();
        (word().parse().unwrap(), word() == "K", word().parse().unwrap())
    };
    text.lines().map(line).collect()
}

fn access_units(data: &[u8], piece: usize) -> Vec<AccessUnit> {
    let mut nals = AnnexBSplitter::new();
    let mut units = AccessUnitSplitter::new();
    let mut out = Vec::new();
    for chunk in data.chunks(piece) {
        nals.push(Bytes::copy_from_slice(chunk));
        while let Some(nal) = nals.pull().unwrap() {
            out.extend(units.push(nal).unwrap());
        }
    }
    nals.finish();
    while let Some(nal) = nals.pull().unwrap() {
        out.extend(units.push(nal).unwrap());
    }
    out.extend(units.finish());
    out
}

/// Access unit borders, key flags and presentation order are those of ffprobe.
fn agrees(stream: &Stream) -> Vec<AccessUnit> {
    let units = access_units(stream.data, stream.data.len());
    assert_eq!(units.len(), stream.lines.len());
    let mut at = 0;
    for (unit, (size, key, _)) in units.iter().zip(&stream.lines) {
        let bytes = &stream.data[at..at + size];
        assert_eq!(unit.nals, nal_ranges(bytes).map(|range| &bytes[range]).collect::<Vec<_>>());
        assert_eq!(unit.info.idr || unit.info.recovery_point.is_some(), *key);
        assert_eq!(unit.fault, None);
        at += size;
    }
    let sets = &units[0].sets;
    let depth = sets.sps_of(&units[0].slice.unwrap()).unwrap().reorder_depth();
    let mut order = DisplayOrder::new(depth);
    units.iter().for_each(|unit| order.push(Some(unit.poc.unwrap())));
    order.finish();
    let offsets: Vec<i64> = std::iter::from_fn(|| order.pull()).map(|offset| offset + depth as i64).collect();
    assert_eq!(offsets, stream.lines.iter().map(|line| line.2).collect::<Vec<_>>());
    for piece in [1, 7, 1000] {
        assert_eq!(access_units(stream.data, piece), units);
    }
    units
}

fn sps(units: &[AccessUnit]) -> SpsInfo {
    units[0].sets.config().unwrap().sps_info().unwrap()
}

#[test]
fn progressive_stream_without_delimiters() {
    let units = agrees(&stream!("v"));
    let sps = sps(&units);
    assert_eq!((sps.width, sps.height, sps.profile, sps.level), (320, 180, 100, 12));
    assert_eq!((sps.frame_rate, sps.sar), (Frac::new(25, 1), Frac::new(1, 1)));
    assert_eq!((sps.max_num_reorder_frames, sps.reorder_depth()), (Some(0), 0));
    assert_eq!((sps.chroma_format, sps.bit_depth_luma, sps.bit_depth_chroma), (ChromaFormat::Yuv420, 8, 8));
    assert!(sps.frame_mbs_only);
    assert_eq!(units[0].info.slice_type, Some(SliceType::I));
    assert_eq!(units[1].info.slice_type, Some(SliceType::P));
    assert!(units.iter().all(|unit| std::sync::Arc::ptr_eq(&unit.sets, &units[0].sets)));
}

#[test]
fn delimiters_three_slices_and_a_pyramid_of_b_frames() {
    let units = agrees(&stream!("bpyr"));
    assert!(units.iter().all(|unit| unit.info.slices == 3 && nal_type(&unit.nals[0]) == NalType::Aud));
    let types: Vec<_> = units[..5].iter().map(|unit| unit.info.slice_type.unwrap()).collect();
    assert_eq!(types, [SliceType::I, SliceType::P, SliceType::B, SliceType::B, SliceType::B]);
    let disposable: Vec<_> = units[..5].iter().map(|unit| unit.info.disposable).collect();
    assert_eq!(disposable, [false, false, false, true, true]);
    assert_eq!(sps(&units).max_num_reorder_frames, Some(2));
}

#[test]
fn open_gop_recovery_points_are_random_access() {
    let units = agrees(&stream!("opengop"));
    let starts: Vec<_> = (0..units.len()).filter(|at| units[*at].info.is_random_access()).collect();
    assert_eq!(starts, [0, 10, 20]);
    let point = units[10].info.recovery_point.unwrap();
    assert_eq!((units[10].info.idr, point.frames, point.broken_link), (false, 0, false));
}

#[test]
fn gradual_refresh_is_not_random_access() {
    let units = agrees(&stream!("refresh"));
    let point = units[10].info.recovery_point.unwrap();
    assert!(point.frames > 0 && !units[10].info.is_random_access());
}

#[test]
fn interlaced_frames_with_two_slices() {
    let units = agrees(&stream!("mbaff"));
    let sps = sps(&units);
    assert_eq!((sps.width, sps.height, sps.frame_mbs_only), (96, 64, false));
    assert!(units.iter().all(|unit| unit.info.slices == 2));
}

#[test]
fn baseline_stream_in_decoding_order() {
    let units = agrees(&stream!("base"));
    let sps = sps(&units);
    assert_eq!((sps.profile, sps.poc.clone(), sps.reorder_depth()), (66, PocType::DecodingOrder, 0));
    assert_eq!(units[0].sets.config().unwrap().high, None);
}

#[test]
fn ten_bit_422_and_its_record() {
    let units = agrees(&stream!("h422"));
    let high = units[0].sets.config().unwrap().high.unwrap();
    assert_eq!((high.chroma_format, high.bit_depth_luma, high.bit_depth_chroma), (2, 10, 10));
}

#[test]
fn cropping_pixel_shape_and_ntsc_rate() {
    let units = agrees(&stream!("crop"));
    let sps = sps(&units);
    assert_eq!((sps.width, sps.height), (90, 50));
    assert_eq!((sps.sar, sps.frame_rate), (Frac::new(20, 27), Frac::new(30_000, 1001)));
}

#[test]
fn samples_go_to_length_prefixes_and_back() {
    let stream = stream!("bpyr");
    for unit in access_units(stream.data, 4096) {
        let config = unit.sets.config().unwrap();
        let annexb = join_annexb(unit.slices());
        let sample = annexb_to_length_prefixed(&annexb, LengthSize::Four).unwrap();
        assert_eq!(sample, join_length_prefixed(unit.slices(), LengthSize::Four).unwrap());
        let parts: Vec<_> =
            LengthPrefixed::new(&sample, LengthSize::Four).map(|range| &sample[range.unwrap()]).collect();
        assert_eq!(AuInfo::of(parts), unit.info);
        assert_eq!(length_prefixed_to_annexb(&sample, &config).unwrap(), annexb);
    }
}

#[test]
fn parameter_sets_go_before_an_idr_that_lacks_them_after_the_delimiter() {
    let stream = stream!("bpyr");
    let units = access_units(stream.data, 4096);
    let config = units[0].sets.config().unwrap();
    let is_set = |nal: &&[u8]| matches!(nal_type(nal), NalType::Sps | NalType::Pps);
    let bare: Vec<&[u8]> = units[0].slices().filter(|nal| !is_set(nal)).collect();
    for (size, bytes) in [(LengthSize::Two, 2), (LengthSize::Four, 4)] {
        let config = AvcConfig { length_size: size, ..config.clone() };
        let sample = join_length_prefixed(bare.iter().copied(), size).unwrap();
        assert_eq!(sample.len(), bare.iter().map(|nal| nal.len() + bytes).sum::<usize>());
        let annexb = length_prefixed_to_annexb(&sample, &config).unwrap();
        let types: Vec<_> = nal_ranges(&annexb).map(|range| nal_type(&annexb[range])).take(3).collect();
        assert_eq!(types, [NalType::Aud, NalType::Sps, NalType::Pps]);
        assert_eq!(nal_ranges(&annexb).count(), bare.len() + 2);
    }
    let inter = join_length_prefixed(units[1].slices(), LengthSize::Four).unwrap();
    assert_eq!(length_prefixed_to_annexb(&inter, &config).unwrap(), join_annexb(units[1].slices()));
}

#[test]
fn a_new_sps_gives_new_sets_from_its_access_unit_on() {
    let (first, second) = (stream!("base"), stream!("crop"));
    let mut data = first.data.to_vec();
    data.extend_from_slice(second.data);
    let units = access_units(&data, 1000);
    assert_eq!(units.len(), first.lines.len() + second.lines.len());
    let width = |unit: &AccessUnit| unit.sets.sps_of(&unit.slice.unwrap()).unwrap().width;
    let widths: Vec<_> = units.iter().map(width).collect();
    assert_eq!(widths[..first.lines.len()], [96; 12]);
    assert_eq!(widths[first.lines.len()..], [90; 4]);
    assert_ne!(units[11].sets.config(), units[12].sets.config());
}

#[test]
fn borders_hold_without_parameter_sets() {
    let stream = stream!("mbaff");
    let all = access_units(stream.data, 4096);
    let mut units = AccessUnitSplitter::new();
    let mut got = Vec::new();
    for nal in all.iter().flat_map(|unit| &unit.nals) {
        if !matches!(nal_type(nal), NalType::Sps | NalType::Pps) {
            got.extend(units.push(nal.clone()).unwrap());
        }
    }
    got.extend(units.finish());
    assert_eq!(got.len(), all.len());
    assert!(got.iter().all(|unit| unit.info.slices == 2 && unit.poc.is_none() && unit.fault.is_some()));
}

#[test]
fn whole_units_share_the_memory_of_the_piece() {
    let piece = Bytes::from_static(include_bytes!("data/v.264"));
    let inside = piece.as_ptr_range();
    let mut nals = AnnexBSplitter::new();
    nals.push(piece);
    nals.finish();
    let mut count = 0;
    while let Some(nal) = nals.pull().unwrap() {
        assert!(inside.contains(&nal.as_ptr()));
        count += 1;
    }
    assert_eq!(count, 15 + 2 * 2 + 1);
}
