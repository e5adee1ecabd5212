//! Where a run comes from.

use std::collections::BTreeMap;

/// What the program that trains knows about itself and its surroundings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Provenance {
    /// Who runs it.
    pub user: Option<String>,
    /// The whole command line, without passwords.
    pub command: Option<String>,
    /// Name of the machine.
    pub host: Option<String>,
    /// Kind of the machine, such as `linux x86_64, 2 CPUs`.
    pub system: Option<String>,
    /// The state of the source code.
    pub commit: Option<Commit>,
    /// Names and versions of the packages that the program is made of.
    pub packages: BTreeMap<String, String>,
}

/// A state of the source code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Its hash.
    pub id: String,
    /// The branch, if one is checked out.
    pub branch: Option<String>,
    /// Whether files differ from it.
    pub dirty: bool,
}

impl Provenance {
    /// As MLflow's tags, where it has some for it.
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
    /// For people: the first characters of the hash, and whether that is all.
    pub(crate) fn shown(&self) -> String {
        let short: String = self.id.chars().take(10).collect();
        let changes = if self.dirty {
            " with uncommitted changes"
        } else {
            ""
        };
        format!("`{short}`{changes}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_has_mlflows_tags() {
        let provenance = Provenance {
            command: Some("pet-cli train".into()),
            commit: Some(Commit {
                id: "0123456789abcdef".into(),
                branch: None,
                dirty: true,
            }),
            packages: [("pet-cli".into(), "0.1.0".into())].into(),
            ..Provenance::default()
        };
        let tags = provenance.tags();
        let shown: Vec<_> = tags
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect();
        assert_eq!(
            shown,
            [
                ("command", "pet-cli train"),
                ("mlflow.source.git.commit", "0123456789abcdef"),
                ("mlflow.source.git.dirty", "true"),
                ("package.pet-cli", "0.1.0"),
            ]
        );
        assert_eq!(
            provenance.commit.unwrap().shown(),
            "`0123456789` with uncommitted changes"
        );
    }
}
