//! The built-in model.

use pet_model::{BuiltInFile, Results};

/// The committed model, from the build script; empty without the feature `built-in-model`.
static FILES: &[BuiltInFile] = include!(concat!(env!("OUT_DIR"), "/built_in.rs"));

/// The built-in model, if there is one.
pub(super) fn results() -> Option<Results> {
    (!FILES.is_empty()).then_some(Results::BuiltIn(FILES))
}

#[cfg(test)]
mod tests {
    use pet_model::{
        CARD_FILE, CONFUSION_FILE, CURVES_FILE, INT8_MODEL_FILE, METRICS_FILE, MODEL_FILE,
        SELECTION_FILE,
    };

    use super::*;

    #[test]
    fn the_built_in_model_is_the_committed_one() {
        let committed = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../results");
        let committed = Results::from(committed);
        let expected = cfg!(feature = "built-in-model")
            && [INT8_MODEL_FILE, MODEL_FILE].iter().any(|name| committed.contains(name));
        assert_eq!(results().is_some(), expected);
        let known = [
            INT8_MODEL_FILE,
            MODEL_FILE,
            METRICS_FILE,
            SELECTION_FILE,
            CURVES_FILE,
            CONFUSION_FILE,
            CARD_FILE,
        ];
        for (name, bytes) in FILES {
            assert!(known.contains(name), "{name}");
            assert!(committed.read(name).unwrap() == *bytes, "{name} differs");
        }
    }
}
