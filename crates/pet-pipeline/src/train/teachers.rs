//! Exported models as teachers. pet-train does not depend on ONNX Runtime.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pet_image::Preprocess;
use pet_predict::{ImagePredictor, Options, Precision, Runtime, SearchPaths};
use pet_train::Teacher;
use sha2::{Digest, Sha256};

use crate::error::Error;

/// Models for knowledge distillation.
#[derive(Default)]
pub(super) struct Teachers {
    pub(super) models: Vec<Arc<dyn Teacher>>,
    /// The SHA-256 of each model's file.
    pub(super) digests: Vec<String>,
}

impl Teachers {
    /// Loads the models in these folders. Their classes must be equal to `classes`.
    pub(super) fn load(
        folders: &[PathBuf],
        libraries: &SearchPaths,
        classes: &[String],
    ) -> Result<Self, Error> {
        let mut teachers = Self::default();
        for folder in folders {
            let predictor = open(folder, libraries).map_err(|source| Error::Teacher {
                path: folder.clone(),
                source: Box::new(source),
            })?;
            check_classes(folder, classes, &predictor.metadata().classes)?;
            let digest = Sha256::digest(predictor.model().bytes());
            teachers.digests.push(format!("{digest:x}"));
            teachers.models.push(Arc::new(Exported(predictor)));
        }
        Ok(teachers)
    }
}

fn open(folder: &Path, libraries: &SearchPaths) -> Result<ImagePredictor, pet_predict::Error> {
    if !folder.exists() {
        let path = folder.to_owned();
        return Err(pet_predict::Error::NoModel { path });
    }
    let runtime = Runtime::load(libraries)?;
    // Quantization errors should not be learned.
    let options = Options::default().with_precision(Some(Precision::Fp32));
    ImagePredictor::load(&runtime, folder, &options)
}

fn check_classes(folder: &Path, expected: &[String], got: &[String]) -> Result<(), Error> {
    let Some(difference) = pet_model::class_difference(expected, got) else {
        return Ok(());
    };
    let (expected, got) = difference.describe();
    Err(Error::TeacherClasses { path: folder.to_owned(), expected, got })
}

/// An exported model. Each session uses a single thread, so that the output is reproducible.
#[derive(Debug)]
struct Exported(ImagePredictor);

impl Teacher for Exported {
    fn recipe(&self) -> &Preprocess {
        &self.0.metadata().preprocess
    }

    /// Calibrates the logits, so that overconfident teachers don't outweigh the others.
    fn answer(&self, input: &[f32]) -> Result<Vec<f32>, Box<dyn std::error::Error + Send + Sync>> {
        let temperature = self.0.metadata().temperature() as f32;
        let mut logits = self.0.run_tensor(input, 1)?;
        for logit in &mut logits {
            *logit /= temperature;
        }
        Ok(logits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_classes_are_reported() {
        let list = |names: &[&str]| names.iter().map(|name| (*name).into()).collect::<Vec<_>>();
        let check = |got: &[&str]| {
            let checked = check_classes(Path::new("old"), &list(&["Beagle", "Pug"]), &list(got));
            checked.map_err(|error| error.to_string())
        };
        assert_eq!(check(&["Beagle", "Pug"]), Ok(()));
        let error = check(&["Beagle", "Birman"]).unwrap_err();
        assert!(error.contains("`old`"), "{error}");
        let expected = "expected `Pug` as class 1, got `Birman` as class 1";
        assert!(error.contains(expected), "{error}");
        assert!(check(&["Beagle"]).unwrap_err().contains("got 1 classes"));
    }
}
