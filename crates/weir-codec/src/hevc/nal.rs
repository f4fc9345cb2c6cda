//! The two bytes at the start of a NAL unit (H.265 7.3.1.2).

/// nal_unit_type, H.265 table 7-1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct NalType(pub u8);

impl NalType {
    /// Video parameter set.
    pub const VPS: Self = Self(32);
    /// Sequence parameter set.
    pub const SPS: Self = Self(33);
    /// Picture parameter set.
    pub const PPS: Self = Self(34);
    /// Access unit delimiter.
    pub const AUD: Self = Self(35);

    /// First type that is no slice.
    const FIRST_NON_VCL: u8 = 32;

    /// Whether it is a slice.
    #[must_use]
    pub const fn is_vcl(self) -> bool {
        self.0 < Self::FIRST_NON_VCL
    }

    /// Whether it is a slice of a picture that decoding can start with: BLA, IDR or CRA.
    #[must_use]
    pub const fn is_irap(self) -> bool {
        matches!(self.0, 16..=23)
    }

    /// Whether it is a slice of a picture that no other one of its temporal layer refers to.
    #[must_use]
    pub const fn is_sub_layer_non_reference(self) -> bool {
        self.0 < 16 && self.0 & 1 == 0
    }

    /// Whether it is one of the three parameter sets.
    #[must_use]
    pub const fn is_parameter_set(self) -> bool {
        matches!(self, Self::VPS | Self::SPS | Self::PPS)
    }
}

/// The type of a NAL unit; a reserved one when it is empty.
#[must_use]
pub const fn nal_type(nal: &[u8]) -> NalType {
    match nal.first() {
        Some(header) => NalType(*header >> 1 & 0x3f),
        None => NalType(63),
    }
}

/// TemporalId: the temporal layer, from 0.
#[must_use]
pub fn temporal_id(nal: &[u8]) -> u8 {
    nal.get(1).map_or(0, |byte| (byte & 7).saturating_sub(1))
}
