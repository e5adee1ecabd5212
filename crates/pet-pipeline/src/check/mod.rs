//! Whether a data set can be trusted: pictures that cannot be read or show nothing, copies, labels that are probably
//! wrong, classes with few pictures.
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
mod labels;
mod out_of_fold;
mod problem;
mod report;
mod run;
mod same;
mod sheet;

pub use added::{CopiedPicture, UnusedPictures};
pub use balance::ClassSize;
pub use labels::{LabelError, label_errors};
pub use out_of_fold::OutOfFold;
pub use problem::{Problem, Severity};
pub use report::{
    DataReport, DuplicateGroup, FlawedImage, LabelReport, Likeness, Member, SuspectLabel,
    UnreadableFile,
};
pub use run::DataCheck;
pub use same::{Leak, SamePictures};
