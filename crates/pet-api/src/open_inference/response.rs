//! The body of a response.

use schemars::JsonSchema;
use serde::Serialize;

use crate::open_inference::answer::Answer;
use crate::open_inference::output::{Data, Output};
use crate::open_inference::run::Inferred;

/// A response of the protocol.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "InferenceResponse")]
pub(crate) struct Response {
    #[serde(flatten)]
    label: Label,
    outputs: Vec<Tensor>,
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

/// The body of a response: JSON, followed by binary data if any output is requested in binary.
#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) response: Response,
    pub(crate) tail: Option<Vec<u8>>,
}

impl Body {
    /// Encodes the requested outputs.
    pub(crate) fn new(inferred: Inferred) -> Self {
        let Inferred { label, outputs, answer } = inferred;
        let mut tail = Vec::new();
        let tensors = outputs.iter().map(|&output| tensor(output, &answer, &mut tail));
        let response = Response { label, outputs: tensors.collect() };
        let is_binary = outputs.iter().any(|output| output.binary);
        Self { response, tail: is_binary.then_some(tail) }
    }
}

fn tensor(output: Output, answer: &Answer, tail: &mut Vec<u8>) -> Tensor {
    let (shape, data) = output.extract(answer);
    let (parameters, data) = if output.binary {
        let start = tail.len();
        data.write(tail);
        let binary_data_size = tail.len() - start;
        (Some(Parameters { binary_data_size }), None)
    } else {
        (None, Some(data))
    };
    Tensor { name: output.name(), datatype: output.datatype(), shape, parameters, data }
}

#[cfg(test)]
mod tests {
    use pet_model::{ModelMetadata, Preprocess};
    use serde_json::json;

    use crate::open_inference::answer::Row;
    use crate::open_inference::request::{Kind, Request};

    use super::*;

    fn model() -> ModelMetadata {
        let classes = vec!["cat".into(), "dog".into()];
        ModelMetadata::new("pets", classes, Preprocess::imagenet())
            .with_model_version("3")
            .with_temperature(2.0)
    }

    fn body(request: &serde_json::Value) -> Body {
        let json = request.to_string();
        let request = Request::read(json.as_bytes()).unwrap();
        let (binary, default) =
            (request.parameters.binary_data_output, [Kind::Logits, Kind::Class]);
        let outputs = Output::requested(&request.outputs, binary, &default, 2).unwrap();
        let row = Row::new(vec![1.0, -0.5], &model()).unwrap();
        let answer = Answer::new(model().classes, &[row]);
        let label =
            Label { model_name: "pets".into(), model_version: Some("3".into()), id: request.id };
        Body::new(Inferred { label, outputs, answer })
    }

    #[test]
    fn json_contains_the_data() {
        let body = body(&json!({"id": "7", "inputs": []}));
        assert_eq!(body.tail, None);
        let expected = json!({"model_name": "pets", "model_version": "3", "id": "7", "outputs": [
            {"name": "output", "datatype": "FP32", "shape": [1, 2], "data": [1.0, -0.5]},
            {"name": "class", "datatype": "BYTES", "shape": [1], "data": ["cat"]},
        ]});
        assert_eq!(serde_json::to_value(&body.response).unwrap(), expected);
    }

    #[test]
    fn binary_data_follow_the_json() {
        let body = body(&json!({"inputs": [], "parameters": {"binary_data_output": true}}));
        let json = serde_json::to_value(&body.response).unwrap();
        let sizes = ["/outputs/0", "/outputs/1"]
            .map(|output| json.pointer(output).unwrap()["parameters"]["binary_data_size"].clone());
        assert_eq!(sizes, [8, 7]);
        assert_eq!(body.tail.unwrap(), b"\0\0\x80\x3f\0\0\0\xbf\x03\0\0\0cat");
    }
}
