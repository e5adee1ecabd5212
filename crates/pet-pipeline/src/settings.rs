//! Settings of a training, which are stored in checkpoints.

use std::path::{Path, PathBuf};

use mlflow_client::limits::check_model_name;
use pet_data::{Dataset, Progress, Split, folder, oxford, sample};
use pet_image::{Augment, Limits, Preprocess, Resize};
use pet_train::network::Architecture;
use pet_train::{Configuration, FineTune, Interrupt};
use serde::{Deserialize, Serialize};

use crate::check::{DuplicateImages, ExcludedImages};
use crate::error::Error;
use crate::train::Refit;

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
                let root = root.clone();
                Err(pet_data::Error::NoFolder { root })
            }
            _ => Ok(()),
        }
    }

    /// Whether opening the data set would generate or download images.
    fn is_to_be_made(&self) -> bool {
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
        match self {
            Self::Folder(root) => folder::load(root).inspect(|dataset| skipped(dataset, progress)),
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

    /// [`load`](Self::load) for a check that reports the classes without training images.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub fn load_to_check(&self, progress: &dyn Progress) -> Result<Dataset, pet_data::Error> {
        match self {
            Self::Folder(root) => {
                folder::load_to_check(root).inspect(|dataset| skipped(dataset, progress))
            }
            other => other.load(progress),
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
        if matches!(self, Self::Sample(_)) {
            return Ok(DuplicateImages::default());
        }
        DuplicateImages::find(dataset, digest, cache, limits, interrupt, progress)
    }

    /// The added images to exclude from training: unreadable ones, and copies of test images and of the validation images
    /// of these splits. In the generated sample, only identical images count as copies.
    pub(crate) fn excluded_images(
        &self,
        dataset: &Dataset,
        splits: &[Split],
        limits: &Limits,
        interrupt: &Interrupt,
        progress: &dyn Progress,
    ) -> Result<ExcludedImages, Error> {
        let identical = matches!(self, Self::Sample(_));
        ExcludedImages::find(dataset, splits, identical, limits, interrupt, progress)
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
        let parts = name.split(|letter: char| !letter.is_alphanumeric());
        let parts: Vec<String> =
            parts.filter(|part| !part.is_empty()).map(str::to_lowercase).collect();
        let name = parts.join("_");
        let name = if name.is_empty() { "folder" } else { &name };
        format!("{name}_classifier")
    }
}

/// Reports what was skipped in a folder.
fn skipped(dataset: &Dataset, progress: &dyn Progress) {
    if !dataset.left_out.is_empty() {
        let (root, left_out) = (dataset.root.display(), &dataset.left_out);
        progress.message(&format!("skipped in `{root}`: {left_out}"));
    }
}

/// Everything that determines the result of a training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct TrainSettings {
    /// Where the images come from.
    pub data: DataSource,
    /// Folders with additional training images; see [`Dataset::adding`].
    #[serde(default)]
    pub additions: Vec<PathBuf>,
    /// Share of the training images that is used for validation, 0 to 1, unless the data set has validation images.
    pub validation_fraction: f64,
    /// Whether duplicates are kept on one side of the split.
    #[serde(default)]
    pub group_duplicates: bool,
    /// Pretrained weights: `.pt`, `.pth` or `.safetensors`. They determine the network.
    pub backbone: PathBuf,
    /// Preprocessing for serving. Its normalization must be that of the pretraining.
    pub recipe: Preprocess,
    /// Image size for training in pixels, if it differs from the recipe's. Only for [`FineTune::All`].
    pub train_size: Option<u32>,
    /// Data augmentation.
    pub augment: Augment,
    /// Hyper-parameters.
    pub configuration: Configuration,
    /// Exported models for knowledge distillation: ONNX models or folders with one. Only for [`FineTune::All`].
    #[serde(default)]
    pub teachers: Vec<PathBuf>,
    /// The finished run whose recipe is trained again on all images.
    #[serde(default)]
    pub refit: Option<Refit>,
    /// MLflow experiment.
    pub experiment: String,
    /// Name in the model registry.
    pub model_name: String,
}

impl TrainSettings {
    /// Settings with default hyper-parameters that train only the head, and with the recipe of MobileNetV2;
    /// [`Architecture::recipe`] has those of other networks.
    pub fn new(data: DataSource, backbone: impl Into<PathBuf>) -> Self {
        Self {
            data,
            additions: Vec::new(),
            validation_fraction: 0.2,
            group_duplicates: false,
            backbone: backbone.into(),
            recipe: Preprocess::imagenet(),
            train_size: None,
            augment: Augment::standard(),
            configuration: Configuration::default(),
            teachers: Vec::new(),
            refit: None,
            experiment: "Default".into(),
            model_name: "classifier".into(),
        }
    }

    /// Loads the data set after validating the settings.
    ///
    /// # Errors
    ///
    /// [`Error::Train`], [`Error::Store`], [`Error::TrainSize`], [`Error::FrozenStudent`] or [`Error::NoBackbone`] for
    /// invalid settings, [`Error::Data`] for a data set that cannot be used.
    pub fn load(&self, progress: &dyn Progress) -> Result<Dataset, Error> {
        self.configuration.check()?;
        check_model_name(&self.model_name)?;
        self.train_recipe()?;
        if !self.teachers.is_empty() && self.configuration.fine_tune != FineTune::All {
            return Err(Error::FrozenStudent);
        }
        // A download must not be for nothing. Otherwise a mistyped folder is reported first.
        if self.data.is_to_be_made() {
            self.check_backbone()?;
        }
        let dataset = self.data.load(progress)?;
        let dataset = dataset.adding(&self.additions, progress)?;
        self.check_backbone()?;
        Ok(dataset)
    }

    fn check_backbone(&self) -> Result<(), Error> {
        if self.backbone.is_file() {
            return Ok(());
        }
        let path = self.backbone.clone();
        Err(Error::NoBackbone { path })
    }

    /// Splits the data set into training and validation images. With [`group_duplicates`](Self::group_duplicates), keeps
    /// duplicates on one side.
    ///
    /// # Errors
    ///
    /// [`Error::EmptySplit`] without validation images, [`Error::Data`] for an invalid fraction.
    pub fn split(&self, dataset: &Dataset, duplicates: &DuplicateImages) -> Result<Split, Error> {
        let seed = self.configuration.seed;
        let groups = self.groups(duplicates);
        let split = dataset.split_grouped(self.validation_fraction, seed, groups)?;
        if split.validation.is_empty() {
            return Err(Error::EmptySplit {
                dataset: dataset.name.clone(),
                split: "validation".into(),
            });
        }
        Ok(split)
    }

    /// The groups of images to keep on one side of a split.
    pub(crate) fn groups<'s>(&self, duplicates: &'s DuplicateImages) -> &'s [Vec<PathBuf>] {
        if self.group_duplicates { duplicates.groups() } else { &[] }
    }

    /// Checks that the recipe has the normalization that the network was pretrained with.
    pub(crate) fn check_normalization(&self, network: &Architecture) -> Result<(), Error> {
        let constants = |recipe: &Preprocess| (recipe.mean, recipe.standard_deviation);
        let (expected, got) = (constants(&network.recipe), constants(&self.recipe));
        if expected == got {
            return Ok(());
        }
        Err(Error::Normalization { network: network.title, expected, got })
    }

    /// The recipe for training images.
    pub(crate) fn train_recipe(&self) -> Result<Preprocess, Error> {
        match self.train_size {
            None => Ok(self.recipe.clone()),
            Some(size) if self.configuration.fine_tune == FineTune::All => {
                Ok(self.recipe.with_size(size))
            }
            Some(size) => Err(Error::TrainSize { size }),
        }
    }

    /// A short description of the recipe.
    pub(crate) fn recipe_name(&self) -> String {
        match self.recipe.resize {
            Resize::Stretch { size } => format!("stretch {size}"),
            Resize::CenterCrop { resize, size } => {
                format!("resize {resize}, center crop {size}")
            }
        }
    }

    /// A short description of the augmentation that is used; cached features can only be mirrored.
    pub(crate) fn augment_name(&self) -> String {
        let size = self.train_size.unwrap_or(self.recipe.size());
        let augment = &self.augment;
        match self.configuration.fine_tune {
            FineTune::None => "none".into(),
            FineTune::All if *augment == Augment::none() => format!("size {size}"),
            _ if *augment == Augment::none() => "none".into(),
            FineTune::Last(_) => "mirror".into(),
            FineTune::All => {
                let standard = format!(
                    "crop {:?} to {size}, ratio {:?}, mirror {}, brightness {}, contrast {}, saturation {}",
                    augment.scale,
                    augment.ratio,
                    augment.flip,
                    augment.brightness,
                    augment.contrast,
                    augment.saturation
                );
                let (operations, magnitude) = (augment.operations, augment.magnitude);
                let operations =
                    (operations > 0).then(|| format!("operations {operations}:{magnitude}"));
                let erased = (augment.erase > 0.0).then(|| format!("erase {}", augment.erase));
                let parts = [Some(standard), operations, erased].into_iter().flatten();
                parts.collect::<Vec<_>>().join(", ")
            }
        }
    }
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn the_normalization_must_be_that_of_the_network() {
        let mut settings = TrainSettings::new(DataSource::Folder("pets".into()), "weights.pt");
        let network = |name| Architecture::named(name).unwrap();
        settings.check_normalization(network("mobilenet_v2")).unwrap();
        let lite = network("efficientnet_lite0");
        let error = settings.check_normalization(lite).unwrap_err();
        assert!(error.to_string().starts_with("EfficientNet-Lite0 expects"), "{error}");
        settings.recipe = lite.recipe.with_size(192);
        settings.check_normalization(lite).unwrap();
    }
}
