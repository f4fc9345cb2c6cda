//! Names with `$KEY$` in them: output names and values of properties (gpac-semantics 13.4, 13.5).
//!
//! Only the text; what a key stands for is for those who know the stream.

/// A text with places to fill.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Template(Vec<Piece>);

/// A part of a [`Template`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Piece {
    /// As it stands.
    Text(String),
    /// `$KEY$`, or `$KEY%0Nd$` to fill numbers up with zeros to N digits.
    Key {
        /// The key.
        key: String,
        /// Digits at least.
        digits: usize,
    },
    /// `$GINC(START[,STEP])`: a number of its own for each filter that has this text.
    Counter {
        /// The first.
        start: i64,
        /// From one to the next.
        step: i64,
    },
}

/// Digits a number may be filled up to.
const DIGITS_MAX: usize = 32;
/// Keys that segmenters and recorders fill in while they write; here they stay as they are.
const LATER: &[&str] = &["Date", "Number", "Time", "RepresentationID", "Bandwidth", "SubNumber"];

impl Template {
    /// Reads a text. `$$` is a dollar sign; a dollar sign without a second one is itself, too.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut pieces = Pieces::default();
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            pieces.text(&rest[..at]);
            let after = &rest[at + 1..];
            rest = if let Some(tail) = after.strip_prefix('$') {
                pieces.text("$");
                tail
            } else if let Some((counter, tail)) = counter(after) {
                pieces.0.push(counter);
                tail
            } else if let Some((key, tail)) = after.split_once('$') {
                pieces.key(key);
                tail
            } else {
                pieces.text("$");
                after
            };
        }
        pieces.text(rest);
        Self(pieces.0)
    }

    /// Whether there is nothing to fill.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.0.iter().all(|p| matches!(p, Piece::Text(_)))
    }

    /// Its pieces in order.
    #[must_use]
    pub fn pieces(&self) -> &[Piece] {
        &self.0
    }

    /// The text with every key filled by `value`, and counters at step `count`.
    ///
    /// # Errors
    /// The first key that has no value.
    pub fn fill(&self, count: i64, value: impl Fn(&str) -> Option<String>) -> Result<String, &str> {
        let mut out = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Key { key, digits } => {
                    let text = value(key).ok_or(key.as_str())?;
                    let missing = if is_number(&text) { digits.saturating_sub(text.len()) } else { 0 };
                    out.extend(std::iter::repeat_n('0', missing));
                    out.push_str(&text);
                }
                Piece::Counter { start, step } => {
                    out += &start.saturating_add(step.saturating_mul(count)).to_string();
                }
            }
        }
        Ok(out)
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

#[derive(Default)]
struct Pieces(Vec<Piece>);

impl Pieces {
    fn text(&mut self, text: &str) {
        match self.0.last_mut() {
            _ if text.is_empty() => {}
            Some(Piece::Text(before)) => before.push_str(text),
            _ => self.0.push(Piece::Text(text.to_owned())),
        }
    }

    fn key(&mut self, key: &str) {
        let (name, digits) = match key.split_once('%') {
            Some((name, format)) => (name, format.strip_suffix('d').and_then(|n| n.parse().ok()).unwrap_or(0)),
            None => (key, 0),
        };
        if LATER.contains(&name) {
            return self.text(&format!("${key}$"));
        }
        self.0.push(Piece::Key { key: name.to_owned(), digits: digits.min(DIGITS_MAX) });
    }
}

/// `GINC(START[,STEP])` at the start of `text`, with an optional `$` behind it, and what follows.
fn counter(text: &str) -> Option<(Piece, &str)> {
    let (inside, tail) = text.strip_prefix("GINC(")?.split_once(')')?;
    let (start, step) = inside.split_once(',').unwrap_or((inside, "1"));
    let piece = Piece::Counter { start: start.trim().parse().ok()?, step: step.trim().parse().ok()? };
    Some((piece, tail.strip_prefix('$').unwrap_or(tail)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(text: &str) -> Result<String, String> {
        let template = Template::parse(text);
        let value = |key: &str| match key {
            "PID" => Some("1".to_owned()),
            "Type" => Some("video".to_owned()),
            _ => None,
        };
        template.fill(2, value).map_err(str::to_owned)
    }

    #[test]
    fn keys_are_filled() {
        assert_eq!(fill("out_$PID$.264").as_deref(), Ok("out_1.264"));
        assert_eq!(fill("$Type$$PID%03d$x").as_deref(), Ok("video001x"));
        assert_eq!(fill("$Type%05d$").as_deref(), Ok("video"));
        assert_eq!(fill("o_$GINC(10,2).aac").as_deref(), Ok("o_14.aac"));
        assert_eq!(fill("o_$GINC(7)$").as_deref(), Ok("o_9"));
        assert_eq!(fill("a_$NoSuch$"), Err("NoSuch".to_owned()));
    }

    #[test]
    fn dollars_that_are_none() {
        assert_eq!(fill("out_$$x$$.264").as_deref(), Ok("out_$x$.264"));
        assert_eq!(fill("5$").as_deref(), Ok("5$"));
        assert_eq!(fill("s_$Number$.m4s").as_deref(), Ok("s_$Number$.m4s"));
        assert!(Template::parse("s_$Number$.m4s$$").is_plain() && !Template::parse("$PID$").is_plain());
    }
}
