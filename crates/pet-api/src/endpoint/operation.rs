//! The description of an endpoint: an operation of the `OpenAPI` document, with the JSON schemas of its types.

use std::collections::BTreeMap;

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value as Json, json};

use crate::error::{ApiError, Code, PROBLEM, PROTOCOL, Problem, ProtocolErrorBody};

const JSON: &str = "application/json";

#[derive(Default)]
pub(crate) struct Operation {
    path: String,
    pub(crate) summary: &'static str,
    pub(crate) description: &'static str,
    parameters: Vec<Json>,
    /// By media type.
    body: Map<String, Json>,
    pub(crate) is_body_optional: bool,
    /// By media type, with status 200.
    response: Map<String, Json>,
    /// Other statuses that are not errors.
    pub(crate) other_statuses: Vec<(u16, &'static str)>,
    errors: Vec<Code>,
    /// By media type.
    error_content: Map<String, Json>,
    requires_token: bool,
    /// The schemas that it refers to, by name.
    pub(crate) schemas: Map<String, Json>,
}

impl Operation {
    pub(crate) fn at(path: &str) -> Self {
        Self { path: path.to_owned(), ..Self::default() }
    }

    /// Adds the fields of a type as parameters in the `query`, the `header` or the `path`. Of those in the path only the
    /// ones that the path contains are added.
    pub(crate) fn add_parameters<T: JsonSchema>(&mut self, place: &str) {
        for mut parameter in parameters::<T>() {
            let is_here = self.path.contains(&format!("{{{}}}", parameter.name));
            if place == "path" && !is_here {
                continue;
            }
            let description = parameter.schema.remove("description");
            self.parameters.push(json!({
                "name": parameter.name,
                "in": place,
                "required": place == "path" || parameter.is_required,
                "description": description.unwrap_or_default(),
                "schema": parameter.schema,
            }));
        }
    }

    pub(crate) fn add_body(&mut self, kind: &str, content: Json) {
        self.body.insert(kind.to_owned(), content);
    }

    pub(crate) fn add_json_body<T: JsonSchema>(&mut self) {
        let schema = self.schema::<T>(settings().for_deserialize());
        self.add_body(JSON, json!({"schema": schema}));
    }

    pub(crate) fn add_response(&mut self, kind: &str) {
        self.response.entry(kind).or_insert_with(|| json!({}));
    }

    pub(crate) fn add_json_response<T: JsonSchema>(&mut self) {
        let schema = self.response_schema::<T>();
        self.response.insert(JSON.to_owned(), json!({"schema": schema}));
    }

    pub(crate) fn add_errors(&mut self, codes: &[Code]) {
        let new = codes.iter().filter(|code| !self.errors.contains(code));
        let new: Vec<_> = new.copied().collect();
        self.errors.extend(new);
    }

    pub(crate) fn add_error_body(&mut self) {
        let body = if self.path.starts_with(PROTOCOL) {
            self.response_schema::<ProtocolErrorBody<'_>>()
        } else {
            self.response_schema::<ApiError>()
        };
        for (kind, schema) in [(JSON, body), (PROBLEM, self.response_schema::<Problem<'_>>())] {
            self.error_content.insert(kind.to_owned(), json!({"schema": schema}));
        }
    }

    pub(crate) fn require_token(&mut self) {
        self.requires_token = true;
        self.add_errors(&[Code::Unauthorized, Code::NotFound]);
    }

    fn response_schema<T: JsonSchema>(&mut self) -> Json {
        self.schema::<T>(settings().for_serialize())
    }

    /// A reference to the schema of a type. Adds all schemas that it refers to.
    fn schema<T: JsonSchema>(&mut self, settings: SchemaSettings) -> Json {
        let mut generator = settings.into_generator();
        let schema = generator.subschema_for::<T>();
        self.schemas.extend(generator.take_definitions(true));
        schema.to_value()
    }

    pub(crate) fn statuses(&self) -> impl Iterator<Item = u16> {
        let success = (!self.response.is_empty()).then_some(200);
        let other_statuses = self.other_statuses.iter().map(|(status, _)| *status);
        let errors = self.errors.iter().map(|code| code.status());
        success.into_iter().chain(other_statuses).chain(errors)
    }

    /// Whether it may return this status, with this media type if there is content.
    pub(crate) fn allows(&self, status: u16, kind: Option<&str>) -> bool {
        let fits = |kind| match status {
            200 => self.response.contains_key(kind),
            _ => self.error_content.contains_key(kind),
        };
        self.statuses().any(|allowed| allowed == status) && kind.is_none_or(fits)
    }

    pub(crate) fn to_json(&self, name: &str, tag: &str) -> Json {
        let mut operation = json!({
            "operationId": name,
            "tags": [tag],
            "summary": self.summary,
            "description": self.description,
            "parameters": self.parameters,
            "responses": self.responses(),
        });
        if !self.body.is_empty() {
            operation["requestBody"] = json!({
                "required": !self.is_body_optional,
                "content": self.body,
            });
        }
        if self.requires_token {
            operation["security"] = json!([{"token": []}]);
        }
        operation
    }

    fn responses(&self) -> BTreeMap<String, Json> {
        let answer = json!({"description": "The response.", "content": self.response});
        let mut responses = BTreeMap::from([("200".to_owned(), answer)]);
        for (status, description) in &self.other_statuses {
            responses.insert(status.to_string(), json!({"description": description}));
        }
        for code in &self.errors {
            let status = code.status();
            responses.insert(status.to_string(), self.error_response(status));
        }
        responses
    }

    /// The response for a status, with each of its codes.
    fn error_response(&self, status: u16) -> Json {
        let codes = Code::ALL
            .into_iter()
            .filter(|code| code.status() == status && self.errors.contains(code));
        let meanings = codes.clone().map(|code| format!("`{}`: {}", code.name(), code.meaning()));
        let mut response = json!({
            "description": meanings.collect::<Vec<_>>().join("\n\n"),
            "content": self.error_content,
        });
        if codes.clone().any(|code| code.retry_after().is_some()) {
            response["headers"] = json!({"Retry-After": {
                "description": "Seconds after which a retry may succeed.",
                "schema": {"type": "integer", "minimum": 0},
            }});
        }
        response
    }
}

/// A parameter of a request: a field of a type.
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) is_required: bool,
    pub(crate) schema: Map<String, Json>,
}

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
