//! `cargo xtask release`: the program, its completions and documents as an archive and as a Python wheel.

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

use crate::ci::python::RELEASE;
use crate::error::Error;
use crate::invocation::Invocation;
use crate::pet_cli;
use crate::report::Outcome;
use crate::workspace::{self, Profile, ignore_missing, remove_folder};

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
    match build_wheel(arguments.target.as_deref(), &output)? {
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
    let wheel = build_wheel(None, &folder)?;
    Invocation::new("xtask/src/release/test-installation.sh")
        .argument(&folder)
        .arguments(&wheel)
        .run()?;
    let wheel = wheel.map_or_else(
        || "; skipped: no maturin for the wheel".to_owned(),
        |wheel| format!(", {}", workspace::shown(&wheel)),
    );
    Ok(Outcome::done(workspace::shown(&archive) + &wheel))
}

/// Builds the program; returns its path and target.
fn build(target: Option<&str>) -> Result<(PathBuf, String), Error> {
    let option = target.map(|target| ["--target", target]);
    pet_cli::build(Profile::Release).arguments(option.iter().flatten()).run()?;
    Ok(match target {
        Some(target) => (workspace::program_for(target), target.to_owned()),
        None => (workspace::program(Profile::Release), host()?),
    })
}

fn check(tag: &str) -> Result<(), Error> {
    if tag.strip_prefix('v') == Some(VERSION) {
        return Ok(());
    }
    Err(Error::Tag { tag: tag.to_owned(), version: VERSION })
}

/// The target of this machine.
pub(crate) fn host() -> Result<String, Error> {
    let about = Invocation::line("rustc -vV").output()?;
    let host = about.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| Error::usage("`rustc -vV` does not report its host"))
}

/// The name of the archive and of the folder in it.
fn name(target: &str) -> String {
    format!("pet-cli-{VERSION}-{target}")
}

/// Packs the program, documents and completions; returns the path of the archive.
fn pack(program: &Path, target: &str, output: &Path) -> Result<PathBuf, Error> {
    let mut entries: Vec<Entry> = vec![(workspace::program_file(), 0o755, fs_err::read(program)?)];
    for document in DOCUMENTS {
        let contents = fs_err::read(workspace::root().join(document))?;
        entries.push((document.to_owned(), 0o644, contents));
    }
    for (shell, file) in COMPLETIONS {
        let script = Invocation::new(program).arguments(["completions", shell]);
        entries.push((file.to_owned(), 0o644, script.output()?.into_bytes()));
    }
    write_archive(output, &name(target), &entries)
}

/// Path, mode and content of a file in the archive.
type Entry = (String, u32, Vec<u8>);

/// Writes `NAME.tar.gz` and `NAME.tar.gz.sha256` into a folder; returns the path of the archive.
fn write_archive(folder: &Path, name: &str, entries: &[Entry]) -> Result<PathBuf, Error> {
    fs_err::create_dir_all(folder)?;
    let bytes = compress(name, entries)?;
    let file = format!("{name}.tar.gz");
    let checksum = format!("{:x}  {file}\n", Sha256::digest(&bytes));
    let path = folder.join(&file);
    // The checksum comes last, so that a half-written archive has none.
    let checksum_path = folder.join(format!("{file}.sha256"));
    ignore_missing(fs_err::remove_file(&checksum_path))?;
    fs_err::write(&path, bytes)?;
    fs_err::write(checksum_path, checksum)?;
    Ok(path)
}

/// Packs the files into a folder with the archive's name.
fn compress(name: &str, entries: &[Entry]) -> io::Result<Vec<u8>> {
    let compressed = GzEncoder::new(Vec::new(), Compression::best());
    let mut archive = tar::Builder::new(compressed);
    for (path, mode, contents) in entries {
        // Without owner and time, the same files give the same bytes.
        let mut header = tar::Header::new_gnu();
        header.set_mode(*mode);
        header.set_size(contents.len() as u64);
        archive.append_data(&mut header, format!("{name}/{path}"), contents.as_slice())?;
    }
    archive.into_inner()?.finish()
}

/// Builds the wheel with maturin; `None` without maturin.
fn build_wheel(target: Option<&str>, output: &Path) -> Result<Option<PathBuf>, Error> {
    let Some(maturin) = maturin() else {
        return Ok(None);
    };
    for old in wheels(output)? {
        fs_err::remove_file(old)?;
    }
    let target = target.map(|target| ["--target", target]);
    maturin
        .words("build --release --locked --out")
        .argument(output)
        .arguments(target.iter().flatten())
        .run()?;
    let missing =
        || Error::usage(format!("maturin created no wheel in `{}`", workspace::shown(output)));
    wheels(output)?.pop().map(Some).ok_or_else(missing)
}

/// The one on `PATH`, or else that of the environment of `cargo xtask ci`.
fn maturin() -> Option<Invocation> {
    if Invocation::line("maturin --version").succeeds() {
        return Some(Invocation::new("maturin"));
    }
    RELEASE.usable().map(|python| Invocation::new(python).words("-m maturin"))
}

/// The wheels of this version in a folder.
fn wheels(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let start = format!("pet_cli-{VERSION}-");
    let mut wheels = workspace::files(folder, "whl")?;
    wheels.retain(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(&start)
    });
    Ok(wheels)
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
        let listed = Invocation::line("tar -tzf").argument(&archive);
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

    fn entries() -> [Entry; 2] {
        [
            ("program".into(), 0o755, b"run".to_vec()),
            ("folder/text".into(), 0o644, b"read".to_vec()),
        ]
    }

    #[test]
    fn packing_is_lossless_and_reproducible() {
        let bytes = compress("name", &entries()).unwrap();
        assert_eq!(bytes, compress("name", &entries()).unwrap());
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(bytes.as_slice()));
        let found = archive.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let mut contents = Vec::new();
            io::Read::read_to_end(&mut entry, &mut contents).unwrap();
            let path = entry.path().unwrap().display().to_string();
            (path, entry.header().mode().unwrap(), contents)
        });
        let expected = entries().map(|(path, mode, bytes)| (format!("name/{path}"), mode, bytes));
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn an_archive_is_replaced_with_its_checksum() {
        let folder = tempfile::tempdir().unwrap();
        write_archive(folder.path(), "name", &[]).unwrap();
        let path = write_archive(folder.path(), "name", &entries()).unwrap();
        assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 2);
        let digest = Sha256::digest(fs_err::read(path).unwrap());
        let checksum = fs_err::read_to_string(folder.path().join("name.tar.gz.sha256"));
        assert_eq!(checksum.unwrap(), format!("{digest:x}  name.tar.gz\n"));
    }

    #[test]
    fn wheels_of_this_version_are_found() {
        let folder = tempfile::tempdir().unwrap();
        assert!(wheels(&folder.path().join("none")).unwrap().is_empty());
        let wheel = folder.path().join(format!("pet_cli-{VERSION}-py3-none-any.whl"));
        for path in [&wheel, &folder.path().join("other-1-py3-none-any.whl")] {
            fs_err::write(path, "").unwrap();
        }
        assert_eq!(wheels(folder.path()).unwrap(), [wheel]);
    }
}
