//! How either side says that it knows Enhanced RTMP (v2, "Enhancing NetConnection connect Command"). All codecs are named at
//! once: nothing is looked into on its way.

use weir_amf::{Object, Value};

/// Properties by which it is said.
const PROPERTIES: [&str; 4] = ["fourCcList", "videoFourCcInfoMap", "audioFourCcInfoMap", "capsEx"];
/// Bits of the maps.
pub(super) const CAN_DECODE: f64 = 1.0;
pub(super) const CAN_FORWARD: f64 = 4.0;
/// Bits of `capsEx`.
pub(super) const RECONNECT: u32 = 1;
const MULTITRACK: u32 = 2;
const MODEX: u32 = 4;
const NANO_OFFSET: u32 = 8;

/// Says so. `what` is what is done with every codec; `reconnects`, whether who is asked to connect again does.
pub(super) fn announce(object: &mut Object, what: f64, reconnects: bool) {
    let reconnect = if reconnects { RECONNECT } else { 0 };
    let any = || Value::from(Object::new().with("*", what));
    object.set("fourCcList", Value::StrictArray(vec!["*".into()]));
    object.set("videoFourCcInfoMap", any());
    object.set("audioFourCcInfoMap", any());
    object.set("capsEx", f64::from(reconnect | MULTITRACK | MODEX | NANO_OFFSET));
}

/// Whether the other side says so.
pub(super) fn is_announced(object: &Object) -> bool {
    PROPERTIES.iter().any(|key| object.get(key).is_some())
}

/// Whether the other side connects again when it is asked to.
pub(super) fn reconnects(object: &Object) -> bool {
    object.get("capsEx").and_then(Value::as_u32).unwrap_or(0) & RECONNECT != 0
}
