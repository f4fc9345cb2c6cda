//! [`Separators`]: the six characters of the grammar, which `-seps` may replace (gpac-semantics 1).
//!
//! The grammar itself knows only the usual ones. Words with others are read through a copy in which they are the usual
//! ones, of the same length, so that every place stays right.

use crate::{Arg, Declaration, GlobalOption, Item, Link, Text};

/// The usual ones: argument, value, fragment, list, negation, link.
const USUAL: &[u8; 6] = b":=#,!@";
/// Their places in a set, of those that matter within a text.
const FRAGMENT: usize = 2;
const LIST: usize = 3;
const NEGATION: usize = 4;
/// The places of all.
const ALL: [usize; 6] = [0, 1, 2, 3, 4, 5];
/// Arguments whose values are names of PIDs, with fragments of their own.
const OF_SOURCES: &str = "SID";

/// Characters that part arguments, values, fragments and lists, that negate and that link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Separators([u8; 6]);

impl Default for Separators {
    fn default() -> Self {
        Self(*USUAL)
    }
}

impl Separators {
    /// Those of a set such as `:=#,!@`; what is missing at its end stays usual.
    ///
    /// # Errors
    /// What is wrong with the set.
    pub fn parse(set: &str) -> Result<Self, String> {
        let fits = |b: &u8| b.is_ascii_punctuation();
        if set.is_empty() || set.len() > USUAL.len() || !set.as_bytes().iter().all(fits) {
            return Err("expected up to six marks, for argument, value, fragment, list, negation and link".to_owned());
        }
        let mut all = *USUAL;
        all[..set.len()].copy_from_slice(set.as_bytes());
        let twice = (1..all.len()).find(|at| all[..*at].contains(&all[*at]));
        match twice {
            Some(at) => Err(format!("{} would separate two things", char::from(all[at]))),
            None => Ok(Self(all)),
        }
    }

    /// Whether they are the usual ones.
    #[must_use]
    pub fn is_usual(self) -> bool {
        self.0 == *USUAL
    }

    /// A word in which these are the usual separators, and the usual ones mean nothing. It has the same length.
    pub(crate) fn usual(self, word: &str) -> String {
        let put = |c: char| match u8::try_from(c).map(|b| (self.place(b), USUAL.contains(&b))) {
            Ok((Some(at), _)) => char::from(USUAL[at]),
            Ok((None, true)) => '\u{1}', // no separator any more, and nothing else that the grammar knows
            _ => c,
        };
        word.chars().map(put).collect()
    }

    fn place(self, byte: u8) -> Option<usize> {
        self.0.iter().position(|b| *b == byte)
    }

    /// Gives the items that were read from such words their text: as typed, but for separators that still matter in it.
    pub(crate) fn restore(self, items: &mut [Item], words: &[String]) {
        for item in items {
            match item {
                Item::Declaration(decl) => self.declaration(decl, words),
                Item::Link(Link { word, fragments, .. }) => {
                    std::iter::once(word).chain(fragments).for_each(|text| self.text(text, words, &ALL));
                }
                Item::Global(GlobalOption { value, .. }) => {
                    value.iter_mut().for_each(|text| self.text(text, words, &[LIST]));
                }
            }
        }
    }

    fn declaration(self, decl: &mut Declaration, words: &[String]) {
        let Declaration { keyword, name, args, tail, .. } = decl;
        [keyword, tail].into_iter().for_each(|text| self.text(text, words, &ALL));
        self.text(name, words, &[FRAGMENT]);
        for Arg { lead, name, value, .. } in args {
            [lead, &mut *name].into_iter().for_each(|text| self.text(text, words, &ALL));
            let has_fragments = name.text == OF_SOURCES || name.text.starts_with('#');
            let kept: &[usize] = if has_fragments { &[LIST, FRAGMENT, NEGATION] } else { &[LIST] };
            value.iter_mut().for_each(|text| self.text(text, words, kept));
        }
    }

    /// The text as typed, with the usual separators in place of those in `kept`.
    fn text(self, text: &mut Text, words: &[String], kept: &[usize]) {
        let Some(typed) = words.get(text.span.word).and_then(|w| w.get(text.span.start..text.span.end)) else { return };
        let put = |c: char| match u8::try_from(c).ok().and_then(|b| self.place(b)).filter(|at| kept.contains(at)) {
            Some(at) => char::from(USUAL[at]),
            None => c,
        };
        text.text = typed.chars().map(put).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{parse, parse_separated};

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    /// What is read with other separators, printed with the usual ones.
    fn usual(set: &str, line: &str) -> String {
        let parsed = parse_separated(&words(line), &[], Separators::parse(set).expect("a good set"));
        assert_eq!(parsed.diagnostics, [], "{line}");
        parsed.items.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn other_marks_say_the_same() {
        let line =
            "avgen|sizes~160x90;320x180|?dyn|#Name=a c~avc @@0%video -o rtmp://h:1/live|gpac|ffmt~flv|SID~a;b%?raw";
        assert!(usual("|~%;?", line).contains("sizes=160x90,320x180:!dyn"));
        let parsed = parse_separated(&words(line), &[], Separators::parse("|~%;?").expect("good"));
        let Item::Declaration(out) = &parsed.items[3] else { panic!("an output: {:?}", parsed.items) };
        assert_eq!(out.name.text, "rtmp://h:1/live");
        assert_eq!(out.arg("SID").and_then(Arg::value_str), Some("a,b#!raw"));
        let Item::Link(link) = &parsed.items[2] else { panic!("a link") };
        assert_eq!((link.target, link.fragments[0].as_str()), (Some(0), "video"));
    }

    #[test]
    fn the_usual_marks_are_plain_text_then() {
        let parsed = parse_separated(&words("f|a=b:c|x:/y=T1:02"), &[], Separators::parse("|").expect("good"));
        let Item::Declaration(decl) = &parsed.items[0] else { panic!("a filter") };
        let args: Vec<_> = decl.args.iter().map(|a| (a.name.text.as_str(), a.value_str())).collect();
        assert_eq!(args, [("a", Some("b:c")), ("x:/y", Some("T1:02"))]);
        assert_eq!(decl.args[1].value.as_ref().map(|v| (v.span.start, v.span.end)), Some((13, 18)));
    }

    #[test]
    fn bad_sets_are_refused_and_the_usual_one_changes_nothing() {
        assert!(Separators::parse("||").is_err() && Separators::parse("=").is_err() && Separators::parse("").is_err());
        assert!(Separators::parse(":=#,!@x").is_err() && Separators::parse("ab").is_err());
        let line = words("avgen:dur=1 @#audio -o a,b.mp4:!x");
        let set = Separators::parse(":=#,!@").expect("good");
        assert_eq!(parse_separated(&line, &[], set), parse(&line));
    }
}
