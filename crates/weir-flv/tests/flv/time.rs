//! The 32-bit wrap.

use weir_flv::Unwrapper;

fn unwrapped(timestamps: &[u32]) -> Vec<i64> {
    let mut unwrapper = Unwrapper::new();
    timestamps.iter().map(|&timestamp| unwrapper.unwrap(timestamp)).collect()
}

#[test]
fn time_goes_on_across_the_wrap_again_and_again() {
    assert_eq!(unwrapped(&[0xFFFF_FFF0, 0x10]), [0xFFFF_FFF0, 0x1_0000_0010]);
    let days: Vec<u32> = (0..400_u64).map(|day| (day * 86_400_000) as u32).collect();
    assert_eq!(unwrapped(&days), (0..400).map(|day| day * 86_400_000).collect::<Vec<_>>());
}

#[test]
fn steps_back_stay_steps_back() {
    assert_eq!(unwrapped(&[1000, 960, 1040]), [1000, 960, 1040]);
    assert_eq!(unwrapped(&[0xFFFF_FFF0, 0x10, 0xFFFF_FFF8]), [0xFFFF_FFF0, 0x1_0000_0010, 0xFFFF_FFF8]);
    assert_eq!(unwrapped(&[0, u32::MAX]), [0, -1]);
    assert_eq!(unwrapped(&[0, 0x7FFF_FFFF]), [0, 0x7FFF_FFFF]);
}
