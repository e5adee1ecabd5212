//! Names the class of photographs.
//!
//! ```text
//! cargo run --example predict -- results photo.jpg
//! ```

#![expect(clippy::print_stdout, reason = "the answers are for people")]

use std::error::Error;
use std::path::PathBuf;

use pet_predict::{ImagePredictor, Options, Runtime, SearchPaths};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let model = arguments.next().ok_or("usage: predict MODEL PHOTOGRAPH...")?;
    let library = std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from);
    let paths = SearchPaths::default().with_folder(".cache/onnxruntime").with_library(library);
    let runtime = Runtime::load(&paths)?;
    let predictor = ImagePredictor::load(&runtime, model, &Options::default())?;
    for photograph in arguments {
        let prediction = predictor.predict(&fs_err::read(&photograph)?)?;
        let confidence = 100.0 * prediction.confidence();
        println!("{photograph}: {} ({confidence:.1} %)", prediction.predicted_class());
    }
    Ok(())
}
