//! Messages of the protocol, written down independently of the service.

use prost::Message;

#[derive(Clone, PartialEq, Message)]
pub(super) struct Empty {}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Flag {
    #[prost(bool, tag = "1")]
    pub(super) value: bool,
}

/// A model in a question.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Model {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, tag = "2")]
    pub(super) version: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Metadata {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, repeated, tag = "2")]
    pub(super) versions: Vec<String>,
    #[prost(message, repeated, tag = "4")]
    pub(super) inputs: Vec<Tensor>,
    #[prost(message, repeated, tag = "5")]
    pub(super) outputs: Vec<Tensor>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Request {
    #[prost(string, tag = "1")]
    pub(super) model: String,
    #[prost(string, tag = "2")]
    pub(super) version: String,
    #[prost(string, tag = "3")]
    pub(super) id: String,
    #[prost(message, repeated, tag = "5")]
    pub(super) inputs: Vec<Tensor>,
    #[prost(message, repeated, tag = "6")]
    pub(super) outputs: Vec<Output>,
    #[prost(bytes = "vec", repeated, tag = "7")]
    pub(super) raw: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Response {
    #[prost(string, tag = "1")]
    pub(super) model: String,
    #[prost(string, tag = "3")]
    pub(super) id: String,
    #[prost(message, repeated, tag = "5")]
    pub(super) outputs: Vec<Tensor>,
    #[prost(bytes = "vec", repeated, tag = "6")]
    pub(super) raw: Vec<Vec<u8>>,
}

/// A tensor of a request, a response, or the metadata.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Tensor {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, tag = "2")]
    pub(super) datatype: String,
    #[prost(int64, repeated, tag = "3")]
    pub(super) shape: Vec<i64>,
    #[prost(message, optional, tag = "5")]
    pub(super) contents: Option<Contents>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Contents {
    #[prost(float, repeated, tag = "6")]
    pub(super) numbers: Vec<f32>,
    #[prost(bytes = "vec", repeated, tag = "8")]
    pub(super) elements: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Output {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(btree_map = "string, message", tag = "2")]
    pub(super) parameters: std::collections::BTreeMap<String, Parameter>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Parameter {
    #[prost(int64, optional, tag = "2")]
    pub(super) number: Option<i64>,
    #[prost(string, optional, tag = "3")]
    pub(super) text: Option<String>,
}

/// A request to load or unload a model.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Load {
    #[prost(string, tag = "2")]
    pub(super) model: String,
    #[prost(btree_map = "string, message", tag = "3")]
    pub(super) parameters: std::collections::BTreeMap<String, Parameter>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct OnlyReady {
    #[prost(bool, tag = "2")]
    pub(super) ready: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Index {
    #[prost(message, repeated, tag = "1")]
    pub(super) models: Vec<Entry>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Entry {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, tag = "3")]
    pub(super) state: String,
    #[prost(string, tag = "4")]
    pub(super) reason: String,
}

/// A request with one photograph as raw bytes.
pub(super) fn photograph(image: &[u8]) -> Request {
    Request { raw: vec![element(image)], ..request("BYTES", &[1]) }
}

/// A request for an input without data.
pub(super) fn request(datatype: &str, shape: &[i64]) -> Request {
    Request {
        model: super::MODEL.into(),
        inputs: vec![Tensor {
            name: "input".into(),
            datatype: datatype.into(),
            shape: shape.to_vec(),
            contents: None,
        }],
        ..Request::default()
    }
}

/// A length-prefixed image.
pub(super) fn element(image: &[u8]) -> Vec<u8> {
    [&(image.len() as u32).to_le_bytes(), image].concat()
}
