//! Encoding: model to protobuf.

use prost::Message;

use crate::Error;
use crate::graph::Graph;
use crate::model::Model;
use crate::node::{Attribute, Node};
use crate::proto::attribute_proto::AttributeType;
use crate::proto::tensor_shape_proto::{Dimension, dimension};
use crate::proto::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, StringStringEntryProto,
    TensorProto, TensorShapeProto, TypeProto, ValueInfoProto, type_proto,
};
use crate::value::{Dim, Tensor, TensorType, Value};

/// The largest size of a protobuf message.
const MAX_BYTES: usize = i32::MAX as usize;

impl Model {
    /// Checks and encodes the model. The same model always gives the same bytes.
    ///
    /// # Errors
    /// As [`Model::check`]; [`Error::Limit`] above protobuf's maximum of 2 GiB.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        self.check()?;
        let property = |(key, value): (&String, &String)| StringStringEntryProto {
            key: key.clone(),
            value: value.clone(),
        };
        let message = ModelProto {
            ir_version: self.ir_version,
            opset_import: vec![OperatorSetIdProto { domain: String::new(), version: self.opset }],
            producer_name: self.producer_name.clone(),
            producer_version: self.producer_version.clone(),
            graph: Some(graph(&self.graph)),
            metadata_props: self.metadata.iter().map(property).collect(),
            ..ModelProto::default()
        };
        let length = message.encoded_len();
        if length > MAX_BYTES {
            return Err(Error::Limit { what: "bytes".into(), limit: MAX_BYTES, got: length });
        }
        Ok(message.encode_to_vec())
    }
}

fn graph(graph: &Graph) -> GraphProto {
    GraphProto {
        name: graph.name().to_owned(),
        node: graph.nodes().iter().map(node).collect(),
        initializer: graph.initializers().iter().map(tensor).collect(),
        input: graph.inputs().iter().map(value).collect(),
        output: graph.outputs().iter().map(value).collect(),
        value_info: intermediate_values(graph),
        ..GraphProto::default()
    }
}

/// The results of nodes that are not outputs of the graph, where their types are known.
fn intermediate_values(graph: &Graph) -> Vec<ValueInfoProto> {
    let results = graph.nodes().iter().flat_map(Node::outputs);
    let inner = results.filter(|name| graph.outputs().iter().all(|output| output.name != **name));
    let typed = inner.filter_map(|name| Some((name, graph.type_of(name)?)));
    typed.map(|(name, tensor_type)| value_info(name, tensor_type)).collect()
}

fn node(node: &Node) -> NodeProto {
    NodeProto {
        name: node.name.clone(),
        op_type: node.op_type.clone(),
        input: node.inputs.clone(),
        output: node.outputs.clone(),
        attribute: node.attributes.iter().map(|(name, value)| attribute(name, value)).collect(),
        ..NodeProto::default()
    }
}

fn attribute(name: &str, attribute: &Attribute) -> AttributeProto {
    let mut message = AttributeProto { name: name.to_owned(), ..AttributeProto::default() };
    let kind = match attribute {
        Attribute::Float(number) => {
            message.f = *number;
            AttributeType::Float
        }
        Attribute::Int(number) => {
            message.i = *number;
            AttributeType::Int
        }
        Attribute::String(text) => {
            message.s = text.clone().into_bytes();
            AttributeType::String
        }
        Attribute::Floats(numbers) => {
            message.floats.clone_from(numbers);
            AttributeType::Floats
        }
        Attribute::Ints(numbers) => {
            message.ints.clone_from(numbers);
            AttributeType::Ints
        }
        Attribute::Strings(texts) => {
            message.strings = texts.iter().cloned().map(String::into_bytes).collect();
            AttributeType::Strings
        }
        Attribute::Tensor(value) => {
            message.t = Some(tensor(value));
            AttributeType::Tensor
        }
    };
    message.set_type(kind);
    message
}

fn tensor(tensor: &Tensor) -> TensorProto {
    TensorProto {
        name: tensor.name().to_owned(),
        dims: tensor.shape().iter().map(|&extent| extent as i64).collect(),
        data_type: tensor.data_type().code(),
        raw_data: tensor.data().to_vec(),
        ..TensorProto::default()
    }
}

fn value(value: &Value) -> ValueInfoProto {
    value_info(&value.name, &value.tensor_type)
}

fn value_info(name: &str, tensor_type: &TensorType) -> ValueInfoProto {
    let shape = TensorShapeProto { dim: tensor_type.shape.iter().map(dimension).collect() };
    let tensor = type_proto::Tensor { elem_type: tensor_type.data_type.code(), shape: Some(shape) };
    let value = Some(type_proto::Value::TensorType(tensor));
    ValueInfoProto {
        name: name.to_owned(),
        r#type: Some(TypeProto { value, ..TypeProto::default() }),
        ..ValueInfoProto::default()
    }
}

fn dimension(dim: &Dim) -> Dimension {
    let value = match dim {
        Dim::Fixed(extent) => Some(dimension::Value::DimValue(*extent as i64)),
        Dim::Symbol(name) => Some(dimension::Value::DimParam(name.clone())),
        Dim::Unknown => None,
    };
    Dimension { value, ..Dimension::default() }
}
