//! profile_tier_level (H.265 7.3.3): of the general part what a configuration record repeats; that of sub-layers is
//! stepped over.

use crate::Error;
use crate::bits::BitReader;

/// Bits of sub_layer_profile_space up to the last constraint flag.
const SUB_LAYER_PROFILE_BITS: u32 = 88;

/// The general profile, tier and level: 12 bytes, as a configuration record holds them too.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct ProfileTierLevel(pub [u8; 12]);

impl ProfileTierLevel {
    pub(super) fn read(r: &mut BitReader<'_>, max_sub_layers_minus1: u8) -> Result<Self, Error> {
        let mut bytes = [0; 12];
        for byte in &mut bytes {
            *byte = r.small(8, "general_profile_tier_level")?;
        }
        let mut present = Vec::new();
        for _ in 0..max_sub_layers_minus1 {
            present.push((r.flag("sub_layer_profile_present_flag")?, r.flag("sub_layer_level_present_flag")?));
        }
        if max_sub_layers_minus1 > 0 {
            r.skip(2 * u32::from(8_u8.saturating_sub(max_sub_layers_minus1)), "reserved_zero_2bits")?;
        }
        for (profile, level) in present {
            r.skip(if profile { SUB_LAYER_PROFILE_BITS } else { 0 }, "sub_layer_profile")?;
            r.skip(if level { 8 } else { 0 }, "sub_layer_level_idc")?;
        }
        Ok(Self(bytes))
    }

    /// general_profile_idc: 1 Main, 2 Main 10.
    #[must_use]
    pub const fn profile(&self) -> u8 {
        self.0[0] & 0x1f
    }

    /// general_level_idc: thirty times the level.
    #[must_use]
    pub const fn level(&self) -> u8 {
        self.0[11]
    }
}
