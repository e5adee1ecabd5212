//! Embeds the committed model in the program: generates a list of files, which is empty without the feature
//! `built-in-model`.

use std::path::PathBuf;
use std::{env, io};

use fs_err as fs;

/// Model files; the first one that exists is embedded.
const MODELS: [&str; 2] = ["model.int8.onnx", "model.onnx"];

/// Files that are embedded with the model.
const DETAILS: [&str; 5] = [
    "metrics.json",
    "selection.json",
    "training_curves.png",
    "confusion_matrix.png",
    "MODEL_CARD.md",
];

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    let files = match env::var_os("CARGO_FEATURE_BUILT_IN_MODEL") {
        Some(_) => committed(),
        None => Vec::new(),
    };
    let entries = files.iter().map(|(name, path)| {
        let path = path.display().to_string();
        format!("({name:?}, include_bytes!({path:?})),")
    });
    let output = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let list = format!("&[{}]", entries.collect::<String>());
    fs::write(output.join("built_in.rs"), list)
}

/// The files of `results/`, by name.
fn committed() -> Vec<(&'static str, PathBuf)> {
    let package = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let folder = package.join("../../results");
    println!("cargo::rerun-if-changed={}", folder.display());
    let present = |name: &&'static str| folder.join(name).is_file();
    let Some(model) = MODELS.into_iter().find(|name| present(name)) else {
        println!("cargo::warning=no model is built in: there is none in `results`");
        return Vec::new();
    };
    let details = DETAILS.into_iter().filter(|name| present(name));
    let names = std::iter::once(model).chain(details);
    names.map(|name| (name, folder.join(name))).collect()
}
