//! JSON Schemas of the dialects, made from the tables that the loaders read by, for editors to complete and check with.

use super::kinds::{self, NodeType, component};
use super::table::{Key, Kind, Rest, Table};
use super::triggers;
use super::{Dialect, list, map};
use serde_json::{Map, Value as Json, json};

const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The schema of one dialect (2020-12), as `schemas/ygtc-*.schema.json` has it.
pub fn schema(dialect: Dialect) -> Json {
    let mut schema = match dialect {
        Dialect::List => of_list(),
        Dialect::Map => of_map(),
    };
    if let Json::Object(members) = &mut schema {
        members.insert("$schema".to_owned(), json!(DRAFT));
        members.insert("title".to_owned(), json!(format!("A flow whose `nodes` are a {}", dialect.as_str())));
    }
    schema
}

fn of_list() -> Json {
    let mut flow = table(&list::FLOW);
    let mut node = table(&list::NODE);
    let types: Vec<Json> = kinds::TYPES.iter().map(by_type).collect();
    insert(&mut node, &["allOf"], json!(types));
    insert(&mut node, &["properties", "type", "examples"], json!(kinds::names().collect::<Vec<_>>()));
    insert(&mut flow, &["properties", "nodes"], json!({ "type": "array", "minItems": 1, "items": node }));
    let named: Vec<Json> =
        triggers::TYPES.iter().map(|known| json!({ "if": has_type(known.name), "then": table(known.table) })).collect();
    let names: Vec<&str> = triggers::TYPES.iter().map(|known| known.name).collect();
    let trigger = json!({
        "type": "object",
        "required": ["type"],
        "properties": { "type": { "enum": names } },
        "allOf": named,
    });
    insert(&mut flow, &["properties", "triggers"], json!({ "type": "array", "minItems": 1, "items": trigger }));
    flow
}

fn of_map() -> Json {
    let mut flow = table(&map::FLOW);
    let mut node = table(&map::RESERVED);
    for known in kinds::TYPES {
        insert(&mut node, &["properties", known.name], payload(known));
    }
    insert(&mut node, &["additionalProperties"], described(table(&component::PAYLOAD), "A component of the pack."));
    insert(
        &mut flow,
        &["properties", "nodes"],
        json!({
            "type": "object",
            "minProperties": 1,
            "additionalProperties": false,
            "patternProperties": { "^[A-Za-z0-9_][A-Za-z0-9_-]{0,62}$": node },
        }),
    );
    flow
}

fn by_type(known: &NodeType) -> Json {
    let mut then = json!({ "properties": { "config": payload(known) } });
    // A map whose keys are all optional may be absent.
    if known.table.keys.iter().any(|key| key.required) {
        insert(&mut then, &["required"], json!(["config"]));
    }
    json!({ "if": has_type(known.name), "then": then })
}

fn has_type(name: &str) -> Json {
    json!({ "properties": { "type": { "const": name } } })
}

/// What stands under `config`, or under the operation key.
fn payload(known: &NodeType) -> Json {
    let map = table(known.table);
    let schema = if known.bare.is_some() { json!({ "anyOf": [text(), map] }) } else { map };
    described(schema, known.about)
}

fn described(mut schema: Json, about: &str) -> Json {
    insert(&mut schema, &["description"], json!(about));
    schema
}

fn table(table: &Table) -> Json {
    let mut properties = Map::new();
    for key in table.keys {
        properties.insert(key.name.to_owned(), property(key));
        for alias in key.aliases {
            let about = format!("Write `{}`.", key.name);
            properties.insert((*alias).to_owned(), json!({ "deprecated": true, "description": about }));
        }
    }
    // An alias stands in for its key, so only keys without one can be asked for.
    let required: Vec<&str> =
        table.keys.iter().filter(|key| key.required && key.aliases.is_empty()).map(|key| key.name).collect();
    let mut schema = json!({ "type": "object", "properties": properties });
    if !required.is_empty() {
        insert(&mut schema, &["required"], json!(required));
    }
    if table.rest == Rest::Refused {
        insert(&mut schema, &["patternProperties"], json!({ "^x-": {} }));
        insert(&mut schema, &["additionalProperties"], json!(false));
    }
    schema
}

fn property(key: &Key) -> Json {
    described(kind(key.kind), key.about)
}

/// Scalars of any type are text where text is wanted.
fn text() -> Json {
    json!({ "type": ["string", "number", "boolean"] })
}

fn kind(kind_of: Kind) -> Json {
    match kind_of {
        Kind::Name => json!({ "type": ["string", "number"], "maxLength": 127 }),
        Kind::Target | Kind::Text | Kind::Template | Kind::Expression => text(),
        Kind::Script => json!({ "type": "string" }),
        Kind::Pattern => json!({ "type": ["string", "number"] }),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Whole(min, max) => json!({ "type": "integer", "minimum": min, "maximum": max }),
        Kind::Number(min, max) => json!({ "type": "number", "minimum": min, "maximum": max }),
        Kind::OneOf(words) => json!({ "enum": words }),
        Kind::Data | Kind::Literal => json!({}),
        Kind::Map | Kind::LiteralMap => json!({ "type": "object" }),
        Kind::List(item) => json!({ "type": "array", "items": kind(*item) }),
        Kind::MapOf(item) => json!({ "type": "object", "additionalProperties": kind(*item) }),
        Kind::Table(inner) => table(inner),
        Kind::Either(kinds) => json!({ "anyOf": kinds.iter().map(|each| kind(*each)).collect::<Vec<_>>() }),
    }
}

fn insert(schema: &mut Json, path: &[&str], value: Json) {
    let Some((last, before)) = path.split_last() else { return };
    let mut at = schema;
    for name in before {
        let Json::Object(members) = at else { return };
        at = members.entry((*name).to_owned()).or_insert_with(|| json!({}));
    }
    if let Json::Object(members) = at {
        members.insert((*last).to_owned(), value);
    }
}
