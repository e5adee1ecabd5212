//! The description of an endpoint: an operation of the `OpenAPI` document.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde_json::{Map, Value as Json, json};

use crate::endpoint::schema::{deserialize_schema, parameters, serialize_schema};
use crate::error::Code;
use crate::problem::{PROBLEM, Problem};

const JSON: &str = "application/json";

/// The description of an endpoint.
#[derive(Default)]
pub(crate) struct Operation {
    path: String,
    pub(crate) summary: &'static str,
    pub(crate) description: &'static str,
    parameters: Vec<Json>,
    /// By media type.
    body: Map<String, Json>,
    is_body_optional: bool,
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

    /// Adds a media type of the request body.
    pub(crate) fn add_body(&mut self, kind: &str, content: Json) {
        self.body.insert(kind.to_owned(), content);
    }

    /// Adds a JSON body.
    pub(crate) fn add_json_body<T: JsonSchema>(&mut self) {
        let (schema, schemas) = deserialize_schema::<T>();
        self.schemas.extend(schemas);
        self.add_body(JSON, json!({"schema": schema}));
    }

    /// Adds an optional JSON body.
    pub(crate) fn add_optional_json_body<T: JsonSchema>(&mut self) {
        self.add_json_body::<T>();
        self.is_body_optional = true;
    }

    /// Adds a media type of the response.
    pub(crate) fn add_response(&mut self, kind: &str) {
        self.response.entry(kind).or_insert_with(|| json!({}));
    }

    /// Adds a JSON response.
    pub(crate) fn add_json_response<T: JsonSchema>(&mut self) {
        let schema = self.response_schema::<T>();
        self.response.insert(JSON.to_owned(), json!({"schema": schema}));
    }

    /// Adds errors.
    pub(crate) fn add_errors(&mut self, codes: &[Code]) {
        let new = codes.iter().filter(|code| !self.errors.contains(code));
        let new: Vec<_> = new.copied().collect();
        self.errors.extend(new);
    }

    /// Sets the type of its error responses.
    pub(crate) fn set_error_body<T: JsonSchema>(&mut self) {
        for (kind, schema) in
            [(JSON, self.response_schema::<T>()), (PROBLEM, self.response_schema::<Problem<'_>>())]
        {
            self.error_content.insert(kind.to_owned(), json!({"schema": schema}));
        }
    }

    /// Requires the administrator's token.
    pub(crate) fn require_token(&mut self) {
        self.requires_token = true;
        self.add_errors(&[Code::Unauthorized, Code::NotFound]);
    }

    fn response_schema<T: JsonSchema>(&mut self) -> Json {
        let (schema, schemas) = serialize_schema::<T>();
        self.schemas.extend(schemas);
        schema
    }

    /// Every status that it may return.
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

    /// The operation in the document.
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
