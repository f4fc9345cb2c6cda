//! [`Value`]: one AMF value. Holds data only; nothing here knows the wire form.

use std::borrow::Cow;

use crate::{Object, Str};

/// One value, as AMF0 knows them. AMF3 values are decoded into the same set.
///
/// `==` compares numbers as `f64` does, so a NaN differs from itself.
#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    /// A double; bit exact in both directions.
    Number(f64),
    /// A truth value.
    Bool(bool),
    /// Text. Written as a long string above 65,535 bytes.
    String(Str),
    /// An anonymous object.
    Object(Object),
    /// An associative array: an object by another marker, the usual form of `onMetaData`.
    EcmaArray(Object),
    /// Values by position.
    StrictArray(Vec<Value>),
    /// Null.
    Null,
    /// Undefined. Also stands for references (never followed) and for the "unsupported" marker.
    Undefined,
    /// A point in time.
    Date {
        /// Milliseconds since 1970 UTC.
        millis: f64,
        /// Reserved by the specification, 0.
        zone: i16,
    },
    /// Text with a 32-bit length; also an AMF3 byte array.
    LongString(Str),
    /// An XML document, not parsed.
    Xml(Str),
    /// An object with a class name, which is data to us and never acted upon.
    Typed(Box<TypedObject>),
}

/// The content of [`Value::Typed`].
#[derive(Clone, PartialEq, Debug)]
pub struct TypedObject {
    /// The class name.
    pub class: Str,
    /// The properties.
    pub object: Object,
}

impl Value {
    /// The number.
    #[must_use]
    pub const fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// The number as a whole one: fraction cut, out of range pulled to the nearest end, NaN as 0.
    #[must_use]
    pub fn as_u32(&self) -> Option<u32> {
        self.as_f64().map(|number| number as u32)
    }

    /// The truth value.
    #[must_use]
    pub const fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(bool) => Some(*bool),
            _ => None,
        }
    }

    /// The bytes of a string, long string or XML document.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::String(text) | Self::LongString(text) | Self::Xml(text) => Some(text.as_bytes()),
            _ => None,
        }
    }

    /// The text of a string, long string or XML document, with U+FFFD in place of bytes that are not UTF-8.
    #[must_use]
    pub fn as_str(&self) -> Option<Cow<'_, str>> {
        self.as_bytes().map(String::from_utf8_lossy)
    }

    /// The properties of an object, ECMA array or typed object.
    #[must_use]
    pub fn as_object(&self) -> Option<&Object> {
        match self {
            Self::Object(object) | Self::EcmaArray(object) => Some(object),
            Self::Typed(typed) => Some(&typed.object),
            _ => None,
        }
    }

    /// The items of a strict array.
    #[must_use]
    pub fn as_array(&self) -> Option<&[Value]> {
        match self {
            Self::StrictArray(items) => Some(items),
            _ => None,
        }
    }

    /// The property `key` of anything that has properties.
    #[must_use]
    pub fn get(&self, key: impl AsRef<[u8]>) -> Option<&Value> {
        self.as_object()?.get(key)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl From<bool> for Value {
    fn from(bool: bool) -> Self {
        Self::Bool(bool)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text.into())
    }
}

impl From<Str> for Value {
    fn from(text: Str) -> Self {
        Self::String(text)
    }
}

impl From<Object> for Value {
    fn from(object: Object) -> Self {
        Self::Object(object)
    }
}

impl From<Vec<Value>> for Value {
    fn from(items: Vec<Value>) -> Self {
        Self::StrictArray(items)
    }
}
