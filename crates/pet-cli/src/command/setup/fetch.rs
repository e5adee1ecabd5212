//! Downloads through package managers, and members of archives.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use fs_err as fs;
use sha2::{Digest, Sha256};

use super::error::Error;

/// The first attempt that succeeds; the others are not made.
pub(super) fn first<T>(
    what: &'static str,
    attempts: impl Iterator<Item = Result<T, Error>>,
    hint: &'static str,
) -> Result<T, Error> {
    let mut failures = Vec::new();
    for attempt in attempts {
        match attempt {
            Ok(value) => return Ok(value),
            Err(error) => failures.push(error.in_one_line()),
        }
    }
    Err(Error::Unavailable {
        what,
        attempts: failures,
        hint,
    })
}

/// Fails if nothing can be written into a folder, which is better known before a download than after it.
pub(super) fn check_writable(folder: &Path) -> Result<(), Error> {
    fs::create_dir_all(folder)?;
    tempfile::Builder::new().tempfile_in(folder)?;
    Ok(())
}

/// Lets a package manager put one file into `folder`; the file.
pub(super) fn download(program: &str, arguments: &[&str], folder: &Path) -> Result<PathBuf, Error> {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .output()
        .map_err(|source| Error::Program {
            program: program.into(),
            source,
        })?;
    if !output.status.success() {
        return Err(Error::ProgramFailed {
            program: program.into(),
            message: complaint(program, &String::from_utf8_lossy(&output.stderr)),
        });
    }
    let file = fs::read_dir(folder)?.next().transpose()?;
    file.map(|entry| entry.path())
        .ok_or_else(|| Error::NoDownload {
            program: program.into(),
        })
}

/// The line that tells most: npm begins with what went wrong, others end with it.
fn complaint(program: &str, text: &str) -> String {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let line = if program == "npm" {
        lines.next()
    } else {
        lines.next_back()
    };
    line.unwrap_or("it did not say why").trim().to_owned()
}

/// `pip download` of one wheel, for another platform than pip's own if need be.
pub(super) fn wheel(requirement: &str, options: &[&str], folder: &Path) -> Result<PathBuf, Error> {
    let pip = "-m pip download --quiet --no-deps --only-binary=:all: --disable-pip-version-check --dest .";
    let mut arguments: Vec<&str> = pip.split(' ').collect();
    arguments.extend(options);
    arguments.push(requirement);
    download("python3", &arguments, folder)
}

/// Fails unless the file has this SHA-256.
pub(super) fn check_digest(name: &str, bytes: &[u8], expected: &'static str) -> Result<(), Error> {
    let got = format!("{:x}", Sha256::digest(bytes));
    if got == expected {
        Ok(())
    } else {
        Err(Error::Digest {
            name: name.into(),
            expected,
            got,
        })
    }
}

/// Reads a downloaded file and checks its SHA-256.
pub(super) fn read_checked(path: &Path, expected: &'static str) -> Result<Vec<u8>, Error> {
    let bytes = fs::read(path)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    check_digest(&name, &bytes, expected)?;
    Ok(bytes)
}

/// One member of a zip archive (a wheel), at most `limit` bytes.
pub(super) fn zip_member(
    path: &Path,
    bytes: &[u8],
    member: &str,
    limit: u64,
) -> Result<Vec<u8>, Error> {
    let refuse = |source: zip::result::ZipError| Error::Archive {
        path: path.to_owned(),
        source: Box::new(source),
    };
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).map_err(refuse)?;
    let file = archive.by_name(member).map_err(refuse)?;
    read_member(file, member, limit)
}

/// One member of a gzipped tar archive (an npm package), at most `limit` bytes.
pub(super) fn tar_member(
    path: &Path,
    bytes: &[u8],
    member: &str,
    limit: u64,
) -> Result<Vec<u8>, Error> {
    let refuse = |source: std::io::Error| Error::Archive {
        path: path.to_owned(),
        source: Box::new(source),
    };
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(bytes));
    for entry in archive.entries().map_err(refuse)? {
        let entry = entry.map_err(refuse)?;
        if entry.path().map_err(refuse)? == Path::new(member) {
            return read_member(entry, member, limit);
        }
    }
    Err(Error::NoMember {
        member: member.into(),
    })
}

fn read_member(reader: impl Read, member: &str, limit: u64) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    reader.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(Error::MemberTooLarge {
            member: member.into(),
            expected: limit,
        });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_not_there_or_fails_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let missing = download("no-such-program", &[], folder.path()).unwrap_err();
        assert_eq!(missing.to_string(), "cannot run `no-such-program`");
        let failed = download(
            "sh",
            &["-c", "echo first >&2; echo why >&2; exit 3"],
            folder.path(),
        );
        assert_eq!(failed.unwrap_err().to_string(), "`sh` failed: why");
        let text = "npm error code E404\nnpm error A complete log is elsewhere\n\n";
        assert_eq!(complaint("npm", text), "npm error code E404");
        let silent = download("true", &[], folder.path()).unwrap_err();
        assert!(matches!(silent, Error::NoDownload { .. }));
    }

    #[test]
    fn another_digest_is_refused_with_both() {
        let error = check_digest("wheel", b"abc", "00ff")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("00ff") && error.contains("ba7816bf"),
            "{error}"
        );
        assert!(check_digest("wheel", b"abc", "ba7816bf").is_err());
        let whole = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert!(check_digest("wheel", b"abc", whole).is_ok());
    }

    #[test]
    fn a_member_larger_than_allowed_is_refused() {
        assert!(read_member(&[0u8; 10][..], "m", 10).is_ok());
        assert!(matches!(
            read_member(&[0u8; 11][..], "m", 10),
            Err(Error::MemberTooLarge { .. })
        ));
    }

    #[test]
    fn an_archive_that_is_none_is_named() {
        let error = zip_member(Path::new("x.whl"), b"not a zip", "m", 10).unwrap_err();
        assert_eq!(error.to_string(), "cannot read the archive `x.whl`");
        assert!(tar_member(Path::new("x.tgz"), b"not a tar", "m", 10).is_err());
    }
}
