//! Arguments of all kinds of training.

use std::path::PathBuf;

use clap::Args;
use pet_image::{Preprocess, Resize};
use pet_pipeline::{Context, Error, Provenance, TrainSettings};
use pet_train::Weights;
use pet_train::network::Architecture;

use super::hyperparameters::HyperParameters;
use crate::arguments::{
    CacheArgument, DatasetArguments, EXPERIMENT, JsonArgument, ModelNameArgument,
    TrackingArguments, several_folders,
};
use crate::failure::Failure;
use crate::progress::Bars;
use crate::{interrupt, tracking};

const LOCK: &str = include_str!("../../../../Cargo.lock");

/// Packages that affect the results of a training.
const PACKAGES: [&str; 6] =
    ["candle-core", "fast_image_resize", "gemm", "pet-cli", "pet-image", "pet-train"];

/// The center crop of torchvision; crops of other sizes are scaled from it.
const CENTER_CROP: Resize = Resize::CenterCrop { resize: 256, size: 224 };

#[derive(Args)]
#[command(mut_args(several_folders))]
pub(crate) struct TrainArgs {
    #[command(flatten)]
    dataset: DatasetArguments,
    #[command(flatten)]
    pub(crate) hyperparameters: HyperParameters,
    /// How a photo becomes the network's square input, in training and serving: stretch, or stretch:SIZE for a size
    /// other than the backbone's (224 pixels; Lite1 240, Lite2 260); center-crop, the central square after resizing the
    /// shorter side to 8/7 of the size (256 for 224), or center-crop:RESIZE:SIZE
    #[arg(long, value_name = "RECIPE", default_value = "stretch", value_parser = square)]
    recipe: Square,
    /// The pretrained network to start from: `mobilenet_v2`, `efficientnet_lite0`, `efficientnet_lite1` or
    /// `efficientnet_lite2`, whose weights `pet-cli setup` downloads; or a .pt, .pth or .safetensors file with weights
    /// for one of them
    #[arg(long, value_name = "NAME|FILE", default_value = "mobilenet_v2")]
    backbone: PathBuf,
    /// MLflow experiment [default: `OxfordPetExperiment`]
    #[arg(long, value_name = "NAME", env = "MLFLOW_EXPERIMENT_NAME")]
    pub(crate) experiment: Option<String>,
    #[command(flatten)]
    pub(crate) model_name: ModelNameArgument,
    #[command(flatten)]
    pub(crate) tracking: TrackingArguments,
    /// Log system metrics every ten seconds, like MLflow's own client: `system/cpu_utilization_percentage`, memory,
    /// disk and network. `MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING=true` does the same
    #[arg(long)]
    system_metrics: bool,
    #[command(flatten)]
    pub(crate) cache: CacheArgument,
    #[command(flatten)]
    pub(crate) json: JsonArgument,
}

impl TrainArgs {
    pub(crate) fn settings(&self) -> Result<TrainSettings, Failure> {
        let hyperparameters = &self.hyperparameters;
        if let Some(option) = hyperparameters.without_effect() {
            return Err(Failure::FrozenLayers { option });
        }
        self.dataset.source.check()?;
        let (weights, backbone) = self.backbone()?;
        let mut settings = TrainSettings::new(self.dataset.source.data(), weights);
        self.dataset.source.additions().clone_into(&mut settings.additions);
        settings.validation_fraction = self.dataset.validation_fraction;
        settings.group_duplicates = self.dataset.group_duplicates;
        settings.recipe = self.recipe.recipe(backbone);
        settings.train_size = hyperparameters.train_size;
        settings.augment = hyperparameters.augment();
        settings.configuration = hyperparameters.base();
        settings.teachers.clone_from(&hyperparameters.teacher);
        let experiment = self.experiment.clone();
        settings.experiment = experiment.unwrap_or_else(|| EXPERIMENT.into());
        let model_name = self.model_name.model_name.clone();
        settings.model_name = model_name.unwrap_or_else(|| settings.data.model_name());
        Ok(settings)
    }

    /// The weights and their network.
    fn backbone(&self) -> Result<(PathBuf, &'static Architecture), Failure> {
        let (path, network) = self.cache.weights(&self.backbone);
        if let Some(network) = network {
            return Ok((path, network));
        }
        if !path.is_file() {
            return Err(Error::NoBackbone { path }.into());
        }
        let weights = Weights::open(&path).map_err(Error::Train)?;
        Ok((path, weights.architecture()))
    }

    /// The context of the training, which Ctrl-C interrupts from now on. `source` is the name of the command.
    pub(crate) fn context<'a>(&self, source: &str, bars: &'a Bars) -> Result<Context<'a>, Failure> {
        let mut tracking = tracking::for_training(&self.tracking)?;
        tracking.system_metrics.enabled |= self.system_metrics;
        let mut context = Context::new(tracking, self.cache.folder(), bars);
        let program = std::iter::once("pet-cli".to_owned());
        context.provenance = Provenance::collect(|name| std::env::var(name).ok())
            .with_command(source, program.chain(std::env::args().skip(1)))
            .with_packages(LOCK, &PACKAGES);
        context.limits = self.dataset.limits.limits();
        context.interrupt = interrupt::on_ctrl_c()?;
        context.libraries = self.cache.libraries();
        Ok(context)
    }
}

/// How an image is resized; omitted sizes are the backbone's.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Square {
    Stretch,
    CenterCrop,
    Given(Resize),
}

impl Square {
    fn recipe(self, backbone: &Architecture) -> Preprocess {
        let size = backbone.recipe.size();
        let with = |resize| Preprocess { resize, ..backbone.recipe.clone() };
        match self {
            Self::Stretch => with(Resize::Stretch { size }),
            Self::CenterCrop => with(CENTER_CROP).with_size(size),
            Self::Given(resize) => with(resize),
        }
    }
}

/// Parses `stretch[:SIZE]` or `center-crop[:RESIZE:SIZE]`.
fn square(text: &str) -> Result<Square, String> {
    let unknown = || "expected stretch, stretch:SIZE, center-crop or center-crop:RESIZE:SIZE";
    let mut parts = text.split(':');
    let name = parts.next().unwrap_or_default();
    let sizes: Vec<u32> = parts.map(str::parse).collect::<Result<_, _>>().map_err(|_| unknown())?;
    let square = match (name, sizes.as_slice()) {
        ("stretch", []) => Square::Stretch,
        ("stretch", &[size]) => Square::Given(Resize::Stretch { size }),
        ("center-crop", []) => Square::CenterCrop,
        ("center-crop", &[resize, size]) => Square::Given(Resize::CenterCrop { resize, size }),
        _ => return Err(unknown().into()),
    };
    let recipe = square.recipe(Architecture::standard());
    recipe.validate().map_err(|error| error.to_string())?;
    Ok(square)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_can_be_omitted() {
        let of = |backbone: &str, text| {
            let backbone = Architecture::named(backbone).unwrap();
            square(text).unwrap().recipe(backbone).resize
        };
        let resize = |text| of("mobilenet_v2", text);
        assert_eq!(resize("stretch"), Resize::Stretch { size: 224 });
        assert_eq!(resize("stretch:192"), Resize::Stretch { size: 192 });
        let crop = |resize, size| Resize::CenterCrop { resize, size };
        assert_eq!(resize("center-crop"), crop(256, 224));
        assert_eq!(resize("center-crop:288:256"), crop(288, 256));
        assert_eq!(of("efficientnet_lite1", "center-crop"), crop(274, 240));
        assert_eq!(of("efficientnet_lite2", "stretch"), Resize::Stretch { size: 260 });
    }

    #[test]
    fn invalid_recipes_are_errors() {
        for text in ["", "letterbox", "stretch:", "stretch:big", "stretch:1:2", "center-crop:256"] {
            assert!(square(text).unwrap_err().starts_with("expected"), "{text}");
        }
        assert!(square("center-crop:200:224").unwrap_err().contains("resize"));
        assert!(square("stretch:4096").unwrap_err().contains("1 to 1024"));
    }

    #[test]
    fn the_lock_file_has_every_package() {
        let found = Provenance::default().with_packages(LOCK, &PACKAGES).packages;
        let names: Vec<_> = found.keys().map(String::as_str).collect();
        assert_eq!(names, PACKAGES);
        assert_eq!(found["pet-cli"], env!("CARGO_PKG_VERSION"));
    }
}
