//! The input of a request, which is checked before memory is allocated for it.

use actix_web::web::Bytes;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use pet_model::INPUT_NAME;
use serde_json::value::RawValue;

use crate::error::{ApiError, Code};
use crate::open_inference::data::{finite, read_elements, read_f32, read_json, wrong_length};
use crate::open_inference::request::{self, reject_shared_memory, unknown};

/// The images of a request.
#[derive(Debug, PartialEq)]
pub(crate) enum Input {
    /// FP32: the numbers of each preprocessed image.
    Tensors(Vec<Vec<f32>>),
    /// BYTES: the files of photographs.
    Photographs(Vec<Bytes>),
}

/// What a request must fit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// Largest number of images.
    pub(crate) batch: usize,
    /// Side of an image tensor in pixels.
    pub(crate) side: usize,
    pub(crate) classes: usize,
}

/// An input as it was received.
pub(crate) struct Tensor<'a> {
    pub(crate) name: &'a str,
    pub(crate) datatype: &'a str,
    pub(crate) shape: &'a [usize],
    pub(crate) data: Source<'a>,
}

pub(crate) enum Source<'a> {
    Json(&'a RawValue),
    Binary(Bytes),
    /// One of both, by the datatype.
    #[cfg_attr(not(feature = "grpc"), expect(dead_code, reason = "HTTP has none"))]
    Typed {
        numbers: Vec<f32>,
        elements: Vec<Bytes>,
    },
}

impl Input {
    /// Reads the only input of a JSON request; `tail` is what follows the JSON.
    pub(crate) fn of_json(
        inputs: &[request::Input<'_>],
        tail: &Bytes,
        rules: Rules,
    ) -> Result<Self, ApiError> {
        let [input] = inputs else {
            return Err(Self::not_one(inputs.len()));
        };
        let (shape, data) = (&input.shape, source(input, tail)?);
        Self::read(Tensor { name: &input.name, datatype: &input.datatype, shape, data }, rules)
    }

    /// The error for a request with another number of inputs.
    pub(crate) fn not_one(got: usize) -> ApiError {
        ApiError::bad_parameter(format!("expected one input, got {got}"))
    }

    /// Checks an input, then reads its data.
    pub(crate) fn read(input: Tensor<'_>, rules: Rules) -> Result<Self, ApiError> {
        let Tensor { name, datatype, shape, data } = input;
        if name != INPUT_NAME {
            return Err(unknown("input", name, INPUT_NAME));
        }
        match datatype {
            "FP32" => {
                let batch = rules.batch_size(datatype, shape)?;
                let numbers = numbers(data, shape)?;
                let images = numbers.chunks(numbers.len() / batch);
                Ok(Self::Tensors(images.map(<[f32]>::to_vec).collect()))
            }
            "BYTES" => {
                let batch = rules.batch_size(datatype, shape)?;
                photographs(data, shape, batch).map(Self::Photographs)
            }
            other => Err(ApiError::bad_parameter(format!(
                "the input `{name}` accepts FP32 or BYTES, got `{other}`"
            ))),
        }
    }
}

impl Rules {
    /// Checks a shape, and returns the number of images, which is at least 1.
    fn batch_size(self, datatype: &str, shape: &[usize]) -> Result<usize, ApiError> {
        let Self { batch: limit, side, .. } = self;
        let batch = match (datatype, shape) {
            ("FP32", &[batch, 3, height, width]) if [height, width] == [side; 2] => batch,
            ("BYTES", &([batch] | [batch, 1])) => batch,
            _ => 0,
        };
        if batch == 0 {
            let axes =
                if datatype == "FP32" { format!(", 3, {side}, {side}") } else { String::new() };
            let detail = format!("a {datatype} input has the shape [n{axes}], got {shape:?}");
            return Err(ApiError::bad_parameter(detail));
        }
        if batch > limit {
            let detail = format!("the batch has {batch} images, more than the limit of {limit}");
            return Err(ApiError::new(Code::TooLarge, detail));
        }
        Ok(batch)
    }
}

fn source<'a>(input: &request::Input<'a>, tail: &Bytes) -> Result<Source<'a>, ApiError> {
    reject_shared_memory(input.parameters.shared_memory_region.is_some())?;
    let (source, expected) = match (input.data, input.parameters.binary_data_size) {
        (Some(data), None) => (Source::Json(data), 0),
        (None, Some(size)) => (Source::Binary(tail.clone()), size),
        _ => {
            let detail = "the input should have either `data` or the parameter `binary_data_size`";
            return Err(ApiError::bad_parameter(detail));
        }
    };
    match tail.len() {
        got if got == expected => Ok(source),
        got => Err(wrong_length(expected, got)),
    }
}

fn numbers(source: Source<'_>, shape: &[usize]) -> Result<Vec<f32>, ApiError> {
    let count = shape.iter().product();
    finite(match source {
        Source::Json(data) => read_json(data, shape)?,
        Source::Binary(bytes) => read_f32(&bytes, count)?,
        Source::Typed { numbers, .. } => of_length(numbers, count)?,
    })
}

fn photographs(source: Source<'_>, shape: &[usize], batch: usize) -> Result<Vec<Bytes>, ApiError> {
    let texts = match source {
        Source::Binary(bytes) => return read_elements(&bytes, batch),
        Source::Typed { elements, .. } => return of_length(elements, batch),
        Source::Json(data) => read_json::<String>(data, shape)?,
    };
    let decode = |(element, text)| match STANDARD.decode::<String>(text) {
        Ok(bytes) => Ok(bytes.into()),
        Err(error) => Err(ApiError::bad_parameter(format!(
            "element {element} of the BYTES data is not base64: {error}"
        ))),
    };
    texts.into_iter().enumerate().map(decode).collect()
}

fn of_length<T>(elements: Vec<T>, expected: usize) -> Result<Vec<T>, ApiError> {
    match elements.len() {
        got if got == expected => Ok(elements),
        got => {
            Err(ApiError::bad_parameter(format!("expected {expected} elements of data, got {got}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use crate::open_inference::request::Request;

    use super::*;

    const RULES: Rules = Rules { batch: 2, side: 2, classes: 3 };

    fn read(input: &Value, tail: &[u8]) -> Result<Input, String> {
        let json = json!({ "inputs": [input] }).to_string();
        let request = Request::read(json.as_bytes()).map_err(|error| error.to_string())?;
        Input::of_json(&request.inputs, &Bytes::copy_from_slice(tail), RULES)
            .map_err(|error| error.to_string())
    }

    fn tensor(shape: &Value, data: &Value) -> Value {
        json!({"name": "input", "datatype": "FP32", "shape": shape, "data": data})
    }

    #[test]
    fn reads_tensors_from_json_or_binary() {
        let numbers: Vec<f32> = (0..24_u8).map(f32::from).collect();
        let expected = Input::Tensors(numbers.chunks(12).map(<[f32]>::to_vec).collect());
        let json = tensor(&json!([2, 3, 2, 2]), &json!(numbers));
        assert_eq!(read(&json, b"").unwrap(), expected);

        let bytes: Vec<u8> = numbers.iter().flat_map(|n| n.to_le_bytes()).collect();
        let binary = json!({"name": "input", "datatype": "FP32", "shape": [2, 3, 2, 2],
            "parameters": {"binary_data_size": 96}});
        assert_eq!(read(&binary, &bytes).unwrap(), expected);
        for cut in 0..bytes.len() {
            assert!(read(&binary, &bytes[..cut]).is_err());
        }
        assert!(read(&json, b"x").is_err());
    }

    #[test]
    fn reads_photographs_from_base64_or_binary() {
        let expected = Input::Photographs(vec!["ab".into(), "c".into()]);
        for (shape, data) in
            [(json!([2]), json!(["YWI=", "Yw=="])), (json!([2, 1]), json!([["YWI="], ["Yw=="]]))]
        {
            let json = json!({"name": "input", "datatype": "BYTES", "shape": shape, "data": data});
            assert_eq!(read(&json, b"").unwrap(), expected);
        }
        let binary = json!({"name": "input", "datatype": "BYTES", "shape": [2],
            "parameters": {"binary_data_size": 11}});
        assert_eq!(read(&binary, b"\x02\0\0\0ab\x01\0\0\0c").unwrap(), expected);
    }

    #[test]
    fn unsupported_inputs_are_rejected() {
        let twelve = json!(vec![0; 12]);
        let bytes = |shape: Value, data: Value| json!({"name": "input", "datatype": "BYTES", "shape": shape, "data": data});
        for (input, reason) in [
            (tensor(&json!([1, 3, 2, 3]), &twelve), "the shape [n, 3, 2, 2]"),
            (tensor(&json!([3, 2, 2]), &twelve), "the shape [n, 3, 2, 2]"),
            (tensor(&json!([0, 3, 2, 2]), &json!([])), "the shape [n, 3, 2, 2]"),
            (tensor(&json!([3, 3, 2, 2]), &twelve), "more than the limit of 2"),
            (tensor(&json!([-1, 3, 2, 2]), &twelve), "not an inference request"),
            (tensor(&json!([1e19, 3, 2, 2]), &twelve), "not an inference request"),
            (tensor(&json!([usize::MAX, 3, 2, 2]), &twelve), "more than the limit"),
            (tensor(&json!(vec![1; 9]), &twelve), "no more than 8 items"),
            (tensor(&json!([2, 3, 2, 2]), &twelve), "an array of 24 elements"),
            (tensor(&json!([1, 3, 2, 2]), &Value::Null), "either `data` or"),
            (bytes(json!([3]), json!(["", "", ""])), "more than the limit of 2"),
            (bytes(json!([1, 2]), json!(["", ""])), "the shape [n]"),
            (bytes(json!([1]), json!(["a b"])), "not base64"),
            (bytes(json!([1]), json!([1])), "expected a string"),
            (json!({"name": "x", "datatype": "FP32", "shape": [1], "data": []}), "no input `x`"),
            (
                json!({"name": "input", "datatype": "INT8", "shape": [1], "data": []}),
                "FP32 or BYTES",
            ),
            (json!({"datatype": "FP32", "shape": [1], "data": []}), "missing field `name`"),
            (
                json!({"name": "input", "datatype": "FP32", "shape": [1, 3, 2, 2],
                    "parameters": {"shared_memory_region": "here"}}),
                "not supported",
            ),
        ] {
            let error = read(&input, b"").unwrap_err();
            assert!(error.contains(reason), "{input}: {error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_rejected(text in ".{0,40}") {
            let _ = Request::read(text.as_bytes());
        }

        #[test]
        fn truncated_requests_are_rejected(cut in 0_usize..75) {
            let json = tensor(&json!([1, 3, 2, 2]), &json!([0, 0])).to_string();
            let json = format!("{{\"inputs\":[{json}]}}");
            prop_assert!(Request::read(&json.as_bytes()[..cut.min(json.len() - 1)]).is_err());
        }
    }
}
