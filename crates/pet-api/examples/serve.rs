//! Serves the model of a results folder: `cargo run -p pet-api --example serve -- results 8000`.
//! Needs ONNX Runtime; `ORT_DYLIB_PATH` names its library.

use std::error::Error;
use std::path::PathBuf;

use pet_api::{Application, Configuration};
use pet_predict::{Runtime, SearchPaths};

#[expect(clippy::print_stdout, reason = "an example may print")]
fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let results = arguments.next().unwrap_or_else(|| "results".into());
    let port = arguments.next().map_or(Ok(0), |port| port.parse())?;
    let library = std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from);
    let paths = SearchPaths::default().with_folder(".cache/onnxruntime").with_library(library);
    let configuration = Configuration { port, results: results.into(), ..Configuration::default() };
    pet_api::block_on(async {
        let application = Application::build(configuration, Runtime::load(&paths)?)?;
        println!("http://127.0.0.1:{}/", application.port());
        application.run_until_stopped().await?;
        Ok(())
    })
}
