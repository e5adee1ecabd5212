//! How long loading and predicting take, on a network like the real one.
//!
//! ```text
//! cargo run --release -p pet-predict --example measure -- PHOTOGRAPH [THREADS] [MODEL]
//! ```

#![expect(clippy::print_stdout, reason = "the figures are for people")]

mod mobilenet;

use std::error::Error;
use std::num::NonZero;
use std::path::PathBuf;
use std::time::Instant;

use pet_predict::{ImagePredictor, Model, ModelMetadata, Options, Runtime, SearchPaths};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let photograph = fs_err::read(arguments.next().ok_or("usage: PHOTOGRAPH [THREADS] [MODEL]")?)?;
    let threads = arguments.next().map_or(Ok(NonZero::<usize>::MIN), |threads| threads.parse())?;
    let folder = tempfile::tempdir()?;
    let path = match arguments.next() {
        Some(path) => PathBuf::from(path),
        None => invented_model(&folder)?,
    };

    let start = Instant::now();
    let cache = concat!(env!("CARGO_MANIFEST_DIR"), "/../../.cache/onnxruntime");
    let chosen = std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from);
    let paths = SearchPaths::default().with_folder(cache).with_library(chosen);
    let runtime = Runtime::load(&paths)?;
    print("library", start);
    let start = Instant::now();
    let options = Options::default().with_threads(threads);
    let model = Model::load(&runtime, &path, &options)?;
    print("model and first session", start);
    let mut session = model.session()?;
    let start = Instant::now();
    let prediction = session.predict(&photograph)?;
    print("first prediction", start);
    println!("  {:?}", prediction.timing());
    let start = Instant::now();
    model.session()?;
    print("second session", start);

    let start = Instant::now();
    for _ in 0..20 {
        session.predict(&photograph)?;
    }
    println!("{:>8.2} ms  each of 20 predictions, one by one", milliseconds(start) / 20.0);
    let predictor = ImagePredictor::new(model);
    predictor.predict_batch(&[&photograph; 4]);
    let start = Instant::now();
    predictor.predict_batch(&[&photograph; 40]);
    println!("{:>8.2} ms  each of 40 predictions, in a batch", milliseconds(start) / 40.0);
    Ok(())
}

fn invented_model(folder: &tempfile::TempDir) -> Result<PathBuf, Box<dyn Error>> {
    let classes = (0..37).map(|index| format!("class {index}")).collect();
    let metadata = ModelMetadata::new("invented", classes, pet_model::Preprocess::imagenet());
    let path = folder.path().join(pet_model::MODEL_FILE);
    fs_err::write(&path, mobilenet::mobilenet(&metadata)?)?;
    Ok(path)
}

fn print(what: &str, start: Instant) {
    println!("{:>8.2} ms  {what}", milliseconds(start));
}

fn milliseconds(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1000.0
}
