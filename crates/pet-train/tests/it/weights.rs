//! Files of weights: three formats, two schemes of names, with a classifier and without.

use candle_core::{DType, Device, Tensor};
use pet_train::network::architectures;
use pet_train::{Error, Weights};
use tempfile::NamedTempFile;

use crate::golden::{self, backbone_tensors, values};

pub(crate) type Tensors = Vec<(String, Tensor)>;

pub(crate) fn tensors(weights: &Weights) -> Tensors {
    weights.iter().map(|(name, tensor)| (name.clone(), tensor.clone())).collect()
}

pub(crate) fn file_with(bytes: &[u8]) -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    fs_err::write(file.path(), bytes).unwrap();
    file
}

pub(crate) fn open_bytes(bytes: &[u8]) -> Result<Weights, Error> {
    Weights::open(file_with(bytes).path())
}

pub(crate) fn open_tensors(tensors: Tensors) -> Result<Weights, Error> {
    open_bytes(&Weights::from_tensors(tensors).to_safetensors().unwrap())
}

/// The earlier implementation's name of one of torchvision's tensors.
pub(crate) fn sequential_name(name: &str) -> String {
    let first_block = [("0.0", "0"), ("0.1", "1"), ("1", "3"), ("2", "4")];
    let others = [("0.0", "0"), ("0.1", "1"), ("1.0", "3"), ("1.1", "4"), ("2", "6"), ("3", "7")];
    let Some((block, rest)) = name.split_once(".conv.") else {
        return name.into();
    };
    let (grouped, tensor) = rest.rsplit_once('.').unwrap();
    let places = if block == "features.1" { &first_block[..] } else { &others };
    let (_, place) = places.iter().find(|(place, _)| *place == grouped).unwrap();
    format!("{block}.conv.{place}.{tensor}")
}

#[test]
fn safetensors_round_trip() {
    let weights = Weights::random(3).unwrap();
    let bytes = weights.to_safetensors().unwrap();
    let opened = open_bytes(&bytes).unwrap();
    assert_eq!(opened.digest().unwrap(), weights.digest().unwrap());
    assert!(opened.to_safetensors().unwrap() == bytes, "equal weights give equal bytes");
}

/// A file says nothing of its network but its tensors' names and shapes; those of the Lites begin alike.
#[test]
fn every_network_is_recognized_with_its_classifier() {
    for network in architectures() {
        let weight = Tensor::ones((3, 1280), candle_core::DType::F32, &Device::Cpu).unwrap();
        let bias = Tensor::zeros(3, candle_core::DType::F32, &Device::Cpu).unwrap();
        let backbone = Weights::random_of(network, 3).unwrap();
        let whole = backbone.clone().with_head(weight, bias);
        let opened = open_bytes(&whole.to_safetensors().unwrap()).unwrap();
        assert_eq!(opened.architecture().name, network.name);
        assert_eq!(opened.head(3).unwrap().0.dims(), [3, 1280]);
        let bare = opened.without_head();
        assert_eq!(bare.digest().unwrap(), backbone.digest().unwrap());
    }
}

#[test]
fn what_a_damaged_efficientnet_lacks_is_named() {
    let network = &architectures()[2];
    let kept = tensors(&Weights::random_of(network, 3).unwrap()).into_iter();
    let kept = kept.filter(|(name, _)| name != "_blocks.7._bn1.running_var");
    let error = open_tensors(kept.collect()).unwrap_err().to_string();
    assert!(
        error.contains("does not contain the weights of EfficientNet-Lite1: missing `_blocks.7._bn1.running_var`"),
        "{error}"
    );
}

#[test]
fn random_weights_and_digests_depend_on_the_seed_alone() {
    let digest = |seed| Weights::random(seed).unwrap().digest().unwrap();
    assert_eq!(digest(3), digest(3));
    assert_ne!(digest(3), digest(4));
    assert_eq!(digest(3).len(), 64);
}

#[test]
fn a_digest_sees_names_shapes_and_values() {
    let digest = |name: &str, values: &[f32], shape: &[usize]| {
        let tensor = Tensor::from_slice(values, shape, &Device::Cpu).unwrap();
        Weights::from_tensors([(name.to_owned(), tensor)]).digest().unwrap()
    };
    let digests = [
        digest("a", &[1.0, 2.0], &[2]),
        digest("b", &[1.0, 2.0], &[2]),
        digest("a", &[1.0, 2.0], &[1, 2]),
        digest("a", &[2.0, 1.0], &[2]),
    ];
    let different: std::collections::BTreeSet<_> = digests.iter().collect();
    assert_eq!(different.len(), digests.len());
}

#[test]
fn sequential_names_open_as_torchvisions() {
    let weights = Weights::random(3).unwrap();
    let renamed = tensors(&weights).into_iter();
    let renamed: Tensors = renamed.map(|(name, tensor)| (sequential_name(&name), tensor)).collect();
    assert!(renamed.iter().any(|(name, _)| name == "features.2.conv.3.weight"));
    let opened = open_tensors(renamed).unwrap();
    assert_eq!(opened.digest().unwrap(), weights.digest().unwrap());
}

#[test]
fn names_behind_the_prefixes_of_wrappers_open() {
    let weights = Weights::random(3).unwrap();
    for prefix in ["module.", "_orig_mod.", "module._orig_mod."] {
        let wrapped = tensors(&weights).into_iter();
        let wrapped: Tensors = wrapped
            .map(|(name, tensor)| (format!("{prefix}{}", sequential_name(&name)), tensor))
            .collect();
        let opened = open_tensors(wrapped).unwrap();
        assert_eq!(opened.digest().unwrap(), weights.digest().unwrap(), "{prefix}");
    }
}

#[test]
fn prefixes_without_end_are_refused_and_overflow_no_stack() {
    let name = format!("{}x", "module.".repeat(1 << 20));
    let tensor = Tensor::zeros(1, DType::F32, &Device::Cpu).unwrap();
    let error = open_tensors(vec![(name, tensor)]).unwrap_err().to_string();
    assert!(error.contains("unexpected `x`"), "{error}");
}

/// The weights as a `.safetensors` file of another type, with the counters that PyTorch keeps.
fn encoded(weights: &Weights, kind: DType) -> Vec<u8> {
    let mut tensors: std::collections::HashMap<String, Tensor> = tensors(weights)
        .into_iter()
        .map(|(name, tensor)| (name, tensor.to_dtype(kind).unwrap()))
        .collect();
    let counter = Tensor::new(7i64, &Device::Cpu).unwrap();
    tensors.insert("features.0.1.num_batches_tracked".into(), counter);
    let file = NamedTempFile::new().unwrap();
    candle_core::safetensors::save(&tensors, file.path()).unwrap();
    fs_err::read(file.path()).unwrap()
}

#[test]
fn safetensors_of_every_float_type_open() {
    let weights = Weights::random(3).unwrap();
    for (kind, tolerance) in
        [(DType::F64, 0.0), (DType::F32, 0.0), (DType::F16, 1e-3), (DType::BF16, 1e-2)]
    {
        let opened = open_bytes(&encoded(&weights, kind)).unwrap();
        for (name, tensor) in weights.iter() {
            let read = values(opened.get(name, tensor.dims()).unwrap());
            let near = |(a, b): (&f32, &f32)| (a - b).abs() <= tolerance * a.abs().max(0.01);
            assert!(values(tensor).iter().zip(&read).all(near), "{name} as {kind:?}");
        }
    }
}

#[test]
fn a_weight_that_is_not_a_number_is_named() {
    let mut damaged = tensors(&Weights::random(3).unwrap());
    let (name, tensor) = &mut damaged[40];
    let name = name.clone();
    *tensor = tensor.affine(1.0, f64::NAN).unwrap();
    let error = open_tensors(damaged).unwrap_err();
    assert!(error.to_string().contains(&format!("NaN in tensor `{name}`")), "{error}");
    assert!(error.hint().unwrap().contains("diverged"));
}

/// How far the storage of the files that PyTorch wrote counts; see `golden/make_golden.py`.
const PERIOD: usize = 512;

/// The legacy file, with the storage that its fixture lacks.
pub(crate) fn legacy_file() -> Vec<u8> {
    let mut bytes = fs_err::read(golden::path("weights_sequential.pt.start")).unwrap();
    let length = PERIOD + 1280 * 320;
    bytes.extend((length as u64).to_le_bytes());
    bytes.extend((0..length).flat_map(|place| ((place % PERIOD) as f32).to_le_bytes()));
    bytes
}

/// Fails unless every tensor counts from its place in torchvision's order.
#[track_caller]
fn assert_counts(weights: &Weights) {
    for (place, (name, shape)) in backbone_tensors().iter().enumerate() {
        let values = values(weights.get(name, shape).unwrap());
        let mut counted = (place..).map(|number| (number % PERIOD) as f32);
        let right = values.iter().all(|value| Some(*value) == counted.next());
        assert!(right, "`{name}` begins with {}, expected {place}", values[0]);
    }
}

#[test]
fn a_pth_file_with_torchvisions_names_opens() {
    let weights = Weights::open(&golden::path("weights_grouped.pth")).unwrap();
    assert_counts(&weights);
    let (weight, bias) = weights.head(3).unwrap();
    assert_eq!((values(weight)[0], values(bias)), (300.0, vec![301.0, 302.0, 303.0]));
    // No counters of batches came along.
    assert_eq!(weights.iter().count(), backbone_tensors().len() + 2);
}

#[test]
fn a_legacy_file_with_sequential_names_opens() {
    let weights = open_bytes(&legacy_file()).unwrap();
    assert_counts(&weights);
    assert_eq!(weights.iter().count(), backbone_tensors().len());
}

#[test]
fn a_classifier_of_any_size_comes_along() {
    let head = |classes: usize| {
        let weight = Tensor::ones((classes, 1280), DType::F32, &Device::Cpu).unwrap();
        let bias = Tensor::zeros(classes, DType::F32, &Device::Cpu).unwrap();
        (weight, bias)
    };
    let (weight, bias) = head(3);
    let backbone = Weights::random(1).unwrap();
    let whole = backbone.clone().with_head(weight, bias);
    let opened = open_bytes(&whole.to_safetensors().unwrap()).unwrap();
    assert_eq!(opened.digest().unwrap(), whole.digest().unwrap());
    assert_eq!(opened.head(3).unwrap().0.dims(), [3, 1280]);
    let error = opened.head(4).unwrap_err().to_string();
    assert!(error.contains("`classifier.1.weight` has shape [3, 1280]"), "{error}");
    let bare = opened.without_head();
    assert_eq!(bare.digest().unwrap(), backbone.digest().unwrap());
    let error = bare.head(3).unwrap_err().to_string();
    assert_eq!(error, "the weights have no tensor `classifier.1.weight`");
}
