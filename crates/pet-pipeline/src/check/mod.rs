//! Data set checks: unreadable and poor images, duplicates, label errors, small classes.
//!
//! ```no_run
//! use pet_data::{Silent, folder};
//! use pet_pipeline::check::{DataCheck, Severity};
//!
//! let dataset = folder::load("photos".as_ref())?;
//! let check = DataCheck::new(&dataset, "cache", &Silent).with_backbone("mobilenet_v2.safetensors");
//! let report = check.run()?;
//! for problem in &report.problems {
//!     println!("{} {}", problem.images, problem.kind);
//! }
//! assert_ne!(report.worst(), Some(Severity::Error));
//! # Ok::<(), pet_pipeline::Error>(())
//! ```

mod added;
mod balance;
mod duplicates;
mod labels;
mod out_of_fold;
mod problem;
mod report;
mod run;
mod sheet;

pub use added::{CopiedImage, ExcludedImages};
pub use balance::ClassSize;
pub use duplicates::{DuplicateImages, Leak};
pub use labels::{LabelError, label_errors};
pub use out_of_fold::OutOfFold;
pub use problem::{Problem, Severity};
pub use report::{
    DataReport, DuplicateGroup, DuplicateKind, FlawedImage, LabelReport, Member, SuspectLabel,
    UnreadableFile,
};
pub use run::DataCheck;
