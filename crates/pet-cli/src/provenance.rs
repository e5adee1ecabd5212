//! What this program knows about itself and where it runs.

use std::collections::BTreeMap;
use std::process::Command;

use pet_pipeline::{Commit, Provenance};

/// The packages as they were locked when this program was built.
const LOCK: &str = include_str!("../../../Cargo.lock");

/// Packages that the numbers of a training depend on.
const PACKAGES: [&str; 6] = [
    "candle-core",
    "fast_image_resize",
    "gemm",
    "pet-cli",
    "pet-image",
    "pet-train",
];

/// Who runs which code with which arguments on which machine.
pub(crate) fn of_this_process() -> Provenance {
    Provenance {
        user: variable("USER").or_else(|| variable("USERNAME")),
        command: Some(command()),
        host: host(),
        system: Some(system()),
        commit: commit(),
        packages: packages(LOCK),
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The command line, with the program's name alone and without passwords in addresses.
fn command() -> String {
    let arguments = std::env::args()
        .skip(1)
        .map(|argument| quoted(&hidden(&argument)));
    std::iter::once("pet-cli".to_owned())
        .chain(arguments)
        .collect::<Vec<_>>()
        .join(" ")
}

/// `scheme://user:password@host` without what stands before the `@`.
fn hidden(argument: &str) -> String {
    let Some((scheme, rest)) = argument.split_once("://") else {
        return argument.to_owned();
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        Some(at) => format!("{scheme}://***{}", &rest[at..]),
        None => argument.to_owned(),
    }
}

/// As a shell would have to be told it.
fn quoted(argument: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:=@%+,*".contains(c);
    if !argument.is_empty() && argument.chars().all(plain) {
        return argument.to_owned();
    }
    format!("'{}'", argument.replace('\'', r"'\''"))
}

fn host() -> Option<String> {
    let kernel = fs_err::read_to_string("/proc/sys/kernel/hostname").ok();
    kernel
        .map(|name| name.trim().to_owned())
        .or_else(|| variable("HOSTNAME"))
        .or_else(|| variable("COMPUTERNAME"))
}

fn system() -> String {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let (kind, architecture) = (std::env::consts::OS, std::env::consts::ARCH);
    format!("{kind} {architecture}, {processors} CPUs")
}

/// The commit that is checked out here; none without git, or outside of a repository.
fn commit() -> Option<Commit> {
    let branch = git(&["rev-parse", "--abbrev-ref", "HEAD"])?;
    Some(Commit {
        id: git(&["rev-parse", "HEAD"])?,
        // Git says `HEAD` where a commit is checked out by itself.
        branch: Some(branch).filter(|branch| branch != "HEAD"),
        dirty: !git(&["status", "--porcelain", "--untracked-files=no"])?.is_empty(),
    })
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// The versions of [`PACKAGES`] in a lock file; of several the last.
fn packages(lock: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut name = None;
    for line in lock.lines() {
        let value = |key: &str| {
            let value = line.strip_prefix(key)?.strip_prefix(" = \"")?;
            value.strip_suffix('"').map(str::to_owned)
        };
        if let Some(package) = value("name") {
            name = Some(package);
        } else if let (Some(version), Some(package)) = (value("version"), name.take())
            && PACKAGES.contains(&package.as_str())
        {
            found.insert(package, version);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_hidden() {
        assert_eq!(hidden("http://me:se@cret@host/a@b"), "http://***@host/a@b");
        assert_eq!(
            hidden("--tracking-uri=https://t:oken@host"),
            "--tracking-uri=https://***@host"
        );
        assert_eq!(hidden("http://host/a@b"), "http://host/a@b");
        assert_eq!(hidden("plain@text"), "plain@text");
    }

    #[test]
    fn arguments_are_quoted_for_a_shell() {
        assert_eq!(quoted("--epochs=5"), "--epochs=5");
        assert_eq!(quoted("my cat's"), r"'my cat'\''s'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn every_package_is_in_the_lock_file() {
        let found = packages(LOCK);
        assert_eq!(
            found.keys().map(String::as_str).collect::<Vec<_>>(),
            PACKAGES
        );
        assert_eq!(found["pet-cli"], env!("CARGO_PKG_VERSION"));
    }
}
