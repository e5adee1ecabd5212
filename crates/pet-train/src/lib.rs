//! Train an image classifier on MobileNetV2 or EfficientNet-Lite with candle on a plain CPU.
//!
//! What is frozen is computed once for each image, in parallel, and kept on disk: the classifier's last layer is trained
//! on such features in seconds. More of the network, or all of it, is trained on photographs that are changed at random.
//! The same seed gives the same weights, bit for bit, on any number of threads and however often training was put aside.
//!
//! ```
//! use candle_core::{Device, Module, Tensor};
//! use pet_train::{Classifier, Weights};
//!
//! // Weights usually come from `Weights::open("mobilenet_v2.pth")`; random ones do for a look at the shapes.
//! let classes = 3;
//! let weights = Weights::random(42)?.with_head(
//!     Tensor::zeros((classes, 1280), candle_core::DType::F32, &Device::Cpu)?,
//!     Tensor::zeros(classes, candle_core::DType::F32, &Device::Cpu)?,
//! );
//! let classifier = Classifier::new(&weights, classes)?;
//! let images = Tensor::zeros((2, 3, 64, 64), candle_core::DType::F32, &Device::Cpu)?;
//! assert_eq!(classifier.forward(&images)?.dims(), [2, classes]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | module or type | duty |
//! |---|---|
//! | [`network`] | the networks: each one list of layers, from which everything else is made |
//! | [`op`] | the convolutions, as candle operations with backward passes |
//! | [`Weights`] | named tensors from `.pt`, `.pth` and `.safetensors` |
//! | [`Extractor`], [`FeatureCache`] | images to what the frozen part makes of them, once |
//! | [`Trainer`] | [`Examples`] to trained weights, by a [`Configuration`] |
//! | [`RangeTest`] | which learning rates a training can use |
//! | [`Teacher`] | a trained model whose answers are learned besides the labels |
//! | [`Classifier`], [`to_onnx`] | the result, in candle and as ONNX |

mod classifier;
mod error;
mod features;
mod interrupt;
mod kernel;
pub mod network;
mod onnx;
pub mod op;
mod training;
mod weights;

pub use classifier::Classifier;
pub use error::Error;
pub use features::{Extractor, FeatureCache, Features};
pub use interrupt::Interrupt;
pub use kernel::{Activation, Padding, Window};
pub use onnx::to_onnx;
pub use training::{
    Checkpoint, Configuration, EpochMetrics, Examples, FineTune, Observer, Photographs, RangeTest,
    RatePoint, RateRange, Schedule, Teacher, Trained, Trainer,
};
pub use weights::Weights;
