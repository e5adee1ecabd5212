//! Messages to and from the types of the protocol.

use crate::error::ApiError;
use crate::grpc::proto::infer_parameter::ParameterChoice;
use crate::grpc::proto::model_infer_request::{InferInputTensor, InferRequestedOutputTensor};
use crate::grpc::proto::model_infer_response::InferOutputTensor;
use crate::grpc::proto::model_metadata_response::TensorMetadata;
use crate::grpc::proto::repository_index_response::ModelIndex;
use crate::grpc::proto::{
    InferTensorContents, ModelInferRequest, ModelInferResponse, ModelMetadataResponse,
    ServerMetadataResponse,
};
use crate::open_inference::error::{SHARED_MEMORY, malformed, reject_shared_memory};
use crate::open_inference::input::{Head, Input, Rules, Source};
use crate::open_inference::metadata::{self, InferenceModel, SERVER};
use crate::open_inference::output::Data;
use crate::open_inference::request::{Output, OutputParameters};
use crate::open_inference::run::{Inference, Inferred};
use crate::repository::{IndexEntry, State};

/// Reads a request.
pub(super) fn read(request: ModelInferRequest, rules: Rules) -> Result<Inference, ApiError> {
    let ModelInferRequest { id, inputs, outputs, mut raw_input_contents, .. } = request;
    let count = inputs.len();
    let [input] = <[_; 1]>::try_from(inputs).map_err(|_| Input::not_one(count))?;
    let InferInputTensor { name, datatype, shape, parameters, contents } = input;
    let shape = unsigned(shape)?;
    let head = Head { name: &name, datatype: &datatype, shape: &shape };
    let source = || {
        reject_shared_memory(parameters.contains_key(SHARED_MEMORY))?;
        let contents = contents.filter(|data| *data != InferTensorContents::default());
        match (contents, raw_input_contents.pop(), raw_input_contents.len()) {
            (Some(contents), None, _) => Ok(Source::Typed {
                numbers: contents.fp32_contents,
                elements: contents.bytes_contents,
            }),
            (None, Some(raw), 0) => Ok(Source::Binary(raw)),
            _ => Err(ApiError::bad_parameter(
                "the input should have its data in either `contents` or `raw_input_contents`",
            )),
        }
    };
    let input = Input::new(head, rules, source)?;
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
pub(super) fn write(inferred: Inferred, raw: bool) -> ModelInferResponse {
    let Inferred { label, outputs, answer } = inferred;
    let mut raw_output_contents = Vec::new();
    let outputs = outputs.into_iter().map(|output| {
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
    ModelInferResponse {
        outputs: outputs.collect(),
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

/// The description of the service.
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

impl From<metadata::TensorMetadata> for TensorMetadata {
    fn from(tensor: metadata::TensorMetadata) -> Self {
        Self {
            name: tensor.name.to_owned(),
            datatype: tensor.datatype.to_owned(),
            shape: tensor.shape,
        }
    }
}

fn state(state: &State) -> &'static str {
    match state {
        State::Ready => "READY",
        State::Unavailable => "UNAVAILABLE",
    }
}

impl From<IndexEntry> for ModelIndex {
    fn from(entry: IndexEntry) -> Self {
        Self {
            state: state(&entry.state).to_owned(),
            name: entry.name,
            version: entry.version.unwrap_or_default(),
            reason: entry.reason,
        }
    }
}
