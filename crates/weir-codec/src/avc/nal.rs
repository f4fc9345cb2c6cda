//! The first byte of a NAL unit (H.264 7.3.1).

/// nal_unit_type, H.264 table 7-1.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum NalType {
    /// 1: slice of a picture that is not IDR.
    Slice,
    /// 2: data partition A, which holds the slice header.
    PartitionA,
    /// 3: data partition B.
    PartitionB,
    /// 4: data partition C.
    PartitionC,
    /// 5: slice of an IDR picture.
    Idr,
    /// 6: supplemental enhancement information.
    Sei,
    /// 7: sequence parameter set.
    Sps,
    /// 8: picture parameter set.
    Pps,
    /// 9: access unit delimiter.
    Aud,
    /// 10: end of sequence.
    EndOfSequence,
    /// 11: end of stream.
    EndOfStream,
    /// 12: filler data.
    Filler,
    /// 13: sequence parameter set extension.
    SpsExtension,
    /// 14: prefix NAL unit (SVC, MVC).
    Prefix,
    /// 15: subset sequence parameter set (SVC, MVC).
    SubsetSps,
    /// 19: slice of an auxiliary picture.
    AuxiliarySlice,
    /// 20: slice of another layer or view (SVC, MVC).
    SliceExtension,
    /// Any other number, reserved or unspecified.
    Other(u8),
}

impl NalType {
    /// The type in the low five bits of a NAL unit's first byte.
    #[must_use]
    pub const fn from_header(header: u8) -> Self {
        match header & 0x1f {
            1 => Self::Slice,
            2 => Self::PartitionA,
            3 => Self::PartitionB,
            4 => Self::PartitionC,
            5 => Self::Idr,
            6 => Self::Sei,
            7 => Self::Sps,
            8 => Self::Pps,
            9 => Self::Aud,
            10 => Self::EndOfSequence,
            11 => Self::EndOfStream,
            12 => Self::Filler,
            13 => Self::SpsExtension,
            14 => Self::Prefix,
            15 => Self::SubsetSps,
            19 => Self::AuxiliarySlice,
            20 => Self::SliceExtension,
            other => Self::Other(other),
        }
    }

    /// Whether the unit carries a slice, or a part of one, of the primary coded picture or its redundant copies.
    #[must_use]
    pub const fn is_vcl(self) -> bool {
        matches!(self, Self::Slice | Self::PartitionA | Self::PartitionB | Self::PartitionC | Self::Idr)
    }

    /// Whether the unit starts with a slice header of the primary coded picture.
    #[must_use]
    pub const fn has_slice_header(self) -> bool {
        matches!(self, Self::Slice | Self::PartitionA | Self::Idr)
    }
}

/// The type of a NAL unit; `Other(0)` when it is empty.
#[must_use]
pub const fn nal_type(nal: &[u8]) -> NalType {
    match nal.first() {
        Some(header) => NalType::from_header(*header),
        None => NalType::Other(0),
    }
}

/// Whether other pictures may refer to this one: nal_ref_idc is not 0. False when the unit is empty.
#[must_use]
pub const fn is_reference(nal: &[u8]) -> bool {
    match nal.first() {
        Some(header) => *header & 0x60 != 0,
        None => false,
    }
}
