//! What classifiers say of the photographs of a folder that they were not trained on, and which labels are suspected for
//! it, as JSON: for comparing with other programs on the same probabilities.
//!
//! ```sh
//! cargo run --release -p pet-pipeline --example out_of_fold -- FOLDER BACKBONE CACHE > probabilities.json
//! ```

use std::path::PathBuf;

use pet_data::{Sample, Silent, folder};
use pet_image::Limits;
use pet_pipeline::check::{DataCheck, SamePictures, label_errors};
use pet_train::Interrupt;

#[expect(clippy::print_stdout, reason = "it is a program")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(Into::into).collect();
    let [root, backbone, cache] = arguments.as_slice() else {
        return Err("expected FOLDER BACKBONE CACHE".into());
    };
    let dataset = folder::load(root)?;
    let interrupt = Interrupt::default();
    let (digest, limits) = (dataset.digest()?, Limits::default());
    let same = SamePictures::find(&dataset, &digest, cache, &limits, &interrupt, &Silent)?;
    let samples: Vec<Sample> = dataset.samples().cloned().collect();
    let check = DataCheck::new(&dataset, cache, &Silent);
    let answers = check.out_of_fold(&samples, same.groups(), backbone)?;
    let answers = answers.ok_or("there are no two images that differ")?;
    let labels: Vec<usize> = samples.iter().map(|sample| sample.class).collect();
    let errors = label_errors(&answers.probabilities, &labels);
    let files = samples.iter().map(|sample| sample.path.strip_prefix(root));
    let answer = serde_json::json!({
        "files": files.collect::<Result<Vec<_>, _>>()?,
        "labels": labels,
        "probabilities": answers.probabilities,
        "suspects": errors.iter().map(|error| error.image).collect::<Vec<_>>(),
    });
    println!("{answer}");
    Ok(())
}
