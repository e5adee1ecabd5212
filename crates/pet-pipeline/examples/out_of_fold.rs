//! Prints out-of-fold probabilities for the images of a folder and the suspected label errors as JSON, for comparison
//! with other programs.
//!
//! ```sh
//! cargo run --release -p pet-pipeline --example out_of_fold -- FOLDER BACKBONE CACHE > probabilities.json
//! ```

use std::path::PathBuf;

use pet_data::{Sample, Silent, folder};
use pet_image::Limits;
use pet_pipeline::check::{DataCheck, DuplicateImages, label_errors};
use pet_train::Interrupt;

#[expect(clippy::print_stdout, reason = "a program for the terminal")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(Into::into).collect();
    let [root, backbone, cache] = arguments.as_slice() else {
        return Err("expected FOLDER BACKBONE CACHE".into());
    };
    let dataset = folder::load(root)?;
    let interrupt = Interrupt::default();
    let (digest, limits) = (dataset.digest()?, Limits::default());
    let duplicates = DuplicateImages::find(&dataset, &digest, cache, &limits, &interrupt, &Silent)?;
    let samples: Vec<Sample> = dataset.samples().cloned().collect();
    let check = DataCheck::new(&dataset, cache, &Silent);
    let predictions = check.out_of_fold(&samples, duplicates.groups(), backbone)?;
    let predictions = predictions.ok_or("there are no two images that differ")?;
    let labels: Vec<usize> = samples.iter().map(|sample| sample.class).collect();
    let errors = label_errors(&predictions.probabilities, &labels);
    let files = samples.iter().map(|sample| sample.path.strip_prefix(root));
    let output = serde_json::json!({
        "files": files.collect::<Result<Vec<_>, _>>()?,
        "labels": labels,
        "probabilities": predictions.probabilities,
        "suspects": errors.iter().map(|error| error.image).collect::<Vec<_>>(),
    });
    println!("{output}");
    Ok(())
}
