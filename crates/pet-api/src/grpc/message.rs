//! Messages to and from the types of the protocol.
//!
//! Decoding a message allocates far more for a field than its two bytes, so a small message could take all memory. The
//! fields are therefore counted first, which allocates nothing.

use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

use self::proto::infer_parameter::ParameterChoice;
use self::proto::model_infer_request::{InferInputTensor, InferRequestedOutputTensor};
use self::proto::model_infer_response::InferOutputTensor;
use self::proto::model_metadata_response::TensorMetadata;
use self::proto::repository_index_response::ModelIndex;
use self::proto::{
    InferTensorContents, ModelInferRequest, ModelInferResponse, ModelMetadataResponse,
    ServerMetadataResponse,
};
use crate::error::ApiError;
use crate::models::{IndexEntry, State};
use crate::open_inference::data::Data;
use crate::open_inference::input::{Input, Rules, Source, Tensor};
use crate::open_inference::output::Answer;
use crate::open_inference::request::{
    Output, OutputParameters, SHARED_MEMORY, malformed, reject_shared_memory,
};
use crate::open_inference::{self, Inference, InferenceModel, SERVER};

/// The messages and the server, generated from `proto/open_inference.proto` as `proto/README.md` says.
#[allow(
    clippy::all,
    clippy::pedantic,
    missing_docs,
    unreachable_pub,
    reason = "generated code: which lints it meets is up to the generator"
)]
pub(super) mod proto {
    include!("inference.rs");
}

/// Number of fields of a request, besides one for each image. Clients send about ten.
const MAX_FIELDS: usize = 256;

/// Bytes of a shape: those of eight numbers.
const MAX_SHAPE: usize = 80;

/// The messages whose fields are counted, as those of which there may be many.
#[derive(Clone, Copy)]
enum Counted {
    Request,
    Input,
    Output,
    Contents,
}

/// Checks a request for up to this many images.
pub(super) fn check_fields(request: &[u8], images: usize) -> Result<(), ApiError> {
    count(request, Counted::Request, &mut images.saturating_add(MAX_FIELDS))
}

fn count(mut rest: &[u8], message: Counted, left: &mut usize) -> Result<(), ApiError> {
    while !rest.is_empty() {
        *left = left.checked_sub(1).ok_or_else(|| malformed("there are too many fields"))?;
        let (tag, wire) = decode_key(&mut rest).map_err(malformed)?;
        if wire != WireType::LengthDelimited {
            let skipped = skip_field(wire, tag, &mut rest, DecodeContext::default());
            skipped.map_err(malformed)?;
            continue;
        }
        let length = decode_varint(&mut rest).map_err(malformed)?;
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let (field, after) =
            rest.split_at_checked(length).ok_or_else(|| malformed("it is truncated"))?;
        rest = after;
        match (message, tag) {
            (Counted::Request, 5) => count(field, Counted::Input, left)?,
            (Counted::Request, 6) => count(field, Counted::Output, left)?,
            (Counted::Input, 5) => count(field, Counted::Contents, left)?,
            (Counted::Input, 3) if length > MAX_SHAPE => {
                return Err(malformed("a shape has too many axes"));
            }
            _ => {}
        }
    }
    Ok(())
}

pub(super) fn read(request: ModelInferRequest, rules: Rules) -> Result<Inference, ApiError> {
    let ModelInferRequest { id, inputs, outputs, mut raw_input_contents, .. } = request;
    let count = inputs.len();
    let [input] = <[_; 1]>::try_from(inputs).map_err(|_| Input::not_one(count))?;
    let InferInputTensor { name, datatype, shape, parameters, contents } = input;
    reject_shared_memory(parameters.contains_key(SHARED_MEMORY))?;
    let contents = contents.filter(|data| *data != InferTensorContents::default());
    let data = match (contents, raw_input_contents.pop(), raw_input_contents.len()) {
        (Some(contents), None, _) => {
            Source::Typed { numbers: contents.fp32_contents, elements: contents.bytes_contents }
        }
        (None, Some(raw), 0) => Source::Binary(raw),
        _ => {
            let detail =
                "the input should have its data in either `contents` or `raw_input_contents`";
            return Err(ApiError::bad_parameter(detail));
        }
    };
    let shape = unsigned(shape)?;
    let tensor = Tensor { name: &name, datatype: &datatype, shape: &shape, data };
    let input = Input::read(tensor, rules)?;
    let outputs: Vec<_> = outputs.into_iter().map(output).collect::<Result<_, _>>()?;
    let id = Some(id).filter(|id| !id.is_empty());
    Inference::new(id, input, &outputs, false, rules)
}

fn unsigned(shape: Vec<i64>) -> Result<Vec<usize>, ApiError> {
    let extents = shape.into_iter().map(|extent| {
        usize::try_from(extent).map_err(|_| malformed(format_args!("a shape contains {extent}")))
    });
    extents.collect()
}

fn output(output: InferRequestedOutputTensor) -> Result<Output, ApiError> {
    reject_shared_memory(output.parameters.contains_key(SHARED_MEMORY))?;
    let classification = output.parameters.get("classification").map(|parameter| {
        let count = match parameter.parameter_choice {
            Some(ParameterChoice::Int64Param(count)) => usize::try_from(count).ok(),
            None => None,
        };
        count.ok_or_else(|| malformed("`classification` is not a positive `int64_param`"))
    });
    Ok(Output {
        name: output.name,
        parameters: OutputParameters {
            classification: classification.transpose()?,
            ..OutputParameters::default()
        },
    })
}

/// Writes an answer, in the form that its request had: raw bytes, or typed fields.
pub(super) fn write(answer: Answer, raw: bool) -> ModelInferResponse {
    let mut raw_output_contents = Vec::new();
    let outputs = answer.outputs.iter().map(|output| {
        let (shape, data) = output.extract(&answer);
        let contents = if raw {
            let mut bytes = Vec::new();
            data.write(&mut bytes);
            raw_output_contents.push(bytes.into());
            None
        } else {
            Some(data.into())
        };
        InferOutputTensor {
            name: output.name().to_owned(),
            datatype: output.datatype().to_owned(),
            shape: shape.into_iter().map(|extent| extent as i64).collect(),
            contents,
        }
    });
    let outputs = outputs.collect();
    let label = answer.label;
    ModelInferResponse {
        outputs,
        model_name: label.model_name,
        model_version: label.model_version.unwrap_or_default(),
        id: label.id.unwrap_or_default(),
        raw_output_contents,
    }
}

impl From<Data> for InferTensorContents {
    fn from(data: Data) -> Self {
        let mut contents = Self::default();
        match data {
            Data::Numbers(numbers) => contents.fp32_contents = numbers,
            Data::Texts(texts) => {
                contents.bytes_contents = texts.into_iter().map(Into::into).collect();
            }
        }
        contents
    }
}

pub(super) fn server() -> ServerMetadataResponse {
    // Binary data are an extension of HTTP.
    let extensions = SERVER.extensions.iter().filter(|name| **name != "binary_tensor_data");
    ServerMetadataResponse {
        name: SERVER.name.to_owned(),
        version: SERVER.version.to_owned(),
        extensions: extensions.map(|&name| name.to_owned()).collect(),
    }
}

impl From<InferenceModel> for ModelMetadataResponse {
    fn from(model: InferenceModel) -> Self {
        Self {
            name: model.name,
            versions: model.versions,
            platform: model.platform.to_owned(),
            inputs: model.inputs.into_iter().map(Into::into).collect(),
            outputs: model.outputs.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<open_inference::TensorMetadata> for TensorMetadata {
    fn from(tensor: open_inference::TensorMetadata) -> Self {
        Self {
            name: tensor.name.to_owned(),
            datatype: tensor.datatype.to_owned(),
            shape: tensor.shape,
        }
    }
}

impl From<IndexEntry> for ModelIndex {
    fn from(entry: IndexEntry) -> Self {
        let state = match entry.state {
            State::Ready => "READY",
            State::Unavailable => "UNAVAILABLE",
        };
        Self {
            state: state.to_owned(),
            name: entry.name,
            version: entry.version.unwrap_or_default(),
            reason: entry.reason,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::Message as _;

    use super::*;

    fn checked(request: &ModelInferRequest) -> Result<(), String> {
        check_fields(&request.encode_to_vec(), 32).map_err(|error| error.to_string())
    }

    fn input(contents: InferTensorContents) -> ModelInferRequest {
        ModelInferRequest {
            inputs: vec![InferInputTensor {
                shape: vec![1, 3, 224, 224],
                contents: Some(contents),
                ..InferInputTensor::default()
            }],
            ..ModelInferRequest::default()
        }
    }

    #[test]
    fn ordinary_requests_pass() {
        checked(&ModelInferRequest::default()).unwrap();
        checked(&input(InferTensorContents {
            fp32_contents: vec![0.0; 150_528],
            bytes_contents: vec!["photograph".into(); 32],
        }))
        .unwrap();
    }

    #[test]
    fn many_small_fields_are_rejected_wherever_they_are() {
        let many_inputs = ModelInferRequest {
            inputs: vec![InferInputTensor::default(); 1000],
            ..ModelInferRequest::default()
        };
        let parameters: std::collections::HashMap<_, _> = (0..1000)
            .map(|number: u32| (number.to_string(), proto::InferParameter::default()))
            .collect();
        let many_parameters = ModelInferRequest {
            outputs: vec![InferRequestedOutputTensor {
                parameters,
                ..InferRequestedOutputTensor::default()
            }],
            ..ModelInferRequest::default()
        };
        let many_elements = input(InferTensorContents {
            bytes_contents: vec!["".into(); 1000],
            ..InferTensorContents::default()
        });
        for request in [many_inputs, many_parameters, many_elements] {
            assert!(checked(&request).unwrap_err().contains("too many fields"));
        }
        let mut long_shape = input(InferTensorContents::default());
        long_shape.inputs[0].shape = vec![1; 81];
        assert!(checked(&long_shape).unwrap_err().contains("too many axes"));
    }

    proptest! {
        #[test]
        fn whatever_passes_is_small(bytes: Vec<u8>) {
            if check_fields(&bytes, 1).is_ok() && let Ok(request) = ModelInferRequest::decode(&*bytes) {
                prop_assert!(request.inputs.len() + request.outputs.len() <= MAX_FIELDS);
            }
        }

        #[test]
        fn truncated_requests_are_rejected(cut in 0_usize..30) {
            let request = input(InferTensorContents {
                bytes_contents: vec!["a photograph that is cut".into()],
                ..InferTensorContents::default()
            });
            let bytes = request.encode_to_vec();
            prop_assert!(check_fields(&bytes[..bytes.len() - 1 - cut], 1).is_err());
        }
    }
}
