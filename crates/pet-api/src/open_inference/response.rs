//! The body of an answer.

use serde::Serialize;

use crate::open_inference::answer::Answer;
use crate::open_inference::data::{write_f32, write_texts};
use crate::open_inference::output::{Data, Output};

/// An answer in the words of the protocol.
#[derive(Serialize)]
struct Response<'a> {
    model_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    model_version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    outputs: Vec<Tensor>,
}

#[derive(Serialize)]
struct Tensor {
    name: &'static str,
    datatype: &'static str,
    shape: Vec<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<Parameters>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Data>,
}

#[derive(Serialize)]
struct Parameters {
    binary_data_size: usize,
}

/// What an answer is given under.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Label<'a> {
    pub(crate) model_name: &'a str,
    pub(crate) model_version: Option<&'a str>,
    /// The request's own name for itself.
    pub(crate) id: Option<&'a str>,
}

/// A body, and the length of its JSON part if binary data follow.
#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) bytes: Vec<u8>,
    pub(crate) json_length: Option<usize>,
}

impl Body {
    /// Writes the wanted outputs of an answer.
    pub(crate) fn write(
        label: Label<'_>,
        outputs: &[Output],
        answer: &Answer,
    ) -> serde_json::Result<Self> {
        let mut tail = Vec::new();
        let tensors = outputs
            .iter()
            .map(|&output| tensor(output, answer, &mut tail));
        let response = Response {
            model_name: label.model_name,
            model_version: label.model_version,
            id: label.id,
            outputs: tensors.collect(),
        };
        let mut bytes = serde_json::to_vec(&response)?;
        let binary = outputs.iter().any(|output| output.binary);
        let json_length = binary.then_some(bytes.len());
        bytes.append(&mut tail);
        Ok(Self { bytes, json_length })
    }
}

fn tensor(output: Output, answer: &Answer, tail: &mut Vec<u8>) -> Tensor {
    let (shape, data) = output.of(answer);
    let (parameters, data) = if output.binary {
        let start = tail.len();
        match &data {
            Data::Numbers(numbers) => write_f32(numbers, tail),
            Data::Texts(texts) => write_texts(texts, tail),
        }
        let binary_data_size = tail.len() - start;
        (Some(Parameters { binary_data_size }), None)
    } else {
        (None, Some(data))
    };
    Tensor {
        name: output.name(),
        datatype: output.datatype(),
        shape,
        parameters,
        data,
    }
}

#[cfg(test)]
mod tests {
    use pet_model::{ModelMetadata, Preprocess};
    use serde_json::json;

    use crate::open_inference::answer::Row;
    use crate::open_inference::output::Kind;
    use crate::open_inference::request::Request;

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
        let outputs = Output::wanted(&request, &[Kind::Logits, Kind::Class], 2).unwrap();
        let row = Row::new(vec![1.0, -0.5], &model()).unwrap();
        let answer = Answer::new(model().classes, &[row]);
        let label = Label {
            model_name: "pets",
            model_version: Some("3"),
            id: request.id.as_deref(),
        };
        Body::write(label, &outputs, &answer).unwrap()
    }

    #[test]
    fn json_holds_the_data() {
        let body = body(&json!({"id": "7", "inputs": []}));
        assert_eq!(body.json_length, None);
        let expected = json!({"model_name": "pets", "model_version": "3", "id": "7", "outputs": [
            {"name": "output", "datatype": "FP32", "shape": [1, 2], "data": [1.0, -0.5]},
            {"name": "class", "datatype": "BYTES", "shape": [1], "data": ["cat"]},
        ]});
        let got: serde_json::Value = serde_json::from_slice(&body.bytes).unwrap();
        assert_eq!(got, expected);
    }

    #[test]
    fn binary_data_follow_the_json() {
        let body = body(&json!({"inputs": [], "parameters": {"binary_data_output": true}}));
        let (json, tail) = body.bytes.split_at(body.json_length.unwrap());
        let json: serde_json::Value = serde_json::from_slice(json).unwrap();
        let sizes = ["/outputs/0", "/outputs/1"]
            .map(|output| json.pointer(output).unwrap()["parameters"]["binary_data_size"].clone());
        assert_eq!(sizes, [8, 7]);
        assert_eq!(tail, b"\0\0\x80\x3f\0\0\0\xbf\x03\0\0\0cat");
    }
}
