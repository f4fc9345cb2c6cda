//! [`Reader`]: AMF0 bytes to values, within limits. Lenient where real peers are sloppy, never deeper or larger than
//! [`Limits`] allow.

use crate::amf3::Tables;
use crate::cursor::Cursor;
use crate::{Error, ErrorKind, Limit, Limits, Object, Str, TypedObject, Value, marker};

/// Reads the values of one message or script tag one after the other.
///
/// As an iterator it yields each value, or one error and then nothing more.
///
/// Tolerated, because peers do it: ECMA array counts that lie, a missing object end marker at the end of the data,
/// repeated keys, text that is not UTF-8. References are decoded as [`Value::Undefined`], never followed.
#[derive(Debug)]
pub struct Reader<'a> {
    pub(crate) cursor: Cursor<'a>,
    pub(crate) limits: Limits,
    pub(crate) tables: Tables,
    nodes_left: usize,
    failed: bool,
}

impl<'a> Reader<'a> {
    /// A reader over `data`, all of whose values together keep to `limits`.
    #[must_use]
    pub fn new(data: &'a [u8], limits: Limits) -> Self {
        Self { cursor: Cursor::new(data), limits, tables: Tables::default(), nodes_left: limits.nodes, failed: false }
    }

    /// Bytes read so far; after an error, somewhere in the broken value.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.cursor.pos()
    }

    /// Every value up to the end of the data. Bytes at a value's place that start no value end the list without an
    /// error: some peers leave garbage after the last argument.
    ///
    /// # Errors
    /// The first value that starts well but is broken or over a limit.
    pub fn rest(&mut self) -> Result<Vec<Value>, Error> {
        let mut values = Vec::new();
        loop {
            let start = self.offset();
            match self.next() {
                None => return Ok(values),
                Some(Ok(value)) => values.push(value),
                Some(Err(Error { offset, kind: ErrorKind::Marker(_) })) if offset == start => return Ok(values),
                Some(Err(error)) => return Err(error),
            }
        }
    }

    pub(crate) fn value(&mut self, depth: usize) -> Result<Value, Error> {
        self.charge_nodes(1)?;
        let offset = self.offset();
        Ok(match self.cursor.u8()? {
            marker::NUMBER => Value::Number(self.cursor.f64()?),
            marker::BOOLEAN => Value::Bool(self.cursor.u8()? != 0),
            marker::STRING => Value::String(self.short_string()?),
            marker::OBJECT => Value::Object(self.properties(depth)?),
            marker::NULL => Value::Null,
            marker::UNDEFINED | marker::UNSUPPORTED => Value::Undefined,
            marker::REFERENCE => self.cursor.u16().map(|_| Value::Undefined)?,
            marker::ECMA_ARRAY => self.ecma_array(depth)?,
            marker::STRICT_ARRAY => self.strict_array(depth)?,
            marker::DATE => Value::Date { millis: self.cursor.f64()?, zone: self.cursor.u16()?.cast_signed() },
            marker::LONG_STRING => Value::LongString(self.long_string()?),
            marker::XML => Value::Xml(self.long_string()?),
            marker::TYPED_OBJECT => self.typed_object(depth)?,
            marker::AMF3 => self.amf3_value(depth)?,
            other => return Err(Error { offset, kind: ErrorKind::Marker(other) }),
        })
    }

    fn ecma_array(&mut self, depth: usize) -> Result<Value, Error> {
        // The count is advisory and often wrong: the end marker decides.
        self.cursor.u32()?;
        Ok(Value::EcmaArray(self.properties(depth)?))
    }

    fn typed_object(&mut self, depth: usize) -> Result<Value, Error> {
        let class = self.short_string()?;
        let object = self.properties(depth)?;
        Ok(Value::Typed(Box::new(TypedObject { class, object })))
    }

    fn strict_array(&mut self, depth: usize) -> Result<Value, Error> {
        let depth = self.enter(depth)?;
        let count = self.cursor.u32()?;
        let count = self.checked_count(count)?;
        (0..count).map(|_| self.value(depth)).collect::<Result<_, _>>().map(Value::StrictArray)
    }

    fn properties(&mut self, depth: usize) -> Result<Object, Error> {
        let depth = self.enter(depth)?;
        let mut object = Object::new();
        while let Some(key) = self.key()? {
            self.check(Limit::Properties, object.len() + 1)?;
            object.push(key, self.value(depth)?);
        }
        Ok(object)
    }

    /// The next key, or `None` at the end of the object.
    fn key(&mut self) -> Result<Option<Str>, Error> {
        if matches!(self.cursor.rest(), [] | [0] | [0, 0]) {
            // Old writers leave the end marker out at the end of a tag.
            self.cursor.skip_rest();
            return Ok(None);
        }
        let offset = self.offset();
        let key = self.short_string()?;
        if !key.is_empty() {
            return Ok(Some(key));
        }
        match self.cursor.u8()? {
            marker::OBJECT_END => Ok(None),
            _ => Err(Error { offset, kind: ErrorKind::EmptyKey }),
        }
    }

    fn short_string(&mut self) -> Result<Str, Error> {
        let len = self.cursor.u16()?;
        self.string(len.into())
    }

    fn long_string(&mut self) -> Result<Str, Error> {
        let len = self.cursor.u32()?;
        self.string(len as usize)
    }

    pub(crate) fn string(&mut self, len: usize) -> Result<Str, Error> {
        self.check(Limit::String, len)?;
        self.cursor.take(len).map(Str::from)
    }

    /// A count of items that take at least a byte each, checked before memory is taken for them.
    pub(crate) fn checked_count(&self, count: u32) -> Result<usize, Error> {
        let count = count as usize;
        if count > self.cursor.rest().len() {
            return Err(self.error(ErrorKind::Truncated));
        }
        if count > self.nodes_left {
            return Err(self.over(Limit::Nodes));
        }
        Ok(count)
    }

    pub(crate) fn charge_nodes(&mut self, count: usize) -> Result<(), Error> {
        self.nodes_left = self.nodes_left.checked_sub(count).ok_or_else(|| self.over(Limit::Nodes))?;
        Ok(())
    }

    /// The depth inside one more object or array.
    pub(crate) fn enter(&self, depth: usize) -> Result<usize, Error> {
        self.check(Limit::Depth, depth + 1)?;
        Ok(depth + 1)
    }

    pub(crate) fn check(&self, limit: Limit, amount: usize) -> Result<(), Error> {
        if amount > self.max(limit) { Err(self.over(limit)) } else { Ok(()) }
    }

    const fn max(&self, limit: Limit) -> usize {
        match limit {
            Limit::Depth => self.limits.depth,
            Limit::Nodes => self.limits.nodes,
            Limit::Properties => self.limits.properties,
            Limit::String => self.limits.string,
        }
    }

    fn over(&self, limit: Limit) -> Error {
        self.error(ErrorKind::Limit { limit, max: self.max(limit) })
    }

    pub(crate) const fn error(&self, kind: ErrorKind) -> Error {
        Error { offset: self.cursor.pos(), kind }
    }
}

impl Iterator for Reader<'_> {
    type Item = Result<Value, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed || self.cursor.rest().is_empty() {
            return None;
        }
        let value = self.value(0);
        self.failed = value.is_err();
        Some(value)
    }
}

/// The AMF0 part of a message of type 15 or 17, or of an FLV tag of type 15: those start with a format byte 0, which
/// some peers forget. Bodies of the AMF0 types come back as they are.
#[must_use]
pub fn skip_format_byte(body: &[u8]) -> &[u8] {
    match body {
        [0, rest @ ..] => rest,
        _ => body,
    }
}
