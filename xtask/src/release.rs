//! `cargo xtask release`: the program, its completions and documents as an archive and as a Python wheel.

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
use crate::workspace::{self, Profile, remove_folder};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Documents in the archive.
const DOCUMENTS: [&str; 4] = ["README.md", "LICENSE", "CHANGELOG.md", "docs/command-line.md"];

/// Shells and their completion files.
const COMPLETIONS: [(&str, &str); 3] = [
    ("bash", "completions/pet-cli.bash"),
    ("fish", "completions/pet-cli.fish"),
    ("zsh", "completions/_pet-cli"),
];

/// Build pet-cli and package it for a release
///
/// Writes `pet-cli-VERSION-TARGET.tar.gz`, which contains the program, its completions and documents, and a file with
/// its checksum for `sha256sum --check`. The same files always give the same archive, byte for byte. If maturin is
/// installed, the program is also packaged as a Python wheel, which installs ONNX Runtime with it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask release                         for this machine, into dist/
  cargo xtask release --tag v0.1.0            and check that the tag matches the version in Cargo.toml
  cargo xtask release --tag v0.1.0 --check    only check that")]
pub(crate) struct Arguments {
    /// Target to build for; its programs must run here, because pet-cli generates its completions [default: this
    /// machine]
    #[arg(long, value_name = "TRIPLE")]
    target: Option<String>,
    /// Folder for the archive
    #[arg(long, value_name = "DIR", default_value = "dist")]
    output: PathBuf,
    /// The release's tag, which must match the version in Cargo.toml
    #[arg(long)]
    tag: Option<String>,
    /// Only check the tag
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

/// Builds a release and tries it out as a download, and installed with cargo and pip.
pub(crate) fn try_out() -> Result<Outcome, Error> {
    let folder = workspace::root().join("target/release-test");
    remove_folder(&folder)?;
    let (program, target) = build(None)?;
    let archive = pack(&program, &target, &folder)?;
    Invocation::new("xtask/src/release/test-archive.sh")
        .argument(&folder)
        .arguments([&name(&target), VERSION])
        .run()?;
    RELEASE.create()?;
    let install = Invocation::new("xtask/src/release/test-installation.sh").argument(&folder);
    let Some(wheel) = wheel::build(None, &folder)? else {
        install.run()?;
        let done = format!("{}; skipped: no maturin for the wheel", workspace::shown(&archive));
        return Ok(Outcome::done(done));
    };
    install.argument(&wheel).run()?;
    let made = [&archive, &wheel].map(|path| workspace::shown(path));
    Ok(Outcome::done(made.join(", ")))
}

/// Builds the program; returns its path and target.
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
    Err(Error::Tag { tag: tag.to_owned(), version: VERSION })
}

/// The target of this machine.
pub(crate) fn host() -> Result<String, Error> {
    let about = Invocation::new("rustc").argument("-vV").output()?;
    let host = about.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| Error::usage("`rustc -vV` does not report its host"))
}

/// The name of the archive and of the folder in it.
fn name(target: &str) -> String {
    format!("pet-cli-{VERSION}-{target}")
}

/// Packs the program, documents and completions; returns the path of the archive.
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
    fn the_tag_must_match_the_version() {
        check(concat!("v", env!("CARGO_PKG_VERSION"))).unwrap();
        for tag in ["v9.9.9", "v", "", env!("CARGO_PKG_VERSION"), "main"] {
            let error = check(tag).unwrap_err();
            assert_eq!(error.exit_status(), 1);
            let text = error.report();
            assert!(text.contains(tag) && text.contains(VERSION), "{text}");
            assert!(text.contains("\nhint: "), "{text}");
        }
    }

    #[test]
    fn the_host_is_a_triple() {
        assert!(host().unwrap().split('-').count() >= 3);
    }

    #[cfg(unix)]
    #[test]
    fn the_archive_contains_program_documents_and_completions() {
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
