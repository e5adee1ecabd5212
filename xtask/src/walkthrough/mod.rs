//! `cargo xtask walkthrough`: the documents, tried.

pub(crate) mod fence;
// The bash of macOS is too old for the scripts.
#[cfg(test)]
#[cfg(target_os = "linux")]
mod prelude_tests;

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;

use self::fence::Fence;
use crate::ci::python;
use crate::error::Error;
use crate::invocation::{Invocation, quoted};
use crate::report::{Outcome, Report};
use crate::workspace::{self, Profile, unless_missing};
use crate::{docker, pet_cli};

/// Functions that every script begins with.
const PRELUDE: &str = include_str!("prelude.sh");

/// Run every command in the documents, as a reader would
///
/// Each document becomes a script, which runs in its own folder below target/walkthrough/, with generated photographs.
/// Servers listen where the document says: ports 5000, 5001, 8000 and 9000 must be free. What the machine lacks (a Docker
/// engine, Java) is skipped by name. CONTRIBUTING.md describes how a document says what a command needs.
#[derive(Debug, Default, Args)]
#[command(after_help = "\
Examples:
  cargo xtask walkthrough
  cargo xtask walkthrough docs/tracking.md")]
pub(crate) struct Arguments {
    /// The documents [default: all that hold commands]
    #[arg(value_name = "PAGE")]
    pages: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Error> {
    let pages = chosen(&arguments.pages)?;
    pet_cli::set_up(Profile::Release)?;
    let mut report = Report::new("document");
    for (name, fences) in &pages {
        report.step(name, || walk(name, fences));
    }
    report.finish()
}

/// All documents, as a person in the root would write them, in the order in which one reads them.
pub(crate) fn documents() -> Result<Vec<String>, Error> {
    let pages = workspace::files("docs", "md")?;
    let pages = pages.iter().map(|page| workspace::shown(page));
    let [first, last] = ["README.md", "CONTRIBUTING.md"].map(str::to_owned);
    Ok(std::iter::once(first).chain(pages).chain([last]).collect())
}

/// The named documents, or all, with their commands.
fn chosen(names: &[String]) -> Result<Vec<(String, Vec<Fence>)>, Error> {
    let mut pages = Vec::new();
    for name in documents()? {
        let text = fs_err::read_to_string(workspace::root().join(&name))?;
        let fences = fence::all(&name, &text)?;
        if !fences.is_empty() {
            pages.push((name, fences));
        }
    }
    let is_known = |name: &String| pages.iter().any(|(page, _)| page == name);
    if let Some(unknown) = names.iter().find(|name| !is_known(name)) {
        let known: Vec<_> = pages.iter().map(|(page, _)| page.as_str()).collect();
        let message = format!("no commands in `{unknown}`, only in {}", known.join(", "));
        return Err(Error::usage(message));
    }
    pages.retain(|(page, _)| names.is_empty() || names.contains(page));
    Ok(pages)
}

/// Runs the script of a document in an empty folder of its own, inside the workspace so that cargo finds it.
fn walk(name: &str, fences: &[Fence]) -> Result<Outcome, Error> {
    let mut skipped = Vec::new();
    let mut script = format!("{}{PRELUDE}prepare\n", variables()?);
    for fence in fences {
        let obstacle = fence.needs().find_map(obstacle);
        script += &fence.script(obstacle.as_deref());
        skipped.extend(obstacle.map(|obstacle| format!("{}: {obstacle}", fence.place)));
    }
    let stem = Path::new(name).file_stem().unwrap_or_default();
    let folder = workspace::root().join("target/walkthrough").join(stem);
    unless_missing(fs_err::remove_dir_all(&folder))?;
    fs_err::create_dir_all(&folder)?;
    let file = folder.join("walkthrough.sh");
    fs_err::write(&file, script)?;
    Invocation::new("bash")
        .argument(file)
        .folder(folder)
        .run()?;
    if skipped.is_empty() {
        return Ok(Outcome::done(format!("{} blocks", fences.len())));
    }
    let skipped = skipped.join(", ");
    Ok(Outcome::done(format!(
        "{} blocks; skipped {skipped}",
        fences.len()
    )))
}

/// What this machine lacks for a need that a document names; none if all is there.
fn obstacle(need: &str) -> Option<String> {
    let (there, what) = match need {
        "docker" => return docker::obstacle(),
        "java" => (
            Invocation::new("java").argument("-version").succeeds(),
            "Java",
        ),
        "promtool" => (
            Invocation::new("promtool").argument("--version").succeeds(),
            "promtool",
        ),
        "stand-ins" => (workspace::set("RUST_IMAGE").is_some(), "stand-in images"),
        folder => (python::usable(folder).is_some(), folder),
    };
    (!there).then(|| format!("no {what}"))
}

/// Lines that tell the script where things are, so that it can be run again by itself.
fn variables() -> Result<String, Error> {
    let mlflow = python::usable("mlflow-env");
    let own = [
        Some(workspace::program(Profile::Release, "pet-cli")),
        mlflow,
    ];
    let own = own
        .into_iter()
        .flatten()
        .filter_map(|program| program.parent().map(PathBuf::from));
    let others = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(own.chain(std::env::split_paths(&others)));
    let mut variables = vec![
        ("PATH", path.map_err(io::Error::other)?),
        ("ROOT", workspace::root().into()),
        ("CACHE", workspace::cache().into()),
    ];
    variables.extend(workspace::photographs().map(|folder| ("PHOTOGRAPHS", folder.into())));
    let lines = variables
        .iter()
        .map(|(name, value)| format!("export {name}={}\n", quoted(value)));
    Ok(lines.collect::<String>() + "unset MLFLOW_TRACKING_URI PET_CACHE_DIR PET_RESULTS\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_page_is_named() {
        let error = chosen(&["docs/none.md".to_owned()])
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("no commands in `docs/none.md`, only in README.md, "),
            "{error}"
        );
        assert_eq!(chosen(&["README.md".to_owned()]).unwrap().len(), 1);
    }

    #[test]
    fn what_is_run_elsewhere_is_there() {
        for (_, fences) in chosen(&[]).unwrap() {
            for fence in fences {
                let Some(file) = fence.skip().and_then(|skip| skip.strip_prefix("run by ")) else {
                    continue;
                };
                let text = fs_err::read_to_string(workspace::root().join(file)).unwrap();
                let command = &fence.commands[0];
                let words: Vec<_> = command.split_whitespace().take(2).collect();
                assert!(
                    text.contains(&words.join(" ")),
                    "{}: {file} has no `{command}`",
                    fence.place
                );
            }
        }
    }
}
