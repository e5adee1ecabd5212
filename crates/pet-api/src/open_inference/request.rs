//! The JSON of an inference request, as the protocol has it.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::at_most::at_most;
use super::malformed::Malformed;

/// An inference request. Fields that the protocol does not know are passed over.
#[derive(Debug, Deserialize)]
pub(super) struct Request<'a> {
    /// Given back with the answer.
    pub(super) id: Option<String>,
    #[serde(default)]
    pub(super) parameters: RequestParameters,
    #[serde(borrow, deserialize_with = "at_most::<4, _, _>")]
    pub(super) inputs: Vec<Input<'a>>,
    #[serde(default, deserialize_with = "at_most::<16, _, _>")]
    pub(super) outputs: Vec<Output>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct RequestParameters {
    /// How outputs that do not say so themselves are given.
    #[serde(default)]
    pub(super) binary_data_output: bool,
}

/// An input tensor; its data stay unread until its shape has been found fitting.
#[derive(Debug, Deserialize)]
pub(super) struct Input<'a> {
    pub(super) name: String,
    #[serde(borrow)]
    pub(super) datatype: Cow<'a, str>,
    #[serde(deserialize_with = "at_most::<8, _, _>")]
    pub(super) shape: Vec<usize>,
    #[serde(default)]
    pub(super) parameters: InputParameters,
    #[serde(borrow)]
    pub(super) data: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct InputParameters {
    /// Bytes of this input behind the JSON.
    pub(super) binary_data_size: Option<usize>,
    /// The name of a piece of memory shared with the client, which a remote service cannot have.
    pub(super) shared_memory_region: Option<String>,
}

/// An output that is asked for.
#[derive(Debug, Deserialize)]
pub(super) struct Output {
    pub(super) name: String,
    #[serde(default)]
    pub(super) parameters: OutputParameters,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct OutputParameters {
    /// Whether it is to stand behind the JSON.
    pub(super) binary_data: Option<bool>,
    /// How many of the best classes to name instead of giving numbers.
    pub(super) classification: Option<usize>,
    /// As [`InputParameters::shared_memory_region`].
    pub(super) shared_memory_region: Option<String>,
}

impl<'a> Request<'a> {
    /// Reads the JSON part of a body.
    pub(super) fn read(json: &'a [u8]) -> Result<Self, Malformed> {
        serde_json::from_slice(json).map_err(|error| Malformed::Request {
            reason: error.to_string(),
        })
    }
}
