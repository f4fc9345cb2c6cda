//! A real ADTS stream of FFmpeg, and golden AudioSpecificConfigs.

use weir_codec::ErrorKind;
use weir_codec::aac::{
    AdtsFrame, AdtsHeader, AdtsSplitter, AudioSpecificConfig, GaConfig, ObjectType, Sbr, SpecificConfig,
};
use weir_media::Bytes;

const STREAM: &[u8] = include_bytes!("data/a.aac");

fn frames(data: &[u8], piece: usize) -> (Vec<AdtsFrame>, u64) {
    let mut splitter = AdtsSplitter::new();
    let mut out = Vec::new();
    for chunk in data.chunks(piece) {
        splitter.push(Bytes::copy_from_slice(chunk));
        out.extend(std::iter::from_fn(|| splitter.pull()));
    }
    splitter.finish();
    out.extend(std::iter::from_fn(|| splitter.pull()));
    (out, splitter.total_skipped())
}

#[test]
fn frames_agree_with_ffprobe() {
    let (got, skipped) = frames(STREAM, STREAM.len());
    assert_eq!((got.len(), skipped), (30, 0));
    let sizes: Vec<_> = got.iter().map(|frame| frame.header.frame_len).collect();
    assert_eq!(sizes[..8], [140, 237, 160, 149, 152, 177, 163, 203]);
    assert_eq!(sizes[29], 189);
    let changes: Vec<_> = (0..30).filter(|at| got[*at].config_changed).collect();
    assert_eq!(changes, [0]);
    assert!(got.iter().all(|frame| frame.samples == 1024 && frame.skipped == 0));
    let config = got[0].config().unwrap();
    assert_eq!((config.sample_rate, config.channels(), config.object_type), (44_100, Some(2), ObjectType::LC));
    assert_eq!(config.build().unwrap(), [0x12, 0x10].as_slice());
}

#[test]
fn headers_are_written_as_they_were_read() {
    for frame in frames(STREAM, 1000).0 {
        let header = frame.header.build();
        assert_eq!(AdtsHeader::parse(&header), Ok(frame.header));
        let made = AdtsHeader::new(ObjectType::LC, 44_100, 2, frame.payload.len()).unwrap();
        assert!(made.same_config(&frame.header));
        assert_eq!(made.frame_len, frame.header.frame_len);
    }
    // The first header of the file, byte by byte: MPEG-4, no CRC, LC, 44.1 kHz, stereo, 140 bytes.
    let header = AdtsHeader::parse(&STREAM[..7]).unwrap();
    assert_eq!(header.build(), [0xff, 0xf1, 0x50, 0x80, 0x11, 0x9f, 0xfc]);
    assert_eq!(AdtsHeader::new(ObjectType::LC, 44_100, 2, 133).unwrap().build(), header.build());
}

#[test]
fn adts_says_what_it_cannot_say() {
    let kind = |result: Result<AdtsHeader, weir_codec::Error>| result.unwrap_err().kind;
    assert_eq!(kind(AdtsHeader::new(ObjectType::ER_LC, 44_100, 2, 0)), ErrorKind::Unsupported(17));
    assert_eq!(kind(AdtsHeader::new(ObjectType::LC, 44_000, 2, 0)), ErrorKind::Unsupported(44_000));
    assert_eq!(kind(AdtsHeader::new(ObjectType::LC, 44_100, 11, 0)), ErrorKind::Unsupported(11));
    assert_eq!(kind(AdtsHeader::new(ObjectType::LC, 44_100, 2, 8185)), ErrorKind::TooLarge { size: 8192, limit: 8191 });
    assert!(AdtsHeader::new(ObjectType::LC, 44_100, 2, 8184).is_ok());
}

#[test]
fn header_faults_name_element_and_bit() {
    let fault = |at: usize, value: u8| {
        let mut header: [u8; 7] = STREAM[..7].try_into().unwrap();
        header[at] = value;
        AdtsHeader::parse(&header).map_err(|e| (e.element, e.bit)).unwrap_err()
    };
    assert_eq!(fault(0, 0xfe), ("syncword", 0));
    assert_eq!(fault(1, 0xf3), ("layer", 13));
    assert_eq!(fault(2, 0x74), ("sampling_frequency_index", 18));
    let mut short: [u8; 7] = STREAM[..7].try_into().unwrap();
    (short[3], short[4], short[5]) = (0x80, 0, 0xdf);
    assert_eq!(AdtsHeader::parse(&short).unwrap_err().element, "aac_frame_length");
    for len in 0..7 {
        assert_eq!(AdtsHeader::parse(&STREAM[..len]).unwrap_err().kind, ErrorKind::Truncated);
    }
}

#[test]
fn junk_before_between_and_after_frames_is_stepped_over() {
    let sizes: Vec<_> = frames(STREAM, 4096).0.iter().map(|frame| usize::from(frame.header.frame_len)).collect();
    let half: usize = sizes[..15].iter().sum();
    let mut data = b"ID3\x04\0\0\0\0\0\x0a\xff\xf1\x50\x80 junk".to_vec();
    data.extend_from_slice(&STREAM[..half]);
    data.extend_from_slice(&[0xff; 10]);
    data.extend_from_slice(&STREAM[half..]);
    data.extend_from_slice(&STREAM[..100]);
    for piece in [1, 3, 100, data.len()] {
        let (got, skipped) = frames(&data, piece);
        assert_eq!(got.iter().map(|frame| usize::from(frame.header.frame_len)).collect::<Vec<_>>(), sizes);
        assert_eq!((got[0].skipped, got[15].skipped, skipped), (19, 10, 129));
        assert!(!got[15].config_changed);
    }
}

#[test]
fn another_stream_in_the_middle_is_a_new_configuration() {
    let mut mono = STREAM.to_vec();
    let mut at = 0;
    while at < mono.len() {
        let mut header = AdtsHeader::parse(&mono[at..]).unwrap();
        (header.channel_config, header.rate_index) = (1, 3);
        mono[at..at + 7].copy_from_slice(&header.build());
        at += usize::from(header.frame_len);
    }
    let data = [STREAM, &mono].concat();
    let (got, skipped) = frames(&data, 500);
    assert_eq!((got.len(), skipped), (60, 0));
    let changes: Vec<_> = (0..60).filter(|at| got[*at].config_changed).collect();
    assert_eq!(changes, [0, 30]);
    assert_eq!(got[30].config().unwrap().build().unwrap(), [0x11, 0x88].as_slice());
}

/// A frame of `blocks` raw data blocks with the CRC layout of ISO/IEC 14496-3 1.A.3.2.
fn crc_frame(blocks: &[&[u8]]) -> Vec<u8> {
    let payload: usize = blocks.iter().map(|block| block.len() + if blocks.len() > 1 { 2 } else { 0 }).sum();
    let mut header = AdtsHeader::new(ObjectType::LC, 48_000, 2, 0).unwrap();
    (header.crc_present, header.blocks) = (true, blocks.len() as u8);
    header.frame_len = (header.header_len() + payload) as u16;
    let mut out = header.build().to_vec();
    let mut position = 0_u16;
    for block in &blocks[..blocks.len() - 1] {
        position += block.len() as u16 + 2;
        out.extend(position.to_be_bytes());
    }
    out.extend([0xcc, 0xcc]);
    for block in blocks {
        out.extend_from_slice(block);
        if blocks.len() > 1 {
            out.extend([0xdd, 0xdd]);
        }
    }
    out
}

#[test]
fn frames_with_crc_and_many_blocks_are_cut_into_blocks() {
    let many = crc_frame(&[b"first", b"second", b"3"]);
    let data = [many.as_slice(), &many].concat();
    let (got, _) = frames(&data, 5);
    let payloads: Vec<_> = got.iter().map(|frame| (frame.payload.as_ref(), frame.samples)).collect();
    let once = [(b"first".as_slice(), 1024), (b"second", 1024), (b"3", 1024)];
    assert_eq!(payloads, [once, once].concat());
    assert_eq!(got.iter().filter(|frame| frame.config_changed).count(), 1);
    let single = crc_frame(&[b"alone"]);
    let (got, _) = frames(&[single.as_slice(), &single].concat(), 100);
    assert_eq!(got.iter().map(|frame| frame.payload.as_ref()).collect::<Vec<_>>(), [b"alone", b"alone"]);
}

#[test]
fn many_blocks_without_crc_or_with_bad_positions_stay_together() {
    let mut header = AdtsHeader::new(ObjectType::LC, 48_000, 2, 4).unwrap();
    header.blocks = 2;
    let frame = [header.build().as_slice(), b"abcd"].concat();
    let (got, _) = frames(&frame.repeat(2), 100);
    assert_eq!((got.len(), got[0].samples, got[0].payload.as_ref()), (2, 2048, b"abcd".as_slice()));
    let mut bad = crc_frame(&[b"first", b"second"]);
    bad[7] = 0xff;
    let (got, _) = frames(&bad.repeat(2), 100);
    assert_eq!((got.len(), got[0].samples, got[0].payload.len()), (2, 2048, 15));
}

fn parsed(data: &[u8]) -> AudioSpecificConfig {
    AudioSpecificConfig::parse(data).unwrap()
}

#[test]
fn golden_lc_configurations() {
    let golden: [(&[u8], u32, u8); 6] = [
        (&[0x12, 0x10], 44_100, 2),
        (&[0x12, 0x08], 44_100, 1),
        (&[0x11, 0x90], 48_000, 2),
        (&[0x11, 0x88], 48_000, 1),
        (&[0x12, 0x90], 32_000, 2),
        (&[0x13, 0x90], 22_050, 2),
    ];
    for (bytes, rate, channels) in golden {
        let config = parsed(bytes);
        assert_eq!(config, AudioSpecificConfig::lc(rate, channels).unwrap());
        assert_eq!((config.sample_rate, config.channels()), (rate, Some(channels)));
        assert_eq!(config.samples_per_frame(), Some(1024));
        assert_eq!(config.build().unwrap(), bytes);
    }
}

#[test]
fn sbr_and_ps_in_every_form() {
    // FFmpeg: LC mono and "no SBR".
    let config = parsed(&[0x12, 0x08, 0x56, 0xe5, 0x00]);
    assert_eq!((config.sbr, config.output_sample_rate()), (Sbr::Absent, 44_100));
    assert_eq!(config.output_samples_per_frame(), Some(1024));
    assert_eq!(config.build().unwrap(), [0x12, 0x08, 0x56, 0xe5, 0x00].as_slice());
    // HE-AAC, backward compatible: LC 24 kHz stereo, SBR to 48 kHz.
    let config = parsed(&[0x13, 0x10, 0x56, 0xe5, 0x98]);
    assert_eq!(config.sbr, Sbr::Backward { rate: 48_000, ps: None });
    assert_eq!((config.sample_rate, config.output_sample_rate()), (24_000, 48_000));
    assert_eq!((config.samples_per_frame(), config.output_samples_per_frame()), (Some(1024), Some(2048)));
    assert_eq!(config.build().unwrap(), [0x13, 0x10, 0x56, 0xe5, 0x98].as_slice());
    // HE-AAC v2, backward compatible: LC 22.05 kHz mono, SBR to 44.1 kHz, PS.
    let config = parsed(&[0x13, 0x88, 0x56, 0xe5, 0xa5, 0x48, 0x80]);
    assert_eq!(config.sbr, Sbr::Backward { rate: 44_100, ps: Some(true) });
    assert_eq!(config.build().unwrap(), [0x13, 0x88, 0x56, 0xe5, 0xa5, 0x48, 0x80].as_slice());
    // HE-AAC, hierarchical: type 5, 24 kHz stereo, to 48 kHz, LC.
    let config = parsed(&[0x2b, 0x11, 0x88, 0x00]);
    assert_eq!(config.sbr, Sbr::Hierarchical { rate: 48_000, ps: false });
    assert_eq!((config.object_type, config.sample_rate), (ObjectType::LC, 24_000));
    assert_eq!(config.build().unwrap(), [0x2b, 0x11, 0x88, 0x00].as_slice());
    // HE-AAC v2, hierarchical: type 29, 22.05 kHz mono, to 44.1 kHz, LC.
    let config = parsed(&[0xeb, 0x8a, 0x08, 0x00]);
    assert_eq!(config.sbr, Sbr::Hierarchical { rate: 44_100, ps: true });
    assert_eq!(config.build().unwrap(), [0xeb, 0x8a, 0x08, 0x00].as_slice());
}

#[test]
fn explicit_rate_escape_type_and_seven_point_one() {
    // LC, index 15, 44 056 Hz (0x00ac18), configuration 7: eight channels.
    let config = parsed(&[0x17, 0x80, 0x56, 0x0c, 0x38]);
    assert_eq!((config.sample_rate, config.channel_config, config.channels()), (44_056, 7, Some(8)));
    assert_eq!(config.build().unwrap(), [0x17, 0x80, 0x56, 0x0c, 0x38].as_slice());
    // Type 42 (USAC): 31, then 10; the rest is kept as it is.
    let usac = [0xf9, 0x46, 0x40, 0x22, 0x4c];
    let config = parsed(&usac);
    assert_eq!((config.object_type, config.sample_rate, config.channel_config), (ObjectType::USAC, 48_000, 2));
    assert!(matches!(config.specific, SpecificConfig::Other { len: 21, .. }));
    assert_eq!(config.build().unwrap(), usac.as_slice());
    assert_eq!(config.samples_per_frame(), None);
}

#[test]
fn short_frames_and_what_may_follow() {
    // frameLengthFlag of LC 48 kHz stereo.
    assert_eq!(parsed(&[0x11, 0x94]).samples_per_frame(), Some(960));
    // ER AAC LD, 512 samples, epConfig 0.
    let ld = AudioSpecificConfig {
        object_type: ObjectType::ER_LD,
        specific: SpecificConfig::GeneralAudio(GaConfig { extension: Some((0, 4)), ..GaConfig::default() }),
        ..AudioSpecificConfig::lc(48_000, 1).unwrap()
    };
    assert_eq!(ld.samples_per_frame(), Some(512));
    assert_eq!(parsed(&ld.build().unwrap()), ld);
    // Bytes that are no signalling are ignored.
    assert_eq!(parsed(&[0x12, 0x10, 0, 0, 0, 0xff]), parsed(&[0x12, 0x10]));
    let long = [&[0x12, 0x10][..], &[0; 62]].concat();
    assert_eq!(parsed(&long), parsed(&[0x12, 0x10]));
}

/// LC 48 kHz with a layout: one pair in front, one single in front, one LFE, comment "hi".
/// 00010 0011 0000 | 0 0 0 | 0000 01 0011 0010 0000 0000 01 000 0000 0 0 0 | 1 0000 | 0 0001 | 0000 | align | 2 "hi"
const WITH_LAYOUT: [u8; 11] = [0x11, 0x80, 0x04, 0xc8, 0x01, 0x00, 0x20, 0x10, 0x02, b'h', b'i'];

#[test]
fn program_config_element_is_kept_and_counted() {
    let config = parsed(&WITH_LAYOUT);
    assert_eq!((config.channel_config, config.channels(), config.sample_rate), (0, Some(4), 48_000));
    assert_eq!(config.build().unwrap(), WITH_LAYOUT.as_slice());
    for len in 0..WITH_LAYOUT.len() {
        assert_eq!(AudioSpecificConfig::parse(&WITH_LAYOUT[..len]).unwrap_err().kind, ErrorKind::Truncated);
    }
}

#[test]
fn layout_of_adts_is_taken_from_the_frame() {
    // The same layout in a raw data block: id 5 before it, and its own alignment.
    // 101 | 0000 01 0011 0010 0000 0000 01 000 0000 0 0 0 | 1 0000 | 0 0001 | 0000 | align | 2 "hi"
    let payload = [0xa0, 0x99, 0x00, 0x20, 0x04, 0x02, 0x00, 0x02, b'h', b'i', 0x21];
    let mut header = AdtsHeader::new(ObjectType::LC, 48_000, 0, payload.len()).unwrap();
    let config = AudioSpecificConfig::from_adts(&header, &payload).unwrap();
    assert_eq!(config.channels(), Some(4));
    assert_eq!(config.build().unwrap(), WITH_LAYOUT.as_slice());
    let missing = AudioSpecificConfig::from_adts(&header, &[0x21, 0, 0]).unwrap_err();
    assert_eq!((missing.kind, missing.element), (ErrorKind::Missing, "program_config_element"));
    header.channel_config = 2;
    assert_eq!(AudioSpecificConfig::from_adts(&header, &[]).unwrap().channels(), Some(2));
}

#[test]
fn configurations_that_cannot_be() {
    let kind = |data: &[u8]| AudioSpecificConfig::parse(data).map_err(|e| (e.kind, e.element, e.bit)).unwrap_err();
    assert_eq!(kind(&[]), (ErrorKind::Truncated, "audioObjectType", 0));
    assert_eq!(kind(&[0x12]), (ErrorKind::Truncated, "samplingFrequency", 8));
    assert_eq!(kind(&[0x02, 0x10]), (ErrorKind::Invalid(0), "audioObjectType", 0));
    assert_eq!(kind(&[0x16, 0x90]), (ErrorKind::Invalid(13), "samplingFrequency", 5));
    assert_eq!(kind(&[0; 1025]), (ErrorKind::TooLarge { size: 1025, limit: 1024 }, "AudioSpecificConfig", 0));
    assert_eq!(AudioSpecificConfig::lc(44_100, 7).unwrap_err().kind, ErrorKind::Unsupported(7));
    assert_eq!(AudioSpecificConfig::lc(1 << 24, 2).unwrap_err().element, "samplingFrequency");
    let mut config = AudioSpecificConfig::lc(44_100, 2).unwrap();
    config.channel_config = 0;
    assert_eq!(config.build().unwrap_err().element, "program_config_element");
    config = AudioSpecificConfig { object_type: ObjectType::PS, ..AudioSpecificConfig::lc(44_100, 2).unwrap() };
    assert_eq!(config.build().unwrap_err().element, "audioObjectType");
}
