//! The ONNX Runtime library: from the Python wheel, else from the Node.js package.

use std::env::consts::{ARCH, OS};
use std::path::{Path, PathBuf};

use pet_data::Progress;
use pet_model::write_atomically;

use super::{Error, fetch};

/// Larger than any of the libraries named here.
const MAX_LIBRARY_BYTES: u64 = 256 << 20;

/// Where a platform's library is found in a package.
struct Package {
    /// Operating system and architecture, as Rust names them.
    platform: (&'static str, &'static str),
    version: &'static str,
    /// pip's name of the platform; empty for npm, whose package serves all.
    tag: &'static str,
    sha256: &'static str,
    member: &'static str,
    file: &'static str,
}

/// Later libraries for Linux write a telemetry database and report home unless an environment variable forbids it
/// before they are loaded; nobody who classifies a pet has asked for that, so the last version without it is taken.
///
/// SHA-256 of the files as they were served in November 2026.
const WHEELS: [Package; 3] = [
    Package {
        platform: ("linux", "x86_64"),
        version: "1.28.0",
        tag: "manylinux_2_28_x86_64",
        sha256: "0a83bdb70d143cede762b677789bf2a7acca54b3fb82565601d5c30695aa933c",
        member: "onnxruntime/capi/libonnxruntime.so.1.28.0",
        file: "libonnxruntime.so.1.28.0",
    },
    Package {
        platform: ("linux", "aarch64"),
        version: "1.28.0",
        tag: "manylinux_2_28_aarch64",
        sha256: "4e81a23df16e7acb9d51b06d30cc098e49315ef9180f97bc2221d167b4b04d9c",
        member: "onnxruntime/capi/libonnxruntime.so.1.28.0",
        file: "libonnxruntime.so.1.28.0",
    },
    Package {
        platform: ("macos", "aarch64"),
        version: "1.28.0",
        tag: "macosx_14_0_arm64",
        sha256: "26ff0fdd06efb6c155bae95387a09db1a2be89c7a03e4d0bffd5a171cc2826da",
        member: "onnxruntime/capi/libonnxruntime.1.28.0.dylib",
        file: "libonnxruntime.1.28.0.dylib",
    },
];

const NODE_SHA256: &str = "c3779c01c59832f8c03e2c392ac3af10bf08579f1822e8b1c63cc451edb302a2";

const NODE_PACKAGES: [Package; 2] = [
    Package {
        platform: ("linux", "x86_64"),
        version: "1.27.0",
        tag: "",
        sha256: NODE_SHA256,
        member: "package/bin/napi-v6/linux/x64/libonnxruntime.so.1",
        file: "libonnxruntime.so.1.27.0",
    },
    Package {
        platform: ("linux", "aarch64"),
        version: "1.27.0",
        tag: "",
        sha256: NODE_SHA256,
        member: "package/bin/napi-v6/linux/arm64/libonnxruntime.so.1",
        file: "libonnxruntime.so.1.27.0",
    },
];

impl Package {
    fn of_this_machine(packages: &'static [Self]) -> Option<&'static Self> {
        packages
            .iter()
            .find(|package| package.platform == (OS, ARCH))
    }

    fn library(&self, folder: &Path) -> PathBuf {
        folder.join(self.version).join(self.file)
    }
}

/// The library in `folder`, fetched if it is not there or `force` is set.
pub(super) fn install(
    folder: &Path,
    force: bool,
    progress: &dyn Progress,
) -> Result<PathBuf, Error> {
    let (wheel, node) = (
        Package::of_this_machine(&WHEELS),
        Package::of_this_machine(&NODE_PACKAGES),
    );
    let Some(wheel) = wheel else {
        return Err(Error::Platform {
            platform: format!("{OS} on {ARCH}"),
        });
    };
    let present = [Some(wheel), node]
        .into_iter()
        .flatten()
        .map(|package| package.library(folder));
    if let Some(library) = present
        .into_iter()
        .find(|library| library.is_file() && !force)
    {
        return Ok(library);
    }
    progress.message("fetching ONNX Runtime");
    let mut attempts = Vec::new();
    match from_wheel(wheel, folder) {
        Ok(library) => return Ok(library),
        Err(error) => attempts.push(error.in_one_line()),
    }
    match node.map(|node| from_node_package(node, folder)) {
        Some(Ok(library)) => return Ok(library),
        Some(Err(error)) => attempts.push(error.in_one_line()),
        None => {}
    }
    Err(Error::Unavailable {
        what: "ONNX Runtime",
        attempts,
        hint: "install python3 with pip (or npm), or set ORT_DYLIB_PATH to the library of an installed ONNX Runtime",
    })
}

fn from_wheel(package: &Package, folder: &Path) -> Result<PathBuf, Error> {
    let place = tempfile::tempdir()?;
    let requirement = format!("onnxruntime=={}", package.version);
    // A fixed Python version, so that every machine fetches the same file, whatever its own Python.
    let options = [
        "--platform",
        package.tag,
        "--python-version",
        "3.12",
        "--implementation",
        "cp",
    ];
    let path = fetch::wheel(&requirement, &options, place.path())?;
    let bytes = fetch::read_checked(&path, package.sha256)?;
    keep(
        package,
        folder,
        &fetch::zip_member(&path, &bytes, package.member, MAX_LIBRARY_BYTES)?,
    )
}

fn from_node_package(package: &Package, folder: &Path) -> Result<PathBuf, Error> {
    let place = tempfile::tempdir()?;
    let name = format!("onnxruntime-node@{}", package.version);
    let path = fetch::download("npm", &["pack", "--loglevel=error", &name], place.path())?;
    let bytes = fetch::read_checked(&path, package.sha256)?;
    keep(
        package,
        folder,
        &fetch::tar_member(&path, &bytes, package.member, MAX_LIBRARY_BYTES)?,
    )
}

fn keep(package: &Package, folder: &Path, library: &[u8]) -> Result<PathBuf, Error> {
    let path = package.library(folder);
    write_atomically(&path, library)?;
    Ok(path)
}
