//! MP4 files made for one test each, and small changes to committed ones.

use std::num::NonZeroU32;

use shiguredo_mp4::boxes::{Avc1Box, AvccBox, SampleEntry, VisualSampleEntryFields};
use shiguredo_mp4::mux::{Mp4FileMuxer, Sample};
use shiguredo_mp4::{TrackKind, Uint};
use weir_codec::avc::AvcConfig;
use weir_media::Prop;

use crate::common::run;

/// The configuration of the committed files.
pub(crate) fn config() -> AvcConfig {
    let got = run("end.mp4", &[]).expect("a good file");
    AvcConfig::parse(got.props[0][0].bytes(Prop::DecoderConfig).expect("an avcC")).expect("a good avcC")
}

/// A sample entry with length fields of `length_size` bytes.
pub(crate) fn avc1(config: &AvcConfig, length_size: u8) -> SampleEntry {
    let bytes = |sets: &[weir_media::Bytes]| sets.iter().map(|set| set.to_vec()).collect();
    SampleEntry::Avc1(Avc1Box {
        visual: VisualSampleEntryFields {
            data_reference_index: VisualSampleEntryFields::DEFAULT_DATA_REFERENCE_INDEX,
            width: 96,
            height: 64,
            horizresolution: VisualSampleEntryFields::DEFAULT_HORIZRESOLUTION,
            vertresolution: VisualSampleEntryFields::DEFAULT_VERTRESOLUTION,
            frame_count: VisualSampleEntryFields::DEFAULT_FRAME_COUNT,
            compressorname: VisualSampleEntryFields::NULL_COMPRESSORNAME,
            depth: VisualSampleEntryFields::DEFAULT_DEPTH,
        },
        avcc_box: AvccBox {
            avc_profile_indication: config.profile,
            profile_compatibility: config.compatibility,
            avc_level_indication: config.level,
            length_size_minus_one: Uint::new(length_size - 1),
            sps_list: bytes(&config.sps),
            pps_list: bytes(&config.pps),
            chroma_format: Some(Uint::new(1)),
            bit_depth_luma_minus8: Some(Uint::new(0)),
            bit_depth_chroma_minus8: Some(Uint::new(0)),
            sps_ext_list: Vec::new(),
        },
        unknown_boxes: Vec::new(),
    })
}

/// A file with one video track of 25 pictures a second: an entry where it changes, key, and data, for each sample.
pub(crate) fn movie(samples: &[(Option<SampleEntry>, bool, &[u8])]) -> Vec<u8> {
    let mut muxer = Mp4FileMuxer::new().expect("defaults");
    let mut file = muxer.initial_boxes_bytes().to_vec();
    for (sample_entry, keyframe, data) in samples {
        let sample = Sample {
            track_kind: TrackKind::Video,
            sample_entry: sample_entry.clone(),
            keyframe: *keyframe,
            timescale: NonZeroU32::new(25).expect("not 0"),
            duration: 1,
            composition_time_offset: None,
            data_offset: file.len() as u64,
            data_size: data.len(),
        };
        muxer.append_sample(&sample).expect("in order");
        file.extend_from_slice(data);
    }
    for (at, bytes) in muxer.finalize().expect("samples").offset_and_bytes_pairs() {
        let at = at as usize;
        file.resize(file.len().max(at + bytes.len()), 0);
        file[at..at + bytes.len()].copy_from_slice(bytes);
    }
    file
}

/// A committed file with the `n`th occurrence of `from` replaced by `to`, from `skip` bytes after its start on.
pub(crate) fn patched(name: &str, from: &[u8], n: usize, skip: usize, to: &[u8]) -> Vec<u8> {
    let mut file = std::fs::read(crate::common::data(name)).expect("a committed file");
    let mut places = (0..file.len()).filter(|at| file[*at..].starts_with(from));
    let at = places.nth(n).expect("so many occurrences") + skip;
    file[at..at + to.len()].copy_from_slice(to);
    file
}
