//! The answer to a request: its outputs, and the body of the response over HTTP.

use pet_model::{ModelMetadata, softmax};
use pet_predict::Prediction;
use schemars::JsonSchema;
use serde::Serialize;

use crate::error::ApiError;
use crate::open_inference::data::Data;
use crate::open_inference::request::{self, Kind, reject_shared_memory, unknown};

/// The names of all outputs, for an error.
const NAMES: &str = "output, probabilities or class";

pub(crate) struct Answer {
    pub(crate) label: Label,
    pub(crate) outputs: Vec<Output>,
    pub(crate) classes: Vec<String>,
    /// The predictions for all images, in their order.
    pub(crate) rows: Vec<Row>,
}

/// How a response is labelled.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Label {
    pub(crate) model_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) model_version: Option<String>,
    /// The request's ID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Row {
    logits: Vec<f32>,
    probabilities: Vec<f32>,
}

impl Row {
    /// The prediction of a model for a tensor.
    pub(crate) fn new(logits: Vec<f32>, model: &ModelMetadata) -> Result<Self, ApiError> {
        let probabilities = softmax(&logits, model.temperature()).ok_or_else(|| {
            ApiError::bad_parameter("the model's output for these numbers is not finite")
        })?;
        Ok(Self { logits, probabilities })
    }
}

impl From<Prediction> for Row {
    fn from(prediction: Prediction) -> Self {
        Self {
            logits: prediction.logits().to_vec(),
            probabilities: prediction.probabilities().to_vec(),
        }
    }
}

impl Answer {
    pub(crate) fn best_classes(&self) -> Vec<String> {
        let best = self.rows.iter().flat_map(|row| ranking(&row.probabilities, 1));
        best.map(|best| self.name(best).to_owned()).collect()
    }

    /// The `count` best classes of an image in Triton's form: `value:index:class`.
    fn ranked(&self, values: &[f32], count: usize) -> impl Iterator<Item = String> {
        ranking(values, count).into_iter().map(|index| {
            let value = values.get(index).copied().unwrap_or_default();
            format!("{value:.6}:{index}:{}", self.name(index))
        })
    }

    fn name(&self, index: usize) -> &str {
        self.classes.get(index).map_or("", String::as_str)
    }
}

/// The indices of the `count` largest numbers, in descending order; ties keep their order.
fn ranking(row: &[f32], count: usize) -> Vec<usize> {
    let mut indices: Vec<_> = (0..row.len()).collect();
    indices.sort_by(|&a, &b| row[b].total_cmp(&row[a]));
    indices.truncate(count);
    indices
}

/// A requested output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Output {
    kind: Kind,
    /// Whether its data follows the JSON in binary form.
    pub(crate) binary: bool,
    /// How many of the best classes to return instead of numbers.
    classification: Option<usize>,
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

    pub(crate) fn extract(self, answer: &Answer) -> (Vec<usize>, Data) {
        let batch = answer.rows.len();
        let values: fn(&Row) -> &[f32] = match self.kind {
            Kind::Class => return (vec![batch], Data::Texts(answer.best_classes())),
            Kind::Logits => |row| &row.logits,
            Kind::Probabilities => |row| &row.probabilities,
        };
        let values = answer.rows.iter().map(values);
        if let Some(count) = self.classification {
            let texts = values.flat_map(|values| answer.ranked(values, count));
            return (vec![batch, count], Data::Texts(texts.collect()));
        }
        let numbers = values.flatten().copied().collect();
        (vec![batch, answer.classes.len()], Data::Numbers(numbers))
    }
}

/// A response of the protocol.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "InferenceResponse")]
pub(crate) struct Response {
    #[serde(flatten)]
    label: Label,
    outputs: Vec<Tensor>,
}

/// An output of the model.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "InferenceTensor")]
struct Tensor {
    name: &'static str,
    datatype: &'static str,
    /// Size of each dimension.
    shape: Vec<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<Parameters>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Data>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline)]
struct Parameters {
    /// Length of this output in the binary data after the JSON, in bytes.
    binary_data_size: usize,
}

impl Response {
    /// Encodes the requested outputs. If any of them is requested in binary, binary data follows the JSON.
    pub(crate) fn new(answer: Answer) -> (Self, Option<Vec<u8>>) {
        let mut tail = Vec::new();
        let tensors = answer.outputs.iter().map(|&output| Tensor::new(output, &answer, &mut tail));
        let outputs = tensors.collect();
        let is_binary = answer.outputs.iter().any(|output| output.binary);
        (Self { label: answer.label, outputs }, is_binary.then_some(tail))
    }
}

impl Tensor {
    fn new(output: Output, answer: &Answer, tail: &mut Vec<u8>) -> Self {
        let (shape, data) = output.extract(answer);
        let (parameters, data) = if output.binary {
            let start = tail.len();
            data.write(tail);
            (Some(Parameters { binary_data_size: tail.len() - start }), None)
        } else {
            (None, Some(data))
        };
        Self { name: output.name(), datatype: output.datatype(), shape, parameters, data }
    }
}

#[cfg(test)]
mod tests {
    use pet_model::Preprocess;
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
            (json!(vec![json!({"name": "class"}); 17]), "no more than 16 items"),
        ] {
            let error = requested(&outputs).unwrap_err();
            assert!(error.contains(reason), "{outputs}: {error}");
        }
    }

    fn model() -> ModelMetadata {
        let classes = vec!["cat".into(), "dog".into()];
        ModelMetadata::new("pets", classes, Preprocess::imagenet())
            .with_model_version("3")
            .with_temperature(2.0)
    }

    fn response(request: &Value) -> (Value, Option<Vec<u8>>) {
        let json = request.to_string();
        let request = Request::read(json.as_bytes()).unwrap();
        let (binary, default) =
            (request.parameters.binary_data_output, [Kind::Logits, Kind::Class]);
        let outputs = Output::requested(&request.outputs, binary, &default, 2).unwrap();
        let row = Row::new(vec![1.0, -0.5], &model()).unwrap();
        let label =
            Label { model_name: "pets".into(), model_version: Some("3".into()), id: request.id };
        let answer = Answer { label, outputs, classes: model().classes, rows: vec![row] };
        let (response, tail) = Response::new(answer);
        (serde_json::to_value(response).unwrap(), tail)
    }

    #[test]
    fn json_contains_the_data() {
        let (json, tail) = response(&json!({"id": "7", "inputs": []}));
        assert_eq!(tail, None);
        let expected = json!({"model_name": "pets", "model_version": "3", "id": "7", "outputs": [
            {"name": "output", "datatype": "FP32", "shape": [1, 2], "data": [1.0, -0.5]},
            {"name": "class", "datatype": "BYTES", "shape": [1], "data": ["cat"]},
        ]});
        assert_eq!(json, expected);
    }

    #[test]
    fn binary_data_follow_the_json() {
        let (json, tail) =
            response(&json!({"inputs": [], "parameters": {"binary_data_output": true}}));
        let sizes = ["/outputs/0", "/outputs/1"]
            .map(|output| json.pointer(output).unwrap()["parameters"]["binary_data_size"].clone());
        assert_eq!(sizes, [8, 7]);
        assert_eq!(tail.unwrap(), b"\0\0\x80\x3f\0\0\0\xbf\x03\0\0\0cat");
    }

    #[test]
    fn images_are_ranked_separately() {
        let rows = [[1.0, 3.0, 2.0], [5.0, 4.0, 5.0]].map(|logits| Row {
            probabilities: softmax(&logits, 1.0).unwrap(),
            logits: logits.to_vec(),
        });
        let answer = Answer {
            label: Label { model_name: "pets".into(), model_version: None, id: None },
            outputs: Vec::new(),
            classes: ["cat", "dog", "fox"].map(str::to_owned).to_vec(),
            rows: rows.to_vec(),
        };
        assert_eq!(answer.best_classes(), ["dog", "cat"]);
        let extract =
            |kind, classification| Output { kind, binary: false, classification }.extract(&answer);
        let expected = ["3.000000:1:dog", "2.000000:2:fox", "5.000000:0:cat", "5.000000:2:fox"];
        let expected = Data::Texts(expected.map(str::to_owned).to_vec());
        assert_eq!(extract(Kind::Logits, Some(2)), (vec![2, 2], expected));
        let (shape, Data::Numbers(numbers)) = extract(Kind::Probabilities, None) else {
            panic!("probabilities are numbers");
        };
        assert_eq!(shape, [2, 3]);
        assert!((numbers[..3].iter().sum::<f32>() - 1.0).abs() < 1e-6);
    }
}
