//! What every kind of training has to be told.

use std::path::PathBuf;

use clap::Args;
use pet_image::{Preprocess, Resize};
use pet_pipeline::{Context, Provenance, TrainSettings};
use pet_train::{FineTune, Interrupt};

use super::hyperparameters::HyperParameters;
use crate::arguments::{
    CacheArgument, DatasetArguments, JsonArgument, ModelNameArgument, TrackingArguments,
};
use crate::failure::Failure;
use crate::progress::Bars;
use crate::tracking;

/// The packages as they were locked when this program was built.
const LOCK: &str = include_str!("../../../../Cargo.lock");

/// Packages that the numbers of a training depend on.
const PACKAGES: [&str; 6] = [
    "candle-core",
    "fast_image_resize",
    "gemm",
    "pet-cli",
    "pet-image",
    "pet-train",
];

/// Side of the square that MobileNetV2 was pretrained with, in pixels.
const SIZE: u32 = 224;
/// The shorter side of which torchvision cuts that square, in pixels.
const SHORTER_SIDE: u32 = 256;

#[derive(Args)]
pub(crate) struct TrainArgs {
    #[command(flatten)]
    dataset: DatasetArguments,
    #[command(flatten)]
    pub(crate) hyperparameters: HyperParameters,
    /// How a photograph becomes the network's square input, in training and when served: stretch, or stretch:SIZE for
    /// another size than 224 pixels; center-crop, the central 224 pixels after resizing the shorter side to 256, or
    /// center-crop:RESIZE:SIZE
    #[arg(long, value_name = "RECIPE", default_value = "stretch", value_parser = recipe)]
    recipe: Preprocess,
    /// MobileNetV2 weights: .pt, .pth or .safetensors [default: those in the cache]
    #[arg(long, value_name = "FILE")]
    backbone: Option<PathBuf>,
    /// MLflow experiment
    #[arg(
        long,
        value_name = "NAME",
        default_value = "OxfordPetExperiment",
        env = "MLFLOW_EXPERIMENT_NAME"
    )]
    experiment: String,
    #[command(flatten)]
    model_name: ModelNameArgument,
    #[command(flatten)]
    tracking: TrackingArguments,
    #[command(flatten)]
    pub(crate) cache: CacheArgument,
    #[command(flatten)]
    pub(crate) json: JsonArgument,
}

impl TrainArgs {
    /// What is trained, on what, and how.
    pub(crate) fn settings(&self) -> Result<TrainSettings, Failure> {
        let hyperparameters = &self.hyperparameters;
        if hyperparameters.train_size.is_some() && hyperparameters.fine_tune != FineTune::All {
            return Err(Failure::TrainSize);
        }
        let backbone = self.backbone.clone();
        let backbone = backbone.unwrap_or_else(|| self.cache.backbone_file());
        let mut settings = TrainSettings::new(self.dataset.source(), backbone);
        settings.validation_fraction = self.dataset.validation_fraction;
        settings.recipe = self.recipe.clone();
        settings.train_size = hyperparameters.train_size;
        settings.augment = hyperparameters.augment();
        settings.configuration = hyperparameters.base();
        settings.experiment.clone_from(&self.experiment);
        let model_name = self.model_name.model_name.clone();
        settings.model_name = model_name.unwrap_or_else(|| settings.data.model_name());
        Ok(settings)
    }

    /// What it runs in. From now on Ctrl-C stops it gently. `source` names the command.
    pub(crate) fn context<'a>(&self, source: &str, bars: &'a Bars) -> Result<Context<'a>, Failure> {
        let tracking = tracking::for_training(&self.tracking)?;
        let mut context = Context::new(tracking, &self.cache.cache_dir, bars);
        let program = std::iter::once("pet-cli".to_owned());
        context.provenance = Provenance::collect(|name| std::env::var(name).ok())
            .with_command(source, program.chain(std::env::args().skip(1)))
            .with_packages(LOCK, &PACKAGES);
        let interrupt = Interrupt::default();
        let handler = interrupt.clone();
        ctrlc::set_handler(move || handler.set()).map_err(Failure::Signal)?;
        context.interrupt = interrupt;
        Ok(context)
    }
}

/// Reads `stretch[:SIZE]` or `center-crop[:RESIZE:SIZE]`.
fn recipe(text: &str) -> Result<Preprocess, String> {
    let unknown = || "expected stretch, stretch:SIZE, center-crop or center-crop:RESIZE:SIZE";
    let mut parts = text.split(':');
    let name = parts.next().unwrap_or_default();
    let sizes: Vec<u32> = parts
        .map(str::parse)
        .collect::<Result<_, _>>()
        .map_err(|_| unknown())?;
    let resize = match (name, sizes.as_slice()) {
        ("stretch", []) => Resize::Stretch { size: SIZE },
        ("stretch", &[size]) => Resize::Stretch { size },
        ("center-crop", []) => Resize::CenterCrop {
            resize: SHORTER_SIDE,
            size: SIZE,
        },
        ("center-crop", &[resize, size]) => Resize::CenterCrop { resize, size },
        _ => return Err(unknown().into()),
    };
    let preprocess = Preprocess {
        resize,
        ..Preprocess::imagenet()
    };
    preprocess.validate().map_err(|error| error.to_string())?;
    Ok(preprocess)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_may_be_left_out() {
        let resize = |text| recipe(text).unwrap().resize;
        assert_eq!(resize("stretch"), Resize::Stretch { size: 224 });
        assert_eq!(resize("stretch:192"), Resize::Stretch { size: 192 });
        let crop = |resize, size| Resize::CenterCrop { resize, size };
        assert_eq!(resize("center-crop"), crop(256, 224));
        assert_eq!(resize("center-crop:288:256"), crop(288, 256));
    }

    #[test]
    fn what_makes_no_square_is_refused() {
        for text in [
            "",
            "letterbox",
            "stretch:",
            "stretch:big",
            "stretch:1:2",
            "center-crop:256",
        ] {
            assert!(recipe(text).unwrap_err().starts_with("expected"), "{text}");
        }
        assert!(
            recipe("center-crop:200:224")
                .unwrap_err()
                .contains("resize")
        );
        assert!(recipe("stretch:4096").unwrap_err().contains("1 to 1024"));
    }

    #[test]
    fn every_package_is_in_the_lock_file() {
        let found = Provenance::default()
            .with_packages(LOCK, &PACKAGES)
            .packages;
        let names: Vec<_> = found.keys().map(String::as_str).collect();
        assert_eq!(names, PACKAGES);
        assert_eq!(found["pet-cli"], env!("CARGO_PKG_VERSION"));
    }
}
