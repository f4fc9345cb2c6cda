//! The filter `fps`: raw pictures at a constant rate, by leaving some out or repeating some.
//!
//! It never makes a picture between two others, and never looks into one.

mod fps;
mod grid;

use weir_media::{Bundle, Cap, CodecId, Frac, PixelFormat, Prop, StreamType};
use weir_plugin::{Create, Error, Filter, Kind, Lane, OptionDef, Options, Plugin, Registry, Result, Role};

/// Adds `fps` to a registry.
pub fn register(registry: &mut Registry) {
    registry.register(FrameRate);
}

/// Rates that are made, pictures per second.
const RATES: std::ops::RangeInclusive<f64> = 0.01..=1_000.0;
/// Largest number in the fraction of a rate, so that a picture is a whole number of units of time.
const MAX_TERM: u32 = 1_000_000;

const OPTIONS: &[OptionDef] =
    &[OptionDef::new("ofps", Kind::Frac, "", "Pictures per second, such as 25 or 30000/1001; needed")];

/// The filter type `fps`.
#[derive(Clone, Copy, Debug, Default)]
pub struct FrameRate;

impl Plugin for FrameRate {
    fn name(&self) -> &'static str {
        "fps"
    }

    fn summary(&self) -> &'static str {
        "Raw pictures at another, constant rate"
    }

    fn help(&self) -> &'static str {
        "Gives pictures on a grid of `ofps` a second that begins with the first one. Each goes to the nearest point of the \
         grid; of several the first stays, and points without one repeat the picture before them. It can be named, or \
         `ofps` given to an encoder: `c=avc:ofps=25` inserts it.\n\
         A gap of more than 5 seconds stays a gap: the grid begins anew, with a picture marked as a discontinuity."
    }

    fn role(&self) -> Role {
        Role::Transform
    }

    fn lane(&self) -> Lane {
        Lane::Reactor
    }

    fn options(&self) -> &'static [OptionDef] {
        OPTIONS
    }

    fn caps(&self, _options: &Options) -> Vec<Bundle> {
        let [ty, raw] = Cap::codec(StreamType::Visual, CodecId::Raw);
        let pictures = [ty, raw, Cap::is(Prop::PixelFormat, PixelFormat::Yuv420)];
        vec![Bundle::new(pictures.clone(), pictures).adapting([Prop::Fps])]
    }

    fn create(&self, with: Create) -> Result<Box<dyn Filter>> {
        let rate = with.options.frac("ofps").ok_or_else(|| Error::bad_option("fps needs ofps, such as ofps=25"))?;
        Ok(Box::new(fps::Fps::new(checked(rate)?)))
    }
}

/// A rate as a pair of small numbers.
fn checked(rate: Frac) -> Result<(u32, u32)> {
    let term = |n: i64| u32::try_from(n).ok().filter(|n| (1..=MAX_TERM).contains(n));
    let terms = term(rate.num).zip(term(rate.den.into())).filter(|_| RATES.contains(&rate.as_f64()));
    terms.ok_or_else(|| Error::bad_option(format!("ofps={rate} is no rate from 0.01 to 1000 pictures per second")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_within_bounds() {
        let of = |num, den| checked(Frac { num, den }).ok();
        assert_eq!((of(25, 1), of(30_000, 1001), of(1, 100)), (Some((25, 1)), Some((30_000, 1001)), Some((1, 100))));
        assert_eq!([of(0, 1), of(-25, 1), of(1001, 1), of(1, 101), of(2_000_000, 80_000), of(i64::MAX, 1)], [None; 6]);
    }
}
