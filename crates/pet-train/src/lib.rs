//! Train an image classifier on MobileNetV2 or EfficientNet-Lite with candle on the CPU.
//!
//! The features of the frozen part are computed once per image, in parallel, and cached on disk, so that the last layer
//! is trained in seconds. More of the network, or all of it, is trained on augmented photographs. The same seed gives
//! the same weights, bit for bit, for any number of threads and any interruptions.
//!
//! ```
//! use candle_core::{Device, Module, Tensor};
//! use pet_train::{Classifier, Weights};
//!
//! // Usually `Weights::open("mobilenet_v2.pth")`; random weights suffice to show the shapes.
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
//! | module or type | purpose |
//! |---|---|
//! | [`network`] | the architectures as lists of layers ([`Activation`], [`Padding`], [`Window`]), and the [`Backbone`](network::Backbone) |
//! | [`Weights`] | named tensors from `.pt`, `.pth` and `.safetensors` files |
//! | [`Extractor`], [`FeatureCache`] | the [`Features`] of images |
//! | [`Trainer`] | trains on [`Examples`] ([`Features`] or [`Photographs`]) with a [`Configuration`]: [`FineTune`], [`Schedule`] |
//! | [`Trained`], [`EpochMetrics`], [`Observer`] | the results of a training, and its progress |
//! | [`Checkpoint`], [`Interrupt`] | resuming and stopping a training |
//! | [`RangeTest`], [`RateRange`], [`RatePoint`] | the learning rate range test |
//! | [`Teacher`] | a trained model for knowledge distillation |
//! | [`Classifier`], [`to_onnx`] | the trained network, in candle and as ONNX |

mod architecture;
mod classifier;
mod error;
mod feature_cache;
mod features;
mod kernel;
pub mod network;
mod observer;
mod tensor_file;
mod training;
mod weights;

pub use classifier::{Classifier, to_onnx};
pub use error::Error;
pub use feature_cache::FeatureCache;
pub use features::{Extractor, Features};
pub use kernel::{Activation, Padding, Window};
pub use observer::{EpochMetrics, Interrupt, Observer};
pub use training::{
    Checkpoint, Configuration, Examples, FineTune, Photographs, RangeTest, RatePoint, RateRange,
    Schedule, Teacher, Trained, Trainer,
};
pub use weights::Weights;
