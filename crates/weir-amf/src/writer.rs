//! Values to AMF0 bytes. Never writes AMF3, never fails: what AMF0 cannot carry is left out as documented.

use weir_media::{BufMut, Bytes, BytesMut};

use crate::{Object, Str, Value, marker};

/// Longest text with a 16-bit length.
const MAX_SHORT: usize = u16::MAX as usize;

/// Builds the body of a message, value by value.
#[derive(Clone, Debug, Default)]
pub struct Writer {
    out: BytesMut,
}

impl Writer {
    /// An empty body.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds text; a long string above 65,535 bytes.
    #[must_use]
    pub fn string(mut self, text: impl AsRef<[u8]>) -> Self {
        put_string(text.as_ref(), &mut self.out);
        self
    }

    /// Adds a number.
    #[must_use]
    pub fn number(mut self, number: f64) -> Self {
        put_number(number, &mut self.out);
        self
    }

    /// Adds a truth value.
    #[must_use]
    pub fn boolean(mut self, value: bool) -> Self {
        put_boolean(value, &mut self.out);
        self
    }

    /// Adds a null.
    #[must_use]
    pub fn null(mut self) -> Self {
        self.out.put_u8(marker::NULL);
        self
    }

    /// Adds an anonymous object.
    #[must_use]
    pub fn object(mut self, object: &Object) -> Self {
        put_object(object, &mut self.out);
        self
    }

    /// Adds an ECMA array.
    #[must_use]
    pub fn ecma_array(mut self, object: &Object) -> Self {
        put_ecma_array(object, &mut self.out);
        self
    }

    /// Adds any value.
    #[must_use]
    pub fn value(mut self, value: &Value) -> Self {
        encode(value, &mut self.out);
        self
    }

    /// The body.
    #[must_use]
    pub fn finish(self) -> Bytes {
        self.out.freeze()
    }
}

/// Appends `value` as AMF0.
///
/// Left out: properties with an empty key or one above 65,535 bytes, and what is over a class name's 65,535 bytes or
/// over 4 GiB of text, which AMF0 has no form for.
pub fn encode(value: &Value, out: &mut BytesMut) {
    match value {
        Value::Number(number) => put_number(*number, out),
        Value::Bool(value) => put_boolean(*value, out),
        Value::String(text) => put_string(text.as_bytes(), out),
        Value::Object(object) => put_object(object, out),
        Value::EcmaArray(object) => put_ecma_array(object, out),
        Value::StrictArray(items) => put_strict_array(items, out),
        Value::Null => out.put_u8(marker::NULL),
        Value::Undefined => out.put_u8(marker::UNDEFINED),
        Value::Date { millis, zone } => put_date(*millis, *zone, out),
        Value::LongString(text) => put_long(marker::LONG_STRING, text.as_bytes(), out),
        Value::Xml(text) => put_long(marker::XML, text.as_bytes(), out),
        Value::Typed(typed) => {
            out.put_u8(marker::TYPED_OBJECT);
            put_short(typed.class.as_bytes(), out);
            put_properties(&typed.object, out);
        }
    }
}

fn put_number(number: f64, out: &mut BytesMut) {
    out.put_u8(marker::NUMBER);
    out.put_f64(number);
}

fn put_boolean(value: bool, out: &mut BytesMut) {
    out.put_slice(&[marker::BOOLEAN, value.into()]);
}

fn put_string(text: &[u8], out: &mut BytesMut) {
    if text.len() > MAX_SHORT {
        return put_long(marker::LONG_STRING, text, out);
    }
    out.put_u8(marker::STRING);
    put_short(text, out);
}

fn put_short(text: &[u8], out: &mut BytesMut) {
    let text = &text[..text.len().min(MAX_SHORT)];
    out.put_u16(text.len() as u16);
    out.put_slice(text);
}

fn put_long(marker: u8, text: &[u8], out: &mut BytesMut) {
    let text = &text[..text.len().min(u32::MAX as usize)];
    out.put_u8(marker);
    out.put_u32(text.len() as u32);
    out.put_slice(text);
}

fn put_date(millis: f64, zone: i16, out: &mut BytesMut) {
    out.put_u8(marker::DATE);
    out.put_f64(millis);
    out.put_i16(zone);
}

fn put_strict_array(items: &[Value], out: &mut BytesMut) {
    out.put_u8(marker::STRICT_ARRAY);
    // 2^32 values would be 160 GiB of memory: the count always fits.
    out.put_u32(items.len() as u32);
    items.iter().for_each(|item| encode(item, out));
}

fn put_object(object: &Object, out: &mut BytesMut) {
    out.put_u8(marker::OBJECT);
    put_properties(object, out);
}

fn put_ecma_array(object: &Object, out: &mut BytesMut) {
    out.put_u8(marker::ECMA_ARRAY);
    out.put_u32(writable(object).count() as u32);
    put_properties(object, out);
}

fn put_properties(object: &Object, out: &mut BytesMut) {
    for (key, value) in writable(object) {
        put_short(key.as_bytes(), out);
        encode(value, out);
    }
    out.put_slice(&[0, 0, marker::OBJECT_END]);
}

/// The properties whose key AMF0 can carry.
fn writable(object: &Object) -> impl Iterator<Item = (&Str, &Value)> {
    object.iter().filter(|(key, _)| (1..=MAX_SHORT).contains(&key.len()))
}
