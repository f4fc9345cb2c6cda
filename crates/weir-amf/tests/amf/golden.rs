//! Known bytes, both ways: the tables of the facts sheet, sections 4.1, 4.3 and 4.4, and checks 32 and 33.

use crate::{decode, hex};
use weir_amf::{Limits, Object, Reader, Str, Value, Writer, skip_format_byte};

fn both_ways(bytes: &str, value: &Value) {
    let bytes = hex(bytes);
    assert_eq!(decode(&bytes).unwrap(), std::slice::from_ref(value));
    assert_eq!(Writer::new().value(value).finish(), bytes, "{value:?}");
}

fn decodes_to(bytes: &str, value: Value) {
    assert_eq!(decode(&hex(bytes)).unwrap(), [value], "{bytes}");
}

#[test]
fn amf0_values() {
    both_ways("00 3ff0000000000000", &1.0.into());
    both_ways("00 c09f400000000000", &(-2000.0).into());
    both_ways("01 01", &true.into());
    both_ways("02 0004 6c697665", &"live".into());
    both_ways("02 0000", &"".into());
    both_ways("05", &Value::Null);
    both_ways("06", &Value::Undefined);
    both_ways("03 0003 617070 02 0004 6c697665 0000 09", &Object::new().with("app", "live").into());
    both_ways("03 0000 09", &Object::new().into());
    both_ways(
        "08 00000002 0005 7769647468 00 4074000000000000 0006 73746572656f 01 00 0000 09",
        &Value::EcmaArray(Object::new().with("width", 320.0).with("stereo", false)),
    );
    both_ways("0a 00000002 02 0004 61763031 00 3ff0000000000000", &vec!["av01".into(), 1.0.into()].into());
    both_ways("0b 0000000000000000 0000", &Value::Date { millis: 0.0, zone: 0 });
    both_ways("0c 00000002 6869", &Value::LongString("hi".into()));
    both_ways("0f 00000003 3c612f", &Value::Xml("<a/".into()));
}

#[test]
fn commands() {
    let commands = [
        (
            Writer::new().string("createStream").number(4.0).null(),
            "02 000c 63726561746553747265616d 00 4010000000000000 05",
        ),
        (
            Writer::new().string("_result").number(4.0).null().number(1.0),
            "02 0007 5f726573756c74 00 4010000000000000 05 00 3ff0000000000000",
        ),
        (
            Writer::new().string("publish").number(5.0).null().string("").string("live"),
            "02 0007 7075626c697368 00 4014000000000000 05 02 0000 02 0004 6c697665",
        ),
        (
            Writer::new().string("|RtmpSampleAccess").boolean(true).boolean(true),
            "02 0011 7c52746d7053616d706c65416363657373 01 01 01 01",
        ),
    ];
    for (command, bytes) in commands {
        assert_eq!(command.finish(), hex(bytes));
    }
}

#[test]
fn status_object() {
    let info = Object::new().with("level", "status").with("code", "NetStream.Publish.Start").with("description", "ok");
    let body = Writer::new().string("onStatus").number(0.0).null().object(&info).finish();
    let golden = "02 0008 6f6e537461747573 00 0000000000000000 05 03 0005 6c6576656c 02 0006 737461747573
        0004 636f6465 02 0017 4e657453747265616d2e5075626c6973682e5374617274
        000b 6465736372697074696f6e 02 0002 6f6b 0000 09";
    assert_eq!(body, hex(golden));
}

#[test]
fn typed_object_keeps_its_class_as_data() {
    let bytes = hex("10 0003 466f6f 0001 61 05 0000 09");
    let values = decode(&bytes).unwrap();
    let Value::Typed(typed) = &values[0] else { panic!("{values:?}") };
    assert_eq!(typed.class, "Foo");
    assert_eq!(values[0].get("a"), Some(&Value::Null));
    assert_eq!(Writer::new().value(&values[0]).finish(), bytes);
}

#[test]
fn ecma_count_is_ignored() {
    for count in ["00000000", "00000001", "00000014", "ffffffff"] {
        let bytes = hex(&format!("08 {count} 0005 7769647468 00 4074000000000000 0000 09"));
        assert_eq!(decode(&bytes).unwrap()[0].get("width"), Some(&320.0.into()), "count {count}");
    }
}

#[test]
fn a_missing_object_end_at_the_end_of_data_is_tolerated() {
    let whole = hex("08 00000001 0005 7769647468 00 4074000000000000 0000 09");
    for cut in 0..=3 {
        assert_eq!(decode(&whole[..whole.len() - cut]).unwrap()[0].get("width"), Some(&320.0.into()), "cut {cut}");
    }
    assert!(decode(&whole[..whole.len() - 4]).is_err());
}

#[test]
fn metadata_of_sloppy_peers() {
    let nuls = "00".repeat(32);
    let bytes = hex(&format!(
        "03 0007 70726f66696c65 02 0020 {nuls} 0001 64 0b 0000000000000000 0000 0001 75 06
         0001 72 07 0000 0001 6c 0c 00000002 6869 0001 33 11 01 0003 626164 02 0002 ff41 0000 09"
    ));
    let value = decode(&bytes).unwrap().remove(0);
    assert_eq!(value.get("profile").and_then(Value::as_bytes), Some(&[0; 32][..]));
    assert_eq!(value.get("d"), Some(&Value::Date { millis: 0.0, zone: 0 }));
    assert_eq!(value.get("u"), Some(&Value::Undefined));
    assert_eq!(value.get("r"), Some(&Value::Undefined), "references are never followed");
    assert_eq!(value.get("l").and_then(Value::as_str).as_deref(), Some("hi"));
    assert_eq!(value.get("3"), Some(&Value::Null));
    assert_eq!(value.get("bad").and_then(Value::as_bytes), Some(&[0xFF, 0x41][..]));
    assert_eq!(value.get("bad").and_then(Value::as_str).as_deref(), Some("\u{FFFD}A"));

    let again = Writer::new().value(&value).finish();
    assert_eq!(decode(&again).unwrap(), [value]);
}

#[test]
fn repeated_keys_count_last() {
    let values = decode(&hex("03 0001 61 00 3ff0000000000000 0001 61 01 07 0000 09")).unwrap();
    assert_eq!(values[0].get("a"), Some(&true.into()));
    assert_eq!(values[0].as_object().unwrap().len(), 2);
}

#[test]
fn setting_a_key_again_replaces_it_in_place() {
    let object = Object::new().with("a", 1.0).with("b", 2.0).with("a", 3.0);
    assert_eq!(object, Object::new().with("a", 3.0).with("b", 2.0));
}

#[test]
fn garbage_after_the_last_argument_is_left_alone() {
    let body = hex("02 0004 706c6179 00 4010000000000000 fe 01 02");
    let mut reader = Reader::new(&body, Limits::COMMAND);
    assert_eq!(reader.rest().unwrap(), ["play".into(), 4.0.into()]);
    let broken = hex("02 0004 706c6179 03 0001 61 fe");
    assert_eq!(Reader::new(&broken, Limits::COMMAND).rest().unwrap_err().offset, 11);
}

#[test]
fn format_byte_of_amf3_messages() {
    assert_eq!(skip_format_byte(&[0, 2, 0, 0]), [2, 0, 0]);
    assert_eq!(skip_format_byte(&[2, 0, 0]), [2, 0, 0]);
    assert_eq!(skip_format_byte(&[]), []);
}

#[test]
fn doubles_keep_every_bit() {
    for bits in [0x7FF0_0000_0000_0001, 0xFFF8_1234_5678_9ABC, 0x8000_0000_0000_0000, 1, u64::MAX] {
        let body = Writer::new().number(f64::from_bits(bits)).finish();
        assert_eq!(body[1..], bits.to_be_bytes());
        assert_eq!(decode(&body).unwrap()[0].as_f64().unwrap().to_bits(), bits);
    }
}

#[test]
fn numbers_saturate_as_whole_ones() {
    let cases = [(-1.0, 0), (1.9, 1), (f64::NAN, 0), (f64::INFINITY, u32::MAX), (1_635_148_593.0, 1_635_148_593)];
    for (number, whole) in cases {
        assert_eq!(Value::Number(number).as_u32(), Some(whole));
    }
    assert_eq!(Value::Null.as_u32(), None);
}

#[test]
fn text_above_64_kib_becomes_a_long_string() {
    let text = "x".repeat(65_536);
    let body = Writer::new().string(&text).finish();
    assert_eq!(body[..5], [0x0C, 0, 1, 0, 0]);
    assert_eq!(Writer::new().string(&text[1..]).finish()[..3], [0x02, 0xFF, 0xFF]);
    assert_eq!(decode(&body).unwrap(), [Value::LongString(text.as_str().into())]);
}

#[test]
fn keys_amf0_cannot_carry_are_left_out() {
    let object = Object::new().with("", 1.0).with("k".repeat(65_536), 2.0).with("a", 3.0);
    let body = Writer::new().ecma_array(&object).finish();
    assert_eq!(body, hex("08 00000001 0001 61 00 4008000000000000 0000 09"));
}

#[test]
fn amf3_scalars() {
    decodes_to("11 00", Value::Undefined);
    decodes_to("11 01", Value::Null);
    decodes_to("11 02", false.into());
    decodes_to("11 03", true.into());
    decodes_to("11 04 7f", 127.0.into());
    decodes_to("11 04 8100", 128.0.into());
    decodes_to("11 04 ffff7f", 2_097_151.0.into());
    decodes_to("11 04 80c08000", 2_097_152.0.into());
    decodes_to("11 04 bfffffff", 268_435_455.0.into());
    decodes_to("11 04 c0808000", (-268_435_456.0).into());
    decodes_to("11 04 ffffffff", (-1.0).into());
    decodes_to("11 05 3ff8000000000000", 1.5.into());
    decodes_to("11 06 07 616263", "abc".into());
    decodes_to("11 06 01", "".into());
    decodes_to("11 07 05 3c61", Value::Xml("<a".into()));
    decodes_to("11 08 01 408f400000000000", Value::Date { millis: 1000.0, zone: 0 });
    decodes_to("11 0c 07 00ff00", Value::LongString(Str::from(&[0, 255, 0][..])));
}

#[test]
fn amf3_containers() {
    decodes_to("11 09 05 01 04 01 06 03 61", vec![1.0.into(), "a".into()].into());
    let mixed = Object::new().with("k", true).with("0", 7.0);
    decodes_to("11 09 03 03 6b 03 01 04 07", Value::EcmaArray(mixed));
    decodes_to("11 0a 0b 01 03 61 04 05 01", Object::new().with("a", 5.0).into());
    decodes_to("11 0d 05 00 ffffffff 00000002", vec![(-1.0).into(), 2.0.into()].into());
    decodes_to("11 0e 03 00 ffffffff", vec![4_294_967_295.0.into()].into());
    decodes_to("11 0f 03 01 3ff0000000000000", vec![1.0.into()].into());
    decodes_to("11 10 03 00 01 03", vec![true.into()].into());
    decodes_to("11 11 03 00 06 03 6b 02", vec![vec!["k".into(), false.into()].into()].into());
}

#[test]
fn amf3_sealed_object_and_references() {
    // [Point{x: 1, y: 2}, Point{x: 3, y: "x"} by traits reference, object reference] with a string reference.
    let bytes = hex("11 09 07 01 0a 23 0b 506f696e74 03 78 03 79 04 01 04 02  0a 01 04 03 06 02  0a 02");
    let value = decode(&bytes).unwrap().remove(0);
    let points = value.as_array().unwrap();
    let Value::Typed(first) = &points[0] else { panic!("{value:?}") };
    assert_eq!(first.class, "Point");
    assert_eq!(first.object, Object::new().with("x", 1.0).with("y", 2.0));
    assert_eq!(points[1].get("x"), Some(&3.0.into()));
    assert_eq!(points[1].get("y"), Some(&"x".into()));
    assert_eq!(points[2], Value::Undefined);
}

#[test]
fn one_switch_covers_one_value_and_tables_span_the_message() {
    let values = decode(&hex("11 06 03 61 02 0001 62 11 06 00")).unwrap();
    assert_eq!(values, ["a".into(), "b".into(), "a".into()]);
}
