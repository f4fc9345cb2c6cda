//! program_config_element (ISO/IEC 14496-3 4.4.1.1): a channel layout in full, where channelConfiguration is 0.

use weir_media::Bytes;

use crate::Error;
use crate::bits::{BitReader, BitWriter};

/// A channel layout, kept as it was read; only the number of channels is drawn from it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ProgramConfig {
    /// The element up to byte_alignment, from the highest bit on; unused low bits of the last byte are 0.
    bits: Bytes,
    /// How many bits of `bits` count.
    bit_len: u32,
    /// comment_field_data.
    comment: Bytes,
    /// sampling_frequency_index.
    rate_index: u8,
    channels: u8,
}

impl ProgramConfig {
    /// Number of output channels, low frequency ones included.
    #[must_use]
    pub const fn channels(&self) -> u8 {
        self.channels
    }

    /// sampling_frequency_index.
    #[must_use]
    pub const fn rate_index(&self) -> u8 {
        self.rate_index
    }

    /// Reads the element at `r`. Its byte_alignment counts from the start of the slice that `r` reads.
    pub(super) fn read(r: &mut BitReader<'_>) -> Result<Self, Error> {
        let start = r.clone();
        r.skip(4, "element_instance_tag")?;
        r.skip(2, "object_type")?;
        let rate_index = r.small(4, "sampling_frequency_index")?;
        let front = r.bits(4, "num_front_channel_elements")?;
        let side = r.bits(4, "num_side_channel_elements")?;
        let back = r.bits(4, "num_back_channel_elements")?;
        let lfe = r.bits(2, "num_lfe_channel_elements")?;
        let data = r.bits(3, "num_assoc_data_elements")?;
        let coupling = r.bits(4, "num_valid_cc_elements")?;
        for (element, len) in [("mono_mixdown", 4), ("stereo_mixdown", 4), ("matrix_mixdown", 3)] {
            if r.flag(element)? {
                r.skip(len, element)?;
            }
        }
        let mut channels = lfe;
        for _ in 0..front + side + back {
            channels += 1 + u32::from(r.flag("element_is_cpe")?);
            r.skip(4, "element_tag_select")?;
        }
        r.skip(4 * lfe + 4 * data + 5 * coupling, "element_tag_select")?;
        let bit_len = (r.position() - start.position()) as u32;
        let bits = copy_bits(start, bit_len)?;
        let comment = read_comment(r)?;
        // At most 45 pairs and 3 low frequency channels.
        Ok(Self { bits, bit_len, comment, rate_index, channels: channels as u8 })
    }

    /// Writes the element at the end of `w`, aligned to whole bytes of what `w` has written.
    pub(super) fn write(&self, w: &mut BitWriter) {
        let mut r = BitReader::plain(&self.bits);
        for _ in 0..self.bit_len {
            w.flag(r.flag("program_config_element").unwrap_or(false));
        }
        w.align();
        w.bits(8, self.comment.len() as u32);
        for byte in &self.comment {
            w.bits(8, (*byte).into());
        }
    }
}

fn copy_bits(mut r: BitReader<'_>, bit_len: u32) -> Result<Bytes, Error> {
    let mut w = BitWriter::default();
    for _ in 0..bit_len {
        w.flag(r.flag("program_config_element")?);
    }
    Ok(w.finish().into())
}

fn read_comment(r: &mut BitReader<'_>) -> Result<Bytes, Error> {
    r.align();
    let len = r.small(8, "comment_field_bytes")?;
    (0..len).map(|_| r.small(8, "comment_field_data")).collect::<Result<Vec<u8>, _>>().map(Bytes::from)
}
