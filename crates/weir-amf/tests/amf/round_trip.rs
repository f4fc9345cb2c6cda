//! Properties: what is written is read back, and no bytes at all make the reader panic or break its limits.

use crate::decode;
use proptest::prelude::*;
use weir_amf::{Limits, Object, Reader, Str, TypedObject, Value, Writer};

fn text() -> impl Strategy<Value = Str> {
    prop::collection::vec(any::<u8>(), 0..40).prop_map(|bytes| Str::from(&bytes[..]))
}

fn key() -> impl Strategy<Value = Str> {
    prop::collection::vec(any::<u8>(), 1..12).prop_map(|bytes| Str::from(&bytes[..]))
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<f64>().prop_map(Value::Number),
        any::<bool>().prop_map(Value::Bool),
        text().prop_map(Value::String),
        text().prop_map(Value::LongString),
        text().prop_map(Value::Xml),
        Just(Value::Null),
        Just(Value::Undefined),
        (any::<f64>(), any::<i16>()).prop_map(|(millis, zone)| Value::Date { millis, zone }),
    ]
}

fn object(value: impl Strategy<Value = Value> + 'static) -> impl Strategy<Value = Object> {
    prop::collection::vec((key(), value), 0..6).prop_map(Object::from_iter)
}

fn value() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(6, 64, 6, |inner| {
        prop_oneof![
            object(inner.clone()).prop_map(Value::Object),
            object(inner.clone()).prop_map(Value::EcmaArray),
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::StrictArray),
            (text(), object(inner)).prop_map(|(class, object)| Value::Typed(Box::new(TypedObject { class, object }))),
        ]
    })
}

fn count(value: &Value) -> usize {
    let inside: usize = match value {
        Value::StrictArray(items) => items.iter().map(count).sum(),
        other => other.as_object().map_or(0, |object| object.iter().map(|(_, value)| count(value)).sum()),
    };
    inside + 1
}

proptest! {
    #[test]
    fn written_values_are_read_back(values in prop::collection::vec(value(), 0..4)) {
        let body = values.iter().fold(Writer::new(), Writer::value).finish();
        let decoded = decode(&body).unwrap();
        let again = decoded.iter().fold(Writer::new(), Writer::value).finish();
        // Bytes, because a NaN is not equal to itself.
        prop_assert_eq!(again, body);
        prop_assert_eq!(decoded.len(), values.len());
    }

    #[test]
    fn any_bytes_keep_to_the_limits(body in prop::collection::vec(any::<u8>(), 0..300)) {
        let limits = Limits { depth: 3, nodes: 20, properties: 4, string: 16 };
        let values: Vec<Value> = Reader::new(&body, limits).filter_map(Result::ok).collect();
        prop_assert!(values.iter().map(count).sum::<usize>() <= limits.nodes);
    }

    #[test]
    fn marker_soup_never_panics_and_is_written_back(soup in prop::collection::vec(0_u8..0x14, 0..200), amf3: bool) {
        let mut body = if amf3 { vec![0x11] } else { Vec::new() };
        body.extend(soup);
        for value in Reader::new(&body, Limits::COMMAND).filter_map(Result::ok) {
            let bytes = Writer::new().value(&value).finish();
            prop_assert_eq!(decode(&bytes).unwrap().len(), 1);
        }
    }
}
