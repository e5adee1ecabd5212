//! `cargo xtask space`: the folder of a Hugging Face Space.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::error::Error;
use crate::invocation::Invocation;
use crate::workspace;

/// What the image is built from, as .dockerignore has it.
const SOURCES: [&str; 10] = [
    ".cargo",
    ".dockerignore",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "crates",
    "docker/onnxruntime.txt",
    "results",
    "tests/Cargo.toml",
    "xtask/Cargo.toml",
];

/// What has another place in a Space, where the card and the Dockerfile lie at the root.
const MOVED: [(&str, &str); 2] = [
    ("docker/Dockerfile", "Dockerfile"),
    ("docker/huggingface/README.md", "README.md"),
];

/// Put together the folder of a Hugging Face Space
///
/// The Space builds the image itself: the folder holds the files under version control that docker/Dockerfile needs, with
/// the Dockerfile and the Space's card at its root. `hf upload SPACE target/space . --repo-type space` uploads it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask space
  cargo xtask space --output ../space")]
pub(crate) struct Arguments {
    /// The folder; an earlier one is replaced
    #[arg(long, value_name = "DIR", default_value = "target/space")]
    output: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Error> {
    let folder = workspace::root().join(&arguments.output);
    let files = assemble(&folder)?;
    println!("{}: {files} files", workspace::shown(&folder));
    Ok(())
}

/// Fills the folder; how many files it holds.
fn assemble(folder: &Path) -> Result<usize, Error> {
    // Only what this task has made is thrown away.
    if folder.join("Dockerfile").is_file() {
        fs_err::remove_dir_all(folder)?;
    }
    let sources = tracked()?;
    for source in &sources {
        copy(source, &folder.join(source))?;
    }
    for (from, to) in MOVED {
        copy(from, &folder.join(to))?;
    }
    Ok(sources.len() + MOVED.len())
}

/// The sources under version control, but for the crates' own tests.
fn tracked() -> Result<Vec<String>, Error> {
    let list = Invocation::new("git").arguments(["ls-files", "--"]);
    let list = list.arguments(SOURCES).output()?;
    let is_test = |file: &str| file.starts_with("crates/") && file.contains("/tests/");
    let files = list.lines().filter(|file| !is_test(file));
    Ok(files.map(str::to_owned).collect())
}

fn copy(from: &str, to: &Path) -> Result<(), Error> {
    if let Some(parent) = to.parent() {
        fs_err::create_dir_all(parent)?;
    }
    fs_err::copy(workspace::root().join(from), to)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_space_has_its_card_and_all_that_the_image_needs() {
        let folder = tempfile::tempdir().unwrap();
        let space = folder.path().join("space");
        let files = assemble(&space).unwrap();
        assert!(files > 50, "{files}");
        for name in [
            "Dockerfile",
            "README.md",
            "results/model.onnx",
            "xtask/Cargo.toml",
        ] {
            assert!(space.join(name).is_file(), "{name}");
        }
        let card = fs_err::read_to_string(space.join("README.md")).unwrap();
        assert!(card.starts_with("---\n") && card.contains("\nsdk: docker\n"));
        let dockerfile = fs_err::read_to_string(space.join("Dockerfile")).unwrap();
        let port = |text: &str, before: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(before));
            line.unwrap().trim().to_owned()
        };
        assert_eq!(port(&card, "app_port:"), port(&dockerfile, "EXPOSE"));
        assert_eq!(assemble(&space).unwrap(), files);
    }
}
