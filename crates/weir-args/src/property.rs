//! `#NAME=VALUE` on a filter: properties of the PIDs it gives (gpac-semantics 13.4).

use crate::source_id::{Fragment, fragment};
use crate::{Diagnostic, Span, Text};

/// One `#NAME=VALUE`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Assignment {
    /// The property: well known, or a name of the user's own.
    pub name: String,
    /// The first rule whose tests all pass gives the value; without any, nothing is set.
    pub rules: Vec<Rule>,
    /// Its place.
    pub span: Span,
}

/// A value, and for which PIDs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rule {
    /// What must hold of a PID; here, an absent property does not pass.
    pub tests: Vec<Fragment>,
    /// What to set.
    pub value: Setting,
}

/// What to set a property to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Setting {
    /// No value: yes.
    Yes,
    /// An empty value: it is removed.
    Remove,
    /// A text, with `$PROPERTY$` filled, as the type of the property.
    Text(String),
    /// `TYPE@VALUE`: a value of this type.
    Typed(ValueType, String),
}

/// Types that `TYPE@` can name.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(missing_docs, reason = "each is its word")]
pub enum ValueType {
    Bool,
    Uint,
    Int,
    Frac,
    Str,
}

const TYPES: &[(&str, ValueType)] = &[
    ("bool", ValueType::Bool),
    ("uint", ValueType::Uint),
    ("luint", ValueType::Uint),
    ("sint", ValueType::Int),
    ("lsint", ValueType::Int),
    ("frac", ValueType::Frac),
    ("lfrac", ValueType::Frac),
    ("str", ValueType::Str),
    ("cstr", ValueType::Str),
];

/// Reads an assignment: `name` without its `#`, and the value as far as there is one.
///
/// # Errors
/// Everything wrong with it.
pub fn parse(name: &Text, value: Option<&Text>) -> Result<Assignment, Vec<Diagnostic>> {
    let mut wrong = Vec::new();
    if name.text.is_empty() {
        wrong.push(Diagnostic::error(name.span, "the name of a property is missing here").help("write #NAME=VALUE"));
    }
    let rules = match value {
        None => vec![Rule { tests: Vec::new(), value: Setting::Yes }],
        Some(text) if text.text.starts_with('(') => rules(text, &mut wrong),
        Some(text) => vec![Rule { tests: Vec::new(), value: setting(&text.text) }],
    };
    let span = value.map_or(name.span, |v| name.span.to(v.span));
    if wrong.is_empty() { Ok(Assignment { name: name.text.clone(), rules, span }) } else { Err(wrong) }
}

/// `(TEST)(TEST)VALUE,(TEST)VALUE,()VALUE`.
fn rules(text: &Text, wrong: &mut Vec<Diagnostic>) -> Vec<Rule> {
    let mut rules = Vec::new();
    let mut at = 0;
    while at < text.text.len() {
        let mut tests = Vec::new();
        while text.text[at..].starts_with('(') {
            let Some(close) = text.text[at..].find(')').map(|i| at + i) else {
                wrong.push(Diagnostic::error(text.part(at..text.text.len()).span, "a ) is missing behind this test"));
                return rules;
            };
            let test = text.part(at + 1..close);
            if !test.text.is_empty() {
                match fragment(&test) {
                    Ok(fragment) => tests.push(fragment),
                    Err(problem) => wrong.push(problem),
                }
            }
            at = close + 1;
        }
        // A value ends where the next test begins; commas before that are its own.
        let end = text.text[at..].find(",(").map_or(text.text.len(), |i| at + i);
        rules.push(Rule { tests, value: setting(&text.text[at..end]) });
        at = end + 1;
    }
    rules
}

fn setting(text: &str) -> Setting {
    if text.is_empty() {
        return Setting::Remove;
    }
    let typed = text.split_once('@').and_then(|(word, value)| {
        let (_, ty) = TYPES.iter().find(|(known, _)| *known == word)?;
        Some(Setting::Typed(*ty, value.to_owned()))
    });
    typed.unwrap_or_else(|| Setting::Text(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source_id::{Media, Test};

    fn parsed(value: Option<&str>) -> Result<Assignment, Vec<Diagnostic>> {
        let text = |text: &str, at: usize| Text { text: text.to_owned(), span: Span::new(0, at..at + text.len()) };
        parse(&text("P", 1), value.map(|v| text(v, 3)).as_ref())
    }

    fn values(value: Option<&str>) -> Vec<(usize, Setting)> {
        parsed(value).expect("sound").rules.into_iter().map(|r| (r.tests.len(), r.value)).collect()
    }

    #[test]
    fn plain_values() {
        let text = |t: &str| Setting::Text(t.to_owned());
        assert_eq!(values(None), [(0, Setting::Yes)]);
        assert_eq!(values(Some("")), [(0, Setting::Remove)]);
        assert_eq!(values(Some("x_$ID$")), [(0, text("x_$ID$"))]);
        assert_eq!(values(Some("uint@42")), [(0, Setting::Typed(ValueType::Uint, "42".to_owned()))]);
        assert_eq!(values(Some("me@home")), [(0, text("me@home"))]);
    }

    #[test]
    fn conditions() {
        let text = |t: &str| Setting::Text(t.to_owned());
        let found = parsed(Some("(audio)A,a,(video)(Width+100)V,()z")).expect("sound");
        assert_eq!(found.rules[0].tests[0].test, Test::Media(Media::Audio, None));
        let values: Vec<_> = found.rules.into_iter().map(|r| (r.tests.len(), r.value)).collect();
        assert_eq!(values, [(1, text("A,a")), (2, text("V")), (0, text("z"))]);
        assert_eq!(parsed(Some("(audio")).expect_err("open")[0].span, Span::new(0, 3..9));
        assert_eq!(parsed(Some("(!)x")).expect_err("empty")[0].span, Span::new(0, 4..5));
    }
}
