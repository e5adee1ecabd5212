//! What the image says of itself.

use std::path::Path;

use crate::invocation::Invocation;

/// What is not known is said to be so.
const UNKNOWN: &str = "unknown";

/// What is written on the image.
#[derive(Debug, PartialEq)]
pub(super) struct Labels {
    revision: String,
    model_version: String,
    val_acc: String,
}

impl Labels {
    /// The labels of an image with the model in `results`.
    pub(super) fn of(results: &Path) -> Self {
        let selection = fs_err::read_to_string(results.join("selection.json"));
        let selection = selection.unwrap_or_default();
        let selection = serde_json::from_str(&selection).unwrap_or_default();
        Self {
            revision: revision(),
            model_version: field(&selection, "version"),
            val_acc: field(&selection, "val_acc"),
        }
    }

    /// The arguments of docker/Dockerfile.
    pub(super) fn build_arguments(&self) -> [(&'static str, &str); 4] {
        [
            ("VERSION", env!("CARGO_PKG_VERSION")),
            ("REVISION", &self.revision),
            ("MODEL_VERSION", &self.model_version),
            ("MODEL_VAL_ACC", &self.val_acc),
        ]
    }
}

/// The commit that is checked out.
fn revision() -> String {
    let head = Invocation::new("git").arguments(["rev-parse", "HEAD"]);
    match head.output() {
        Ok(commit) => commit.trim().to_owned(),
        Err(_) => UNKNOWN.to_owned(),
    }
}

fn field(selection: &serde_json::Value, name: &str) -> String {
    match selection.get(name) {
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(serde_json::Value::Number(number)) => number.to_string(),
        _ => UNKNOWN.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_is_described_by_its_selection() {
        let folder = tempfile::tempdir().unwrap();
        let labels = || Labels::of(folder.path());
        assert_eq!(labels().model_version, UNKNOWN);
        let selection = r#"{"version": "12", "val_acc": 0.9375, "candidates": []}"#;
        fs_err::write(folder.path().join("selection.json"), selection).unwrap();
        assert_eq!(labels().model_version, "12");
        assert_eq!(labels().val_acc, "0.9375");
    }
}
