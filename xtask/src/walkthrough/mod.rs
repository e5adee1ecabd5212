//! `cargo xtask walkthrough`: runs the commands in the documents.

mod fence;

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;

use self::fence::Fence;
use crate::ci::python;
use crate::error::Error;
use crate::invocation::{Invocation, quoted};
use crate::report::{Outcome, Report};
use crate::workspace::{self, Profile, remove_folder};
use crate::{docker, pet_cli};

/// Functions at the start of every script.
const PRELUDE: &str = include_str!("prelude.sh");

/// Run every command in the documents, as a reader would
///
/// Each document becomes a script, which runs in its own folder below target/walkthrough/ with generated photos.
/// Servers use the ports given in the documents: 5000, 5001, 8000 and 9000 must be free. Commands that need something
/// the machine lacks (Docker, Java) are skipped and reported. CONTRIBUTING.md describes how a document declares what a
/// command needs.
#[derive(Debug, Default, Args)]
#[command(after_help = "\
Examples:
  cargo xtask walkthrough
  cargo xtask walkthrough docs/tracking.md")]
pub(crate) struct Arguments {
    /// The documents [default: all that contain commands]
    #[arg(value_name = "PAGE")]
    pages: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Error> {
    let pages = select(&arguments.pages)?;
    pet_cli::set_up(Profile::Release)?;
    let mut report = Report::new("document");
    for (name, fences) in &pages {
        report.step(name, || run_page(name, fences));
    }
    report.finish()
}

/// The paths of all documents, in reading order.
pub(crate) fn documents() -> Result<Vec<String>, Error> {
    let pages = workspace::files("docs", "md")?;
    let pages = pages.iter().map(|page| workspace::shown(page));
    let [first, last] = ["README.md", "CONTRIBUTING.md"].map(str::to_owned);
    Ok(std::iter::once(first).chain(pages).chain([last]).collect())
}

/// The named documents, or all with commands, and their blocks.
fn select(names: &[String]) -> Result<Vec<(String, Vec<Fence>)>, Error> {
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

/// Runs the script of a document in its own folder, inside the workspace so that cargo finds it.
fn run_page(name: &str, fences: &[Fence]) -> Result<Outcome, Error> {
    let mut skipped = Vec::new();
    let mut script = format!("{}{PRELUDE}prepare\n", variables()?);
    for fence in fences {
        let obstacle = fence.needs().find_map(obstacle);
        script += &fence.script(obstacle.as_deref());
        skipped.extend(obstacle.map(|obstacle| format!("{}: {obstacle}", fence.location)));
    }
    let stem = Path::new(name).file_stem().unwrap_or_default();
    let folder = workspace::root().join("target/walkthrough").join(stem);
    remove_folder(&folder)?;
    fs_err::create_dir_all(&folder)?;
    let file = folder.join("walkthrough.sh");
    fs_err::write(&file, script)?;
    Invocation::new("bash").argument(file).folder(folder).run()?;
    let mut done = format!("{} blocks", fences.len());
    if !skipped.is_empty() {
        done = format!("{done}; skipped {}", skipped.join(", "));
    }
    Ok(Outcome::done(done))
}

/// Why this machine cannot run a block that needs this.
fn obstacle(need: &str) -> Option<String> {
    let is_met = match need {
        "docker" => return docker::obstacle().map(str::to_owned),
        "stand-ins" => workspace::variable("RUST_IMAGE").is_some(),
        environment if environment.ends_with("-env") => python::usable(environment).is_some(),
        program => Invocation::new(program).argument("--version").succeeds(),
    };
    (!is_met).then(|| format!("no {need}"))
}

/// Lines that set the variables of a script, so that it can also be run by hand.
fn variables() -> Result<String, Error> {
    let programs = [Some(workspace::program(Profile::Release)), python::MLFLOW.usable()];
    let programs = programs.iter().flatten();
    let folders = programs.filter_map(|program| program.parent().map(PathBuf::from));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(folders.chain(std::env::split_paths(&path)));
    let mut variables = vec![
        ("PATH", path.map_err(io::Error::other)?),
        ("ROOT", workspace::root().into()),
        ("CACHE", workspace::cache().into()),
    ];
    variables.extend(workspace::photographs().map(|folder| ("PHOTOGRAPHS", folder.into())));
    let lines = variables.iter().map(|(name, value)| format!("export {name}={}\n", quoted(value)));
    Ok(lines.collect::<String>() + "unset MLFLOW_TRACKING_URI PET_CACHE_DIR PET_RESULTS\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_page_is_an_error() {
        let error = select(&["docs/none.md".to_owned()]).unwrap_err().to_string();
        assert!(error.starts_with("no commands in `docs/none.md`, only in README.md, "), "{error}");
        assert_eq!(select(&["README.md".to_owned()]).unwrap().len(), 1);
    }

    #[test]
    fn files_that_run_a_block_contain_its_command() {
        for (_, fences) in select(&[]).unwrap() {
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
                    fence.location
                );
            }
        }
    }

    // The bash of macOS is too old.
    #[cfg(target_os = "linux")]
    mod prelude {
        use std::net::{Ipv4Addr, TcpListener, TcpStream};
        use std::process::Command;

        use crate::walkthrough::PRELUDE;

        /// Runs a script, in which `PORT` is a free port. Checks its exit status and error messages, and that no server is left.
        fn check(lines: &str, status: i32, messages: &[&str]) {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            let port = listener.local_addr().unwrap().port();
            drop(listener);
            let folder = tempfile::tempdir().unwrap();
            let script = format!("{PRELUDE}{lines}").replace("PORT", &port.to_string());
            let mut bash = Command::new("bash");
            let bash = bash.args(["-c", &script]).current_dir(&folder);
            let output = bash.output().unwrap();
            let errors = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(status), "{errors}");
            for message in messages {
                assert!(errors.contains(message), "{message}: {errors}");
            }
            assert!(!errors.contains("never"), "{errors}");
            let left = TcpStream::connect((Ipv4Addr::LOCALHOST, port));
            assert!(left.is_err(), "a server is left running");
        }

        const SERVER: &str = "serves PORT
background 'echo made >file'
background 'python3 -m http.server PORT --bind 127.0.0.1'
serves
";

        #[test]
        fn a_failed_command_is_reported_with_its_location() {
            let lines = "show x.md:3 a\ntrue\nshow x.md:4 b\nfalse\nshow x.md:5 never\n";
            check(lines, 1, &["x.md:4 does not work", "(status 1)"]);
            let piped = "show x.md:3 a\nfalse | cat\n";
            check(piped, 1, &["x.md:3 does not work"]);
        }

        #[test]
        fn servers_run_in_the_background() {
            let curl = "background 'curl http://127.0.0.1:PORT/file | grep made'\n";
            check(&format!("{SERVER}{curl}"), 0, &[]);
        }

        #[test]
        fn an_http_error_is_a_failure() {
            for curl in ["curl", "background 'curl"] {
                let curl = format!("show x.md:4 a\n{curl} http://127.0.0.1:PORT/none");
                let end = if curl.contains('\'') { "'\n" } else { "\n" };
                check(&format!("{SERVER}{curl}{end}"), 22, &["x.md:4 does not"]);
            }
        }

        #[test]
        fn a_server_that_stops_is_a_failure() {
            let lines = "serves PORT\nshow x.md:3 a\nbackground 'echo no reason >&2; exit 3'\n";
            check(lines, 3, &["no reason", "x.md:3 does not work"]);
            let silent = "serves PORT\nbackground true\nserves\n";
            check(silent, 1, &["nothing answers at port"]);
        }

        #[test]
        fn a_port_in_use_is_reported() {
            let other =
                "python3 -m http.server PORT & servers[x]=$!\nuntil responds PORT; do :; done\n";
            let lines = format!("{other}serves PORT\nshow never never\n");
            check(&lines, 1, &["something else answers at port"]);
        }
    }
}
