//! A safe wrapper around openh264's encoder: pictures in, Annex B access units out.
//!
//! The only module of this crate with `unsafe` code. It decides nothing: not the rate, not where key pictures go. It
//! never logs; what openh264 would write to stderr is turned off before it can write anything.
#![allow(unsafe_code)]

use std::os::raw::c_int;
use std::ptr::{self, NonNull};
use std::{mem, slice};

use openh264_sys2 as sys;
use openh264_sys2::source::APILoader as Lib;
use weir_media::Frame;

/// Narrowest and lowest picture openh264 codes.
pub(crate) const MIN_SIDE: u32 = 16;

/// Most pixels in a picture: 36864 macroblocks, the frame size limit of level 5.1.
pub(crate) const MAX_PIXELS: u64 = 36_864 * 256;

/// Frame rates openh264's rate control can count with.
const FPS_RANGE: (f64, f64) = (1.0, 60.0);

/// Quantiser range. openh264 takes a minimum of 0 for "not set" and then lowers the maximum to 42, which cannot hold
/// the rate of hard content; it raises a minimum below 12 to 12.
const QP_RANGE: (c_int, c_int) = (12, 51);

/// A profile openh264 can make.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Profile {
    /// Constrained Baseline, CAVLC.
    Baseline,
    /// Main with CABAC.
    Main,
    /// High with CABAC.
    High,
}

/// How to encode.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Config {
    /// Pixels; even, within [`MIN_SIDE`] and [`MAX_PIXELS`].
    pub(crate) width: u32,
    /// Pixels, as the width.
    pub(crate) height: u32,
    /// Pictures per second, for rate control and level.
    pub(crate) fps: f64,
    /// Bits per second.
    pub(crate) rate: u32,
    /// Bits per second.
    pub(crate) max_rate: Option<u32>,
    pub(crate) profile: Profile,
    /// level_idc, a lower bound.
    pub(crate) level: Option<u8>,
    /// Leave pictures out to hold the rate.
    pub(crate) skip: bool,
    /// 1 to 4, each with its own slice.
    pub(crate) threads: u16,
    /// Sample aspect ratio.
    pub(crate) sar: Option<(u16, u16)>,
}

/// A call of openh264 that failed, with the code it returned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Failed(pub(crate) c_int);

/// One coded picture.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct AccessUnit {
    /// Annex B; an IDR picture comes with its parameter sets.
    pub(crate) data: Vec<u8>,
    /// It is an IDR picture.
    pub(crate) key: bool,
    /// No other picture refers to it.
    pub(crate) disposable: bool,
    /// level_idc of the sequence parameter set, when there is one.
    pub(crate) level: Option<u8>,
}

/// An open encoder.
pub(crate) struct Encoder {
    raw: NonNull<sys::ISVCEncoder>,
    width: c_int,
    height: c_int,
    /// Large, so kept between calls.
    info: Box<sys::SFrameBSInfo>,
}

// SAFETY: the encoder holds no thread-local state and its calls need `&mut self`; any thread may make them in turn.
unsafe impl Send for Encoder {}

impl Encoder {
    /// Opens an encoder.
    pub(crate) fn new(config: &Config) -> Result<Self, Failed> {
        let mut raw = ptr::null_mut();
        // SAFETY: `raw` is a place for the pointer.
        check(unsafe { Lib::WelsCreateSVCEncoder(&raw mut raw) })?;
        let raw = NonNull::new(raw).ok_or(Failed(-1))?;
        let (width, height) = (c_int_of(config.width), c_int_of(config.height));
        let mut encoder = Self { raw, width, height, info: Box::default() };
        encoder.silence()?;
        encoder.initialize(config)?;
        Ok(encoder)
    }

    /// The method table. Its entries are never null: it is the table of a C++ class.
    fn table(&self) -> &sys::ISVCEncoderVtbl {
        // SAFETY: `raw` points to a live encoder, which starts with a pointer to its static table.
        unsafe { &**self.raw.as_ptr() }
    }

    /// Turns all messages off. To be called before anything that could write one.
    fn silence(&mut self) -> Result<(), Failed> {
        let set_option = self.table().SetOption.ok_or(Failed(-1))?;
        let mut level = sys::WELS_LOG_QUIET;
        // SAFETY: this option reads one 32-bit integer.
        check(unsafe { set_option(self.raw.as_ptr(), sys::ENCODER_OPTION_TRACE_LEVEL, (&raw mut level).cast()) })
    }

    fn initialize(&mut self, config: &Config) -> Result<(), Failed> {
        let defaults = self.table().GetDefaultParams.ok_or(Failed(-1))?;
        let initialize = self.table().InitializeExt.ok_or(Failed(-1))?;
        let mut params = sys::SEncParamExt::default();
        // SAFETY: `params` is a valid structure for it to fill.
        check(unsafe { defaults(self.raw.as_ptr(), &raw mut params) })?;
        fill(&mut params, config);
        // SAFETY: `params` is only read, and only during the call.
        check(unsafe { initialize(self.raw.as_ptr(), &raw const params) })
    }

    /// Makes the next picture an IDR picture.
    pub(crate) fn force_key(&mut self) -> Result<(), Failed> {
        type Declared = unsafe extern "C" fn(*mut sys::ISVCEncoder, bool) -> c_int;
        type Real = unsafe extern "C" fn(*mut sys::ISVCEncoder, bool, c_int) -> c_int;
        let method = self.table().ForceIntraFrame.ok_or(Failed(-1))?;
        // SAFETY: codec_api.h leaves the last parameter, the layer, out of its C declaration, but the C++ method that
        // sits in the table has it: this is the method's real type.
        let method = unsafe { mem::transmute::<Declared, Real>(method) };
        // SAFETY: a live encoder; -1 means all layers.
        check(unsafe { method(self.raw.as_ptr(), true, -1) })
    }

    /// Codes one picture of at least the configured size, cropping what is beyond. `millis` is its time, for rate
    /// control alone. `None` when it was left out, which only [`Config::skip`] allows.
    pub(crate) fn encode(&mut self, frame: &Frame, millis: i64) -> Result<Option<AccessUnit>, Failed> {
        let (y, u, v) = (frame.plane(0), frame.plane(1), frame.plane(2));
        if c_int_of(frame.width()) < self.width || c_int_of(frame.height()) < self.height {
            return Err(Failed(sys::cmUnsupportedData));
        }
        let stride = |s: usize| c_int::try_from(s).map_err(|_| Failed(sys::cmUnsupportedData));
        let mut picture = sys::SSourcePicture {
            iColorFormat: sys::videoFormatI420,
            iStride: [stride(y.stride)?, stride(u.stride)?, stride(v.stride)?, 0],
            iPicWidth: self.width,
            iPicHeight: self.height,
            uiTimeStamp: millis,
            ..Default::default()
        };
        for (to, plane) in picture.pData.iter_mut().zip([y, u, v]) {
            *to = plane.data.as_ptr().cast_mut();
        }
        let encode = self.table().EncodeFrame.ok_or(Failed(-1))?;
        // SAFETY: each plane holds `stride` bytes for every row, and the size was found to lie inside; openh264 copies
        // the picture into memory of its own and writes to `info` only.
        check(unsafe { encode(self.raw.as_ptr(), &raw const picture, &raw mut *self.info) })?;
        Ok(self.collect())
    }

    /// Copies out what the last call coded.
    fn collect(&self) -> Option<AccessUnit> {
        let info = &*self.info;
        if matches!(info.eFrameType, sys::videoFrameTypeSkip | sys::videoFrameTypeInvalid) {
            return None;
        }
        let layers = &info.sLayerInfo[..usize::try_from(info.iLayerNum).unwrap_or(0).min(info.sLayerInfo.len())];
        let mut unit = AccessUnit { data: Vec::new(), key: false, disposable: true, level: None };
        unit.data.reserve_exact(usize::try_from(info.iFrameSizeInBytes).unwrap_or(0));
        for layer in layers {
            let count = usize::try_from(layer.iNalCount).unwrap_or(0);
            if count == 0 || layer.pNalLengthInByte.is_null() || layer.pBsBuf.is_null() {
                continue;
            }
            // SAFETY: openh264 filled in `iNalCount` lengths, valid until its next call.
            let lengths = unsafe { slice::from_raw_parts(layer.pNalLengthInByte, count) };
            let total = lengths.iter().map(|n| usize::try_from(*n).unwrap_or(0)).sum();
            // SAFETY: the units of a layer lie one after the other from `pBsBuf`, with these lengths.
            unit.add(lengths, unsafe { slice::from_raw_parts(layer.pBsBuf, total) });
        }
        Some(unit)
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        // SAFETY: made by WelsCreateSVCEncoder and not used after; this also ends what was initialized.
        unsafe { Lib::WelsDestroySVCEncoder(self.raw.as_ptr()) }
    }
}

impl AccessUnit {
    /// Appends NAL units of these lengths, each with its four-byte start code.
    fn add(&mut self, lengths: &[c_int], units: &[u8]) {
        let mut rest = units;
        for length in lengths {
            let (nal, more) = rest.split_at(usize::try_from(*length).unwrap_or(0).min(rest.len()));
            rest = more;
            self.note(nal.get(4..).unwrap_or(&[]));
        }
        self.data.extend_from_slice(units);
    }

    /// Learns what a NAL unit, without start code, says about the picture (H.264 7.3.1, 7.3.2.1.1).
    fn note(&mut self, nal: &[u8]) {
        let Some(header) = nal.first() else { return };
        match header & 0x1f {
            5 => (self.key, self.disposable) = (true, false),
            1 => self.disposable &= header & 0x60 == 0,
            7 => self.level = nal.get(3).copied(),
            _ => {}
        }
    }
}

fn check(code: c_int) -> Result<(), Failed> {
    if code == sys::cmResultSuccess { Ok(()) } else { Err(Failed(code)) }
}

/// Sizes and rates were checked against limits far below `i32::MAX`.
fn c_int_of(value: u32) -> c_int {
    c_int::try_from(value).unwrap_or(c_int::MAX)
}

fn fill(params: &mut sys::SEncParamExt, config: &Config) {
    params.iUsageType = sys::CAMERA_VIDEO_REAL_TIME;
    params.iPicWidth = c_int_of(config.width);
    params.iPicHeight = c_int_of(config.height);
    // Key pictures are forced from outside; the period of openh264 would start anew at each.
    params.uiIntraPeriod = 0;
    params.bEnableSceneChangeDetect = false;
    // The same parameter sets for the whole stream, so that one avcC describes it.
    params.eSpsPpsIdStrategy = sys::CONSTANT_ID;
    params.iEntropyCodingModeFlag = c_int::from(config.profile != Profile::Baseline);
    params.iRCMode = sys::RC_BITRATE_MODE;
    params.bEnableFrameSkip = config.skip;
    (params.iMinQp, params.iMaxQp) = QP_RANGE;
    params.iMultipleThreadIdc = config.threads;
    params.bUseLoadBalancing = false;
    let rates = Rates::new(config);
    params.fMaxFrameRate = rates.fps;
    params.iTargetBitrate = rates.target;
    params.iMaxBitrate = rates.max;
    fill_layer(&mut params.sSpatialLayers[0], config, &rates);
}

fn fill_layer(layer: &mut sys::SSpatialLayerConfig, config: &Config, rates: &Rates) {
    layer.iVideoWidth = c_int_of(config.width);
    layer.iVideoHeight = c_int_of(config.height);
    layer.fFrameRate = rates.fps;
    layer.iSpatialBitrate = rates.target;
    layer.iMaxSpatialBitrate = rates.max;
    layer.uiProfileIdc = match config.profile {
        Profile::Baseline => sys::PRO_BASELINE,
        Profile::Main => sys::PRO_MAIN,
        Profile::High => sys::PRO_HIGH,
    };
    layer.uiLevelIdc = config.level.map_or(sys::LEVEL_UNKNOWN, c_int::from);
    if config.threads > 1 {
        layer.sSliceArgument.uiSliceMode = sys::SM_FIXEDSLCNUM_SLICE;
        layer.sSliceArgument.uiSliceNum = config.threads.into();
    }
    if let Some((width, height)) = config.sar {
        layer.bAspectRatioPresent = true;
        layer.eAspectRatio = sys::ASP_EXT_SAR;
        (layer.sAspectRatioExtWidth, layer.sAspectRatioExtHeight) = (width, height);
    }
}

/// Rates as openh264 counts: at a frame rate outside its range, each picture still gets its share of the bits.
struct Rates {
    fps: f32,
    target: c_int,
    max: c_int,
}

impl Rates {
    #[expect(clippy::cast_possible_truncation, reason = "a clamped frame rate, and bit rates clamped to 31 bits")]
    fn new(config: &Config) -> Self {
        let fps = config.fps.clamp(FPS_RANGE.0, FPS_RANGE.1);
        let scale =
            |rate: u32| (f64::from(rate) * fps / config.fps).clamp(fps.ceil(), f64::from(c_int::MAX / 8)) as c_int;
        Self { fps: fps as f32, target: scale(config.rate), max: config.max_rate.map_or(0, scale) }
    }
}
