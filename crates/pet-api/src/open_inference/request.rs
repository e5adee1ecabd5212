//! An inference request: JSON, optionally followed by binary tensor data.

use std::borrow::Cow;
use std::fmt::Display;

use actix_web::web::Bytes;
use arrayvec::ArrayVec;
use pet_model::{INPUT_NAME, OUTPUT_NAME};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::{ApiError, Code};

/// An inference request. Unknown fields are ignored.
// An array that is too long is rejected without being read to its end.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "InferenceRequest")]
pub(crate) struct Request<'a> {
    /// The ID of the request, which the response repeats.
    pub(crate) id: Option<String>,
    #[serde(default)]
    pub(crate) parameters: RequestParameters,
    /// The input; exactly one.
    #[serde(borrow)]
    #[schemars(length(equal = 1))]
    pub(crate) inputs: ArrayVec<Input<'a>, 4>,
    /// The requested outputs; if empty, the default ones.
    #[serde(default)]
    pub(crate) outputs: ArrayVec<Output, 16>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(inline)]
pub(crate) struct RequestParameters {
    /// Whether outputs without their own setting are returned in binary form.
    #[serde(default)]
    pub(crate) binary_data_output: bool,
}

/// An input tensor.
// The data is parsed after the shape has been checked.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "InferenceInput")]
pub(crate) struct Input<'a> {
    #[schemars(extend("enum" = [INPUT_NAME]))]
    pub(crate) name: String,
    #[serde(borrow)]
    #[schemars(extend("enum" = ["FP32", "BYTES"]))]
    pub(crate) datatype: Cow<'a, str>,
    /// Size of each dimension.
    pub(crate) shape: ArrayVec<usize, 8>,
    #[serde(default)]
    pub(crate) parameters: InputParameters,
    /// The values, in a flat array or in arrays nested according to the shape.
    #[serde(borrow)]
    #[schemars(with = "Option<Vec<serde_json::Value>>")]
    pub(crate) data: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(inline)]
pub(crate) struct InputParameters {
    /// Length of this input in the binary data after the JSON, in bytes.
    pub(crate) binary_data_size: Option<usize>,
    /// The name of a piece of memory shared with the client, which a remote service cannot have.
    #[schemars(skip)]
    pub(crate) shared_memory_region: Option<String>,
}

/// A requested output.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "InferenceOutput")]
pub(crate) struct Output {
    #[schemars(extend("enum" = Kind::ALL.map(Kind::name)))]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) parameters: OutputParameters,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(inline)]
pub(crate) struct OutputParameters {
    /// Whether to return it in binary form, after the JSON.
    pub(crate) binary_data: Option<bool>,
    /// Return this many of the most probable classes instead of numbers.
    #[schemars(range(min = 1))]
    pub(crate) classification: Option<usize>,
    /// As [`InputParameters::shared_memory_region`].
    #[schemars(skip)]
    pub(crate) shared_memory_region: Option<String>,
}

/// An output of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The logits.
    Logits,
    /// The softmax of the logits.
    Probabilities,
    /// The name of the most probable class.
    Class,
}

impl Kind {
    /// Every output in the order of the model's metadata.
    pub(crate) const ALL: [Self; 3] = [Self::Logits, Self::Probabilities, Self::Class];

    /// Its name in the protocol.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Logits => OUTPUT_NAME,
            Self::Probabilities => "probabilities",
            Self::Class => "class",
        }
    }

    /// Its datatype in the protocol.
    pub(crate) const fn datatype(self) -> &'static str {
        match self {
            Self::Logits | Self::Probabilities => "FP32",
            Self::Class => "BYTES",
        }
    }
}

impl<'a> Request<'a> {
    /// Reads the JSON part of a body.
    pub(crate) fn read(json: &'a [u8]) -> Result<Self, ApiError> {
        serde_json::from_slice(json).map_err(malformed)
    }
}

/// The header with the length of the JSON part.
pub(crate) const HEADER_LENGTH: &str = "inference-header-content-length";

/// Splits a body into JSON and binary data at the length in the header [`HEADER_LENGTH`]; without it, all is JSON.
pub(crate) fn split(body: &Bytes, header: Option<&[u8]>) -> Result<(Bytes, Bytes), ApiError> {
    let Some(header) = header else {
        return Ok((body.clone(), Bytes::new()));
    };
    let length = std::str::from_utf8(header)
        .ok()
        .and_then(|text| text.parse::<usize>().ok())
        .filter(|&length| length <= body.len());
    let Some(length) = length else {
        let detail = format!(
            "`{HEADER_LENGTH}` should be 0 to {}, the length of the body, got `{}`",
            body.len(),
            String::from_utf8_lossy(header)
        );
        return Err(ApiError::new(Code::BadRequest, detail));
    };
    Ok((body.slice(..length), body.slice(length..)))
}

/// A body that is not a request of the protocol.
pub(crate) fn malformed(reason: impl Display) -> ApiError {
    let detail = format!("the body is not an inference request: {reason}");
    ApiError::new(Code::BadRequest, detail)
}

/// A name that is none of the model's. `kind` is `input` or `output`.
pub(crate) fn unknown(kind: &str, got: &str, expected: &str) -> ApiError {
    ApiError::bad_parameter(format!("the model has no {kind} `{got}`, expected {expected}"))
}

/// The parameter for memory that is shared with the client, which a remote service cannot have.
pub(crate) const SHARED_MEMORY: &str = "shared_memory_region";

/// Rejects [`SHARED_MEMORY`] where it is given.
pub(crate) fn reject_shared_memory(is_given: bool) -> Result<(), ApiError> {
    if is_given {
        let detail = format!("`{SHARED_MEMORY}` is not supported");
        return Err(ApiError::bad_parameter(detail));
    }
    Ok(())
}

/// Rejects parameters that would change how a model is loaded, by their names.
pub(crate) fn reject_parameters(names: impl Iterator<Item = String>) -> Result<(), ApiError> {
    let names: Vec<_> = names.take(4).collect();
    if names.is_empty() {
        return Ok(());
    }
    Err(ApiError::bad_parameter(format!(
        "models are loaded from their folders, without parameters; got `{}`",
        names.join("`, `")
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_splits_the_body() {
        let body = Bytes::from_static(b"{}tail");
        let parts = |header: Option<&str>| split(&body, header.map(str::as_bytes));
        assert_eq!(parts(None).unwrap(), (body.clone(), Bytes::new()));
        assert_eq!(parts(Some("2")).unwrap().1, "tail");
        assert_eq!(parts(Some("6")).unwrap(), (body.clone(), Bytes::new()));
        for bad in ["7", "-1", "", "2.0", " 2", "99999999999999999999999"] {
            let error = parts(Some(bad)).unwrap_err().to_string();
            assert!(error.contains("0 to 6"), "{error}");
        }
        assert!(split(&body, Some(b"\xff")).is_err());
    }
}
