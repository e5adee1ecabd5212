//! Credentials: from the environment, the address, or `~/.mlflow/credentials`.

use crate::error::Result;
use crate::uri::Uri;
use percent_encoding::percent_decode_str;
use std::fmt;
use std::io;
use std::path::Path;

/// A text that `Debug` does not show.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the one place that sends it.
    #[cfg(feature = "rest")]
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

/// How a client authenticates.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Credentials {
    /// It does not.
    #[default]
    None,
    /// A user with a password (HTTP's Basic scheme).
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: Secret,
    },
    /// A token (HTTP's Bearer scheme).
    Token(Secret),
}

/// The credentials in MLflow's order: user and password, then a token. User and password come from
/// the environment, from the address (`http://user:password@host`), or from the file; each of the
/// two is looked up separately.
pub(crate) fn find(
    lookup: &impl Fn(&str) -> Option<String>,
    uri: Option<&str>,
) -> Result<Credentials> {
    let environment = (lookup("MLFLOW_TRACKING_USERNAME"), lookup("MLFLOW_TRACKING_PASSWORD"));
    let from_uri = uri.and_then(in_uri);
    let (user, password) = match (environment, from_uri) {
        ((Some(user), Some(password)), _) | (_, Some((user, password))) => {
            (Some(user), Some(password))
        }
        ((user, password), None) => {
            let (filed_user, filed_password) = in_home(lookup)?;
            (user.or(filed_user), password.or(filed_password))
        }
    };
    Ok(match (user, password, lookup("MLFLOW_TRACKING_TOKEN")) {
        (Some(user), Some(password), _) => {
            Credentials::Basic { user, password: Secret::new(password) }
        }
        (_, _, Some(token)) => Credentials::Token(Secret::new(token)),
        _ => Credentials::None,
    })
}

fn in_uri(uri: &str) -> Option<(String, String)> {
    let uri = Uri::split(uri).filter(|uri| uri.scheme.starts_with("http"))?;
    let (user, password) = uri.user?.split_once(':').unwrap_or((uri.user?, ""));
    let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    Some((decode(user), decode(password)))
}

type UserAndPassword = (Option<String>, Option<String>);

fn in_home(lookup: &impl Fn(&str) -> Option<String>) -> Result<UserAndPassword> {
    let Some(home) = lookup("HOME").or_else(|| lookup("USERPROFILE")) else {
        return Ok((None, None));
    };
    match fs_err::read_to_string(Path::new(&home).join(".mlflow/credentials")) {
        Ok(text) => Ok(in_file(&text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok((None, None)),
        Err(error) => Err(error.into()),
    }
}

/// The section `[mlflow]` of an INI file.
fn in_file(text: &str) -> UserAndPassword {
    let mut found = (None, None);
    let mut in_section = false;
    for line in text.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            in_section = section.trim_end_matches(']').trim() == "mlflow";
        } else if let (true, Some((key, value))) = (in_section, line.split_once('=')) {
            let value = Some(value.trim().to_owned());
            match key.trim().to_ascii_lowercase().as_str() {
                "mlflow_tracking_username" => found.0 = value,
                "mlflow_tracking_password" => found.1 = value,
                _ => {}
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_show() {
        let password = Secret::new("hidden");
        let shown = format!("{:?}", Credentials::Basic { user: "me".to_owned(), password });
        assert!(shown.contains("me") && !shown.contains("hidden"), "{shown}");
        let token = Credentials::Token(Secret::new("hidden"));
        assert!(!format!("{token:#?}").contains("hidden"));
    }

    #[test]
    fn only_the_right_section_of_the_file_counts() {
        let text = "[other]\nmlflow_tracking_username = no\n# comment\n\n [mlflow]\nmlflow_tracking_username = me \n; x\nMLFLOW_TRACKING_PASSWORD=a=b\nbroken";
        assert_eq!(in_file(text), (Some("me".into()), Some("a=b".into())));
        assert_eq!(in_file(""), (None, None));
    }

    #[test]
    fn the_address_may_carry_both() {
        let both = in_uri("https://me:p%40ss@host/path@x").unwrap();
        assert_eq!(both, ("me".into(), "p@ss".into()));
        assert_eq!(in_uri("http://host/path@x"), None);
    }
}
