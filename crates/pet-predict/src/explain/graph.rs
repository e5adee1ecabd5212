//! The end of a model's graph, on which explanations are based.

use onnx_graph::{Attribute, Dim, Graph, Model, Node, Tensor};
use ort::session::SessionOutputs;
use pet_model::OUTPUT_NAME;

use crate::Error;
use crate::runner::{Runner, output_of_shape};

/// Name of the additional output.
const FEATURES: &str = "explain.features";

/// The end of a network: features, global average pooling, one linear layer.
#[derive(Debug)]
pub(super) struct Head {
    /// Name of the value with the features.
    features: String,
    /// Channels, rows and columns of the features of one photograph.
    pub(super) shape: [usize; 3],
    /// Weights of shape `[classes, channels]`.
    pub(super) weights: Vec<f32>,
    /// Bias of each class.
    pub(super) bias: Vec<f32>,
}

impl Head {
    /// The end of a model, and a runner of the model with the additional output [`FEATURES`].
    pub(super) fn run_with(model: &crate::Model) -> Result<(Self, Runner), Error> {
        let failed = |source| Error::Unexplainable { path: model.path().to_owned(), source };
        let parsed = Model::from_bytes(model.bytes());
        let parsed = parsed.map_err(|source| failed(Box::new(source)))?;
        let head = Self::open(&parsed).map_err(failed)?;
        let variant = head.variant(&parsed).map_err(failed)?;
        let runner = model.open_variant(&variant);
        let runner = runner.map_err(|source| failed(Box::new(source)))?;
        Ok((head, runner))
    }

    /// Finds the end of a model; fails for other architectures.
    fn open(model: &Model) -> Result<Self, Reason> {
        let graph = model.graph();
        let linear = producer(graph, OUTPUT_NAME, "Gemm")?;
        let [input, weight, bias] = linear.inputs() else {
            return Err("a linear layer without bias".into());
        };
        check_plain(linear)?;
        let (weight, bias) = (constant(graph, weight)?, constant(graph, bias)?);
        let flatten = producer(graph, input, "Flatten")?;
        let pool = producer(graph, first_input(flatten)?, "GlobalAveragePool")?;
        let features = first_input(pool)?;
        let shape = shape(graph, features)?;
        let [classes, channels] = *weight.shape() else {
            return Err(format!("weights of shape {:?}", weight.shape()).into());
        };
        if channels != shape[0] || bias.shape() != [classes] {
            return Err(format!(
                "weights of shape {:?} and a bias of shape {:?} for {} channels",
                weight.shape(),
                bias.shape(),
                shape[0]
            )
            .into());
        }
        Ok(Self {
            features: features.to_owned(),
            shape,
            weights: weight.values()?,
            bias: bias.values()?,
        })
    }

    /// The bytes of the model with the additional output [`FEATURES`], without metadata.
    fn variant(&self, model: &Model) -> Result<Vec<u8>, Reason> {
        let mut graph = model.graph().clone();
        let features = graph.value(&self.features);
        let features = features.ok_or("the features have no known type")?;
        graph.output(FEATURES, &features)?;
        Ok(Model::new(graph, model.opset()).to_bytes()?)
    }

    /// The features of one photograph, channel by channel, from the output of the variant.
    pub(super) fn features(&self, outputs: &SessionOutputs<'_>) -> Result<Vec<f32>, Error> {
        let [channels, height, width] = self.shape;
        output_of_shape(outputs, FEATURES, &[1, channels, height, width])
    }

    /// The weights of one class, one for each channel.
    pub(super) fn weights(&self, class: usize) -> &[f32] {
        let mut classes = self.weights.chunks_exact(self.shape[0]);
        classes.nth(class).unwrap_or_default()
    }
}

/// Why a graph cannot be explained.
type Reason = Box<dyn std::error::Error + Send + Sync>;

/// The node that computes `value`, which must be an `expected` operator.
fn producer<'a>(graph: &'a Graph, value: &str, expected: &str) -> Result<&'a Node, Reason> {
    let makes = |node: &&Node| node.outputs().first().is_some_and(|output| output == value);
    match graph.nodes().iter().find(makes) {
        Some(node) if node.op_type() == expected => Ok(node),
        other => {
            let got = other.map_or("no operator", Node::op_type);
            Err(format!("`{value}` is computed by {got}, expected {expected}").into())
        }
    }
}

fn first_input(node: &Node) -> Result<&str, Reason> {
    let input = node.inputs().first().map(String::as_str);
    input.ok_or_else(|| format!("`{}` has no input", node.name()).into())
}

/// Checks that the layer computes `x * weight^T + bias`.
fn check_plain(linear: &Node) -> Result<(), Reason> {
    let number = |name: &str| linear.attributes().get(name);
    let one = |name| number(name).is_none_or(|value| *value == Attribute::Float(1.0));
    let plain = number("transA").is_none_or(|value| *value == Attribute::Int(0))
        && number("transB") == Some(&Attribute::Int(1));
    if plain && one("alpha") && one("beta") {
        Ok(())
    } else {
        Err("a linear layer that scales or transposes differently".into())
    }
}

fn constant<'a>(graph: &'a Graph, name: &str) -> Result<&'a Tensor, Reason> {
    let tensor = graph.find_initializer(name);
    tensor.ok_or_else(|| format!("`{name}` is not a constant").into())
}

/// Channels, height and width of the features.
fn shape(graph: &Graph, features: &str) -> Result<[usize; 3], Reason> {
    let known = graph.type_of(features);
    let shape = known.map_or(&[][..], |tensor_type| &tensor_type.shape);
    let extents: Vec<_> = shape.iter().map(Dim::extent).collect();
    match extents[..] {
        [_, Some(channels), Some(height), Some(width)] if channels * height * width > 0 => {
            Ok([channels, height, width])
        }
        _ => Err(format!("the extents of `{features}` are not fixed").into()),
    }
}
