//! Which recipe to serve a fine-tuned network with: its accuracy under several, as a table, on the images that it was
//! validated on and on the test images. The weights do not depend on the recipe, since fine-tuning sees random parts of
//! the photographs:
//! `cargo run --release -p pet-train --example recipes -- weights.safetensors DATA_DIR`, or only those of some sizes with
//! `weights.safetensors DATA_DIR 224 256`. `--group-series`, in front, is for a network that was trained with that option.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it is a program")]

use std::error::Error;
use std::path::PathBuf;

use candle_core::{Device, Module, Tensor};
use pet_data::{Sample, oxford, series_groups, stratified_split};
use pet_image::{Augment, Limits, Preprocess, Resize};
use pet_report::{fit_temperature, measure_logits};
use pet_train::{Classifier, Examples, Photographs, Weights};

/// The defaults of `pet-cli train`.
const VALIDATION_FRACTION: f64 = 0.2;
const SEED: u64 = 42;
const BATCH: usize = 16;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from).peekable();
    let group_series = arguments.next_if(|first| first.as_os_str() == "--group-series").is_some();
    let (Some(weights), Some(data)) = (arguments.next(), arguments.next()) else {
        return Err("usage: recipes [--group-series] WEIGHTS DATA_DIR [SIZE...]".into());
    };
    let mut sizes = Vec::new();
    for size in arguments {
        sizes.push(size.to_string_lossy().parse()?);
    }
    if sizes.is_empty() {
        sizes.extend([192, 208, 224, 240, 256, 288]);
    }
    let dataset = oxford::load(&data)?;
    let series = if group_series { series_groups(&dataset.train) } else { Vec::new() };
    let split = stratified_split(&dataset.train, VALIDATION_FRACTION, SEED, &series)?;
    let weights = Weights::open(&weights)?;
    let classifier = Classifier::new(&weights, dataset.classes.len())?;
    println!("| recipe | validation accuracy | validation loss | test accuracy | test loss |");
    println!("|---|---:|---:|---:|---:|");
    for resize in sizes.into_iter().flat_map(resizes) {
        let recipe = Preprocess { resize, ..weights.architecture().recipe.clone() };
        let validation = Answers::new(&classifier, &split.validation, &recipe)?;
        let temperature = fit_temperature(&validation.logits, &validation.labels)?;
        let test = Answers::new(&classifier, &dataset.test, &recipe)?;
        print!("| {} |", name(resize));
        for answers in [validation, test] {
            answers.print(&dataset.classes, temperature)?;
        }
        println!();
    }
    Ok(())
}

/// Squares of this size, without and with margins of several widths that are cut off.
fn resizes(size: u32) -> impl Iterator<Item = Resize> {
    let margins = [28, 29, 30, 32].into_iter();
    let crops =
        margins.map(move |margin| Resize::CenterCrop { resize: (size * margin + 14) / 28, size });
    [Resize::Stretch { size }].into_iter().chain(crops)
}

fn name(resize: Resize) -> String {
    match resize {
        Resize::Stretch { size } => format!("`stretch:{size}`"),
        Resize::CenterCrop { resize, size } => format!("`center-crop:{resize}:{size}`"),
    }
}

/// What a network answers to photographs.
struct Answers {
    logits: Vec<Vec<f32>>,
    labels: Vec<usize>,
}

impl Answers {
    fn new(
        classifier: &Classifier,
        samples: &[Sample],
        recipe: &Preprocess,
    ) -> Result<Self, Box<dyn Error>> {
        let (size, values) = (recipe.size() as usize, recipe.tensor_len());
        let mut logits = Vec::new();
        for batch in samples.chunks(BATCH) {
            let photographs = Photographs::new(batch, recipe, Augment::none(), Limits::default());
            let mut inputs = vec![0.0; batch.len() * values];
            for (index, input) in inputs.chunks_mut(values).enumerate() {
                photographs.write(index, None, input)?;
            }
            let images = Tensor::from_vec(inputs, (batch.len(), 3, size, size), &Device::Cpu)?;
            logits.extend(classifier.forward(&images)?.to_vec2()?);
        }
        eprintln!("{} images, {}", samples.len(), name(recipe.resize));
        let labels = samples.iter().map(|sample| sample.class).collect();
        Ok(Self { logits, labels })
    }

    /// Accuracy, and cross-entropy at the temperature that would be served.
    fn print(&self, classes: &[String], temperature: f64) -> Result<(), Box<dyn Error>> {
        let Self { logits, labels } = self;
        let figures = measure_logits(logits, labels, classes, temperature, "recipes")?;
        print!(" {:.4} | {:.4} |", figures.top1, figures.loss);
        Ok(())
    }
}
