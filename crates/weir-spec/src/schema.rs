//! The JSON Schema of graph files, made from the option tables, so that editors complete and check.

use serde_json::{Map, Value, json};
use weir_media::CodecId;
use weir_plugin::{Kind, OptionDef, Plugin, Registry, Role};

/// Keys an entry may have beside the options of its filter.
const LINKS: &[(&str, &str)] = &[
    ("id", "Name that from= of other entries refers to"),
    ("from", "Where its streams come from: ids, each with tests such as id#video"),
    ("name", "Name to show"),
    ("clone", "Whether copies of it may be made for further streams"),
    ("gfreg", "Filters to prefer where several could be inserted"),
];

/// The schema, as JSON text.
#[must_use]
pub fn schema(registry: &Registry) -> String {
    let entries: Vec<Value> = registry.iter().flat_map(|plugin| entries(plugin.as_ref())).collect();
    let root = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "weir graph file",
        "type": "object",
        "required": ["graph"],
        "additionalProperties": false,
        "properties": {
            "$schema": { "type": "string" },
            "include": { "description": "Files whose graphs come first", "type": ["string", "array"], "items": { "type": "string" } },
            "vars": { "description": "Defaults of ${NAME}; the environment wins", "type": "object" },
            "session": { "description": "Options of weir itself, without their dash", "type": "object" },
            "options": { "description": "Options for every filter that has them: name or filter@name", "type": "object" },
            "graph": {
                "description": "Filters, inputs and outputs, in the order in which streams pass them",
                "type": "array",
                "items": { "anyOf": [
                    { "type": "string", "description": "A word as on the command line" },
                    { "type": "object", "required": ["word"], "properties": { "word": { "type": "string" } }, "additionalProperties": false },
                    { "anyOf": entries }
                ] }
            }
        }
    });
    // Nothing in it can fail to be written.
    serde_json::to_string_pretty(&root).unwrap_or_default() + "\n"
}

/// The ways to declare one filter type.
fn entries(plugin: &dyn Plugin) -> Vec<Value> {
    let by_name = ("filter", json!({ "const": plugin.name() }));
    let url = json!({ "type": "string", "description": plugin.summary() });
    let mut ways = vec![by_name];
    match plugin.role() {
        Role::Source => ways.push(("in", url)),
        Role::Sink => ways.push(("out", url)),
        Role::Encoder => ways.push(("enc", json!({ "enum": CodecId::names().collect::<Vec<_>>() }))),
        Role::Transform | Role::Decoder | Role::Mux => {}
    }
    ways.into_iter().map(|(key, value)| entry(plugin, key, value)).collect()
}

fn entry(plugin: &dyn Plugin, key: &str, value: Value) -> Value {
    let mut properties = Map::new();
    properties.insert(key.to_owned(), value);
    for (name, about) in LINKS {
        properties.insert((*name).to_owned(), json!({ "description": about }));
    }
    properties.insert("props".to_owned(), json!({ "description": "Properties for its streams", "type": "object" }));
    for option in plugin.options() {
        properties.insert(option.name.to_owned(), describe(option));
    }
    json!({
        "type": "object",
        "title": plugin.name(),
        "description": plugin.summary(),
        "required": [key],
        "properties": properties,
    })
}

fn describe(option: &OptionDef) -> Value {
    let mut value = match option.kind {
        Kind::Bool => json!({ "type": ["boolean", "string"] }),
        Kind::Int { .. } | Kind::Millis => json!({ "type": ["integer", "string"] }),
        Kind::Frac => json!({ "type": ["number", "string"] }),
        Kind::Enum(words) => json!({ "enum": words }),
        Kind::Sizes | Kind::Ints | Kind::Strs => json!({ "type": ["array", "string", "integer"] }),
        _ => json!({ "type": "string" }),
    };
    value["description"] = option.help.into();
    if !option.default.is_empty() {
        value["default"] = option.default.into();
    }
    value
}
