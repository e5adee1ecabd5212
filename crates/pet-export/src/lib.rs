//! Choose the best registered version and turn it into the files that are served.
//!
//! ```no_run
//! use std::path::Path;
//!
//! use mlflow_client::Client;
//! use pet_export::{Exporter, select};
//! use pet_predict::{Runtime, SearchPaths};
//!
//! let client = Client::local(Path::new("."))?;
//! let selection = select(&client, "oxford_pet_classifier")?;
//! let runtime = Runtime::load(&SearchPaths::default().with_folder(".cache/onnxruntime"))?;
//! let exported = Exporter::new(&client, &runtime).export(&selection, Path::new("results"))?;
//! println!("ONNX Runtime and candle differ by at most {:e}", exported.largest_difference);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A [`Contest`] compares a version with the champion as both are served, on [images](Contest::images) that neither was
//! trained on; [`promote`] then makes it the champion if it passes.

mod compare;
mod contest;
mod contest_images;
mod error;
mod export;
mod gate;
mod images;
mod int8;
mod outliers;
mod rank;
mod references;
mod registered;
mod results;
mod role;
mod select;

pub use contest::{Contest, Contestant, VersionRef, promote};
pub use contest_images::{ContestImages, HeldOut};
pub use error::Error;
pub use export::{Exported, Exporter, TOLERANCE};
pub use gate::Gate;
pub use images::ModelImages;
pub use rank::Preference;
pub use role::{CHALLENGER, CHAMPION, Role};
pub use select::{challenge, choose, choose_alias, current, select, select_on};
