//! Records and frame heads of HEVC, AV1, VP9, Opus, FLAC, AC-3 and MP3, as FFmpeg 9 wrote them; cut, damaged and made up.

use proptest::collection::vec;
use proptest::prelude::*;
use weir_codec::avc::{LengthSize, join_length_prefixed};
use weir_codec::flac::StreamInfo;
use weir_codec::hevc::{self, HevcConfig, SpsInfo};
use weir_codec::opus::OpusHead;
use weir_codec::vp9::{self, Vp9Config};
use weir_codec::{Colour, StreamConfig, StreamReader, ac3, av1, flac, mp3, opus};
use weir_media::{Bytes, CodecId, Frac, Prop, Props};

/// x265, 96x64, 25 fps; without its SEI.
const HVCC: &str = "0101600000009000000000001ef000fcfdf8f800000f03200001001840010c01ffff01600000030090000003000003001e95\
                    9009210001002842010101600000030090000003000003001ea0308105965644a4c2f0168080000003008000000c84220001\
                    00064401c073c189";
/// x265, 1916x1078, 4:2:2 of 10 bits, 30000/1001, pixels of 4312:4311, matrix of BT.2020.
const SPS: &str = "4201010408000003009d08000003000078b003c08010e776d966669246ed7ff886c086bb50202090400000fa40001d4c02";
/// SVT-AV1, 96x64.
const AV1C: &str = "81000c000a0b02000005196ffe017c0020";
const VPCC: &str = "01000000000a820202020000";
const VP9_KEY: &str = "824983420005f003f60638241c18";
const VP9_INTER: &str = "860040929c485000";
const OPUS_HEAD: &str = "4f707573486561640101380180bb0000000000";
const STREAM_INFO: &str = "040004000000000008150bb800f00000000000000000000000000000000000000000";
const FLAC_FRAME: &str = "fff8aa0800ed4c00";
/// 5.1 at 44.1 kHz and 448 kbit/s.
const AC3: &str = "0b7746fa5e40ebf8403eff9d";
/// Mono at 32 kHz.
const EAC3: &str = "0b77011fb287c0002106";
/// Layer 3 of MPEG-2, stereo at 22.05 kHz.
const MP3: &str = "fff340640005641f";

fn hex(text: &str) -> Bytes {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(16)).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).expect("two digits")).collect()
}

/// The records and first packets of all codecs.
fn samples() -> Vec<(CodecId, Bytes)> {
    vec![
        (CodecId::Hevc, hex(HVCC)),
        (CodecId::Av1, hex(AV1C)),
        (CodecId::Vp9, hex(VPCC)),
        (CodecId::Aac, hex("1210")),
        (CodecId::Opus, hex(OPUS_HEAD)),
        (CodecId::Flac, hex(STREAM_INFO)),
        (CodecId::Ac3, hex(AC3)),
        (CodecId::Eac3, hex(EAC3)),
        (CodecId::Mp3, hex(MP3)),
    ]
}

fn config(codec: CodecId, data: &Bytes) -> Result<StreamConfig, weir_codec::Error> {
    if StreamConfig::has_record(codec) {
        StreamConfig::parse(codec, data)
    } else {
        StreamConfig::of_packet(codec, data)
    }
}

#[test]
fn what_records_and_frames_say() {
    let shown: Vec<String> =
        samples().iter().map(|(codec, data)| config(*codec, data).expect("a good one").props().to_string()).collect();
    assert_eq!(
        shown,
        [
            "StreamType=Visual CodecID=hevc DecoderConfig=108 bytes Width=96 Height=64 FPS=25 SAR=1",
            "StreamType=Visual CodecID=av1 DecoderConfig=17 bytes Width=96 Height=64",
            "StreamType=Visual CodecID=vp9 DecoderConfig=12 bytes ColorPrimaries=2 ColorTransfer=2 ColorMatrix=2 \
             FullRange=false",
            "StreamType=Audio CodecID=aac DecoderConfig=2 bytes SampleRate=44100 NumChannels=2 SamplesPerFrame=1024",
            "StreamType=Audio CodecID=opus DecoderConfig=19 bytes SampleRate=48000 NumChannels=1",
            "StreamType=Audio CodecID=flac DecoderConfig=34 bytes SampleRate=48000 NumChannels=1 SamplesPerFrame=1024",
            "StreamType=Audio CodecID=ac3 SampleRate=44100 NumChannels=6 SamplesPerFrame=1536",
            "StreamType=Audio CodecID=eac3 SampleRate=32000 NumChannels=1 SamplesPerFrame=1536",
            "StreamType=Audio CodecID=mp3 SampleRate=22050 NumChannels=2 SamplesPerFrame=576",
        ]
    );
}

#[test]
fn a_rich_hevc_sps() {
    let sps = SpsInfo::parse(&hex(SPS)).expect("a good one");
    assert_eq!((sps.width, sps.height, sps.chroma_format, sps.bit_depth_luma), (1916, 1078, 2, 10));
    assert_eq!((sps.frame_rate, sps.sar), (Frac::new(30_000, 1001), Frac::new(4312, 4311)));
    assert_eq!(sps.colour, Some(Colour { primaries: 2, transfer: 2, matrix: 9, full_range: false }));
    assert_eq!((sps.profile.profile(), sps.profile.level()), (4, 120));
    // Pictures in a pyramid.
    assert_eq!(sps.reorder_depth, 2);
}

#[test]
fn an_hvcc_is_built_as_it_was_read_and_from_its_sets() {
    let record = hex(HVCC);
    let config = HevcConfig::parse(&record).expect("a good one");
    assert_eq!(config.build(), Ok(record));
    let units = |kind| config.units().filter(|nal| hevc::nal_type(nal) == kind).cloned().collect();
    use hevc::NalType;
    let made = HevcConfig::from_parameter_sets(units(NalType::VPS), units(NalType::SPS), units(NalType::PPS));
    let made = made.expect("good sets");
    assert_eq!((made.profile, made.layers & 0x3c, made.bit_depth_luma), (config.profile, config.layers & 0x3c, 8));
    assert_eq!(made.units().collect::<Vec<_>>(), config.units().collect::<Vec<_>>());
    assert!(HevcConfig::from_parameter_sets(Vec::new(), Vec::new(), Vec::new()).is_err());
}

/// Trailing pictures that others refer to or none does, and an IDR.
const TRAIL_R: &[u8] = &[0x02, 0x01, 0xd0];
const TRAIL_N: &[u8] = &[0x00, 0x01, 0xe0];
const IDR: &[u8] = &[0x28, 0x01, 0xac];
const DELIMITER: &[u8] = &[0x46, 0x01, 0x50];

fn sample(nals: &[&[u8]], size: LengthSize) -> Bytes {
    join_length_prefixed(nals.iter().copied(), size).expect("short units")
}

#[test]
fn hevc_samples_come_out_framed() {
    let config = HevcConfig::parse(&hex(HVCC)).expect("a good one");
    let mut reader = hevc::SampleReader::new(&config);
    for (nal, disposable) in [(IDR, false), (TRAIL_R, false), (TRAIL_N, true)] {
        let data = sample(&[nal], LengthSize::Four);
        let read = reader.read(data.clone()).expect("well formed");
        assert_eq!((read.data.as_ptr(), read.disposable, read.config), (data.as_ptr(), disposable, None));
    }
    // Short lengths, known and new sets.
    let mut reader = hevc::SampleReader::new(&HevcConfig { length_size: LengthSize::Two, ..config.clone() });
    let sets: Vec<Bytes> = config.units().cloned().collect();
    let data = sample(&[DELIMITER, &sets[0], &sets[1], &sets[2], IDR], LengthSize::Two);
    let read = reader.read(data).expect("well formed");
    assert_eq!((read.data, read.config), (sample(&[IDR], LengthSize::Four), None));
    let read = reader.read(sample(&[&hex(SPS), IDR], LengthSize::Two)).expect("well formed");
    let info = read.config.expect("another size").sps_info().expect("readable");
    assert_eq!((info.width, info.height), (1916, 1078));
    let cut = sample(&[IDR], LengthSize::Two);
    assert!(reader.read(cut.slice(..4)).is_err());
}

#[test]
fn a_picture_above_the_highest_layer_is_disposable_too() {
    let config = HevcConfig::parse(&hex(HVCC)).expect("a good one");
    let mut reader = hevc::SampleReader::new(&config);
    let upper = [&[0x00, 0x02][..], &[0xe0]].concat();
    assert!(reader.read(sample(&[&upper], LengthSize::Four)).expect("well formed").disposable);
}

#[test]
fn vp9_key_frames_tell_their_size() {
    assert_eq!(vp9::key_frame_size(&hex(VP9_KEY)), Ok(Some((96, 64))));
    assert_eq!(vp9::key_frame_size(&hex(VP9_INTER)), Ok(None));
    assert!(vp9::key_frame_size(b"\x00").is_err());
    let told = Vp9Config::of_key_frame(&hex(VP9_KEY)).expect("well formed").expect("a key frame");
    // Profile 0, no level, 8 bits in 4:2:0; nothing more is known of colours.
    assert_eq!(told.record, hex("01000000 0000 82 020202 0000"));
    assert_eq!(Vp9Config::of_key_frame(&hex(VP9_INTER)), Ok(None));
    let bare = Vp9Config::parse(&hex(VPCC)[4..]).expect("without version and flags");
    assert_eq!(bare.record, hex(VPCC));
    let mut reader = StreamReader::new(&StreamConfig::Vp9(bare, None));
    let first = reader.read(hex(VP9_KEY)).expect("well formed").config.expect("a size");
    assert_eq!((first.props().u32(Prop::Width), first.props().u32(Prop::Height)), (Some(96), Some(64)));
    assert_eq!(reader.read(hex(VP9_KEY)).expect("well formed").config, None);
}

#[test]
fn temporal_delimiters_go() {
    let unit = hex("12000a0b02000005196ffe257c8020 1200 3202 1122");
    let without = av1::without_delimiters(&unit).expect("well formed");
    assert_eq!(without, hex("0a0b02000005196ffe257c802032021122"));
    let leading = hex("120032021122");
    let without = av1::without_delimiters(&leading).expect("well formed");
    assert_eq!((without.as_ptr(), without), (leading[2..].as_ptr(), hex("32021122")));
    assert!(av1::without_delimiters(&hex("12003205")).is_err());
}

#[test]
fn opus_heads_in_both_orders_and_packet_lengths() {
    let head = OpusHead::parse(&hex(OPUS_HEAD)).expect("a good one");
    assert_eq!((head.channels, head.pre_skip, head.input_rate), (1, 312, 48_000));
    assert_eq!(head.build(), hex(OPUS_HEAD));
    assert_eq!(head.build_dops(), hex("000101380000bb80000000"));
    assert_eq!(OpusHead::parse_dops(&head.build_dops()), Ok(head.clone()));
    let surround = OpusHead { channels: 3, family: 1, mapping: hex("0201000201"), ..head };
    assert_eq!(OpusHead::parse(&surround.build()), Ok(surround.clone()));
    assert_eq!(OpusHead::parse_dops(&surround.build_dops()), Ok(surround));
    // CELT of 20 ms, two of 10 ms, SILK of 60 ms, 48 of 2.5 ms and one more than is allowed.
    let lengths: [(&[u8], _); 6] = [
        (&[0xf8], Some(960)),
        (&[0xf1], Some(960)),
        (&[0x18], Some(2880)),
        (&[0xe3, 48], Some(5760)),
        (&[0xe3, 49], None),
        (&[], None),
    ];
    for (packet, samples) in lengths {
        assert_eq!(opus::packet_samples(packet), samples, "{packet:?}");
    }
}

#[test]
fn flac_in_all_wrappings() {
    let bare = hex(STREAM_INFO);
    let block = [&[0x80, 0, 0, 34][..], &bare].concat();
    let named = [b"fLaC", &block[..]].concat();
    for data in [&bare[..], &block, &named] {
        let info = StreamInfo::parse(data).expect("a good one");
        assert_eq!((info.record, info.bits, info.block_size), (bare.clone(), 16, Some(1024)));
    }
    assert!(StreamInfo::parse(&[&[0x84, 0, 0, 34][..], &bare].concat()).is_err(), "a comment");
    assert_eq!(flac::frame_samples(&hex(FLAC_FRAME)), Some(1024));
    // 8 and 16 bits of size behind a coded number of one and two bytes.
    assert_eq!(flac::frame_samples(&hex("fff86a080063")), Some(100));
    assert_eq!(flac::frame_samples(&hex("fff87a08c2800fff")), Some(4096));
    assert_eq!(flac::frame_samples(&hex("fff80a08")), None);
}

#[test]
fn ac3_frames_and_their_boxes() {
    let header = ac3::FrameHeader::parse(&hex(AC3)).expect("a good one");
    // FFmpeg wrote frames of 11704 / 6 bytes: 1950 and 1952 by turns.
    assert!([1950, 1952].contains(&header.size), "{}", header.size);
    // fscod 1, bsid 8, bsmod 0, acmod 7, lfe, 448 kbit/s (15): 01 01000 0 | 00 111 1 01 | 111 00000
    assert_eq!(header.specific_box(&hex(AC3)), [0x50, 0x3d, 0xe0]);
    let header = ac3::FrameHeader::parse(&hex(EAC3)).expect("a good one");
    assert_eq!((header.size, header.samples(), header.dependent), (576, 1536, false));
    let packet = [&hex(EAC3)[..], &[0; 566]].concat();
    // 96 kbit/s, one substream: fscod 2, bsid 16, acmod 1.
    assert_eq!(header.specific_box(&packet), [0x03, 0x00, 0xa0, 0x02, 0x00]);
    assert_eq!(ac3::frames(&[&packet[..], &packet].concat()).count(), 2);
}

#[test]
fn a_stream_without_a_record_tells_when_it_changes() {
    let first = hex(MP3);
    let mut reader = StreamReader::new(&StreamConfig::of_packet(CodecId::Mp3, &first).expect("a good one"));
    let same = reader.read(first.clone()).expect("well formed");
    assert_eq!((same.config, same.samples), (None, Some(576)));
    let other = reader.read(hex("fffb14c40000040c")).expect("well formed");
    assert_eq!((other.config.and_then(|c| c.sound()), other.samples), (Some((48_000, Some(1))), Some(1152)));
    assert!(reader.read(hex("00112233")).is_err());
    assert!(mp3::FrameHeader::parse(&hex("ffe8")).is_err());
}

#[test]
fn colour_passes_through_properties() {
    let colour = Colour { primaries: 9, transfer: 16, matrix: 9, full_range: true };
    let mut props = Props::new();
    assert_eq!(Colour::of(&props), None);
    colour.set(&mut props);
    assert_eq!(Colour::of(&props), Some(colour));
}

#[test]
fn a_record_cut_anywhere_is_an_error_or_a_record() {
    for (codec, data) in samples() {
        for len in 0..data.len() {
            if let Ok(config) = config(codec, &data.slice(..len)) {
                let _no_panic = (config.props(), config.record());
            }
        }
        assert!(config(codec, &Bytes::new()).is_err(), "{codec}");
    }
}

/// Everything that reads bytes.
fn read_all(data: &Bytes) {
    for (codec, first) in samples() {
        if let Ok(config) = config(codec, data) {
            let _no_panic = (config.props(), config.record(), StreamReader::new(&config).read(data.clone()));
        }
        let mut reader = StreamReader::new(&config(codec, &first).expect("a good one"));
        let _no_panic = reader.read(data.clone()).map(|unit| unit.config.map(|c| c.props()));
    }
    let _no_panic = (SpsInfo::parse(data), OpusHead::parse_dops(data), av1::without_delimiters(data));
    if let Ok(header) = ac3::FrameHeader::parse(data) {
        assert!(!header.specific_box(data).is_empty());
    }
    let _no_panic = (opus::packet_samples(data), flac::frame_samples(data), ac3::frames(data).take(9).count());
}

proptest! {
    #[test]
    fn noise_is_read_without_panic(data in vec(any::<u8>(), 0..200)) {
        read_all(&data.into());
    }

    #[test]
    fn damage_is_read_without_panic(which in 0..11_usize, hits in vec((any::<usize>(), any::<u8>()), 1..8)) {
        let extra = [(CodecId::Hevc, hex(SPS)), (CodecId::Vp9, hex(VP9_KEY))];
        let all: Vec<_> = samples().into_iter().chain(extra).collect();
        let mut data = all[which].1.to_vec();
        for (at, value) in hits {
            let at = at % data.len();
            data[at] = value;
        }
        read_all(&data.into());
    }

    #[test]
    fn an_sps_of_random_bits_is_read_without_panic(bits in vec(any::<u8>(), 0..120)) {
        // Past profile and level, so that the rest is reached.
        let mut data = hex(SPS)[..20].to_vec();
        data.extend_from_slice(&bits);
        let _no_panic = SpsInfo::parse(&data);
    }
}
