//! `cargo xtask space`: the folder of a Hugging Face Space.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::error::Error;
use crate::invocation::Invocation;
use crate::workspace;

/// The files of the build context, as in .dockerignore, and without the crates' tests.
const SOURCES: [&str; 11] = [
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
    ":!crates/*/tests/*",
];

/// Files that a Space has at its root.
const MOVED: [(&str, &str); 2] =
    [("docker/Dockerfile", "Dockerfile"), ("docker/huggingface/README.md", "README.md")];

/// Assemble the folder of a Hugging Face Space
///
/// The Space builds the image itself: the folder contains the version-controlled files that docker/Dockerfile needs,
/// with the Dockerfile and the Space's card at its root. `hf upload SPACE target/space . --repo-type space` uploads it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask space
  cargo xtask space --output ../space")]
pub(crate) struct Arguments {
    /// Output folder; an existing one is replaced
    #[arg(long, value_name = "DIR", default_value = "target/space")]
    output: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Error> {
    let folder = workspace::root().join(&arguments.output);
    let files = assemble(&folder)?;
    println!("{}: {files} files", workspace::shown(&folder));
    Ok(())
}

/// Fills the folder; returns the number of its files.
fn assemble(folder: &Path) -> Result<usize, Error> {
    // Deletes nothing but an earlier Space.
    if folder.join("Dockerfile").is_file() {
        fs_err::remove_dir_all(folder)?;
    }
    let list = Invocation::line("git ls-files --").arguments(SOURCES).output()?;
    for source in list.lines() {
        copy(source, &folder.join(source))?;
    }
    for (from, to) in MOVED {
        copy(from, &folder.join(to))?;
    }
    Ok(list.lines().count() + MOVED.len())
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
    fn a_space_contains_its_card_and_the_sources_of_the_image() {
        let folder = tempfile::tempdir().unwrap();
        let space = folder.path().join("space");
        let files = assemble(&space).unwrap();
        assert!(files > 50, "{files}");
        for name in ["Dockerfile", "README.md", "results/model.onnx", "xtask/Cargo.toml"] {
            assert!(space.join(name).is_file(), "{name}");
        }
        let card = fs_err::read_to_string(space.join("README.md")).unwrap();
        assert!(card.starts_with("---\n") && card.contains("\nsdk: docker\n"));
        let dockerfile = fs_err::read_to_string(space.join("Dockerfile")).unwrap();
        let port = |text: &str, prefix: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(prefix));
            line.unwrap().trim().to_owned()
        };
        assert_eq!(port(&card, "app_port:"), port(&dockerfile, "EXPOSE"));
        assert_eq!(assemble(&space).unwrap(), files);
    }
}
