//! Arguments that several subcommands share.

use std::num::NonZero;
#[cfg(feature = "training")]
use std::path::Path;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
#[cfg(feature = "training")]
use pet_data::{Dataset, Progress, Split};
use pet_image::Limits;
use pet_predict::Precision;
#[cfg(feature = "training")]
use pet_train::{Interrupt, network::Architecture};

#[cfg(feature = "training")]
use crate::failure::Failure;

/// Where the images are.
#[cfg(feature = "training")]
#[derive(Args, Clone)]
pub(crate) struct SourceArguments {
    /// The data set
    #[arg(long, value_enum, default_value_t = DatasetKind::OxfordIiitPet)]
    pub(crate) dataset: DatasetKind,
    /// Folder of the data set [default: data/DATASET, created when it is missing]
    #[arg(long, value_name = "DIR", required_if_eq("dataset", "folder"))]
    pub(crate) data_dir: Option<PathBuf>,
}

/// Which images to work on.
#[cfg(feature = "training")]
#[derive(Args, Clone)]
pub(crate) struct DatasetArguments {
    #[command(flatten)]
    pub(crate) source: SourceArguments,
    /// Share of the training images that is kept for validation, unless the data set has images for it
    #[arg(long, value_name = "SHARE", default_value_t = 0.2)]
    pub(crate) validation_fraction: f64,
    /// Keep pictures that show the same on one side of the split
    #[arg(long)]
    pub(crate) group_duplicates: bool,
}

#[cfg(feature = "training")]
impl DatasetArguments {
    /// The images to train and to validate on, as training with these options divides them.
    pub(crate) fn split(
        &self,
        dataset: &Dataset,
        seed: u64,
        cache: &CacheArgument,
        progress: &dyn Progress,
    ) -> Result<Split, Failure> {
        let fraction = self.validation_fraction;
        if !self.group_duplicates {
            return Ok(dataset.split(fraction, seed)?);
        }
        let (digest, stop) = (dataset.digest()?, Interrupt::default());
        let source = self.source.data();
        let same = source.same_pictures(dataset, &digest, &cache.cache_dir, &stop, progress)?;
        Ok(dataset.split_grouped(fraction, seed, same.groups())?)
    }
}

#[cfg(feature = "training")]
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum DatasetKind {
    /// Simple pictures of cats and dogs, drawn by this program
    Sample,
    /// The Oxford-IIIT Pet photographs; downloaded when there is no folder
    OxfordIiitPet,
    /// Any folder of class folders
    Folder,
}

#[cfg(feature = "training")]
impl SourceArguments {
    /// Where the images come from.
    pub(crate) fn data(&self) -> pet_pipeline::DataSource {
        use pet_pipeline::DataSource;
        let named = |name: &str| {
            let folder = self.data_dir.clone();
            folder.unwrap_or_else(|| PathBuf::from("data").join(name))
        };
        match self.dataset {
            DatasetKind::Sample => DataSource::Sample(named("sample")),
            DatasetKind::Folder => DataSource::Folder(named("folder")),
            // A folder that was named but is not there is a mistake, not a wish for a download.
            DatasetKind::OxfordIiitPet if self.data_dir.is_some() => {
                DataSource::OxfordIiitPet(named("oxford-iiit-pet"))
            }
            DatasetKind::OxfordIiitPet => {
                DataSource::OxfordIiitPetOrDownload(named("oxford-iiit-pet"))
            }
        }
    }
}

/// Where runs and models are recorded.
#[cfg(feature = "training")]
#[derive(Args, Clone)]
pub(crate) struct TrackingArguments {
    /// An MLflow server (http://…) or a local database (sqlite:///…) [default: `MLFLOW_TRACKING_URI`, else ./mlflow.db]
    #[arg(long, value_name = "URI", global = true)]
    pub(crate) tracking_uri: Option<String>,
}

/// Which registered model.
#[cfg(feature = "training")]
#[derive(Args, Clone)]
pub(crate) struct ModelNameArgument {
    /// Name in the model registry [default: when training, one for each data set; else the only one registered]
    #[arg(long, value_name = "NAME")]
    pub(crate) model_name: Option<String>,
}

/// Where the served files are.
#[derive(Args, Clone)]
pub(crate) struct ResultsArgument {
    /// Folder of the served model
    #[arg(
        long,
        value_name = "DIR",
        default_value = "results",
        env = "PET_RESULTS"
    )]
    pub(crate) results: PathBuf,
}

/// Where downloads and computed features are kept.
#[derive(Args, Clone)]
pub(crate) struct CacheArgument {
    /// Folder of downloads and computed features
    #[arg(
        long,
        value_name = "DIR",
        default_value = ".cache",
        env = "PET_CACHE_DIR"
    )]
    pub(crate) cache_dir: PathBuf,
}

impl CacheArgument {
    /// Folder of ONNX Runtime, with a folder for each version.
    pub(crate) fn runtime_folder(&self) -> PathBuf {
        self.cache_dir.join("onnxruntime")
    }

    /// The file of a backbone's weights, which was given by the backbone's name or as a file. With the backbone, where
    /// that is known by its name.
    #[cfg(feature = "training")]
    pub(crate) fn weights(&self, given: &Path) -> (PathBuf, Option<&'static Architecture>) {
        let network = given.to_str().and_then(Architecture::named);
        let file = |network: &Architecture| self.backbone_file(network.name);
        (network.map_or_else(|| given.to_owned(), file), network)
    }

    /// The backbone's weights, as `pet-cli setup` converts them.
    #[cfg(feature = "training")]
    pub(crate) fn backbone_file(&self, name: &str) -> PathBuf {
        let folder = self.cache_dir.join("backbone");
        folder.join(format!("{name}.safetensors"))
    }
}

/// Reads a count, which is at least 1.
pub(crate) fn count(text: &str) -> Result<NonZero<usize>, String> {
    text.parse()
        .map_err(|_| "expected a whole number of at least 1".into())
}

/// How large an image may be.
#[derive(Args, Clone, Copy)]
pub(crate) struct LimitArguments {
    /// Maximum size of an image file, in bytes
    #[arg(long, env = "PET_MAX_UPLOAD", value_name = "BYTES", default_value_t = Limits::default().bytes)]
    max_upload: u64,
    /// Maximum size of an image, width times height
    #[arg(long, env = "PET_MAX_PIXELS", value_name = "PIXELS", default_value_t = Limits::default().pixels)]
    max_pixels: u64,
}

impl LimitArguments {
    /// What the decoder is told.
    pub(crate) fn limits(self) -> Limits {
        Limits {
            bytes: self.max_upload,
            pixels: self.max_pixels,
            ..Limits::default()
        }
    }
}

/// Which of the models in the results folder.
#[derive(Args, Clone, Copy)]
pub(crate) struct PrecisionArgument {
    /// Numbers that the model computes in
    #[arg(long, env = "PET_PRECISION", value_enum, default_value_t = PrecisionChoice::Auto)]
    pub(crate) precision: PrecisionChoice,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PrecisionChoice {
    /// 8-bit integers if there is such a model, else floating-point numbers
    Auto,
    /// Floating-point numbers of 32 bits: `model.onnx`
    Fp32,
    /// Integers of 8 bits: `model.int8.onnx`
    Int8,
}

impl PrecisionChoice {
    /// The precision asked for, if one is.
    pub(crate) fn precision(self) -> Option<Precision> {
        match self {
            Self::Auto => None,
            Self::Fp32 => Some(Precision::Fp32),
            Self::Int8 => Some(Precision::Int8),
        }
    }
}

/// Text or JSON.
#[derive(Args, Clone, Copy)]
pub(crate) struct JsonArgument {
    /// Print JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
}
