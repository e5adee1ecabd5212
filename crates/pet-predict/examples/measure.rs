//! How long loading and predicting take.
//!
//! ```text
//! cargo run --release --example measure -- results photo.jpg [THREADS]
//! ```

#![expect(clippy::print_stdout, reason = "the figures are for people")]

use std::error::Error;
use std::num::NonZero;
use std::path::PathBuf;
use std::time::Instant;

use pet_predict::{ImagePredictor, Model, Options, Runtime, SearchPaths};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: measure MODEL PHOTOGRAPH [THREADS]";
    let path = arguments.next().ok_or(usage)?;
    let photograph = fs_err::read(arguments.next().ok_or(usage)?)?;
    let threads = arguments.next().map_or(Ok(NonZero::<usize>::MIN), |threads| threads.parse())?;

    let start = Instant::now();
    let library = std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from);
    let paths = SearchPaths::default().with_folder(".cache/onnxruntime").with_library(library);
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

fn print(what: &str, start: Instant) {
    println!("{:>8.2} ms  {what}", milliseconds(start));
}

fn milliseconds(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1000.0
}
