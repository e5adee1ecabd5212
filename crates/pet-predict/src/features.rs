//! Features: the input of a model's last linear layer, on which explanations are based as well.

use onnx_graph::{Attribute, Dim, Graph, Node, Tensor};
use ort::session::SessionOutputs;
use pet_model::OUTPUT_NAME;

use crate::error::Cause;
use crate::session::{Runner, output_of_shape};
use crate::{Error, Model};

/// Name of the additional output.
const FEATURES: &str = "explain.features";

/// Extracts the features of photographs: the input of a [`Model`]'s last linear layer. Photographs of one class have
/// features of about the same direction. Takes as much memory as another [`Session`](crate::Session).
///
/// ```no_run
/// use pet_predict::{FeatureExtractor, Model, Options, Runtime, SearchPaths};
///
/// # fn main() -> Result<(), pet_predict::Error> {
/// let runtime = Runtime::load(&SearchPaths::default().with_folder(".cache/onnxruntime"))?;
/// let model = Model::load(&runtime, "results", &Options::default())?;
/// # let photograph = Vec::new();
/// let features = FeatureExtractor::new(&model)?.extract(&photograph)?;
/// println!("{} numbers", features.len());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct FeatureExtractor {
    model: Model,
    runner: Runner,
    head: Head,
}

impl FeatureExtractor {
    /// Prepares a model. Takes about as long as loading it.
    ///
    /// # Errors
    /// [`Error::Unexplainable`] for a model that does not end with global average pooling and one
    /// linear layer with bias.
    pub fn new(model: &Model) -> Result<Self, Error> {
        let (head, runner) = Head::run_with(model)?;
        Ok(Self { model: model.clone(), runner, head })
    }

    /// The features of a photograph (the bytes of its file): the mean of each channel.
    ///
    /// # Errors
    /// As [`Session::predict`](crate::Session::predict).
    pub fn extract(&mut self, photograph: &[u8]) -> Result<Vec<f32>, Error> {
        let (outputs, _) = self.runner.run_file(&self.model, photograph)?;
        let features = self.head.features(&outputs)?;
        let [_, height, width] = self.head.shape;
        let cells = height * width;
        let mean = |channel: &[f32]| channel.iter().sum::<f32>() / cells as f32;
        Ok(features.chunks_exact(cells).map(mean).collect())
    }
}

/// The end of a network: features, global average pooling, one linear layer.
#[derive(Debug)]
pub(crate) struct Head {
    /// Name of the value with the features.
    features: String,
    /// Channels, rows and columns of the features of one photograph.
    pub(crate) shape: [usize; 3],
    /// Weights of shape `[classes, channels]`.
    weights: Vec<f32>,
    /// Bias of each class.
    pub(crate) bias: Vec<f32>,
}

impl Head {
    /// The end of a model, and a runner of the model with the additional output [`FEATURES`].
    pub(crate) fn run_with(model: &Model) -> Result<(Self, Runner), Error> {
        let open = || -> Result<_, Cause> {
            let parsed = onnx_graph::Model::from_bytes(model.bytes())?;
            let head = Self::find(parsed.graph())?;
            let mut graph = parsed.graph().clone();
            let features = graph.value(&head.features);
            let features = features.ok_or("the features have no known type")?;
            graph.output(FEATURES, &features)?;
            let variant = onnx_graph::Model::new(graph, parsed.opset()).to_bytes()?;
            Ok((head, Runner::of_variant(model, &variant)?))
        };
        open().map_err(|source| Error::Unexplainable { path: model.path().to_owned(), source })
    }

    /// Finds the end of a model; fails for other architectures.
    fn find(graph: &Graph) -> Result<Self, Cause> {
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
            let (weight, bias, [channels, ..]) = (weight.shape(), bias.shape(), shape);
            return Err(format!(
                "weights of shape {weight:?} and a bias of shape {bias:?} for {channels} channels"
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

    /// The features of one photograph, channel by channel, from the output of the variant.
    pub(crate) fn features(&self, outputs: &SessionOutputs<'_>) -> Result<Vec<f32>, Error> {
        let [channels, height, width] = self.shape;
        output_of_shape(outputs, FEATURES, &[1, channels, height, width])
    }

    /// The weights of one class, one for each channel.
    pub(crate) fn weights(&self, class: usize) -> &[f32] {
        let mut classes = self.weights.chunks_exact(self.shape[0]);
        classes.nth(class).unwrap_or_default()
    }
}

/// The node that computes `value`, which must be an `expected` operator.
fn producer<'a>(graph: &'a Graph, value: &str, expected: &str) -> Result<&'a Node, Cause> {
    let makes = |node: &&Node| node.outputs().first().is_some_and(|output| output == value);
    match graph.nodes().iter().find(makes) {
        Some(node) if node.op_type() == expected => Ok(node),
        other => {
            let got = other.map_or("no operator", Node::op_type);
            Err(format!("`{value}` is computed by {got}, expected {expected}").into())
        }
    }
}

fn first_input(node: &Node) -> Result<&str, Cause> {
    let input = node.inputs().first().map(String::as_str);
    input.ok_or_else(|| format!("`{}` has no input", node.name()).into())
}

/// Checks that the layer computes `x * weight^T + bias`.
fn check_plain(linear: &Node) -> Result<(), Cause> {
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

fn constant<'a>(graph: &'a Graph, name: &str) -> Result<&'a Tensor, Cause> {
    let tensor = graph.find_initializer(name);
    tensor.ok_or_else(|| format!("`{name}` is not a constant").into())
}

/// Channels, height and width of the features.
fn shape(graph: &Graph, features: &str) -> Result<[usize; 3], Cause> {
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
