//! The OpenAPI file: made from the table of routes and the types of the answers, so that it cannot be wrong on its own.

use serde_json::{Map, Value, json};
use weir_status::{SchemaGenerator, SchemaSettings};

use crate::routes::{Form, ROUTES, Route};

/// The description of the API, as OpenAPI 3.1.
#[must_use]
pub fn openapi() -> String {
    let settings = SchemaSettings::draft2020_12().with(|s| {
        s.definitions_path = "/components/schemas".into();
        s.meta_schema = None;
    });
    let mut schemas = settings.into_generator();
    let mut paths = Map::new();
    for route in ROUTES {
        let operation = operation(route, &mut schemas);
        let methods = paths.entry(route.path).or_insert_with(|| json!({}));
        methods[route.method.as_str().to_lowercase()] = operation;
    }
    let document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "weir",
            "description": "A running session: its state, its metrics, and what can be done with it. Times are in seconds, \
                sizes in bytes, rates in bits per second. Where a token is set, it is sent as a bearer token with \
                everything but the page, /healthz and /readyz.",
            "version": "1",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "paths": paths,
        "components": {
            "schemas": schemas.take_definitions(true),
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
        },
        "security": [{}, { "token": [] }],
    });
    // Texts and numbers can always be written.
    serde_json::to_string_pretty(&document).unwrap_or_default() + "\n"
}

fn operation(route: &Route, schemas: &mut SchemaGenerator) -> Value {
    let good = match &route.form {
        Form::Json(schema) => json!({ "application/json": { "schema": schema(schemas) } }),
        Form::Text(kind) => json!({ *kind: { "schema": { "type": "string" } } }),
    };
    let refusal = json!({ "application/json": { "schema": {
        "type": "object", "properties": { "error": { "type": "string" } }, "required": ["error"],
    } } });
    let mut operation = json!({
        "summary": route.summary,
        "responses": {
            "200": { "description": "It is so.", "content": good },
            "default": { "description": "Why not.", "content": refusal },
        },
    });
    if route.path.contains("{id}") {
        operation["parameters"] = json!([{
            "name": "id", "in": "path", "required": true, "schema": { "type": "string" },
            "description": "Number or name in the graph.",
        }]);
    }
    if let Some(takes) = route.takes {
        operation["requestBody"] =
            json!({ "required": true, "content": { "application/json": { "schema": takes(schemas) } } });
    }
    operation
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// All values of `$ref`.
    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(map) => {
                found.extend(map.get("$ref").and_then(Value::as_str).map(str::to_owned));
                map.values().for_each(|v| references(v, found));
            }
            Value::Array(list) => list.iter().for_each(|v| references(v, found)),
            _ => {}
        }
    }

    #[test]
    fn every_route_and_every_reference_is_there() {
        let document: Value = serde_json::from_str(&openapi()).expect("JSON");
        for route in ROUTES {
            let operation = &document["paths"][route.path][route.method.as_str().to_lowercase()];
            assert_eq!(operation["summary"], route.summary, "{}", route.path);
        }
        let mut found = BTreeSet::new();
        references(&document, &mut found);
        assert!(found.len() > 8, "{found:?}");
        for reference in found {
            let pointer = reference.strip_prefix('#').expect("a reference within the file");
            assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
        }
    }
}
