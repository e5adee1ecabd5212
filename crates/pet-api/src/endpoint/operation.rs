//! The description of an endpoint, as an operation of the document.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde_json::{Map, Value as Json, json};

use crate::endpoint::schema::{parameters, read, written};
use crate::error::Code;
use crate::problem::{PROBLEM, Problem};

const JSON: &str = "application/json";

/// What is told of an endpoint.
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
    answer: Map<String, Json>,
    /// Other statuses that are no refusals.
    pub(crate) others: Vec<(u16, &'static str)>,
    refusals: Vec<Code>,
    /// By media type.
    refusal: Map<String, Json>,
    is_guarded: bool,
    /// Schemas that others refer to, by their names.
    pub(crate) schemas: Map<String, Json>,
}

impl Operation {
    pub(crate) fn at(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            ..Self::default()
        }
    }

    /// Its parameters in the `query` or the `header` are the fields of a type; those in the `path` those that the path has.
    pub(crate) fn takes_parameters<T: JsonSchema>(&mut self, place: &str) {
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

    /// It takes a body of a media type.
    pub(crate) fn takes(&mut self, kind: &str, content: Json) {
        self.body.insert(kind.to_owned(), content);
    }

    /// It takes JSON.
    pub(crate) fn takes_json<T: JsonSchema>(&mut self) {
        let (schema, schemas) = read::<T>();
        self.schemas.extend(schemas);
        self.takes(JSON, json!({"schema": schema}));
    }

    /// It takes JSON, or no body.
    pub(crate) fn takes_json_if_any<T: JsonSchema>(&mut self) {
        self.takes_json::<T>();
        self.is_body_optional = true;
    }

    /// It answers with a media type.
    pub(crate) fn gives(&mut self, kind: &str) {
        self.answer.entry(kind).or_insert_with(|| json!({}));
    }

    /// It answers with JSON.
    pub(crate) fn gives_json<T: JsonSchema>(&mut self) {
        let schema = self.written::<T>();
        self.answer
            .insert(JSON.to_owned(), json!({"schema": schema}));
    }

    /// It may refuse.
    pub(crate) fn refuses(&mut self, codes: &[Code]) {
        let new = codes.iter().filter(|code| !self.refusals.contains(code));
        let new: Vec<_> = new.copied().collect();
        self.refusals.extend(new);
    }

    /// Its refusals are written so.
    pub(crate) fn refuses_in_form<T: JsonSchema>(&mut self) {
        for (kind, schema) in [
            (JSON, self.written::<T>()),
            (PROBLEM, self.written::<Problem<'_>>()),
        ] {
            self.refusal
                .insert(kind.to_owned(), json!({"schema": schema}));
        }
    }

    /// It asks for the administrator's token.
    pub(crate) fn asks_for_token(&mut self) {
        self.is_guarded = true;
        self.refuses(&[Code::Unauthorized, Code::NotFound]);
    }

    fn written<T: JsonSchema>(&mut self) -> Json {
        let (schema, schemas) = written::<T>();
        self.schemas.extend(schemas);
        schema
    }

    /// Every status that it answers with.
    pub(crate) fn statuses(&self) -> impl Iterator<Item = u16> {
        let success = (!self.answer.is_empty()).then_some(200);
        let others = self.others.iter().map(|(status, _)| *status);
        let refusals = self.refusals.iter().map(|code| code.status());
        success.into_iter().chain(others).chain(refusals)
    }

    /// Whether it may answer with a status, and a media type if there is content.
    pub(crate) fn allows(&self, status: u16, kind: Option<&str>) -> bool {
        let fits = |kind| match status {
            200 => self.answer.contains_key(kind),
            _ => self.refusal.contains_key(kind),
        };
        self.statuses().any(|allowed| allowed == status) && kind.is_none_or(fits)
    }

    /// It as the document has it.
    pub(crate) fn document(&self, name: &str, tag: &str) -> Json {
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
        if self.is_guarded {
            operation["security"] = json!([{"token": []}]);
        }
        operation
    }

    fn responses(&self) -> BTreeMap<String, Json> {
        let answer = json!({"description": "The answer.", "content": self.answer});
        let mut responses = BTreeMap::from([("200".to_owned(), answer)]);
        for (status, description) in &self.others {
            responses.insert(status.to_string(), json!({"description": description}));
        }
        for code in &self.refusals {
            let refusal = self.refused(code.status());
            responses.insert(code.status().to_string(), refusal);
        }
        responses
    }

    /// One status with each of its codes.
    fn refused(&self, status: u16) -> Json {
        let codes = Code::ALL
            .into_iter()
            .filter(|code| code.status() == status && self.refusals.contains(code));
        let meanings = codes
            .clone()
            .map(|code| format!("`{}`: {}", code.name(), code.meaning()));
        let mut refusal = json!({
            "description": meanings.collect::<Vec<_>>().join("\n\n"),
            "content": self.refusal,
        });
        if codes.clone().any(|code| code.retry_after().is_some()) {
            refusal["headers"] = json!({"Retry-After": {
                "description": "Seconds after which another try may succeed.",
                "schema": {"type": "integer", "minimum": 0},
            }});
        }
        refusal
    }
}
