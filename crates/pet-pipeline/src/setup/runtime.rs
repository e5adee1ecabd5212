//! The packages with the ONNX Runtime library.

use std::env::consts::{ARCH, OS};
use std::path::{Path, PathBuf};

use pet_data::Progress;
use pet_model::write_atomically;

use super::fetch::{Error, check_writable, from_npm, from_wheel, with_causes};

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

/// Downloads the ONNX Runtime library for this platform, if it is missing in `folder` or `force` is set, and returns its path.
///
/// # Errors
///
/// [`Error::Platform`] without a package for this platform, [`Error::NoRuntime`] if none can be downloaded, [`Error::Io`] for a
/// folder that is not writable.
pub fn install_runtime(
    folder: &Path,
    force: bool,
    progress: &dyn Progress,
) -> Result<PathBuf, Error> {
    let packages = || PACKAGES.iter().filter(|one| one.platform == (OS, ARCH));
    if packages().next().is_none() {
        return Err(Error::Platform { platform: format!("{OS} on {ARCH}") });
    }
    let mut present = packages().map(|package| package.library(folder));
    if let Some(library) = present.find(|library| library.is_file() && !force) {
        return Ok(library);
    }
    check_writable(folder)?;
    progress.message("downloading ONNX Runtime");
    let mut attempts = Vec::new();
    for package in packages() {
        match package.install(folder) {
            Ok(library) => return Ok(library),
            Err(error) => attempts.push(with_causes(&error)),
        }
    }
    Err(Error::NoRuntime { attempts })
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
                from_wheel(&requirement, &options, self.sha256, member)?
            }
            Source::Node => {
                let package = format!("onnxruntime-node@{version}");
                from_npm(&package, self.sha256, member)?
            }
        };
        let path = self.library(folder);
        write_atomically(&path, &library)?;
        Ok(path)
    }
}
