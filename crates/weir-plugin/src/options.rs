//! Option tables and the values given for them.

use weir_args::value::{self, Kind, Mismatch, Typed};
use weir_media::Frac;

use crate::Error;

/// One option of a filter. The table of these drives parsing, help and documentation.
#[derive(Clone, Copy, Debug)]
pub struct OptionDef {
    /// Name as typed.
    pub name: &'static str,
    /// Type and limits.
    pub kind: Kind,
    /// Default as one would type it; empty for none.
    pub default: &'static str,
    /// One sentence for help, without a trailing period.
    pub help: &'static str,
}

impl OptionDef {
    /// An option with a default.
    #[must_use]
    pub const fn new(name: &'static str, kind: Kind, default: &'static str, help: &'static str) -> Self {
        Self { name, kind, default, help }
    }
}

/// What an argument turned out to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Applied {
    /// It set the option with this index in the table.
    Option(usize),
    /// The table has no such option.
    Unknown,
}

/// Values for a table of options: given ones over defaults.
#[derive(Clone, Debug)]
pub struct Options {
    table: &'static [OptionDef],
    values: Vec<Option<Typed>>,
    given: Vec<bool>,
}

impl Options {
    /// The defaults of `table`.
    ///
    /// # Panics
    /// When a default does not fit its kind: a defect of the table.
    #[must_use]
    pub fn defaults(table: &'static [OptionDef]) -> Self {
        let default = |o: &OptionDef| {
            (!o.default.is_empty()).then(|| {
                value::parse(o.kind, Some(o.default)).unwrap_or_else(|e| panic!("default of option {}: {e}", o.name))
            })
        };
        Self { table, values: table.iter().map(default).collect(), given: vec![false; table.len()] }
    }

    /// The table.
    #[must_use]
    pub fn table(&self) -> &'static [OptionDef] {
        self.table
    }

    /// Applies one argument, `name` or `name=text`. Without text, `!name` negates a boolean and a word of an enum sets
    /// that enum (gpac-semantics 2). Later arguments win.
    ///
    /// # Errors
    /// [`Mismatch`] when the option exists and the text does not fit it.
    pub fn apply(&mut self, name: &str, text: Option<&str>) -> Result<Applied, Mismatch> {
        let index = |n: &str| self.table.iter().position(|o| o.name == n);
        if let Some(i) = index(name) {
            let v = value::parse(self.table[i].kind, text)?;
            return Ok(self.set(i, v));
        }
        if let Some(i) = name.strip_prefix('!').and_then(index) {
            if self.table[i].kind != Kind::Bool || text.is_some() {
                return Err(Mismatch(format!(
                    "{}, as only yes/no options can be negated",
                    value::expected(self.table[i].kind)
                )));
            }
            return Ok(self.set(i, Typed::Bool(false)));
        }
        if text.is_none() {
            let word = |o: &OptionDef| match o.kind {
                Kind::Enum(words) => words.iter().find(|w| **w == name).copied(),
                _ => None,
            };
            if let Some((i, w)) = self.table.iter().enumerate().find_map(|(i, o)| Some((i, word(o)?))) {
                return Ok(self.set(i, Typed::Enum(w)));
            }
        }
        Ok(Applied::Unknown)
    }

    fn set(&mut self, i: usize, v: Typed) -> Applied {
        self.values[i] = Some(v);
        self.given[i] = true;
        Applied::Option(i)
    }

    /// Whether the user gave this option.
    ///
    /// # Panics
    /// When the table has no such option, as all getters: a defect of the filter.
    #[must_use]
    pub fn is_given(&self, name: &str) -> bool {
        self.given[self.index(name)]
    }

    /// A whole number that goes by several names, such as `b`, `bitrate` and `rate`.
    ///
    /// # Errors
    /// When it is given under two names with different values.
    ///
    /// # Panics
    /// As [`Options::int`].
    pub fn int_of(&self, names: &[&str]) -> crate::Result<Option<i64>> {
        let mut given = names.iter().filter_map(|name| self.int(name));
        let first = given.next();
        if given.any(|other| Some(other) != first) {
            let names = names.join(", ");
            return Err(Error::bad_option(format!("{names} are one option, given with different values")));
        }
        Ok(first)
    }

    fn index(&self, name: &str) -> usize {
        self.table.iter().position(|o| o.name == name).unwrap_or_else(|| panic!("no option {name} in the table"))
    }

    fn value(&self, name: &str) -> Option<&Typed> {
        self.values[self.index(name)].as_ref()
    }
}

macro_rules! getters {
    ($($(#[$doc:meta])* $name:ident -> $out:ty { $pattern:pat => $value:expr })+) => {
        impl Options {
            $(
                $(#[$doc])*
                ///
                /// # Panics
                /// When the table has no such option of this kind: a defect of the filter.
                #[must_use]
                pub fn $name(&self, name: &str) -> Option<$out> {
                    match self.value(name)? {
                        $pattern => $value,
                        other => panic!("option {name} is asked for as {} but holds {other:?}", stringify!($name)),
                    }
                }
            )+
        }
    };
}

getters! {
    /// A boolean.
    bool -> bool { Typed::Bool(v) => Some(*v) }
    /// A whole number.
    int -> i64 { Typed::Int(v) => Some(*v) }
    /// A fraction; `None` also when its denominator is 0.
    frac -> Frac { Typed::Frac { num, den } => Frac::new(*num, *den) }
    /// Milliseconds.
    millis -> u64 { Typed::Millis(v) => Some(*v) }
    /// A picture size.
    size -> (u32, u32) { Typed::Size(w, h) => Some((*w, *h)) }
    /// A list of picture sizes.
    sizes -> &[(u32, u32)] { Typed::Sizes(v) => Some(v) }
    /// A list of whole numbers.
    ints -> &[i64] { Typed::Ints(v) => Some(v) }
    /// The chosen word of an enum.
    word -> &'static str { Typed::Enum(v) => Some(v) }
    /// Text.
    text -> &str { Typed::Str(v) => Some(v) }
    /// A list of texts.
    texts -> &[String] { Typed::Strs(v) => Some(v) }
    /// A secret as typed: text, `@FILE` or `$NAME`, not yet resolved.
    secret -> &str { Typed::Secret(v) => Some(v) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[OptionDef] = &[
        OptionDef::new("type", Kind::Enum(&["a", "v", "av"]), "av", "What to make"),
        OptionDef::new("lock", Kind::Bool, "no", "Lock"),
        OptionDef::new("sr", Kind::Int { min: 8000, max: 192_000 }, "44100", "Rate"),
        OptionDef::new("src", Kind::Str, "", "Source"),
        OptionDef::new("g", Kind::Int { min: 1, max: 100 }, "", "Pictures"),
        OptionDef::new("gop", Kind::Int { min: 1, max: 100 }, "", "The same as g"),
    ];

    #[test]
    fn names_negation_and_enum_words() {
        let mut o = Options::defaults(TABLE);
        assert_eq!(
            (o.word("type"), o.bool("lock"), o.int("sr"), o.text("src")),
            (Some("av"), Some(false), Some(44_100), None)
        );
        assert_eq!(o.apply("v", None), Ok(Applied::Option(0)));
        assert_eq!(o.apply("lock", None), Ok(Applied::Option(1)));
        assert_eq!((o.word("type"), o.bool("lock"), o.is_given("sr")), (Some("v"), Some(true), false));
        assert_eq!(o.apply("!lock", None), Ok(Applied::Option(1)));
        assert_eq!(o.bool("lock"), Some(false));
        assert_eq!(o.apply("nope", Some("1")), Ok(Applied::Unknown));
        assert!(o.apply("sr", Some("1")).is_err());
        assert!(o.apply("!sr", None).is_err());
    }

    #[test]
    fn a_number_under_several_names() {
        let mut o = Options::defaults(TABLE);
        assert_eq!(o.int_of(&["g", "gop"]), Ok(None));
        o.apply("gop", Some("25")).expect("fits");
        assert_eq!(o.int_of(&["g", "gop"]), Ok(Some(25)));
        o.apply("g", Some("25")).expect("fits");
        assert_eq!(o.int_of(&["g", "gop"]), Ok(Some(25)), "the same twice");
        o.apply("g", Some("50")).expect("fits");
        let e = o.int_of(&["g", "gop"]).expect_err("which one?");
        assert_eq!(e, Error::bad_option("g, gop are one option, given with different values"));
    }
}
