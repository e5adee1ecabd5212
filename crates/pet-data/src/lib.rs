//! Labelled image data sets: Oxford-IIIT Pet, folders of classes, a generated sample, seeded splits.
//!
//! ```
//! use pet_data::{folder, sample, stratified_split};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let place = tempfile::tempdir()?;
//! let root = place.path().join("pets");
//! let options = sample::Options {
//!     images_per_class: 5,
//!     test_images_per_class: 1,
//!     ..sample::Options::default()
//! };
//! sample::generate(&root, &options)?;
//!
//! let dataset = folder::load(&root)?;
//! assert!(dataset.classes.contains(&"Siamese Cat".to_owned()));
//!
//! let split = stratified_split(&dataset.train, 0.2, 42)?;
//! assert_eq!(split.validation.len(), dataset.classes.len());
//! # Ok(())
//! # }
//! ```
//!
//! Every loader gives a [`Dataset`]: class names in index order, the images to train on and the
//! images kept apart for evaluation. Loading reads no image; [`Dataset::check`] decodes all of
//! them and reports every unreadable one at once.

mod added;
mod check;
mod dataset;
mod digest;
mod error;
pub mod folder;
pub mod oxford;
#[cfg(feature = "pictures")]
pub mod picture;
mod progress;
#[cfg(feature = "sample")]
pub mod sample;
mod split;
pub mod walk;

pub use dataset::{Dataset, Sample};
pub use error::{Error, MirrorFailure, ReadError, UnreadableImage};
pub use progress::{Progress, Silent, Unit, task};
pub use split::{Split, grouped_folds, grouped_split, stratified_split};
pub use walk::LeftOut;
