//! JSON schemas of types.

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value as Json};

/// A reference to the schema of a response, and all schemas that it refers to.
pub(crate) fn serialize_schema<T: JsonSchema>() -> (Json, Map<String, Json>) {
    schema::<T>(settings().for_serialize())
}

/// A reference to the schema of a request, and all schemas that it refers to.
pub(crate) fn deserialize_schema<T: JsonSchema>() -> (Json, Map<String, Json>) {
    schema::<T>(settings().for_deserialize())
}

/// A parameter of a request: a field of a type.
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) is_required: bool,
    pub(crate) schema: Map<String, Json>,
}

/// The fields of a type as parameters.
pub(crate) fn parameters<T: JsonSchema>() -> Vec<Parameter> {
    let settings = settings().for_deserialize().with(|settings| settings.inline_subschemas = true);
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
    let settings = SchemaSettings::draft2020_12().with_transform(RecursiveTransform(tighten));
    settings.with(|settings| settings.definitions_path = "/components/schemas".into())
}

/// Makes a schema stricter: optional fields are never null, and numbers have the bounds of their types.
fn tighten(schema: &mut Schema) {
    let whole = schema.clone();
    let properties = schema.get_mut("properties").and_then(Json::as_object_mut);
    for (name, property) in properties.into_iter().flatten() {
        if !is_required(&whole, name) {
            disallow_null(property);
        }
    }
    let (min, max) = match schema.get("format").and_then(Json::as_str) {
        Some("uint32") => (None, u32::MAX.into()),
        Some("int64") => (Some(i64::MIN.into()), i64::MAX.into()),
        _ => return,
    };
    let object = schema.ensure_object();
    object.entry("maximum").or_insert(max);
    if let Some(min) = min {
        object.entry("minimum").or_insert(min);
    }
}

fn is_required(schema: &Schema, name: &str) -> bool {
    let required = schema.get("required").and_then(Json::as_array);
    required.is_some_and(|required| required.iter().any(|required| required == name))
}

fn disallow_null(property: &mut Json) {
    if let Some([kind, Json::String(null)]) = property["type"].as_array().map(Vec::as_slice)
        && null == "null"
    {
        property["type"] = kind.clone();
    }
    if let Some(values) = property.get_mut("enum").and_then(Json::as_array_mut) {
        values.retain(|value| !value.is_null());
    }
}
