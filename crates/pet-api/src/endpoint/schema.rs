//! Schemas of the types that are read and written as JSON, or read from an address.

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value as Json};

/// A reference to the schema of what is written, and all schemas that it leads to.
pub(crate) fn written<T: JsonSchema>() -> (Json, Map<String, Json>) {
    schema::<T>(settings().for_serialize())
}

/// A reference to the schema of what is read, and all schemas that it leads to.
pub(crate) fn read<T: JsonSchema>() -> (Json, Map<String, Json>) {
    schema::<T>(settings().for_deserialize())
}

/// A field of what is read from an address.
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) is_required: bool,
    pub(crate) schema: Map<String, Json>,
}

/// The fields of what is read from an address.
pub(crate) fn parameters<T: JsonSchema>() -> Vec<Parameter> {
    let settings = settings()
        .for_deserialize()
        .with(|settings| settings.inline_subschemas = true);
    let schema = settings.into_generator().into_root_schema_for::<T>();
    let properties = schema.get("properties").and_then(Json::as_object);
    let fields = properties.into_iter().flatten();
    let parameter = |(name, field): (&String, &Json)| Parameter {
        name: name.clone(),
        is_required: is_required(&schema, name),
        schema: field.as_object().cloned().unwrap_or_default(),
    };
    fields.map(parameter).collect()
}

fn schema<T: JsonSchema>(settings: SchemaSettings) -> (Json, Map<String, Json>) {
    let mut generator = settings.into_generator();
    let schema = generator.subschema_for::<T>();
    (schema.to_value(), generator.take_definitions(true))
}

fn settings() -> SchemaSettings {
    let settings = SchemaSettings::draft2020_12().with_transform(RecursiveTransform(exact));
    settings.with(|settings| settings.definitions_path = "/components/schemas".into())
}

/// Says what schemas leave open: what may be absent is never null, and some numbers have the bounds of their types.
fn exact(schema: &mut Schema) {
    let whole = schema.clone();
    let properties = schema.get_mut("properties").and_then(Json::as_object_mut);
    for (name, property) in properties.into_iter().flatten() {
        if !is_required(&whole, name) {
            never_null(property);
        }
    }
    let (least, most) = match schema.get("format").and_then(Json::as_str) {
        Some("uint32") => (None, u32::MAX.into()),
        Some("int64") => (Some(i64::MIN.into()), i64::MAX.into()),
        _ => return,
    };
    let object = schema.ensure_object();
    object.entry("maximum").or_insert(most);
    if let Some(least) = least {
        object.entry("minimum").or_insert(least);
    }
}

fn is_required(schema: &Schema, name: &str) -> bool {
    let required = schema.get("required").and_then(Json::as_array);
    required.is_some_and(|required| required.iter().any(|required| required == name))
}

fn never_null(property: &mut Json) {
    if let Some([kind, Json::String(null)]) = property["type"].as_array().map(Vec::as_slice)
        && null == "null"
    {
        property["type"] = kind.clone();
    }
    if let Some(values) = property.get_mut("enum").and_then(Json::as_array_mut) {
        values.retain(|value| !value.is_null());
    }
}
