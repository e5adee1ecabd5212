//! The complete network, from images to logits, in candle and as ONNX.

use candle_core::{Module, Tensor};
use candle_nn::Linear;
use onnx_graph::{ConvOptions, DataType, Dim, GemmOptions, Graph, Model, Value};
use pet_model::{INPUT_NAME, ModelMetadata, OPSET, OUTPUT_NAME};

use crate::architecture::{Block, Convolution, Layer};
use crate::network::{Backbone, Folded, fold};
use crate::{Activation, Error, Weights};

/// A backbone with a classification head: `[batch, 3, size, size]` to `[batch, classes]` logits.
pub struct Classifier {
    backbone: Backbone,
    head: Linear,
}

impl Classifier {
    /// Builds the network from weights with a head for `classes` classes.
    ///
    /// # Errors
    ///
    /// [`Error::MissingTensor`] or [`Error::TensorShape`] if the weights have no such head.
    pub fn new(weights: &Weights, classes: usize) -> Result<Self, Error> {
        let (weight, bias) = weights.head(classes)?;
        Ok(Self {
            backbone: Backbone::new(weights)?,
            head: Linear::new(weight.clone(), Some(bias.clone())),
        })
    }
}

impl Module for Classifier {
    fn forward(&self, images: &Tensor) -> candle_core::Result<Tensor> {
        self.head.forward(&self.backbone.forward(images)?)
    }
}

/// Encodes the classifier with its metadata as an ONNX model: input `input` `[batch, 3, size, size]`, output `output`
/// `[batch, classes]`, both `f32` with a variable batch size. Batch normalization is folded into the convolutions.
///
/// The output is deterministic.
///
/// # Errors
///
/// [`Error::MissingTensor`] or [`Error::TensorShape`] if the weights have no head for the metadata's classes,
/// [`Error::Onnx`] if the model cannot be encoded.
pub fn to_onnx(weights: &Weights, metadata: &ModelMetadata) -> Result<Vec<u8>, Error> {
    let classes = metadata.classes.len();
    let size = metadata.preprocess.size() as usize;
    let network = weights.architecture();
    let mut graph = Graph::new(network.name);
    let shape = [Dim::symbol("batch"), Dim::fixed(3), Dim::fixed(size), Dim::fixed(size)];
    let mut value = graph.input(INPUT_NAME, DataType::F32, &shape)?;
    let mut side = size;
    for block in &network.blocks {
        value = add_block(&mut graph, &value, block, weights, &mut side)?;
    }
    value = graph.global_average_pool("pool", &value)?;
    value = graph.flatten("flatten", &value, 1)?;
    let (weight, bias) = weights.head(classes)?;
    let weight = initializer(&mut graph, "classifier.weight", weight)?;
    let bias = initializer(&mut graph, "classifier.bias", bias)?;
    let options = GemmOptions::default().with_transpose_b(true);
    value = graph.gemm("classifier", &value, &weight, Some(&bias), options)?;
    graph.output(OUTPUT_NAME, &value)?;

    let model = Model::new(graph, OPSET)
        .with_producer("pet-train", env!("CARGO_PKG_VERSION"))
        .with_properties(metadata.to_properties()?);
    Ok(model.to_bytes()?)
}

fn add_block(
    graph: &mut Graph,
    input: &Value,
    block: &Block,
    weights: &Weights,
    side: &mut usize,
) -> Result<Value, Error> {
    let mut value = input.clone();
    for layer in &block.layers {
        value = add_layer(graph, &value, layer, weights, *side)?;
        *side = layer.output_side(*side);
    }
    if block.residual {
        value = graph.add(&format!("{}.add", block.name), &value, input)?;
    }
    Ok(value)
}

fn add_layer(
    graph: &mut Graph,
    input: &Value,
    layer: &Layer,
    weights: &Weights,
    side: usize,
) -> Result<Value, Error> {
    let Folded { weight, bias } = fold(layer, weights)?;
    let name = &layer.convolution_name;
    let (shape, weight) = (layer.weight_shape(), transposed(&weight, layer.outputs));
    let weight = graph.initializer(&format!("{name}.weight"), &shape, &weight)?;
    let bias = graph.initializer(&format!("{name}.bias"), &[layer.outputs], &bias)?;
    let value = graph.conv(name, input, &weight, Some(&bias), options(layer, side))?;
    match layer.activation {
        Activation::Linear => Ok(value),
        Activation::Relu6 => Ok(graph.clip(&format!("{name}.relu6"), &value, 0.0, 6.0)?),
    }
}

/// The options of a layer for an input of `side` × `side`.
fn options(layer: &Layer, side: usize) -> ConvOptions {
    let convolution = layer.convolution;
    let [before, after] = layer.zeros(side);
    let options = ConvOptions::square(convolution.window())
        .with_stride([convolution.stride(); 2])
        .with_uneven_padding([before; 2], [after; 2]);
    match convolution {
        Convolution::Stem | Convolution::Pointwise => options,
        Convolution::Depthwise { .. } => options.with_groups(layer.inputs),
    }
}

/// The values of a matrix with this number of columns, column by column.
fn transposed(matrix: &[f32], columns: usize) -> Vec<f32> {
    let column = |at: usize| matrix.iter().skip(at).step_by(columns).copied();
    (0..columns).flat_map(column).collect()
}

fn initializer(graph: &mut Graph, name: &str, tensor: &Tensor) -> Result<Value, Error> {
    let values: Vec<f32> = tensor.flatten_all()?.to_vec1()?;
    Ok(graph.initializer(name, tensor.dims(), &values)?)
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};
    use pet_model::Preprocess;

    use super::*;

    fn metadata(classes: &[&str]) -> ModelMetadata {
        let classes = classes.iter().map(ToString::to_string).collect();
        ModelMetadata::new("pets", classes, Preprocess::imagenet())
            .with_run_id("abc")
            .with_val_acc(0.5)
    }

    fn weights(classes: usize) -> Weights {
        let zeros = |shape: &[usize]| Tensor::zeros(shape, DType::F32, &Device::Cpu).unwrap();
        Weights::random(1).unwrap().with_head(zeros(&[classes, 1280]), zeros(&[classes]))
    }

    #[test]
    fn the_model_is_read_back_with_its_metadata_and_layers() {
        let metadata = metadata(&["Beagle", "Pug"]);
        let bytes = to_onnx(&weights(2), &metadata).unwrap();
        assert_eq!(bytes, to_onnx(&weights(2), &metadata).unwrap(), "the same bytes each time");
        let model = Model::from_bytes(&bytes).unwrap();
        assert_eq!(ModelMetadata::from_properties(model.metadata()).unwrap(), metadata);
        assert_eq!(model.opset(), OPSET);
        assert_eq!(
            model.graph().nodes().iter().filter(|node| node.op_type() == "Conv").count(),
            52
        );
        assert_eq!(model.graph().find_initializer("classifier.weight").unwrap().shape(), [2, 1280]);
    }

    #[test]
    fn a_head_for_other_classes_is_refused() {
        let error = to_onnx(&weights(3), &metadata(&["Beagle", "Pug"])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "tensor `classifier.1.weight` has shape [3, 1280], expected [2, 1280]"
        );
    }
}
