//! st_ref_pic_set (H.265 7.3.7, 7.4.8): read only to find what follows it, but each may build on the one before.

use crate::bits::BitReader;
use crate::{Error, ErrorKind};

/// num_short_term_ref_pic_sets at most.
const MAX_SETS: u32 = 64;
/// Pictures before, or behind, at most: sps_max_dec_pic_buffering_minus1.
const MAX_PICTURES: u32 = 16;

/// DeltaPocS0 and DeltaPocS1.
#[derive(Clone, Default, Debug)]
struct Set {
    before: Vec<i32>,
    behind: Vec<i32>,
}

/// Steps over all sets of an SPS.
pub(super) fn skip_all(r: &mut BitReader<'_>) -> Result<(), Error> {
    let count = r.ue_max(MAX_SETS, "num_short_term_ref_pic_sets")?;
    let mut last = Set::default();
    for index in 0..count {
        let predicted = index > 0 && r.flag("inter_ref_pic_set_prediction_flag")?;
        last = if predicted { predict(r, &last)? } else { explicit(r)? };
    }
    Ok(())
}

fn explicit(r: &mut BitReader<'_>) -> Result<Set, Error> {
    let before = r.ue_max(MAX_PICTURES, "num_negative_pics")?;
    let behind = r.ue_max(MAX_PICTURES, "num_positive_pics")?;
    Ok(Set { before: deltas(r, before, -1)?, behind: deltas(r, behind, 1)? })
}

fn deltas(r: &mut BitReader<'_>, count: u32, sign: i32) -> Result<Vec<i32>, Error> {
    let mut at = 0;
    let mut all = Vec::new();
    for _ in 0..count {
        at += sign * step(r, "delta_poc_minus1")?;
        r.flag("used_by_curr_pic_flag")?;
        all.push(at);
    }
    Ok(all)
}

/// A distance of 1 to 2^15.
fn step(r: &mut BitReader<'_>, element: &'static str) -> Result<i32, Error> {
    Ok(r.ue_max(0x7fff, element)?.cast_signed() + 1)
}

/// The set that another one moved by some distance makes (7-61, 7-62).
fn predict(r: &mut BitReader<'_>, from: &Set) -> Result<Set, Error> {
    let back = r.flag("delta_rps_sign")?;
    let distance = step(r, "abs_delta_rps_minus1")?;
    let distance = if back { -distance } else { distance };
    let mut kept = Vec::new();
    for _ in 0..=from.before.len() + from.behind.len() {
        kept.push(r.flag("used_by_curr_pic_flag")? || r.flag("use_delta_flag")?);
    }
    let (in_before, rest) = kept.split_at(from.before.len());
    let (in_behind, own) = rest.split_at(from.behind.len());
    let moved = |poc: &i32, keep: &bool| Some(poc.saturating_add(distance)).filter(|_| *keep);
    let before: Vec<_> = from.before.iter().zip(in_before).filter_map(|(poc, keep)| moved(poc, keep)).collect();
    let behind: Vec<_> = from.behind.iter().zip(in_behind).filter_map(|(poc, keep)| moved(poc, keep)).collect();
    let own = own.first().filter(|keep| **keep).map(|_| distance);
    // Nearest first: those that crossed over, the picture that was moved from, those that stay.
    let ordered = |crossed: &[i32], stay: &[i32], sign: i32| -> Vec<i32> {
        crossed.iter().rev().chain(&own).chain(stay).copied().filter(|poc| poc.signum() == sign).collect()
    };
    let set = Set { before: ordered(&behind, &before, -1), behind: ordered(&before, &behind, 1) };
    let longest = set.before.len().max(set.behind.len());
    if longest > MAX_PICTURES as usize {
        return Err(r.error(ErrorKind::Invalid(longest as u64), "NumDeltaPocs"));
    }
    Ok(set)
}
