//! The values of `rtmp_conn`: further arguments of `connect`, in the notation of librtmp and FFmpeg. Pure.

use weir_flv::amf::{Object, Value};
use weir_plugin::{Error, Result};

/// Objects in one another, at most.
const DEPTH_MAX: usize = 8;

/// Parses `B:1 S:text N:2.5 Z O:1 NS:name:text O:0`.
pub(super) fn parse(text: &str) -> Result<Vec<Value>> {
    let wrong = |word: &str| {
        Error::bad_option(format!(
            "rtmp_conn: {word} is none of B:0, B:1, N:NUMBER, S:TEXT, Z, O:1, O:0, NS:NAME:TEXT and so on"
        ))
    };
    let mut done = Vec::new();
    let mut open: Vec<(String, Object)> = Vec::new();
    for word in text.split_whitespace() {
        let (kind, rest) = word.split_once(':').unwrap_or((word, ""));
        let (kind, name, value) = match kind.strip_prefix('N').filter(|kind| !kind.is_empty()) {
            Some(kind) => {
                let (name, value) = rest.split_once(':').ok_or_else(|| wrong(word))?;
                (kind, name, value)
            }
            None => (kind, "", rest),
        };
        let value: Value = match (kind, value) {
            ("B", "0" | "1") => (value == "1").into(),
            ("N", number) => number.parse::<f64>().map_err(|_| wrong(word))?.into(),
            ("S", text) => text.into(),
            ("Z", "") => Value::Null,
            ("O", "1") if open.len() < DEPTH_MAX => {
                open.push((name.to_owned(), Object::new()));
                continue;
            }
            ("O", "0") => {
                let (name, object) = open.pop().ok_or_else(|| wrong(word))?;
                put(&mut done, &mut open, &name, object.into());
                continue;
            }
            _ => return Err(wrong(word)),
        };
        put(&mut done, &mut open, name, value);
    }
    if open.is_empty() { Ok(done) } else { Err(Error::bad_option("rtmp_conn: an object is not ended by O:0")) }
}

fn put(done: &mut Vec<Value>, open: &mut [(String, Object)], name: &str, value: Value) {
    match open.last_mut() {
        Some((_, object)) => object.set(name, value),
        None => done.push(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_librtmp() {
        let values = parse("B:1 S:authMe O:1 NN:code:1.23 NS:flag:ok O:0 Z").expect("it is sound");
        let object = Object::new().with("code", 1.23).with("flag", "ok");
        assert_eq!(values, [true.into(), "authMe".into(), object.into(), Value::Null]);
    }

    #[test]
    fn mistakes() {
        for text in ["X:1", "B:2", "N:one", "O:0", "O:1", "NS:name", "Z:1"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
