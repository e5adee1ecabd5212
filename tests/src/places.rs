//! Paths.

use std::path::{Path, PathBuf};

use pet_model::MODEL_FILE;

/// The workspace's folder.
///
/// # Panics
///
/// When there is none above the package whose tests run.
pub fn root() -> PathBuf {
    // The environment at run time, since the clone may have been moved after the tests were compiled.
    let now = std::env::var_os("CARGO_MANIFEST_DIR");
    let package = now.map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    let mut above = package.ancestors();
    let root = above.find(|folder| folder.join("Cargo.lock").is_file());
    root.unwrap().to_owned()
}

/// The results folder under test: `PET_RESULTS`, by default the committed one.
///
/// # Panics
///
/// When it contains no model.
pub fn results() -> PathBuf {
    let folder = chosen_results();
    let model = folder.join(MODEL_FILE);
    assert!(
        model.is_file(),
        "no model `{}`; make one with `cargo xtask pipeline`",
        model.display()
    );
    folder
}

/// Whether the results under test are those of the repository, trained on the real photographs.
pub fn results_are_committed() -> bool {
    let committed = root().join("results");
    chosen_results() == committed || same_folder(&chosen_results(), &committed)
}

fn chosen_results() -> PathBuf {
    // Relative to the workspace; tests run in the folder of their package.
    let named = std::env::var_os("PET_RESULTS").filter(|path| !path.is_empty());
    root().join(named.map_or_else(|| PathBuf::from("results"), PathBuf::from))
}

fn same_folder(one: &Path, other: &Path) -> bool {
    let (one, other) = (fs_err::canonicalize(one), fs_err::canonicalize(other));
    matches!((one, other), (Ok(one), Ok(other)) if one == other)
}
