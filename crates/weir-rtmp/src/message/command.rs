//! Commands: a name, a transaction number and values. See RTMP 1.0 section 7.2.

use weir_amf::{Limits, Object, Reader, Value, Writer, skip_format_byte};

use super::{Message, kind};
use crate::error::ErrorKind;

/// A command as read. Has no `Debug` on purpose: its values may hold credentials.
#[derive(Clone, PartialEq)]
pub struct Command {
    /// What to do.
    pub name: String,
    /// Transaction number, echoed bit for bit in the answer; 0 asks for none.
    pub txn: f64,
    /// What follows: the command object first (null when there is none), then the arguments.
    pub values: Vec<Value>,
}

impl Command {
    /// Reads the body of a command message, AMF0 or AMF3.
    ///
    /// # Errors
    /// [`ErrorKind::Amf`] for broken values, [`ErrorKind::NamelessCommand`] when the first is not a string.
    pub fn parse(body: &[u8]) -> Result<Self, ErrorKind> {
        let mut values = Reader::new(skip_format_byte(body), Limits::COMMAND).rest()?.into_iter();
        let name = values.next().as_ref().and_then(Value::as_str).ok_or(ErrorKind::NamelessCommand)?.into_owned();
        let txn = values.next().and_then(|v| v.as_f64()).unwrap_or(0.0);
        Ok(Self { name, txn, values: values.collect() })
    }

    /// Argument `n`, not counting the command object; null when missing.
    #[must_use]
    pub fn arg(&self, n: usize) -> &Value {
        self.values.get(n + 1).unwrap_or(&Value::Null)
    }

    /// Argument `n` as text; empty when it is missing or not text.
    #[must_use]
    pub fn text(&self, n: usize) -> String {
        self.arg(n).as_str().unwrap_or_default().into_owned()
    }

    /// The command object; an empty one when it is missing.
    #[must_use]
    pub fn object(&self) -> Object {
        self.values.first().and_then(Value::as_object).cloned().unwrap_or_default()
    }

    /// The message for message stream `msid`.
    #[must_use]
    pub fn message(&self, msid: u32) -> Message {
        let head = Writer::new().string(&self.name).number(self.txn);
        let body = self.values.iter().fold(head, |w, value| w.value(value)).finish();
        Message { kind: kind::COMMAND_AMF0, timestamp: 0, msid, body }
    }

    /// A command of ours.
    #[must_use]
    pub fn new(name: &str, txn: f64, values: Vec<Value>) -> Self {
        Self { name: name.to_owned(), txn, values }
    }

    /// `_result` for `txn`, with the command object and an argument.
    #[must_use]
    pub fn result(txn: f64, object: impl Into<Value>, value: impl Into<Value>) -> Self {
        Self::new("_result", txn, vec![object.into(), value.into()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handshake::tests::hex;

    /// The byte-exact commands of the facts sheet, section 4.4.
    #[test]
    fn wire_forms() {
        let create = Command::new("createStream", 4.0, vec![Value::Null]);
        assert_eq!(hex(&create.message(0).body), "02000c63726561746553747265616d00401000000000000005");
        let result = Command::result(4.0, Value::Null, 1.0);
        assert_eq!(hex(&result.message(0).body), "0200075f726573756c7400401000000000000005003ff0000000000000");
        let play = Command::new("play", 4.0, vec![Value::Null, "key1".into(), (-2000.0).into()]);
        let bytes = play.message(1).body;
        assert_eq!(hex(&bytes), "020004706c6179004010000000000000050200046b65793100c09f400000000000");
        let got = Command::parse(&bytes).expect("whole");
        assert_eq!((got.name.as_str(), got.txn, got.text(0)), ("play", 4.0, "key1".to_owned()));
        assert_eq!((got.arg(1), got.arg(2)), (&Value::Number(-2000.0), &Value::Null));
    }

    /// Conformance check 13: the AMF3 type with its format byte and without.
    #[test]
    fn format_byte() {
        let body = Command::new("connect", 1.0, vec![]).message(0).body;
        let with = [&[0], &body[..]].concat();
        assert!(Command::parse(&with).is_ok_and(|c| c.name == "connect"));
        assert!(Command::parse(&body).is_ok_and(|c| c.name == "connect"));
    }

    #[test]
    fn broken() {
        assert_eq!(Command::parse(&[]).err(), Some(ErrorKind::NamelessCommand));
        assert_eq!(Command::parse(&[5]).err(), Some(ErrorKind::NamelessCommand));
        assert!(matches!(Command::parse(&[2, 0, 9, b'c']).err(), Some(ErrorKind::Amf(_))));
        let txn = f64::from_bits(0x7ff8_0000_dead_beef);
        let body = Command::result(txn, Value::Null, Value::Null).message(0).body;
        assert_eq!(Command::parse(&body).expect("whole").txn.to_bits(), txn.to_bits());
    }
}
