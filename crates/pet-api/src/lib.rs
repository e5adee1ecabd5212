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
//! Async threads only do I/O: they read the upload, put the work into the bounded `Queue` and write the response. Worker
//! threads, each with its own session while it predicts, take the work from the queue. Every error response is JSON with
//! one of the codes in [`Code`].
//!
//! The handlers are in `route`. Each topic has a function that lists its endpoints. The types of a handler's arguments and
//! of its result describe the endpoint, so the route and its part of the `OpenAPI` document have one source.

mod access;
mod application;
mod asset;
mod budget;
mod configuration;
mod deployment;
mod drift;
mod endpoint;
mod error;
mod feedback;
mod form;
#[cfg(feature = "grpc")]
mod grpc;
mod loaded_model;
mod memory;
mod metrics;
mod models;
mod open_inference;
mod queue;
mod route;
mod server;
mod shadow;
mod sizing;
mod state;
mod trace;
mod upload;

pub use application::{Application, Handle, block_on};
pub use configuration::{Configuration, FeedbackFolder, ModelFolder, Share, Successor};
pub use error::{Code, Error};
pub use trace::{TraceContext, Tracer};
