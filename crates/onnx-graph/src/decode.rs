//! Decoding: protobuf to model, within limits. The graph goes through the same builder, so decoded
//! models pass the same checks.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message;

use crate::Error;
use crate::data_type::{DataType, bytes_of};
use crate::graph::{Declared, Graph};
use crate::model::Model;
use crate::node::{Attribute, Node};
use crate::proto::attribute_proto::AttributeType;
use crate::proto::tensor_shape_proto::{Dimension, dimension};
use crate::proto::{
    AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, TypeProto, ValueInfoProto,
    tensor_proto, type_proto,
};
use crate::value::{Dim, Tensor, TensorType, Value};

/// What [`Model::from_bytes_with`] accepts; more is an error.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of the whole model. Reading an ordinary one takes about twice as much memory, one made
    /// to be expensive (of millions of empty messages) up to a hundred times as much.
    pub bytes: usize,
    /// Nodes in the graph.
    pub nodes: usize,
    /// Axes of one tensor.
    pub rank: usize,
}

impl Limits {
    /// Sets the limit for the bytes of the whole model.
    #[must_use]
    pub fn with_bytes(self, bytes: usize) -> Self {
        Self { bytes, ..self }
    }

    /// Sets the limit for the number of nodes.
    #[must_use]
    pub fn with_nodes(self, nodes: usize) -> Self {
        Self { nodes, ..self }
    }

    /// Sets the limit for the axes of one tensor.
    #[must_use]
    pub fn with_rank(self, rank: usize) -> Self {
        Self { rank, ..self }
    }
}

impl Default for Limits {
    /// 512 MiB, 65,536 nodes, 16 axes.
    fn default() -> Self {
        Self { bytes: 1 << 29, nodes: 1 << 16, rank: 16 }
    }
}

impl Model {
    /// Reads a model within the default [`Limits`].
    ///
    /// # Errors
    /// As [`Model::from_bytes_with`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        Self::from_bytes_with(bytes, &Limits::default())
    }

    /// Reads and checks a model.
    ///
    /// # Errors
    /// [`Error::Decode`] when the bytes are not a model, [`Error::Limit`] when they exceed a limit,
    /// [`Error::Unsupported`] for unsupported features, other variants for an invalid graph.
    pub fn from_bytes_with(bytes: &[u8], limits: &Limits) -> Result<Self, Error> {
        limit("bytes", bytes.len(), limits.bytes)?;
        let message = ModelProto::decode(bytes).map_err(|source| Error::Decode(source.into()))?;
        refuse("the model", "local functions", !message.functions.is_empty())?;
        refuse("the model", "training graphs", !message.training_info.is_empty())?;
        let graph = message.graph.ok_or(Error::Missing { what: "graph" })?;
        let opset = message.opset_import.iter().find(|opset| is_default_domain(&opset.domain));
        let metadata = message.metadata_props.into_iter().map(|entry| (entry.key, entry.value));
        let model = Self {
            graph: read_graph(graph, limits)?,
            opset: opset.ok_or(Error::Missing { what: "opset of the default domain" })?.version,
            ir_version: message.ir_version,
            producer_name: message.producer_name,
            producer_version: message.producer_version,
            metadata: metadata.collect(),
        };
        model.check()?;
        Ok(model)
    }
}

/// As [`Model::from_bytes`].
impl TryFrom<&[u8]> for Model {
    type Error = Error;

    fn try_from(bytes: &[u8]) -> Result<Self, Error> {
        Self::from_bytes(bytes)
    }
}

fn read_graph(message: GraphProto, limits: &Limits) -> Result<Graph, Error> {
    limit("nodes", message.node.len(), limits.nodes)?;
    refuse("the graph", "sparse tensors", !message.sparse_initializer.is_empty())?;
    let mut graph = Graph::new(&message.name);
    for input in message.input {
        let value = read_value(input, limits)?;
        graph.input(&value.name, value.data_type(), value.shape())?;
    }
    for tensor in message.initializer {
        graph.tensor(read_tensor(tensor, limits)?)?;
    }
    let declared = declared_types(message.value_info, &message.output, limits);
    for node in message.node {
        graph.push(read_node(node, limits)?, &declared)?;
    }
    let mut names = BTreeSet::new();
    for output in message.output {
        if !names.insert(output.name.clone()) {
            return Err(Error::DuplicateName { kind: "output", name: output.name });
        }
        graph.mark_output(read_value(output, limits)?)?;
    }
    Ok(graph)
}

/// The declared types of results. Declarations are optional, so unsupported ones are skipped; outputs
/// must have one, which is checked when they are read.
fn declared_types(
    values: Vec<ValueInfoProto>,
    outputs: &[ValueInfoProto],
    limits: &Limits,
) -> Declared {
    let values = values.into_iter().chain(outputs.iter().cloned());
    let read = values.filter_map(|value| read_value(value, limits).ok());
    read.map(|value| (value.name, value.tensor_type)).collect()
}

fn read_node(message: NodeProto, limits: &Limits) -> Result<Node, Error> {
    let owner = format!("node `{}`", message.name);
    let foreign = !is_default_domain(&message.domain);
    refuse(&owner, &format!("operator domain `{}`", message.domain), foreign)?;
    let mut attributes = BTreeMap::new();
    for attribute in message.attribute {
        let name = attribute.name.clone();
        let value = read_attribute(attribute, &owner, limits)?;
        if attributes.insert(name.clone(), value).is_some() {
            return Err(Error::DuplicateName { kind: "attribute", name });
        }
    }
    Ok(Node {
        name: message.name,
        op_type: message.op_type,
        inputs: message.input,
        outputs: message.output,
        attributes,
    })
}

fn read_attribute(
    message: AttributeProto,
    owner: &str,
    limits: &Limits,
) -> Result<Attribute, Error> {
    let unsupported =
        |what: &str| unsupported(owner, format!("attribute `{}` of {what}", message.name));
    let text = |bytes: Vec<u8>| {
        String::from_utf8(bytes).map_err(|_| unsupported("text that is not UTF-8"))
    };
    Ok(match message.r#type() {
        AttributeType::Float => Attribute::Float(message.f),
        AttributeType::Int => Attribute::Int(message.i),
        AttributeType::String => Attribute::String(text(message.s)?),
        AttributeType::Floats => Attribute::Floats(message.floats),
        AttributeType::Ints => Attribute::Ints(message.ints),
        AttributeType::Strings => {
            Attribute::Strings(message.strings.into_iter().map(text).collect::<Result<_, _>>()?)
        }
        AttributeType::Tensor => match message.t {
            Some(tensor) => Attribute::Tensor(read_tensor(tensor, limits)?),
            None => return Err(unsupported("no tensor")),
        },
        other => return Err(unsupported(&format!("type `{}`", other.as_str_name()))),
    })
}

fn read_tensor(message: TensorProto, limits: &Limits) -> Result<Tensor, Error> {
    let owner = format!("tensor `{}`", message.name);
    let external = message.data_location == tensor_proto::DataLocation::External as i32
        || !message.external_data.is_empty();
    refuse(&owner, "external data", external)?;
    refuse(&owner, "segmented data", message.segment.is_some())?;
    let data_type = read_data_type(message.data_type, &owner)?;
    limit(&format!("axes of {owner}"), message.dims.len(), limits.rank)?;
    let shape = message.dims.iter().map(|&dim| read_extent(dim, &owner));
    let shape = shape.collect::<Result<Vec<_>, _>>()?;
    let name = message.name.clone();
    Tensor::from_raw(&name, data_type, &shape, read_data(message, data_type))
}

/// The elements' bytes, from `raw_data` or from the typed field.
fn read_data(message: TensorProto, data_type: DataType) -> Vec<u8> {
    if !message.raw_data.is_empty() {
        return message.raw_data;
    }
    match data_type {
        DataType::F32 => bytes_of(&message.float_data),
        DataType::F64 => bytes_of(&message.double_data),
        DataType::I64 => bytes_of(&message.int64_data),
        DataType::U64 => bytes_of(&message.uint64_data),
        DataType::U32 => narrow(message.uint64_data.iter().map(|number| number.to_le_bytes()), 4),
        _ => narrow(message.int32_data.iter().map(|number| number.to_le_bytes()), data_type.size()),
    }
}

/// The lowest bytes of each number: small types are stored in the field of a wider one.
fn narrow<const WIDE: usize>(numbers: impl Iterator<Item = [u8; WIDE]>, size: usize) -> Vec<u8> {
    numbers.flat_map(|bytes| bytes.into_iter().take(size)).collect()
}

fn read_value(message: ValueInfoProto, limits: &Limits) -> Result<Value, Error> {
    let owner = format!("value `{}`", message.name);
    let Some(TypeProto { value: Some(type_proto::Value::TensorType(tensor)), .. }) = message.r#type
    else {
        return Err(unsupported(&owner, "no tensor type"));
    };
    let shape = tensor.shape.ok_or_else(|| unsupported(&owner, "no shape"))?;
    limit(&format!("axes of {owner}"), shape.dim.len(), limits.rank)?;
    let shape = shape.dim.into_iter().map(|dim| read_dimension(dim, &owner));
    let shape = shape.collect::<Result<_, _>>()?;
    let data_type = read_data_type(tensor.elem_type, &owner)?;
    Ok(Value { name: message.name, tensor_type: TensorType { data_type, shape } })
}

fn read_dimension(message: Dimension, owner: &str) -> Result<Dim, Error> {
    Ok(match message.value {
        Some(dimension::Value::DimValue(extent)) => Dim::Fixed(read_extent(extent, owner)?),
        Some(dimension::Value::DimParam(name)) if !name.is_empty() => Dim::Symbol(name),
        Some(dimension::Value::DimParam(_)) | None => Dim::Unknown,
    })
}

fn read_extent(extent: i64, owner: &str) -> Result<usize, Error> {
    usize::try_from(extent).map_err(|_| unsupported(owner, format!("extent {extent}")))
}

fn read_data_type(code: i32, owner: &str) -> Result<DataType, Error> {
    DataType::from_code(code).map_err(|name| unsupported(owner, format!("element type `{name}`")))
}

fn is_default_domain(domain: &str) -> bool {
    domain.is_empty() || domain == "ai.onnx"
}

fn refuse(owner: &str, what: &str, present: bool) -> Result<(), Error> {
    if present { Err(unsupported(owner, what)) } else { Ok(()) }
}

fn unsupported(owner: &str, what: impl Into<String>) -> Error {
    Error::Unsupported { owner: owner.to_owned(), what: what.into() }
}

fn limit(what: &str, got: usize, limit: usize) -> Result<(), Error> {
    if got > limit { Err(Error::Limit { what: what.to_owned(), limit, got }) } else { Ok(()) }
}
