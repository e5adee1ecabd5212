//! Where a run comes from.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// Where a run comes from: the program, its user, its machine and its source code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Provenance {
    /// The program, such as `pet-cli train`.
    pub source: Option<String>,
    /// The user.
    pub user: Option<String>,
    /// The command line, without passwords.
    pub command: Option<String>,
    /// Name of the machine.
    pub host: Option<String>,
    /// Operating system and processors, such as `linux x86_64, 2 CPUs`.
    pub system: Option<String>,
    /// The state of the source code.
    pub commit: Option<Commit>,
    /// Names and versions of packages that the program is built from.
    pub packages: BTreeMap<String, String>,
}

/// A state of the source code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Its hash.
    pub id: String,
    /// The branch, if one is checked out.
    pub branch: Option<String>,
    /// Whether there are uncommitted changes.
    pub dirty: bool,
}

impl Provenance {
    /// Collects user, machine and the commit of the working directory. `variable` looks up environment variables, usually
    /// `|name| std::env::var(name).ok()`.
    pub fn collect(variable: impl Fn(&str) -> Option<String>) -> Self {
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        let kernel = fs_err::read_to_string("/proc/sys/kernel/hostname").ok();
        let host = kernel.map(|name| name.trim().to_owned());
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let (kind, architecture) = (std::env::consts::OS, std::env::consts::ARCH);
        Self {
            user: variable("USER").or_else(|| variable("USERNAME")),
            host: host.or_else(|| variable("HOSTNAME")).or_else(|| variable("COMPUTERNAME")),
            system: Some(format!("{kind} {architecture}, {processors} CPUs")),
            commit: Commit::of(Path::new(".")),
            ..Self::default()
        }
    }

    /// Sets the program, such as `pet-cli train`, and its command line, which is quoted for a shell. Passwords in URLs are
    /// hidden.
    #[must_use]
    pub fn with_command(
        mut self,
        source: impl Into<String>,
        command: impl IntoIterator<Item = String>,
    ) -> Self {
        let words = command.into_iter().map(|word| quoted(&hidden(&word)));
        self.command = Some(words.collect::<Vec<_>>().join(" "));
        self.source = Some(source.into());
        self
    }

    /// Adds the versions of these packages from the text of a `Cargo.lock`, the last one if there are several.
    #[must_use]
    pub fn with_packages(mut self, lock: &str, packages: &[&str]) -> Self {
        let mut name = None;
        for line in lock.lines() {
            let value = |key: &str| {
                let value = line.strip_prefix(key)?.strip_prefix(" = \"")?;
                value.strip_suffix('"').map(str::to_owned)
            };
            if let Some(package) = value("name") {
                name = Some(package);
            } else if let (Some(version), Some(package)) = (value("version"), name.take())
                && packages.contains(&package.as_str())
            {
                self.packages.insert(package, version);
            }
        }
        self
    }

    /// The tags of a run.
    pub(crate) fn tags(&self) -> BTreeMap<String, String> {
        let mut tags = BTreeMap::new();
        let mut tag = |key: &str, value: Option<&String>| {
            tags.extend(value.map(|value| (key.to_owned(), value.clone())));
        };
        tag("command", self.command.as_ref());
        tag("host", self.host.as_ref());
        tag("system", self.system.as_ref());
        if let Some(commit) = &self.commit {
            tag("mlflow.source.git.commit", Some(&commit.id));
            tag("mlflow.source.git.branch", commit.branch.as_ref());
            tag("mlflow.source.git.dirty", Some(&commit.dirty.to_string()));
        }
        for (name, version) in &self.packages {
            tag(&format!("package.{name}"), Some(version));
        }
        tags
    }
}

impl Commit {
    /// The commit that is checked out in a folder; `None` without git or outside of a repository.
    pub fn of(folder: &Path) -> Option<Self> {
        let git = |arguments: &[&str]| {
            let mut command = Command::new("git");
            let output = command.args(arguments).current_dir(folder).output().ok()?;
            let text = String::from_utf8(output.stdout).ok()?;
            output.status.success().then(|| text.trim().to_owned())
        };
        let branch = git(&["rev-parse", "--abbrev-ref", "HEAD"])?;
        Some(Self {
            id: git(&["rev-parse", "HEAD"])?,
            // `HEAD` if no branch is checked out.
            branch: Some(branch).filter(|branch| branch != "HEAD"),
            dirty: !git(&["status", "--porcelain", "--untracked-files=no"])?.is_empty(),
        })
    }

    /// The abbreviated hash in Markdown, with a note on uncommitted changes.
    pub(crate) fn shown(&self) -> String {
        let short: String = self.id.chars().take(10).collect();
        let changes = if self.dirty { " with uncommitted changes" } else { "" };
        format!("`{short}`{changes}")
    }
}

/// Hides user and password in `scheme://user:password@host`.
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

/// Quotes an argument for a shell if necessary.
fn quoted(argument: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:=@%+,*".contains(c);
    if !argument.is_empty() && argument.chars().all(plain) {
        return argument.to_owned();
    }
    format!("'{}'", argument.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_hidden() {
        assert_eq!(hidden("http://me:se@cret@host/a@b"), "http://***@host/a@b");
        assert_eq!(hidden("--tracking-uri=https://t:oken@host"), "--tracking-uri=https://***@host");
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
    fn versions_are_read_from_a_lock_file() {
        let lock = "[[package]]\nname = \"one\"\nversion = \"1.0\"\n\n[[package]]\nname = \"two\"\nversion = \"2.0\"\n";
        let provenance = Provenance::default().with_packages(lock, &["two", "three"]);
        assert_eq!(provenance.packages, [("two".into(), "2.0".into())].into());
    }

    #[test]
    fn provenance_becomes_tags() {
        let provenance = Provenance {
            command: Some("pet-cli train".into()),
            commit: Some(Commit { id: "0123456789abcdef".into(), branch: None, dirty: true }),
            packages: [("pet-cli".into(), "0.1.0".into())].into(),
            ..Provenance::default()
        };
        let tags = provenance.tags();
        let shown: Vec<_> =
            tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(
            shown,
            [
                ("command", "pet-cli train"),
                ("mlflow.source.git.commit", "0123456789abcdef"),
                ("mlflow.source.git.dirty", "true"),
                ("package.pet-cli", "0.1.0"),
            ]
        );
        assert_eq!(provenance.commit.unwrap().shown(), "`0123456789` with uncommitted changes");
    }
}
