//! A file as a tree of values with their places, whatever its format. It knows formats, and nothing of graphs.

use std::ops::Range;

use saphyr::{LoadableYamlNode, MarkedYaml, Scalar, YamlData};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::convert::Format;

/// Levels of lists and tables in each other. Graph files need four.
const DEEPEST: usize = 16;

/// A value and its place in the file, in bytes.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) at: Range<usize>,
}

#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Value {
    /// A text.
    Text(String),
    /// Anything else that is one value, as written: numbers, dates.
    Plain(String),
    Bool(bool),
    List(Vec<Node>),
    /// In the order of the file.
    Table(Vec<(Key, Node)>),
}

/// A key and its place.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Key {
    pub(crate) name: String,
    pub(crate) at: Range<usize>,
}

/// What is wrong with the form of a file, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Malformed {
    pub(crate) message: String,
    pub(crate) at: Range<usize>,
}

/// Reads a file.
pub(crate) fn read(text: &str, format: Format) -> Result<Node, Malformed> {
    match format {
        Format::Toml => read_toml(text),
        // JSON is YAML.
        Format::Yaml | Format::Json => read_yaml(text),
    }
}

fn read_toml(text: &str) -> Result<Node, Malformed> {
    let root = DeTable::parse(text).map_err(|e| Malformed {
        message: e.message().lines().next().unwrap_or("this is no TOML").to_owned(),
        at: e.span().unwrap_or(0..0),
    })?;
    let at = root.span();
    Ok(Node { value: toml_table(root.into_inner(), text, 0)?, at })
}

fn toml_table(table: DeTable<'_>, text: &str, depth: usize) -> Result<Value, Malformed> {
    let mut entries = Vec::new();
    for (key, value) in table {
        let key = Key { at: key.span(), name: key.into_inner().into_owned() };
        entries.push((key, toml_value(value, text, depth + 1)?));
    }
    entries.sort_by_key(|(key, _)| key.at.start);
    Ok(Value::Table(entries))
}

fn toml_value(value: Spanned<DeValue<'_>>, text: &str, depth: usize) -> Result<Node, Malformed> {
    let at = value.span();
    if depth > DEEPEST {
        return Err(too_deep(at));
    }
    let value = match value.into_inner() {
        DeValue::String(s) => Value::Text(s.into_owned()),
        DeValue::Boolean(b) => Value::Bool(b),
        DeValue::Array(items) => {
            Value::List(items.into_iter().map(|item| toml_value(item, text, depth + 1)).collect::<Result<_, _>>()?)
        }
        DeValue::Table(table) => toml_table(table, text, depth)?,
        DeValue::Integer(_) | DeValue::Float(_) | DeValue::Datetime(_) => {
            Value::Plain(text.get(at.clone()).unwrap_or_default().replace('_', ""))
        }
    };
    Ok(Node { value, at })
}

fn too_deep(at: Range<usize>) -> Malformed {
    Malformed { message: format!("lists and tables are more than {DEEPEST} deep"), at }
}

/// Characters to bytes.
struct Places(Vec<usize>);

impl Places {
    fn of(text: &str) -> Self {
        Self(text.char_indices().map(|(at, _)| at).chain([text.len()]).collect())
    }

    fn byte(&self, index: usize) -> usize {
        self.0.get(index).or(self.0.last()).copied().unwrap_or(0)
    }
}

fn read_yaml(text: &str) -> Result<Node, Malformed> {
    let places = Places::of(text);
    let documents = MarkedYaml::load_from_str(text).map_err(|e| {
        let at = places.byte(e.marker().index());
        Malformed { message: e.info().to_owned(), at: at..at }
    })?;
    let mut documents = documents.into_iter();
    let root = documents.next().ok_or_else(|| Malformed { message: "the file is empty".to_owned(), at: 0..0 })?;
    if documents.next().is_some() {
        return Err(Malformed { message: "a graph is one document".to_owned(), at: 0..0 });
    }
    yaml_value(root, text, &places, 0)
}

fn yaml_value(node: MarkedYaml<'_>, text: &str, places: &Places, depth: usize) -> Result<Node, Malformed> {
    let at = places.byte(node.span.start.index())..places.byte(node.span.end.index());
    if depth > DEEPEST {
        return Err(too_deep(at));
    }
    let unusable = |what: &str| Malformed { message: format!("{what} cannot be used here"), at: at.clone() };
    let value = match node.data {
        YamlData::Value(Scalar::String(s)) => Value::Text(s.into_owned()),
        YamlData::Value(Scalar::Boolean(b)) => Value::Bool(b),
        YamlData::Value(Scalar::Null) => Value::Text(String::new()),
        YamlData::Value(Scalar::Integer(_) | Scalar::FloatingPoint(_)) => {
            Value::Plain(text.get(at.clone()).unwrap_or_default().trim().to_owned())
        }
        YamlData::Representation(s, ..) => Value::Text(s.into_owned()),
        YamlData::Sequence(items) => Value::List(
            items.into_iter().map(|item| yaml_value(item, text, places, depth + 1)).collect::<Result<_, _>>()?,
        ),
        YamlData::Mapping(map) => {
            let mut entries = Vec::new();
            for (key, value) in map {
                let key = yaml_value(key, text, places, depth + 1)?;
                let (Value::Text(name) | Value::Plain(name)) = key.value else { return Err(unusable("such a key")) };
                entries.push((Key { name, at: key.at }, yaml_value(value, text, places, depth + 1)?));
            }
            Value::Table(entries)
        }
        YamlData::Tagged(_, inner) => return yaml_value(*inner, text, places, depth + 1),
        YamlData::Alias(_) => return Err(unusable("an alias")),
        YamlData::BadValue => return Err(unusable("this value")),
    };
    Ok(Node { value, at })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, node: &Node) -> String {
        let of = |n: &Node| shown(text, n);
        match &node.value {
            Value::Text(s) => format!("{s:?}@{}", &text[node.at.clone()]),
            Value::Plain(s) => s.clone(),
            Value::Bool(b) => b.to_string(),
            Value::List(items) => format!("[{}]", items.iter().map(of).collect::<Vec<_>>().join(" ")),
            Value::Table(entries) => {
                let one = |(k, v): &(Key, Node)| format!("{}@{}={}", k.name, &text[k.at.clone()], of(v));
                format!("{{{}}}", entries.iter().map(one).collect::<Vec<_>>().join(" "))
            }
        }
    }

    #[test]
    fn the_three_formats_are_one_tree() {
        let toml = "b = 1_000\na = [\"ü\", true]\n[t]\n\"k k\" = 'v'\n";
        let yaml = "b: 1000\na: [\"ü\", true]\nt:\n  \"k k\": 'v'\n";
        let json = "{\"b\": 1000, \"a\": [\"ü\", true], \"t\": {\"k k\": \"v\"}}";
        let tree = |text: &str, format| shown(text, &read(text, format).expect("sound"));
        let want = |key: &str, q: &str| {
            format!("{{b@{}=1000 a@{}=[\"ü\"@\"ü\" true] t@{}={{k k@{key}=\"v\"@{q}v{q}}}}}", "b", "a", "t")
        };
        assert_eq!(tree(toml, Format::Toml), want("\"k k\"", "'"));
        assert_eq!(tree(yaml, Format::Yaml), want("\"k k\"", "'"));
        assert!(tree(json, Format::Json).contains("k k@\"k k\"=\"v\"@\"v\""));
    }

    #[test]
    fn mistakes_have_a_place() {
        assert_eq!(read("a = 1\nb = \n", Format::Toml).expect_err("no value").at.start, 10);
        assert!(read("a: [1\nb: 2\n", Format::Yaml).is_err());
        assert!(read(&"[".repeat(100), Format::Json).is_err());
        assert!(read(&format!("a = {}{}", "[".repeat(40), "]".repeat(40)), Format::Toml).is_err());
    }
}
