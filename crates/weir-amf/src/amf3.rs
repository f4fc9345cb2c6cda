//! AMF3 values behind the AMF0 switch marker, decoded into the same [`Value`]s. Never writes AMF3.
//!
//! Shapes AMF0 lacks: a vector becomes a strict array, a dictionary a strict array of `[key, value]` pairs, a byte
//! array a long string, an array with named items an ECMA array whose further keys are the positions.

use crate::{Error, ErrorKind, Limit, Object, Reader, Str, TypedObject, Value};

/// What later AMF3 values of the same message may refer to. Objects are not kept: references to them are not followed.
#[derive(Default, Debug)]
pub(crate) struct Tables {
    strings: Vec<Str>,
    traits: Vec<Traits>,
}

/// The shape of an object: sent once, then referred to.
#[derive(Debug)]
struct Traits {
    class: Str,
    members: Vec<Str>,
    dynamic: bool,
}

/// A number of items sent in place, or a reference to an object sent before.
enum Header {
    Inline(u32),
    Reference,
}

impl Reader<'_> {
    pub(crate) fn amf3_value(&mut self, depth: usize) -> Result<Value, Error> {
        self.charge_nodes(1)?;
        let offset = self.offset();
        Ok(match self.cursor.u8()? {
            0x00 => Value::Undefined,
            0x01 => Value::Null,
            0x02 => Value::Bool(false),
            0x03 => Value::Bool(true),
            0x04 => Value::Number(sign_extend(self.u29()?).into()),
            0x05 => Value::Number(self.cursor.f64()?),
            0x06 => Value::String(self.amf3_string()?),
            0x07 | 0x0B => self.blob(Value::Xml)?,
            0x08 => self.amf3_date()?,
            0x09 => self.amf3_array(depth)?,
            0x0A => self.amf3_object(depth)?,
            0x0C => self.blob(Value::LongString)?,
            0x0D => self.vector(|reader| reader.cursor.u32().map(|item| item.cast_signed().into()))?,
            0x0E => self.vector(|reader| reader.cursor.u32().map(f64::from))?,
            0x0F => self.vector(|reader| reader.cursor.f64())?,
            0x10 => self.object_vector(depth)?,
            0x11 => self.dictionary(depth)?,
            other => return Err(Error { offset, kind: ErrorKind::Amf3Marker(other) }),
        })
    }

    /// A whole number of up to 29 bits in 1 to 4 bytes.
    fn u29(&mut self) -> Result<u32, Error> {
        let mut value = 0;
        for _ in 0..3 {
            let byte = self.cursor.u8()?;
            value = value << 7 | u32::from(byte & 0x7F);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Ok(value << 8 | u32::from(self.cursor.u8()?))
    }

    fn header(&mut self) -> Result<Header, Error> {
        let bits = self.u29()?;
        Ok(if bits & 1 == 1 { Header::Inline(bits >> 1) } else { Header::Reference })
    }

    fn amf3_string(&mut self) -> Result<Str, Error> {
        let offset = self.offset();
        let bits = self.u29()?;
        if bits & 1 == 0 {
            let known = self.tables.strings.get((bits >> 1) as usize).cloned();
            return known.ok_or(Error { offset, kind: ErrorKind::Reference(bits >> 1) });
        }
        let text = self.string((bits >> 1) as usize)?;
        if !text.is_empty() {
            self.tables.strings.push(text.clone());
        }
        Ok(text)
    }

    fn blob(&mut self, make: fn(Str) -> Value) -> Result<Value, Error> {
        match self.header()? {
            Header::Inline(len) => self.string(len as usize).map(make),
            Header::Reference => Ok(Value::Undefined),
        }
    }

    fn amf3_date(&mut self) -> Result<Value, Error> {
        match self.header()? {
            Header::Inline(_) => Ok(Value::Date { millis: self.cursor.f64()?, zone: 0 }),
            Header::Reference => Ok(Value::Undefined),
        }
    }

    fn amf3_array(&mut self, depth: usize) -> Result<Value, Error> {
        let depth = self.enter(depth)?;
        let Header::Inline(count) = self.header()? else { return Ok(Value::Undefined) };
        let mut named = Object::new();
        self.amf3_properties(depth, &mut named)?;
        let items = self.items(count, |reader| reader.amf3_value(depth))?;
        if named.is_empty() {
            return Ok(Value::StrictArray(items));
        }
        self.check(Limit::Properties, named.len() + items.len())?;
        for (position, item) in items.into_iter().enumerate() {
            named.push(position.to_string(), item);
        }
        Ok(Value::EcmaArray(named))
    }

    fn amf3_object(&mut self, depth: usize) -> Result<Value, Error> {
        let depth = self.enter(depth)?;
        let offset = self.offset();
        let bits = self.u29()?;
        if bits & 1 == 0 {
            return Ok(Value::Undefined);
        }
        let shape = if bits & 2 == 0 { (bits >> 2) as usize } else { self.read_traits(bits)? };
        let Some(traits) = self.tables.traits.get(shape) else {
            return Err(Error { offset, kind: ErrorKind::Reference(bits >> 2) });
        };
        let (class, members, dynamic) = (traits.class.clone(), traits.members.len(), traits.dynamic);
        let mut object = Object::new();
        for member in 0..members {
            let key = self.tables.traits[shape].members[member].clone();
            object.push(key, self.amf3_value(depth)?);
        }
        if dynamic {
            self.amf3_properties(depth, &mut object)?;
        }
        Ok(if class.is_empty() { Value::Object(object) } else { Value::Typed(Box::new(TypedObject { class, object })) })
    }

    /// Reads traits sent in place and gives their index.
    fn read_traits(&mut self, bits: u32) -> Result<usize, Error> {
        if bits & 4 != 0 {
            return Err(self.error(ErrorKind::Externalizable));
        }
        let class = self.amf3_string()?;
        let count = self.checked_count(bits >> 4)?;
        self.check(Limit::Properties, count)?;
        let members = (0..count).map(|_| self.amf3_string()).collect::<Result<_, _>>()?;
        self.tables.traits.push(Traits { class, members, dynamic: bits & 8 != 0 });
        Ok(self.tables.traits.len() - 1)
    }

    /// Adds the properties up to the empty key.
    fn amf3_properties(&mut self, depth: usize, object: &mut Object) -> Result<(), Error> {
        loop {
            let key = self.amf3_string()?;
            if key.is_empty() {
                return Ok(());
            }
            self.check(Limit::Properties, object.len() + 1)?;
            object.push(key, self.amf3_value(depth)?);
        }
    }

    fn vector(&mut self, item: fn(&mut Self) -> Result<f64, Error>) -> Result<Value, Error> {
        let Header::Inline(count) = self.header()? else { return Ok(Value::Undefined) };
        let _fixed = self.cursor.u8()?;
        self.items(count, |reader| {
            reader.charge_nodes(1)?;
            item(reader).map(Value::Number)
        })
        .map(Value::StrictArray)
    }

    fn object_vector(&mut self, depth: usize) -> Result<Value, Error> {
        let depth = self.enter(depth)?;
        let Header::Inline(count) = self.header()? else { return Ok(Value::Undefined) };
        let _fixed = self.cursor.u8()?;
        let _class = self.amf3_string()?;
        self.items(count, |reader| reader.amf3_value(depth)).map(Value::StrictArray)
    }

    fn dictionary(&mut self, depth: usize) -> Result<Value, Error> {
        // Two levels: the list, and each pair in it.
        let depth = self.enter(self.enter(depth)?)?;
        let Header::Inline(count) = self.header()? else { return Ok(Value::Undefined) };
        let _weak = self.cursor.u8()?;
        self.items(count, |reader| {
            reader.charge_nodes(1)?;
            Ok(Value::StrictArray(vec![reader.amf3_value(depth)?, reader.amf3_value(depth)?]))
        })
        .map(Value::StrictArray)
    }

    fn items(
        &mut self,
        count: u32,
        mut item: impl FnMut(&mut Self) -> Result<Value, Error>,
    ) -> Result<Vec<Value>, Error> {
        (0..self.checked_count(count)?).map(|_| item(self)).collect()
    }
}

/// A 29-bit two's complement number.
const fn sign_extend(bits: u32) -> i32 {
    (bits << 3).cast_signed() >> 3
}
