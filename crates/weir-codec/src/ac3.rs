//! AC-3 and E-AC-3: the head of a frame, and the boxes that MP4 wants (ETSI TS 102 366). Frames are not decoded.

use weir_media::CodecId;

use crate::bits::{BitReader, BitWriter};
use crate::{Error, ErrorKind};

const SYNC: u32 = 0x0b77;
/// bsid of E-AC-3 (E.1.2); AC-3 has 8 and below.
const EAC3_BSIDS: std::ops::RangeInclusive<u8> = 11..=16;
const MAX_AC3_BSID: u8 = 10;
const RATES: [u32; 3] = [48_000, 44_100, 32_000];
/// Channels by acmod, without the one for low frequencies.
const CHANNELS: [u8; 8] = [2, 1, 2, 3, 3, 4, 4, 5];
/// kbit/s by half of frmsizecod (table 4.13).
const KBPS: [u16; 19] = [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640];
/// Samples of each channel in a block.
const BLOCK: u32 = 256;
/// strmtyp of frames that belong to the one before.
const DEPENDENT: u8 = 1;

/// The head of one frame.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct FrameHeader {
    /// [`CodecId::Ac3`] or [`CodecId::Eac3`].
    pub codec: CodecId,
    /// Hz.
    pub sample_rate: u32,
    /// Channels, with the one for low frequencies.
    pub channels: u8,
    /// Blocks of 256 samples, 1 to 6.
    pub blocks: u8,
    /// Bytes of the whole frame.
    pub size: usize,
    /// It adds channels to the frame before.
    pub dependent: bool,
    fscod: u8,
    bsid: u8,
    bsmod: u8,
    acmod: u8,
    lfe: bool,
    frame_size_code: u8,
}

impl FrameHeader {
    /// Reads the head of a frame.
    ///
    /// # Errors
    /// When it ends early, does not begin with the sync word, or has values that are reserved.
    pub fn parse(frame: &[u8]) -> Result<Self, Error> {
        let mut r = BitReader::plain(frame);
        let sync = r.bits(16, "syncword")?;
        if sync != SYNC {
            return Err(Error::at_byte(ErrorKind::Invalid(sync.into()), "syncword", 0));
        }
        // It stands at the same place in both.
        let mut ahead = r.clone();
        ahead.skip(24, "bsid")?;
        match ahead.small(5, "bsid")? {
            bsid @ 0..=MAX_AC3_BSID => Self::ac3(&mut r, bsid),
            bsid if EAC3_BSIDS.contains(&bsid) => Self::eac3(&mut r, bsid),
            bsid => Err(ahead.error(ErrorKind::Unsupported(bsid.into()), "bsid")),
        }
    }

    /// 4.3.1, 4.3.2.
    fn ac3(r: &mut BitReader<'_>, bsid: u8) -> Result<Self, Error> {
        r.bits(16, "crc1")?;
        let fscod = r.small(2, "fscod")?;
        let frame_size_code = r.small(6, "frmsizecod")?;
        let rate = RATES.get(usize::from(fscod)).ok_or_else(|| r.error(ErrorKind::Invalid(fscod.into()), "fscod"))?;
        let kbps = KBPS.get(usize::from(frame_size_code / 2));
        let kbps = kbps.ok_or_else(|| r.error(ErrorKind::Invalid(frame_size_code.into()), "frmsizecod"))?;
        // Words of 16 bits in 1536 samples; at 44.1 kHz the odd codes have one more.
        let words = u32::from(*kbps) * 96_000 / rate + u32::from(fscod == 1 && frame_size_code % 2 == 1);
        r.bits(5, "bsid")?;
        let bsmod = r.small(3, "bsmod")?;
        let acmod = r.small(3, "acmod")?;
        let has_centre = acmod & 1 != 0 && acmod != 1;
        r.bits(2 * (u32::from(has_centre) + u32::from(acmod & 4 != 0) + u32::from(acmod == 2)), "mixlev")?;
        let lfe = r.flag("lfeon")?;
        // Above 8, rates are halved for each.
        let sample_rate = rate >> bsid.saturating_sub(8);
        let (codec, size) = (CodecId::Ac3, words as usize * 2);
        let channels = CHANNELS[usize::from(acmod)] + u8::from(lfe);
        let (blocks, dependent) = (6, false);
        Ok(Self {
            codec,
            sample_rate,
            channels,
            blocks,
            size,
            dependent,
            fscod,
            bsid,
            bsmod,
            acmod,
            lfe,
            frame_size_code,
        })
    }

    /// E.1.2.
    fn eac3(r: &mut BitReader<'_>, bsid: u8) -> Result<Self, Error> {
        let kind = r.small(2, "strmtyp")?;
        r.bits(3, "substreamid")?;
        let size = (r.bits(11, "frmsiz")? as usize + 1) * 2;
        let fscod = r.small(2, "fscod")?;
        let code = r.small(2, "numblkscod")?;
        let (sample_rate, blocks) = match RATES.get(usize::from(fscod)) {
            Some(rate) => (*rate, [1, 2, 3, 6][usize::from(code)]),
            // fscod 3: half the rate, and what stands there is fscod2.
            None => {
                let half = RATES.get(usize::from(code)).map(|rate| rate / 2);
                (half.ok_or_else(|| r.error(ErrorKind::Invalid(code.into()), "fscod2"))?, 6)
            }
        };
        let acmod = r.small(3, "acmod")?;
        let lfe = r.flag("lfeon")?;
        let channels = CHANNELS[usize::from(acmod)] + u8::from(lfe);
        let (codec, dependent) = (CodecId::Eac3, kind == DEPENDENT);
        let (bsmod, frame_size_code) = (0, 0);
        Ok(Self {
            codec,
            sample_rate,
            channels,
            blocks,
            size,
            dependent,
            fscod,
            bsid,
            bsmod,
            acmod,
            lfe,
            frame_size_code,
        })
    }

    /// Samples of each channel in it.
    #[must_use]
    pub fn samples(&self) -> u32 {
        u32::from(self.blocks) * BLOCK
    }

    /// The content of the `dac3` or `dec3` box for a stream that begins with this packet (annex F).
    #[must_use]
    pub fn specific_box(&self, packet: &[u8]) -> Vec<u8> {
        let mut w = BitWriter::default();
        if self.codec == CodecId::Ac3 {
            w.bits(2, self.fscod.into());
            w.bits(5, self.bsid.into());
            w.bits(3, self.bsmod.into());
            w.bits(3, self.acmod.into());
            w.flag(self.lfe);
            w.bits(5, u32::from(self.frame_size_code / 2));
            w.bits(5, 0);
            return w.finish();
        }
        let dependents = frames(packet).filter(|frame| frame.dependent).count().min(15);
        w.bits(13, self.kbps(packet));
        w.bits(3, 0); // one independent substream
        w.bits(2, self.fscod.into());
        w.bits(5, self.bsid.into());
        w.bits(1, 0);
        w.bits(1, 0); // asvc
        w.bits(3, self.bsmod.into());
        w.bits(3, self.acmod.into());
        w.flag(self.lfe);
        w.bits(3, 0);
        w.bits(4, u32::try_from(dependents).unwrap_or(0));
        if dependents > 0 {
            w.bits(9, 0); // chan_loc: not told
        } else {
            w.bits(1, 0);
        }
        w.finish()
    }

    /// The rate that packets like this make, kbit/s.
    fn kbps(&self, packet: &[u8]) -> u32 {
        let samples: u64 =
            frames(packet).filter(|frame| !frame.dependent).map(|frame| u64::from(frame.samples())).sum();
        let bits = packet.len() as u64 * 8 * u64::from(self.sample_rate);
        u32::try_from(bits / samples.max(1) / 1000).unwrap_or(u32::MAX).min(0x1fff)
    }
}

/// The heads of the frames in a packet, up to the first that is none.
pub fn frames(packet: &[u8]) -> impl Iterator<Item = FrameHeader> + '_ {
    let mut rest = packet;
    std::iter::from_fn(move || {
        let header = FrameHeader::parse(rest).ok()?;
        rest = rest.get(header.size.max(1)..).unwrap_or_default();
        Some(header)
    })
}
