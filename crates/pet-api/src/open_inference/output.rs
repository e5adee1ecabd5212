//! The outputs of a response.

use schemars::JsonSchema;
use serde::Serialize;

use crate::error::ApiError;
use crate::open_inference::answer::Answer;
use crate::open_inference::data::{write_f32, write_texts};
use crate::open_inference::error::{reject_shared_memory, unknown};
use crate::open_inference::request;
use crate::open_inference::request::Kind;

/// The names of all outputs, for an error.
const NAMES: &str = "output, probabilities or class";

/// A requested output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Output {
    kind: Kind,
    /// Whether its data follows the JSON in binary form.
    pub(crate) binary: bool,
    /// How many of the best classes to return instead of numbers.
    classification: Option<usize>,
}

/// The data of an output; in JSON, a flat array.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub(crate) enum Data {
    Numbers(Vec<f32>),
    Texts(Vec<String>),
}

impl Data {
    /// Appends the data in binary form.
    pub(crate) fn write(&self, to: &mut Vec<u8>) {
        match self {
            Self::Numbers(numbers) => write_f32(numbers, to),
            Self::Texts(texts) => write_texts(texts, to),
        }
    }
}

impl Output {
    /// The `requested` outputs, or else the `default` ones.
    pub(crate) fn requested(
        requested: &[request::Output],
        binary: bool,
        default: &[Kind],
        classes: usize,
    ) -> Result<Vec<Self>, ApiError> {
        if requested.is_empty() {
            let output = |&kind| Self { kind, binary, classification: None };
            return Ok(default.iter().map(output).collect());
        }
        requested.iter().map(|output| Self::read(output, binary, classes)).collect()
    }

    fn read(output: &request::Output, binary: bool, classes: usize) -> Result<Self, ApiError> {
        let kind = Kind::ALL.into_iter().find(|kind| kind.name() == output.name);
        let Some(kind) = kind else {
            return Err(unknown("output", &output.name, NAMES));
        };
        let parameters = &output.parameters;
        reject_shared_memory(parameters.shared_memory_region.is_some())?;
        let classification = parameters.classification.filter(|_| kind != Kind::Class);
        if let Some(got) = classification.filter(|count| !(1..=classes).contains(count)) {
            let detail = format!("`classification` should be 1 to {classes}, got {got}");
            return Err(ApiError::bad_parameter(detail));
        }
        Ok(Self { kind, binary: parameters.binary_data.unwrap_or(binary), classification })
    }

    pub(crate) fn name(self) -> &'static str {
        self.kind.name()
    }

    pub(crate) fn datatype(self) -> &'static str {
        match self.classification {
            Some(_) => Kind::Class.datatype(),
            None => self.kind.datatype(),
        }
    }

    /// Its shape and data.
    pub(crate) fn extract(self, answer: &Answer) -> (Vec<usize>, Data) {
        let batch = answer.batch();
        let values = match self.kind {
            Kind::Class => return (vec![batch], Data::Texts(answer.best_classes())),
            Kind::Logits => answer.logits(),
            Kind::Probabilities => answer.probabilities(),
        };
        match self.classification {
            Some(count) => (vec![batch, count], Data::Texts(answer.ranked(values, count))),
            None => (vec![batch, answer.classes()], Data::Numbers(values.to_vec())),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::open_inference::request::Request;

    fn requested(outputs: &Value) -> Result<Vec<Output>, String> {
        let json = json!({"inputs": [], "outputs": outputs}).to_string();
        let request = Request::read(json.as_bytes()).map_err(|error| error.to_string())?;
        let outputs = Output::requested(&request.outputs, false, &[Kind::Logits], 3);
        outputs.map_err(|error| error.to_string())
    }

    #[test]
    fn requested_outputs_are_read() {
        let names = |outputs: &[Output]| outputs.iter().map(|o| o.name()).collect::<Vec<_>>();
        assert_eq!(names(&requested(&json!([])).unwrap()), ["output"]);
        let outputs = requested(&json!([
            {"name": "class", "parameters": {"binary_data": true}},
            {"name": "probabilities", "parameters": {"classification": 3}},
        ]));
        let outputs = outputs.unwrap();
        assert_eq!(names(&outputs), ["class", "probabilities"]);
        assert!(outputs[0].binary && !outputs[1].binary);
        assert_eq!(outputs[1].datatype(), "BYTES");
    }

    #[test]
    fn unsupported_outputs_are_rejected() {
        let with = |parameters: Value| json!([{"name": "output", "parameters": parameters}]);
        for (outputs, reason) in [
            (json!([{"name": "x"}]), "no output `x`, expected output, prob"),
            (with(json!({"classification": 4})), "should be 1 to 3, got 4"),
            (with(json!({"classification": 0})), "should be 1 to 3, got 0"),
            (with(json!({"classification": -1})), "not an inference request"),
            (with(json!({"shared_memory_region": "here"})), "not supported"),
            (json!(vec![json!({"name": "class"}); 17]), "at most 16 elements"),
        ] {
            let error = requested(&outputs).unwrap_err();
            assert!(error.contains(reason), "{outputs}: {error}");
        }
    }
}
