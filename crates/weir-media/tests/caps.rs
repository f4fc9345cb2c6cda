//! The capability algebra against its definition: `feeds` says whether *some* PID that keeps the promises of one bundle
//! is accepted by the next, and here all PIDs of a small world are tried.

use proptest::prelude::*;
use weir_media::{Bundle, Cap, CodecId, Delivery, Kinds, Prop, Props, StreamType, Value};

/// Properties of the world with their values. `Unframed` does not tell kinds of stream apart, the others do.
fn world() -> [(Prop, Vec<Value>); 5] {
    [
        (Prop::StreamType, vec![StreamType::Visual.into(), StreamType::File.into()]),
        (Prop::CodecId, vec![CodecId::Avc.into(), CodecId::Aac.into(), CodecId::Raw.into()]),
        (Prop::Unframed, vec![true.into(), false.into()]),
        (Prop::FileExt, vec!["flv".into(), "ts".into(), "mp4".into()]),
        (Prop::Delivery, vec![Delivery::File.into(), Delivery::Live.into()]),
    ]
}

const TELLS_KINDS: [Prop; 4] = [Prop::StreamType, Prop::CodecId, Prop::FileExt, Prop::Delivery];

/// Every PID there is.
fn all_pids() -> Vec<Props> {
    // One value that no cap names.
    let extended = world().map(|(p, v)| (p, if p == Prop::FileExt { [v, vec!["odd".into()]].concat() } else { v }));
    extended.iter().fold(vec![Props::new()], |pids, (prop, values)| {
        let with = |pid: &Props| values.iter().map(|v| pid.clone().with(*prop, v.clone())).collect::<Vec<_>>();
        pids.iter().flat_map(|pid| [vec![pid.clone()], with(pid)].concat()).collect()
    })
}

/// Whether `pid` keeps what output caps promise, and says nothing of its kind beyond them.
fn keeps(pid: &Props, promises: &[Cap]) -> bool {
    world().iter().all(|(prop, _)| {
        let caps: Vec<&Cap> = promises.iter().filter(|c| c.prop == *prop).collect();
        let is = |c: &&&Cap| pid.get(*prop).is_some_and(|v| alike(v, &c.value));
        let given = caps.iter().filter(|c| !c.excluded).any(|c| is(&c));
        let is_other = caps.iter().any(|c| c.excluded) && !caps.iter().filter(|c| c.excluded).any(|c| is(&c));
        match pid.get(*prop) {
            _ if caps.is_empty() => pid.get(*prop).is_none() || !TELLS_KINDS.contains(prop),
            Some(_) => given || is_other,
            None => caps.iter().any(|c| c.excluded || c.optional),
        }
    })
}

/// A value and one of a cap, which may list alternatives.
fn alike(value: &Value, listed: &Value) -> bool {
    match (value, listed) {
        (Value::Str(v), Value::Str(list)) => &**list == "*" || list.split('|').any(|item| item == &**v),
        _ => value == listed,
    }
}

fn cap() -> impl Strategy<Value = Cap> {
    let plain: Vec<(Prop, Value)> =
        world().into_iter().flat_map(|(p, values)| values.into_iter().map(move |v| (p, v))).collect();
    let listed = ["flv|ts", "ts|mp4", "*"].map(|l| (Prop::FileExt, l.into()));
    let all = plain.into_iter().chain(listed).collect::<Vec<_>>();
    (prop::sample::select(all), any::<bool>(), prop::bool::weighted(0.2)).prop_map(
        |((prop, value), excluded, absent)| {
            let is_list = matches!(&value, Value::Str(s) if s.contains(['|', '*']));
            let cap = if excluded && !is_list { Cap::not(prop, value) } else { Cap::is(prop, value) };
            if absent { cap.or_absent() } else { cap }
        },
    )
}

fn bundle() -> impl Strategy<Value = Bundle> {
    let caps = || prop::collection::vec(cap(), 0..6);
    (caps(), caps()).prop_map(|(inputs, outputs)| Bundle::new(inputs, outputs))
}

proptest! {
    #[test]
    fn one_feeds_another_when_some_pid_between_them_can_be(a in bundle(), b in bundle()) {
        let between: Vec<Props> =
            all_pids().into_iter().filter(|pid| keeps(pid, &a.outputs) && b.accepts(pid).is_ok()).collect();
        let can = !a.outputs.is_empty() && !between.is_empty();
        prop_assert_eq!(a.feeds(&b), can, "{:?}", between.first().map(ToString::to_string));
        prop_assert!(!can || Kinds::of(&a.outputs).meets(Kinds::of(&b.inputs)), "kinds never part what fits");
    }

    #[test]
    fn the_first_property_that_refuses_is_named(a in bundle(), which in any::<prop::sample::Index>()) {
        let pid = which.get(&all_pids()).clone();
        prop_assert!(a.accepts(&pid).is_err() || Kinds::of(&a.inputs).meets(Kinds::of_pid(&pid)), "nor what is taken");
        if let Err(refused) = a.accepts(&pid) {
            let alone = |p: Prop| a.inputs.iter().filter(|c| c.prop == p).cloned().collect::<Vec<_>>();
            let earlier = a.inputs.iter().map(|c| c.prop).take_while(|p| *p != refused);
            prop_assert!(a.inputs.is_empty() || Bundle::new(alone(refused), []).accepts(&pid) == Err(refused));
            for prop in earlier {
                prop_assert_eq!(Bundle::new(alone(prop), []).accepts(&pid), Ok(()));
            }
        }
    }

    #[test]
    fn more_conditions_never_let_more_in(a in bundle(), more in cap(), which in any::<prop::sample::Index>()) {
        let pid = which.get(&all_pids()).clone();
        let is_new = a.inputs.iter().all(|c| c.prop != more.prop);
        let narrow = Bundle::new([a.inputs.clone(), vec![more]].concat(), []);
        if is_new && !a.inputs.is_empty() && narrow.accepts(&pid).is_ok() {
            prop_assert_eq!(a.accepts(&pid), Ok(()));
        }
    }
}

#[test]
fn two_exclusions_both_count() {
    let gives = |v: CodecId| Bundle::new([], [Cap::is(Prop::CodecId, v)]);
    let neither = Bundle::new([Cap::not(Prop::CodecId, CodecId::Avc), Cap::not(Prop::CodecId, CodecId::Aac)], []);
    assert!(!gives(CodecId::Avc).feeds(&neither) && !gives(CodecId::Aac).feeds(&neither));
    assert!(gives(CodecId::Raw).feeds(&neither));
}
