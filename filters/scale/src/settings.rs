//! The options of `scale`.

use fast_image_resize::{FilterType, ResizeAlg};
use weir_media::Frac;
use weir_plugin::{Error, Kind, OptionDef, Options, Result};

/// Most pixels of a picture that is made, and longest side: 8k. At 53 MB each, more would be too much memory.
const MAX_PIXELS: u64 = 8_192 * 4_320;
const MAX_SIDE: u32 = 16_384;

/// Option table of `scale`. Names are those of GPAC's ffsws.
pub(crate) const OPTIONS: &[OptionDef] = &[
    OptionDef::new("osize", Kind::Size, "", "Size of the pictures (that of the input)"),
    OptionDef::new(
        "scale",
        Kind::Enum(&["point", "area", "fastbilinear", "bilinear", "bicubic", "gauss", "lanczos"]),
        "bicubic",
        "How samples are made of their neighbours, quick ones first",
    ),
    OptionDef::new("keepar", Kind::Enum(&["off", "full", "nosrc"]), "off", "Keep the shape of the picture by borders"),
    OptionDef::new("osar", Kind::Frac, "", "Sample aspect ratio of the output"),
    OptionDef::new("padclr", Kind::Str, "black", "Colour of borders: black, white, grey, red, green, blue or 0xRRGGBB"),
];

/// How the shape of a picture is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum KeepShape {
    /// By the sample aspect ratio.
    Off,
    /// By borders.
    Full,
    /// By borders, as if samples came square.
    NoSource,
}

/// What the user asked for.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Width and height.
    pub(crate) size: Option<(u32, u32)>,
    pub(crate) algorithm: ResizeAlg,
    pub(crate) keep: KeepShape,
    /// Positive.
    pub(crate) sar: Option<Frac>,
    /// Red, green, blue.
    pub(crate) colour: [u8; 3],
}

impl Settings {
    /// Reads and checks the options.
    pub(crate) fn new(options: &Options) -> Result<Self> {
        let size = options.size("osize");
        if let Some((w, h)) = size
            && (w.max(h) > MAX_SIDE || u64::from(w) * u64::from(h) > MAX_PIXELS)
        {
            return Err(Error::bad_option(format!("osize={w}x{h} is too large: up to 8192x4320 pixels are made")));
        }
        let sar = options.frac("osar");
        if sar.is_some_and(|s| s.num <= 0) {
            return Err(Error::bad_option("osar is a ratio such as 1/1 or 4/3"));
        }
        let name = options.text("padclr").unwrap_or("black");
        let colour = colour(name).ok_or_else(|| Error::bad_option(format!("padclr={name} is no colour known here")))?;
        Ok(Self {
            size,
            algorithm: algorithm(options.word("scale").unwrap_or("bicubic")),
            keep: match options.word("keepar") {
                Some("full") => KeepShape::Full,
                Some("nosrc") => KeepShape::NoSource,
                _ => KeepShape::Off,
            },
            sar,
            colour,
        })
    }
}

fn algorithm(word: &str) -> ResizeAlg {
    match word {
        "point" => ResizeAlg::Nearest,
        "area" => ResizeAlg::Convolution(FilterType::Box),
        "fastbilinear" | "bilinear" => ResizeAlg::Convolution(FilterType::Bilinear),
        "gauss" => ResizeAlg::Convolution(FilterType::Gaussian),
        "lanczos" => ResizeAlg::Convolution(FilterType::Lanczos3),
        _ => ResizeAlg::Convolution(FilterType::CatmullRom),
    }
}

fn colour(name: &str) -> Option<[u8; 3]> {
    match name.to_ascii_lowercase().as_str() {
        "black" => Some([0; 3]),
        "white" => Some([255; 3]),
        "grey" | "gray" => Some([128; 3]),
        "red" => Some([255, 0, 0]),
        "green" => Some([0, 255, 0]),
        "blue" => Some([0, 0, 255]),
        other => {
            let hex = other.strip_prefix("0x").filter(|h| h.len() == 6)?;
            let [_, r, g, b] = u32::from_str_radix(hex, 16).ok()?.to_be_bytes();
            Some([r, g, b])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(args: &[(&str, &str)]) -> Result<Settings> {
        let mut options = Options::defaults(OPTIONS);
        for (name, text) in args {
            options.apply(name, Some(text)).unwrap_or_else(|e| panic!("{name}={text}: {e}"));
        }
        Settings::new(&options)
    }

    #[test]
    fn what_cannot_be_made_is_refused() {
        assert!(settings(&[("osize", "8192x4320"), ("osar", "4/3"), ("padclr", "0x10fF00")]).is_ok());
        assert!(settings(&[("osize", "8192x4322")]).is_err());
        assert!(settings(&[("osize", "4000000000x4000000000")]).is_err());
        assert!(settings(&[("osize", "16386x2")]).is_err());
        assert!(settings(&[("osar", "0/1")]).is_err() && settings(&[("osar", "-1")]).is_err());
        assert!(settings(&[("padclr", "0x12345")]).is_err() && settings(&[("padclr", "mauve")]).is_err());
        assert_eq!(settings(&[("padclr", "0x10fF00")]).expect("a colour").colour, [16, 255, 0]);
    }
}
