//! The service: a REST interface and a web page on a trained model.
//!
//! ```no_run
//! use pet_api::{Application, Configuration};
//! use pet_predict::{Runtime, SearchPaths};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let runtime = Runtime::load(&SearchPaths::default().with_folder(".cache/onnxruntime"))?;
//! let configuration = Configuration { port: 0, ..Configuration::default() };
//! pet_api::block_on(async {
//!     let application = Application::build(configuration, runtime)?;
//!     println!("http://127.0.0.1:{}/", application.port());
//!     application.run_until_stopped().await
//! })?;
//! # Ok(())
//! # }
//! ```
//!
//! # How a request is answered
//!
//! Async threads only move bytes: they read the upload, hand the work to the bounded `Queue` and
//! write the answer. Worker threads, each with a session to itself while it predicts, take the work from the queue.
//! What is refused comes as JSON from the one table in [`Code`].
//!
//! The handlers lie in `route`. Each topic has a function that lists its endpoints: what a handler takes and answers with
//! is described by its types, so that the route and its part of the `OpenAPI` document come from one place.

mod application;
mod asset;
mod budget;
mod choice;
mod configuration;
mod drift;
mod encoding;
mod endpoint;
mod error;
mod feedback;
mod file_name;
mod generation;
mod held;
mod memory;
mod metrics;
mod middleware;
mod model_folder;
mod models;
mod open_inference;
mod openapi;
mod part_heads;
mod problem;
mod queue;
mod repository;
mod route;
mod served;
mod server;
mod shadow;
mod state;
mod trace;
mod upload;
mod worker;

pub use application::{Application, Handle, block_on};
pub use budget::{Demand, Sizing};
pub use configuration::{Configuration, Share, Successor};
pub use error::{Code, Error};
pub use feedback::FeedbackFolder;
pub use model_folder::ModelFolder;
pub use trace::{TraceContext, Tracer};
