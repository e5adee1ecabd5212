//! Arguments that several subcommands share.

use std::num::NonZero;
#[cfg(feature = "training")]
use std::path::Path;
use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser};
#[cfg(feature = "training")]
use clap::{Arg, ArgAction};
use clap::{Args, ValueEnum};
#[cfg(feature = "training")]
use pet_data::{Dataset, Progress, Split};
use pet_image::Limits;
use pet_predict::{Precision, Results, SearchPaths};
#[cfg(feature = "training")]
use pet_train::{Interrupt, network::Architecture};

use crate::failure::Failure;
#[cfg(feature = "training")]
use crate::places::RUNTIME;
use crate::places::{Places, find_results};

/// Where the images are.
#[cfg(feature = "training")]
#[derive(Args, Clone)]
pub(crate) struct SourceArguments {
    /// The data set [default: oxford-iiit-pet]
    #[arg(long, value_enum)]
    pub(crate) dataset: Option<DatasetKind>,
    /// Folder of the data set [default: data/DATASET, created when it is missing]
    #[arg(long, value_name = "DIR", required_if_eq("dataset", "folder"), action = ArgAction::Set)]
    data_dir: Vec<PathBuf>,
}

/// Lets `--data-dir` be given several times.
#[cfg(feature = "training")]
pub(crate) fn several_folders(argument: Arg) -> Arg {
    if argument.get_id() != "data_dir" {
        return argument;
    }
    let help = "Folder of the data set [default: data/DATASET, created when it is missing]; given again, a folder of class \
                folders, such as corrections, whose pictures are trained on as well but never validated on";
    argument.action(ArgAction::Append).help(help)
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
    #[command(flatten)]
    pub(crate) limits: LimitArguments,
}

#[cfg(feature = "training")]
impl DatasetArguments {
    /// Splits the data set in the same way as training with these options.
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
        let duplicates = source.duplicates(
            dataset,
            &digest,
            &cache.folder(),
            &self.limits.limits(),
            &stop,
            progress,
        )?;
        Ok(dataset.split_grouped(fraction, seed, duplicates.groups())?)
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
    pub(crate) fn kind(&self) -> DatasetKind {
        self.dataset.unwrap_or(DatasetKind::OxfordIiitPet)
    }

    /// Whether a data set or its folder was given.
    pub(crate) fn is_named(&self) -> bool {
        self.dataset.is_some() || !self.data_dir.is_empty()
    }

    /// Checks that the folders which were named are there, before anything is looked for that may be missing as well.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        self.data().check()?;
        match self.additions().iter().find(|folder| !folder.is_dir()) {
            Some(folder) => {
                let root = folder.clone();
                Err(pet_data::Error::NoFolder { root }.into())
            }
            None => Ok(()),
        }
    }

    /// Folders with additional training images.
    pub(crate) fn additions(&self) -> &[PathBuf] {
        self.data_dir.get(1..).unwrap_or_default()
    }

    pub(crate) fn data(&self) -> pet_pipeline::DataSource {
        use pet_pipeline::DataSource;
        let named = |name: &str| {
            let folder = self.data_dir.first().cloned();
            folder.unwrap_or_else(|| PathBuf::from("data").join(name))
        };
        match self.kind() {
            DatasetKind::Sample => DataSource::Sample(named("sample")),
            DatasetKind::Folder => DataSource::Folder(named("folder")),
            // A given folder that does not exist is a mistake and not downloaded to.
            DatasetKind::OxfordIiitPet if !self.data_dir.is_empty() => {
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
    /// Folder of the model [default: `results` here, in the workspace, beside the program or in the user's data folder,
    /// the first that has a model; else the model built into the program]
    #[arg(long, value_name = "DIR", env = "PET_RESULTS")]
    results: Option<PathBuf>,
}

impl ResultsArgument {
    /// The model to use.
    pub(crate) fn find(&self) -> Result<Results, Failure> {
        find_results(&Places::here(), self.results.as_deref())
    }
}

/// Where a model is exported to.
#[cfg(feature = "training")]
#[derive(Args, Clone)]
pub(crate) struct ExportFolderArgument {
    /// Folder of the exported model
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
    /// Folder of downloads and computed features [default: `.cache` in the workspace; outside of one, the user's data and
    /// cache folders]
    #[arg(long, value_name = "DIR", env = "PET_CACHE_DIR")]
    cache_dir: Option<PathBuf>,
}

impl CacheArgument {
    /// The folder of features, checkpoints and unsent runs.
    #[cfg(feature = "training")]
    pub(crate) fn folder(&self) -> PathBuf {
        Places::here().cache(self.cache_dir.as_deref())
    }

    /// Where `pet-cli setup` installs ONNX Runtime, in a folder for each version.
    #[cfg(feature = "training")]
    pub(crate) fn runtime_folder(&self) -> PathBuf {
        Places::here()
            .downloads(self.cache_dir.as_deref())
            .join(RUNTIME)
    }

    /// Where `pet-cli setup` stores a backbone's weights.
    #[cfg(feature = "training")]
    pub(crate) fn backbone_target(&self, name: &str) -> PathBuf {
        let folder = Places::here().downloads(self.cache_dir.as_deref());
        folder.join(backbone(name))
    }

    /// Where to search for ONNX Runtime: `ORT_DYLIB_PATH`, the folders of this program, then those of the system.
    pub(crate) fn libraries(&self) -> SearchPaths {
        let named = std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from);
        Places::here().libraries(self.cache_dir.as_deref(), named)
    }

    /// The weights of a backbone that is given by name or as a file, with the backbone if it was given by name.
    #[cfg(feature = "training")]
    pub(crate) fn weights(&self, given: &Path) -> (PathBuf, Option<&'static Architecture>) {
        let network = given.to_str().and_then(Architecture::named);
        let file = |network: &Architecture| self.backbone_file(network.name);
        (network.map_or_else(|| given.to_owned(), file), network)
    }

    /// The weights that `pet-cli setup` stored, or else where it would store them.
    #[cfg(feature = "training")]
    pub(crate) fn backbone_file(&self, name: &str) -> PathBuf {
        Places::here().download(self.cache_dir.as_deref(), &backbone(name))
    }
}

/// The path of a backbone's weights in a folder of downloads.
#[cfg(feature = "training")]
fn backbone(name: &str) -> PathBuf {
    format!("backbone/{name}.safetensors").into()
}

/// Parses a count of at least 1.
pub(crate) fn count(text: &str) -> Result<NonZero<usize>, String> {
    text.parse()
        .map_err(|_| "expected a whole number of at least 1".into())
}

/// Parses a folder. Unlike clap's own parser, it accepts an empty environment variable.
pub(crate) fn folder() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

/// The folder, or `None` if it is empty.
pub(crate) fn some_folder(folder: Option<&PathBuf>) -> Option<PathBuf> {
    folder
        .filter(|folder| !folder.as_os_str().is_empty())
        .cloned()
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
    pub(crate) fn limits(self) -> Limits {
        Limits::default()
            .with_bytes(self.max_upload)
            .with_pixels(self.max_pixels)
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
    /// The requested precision; `None` for `auto`.
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
