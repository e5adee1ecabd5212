//! `cargo xtask release`: the program as an archive, with what belongs to it.

mod archive;
mod wheel;

use std::path::{Path, PathBuf};

use clap::Args;

use self::archive::Entry;
use crate::ci::python::RELEASE;
use crate::error::Error;
use crate::invocation::Invocation;
use crate::pet_cli;
use crate::report::Outcome;
use crate::workspace::{self, Profile, unless_missing};

/// Of the whole workspace.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What lies beside the program. README.md names the other documents, of which the program needs one.
const DOCUMENTS: [&str; 4] = [
    "README.md",
    "LICENSE",
    "CHANGELOG.md",
    "docs/command-line.md",
];

/// The shells, and what each calls its file.
const COMPLETIONS: [(&str, &str); 3] = [
    ("bash", "completions/pet-cli.bash"),
    ("fish", "completions/pet-cli.fish"),
    ("zsh", "completions/_pet-cli"),
];

/// Build pet-cli and pack it for a release
///
/// Writes `pet-cli-VERSION-TARGET.tar.gz`, which holds the program, its completions and documents, and beside it a file
/// with its checksum for `sha256sum --check`. The same files give the same archive, byte for byte. Where maturin is
/// installed, the same program is packed as a Python wheel, which brings ONNX Runtime with it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask release                         for this machine, into dist/
  cargo xtask release --tag v0.1.0            and see that the tag names the version of Cargo.toml
  cargo xtask release --tag v0.1.0 --check    see only that")]
pub(crate) struct Arguments {
    /// What to build for; its programs must run here, for pet-cli writes its completions [default: this machine]
    #[arg(long, value_name = "TRIPLE")]
    target: Option<String>,
    /// The folder of the archive
    #[arg(long, value_name = "DIR", default_value = "dist")]
    output: PathBuf,
    /// The release's tag, which must name the version of Cargo.toml
    #[arg(long)]
    tag: Option<String>,
    /// Check the tag, and build nothing
    #[arg(long, requires = "tag")]
    check: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Error> {
    if let Some(tag) = &arguments.tag {
        check(tag)?;
    }
    if arguments.check {
        return Ok(());
    }
    let (program, target) = build(arguments.target.as_deref())?;
    let output = workspace::root().join(&arguments.output);
    let archive = pack(&program, &target, &output)?;
    println!("{}", workspace::shown(&archive));
    match wheel::build(arguments.target.as_deref(), &output)? {
        Some(wheel) => println!("{}", workspace::shown(&wheel)),
        None => println!("skipped: the Python wheel: maturin is not installed"),
    }
    Ok(())
}

/// Packs a release, and has scripts use it as somebody would who has downloaded it, or who installs it with cargo or pip.
pub(crate) fn trial() -> Result<Outcome, Error> {
    let folder = workspace::root().join("target/release-trial");
    unless_missing(fs_err::remove_dir_all(&folder))?;
    let (program, target) = build(None)?;
    let archive = pack(&program, &target, &folder)?;
    Invocation::new("xtask/src/release/trial.sh")
        .argument(&folder)
        .arguments([&name(&target), VERSION])
        .run()?;
    RELEASE.make()?;
    let installed = Invocation::new("xtask/src/release/installed.sh").argument(&folder);
    let Some(wheel) = wheel::build(None, &folder)? else {
        installed.run()?;
        let done = format!(
            "{}; skipped: no maturin for the wheel",
            workspace::shown(&archive)
        );
        return Ok(Outcome::done(done));
    };
    installed.argument(&wheel).run()?;
    let made = [&archive, &wheel].map(|path| workspace::shown(path));
    Ok(Outcome::done(made.join(", ")))
}

/// Builds the program; where it lies, and what it was built for.
fn build(target: Option<&str>) -> Result<(PathBuf, String), Error> {
    let build = pet_cli::build(Profile::Release);
    let Some(target) = target else {
        build.run()?;
        let program = workspace::program(Profile::Release, "pet-cli");
        return Ok((program, host()?));
    };
    build.arguments(["--target", target]).run()?;
    let program = workspace::program_for(target, "pet-cli");
    Ok((program, target.to_owned()))
}

fn check(tag: &str) -> Result<(), Error> {
    if tag.strip_prefix('v') == Some(VERSION) {
        return Ok(());
    }
    Err(Error::Tag {
        tag: tag.to_owned(),
        version: VERSION,
    })
}

/// What the compiler builds for when it is not told.
pub(crate) fn host() -> Result<String, Error> {
    let about = Invocation::new("rustc").argument("-vV").output()?;
    let host = about.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| {
        let message = "`rustc -vV` does not say its host".to_owned();
        Error::Usage { message }
    })
}

/// What the archive, and the folder in it, is called.
fn name(target: &str) -> String {
    format!("pet-cli-{VERSION}-{target}")
}

/// Packs a program with what belongs to it; the path of the archive.
fn pack(program: &Path, target: &str, output: &Path) -> Result<PathBuf, Error> {
    let file = format!("pet-cli{}", std::env::consts::EXE_SUFFIX);
    let mut entries: Vec<Entry> = vec![(file, 0o755, fs_err::read(program)?)];
    for document in DOCUMENTS {
        let contents = fs_err::read(workspace::root().join(document))?;
        entries.push((document.to_owned(), 0o644, contents));
    }
    for (shell, file) in COMPLETIONS {
        let script = Invocation::new(program).arguments(["completions", shell]);
        entries.push((file.to_owned(), 0o644, script.output()?.into_bytes()));
    }
    archive::write(output, &name(target), &entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_names_the_version() {
        check(concat!("v", env!("CARGO_PKG_VERSION"))).unwrap();
        for tag in ["v9.9.9", "v", "", env!("CARGO_PKG_VERSION"), "main"] {
            let error = check(tag).unwrap_err();
            assert_eq!(error.exit_status(), 1);
            let text = error.described();
            assert!(text.contains(tag) && text.contains(VERSION), "{text}");
            assert!(text.contains("\nhint: "), "{text}");
        }
    }

    #[test]
    fn the_host_is_a_triple() {
        assert!(host().unwrap().split('-').count() >= 3);
    }

    /// A program that only prints stands for ours.
    #[cfg(unix)]
    #[test]
    fn the_archive_holds_all_that_a_release_has() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("program");
        fs_err::write(&program, "#!/bin/sh\necho completions of \"$2\"\n").unwrap();
        let executable = std::fs::Permissions::from_mode(0o755);
        fs_err::set_permissions(&program, executable).unwrap();
        let output = folder.path().join("dist");
        let archive = pack(&program, "some-triple", &output).unwrap();
        let listed = Invocation::new("tar").argument("-tzf").argument(&archive);
        let listed = listed.output().unwrap();
        let top = name("some-triple");
        let mut found: Vec<_> = listed.lines().collect();
        found.sort_unstable();
        let expected = [
            "CHANGELOG.md",
            "LICENSE",
            "README.md",
            "completions/_pet-cli",
            "completions/pet-cli.bash",
            "completions/pet-cli.fish",
            "docs/command-line.md",
            "pet-cli",
        ];
        assert_eq!(found, expected.map(|file| format!("{top}/{file}")));
    }
}
