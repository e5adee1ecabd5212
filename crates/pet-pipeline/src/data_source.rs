//! Where the images of a training come from.

use std::path::{Path, PathBuf};

use pet_data::{Dataset, Progress, folder, oxford, sample};
use pet_image::Limits;
use pet_train::Interrupt;
use serde::{Deserialize, Serialize};

use crate::check::DuplicateImages;
use crate::error::Error;

/// Where the images come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum DataSource {
    /// A folder of class folders; see [`pet_data::folder`].
    Folder(PathBuf),
    /// The generated sample, created in this folder if it is missing.
    Sample(PathBuf),
    /// The Oxford-IIIT Pet data set in this folder.
    OxfordIiitPet(PathBuf),
    /// The Oxford-IIIT Pet data set in this folder, downloaded if it is missing.
    OxfordIiitPetOrDownload(PathBuf),
}

impl DataSource {
    /// Checks that the folder exists, unless the data set would be drawn or downloaded, so that a mistyped name is reported
    /// before anything else.
    ///
    /// # Errors
    ///
    /// [`pet_data::Error::NoFolder`] if it does not.
    pub fn check(&self) -> Result<(), pet_data::Error> {
        match self {
            Self::Folder(root) | Self::OxfordIiitPet(root) if !root.is_dir() => {
                Err(pet_data::Error::NoFolder { root: root.clone() })
            }
            _ => Ok(()),
        }
    }

    /// Whether opening the data set would generate or download images.
    pub(crate) fn is_to_be_made(&self) -> bool {
        match self {
            Self::Sample(root) | Self::OxfordIiitPetOrDownload(root) => !root.exists(),
            Self::Folder(_) | Self::OxfordIiitPet(_) => false,
        }
    }

    /// Opens the data set, after drawing or downloading it if need be.
    ///
    /// # Errors
    ///
    /// When it is not there, or is not what it should be.
    pub fn load(&self, progress: &dyn Progress) -> Result<Dataset, pet_data::Error> {
        self.load_by(folder::load, progress)
    }

    /// [`load`](Self::load) for a check that reports the classes without training images.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub fn load_to_check(&self, progress: &dyn Progress) -> Result<Dataset, pet_data::Error> {
        self.load_by(folder::load_to_check, progress)
    }

    /// [`load`](Self::load) for images that are only predicted: one class folder is enough.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub fn load_to_predict(&self, progress: &dyn Progress) -> Result<Dataset, pet_data::Error> {
        self.load_by(folder::load_any, progress)
    }

    /// Opens the data set, a folder by `read`, and reports what was skipped in it.
    fn load_by(
        &self,
        read: fn(&Path) -> Result<Dataset, pet_data::Error>,
        progress: &dyn Progress,
    ) -> Result<Dataset, pet_data::Error> {
        match self {
            Self::Folder(root) => {
                let dataset = read(root)?;
                if !dataset.left_out.is_empty() {
                    let (root, left_out) = (root.display(), &dataset.left_out);
                    progress.message(&format!("skipped in `{root}`: {left_out}"));
                }
                Ok(dataset)
            }
            Self::Sample(root) => sample::generate(root, &sample::Options::default()),
            Self::OxfordIiitPet(root) => oxford::load(root),
            Self::OxfordIiitPetOrDownload(root) => {
                if !root.exists() {
                    progress.message("downloading the Oxford-IIIT Pet data set (about 800 MB)");
                    oxford::download(root, progress)?;
                }
                oxford::load(root)
            }
        }
    }

    /// The duplicates in the data set; none for the generated sample, whose images are similar by design.
    ///
    /// # Errors
    ///
    /// As [`DuplicateImages::find`].
    pub fn duplicates(
        &self,
        dataset: &Dataset,
        digest: &str,
        cache: &Path,
        limits: &Limits,
        interrupt: &Interrupt,
        progress: &dyn Progress,
    ) -> Result<DuplicateImages, Error> {
        if self.has_similar_images() {
            return Ok(DuplicateImages::default());
        }
        DuplicateImages::find(dataset, digest, cache, limits, interrupt, progress)
    }

    /// Whether different images are similar by design, as in the generated sample.
    pub(crate) fn has_similar_images(&self) -> bool {
        matches!(self, Self::Sample(_))
    }

    /// The default name of the registered model. It depends on the data set, so that models of different data sets don't
    /// become versions of the same model.
    pub fn model_name(&self) -> String {
        let root = match self {
            Self::OxfordIiitPet(_) | Self::OxfordIiitPetOrDownload(_) => {
                return "oxford_pet_classifier".into();
            }
            Self::Sample(_) => return "sample_pet_classifier".into(),
            Self::Folder(root) => std::path::absolute(root).unwrap_or_else(|_| root.clone()),
        };
        let name = root.file_name().unwrap_or_default().to_string_lossy();
        let words = name.split(|letter: char| !letter.is_alphanumeric());
        let words = words.filter(|word| !word.is_empty()).map(str::to_lowercase);
        let name = words.collect::<Vec<_>>().join("_");
        format!("{}_classifier", if name.is_empty() { "folder" } else { &name })
    }
}

#[cfg(test)]
mod tests {
    use mlflow_client::limits::check_model_name;

    use super::*;

    #[test]
    fn each_data_set_has_its_own_valid_model_name() {
        let folder = |path: &str| DataSource::Folder(path.into()).model_name();
        assert_eq!(folder("/data/My Photos (2024)/"), "my_photos_2024_classifier");
        assert_eq!(folder("/data/a:b"), "a_b_classifier");
        assert_eq!(folder("/"), "folder_classifier");
        let names = [
            folder("pets"),
            DataSource::Sample("pets".into()).model_name(),
            DataSource::OxfordIiitPet("pets".into()).model_name(),
        ];
        assert_eq!(names[2], "oxford_pet_classifier");
        assert_ne!(names[0], names[1]);
        for name in names {
            check_model_name(&name).unwrap();
        }
    }

    #[test]
    fn the_generated_sample_has_no_duplicates() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("pets");
        let source = DataSource::Sample(root.clone());
        let dataset = source.load(&pet_data::Silent).unwrap();
        let groups = |source: &DataSource| {
            let (cache, stop) = (place.path().join("cache"), Interrupt::default());
            let (limits, silent) = (Limits::default(), pet_data::Silent);
            let found = source.duplicates(&dataset, "digest", &cache, &limits, &stop, &silent);
            found.unwrap().groups().len()
        };
        assert_eq!(groups(&source), 0);
        assert!(groups(&DataSource::Folder(root)) > 0);
    }
}
