//! Weights for candle from an ONNX model.

use candle_core::{Device, Tensor};
use onnx_graph::Model;
use pet_train::Weights;
use pet_train::network::{Architecture, Layer};

/// The weights of a model. Its batch normalization has been folded, and is replaced by one that only adds the bias.
pub(crate) fn weights(model: &Model) -> Weights {
    let layers = Architecture::standard().layers();
    let tensors = layers.flat_map(|layer| layer_tensors(model, layer));
    let head = ["classifier.weight", "classifier.bias"].map(|name| initializer(model, name));
    let [weight, bias] = head;
    Weights::from_tensors(tensors).with_head(weight, bias)
}

fn layer_tensors(model: &Model, layer: &Layer) -> Vec<(String, Tensor)> {
    let name = &layer.convolution_name;
    let constant = |value: f32| Tensor::full(value, layer.outputs, &Device::Cpu).unwrap();
    let norm = [
        ("weight", constant(1.0)),
        ("bias", initializer(model, &format!("{name}.bias"))),
        ("running_mean", constant(0.0)),
        ("running_var", constant((1.0 - layer.epsilon) as f32)),
    ];
    let norm = norm.map(|(part, tensor)| (format!("{}.{part}", layer.norm_name), tensor));
    let weight = format!("{name}.weight");
    let convolution = initializer(model, &weight);
    std::iter::once((weight, convolution)).chain(norm).collect()
}

fn initializer(model: &Model, name: &str) -> Tensor {
    let tensor = model.initializer(name).unwrap_or_else(|| panic!("no `{name}`"));
    let values: Vec<f32> = tensor.values().unwrap();
    Tensor::from_vec(values, tensor.shape(), &Device::Cpu).unwrap()
}
