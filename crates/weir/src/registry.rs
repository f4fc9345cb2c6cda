//! The filters that come with weir, in the order that decides between equals.

use weir_plugin::Registry;

/// Every filter that comes with weir. Add your own with [`Registry::register`].
#[must_use]
pub fn registry() -> Registry {
    let mut registry = Registry::new();
    weir_source_avgen::register(&mut registry);
    weir_source_file::register(&mut registry);
    weir_demux_mp4::register(&mut registry);
    weir_demux_flv::register(&mut registry);
    weir_demux_ts::register(&mut registry);
    weir_demux_mkv::register(&mut registry);
    weir_frame_avc::register(&mut registry);
    weir_frame_aac::register(&mut registry);
    weir_frame_raw::register(&mut registry);
    weir_frame_sound::register(&mut registry);
    weir_decode_avc::register(&mut registry);
    weir_decode_audio::register(&mut registry);
    weir_resample::register(&mut registry);
    weir_fps::register(&mut registry);
    weir_scale::register(&mut registry);
    weir_encode_avc::register(&mut registry);
    weir_encode_aac::register(&mut registry);
    weir_mux_flv::register(&mut registry);
    weir_mux_mp4::register(&mut registry);
    weir_mux_raw::register(&mut registry);
    weir_mux_ts::register(&mut registry);
    weir_mux_hls::register(&mut registry);
    weir_reframe::register(&mut registry);
    weir_failover::register(&mut registry);
    weir_flist::register(&mut registry);
    weir_pass::register(&mut registry);
    weir_net_rtmp::register(&mut registry);
    weir_sink_file::register(&mut registry);
    weir_inspect::register(&mut registry);
    registry
}
