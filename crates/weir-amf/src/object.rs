//! [`Object`]: properties in the order they were sent. Never reorders, never hashes.

use crate::{Str, Value};

/// Named values in order. A key may occur more than once when the peer sent it so; the last one counts.
///
/// AMF0 cannot carry an empty key or one above 65,535 bytes: [`encode`](crate::encode) leaves such properties out.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Object(Vec<(Str, Value)>);

impl Object {
    /// An object without properties.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// The object with `key` set; see [`Object::set`].
    #[must_use]
    pub fn with(mut self, key: impl Into<Str>, value: impl Into<Value>) -> Self {
        self.set(key, value);
        self
    }

    /// Sets `key`, in its old place when it is there already, else at the end.
    pub fn set(&mut self, key: impl Into<Str>, value: impl Into<Value>) {
        let (key, value) = (key.into(), value.into());
        match self.0.iter_mut().rfind(|(k, _)| *k == key) {
            Some(slot) => slot.1 = value,
            None => self.0.push((key, value)),
        }
    }

    /// Adds a property at the end without looking for an older one of that name.
    pub fn push(&mut self, key: impl Into<Str>, value: impl Into<Value>) {
        self.0.push((key.into(), value.into()));
    }

    /// The value of `key`; the last one when the key repeats.
    #[must_use]
    pub fn get(&self, key: impl AsRef<[u8]>) -> Option<&Value> {
        let key = key.as_ref();
        self.0.iter().rfind(|(k, _)| k.as_bytes() == key).map(|(_, value)| value)
    }

    /// The properties in order, repeated keys included.
    pub fn iter(&self) -> impl Iterator<Item = (&Str, &Value)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// Number of properties, repeated keys included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no property.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(Str, Value)> for Object {
    fn from_iter<I: IntoIterator<Item = (Str, Value)>>(properties: I) -> Self {
        Self(properties.into_iter().collect())
    }
}

impl IntoIterator for Object {
    type Item = (Str, Value);
    type IntoIter = std::vec::IntoIter<(Str, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
